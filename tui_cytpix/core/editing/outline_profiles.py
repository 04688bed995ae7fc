"""How outlines lie in their images: what is seen on the way from outside an object across its outline into it.

Outlines of one sample are drawn alike, whatever they follow (the dark rim, the middle of the halo, ...), so those that
are there tell how another one of the same sample is to be drawn. Each is also looked at where it would be wrong:
further out or in, displaced, cut off; so what tells a right outline from one that is a little wrong is learnt as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.images.normalise import noise
from tui_cytpix.core.objects.regions import CROSS, as_uint8, bounding_box, label_objects, mask_iou

_REACH = 6  # px, inside and outside
_SMOOTH_PX = 0.7
_LEAST_NOISE = 1e-3
_GRAY_UNIT, _STEEP_UNIT = 2.0, 4.0  # times the noise, where the scale turns from linear to logarithmic
_SMALLEST = 12  # px
_PARTS = 3
_WRONG = 24  # ways to draw an outline wrongly
_MOST_OUT_PX, _MOST_IN, _AWAY = 6, 0.4, 0.25  # the last two of the radius
_OFTEN_AWAY, _OFTEN_CUT, _LEAST_LEFT = 0.7, 0.5, 0.5
_WIDTH, _RIDGE, _LEAST_SPREAD = 0.3, 0.1, 0.1


@dataclass(frozen=True, eq=False)
class Outlines:
    """Gray profiles across the outlines of a sample's objects, and across others that would be wrong.

    Attributes:
        profiles: float32 (N, 40): for gray, its magnitude and its steepness the means over the pixels of each px of
            distance from 6 px outside to 6 px inside, and over what lies deeper, a logarithmic scale in units of noise;
            at last the logarithm of the area in px.
        ious: float32 (N,), how well the outline agrees with the true one, 1 for that itself.
    """

    profiles: NDArray[np.float32]
    ious: NDArray[np.float32]

    @classmethod
    def of(cls, image: NDArray[np.generic], mask: NDArray[np.bool_]) -> Outlines:
        """The objects of a mask (bool, (H, W)) in an image less its background (H, W); those of 12 px or more."""
        labels, count = label_objects(mask)
        channels = _channels(image)
        rng = np.random.default_rng(0)
        profiles: list[NDArray[np.float64]] = []
        ious: list[float] = []
        for number in range(1, count + 1):
            region = labels == number
            if region.sum() < _SMALLEST:
                continue
            free = region | ~mask
            for drawn in (region, *(wrong & free for wrong in _wrongly_drawn(region, rng))):
                if drawn.sum() >= _SMALLEST:
                    profiles.append(_profile(channels, drawn))
                    ious.append(mask_iou(drawn, region))
        return cls(_stacked(profiles), np.array(ious, np.float32))

    @classmethod
    def joined(cls, parts: Sequence[Outlines]) -> Outlines:
        parts = [cls(_stacked([]), np.zeros(0, np.float32)), *parts]
        return cls(np.vstack([p.profiles for p in parts]), np.concatenate([p.ious for p in parts]))

    def __len__(self) -> int:
        return len(self.ious)

    def likeness(
        self, image: NDArray[np.generic], part: tuple[slice, slice], regions: Sequence[NDArray[np.bool_]]
    ) -> NDArray[np.float64]:
        """How well each region's outline in an image less its background is likely to agree with the true one: the IoU
        that kernel ridge regression (Gaussian, on standardised profiles) expects.

        Args:
            image: (H, W); the noise is measured on all of it.
            part: rows and columns that the regions are about.
            regions: bool, of the part's shape, none empty.

        Returns:
            float64 (len(regions),); all 0 where there are no outlines.
        """
        if not len(self) or not len(regions):
            return np.zeros(len(regions))
        channels = _channels(image)[:, part[0], part[1]]
        # (R, 40)
        theirs = _stacked([_profile(channels, region) for region in regions])
        middle, spread = self.profiles.mean(axis=0), self.profiles.std(axis=0) + _LEAST_SPREAD
        known, asked = (self.profiles - middle) / spread, (theirs - middle) / spread
        usual = float(self.ious.mean())
        # Kernels: (N, N) and (R, N).
        alike = _alike(known, known) + _RIDGE * np.eye(len(known))
        return np.asarray(usual + _alike(asked, known) @ np.linalg.solve(alike, self.ious - usual), np.float64)


def _alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
    return np.asarray(np.exp(-_WIDTH / one.shape[1] * squares), np.float64)


def _stacked(profiles: Sequence[NDArray[np.float64]]) -> NDArray[np.float32]:
    return np.array(profiles, np.float32).reshape(-1, _PARTS * (2 * _REACH + 1) + 1)


def _wrongly_drawn(region: NDArray[np.bool_], rng: np.random.Generator) -> Iterator[NDArray[np.bool_]]:
    """Further out or in, most of them also displaced, half of them cut off by a straight line."""
    height, width = region.shape
    radius = float(np.sqrt(region.sum() / np.pi))
    for _ in range(_WRONG):
        steps = int(rng.integers(-max(3, round(_MOST_IN * radius)), _MOST_OUT_PX + 1))
        change = cv2.dilate if steps > 0 else cv2.erode
        drawn = change(as_uint8(region), CROSS, iterations=abs(steps))
        if rng.random() < _OFTEN_AWAY:
            down, right = rng.normal(0, _AWAY * radius, 2).round()
            away = np.array([[1, 0, right], [0, 1, down]])
            drawn = cv2.warpAffine(drawn, away, (width, height), flags=cv2.INTER_NEAREST)
        ys, xs = np.nonzero(drawn)
        if rng.random() < _OFTEN_CUT and len(ys):
            angle = rng.uniform(0, 2 * np.pi)
            along = ys * np.sin(angle) + xs * np.cos(angle)
            beyond = along > np.quantile(along, rng.uniform(_LEAST_LEFT, 1))
            drawn[ys[beyond], xs[beyond]] = 0
        yield drawn.view(np.bool_)


def _channels(image: NDArray[np.generic]) -> NDArray[np.float32]:
    """Gray, its magnitude, its steepness, (3, H, W)."""
    gray = image.astype(np.float32)
    gray = cv2.GaussianBlur(gray / max(noise(gray), _LEAST_NOISE), (0, 0), _SMOOTH_PX).astype(np.float32)
    steep = np.hypot(cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1))
    shades = np.arcsinh(gray / _GRAY_UNIT)
    return np.stack([shades, np.abs(shades), np.arcsinh(steep / _STEEP_UNIT)]).astype(np.float32)


def _profile(channels: NDArray[np.float32], region: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Means over the pixels of each distance, and the log area, (40,); where an object has no inner pixels, those of
    its deepest.
    """
    box = bounding_box(region)
    assert box is not None
    part = box.grown(_REACH + 2, region.shape).slices
    inside = as_uint8(region[part])
    outer = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_3)
    inner = cv2.distanceTransform(np.pad(inside, 1), cv2.DIST_L2, cv2.DIST_MASK_3)[1:-1, 1:-1]
    away = np.where(inside > 0, inner, -outer)  # 1 on the outermost pixels of the object, -1 beside them
    places = np.where(inside > 0, np.ceil(away) - 1, np.floor(away)).astype(int) + _REACH
    # (h * w,), 0 for what lies too far outside
    places = np.clip(places, -1, 2 * _REACH).ravel() + 1
    pixels = np.bincount(places, minlength=2 * _REACH + 2)[1:]
    found = []
    for channel in channels:
        sums = np.bincount(places, weights=channel[part].ravel(), minlength=2 * _REACH + 2)[1:]
        means = np.where(pixels > 0, sums / np.maximum(pixels, 1), np.nan)
        found.append(_filled(means))
    return np.concatenate([*found, [np.log(region.sum())]])


def _filled(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances without pixels take the mean of the next one nearer to the outline."""
    for place in range(_REACH + 1, len(means)):
        if np.isnan(means[place]):
            means[place] = means[place - 1]
    for place in range(_REACH - 2, -1, -1):
        if np.isnan(means[place]):
            means[place] = means[place + 1]
    return np.nan_to_num(means)
