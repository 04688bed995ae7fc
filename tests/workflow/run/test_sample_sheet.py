"""Sample sheets: understood, or refused with the line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_cytpix.domain.sample import CONTROLS
from tui_cytpix.errors import InputError
from tui_cytpix.workflow.run.run_samples import create_run
from tui_cytpix.workflow.run.sample_sheet import GivenSample, read_sheet, remarks


def sheet(folder, text, encoding="utf-8"):
    path = folder / "sheet.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_sheet_from_a_german_spreadsheet(tmp_path, encoding):
    text = (
        "sep=;\r\nPath;Well;Condition;Unit;Tube;Day;Role;Control;um per px;Notes\r\n"
        "a.acs;a01;Glukose 0,5 %;1.0;2,0;3;Research;;0,29;\r\n"
        ";;;;;;;;;\r\n"
        '"b;c.acs";H12;;donor 2;;2026-11-30;;Blank;;"said ""no"""\r\n'
    )
    assert read_sheet(sheet(tmp_path, text, encoding), 0.4) == [
        GivenSample(
            tmp_path / "a.acs",
            0.29,
            {"condition": "Glukose 0,5 %", "unit": "1", "tube": "2", "day": "3", "role": "research", "well": "A1"},
        ),
        GivenSample(
            tmp_path / "b;c.acs", 0.4, {"unit": "donor 2", "day": "2026-11-30", "well": "H12", "control": "blank"}
        ),
    ]


def test_a_plain_list_of_paths(tmp_path):
    names = ["tube 1.acs", "b,c.acs", os.fsdecode(b"M\xfcller")]
    for name in names:
        (tmp_path / name).write_bytes(b"")
    path = tmp_path / "list.txt"
    path.write_bytes(b"".join(os.fsencode(name) + b"\r\n" for name in names))
    assert [one.path.name for one in read_sheet(path)] == names
    path.write_bytes(b"path\n" + os.fsencode(names[2]) + b"\n")
    assert read_sheet(path)[0].path == tmp_path / names[2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("path,well\na,A1\nb,1A\n", "line 3: '1A' is no well"),
        ("path,role\na,boss\n", "line 2: 'boss' is no role"),
        ("path,control\na,yes\n", "line 2: 'yes' says not which control"),
        ("path,um_per_px\na,\n,0.3\n", "line 3: it has no path"),
        ("path,um_per_px\na,three\n", "line 2: 'three' is no pixel size"),
        ("path,um_per_px\na,0,3\n", "line 2: 3 cells for 2 columns"),
        ("path\na\n./a\n", "is there twice, first in line 2"),
        ("path,conditon\na,x\n", "line 1: the column 'conditon' is not known; condition may be meant"),
        ("well,condition\nA1,x\n", "line 1: there is no column path"),
        ("path,condition\n", "it names no sample"),
        ("", "no column path"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(tmp_path, text, words):
    with pytest.raises(InputError, match="sample sheet can't be read") as refused:
        read_sheet(sheet(tmp_path, text))
    assert words in str(refused.value)


LINES = st.fixed_dictionaries(
    {
        "separator": st.sampled_from(";\t"),
        "row": st.sampled_from("ABPaf"),
        "column": st.integers(1, 24),
        "digits": st.sampled_from(["d", "02d"]),
        "control": st.sampled_from(("", *CONTROLS)),
        "scale": st.floats(0.02, 19.9),
        "point": st.sampled_from(",."),
        "unit": st.integers(0, 99),
    }
)


@given(LINES)
def test_any_line_comes_back(tmp_path_factory, line):
    point, separator = line["point"], line["separator"]
    well = f"{line['row']}{line['column']:{line['digits']}}"
    cells = [
        "t.acs",
        well,
        line["control"].upper(),
        f"{line['scale']:.4f}".replace(".", point),
        f"{line['unit']}{point}0",
    ]
    header = separator.join(["PATH", "Well", "control", "um_per_px", "Unit"])
    path = sheet(tmp_path_factory.mktemp("s"), f"{header}\n{separator.join(cells)}\n")
    (one,) = read_sheet(path)
    want = {"well": f"{line['row'].upper()}{line['column']}", "unit": str(line["unit"]), "control": line["control"]}
    assert one.labels == {name: label for name, label in want.items() if label}
    assert one.um_per_px == pytest.approx(line["scale"], abs=1e-4)


def test_a_run_knows_what_the_sheet_says(samples, tmp_path):
    sample = samples.make(images=3)
    path = sheet(tmp_path, f"path;well;condition;control;um_per_px\n{sample};b03;rich;positive;0,25\n")
    with create_run(tmp_path / "run", (), listed=read_sheet(path)) as run:
        (ref,) = run.settings.samples
        assert (ref.well, ref.condition, ref.control, ref.um_per_px) == ("B3", "rich", "positive", 0.25)
    with create_run(tmp_path / "again", [sample], 0.3) as run:
        assert run.settings.samples[0].well == ""


@pytest.mark.parametrize(
    "heading",
    [
        "\u00b5m/px",
        "\u03bcm/px",
        "um/px",
        "um per px",
        "UM_PER_PX",
        "\u00b5m per pixel",
        "Microns/pixel",
        "Pixel size (\u00b5m)",
    ],
)
def test_the_pixel_size_by_its_usual_headings(tmp_path, heading):
    path = sheet(tmp_path, f"path,{heading}\na,0.33\n")
    given = read_sheet(path)
    assert given[0].um_per_px == 0.33
    assert remarks(path, given) == ()


def test_what_is_passed_over_is_told(tmp_path):
    path = sheet(tmp_path, "path,Bedingung\na,ctrl\n")
    (told,) = remarks(path, read_sheet(path))
    assert "1 column is passed over: Bedingung. Known ones: path, condition," in told


@pytest.mark.parametrize(
    ("days", "odd"),
    [
        (("11/29/2026", "2026-11-29"), True),
        (("29.11.2026", "2026-11-29", "1"), True),
        (("2026-11-29", "2026-11-30", "2"), False),
        (("1", "2"), False),
    ],
)
def test_days_in_several_ways_are_told(tmp_path, days, odd):
    path = sheet(tmp_path, "path,day\n" + "".join(f"s{n},{day}\n" for n, day in enumerate(days)))
    assert any("days are written in several ways" in told for told in remarks(path, read_sheet(path))) == odd


def test_a_pipe_and_a_device_are_no_sheets(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", Path("/dev/zero")):
        with pytest.raises(InputError, match="sample sheet can't be read"):
            read_sheet(path)
