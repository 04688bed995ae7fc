"""Simulated events with exact truth, and samples of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.centroids import centres
from tui_cytpix.core.regions import bounding_box, label_objects
from tui_cytpix.simulate.arrange import Cluster, draw_cell, draw_frame
from tui_cytpix.simulate.interior import render
from tui_cytpix.simulate.kind import SampleKind
from tui_cytpix.simulate.kinds import kind_named
from tui_cytpix.simulate.optics import Floats, brightfield, rim_um
from tui_cytpix.simulate.shapes import Rod, Round
from tui_cytpix.simulate.surroundings import blotches, bubbles, field_stop
from tui_cytpix.simulate.tube import Tube, draw_tube, expose, smear

FRAME_PX = 248
_MARGIN_PX = 26
_SMALLEST_PX = 12  # a sliver of a cut cell with fewer pixels is neither shown as a cell nor counted


@dataclass(frozen=True, eq=False)
class SimulatedEvent:
    """One frame and what is in it.

    Attributes:
        image: uint16, (H, W), gray levels of 10 bits.
        labels: uint16, (H, W), 0 background, 1..K particles.
        centroids: float32, (K, 2), (y, x): centre of label k + 1, inside it (core.centroids.centres).
        meta: `kind`, `defocus_um`, `septated` and `budded` (particles with one), `clusters` (particles of each),
            `debris`, `ghosts`, `on_border`.
    """

    image: NDArray[np.uint16]
    labels: NDArray[np.uint16]
    centroids: NDArray[np.float32]
    meta: dict[str, Any]


class SimulatedSample:
    """A tube: `n` events of one kind that share background, focus, noise and gray level; made when asked for."""

    def __init__(self, kind: str | SampleKind, n: int, seed: int, size: int = FRAME_PX) -> None:
        """
        Raises:
            UsageError: no kind has that name.
        """
        self.seed = seed
        self.size = size
        self._n = n
        self.tube = draw_tube(kind_named(kind), size, np.random.default_rng([seed, 0]))
        self.kind = self.tube.kind

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, index: int) -> SimulatedEvent:
        if not 0 <= index < self._n:
            raise IndexError(index)
        return simulate_event(self.kind, np.random.default_rng([self.seed, 1, index]), self.size, self.tube)

    def __iter__(self) -> Iterator[SimulatedEvent]:
        return (self[index] for index in range(self._n))


def simulate_sample(kind: str | SampleKind, n: int, seed: int) -> SimulatedSample:
    """A tube of n events; the same for a seed.

    Raises:
        UsageError: no kind has that name.
    """
    return SimulatedSample(kind, n, seed)


def simulate_event(
    kind: str | SampleKind, rng: np.random.Generator, size: int = FRAME_PX, tube: Tube | None = None
) -> SimulatedEvent:
    """One event of size x size px, of the given tube (which is of a kind already) or of a new one.

    Raises:
        UsageError: no kind has that name.
    """
    tube = draw_tube(kind_named(kind), size, rng) if tube is None else tube
    kind = tube.kind
    light = np.ones((size, size), np.float32)
    nearest = np.full((size, size), 1.0, np.float32)
    labels = np.zeros((size, size), np.uint16)
    defocus = float(rng.normal(tube.focus_um, tube.focus_spread_um))
    clusters = draw_frame(kind, size, rng)
    for cluster in clusters:
        depth = defocus if cluster is clusters[0] else defocus + float(rng.normal(0, kind.arrangement.depth_um))
        _draw_cluster(cluster, light, (labels, nearest), tube, depth, rng)
    debris = _draw_debris(kind, light, tube, defocus, rng)
    ghosts = _draw_ghost(kind, light, labels, tube, rng)
    _draw_surroundings(kind, light, labels, rng)
    labels, centroids = _numbered(labels)
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    shapes = [shape for cluster in clusters for _, shape in cluster]
    meta = {
        "kind": kind.name,
        "defocus_um": defocus,
        "septated": sum(isinstance(s, Rod) and s.septum is not None for s in shapes),
        "budded": sum(isinstance(s, Round) and s.bud is not None for s in shapes),
        "clusters": [len(cluster) for cluster in clusters],
        "debris": debris,
        "ghosts": ghosts,
        "on_border": bool(edge.any()),
    }
    return SimulatedEvent(expose(smear(light, tube), tube, rng), labels, centroids, meta)


def _window(cluster: Cluster) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of what the cluster and its halo cover, px; may lie partly outside the frame."""
    top = min(s.y - s.reach for _, s in cluster) - _MARGIN_PX
    left = min(s.x - s.reach for _, s in cluster) - _MARGIN_PX
    bottom = max(s.y + s.reach for _, s in cluster) + _MARGIN_PX
    right = max(s.x + s.reach for _, s in cluster) + _MARGIN_PX
    return int(top), int(left), int(bottom) + 1, int(right) + 1


