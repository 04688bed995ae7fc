"""Reading FCS files that are made here, byte by byte: layouts, oddities, hostile values."""

from __future__ import annotations

import random
import struct
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import children
from tui_cytpix.domain.sample import Loss
from tui_cytpix.errors import FcsError
from tui_cytpix.formats.fcs.read import read_fcs


def keywords(bits, events, kind="I", order="1,2,3,4", **more):
    """TEXT's keywords for parameters of these widths; `more` replaces, None removes."""
    text = {"$PAR": len(bits), "$TOT": events, "$MODE": "L", "$DATATYPE": kind, "$BYTEORD": order, "$NEXTDATA": 0}
    for n, width in enumerate(bits, start=1):
        text |= {f"$P{n}N": f"C{n}", f"$P{n}B": width, f"$P{n}R": 1 << width, f"$P{n}E": "0,0"}
    text |= {f"${key}": value for key, value in more.items()}
    return {key: str(value) for key, value in text.items() if value is not None}


def build(path, text, data, version="FCS3.1", header=None, tail=b""):
    """Writes HEADER, TEXT, DATA; `header` replaces DATA's offsets in HEADER."""
    raw = ("/" + "".join(f"{k}/{v}/" for k, v in text.items())).encode("utf-8")
    begin = 58 + len(raw)
    first, last = header or (begin, begin + len(data) - 1)
    head = f"{version}    {58:8d}{begin - 1:8d}{first:8d}{last:8d}{0:8d}{0:8d}".encode()
    path.write_bytes(head + raw + data + tail)
    return begin


