"""Files of real instruments, read by us and by flowio, where flowio is right."""

from __future__ import annotations

import warnings

import flowio
import numpy as np
import pytest

from tui_cytpix.errors import FcsError
from tui_cytpix.formats.fcs.read import read_fcs

# flowio refuses ends that are one off and several data sets unless told otherwise.
LENIENT = {"ignore_offset_error": True, "ignore_offset_discrepancy": True, "nextdata_offset": 0}


@pytest.mark.parametrize(
    "name",
    [
        "accuri_c6plus", "attune_nxt_brvy_G11", "bd_aria2_50k", "bd_aria3_indexsort", "bd_calibur_fcs20",
        "bd_canto2_fcs20_int", "bd_facscan_fcs20_little", "bd_lsr2_comp", "bd_lsr2_diva",
        "beckman_coulter_multidataset_lmd", "beckman_navios_lmd", "miltenyi_fcs20", "miltenyi_fcs31",
        "miltenyi_fcs31_duplicate_names", "partec_cyflow_cube8_mixedbits",
    ],
)  # fmt: skip
def test_as_flowio_reads_it(shared_data, name):
    path = shared_data / "fcs" / f"{name}.fcs"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        judge = flowio.FlowData(str(path), **LENIENT)
    fcs = read_fcs(path)
    if name != "bd_calibur_fcs20":  # there flowio takes empty values for escapes and loses two names
        assert [p.strip() for p in judge.pnn_labels] == list(fcs.names)
    raw, linear = judge.as_array(preprocess=False), judge.as_array(preprocess=True)
    for i, column in enumerate(fcs.names):
        np.testing.assert_array_equal(fcs.raw_column(column), raw[:, i])
        if column.lower() != "time":  # flowio multiplies it by $TIMESTEP
            np.testing.assert_allclose(fcs.column(column), linear[:, i], rtol=1e-9)


@pytest.mark.parametrize("name", ["bad_data_start_offset", "bad_data_stop_offset", "stratedigm_varint"])
def test_offsets_that_disagree(shared_data, name):
    """The same two events of mixed widths, with HEADER's offsets changed in two of the files."""
    fcs = read_fcs(shared_data / "fcs" / f"{name}.fcs")
    whole = read_fcs(shared_data / "fcs" / "stratedigm_varint.fcs")
    assert fcs.event_count == 2
    assert set(fcs.layout.bits) == {16, 32}
    assert bool(fcs.problems) == name.startswith("bad")
    for column in fcs.names:
        np.testing.assert_array_equal(fcs.raw_column(column), whole.raw_column(column))


def test_first_values_of_mixed_widths(shared_data):
    """Stated from the bytes: little-endian, 25 times 16 bits and once 32, of which $PnR leaves 24 in use."""
    path = shared_data / "fcs" / "stratedigm_varint.fcs"
    fcs, data = read_fcs(path), path.read_bytes()[6081:]
    at = 0
    for column, bits in zip(fcs.names, fcs.layout.bits, strict=True):
        assert int(fcs.raw_column(column)[0]) == int.from_bytes(data[at : at + bits // 8], "little") % 2**24
        at += bits // 8


def test_a_file_that_is_none(shared_data):
    with pytest.raises(FcsError, match=r"bad_corrupted_10bytes\.fcs"):
        read_fcs(shared_data / "fcs" / "bad_corrupted_10bytes.fcs")


def test_supplemental_text(shared_data):
    fcs = read_fcs(shared_data / "fcs" / "miltenyi_fcs31.fcs")
    assert len(fcs.text) == 264
    assert fcs.text["@MB_P1_USERNAME"] == "HDR-T"


def test_empty_values_and_escapes(shared_data):
    calibur = read_fcs(shared_data / "fcs" / "bd_calibur_fcs20.fcs").text
    assert [calibur[key] for key in ("$P3S", "$P4S", "$P6N", "&8Acquisition Doc.")][:3] == ["", "", "FL1-A"]
    assert read_fcs(shared_data / "fcs" / "attune_nxt_brvy_G11.fcs").text["$P3F"] == "488/10"