def _overlay(light: Floats, window: tuple[int, int, int, int], shade: Floats) -> tuple[slice, slice, slice, slice]:
    """Multiplies the part of `shade` within the frame onto `light`; returns slices (frame y, x; window y, x)."""
    top, left, bottom, right = window
    height, width = light.shape
    y0, x0, y1, x1 = max(top, 0), max(left, 0), min(bottom, height), min(right, width)
    outer_y, outer_x = slice(y0, max(y1, y0)), slice(x0, max(x1, x0))
    inner_y = slice(y0 - top, max(y1, y0) - top)
    inner_x = slice(x0 - left, max(x1, x0) - left)
    light[outer_y, outer_x] *= shade[inner_y, inner_x]
    return outer_y, outer_x, inner_y, inner_x


def _draw_cluster(
    cluster: Cluster,
    light: Floats,
    truth: tuple[NDArray[np.uint16], Floats],
    tube: Tube,
    defocus: float,
    rng: np.random.Generator,
) -> None:
    """Adds a cluster to the frame's light and to its truth (labels, smallest depth so far)."""
    window = _window(cluster)
    top, left, bottom, right = window
    y, x = np.mgrid[top:bottom, left:right].astype(np.float32)
    phase, absorbance = np.zeros_like(y), np.zeros_like(y)
    depths = []
    for cell, shape in cluster:
        delay, shade, q = render(cell, shape, (y, x), tube.optics, rng)
        phase += delay * np.float32(tube.contrast)
        absorbance += shade
        depths.append(q)
    intensity = brightfield(phase, absorbance, defocus, tube.optics)
    arrangement = tube.kind.arrangement
    if arrangement.tilted > 0 and rng.random() < arrangement.tilted:
        other = brightfield(phase, absorbance, defocus + float(rng.normal(0, arrangement.tilt_um)), tube.optics)
        intensity += _ramp((y, x), rng) * (other - intensity)
    outer_y, outer_x, inner_y, inner_x = _overlay(light, window, intensity)
    labels, nearest = truth
    first = int(labels.max()) + 1
    # A phase ring shows the cell itself dark, not its rim.
    follow = tube.kind.tube.rim if tube.optics.ring is None else 0.0
    grown = follow * rim_um(defocus, tube.optics) / tube.optics.um_per_px
    for number, (q, (_, shape)) in enumerate(zip(depths, cluster, strict=True)):
        inside = q[inner_y, inner_x] * np.float32(shape.radius / (shape.radius + grown))
        # Where outlines overlap, a pixel belongs to the particle in which it lies deeper.
        closer = inside < nearest[outer_y, outer_x]
        seen = _visible(intensity[inner_y, inner_x][closer], tube)
        labels[outer_y, outer_x][closer] = first + number if seen else 0
        nearest[outer_y, outer_x][closer] = inside[closer]


def _ramp(grid: tuple[Floats, Floats], rng: np.random.Generator) -> Floats:
    """0 to 1 from one side of a window to the other, in any direction."""
    turn = rng.uniform(0, 2 * np.pi)
    along = grid[1] * np.float32(np.cos(turn)) + grid[0] * np.float32(np.sin(turn))
    least, most = float(along.min()), float(along.max())
    return np.asarray((along - least) / max(most - least, 1.0), np.float32)


