"""Folders of plain images."""

from __future__ import annotations

import os

import numpy as np
import pytest

from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.names import LABEL_ENDINGS
from tui_cytpix.formats.sample.registry import open_sample


def png(files, seed, size=32):
    return files.encoded(files.gray16(seed, size), "PNG")


def test_events_are_the_stems_in_natural_order(files):
    for name in ("10.png", "9.png", "010b.PNG", "cell_2.png", "cell_10.png", "notes.txt", ".hidden.png"):
        files.write(f"plain/{name}", png(files, 1))
    with open_sample(files.folder / "plain") as sample:
        assert sample.event_ids == ("9", "10", "010b", "cell_2", "cell_10")
        info = sample.info()
        assert (info.format, info.image_count, info.bit_depth, info.image_shape) == ("image folder", 5, 10, (32, 32))
        assert info.fcs_path is None
        assert np.array_equal(sample.read_image("cell_2"), files.gray16(1))


def test_mixed_sizes_kinds_and_bits(files):
    files.write("mix/1.png", png(files, 1, 20))
    files.write("mix/2.tif", files.encoded((files.gray16(2) >> 2).astype(np.uint8)))
    files.write("mix/3.bmp", files.encoded((files.gray16(3) >> 2).astype(np.uint8), "BMP"))
    files.write("mix/4.jpeg", files.encoded((files.gray16(4) >> 2).astype(np.uint8), "JPEG"))
    with open_sample(files.folder / "mix") as sample:
        assert sample.info().image_shape is None
        assert sample.bit_depth == 10
        assert [sample.read_image(event).shape[0] for event in sample.event_ids] == [20, 32, 32, 32]


def test_one_stem_twice(files):
    files.write("a/1.png", png(files, 1))
    files.write("a/1.tif", files.encoded(files.gray16(2)))
    with open_sample(files.folder / "a") as sample:
        assert sample.event_ids == ("1",)
        assert any("repeats an event id" in problem for problem in sample.info().problems)


def test_a_damaged_file_spoils_itself_only(files):
    files.write("a/1.png", png(files, 1))
    files.write("a/2.png", png(files, 2)[:200])
    files.write("a/3.png", b"")
    with open_sample(files.folder / "a") as sample:
        assert sample.read_image("1").any()
        for event in ("2", "3"):
            with pytest.raises(SampleError):
                sample.read_image(event)
        assert any("2 can't be read" in problem for problem in sample.info().problems)
        (files.folder / "a/1.png").unlink()
        with pytest.raises(SampleError, match="can't be read"):
            sample.read_image("1")


@pytest.mark.parametrize(
    ("left", "words"),
    [
        ("{}_cp_masks.png", "masks beside their images are no images"),
        ("{}_masks.tif", "masks beside their images are no images"),
        ("{}_Label.png", "masks beside their images are no images"),
        ("{}_seg.png", "masks beside their images are no images"),
        ("{}_seg.npy", "files of Cellpose's masks could hold a program and aren't opened"),
        ("{}_cp_output.png", "thumbnails or overlays beside their images are no images"),
        ("{}_small.png", "thumbnails or overlays beside their images are no images"),
        ("thumb_{}.jpg", "thumbnails or overlays beside their images are no images"),
    ],
)
@pytest.mark.parametrize("where", ["", "/images"])
def test_what_other_programs_left_beside_images_is_no_image_and_told(files, left, words, where):
    for event in ("1", "2", "10"):
        files.write(f"s{where}/{event}.png", png(files, int(event)))
        files.write(f"s{where}/{left.format(event)}", b"whatever")
    with open_sample(files.folder / "s") as sample:
        assert sample.event_ids == ("1", "2", "10")
        (told,) = [problem for problem in sample.info().problems if words in problem]
        assert told.startswith("3 ")
        assert f"(the first: {left.format(1)})" in told


def test_names_like_leftovers_without_their_image_are_images(files):
    for name in ("a_masks", "thumb_b", "c_seg", "_mask"):
        files.write(f"s/{name}.png", png(files, 1))
    with open_sample(files.folder / "s") as sample:
        assert set(sample.event_ids) == {"a_masks", "thumb_b", "c_seg", "_mask"}
        assert not any("no image" in problem for problem in sample.info().problems)


@pytest.mark.parametrize("ending", LABEL_ENDINGS)
def test_a_folder_of_masks_alone_is_told(files, ending):
    for event in ("1", "2", "10"):
        files.write(f"s/{event}{ending}.png", png(files, int(event)))
    with open_sample(files.folder / "s") as sample:
        assert len(sample.event_ids) == 3
        (told,) = [problem for problem in sample.info().problems if "masks (" in problem]
    assert told.startswith(f"All 3 images are called like masks (the first: 1{ending}.png): ")
    files.write("s/3.png", png(files, 3))
    with open_sample(files.folder / "s") as sample:
        assert not any("called like" in problem for problem in sample.info().problems)


