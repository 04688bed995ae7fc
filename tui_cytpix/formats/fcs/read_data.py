"""Decodes the columns of an FCS file's DATA with NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.formats.fcs.read_layout import DataLayout

_PACKED_EVENTS = 1 << 16  # events unpacked at a time where widths are no whole bytes; a multiple of 8


@dataclass(frozen=True)
class FcsParameter:
    """A column of DATA.

    Attributes:
        name: `$PnN`, made unique within the file.
        label: `$PnS`, "" where absent.
        bits: `$PnB`.
        range: `$PnR`, 0 where it is no number.
        kind: `I` (unsigned integer), `F` (float32), `D` (float64).
        decades: of a logarithmic integer parameter (`$PnE`), 0 on a linear one.
        lowest: the linear value of a logarithmic parameter's channel 0 (`$PnE`).
        gain: `$PnG` of a linear parameter, 1 where it says nothing.
    """

    name: str
    label: str
    bits: int
    range: float
    kind: str
    decades: float = 0.0
    lowest: float = 1.0
    gain: float = 1.0

    @property
    def is_logarithmic(self) -> bool:
        return self.decades > 0

    def linear(self, stored: NDArray[Any]) -> NDArray[np.float64]:
        """Linear scale values of stored ones: lowest * 10^(decades * x / range), or x / gain (FCS 3.1, $PnE, $PnG)."""
        with np.errstate(over="ignore", invalid="ignore"):  # of NaNs, and of scales that make no sense
            values: NDArray[np.float64] = stored.astype(np.float64)
            if self.is_logarithmic:
                return self.lowest * 10.0 ** (values * (self.decades / self.range))
            return values if self.gain == 1 else values / self.gain


def stored_column(data: NDArray[np.uint8], layout: DataLayout, index: int) -> NDArray[Any]:
    """One column as stored, in the machine's byte order, unused bits of integers cleared.

    Args:
        data: (layout.data_bytes,) the whole DATA segment.
        layout: how events lie in it.
        index: of the parameter, from 0.

    Returns:
        (N,) float32, float64 or the smallest unsigned integers that hold the width.
    """
    kind, bits = layout.types[index], layout.bits[index]
    values = (_byte_column if layout.whole_bytes else _packed_column)(data, layout, index)
    if kind == "I" and layout.masks[index] != (1 << bits) - 1:
        values &= values.dtype.type(layout.masks[index])
    return values


def _byte_column(data: NDArray[np.uint8], layout: DataLayout, index: int) -> NDArray[Any]:
    width, start, row = layout.bits[index] // 8, layout.bit_starts[index] // 8, layout.event_bits // 8
    if layout.events == 0:
        data = np.zeros(row, np.uint8)  # a view needs a buffer to stand on
    item = 1 << (width - 1).bit_length()
    order, letter = "<" if layout.little_endian else ">", "u" if layout.types[index] == "I" else "f"
    if item == width:
        dtype = np.dtype(f"{order}{letter}{width}")
        view: NDArray[Any] = np.ndarray((layout.events,), dtype, data, offset=start, strides=(row,))
        return view.astype(dtype.newbyteorder("="))
    parts: NDArray[np.uint8] = np.ndarray((layout.events, width), np.uint8, data, offset=start, strides=(row, 1))
    padded = np.zeros((layout.events, item), np.uint8)
    padded[:, :width] = parts if layout.little_endian else parts[:, ::-1]
    return padded.view(f"<u{item}")[:, 0].astype(f"=u{item}")


def _packed_column(data: NDArray[np.uint8], layout: DataLayout, index: int) -> NDArray[Any]:
    """A column of a stream of bits without gaps; the first bit is the highest in big-endian files, else the lowest."""
    bits, start, row = layout.bits[index], layout.bit_starts[index], layout.event_bits
    item = 1 << max(0, (-(-bits // 8) - 1).bit_length())
    out = np.empty(layout.events, f"u{item}")
    order: Literal["little", "big"] = "little" if layout.little_endian else "big"
    powers = np.arange(bits) if layout.little_endian else np.arange(bits)[::-1]
    for first in range(0, layout.events, _PACKED_EVENTS):
        count = min(_PACKED_EVENTS, layout.events - first)
        piece = data[first * row // 8 : -(-(first + count) * row // 8)]
        stream = np.unpackbits(piece, count=count * row, bitorder=order)
        block = stream.reshape(count, row)[:, start : start + bits].astype(np.uint64)
        out[first : first + count] = (block << powers.astype(np.uint64)).sum(axis=1, dtype=np.uint64)
    return out
