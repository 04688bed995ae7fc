"""Confidence that is fitted to how often a model is right, from few images."""

from __future__ import annotations

import math
from collections.abc import Sequence

PRIOR = 1.0  # standard deviation of the shift, in logits
_MOST = 1 - 1e-4
_STEPS = 60


def shift(answers: Sequence[tuple[float, bool]]) -> float:
    """What is to be added to the logit of a confidence, so that it says how often answers of that confidence are right:
    the most probable one with a normal prior around 0. Fifteen answers, most of them right, don't tell a slope too
    (Platt 1999 fits both).

    Args:
        answers: confidences in 0..1, and whether each was right.
    """
    logits = [
        math.log(bounded / (1 - bounded)) for sure, _ in answers for bounded in [min(max(sure, 1 - _MOST), _MOST)]
    ]
    right = sum(one for _, one in answers)
    low, high = -20.0, 20.0
    for _ in range(_STEPS):  # the score falls with the shift: halve
        middle = (low + high) / 2
        expected = sum(1 / (1 + math.exp(-(logit + middle))) for logit in logits)
        if right - expected > middle / PRIOR**2:
            low = middle
        else:
            high = middle
    return (low + high) / 2
