"""A small canvas of braille dots: 2 x 4 dots a cell, one layer a series."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DOTS_X, DOTS_Y = 2, 4
_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint16)
_FIRST = 0x2800


def layer(columns: int, rows: int) -> NDArray[np.bool_]:
    """An empty layer of `columns` x `rows` cells: bool, (4 rows, 2 columns) dots, row 0 on top."""
    return np.zeros((rows * DOTS_Y, columns * DOTS_X), bool)


def polyline(dots: NDArray[np.bool_], xs: NDArray[np.float64], ys: NDArray[np.float64], thick: bool = False) -> None:
    """Joins the points (in dots, fractions allowed) by straight lines; `thick` draws two dots high."""
    height, width = dots.shape
    if not len(xs):
        return
    steps = int(max(np.abs(np.diff(xs)).max(initial=0), np.abs(np.diff(ys)).max(initial=0))) + 1
    known = np.arange(len(xs))
    along = np.linspace(0, len(xs) - 1, (len(xs) - 1) * steps + 1)
    x = np.clip(np.rint(np.interp(along, known, xs)), 0, width - 1).astype(int)
    y = np.clip(np.rint(np.interp(along, known, ys)), 0, height - 1).astype(int)
    dots[y, x] = True
    if thick:
        dots[np.minimum(y + 1, height - 1), x] = True


def characters(dots: NDArray[np.bool_]) -> list[str]:
    """The layer's rows as text; a cell without dots is a space."""
    rows, columns = dots.shape[0] // DOTS_Y, dots.shape[1] // DOTS_X
    cells = dots.reshape(rows, DOTS_Y, columns, DOTS_X)
    codes = (cells * _BITS[None, :, None, :]).sum(axis=(1, 3))
    return ["".join(chr(_FIRST + int(code)) if code else " " for code in row) for row in codes]
