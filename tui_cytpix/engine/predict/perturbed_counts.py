"""Asking a model about images and about what should make no difference to them: without truth, wavering is a sign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.images.normalise import noise
from tui_cytpix.engine.predict.inference import Predictor

BLUR_PX = 0.8  # of what the network sees: about what a defocus of 1 um does
Gray = NDArray[np.float32]


CHANGES = 4


def _changed(gray: Gray, zoom: float, rng: np.random.Generator) -> tuple[Gray, ...]:
    """Mirrored, turned by 90 degrees, with its noise doubled in power, a little softer."""
    noisier = gray + rng.normal(0, noise(gray), gray.shape).astype(np.float32)
    softer = np.asarray(cv2.GaussianBlur(gray, (0, 0), BLUR_PX / zoom), np.float32)
    return np.ascontiguousarray(gray[:, ::-1]), np.ascontiguousarray(np.rot90(gray)), noisier, softer


class Told(NamedTuple):
    """What a model says of N images.

    Attributes:
        counts: int16 (N, 1 + CHANGES): ParticleCount of the image, and of it as `_changed`.
        confidence: float32 (N,), that the first count is right, as the model says.
    """

    counts: NDArray[np.int16]
    confidence: NDArray[np.float32]


def ask(predictor: Predictor, grays: Sequence[Gray], cutoff_px: float, zoom: float, seed: int = 0) -> Told:
    """Counts of normalised images (float32 (H, W)) as they are and changed; `zoom` as for `Predictor.plan`."""
    rng = np.random.default_rng(seed)
    cutoffs, zooms = [cutoff_px] * len(grays), [zoom] * len(grays)
    changed = zip(*(_changed(gray, zoom, rng) for gray in grays), strict=True)
    found = [predictor.find(images, cutoffs, zooms) for images in (grays, *changed)]
    counts = [[one.segmentation.particle_count for one in answers] for answers in found]
    return Told(
        np.array(counts, np.int16).T.reshape(len(grays), 1 + CHANGES),
        np.array([one.segmentation.confidence for one in found[0]], np.float32),
    )
