"""Outlines and thickness of particles: rods with septa, spindles, rounds with and without a bud.

A shape answers for any points (y, x), of one shape, with a normalised depth q: 0 on its axis or in its middle, 1 on its
outline, above 1 outside; and with its thickness along the light in px, of a body that ends `inset` px within the
outline, 0 outside of it. `radius` is the smaller half-axis, `reach` the largest distance of the outline from the
middle, in px; `at` is the same shape elsewhere, `outline` points on the outline, at most ~1 px apart. Positions are
(y, x) in pixels, pixel centres at whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def _turned(shape: Shape, y: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Points by their distances from the shape's middle, along its axis and across, px."""
    cos, sin = np.cos(shape.angle), np.sin(shape.angle)
    return (x - shape.x) * cos + (y - shape.y) * sin, -(x - shape.x) * sin + (y - shape.y) * cos


def _turned_back(shape: Shape, along: NDArray[Any], across: NDArray[Any]) -> tuple[Floats, Floats]:
    """The inverse of `_turned`: (y, x)."""
    cos, sin = np.cos(shape.angle), np.sin(shape.angle)
    y, x = shape.y + along * sin + across * cos, shape.x + along * cos - across * sin
    return y.astype(np.float32), x.astype(np.float32)


@dataclass(frozen=True)
class Rod:
    """A capsule on a bent axis; lengths in px.

    `septum` is its place on the axis from the middle (None without), `constriction` the share of the radius lost there,
    `bend` the sagitta as a share of the half-length, `taper` how much thicker one end is.
    """

    y: float
    x: float
    angle: float
    half_length: float
    radius: float
    bend: float = 0.0
    taper: float = 0.0
    septum: float | None = None
    constriction: float = 0.0

    @property
    def reach(self) -> float:
        return self.half_length * (1.0 + abs(self.taper)) + self.radius * abs(self.bend) + 1.0

    def at(self, y: float, x: float) -> Rod:
        return replace(self, y=y, x=x)

    def axes(self, y: Floats, x: Floats) -> tuple[Floats, Floats]:
        """Coordinates along and across the bent axis, px."""
        along, across = _turned(self, y, x)
        curve = self.bend / self.half_length
        across = (across - curve * (along**2 - self.half_length**2 / 3)) / np.sqrt(1 + (2 * curve * along) ** 2)
        return along.astype(np.float32), across.astype(np.float32)

    def _radius_at(self, along: Floats) -> Floats:
        local = self.radius * (1 + self.taper * along / self.half_length)
        if self.septum is not None:
            waist = np.exp(-(((along - self.septum) / (0.45 * self.radius)) ** 2))
            local = local * (1 - self.constriction * waist)
        return np.asarray(np.maximum(local, 0.5), np.float32)

    def depth(self, y: Floats, x: Floats) -> Floats:
        along, across = self.axes(y, x)
        beyond = np.maximum(np.abs(along) - (self.half_length - self.radius), 0)
        return np.asarray(np.sqrt(beyond**2 + across**2) / self._radius_at(along), np.float32)

    def thickness(self, y: Floats, x: Floats, inset: float) -> Floats:
        """Chord of the round cross-section, px."""
        along, _ = self.axes(y, x)
        q = self.depth(y, x) * np.float32(self.radius / (self.radius - inset))
        return np.asarray(2 * self._radius_at(along) * np.sqrt(np.maximum(1 - q * q, 0)), np.float32)

    def outline(self) -> tuple[Floats, Floats]:
        """Of the straightened rod, bent back."""
        straight = self.half_length - self.radius
        turn = np.linspace(0, 2 * np.pi, max(32, int(6.3 * self.half_length)), endpoint=False)
        side = np.sign(np.cos(turn))
        body = np.linspace(-straight, straight, max(8, int(2 * straight)))
        caps = self._radius_at((side * straight + self.radius * np.cos(turn)).astype(np.float32))
        sides = self._radius_at(body.astype(np.float32))
        along = np.concatenate([side * straight + caps * np.cos(turn), body, body])
        return self._bent_back(along, np.concatenate([caps * np.sin(turn), sides, -sides]))

    def _bent_back(self, along: NDArray[Any], across: NDArray[Any]) -> tuple[Floats, Floats]:
        bent = across + self.bend / self.half_length * (along**2 - self.half_length**2 / 3)
        return _turned_back(self, along, bent)


