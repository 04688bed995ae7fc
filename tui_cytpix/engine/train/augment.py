"""Variations of an annotated image that the optics could have made too."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.engine.network import flows
from tui_cytpix.engine.train.scene import Scene

Range = tuple[float, float]
EXACT_BELOW = 1.5


@dataclass(frozen=True)
class Augmentation:
    """How far variations go; all lie in the network's input units (background 0, contrast 1).

    Attributes:
        scale: factor of magnification, drawn log-uniformly.
        stretch: largest relative difference of the two axes' magnification.
        gain: factor on the contrast, log-uniform.
        noise: standard deviation of added noise.
        blur: standard deviation of added blur, px.
        field: amplitude of a smooth background that was not taken away.
        invert: share of images whose contrast changes sign, as with defocus of the other sign.
        bend: share of images with a change of the bright against the dark side.
        another, another_long: share of views to which a cell of another image is added, see engine.train.doublets; of
            images with rounds, and with long cells, which are harder to tell apart.
    """

    scale: Range = (0.7, 1.4)
    stretch: float = 0.1
    gain: Range = (0.6, 1.6)
    noise: Range = (0.0, 0.15)
    blur: Range = (0.0, 1.0)
    field: Range = (0.0, 0.12)
    invert: float = 0.0
    bend: float = 0.5
    another: float = 0.0
    another_long: float = 0.0


def crop(
    scene: Scene,
    size: int,
    focus: NDArray[np.float32],
    settings: Augmentation,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """One varied view of an annotated image.

    Args:
        size: edge of the view, px.
        focus: (2,), (y, x) px of the image that comes to lie near the view's middle.

    Returns:
        float32 (7, size, size): gray, foreground, its weight, 1 inside the image (0 where the view reaches beyond it;
        gray is 0 and the weights count for nothing there), the vectors' x and y, and 1 on the particles.
    """
    matrix = _placement(scene.gray.shape, size, focus, settings, rng)

    def warped(image: NDArray[np.float32]) -> NDArray[np.float32]:
        # Nothing beyond the borders.
        return np.asarray(cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR), np.float32)

    gray, inside = warped(_presmoothed(scene.gray, matrix)), warped(np.ones(scene.gray.shape, np.float32)) > 0.5
    foreground, weight = (warped(np.asarray(one, np.float32)) for one in (scene.mask, scene.weight))
    flow = flows.warped(scene.flow, matrix, size)
    gray = photometric(gray, settings, rng) * inside
    return np.stack([gray, foreground, weight * inside, inside, *flow, flow.any(axis=0) & inside])


def _placement(
    shape: tuple[int, ...], size: int, focus: NDArray[np.float32], settings: Augmentation, rng: np.random.Generator
) -> NDArray[np.float64]:
    """The 2 x 3 matrix that takes (x, y) of the image to the view.

    With mild scaling, half of the views are turned by whole right angles only, so that their pixels stay as the sensor
    saw them.
    """
    zoom = np.ones(2)
    exact = settings.scale[1] < EXACT_BELOW and rng.random() < 0.5
    if exact:
        turn = float(rng.integers(4)) * np.pi / 2
    else:
        turn = float(rng.uniform(0, 2 * np.pi))
        zoom *= np.exp(rng.uniform(*np.log(settings.scale)))
        zoom *= 1 + rng.uniform(-settings.stretch, settings.stretch) * np.array([1, -1])
    if rng.random() < 0.5:
        zoom[0] *= -1
    cos, sin = np.cos(turn), np.sin(turn)
    linear = np.array([[cos * zoom[0], -sin * zoom[1]], [sin * zoom[0], cos * zoom[1]]])
    if exact:
        linear = linear.round()
    room = max(0.0, size / 2 - 12)
    shift = rng.uniform(-0.5, 0.5, 2) * room
    if max(shape) <= size * 0.9:  # the whole image fits: keep it whole
        focus = np.asarray(np.array(shape) / 2, np.float32)
        shift = rng.uniform(-0.5, 0.5, 2) * np.maximum(size - np.array(shape[::-1]), 0)
    target = np.round(size / 2 + shift)
    start = np.round(np.array([focus[1], focus[0]], np.float64))
    return np.concatenate([linear, (target - linear @ start)[:, None]], axis=1)


def _presmoothed(image: NDArray[np.float32], matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    """Shrinking by interpolation alone would alias: blur first, by what the coarser pixels would average."""
    zoom = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if zoom > 0.85:
        return image
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 0.45 * np.sqrt(1 / zoom**2 - 1)), np.float32)


def photometric(gray: NDArray[np.float32], settings: Augmentation, rng: np.random.Generator) -> NDArray[np.float32]:
    """Blur, gain, the balance of bright and dark, a smooth field, noise. float32 (H, W)."""
    out = gray
    blur = rng.uniform(*settings.blur)
    if blur > 0.3:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), blur), np.float32)
    out = out * np.float32(np.exp(rng.uniform(*np.log(settings.gain))))
    if rng.random() < settings.bend:
        ratio = np.exp(rng.uniform(-0.4, 0.4))
        out = np.where(out > 0, out * np.float32(ratio), out / np.float32(ratio))
    if rng.random() < settings.invert:
        out = -out
    field = rng.uniform(*settings.field)
    if field > 0:
        coarse = rng.normal(0, field, (int(rng.integers(2, 7)),) * 2).astype(np.float32)
        out = out + cv2.resize(coarse, gray.shape[::-1], interpolation=cv2.INTER_CUBIC)
    sigma = rng.uniform(*settings.noise)
    if sigma > 0:
        grain = rng.standard_normal(gray.shape, np.float32)
        smooth = rng.uniform(0, 0.8)
        if smooth > 0.3:
            grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), smooth), np.float32)
        out = out + np.float32(sigma) * grain
    return np.asarray(out, np.float32)
