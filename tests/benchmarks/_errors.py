"""Proposals with one error each, on simulated and real images with truth.

A source is one sample: of a simulated kind one tube (another for every seed), of a real set all crops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks._cells import CELLS, Crop, load, tube
from tui_cytpix.core.editing.adjust import loosen
from tui_cytpix.core.objects.centroids import centre, centres
from tui_cytpix.core.objects.regions import depth, label_objects
from tui_cytpix.core.objects.watershed import object_of
from tui_cytpix.domain.segmentation import Segmentation

SOURCES = ("sim:pombe-edinburgh", "sim:pombe-rich", "sim:yeast", "sim:leukocytes")
REAL_SOURCES = ("pombe", "yeast", "rods", "eosinophils")
OFF_PX, LOOSE_PX, MOST_PARTICLES = 10.0, 2, 6
IMAGES = 60  # of a simulated tube


@dataclass(frozen=True, eq=False)
class Case:
    """An image, its truth, and what a model is taken to have proposed."""

    kind: str
    source: str
    image: NDArray[np.generic]
    truth: Segmentation
    proposal: Segmentation


def _objects(truth: Segmentation) -> tuple[NDArray[np.int32], NDArray[np.int32], int]:
    labels, count = label_objects(truth.mask)
    return labels, object_of(labels, truth.centroids), count


def _with_particles(truth: Segmentation, particles: int, rng: np.random.Generator) -> NDArray[np.bool_] | None:
    """An object of so many particles, none where there is none."""
    labels, owners, count = _objects(truth)
    fitting = [k for k in range(1, count + 1) if int((owners == k).sum()) == particles]
    return labels == rng.choice(fitting) if fitting else None


def _recounted(truth: Segmentation, region: NDArray[np.bool_], points: NDArray[np.float64]) -> Segmentation:
    labels, owners, _ = _objects(truth)
    others = truth.centroids[owners != labels[region][0]]
    return Segmentation(truth.mask, np.vstack([others, points]).astype(np.float32))


def as_it_is(truth: Segmentation, _rng: np.random.Generator) -> Segmentation | None:
    """Nothing to correct."""
    return truth


def singlet_as_doublet(truth: Segmentation, rng: np.random.Generator) -> Segmentation | None:
    """Two centroids along the longest axis of one particle."""
    region = _with_particles(truth, 1, rng)
    if region is None:
        return None
    pixels = np.argwhere(region)
    axis = np.linalg.eigh(np.cov(pixels.T))[1][:, -1]
    along = (pixels - pixels.mean(axis=0)) @ axis
    halves = [pixels[along > 0].mean(axis=0), pixels[along <= 0].mean(axis=0)]
    return _recounted(truth, region, np.array(halves))


def doublet_as_singlet(truth: Segmentation, rng: np.random.Generator) -> Segmentation | None:
    """One centroid in the middle of two particles."""
    region = _with_particles(truth, 2, rng)
    return None if region is None else _recounted(truth, region, np.array([centre(region)]))


def centroid_off(truth: Segmentation, rng: np.random.Generator) -> Segmentation | None:
    """One centroid 10 px away from where it belongs, within its object where that reaches so far."""
    if not len(truth.centroids):
        return None
    index = int(rng.integers(len(truth.centroids)))
    turns = np.arange(24) * np.pi / 12 + rng.uniform(0, np.pi)
    points = truth.centroids[index] + OFF_PX * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    rows = points.round().astype(int)
    size = truth.mask.shape
    fitting = [k for k, (y, x) in enumerate(rows) if 0 <= y < size[0] and 0 <= x < size[1] and truth.mask[y, x]]
    if not fitting:
        return None
    centroids = truth.centroids.copy()
    centroids[index] = points[rng.choice(fitting)]
    return Segmentation(truth.mask, centroids)


def loose(truth: Segmentation, _rng: np.random.Generator) -> Segmentation | None:
    """All outlines 2 px too far out."""
    mask = truth.mask
    for _ in range(LOOSE_PX):
        mask = loosen(mask)
    return Segmentation(mask, truth.centroids)


def missing(truth: Segmentation, rng: np.random.Generator) -> Segmentation | None:
    """A particle of its own that was not seen."""
    region = _with_particles(truth, 1, rng)
    if region is None:
        return None
    labels, owners, _ = _objects(truth)
    return Segmentation(truth.mask & ~region, truth.centroids[owners != labels[region][0]])


def debris(truth: Segmentation, rng: np.random.Generator) -> Segmentation | None:
    """A speck of background, marked as a particle."""
    radius = float(rng.uniform(2.5, 4.5))
    free = np.argwhere(depth(~truth.mask) > radius + 4)
    free = free[(free > 8).all(axis=1) & (free < np.array(truth.mask.shape) - 8).all(axis=1)]
    if not len(free):
        return None
    y, x = free[rng.integers(len(free))]
    ys, xs = np.ogrid[: truth.mask.shape[0], : truth.mask.shape[1]]
    speck = (ys - y) ** 2 + (xs - x) ** 2 <= radius**2
    return Segmentation(truth.mask | speck, np.vstack([truth.centroids, [[y, x]]]).astype(np.float32))


KINDS: dict[str, Callable[[Segmentation, np.random.Generator], Segmentation | None]] = {
    "accept": as_it_is,
    "reject": as_it_is,
    "singlet called doublet": singlet_as_doublet,
    "doublet called singlet": doublet_as_singlet,
    "centroid off by 10 px": centroid_off,
    "masks 2 px loose": loose,
    "missing particle": missing,
    "debris annotated": debris,
}


def truth_of(crop: Crop) -> Segmentation:
    """What is in a crop."""
    return Segmentation(crop.labels > 0, centres(crop.labels))


@lru_cache(maxsize=8)
def sample(source: str, seed: int) -> list[Crop]:
    """The crops of a source's sample that show one to six particles, each image once."""
    crops = tube(source.removeprefix("sim:"), seed, IMAGES) if source.startswith("sim:") else load(source)
    shown = {crop.image.tobytes(): crop for crop in crops if 1 <= crop.count <= MOST_PARTICLES}
    return list(shown.values())


def cases(number: int, seed: int) -> list[Case]:
    """So many errors, of every kind in turn, on every source in turn; real ones where the shared data is there. No
    image is taken twice: what learns from a sample's other images must not find this one among them.
    """
    rng = np.random.default_rng(seed)
    sources = [*SOURCES, *(REAL_SOURCES if CELLS.is_dir() else ())]
    unused = {source: _shuffled(sample(source, seed), rng) for source in sources}
    found: list[Case] = []
    for place in range(number):
        kind = list(KINDS)[place % len(KINDS)]
        for source in (sources[(place // len(KINDS) + k) % len(sources)] for k in range(len(sources))):
            case = _first_fit(kind, source, unused[source], rng)
            if case is not None:
                found.append(case)
                break
    return found


def _shuffled(crops: list[Crop], rng: np.random.Generator) -> list[Crop]:
    return [crops[place] for place in rng.permutation(len(crops))]


def _first_fit(kind: str, source: str, unused: list[Crop], rng: np.random.Generator) -> Case | None:
    """The error on the first image that can have it; the image is used then."""
    for place, crop in enumerate(unused):
        truth = truth_of(crop)
        proposal = KINDS[kind](truth, rng)
        if proposal is not None:
            del unused[place]
            return Case(kind, source, crop.image, truth, proposal)
    return None
