"""What a model or a person says about one image: a foreground mask and the centroids of the particles in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Objects and particles of one image.

    An object is an 8-connected region of `mask`; a particle is what belongs to one centroid (core.watershed divides an
    object among its centroids). Positions are (y, x) in pixels, pixel centres at whole numbers.

    Attributes:
        mask: bool, (H, W), foreground.
        centroids: float32, (K, 2), (y, x).
        confidence: in 0..1, how sure the model is of the whole image; NaN where nobody said.
        particle_confidence: float32, (K,), in 0..1, how sure it is of each particle; empty where nobody said.
    """

    mask: NDArray[np.bool_]
    centroids: NDArray[np.float32]
    confidence: float = field(default=float("nan"))
    particle_confidence: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))

    @property
    def particle_count(self) -> int:
        """Particles in the image (ParticleCount)."""
        return len(self.centroids)

    def same_as(self, other: Segmentation) -> bool:
        """True where mask and centroids are equal."""
        return np.array_equal(self.mask, other.mask) and np.array_equal(self.centroids, other.centroids)

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> Segmentation:
        """No object at all, on an image of (height, width)."""
        return cls(np.zeros(shape, bool), np.zeros((0, 2), np.float32))


def encode_mask(mask: NDArray[np.bool_]) -> list[int]:
    """Run lengths of the row-major mask, starting with background: [background, foreground, background, ...]."""
    flat = np.concatenate([[False], mask.ravel(), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    bounds = np.concatenate([[0], edges, [mask.size]])
    return [int(n) for n in np.diff(bounds)] if len(edges) else [int(mask.size)]


def decode_mask(runs: list[int], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The inverse of `encode_mask`.

    Raises:
        ValueError: the runs are negative or don't add up to the image's size.
    """
    lengths = np.asarray(runs, np.int64)
    if lengths.ndim != 1 or (lengths < 0).any() or lengths.sum() != shape[0] * shape[1]:
        raise ValueError("mask runs don't fit the image")
    values = np.arange(len(lengths)) % 2 == 1
    return np.repeat(values, lengths).reshape(shape)
