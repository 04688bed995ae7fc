"""A gate: the events within a range of one parameter, or within a polygon on two. Plain data, kept in `run.toml`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tui_cytpix.domain.field_ranges import MOST_DECADES, Corner, Decades, Extent, in_range

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LINEAR, ARCSINH, LOGICLE = "linear", "arcsinh", "logicle"
SCALES = (LINEAR, ARCSINH, LOGICLE)
LONGEST_NAME = 60
FEWEST_CORNERS = 3
LEAST_DECADES = 0.01


@dataclass(frozen=True)
class Scale:
    """How values are laid out along an axis; `core.events.axes` has the formulas.

    `cofactor` is arcsinh's. `top`, `width`, `decades` and `negative` are logicle's T, W, M and A (GatingML 2.0).
    """

    kind: str = LINEAR
    cofactor: Extent = 150.0
    top: Extent = 262144.0
    width: Decades = 0.5
    decades: Decades = 4.5
    negative: Decades = 0.0

    def __post_init__(self) -> None:
        if self.kind not in SCALES:
            raise ValueError(f"{self.kind!r} is no scale: there are {', '.join(SCALES)}")
        if not all(in_range(Extent, float(number)) for number in (self.cofactor, self.top)):
            raise ValueError("a scale's cofactor and top are from 1e-9 to 3.4e38")
        if not all(in_range(Decades, float(number)) for number in (self.width, self.decades, self.negative)):
            raise ValueError(f"a scale has up to {MOST_DECADES:g} decades")
        if self.decades < LEAST_DECADES:
            raise ValueError(f"a scale has at least {LEAST_DECADES:g} decades")
        if not 0 <= 2 * self.width <= self.decades or not -self.width <= self.negative <= self.decades - 2 * self.width:
            raise ValueError("logicle needs 0 <= 2 W <= M and -W <= A <= M - 2 W")


@dataclass(frozen=True)
class Axis:
    """A parameter on a scale; `compensated`: what the other dyes spill into it is taken away first."""

    parameter: str
    scale: Scale = Scale()
    compensated: bool = False


@dataclass(frozen=True)
class Gate:
    """Which events count.

    `axes` are one or two. On one, `corners` are ((low,), (high,)) and both ends are inside. On two, they are the
    polygon's (x, y), in order; its sides are straight on the axes' scales, it closes itself, what lies on a side is
    inside, and where sides cross, what is enclosed an even number of times is outside. Corners are values of the
    parameters, not of the scales. `parent` names the gate that it lies in, "" for none.
    """

    name: str
    axes: tuple[Axis, ...]
    corners: tuple[tuple[Corner, ...], ...]
    parent: str = ""

    def __post_init__(self) -> None:
        check_gate_name(self.name)
        if self.parent == self.name:
            raise ValueError(f"the gate {self.name!r} can't lie in itself")
        if len(self.axes) not in (1, 2):
            raise ValueError("a gate has one axis or two")
        if any(len(corner) != len(self.axes) for corner in self.corners):
            raise ValueError("a gate's corners have a number for each axis")
        if not all(in_range(Corner, float(number)) for corner in self.corners for number in corner):
            raise ValueError("a gate's corners are finite numbers from -3.4e38 to 3.4e38, as FCS files hold them")
        if len(self.axes) == 1 and (len(self.corners) != 2 or self.corners[0] > self.corners[1]):
            raise ValueError("a range has a low and a high end")
        if len(self.axes) == 2 and len(self.corners) < FEWEST_CORNERS:
            raise ValueError(f"a polygon has at least {FEWEST_CORNERS} corners")

    def describe(self) -> str:
        """In words, without its name."""
        names = [f"{axis.parameter}{' (compensated)' if axis.compensated else ''}" for axis in self.axes]
        within = f", within {self.parent}" if self.parent else ""
        if len(self.axes) == 1:
            (low,), (high,) = self.corners
            return f"{names[0]} {low:.6g} to {high:.6g}{within}"
        return f"polygon of {len(self.corners)} corners on {names[0]} and {names[1]}{within}"


@dataclass(frozen=True, eq=False)
class Members:
    """Which of a sample's events (rows of its FCS) are in which gates: of G gates their `names` and, in `words`, what
    they are; `bits`, uint8 (G, ceil(events / 8)), has a bit for each event.
    """

    names: tuple[str, ...]
    words: tuple[str, ...]
    events: int
    bits: NDArray[np.uint8]

    @classmethod
    def of(cls, names: Sequence[str], words: Sequence[str], inside: NDArray[np.bool_]) -> Members:
        """`inside` is bool (G, events)."""
        import numpy as np  # not before: `--help` reads this module

        return cls(tuple(names), tuple(words), inside.shape[1], np.packbits(inside, axis=1))

    @property
    def fit(self) -> bool:
        """Whether its parts go together, where a file had them."""
        return len(self.names) == len(self.words) and self.bits.shape == (len(self.names), -(-self.events // 8))

    def inside(self, place: int) -> NDArray[np.bool_]:
        """The events in a gate, bool (events,)."""
        import numpy as np

        return np.unpackbits(self.bits[place], count=self.events).astype(bool)


def check_gate_name(name: str) -> None:
    """Raises:
    ValueError: not a name that a list, a table and a file can show.
    """
    if not name.strip() or name != name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise ValueError(f"a gate's name is 1 to {LONGEST_NAME} printable characters, without blanks around it")


def lineage(gates: Iterable[Gate], name: str) -> tuple[Gate, ...]:
    """The gate and those it lies in, the outermost first.

    Raises:
        KeyError: there is no such gate, or no such parent.
        ValueError: the parents go round in a circle.
    """
    by_name = {gate.name: gate for gate in gates}
    found: list[Gate] = []
    while name:
        gate = by_name[name]
        if gate in found:
            raise ValueError(f"the gate {name!r} lies in itself")
        found.insert(0, gate)
        name = gate.parent
    return tuple(found)


def in_order(gates: Sequence[Gate]) -> list[tuple[Gate, int]]:
    """The gates as a tree is listed, each with its depth (0 for the outermost): children after their parent."""

    def below(parent: str, depth: int) -> list[tuple[Gate, int]]:
        rows = []
        for gate in gates:
            if gate.parent == parent:
                rows += [(gate, depth), *below(gate.name, depth + 1)]
        return rows

    return below("", 0)


def check_gates(gates: Sequence[Gate]) -> None:
    """Raises:
    ValueError: a name is there twice, a parent is missing, or parents go round in a circle.
    """
    names = [gate.name for gate in gates]
    for gate in gates:
        if names.count(gate.name) > 1:
            raise ValueError(f"two gates are called {gate.name!r}")
        if gate.parent and gate.parent not in names:
            raise ValueError(f"the gate {gate.name!r} lies in {gate.parent!r}, which is not there")
        lineage(gates, gate.name)


def gate_to_dict(gate: Gate) -> dict[str, Any]:
    """For a file, to be read with `from_plain`; of a scale only the numbers that its kind has."""
    axes = []
    for axis in gate.axes:
        scale = asdict(axis.scale)
        kept = {LINEAR: (), ARCSINH: ("cofactor",), LOGICLE: ("top", "width", "decades", "negative")}[axis.scale.kind]
        numbers = {name: scale[name] for name in ("kind", *kept)}
        axes.append({"parameter": axis.parameter, "compensated": axis.compensated, "scale": numbers})
    return {"name": gate.name, "parent": gate.parent, "axes": axes, "corners": [list(c) for c in gate.corners]}
