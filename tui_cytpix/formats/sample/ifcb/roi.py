"""The images of a bin: the bytes of its `.roi`, 8-bit gray, row by row, one image after another, as its lines say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.sample import Loss
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.limits import MAX_PIXELS
from tui_cytpix.formats.bytes.names import counted
from tui_cytpix.formats.bytes.source import FileBytes
from tui_cytpix.formats.sample.ifcb.lines import Lines

_SPARE = 2  # bytes at the end that tell nothing: an empty old bin has so many


class Roi:
    """Attributes:
    imaged: which lines have an image, bool (N,).
    events: the numbers of these lines.
    problems: sentences about images that can't be where the lines say.
    """

    def __init__(self, lines: Lines, source: FileBytes) -> None:
        boxes = lines.boxes()
        self._source = source
        self.imaged: NDArray[np.bool_] = (boxes[:, 2] > 0) & (boxes[:, 3] > 0)
        self.events: tuple[str, ...] = tuple(map(str, lines.numbers[self.imaged].tolist()))
        # (width, height, first byte) of each, as Python's numbers, which don't overflow
        self._places: list[tuple[int, int, int]] = [tuple(box) for box in boxes[self.imaged, 2:].tolist()]
        self.problems: tuple[str, ...] = (*self._misplaced(lines.generation.lead), *self._further_ones(lines))

    def pixels(self, place: int) -> NDArray[np.uint8]:
        """The image at a place in `events`, (H, W).

        Raises:
            SampleError: it is too large, or the file ends before it.
        """
        width, height, start = self._places[place]
        if width * height > MAX_PIXELS:
            raise self._bad(place, f"{width} x {height} pixels are more than the {MAX_PIXELS:,} that are read")
        content = self._source.read_at(start, width * height)
        if len(content) < width * height:
            raise self._bad(place, "the .roi ends before it does")
        return np.frombuffer(content, np.uint8).reshape(height, width)

    def size(self, place: int) -> int:
        """Bytes of the image at a place in `events`."""
        width, height, _ = self._places[place]
        return width * height

    def _bad(self, place: int, why: str) -> SampleError:
        where = f"{printable(self._source.path)}, image {self.events[place]}"
        return SampleError("The image can't be read", f"{where}: {why}.", "Other images may still be read.")

    def _misplaced(self, start: int) -> tuple[str, ...]:
        """Whether images follow one another from the first byte to the last, as an IFCB writes them."""
        outside, apart = [], []
        for event, (width, height, first) in zip(self.events, self._places, strict=True):
            if first + width * height > self._source.size:
                outside.append(event)
            elif first != start:
                apart.append(event)
            start = first + width * height
        rest = self._source.size - start
        lost = [
            *counted(outside, "image ends behind the end of the .roi", "images end behind the end of the .roi"),
            *counted(
                apart,
                "image doesn't follow the one before it in the .roi",
                "images don't follow those before them in the .roi",
            ),
        ]
        if rest > _SPARE:
            told = f"{rest:,} bytes at the end are no image's in the .roi"
            lost.append(f"{told}: lines of the .adc may be missing, and their volume.")
        if lost:
            lost.append("Does the .roi belong to the .adc? If not, all images are wrong: copy the bin's files again.")
        return tuple(map(Loss, lost))

    def _further_ones(self, lines: Lines) -> tuple[str, ...]:
        triggers = lines.column("Trigger")[self.imaged]
        further = [self.events[k] for k in np.flatnonzero(np.diff(triggers, prepend=np.nan) == 0)]
        return counted(
            further,
            "image is the second of its trigger: one cell may be in both, and counts twice",
            "images are the second or third of their triggers: one cell may be in both, and counts twice",
        )
