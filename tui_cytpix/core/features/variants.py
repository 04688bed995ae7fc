"""The image-derived parameters of one image by every formula that their names leave open, to find which one another
instrument uses. What is listed first is ours (core.features.table).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tui_cytpix.core.features.intensity_variants import Variant, intensity_variants
from tui_cytpix.core.features.measurement import image_features
from tui_cytpix.core.features.shape_variants import shape_variants
from tui_cytpix.core.features.texture_variants import texture_variants
from tui_cytpix.core.objects.regions import label_objects, touches_border

OURS = "ours"
NOT_OF_MASKS = ("ConfidenceScore",)  # what no mask tells: it is the model's
_ALL, _LARGEST, _WHOLE = "all objects", "largest object", "whole image"


@dataclass(frozen=True, eq=False)
class MaskedImage:
    """An image and somebody's masks of it.

    Attributes:
        gray: (H, W), uint8 or uint16, as recorded.
        objects, particles: (H, W), 0 = background, one label per mask.
        background: float32 (H, W), gray units.
        bit_depth: of the gray values.
        um_per_px: None where unknown.
    """

    gray: NDArray[np.generic]
    objects: NDArray[np.uint16]
    particles: NDArray[np.uint16]
    background: NDArray[np.float32]
    bit_depth: int
    um_per_px: float | None


def variants(image: MaskedImage) -> Iterator[Variant]:
    """Parameter, words that tell the formula, value; several of each parameter."""
    mask = image.objects > 0
    numbers = np.flatnonzero(np.bincount(image.objects.ravel())[1:]) + 1
    objects = [image.objects == number for number in numbers]
    largest = max(objects, key=np.count_nonzero, default=mask)
    middles = ndimage.center_of_mass(image.particles > 0, image.particles, _labels(image.particles))
    centroids = np.array(middles, np.float64).reshape(-1, 2)
    ours = image_features(image.gray, mask, centroids, image.um_per_px, image.background)
    yield from ((name, OURS, value) for name, value in ours.items() if name not in NOT_OF_MASKS)
    yield from _counts(image, objects, largest)
    if not objects:
        return
    singles = [list(_shape(image, one)) for one in objects]
    for place, (name, words, _) in enumerate(singles[0]):
        # An object of a few pixels has fewer: no ellipse was fitted.
        values = [one[place][2] if len(one) == len(singles[0]) else math.nan for one in singles]
        yield name, f"{words}, mean over objects", math.fsum(values) / len(values)
    of_all = [*_shape(image, mask), *_gray(image, mask)]
    of_largest = of_all if len(objects) == 1 else [*_shape(image, largest), *_gray(image, largest)]
    regions = {_ALL: of_all, _LARGEST: of_largest, _WHOLE: _gray(image, np.ones_like(mask))}
    yield from ((name, f"{words}, {where}", value) for where, found in regions.items() for name, words, value in found)


def _shape(image: MaskedImage, mask: NDArray[np.bool_]) -> Iterator[Variant]:
    um = math.nan if image.um_per_px is None else image.um_per_px
    return shape_variants(image.gray, image.background, mask, um)


def _gray(image: MaskedImage, mask: NDArray[np.bool_]) -> Iterator[Variant]:
    yield from intensity_variants(image.gray, image.background, mask, image.bit_depth)
    yield from texture_variants(image.gray, image.background, mask, image.bit_depth)


def _labels(layer: NDArray[np.uint16]) -> list[int]:
    return (np.flatnonzero(np.bincount(layer.ravel())[1:]) + 1).tolist()


def _counts(image: MaskedImage, objects: list[NDArray[np.bool_]], largest: NDArray[np.bool_]) -> Iterator[Variant]:
    mask = image.objects > 0
    inside = [len(_labels(np.where(one, image.particles, 0))) for one in objects]
    yield "ParticleCount", "particle masks", len(_labels(image.particles))
    yield "ParticleCount", "connected regions of particle masks", label_objects(image.particles > 0)[1]
    yield "ObjectCount", "object masks", len(objects)
    yield "ObjectCount", "4-connected regions", int(ndimage.label(mask)[1])
    yield "ClumpIndexMax", "most particle masks in one object mask", max(inside, default=0)
    yield "ClumpIndexMax", "particle masks for each object mask, mean", sum(inside) / max(len(inside), 1)
    yield "IsOnBorder", "any object", touches_border(mask)
    yield "IsOnBorder", "largest object", touches_border(largest)
    yield "IsOnBorder", "any object, within 1 px", touches_border(mask[1:-1, 1:-1]) or touches_border(mask)
    yield "IsProcessable", "there is an object", bool(objects)
    yield "IsProcessable", "an object, none on the border", bool(objects) and not touches_border(mask)
    yield "IsProcessable", "exactly one object", len(objects) == 1
