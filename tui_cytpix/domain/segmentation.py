"""What a model or a person says about one image: a foreground mask and the centroids of the particles in it."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_PARTICLES = 0xFFFF  # what labels can tell apart


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Objects and particles of one image.

    An object is an 8-connected region of `mask`; a particle is what belongs to one centroid (core.objects.particles
    says which pixels do). Positions are (y, x) in pixels, pixel centres at whole numbers.

    Attributes:
        mask: bool, (H, W), foreground.
        centroids: float32, (K, 2), (y, x).
        confidence: in 0..1, how sure the model is of the whole image; NaN where nobody said.
        particle_confidence: float32, (K,), in 0..1, how sure it is of each particle; empty where nobody said.
        labels: uint16, (H, W), k + 1 on the pixels of centroid k's particle, all of them in `mask`, 0 elsewhere; None
            where nobody said: each object is then divided among its centroids by its shape.
    """

    mask: NDArray[np.bool_]
    centroids: NDArray[np.float32]
    confidence: float = math.nan
    particle_confidence: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    labels: NDArray[np.uint16] | None = None

    @property
    def particle_count(self) -> int:
        return len(self.centroids)

    def digest(self) -> int:
        """Tells it from another segmentation of an image, by mask and centroids (as logs keep them), in 32 bits."""
        return zlib.crc32(np.packbits(self.mask).tobytes() + self.centroids.astype(np.float32).tobytes())

    def same_as(self, other: Segmentation) -> bool:
        if self.labels is None or other.labels is None:
            alike = self.labels is other.labels
        else:
            alike = np.array_equal(self.labels, other.labels)
        return alike and np.array_equal(self.mask, other.mask) and np.array_equal(self.centroids, other.centroids)

    def reduced(self, mask: NDArray[np.bool_], kept: NDArray[np.bool_]) -> Segmentation:
        """What is left of it in a smaller mask, bool (H, W), with the centroids where `kept`, bool (K,), is true."""
        numbers = np.zeros(len(kept) + 1, np.uint16)
        numbers[1:][kept] = np.arange(1, np.count_nonzero(kept) + 1)
        sure = self.particle_confidence
        return replace(
            self,
            mask=mask,
            centroids=self.centroids[kept],
            particle_confidence=sure[kept] if len(sure) else sure,
            labels=None if self.labels is None else numbers[self.labels] * mask,
        )


def encode_mask(mask: NDArray[np.bool_]) -> list[int]:
    """Run lengths of the row-major mask, starting with background: [background, foreground, background, ...]."""
    flat = np.concatenate([[False], mask.ravel(), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    bounds = np.concatenate([[0], edges, [mask.size]])
    return [int(n) for n in np.diff(bounds)] if len(edges) else [int(mask.size)]


def decode_mask(runs: Sequence[int], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The inverse of `encode_mask`.

    Raises:
        ValueError: the runs are negative or don't add up to the image's size.
    """
    lengths = _whole_numbers(runs)
    return _repeated(np.arange(len(lengths)) % 2 == 1, lengths, shape[0] * shape[1]).reshape(shape)


def encode_labels(labels: NDArray[np.uint16], mask: NDArray[np.bool_]) -> list[int]:
    """The labels of the mask's foreground pixels, row by row, as runs: [label, pixels, label, pixels, ...]."""
    values = labels[mask]
    starts = np.flatnonzero(np.diff(values.astype(np.int64), prepend=-1))
    return [int(n) for n in np.stack([values[starts], np.diff(starts, append=len(values))], axis=1).ravel()]


def decode_labels(runs: Sequence[int], mask: NDArray[np.bool_], count: int) -> NDArray[np.uint16]:
    """The inverse of `encode_labels`, for a mask (H, W) with so many centroids.

    Raises:
        ValueError: the runs don't add up to the mask's pixels, or name a centroid that isn't there.
    """
    numbers = _whole_numbers(runs)
    values, lengths = numbers[::2], numbers[1::2]
    if len(values) != len(lengths) or (values < 0).any() or (values > min(count, MAX_PARTICLES)).any():
        raise ValueError("a label is no centroid's")
    labels = np.zeros(mask.shape, np.uint16)
    labels[mask] = _repeated(values, lengths, int(mask.sum()))
    return labels


def _whole_numbers(runs: Sequence[int]) -> NDArray[np.int64]:
    try:
        numbers = np.asarray(runs, np.int64)
    except OverflowError as error:
        raise ValueError("a run is out of all bounds") from error
    if numbers.ndim != 1:
        raise ValueError("runs are no list of numbers")
    return numbers


def _repeated(values: NDArray[Any], lengths: NDArray[np.int64], total: int) -> NDArray[Any]:
    """Each value as often as its length says; `total` in all."""
    if (lengths < 0).any() or (lengths > total).any() or lengths.sum() != total:
        raise ValueError(f"the runs don't make {total} pixels")
    return np.repeat(values, lengths)
