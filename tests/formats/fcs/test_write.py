"""Writing FCS files: read back by flowio and by our own reader."""

from __future__ import annotations

import json
import re
import uuid

import flowio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from tui_cytpix.errors import FcsError
from tui_cytpix.formats.fcs.read import read_fcs
from tui_cytpix.formats.fcs.write import ExtraParameter, range_above, write_fcs_new, write_fcs_with


def table(rows, columns, seed=0):
    values = np.random.default_rng(seed).normal(100, 500, (rows, columns)).astype(np.float32)
    return [values[:, i] for i in range(columns)]


def flowio_values(path):
    """flowio's reading, without its gain, log and time scaling."""
    return flowio.FlowData(str(path)).as_array(preprocess=False)


def extra(count, **changes):
    values = (np.arange(count) % 5).astype(np.float32)
    given = {"name": "UDT_ParticleCount", "unit": "", "values": values, "range": 8} | changes
    return ExtraParameter(**given)


def new(path, rows=20, **keywords):
    columns = table(rows, 3)
    write_fcs_new(path, ["Event", "FSC-A", "Time"], columns, {"$P2S": "Size", **keywords})
    return columns


def test_a_new_file(tmp_path):
    columns = new(
        tmp_path / "a b.fcs", **{"$CYT": "Attune/CytPix", "$P2R": "1048576", "$P2G": "1.0", "Own": "µm", "$FIL": "z"}
    )
    fcs = read_fcs(tmp_path / "a b.fcs")
    assert (fcs.version, fcs.names, fcs.event_count, fcs.problems) == ("3.1", ("Event", "FSC-A", "Time"), 20, ())
    assert fcs.text["$CYT"] == "Attune/CytPix"
    assert (fcs.text["Own"], fcs.text["$FIL"]) == ("µm", "z")
    assert (fcs.parameters[1].label, fcs.parameters[1].range) == ("Size", 1048576.0)
    assert fcs.parameters[0].range > columns[0].max()
    np.testing.assert_array_equal(flowio_values(tmp_path / "a b.fcs"), np.stack(columns, axis=1))


@given(
    st_numpy.arrays(np.uint32, st.tuples(st.integers(0, 40), st.integers(1, 6))),
    st.dictionaries(st.from_regex(r"[A-Za-z#@&][ -~]{0,8}[!-~]", fullmatch=True), st.text(min_size=1, max_size=9)),
)
@settings(max_examples=60, deadline=None)
def test_any_matrix_and_any_keywords(tmp_path_factory, patterns, keywords):
    """Bit patterns, so NaNs of every kind too."""
    path = tmp_path_factory.mktemp("any") / "x.fcs"
    values = patterns.view(np.float32)
    names = [f"C{i}" for i in range(values.shape[1])]
    write_fcs_new(path, names, list(values.T), keywords)
    fcs = read_fcs(path)
    for i, name in enumerate(names):
        assert fcs.raw_column(name).tobytes() == np.ascontiguousarray(values[:, i]).tobytes()
    assert {key: fcs.text.get(key) for key in keywords} == keywords
    if len(values):
        write_fcs_with(fcs, path.with_name("y.fcs"), [extra(len(values))], {"UDT": "/|"})
        copy = read_fcs(path.with_name("y.fcs"))
        for name in names:
            assert copy.raw_column(name).tobytes() == fcs.raw_column(name).tobytes()
        assert {key: copy.text.get(key) for key in keywords} == keywords


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        ([], []),
        (["a"], table(3, 2)),
        (["a", "a"], table(3, 2)),
        (["a", "A"], table(3, 2)),
        (["a", "b"], [np.zeros(3, np.float32), np.zeros(4, np.float32)]),
        (["a,b"], table(3, 1)),
        (["a/b"], table(3, 1)),
        (["µ"], table(3, 1)),
        ([" a"], table(3, 1)),
        ([""], table(3, 1)),
        (["a\x1b[31m"], table(3, 1)),
    ],
)
def test_what_no_file_can_be_made_of(tmp_path, names, columns):
    with pytest.raises(FcsError):
        write_fcs_new(tmp_path / "x.fcs", names, columns, {})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FcsError, match="can't be written"):
        new(tmp_path / "none" / "x.fcs")


