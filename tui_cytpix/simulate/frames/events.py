"""Simulated events with exact truth, and samples of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.images.background import static_background
from tui_cytpix.core.objects.centroids import centres
from tui_cytpix.core.objects.regions import Box, bounding_box, label_objects
from tui_cytpix.simulate.frames.arrange import Cluster, draw_frame
from tui_cytpix.simulate.frames.canvas import overlay, window
from tui_cytpix.simulate.frames.interior import render
from tui_cytpix.simulate.frames.optics import Floats, brightfield, rim_um
from tui_cytpix.simulate.frames.shapes import Rod, Round
from tui_cytpix.simulate.frames.surroundings import draw_debris, draw_ghost, draw_surroundings
from tui_cytpix.simulate.frames.tube import Tube, draw_tube, expose, smear
from tui_cytpix.simulate.kinds.catalogue import kind_named
from tui_cytpix.simulate.kinds.kind import SampleKind
from tui_cytpix.simulate.kinds.parts import Tight

FRAME_PX = 248
_SMALLEST_IMAGE_PX = 12  # a smaller image is of no use to anybody
_SMALLEST_PX = 12  # a sliver of a cut cell with fewer pixels is neither shown as a cell nor counted


@dataclass(frozen=True, eq=False)
class SimulatedEvent:
    """One frame and what is in it.

    Attributes:
        image: uint16, (H, W), gray levels of 10 bits.
        labels: uint16, (H, W), 0 background, 1..K particles. Where particles overlap, a pixel belongs to the one in
            which it lies deeper, as a share of that one's own radius: two equal discs are parted along their chord.
        centroids: float32, (K, 2), (y, x): centre of label k + 1, inside it (core.objects.centroids.centres).
        meta: `kind`, `defocus_um`, `septated` and `budded` (particles with one), `clusters` (particles of each),
            `debris`, `ghosts`, `on_border`.
    """

    image: NDArray[np.uint16]
    labels: NDArray[np.uint16]
    centroids: NDArray[np.float32]
    meta: dict[str, Any]


class SimulatedSample:
    """A tube: `n` events of one kind that share background, focus, noise and gray level; made when asked for, the same
    for a seed.

    Raises:
        UsageError: no kind has that name.
    """

    def __init__(self, kind: str | SampleKind, n: int, seed: int, size: int = FRAME_PX) -> None:
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


def events_and_background(
    kind: str | SampleKind, n: int, seed: int, size: int = FRAME_PX
) -> tuple[list[SimulatedEvent], NDArray[np.float32] | None]:
    """A tube of n events, and the static background that is found from their images; float32 (size, size), gray levels.

    Of cropped frames there is none, as nobody knows where in the field they lay; None where all are cropped.

    Raises:
        UsageError: no kind has that name.
    """
    events = list(SimulatedSample(kind, n, seed, size))
    whole = [event.image for event in events if event.image.shape == (size, size)]
    return events, static_background(np.stack(whole)) if whole else None


def simulate_event(
    kind: str | SampleKind, rng: np.random.Generator, size: int = FRAME_PX, tube: Tube | None = None
) -> SimulatedEvent:
    """One event of the given tube (which is of a kind already) or of a new one: size x size px, less if it is cropped.

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
    debris = draw_debris(kind, light, tube, defocus, rng)
    ghosts = draw_ghost(kind, light, labels, tube, rng)
    draw_surroundings(kind, light, labels, rng)
    labels, centroids = _numbered(labels)
    image = expose(smear(light, tube), tube, rng)
    tight = kind.arrangement.tight
    box = None if tight is None else _tight_box(tight, labels, rng)
    if box is not None:
        image = np.ascontiguousarray(image[box.slices])
        labels, centroids = _numbered(labels[box.slices])
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
    return SimulatedEvent(image, labels, centroids, meta)


def _draw_cluster(
    cluster: Cluster,
    light: Floats,
    truth: tuple[NDArray[np.uint16], Floats],
    tube: Tube,
    defocus: float,
    rng: np.random.Generator,
) -> None:
    """Adds a cluster to the frame's light and to its truth (labels, smallest depth so far)."""
    place = window(cluster)
    top, left, bottom, right = place
    y, x = np.mgrid[top:bottom, left:right].astype(np.float32)
    phase, absorbance = np.zeros_like(y), np.zeros_like(y)
    depths = []
    for cell, shape in cluster:
        delay, shade, q = render(cell, shape, (y, x), tube.optics, rng)
        phase += delay * np.float32(tube.contrast)
        absorbance += shade
        depths.append(q)
    intensity = brightfield(phase, absorbance, defocus, tube.optics)
    outer_y, outer_x, inner_y, inner_x = overlay(light, place, intensity)
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


def _visible(light: Floats, tube: Tube) -> bool:
    """Whether a person would see a particle with this light, 1 = background."""
    faintest = tube.kind.tube.faintest
    if faintest == 0 or light.size == 0:
        return True
    least = max(0.01, faintest * tube.noise / tube.level)
    return float(np.sqrt(np.mean((light - 1) ** 2))) >= least


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


def _tight_box(tight: Tight, labels: NDArray[np.uint16], rng: np.random.Generator) -> Box | None:
    """What a frame is cropped to; None where it stays whole, as one without any particle does.

    Args:
        labels: (H, W), 0 background, 1..K particles without gaps.
    """
    count = int(labels.max(initial=0))
    if count == 0 or rng.random() >= tight.share:
        return None
    chosen = labels == rng.integers(1, count + 1)
    if rng.random() >= tight.single:
        objects, _ = label_objects(labels > 0)
        chosen = objects == objects[chosen][0]
    box = bounding_box(chosen)
    if box is None:
        return None
    box = box.grown(round(rng.uniform(*tight.margin_px)), labels.shape)
    return box if min(box.y1 - box.y0, box.x1 - box.x0) >= _SMALLEST_IMAGE_PX else None
