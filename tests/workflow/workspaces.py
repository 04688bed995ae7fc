"""FlowJo workspaces as FlowJo 10 lays them out, as small as they can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

SPACE = "http://www.isac-net.org/std/Gating-ML/v2.0"


def linear(name: str, top: float = 262144) -> str:
    return _scale(name, "linear", minRange=0, maxRange=top)


def log(name: str, offset: float, decades: float) -> str:
    return _scale(name, "log", offset=offset, decades=decades)


def logicle(name: str, t: float = 262144, w: float = 0.5, m: float = 4.5, a: float = 0) -> str:
    return _scale(name, "logicle", length=256, T=t, W=w, M=m, A=a)


def arcsinh(name: str, t: float = 262144, m: float = 4.5, a: float = 0.5) -> str:
    return _scale(name, "fasinh", length=256, maxRange=t, T=t, W=0, M=m, A=a)


def biex(name: str, width: float = -100, pos: float = 4.418540, neg: float = 0, top: float = 262144.000029) -> str:
    return _scale(name, "biex", length=256, maxRange=top, neg=neg, width=width, pos=pos)


def _scale(name: str, kind: str, **numbers: float) -> str:
    said = " ".join(f'transforms:{key}="{value}"' for key, value in numbers.items())
    return f'<transforms:{kind} {said}><data-type:parameter data-type:name="{name}"/></transforms:{kind}>'


def _dimension(name: str, low: float | None = None, high: float | None = None) -> str:
    ends = "".join(f' gating:{key}="{v!r}"' for key, v in (("min", low), ("max", high)) if v is not None)
    return f'<gating:dimension{ends}><data-type:fcs-dimension data-type:name="{name}"/></gating:dimension>'


def _vertex(values: Sequence[float]) -> str:
    inner = "".join(f'<gating:coordinate data-type:value="{value!r}"/>' for value in values)
    return f"<gating:vertex>{inner}</gating:vertex>"


def rectangle(*sides: tuple[str, float | None, float | None]) -> str:
    """Parameter, low, high; None: open."""
    inner = "".join(_dimension(*side) for side in sides)
    return f"<gating:RectangleGate>{inner}</gating:RectangleGate>"


def polygon(x: str, y: str, *corners: Sequence[float], inside: int = 1) -> str:
    inner = _dimension(x) + _dimension(y) + "".join(map(_vertex, corners))
    return f'<gating:PolygonGate eventsInside="{inside}">{inner}</gating:PolygonGate>'


def ellipse(x: str, y: str, foci: Sequence[Sequence[float]], edge: Sequence[Sequence[float]]) -> str:
    """Points in FlowJo's places, 0 to 256."""
    inner = _dimension(x) + _dimension(y)
    inner += f"<gating:foci>{''.join(map(_vertex, foci))}</gating:foci>"
    inner += f"<gating:edge>{''.join(map(_vertex, edge))}</gating:edge>"
    return f'<gating:EllipsoidGate gating:distance="1">{inner}</gating:EllipsoidGate>'


def population(name: str, gate: str, *within: str) -> str:
    below = f"<Subpopulations>{''.join(within)}</Subpopulations>" if within else ""
    return f"<Population name={quoteattr(name)} owningGroup=''><Gate>{gate}</Gate>{below}</Population>"


def statistic() -> str:
    return '<Statistic name="Median" owningGroup="" id="FSC-A" value="1"/>'


def either(name: str, *gates: str) -> str:
    inner = "".join(f'<Dependent name="{gate}"/>' for gate in gates)
    return f'<OrNode name="{name}" owningGroup=""><Dependents>{inner}</Dependents></OrNode>'


def matrix(spillover: Mapping[str, Mapping[str, float]]) -> str:
    """By row: what each detector gives in the others."""
    names = "".join(f'<data-type:parameter data-type:name="{name}"/>' for name in spillover)
    rows = "".join(
        f'<transforms:spillover data-type:parameter="{name}">'
        + "".join(
            f'<transforms:coefficient data-type:parameter="{other}" transforms:value="{value!r}"/>'
            for other, value in row.items()
        )
        + "</transforms:spillover>"
        for name, row in spillover.items()
    )
    return (
        '<transforms:spilloverMatrix spectral="0" prefix="Comp-" name="Acquisition-defined" suffix="">'
        f"<data-type:parameters>{names}</data-type:parameters>{rows}</transforms:spilloverMatrix>"
    )


def sample(name: str, populations: Sequence[str], scales: Sequence[str] = (), spillover: str = "") -> str:
    return (
        f"<Sample><DataSet uri={quoteattr(f'file:/C:/data/{name}')} sampleID='{name}'/>{spillover}"
        f"<Transformations>{''.join(scales)}</Transformations><Keywords/>"
        f"<SampleNode name={quoteattr(name)} sampleID='{name}'>"
        f"<Subpopulations>{''.join(populations)}</Subpopulations></SampleNode></Sample>"
    )


def write(path: Path, *samples: str) -> Path:
    spaces = " ".join(
        f'xmlns:{prefix}="{SPACE}/{name}"'
        for prefix, name in (("gating", "gating"), ("transforms", "transformations"), ("data-type", "datatypes"))
    )
    path.write_text(
        f'<?xml version="1.0" encoding="UTF-8"?><Workspace version="20.0" flowJoVersion="10.8.1" {spaces}>'
        f"<Groups/><SampleList>{''.join(samples)}</SampleList></Workspace>",
        "utf-8",
    )
    return path
