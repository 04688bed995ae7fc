"""Tables that people keep in spreadsheets, as these save them: understood, or refused with the line.

Cells are separated by commas, semicolons or tabs; text is UTF-8, or UTF-16 with a byte order mark; headings are in any
case; there may be a line `sep=;` before them, empty lines, and empty cells behind.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import InputError
from tui_cytpix.formats.bytes.plain_file import read_plain

MOST_BYTES = 16 << 20
_SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
_NONE = "\x1f"  # where there is one column only, which may hold all of these
_MOST_LISTED = 6
_LIKE = 0.8  # difflib's ratio, from which on a heading is taken for a mistyped one
_STATED = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
_WORKBOOKS = (b"PK\3\4", b"\xd0\xcf\x11\xe0")  # .xlsx and .ods, which are zips; .xls
_WHOLE = re.compile(r"([0-9]{1,18})(?:[.,]0{0,2})?")


@dataclass(frozen=True)
class TableKind:
    """What a table may hold, and what to say where it doesn't.

    Attributes:
        columns: that are looked at; others are passed over, which `passed_over` tells, unless they look like one of
            these, mistyped.
        needed: of these, those that must be there.
        raw: of these, those in which bytes may stand that are no UTF-8: paths.
        unreadable, way_out: of the error.
        other_names: of these, by other headings that people give them, in small letters, with _ between words.
    """

    columns: Sequence[str]
    needed: Sequence[str]
    unreadable: str
    way_out: str
    raw: Sequence[str] = ()
    other_names: Mapping[str, str] = field(default_factory=dict)

    def column(self, heading: str) -> str:
        """What a heading means, known or not."""
        name = re.sub(r"[\s_-]+", "_", heading.strip().casefold())
        return self.other_names.get(name, name)

    def refused(self, where: object, why: object) -> InputError:
        return InputError(self.unreadable, f"{printable(where)}: {printable(why)}.", self.way_out)


def read_rows(path: Path, kind: TableKind) -> list[tuple[str, dict[str, str]]]:
    """The lines below the headings: where each stands, and its cells by column, those of `kind` and others, without the
    blanks around them. A line without any is passed over.

    Raises:
        InputError: the file, or a line, can't be read.
    """
    text = _text(path, kind)
    records = _records(path, text, kind)
    first, head = next(records, (f"{path}, line 1", []))
    names = [kind.column(cell) for cell in head]
    _check_head(first, names, kind)
    rows = []
    for where, cells in records:
        if any(cell.strip() for cell in cells[len(names) :]):
            why = f"{len(cells)} cells for {len(names)} columns; a value with a separator in it needs quotes around it"
            raise kind.refused(where, why)
        row = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if name}
        for name, cell in row.items():
            if name not in kind.raw and not _is_text(cell):
                raise kind.refused(where, f"{cell!r} is no UTF-8; save the table as `CSV UTF-8`")
        rows.append((where, {name: "" for name in names if name} | row))
    return rows


def headings(path: Path, kind: TableKind) -> tuple[str, ...]:
    """Of a table, as `read_rows` calls them; none where it can't be read."""
    try:
        _, head = next(_records(path, _text(path, kind), kind), ("", []))
    except InputError:
        return ()
    return tuple(kind.column(cell) for cell in head)


def passed_over(path: Path, kind: TableKind) -> tuple[str, ...]:
    """A sentence about the columns that `read_rows` doesn't know, with something in them; () where there are none, and
    where the table can't be read.
    """
    try:
        records = list(_records(path, _text(path, kind), kind))
    except InputError:
        return ()
    _, head = records[0] if records else ("", [])
    unknown = [
        printable(heading.strip())
        for place, heading in enumerate(head)
        if heading.strip()
        and kind.column(heading) not in kind.columns
        and any(cells[place : place + 1] and cells[place].strip() for _, cells in records[1:])
    ]
    if not unknown:
        return ()
    columns = "column is" if len(unknown) == 1 else "columns are"
    listed, known = ", ".join(unknown[:_MOST_LISTED]), ", ".join(kind.columns)
    more = f" and {len(unknown) - _MOST_LISTED} others" if len(unknown) > _MOST_LISTED else ""
    return (f"{printable(path)}: {len(unknown)} {columns} passed over: {listed}{more}. Known ones: {known}.",)


def whole_number(text: str) -> int:
    """`3`, and what becomes of it in a spreadsheet: `3.0`, `3,00`. Three zeros may be thousands, and are refused.

    Raises:
        ValueError: it is no whole number from 0.
    """
    found = _WHOLE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no whole number")
    return int(found[1])


def _text(path: Path, kind: TableKind) -> str:
    try:
        if not path.is_file():
            raise kind.refused(path, "it is no file")
        if path.stat().st_size > MOST_BYTES:
            raise kind.refused(path, "larger than 16 MiB")
        data = read_plain(path, MOST_BYTES)
    except (OSError, ValueError) as error:
        raise kind.refused(path, getattr(error, "strerror", None) or error) from error
    if data.startswith(_WORKBOOKS):
        raise kind.refused(path, "it is a workbook of Excel or the like, no table; save it there as `CSV UTF-8`")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            text = data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise kind.refused(path, "it is no whole UTF-16") from error
    else:
        text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
    if "\0" in text:
        raise kind.refused(_line(path, text[: text.index("\0")].count("\n") + 1), "it is no text")
    return text


def _records(path: Path, text: str, kind: TableKind) -> Iterator[tuple[str, list[str]]]:
    """The headings and the lines, those without anything left out; raises as `read_rows`."""
    stated = _STATED.match(text)
    skipped = 1 if stated else 0
    text = text[stated.end() :] if stated else text
    separator = stated[1] if stated else _separator(text, kind)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        where = _line(path, reader.line_num + 1 + skipped)
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise kind.refused(where, error) from error
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield where, cells


def _line(path: Path, number: int) -> str:
    return f"{path}, line {number}"


def _separator(text: str, kind: TableKind) -> str:
    """By which the first line falls into most columns of `kind`."""
    head = next((line for line in io.StringIO(text, newline="") if line.strip(" \t,;\r\n")), "")
    if not any(separator in head for separator in _SEPARATORS):
        return _NONE

    def known(separator: str) -> int:
        return sum(kind.column(cell.strip().strip('"')) in kind.columns for cell in head.split(separator))

    return max(_SEPARATORS, key=known)


def _check_head(where: str, names: Sequence[str], kind: TableKind) -> None:
    twice = [name for name, times in Counter(names).items() if name in kind.columns and times > 1]
    if twice:
        raise kind.refused(where, f"the column {twice[0]} is there twice")
    left = [column for column in kind.columns if column not in names]
    for name in names:
        meant = [] if name in kind.columns else difflib.get_close_matches(name, left, 1, _LIKE)
        if meant:
            raise kind.refused(where, f"the column {name!r} is not known; {meant[0]} may be meant")
    missing = [column for column in kind.needed if column not in names]
    if missing:
        raise kind.refused(where, f"there is no column {missing[0]}")


def _is_text(cell: str) -> bool:
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True