@pytest.mark.parametrize("version", ["FCS2.0", "FCS3.0", "FCS3.1", "FCS3.2"])
@pytest.mark.parametrize("order", ["1,2,3,4", "4,3,2,1", "1,2", "2,1"])
@pytest.mark.parametrize("width", [8, 16, 24, 32, 40, 56, 64])
def test_whole_byte_integers(tmp_path, version, order, width):
    values = [[0, 1, 2**width - 1], [2 ** (width - 1), 5, 17]]
    little = "little" if order.startswith("1") else "big"
    data = b"".join(v.to_bytes(width // 8, little) for row in values for v in row)
    build(tmp_path / "x.fcs", keywords([width] * 3, 2, order=order), data, version)
    fcs = read_fcs(tmp_path / "x.fcs")
    assert fcs.version == version[3:]
    assert [fcs.raw_column(f"C{n}").tolist() for n in (1, 2, 3)] == [
        list(column) for column in zip(*values, strict=True)
    ]


@given(st.lists(st.integers(1, 64), min_size=1, max_size=6), st.integers(0, 40), st.booleans(), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_any_widths(tmp_path_factory, bits, events, little, seed):
    """The judge is a stream of bits written by Python's integers."""
    rng = random.Random(seed)
    rows = [[rng.getrandbits(width) for width in bits] for _ in range(events)]
    total = sum(bits) * events
    stream, at = 0, 0
    for row in rows:
        for value, width in zip(row, bits, strict=True):
            stream |= value << (at if little else total - at - width)
            at += width
    size = -(-total // 8)
    data = stream.to_bytes(size, "little") if little else (stream << (8 * size - total)).to_bytes(size, "big")
    path = tmp_path_factory.mktemp("bits") / "x.fcs"
    build(path, keywords(bits, events, order="1,2,3,4" if little else "4,3,2,1"), data)
    fcs = read_fcs(path)
    got = [fcs.raw_column(name).tolist() for name in fcs.names]
    assert got == [[row[i] for row in rows] for i in range(len(bits))]


@pytest.mark.parametrize(("kind", "letter", "width"), [("F", "f", 32), ("D", "d", 64)])
@pytest.mark.parametrize("order", ["1,2,3,4", "4,3,2,1"])
def test_floats(tmp_path, kind, letter, width, order):
    values = [1.5, -0.0, float("nan"), 1e30, float("inf"), -7.25]
    data = struct.pack(("<" if order.startswith("1") else ">") + letter * 6, *values)
    build(tmp_path / "x.fcs", keywords([width] * 2, 3, kind, order), data)
    fcs = read_fcs(tmp_path / "x.fcs")
    np.testing.assert_array_equal(fcs.raw_column("C1"), np.array(values[0::2], f"f{width // 8}"))
    np.testing.assert_array_equal(fcs.column("C2"), np.array(values[1::2], f"f{width // 8}").astype(float))
    assert fcs.raw_column("C1").dtype == np.dtype(f"=f{width // 8}")


def test_mixed_types_of_fcs_3_2(tmp_path):
    data = struct.pack("<fHd", 1.5, 77, 2.25)
    text = keywords([32, 16, 64], 1, "F", P2DATATYPE="I", P3DATATYPE="D")
    build(tmp_path / "x.fcs", text, data, "FCS3.2")
    fcs = read_fcs(tmp_path / "x.fcs")
    assert [float(fcs.column(name)[0]) for name in fcs.names] == [1.5, 77.0, 2.25]


@pytest.mark.parametrize(
    ("largest", "expected"), [("1024", 0x3FF), ("1000", 0x3FF), ("65536", 0xFFFF), ("1e9", 0xFFFF)]
)
def test_bits_above_the_range_are_ignored(tmp_path, largest, expected):
    build(tmp_path / "x.fcs", keywords([16], 1, P1R=largest), b"\xff\xff")
    assert read_fcs(tmp_path / "x.fcs").raw_column("C1").tolist() == [expected]


def test_scales(tmp_path):
    """FCS 3.1: 10^(f1 x / R) f2 for logarithmic, x / gain for linear amplification; time has no gain."""
    text = keywords([16] * 4, 2, P1E="4,0.1", P1R=1024, P2E="4,0", P2R=1024, P3G="2", P4G="0.01", P4N="Time")
    build(tmp_path / "x.fcs", text, struct.pack("<8H", 0, 0, 6, 50, 512, 1023, 7, 60))
    fcs = read_fcs(tmp_path / "x.fcs")
    np.testing.assert_allclose(fcs.column("C1"), [0.1, 10.0])
    np.testing.assert_allclose(fcs.column("C2"), [1.0, 10 ** (4 * 1023 / 1024)])
    assert fcs.column("C3").tolist() == [3.0, 3.5]
    assert fcs.column("Time").tolist() == [50.0, 60.0]
    assert fcs.raw_column("C1").tolist() == [0, 512]


def test_names(tmp_path):
    text = keywords([8] * 4, 1, P1N="FSC-A", P2N="FSC-A", P3N=None, P4N=" T ", P1S=" Height ")
    build(tmp_path / "x.fcs", text, b"\1\2\3\4")
    fcs = read_fcs(tmp_path / "x.fcs")
    assert fcs.names == ("FSC-A", "FSC-A #2", "P3", "T")
    assert [int(fcs.raw_column(name)[0]) for name in fcs.names] == [1, 2, 3, 4]
    assert fcs.parameters[0].label == "Height"
    assert any("FSC-A" in problem for problem in fcs.problems)
    with pytest.raises(FcsError, match="no parameter 'BL1-A'"):
        fcs.index_of("BL1-A")


def test_text_offsets_wrong_header_right(tmp_path):
    """Accuri C6, Cyan."""
    build(tmp_path / "x.fcs", keywords([16], 3, BEGINDATA=999_999, ENDDATA=1_000_004), struct.pack("<3H", 7, 8, 9))
    fcs = read_fcs(tmp_path / "x.fcs")
    assert fcs.raw_column("C1").tolist() == [7, 8, 9]
    assert any("disagree" in problem for problem in fcs.problems)


def test_header_says_nothing_text_does(tmp_path):
    """Files over 99,999,999 bytes."""
    for at in (0, build(tmp_path / "x.fcs", keywords([16], 3, BEGINDATA="0" * 20, ENDDATA="0" * 20), b"")):
        text = keywords([16], 3, BEGINDATA=f"{at:020d}", ENDDATA=f"{at + 5:020d}")
        build(tmp_path / "x.fcs", text, struct.pack("<3H", 7, 8, 9), header=(0, 0))
    assert read_fcs(tmp_path / "x.fcs").raw_column("C1").tolist() == [7, 8, 9]


def test_no_total_no_next_data(tmp_path):
    build(tmp_path / "x.fcs", keywords([16], 0, TOT=None, NEXTDATA=None), struct.pack("<3H", 7, 8, 9), "FCS2.0")
    assert read_fcs(tmp_path / "x.fcs").raw_column("C1").tolist() == [7, 8, 9]


def test_no_events(tmp_path):
    for header in (None, (0, 0)):
        build(tmp_path / "x.fcs", keywords([16, 32], 0), b"", header=header)
        fcs = read_fcs(tmp_path / "x.fcs")
        assert fcs.event_count == 0
        assert fcs.column("C2").shape == (0,)


def test_latin_1_and_utf_8(tmp_path):
    text = keywords([8], 1, OP="Müller", P1S="FITC™")
    build(tmp_path / "x.fcs", text, b"\1")
    assert read_fcs(tmp_path / "x.fcs").text["$OP"] == "Müller"
    del text["$P1S"]
    build(tmp_path / "x.fcs", text, b"\1")
    path = tmp_path / "x.fcs"
    path.write_bytes(path.read_bytes().replace("Müller".encode(), b"M\xfcller "))
    assert read_fcs(path).text["$OP"] == "Müller "


def with_segment(path, name, content):
    """A file with a further segment after DATA, announced in TEXT."""
    for at in (0, build(path, keywords([8], 1, **{f"BEGIN{name}": "0" * 9, f"END{name}": "0" * 9}), b"\1") + 1):
        offsets = {f"BEGIN{name}": f"{at:09d}", f"END{name}": f"{at + len(content) - 1:09d}"}
        build(path, keywords([8], 1, **offsets), b"\1", tail=content)


def test_supplemental_text(tmp_path):
    with_segment(tmp_path / "x.fcs", "STEXT", b"/@MB_P1/HDR/$OP/me/$PAR/9/")
    fcs = read_fcs(tmp_path / "x.fcs")
    assert (fcs.text["@MB_P1"], fcs.text["$OP"], fcs.text["$PAR"]) == ("HDR", "me", "1")
    assert fcs.supplement.length == 0


def test_supplemental_text_that_is_none(tmp_path):
    """Partec puts a zip archive there."""
    with_segment(tmp_path / "x.fcs", "STEXT", b"PK\3\4....")
    fcs = read_fcs(tmp_path / "x.fcs")
    assert fcs.segment(fcs.supplement).tobytes() == b"PK\3\4...."


def test_analysis(tmp_path):
    with_segment(tmp_path / "x.fcs", "ANALYSIS", b"/GATE1/12/")
    fcs = read_fcs(tmp_path / "x.fcs")
    assert fcs.segment(fcs.analysis).tobytes() == b"/GATE1/12/"


def test_segments_beyond_the_file_are_a_problem(tmp_path):
    build(tmp_path / "x.fcs", keywords([8], 1, BEGINANALYSIS=500_000, ENDANALYSIS=600_000), b"\1")
    fcs = read_fcs(tmp_path / "x.fcs")
    assert fcs.analysis.length == 0
    assert any("ANALYSIS" in problem for problem in fcs.problems)


def test_several_data_sets(tmp_path):
    build(tmp_path / "x.fcs", keywords([8], 1, NEXTDATA=12345), b"\1")
    fcs = read_fcs(tmp_path / "x.fcs")
    assert fcs.raw_column("C1").tolist() == [1]
    assert any("more than one data set" in problem for problem in fcs.problems)


def test_within_an_archive(tmp_path):
    build(tmp_path / "x.fcs", keywords([16], 3), struct.pack("<3H", 7, 8, 9))
    archive = tmp_path / "x.acs"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        file.writestr("before.txt", "x" * 1000)
        file.write(tmp_path / "x.fcs", "x.fcs")
        file.writestr("after.txt", "x" * 1000)
        member = file.getinfo("x.fcs")
    offset = member.header_offset + 30 + len("x.fcs")
    assert read_fcs(archive, offset, member.file_size).raw_column("C1").tolist() == [7, 8, 9]
    with pytest.raises(FcsError, match="cut off"):
        read_fcs(archive, offset, member.file_size - 1)
    with pytest.raises(FcsError, match="outside the file"):
        read_fcs(archive, offset, 10_000)


HOSTILE = {
    "no parameters": {"PAR": 0},
    "a billion parameters": {"PAR": 10**9},
    "more parameters than described": {"PAR": 2},
    "parameters in words": {"PAR": "two"},
    "a number of 5000 digits": {"PAR": "1" * 5000},
    "no width": {"P1B": None},
    "a billion bits": {"P1B": 10**9},
    "negative bits": {"P1B": -8},
    "events below zero": {"TOT": -5},
    "a billion events": {"TOT": 10**9},
    "10^17 events": {"TOT": 10**17},
    "events in words": {"TOT": "many"},
    "histogram mode": {"MODE": "C"},
    "ASCII data": {"DATATYPE": "A"},
    "no data type": {"DATATYPE": None},
    "a float of 16 bits": {"DATATYPE": "F"},
    "VAX byte order": {"BYTEORD": "3,4,1,2"},
    "no byte order": {"BYTEORD": None},
    "400 decades": {"P1E": "400,1"},
    "decades that are none": {"P1E": "nan,1"},
    "negative lowest value": {"P1E": "4,-1"},
    "a lowest value beyond all": {"P1E": "4,1e300"},
    "decades without a range": {"P1E": "4,1", "P1R": "none"},
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_values_give_one_error(tmp_path, change):
    build(tmp_path / "x.fcs", keywords([16], 3, **change), struct.pack("<3H", 7, 8, 9))
    with pytest.raises(FcsError, match=r"x\.fcs: ") as caught:
        read_fcs(tmp_path / "x.fcs")
    assert caught.value.way_out
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "change", [{"NEXTDATA": "-7"}, {"NEXTDATA": "x"}, {"P1R": "1e400"}, {"P1R": "1" * 5000}, {"P1G": "nan"}]
)
def test_nonsense_that_does_no_harm(tmp_path, change):
    build(tmp_path / "x.fcs", keywords([16], 3, **change), struct.pack("<3H", 7, 8, 9))
    assert read_fcs(tmp_path / "x.fcs").column("C1").tolist() == [7, 8, 9]


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"FCS3.1",
        b"not an FCS file at all, just a text that is long enough to hold one",
        b"FCS1.0    " + b"      58     100     101     200       0       0",
        b"FCS3.1    " + b"      58 9999999    1000    2000       0       0",
        b"FCS3.1    " + b"     -58     100     101     200       0       0",
        b"FCS3.1    " + b"     100      58     101     200       0       0",
        b"FCS3.1    " + b"                                                ",
        b"FCS3.1    " + b"      58      90     101     200       0       0" + b"\0" * 40,
        b"FCS3.1    " + b"      58      90     101     200       0       0" + b"/" * 40,
        b"FCS3.1    " + b"      58      90     101     200       0       0" + b"\xff\xfe" * 40,
    ],
)
def test_no_fcs_file(tmp_path, header):
    path = tmp_path / "x.fcs"
    path.write_bytes(header)
    with pytest.raises(FcsError, match=r"x\.fcs: "):
        read_fcs(path)


def test_a_giant_text_is_refused(tmp_path):
    path = tmp_path / "x.fcs"
    with path.open("wb") as file:
        file.write(b"FCS3.1    " + b"      5899000000       0       0       0       0")
        file.truncate(99_000_100)
    with pytest.raises(FcsError, match="at most 67108864"):
        read_fcs(path)


def test_a_missing_file_and_a_folder(tmp_path):
    for path in (tmp_path / "none.fcs", tmp_path):
        with pytest.raises(FcsError, match="can't be read"):
            read_fcs(path)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_files_give_an_error_or_values(tmp_path_factory, data):
    """Bytes changed or cut off anywhere: FcsError, or columns of the stated length; never anything else."""
    path = tmp_path_factory.mktemp("damage") / "x.fcs"
    build(path, keywords([16, 32], 5, P1E="4,1"), bytes(range(30)))
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw[: data.draw(st.integers(len(raw) - 40, len(raw)))])
    try:
        fcs = read_fcs(path)
        columns = [fcs.column(name) for name in fcs.names]
    except FcsError:
        return
    assert all(column.shape == (fcs.event_count,) for column in columns)


def test_importing_loads_nothing_heavy():
    heavy = "{'pandas', 'fcsparser', 'torch', 'scipy'}"
    code = f"import sys, tui_cytpix.formats.fcs.write; print(sorted({heavy} & set(sys.modules)))"
    done = children.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("stated", "names"),
    [
        (("A", "A ", " A"), ("A", "A #2", "A #3")),
        (("A", "A #2", "A ", "B"), ("A", "A #2", "A #3", "B")),  # none gets the name of another
        (("A ", "A", "A #2"), ("A", "A #3", "A #2")),
    ],
)
def test_names_that_repeat_are_told_apart(files, stated, names):
    path = files.write("a.fcs", files.fcs({name: [number, 9] for number, name in enumerate(stated)}))
    fcs = read_fcs(path)
    assert fcs.names == names
    assert [fcs.column(name)[0] for name in names] == list(range(len(stated)))
    assert any("Several parameters of the FCS are named 'A'" in problem for problem in fcs.problems)


@pytest.mark.parametrize("between", [b"", b"00000000", b" " * 500])
def test_a_second_file_behind_the_first_is_a_loss(tmp_path, between):
    build(tmp_path / "one.fcs", keywords([8], 3), b"\1\2\3")
    assert read_fcs(tmp_path / "one.fcs").problems == ()
    content = (tmp_path / "one.fcs").read_bytes()
    (tmp_path / "two.fcs").write_bytes(content + between + content)
    (told,) = read_fcs(tmp_path / "two.fcs").problems
    assert isinstance(told, Loss)
    assert "A second FCS file follows" in told


def test_an_empty_file_is_called_empty(tmp_path):
    (tmp_path / "x.fcs").write_bytes(b"")
    with pytest.raises(FcsError, match="it is empty"):
        read_fcs(tmp_path / "x.fcs")


def test_events_that_tot_leaves_out_are_told_with_their_number(tmp_path):
    build(tmp_path / "x.fcs", keywords([8, 8], 3), bytes(range(10)))
    assert "Up to 2 events more are not read: if the instrument counted more, export it again." in "".join(
        read_fcs(tmp_path / "x.fcs").problems
    )
