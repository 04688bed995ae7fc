"""Gates of a FlowJo 10 workspace (.wsp), read with FlowKit (the extra `flowjo`) and put as this program's gates are.

A workspace keeps, for each sample, its gates in the values of its parameters, and the scale of each parameter, on which
the sides of polygons are straight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.gate import Scale
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import InputError
from tui_cytpix.formats.bytes.plain_file import read_plain
from tui_cytpix.formats.bytes.xml_elements import read_elements
from tui_cytpix.formats.flowjo.scales import OPEN, Curve, curve_of, on_our_scales

LARGEST_BYTES = 64 << 20
TOO_MANY_CORNERS = 500
SUFFIX = ".fcs"


@dataclass(frozen=True)
class WorkspaceGate:
    """A gate of one sample.

    `path` are the names of the gates that it lies in, the outermost first, and its own. `parameters` are named as in
    the workspace, `compensated` says which are on compensated values; `scales` and `corners` are as a `Gate`'s.
    `notes` say in what it isn't exactly the workspace's; `problem` is a sentence on why it can't be expressed, "" where
    it can.
    """

    path: tuple[str, ...]
    parameters: tuple[str, ...] = ()
    compensated: tuple[bool, ...] = ()
    scales: tuple[Scale, ...] = ()
    corners: tuple[tuple[float, ...], ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, eq=False)
class WorkspaceSample:
    """`name` as the workspace shows it; `files` are the names that its FCS may have. `detectors` (K) and `spillover`,
    float64 (K, K), are what it is compensated by: row i is what a signal of 1 in detector i gives in each; None where
    it isn't, or by a spectrum. `problem` says why its gates can't be read, "" where they can.
    """

    name: str
    files: tuple[str, ...] = ()
    gates: tuple[WorkspaceGate, ...] = ()
    detectors: tuple[str, ...] = ()
    spillover: NDArray[np.float64] | None = None
    problem: str = ""


def read_workspace(path: Path) -> tuple[WorkspaceSample, ...]:
    """The samples of a workspace with their gates, in its order, parents before what lies in them.

    Raises:
        InputError: FlowKit is missing, or the file can't be read or is no workspace.
    """
    try:
        from flowkit._utils import wsp_utils, xml_common
    except ImportError as error:
        raise InputError(
            "FlowJo workspaces can't be read",
            f"{(error.name or 'flowkit').partition('.')[0]} is not installed.",
            "Install it: pip install 'tui-cytpix[flowjo]'.",
        ) from error
    _refuse_entities(path)
    try:
        kind, root, *spaces = xml_common._get_xml_type(str(path))
        if kind != "flowjo":
            raise ValueError("it is a GatingML file, not a workspace")
        elements = root.find("SampleList", root.nsmap).findall("Sample", root.nsmap)
    except Exception as error:  # FlowKit has no error of its own for a damaged file
        raise _no_workspace(path, _words(error)) from error
    gating, values, transforms = spaces
    found = []
    for element in elements:
        node = element.find("SampleNode", root.nsmap)
        name = "" if node is None else printable(node.get("name", ""))
        try:
            with np.errstate(all="ignore"):  # odd numbers are refused later, upright ellipses have no slope
                (read,) = wsp_utils._parse_wsp_samples([element], root.nsmap, gating, transforms, values).values()
                _check_complete(node, len(read["sample_gates"]))
                found.append(_sample(read))
        except Exception as error:  # whatever it stumbles over concerns this sample only
            found.append(WorkspaceSample(name, problem=f"FlowKit can't read it: {_words(error)}."))
    return tuple(found)


def _check_complete(node: Any, gates: int) -> None:
    """Raises:
    ValueError: FlowKit passed over some gates of a sample's node, which it doesn't tell.
    """
    within = [child.tag for child in node.findall(".//Subpopulations/*")]  # statistics lie there as well
    there = sum(tag == "Population" or tag.endswith("Node") for tag in within)
    if there != gates:
        raise ValueError(f"it makes {gates} gates of {there}: some have the same name and parents, or are of new kinds")


def _refuse_entities(path: Path) -> None:
    """A workspace declares no entities: a file that does may name other files or grow without end. FlowKit's parser is
    not asked before this one, which knows a declaration in any encoding that it reads, and refuses the others.
    """
    try:
        read_elements(read_plain(path, LARGEST_BYTES), lambda _tag, _attributes: None)
    except OSError as error:
        raise InputError("The workspace can't be read", f"{printable(path)}: {error.strerror or error}.") from error
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise _no_workspace(path, _words(error)) from error


def _no_workspace(path: Path, why: str) -> InputError:
    return InputError(
        "The workspace can't be read", f"{printable(path)}: {why}.", "Save it again in FlowJo 10, as a .wsp."
    )


def _words(error: Exception) -> str:
    return printable(str(error) or type(error).__name__).rstrip(".")[:200]


def _sample(read: Mapping[str, Any]) -> WorkspaceSample:
    comp, curves = read["comp"], {name: curve_of(transform) for name, transform in read["transforms"].items()}
    gates = tuple(_gate(key[1:], each["gate"], comp, curves) for key, each in read["sample_gates"].items())
    said = {name.upper(): value for name, value in read["keywords"].items()}
    files = (read["sample_name"], said.get("$FIL", ""), PurePosixPath(unquote(read["sample_uri"] or "")).name)
    named = tuple(dict.fromkeys(name for name in files if name))
    conventional = comp is not None and type(comp["matrix"]).__name__ == "Matrix"
    detectors, spillover = (tuple(comp["detectors"]), comp["matrix_array"]) if conventional else ((), None)
    return WorkspaceSample(printable(read["sample_name"]), named, gates, detectors, spillover)


def _gate(
    path: tuple[str, ...], raw: Any, comp: Mapping[str, Any] | None, curves: Mapping[str, Curve]
) -> WorkspaceGate:
    """FlowKit's raw gate, its numbers in values."""
    named = tuple(printable(name) for name in path)
    kind = type(raw).__name__.removeprefix("GML").removeprefix("WSP")
    if kind not in ("RectangleGate", "PolygonGate", "EllipsoidGate"):
        return WorkspaceGate(named, problem=f"It is a {kind.removesuffix('Gate').lower()} gate.")
    if raw.use_complement:
        return WorkspaceGate(named, problem="It holds the events outside its outline.")
    if not all(hasattr(side, "id") for side in raw.dimensions):
        return WorkspaceGate(named, problem="It lies on a ratio of parameters.")
    if len(raw.dimensions) > 2:
        return WorkspaceGate(named, problem="It lies on more than two parameters.")
    sides = [_detector(side.id, comp) for side in raw.dimensions]
    own = [curves.get(side.id, curves.get(name)) for side, (name, _) in zip(raw.dimensions, sides, strict=True)]
    try:
        scales, corners, notes = _shape(kind, raw, own)
    except ValueError as error:
        return WorkspaceGate(named, problem=f"{_words(error)}.")
    parameters, compensated = zip(*sides, strict=True)
    return WorkspaceGate(named, parameters, compensated, scales, corners, notes)