@dataclass(frozen=True)
class Spindle(Rod):
    """A rod that narrows towards both ends.

    `sharpness` is 0 for an ellipse, 1 for two parabolas that meet in points, 2 for points that are drawn out further.
    Outlines of equal depth are magnified copies of each other along the bent axis.
    """

    sharpness: float = 1.0

    def depth(self, y: Floats, x: Floats) -> Floats:
        along, across = self.axes(y, x)
        local = self.radius * (1 + self.taper * np.clip(along / self.half_length, -1, 1))
        a, b = np.abs(across) / local, np.abs(along) / self.half_length
        ellipse = np.sqrt(a * a + b * b)
        # Of a parabola's arcs magnified by q: a / q = 1 - (b / q)^2.
        arcs = (a + np.sqrt(a * a + 4 * b * b)) / 2
        return np.asarray(ellipse + np.float32(self.sharpness) * (arcs - ellipse), np.float32)

    def thickness(self, y: Floats, x: Floats, inset: float) -> Floats:
        """Height of a dome that is as high as the spindle is wide, px."""
        q = self.depth(y, x) * np.float32(self.radius / (self.radius - inset))
        return np.asarray(2 * self.radius * np.sqrt(np.maximum(1 - q * q, 0)), np.float32)

    def outline(self) -> tuple[Floats, Floats]:
        """Rays from the middle, each as long as its depth says, bent back."""
        turn = np.linspace(0, 2 * np.pi, max(32, int(6.3 * self.half_length)), endpoint=False)
        along, across = self.half_length * np.cos(turn), self.radius * np.sin(turn)
        straight = replace(self, y=0.0, x=0.0, angle=0.0, bend=0.0, taper=0.0)
        shrink = 1 / straight.depth(across.astype(np.float32), along.astype(np.float32))
        along, across = along * shrink, across * shrink
        return self._bent_back(along, across * (1 + self.taper * along / self.half_length))


@dataclass(frozen=True)
class Round:
    """An ellipse with waves on its outline, perhaps with a bud; lengths in px.

    `waves` holds (order, amplitude, phase) of the outline's relative radius; `flatness` the height as a share of a
    sphere's; `bud` a smaller round that touches this one and belongs to it.
    """

    y: float
    x: float
    angle: float
    radius: float
    elongation: float = 1.0
    flatness: float = 1.0
    waves: tuple[tuple[int, float, float], ...] = ()
    bud: Round | None = None

    @property
    def reach(self) -> float:
        own = self.radius * self.elongation * (1 + sum(a for _, a, _ in self.waves))
        if self.bud is None:
            return own
        return max(own, float(np.hypot(self.bud.y - self.y, self.bud.x - self.x)) + self.bud.reach)

    def at(self, y: float, x: float) -> Round:
        bud = None if self.bud is None else self.bud.at(self.bud.y + y - self.y, self.bud.x + x - self.x)
        return replace(self, y=y, x=x, bud=bud)

    def _own_depth(self, y: Floats, x: Floats) -> Floats:
        along, across = _turned(self, y, x)
        along = along / self.elongation
        distance = np.sqrt(along**2 + across**2)
        limit = self.radius * self._wave(np.arctan2(across, along)) if self.waves else self.radius
        return np.asarray(distance / limit, np.float32)

    def _wave(self, direction: Floats) -> Floats:
        total = np.ones_like(direction)
        for order, amplitude, phase in self.waves:
            total += np.float32(amplitude) * np.cos(np.float32(order) * direction + np.float32(phase))
        return total

    def depth(self, y: Floats, x: Floats) -> Floats:
        """With a bud the smaller of the two."""
        own = self._own_depth(y, x)
        return own if self.bud is None else np.minimum(own, self.bud.depth(y, x))

    def thickness(self, y: Floats, x: Floats, inset: float) -> Floats:
        """Height of the flattened ellipsoid, px; the larger one where mother and bud overlap."""
        own = self._own_depth(y, x) * np.float32(self.radius / max(self.radius - inset, 0.5))
        height = 2 * self.radius * self.flatness * np.sqrt(np.maximum(1 - own * own, 0))
        if self.bud is not None:
            height = np.maximum(height, self.bud.thickness(y, x, inset))
        return np.asarray(height, np.float32)

    def outline(self) -> tuple[Floats, Floats]:
        """With a bud both outlines."""
        direction = np.linspace(0, 2 * np.pi, max(32, int(6.3 * self.radius * self.elongation)), endpoint=False)
        limit = self.radius * self._wave(direction.astype(np.float32))
        along, across = self.elongation * limit * np.cos(direction), limit * np.sin(direction)
        y, x = _turned_back(self, along, across)
        if self.bud is None:
            return y, x
        bud_y, bud_x = self.bud.outline()
        return np.concatenate([y, bud_y]), np.concatenate([x, bud_x])


Shape = Rod | Round
