"""A sample sheet: which samples, and what is known of each. One line a sample, as a table or as a plain list."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tui_cytpix.domain.entered_numbers import pixel_size
from tui_cytpix.domain.sample import CONTROLS, LABELS, PLATE_LABELS, ROLES, well_of
from tui_cytpix.domain.words import printable
from tui_cytpix.formats.bytes.plain_file import read_plain
from tui_cytpix.formats.tables.spreadsheet import TableKind, headings, passed_over, read_rows, whole_number

PATH, SCALE = "path", "um_per_px"
COLUMNS = (PATH, *LABELS, *PLATE_LABELS, SCALE)
_NUMBERED = ("unit", "tube", "day")  # of which a spreadsheet makes numbers: 1 becomes 1.0
_DATE = re.compile(r"[0-9]{1,4}([./-])[0-9]{1,2}\1[0-9]{1,4}")
_NO = ("", "no", "none", "0", "0.0", "0,0", "false", "-")
_SCALES = {
    f"{um}{per}{px}": SCALE
    for um in ("um", "μm", "micron", "microns", "micrometer", "micrometers", "micrometre", "micrometres")
    for per in ("/", "_/_", "_per_")
    for px in ("px", "pixel", "pixels")
} | dict.fromkeys(("pixel_size", "pixelsize", "pixel_size_um", "pixel_size_(um)", "pixel_size_(μm)"), SCALE)
KIND = TableKind(
    COLUMNS,
    (PATH,),
    "The sample sheet can't be read",
    f"One line a sample, below the headings {', '.join(COLUMNS)}, of which path alone is needed; or a list of paths.",
    raw=(PATH,),
    other_names=_SCALES,
)


@dataclass(frozen=True)
class GivenSample:
    """A sample as it was given, and what was said of it: `labels` by their names, those that are not empty."""

    path: Path
    um_per_px: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


def read_sheet(path: Path, um_per_px: float | None = None) -> list[GivenSample]:
    """The samples of a sheet, in its order; paths are seen from the folder that the sheet lies in.

    Args:
        um_per_px: of those whose line states none.

    Raises:
        InputError: it can't be read, names no sample, names one twice, or says what can't be; with the line.
    """
    rows = _listed(path) if PATH not in headings(path, KIND) and _is_list(path) else read_rows(path, KIND)
    found: dict[Path, str] = {}
    given = []
    for where, row in rows:
        try:
            one = _given(path.parent, row, um_per_px)
        except ValueError as error:
            raise KIND.refused(where, error) from error
        same = found.setdefault(one.path.resolve(), where)
        if same != where:
            raise KIND.refused(where, f"{one.path} is there twice, first in {same.rpartition(', ')[2]}")
        given.append(one)
    if not given:
        raise KIND.refused(path, "it names no sample")
    return given


def remarks(path: Path, given: Sequence[GivenSample]) -> tuple[str, ...]:
    """Sentences about what is odd in a sheet that was read: columns passed over, days written in several ways."""
    by_form: dict[str, str] = {}
    for one in given:
        day = one.labels.get("day", "")
        if _DATE.fullmatch(day):
            by_form.setdefault(re.sub(r"[0-9]+", lambda digits: str(len(digits[0]) // 3), day), day)
    told = passed_over(path, KIND) if PATH in headings(path, KIND) else ()
    if len(by_form) > 1:
        days = " and ".join(map(printable, list(by_form.values())[:2]))
        told += (f"{printable(path)}: days are written in several ways ({days}); each is a day of its own as written.",)
    return told


def _is_list(path: Path) -> bool:
    """Whether the first line is the path of something that is there."""
    lines = _lines(path)
    try:
        return bool(lines) and (path.parent / lines[0][1]).exists()
    except (OSError, ValueError):  # no name that a file can have
        return False


def _lines(path: Path) -> list[tuple[int, str]]:
    try:
        text = read_plain(path).removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
        return [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    except (OSError, ValueError):
        return []


def _listed(path: Path) -> list[tuple[str, dict[str, str]]]:
    return [(f"{path}, line {number}", {PATH: line}) for number, line in _lines(path)]


def _given(folder: Path, row: Mapping[str, str], um_per_px: float | None) -> GivenSample:
    """Raises:
    ValueError: a cell says what can't be.
    """
    if not row[PATH]:
        raise ValueError("it has no path")
    labels = {name: row.get(name, "") for name in (*LABELS, *PLATE_LABELS)}
    labels |= {name: _plain(labels[name]) for name in _NUMBERED}
    labels |= {
        "role": labels["role"].casefold(),
        "well": well_of(labels["well"]),
        "control": _control(labels["control"]),
    }
    if labels["role"] and labels["role"] not in ROLES:
        raise ValueError(f"{labels['role']!r} is no role: {', '.join(ROLES)}")
    scale = row.get(SCALE, "")
    return GivenSample(
        folder / row[PATH],
        pixel_size(scale) if scale else um_per_px,
        {name: label for name, label in labels.items() if label},
    )


def _plain(text: str) -> str:
    """A number without the zeros that a spreadsheet puts behind it; other words as they are."""
    try:
        return str(whole_number(text))
    except ValueError:
        return text


def _control(text: str) -> str:
    word = text.casefold()
    if word in _NO:
        return ""
    if word not in CONTROLS:
        raise ValueError(f"{text!r} says not which control: give {', '.join(CONTROLS)}, or nothing")
    return word
