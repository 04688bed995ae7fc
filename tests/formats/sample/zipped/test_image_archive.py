"""Image exports as zip files."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tui_cytpix.errors import SampleError
from tui_cytpix.formats.sample.registry import open_sample


@pytest.fixture
def export(files):
    """The members of an export: 8-bit gray in RGBA, LZW."""

    def members(events):
        found = []
        for event in events:
            gray = (files.gray16(event) >> 2).astype(np.uint8)
            rgba = np.dstack([gray, gray, gray, np.full_like(gray, 255)])
            found.append((f"{event}.tif", files.encoded(rgba, "TIFF", compression="tiff_lzw")))
        return found

    return members


def test_an_export_beside_its_fcs(files, export):
    path = files.write("Images/tube1.zip", files.zipped(export((10, 9, 2)), zipfile.ZIP_DEFLATED))
    files.write("tube1.fcs", files.attune_fcs((2, 9, 10)))
    files.write("tube2.fcs", files.attune_fcs((2, 9, 10), scale=0.9))
    with open_sample(path) as sample:
        assert sample.format == "image archive"
        assert sample.event_ids == ("2", "9", "10")
        assert np.array_equal(sample.read_image("9"), (files.gray16(9) >> 2).astype(np.uint8))
        info = sample.info()
        assert (info.bit_depth, info.image_count, info.event_count) == (8, 3, 20)
        assert info.scale.um_per_px == pytest.approx(0.25)
        assert info.problems == ()
        assert sample.fcs_rows() == {"2": 1, "9": 8, "10": 9}
        assert sample.read_masks("2") is None
        assert not info.has_instrument_masks


def test_the_only_fcs_nearby_is_taken_if_its_events_match(files, export):
    path = files.write("a/images.zip", files.zipped(export((2, 3))))
    files.write("a/other.fcs", files.attune_fcs((2, 3)))
    with open_sample(path) as sample:
        assert sample.fcs_rows() == {"2": 1, "3": 2}
        assert any("other.fcs is taken" in problem for problem in sample.info().problems)


def test_a_stray_fcs_is_not_taken(files, export):
    path = files.write("a/images.zip", files.zipped(export((200, 300))))
    files.write("a/other.fcs", files.attune_fcs((2, 3)))
    with open_sample(path) as sample:
        assert sample.open_fcs() is None
        assert sample.scale is None
        assert any("not used: none of its events" in problem for problem in sample.info().problems)


def test_several_fcs_files_and_none_of_the_name(files, export):
    path = files.write("a/images.zip", files.zipped(export((2, 3))))
    files.write("a/x.fcs", files.attune_fcs((2, 3)))
    files.write("a/y.fcs", files.attune_fcs((2, 3)))
    with open_sample(path) as sample:
        assert sample.open_fcs() is None
        assert any("2 FCS files lie in" in problem for problem in sample.info().problems)


def test_a_zipped_folder_and_what_a_mac_adds(files, export):
    members = [(f"tube/{name}", data) for name, data in export((1, 2))]
    members += [
        ("__MACOSX/tube/._1.tif", b"junk"),
        ("tube/._2.tif", b"junk"),
        ("tube/notes.txt", b"hello"),
        ("tube/", b""),
    ]
    with open_sample(files.write("t.zip", files.zipped(members))) as sample:
        assert sample.event_ids == ("1", "2")
        assert sample.read_image("2").shape == (32, 32)


def test_a_folder_that_stands_in_the_archive_before_its_files(files, export):
    """As most programs pack a folder: an entry for the folder itself comes first."""
    folder = files.folder / "day" / "tube"
    folder.mkdir(parents=True)
    for name, content in export((1, 2)):
        (folder / name).write_bytes(content)
    path = Path(shutil.make_archive(str(files.folder / "day"), "zip", files.folder / "day"))
    with zipfile.ZipFile(path) as archive:
        assert archive.infolist()[0].is_dir()
    with open_sample(path) as sample:
        assert sample.event_ids == ("1", "2")


def test_names_that_climb_out_are_left_out(files, export):
    (_, data), *_ = export((1,))
    members = [("1.tif", data), ("../2.tif", data), ("/3.tif", data), ("a/../../4.tif", data), ("..\\5.tif", data)]
    with open_sample(files.write("t.zip", files.zipped(members))) as sample:
        assert sample.event_ids == ("1",)
        assert any("4 images with unsafe paths" in problem for problem in sample.info().problems)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicates_are_told(files, export):
    ((_, one), (_, two)) = export((1, 2))
    members = [("1.tif", one), ("1.tif", two), ("2.png", two), ("2.tif", two)]
    with open_sample(files.write("t.zip", files.zipped(members))) as sample:
        assert sample.event_ids == ("1", "2")
        assert np.array_equal(sample.read_image("1"), (files.gray16(1) >> 2).astype(np.uint8))
        problems = " ".join(sample.info().problems)
        assert "in the archive twice" in problems
        assert "repeats an event id" in problems


def test_folders_of_several_tubes_are_not_mixed(files, export):
    members = [(f"{tube}/{name}", data) for tube in ("tube1", "tube2") for name, data in export((1,))]
    with pytest.raises(SampleError, match="Several folders") as caught:
        open_sample(files.write("t.zip", files.zipped(members)))
    assert "tube1, tube2" in caught.value.detail


@pytest.mark.parametrize("members", [[], [("a.txt", b"hello")], [("doc/b.csv", b"1,2")]])
def test_an_archive_without_images(files, members):
    with pytest.raises(SampleError, match="No images found"):
        open_sample(files.write("t.zip", files.zipped(members)))
