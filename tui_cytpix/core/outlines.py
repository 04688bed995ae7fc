"""How outlines lie in their images: what is seen on the way from outside an object across its outline into it.

Outlines of one sample are drawn alike, whatever they follow (the dark rim, the middle of the halo, ...), so those that
are there tell how another one of the same sample is to be drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.normalise import noise
from tui_cytpix.core.regions import as_uint8, bounding_box, label_objects

_REACH = 6  # px, inside and outside
_SMOOTH_PX = 0.7
_LEAST_NOISE = 1e-3
_GRAY_UNIT, _STEEP_UNIT = 2.0, 4.0  # times the noise, where the scale turns from linear to logarithmic
_SMALLEST = 12  # px
_AREA_WEIGHT = 0.1
_PARTS = 3


@dataclass(frozen=True, eq=False)
class Outlines:
    """What objects of a sample look like across their outlines.

    Attributes:
        profiles: float32 (N, 39): for gray, its magnitude and its steepness the means over the pixels of each px of
            distance from 6 px outside to 6 px inside, and over what lies deeper; a logarithmic scale in units of noise.
        log_areas: float32 (N,), of the areas in px.
    """

    profiles: NDArray[np.float32]
    log_areas: NDArray[np.float32]

    @classmethod
    def of(cls, image: NDArray[np.generic], mask: NDArray[np.bool_]) -> Outlines:
        """The objects of a mask (bool, (H, W)) in an image less its background (H, W); those of 12 px or more."""
        labels, count = label_objects(mask)
        regions = [labels == number for number in range(1, count + 1)]
        return cls._of([region for region in regions if region.sum() >= _SMALLEST], _channels(image))

    @classmethod
    def _of(cls, regions: Sequence[NDArray[np.bool_]], channels: NDArray[np.float32]) -> Outlines:
        profiles = [_profile(channels, region) for region in regions]
        return cls(
            np.array(profiles, np.float32).reshape(-1, _PARTS * (2 * _REACH + 1)),
            np.log([int(region.sum()) for region in regions]).astype(np.float32),
        )

    @classmethod
    def joined(cls, parts: Sequence[Outlines]) -> Outlines:
        """All of them in one."""
        none = cls(np.zeros((0, _PARTS * (2 * _REACH + 1)), np.float32), np.zeros(0, np.float32))
        parts = [none, *parts]
        return cls(np.vstack([p.profiles for p in parts]), np.concatenate([p.log_areas for p in parts]))

    def __len__(self) -> int:
        return len(self.log_areas)

    def unlikeness(
        self, image: NDArray[np.generic], part: tuple[slice, slice], regions: Sequence[NDArray[np.bool_]]
    ) -> NDArray[np.float64]:
        """How far each region's outline in an image less its background is from the most similar of these: root mean
        square over the profile, a tenth of the squared difference in log area added.

        Args:
            image: (H, W); the noise is measured on all of it.
            part: rows and columns that the regions are about.
            regions: bool, of the part's shape, none empty.

        Returns:
            float64 (len(regions),); all 0 where there are no outlines.
        """
        if not len(self) or not len(regions):
            return np.zeros(len(regions))
        theirs = self._of(regions, _channels(image)[:, part[0], part[1]])
        away = ((theirs.profiles[:, None] - self.profiles) ** 2).mean(axis=2)
        sizes = (theirs.log_areas[:, None] - self.log_areas) ** 2
        return np.asarray(np.sqrt((away + _AREA_WEIGHT * sizes).min(axis=1)), np.float64)


def _channels(image: NDArray[np.generic]) -> NDArray[np.float32]:
    """Gray, its magnitude, its steepness, (3, H, W)."""
    gray = image.astype(np.float32)
    gray = cv2.GaussianBlur(gray / max(noise(gray), _LEAST_NOISE), (0, 0), _SMOOTH_PX).astype(np.float32)
    steep = np.hypot(cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1))
    shades = np.arcsinh(gray / _GRAY_UNIT)
    return np.stack([shades, np.abs(shades), np.arcsinh(steep / _STEEP_UNIT)]).astype(np.float32)


def _profile(channels: NDArray[np.float32], region: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Means over the pixels of each distance, (39,); where an object has no inner pixels, those of its deepest."""
    box = bounding_box(region)
    assert box is not None
    part = box.grown(_REACH + 2, region.shape).slices
    inside = as_uint8(region[part])
    outer = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_3)
    inner = cv2.distanceTransform(np.pad(inside, 1), cv2.DIST_L2, cv2.DIST_MASK_3)[1:-1, 1:-1]
    away = np.where(inside > 0, inner, -outer)  # 1 on the outermost pixels of the object, -1 beside them
    places = np.where(inside > 0, np.ceil(away) - 1, np.floor(away)).astype(int) + _REACH
    places = np.clip(places, -1, 2 * _REACH).ravel() + 1
    pixels = np.bincount(places, minlength=2 * _REACH + 2)[1:]
    found = []
    for channel in channels:
        sums = np.bincount(places, weights=channel[part].ravel(), minlength=2 * _REACH + 2)[1:]
        means = np.where(pixels > 0, sums / np.maximum(pixels, 1), np.nan)
        found.append(_filled(means))
    return np.concatenate(found)


def _filled(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances without pixels take the mean of the next one nearer to the outline."""
    for place in range(_REACH + 1, len(means)):
        if np.isnan(means[place]):
            means[place] = means[place - 1]
    for place in range(_REACH - 2, -1, -1):
        if np.isnan(means[place]):
            means[place] = means[place + 1]
    return np.nan_to_num(means)
