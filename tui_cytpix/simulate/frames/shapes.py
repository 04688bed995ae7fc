"""Outlines and thickness of particles: rods with septa, spindles, rounds with and without a bud.

A shape answers for any point with a normalised depth q: 0 on its axis or in its middle, 1 on its outline, above 1
outside. Positions are (y, x) in pixels, pixel centres at whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Shape(Protocol):
    """What rods and rounds have in common. `radius` is the smaller half-axis, `reach` the largest, in px."""

    @property
    def y(self) -> float: ...
    @property
    def x(self) -> float: ...
    @property
    def angle(self) -> float: ...
    @property
    def radius(self) -> float: ...
    @property
    def reach(self) -> float: ...

    def at(self, y: float, x: float) -> Shape:
        """The same shape elsewhere."""
        ...

    def depth(self, y: Floats, x: Floats) -> Floats:
        """Normalised depth q of points; same shape as y and x."""
        ...

    def thickness(self, y: Floats, x: Floats, inset: float) -> Floats:
        """Thickness along the light in px, of a body that ends `inset` px within the outline; 0 outside of it."""
        ...

    def outline(self) -> tuple[Floats, Floats]:
        """Points (y, x) on the outline, at most ~1 px apart."""
        ...


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
        """Largest distance of the outline from the middle, px."""
        return self.half_length * (1.0 + abs(self.taper)) + self.radius * abs(self.bend) + 1.0

    def at(self, y: float, x: float) -> Rod:
        """The same rod elsewhere."""
        return replace(self, y=y, x=x)

    def axes(self, y: Floats, x: Floats) -> tuple[Floats, Floats]:
        """Coordinates along and across the bent axis, px."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        along = (x - self.x) * cos + (y - self.y) * sin
        across = -(x - self.x) * sin + (y - self.y) * cos
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
        """Normalised depth q."""
        along, across = self.axes(y, x)
        beyond = np.maximum(np.abs(along) - (self.half_length - self.radius), 0)
        return np.asarray(np.sqrt(beyond**2 + across**2) / self._radius_at(along), np.float32)

    def thickness(self, y: Floats, x: Floats, inset: float) -> Floats:
        """Chord of the round cross-section, px."""
        along, _ = self.axes(y, x)
        q = self.depth(y, x) * np.float32(self.radius / (self.radius - inset))
        return np.asarray(2 * self._radius_at(along) * np.sqrt(np.maximum(1 - q * q, 0)), np.float32)

    def outline(self) -> tuple[Floats, Floats]:
        """Points on the outline of the straightened rod, bent back."""
        straight = self.half_length - self.radius
        turn = np.linspace(0, 2 * np.pi, max(32, int(6.3 * self.half_length)), endpoint=False)
        side = np.sign(np.cos(turn))
        body = np.linspace(-straight, straight, max(8, int(2 * straight)))
        caps = self._radius_at((side * straight + self.radius * np.cos(turn)).astype(np.float32))
        sides = self._radius_at(body.astype(np.float32))
        along = np.concatenate([side * straight + caps * np.cos(turn), body, body])
        across = np.concatenate([caps * np.sin(turn), sides, -sides])
        across = across + self.bend / self.half_length * (along**2 - self.half_length**2 / 3)
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        y = self.y + along * sin + across * cos
        x = self.x + along * cos - across * sin
        return y.astype(np.float32), x.astype(np.float32)


@dataclass(frozen=True)
class Spindle(Rod):
    """A rod that narrows towards both ends.

    `sharpness` is 0 for an ellipse, 1 for two parabolas that meet in points, 2 for points that are drawn out further.
    Outlines of equal depth are magnified copies of each other along the bent axis.
    """

    sharpness: float = 1.0

    def depth(self, y: Floats, x: Floats) -> Floats:
        """Normalised depth q."""
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
        """Points on the outline: rays from the middle, each as long as its depth says, bent back."""
        turn = np.linspace(0, 2 * np.pi, max(32, int(6.3 * self.half_length)), endpoint=False)
        along, across = self.half_length * np.cos(turn), self.radius * np.sin(turn)
        straight = replace(self, y=0.0, x=0.0, angle=0.0, bend=0.0, taper=0.0)
        shrink = 1 / straight.depth(across.astype(np.float32), along.astype(np.float32))
        along, across = along * shrink, across * shrink
        across = across * (1 + self.taper * along / self.half_length)
        across = across + self.bend / self.half_length * (along**2 - self.half_length**2 / 3)
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        y = self.y + along * sin + across * cos
        x = self.x + along * cos - across * sin
        return y.astype(np.float32), x.astype(np.float32)


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
        """Largest distance of the outline from the middle, px."""
        own = self.radius * self.elongation * (1 + sum(a for _, a, _ in self.waves))
        if self.bud is None:
            return own
        return max(own, float(np.hypot(self.bud.y - self.y, self.bud.x - self.x)) + self.bud.reach)

    def at(self, y: float, x: float) -> Round:
        """The same round elsewhere, its bud with it."""
        bud = None if self.bud is None else self.bud.at(self.bud.y + y - self.y, self.bud.x + x - self.x)
        return replace(self, y=y, x=x, bud=bud)

    def _own_depth(self, y: Floats, x: Floats) -> Floats:
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        along = ((x - self.x) * cos + (y - self.y) * sin) / self.elongation
        across = -(x - self.x) * sin + (y - self.y) * cos
        distance = np.sqrt(along**2 + across**2)
        limit: Floats | float = self.radius
        if self.waves:
            direction = np.arctan2(across, along)
            limit = self.radius * self._wave(direction)
        return np.asarray(distance / limit, np.float32)

    def _wave(self, direction: Floats) -> Floats:
        total = np.ones_like(direction)
        for order, amplitude, phase in self.waves:
            total += np.float32(amplitude) * np.cos(np.float32(order) * direction + np.float32(phase))
        return total

    def depth(self, y: Floats, x: Floats) -> Floats:
        """Normalised depth q; with a bud the smaller of the two."""
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
        """Points on the outline; with a bud both outlines."""
        direction = np.linspace(0, 2 * np.pi, max(32, int(6.3 * self.radius * self.elongation)), endpoint=False)
        limit = self.radius * self._wave(direction.astype(np.float32))
        along, across = self.elongation * limit * np.cos(direction), limit * np.sin(direction)
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        y, x = self.y + along * sin + across * cos, self.x + along * cos - across * sin
        if self.bud is not None:
            bud_y, bud_x = self.bud.outline()
            y, x = np.concatenate([y, bud_y]), np.concatenate([x, bud_x])
        return y.astype(np.float32), x.astype(np.float32)
