"""Which parts of an image the network looks at, and where they lie on its grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.images.differing_regions import Region, differing_regions
from tui_cytpix.core.images.resample import resampled
from tui_cytpix.core.objects.regions import Box

GRAIN = 4  # px of a full-resolution input: a tenth of the particles that networks are trained on
MARGIN = 1.5  # of the coarsest pixel's edge: what of its surroundings the network sees with a region, at least
TIGHT = 10  # of the coarsest pixel's edge: beyond the borders of so small an image the network sees background
BUCKET = 32  # px of a full-resolution input: of few sizes more go through the network together
MOST_SHARE = 0.9  # of a frame: where crops would cover more, the network sees it whole
MOST_CROPS = 32  # so it does where there are more regions: to find out which could share a crop would take longer


class Crop(NamedTuple):
    """A part of the network's input, px: it may reach past the input's borders, and is 0 (background) there."""

    y0: int
    x0: int
    height: int
    width: int


class CropPlan(NamedTuple):
    """What of an image is asked for, in px of the image, the crops that answer, and each region's place among them."""

    regions: list[Region]
    crops: list[Crop]
    places: list[int]


class NetworkInput:
    """An image as the network sees it: resampled.

    Attributes:
        gray: float32 (H, W), the input.
        shape: (height, width) of the image.
        scale: px of the input per px of the image, in y and x.
    """

    def __init__(self, image: NDArray[np.float32], zoom: float) -> None:
        self.shape = image.shape
        self.gray = resampled(image, zoom)
        if zoom in (0.5, 1.0):
            self.scale = (zoom, zoom)
        else:
            self.scale = (self.gray.shape[0] / image.shape[0], self.gray.shape[1] / image.shape[1])

    def take(self, crop: Crop, target: NDArray[np.float32]) -> None:
        """Copies the crop's pixels into `target` (height, width), which is 0 everywhere."""
        top, left = max(-crop.y0, 0), max(-crop.x0, 0)
        found = self.gray[crop.y0 + top : crop.y0 + crop.height, crop.x0 + left : crop.x0 + crop.width]
        target[top : top + found.shape[0], left : left + found.shape[1]] = found

    def placing(self, box: Box, crop: Crop) -> tuple[float, float, float, float]:
        """Where a box's pixels lie in a crop: pixel i at scale (i + 1/2) + first; both of y, then of x."""
        sy, sx = self.scale
        return sy, sy * box.y0 - 0.5 - crop.y0, sx, sx * box.x0 - 0.5 - crop.x0

    def in_image(self, box: Box, crop: Crop, maps: NDArray[np.float32]) -> NDArray[np.float32]:
        """From maps (M, height, width) of a crop to those of a box of the image: float32 (M, h, w), the caller's own.

        Bilinear; pixel y of the image lies at (y + 1/2) scale - 1/2 of the input.
        """
        height, width = box.y1 - box.y0, box.x1 - box.x0
        if self.scale == (1.0, 1.0):
            top, left = box.y0 - crop.y0, box.x0 - crop.x0
            return maps[:, top : top + height, left : left + width].copy()
        (sy, y0, sx, x0), flags = self.placing(box, crop), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        to_input = np.array([[sx, 0, sx / 2 + x0], [0, sy, sy / 2 + y0]])
        found = np.empty((len(maps), height, width), np.float32)
        for one, target in zip(maps, found, strict=True):
            cv2.warpAffine(one, to_input, (width, height), target, flags, cv2.BORDER_REPLICATE)
        return found


def grain(zoom: float) -> int:
    """px of an image, the `cell` of `differing_regions`."""
    return max(1, round(GRAIN / zoom))


def plan_whole(source: NetworkInput, multiple: int) -> CropPlan:
    """All of an image; for a network whose input is a multiple of `multiple` px."""
    height, width = source.shape
    everything = Region(Box(0, 0, height, width), np.ones((height, width), np.bool_))
    return CropPlan([everything], [_whole(source, multiple)], [0])


