"""A look at some of a sample's images: their shape, their bits, and whether they can be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.image_decode import decode_gray, image_header
from tui_cytpix.formats.sample.parts import ImageStore

HEADERS_PROBED = 64
IMAGES_PROBED = 16
BIT_DEPTHS = (8, 10, 12, 16)


@dataclass(frozen=True)
class ImageProbe:
    """What the images looked at have in common.

    `shape` is (height, width), None where sizes differ or nothing could be read; `bit_depth` the fewest of 8, 10, 12,
    16 that hold every value seen; `problems` are sentences.
    """

    shape: tuple[int, int] | None
    bit_depth: int
    problems: tuple[str, ...]


def probe_images(images: ImageStore) -> ImageProbe:
    """Reads headers of up to 64 and pixels of up to 16 images, evenly spread: shape, bits, and what is damaged."""
    headers: list[tuple[int, int, int]] = []
    bad: dict[str, str] = {}
    looked = _spread(images.events, HEADERS_PROBED)
    for event in looked:
        try:
            headers.append(image_header(images.read(event), images.label(event)))
        except SampleError as error:
            bad[event] = error.detail
    depths = [8]
    for event in _spread(looked, IMAGES_PROBED):
        try:
            highest = int(decode_gray(images.read(event), images.label(event)).max())
        except SampleError as error:
            bad[event] = error.detail
            continue
        depths.append(next(bits for bits in BIT_DEPTHS if highest < 1 << bits))
    shapes = {header[:2] for header in headers}
    problems = []
    if bad:
        first = next(iter(bad.values()))
        problems.append(f"Of {len(looked)} images looked at, {len(bad)} can't be read: {first}")
    if any(pages > 1 for *_, pages in headers):
        problems.append("Some image files have several pages; the first page of each is read.")
    return ImageProbe(shapes.pop() if len(shapes) == 1 else None, max(depths), tuple(problems))


def _spread(events: Sequence[str], most: int) -> Sequence[str]:
    """Up to `most` events at even distances, the first and the last among them."""
    if len(events) <= most:
        return events
    return [events[round(k * (len(events) - 1) / (most - 1))] for k in range(most)]
