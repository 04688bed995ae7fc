"""Where two outlines touch, and how deep they overlap."""

from __future__ import annotations

import numpy as np

from tui_cytpix.simulate.frames.shapes import Shape


def contact_distance(a: Shape, b: Shape, direction: float, aside: float = 0.0) -> float:
    """How far b's middle is from a's, along `direction`, when their outlines just touch, px.

    Args:
        direction: from a to b, rad, from x towards y.
        aside: how far b is shifted at right angles to it, px, from x towards y.
    """
    far, near = a.reach + b.reach + 1.0, 0.0
    dy, dx = float(np.sin(direction)), float(np.cos(direction))
    (a_y, a_x), (b_y, b_x) = a.outline(), b.outline()
    for _ in range(10):
        middle = (far + near) / 2
        y, x = a.y + middle * dy + aside * dx - b.y, a.x + middle * dx - aside * dy - b.x  # b's shift
        if (a.depth(b_y + y, b_x + x) < 1).any() or (b.depth(a_y - y, a_x - x) < 1).any():
            near = middle
        else:
            far = middle
    return (near + far) / 2


def depth_of_overlap(a: Shape, b: Shape) -> float:
    """About how deep b's outline lies inside a, or a's inside b, px."""
    if np.hypot(a.y - b.y, a.x - b.x) > a.reach + b.reach:
        return 0.0
    b_in_a = (1 - float(a.depth(*b.outline()).min())) * a.radius
    a_in_b = (1 - float(b.depth(*a.outline()).min())) * b.radius
    return max(b_in_a, a_in_b, 0.0)
