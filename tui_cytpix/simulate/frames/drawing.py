"""Shapes of a population, drawn from its ranges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tui_cytpix.simulate.frames.shapes import Rod, Round, Shape, Spindle
from tui_cytpix.simulate.kinds.kind import Cell
from tui_cytpix.simulate.kinds.parts import Range


def draw_shape(cell: Cell, um_per_px: float, rng: np.random.Generator) -> Shape:
    """A shape of the population, in any direction, at (0, 0)."""
    angle = float(rng.uniform(0, np.pi))
    radius = rng.uniform(*cell.width_um) / 2 / um_per_px
    if cell.length_um is not None or cell.aspect is not None:
        return _draw_rod(cell, radius, um_per_px, rng)
    elongation = rng.uniform(*cell.elongation)
    amount = rng.uniform(*cell.irregularity)
    waves = tuple(
        (order, float(abs(rng.normal(0, amount * (2 / order)))), float(rng.uniform(0, 2 * np.pi)))
        for order in (2, 3, 4, 5)
        if amount > 0
    )
    # The mean of the two half-axes is the drawn radius.
    round_ = Round(
        0.0,
        0.0,
        angle,
        radius * 2 / (1 + elongation),
        elongation,
        rng.uniform(*cell.flatness),
        waves,
    )
    if rng.random() < cell.budding:
        return replace(round_, bud=_draw_bud(round_, cell, rng))
    return round_


def _draw_rod(cell: Cell, radius: float, um_per_px: float, rng: np.random.Generator) -> Rod:
    septated = bool(rng.random() < cell.septated)
    if cell.aspect is not None:
        length = 2 * radius * um_per_px * _draw_aspect(cell.aspect, septated, rng)
    else:
        length = _draw_length(cell.length_um or cell.width_um, septated, rng)
    half = max(length / um_per_px / 2, 1.15 * radius)
    rod = Rod(
        0.0,
        0.0,
        float(rng.uniform(0, np.pi)),
        half,
        radius,
        float(rng.uniform(*cell.bend)),
        float(rng.uniform(*cell.taper)),
        float(rng.normal(0, 0.04) * half) if septated else None,
        float(rng.beta(1.2, 3) * cell.constriction) if septated else 0.0,
    )
    if cell.sharpness is None:
        return rod
    sharpness = float(rng.uniform(*cell.sharpness))
    return Spindle(0.0, 0.0, rod.angle, half, radius, rod.bend, rod.taper, sharpness=sharpness)


def draw_like(cell: Cell, rod: Rod, lengths: Range, um_per_px: float, rng: np.random.Generator) -> Rod:
    """A rod of the population that lies well beside the given one: bent as it is, and about as long, by a factor."""
    radius = rng.uniform(*cell.width_um) / 2 / um_per_px
    other = _draw_rod(cell, radius, um_per_px, rng)
    half = max(rod.half_length * float(rng.uniform(*lengths)), 1.15 * other.radius)
    septum = None if other.septum is None else other.septum * half / other.half_length
    return replace(other, bend=rod.bend, half_length=half, septum=septum)


def _draw_length(lengths: Range, dividing: bool, rng: np.random.Generator) -> float:
    """In um; cells divide at the upper end of the lengths."""
    low, high = lengths
    return float(rng.uniform(low + 0.55 * (high - low), high) if dividing else low + (high - low) * rng.beta(1.3, 1.6))


def _draw_aspect(aspect: Range, dividing: bool, rng: np.random.Generator) -> float:
    """Length over width: evenly drawn on a logarithmic scale, for a dividing rod from the upper half."""
    low, high = np.log(aspect)
    return float(np.exp(rng.uniform((low + high) / 2 if dividing else low, high)))


def _draw_bud(mother: Round, cell: Cell, rng: np.random.Generator) -> Round:
    radius = mother.radius * rng.uniform(*cell.bud_share)
    # Buds sit near the ends of the long axis.
    offset = float(rng.normal(0, 0.35))
    direction = mother.angle + offset
    edge = mother.radius * mother.elongation / np.hypot(np.cos(offset), mother.elongation * np.sin(offset))
    distance = float(edge + radius * rng.uniform(0.55, 0.9))
    y, x = distance * np.sin(direction), distance * np.cos(direction)
    return Round(float(y), float(x), direction, radius, float(rng.uniform(1.0, 1.2)), mother.flatness)
