"""Phase and absorption of one particle: body, wall, granules, nucleus, vacuoles, septum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.simulate.frames.arrange import choose
from tui_cytpix.simulate.frames.optics import Floats, Optics, blur, refraction_loss
from tui_cytpix.simulate.frames.shapes import Rod, Shape
from tui_cytpix.simulate.kinds.kind import Cell, Interior
from tui_cytpix.simulate.kinds.parts import Solid


def render(
    cell: Cell, shape: Shape, grid: tuple[Floats, Floats], optics: Optics, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """(phase in rad, absorbance, depth within the outline) of a particle on a grid of (y, x); each (H, W)."""
    y, x = grid
    inside = cell.interior
    outline = shape.depth(y, x)
    inset = inside.inset_um / optics.um_per_px
    q = outline * np.float32(shape.radius / (shape.radius - inset))
    thickness = shape.thickness(y, x, inset) * optics.um_per_px
    body = thickness * rng.uniform(*inside.phase_per_um)
    mottle = rng.uniform(*inside.mottle)
    if mottle > 0:
        noise = blur(rng.standard_normal(y.shape, np.float32), rng.uniform(1.2, 3.0))
        body = body * (1 + mottle * noise / max(float(noise.std()), 1e-6))
    loss = refraction_loss(body, rng.uniform(*inside.rim_loss), optics)
    within = q < 0.9
    # Inner bodies fade out towards the outline, where the cell is thin.
    room = np.clip(3.0 * (1 - q), 0, 1).astype(np.float32)
    phase = body + _wall(q, shape.radius, optics, rng.uniform(*inside.wall))
    absorbance = thickness * rng.uniform(*inside.absorption) + loss
    phase = phase + room * (_nuclei(inside, shape, grid, rng) + _vacuoles(inside, shape, grid, within, rng))
    bumps, stains = _granules(inside, within, optics, rng)
    phase, absorbance = phase + room * bumps, absorbance + room * stains
    if isinstance(shape, Rod) and shape.septum is not None:
        ridge, shade = _septum(cell, shape, grid, q, optics, rng)
        phase, absorbance = phase + ridge, absorbance + shade
    if inside.solid is not None:
        absorbance = absorbance + _solid(inside.solid, outline, shape.radius, optics, rng)
    return phase.astype(np.float32), absorbance.astype(np.float32), outline


def _wall(q: Floats, radius: float, optics: Optics, phase: float) -> Floats:
    """A thin shell seen from the side: a ring just inside the outline."""
    width = 0.3 / optics.um_per_px / radius
    return np.asarray(phase * np.exp(-(((q - 1 + 0.7 * width) / (0.8 * width)) ** 2)), np.float32)


def _disc(grid: tuple[Floats, Floats], y: float, x: float, radius: float) -> Floats:
    distance2 = ((grid[0] - y) ** 2 + (grid[1] - x) ** 2) / max(radius, 0.7) ** 2
    return np.asarray(np.sqrt(np.maximum(1 - distance2, 0)), np.float32)


def _nuclei(inside: Interior, shape: Shape, grid: tuple[Floats, Floats], rng: np.random.Generator) -> Floats:
    total = np.zeros_like(grid[0])
    lobes = choose(inside.nuclei, rng)
    phase = rng.uniform(*inside.nucleus_phase)
    start = rng.uniform(0, 2 * np.pi)
    for lobe in range(lobes):
        radius = shape.radius * rng.uniform(*inside.nucleus_share) / (1 if lobes == 1 else 1.25)
        if isinstance(shape, Rod):
            place = shape.half_length * (0.5 * (lobe - (lobes - 1) / 2) + rng.normal(0, 0.06))
            y, x = shape.y + place * np.sin(shape.angle), shape.x + place * np.cos(shape.angle)
        else:
            away = rng.uniform(0, 0.7) * (shape.radius - radius) if lobes == 1 else 0.85 * radius
            turn = start + lobe * 1.6
            y, x = shape.y + away * np.sin(turn), shape.x + away * np.cos(turn)
        total = np.maximum(total, _disc(grid, float(y), float(x), radius))
    return np.asarray(phase * total, np.float32)


def _vacuoles(
    inside: Interior,
    shape: Shape,
    grid: tuple[Floats, Floats],
    within: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Floats:
    total = np.zeros_like(grid[0])
    places = np.argwhere(within)
    for _ in range(choose(inside.vacuoles, rng) if len(places) else 0):
        row, column = places[int(rng.integers(len(places)))]
        radius = shape.radius * rng.uniform(*inside.vacuole_share)
        # Drawn towards the middle, so that a vacuole lies inside the cell.
        pull = rng.uniform(0.35, 0.8)
        y = shape.y + pull * (float(grid[0][row, column]) - shape.y)
        x = shape.x + pull * (float(grid[1][row, column]) - shape.x)
        total += rng.uniform(*inside.vacuole_phase) * _disc(grid, y, x, radius)
    return total


def _granules(
    inside: Interior, within: NDArray[np.bool_], optics: Optics, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    phase, absorbance = np.zeros(within.shape, np.float32), np.zeros(within.shape, np.float32)
    places = np.flatnonzero(within)
    mean = rng.uniform(*inside.granules_per_um2) * len(places) * optics.um_per_px**2
    if mean <= 0:
        return phase, absorbance
    tone = rng.uniform(*inside.granule_phase)
    stain = rng.uniform(*inside.granule_absorption)
    for _ in range(2):
        sigma = rng.uniform(*inside.granule_um) / optics.um_per_px * 0.8
        where = rng.choice(places, int(rng.poisson(mean / 2)))
        weights = rng.uniform(0.3, 1.0, len(where)).astype(np.float32)
        other = rng.random(len(where)) < 0.25
        bumps, spots = np.zeros(within.size, np.float32), np.zeros(within.size, np.float32)
        np.add.at(bumps, where, np.where(other, -0.7, 1.0).astype(np.float32) * weights)
        np.add.at(spots, where, np.where(other, 0.0, 1.0).astype(np.float32) * weights)
        # An impulse of 1 becomes a spot whose peak is 1.
        peak = 2 * np.pi * max(sigma, 0.45) ** 2
        phase += tone * peak * blur(bumps.reshape(within.shape), max(sigma, 0.45))
        absorbance += stain * peak * blur(spots.reshape(within.shape), max(sigma, 0.45))
    return phase, absorbance


def _septum(
    cell: Cell,
    shape: Rod,
    grid: tuple[Floats, Floats],
    q: Floats,
    optics: Optics,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """The plate across a dividing cell: denser than the cytoplasm, and seen from the side."""
    along, _ = shape.axes(*grid)
    width = rng.uniform(*cell.septum_um) / optics.um_per_px
    plate = np.exp(-(((along - (shape.septum or 0.0)) / max(width, 0.5)) ** 2)) * (q < 1)
    return (
        np.asarray(rng.uniform(*cell.interior.septum_phase) * plate, np.float32),
        np.asarray(rng.uniform(*cell.interior.septum_absorption) * plate, np.float32),
    )


def _solid(solid: Solid, outline: Floats, radius: float, optics: Optics, rng: np.random.Generator) -> Floats:
    """Absorbance of an even body: a flat top, and a soft edge of which the outline is the middle."""
    density, pallor = rng.uniform(*solid.density), rng.uniform(*solid.pallor)
    edge = max(rng.uniform(*solid.edge_um) / optics.um_per_px, 0.1)
    # To first order a point's distance from the outline, px: depth does not grow equally fast on all sides.
    away = (outline - 1) / np.maximum(np.hypot(*np.gradient(outline)), 0.1 / radius)
    body = (1 - np.tanh(np.clip(np.float32(2 / edge) * away, -9, 9))) / 2
    deep = density * (1 - pallor * np.exp(-((outline / np.float32(rng.uniform(0.35, 0.65))) ** 2)))
    unevenness = rng.uniform(*solid.unevenness)
    if unevenness > 0:
        texture = blur(rng.standard_normal(outline.shape, np.float32), radius * rng.uniform(0.1, 0.4))
        deep = deep * (1 + unevenness * texture / max(float(texture.std()), 1e-6))
    # It is the light that falls off evenly, as the eye and the camera see it.
    return np.asarray(-np.log(1 - (1 - np.exp(-deep)) * body), np.float32)
