"""How particles lie together: doublets and clumps that touch, separate particles elsewhere, cells cut by the frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tui_cytpix.simulate.frames.drawing import draw_like, draw_shape
from tui_cytpix.simulate.frames.shapes import Rod, Shape
from tui_cytpix.simulate.kinds.kind import Arrangement, Cell, SampleKind
from tui_cytpix.simulate.kinds.parts import Pack

Cluster = list[tuple[Cell, Shape]]
_ALONG = 0.85  # cosine to a rod's axis: what lies there touches its end
_OPENING = (0.15, 2.2)  # rad, of a V of two rods


def choose(shares: tuple[float, ...], rng: np.random.Generator) -> int:
    """An index, drawn with probabilities in proportion to `shares`."""
    return int(np.searchsorted(np.cumsum(shares), rng.random() * sum(shares), side="right"))


def draw_cell(kind: SampleKind, rng: np.random.Generator) -> tuple[Cell, Shape]:
    """A particle of the kind at (0, 0)."""
    cell = _draw_build(kind, rng)
    return cell, draw_shape(cell, kind.um_per_px, rng)


def _draw_build(kind: SampleKind, rng: np.random.Generator) -> Cell:
    return kind.cells[choose(tuple(c.weight for c in kind.cells), rng)]


def draw_cluster(kind: SampleKind, count: int, rng: np.random.Generator) -> Cluster:
    """`count` particles that touch (or nearly), about (0, 0); fewer where there was no room."""
    cluster = [draw_cell(kind, rng)]
    # Cells of one clump are mostly of one build.
    first = cluster[0][0]
    while len(cluster) < count:
        cell = first if rng.random() < kind.arrangement.like else _draw_build(kind, rng)
        placed = _attach(cluster, draw_shape(cell, kind.um_per_px, rng), kind, rng)
        if placed is None:
            break
        cluster.append((cell, placed))
    return _centred(cluster)


def draw_pack(kind: SampleKind, pack: Pack, rng: np.random.Generator) -> Cluster:
    """Parallel rods side by side, about (0, 0); fewer than drawn where there was no room, one where it is no rod."""
    cell, first = draw_cell(kind, rng)
    cluster = [(cell, first)]
    count, stagger = 2 + choose(pack.rods, rng), rng.uniform(*pack.stagger)
    fan = rng.uniform(*pack.fan) * rng.choice((-1, 1))
    while isinstance(first, Rod) and len(cluster) < count:
        last = cluster[-1][1]
        rod = draw_like(cell, first, pack.lengths, kind.um_per_px, rng)
        rod = replace(rod, angle=last.angle + fan)
        across = last.angle + fan / 2 + np.pi / 2
        aside = float(rng.uniform(-stagger, stagger) * min(rod.half_length, first.half_length))
        overlap = rng.uniform(*kind.arrangement.overlap_um) / kind.um_per_px
        away = contact_distance(last, rod, across, aside) - overlap
        y, x = away * np.sin(across) + aside * np.cos(across), away * np.cos(across) - aside * np.sin(across)
        placed = rod.at(float(last.y + y), float(last.x + x))
        if any(depth_of_overlap(other, placed) > max(1.5, overlap) for _, other in cluster[:-1]):
            break
        cluster.append((cell, placed))
    return _centred(cluster)


def _centred(cluster: Cluster) -> Cluster:
    ys = np.mean([shape.y for _, shape in cluster])
    xs = np.mean([shape.x for _, shape in cluster])
    return _moved(cluster, -float(ys), -float(xs))


def _attach(cluster: Cluster, shape: Shape, kind: SampleKind, rng: np.random.Generator) -> Shape | None:
    arrangement = kind.arrangement
    overlap = rng.uniform(*arrangement.overlap_um) / kind.um_per_px
    stack = arrangement.stack
    share = rng.uniform(*stack.overlap) if stack is not None and rng.random() < stack.share else None
    for _ in range(12):
        partner = cluster[int(rng.integers(len(cluster)))][1]
        turned, direction = _pose(partner, shape, arrangement, rng)
        depth = overlap
        if arrangement.end_overlap_um is not None and _end_to_end(partner, direction):
            depth = rng.uniform(*arrangement.end_overlap_um) / kind.um_per_px
        if share is not None and not (isinstance(partner, Rod) and isinstance(shape, Rod)):
            depth = share * 2 * min(partner.radius, shape.radius)
        distance = contact_distance(partner, turned, direction) - depth
        y = partner.y + distance * np.sin(direction)
        x = partner.x + distance * np.cos(direction)
        placed = turned.at(float(y), float(x))
        others = [other for _, other in cluster if other is not partner]
        if all(depth_of_overlap(other, placed) < max(1.5, depth) for other in others):
            return placed
    return None


def _pose(partner: Shape, shape: Shape, arrangement: Arrangement, rng: np.random.Generator) -> tuple[Shape, float]:
    """The newcomer's direction of its own, and the direction from its partner's middle to its own."""
    direction = float(rng.uniform(0, 2 * np.pi))
    if not isinstance(shape, Rod) or not isinstance(partner, Rod):
        return shape, direction
    form = rng.random()
    if form < arrangement.side_by_side:
        slide = rng.normal(0, 0.35)
        turned = replace(shape, angle=partner.angle + float(rng.normal(0, 0.12)))
        return turned, partner.angle + np.pi / 2 * float(rng.choice((-1, 1))) + float(slide)
    if form < arrangement.side_by_side + arrangement.end_to_end:
        turned = replace(shape, angle=partner.angle + float(rng.normal(0, 0.35)))
        return turned, partner.angle + np.pi * float(rng.integers(2)) + float(rng.normal(0, 0.08))
    if form < arrangement.side_by_side + arrangement.end_to_end + arrangement.hinged:
        return _hinged(partner, shape, rng)
    return shape, direction


def _hinged(partner: Rod, shape: Rod, rng: np.random.Generator) -> tuple[Rod, float]:
    """A V: the newcomer's end beside one of its partner's, the ground to be seen between them."""
    opening = float(rng.uniform(*_OPENING))
    end = partner.angle + np.pi * float(rng.integers(2))
    fold = float(rng.choice((-1, 1))) * (np.pi - opening)
    arms = (
        (end, partner.half_length - partner.radius),
        (end + fold / 2, partner.radius + shape.radius),  # between the middles of the two round ends
        (end + fold, shape.half_length - shape.radius),
    )
    y = sum(length * np.sin(turn) for turn, length in arms)
    x = sum(length * np.cos(turn) for turn, length in arms)
    return replace(shape, angle=end + fold), float(np.arctan2(y, x))


def _end_to_end(partner: Shape, direction: float) -> bool:
    """Whether the newcomer lies beyond one of a rod's ends."""
    return isinstance(partner, Rod) and abs(np.cos(direction - partner.angle)) > _ALONG


