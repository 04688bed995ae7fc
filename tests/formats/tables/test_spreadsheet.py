"""Tables as spreadsheets save them."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_cytpix.errors import InputError
from tui_cytpix.formats.tables.spreadsheet import TableKind, headings, passed_over, read_rows, whole_number

KIND = TableKind(("image", "judgement", "true_count"), ("image",), "The table can't be read", "Give a table.")
CELLS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\r"), max_size=12).map(str.strip)
ROWS = st.lists(st.tuples(CELLS.filter(bool), CELLS, CELLS), max_size=5)


def saved(
    rows, *, separator, encoding, line_end, header=KIND.columns, stated=False, quoting=csv.QUOTE_MINIMAL, empty=0
):
    out = io.StringIO()
    if stated:
        out.write(f"sep={separator}{line_end}")
    writer = csv.writer(out, delimiter=separator, lineterminator=line_end, quoting=quoting)
    writer.writerow([*header, *[""] * empty])
    for row in rows:
        writer.writerow([*row, *[""] * empty])
        if empty:
            writer.writerow([""] * (len(header) + empty))
    return out.getvalue().encode(encoding)


WAYS = st.fixed_dictionaries(
    {
        "separator": st.sampled_from(",;\t"),
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
        "line_end": st.sampled_from(["\n", "\r\n"]),
        "stated": st.booleans(),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        "empty": st.integers(0, 2),
        "header": st.sampled_from(
            [("Image", "JUDGEMENT", "True count"), (" image", "judgement ", "true-count"), KIND.columns]
        ),
    }
)


@given(ROWS, WAYS)
def test_however_it_is_saved_it_says_the_same(tmp_path_factory, rows, way):
    path = tmp_path_factory.mktemp("t") / "table.csv"
    path.write_bytes(saved(rows, **way))
    found = read_rows(path, KIND)
    assert [tuple(row[name] for name in KIND.columns) for _, row in found] == rows
    lines = path.read_bytes().decode(way["encoding"]).split("\n")
    for where, row in found:
        assert row["image"].split("\n")[0].split('"')[0].strip() in lines[int(where.rpartition(" ")[2]) - 1]
    assert set(headings(path, KIND)) - {""} == set(KIND.columns)


LINES = st.text(max_size=40).map(lambda text: f"image,judgement\n{text}".encode("utf-8", "replace"))


@given(st.one_of(st.binary(max_size=60), LINES))
def test_anything_is_read_or_refused_in_words(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("t") / "table.csv"
    path.write_bytes(content)
    said = ""
    try:
        rows = read_rows(path, KIND)
    except InputError as error:
        said, rows = str(error), []
    assert said == "" or (said.isprintable() and "table.csv" in said)
    assert all("image" in row for _, row in rows)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"image,judgement\na:1,count\na:2,b,c\n", "line 3: 3 cells for 2 columns"),
        (b"image,judgment\na:1,count\n", "line 1: the column 'judgment' is not known; judgement may be meant"),
        (b"image,image\na:1,count\n", "line 1: the column image is there twice"),
        (b"event,judgement\n1,count\n", "line 1: there is no column image"),
        (b"", "line 1: there is no column image"),
        (b"image,judgement\na:1,count\na:2,gr\xfcn\n", "line 3: 'gr"),
        (b'image,judgement\na:1,count\n\n"a:2,count\na:3,count\n', "line 4"),
        (b"image,judgement\na:1,co\0unt\n", "line 2: it is no text"),
        (b"\xff\xfeimage", "no whole UTF-16"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_its_line(tmp_path, content, words):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match="The table can't be read") as refused:
        read_rows(path, KIND)
    assert words in str(refused.value)


@pytest.mark.parametrize("path", ["none.csv", "", "a\0b", "x" * 300])
def test_what_is_no_file_is_refused(path, tmp_path):
    with pytest.raises(InputError):
        read_rows(tmp_path / path, KIND)


@pytest.mark.parametrize(("text", "value"), [("3", 3), (" 3.0", 3), ("3,00", 3), ("007", 7), ("3.", 3), ("0,0", 0)])
def test_whole_numbers_as_spreadsheets_have_them(text, value):
    assert whole_number(text) == value


@pytest.mark.parametrize("text", ["", "1.5", "-1", "1e3", "1.000", "1,000", "x", "٣", "1.0.0", "nan", "1 0"])
def test_what_is_no_whole_number(text):
    with pytest.raises(ValueError, match="no whole number"):
        whole_number(text)


@pytest.mark.parametrize("beginning", [b"PK\3\4rest", b"\xd0\xcf\x11\xe0rest"])
@pytest.mark.parametrize("name", ["book.xlsx", "renamed.csv"])
def test_a_workbook_is_called_one(tmp_path, beginning, name):
    (tmp_path / name).write_bytes(beginning)
    with pytest.raises(InputError, match="workbook of Excel or the like, no table; save it there as `CSV UTF-8`"):
        read_rows(tmp_path / name, KIND)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("image;Anzahl;judgement\na:1;3;count\n", "1 column is passed over: Anzahl."),
        ("image,Anzahl,Bemerkung\na:1,3,\na:2,,x\n", "2 columns are passed over: Anzahl, Bemerkung."),
        ("image,Anzahl,judgement\na:1,,count\n", ""),
        ("IMAGE,True count\na:1,3\n", ""),
    ],
)
def test_columns_that_are_passed_over_are_named(tmp_path, content, told):
    path = tmp_path / "table.csv"
    path.write_text(content)
    read_rows(path, KIND)
    assert told in "".join(passed_over(path, KIND))
    assert bool(told) == bool(passed_over(path, KIND))


def test_many_columns_that_are_passed_over_are_counted(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(",".join(["image", *(f"x{n}" for n in range(9))]) + "\n" + ",".join(["a:1"] * 10) + "\n")
    assert "9 columns are passed over: x0, x1, x2, x3, x4, x5 and 3 others." in passed_over(path, KIND)[0]
    assert passed_over(tmp_path / "none.csv", KIND) == ()


def test_a_pipe_and_a_device_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", Path("/dev/zero")):
        assert headings(path, KIND) == ()
        with pytest.raises(InputError):
            read_rows(path, KIND)
