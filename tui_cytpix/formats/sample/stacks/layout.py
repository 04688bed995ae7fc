"""How the pages of one TIFF are images and channels, as OME-XML or ImageJ's description says; else a page is an image.

Sources: OME-TIFF specification (https://docs.openmicroscopy.org/ome-model), 6.x; ImageJ's `TiffDecoder`, in words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from tui_cytpix.domain.entered_numbers import LEAST_PIXEL, MOST_PIXEL
from tui_cytpix.domain.words import printable
from tui_cytpix.formats.bytes.tiff_pages import MAX_PAGES
from tui_cytpix.formats.bytes.xml_elements import read_elements

MAX_CHANNELS = 64
MAX_NAME = 80  # of a channel
UM = {"µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0, "\\u00b5m": 1.0}
UM |= {"nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6, "inch": 25400.0}


@dataclass(frozen=True)
class Layout:
    """`frames` are the images: of each the page (from 0) of every channel, -1 where it has none."""

    kind: str
    frames: tuple[tuple[int, ...], ...]
    channels: tuple[str, ...] = ()
    um_per_px: float | None = None
    problems: tuple[str, ...] = ()


def plain_layout(pages: list[int]) -> Layout:
    """A page an image."""
    return Layout("multi-page TIFF", tuple((page,) for page in pages))


def imagej_settings(description: str) -> dict[str, str]:
    """What ImageJ's description says, by name; empty where it isn't one."""
    if not description.startswith("ImageJ="):
        return {}
    return dict(line.split("=", 1) for line in description.splitlines() if "=" in line)


def imagej_layout(settings: dict[str, str], pages: int, px_per_unit: float) -> Layout:
    """ImageJ writes channels first, then depths, then times."""
    stated = settings.get("channels", "1")
    count = int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 4 else 1
    problems = []
    if not 1 <= count <= MAX_CHANNELS or pages % count:
        problems.append(f"Its {pages} pages are no images of {count} channels: each page is read as an image.")
        count = 1
    frames = tuple(tuple(range(at, at + count)) for at in range(0, pages, count))
    unit = UM.get(settings.get("unit", "").strip().casefold())
    scale = None
    if unit is not None and px_per_unit > 0:
        scale, problem = believable(unit / px_per_unit, unit / px_per_unit)
        problems += problem
    names = tuple(map(str, range(1, count + 1))) if count > 1 else ()
    return Layout("ImageJ stack", frames, names, scale, tuple(problems))


def believable(across: float, down: float) -> tuple[float | None, list[str]]:
    """A pixel size stated in um, and the sentence that says why it isn't used."""
    if not (LEAST_PIXEL <= across <= MOST_PIXEL):
        return None, [f"The pixel size that it states, {across:.3g} um, is not believable and not used."]
    if abs(across / down - 1) > 0.02 if down else True:
        return None, [f"Its pixels are not square, {across:.4g} x {down:.4g} um: no pixel size is used."]
    return across, []


@dataclass
class _Block:
    """A TiffData element: where its planes begin, and how many pages from which on are theirs."""

    first: dict[str, int]
    page: int | None
    planes: int | None


@dataclass
class _Series:
    """An Image element."""

    order: str = "XYCZT"
    sizes: dict[str, int] = field(default_factory=dict)
    across: float = 0.0
    down: float = 0.0
    channels: list[str] = field(default_factory=list)
    samples: int = 0
    blocks: list[_Block] = field(default_factory=list)

    @property
    def planes(self) -> int:
        return self.sizes["C"] * self.sizes["Z"] * self.sizes["T"]


class _RefusedError(ValueError):
    """What the OME-XML says can't be."""


def ome_layout(description: str, pages: int) -> Layout | None:
    """The images and channels of an OME-TIFF; None where it isn't one. An Image element's planes of one depth and time
    are an image; OME-XML that can't be read is told, and each page is an image then.
    """
    if not description.lstrip().startswith("<") or "OME" not in description[:4096]:
        return None
    try:
        series, others = _read(description)
        return _laid_out(series, others, pages)
    except (expat.ExpatError, ValueError, LookupError) as error:
        told = f"Its OME-XML is not read: {printable(error) or type(error).__name__}. Each page is read as an image."
        return Layout("OME-TIFF", tuple((page,) for page in range(pages)), problems=(told,))


