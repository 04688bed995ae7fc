import numpy as np
import pytest

from tui_cytpix.formats.bytes.gray_range import GrayRange


@pytest.fixture
def images():
    """Thirty brightfield-like ones: a background of noise with a darker and a brighter cell."""
    random = np.random.default_rng(3)
    found = random.normal(0.5, 0.02, (30, 40, 40))
    found[:, 10:20, 10:20] -= 0.2
    found[:, 25:30, 25:30] += 0.3
    return found.astype(np.float32)


def test_most_pixels_get_half_of_the_grays_and_the_others_room(images):
    range_ = GrayRange.of(images)
    low, high = np.quantile(images.astype(float), (0.001, 0.999))
    assert low - 0.1 < range_.low <= low < high <= range_.high < high + 0.1
    grays = range_.gray(images)
    assert np.abs(grays - (16384 + (images - range_.low) * 32767 / (range_.high - range_.low))).max() < 0.6
    assert grays.min() > 0
    assert grays.max() < 0xFFFF


@pytest.mark.parametrize("value", [1e6, -1e6, 1e31, np.inf, np.nan])
def test_one_hot_or_dead_pixel_changes_no_others_gray(images, value):
    before = GrayRange.of(images)
    images[4, 7, 7] = value
    assert GrayRange.of(images) == before
    if abs(value) < 1e30:
        assert before.gray(images[4])[7, 7] == (0xFFFF if value > 0 else 0)


def test_grays_stay_the_same_when_images_are_added(images):
    assert GrayRange.of(images[:25]) == GrayRange.of(images)


@pytest.mark.parametrize("largest", [255, 1023, 65535])
def test_whole_numbers_stay_what_they_are(largest):
    grays = np.random.default_rng(1).integers(0, largest, (5, 8, 8), endpoint=True)
    grays[0, 0, 0] = largest
    range_ = GrayRange.of(grays.astype(np.float32))
    assert np.array_equal(range_.gray(grays.astype(np.float32)), grays)


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([0.0, 1.0], 0, 1),
        ([70000.0, 0.0], 0, 81920),
        ([-1.0, 1.0], -1, 1),
        ([0.5], 0.5, 1.5),
        ([0.0] * 5000 + [0.25], 0, 0.25),  # so few that no quantile sees them
        ([np.nan], 16384, 49151),
        ([], 16384, 49151),
    ],
)
def test_ends_of_the_range(values, low, high):
    assert GrayRange.of([np.array(values, np.float32)]) == (low, high)
    assert low < high
