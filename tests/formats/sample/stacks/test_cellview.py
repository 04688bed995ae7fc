"""BD CellView folders; tifffile is the outside judge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from tests.faults.sample_readers import outcomes
from tui_cytpix.errors import SampleError, UsageError
from tui_cytpix.formats.bytes.gray_range import GrayRange
from tui_cytpix.formats.sample.registry import open_sample

PROTOTYPE = ("SSC", "LightLoss (Blue)", "FSC", "A", "B", "C", "D", "E")
HEIGHTS = {0: 41, 3: 17, 12: 29}


def pages(number: int, height: int, count: int) -> np.ndarray:
    return np.random.default_rng(number).normal(0.7, 0.2, (count, height, 104)).astype(np.float32) - 0.5


def write(folder: Path, number: int, height: int, names: tuple[str, ...]) -> np.ndarray:
    folder.mkdir(parents=True, exist_ok=True)
    stack = pages(number, height, len(names))
    with tifffile.TiffWriter(folder / f"Cells_{number:08d}.tiff") as file:
        for name, page in zip(names, stack, strict=True):
            tags = [(285, 2, None, name, True)] if name else []
            file.write(page, extratags=tags)  # each page describes its own shape
    return stack


def expected(stacks: dict[int, np.ndarray], page: int) -> dict[str, np.ndarray]:
    low, high = GrayRange.of(stack[page] for stack in stacks.values())
    return {str(k): 16384 + (s[page].astype(np.float64) - low) * (32767 / (high - low)) for k, s in stacks.items()}


def close(path: Path, images: dict[str, np.ndarray], channel: str = "") -> None:
    with open_sample(path, channel=channel) as sample:
        assert sample.event_ids == tuple(images)
        for event, image in images.items():
            assert np.abs(sample.read_image(event) - np.clip(image, 0, 65535)).max() < 0.51


def test_the_light_loss_page_is_found_by_name_and_scaled_over_the_sample(tmp_path):
    stacks = {number: write(tmp_path / "t", number, height, PROTOTYPE) for number, height in HEIGHTS.items()}
    close(tmp_path / "t", expected(stacks, 1))
    close(tmp_path / "t", expected(stacks, 2), "fsc")
    close(tmp_path / "t", expected(stacks, 0), "1")
    with open_sample(tmp_path / "t") as sample:
        info = sample.info()
        assert (info.channel, info.channels, info.image_shape) == ("LightLoss (Blue)", PROTOTYPE, None)
        assert info.format == "BD CellView, 8 pages an event (ids: FCS rows from 0)"
    with pytest.raises(UsageError, match="no such channel"):
        open_sample(tmp_path / "t", channel="9")


def test_six_pages_in_buckets_joined_by_row(tmp_path, files):
    images = tmp_path / "A1-Cells_images"
    stacks = {
        number: write(images / str(number // 10), number, height, ("",) * 6) for number, height in HEIGHTS.items()
    }
    files.write("A1-Cells.fcs", files.fcs({"FSC-A": range(12), "Event": range(100, 112)}))
    files.write("other.fcs", files.fcs({"FSC-A": range(500)}))
    for path in (images, tmp_path / "A1-Cells.fcs"):
        close(path, expected(stacks, 0))
        with open_sample(path) as sample:
            assert sample.fcs_rows() == {"0": 0, "3": 3}  # 12 is past its end
            problems = sample.info().problems
            assert any("1 image has no row in the FCS (12)" in problem for problem in problems)
            assert any("No page is called LightLoss" in problem for problem in problems)


def test_no_fcs_is_guessed(tmp_path, files):
    write(tmp_path / "t", 0, 20, PROTOTYPE)
    files.write("other.fcs", files.fcs({"FSC-A": range(500)}))
    with open_sample(tmp_path / "t") as sample:
        assert sample.info().fcs_path is None


def test_odd_files_spoil_themselves_only(tmp_path):
    stacks = {number: write(tmp_path / "t", number, height, PROTOTYPE) for number, height in HEIGHTS.items()}
    write(tmp_path / "t", 4, 30, PROTOTYPE[2:])
    tifffile.imwrite(tmp_path / "t/overview.tiff", np.zeros((4, 4), np.uint8))
    (tmp_path / "t/Cells_00000005.tiff").write_bytes(b"II*\0")
    with open_sample(tmp_path / "t") as sample:
        assert any("overview.tiff" in problem for problem in sample.info().problems)
        assert sample.read_image("12").shape == stacks[12][1].shape
        for event, why in (("4", "no page LightLoss"), ("5", "can't be read")):
            with pytest.raises(SampleError, match=why):
                sample.read_image(event)


def test_plain_images_with_numbers_are_no_cellview(tmp_path):
    for number in (1, 2):
        tifffile.imwrite(tmp_path / f"Cell_{number:08d}.tif", pages(number, 20, 1)[0].astype(np.uint8) + 3)
    with open_sample(tmp_path) as sample:
        assert sample.format == "image folder"


def test_damaged_copies_are_read_or_refused(tmp_path):
    write(tmp_path / "t", 0, 9, PROTOTYPE[:3])
    write(tmp_path / "t", 1, 9, PROTOTYPE[:3])
    file = tmp_path / "t/Cells_00000001.tiff"
    found = outcomes(tmp_path / "t", [file], range(150))
    assert (found.read > 50, found.refused > 65) == (True, True), found  # 67 and 83


def test_the_real_folder(shared_data):
    folder = shared_data / "flow/cellview_minimalgated"
    stacks = {}
    for path in sorted(folder.glob("*.tiff")):
        with tifffile.TiffFile(path) as file:
            stacks[int(path.stem[-8:])] = np.stack([page.asarray() for page in file.pages])
    heights = [161, 17, 141, 133, 125, 145, 157, 169, 157, 165]
    assert [stack.shape for stack in stacks.values()] == [(8, height, 104) for height in heights]
    close(folder, expected(stacks, 0))
    close(folder, expected(stacks, 3), "FSC")
    with open_sample(folder) as sample:
        assert sample.info().channels[0] == sample.channel == "LightLoss (Blue)"
        assert sample.event_ids[-2:] == ("16839", "17276")
