"""A bar of a round length in the lower left corner of an enlarged image, in characters."""

from __future__ import annotations

from rich.style import Style

from tui_cytpix.ui.graphics.text_cells import style
from tui_cytpix.ui.widgets.pictures.picture import Palette

LENGTHS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
MOST = 0.4  # of the picture's width
LEAST = 3  # cells
Cell = tuple[int, int]


def scale_bar(
    size: tuple[int, int], px_per_cell: float, um_per_px: float | None, palette: Palette
) -> dict[Cell, tuple[str, Style]]:
    """Its characters by (row, column) of a picture of `size` cells; `px_per_cell` pixels of the image lie side by side
    in one. In px where the scale is unknown; empty where no round length fits.
    """
    rows, columns = size
    per_cell, unit = (px_per_cell, "px") if um_per_px is None else (px_per_cell * um_per_px, "µm")
    fitting = [length for length in LENGTHS if LEAST <= round(length / per_cell) <= MOST * columns]
    if not fitting:
        return {}
    cells = round(fitting[-1] / per_cell)
    text = f"├{'─' * (cells - 2)}┤ {fitting[-1]} {unit} "
    look = style(palette.text, palette.background)
    return {(rows - 1, at): (character, look) for at, character in enumerate(text[:columns])}