def test_images_two_folders_down_are_told(files):
    for place in ("1", "sub/a/1", "sub/b/1", "sub/c/d/1", "sub/.e/1"):
        files.write(f"s/{place}.png", png(files, 1))
    files.write("s/sub/notes/readme.txt", b"no image")
    with open_sample(files.folder / "s") as sample:
        assert sample.event_ids == ("1",)
        (told,) = [problem for problem in sample.info().problems if "two folders down" in problem]
    assert told == "2 folders of images two folders down are not read (the first: sub/a)."


@pytest.mark.shared_data
def test_leftovers_of_cellpose(shared_data):
    folder = shared_data.parent / "cases" / "t03-cellpose-leftovers" / "cellpose_mix"
    if not folder.is_dir():
        pytest.skip(f"the case is absent: {folder}")
    with open_sample(folder) as sample:
        assert sample.event_ids == ("2", "4", "10", "11", "29", "34")
        told = " ".join(sample.info().problems)
        assert "6 masks beside" in told
        assert "6 files of Cellpose's masks" in told


def test_the_fcs_in_the_folder_or_beside_it(files):
    files.write("s/tube/2.png", png(files, 2))
    files.write("s/tube.fcs", files.attune_fcs((2,)))
    files.write("s/another.fcs", files.attune_fcs((2,)))
    with open_sample(files.folder / "s/tube") as sample:
        assert sample.info().fcs_path.endswith("tube.fcs")
        assert sample.fcs_rows() == {"2": 1}
    files.write("s/tube/whatever.fcs", files.attune_fcs((2,), rows=7))
    (files.folder / "s/tube.fcs").unlink()
    with open_sample(files.folder / "s/tube") as sample:
        assert sample.info().event_count == 7


def test_images_in_one_subfolder(files):
    files.write("run/images/1.png", png(files, 1))
    files.write("run/masks/1.png", png(files, 1))
    with open_sample(files.folder / "run") as sample:
        assert sample.event_ids == ("1",)
        assert any("masks" in problem for problem in sample.info().problems)
    files.write("one/only/1.png", png(files, 1))
    with open_sample(files.folder / "one") as sample:
        assert sample.event_ids == ("1",)


def test_several_subfolders_are_not_mixed(files):
    for tube in ("a", "b"):
        files.write(f"exp/{tube}/1.png", png(files, 1))
    with pytest.raises(SampleError, match="Several folders"):
        open_sample(files.folder / "exp")


def test_a_folder_without_images(files):
    (files.folder / "empty").mkdir()
    files.write("texts/a.txt", b"hello")
    for name in ("empty", "texts"):
        with pytest.raises(SampleError, match="No images found"):
            open_sample(files.folder / name)


def test_a_folder_of_archives_says_to_give_one(files):
    files.acs(name="exp/tube1.acs")
    with pytest.raises(SampleError, match="No images") as caught:
        open_sample(files.folder / "exp")
    assert "tube1.acs" in caught.value.detail


def test_odd_names_on_disk(files):
    evil = files.folder / "evil"
    evil.mkdir()
    for name in (b"\xff\xfe.png", b"\x1b[31mred.png", b"[bold]x.png"):
        (evil / os.fsdecode(name)).write_bytes(png(files, 3))
    with open_sample(evil) as sample:
        assert all(event.isprintable() for event in sample.event_ids)
        assert "[bold]x" in sample.event_ids
        for event in sample.event_ids:
            assert sample.read_image(event).shape == (32, 32)


def test_a_pipe_is_no_image(files):
    files.write("a/1.png", png(files, 1))
    os.mkfifo(files.folder / "a/2.png")
    with open_sample(files.folder / "a") as sample:
        assert sample.event_ids == ("1",)


def test_the_real_crops(shared_data):
    with open_sample(shared_data / "cells/pombe_bf_photophenosizer/images") as sample:
        assert len(sample.event_ids) == 43
        assert sample.info().fcs_path is None
        assert all(sample.read_image(event).ndim == 2 for event in sample.event_ids)


def test_images_in_colour_are_told_once(files):
    gray = (files.gray16(1) >> 2).astype(np.uint8)
    for number, kind in enumerate(("PNG", "TIFF"), start=1):
        files.write(f"same/{number}.{kind.lower()}", files.encoded(np.stack([gray] * 3, axis=-1), kind))
        files.write(f"gray/{number}.{kind.lower()}", files.encoded(gray, kind))
        files.write(f"colour/{number}.{kind.lower()}", files.encoded(np.stack([gray, gray, gray // 2], axis=-1), kind))
    said = {}
    for name in ("same", "gray", "colour"):
        with open_sample(files.folder / name) as sample:
            said[name] = [problem for problem in sample.problems() if "in colour" in problem]
    assert [len(said[name]) for name in ("same", "gray", "colour")] == [0, 0, 1]
