"""From a path to the right reader, or to one clear sentence."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path

import pytest

from tests import children
from tui_cytpix.errors import SampleError, UsageError
from tui_cytpix.formats.sample.registry import READERS, each_once, open_sample


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"hello", "kind of file is not known"),
        ("a.png", b"\x89PNG", "single image"),
        ("a.daf", b"", "ImageStream analysis"),
        ("a.npz", b"PK\x03\x04", r"archive of NumPy arrays.*as \.npy"),
        ("a.cyz", b"PK", "CytoSense"),
        ("a.lst", b"1", "FlowCam"),
        ("a.zip", b"hello", "Not a zip archive"),
        ("a.fcs", b"FCS3.1", "has no images"),
    ],
)
def test_files_that_are_no_sample(files, name, content, reason):
    with pytest.raises(SampleError, match=reason) as caught:
        open_sample(files.write(name, content))
    assert name in caught.value.detail
    assert caught.value.way_out


@pytest.mark.parametrize("path", ["/nonesuch/a.acs", "", "a\0b", "/dev/null", "x" * 5000])
def test_paths_that_are_no_file(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SampleError) as caught:
        open_sample(path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("scale", [0.0, -0.3, float("nan"), float("inf")])
def test_a_scale_must_be_positive(files, scale):
    with pytest.raises(UsageError):
        open_sample(files.acs(), scale)


def test_an_fcs_leads_to_its_images(files):
    fcs = files.write("exp/tube.fcs", files.attune_fcs((3, 7, 11, 12), rows=15))
    with pytest.raises(SampleError, match="has no images"):
        open_sample(fcs)
    files.write("exp/Images/tube.zip", files.zipped([("3.png", files.encoded(files.gray16(3), "PNG"))]))
    with open_sample(fcs) as sample:
        assert sample.format == "image archive"
        assert sample.fcs_rows() == {"3": 2}
    files.acs(name="exp/tube.acs")
    with open_sample(fcs) as sample:
        assert sample.format == "Attune CytPix .acs"
        assert sample.info().event_count == 15  # the FCS that was given, not the archive's own of 20


def test_an_fcs_among_loose_images(files):
    fcs = files.write("exp/any.fcs", files.attune_fcs((3,)))
    files.write("exp/3.png", files.encoded(files.gray16(3), "PNG"))
    with open_sample(fcs) as sample:
        assert sample.fcs_rows() == {"3": 2}
        assert sample.scale is None  # one event is too few


def test_a_zip_by_content_whatever_its_name(files):
    path = files.write("export.dat", files.zipped([("3.png", files.encoded(files.gray16(3), "PNG"))]))
    with open_sample(path) as sample:
        assert sample.event_ids == ("3",)


def test_a_folder_of_collages_is_refused_by_name(files):
    files.write("flowcam/run.lst", b"001")
    files.write("flowcam/run_000001.tif", files.encoded(files.gray16(1)))
    with pytest.raises(SampleError, match="FlowCam"):
        open_sample(files.folder / "flowcam")


def test_images_of_one_channel_have_none_to_choose(files):
    with pytest.raises(UsageError, match="no channels"):
        open_sample(files.acs(), channel="2")


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.module)
def test_every_reader_has_what_opens_it(reader):
    module = importlib.import_module(f"tui_cytpix.formats.sample.{reader.module}")
    assert list(inspect.signature(module.open_parts).parameters) == ["path", "asked"]


def test_importing_the_registry_is_cheap():
    code = (
        "import sys, tui_cytpix.formats.sample.registry, tui_cytpix.formats.sample.reader\n"
        "import tui_cytpix.workflow.samples.inspect\n"
        "heavy = {'PIL', 'cv2', 'scipy', 'pandas', 'fcsparser', 'torch', 'textual'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    children.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(filter(None, sys.path))})


def test_the_files_of_a_bin_name_one_sample():
    given = [Path(path) for path in ("a/x.adc", "a/x.hdr", "b/x.roi", "a/x.ROI", "a/y.hdr", "a", "a", "x.cif", "x.acs")]
    kept = ["a/x.adc", "b/x.roi", "a/y.hdr", "a", "a", "x.cif", "x.acs"]
    assert [str(path) for path in each_once(given)] == kept
