"""Fits what a model says of its own certainty to how often it was right, on simulated tubes it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

_LEAST, _MOST = 0.001, 0.999
_PRIOR = 1e-2  # keeps the slope finite where everything was right


def platt(answers: Sequence[tuple[float, bool]]) -> tuple[float, float]:
    """Slope and offset of `engine.network.postprocess.calibrated`, by maximum likelihood (Platt 1999), with his
    smoothed targets and a weak pull of the slope to 1; (1, 0) without two of each outcome.

    Args:
        answers: raw confidences, and whether each was right: of images (the count) or of particles (the centroid).
    """
    right = np.array([right for _, right in answers], bool)
    if min(right.sum(), (~right).sum()) < 2:
        return 1.0, 0.0
    sure = np.clip(np.array([sure for sure, _ in answers]), _LEAST, _MOST)
    logits = np.log(sure / (1 - sure))
    target = np.where(right, (right.sum() + 1) / (right.sum() + 2), 1 / ((~right).sum() + 2))

    def cost(parameters: NDArray[np.float64]) -> float:
        slope, offset = parameters
        z = slope * logits + offset
        return float(np.mean(np.logaddexp(0, z) - target * z)) + _PRIOR * float(slope - 1) ** 2

    slope, offset = minimize(cost, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return max(float(slope), 0.0), float(offset)