_Shape = tuple[tuple[Scale, ...], tuple[tuple[float, ...], ...], tuple[str, ...]]


def _shape(kind: str, raw: Any, curves: list[Curve | None]) -> _Shape:
    """Scales, corners and notes.

    Raises:
        ValueError: with why it can't be expressed.
    """
    if kind == "RectangleGate":
        ends = [_ends(side, curve) for side, curve in zip(raw.dimensions, curves, strict=True)]
        notes: tuple[str, ...] = tuple(note for *_, note in ends if note)
        if len(ends) == 1:
            return (Scale(),), ((ends[0][0],), (ends[0][1],)), notes
        (left, right, _), (bottom, top, _) = ends
        # Sides along the axes are straight on every scale.
        return (Scale(), Scale()), ((left, bottom), (right, bottom), (right, top), (left, top)), notes
    known, notes = [curve or Curve() for curve in curves], ()
    if kind == "PolygonGate":
        corners = np.array([[float(value) for value in corner] for corner in raw.vertices])
    else:
        if None in curves:
            raise ValueError("It is an ellipse on a parameter whose scale the workspace doesn't give")
        places = _around(raw, known)
        corners = np.stack([curve.values(places[:, n]) for n, curve in enumerate(known)], axis=1)
        notes = (f"It is an ellipse: a polygon of {len(places)} corners stands for it",)
    if not 3 <= len(corners) <= TOO_MANY_CORNERS or not np.isfinite(corners).all():
        raise ValueError(f"Its outline has {len(corners)} corners, or some that are no numbers")
    placed, bent = on_our_scales(corners, known, dense=kind == "EllipsoidGate")
    if bent:
        notes = (*notes, f"Its sides are straight on a scale of FlowJo's own: {len(placed)} corners follow them")
    return tuple(c.scale for c in known), tuple(tuple(c) for c in placed.tolist()), notes


def _around(ellipse: Any, curves: list[Curve]) -> NDArray[np.float64]:
    """FlowKit's polygon on the ellipse, (K, 2) places on the scales.

    Raises:
        ValueError: it can't make one.
    """
    try:
        return np.array(ellipse.convert_to_polygon_gate([curve.transform for curve in curves]).vertices)
    except Exception as error:  # FlowKit's own
        raise ValueError(f"It is an ellipse that FlowKit can't convert: {_words(error)}") from error


def _ends(side: Any, curve: Curve | None) -> tuple[float, float, str]:
    """A range's ends in values, both inside (in a workspace the high one isn't), and a note on an open one."""
    low, high = side.min, side.max
    if low is not None and curve is not None and low <= curve.bottom:
        low = None  # the scale shows all that is lower at its low end
    open_side = f"It is open to one side of {printable(side.id)}: {OPEN:g} stands for that"
    return (
        -OPEN if low is None else float(low),
        OPEN if high is None else float(np.nextafter(float(high), -np.inf)),
        open_side if None in (low, high) else "",
    )


def _detector(name: str, comp: Mapping[str, Any] | None) -> tuple[str, bool]:
    """A parameter of the workspace without what marks it as compensated, and whether it is."""
    if comp is None:
        return name, False
    bare = name.removeprefix(comp["prefix"]).removesuffix(comp["suffix"])
    return (bare, True) if bare != name and bare in comp["detectors"] else (name, False)


def stems(names: Iterable[str]) -> set[str]:
    """File names without folder and ending, for comparison."""
    last = (PurePosixPath(name.replace("\\", "/")).name.casefold() for name in names)
    return {name.removesuffix(SUFFIX) for name in last if name}
