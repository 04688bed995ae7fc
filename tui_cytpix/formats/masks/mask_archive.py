"""Instrument masks made of segmentations, and back; those of a whole tube, written as the zip that an `.acs` nests."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.objects.centroids import centres
from tui_cytpix.core.objects.particles import particles_of
from tui_cytpix.core.objects.regions import bounding_box, compact, label_objects
from tui_cytpix.core.objects.watershed import divided, object_of
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.bytes.atomic import replacing
from tui_cytpix.formats.bytes.names import file_name
from tui_cytpix.formats.masks.instrument import InstrumentMasks, encode_instrument_masks

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


def segmentation_from_masks(masks: InstrumentMasks, tells_particles: bool = True) -> Segmentation:
    """What the instrument says of an image: its objects as the mask, a centroid in the middle of each particle's blob.
    Nobody said how sure that is. Where objects touch, labels keep them apart.

    Where masks don't tell particles, each connected region gets a centroid in its middle.
    """
    mask = masks.objects > 0
    regions, count = label_objects(mask)
    if not tells_particles:
        return Segmentation(mask, centres(regions))
    points = centres(masks.particles)
    objects, drawn = compact(masks.objects)
    both = np.unique(np.stack([regions[mask], objects[mask]]), axis=1)  # (2, pairs that share pixels)
    if both.shape[1] == count:
        return Segmentation(mask, points)
    return Segmentation(mask, points, labels=divided(objects, len(drawn), object_of(objects, points), points))


def instrument_masks(found: Segmentation, drawn: InstrumentMasks | None = None) -> InstrumentMasks:
    """Both layers as the instrument draws them: objects, and in each particle a disc of 7 % of its area about the
    centroid (the whole particle where the centroid lies outside of it).

    `drawn` is what the instrument itself drew in the image: what nobody has changed of it stays, pixel by pixel.
    """
    layers = _layers_of(found)
    return layers if drawn is None else InstrumentMasks(_objects_kept(layers, drawn), _blobs_kept(layers, drawn, found))


def written_masks(found: Segmentation, drawn: InstrumentMasks | None = None) -> bytes:
    """The JSON of `instrument_masks`. Where nobody has changed anything it is the one that was read, in which masks may
    overlap.
    """
    layers = instrument_masks(found, drawn)
    if drawn is not None and drawn.source and _same(layers, drawn):
        return drawn.source
    return encode_instrument_masks(layers.objects, layers.particles)


def _same(now: InstrumentMasks, before: InstrumentMasks) -> bool:
    pairs = (now.objects, before.objects), (now.particles, before.particles)
    return all(np.array_equal(compact(one)[0], compact(other)[0]) for one, other in pairs)


def _objects_kept(layers: InstrumentMasks, drawn: InstrumentMasks) -> NDArray[np.uint16]:
    """Objects that consist of the same pixels as one or several that were drawn, which touch, are these."""
    now, before = layers.objects.astype(np.int32), drawn.objects.astype(np.int32)
    cut = np.zeros(before.max() + 1, np.bool_)  # of those drawn: a pixel of it is gone
    cut[before[now == 0]] = True
    changed = np.zeros(now.max() + 1, np.bool_)
    changed[now[(before == 0) | cut[before]]] = True
    return compact(np.where(changed[now], now, before + (before > 0) * now.max()) * (now > 0))[0].astype(np.uint16)


def _blobs_kept(layers: InstrumentMasks, drawn: InstrumentMasks, found: Segmentation) -> NDArray[np.uint16]:
    """The blob of a centroid that stands where it stood is the one that was drawn, if no part of it was erased."""
    blobs, values = compact(drawn.particles)
    places = {tuple(point): number for number, point in enumerate(centres(drawn.particles).tolist(), start=1)}
    particles = np.zeros(len(values) + 1, np.uint16)  # of each blob
    for particle, point in enumerate(found.centroids.tolist(), start=1):
        particles[places.get(tuple(point), 0)] = particle
    particles[blobs[(drawn.objects > 0) & ~found.mask]] = 0
    particles[0] = 0
    kept, redrawn = particles[blobs], np.isin(layers.particles, particles, invert=True)
    return np.where(kept > 0, kept, layers.particles * redrawn)


def _layers_of(found: Segmentation) -> InstrumentMasks:
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
