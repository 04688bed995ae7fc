"""What an image would show without cells: of a whole sample (static), or of one image alone."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.images.normalise import level, noise, unlit
from tui_cytpix.core.objects.regions import fill_holes

MAX_IMAGES = 200
_FEWEST = 12  # with fewer images a pixel's spread says little
_BUSY = 1.4  # times the usual spread
_MODE_SHARE = 0.3
_HIDDEN_SHARE = 0.3
_REACH = 6.0  # px
_MAD_TO_SIGMA = 1.4826
_EDGE_SHARE = 0.1
_SAMPLES = 2048
_ROUNDS = 8
_ROWS = 8  # of the images at a time, so that they stay in the cache
_TUKEY = 4.685  # 95 % efficient for normal noise (Beaton and Tukey 1974)
_INLIERS, _INLIER_QUANTILE = 0.4, 0.5244  # 40 % of a unit normal's absolute values lie below 0.5244


def background_of(image: NDArray[np.generic], static: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """What lies behind an image's cells: its sample's static background where there is one of the image's size, else a
    guess from the image alone. float32 (H, W) in gray units.
    """
    return static if static is not None and static.shape == image.shape else image_background(image)


def static_background(stack: NDArray[np.generic]) -> NDArray[np.float32]:
    """The part of a sample's images that stands still: shading, dirt, channel walls.

    The median over the images, where the gray varies over them no more than noise does. Where cells often pass, as
    in the middle of frames that the cells themselves trigger, a median follows the cells: there it is the mode over
    the images, or where even that is no narrow peak, a smooth continuation of the surroundings.

    Args:
        stack: (N, H, W), any real dtype, N >= 1; images of one sample and one size. Of more than 200, 200 evenly
            spaced ones are used. Blank images (constant gray) are left out.

    Returns:
        float32 (H, W) in gray units, at the stack's median brightness.
    """
    places = np.linspace(0, len(stack) - 1, min(len(stack), MAX_IMAGES)).round().astype(int)
    varied = [stack[place] for place in places if stack[place].min() != stack[place].max()]
    if not varied:
        return np.asarray(np.median(stack[places], axis=0), np.float32)
    levels = np.array([level(image) for image in varied], np.float32)
    shifts = np.median(levels) - levels
    middle, spread = _middle_and_spread(varied, shifts)
    if len(varied) < _FEWEST:
        return middle
    usual = float(np.quantile(spread, 0.25))
    busy = cv2.blur(spread, (5, 5)) > _BUSY * usual
    if usual <= 0 or not busy.any() or busy.all():
        return middle
    # Identical beads leave a ring of varying rims around a steady middle that is not background either.
    hidden = busy & False
    # (P, N)
    crowded = np.stack([image[busy] for image in varied], axis=-1).astype(np.float32) + shifts
    middle[busy], hidden[busy] = _modes(crowded.T, usual * _MAD_TO_SIGMA)
    hidden = fill_holes(cv2.blur(hidden.astype(np.float32), (3, 3)) > _HIDDEN_SHARE)
    return _continued(middle, hidden) if hidden.any() and not hidden.all() else middle


def _middle_and_spread(
    images: Sequence[NDArray[np.generic]], shifts: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The median of each pixel's gray over the images, each with its shift added, and the median distance from it.

    By whole sorts of a few rows at a time, which is much faster than `np.median` of the stack.
    """
    middle, spread = np.empty((2, *images[0].shape), np.float32)
    for row in range(0, len(middle), _ROWS):
        part = slice(row, row + _ROWS)
        values = np.stack([image[part] for image in images], axis=-1).astype(np.float32) + shifts
        middle[part] = _median(values)
        spread[part] = _median(np.abs(values - middle[part][..., None]))
    return middle, spread


