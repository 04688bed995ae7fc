"""How much images resemble each other in morphology, by their descriptors (core.statistics.sampling)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def unlikeness(
    descriptors: NDArray[np.floating[Any]], of: NDArray[np.floating[Any]], population: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """How far images are from one image: the mean over the descriptors of how many standard deviations of a population
    lie between them; 0 for equals. A descriptor that is the same in the whole population says nothing.

    `python -m tests.benchmarks similar` compares it with other measures.

    Args:
        descriptors: (N, D).
        of: the one image's, (D,).
        population: (M, D), M > 0, all images that were looked at.

    Returns:
        float64 (N,).
    """
    spread = population.std(axis=0, dtype=np.float64)
    apart = np.abs(np.asarray(descriptors, np.float64) - of)
    return np.asarray((apart / np.where(spread > 0, spread, np.inf)).mean(axis=1))
