"""What the images of a sample have in common: its static background, and how large its particles look."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.images.background import image_background, static_background
from tui_cytpix.core.images.normalise import normalise
from tui_cytpix.core.images.scale import typical_diameter
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.image_decode import Gray
from tui_cytpix.formats.sample.reader import SampleReader

BACKGROUND_IMAGES = 200
MIN_BACKGROUND_IMAGES = 20
SIZE_IMAGES = 24


def sample_background(reader: SampleReader) -> NDArray[np.float32] | None:
    """The static background: as the instrument measured it, else from up to 200 images, evenly spread; None where fewer
    than 20 of one size can be read.
    """
    measured = reader.measured_background()
    if measured is not None:
        return measured
    images: list[Gray] = []
    for image in _spread(reader.event_ids, reader.read_image, BACKGROUND_IMAGES):
        if images and image.shape != images[0].shape:
            return None
        images.append(image)
    return static_background(np.stack(images)) if len(images) >= MIN_BACKGROUND_IMAGES else None


def typical_px(events: Sequence[str], read: Callable[[str], Gray]) -> float | None:
    """How large a sample's particles look, px, from up to 24 images, evenly spread; None where nothing stands out."""
    images = _spread(events, read, SIZE_IMAGES)
    return typical_diameter(normalise(image, image_background(image)) for image in images)


def _spread(events: Sequence[str], read: Callable[[str], Gray], most: int) -> Iterator[Gray]:
    """Up to `most` images, evenly spread, those of them that can be read."""
    for event in events[:: max(1, len(events) // most)][:most]:
        with contextlib.suppress(SampleError):
            yield read(event)