def test_appended_parameters(tmp_path):
    columns = new(tmp_path / "in.fcs", 50, **{"$CYT": "Attune", "GUID": "old"})
    area = np.linspace(0, 90.5, 50, dtype=np.float32)
    more = [extra(50), ExtraParameter("UDT_AreaSquareMicrons", "um2", area, range_above(90.5))]
    write_fcs_with(read_fcs(tmp_path / "in.fcs"), tmp_path / "out.fcs", more, {"UDT_MODEL": "sha256:1/2"})
    fcs = read_fcs(tmp_path / "out.fcs")
    assert fcs.names == ("Event", "FSC-A", "Time", "UDT_ParticleCount", "UDT_AreaSquareMicrons")
    values = flowio_values(tmp_path / "out.fcs")
    np.testing.assert_array_equal(values, np.stack([*columns, more[0].values, area], axis=1))
    said = {key[3:]: value for key, value in fcs.text.items() if key.startswith("$P5")}
    assert said == {"B": "32", "E": "0,0", "R": "128", "N": "UDT_AreaSquareMicrons", "S": "um2", "D": "Linear,0,128"}
    assert "$P4S" not in fcs.text
    assert (fcs.text["$FIL"], fcs.text["CYTPIX_SOURCE_FIL"]) == ("out.fcs", "in.fcs")
    assert (fcs.text["CYTPIX_SOURCE_GUID"], fcs.text["$ORIGINALITY"]) == ("old", "Appended")
    assert fcs.text["GUID"] != "old"
    assert re.fullmatch(r"\d\d-[A-Z]{3}-\d{4} \d\d:\d\d:\d\d\.\d\d", fcs.text["$LAST_MODIFIED"])
    assert fcs.text["$LAST_MODIFIER"].startswith("tui-cytpix")
    assert fcs.text["UDT_MODEL"] == "sha256:1/2"


def test_a_copy_of_a_copy_in_its_own_place(tmp_path):
    new(tmp_path / "x.fcs")
    for name in ("A_Count", "B_Count"):
        write_fcs_with(read_fcs(tmp_path / "x.fcs"), tmp_path / "x.fcs", [extra(20, name=name)])
    fcs = read_fcs(tmp_path / "x.fcs")
    assert fcs.names == ("Event", "FSC-A", "Time", "A_Count", "B_Count")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.fcs"]


def test_what_is_written_again_differs_in_its_time_only(tmp_path):
    """The GUID too is the same, and another one as soon as a keyword, a value or the choice of events is another."""
    new(tmp_path / "in.fcs")
    source = read_fcs(tmp_path / "in.fcs")

    def written(**changes):
        more = {"keywords": {}, "extra": [extra(20)], **changes}
        (tmp_path / "out.fcs").unlink(missing_ok=True)
        write_fcs_with(source, tmp_path / "out.fcs", **more)
        text = read_fcs(tmp_path / "out.fcs").text
        assert uuid.UUID(text["GUID"]).version == 5
        return text["GUID"], (tmp_path / "out.fcs").read_bytes().replace(text["$LAST_MODIFIED"].encode(), b"")

    once = written()
    assert written() == once
    others = [
        written(keywords={"CYTPIX_MODEL": "x"}),
        written(extra=[extra(20, values=np.ones(20, np.float32))]),
        written(rows=np.arange(20) > 9),
    ]
    assert len({guid for guid, _ in (once, *others)}) == 4


def test_a_value_beyond_the_range_is_written_as_it_is(tmp_path):
    new(tmp_path / "in.fcs")
    write_fcs_with(read_fcs(tmp_path / "in.fcs"), tmp_path / "out.fcs", [extra(20, range=2)])
    assert read_fcs(tmp_path / "out.fcs").column("UDT_ParticleCount").max() == 4


def test_values_that_arent_finite_become_zero(tmp_path):
    new(tmp_path / "in.fcs", 3)
    values = np.array([np.nan, 2, np.inf], np.float32)
    write_fcs_with(read_fcs(tmp_path / "in.fcs"), tmp_path / "out.fcs", [extra(3, values=values)])
    assert read_fcs(tmp_path / "out.fcs").column("UDT_ParticleCount").tolist() == [0, 2, 0]


