"""What is in a frame beside the particles and is none: debris, ghosts, blotches, air bubbles, dark corners."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.simulate.frames.arrange import draw_cell
from tui_cytpix.simulate.frames.canvas import overlay, window
from tui_cytpix.simulate.frames.interior import render
from tui_cytpix.simulate.frames.optics import Floats, brightfield
from tui_cytpix.simulate.frames.shapes import Round
from tui_cytpix.simulate.frames.tube import Tube
from tui_cytpix.simulate.kinds.kind import SampleKind

_DARK = 0.3  # share of the light: what lies in less is not seen
_COARSE = 4  # blotches are soft: drawn on every fourth pixel


def blotches(kind: SampleKind, size: int, rng: np.random.Generator) -> Floats:
    """Light behind things far out of focus, as other cells and dirt at other depths of a well; float32 (size, size).

    A patchy ground, and spots of 2 to 9 um that are mostly dark, alone or in streaks.
    """
    side = -(-size // _COARSE) + 1
    um = _COARSE * kind.um_per_px
    grain = rng.uniform(1.0, 3.0) / um
    cells = max(4, int(side / max(grain, 0.5)))
    patchy = cv2.resize(
        rng.standard_normal((cells, cells)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC
    )
    light = 1 + np.float32(0.025 * rng.random() ** 3) * np.asarray(patchy, np.float32)
    axis = np.arange(side, dtype=np.float32)
    depth = 0.7 * rng.random() ** 2 + 0.03
    for _ in range(int(rng.poisson(kind.arrangement.blotches))):
        cy, cx = rng.uniform(0, side, 2)
        shade = depth * rng.uniform(0.2, 1.2) * (1 if rng.random() < 0.85 else -0.6)
        step = rng.normal(0, 2.0, 2) / um
        flat = rng.uniform(1.0, 3.0)  # a disc out of focus has a flat top, more than a Gaussian
        for link in range(int(rng.integers(1, 4))):
            ry, rx = rng.uniform(1.0, 4.5, 2) / um
            y, x = cy + link * step[0], cx + link * step[1]
            hill = ((axis[:, None] - y) / ry) ** 2 + ((axis[None, :] - x) / rx) ** 2
            light -= np.float32(shade / 1.5) * np.exp(-(hill**flat)).astype(np.float32)
    wide = cv2.resize(light, (side * _COARSE, side * _COARSE), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(np.clip(wide[:size, :size], 0.2, 1.8), np.float32)


def field_stop(size: int, rng: np.random.Generator) -> Floats:
    """Light that one or two straight edges cut off in corners or at sides; float32 (size, size), 0..1."""
    axis = np.arange(size, dtype=np.float32) - (size - 1) / 2
    soft, dark = rng.uniform(0.4, 3.0), rng.choice((0.02, 1.0)) * rng.uniform(0.0, 0.6)
    light = np.ones((size, size), np.float32)
    for _ in range(int(rng.integers(1, 3))):
        turn = rng.uniform(0, 2 * np.pi)
        along = np.float32(np.cos(turn)) * axis[None, :] + np.float32(np.sin(turn)) * axis[:, None]
        edge = float(along.max()) * rng.uniform(0.4, 0.97)
        light = np.minimum(light, 1 / (1 + np.exp(np.clip((along - edge) / soft, -30, 30))))
    return np.asarray(dark + (1 - dark) * light, np.float32)


def bubbles(kind: SampleKind, size: int, rng: np.random.Generator) -> Floats:
    """Light behind air bubbles: total reflection leaves a black ring about a bright middle; float32 (size, size)."""
    light = np.ones((size, size), np.float32)
    axis = np.arange(size, dtype=np.float32)
    for _ in range(int(rng.poisson(kind.arrangement.bubbles))):
        cy, cx = rng.uniform(0, size, 2)
        radius = rng.uniform(2.5, 9.0) / kind.um_per_px
        hole, soft = rng.uniform(0.15, 0.45), rng.uniform(0.7, 2.0)
        distance = np.hypot(axis[:, None] - np.float32(cy), axis[None, :] - np.float32(cx))
        within = 1 / (1 + np.exp(np.clip((distance - radius) / soft, -30, 30)))
        middle = np.exp(-((distance / (hole * radius)) ** 4))
        halo = 0.2 * np.exp(-(((distance - radius - 3 * soft) / (1.5 * soft)) ** 2))
        light *= (1 - 0.93 * within * (1 - middle) + 0.5 * middle + halo).astype(np.float32)
    return light


def draw_debris(kind: SampleKind, light: Floats, tube: Tube, defocus: float, rng: np.random.Generator) -> int:
    """Small bits anywhere in the frame; returns their number."""
    size = light.shape[0]
    count = int(rng.poisson(kind.arrangement.debris))
    for _ in range(count):
        radius = rng.uniform(*kind.arrangement.debris_um) / 2 / kind.um_per_px
        waves = tuple((k, float(abs(rng.normal(0, 0.12))), float(rng.uniform(0, 6.28))) for k in (2, 3, 4))
        cy, cx = rng.uniform(0, size, 2)
        bit = Round(float(cy), float(cx), float(rng.uniform(0, np.pi)), radius, rng.uniform(1, 1.5), 1.0, waves)
        place = (int(cy) - 24, int(cx) - 24, int(cy) + 25, int(cx) + 25)
        y, x = np.mgrid[place[0] : place[2], place[1] : place[3]].astype(np.float32)
        thickness = bit.thickness(y, x, 0.0) * kind.um_per_px
        phase = (thickness * rng.uniform(0.2, 0.9)).astype(np.float32)
        shade = (thickness * rng.uniform(0.0, 0.2)).astype(np.float32)
        overlay(light, place, brightfield(phase, shade, defocus + float(rng.normal(0, 3)), tube.optics))
    return count


def draw_surroundings(kind: SampleKind, light: Floats, labels: NDArray[np.uint16], rng: np.random.Generator) -> None:
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
        labels[stop < _DARK] = 0


def draw_ghost(
    kind: SampleKind, light: Floats, labels: NDArray[np.uint16], tube: Tube, rng: np.random.Generator
) -> int:
    """A pale remnant: a cell's membrane with hardly anything in it, apart from the particles; returns 0 or 1."""
    if rng.random() >= kind.arrangement.ghost:
        return 0
    cell, shape = draw_cell(kind, rng)
    for _ in range(8):
        cy, cx = rng.uniform(0, light.shape[0], 2)
        ghost = shape.at(float(cy), float(cx))
        place = window([(cell, ghost)])
        if labels[max(place[0], 0) : place[2], max(place[1], 0) : place[3]].any():
            continue
        y, x = np.mgrid[place[0] : place[2], place[1] : place[3]].astype(np.float32)
        phase, absorbance, _ = render(cell, ghost, (y, x), tube.optics, rng)
        pale = np.float32(rng.uniform(0.05, 0.14))
        overlay(light, place, brightfield(pale * phase, pale * absorbance, tube.focus_um, tube.optics))
        return 1
    return 0