def _median(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Along the last axis, (..., N) to (...)."""
    ordered, number = np.sort(values, axis=-1), values.shape[-1]
    return (ordered[..., (number - 1) // 2] + ordered[..., number // 2]) / np.float32(2)


def _modes(values: NDArray[np.float32], sigma: float) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The mode of each pixel's gray over the images, and whether it is too broad to be background.

    Args:
        values: (N, P) gray of P pixels in N images.
        sigma: noise, gray units.
    """
    ordered = np.sort(values, axis=0)
    width = max(2, round(_MODE_SHARE * len(ordered)))
    # (N - width + 1, P)
    spans = ordered[width - 1 :] - ordered[: len(ordered) - width + 1]
    start = np.argmin(spans, axis=0)
    columns = np.arange(values.shape[1])
    peak = (ordered[start, columns] + ordered[start + width - 1, columns]) / 2
    near = np.abs(values - peak) <= 2 * sigma
    mean = np.where(near, values, 0).sum(axis=0) / np.maximum(near.sum(axis=0), 1)
    # A peak of background holds most of its values within 2 sigma; a spread-out mixture few.
    hidden = near.mean(axis=0) < _MODE_SHARE
    return np.where(near.any(axis=0), mean, peak).astype(np.float32), hidden


def _continued(background: NDArray[np.float32], hidden: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Replaces hidden pixels by a quadratic surface through the others, drawn to them at the edge of the hole."""
    ys, xs = (np.linspace(-1, 1, size, dtype=np.float32) for size in background.shape)
    seen = ~hidden
    terms = _terms(*np.meshgrid(ys, xs, indexing="ij"))
    step = max(1, int(seen.sum()) // _SAMPLES)
    known, target = terms[seen.ravel()][::step], background[seen][::step]
    surface = _surface(_fit(target, known, float(np.median(target)), 1e-6), ys, xs)
    weight = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), _REACH)
    residual = cv2.GaussianBlur(np.where(seen, background - surface, 0).astype(np.float32), (0, 0), _REACH)
    return np.where(hidden, surface + residual / np.maximum(weight, 1e-3), background).astype(np.float32)


def image_background(image: NDArray[np.generic]) -> NDArray[np.float32]:
    """A smooth guess at one image's background, for where there is no static one.

    A quadratic surface in x and y is fitted by Tukey's biweight from the most common gray level along the edge
    on, so that cells are outliers. It follows shading, not dirt. Where no light falls it is continued.

    Args:
        image: (H, W), any real dtype.

    Returns:
        float32 (H, W) in gray units.
    """
    gray = image.astype(np.float32)
    height, width = gray.shape
    step = max(1, int(np.sqrt(gray.size / _SAMPLES)))
    ys, xs = (np.linspace(-1, 1, size, dtype=np.float32) for size in (height, width))
    target = cv2.blur(gray, (3, 3))[step // 2 :: step, step // 2 :: step]
    # (P, 6) at every step-th pixel.
    terms = _terms(*np.meshgrid(ys[step // 2 :: step], xs[step // 2 :: step], indexing="ij"))
    outside = unlit(image)
    lit = slice(None) if outside is None else ~outside[step // 2 :: step, step // 2 :: step].ravel()
    c = _fit(
        np.asarray(target, np.float32).ravel()[lit],
        terms[lit],
        start=level(gray, outside),
        floor=max(noise(gray, outside), 1e-6 * float(np.abs(gray).max() + 1)),
    )
    return _surface(c, ys, xs)


def _terms(ys: NDArray[np.float32], xs: NDArray[np.float32]) -> NDArray[np.float32]:
    y, x = ys.ravel(), xs.ravel()
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def _surface(c: NDArray[np.float32], ys: NDArray[np.float32], xs: NDArray[np.float32]) -> NDArray[np.float32]:
    """The quadratic with coefficients (6,) as in `_terms`, over a grid of ys and xs."""
    along_x = c[0] + c[1] * xs + c[3] * xs * xs
    return np.asarray(along_x + (c[2] * ys + c[5] * ys * ys)[:, None] + np.outer(c[4] * ys, xs), np.float32)


def _fit(target: NDArray[np.float32], terms: NDArray[np.float32], start: float, floor: float) -> NDArray[np.float32]:
    """Coefficients (6,) by reweighting: first a plane, then the quadratic, as a free surface would bend into cells.

    What is an inlier is learnt from the residuals along the image's edge, where there is most background.
    """
    edge = np.abs(terms[:, 1:3]).max(axis=1) > 1 - 2 * _EDGE_SHARE
    if edge.sum() < _FEWEST:
        edge[:] = True
    coefficients = np.zeros(terms.shape[1], np.float32)
    residual = target - np.float32(start)
    for round_ in range(_ROUNDS):
        used = 3 if round_ < _ROUNDS // 2 else terms.shape[1]
        spread = max(float(np.quantile(np.abs(residual[edge]), _INLIERS)) / _INLIER_QUANTILE, floor)
        weight = np.clip(1 - (residual / (_TUKEY * spread)) ** 2, 0, None) ** 2
        basis = terms[:, :used]
        weighted = basis * weight[:, None]
        gram = weighted.T @ basis + 1e-3 * np.eye(used, dtype=np.float32)
        coefficients[:used] = np.linalg.solve(gram, weighted.T @ target)
        residual = target - basis @ coefficients[:used]
    return coefficients