def test_some_events_only(tmp_path):
    columns = new(tmp_path / "in.fcs", 20)
    keep = np.arange(20) % 3 == 0
    write_fcs_with(read_fcs(tmp_path / "in.fcs"), tmp_path / "out.fcs", [extra(20)], rows=keep)
    fcs = read_fcs(tmp_path / "out.fcs")
    assert fcs.event_count == 7
    np.testing.assert_array_equal(fcs.raw_column("FSC-A"), columns[1][keep])
    np.testing.assert_array_equal(fcs.column("UDT_ParticleCount"), (np.arange(20) % 5)[keep])
    assert (fcs.text["CYTPIX_SOURCE_TOT"], fcs.text["$ORIGINALITY"]) == ("20", "DataModified")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "fsc-a"},
        {"name": "a,b"},
        {"values": np.zeros(19, np.float32)},
    ],
)
def test_parameters_that_dont_fit(tmp_path, changes):
    new(tmp_path / "in.fcs")
    with pytest.raises(FcsError):
        write_fcs_with(read_fcs(tmp_path / "in.fcs"), tmp_path / "out.fcs", [extra(20, **changes)])
    assert not (tmp_path / "out.fcs").exists()


def test_a_source_that_became_shorter(tmp_path):
    new(tmp_path / "in.fcs")
    source = read_fcs(tmp_path / "in.fcs")
    whole = (tmp_path / "in.fcs").read_bytes()
    (tmp_path / "in.fcs").write_bytes(whole[:-100])
    with pytest.raises(FcsError, match="changed"):
        write_fcs_with(source, tmp_path / "out.fcs", [extra(20)])
    assert not (tmp_path / "out.fcs").exists()


@pytest.mark.parametrize(
    ("largest", "expected"), [(0, 2), (1, 2), (2, 4), (3.5, 4), (1023, 1024), (1024, 2048), (-5, 2)]
)
def test_range_above(largest, expected):
    assert range_above(largest) == expected


def real_files():
    """Names of the readable files, without looking for them: where they are absent, tests are skipped, not lost."""
    return [
        "accuri_c6plus", "attune_nxt_brvy_G11", "bad_data_start_offset", "bad_data_stop_offset", "bd_aria2_50k",
        "bd_aria3_indexsort", "bd_calibur_fcs20", "bd_canto2_fcs20_int", "bd_facscan_fcs20_little", "bd_lsr2_comp",
        "bd_lsr2_diva", "beckman_coulter_multidataset_lmd", "beckman_navios_lmd", "miltenyi_fcs20", "miltenyi_fcs31",
        "miltenyi_fcs31_duplicate_names", "partec_cyflow_cube8_mixedbits", "stratedigm_varint",
    ]  # fmt: skip


@pytest.mark.parametrize("name", real_files())
def test_real_files_with_parameters_appended(shared_data, tmp_path, name):
    source = read_fcs(shared_data / "fcs" / f"{name}.fcs")
    out = tmp_path / "out.fcs"
    write_fcs_with(source, out, [extra(source.event_count)], {"UDT_MODEL": "a/b\\c|d"})
    copy = read_fcs(out)
    assert (copy.version, copy.problems, copy.event_count) == ("3.1", (), source.event_count)
    for parameter in source.parameters:
        before, after = source.raw_column(parameter.name), copy.raw_column(parameter.name)
        if parameter.kind != "I":
            assert before.tobytes() == after.tobytes()
        elif not parameter.is_logarithmic:
            np.testing.assert_array_equal(before.astype(float), after.astype(float))
        np.testing.assert_allclose(copy.column(parameter.name), source.column(parameter.name), rtol=1e-6)
    judge = flowio.FlowData(str(out))
    np.testing.assert_array_equal(
        judge.as_array(preprocess=False), np.stack([copy.raw_column(n) for n in copy.names], axis=1)
    )
    changed = {
        "$FIL",
        "GUID",
        "$ORIGINALITY",
        "$LAST_MODIFIED",
        "$LAST_MODIFIER",
        "$PAR",
        "$TOT",
        "$NEXTDATA",
        "$BYTEORD",
    }
    for key, value in source.text.items():
        if key in changed or re.match(r"\$(BEGIN|END)", key):
            continue
        kept = copy.text.get("CYTPIX_SOURCE_" + key.removeprefix("$"), copy.text.get(key))
        assert kept == (value or " "), key
        assert judge.text[copy_key(key)] == copy.text[key]


