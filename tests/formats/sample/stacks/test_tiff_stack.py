"""TIFF files of many pages as samples; tifffile is the outside judge."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from tests.faults.sample_readers import outcomes
from tui_cytpix.errors import SampleError, UsageError
from tui_cytpix.formats.bytes.gray_range import GrayRange
from tui_cytpix.formats.sample.registry import open_sample

STACK = np.random.default_rng(3).integers(100, 900, (6, 24, 31)).astype(np.uint16)
TWO = STACK.reshape(3, 2, 24, 31)  # three images of two channels


def equal(path: Path, expected, channel: str = "") -> None:
    with open_sample(path, channel=channel) as sample:
        assert sample.event_ids == tuple(str(number) for number in range(1, len(expected) + 1))
        for event in sample.event_ids:
            assert np.array_equal(sample.read_image(event), expected[int(event) - 1])


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"compression": "zlib", "predictor": True}], ids=str)
def test_pages_are_images(tmp_path, options):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, STACK, metadata=None, photometric="minisblack", **options)
    equal(path, tifffile.imread(path))
    equal(tmp_path, STACK)  # a folder with one stack in it
    with open_sample(path) as sample:
        info = sample.info()
        assert (info.format, info.image_count, info.bit_depth) == ("multi-page TIFF (ids: pages from 1)", 6, 10)
        assert not any("first page" in problem for problem in info.problems)


def test_a_stack_among_other_images_is_read_by_its_first_page_and_told(tmp_path):
    tifffile.imwrite(tmp_path / "stack.tif", STACK, metadata=None)
    tifffile.imwrite(tmp_path / "other.tif", STACK[0], metadata=None)
    with open_sample(tmp_path) as sample:
        assert sample.event_ids == ("other", "stack")
        assert any("the first page of each is read" in problem for problem in sample.info().problems)


def test_pages_of_several_sizes(tmp_path):
    path = tmp_path / "sizes.tif"
    shapes = [(24, 31), (5, 9), (40, 12)]
    with tifffile.TiffWriter(path) as file:
        for height, width in shapes:
            file.write(np.resize(STACK, (height, width)), metadata=None)
    with open_sample(path) as sample:
        assert [sample.read_image(event).shape for event in sample.event_ids] == shapes
        assert sample.info().image_shape is None


def test_thumbnails_are_no_images(tmp_path):
    path = tmp_path / "thumbs.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(STACK[0], metadata=None)
        file.write(STACK[0, ::4, ::4], subfiletype=1, metadata=None)
    with pytest.raises(SampleError, match="single image"):
        open_sample(path)
    with tifffile.TiffWriter(path, append=True) as file:
        file.write(STACK[1], metadata=None)
    equal(path, STACK[:2])


def test_the_brightfield_channel_of_an_ome_tiff_is_read(tmp_path):
    path = tmp_path / "stack.ome.tif"
    scale = {"PhysicalSizeX": 250, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 250, "PhysicalSizeYUnit": "nm"}
    tifffile.imwrite(path, TWO, metadata={"axes": "TCYX", "Channel": {"Name": ["GFP", "Bright Field"]}, **scale})
    with open_sample(path) as sample:
        info = sample.info()
        assert (info.format, info.channels) == ("OME-TIFF (ids: images from 1)", ("GFP", "Bright Field"))
        assert info.channel == "Bright Field"
        assert (info.scale.um_per_px, info.scale.source) == (0.25, "file")
        assert info.problems == ()
    equal(path, TWO[:, 1])
    for asked in ("gfp", "1"):
        equal(path, TWO[:, 0], asked)
    with open_sample(path, 0.3) as sample:
        assert sample.scale.source == "given"
        assert any("file states 0.25 um" in problem for problem in sample.info().problems)
    with pytest.raises(UsageError, match="1 GFP, 2 Bright Field"):
        open_sample(path, channel="DAPI")


@pytest.mark.parametrize("axes", ["CTYX", "TCYX", "ZCYX", "CZYX"])
def test_whatever_the_order_of_an_ome_tiffs_planes(tmp_path, axes):
    path = tmp_path / "stack.ome.tif"
    stack = TWO if axes[1] == "C" else TWO.swapaxes(0, 1)
    tifffile.imwrite(path, stack, metadata={"axes": axes, "Channel": {"Name": ["BF", "GFP"]}})
    equal(path, TWO[:, 0])
    with open_sample(path) as sample:
        assert any("depths" in problem for problem in sample.info().problems) == ("Z" in axes)


def test_an_ome_tiff_of_several_image_elements(tmp_path):
    path = tmp_path / "series.ome.tif"
    shapes = [(24, 31), (5, 9), (40, 12)]
    with tifffile.TiffWriter(path, ome=True) as file:
        for height, width in shapes:
            file.write(np.resize(TWO, (2, height, width)), metadata={"axes": "CYX", "Channel": {"Name": ["BF", "PE"]}})
    with open_sample(path, channel="PE") as sample:
        assert [sample.read_image(event).shape for event in sample.event_ids] == shapes
        assert np.array_equal(sample.read_image("3"), np.resize(TWO, (2, 40, 12))[1])


def test_unnamed_channels_are_told(tmp_path):
    path = tmp_path / "stack.ome.tif"
    tifffile.imwrite(path, TWO, metadata={"axes": "TCYX"})
    with open_sample(path) as sample:
        assert any("channels is called brightfield" in problem for problem in sample.info().problems)
        assert sample.channel == "1"


def test_an_imagej_hyperstack(tmp_path):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, TWO, imagej=True, metadata={"axes": "TCYX", "unit": "um"}, resolution=(4, 4))
    equal(path, TWO[:, 1], "2")
    with open_sample(path) as sample:
        assert sample.scale.um_per_px == pytest.approx(0.25)


def test_an_imagej_stack_under_one_directory(tmp_path):
    """So ImageJ writes stacks over 4 GB."""
    path = tmp_path / "stack.tif"
    description = f"ImageJ=1.53t\nimages={len(STACK)}\nslices={len(STACK)}\n"
    tifffile.imwrite(path, STACK[:1], description=description, metadata=None)
    with path.open("ab") as file:  # tifffile puts the pixels last
        file.write(STACK[1:].tobytes())
    equal(path, STACK)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(SampleError, match="cut off"):
        open_sample(path)


def described(path: Path, xml: str) -> Path:
    tifffile.imwrite(path, STACK, description=xml, metadata=None)
    return path


@pytest.mark.parametrize(
    "xml",
    [
        '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "lol">]><OME><Pixels SizeC="2"/>&x;</OME>',
        "<OME><Pixels",
        "<OME></OME>",
        '<OME><Pixels SizeC="-1"/></OME>',
        '<OME><Pixels SizeZ="999999999" SizeT="999999999"/></OME>',
        '<OME><Pixels DimensionOrder="XYABC"/></OME>',
        '<OME><Pixels SizeC="65"/></OME>',
    ],
)
def test_ome_xml_that_cannot_be_read_is_told_and_the_pages_are_images(tmp_path, xml):
    path = described(tmp_path / "stack.ome.tif", xml)
    equal(path, STACK)
    with open_sample(path) as sample:
        assert any("OME-XML is not read" in problem for problem in sample.info().problems)


def test_ome_xml_that_states_more_than_there_is(tmp_path):
    path = described(tmp_path / "stack.ome.tif", '<OME><Pixels SizeT="8" PhysicalSizeX="99999" SizeC="1"/></OME>')
    with open_sample(path) as sample:
        problems = " ".join(sample.info().problems)
        assert "2 of its 8 images lack a page" in problems
        assert "not believable" in problems
        assert np.array_equal(sample.read_image("6"), STACK[5])
        with pytest.raises(SampleError, match="lacks its page"):
            sample.read_image("7")


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_floating_point_pages_are_scaled_all_alike(tmp_path, compression):
    stack = STACK.astype(np.float32) / 1000 - 0.4
    path = tmp_path / "float.tif"
    tifffile.imwrite(path, stack, metadata=None, compression=compression, photometric="minisblack")
    low, high = GrayRange.of(stack)
    with open_sample(path) as sample:
        for event in sample.event_ids:
            expected = 16384 + (stack[int(event) - 1].astype(np.float64) - low) * (32767 / (high - low))
            assert np.abs(sample.read_image(event) - expected).max() < 0.51


def test_one_event_of_cellview_is_refused(tmp_path):
    path = tmp_path / "Cell_00000001.tiff"
    with tifffile.TiffWriter(path) as file:
        for name in ("LightLoss (Blue)", "SSC"):
            file.write(STACK[0].astype(np.float32), extratags=[(285, 2, None, name, True)], metadata=None)
    with pytest.raises(SampleError, match="one event of a CellView sample"):
        open_sample(path)


@pytest.mark.parametrize("options", [{"metadata": None}, {"ome": True}, {"imagej": True}, {"bigtiff": True}], ids=str)
def test_damaged_copies_are_read_or_refused(tmp_path, options):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(
        path, TWO[:, :, :9, :11] if "imagej" in options else STACK[:4, :9, :11], photometric="minisblack", **options
    )
    found = outcomes(path, [path], range(80))
    assert (found.read > 10, found.refused > 45) == (True, True), found  # 15 to 23, and the rest


def test_the_case_of_a_stack(shared_data):
    folder = shared_data.parent / "cases/t14-stack/onestack"
    if not folder.is_dir():
        pytest.skip(f"the case is absent: {folder}")
    equal(folder / "stack.ome.tif", tifffile.TiffFile(folder / "stack.ome.tif").asarray())
    equal(folder, tifffile.TiffFile(folder / "stack.ome.tif").asarray())


@pytest.mark.parametrize(
    "options", [{"metadata": None}, {"ome": True, "metadata": {"axes": "TYX"}}, {"bigtiff": True}], ids=str
)
@pytest.mark.parametrize("place", ["", "images"])
@pytest.mark.parametrize("packed", [False, True])
def test_several_stacks_are_refused_with_what_to_do(tmp_path, options, place, packed):
    folder = tmp_path / "day" / place
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("a", "b", "c"):
        tifffile.imwrite(folder / f"{name}.tif", STACK, photometric="minisblack", **options)
    assert len(tifffile.TiffFile(folder / "a.tif").pages) == 6
    path = Path(shutil.make_archive(str(tmp_path / "day"), "zip", tmp_path / "day")) if packed else tmp_path / "day"
    with pytest.raises(SampleError, match=r"3 have several pages\. .*each file is a sample of its own"):
        open_sample(path)
    equal(folder / "b.tif", STACK)


def test_pages_that_are_thumbnails_and_a_few_stacks_refuse_no_folder(tmp_path):
    for name, options in (("1", {}), ("2", {"subfiletype": 1}), ("3", {"subfiletype": 1}), ("4", {})):
        with tifffile.TiffWriter(tmp_path / f"{name}.tif") as file:
            file.write(STACK[0], metadata=None, photometric="minisblack")
            if name != "1":
                file.write(STACK[0, ::2, ::2], metadata=None, photometric="minisblack", **options)
    with open_sample(tmp_path) as sample:
        assert sample.event_ids == ("1", "2", "3", "4")
        assert np.array_equal(sample.read_image("4"), STACK[0])
        assert any("the first page of each is read" in problem for problem in sample.problems())


@pytest.mark.parametrize("options", [{"ome": True, "metadata": {"axes": "TCYX"}}, {"imagej": True}], ids=str)
def test_a_stack_whose_description_is_cut_off_is_refused_and_no_single_image(tmp_path, options):
    folder = tmp_path / "alone"
    folder.mkdir()
    path = folder / "cut.ome.tif"
    tifffile.imwrite(path, TWO, photometric="minisblack", **options)
    content = path.read_bytes()
    with tifffile.TiffFile(path) as file:
        place = file.pages.first.tags["ImageDescription"].valueoffset
    path.write_bytes(content[: place + 20])
    for given in (path, folder):
        with pytest.raises(SampleError, match=r"cut off|past its end") as refused:
            open_sample(given)
        assert "Copy it again" in str(refused.value)


@pytest.mark.parametrize("side", ["X", "Y"])
def test_a_pixel_size_stated_of_one_side_is_that_of_both(tmp_path, side):
    path = tmp_path / "one.ome.tif"
    sizes = {f"PhysicalSize{side}": 0.25, f"PhysicalSize{side}Unit": "µm"}
    tifffile.imwrite(path, STACK, ome=True, photometric="minisblack", metadata={"axes": "TYX", **sizes})
    assert path.read_bytes().count(b"PhysicalSize") == 2
    with open_sample(path) as sample:
        assert sample.scale is not None
        assert sample.scale.um_per_px == 0.25
        assert not any("square" in problem for problem in sample.problems())


def test_a_thumbnail_in_front_is_passed_over(tmp_path):
    for name, options in (("1", {}), ("2", {"bigtiff": True}), ("3", {"bigtiff": True, "byteorder": ">"})):
        with tifffile.TiffWriter(tmp_path / f"{name}.tif", **options) as file:
            file.write(STACK[0, ::4, ::4], subfiletype=1, metadata=None, photometric="minisblack")
            file.write(STACK[int(name)], metadata=None, photometric="minisblack", compression="zlib")
    equal(tmp_path, STACK[1:4])
    with open_sample(tmp_path) as sample:
        assert sample.info().image_shape == STACK.shape[1:]


def test_channels_without_names_are_listed_by_number(tmp_path):
    path = tmp_path / "two.tif"
    tifffile.imwrite(path, TWO, imagej=True, metadata={"axes": "TCYX"})
    with pytest.raises(UsageError, match="It has: 1, 2"):
        open_sample(path, channel="7")
