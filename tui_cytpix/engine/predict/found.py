"""What was found in a part of an image, by a network or by the instrument."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.objects.regions import Box, bounding_box
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.masks.instrument import InstrumentMasks


class Found(NamedTuple):
    """What a part of an image shows; outside of it there is nothing.

    Attributes:
        box: the part.
        segmentation: of the box: its mask and labels are (h, w), its centroids count from the box's corner.
        probability: of foreground, uint8 (h, w), 255 = certain.
        drawn: the instrument's masks of the whole image, where these were asked.
        counted: whether its centroids tell particles: those of masks that mark the trigger don't.
    """

    box: Box
    segmentation: Segmentation
    probability: NDArray[np.uint8]
    drawn: InstrumentMasks | None = None
    counted: bool = True

    @classmethod
    def certain(cls, whole: Segmentation, drawn: InstrumentMasks | None = None, *, counted: bool = True) -> Found:
        """Of a segmentation of a whole image that nobody calculated."""
        box = bounding_box(whole.mask) or Box(0, 0, 1, 1)
        corner, mask = np.array([box.y0, box.x0], np.float32), whole.mask[box.slices]
        labels = None if whole.labels is None else whole.labels[box.slices]
        part = replace(whole, mask=mask, centroids=whole.centroids - corner, labels=labels)
        return cls(box, part, mask * np.uint8(255), drawn, counted)

    def in_frame(self, shape: tuple[int, ...]) -> tuple[Segmentation, NDArray[np.uint8]]:
        """Segmentation and probability of the whole image of (height, width)."""
        mask, probability = np.zeros(shape, np.bool_), np.zeros(shape, np.uint8)
        mask[self.box.slices] = self.segmentation.mask
        probability[self.box.slices] = self.probability
        corner, labels = np.array([self.box.y0, self.box.x0], np.float32), None
        if self.segmentation.labels is not None:
            labels = np.zeros(shape, np.uint16)
            labels[self.box.slices] = self.segmentation.labels
        centroids = self.segmentation.centroids + corner
        return replace(self.segmentation, mask=mask, centroids=centroids, labels=labels), probability
