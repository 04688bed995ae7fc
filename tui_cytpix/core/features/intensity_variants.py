"""Intensity parameters by every formula that their names leave open: over what, on which gray, which estimator."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Variant = tuple[str, str, float]  # parameter, words that tell the formula, value
_Values = NDArray[np.float64]
_Gray = Callable[[_Values, _Values], _Values]  # of gray and background, (P,) each
_BASES = {"bits": 2.0, "nats": math.e, "base 10": 10.0}
_BINS = 256


def intensity_variants(
    gray: NDArray[np.generic], background: NDArray[np.float32], mask: NDArray[np.bool_], bit_depth: int
) -> Iterator[Variant]:
    """Gray statistics of a region, and the normalised ones.

    Args:
        gray, background: (H, W).
        mask: bool (H, W), the region, not empty.
        bit_depth: of the gray values.
    """
    low, high, full = float(gray.min()), float(gray.max()), 2.0**bit_depth - 1
    eighth = 2.0 ** (bit_depth - 8)
    plain: dict[str, _Gray] = {
        "raw gray": lambda g, _: g,
        "8-bit gray": lambda g, _: np.floor(g / eighth),
        "gray less background": lambda g, b: g - b,
    }
    normalized: dict[str, _Gray] = {
        "over background": lambda g, b: g / np.maximum(b, 1),
        "less background, over background": lambda g, b: (g - b) / np.maximum(b, 1),
        "over full scale": lambda g, _: g / full,
        "over the image's maximum": lambda g, _: g / max(high, 1),
        "image's minimum to maximum": lambda g, _: (g - low) / max(high - low, 1),
        "region's minimum to maximum": lambda g, _: (g - g.min()) / max(np.ptp(g), 1),
    }
    own, behind = gray[mask].astype(np.float64), background[mask].astype(np.float64)
    for prefix, kinds in (("", plain), ("Normalized", normalized)):
        for kind, of in kinds.items():
            for name, form, value in _statistics(of(own, behind)):
                yield f"{prefix}{name}Intensity", f"{kind}, {form}" if form else kind, value
    binnings = {
        "a bin for each gray value": own,
        "256 bins over full scale": own / full * (_BINS - 1),
        "256 bins from minimum to maximum": (own - own.min()) / max(np.ptp(own), 1) * (_BINS - 1),
    }
    for binning, bins in binnings.items():
        counts = np.bincount(bins.astype(np.intp))
        bits = _entropy_bits(counts[counts > 0])
        for base, number in _BASES.items():
            for prefix in ("", "Normalized"):
                yield f"{prefix}EntropyIntensity", f"{binning}, {base}", bits / math.log2(number)


def _entropy_bits(counts: NDArray[np.generic]) -> float:
    """Shannon's entropy of counts (K,), each above 0."""
    p = counts / counts.sum()
    return float(-(p * np.log2(p)).sum())


def _statistics(values: _Values) -> Iterator[Variant]:
    """Name, estimator where there are several, value; of values (P,)."""
    n, mean = len(values), float(values.mean())
    centred = values - mean
    squares = centred * centred
    m2, m3, m4 = float(squares.mean()), float((squares * centred).mean()), float((squares * squares).mean())
    yield "Max", "", float(values.max())
    yield "Min", "", float(values.min())
    yield "Total", "", float(values.sum())
    yield "Average", "", mean
    deviations = {"of the population": math.sqrt(m2), "of a sample": math.sqrt(m2 * n / (n - 1)) if n > 1 else math.nan}
    for form, deviation in deviations.items():
        yield "StandardDeviation", form, deviation
        yield "CV", f"{form}, %", 100 * deviation / mean if mean else math.nan
        yield "CV", f"{form}, share", deviation / mean if mean else math.nan
    if n < 4 or m2 <= 0:
        return
    skewness, kurtosis = m3 / m2**1.5, m4 / m2**2 - 3
    yield "Skewness", "of the population", skewness
    yield "Skewness", "of a sample", skewness * math.sqrt(n * (n - 1)) / (n - 2)
    yield "Kurtosis", "excess, of the population", kurtosis
    yield "Kurtosis", "excess, of a sample", (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * kurtosis + 6)
    yield "Kurtosis", "3 for a normal distribution", kurtosis + 3
