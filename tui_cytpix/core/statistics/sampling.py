"""Which images to preview: most at random, the rest as different in morphology as possible; no network needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist

from tui_cytpix.core.images.normalise import normalise
from tui_cytpix.core.objects.regions import SQUARE, Box, as_uint8, ellipses, fill_holes, touches_border

DESCRIPTORS = (
    "foreground",  # root of the share of the frame
    "regions",  # log2(1 + number)
    "area",  # log2 px of the largest region, the next three too
    "elongation",  # minor / major axis
    "solidity",  # area / convex hull's
    "second_region",  # root of its share of the largest
    "mean",  # normalised gray over all regions
    "deviation",
    "dark",  # share of it below background
    "rim",  # mean normalised gray along the largest region's outline
    "sharpness",  # fine over coarse detail in the largest region: focus
    "border",  # 1 where a region is cut
)
_IN_WORDS = {
    "foreground": "foreground",
    "regions": "objects",
    "area": "area",
    "elongation": "roundness",
    "solidity": "solidity",
    "second_region": "second object",
    "mean": "brightness",
    "deviation": "contrast",
    "dark": "darkness",
    "rim": "bright rim",
    "sharpness": "sharpness",
    "border": "cut by the border",
}
DESCRIPTORS_VERSION = 1  # to be raised where they come out otherwise: runs keep what was found
_THRESHOLD = 0.3  # of the image's contrast
_MIN_AREA = 25  # px
_BLUR = 1.5  # px
_LARGE_FRAME = 160  # px: from here on regions are sought at half resolution
_LIMIT = 3.0  # robust standard deviations: blank frames and freaks don't take every place of the variable part
_MAD_TO_SIGMA = 1.4826
_NEAR = 0.6  # of the median distance between two images
_SOME = 400  # images that tell it
# Of each descriptor within a tube of one kind of cells: the median of the robust standard deviations in six simulated
# tubes (fission and budding yeast, peritoneal, insect and blood cells, beads); where that is 0, by convention 0.3.
_USUAL_SPREAD = (0.05, 0.3, 1.06, 0.11, 0.04, 0.3, 0.12, 0.1, 0.09, 0.1, 0.1, 0.3)
_ALIKE = 3.4  # of these: 0.6 of the median distance between two images of such a tube


def descriptors(image: NDArray[np.generic], background: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cheap morphology of an image, independent of gray level and gain.

    Regions are where |normalised image|, blurred by 1.5 px, exceeds 0.3, with holes filled, from 25 px on.

    Args:
        image: (H, W), any real dtype.
        background: float32 (H, W), gray units.

    Returns:
        float32 (len(DESCRIPTORS),); zeros where no region is found.
    """
    normal = normalise(image, background)
    found = np.zeros(len(DESCRIPTORS), np.float32)
    shrink = 2 if min(image.shape) >= _LARGE_FRAME else 1
    small = normal if shrink == 1 else cv2.resize(normal, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    size = cv2.GaussianBlur(np.abs(small), (0, 0), _BLUR / shrink)
    mask = fill_holes(size > _THRESHOLD)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(as_uint8(mask), connectivity=8, ltype=cv2.CV_32S)
    areas = np.asarray(stats[:, cv2.CC_STAT_AREA], np.float64) * shrink**2
    areas[0] = 0
    large = areas >= _MIN_AREA
    if not large.any():
        return found
    first = int(np.argmax(areas))
    x, y, width, height = (int(v) for v in stats[first, :4])
    region = labels[y : y + height, x : x + width] == first
    ellipse = ellipses(as_uint8(region), 1)[0]
    inner = cv2.erode(as_uint8(np.pad(region, 1)), SQUARE)[1:-1, 1:-1].view(np.bool_)
    outline = region & ~inner
    kept = mask & large[labels]
    gray = small[kept]
    whole = Box(y * shrink, x * shrink, (y + height) * shrink, (x + width) * shrink).grown(6, image.shape)
    found[:] = (
        math.sqrt(kept.mean()),
        math.log2(1 + large.sum()),
        math.log2(areas[first]),
        ellipse.minor / ellipse.major,
        min(1.0, ellipse.area / _hull_area(outline)),
        math.sqrt(np.partition(areas, -2)[-2] / areas[first]),
        gray.mean(),
        gray.std(),
        (gray < 0).mean(),
        small[y : y + height, x : x + width][outline].mean(),
        _sharpness(normal[whole.slices]),
        touches_border(kept),
    )
    return found


def _sharpness(normal: NDArray[np.float32]) -> float:
    """Root of the energy of detail finer than 1 px over that of detail finer than 3 px (Gaussian); 0 for a flat
    image.
    """
    fine = normal - cv2.GaussianBlur(normal, (0, 0), 1.0)
    coarse = normal - cv2.GaussianBlur(normal, (0, 0), 3.0)
    below = float((coarse * coarse).sum())
    return math.sqrt(float((fine * fine).sum()) / below) if below > 0 else 0.0


def _hull_area(outline: NDArray[np.bool_]) -> float:
    """Area of the convex hull of a region, given its outermost pixels, each a unit square."""
    ys, xs = np.nonzero(outline)
    corners = np.concatenate([np.stack([xs + dx, ys + dy], axis=1) for dx in (0, 1) for dy in (0, 1)])
    return float(cv2.contourArea(cv2.convexHull(corners.astype(np.int32))))


def standardised(
    descriptors: NDArray[np.floating[Any]], like: NDArray[np.floating[Any]] | None = None
) -> NDArray[np.float64]:
    """Columns about their median in robust standard deviations, cut at +-3; (N, D), 0 for constant columns. `like`
    (M, D), M > 0: about its median, in its deviations.
    """
    values = np.asarray(descriptors, np.float64)
    reference = values if like is None else np.asarray(like, np.float64)
    if len(values) == 0:
        return values
    middle = np.median(reference, axis=0)
    spread = _MAD_TO_SIGMA * np.median(np.abs(reference - middle), axis=0)
    spread = np.where(spread > 0, spread, reference.std(axis=0))
    return np.asarray(np.clip((values - middle) / np.where(spread > 0, spread, 1.0), -_LIMIT, _LIMIT))


def near_selected(
    population: NDArray[np.floating[Any]], chosen: NDArray[np.integer[Any]], others: NDArray[np.floating[Any]]
) -> NDArray[np.bool_]:
    """Which of other images have a selected one nearby: not farther in standardised descriptors than 0.6 of the median
    distance between two images of the population.

    The factor is a convention. In simulated fission yeast a selection is near to most images of further tubes of its
    culture, to fewer of another culture's or of budding yeast's, and to hardly any of other cells'.

    Args:
        population: (N, D) that was selected from; its first 400 rows tell the median distance.
        chosen: rows of the selected images, (K,).
        others: (M, D).

    Returns:
        bool (M,).
    """
    if not len(chosen) or not len(others):
        return np.zeros(len(others), bool)
    points, candidates = standardised(others, population), standardised(population, population)
    radius = _NEAR * float(np.median(pdist(candidates[:_SOME]))) if len(candidates) > 1 else 0.0
    nearest, _ = cKDTree(candidates[chosen]).query(points)
    return np.asarray(nearest <= radius)


def shares_alike(
    descriptors: NDArray[np.floating[Any]], sizes: Sequence[int], seed: int, variable_share: float
) -> dict[int, float]:
    """How much of a population's variety selections of several sizes hold: each is chosen (`select`) from two thirds of
    the images; its share is that of the other third, drawn at random, which has a selected image alike.

    Alike are images not farther apart than two of a usual tube with one kind of cells are, so the same number reaches
    less far in a heterogeneous population. In simulated tubes of one kind fifty images reach 60 to 95 % of the others,
    two hundred 85 to 98 %; in one with five kinds 45 % and 80 %.

    Args:
        descriptors: (N, D) of `descriptors`, without NaN.
        sizes: those for which the images don't suffice are left out.

    Returns:
        By size, 0..1.
    """
    order = np.random.default_rng(seed).permutation(len(descriptors))
    others, population = np.split(np.asarray(descriptors)[order], [len(descriptors) // 3])
    found = {}
    for size in (n for n in sizes if n <= len(population) and len(others)):
        chosen = np.concatenate(select(population, size, seed, variable_share))
        distance, _ = cKDTree(population[chosen] / _USUAL_SPREAD).query(others / _USUAL_SPREAD)
        found[size] = float((distance <= _ALIKE).mean())
    return found


def evenly(held: Sequence[int], wanted: int) -> list[int]:
    """How many of so many images to take from each of several samples: as many from each as far as they hold so many,
    and no more than half of a sample while others have more.
    """
    taken = [0] * len(held)
    for most in ([-(-number // 2) for number in held], held):
        while sum(taken) < wanted and (free := [place for place, number in enumerate(most) if taken[place] < number]):
            taken[min(free, key=taken.__getitem__)] += 1
    return taken


def select(
    descriptors: NDArray[np.floating[Any]],
    n: int,
    seed: int,
    variable_share: float,
    samples: Sequence[str] = (),
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Chooses n images, some at random and then some for their variable morphology: one by one, the image that is
    farthest from all chosen ones (k-centre greedy, Gonzalez 1985) in standardised descriptors. Deterministic for one
    input and seed.

    Args:
        descriptors: (N, D); a row with NaN (an unreadable image) is never chosen.
        n: how many; all are taken where fewer exist.
        seed: of the random part.
        variable_share: of n, rounded.
        samples: which each image is of: as many of each are drawn at random (see `evenly`).

    Returns:
        Row numbers of the random and of the variable images, each in the order of choice, disjoint.

    Raises:
        ValueError: n is negative, or the share is not in 0..1.
    """
    if n < 0 or not 0 <= variable_share <= 1:
        raise ValueError(f"can't select {n} images, {variable_share} of them variable")
    usable = np.flatnonzero(np.isfinite(descriptors).all(axis=1))
    n = min(n, len(usable))
    variable = round(variable_share * n)
    rng = np.random.default_rng(seed)
    # Drawn and shuffled again: selections of before come out the same.
    order = rng.permutation(len(usable))
    if len(set(samples)) > 1:
        of = np.array(samples)[usable][order]
        names = sorted(set(of))
        quotas = evenly([int((of == name).sum()) for name in names], n - variable)
        parts = [order[of == name][:quota] for name, quota in zip(names, quotas, strict=True)]
        random = rng.permutation(np.concatenate(parts))
    else:
        random = rng.permutation(order[: n - variable])
    return usable[random], usable[_farthest(standardised(descriptors[usable]), random, variable, rng)]


def _farthest(
    points: NDArray[np.float64], chosen: NDArray[np.intp], count: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    if count == 0:
        return np.zeros(0, np.intp)
    nearest = np.full(len(points), np.inf)
    for index in chosen if len(chosen) else rng.integers(0, len(points), 1):
        np.minimum(nearest, ((points - points[index]) ** 2).sum(axis=1), out=nearest)
    nearest[chosen] = -1.0
    picked = []
    for _ in range(count):
        index = int(np.argmax(nearest))
        picked.append(index)
        np.minimum(nearest, ((points - points[index]) ** 2).sum(axis=1), out=nearest)
        nearest[index] = -1.0
    return np.array(picked, np.intp)


def embed_2d(descriptors: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """The first two principal components of the standardised descriptors, and their loadings.

    Each axis points where its largest loading is positive, so that the picture does not flip between runs.

    Returns:
        float32 (N, 2), NaN where a descriptor is, and float64 (descriptors, 2), 0 where nothing varies.
    """
    placed = np.full((len(descriptors), 2), np.nan, np.float32)
    loadings = np.zeros((descriptors.shape[1], 2))
    usable = np.isfinite(descriptors).all(axis=1)
    if not usable.any():
        return placed, loadings
    points = standardised(descriptors[usable])
    points -= points.mean(axis=0)
    spread, vectors = np.linalg.eigh(points.T @ points)
    axes = (vectors * (spread > 0))[:, ::-1][:, :2]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    placed[usable, : axes.shape[1]] = points @ axes
    loadings[:, : axes.shape[1]] = axes
    return placed, loadings


def axis_words(loadings: NDArray[np.floating[Any]]) -> str:
    """What grows along an axis, in words, the two largest of its loadings (len(DESCRIPTORS),) first."""
    largest = np.argsort(-np.abs(loadings), kind="stable")[:2]
    told = [("" if loadings[k] > 0 else "less ") + _IN_WORDS[DESCRIPTORS[k]] for k in largest if loadings[k]]
    return ", ".join(told)
