"""Which cells of pictures an update of the screen writes.

Textual knows pictures in pixels as cells of one private character. Whatever it puts over a picture, scrolls or clips is
right by itself: where an update still writes that character, and nowhere else, the picture is drawn afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from rich.cells import cell_len
from textual.strip import Strip

from tui_cytpix.ui.textual_private import ChopsUpdate, CompositorUpdate, LayoutUpdate

PLACE = "\uf8ff"  # one cell of a picture
_PLACES = re.compile(f"{PLACE}+")


class Run(NamedTuple):
    """Cells of pictures side by side, on the screen."""

    y: int
    x: int
    width: int


def runs(update: CompositorUpdate) -> Iterator[Run]:
    for y, x, strip in _written(update):
        at = x
        for text, _style, _control in strip:
            if PLACE in text:
                for found in _PLACES.finditer(text):
                    yield Run(y, at + cell_len(text[: found.start()]), found.end() - found.start())
            at += cell_len(text)


def _written(update: CompositorUpdate) -> Iterator[tuple[int, int, Strip]]:
    if isinstance(update, LayoutUpdate):
        for y, line in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in line:
                yield y, x, strip
                x += strip.cell_length
    elif isinstance(update, ChopsUpdate):
        for y, start, stop in update.spans:
            for end, (x, chop) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                # As Textual writes them: from the chop's own left edge, cut on the right.
                if chop is not None and x <= stop and end > start:
                    yield y, x, chop.crop(0, min(end, stop) - x)
