"""Image-derived parameters of an image, of its objects and of its particles; `FEATURES` defines each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.feature_table import FEATURES, IMAGE, OBJECT, PARTICLE, Feature, names
from tui_cytpix.core.intensity import NORMALIZED_STEPS, intensity
from tui_cytpix.core.regions import Box, bounding_box, label_objects, touches_border
from tui_cytpix.core.shape import gyration_radius, shape
from tui_cytpix.core.texture import cooccurrence, gray_levels
from tui_cytpix.core.watershed import object_of, particle_labels

__all__ = ["FEATURES", "Feature", "image_features", "names", "object_features", "particle_features"]

_INTENSITY_NAMES = ("Max", "Min", "Total", "Average", "StandardDeviation", "CV", "Skewness", "Kurtosis", "Entropy")
_NAN = math.nan


@dataclass(frozen=True)
class _Crop:
    """The part of an image that holds all foreground: everything is calculated on it."""

    box: Box
    gray: NDArray[np.generic]
    difference: NDArray[np.float64]  # gray - background
    ratio: NDArray[np.float64]  # gray / background
    levels: NDArray[np.intp]
    mask: NDArray[np.bool_]
    um_per_px: float  # NaN where unknown


def _crop(
    gray: NDArray[np.generic], mask: NDArray[np.bool_], background: NDArray[np.float32], um_per_px: float | None
) -> _Crop | None:
    box = bounding_box(mask)
    if box is None:
        return None
    values = gray[box.slices].astype(np.float64)
    below = background[box.slices].astype(np.float64)
    ratio = values / np.maximum(below, 1.0)
    scale = _NAN if um_per_px is None else float(um_per_px)
    return _Crop(box, gray[box.slices], values - below, ratio, gray_levels(ratio), mask[box.slices], scale)


def _pixels(crop: _Crop, region: NDArray[np.bool_]) -> dict[str, float]:
    """Features over a region's pixels: intensities, number, texture."""
    raw, ratio = crop.gray[region], crop.ratio[region]
    found: dict[str, float] = {}
    for prefix, statistics in (
        ("", intensity(raw, raw.astype(np.int64))),
        ("Normalized", intensity(ratio, (ratio * NORMALIZED_STEPS).astype(np.int64))),
    ):
        found.update({f"{prefix}{n}Intensity": v for n, v in zip(_INTENSITY_NAMES, statistics, strict=True)})
    texture = cooccurrence(crop.levels, region)
    return found | {
        "NumPixels": float(len(raw)),
        "AreaSquareMicrons": len(raw) * crop.um_per_px**2,
        "MaximumCoOccurrence": texture.maximum,
        "ContrastCoOccurrence": texture.contrast,
        "EntropyCoOccurrence": texture.entropy,
        "AngularSecondMomentCoOccurrence": texture.angular_second_moment,
    }


def _shape(crop: _Crop, region: NDArray[np.bool_]) -> dict[str, float]:
    found, scale = shape(region), crop.um_per_px
    return {
        "PerimeterMicrons": found.perimeter * scale,
        "MajorDiameterMicrons": found.major * scale,
        "MinorDiameterMicrons": found.minor * scale,
        "MinorMajorRatioPercent": 100 * found.minor / found.major,
        "EccentricityPercent": 100 * found.eccentricity,
        "CircularityPercent": 100 * found.circularity,
        "PseudoDiameterMicrons": found.pseudo_diameter * scale,
        "GyrationRadiusWeighted": gyration_radius(np.where(region, np.abs(crop.difference), 0.0)),
    }


def image_features(
    gray: NDArray[np.generic],
    mask: NDArray[np.bool_],
    centroids: NDArray[np.floating[Any]],
    um_per_px: float | None,
    background: NDArray[np.float32],
    confidence: float = math.nan,
) -> dict[str, float]:
    """One row of the event table.

    Args:
        gray: (H, W), uint8 or uint16, as recorded.
        mask: bool (H, W), foreground.
        centroids: (K, 2), (y, x) px.
        um_per_px: micrometres per pixel; None where unknown, micron fields are then NaN.
        background: float32 (H, W), gray units.
        confidence: ConfidenceScore.

    Returns:
        A value for every name of `names("image")`, in that order. Without an object, counts, NumPixels and area are
        0 and the rest is NaN.
    """
    crop = _crop(gray, mask, background, um_per_px)
    found: dict[str, float] = {"NumPixels": 0.0, "AreaSquareMicrons": 0 * (um_per_px or _NAN)}
    objects, count, owned = np.zeros((1, 1), np.int32), 0, np.zeros(1, np.int64)
    if crop is not None:
        objects, count = label_objects(crop.mask)
        owned = _clump_indices(crop, objects, count, centroids)
        sizes = np.bincount(objects.ravel(), minlength=count + 1)
        largest = crop.mask if count == 1 else objects == int(np.argmax(sizes[1:])) + 1
        found |= _pixels(crop, crop.mask) | _shape(crop, largest)
    found |= {
        "ParticleCount": float(len(centroids)),
        "ObjectCount": float(count),
        "ClumpIndexMax": float(owned.max()),
        "IsOnBorder": float(touches_border(mask)),
        "IsProcessable": float(bool((gray != gray.flat[0]).any())),
        "IsProcessed": 1.0,
        "ConfidenceScore": float(confidence),
    }
    return {name: found.get(name, _NAN) for name in names(IMAGE)}


