"""Pictures in block characters: the closest shape, and calm where there is nothing to see."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks._screen_png import BLOCKS
from tui_cytpix.core.images import render
from tui_cytpix.ui.graphics import text_cells
from tui_cytpix.ui.graphics.blocks import BLANK, CHARACTERS, fitted
from tui_cytpix.ui.graphics.text_cells import QUADRANT_CELL, Drawing

COLOURS = render.colours((255, 210, 63), (255, 79, 163), (55, 226, 255), (18, 22, 27))


def pixels(character: str, front: int, back: int) -> np.ndarray:
    """A cell's (4, 2) inks, by what the character fills."""
    inks = np.full((4, 2), back, np.uint8)
    for top, left, bottom, right in BLOCKS[character]:
        inks[top // 2 : bottom // 2, left // 4 : right // 4] = front
    return inks


@pytest.mark.parametrize("character", [*BLOCKS])
@pytest.mark.parametrize(("front", "back"), [(25, 3), (render.OUTLINE, 12)])
def test_a_cell_of_two_colours_is_shown_as_it_is(character: str, front: int, back: int) -> None:
    inks = pixels(character, front, back)
    shape, ahead, behind = (part[0, 0] for part in fitted(inks, COLOURS))
    shown = np.where(
        pixels(CHARACTERS[shape], 1, 0)[:, :, None] == 1 if shape != BLANK else np.zeros((4, 2, 1), bool), ahead, behind
    )
    assert np.abs(shown - COLOURS[inks].astype(int)).max() <= 4


def test_noise_is_one_colour_and_an_edge_is_not() -> None:
    noise = np.random.default_rng(3).integers(15, 17, (4, 60)).astype(np.uint8)
    drawing = Drawing(noise, COLOURS, frozenset(), QUADRANT_CELL)
    (one,) = text_cells.line(drawing, 0, 0, 30, shades=False)
    assert one.text == " " * 30
    edge = np.full((4, 60), 16, np.uint8)
    edge[:, 31:] = 28
    shown = text_cells.line(Drawing(edge, COLOURS, frozenset(), QUADRANT_CELL), 0, 0, 30, shades=False)
    assert "".join(segment.text for segment in shown) == " " * 15 + "▌" + " " * 14
    assert len(shown) == 2


def test_marks_are_characters_of_their_own() -> None:
    drawing = Drawing(np.full((4, 12), 16, np.uint8), COLOURS, frozenset({(0, 2)}), QUADRANT_CELL)
    assert [segment.text for segment in text_cells.line(drawing, 0, 0, 6, shades=False)] == ["  ", "●", "   "]