def copy_key(key):
    """flowio's form of a keyword."""
    return key.replace("$", "").lower()


def test_old_scaling_is_kept(shared_data, tmp_path):
    source = read_fcs(shared_data / "fcs" / "bd_canto2_fcs20_int.fcs")
    write_fcs_with(source, tmp_path / "out.fcs", [extra(source.event_count)])
    text = read_fcs(tmp_path / "out.fcs").text
    assert (text["$P1E"], text["$P1R"], text["$P1B"], text["$P1G"], text["$DATATYPE"]) == (
        "0,0",
        "10000",
        "32",
        "1",
        "F",
    )
    kept = [text[f"CYTPIX_SOURCE_{key}"] for key in ("P1E", "P1R", "P1B", "DATATYPE")]
    assert kept == ["4,0", "1024", "16", "I"]
    assert text["$ORIGINALITY"] == "DataModified"


def test_wide_integers_become_float64(shared_data, tmp_path):
    source = read_fcs(shared_data / "fcs" / "partec_cyflow_cube8_mixedbits.fcs")
    write_fcs_with(source, tmp_path / "out.fcs", [extra(source.event_count)])
    copy = read_fcs(tmp_path / "out.fcs")
    assert copy.text["$DATATYPE"] == "D"
    assert copy.segment(copy.supplement).tobytes() == source.segment(source.supplement).tobytes()
    assert copy.text["$BEGINSTEXT"] == str(copy.supplement.begin)


def test_supplemental_keywords_move_into_text(shared_data, tmp_path):
    source = read_fcs(shared_data / "fcs" / "miltenyi_fcs31.fcs")
    write_fcs_with(source, tmp_path / "out.fcs", [extra(source.event_count)])
    judge = flowio.FlowData(str(tmp_path / "out.fcs"))
    assert judge.text["@mb_p1_username"] == source.text["@MB_P1_USERNAME"] == "HDR-T"
    assert judge.text["beginstext"] == "0"


def test_the_manifest_is_true_of_what_we_read(shared_data):
    """Version, type, widths, counts and names as another program found them; it lost one name to an empty value."""
    for item in json.loads((shared_data / "fcs" / "manifest.json").read_text()):
        if item["version"] is None:
            continue
        fcs = read_fcs(shared_data / "fcs" / f"{item['name']}.fcs")
        assert f"FCS{fcs.version}" == item["version"]
        assert fcs.text["$DATATYPE"] == item["datatype"]
        assert (fcs.event_count, len(fcs.parameters)) == (int(item["tot"]), item["par"])
        assert all(a in (None, b) for a, b in zip(item["names"], fcs.names, strict=True))
        assert sorted(set(map(str, fcs.layout.bits))) == sorted(item["pnb"])


@pytest.mark.parametrize("name", ["bd_calibur_fcs20", "stratedigm_varint", "accuri_c6plus"])
def test_real_files_with_bytes_changed(shared_data, tmp_path, name):
    """What opens can be copied, or says why not."""
    rng = np.random.default_rng(1)
    raw = (shared_data / "fcs" / f"{name}.fcs").read_bytes()
    copied = 0
    for _ in range(60):
        changed = bytearray(raw)
        for at in rng.integers(58, 4000, 3):
            changed[at] = rng.choice(list(b"0123456789/\\,.$E "))
        (tmp_path / "in.fcs").write_bytes(changed)
        try:
            source = read_fcs(tmp_path / "in.fcs")
            write_fcs_with(source, tmp_path / "out.fcs", [extra(source.event_count)])
        except FcsError:
            continue
        copy = read_fcs(tmp_path / "out.fcs")
        assert copy.event_count == source.event_count
        assert len(copy.parameters) == len(source.parameters) + 1
        copied += 1
    assert copied > 20


def test_a_source_within_an_archive(tmp_path):
    columns = new(tmp_path / "in.fcs", 30)
    (tmp_path / "x.acs").write_bytes(b"x" * 777 + (tmp_path / "in.fcs").read_bytes() + b"y" * 99)
    source = read_fcs(tmp_path / "x.acs", 777, (tmp_path / "in.fcs").stat().st_size)
    write_fcs_with(source, tmp_path / "out.fcs", [extra(30)])
    values = flowio_values(tmp_path / "out.fcs")
    np.testing.assert_array_equal(values[:, :3], np.stack(columns, axis=1))