def _clump_indices(
    crop: _Crop, objects: NDArray[np.int32], count: int, centroids: NDArray[np.floating[Any]]
) -> NDArray[np.int64]:
    owners = object_of(objects, np.asarray(centroids, np.float64).reshape(-1, 2) - (crop.box.y0, crop.box.x0))
    owned = np.bincount(owners, minlength=count + 1)
    owned[0] = 0
    return owned


def object_features(
    gray: NDArray[np.generic],
    mask: NDArray[np.bool_],
    centroids: NDArray[np.floating[Any]],
    um_per_px: float | None,
    background: NDArray[np.float32],
) -> list[dict[str, float]]:
    """One row per object, in the order of `regions.label_objects`; arguments as for `image_features`."""
    crop = _crop(gray, mask, background, um_per_px)
    if crop is None:
        return []
    objects, count = label_objects(crop.mask)
    owned = _clump_indices(crop, objects, count, centroids)
    rows = []
    for label in range(1, count + 1):
        region = objects == label
        ys, xs = np.nonzero(region)
        found = _region(crop, region, gray.shape)
        found |= {
            "ObjectIndex": float(label),
            "ClumpIndex": float(owned[label]),
            "CentroidYPixels": float(ys.mean()) + crop.box.y0,
            "CentroidXPixels": float(xs.mean()) + crop.box.x0,
        }
        rows.append({name: found[name] for name in names(OBJECT)})
    return rows


def particle_features(
    gray: NDArray[np.generic],
    mask: NDArray[np.bool_],
    centroids: NDArray[np.floating[Any]],
    um_per_px: float | None,
    background: NDArray[np.float32],
) -> list[dict[str, float]]:
    """One row per centroid, in order; arguments as for `image_features`.

    Particles are the objects divided among their centroids (`watershed.particle_labels`). A centroid without a
    particle has NumPixels 0, ObjectIndex 0 and NaN for the rest.
    """
    crop = _crop(gray, mask, background, um_per_px)
    rows: list[dict[str, float]] = []
    if crop is None:
        return [_bare(k, y, x) for k, (y, x) in enumerate(np.asarray(centroids, np.float64).tolist())]
    local = np.asarray(centroids, np.float64).reshape(-1, 2) - (crop.box.y0, crop.box.x0)
    particles = particle_labels(crop.mask, local)
    objects, count = label_objects(crop.mask)
    owners = object_of(objects, local)
    owned = np.bincount(owners, minlength=count + 1)
    for k, (y, x) in enumerate(local.tolist()):
        row = _bare(k, y + crop.box.y0, x + crop.box.x0)
        region = particles == k + 1
        ys, xs = np.nonzero(region)
        if len(ys):
            row |= _region(crop, region, gray.shape)
            row["ObjectIndex"], row["ClumpIndex"] = float(owners[k]), float(owned[owners[k]])
            row["CentroidOffsetPixels"] = math.hypot(ys.mean() - y, xs.mean() - x)
        rows.append({name: row[name] for name in names(PARTICLE)})
    return rows


def _bare(index: int, y: float, x: float) -> dict[str, float]:
    row = dict.fromkeys(names(PARTICLE), _NAN)
    own = {"ParticleIndex": index + 1.0, "ObjectIndex": 0.0, "NumPixels": 0.0}
    return row | own | {"CentroidYPixels": y, "CentroidXPixels": x}


def _region(crop: _Crop, region: NDArray[np.bool_], frame: tuple[int, ...]) -> dict[str, float]:
    """All features of one object or particle but its place and clump."""
    box = bounding_box(region)
    assert box is not None
    small = _Crop(
        box,
        crop.gray[box.slices],
        crop.difference[box.slices],
        crop.ratio[box.slices],
        crop.levels[box.slices],
        region[box.slices],
        crop.um_per_px,
    )
    y0, x0 = box.y0 + crop.box.y0, box.x0 + crop.box.x0
    y1, x1 = box.y1 + crop.box.y0, box.x1 + crop.box.x0
    border = y0 == 0 or x0 == 0 or y1 == frame[0] or x1 == frame[1]
    return _pixels(small, small.mask) | _shape(small, small.mask) | {"IsOnBorder": float(border)}
