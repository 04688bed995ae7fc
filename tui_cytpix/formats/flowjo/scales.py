"""FlowJo's scales, as FlowKit computes them, in terms of this program's.

Linear, logicle and arcsinh (GatingML 2.0) differ from ours by a factor and an offset only, which move no gate. The
logarithmic scale and FlowJo's own biexponential (a table of 4096 places) show all that lies beyond their ends at their
ends; polygons on them are put on the nearest of our scales.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.gate import ARCSINH, LOGICLE, Scale

OPEN = 1e15  # beyond what instruments measure
PIECES = 16  # of a side that isn't straight on our scale
_FINER = 1000.0  # arcsinh is a logarithm, to 3e-7 of a decade, from so many cofactors on
LINES = Scale()
_Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """A scale of the workspace: FlowKit's transform (None: linear), the scale that stands for it, whether straight
    lines are the same on both, and the values at and beyond which events lie at its ends.
    """

    transform: Any = None
    scale: Scale = LINES
    straight: bool = True
    bottom: float = -math.inf
    top: float = math.inf

    def places(self, values: _Values) -> _Values:
        """Where values (N,) lie on the scale, (N,)."""
        return values if self.transform is None else np.asarray(self.transform.apply(values), np.float64)

    def values(self, places: _Values) -> _Values:
        """The inverse of `places`."""
        if self.transform is None:
            return places
        if type(self.transform).__name__ == "WSPLogTransform":  # FlowKit has no inverse of it
            return np.asarray(self.transform.offset * 10.0 ** (places * self.transform.decades))
        return np.asarray(self.transform.inverse(places), np.float64)


def curve_of(transform: Any) -> Curve:
    """What FlowKit read.

    Raises:
        ValueError: it has numbers that make no scale.
    """
    kind = type(transform).__name__
    if kind == "LinearTransform":
        return Curve(transform)
    if kind == "LogicleTransform":
        t, w, m, a = transform.param_t, transform.param_w, transform.param_m, transform.param_a
        return Curve(transform, Scale(LOGICLE, top=t, width=w, decades=m, negative=a))
    if kind == "AsinhTransform":
        return Curve(
            transform, Scale(ARCSINH, cofactor=transform.param_t / math.sinh(transform.param_m * math.log(10)))
        )
    if kind == "WSPLogTransform":
        return Curve(transform, Scale(ARCSINH, cofactor=transform.offset / _FINER), True, transform.offset)
    if kind == "WSPBiexTransform":
        ends = np.asarray(transform.inverse(np.array([0.0, 4096.0])), np.float64)
        # The table may go on beyond what FlowJo shows; a corner at the end of the plot is rounded.
        top = min(float(ends[1]), transform.max_value) * (1 - 1e-6)
        return Curve(transform, _near(transform), False, float(ends[0]), top)
    raise ValueError(f"{kind} is a scale that this program doesn't know")


def _near(biex: Any) -> Scale:
    """A logicle scale like FlowJo's biexponential: `width` is minus the width of its linear part in values."""
    half = math.log10(max(-biex.width, 1.0)) / 2
    try:
        return Scale(LOGICLE, top=biex.max_value, width=half, decades=biex.positive, negative=biex.negative)
    except ValueError:
        return Scale(ARCSINH, cofactor=max(-biex.width, 1.0))


def on_our_scales(corners: _Values, curves: Sequence[Curve], dense: bool) -> tuple[_Values, bool]:
    """A polygon's corners, (K, 2) values, such that its sides are straight on our scales, and whether more were needed;
    `dense`: there are many already. What touches an end of a scale reaches out to all that lies beyond.
    """
    bent = not dense and not all(curve.straight for curve in curves)
    if bent:
        places = np.stack([curve.places(corners[:, n]) for n, curve in enumerate(curves)], axis=1)
        steps = np.linspace(0, 1, PIECES, endpoint=False)[:, None]
        following = np.roll(places, -1, axis=0)
        between = np.concatenate([a + steps * (b - a) for a, b in zip(places, following, strict=True)])
        corners = np.stack([curve.values(between[:, n]) for n, curve in enumerate(curves)], axis=1)
    for n, curve in enumerate(curves):
        corners = _reaching_out(corners, n, curve)
    return corners, bent


def _reaching_out(corners: _Values, n: int, curve: Curve) -> _Values:
    """Each stretch of the outline along an end of axis n is moved out to `OPEN`."""
    ends = np.where(corners[:, n] <= curve.bottom, -1, np.where(corners[:, n] >= curve.top, 1, 0))
    if not ends.any():
        return corners
    found = []
    for corner, end, before, after in zip(corners, ends, np.roll(ends, 1), np.roll(ends, -1), strict=True):
        within = corner.copy()
        within[n] = np.clip(corner[n], curve.bottom, curve.top)
        out = within.copy()
        out[n] = end * OPEN if end else within[n]
        found += [within] * bool(end and before != end) + [out] + [within] * bool(end and after != end)
    return np.array(found)