def plan_differing(
    source: NetworkInput, image: NDArray[np.float32], zoom: float, multiple: int, sigma: float | None = None
) -> CropPlan:
    """What differs from the background in an image; nothing at all where nothing does.

    Crops lie on the grid that pooling makes of the whole input: off it, the network's answers differ.

    Args:
        image: as normalised.
        zoom: of the image, at which particles have the size that full-resolution networks are trained on.
        multiple: as in `plan_whole`.
        sigma: standard deviation of the image's noise, None to measure it.
    """
    regions = differing_regions(image, grain(zoom), sigma)
    grid = _Grid(multiple, max(round(BUCKET * source.scale[0] / zoom / multiple), 1) * multiple, MARGIN * multiple)
    everything = _whole(source, multiple)
    crops, places = _crops([region.box for region in regions[:MOST_CROPS]], source, grid)
    if len(regions) > MOST_CROPS or sum(map(_size, crops)) > MOST_SHARE * _size(everything):
        return CropPlan(regions, [everything], [0] * len(regions))
    return CropPlan(regions, crops, places)


def _crops(boxes: Sequence[Box], source: NetworkInput, grid: _Grid) -> tuple[list[Crop], list[int]]:
    """Crops around boxes, and the place of the one that holds each. Boxes share one that is no larger than one each."""
    groups: list[_Group] = []
    for i, box in enumerate(boxes):
        group = _Group(box, _around(box, source, grid), [i])
        while (better := _joined(group, groups, source, grid)) is not None:
            group = better
        groups.append(group)
    places = {i: place for place, group in enumerate(groups) for i in group.members}
    return [group.crop for group in groups], [places[i] for i in range(len(boxes))]


def _joined(group: _Group, groups: list[_Group], source: NetworkInput, grid: _Grid) -> _Group | None:
    """The group with another, which is taken from `groups`; None where none is better joined."""
    (sy, sx), own = source.scale, _size(group.crop)
    for place, (box, crop, members) in enumerate(groups):
        most, union = _size(crop) + own, group.box.joined(box)
        if (union.y1 - union.y0) * sy * (union.x1 - union.x0) * sx > most:
            continue  # to say so is quick, and a crop is no smaller than its box
        whole = _around(union, source, grid)
        if _size(whole) <= most:
            del groups[place]
            return _Group(union, whole, members + group.members)
    return None


class _Group(NamedTuple):
    """Boxes by their numbers, the box around them, and its crop."""

    box: Box
    crop: Crop
    members: list[int]


def _size(crop: Crop) -> int:
    return crop.height * crop.width


def _whole(source: NetworkInput, multiple: int) -> Crop:
    beyond = _beyond(source, multiple)
    rows, columns = (-(-n // multiple) * multiple + 2 * beyond for n in source.gray.shape)
    return Crop(-beyond, -beyond, rows, columns)


def _beyond(source: NetworkInput, multiple: int) -> int:
    """How far, px, the network sees beyond the borders: a small image was cut to its particle, as in training's views;
    what a whole frame's border cuts is half a particle anyway.
    """
    return math.ceil(MARGIN) * multiple if max(source.gray.shape) <= TIGHT * multiple else 0


class _Grid(NamedTuple):
    """Crops start at multiples of `step` and their length is one of `bucket`, itself one of `step`; px of the input.
    `margin`: around a region, deeper networks look further. Chosen by tests/benchmarks/speed.py.
    """

    step: int
    bucket: int
    margin: float

    def span(self, low: float, high: float, first: int, last: int) -> tuple[int, int]:
        """Start and length of the part of first..last that holds low..high and the margin, with low..high near its
        middle.
        """
        step, bucket, margin = self
        start = math.floor(max(low - margin, first) / step) * step
        whole = -(-(last - first) // step) * step
        length = min(math.ceil((min(high + margin, last) - start) / bucket) * bucket, whole)
        spare = (start + length - high) - (low - start)  # so much more room behind it than before it
        start -= max(round(spare / (2 * step)), 0) * step
        return min(max(start, first), first + whole - length), length


def _around(box: Box, source: NetworkInput, grid: _Grid) -> Crop:
    sy, sx = source.scale
    (height, width), beyond = source.gray.shape, _beyond(source, grid.step)
    y0, rows = grid.span(box.y0 * sy, box.y1 * sy, -beyond, height + beyond)
    x0, columns = grid.span(box.x0 * sx, box.x1 * sx, -beyond, width + beyond)
    return Crop(y0, x0, rows, columns)
