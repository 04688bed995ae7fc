"""What an image would show without cells: of a whole sample (static), or of one image alone."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.normalise import level, noise

MAX_IMAGES = 200
_SAMPLES = 2048
_ROUNDS = 8
_TUKEY = 4.685  # 95 % efficient for normal noise (Beaton and Tukey 1974)
_INLIERS, _INLIER_QUANTILE = 0.4, 0.5244  # a unit normal's absolute values: 40 % lie below 0.5244


def static_background(stack: NDArray[np.generic]) -> NDArray[np.float32]:
    """The part of a sample's images that stands still: shading, dirt, channel walls.

    Args:
        stack: (N, H, W), any real dtype, N >= 1; images of one sample and one size. Of more than 200, 200 evenly
            spaced ones are used. Blank images (constant gray) are left out.

    Returns:
        float32 (H, W) in gray units, at the stack's median brightness.
    """
    chosen = stack[np.linspace(0, len(stack) - 1, min(len(stack), MAX_IMAGES)).round().astype(int)]
    images = chosen.astype(np.float32)
    usable = images[np.ptp(images.reshape(len(images), -1), axis=1) > 0]
    if len(usable) == 0:
        return np.asarray(np.median(images, axis=0), np.float32)
    levels = np.array([level(image) for image in usable], np.float32)
    usable += (np.median(levels) - levels)[:, None, None]
    return np.asarray(np.median(usable, axis=0), np.float32)


def image_background(image: NDArray[np.generic]) -> NDArray[np.float32]:
    """A smooth guess at one image's background, for where there is no static one.

    A quadratic surface in x and y is fitted by Tukey's biweight from the image's most common gray level on, so
    that cells are outliers. It follows shading, not dirt.

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
    terms = _terms(*np.meshgrid(ys[step // 2 :: step], xs[step // 2 :: step], indexing="ij"))
    c = _fit(
        np.asarray(target, np.float32).ravel(),
        terms,
        start=level(gray),
        floor=max(noise(gray), 1e-6 * float(np.abs(gray).max() + 1)),
    )
    along_x = c[0] + c[1] * xs + c[3] * xs * xs
    return np.asarray(along_x + (c[2] * ys + c[5] * ys * ys)[:, None] + np.outer(c[4] * ys, xs), np.float32)


def _terms(ys: NDArray[np.float32], xs: NDArray[np.float32]) -> NDArray[np.float32]:
    y, x = ys.ravel(), xs.ravel()
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def _fit(target: NDArray[np.float32], terms: NDArray[np.float32], start: float, floor: float) -> NDArray[np.float32]:
    """Coefficients (6,) by iterated reweighting: first a plane, then the quadratic, as a free surface would bend
    into cells.
    """
    coefficients = np.zeros(terms.shape[1], np.float32)
    residual = target - np.float32(start)
    for round_ in range(_ROUNDS):
        used = 3 if round_ < _ROUNDS // 2 else terms.shape[1]
        spread = max(float(np.quantile(np.abs(residual), _INLIERS)) / _INLIER_QUANTILE, floor)
        weight = np.clip(1 - (residual / (_TUKEY * spread)) ** 2, 0, None) ** 2
        basis = terms[:, :used]
        weighted = basis * weight[:, None]
        gram = weighted.T @ basis + 1e-3 * np.eye(used, dtype=np.float32)
        coefficients[:used] = np.linalg.solve(gram, weighted.T @ target)
        residual = target - basis @ coefficients[:used]
    return coefficients
