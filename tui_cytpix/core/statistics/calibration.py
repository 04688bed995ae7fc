"""Confidence that is fitted to how often a model is right, from few images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

# The prior, normal: means and standard deviations of slope and offset. Models that were fine-tuned on a kind of sample
# are more often right on it than the base, whose confidence is fitted on many kinds, says.
SLOPE, OFFSET = (1.0, 1.0), (0.7, 0.7)
_SLOPES, _OFFSETS = (0.1, 4.0), (-6.0, 6.0)  # more sure stays more sure
_LEAST = 1e-4


def recalibration(answers: Sequence[tuple[float, bool]]) -> tuple[float, float]:
    """Slope and offset of the logit of a confidence with which it says how often answers of that confidence are right
    (Platt 1999): the most probable ones with a prior, as fifteen answers, most of them right, tell little.

    Args:
        answers: confidences in 0..1, and whether each was right.
    """
    sure = np.clip(np.array([sure for sure, _ in answers], np.float64), _LEAST, 1 - _LEAST)
    right = np.array([right for _, right in answers], np.float64)
    logits = np.log(sure / (1 - sure))

    def cost(parameters: NDArray[np.float64]) -> float:
        slope, offset = parameters
        z = slope * logits + offset
        prior = ((slope - SLOPE[0]) / SLOPE[1]) ** 2 + ((offset - OFFSET[0]) / OFFSET[1]) ** 2
        return float((np.logaddexp(0, z) - right * z).sum() + prior / 2)

    found = minimize(cost, np.array([SLOPE[0], OFFSET[0]]), method="L-BFGS-B", bounds=[_SLOPES, _OFFSETS]).x
    return float(found[0]), float(found[1])
