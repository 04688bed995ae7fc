"""Instrument masks of a whole tube: made of segmentations, written as the zip that an `.acs` nests."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tui_cytpix.core.objects.particles import particles_of
from tui_cytpix.core.objects.regions import bounding_box, label_objects
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.bytes.atomic import replacing
from tui_cytpix.formats.bytes.names import file_name
from tui_cytpix.formats.masks.instrument import InstrumentMasks

BLOB_SHARE = 0.07  # of a particle's area: how large the instrument draws it
_DATE = (1980, 1, 1, 0, 0, 0)  # the same masks give the same file


@contextlib.contextmanager
def mask_archive(path: Path) -> Iterator[Callable[[str, bytes], None]]:
    """An archive that appears, whole, when the block ends without an error. Gives what adds an event's masks
    (`encode_instrument_masks`) to it, as `<event>.json`, deflated.
    """
    with replacing(path) as aside, zipfile.ZipFile(aside, "w") as archive:
        yield lambda event, masks: archive.writestr(
            zipfile.ZipInfo(file_name(event, ".json"), _DATE), masks, zipfile.ZIP_DEFLATED
        )


def instrument_masks(found: Segmentation) -> InstrumentMasks:
    """Both layers as the instrument draws them: objects, and in each particle a disc of 7 % of its area about the
    centroid (the whole particle where the centroid lies outside of it).
    """
    layers = InstrumentMasks(np.zeros(found.mask.shape, np.uint16), np.zeros(found.mask.shape, np.uint16))
    box = bounding_box(found.mask)
    if box is None:
        return layers
    mask, points = found.mask[box.slices], found.centroids - np.array([box.y0, box.x0], np.float32)
    layers.objects[box.slices] = label_objects(mask)[0]
    blobs = layers.particles[box.slices]
    known = None if found.labels is None else found.labels[box.slices]
    labels = particles_of(Segmentation(mask, points, labels=known))
    area = np.bincount(labels.ravel(), minlength=len(points) + 1)
    ys, xs = np.nonzero(labels)
    owner = labels[ys, xs].astype(np.intp)
    squares = (ys - points[owner - 1, 0]) ** 2 + (xs - points[owner - 1, 1]) ** 2
    near = squares <= np.maximum(BLOB_SHARE * area[owner] / np.pi, 1.0)
    near |= np.bincount(owner[near], minlength=len(area))[owner] == 0
    blobs[ys[near], xs[near]] = owner[near]
    return layers
