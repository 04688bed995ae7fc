"""How often a model will miscount a sample, from signs that need no truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.statistics.sampling import DESCRIPTORS

NOVELTY_DESCRIPTORS = ("area", "elongation", "solidity", "second_region", "mean", "deviation", "dark", "rim")
NEIGHBOURS = 3
_AREA = NOVELTY_DESCRIPTORS.index("area")
_COLUMNS = [DESCRIPTORS.index(name) for name in NOVELTY_DESCRIPTORS]
Counts = NDArray[np.int16]


class Signs(NamedTuple):
    """Shares of a sample's images, each larger where a model is likelier to be wrong.

    Attributes:
        unsure: mean of 1 - the model's confidence in its count.
        wavering: of the mirrored, turned, noisier and softer images, those counted otherwise than the image itself.
        apart: counted otherwise than the general models (the other ones) count its mirrored, turned, noisier and softer
            copies: steadier than what each says of the image itself.
        resolution: counted otherwise by the same model in its other resolution; NaN where it has none.
        unlike: that look like nothing the model was trained on; NaN where that is not known.
    """

    unsure: float
    wavering: float
    apart: float
    resolution: float
    unlike: float


def signs_of(
    counts: Counts,
    confidence: NDArray[np.floating],
    general: Sequence[Counts],
    other_resolution: Counts | None,
    unlike: NDArray[np.bool_] | None,
) -> Signs:
    """The signs of one model on N images.

    Args:
        counts: (N, 1 + changes), of each image as it is and changed.
        confidence: (N,), 0..1; NaN where the model says none.
        general: the same of the general models other than this one; at least one.
        other_resolution: of its sibling.
        unlike: (N,), see `unlike`.
    """
    own = counts[:, 0]
    sure = confidence[np.isfinite(confidence)]
    return Signs(
        unsure=float(1 - sure.mean()) if len(sure) else 0.5,
        wavering=float((counts[:, 1:] != own[:, None]).mean()),
        apart=float(np.mean([(other[:, 1:] != own[:, None]).mean() for other in general])),
        resolution=math.nan if other_resolution is None else float((other_resolution[:, 0] != own).mean()),
        unlike=math.nan if unlike is None else float(unlike.mean()),
    )


@dataclass(frozen=True)
class MiscountModel:
    """Logistic model of the share of miscounted images: its logit is offset + weights . logit(signs named in `names`).

    `low` and `high` are added to that logit for the ends of the interval: quantiles of what the fit left unexplained on
    kinds of cells that it had not seen.
    """

    names: tuple[str, ...]
    offset: float
    weights: tuple[float, ...]
    low: float
    high: float

    def expected(self, signs: Signs, images: int) -> tuple[float, float, float]:
        """Expected share of wrong counts, and its interval, in whole images of as many."""
        values = [logit(getattr(signs, name), images) for name in self.names]
        middle = self.offset + sum(w * v for w, v in zip(self.weights, values, strict=True))
        low, high = expit(middle + self.low), expit(middle + self.high)
        return expit(middle), math.floor(low * images) / images, math.ceil(high * images) / images


def logit(share: float, images: int) -> float:
    """log(s / (1 - s)) of a share of that many images, drawn in by half an image at either end."""
    inner = (share * images + 0.5) / (images + 1)
    return math.log(inner / (1 - inner))


def expit(value: float) -> float:
    return 1 / (1 + math.exp(-value))


@dataclass(frozen=True, eq=False)
class NoveltyReference:
    """What a model was trained on: `vectors` float32 (K, D) of NOVELTY_DESCRIPTORS in units of `spread` (D,), and the
    distance (root mean square over D) that 95 % of them keep to their nearest neighbours among the others.
    """

    vectors: NDArray[np.float32]
    spread: NDArray[np.float32]
    limit: float


def novelty_reference(described: NDArray[np.floating]) -> NoveltyReference:
    """Of training images by their descriptors, (K, len(DESCRIPTORS)), without those in which nothing is found."""
    rows = _rows(described, 1.0)[described[:, DESCRIPTORS.index("regions")] > 0]
    spread = np.maximum(rows.std(axis=0), 1e-6).astype(np.float32)
    vectors = (rows / spread).astype(np.float32)
    distances = _distances(vectors, vectors)
    np.fill_diagonal(distances, np.inf)
    return NoveltyReference(vectors, spread, float(np.quantile(_nearest(distances), 0.95)))


def unlike(described: NDArray[np.floating], zoom: float, known: NoveltyReference) -> NDArray[np.bool_]:
    """bool (N,): the images farther from all training images than 95 % of those are from each other.

    Args:
        described: (N, len(DESCRIPTORS)).
        zoom: how many times as large as they are the network sees the images.
    """
    rows = (_rows(described, zoom) / known.spread).astype(np.float32)
    return _nearest(_distances(rows, known.vectors)) > known.limit


def _rows(described: NDArray[np.floating], zoom: float) -> NDArray[np.float32]:
    rows = np.asarray(described, np.float32)[:, _COLUMNS].copy()
    rows[:, _AREA] += 2 * math.log2(zoom)
    return rows


def _distances(rows: NDArray[np.float32], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    apart = rows[:, None, :] - vectors[None, :, :]
    return np.asarray(np.sqrt(np.square(apart).mean(axis=2)), np.float32)


def _nearest(distances: NDArray[np.float32]) -> NDArray[np.float32]:
    few = min(NEIGHBOURS, distances.shape[1])
    return np.asarray(np.partition(distances, few - 1, axis=1)[:, :few].mean(axis=1), np.float32)
