"""The volume that an IFCB looked at, against arithmetic by hand."""

from __future__ import annotations

import pytest

from tui_cytpix.formats.sample.registry import open_sample


def volume(path):
    with open_sample(path) as sample:
        return sample.volume


def test_the_headers_times_where_the_lines_agree(bins):
    images = [bins.image(1, 8, 9)] * 2  # the last line's: 120 s - 0.2 s
    found = volume(bins.new(images, header="runTime: 121.0\t\ninhibitTime: 0.2\n"))
    assert found.ul == pytest.approx(250 * 120.8 / 60)
    assert found.source == "run time and inhibit time of the .hdr"


def test_the_lines_times_where_the_header_is_at_odds_or_silent(bins):
    images = [bins.image(1, 8, 9)] * 2
    for header, said in (("runTime: 150\ninhibitTime: 0.2\n", "the .hdr give 0.6242 ml"), ("", "of the last line")):
        found = volume(bins.new(images, header=header))
        assert found.ul == pytest.approx(250 * 119.8 / 60)
        assert said in found.source


@pytest.mark.parametrize("header", ["", "runTime: nan\ninhibitTime: x\n", "runTime: 5\ninhibitTime: 0\n", "a:b:c\n:\n"])
def test_no_inhibit_time_is_unknown_and_not_0(bins, header):
    found = volume(bins.new([bins.image(1, 8, 9)], inhibit=0, header=header))
    assert found.ul is None
    assert found.source == "the bin tells no run time and inhibit time"


def test_old_bins_by_frame_times(bins):
    image = bins.image(1, 8, 9)
    # dead times: 0.5 - 0.2 = 0.3 s, at least 0.073 s, and 0.073 s for the first; trigger 2 counts once
    lines = [(1, 0, 0.2, image), (2, 0.5, 0.9, image), (2, 0.5, 0.9, image), (3, 0.91, 2.0, None)]
    found = volume(bins.old(lines))
    assert found.ul == pytest.approx(250 * (2.0 - 0.3 - 0.073 - 0.073) / 60)
    assert found.source == "frame and trigger times of the .adc"


def test_old_bins_over_midnight(bins):
    image = bins.image(1, 8, 9)
    found = volume(bins.old([(1, 86390, 86395, image), (2, 86396, -86400 + 86399, image)]))
    assert found.ul == pytest.approx(250 * (86399 - 1 - 0.073) / 60)


def test_old_bins_whose_times_leave_nothing(bins):
    assert volume(bins.old([(1, 0, 0.05, bins.image(1, 8, 9))])).ul is None


@pytest.mark.parametrize(
    ("name", "ml", "source"),
    [
        ("D20130526T095207_IFCB013", 4.8851, "last line of the .adc; those of the .hdr give 5.081 ml"),
        ("IFCB5_2012_028_081515", 0.00339147, "frame and trigger times"),
    ],
)
def test_real_bins(shared_data, name, ml, source):
    path = shared_data / "flow" / "ifcb" / f"{name}.adc"
    found = volume(path)
    assert found.ul / 1000 == pytest.approx(ml, rel=1e-5)
    assert source in found.source
    with open_sample(path) as sample:
        assert sample.open_fcs().volume_ul == pytest.approx(found.ul, rel=1e-5)
        assert sample.open_fcs().text["CYTPIX_VOLUME_FROM"] == found.source
