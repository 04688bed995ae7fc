"""The light of a frame, and putting things into it."""

from __future__ import annotations

from tui_cytpix.simulate.frames.arrange import Cluster
from tui_cytpix.simulate.frames.optics import Floats

_MARGIN_PX = 26


def window(cluster: Cluster) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of what the cluster and its halo cover, px; may lie partly outside the frame."""
    top = min(s.y - s.reach for _, s in cluster) - _MARGIN_PX
    left = min(s.x - s.reach for _, s in cluster) - _MARGIN_PX
    bottom = max(s.y + s.reach for _, s in cluster) + _MARGIN_PX
    right = max(s.x + s.reach for _, s in cluster) + _MARGIN_PX
    return int(top), int(left), int(bottom) + 1, int(right) + 1


def overlay(light: Floats, place: tuple[int, int, int, int], shade: Floats) -> tuple[slice, slice, slice, slice]:
    """Multiplies the part of `shade` within the frame onto `light`; returns slices (frame y, x; window y, x)."""
    top, left, bottom, right = place
    height, width = light.shape
    y0, x0, y1, x1 = max(top, 0), max(left, 0), min(bottom, height), min(right, width)
    outer_y, outer_x = slice(y0, max(y1, y0)), slice(x0, max(x1, x0))
    inner_y = slice(y0 - top, max(y1, y0) - top)
    inner_x = slice(x0 - left, max(x1, x0) - left)
    light[outer_y, outer_x] *= shade[inner_y, inner_x]
    return outer_y, outer_x, inner_y, inner_x
