"""Bins written here as the layout says, so that the reader's own code doesn't judge it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

NEW, OLD = "D20260102T030405_IFCB999", "IFCB9_2006_123_040506"


class Bins:
    """Writes bins into one folder. An image is None for a line without one, or a uint8 array (H, W)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def image(self, seed: int, height: int, width: int) -> NDArray[np.uint8]:
        return np.random.default_rng(seed).integers(100, 220, (height, width)).astype(np.uint8)

    def new(self, images: Sequence[NDArray[np.uint8] | None], run=60.0, inhibit=0.1, header="", columns=24) -> Path:
        """Each line is a trigger; run and inhibit time grow by the same for each."""
        lines, start = [], 0
        for number, image in enumerate(images, 1):
            height, width = (0, 0) if image is None else image.shape
            values = [number, number * 1.5, *(0.01 * k for k in range(1, 9)), -999, number * 1.5, number * 1.5 + 0.05]
            values += [40, 50, width, height, start, -999, 0, 0, 0, run * number, inhibit * number, 7, 8]
            lines.append(",".join(f"{v:g}" if isinstance(v, int) else f"{v:.6f}" for v in values[:columns]))
            start += height * width
        return self.write(NEW, "\n".join(lines) + "\n", b"".join(i.tobytes() for i in images if i is not None), header)

    def old(self, lines: Sequence[tuple[int, float, float, NDArray[np.uint8] | None]]) -> Path:
        """Each line is (trigger, trigger open time, frame grab time, image)."""
        written, start = [], 1
        for trigger, opened, grabbed, image in lines:
            height, width = (0, 0) if image is None else image.shape
            place = (-11, -11) if image is None else (20, 30)
            values = [trigger, grabbed, 0.1, 0.2, 0.3, 0.4, 0.5, opened, grabbed, *place, width, height, start, -0.25]
            written.append(",".join(map(str, values)) + ",")
            start += height * width
        pixels = b"".join(line[3].tobytes() for line in lines if line[3] is not None)
        return self.write(OLD, "\r\n".join(written) + "\r\n", b"\0" + pixels + b"\0", '"Imaging FlowCytobot"\r\n')

    def write(self, name: str, adc: str, roi: bytes, hdr: str) -> Path:
        (self.folder / f"{name}.roi").write_bytes(roi)
        (self.folder / f"{name}.hdr").write_text(hdr)
        path = self.folder / f"{name}.adc"
        path.write_bytes(adc.encode())
        return path