def _visible(light: Floats, tube: Tube) -> bool:
    """Whether a person would see a particle with this light, 1 = background."""
    faintest = tube.kind.tube.faintest
    if faintest == 0 or light.size == 0:
        return True
    least = max(0.01, faintest * tube.noise / tube.level)
    return float(np.sqrt(np.mean((light - 1) ** 2))) >= least


def _draw_debris(kind: SampleKind, light: Floats, tube: Tube, defocus: float, rng: np.random.Generator) -> int:
    """Small bits anywhere in the frame; returns their number."""
    size = light.shape[0]
    count = int(rng.poisson(kind.arrangement.debris))
    for _ in range(count):
        radius = rng.uniform(*kind.arrangement.debris_um) / 2 / kind.um_per_px
        waves = tuple((k, float(abs(rng.normal(0, 0.12))), float(rng.uniform(0, 6.28))) for k in (2, 3, 4))
        cy, cx = rng.uniform(0, size, 2)
        bit = Round(float(cy), float(cx), float(rng.uniform(0, np.pi)), radius, rng.uniform(1, 1.5), 1.0, waves)
        window = (int(cy) - 24, int(cx) - 24, int(cy) + 25, int(cx) + 25)
        y, x = np.mgrid[window[0] : window[2], window[1] : window[3]].astype(np.float32)
        thickness = bit.thickness(y, x, 0.0) * kind.um_per_px
        phase = (thickness * rng.uniform(0.2, 0.9)).astype(np.float32)
        shade = (thickness * rng.uniform(0.0, 0.2)).astype(np.float32)
        _overlay(light, window, brightfield(phase, shade, defocus + float(rng.normal(0, 3)), tube.optics))
    return count


def _draw_surroundings(kind: SampleKind, light: Floats, labels: NDArray[np.uint16], rng: np.random.Generator) -> None:
    """Blotches, bubbles, a dark corner; what lies in the dark is no particle any more."""
    arrangement, size = kind.arrangement, light.shape[0]
    if arrangement.blotches > 0:
        light *= blotches(kind, size, rng)
    if arrangement.bubbles > 0:
        air = bubbles(kind, size, rng)
        light *= air
        labels[np.abs(air - 1) > 0.3] = 0
    if arrangement.field_stop > 0 and rng.random() < arrangement.field_stop:
        stop = field_stop(size, rng)
        light *= stop
        labels[stop < 0.8] = 0


def _draw_ghost(
    kind: SampleKind, light: Floats, labels: NDArray[np.uint16], tube: Tube, rng: np.random.Generator
) -> int:
    """A pale remnant: a cell's membrane with hardly anything in it, apart from the particles; returns 0 or 1."""
    if rng.random() >= kind.arrangement.ghost:
        return 0
    cell, shape = draw_cell(kind, rng)
    for _ in range(8):
        cy, cx = rng.uniform(0, light.shape[0], 2)
        ghost = shape.at(float(cy), float(cx))
        window = _window([(cell, ghost)])
        if labels[max(window[0], 0) : window[2], max(window[1], 0) : window[3]].any():
            continue
        y, x = np.mgrid[window[0] : window[2], window[1] : window[3]].astype(np.float32)
        phase, absorbance, _ = render(cell, ghost, (y, x), tube.optics, rng)
        pale = np.float32(rng.uniform(0.05, 0.14))
        _overlay(light, window, brightfield(pale * phase, pale * absorbance, tube.focus_um, tube.optics))
        return 1
    return 0


def _numbered(labels: NDArray[np.uint16]) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """Labels 1..K without gaps, and their centres (K, 2).

    Each label is one region (the largest, where the frame or a neighbour cut a particle in two), none a sliver.
    """
    numbered = np.zeros_like(labels)
    box = bounding_box(labels > 0)
    if box is None:
        return numbered, np.zeros((0, 2), np.float32)
    crop, target = labels[box.slices], numbered[box.slices]
    kept = 0
    for k in range(1, int(crop.max()) + 1):
        regions, count = label_objects(crop == k)
        sizes = np.bincount(regions.ravel(), minlength=count + 1)[1:]
        if sizes.max(initial=0) >= _SMALLEST_PX:
            kept += 1
            target[regions == int(sizes.argmax()) + 1] = kept
    return numbered, centres(target) + np.array([box.y0, box.x0], np.float32)
