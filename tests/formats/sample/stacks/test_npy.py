"""`.npy` stacks."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from tests.faults.sample_readers import outcomes
from tui_cytpix.errors import SampleError, UsageError
from tui_cytpix.formats.bytes.gray_range import GrayRange
from tui_cytpix.formats.sample.registry import open_sample

STACK = np.random.default_rng(2).integers(100, 900, (6, 12, 17, 3)).astype(np.uint16)


@pytest.fixture
def save(tmp_path):
    def saved(array, name="stack.npy"):
        np.save(tmp_path / name, array, allow_pickle=True)
        return tmp_path / name

    return saved


@pytest.mark.parametrize("kind", ["<u2", ">u2", "u1", "<i4", "<i8", "?"])
def test_whole_numbers_are_grays_as_they_are(save, kind):
    stack = (STACK[..., 0] % (2 if kind == "?" else 200)).astype(kind)
    with open_sample(save(stack)) as sample:
        assert sample.event_ids == ("1", "2", "3", "4", "5", "6")
        assert sample.info().channels == ()
        for event in sample.event_ids:
            assert np.array_equal(sample.read_image(event), stack[int(event) - 1])


def test_channels_are_chosen_by_number_and_the_default_is_told(save):
    path = save(STACK)
    with open_sample(path) as sample:
        info = sample.info()
        assert (info.channels, info.channel) == (("1", "2", "3"), "1")
        assert any("the first is read" in problem for problem in info.problems)
        assert np.array_equal(sample.read_image("2"), STACK[1, :, :, 0])
    with open_sample(path, channel="3") as sample:
        assert np.array_equal(sample.read_image("2"), STACK[1, :, :, 2])
        assert not any("the first is read" in problem for problem in sample.info().problems)
    for wrong in ("4", "0", "bf"):
        with pytest.raises(UsageError, match="no such channel"):
            open_sample(path, channel=wrong)


@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
def test_floating_point_numbers_are_scaled_all_alike(save, kind):
    stack = (STACK[..., 0].astype(kind) - 400) / 1000  # negative ones, too
    stack[3] = np.nan
    with open_sample(save(stack)) as sample:
        low, high = GrayRange.of(stack)
        for place in (0, 1, 5):
            expected = 16384 + (stack[place].astype(np.float64) - low) * ((49151 - 16384) / (high - low))
            image = sample.read_image(str(place + 1))
            assert np.abs(image - expected).max() <= 0.5001
            assert 0 < image.min() < image.max() < 0xFFFF  # none is clipped
        with pytest.raises(SampleError, match="no numbers"):
            sample.read_image("4")


def test_a_folder_of_floating_point_images_gives_the_same_grays(save, tmp_path):
    stack = STACK[..., 0].astype("f4") / 1000
    folder = tmp_path / "images"
    folder.mkdir()
    for number, image in enumerate(stack, 1):
        tifffile.imwrite(folder / f"{number}.tif", image)
    with open_sample(save(stack)) as one, open_sample(folder) as other:
        assert one.event_ids == other.event_ids
        for event in one.event_ids:
            assert np.array_equal(one.read_image(event), other.read_image(event))
        low, high = GrayRange.of(stack)
        told = f"{low:g} to {high:g} are read as gray values 16384 to 49151."
        assert any(told in problem for problem in other.problems())


@pytest.mark.parametrize(
    ("array", "why"),
    [
        (np.zeros((4, 4), np.uint8), "its shape is"),
        (np.zeros((0, 4, 4), np.uint8), "No images found"),
        (np.zeros((2, 4, 4), np.complex64), "no plain numbers"),
        (np.array([object()]), "no plain numbers"),
        (np.zeros((2, 4, 4), [("a", "u1")]), "no plain numbers"),
        (np.zeros((2, 80, 80, 65), np.uint8), "65 channels"),
        (np.zeros((6, 2, 64, 48), np.uint8), r"48\).*channels seem to come before.*moveaxis\(array, 1, -1\)"),
        (np.zeros((64, 48, 6), np.uint8), r"images seem to lie along the last axis, 6.*moveaxis\(array, -1, 0\)"),
        (np.asfortranarray(np.zeros((2, 3, 4), np.uint8)), "column by column"),
    ],
)
def test_other_arrays_are_refused(save, array, why):
    with pytest.raises(SampleError, match=why):
        open_sample(save(array))


def test_a_cut_off_file_and_a_lying_header_are_refused(save):
    path = save(STACK)
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(SampleError, match="cut off"):
        open_sample(path)
    path.write_bytes(content.replace(b"(6, 12, 17, 3)", b"(6, 99, 99, 3)"))
    with pytest.raises(SampleError, match="cut off"):
        open_sample(path)
    path.write_bytes(content[:6])
    with pytest.raises(SampleError, match="header is damaged"):
        open_sample(path)


def test_values_that_do_not_fit_are_told_of_their_image(save):
    stack = STACK[..., 0].astype(np.int32)
    stack[2, 0, 0] = 70_000
    with open_sample(save(stack)) as sample:
        assert sample.read_image("1").dtype == np.uint16
        with pytest.raises(SampleError, match="don't fit into 16 bits; save them as floating point"):
            sample.read_image("3")


def test_damaged_copies_are_read_or_refused(save):
    path = save(STACK[:3])
    found = outcomes(path, [path], range(150))
    assert (found.read > 50, found.refused > 65) == (True, True), found  # 66 and 84