def reach(cluster: Cluster) -> float:
    """Largest distance of any outline from (0, 0), px."""
    return max(float(np.hypot(shape.y, shape.x)) + shape.reach for _, shape in cluster)


def draw_frame(kind: SampleKind, size: int, rng: np.random.Generator) -> list[Cluster]:
    """The particles of one event at their places in a frame of size x size px, in clusters that do not touch."""
    arrangement = kind.arrangement
    if rng.random() < arrangement.blank:
        return []
    if arrangement.pack is not None and rng.random() < arrangement.pack.share:
        main = draw_pack(kind, arrangement.pack, rng)
    else:
        main = draw_cluster(kind, 1 + choose(arrangement.cluster, rng), rng)
    if rng.random() < arrangement.border:
        y, x = _border_place(main, size, rng)
    else:
        spread = min(arrangement.centring_um / kind.um_per_px, size / 8)
        limit = max(0.0, size / 2 - reach(main) - 2)
        offset = np.clip(rng.normal(0, spread, 2), -limit, limit)
        y, x = size / 2 + offset[0], size / 2 + offset[1]
    placed = [(y, x, reach(main))]
    clusters = [_moved(main, y, x)]
    for _ in range(choose(arrangement.coincident, rng)):
        other = draw_cluster(kind, 1 if rng.random() < 0.9 else 2, rng)
        radius = reach(other)
        for _ in range(10):
            y, x = rng.uniform(0, size, 2)
            if all(np.hypot(y - py, x - px) > radius + pr + 4 for py, px, pr in placed):
                placed.append((y, x, radius))
                clusters.append(_moved(other, y, x))
                break
    return clusters


def _border_place(cluster: Cluster, size: int, rng: np.random.Generator) -> tuple[float, float]:
    """A place at which one side of the frame cuts the cluster, its middle mostly within."""
    inset = float(rng.uniform(-0.1, 0.75) * min(reach(cluster), cluster[0][1].radius * 2))
    along = float(rng.uniform(0.2, 0.8) * size)
    side = int(rng.integers(4))
    across = inset if side % 2 == 0 else size - 1 - inset
    return (across, along) if side < 2 else (along, across)


def _moved(cluster: Cluster, y: float, x: float) -> Cluster:
    return [(cell, shape.at(shape.y + float(y), shape.x + float(x))) for cell, shape in cluster]


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
