"""Small `.cif` files written here pixel by pixel, so that the reader's own code doesn't judge it."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

XML = (
    "<x><ChannelInUseIndicators_0_11>{} </ChannelInUseIndicators_0_11><BfLedIndicators_0_11>{} </BfLedIndicators_0_11>"
    "<Magnification>{}</Magnification><CameraPixelSize>0.5</CameraPixelSize></x>"
)
SIX = "1 1 1 1 1 1 0 0 0 0 0 0"
FIFTH = "0 0 0 0 1 0 0 0 0 0 0 0"


def encode_image(pixels: NDArray[np.uint16]) -> bytes:
    """Compression 30817, one number at a time."""
    halves: list[int] = []
    for y, row in enumerate(pixels.astype(int).tolist()):
        for x, value in enumerate(row):
            above, left = (int(pixels[y - 1, x]) if y else 0), (row[x - 1] if x else 0)
            corner = int(pixels[y - 1, x - 1]) if x and y else 0
            difference = value - left - above + corner
            pieces = 1
            while not -(1 << (3 * pieces - 1)) <= difference < 1 << (3 * pieces - 1):
                pieces += 1
            halves += [difference >> 3 * k & 7 | (8 if k < pieces - 1 else 0) for k in range(pieces)]
    if len(halves) % 2:
        halves.append(0)
    return bytes(low | high << 4 for low, high in zip(halves[::2], halves[1::2], strict=True))


def encode_mask(pixels: NDArray[np.bool_]) -> bytes:
    """Compression 30818: value, repeats."""
    runs: list[list[int]] = []
    for value in pixels.ravel().tolist():
        if runs and runs[-1][0] == value and runs[-1][1] < 255:
            runs[-1][1] += 1
        else:
            runs.append([int(value), 0])
    return bytes(number for run in runs for number in run)


class Cifs:
    """Writes `.cif` files into one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def picture(self, seed: int, height: int, width: int, channels: int = 6) -> NDArray[np.uint16]:
        """All channels of an object; steps between grays are of any size."""
        rng = np.random.default_rng(seed)
        return rng.integers(0, 1 << rng.integers(6, 16), (height, channels * width)).astype(np.uint16)

    def mask(self, seed: int, height: int, width: int, channels: int = 6) -> NDArray[np.bool_]:
        return np.random.default_rng(seed).random((height, channels * width)) < 0.4

    def write(
        self,
        objects: Sequence[tuple[int | None, NDArray[np.uint16], NDArray[np.bool_] | None]],
        xml: str = XML.format(SIX, FIFTH, 40),
        name: str = "cells.cif",
    ) -> Path:
        pages: list[tuple[dict[int, tuple[int, int | bytes]], bytes]] = [({33027: (2, xml.encode() + b"\0")}, b"\0")]
        for number, picture, mask in objects:
            own = {} if number is None else {33003: (4, number)}
            pages.append((own | self.tags(picture, 16, 30817), encode_image(picture)))
            if mask is not None:
                pages.append((self.tags(mask, 8, 30818), encode_mask(mask)))
        content = bytearray(b"II*\0")
        link = len(content)
        content += bytes(4)
        for given, data in pages:
            texts: dict[int, int] = {}
            for tag, (_, value) in given.items():
                if isinstance(value, bytes):
                    texts[tag] = len(content)
                    content += value
            place = len(content)
            content += data
            struct.pack_into("<I", content, link, len(content))
            tags = {**given, 273: (4, place), 279: (4, len(data))}
            content += struct.pack("<H", len(tags))
            for tag, (kind, value) in sorted(tags.items()):
                count, number = (len(value), texts[tag]) if isinstance(value, bytes) else (1, value)
                content += struct.pack("<HHII", tag, kind, count, number)
            link = len(content)
            content += bytes(4)
        path = self.folder / name
        path.write_bytes(content)
        return path

    def tags(self, picture: NDArray[np.generic], bits: int, compression: int) -> dict[int, tuple[int, int | bytes]]:
        height, width = picture.shape
        return {256: (4, width), 257: (4, height), 258: (3, bits), 259: (3, compression)}


@pytest.fixture
def cifs(tmp_path: Path) -> Cifs:
    """Writes small `.cif` files."""
    return Cifs(tmp_path)