def _read(description: str) -> tuple[list[_Series], int]:
    """The Image elements, and how many blocks of planes lie in other files."""
    series: list[_Series] = []
    files: set[str] = set()

    def element(tag: str, attributes: dict[str, str]) -> None:
        local = tag.rpartition(":")[2]
        if local == "Pixels":
            series.append(_pixels(attributes))
        elif not series:
            return
        elif local == "Channel":
            if len(series[-1].channels) >= MAX_CHANNELS:
                raise _RefusedError("it has too many channels")
            series[-1].channels.append(attributes.get("Name", "").strip()[:MAX_NAME])
            series[-1].samples += _whole(attributes.get("SamplesPerPixel", "1"))
        elif local == "TiffData":
            first = {axis: _whole(attributes.get(f"First{axis}", "0")) for axis in "CZT"}
            page, planes = attributes.get("IFD"), attributes.get("PlaneCount")
            block = _Block(first, None if page is None else _whole(page), None if planes is None else _whole(planes))
            series[-1].blocks.append(block)
        elif local == "UUID" and attributes.get("FileName"):
            files.add(attributes["FileName"])

    read_elements(description.encode("utf-8"), element)
    if not series:
        raise _RefusedError("it has no Pixels")
    return series, max(0, len(files) - 1)


def _pixels(attributes: dict[str, str]) -> _Series:
    order = attributes.get("DimensionOrder", "XYCZT")
    if sorted(order[2:]) != ["C", "T", "Z"]:
        raise _RefusedError(f"its DimensionOrder is {order}")
    sizes = {axis: max(1, _whole(attributes.get(f"Size{axis}", "1"))) for axis in "CZT"}
    across, down = (
        _number(attributes.get(f"PhysicalSize{axis}", ""))
        * UM.get(attributes.get(f"PhysicalSize{axis}Unit", "µm").casefold(), 0)
        for axis in "XY"
    )
    found = _Series(order[2:], sizes, across or down, down or across)  # stated once: of square pixels
    if found.planes > MAX_PAGES:
        raise _RefusedError(f"it states {found.planes:,} planes")
    return found


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise _RefusedError(f"{text!r} is no count")
    return int(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _laid_out(series: list[_Series], others: int, pages: int) -> Layout:
    problems: list[str] = []
    for one in series:
        if one.channels and one.samples == one.sizes["C"]:
            one.sizes["C"] = len(one.channels)  # colours of one page are no channels
    count = series[0].sizes["C"]
    if count > MAX_CHANNELS:
        raise _RefusedError(f"it has {count} channels")
    taken = [one for one in series if one.sizes["C"] == count]
    if len(taken) < len(series):
        problems.append(f"{len(series) - len(taken)} of its images have other channels and are left out.")
    frames: list[tuple[int, ...]] = []
    used = 0
    for one in taken:
        placed = _placed(one, used, pages)
        used = 1 + max(placed.values(), default=used - 1)
        frames += [
            tuple(placed.get((c, z, t), -1) for c in range(count))
            for t in range(one.sizes["T"])
            for z in range(one.sizes["Z"])
        ]
    missing = sum(-1 in frame for frame in frames)
    if missing:
        problems.append(f"{missing} of its {len(frames)} images lack a page that its OME-XML states.")
    if others:
        problems.append("Its OME-XML names other files: what lies in them is not read.")
    if taken[0].sizes["Z"] > 1:
        problems.append(f"Its {taken[0].sizes['Z']} depths are read as images of their own.")
    scale = None
    if taken[0].across > 0:
        scale, problem = believable(taken[0].across, taken[0].down)
        problems += problem
    named = tuple(name or str(number) for number, name in enumerate(taken[0].channels, 1))
    apart = len({name.casefold() for name in named}) == count
    names = named if apart else tuple(map(str, range(1, count + 1)))
    return Layout("OME-TIFF", tuple(frames), names if count > 1 else (), scale, tuple(problems))


def _placed(series: _Series, used: int, pages: int) -> dict[tuple[int, int, int], int]:
    """The page of each plane (channel, depth, time); what lies past the file's end is left out."""
    sizes = [series.sizes[axis] for axis in series.order]
    placed: dict[tuple[int, int, int], int] = {}
    for block in series.blocks or [_Block(dict.fromkeys("CZT", 0), None, None)]:
        start = sum(
            block.first[axis] * step
            for axis, step in zip(series.order, (1, sizes[0], sizes[0] * sizes[1]), strict=True)
        )
        page = block.page if block.page is not None else used
        planes = block.planes if block.planes is not None else (1 if block.page is not None else series.planes)
        for place in range(min(planes, series.planes - start, pages - page)):
            at, plane = start + place, {}
            for axis, size in zip(series.order, sizes, strict=True):
                at, plane[axis] = divmod(at, size)
            placed[plane["C"], plane["Z"], plane["T"]] = page + place
    return placed
