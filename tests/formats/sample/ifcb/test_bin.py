"""IFCB bins: images, ids and the event table, against the layout and against real bins."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from tests.faults.sample_readers import outcomes
from tui_cytpix.domain.sample import Loss
from tui_cytpix.errors import SampleError, UsageError
from tui_cytpix.formats.sample.registry import open_sample


def test_a_new_bin_by_any_of_its_files(bins):
    images = [None, bins.image(1, 20, 31), None, bins.image(2, 7, 5), bins.image(3, 44, 12)]
    adc = bins.new(images)
    for suffix in (".adc", ".hdr", ".roi"):
        with open_sample(adc.with_suffix(suffix)) as sample:
            assert sample.format == "IFCB (new style)"
            assert sample.event_ids == ("2", "4", "5")  # the lines' numbers
            for event in sample.event_ids:
                assert np.array_equal(sample.read_image(event), images[int(event) - 1])
            info = sample.info()
            assert (info.image_count, info.image_shape, info.bit_depth, info.scale) == (3, None, 8, None)
            assert info.problems == (
                "The pixel size is unknown: sizes in micrometres stay empty until it is given (--um-per-px).",
            )


def test_two_images_of_one_trigger_stay_two(bins):
    first, second = bins.image(1, 9, 12), bins.image(2, 5, 8)
    with open_sample(bins.old([(1, 0, 0.1, None), (2, 0.2, 0.4, first), (2, 0.2, 0.4, second)])) as sample:
        assert sample.event_ids == ("2", "3")
        assert np.array_equal(sample.read_image("2"), first)
        assert np.array_equal(sample.read_image("3"), second)
        assert any("second of its trigger" in problem and "(3)" in problem for problem in sample.info().problems)


def test_the_lines_are_the_event_table(bins):
    adc = bins.new([None, bins.image(1, 20, 31), bins.image(2, 7, 5)])
    with open_sample(adc) as sample:
        fcs = sample.open_fcs()
        assert sample.fcs_rows() == {"2": 1, "3": 2}
        assert fcs.event_count == 3
        assert fcs.column("Event").tolist() == [1, 2, 3]
        assert fcs.column("ImageFlag").tolist() == [0, 1, 1]
        assert fcs.column("Time").tolist() == [1.5, 3, 4.5]
        np.testing.assert_allclose(fcs.column("PMTB"), 0.02, rtol=1e-6)
        assert fcs.column("RoiWidth").tolist() == [0, 31, 5]
        made = fcs.path
        assert made.is_file()
    assert not made.exists()


def test_newer_bins_have_more_columns_and_older_ones_fewer(bins):
    image = bins.image(1, 8, 9)
    for columns, known in ((18, False), (24, True), (26, True)):
        with open_sample(bins.new([image], columns=columns)) as sample:
            assert np.array_equal(sample.read_image("1"), image)
            assert (sample.volume.ul is not None) == known
            assert (sample.open_fcs().column("RunTime")[0] > 0) == known


@pytest.mark.parametrize(("gone", "why"), [(".adc", "there is no .adc"), (".roi", "there is no .roi"), (".hdr", None)])
def test_a_file_that_lacks(bins, gone, why):
    adc = bins.new([bins.image(1, 8, 9)])
    adc.with_suffix(gone).unlink()
    given = adc.with_suffix(".roi" if gone == ".adc" else ".adc")
    if why is None:
        with open_sample(given) as sample:
            assert any("no .hdr" in problem for problem in sample.info().problems)
        return
    with pytest.raises(SampleError, match=why):
        open_sample(given)


def test_a_roi_that_is_cut_off_costs_what_it_lacks(bins):
    images = [bins.image(k, 10, 10) for k in range(3)]
    adc = bins.new(images)
    roi = adc.with_suffix(".roi")
    roi.write_bytes(roi.read_bytes()[:250])
    with open_sample(adc) as sample:
        assert np.array_equal(sample.read_image("2"), images[1])
        with pytest.raises(SampleError, match="ends before it does"):
            sample.read_image("3")
        assert any("behind the end of the .roi (3)" in problem for problem in sample.info().problems)


def test_a_roi_of_another_bin_is_doubted(bins):
    adc = bins.new([bins.image(k, 10, 10) for k in range(3)])
    adc.with_suffix(".roi").write_bytes(bytes(range(1, 201)) * 9)
    with open_sample(adc) as sample:
        assert any("1,500 bytes at the end are no image's" in problem for problem in sample.info().problems)
    text = adc.read_text().replace(",10,10,100,", ",10,10,130,")
    adc.write_text(text)
    with open_sample(adc) as sample:
        assert any("doesn't follow" in problem or "don't follow" in problem for problem in sample.info().problems)


@pytest.mark.parametrize("line", ["garbage", "1,2,3", "9" * 5000, ",".join(["nan"] * 24), ",".join(["-5"] * 24)])
def test_a_line_that_is_none_costs_itself(bins, line):
    images = [bins.image(k, 6, 7) for k in range(3)]
    adc = bins.new(images)
    lines = adc.read_text().splitlines()
    adc.write_text("\n".join([lines[0], line, lines[2]]))
    with open_sample(adc) as sample:
        assert sample.event_ids == ("1", "3")
        assert np.array_equal(sample.read_image("3"), images[2])
        assert any("no IFCB's (2)" in problem for problem in sample.info().problems)


@pytest.mark.parametrize("adc", ["", "\n\n", "1,2,3\n", "\0" * 300, "x" * 100_000])
def test_a_bin_without_an_image(bins, adc):
    path = bins.write("D20260102T030405_IFCB999", adc, b"", "")
    with pytest.raises(SampleError) as caught:
        open_sample(path)
    assert path.name in caught.value.detail
    assert caught.value.way_out


def test_an_image_larger_than_any_camera_is_not_made(bins):
    adc = bins.new([bins.image(1, 8, 9), bins.image(2, 8, 9)])
    adc.write_text(adc.read_text().replace(",9,8,72,", ",900000000,900000000,72,"))
    with open_sample(adc) as sample:
        with pytest.raises(SampleError, match="more than the"):
            sample.read_image("2")
        assert np.ptp(sample.read_image("1")) > 0


def test_a_folder_of_bins_is_told_to_be_several_samples(bins):
    bins.new([bins.image(1, 8, 9)])
    bins.old([(1, 0, 0.1, bins.image(1, 8, 9))])
    with pytest.raises(SampleError, match=r"D20260102T030405_IFCB999\.adc, IFCB9_2006_123_040506\.adc"):
        open_sample(bins.folder)


def test_a_bin_has_no_channels(bins):
    with pytest.raises(UsageError, match="no channels"):
        open_sample(bins.new([bins.image(1, 8, 9)]), channel="2")


REAL = {
    "D20130526T095207_IFCB013": (19, (7, 88, 34, 0, 167.08), (114, 184, 89, 82096, 156.60), [173, 169, 174, 169, 172]),
    "IFCB5_2012_028_081515": (6, (1, 96, 45, 1, 202.84), (6, 197, 45, 62217, 207.85), [208, 207, 206, 206, 207]),
}


@pytest.mark.parametrize("name", REAL)
def test_real_bins_pixel_for_pixel(shared_data, name):
    """Read here line by line with `csv` from the columns of the documented layout; expectations were found by hand."""
    path = shared_data / "flow" / "ifcb" / f"{name}.adc"
    at = 9 if name.startswith("IFCB") else 13
    roi = path.with_suffix(".roi").read_bytes()
    expected = {}
    with path.open(newline="") as file:
        for number, row in enumerate(csv.reader(file), 1):
            width, height, start = (int(value) for value in row[at + 2 : at + 5])
            if width * height:
                content = roi[start : start + width * height]
                expected[str(number)] = [list(content[y * width : (y + 1) * width]) for y in range(height)]
    count, first, last, first_row = REAL[name]
    with open_sample(path) as sample:
        assert sample.event_ids == tuple(expected)
        assert len(expected) == count
        for event, rows in expected.items():
            assert sample.read_image(event).tolist() == rows
        for event, width, height, start, mean in (first, last):
            image = sample.read_image(str(event))
            assert image.shape == (height, width)
            assert image.mean() == pytest.approx(mean, abs=0.005)
            assert roi[start : start + width] == image[0].tobytes()
        assert sample.read_image(str(first[0]))[0, :5].tolist() == first_row
        rows = sample.fcs_rows()
        widths = sample.open_fcs().column("RoiWidth")
        assert {event: widths[rows[event]] for event in rows} == {e: len(r[0]) for e, r in expected.items()}


@pytest.mark.parametrize("name", ["D20150411T205456_IFCB012", "IFCB5_2017_001_033645"])
def test_real_bins_without_an_image(shared_data, name):
    with pytest.raises(SampleError, match="No images found"):
        open_sample(shared_data / "flow" / "ifcb" / f"{name}.adc")


@pytest.mark.parametrize("style", ["new", "old"])
def test_damaged_bins(bins, style):
    images = [bins.image(k, 6 + k, 9) for k in range(12)]
    lines = [(k // 2, k * 0.3, k * 0.3 + 0.1, image) for k, image in enumerate(images)]
    adc = bins.old(lines) if style == "old" else bins.new([*images, None], header="runTime: 60\ninhibitTime: 1\n")
    found = outcomes(adc, [adc.with_suffix(suffix) for suffix in (".adc", ".hdr", ".roi")], range(120))
    assert min(found.read, found.refused) > 10


def losses(path) -> list[str]:
    with open_sample(path) as sample:
        return [problem for problem in sample.problems() if isinstance(problem, Loss)]


def test_lines_that_are_missing_at_the_end_are_a_loss(bins):
    adc = bins.new([bins.image(k, 10, 10) for k in range(5)])
    assert losses(adc) == []
    adc.write_text("".join(adc.read_text().splitlines(keepends=True)[:3]))
    lost = losses(adc)
    assert any(
        "200 bytes at the end are no image's" in loss and "lines of the .adc may be missing" in loss for loss in lost
    )
    assert any("Does the .roi belong to the .adc?" in loss for loss in lost)


@pytest.mark.parametrize("cut", [1, 3, 14, 22])
def test_a_line_cut_off_in_its_middle_is_a_loss(bins, cut):
    adc = bins.new([bins.image(1, 10, 10), None, None])
    adc.write_text(adc.read_text()[:-cut])
    assert losses(adc) == ["1 line of the .adc is cut off, so that the volume may be wrong (3)."]


def test_the_roi_of_another_bin_is_a_loss(bins):
    adc = bins.new([bins.image(k, 10, 10) for k in range(3)])
    roi = adc.with_suffix(".roi")
    roi.write_bytes(roi.read_bytes()[:150])
    assert any("Does the .roi belong to the .adc? If not, all images are wrong" in loss for loss in losses(adc))
