"""Pictures for the screen against Pillow, scikit-image and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from scipy.ndimage import binary_dilation

from tui_cytpix.core.images import render
from tui_cytpix.core.images.render import Window


def whole_of(image: np.ndarray) -> Window:
    return Window(0, 0, image.shape[0], image.shape[1])


def test_smaller_is_the_area_mean_as_in_pillow() -> None:
    image = np.random.default_rng(0).integers(0, 256, (248, 248), np.uint8)
    ours = render.resized(image, whole_of(image), 37, 23)
    theirs = np.asarray(Image.fromarray(image.astype(np.float32)).resize((23, 37), Image.Resampling.BOX))
    # Pillow's box filter takes whole pixels, ours their shares: equal where the sizes divide.
    assert np.abs(ours - theirs).mean() < 2.0
    exact = render.resized(image, whole_of(image), 31, 62)
    theirs = np.asarray(Image.fromarray(image.astype(np.float32)).resize((62, 31), Image.Resampling.BOX))
    np.testing.assert_allclose(exact, theirs, atol=1e-3)


def test_larger_is_linear_as_in_pillow() -> None:
    image = np.random.default_rng(1).integers(0, 256, (20, 30), np.uint8)
    ours = render.resized(image, whole_of(image), 60, 90)
    theirs = np.asarray(Image.fromarray(image.astype(np.float32)).resize((90, 60), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(ours, theirs, atol=1e-2)


def test_a_part_equals_the_crop() -> None:
    image = np.random.default_rng(2).integers(0, 256, (64, 64), np.uint8)
    part = render.resized(image, Window(16, 8, 32, 32), 16, 16)
    np.testing.assert_allclose(part, render.resized(image[16:48, 8:40], Window(0, 0, 32, 32), 16, 16), atol=1e-3)


def test_outside_is_empty_and_known() -> None:
    image = np.full((10, 10), 200, np.uint8)
    window = Window(-10, 0, 30, 10)
    inside = render.inside(image.shape, window, 30, 10)
    assert inside.sum() == 100
    shown = render.resized(image, window, 30, 10)
    assert (shown[~inside] == 0).all()
    np.testing.assert_allclose(shown[inside], 200, atol=1e-3)


@given(arrays(np.uint16, st.tuples(st.integers(1, 20), st.integers(1, 20))))
@settings(max_examples=60, deadline=None)
def test_stretch_takes_any_image(image: np.ndarray) -> None:
    shown = render.stretch(image)
    assert shown.dtype == np.uint8
    assert shown.shape == image.shape


def test_stretch_does_not_depend_on_gain_and_level() -> None:
    rng = np.random.default_rng(3)
    image = 500 + 5 * rng.standard_normal((80, 80))
    image[30:50, 30:50] -= 150
    image[30:50, 50:53] += 200
    one = render.stretch(image.astype(np.float32))
    other = render.stretch((image * 0.25 + 40).astype(np.float32))
    assert np.abs(one.astype(int) - other.astype(int)).max() <= 1
    assert abs(int(np.median(one)) - 128) <= 1
    assert one.min() < 20
    assert one.max() > 240


def test_a_blank_image_stays_gray() -> None:
    noise = 300 + 6 * np.random.default_rng(4).standard_normal((100, 100))
    assert render.stretch(noise.astype(np.float32)).std() < 35
    assert (render.stretch(np.full((5, 5), 9, np.uint8)) == 128).all()


def test_content_box_finds_what_is_there_and_nothing_in_noise() -> None:
    rng = np.random.default_rng(5)
    image = 300 + 6 * rng.standard_normal((248, 248))
    assert render.content_box(render.stretch(image.astype(np.float32))) is None
    image[100:130, 40:80] -= 120
    box = render.content_box(render.stretch(image.astype(np.float32)))
    assert box is not None
    top, left, bottom, right = box
    assert 92 <= top <= 100
    assert 36 <= left <= 40
    assert 130 <= bottom <= 136
    assert 80 <= right <= 84


def test_content_box_leaves_specks_out_and_keeps_a_second_cell() -> None:
    image = np.random.default_rng(4).normal(500, 3, (200, 200)).astype(np.float32)
    image[60:90, 60:80] += 200
    image[180:186, 180:186] += 200
    box = render.content_box(render.stretch(image))
    assert box is not None
    assert box[2] < 120
    image[150:175, 150:170] += 200
    box = render.content_box(render.stretch(image))
    assert box is not None
    assert box[0] <= 60
    assert box[2] >= 175


@pytest.mark.parametrize("shape", [(0, 0), (3, 3), (4, 4)])
def test_content_box_takes_tiny_images(shape: tuple[int, int]) -> None:
    assert render.content_box(np.zeros(shape, np.uint8)) is None


@given(arrays(bool, (12, 12)))
@settings(max_examples=60, deadline=None)
def test_outline_is_the_dilation_without_the_mask(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(render.outline(mask), binary_dilation(mask) & ~mask)


def test_divisions_run_between_labels_only() -> None:
    labels = np.zeros((4, 6), int)
    labels[1:3, 1:3] = 1
    labels[1:3, 3:5] = 2
    line = render.divisions(labels)
    assert line.sum() == 2
    assert line[1:3, 3].all()


def test_small_regions_do_not_vanish() -> None:
    mask = np.zeros((248, 248), bool)
    mask[100:106, 100:112] = True
    assert render.coverage(mask, whole_of(mask), 12, 12).any()
    mask[170:240, 20:240] = True
    shown = render.coverage(mask, whole_of(mask), 12, 12)
    assert shown[4:6, 4:6].any()
    assert shown[8:, :].any()
    assert not shown[:4].any()
    assert not render.coverage(np.zeros((248, 248), bool), whole_of(mask), 12, 12).any()


@given(st.floats(0, 247), st.floats(0, 247))
def test_positions_go_there_and_back(y: float, x: float) -> None:
    window = Window(-3.5, 10.25, 100.0, 180.5)
    there = render.to_screen((y, x), window, 40, 90)
    back = render.to_image(there, window, 40, 90)
    assert back == pytest.approx((y, x), abs=1e-6)


def test_a_pixel_centre_falls_into_the_middle_of_its_square() -> None:
    assert render.to_screen((0, 0), Window(0, 0, 10, 10), 20, 20) == (1.0, 1.0)


def test_a_line_of_two_pixels_is_the_dilation_twice() -> None:
    mask = np.random.default_rng(6).random((20, 20)) > 0.9
    np.testing.assert_array_equal(render.outline(mask, width=2), binary_dilation(mask, iterations=2) & ~mask)


def test_tone_inverts_and_brightens() -> None:
    plain, dark = render.tone_table(), render.tone_table(2.0)
    assert plain[0] == 0
    assert plain[255] == render.GRAY_LEVELS - 1
    assert len(np.unique(plain)) == render.GRAY_LEVELS
    assert (dark <= plain).all()
    np.testing.assert_array_equal(render.tone_table(invert=True)[[0, 255]], [render.GRAY_LEVELS - 1, 0])
    strong = render.tone_table(contrast=2.0)
    assert strong[128] == plain[128]
    assert strong[64] == 0
    assert strong[192] == plain[255]
    few = render.tone_table(levels=16)
    assert len(np.unique(few)) == 16
    assert np.abs(few.astype(int) - plain).max() <= 2


def test_inks_have_their_colours() -> None:
    colours = render.colours((250, 0, 0), (0, 250, 0), (0, 0, 250), (1, 2, 3))
    assert colours.shape == (render.INKS, 3)
    grays = colours[: render.GRAY_LEVELS]
    assert (grays == grays[:, :1]).all()
    assert (grays[0, 0], grays[-1, 0]) == (0, 255)
    assert (np.diff(grays[:, 0].astype(int)) > 0).all()
    for ink, colour in ((render.OUTLINE, (250, 0, 0)), (render.MARK, (0, 250, 0)), (render.BACKDROP, (1, 2, 3))):
        assert tuple(colours[ink]) == colour
    tinted = colours[render.GRAY_LEVELS : 2 * render.GRAY_LEVELS].astype(int)
    np.testing.assert_allclose(tinted, grays * 0.6 + np.array([250, 0, 0]) * 0.4, atol=2)


def test_compose_paints_in_order() -> None:
    gray = np.full((2, 3), 128.0, np.float32)
    outlined = np.array([[True, False, False], [False, False, False]])
    filled = np.array([[False, True, False], [False, False, False]])
    outside = np.array([[False, False, False], [False, False, True]])
    shown = render.compose(gray, render.tone_table(), outlined=outlined, filled=filled, outside=outside)
    level = render.tone_table()[128]
    assert shown.tolist() == [
        [render.OUTLINE, level + render.GRAY_LEVELS, level],
        [level, level, render.BACKDROP],
    ]


def test_a_cross_has_arms_a_hole_and_rims() -> None:
    cross = render.cross(8, 2, 1)
    assert cross.shape == (17, 17)
    assert (cross[6:11, 6:11] == render.NOTHING).all()
    np.testing.assert_array_equal(cross[8] == render.CROSSHAIR, np.abs(np.arange(-8, 9)) > 2)
    assert (cross[[7, 9]][:, :6] == render.RIM).all()
    np.testing.assert_array_equal(cross, cross.T)
    np.testing.assert_array_equal(cross, cross[::-1])
    double = render.cross(8, 2, 1, double=True)
    assert (double[8, :6] == render.RIM).all()
    assert (double[[7, 9]][:, :6] == render.CROSSHAIR).all()


@given(st.integers(-9, 30), st.integers(-9, 30))
def test_a_stamp_is_cut_at_the_border(row: int, column: int) -> None:
    pattern = render.disc(3)
    room = np.full((60, 60), render.NOTHING, np.uint8)
    render.stamp(room, pattern, (row + 20, column + 20))
    picture = np.full((20, 20), render.NOTHING, np.uint8)
    render.stamp(picture, pattern, (row, column))
    np.testing.assert_array_equal(picture, room[20:40, 20:40])
    assert (room == render.MARK).sum() == (pattern == render.MARK).sum()


def test_enlarged_the_mask_has_one_edge() -> None:
    mask = np.zeros((40, 40), bool)
    mask[10:30, 10:30] = True
    shown = render.coverage(mask, whole_of(mask), 400, 400)
    expected = mask.repeat(10, axis=0).repeat(10, axis=1)
    expected[np.ix_([*range(100, 105), *range(295, 300)], [*range(100, 105), *range(295, 300)])] = False
    at_corners = np.zeros(shown.shape, bool)
    at_corners[np.ix_([*range(100, 105), *range(295, 300)], [*range(100, 105), *range(295, 300)])] = True
    np.testing.assert_array_equal(shown & ~at_corners, expected)  # the corners are rounded
