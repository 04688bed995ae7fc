"""Folders of label images: what is refused, what is told, and that right ones pass."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.workflow.conftest import labels_of
from tui_cytpix.core.objects.label_fit import TURNS, moved
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.errors import MaskError
from tui_cytpix.formats.masks.label_images import read_label_image, segmentation_from_labels, write_label_image
from tui_cytpix.workflow.base_model.label_check import AS_THEY_ARE, CheckedLabels, LabelOptions, to_compare
from tui_cytpix.workflow.base_model.label_order import STEPS

NOTHING = np.zeros((48, 48), np.float32)
SPLIT, TRUST = LabelOptions(split_regions=True), LabelOptions(trust=True)


def labels(number: int) -> np.ndarray:
    """As `labels_of`, and for every fourth image a cell apart."""
    found = labels_of(number)
    if number % 4 == 0:
        found[38:46, 30:38] = found.max() + 1
    return found


@pytest.fixture
def folder(tmp_path):
    """write(change, images) -> paths of label images, each changed, by key."""

    def write(change=lambda number, values: values, images=12) -> dict[ImageKey, Path]:
        paths = {}
        for number in range(images):
            path = paths[ImageKey("tube", str(number))] = tmp_path / f"{number}.png"
            write_label_image(path, change(number, labels(number)))
        return paths

    return write


def check(paths, options=AS_THEY_ARE) -> CheckedLabels:
    return CheckedLabels(paths, lambda _: (48, 48), options)


def refused(paths, *words: str) -> None:
    """It is refused with these words, and told where labels are to be trusted."""
    with pytest.raises(MaskError) as caught:
        check(paths)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert str(caught.value) in check(paths, TRUST).notes


def test_right_labels_pass_without_a_word_and_are_read_as_they_are(folder):
    paths = folder()
    checked = check(paths)
    assert checked.notes == []
    for number, key in enumerate(paths):
        assert np.array_equal(checked.read(key, (48, 48)), labels(number))
    with pytest.raises(MaskError, match="its image's size"):
        checked.read(key, (48, 50))


@pytest.mark.parametrize("value", [1, 128, 255, 65535])
def test_plain_masks_are_refused_and_can_be_split(folder, value):
    paths = folder(lambda _, values: (values > 0) * value)
    refused(
        paths,
        "plain masks",
        f"In 0.png the value {value} fills 2 separate regions",
        "none of the 12 images has a second value",
        "save the masks with one number per cell",
        "Watershed, look at every image, then run this again with --split-regions",
    )
    split = check(paths, SPLIT)
    assert split.notes == [
        "Each separate region is a cell, as asked. 12 images gave 15 cells: as many as you see? "
        "Cells that touch count as one; part them before, or state their number in the editor (step 4)."
    ]
    assert [split.read(key, (48, 48)).max() for key in paths] == [2 if number % 4 == 0 else 1 for number in range(12)]


def test_plain_masks_of_single_regions_are_told(folder):
    def plain(number, values):
        values[30:] = 0
        return (values > 0) * 255

    (note,) = check(folder(plain)).notes
    assert note.startswith("The label images may be plain masks. Each of the 12 has one region, of the value 255.")
    assert check(folder(lambda number, values: plain(number, values) // 255 * (number + 1))).notes == []
    assert check(folder(plain, images=2)).notes == []


def holed(values):
    """Each label without its inside."""
    inner = [cv2.erode((values == n).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0 for n in range(1, 4)]
    return np.where(np.any(inner, axis=0), 0, values)


def test_outlines_are_refused_and_a_hole_is_told(folder):
    refused(
        folder(lambda _, values: holed(values)),
        "outlines or rings",
        "12 of 12",
        "Export the masks, not the outlines",
        "no cells touch",
    )

    def hole(number, values):
        values[19:22, 13 + number % 5 : 16 + number % 5] = 0
        return values

    (note,) = check(folder(hole)).notes
    assert note.startswith(
        "Labels have holes. The value 1 has a hole; so it is in 12 of 12 label images (the first: 0.png). The largest"
    )
    (note,) = check(folder(lambda number, values: holed(values) if number == 1 else values)).notes
    assert "so it is in 1 of 12 label images (the first: 1.png). The largest hole is 65% of what its outline" in note


def test_points_are_refused_and_single_ones_told(folder):
    def point(_, values):
        marks = values * 0
        for number in range(1, values.max() + 1):
            y, x = np.argwhere(values == number).mean(axis=0).astype(int)
            marks[y - 1 : y + 2, x - 1 : x + 2] = number
        return marks

    refused(folder(point), "points or lines, not cells", "12 of 12 label images", "each whole cell")
    (note,) = check(folder(lambda number, values: point(0, values) if number == 6 else values)).notes
    assert note.startswith("Some labels are points or lines, no cells. ")
    assert "1 of 12 label images (the first: 6.png)" in note


def test_a_strip_along_an_edge_is_refused_and_a_single_one_told(folder):
    def strip(_, values):
        values[:5] = 99
        return values

    refused(folder(strip), "along a whole edge", "The value 99 fills one edge", "12 of 12", "save it as 0")
    (note,) = check(folder(lambda number, values: strip(0, values) if number == 6 else values)).notes
    assert "1 of 12 label images (the first: 6.png)" in note


def test_classes_of_cells_are_refused_with_few_images_that_show_it(folder):
    def dead_or_alive(number, values):
        return np.where(values > 0, 1 + (values + number) % 2, 0)

    def with_a_third(number, values):
        if number in (0, 4):
            values[38:46, 2:10] = values.max() + 1
        return dead_or_alive(number, values)

    refused(folder(with_a_third), "look like classes", "one number per cell")
    one_cell = folder(lambda n, values: with_a_third(n, values) if n in (0, 4) else np.minimum(values, 1) * (1 + n % 2))
    refused(one_cell, "look like classes")


def test_several_pages_are_refused(folder):
    paths = folder()

    def pages(key):
        values = read_label_image(paths[key])
        masks = [Image.fromarray(((values == n) * 255).astype(np.uint8)) for n in range(1, values.max() + 1)]
        paths[key] = paths[key].with_suffix(".tif")
        masks[0].save(paths[key], save_all=True, append_images=masks[1:])

    first, second = ImageKey("tube", "0"), ImageKey("tube", "4")
    pages(first)
    assert check(paths).notes == []
    with pytest.raises(MaskError, match=r"has 3 pages.*0\.tif.*one page, in which each cell"):
        check(paths).read(first, (48, 48))
    pages(second)
    for options in (AS_THEY_ARE, TRUST, SPLIT):
        with pytest.raises(MaskError, match="has 3 pages"):
            check(paths, options)


def test_plain_masks_are_not_offered_to_be_trusted(folder):
    with pytest.raises(MaskError) as caught:
        check(folder(lambda _, values: values > 0))
    assert "--trust-labels" not in str(caught.value)


def test_two_classes_are_refused_and_an_oversight_is_told(folder):
    def classes(_, values):
        return np.where(values == values.max(), 1, values)

    refused(folder(classes), "One number stands for several cells", "in 3 of 3 label images (the first: 0.png)")
    (note,) = check(folder(lambda number, values: classes(0, values) if number == 4 else values)).notes
    assert note.startswith("Separate regions of one value count as one cell. In 4.png the value 1 fills 2 separate")
    assert "in 1 of 12 label images" in note
    assert "--split-regions" not in note


def interpolated(_, values):
    smaller = Image.fromarray(values.astype(np.float32) * 20).resize((24, 24), Image.Resampling.BILINEAR)
    return np.rint(np.asarray(smaller.resize((48, 48), Image.Resampling.BILINEAR))).clip(0).astype(np.int64)


def test_interpolated_labels_are_refused_and_single_ones_told(folder):
    refused(folder(interpolated), "probability maps, or resized", "Export the masks, not the probabilities")
    nucleus = folder(lambda _, values: (values > 0) * 1 + (cv2.erode((values > 0) * 1.0, np.ones((5, 5))) > 0))
    refused(nucleus, "classes within each other", "Export one number per whole cell")
    (note,) = check(folder(lambda number, values: interpolated(0, values) if number == 3 else values)).notes
    assert note.startswith("Some labels have a rim or specks of other values.")
    assert "(the first: 3.png)" in note


def outlined(width):
    def change(_, values):
        grown = cv2.dilate((values > 0).astype(np.uint8), np.ones((2 * width + 1,) * 2, np.uint8)) > 0
        return np.where(grown & (values == 0), 255, values)

    return change


@pytest.mark.parametrize("width", [1, 2])
def test_a_border_is_told_and_read_as_background(folder, width):
    paths = folder(outlined(width))
    checked = check(paths)
    (note,) = checked.notes
    assert note.startswith("The value 255 is the line around or between cells, no cell, and taken as background.")
    assert "12 of 12 label images (the first: 0.png)" in note
    for number, key in enumerate(paths):
        assert np.array_equal(checked.read(key, (48, 48)), labels(number))


def between(number, values):
    """A line of 255 between two cells that touch, in all but one image, which has a blot of it elsewhere."""
    values = values * 0
    values[10:30, 8:20], values[10:30, 20:34] = 1, 2
    if number == 5:
        values[36:46, 36:46] = 255
    elif number < 9:
        values[10:30, 19:21] = 255
        if number % 3 == 0:
            values[16:18, 19:21] = 1
    return values


def test_a_line_between_cells_is_told_and_read_as_background(folder):
    paths = folder(between)
    checked = check(paths)
    (note,) = checked.notes
    assert "9 of 12 label images (the first: 0.png)" in note
    assert "where it was drawn on a cell, the cell is smaller by it" in note
    for number, key in enumerate(paths):
        values = between(number, labels(number))
        assert np.array_equal(checked.read(key, (48, 48)), np.where(values == 255, 0, values))
    assert check(paths, SPLIT).read(ImageKey("tube", "1"), (48, 48)).max() == 2


def test_255_that_fills_several_regions_elsewhere_is_no_cell_perhaps(folder):
    def blots(_, values):
        values[40:46, 2:8] = values[40:46, 40:46] = 255
        return values

    refused(
        folder(blots), "the value 255 fills 2 separate regions", "save it as 0 (Fiji: Process > Math > Macro: if (v="
    )
    with pytest.raises(MaskError) as caught:
        check(folder(blots))
    assert "--split-regions" not in str(caught.value)


def test_255_that_is_no_border_is_told_and_taken(folder):
    paths = folder(lambda number, values: np.where(values == values.max(), 255, values) if number == 0 else values)
    checked = check(paths)
    (note,) = checked.notes
    assert note.startswith("The value 255 is taken as a cell.")
    assert np.array_equal(checked.read(ImageKey("tube", "0"), (48, 48)), labels(0))


def test_a_background_that_is_not_0_is_refused(folder):
    refused(folder(lambda _, values: values + 1), "background", "The value 1 covers most", "12 of 12")
    with pytest.raises(MaskError) as caught:
        check(folder(lambda _, values: values + 1))
    assert "inverted" not in str(caught.value)
    refused(folder(lambda _, values: (values == 0) * 255), "background", "The value 255", "looks inverted", "Invert")
    refused(folder(lambda _, values: 255 - values), "The value 255", "looks inverted", "Invert")
    (note,) = check(folder(lambda number, values: values + (number == 5))).notes
    assert "1 of 12 label images (the first: 5.png)" in note


def test_nothing_annotated_is_refused_and_some_images_are_told(folder):
    refused(folder(lambda _, values: values * 0), "Nothing is annotated", "All 12")
    (note,) = check(folder(lambda number, values: values * (number != 7))).notes
    assert note.startswith("Some label images are 0 everywhere. 1 of 12 label images (the first: 7.png).")


def test_specks_are_told(folder):
    def speck(number, values):
        values[47, 0] = number == 2
        return values

    (note,) = check(folder(speck)).notes
    assert note.startswith("Labels have specks apart from their cell. Label 1 has some")
    assert "(the first: 2.png)" in note


def test_a_label_image_that_cannot_be_read_is_told_when_it_is_taken(folder):
    paths = folder()
    key = next(iter(paths))
    paths[key].write_bytes(b"no image")
    write_label_image(paths[ImageKey("tube", "5")], np.ones((9, 9), np.uint16))
    checked = check(paths)
    assert checked.notes == []
    with pytest.raises(MaskError, match="can't be read"):
        checked.read(key, (48, 48))
    with pytest.raises(MaskError, match="its image's size"):
        checked.read(ImageKey("tube", "5"), (48, 48))


def answers(images=12, change=lambda mask: mask):
    return {ImageKey("tube", str(number)): change(labels(number) > 0) for number in range(images)}


def as_seen(masks) -> dict[ImageKey, Segmentation]:
    """As a model that counts nothing answers."""
    return {key: Segmentation(mask, np.zeros((0, 2), np.float32)) for key, mask in masks.items()}


def fit(paths, *seen, options=AS_THEY_ARE) -> list[str]:
    checked = check(paths, options)
    checked.compare(to_compare(list(paths)), [as_seen(masks) for masks in seen or [answers()]], lambda _: NOTHING)
    return checked.notes


def noisy(mask):
    """As a model would answer: a pixel looser, and wrong here and there."""
    mask = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    mask[0:4, 40:48] = True
    return mask


def test_labels_that_fit_pass(folder):
    assert fit(folder()) == []
    assert fit(folder(), answers(change=noisy)) == []
    assert fit(folder(), answers(change=lambda mask: mask & False)) == []
    assert fit(folder(), {}) == []


BACK = dict(zip(TURNS, [0, 1, 2, 3, 5, 4, 6], strict=True))  # which turn undoes each


@pytest.mark.parametrize("how", TURNS)
def test_labels_that_fit_only_turned_or_flipped_are_refused(folder, how):
    paths = folder(lambda _, values: np.ascontiguousarray(TURNS[how](values)))
    back = list(TURNS)[BACK[how]]
    with pytest.raises(MaskError, match="fit only if") as caught:
        fit(paths, answers(change=noisy))
    assert caught.value.title == f"The label images fit only if {back}"
    assert f"Image > Transform > {', then '.join(STEPS[back])}; save it under the same name." in caught.value.detail
    assert "12 images" in caught.value.way_out
    assert "--trust-labels" not in str(caught.value)
    assert any("fit only if" in note for note in fit(paths, options=TRUST))
    (note,) = fit(dict(list(paths.items())[:2]))
    assert note.startswith("The label images fit only if")


FIJI = {
    "Flip Horizontally": lambda image: image[:, ::-1],
    "Flip Vertically": lambda image: image[::-1],
    "Rotate 90 Degrees Right": lambda image: np.array(list(zip(*image[::-1], strict=True))),
    "Rotate 90 Degrees Left": lambda image: np.array(list(zip(*image, strict=True)))[::-1],
}  # as its documentation has them


@pytest.mark.parametrize("how", TURNS)
def test_the_steps_that_are_told_turn_labels_as_is_said(how):
    values = np.arange(12).reshape(3, 4)
    done = values
    for step in STEPS[how]:
        done = FIJI[step](done)
    assert np.array_equal(done, TURNS[how](values))


IMAGES = 30


def placed(number: int) -> np.ndarray:
    """A cell whose place and size tell the image from others."""
    rng = np.random.default_rng(number)
    found = np.zeros((48, 48), np.uint16)
    (y, x), (height, width) = rng.integers(2, 34, 2), rng.integers(9, 13, 2)
    found[y : y + height, x : x + width] = 1 + number % 5
    return found


def seen_of(images: int = IMAGES, change=lambda mask: mask):
    """What a model answers: by image, the truth changed."""
    return {ImageKey("tube", str(number)): change(placed(number) > 0) for number in range(images)}


RENAME = re.compile(r"(\d+) -> (\d+)")
AS_TEXT = sorted(range(IMAGES), key=str)
ORDERS = {
    "the image after theirs": lambda n: n + 1,
    "the image before theirs": lambda n: n - 1,
    "the image 3 after theirs": lambda n: n + 3,
    "the image 5 before theirs": lambda n: n - 5,
    "in the reverse order": lambda n: IMAGES - 1 - n,
    "in the order 0, 1, 10, 11 (names sorted as text, not by number)": lambda n: AS_TEXT[n],
    "if the names in the order 0, 1, 10, 11 (sorted as text) are exchanged for": AS_TEXT.index,
}


@pytest.mark.parametrize("words", ORDERS)
@pytest.mark.parametrize("change", [lambda mask: mask, noisy], ids=["exact", "noisy"])
def test_labels_in_another_order_are_refused(folder, words, change):
    paths = folder(lambda n, _: placed(ORDERS[words](n) % IMAGES), IMAGES)
    with pytest.raises(MaskError) as caught:
        fit(paths, seen_of(change=change))
    assert caught.value.title.startswith(f"The label images fit only {words}")
    assert "no more than with the label images of others (permutation test, p = " in caught.value.way_out
    renames = dict(RENAME.findall(caught.value.detail))
    assert renames.items() <= {str(n): str(ORDERS[words](n) % IMAGES) for n in range(IMAGES)}.items()
    assert len(renames) == 12
    assert re.search(r" and \d+ more\.$", caught.value.detail)
    (note,) = fit(paths, seen_of(change=change), options=TRUST)
    assert words in note


def test_names_in_any_other_order_are_refused_where_all_images_are_compared(folder):
    order = np.random.default_rng(3).permutation(20)
    with pytest.raises(MaskError, match="fit only with other names") as caught:
        fit(folder(lambda n, _: placed(int(order[n])), 20), seen_of(20))
    renames = RENAME.findall(caught.value.detail)
    assert len(renames) == 12
    assert all(order[int(label)] == int(image) for label, image in renames)
    assert fit(folder(lambda n, _: placed(n), 20), seen_of(20)) == []


@pytest.mark.parametrize(("rows", "columns", "words"), [(0, 6, "6 px to the left"), (-5, 4, "5 px down and 4 px to")])
def test_labels_that_were_moved_are_refused_and_by_a_pixel_not(folder, rows, columns, words):
    def check_fit(paths, shown):
        checked = check(paths)
        checked.compare(
            to_compare(list(paths)), [as_seen(seen_of())], lambda key: shown(int(key.event)).astype(np.float32)
        )
        return checked.notes

    def shown_there(number):
        return moved(placed(number), rows, columns)

    paths = folder(lambda n, _: shown_there(n), IMAGES)
    with pytest.raises(MaskError, match=f"fit only if moved by {words}") as caught:
        check_fit(paths, placed)
    assert f"Translate, X Offset {-columns}, Y Offset {-rows})" in caught.value.detail
    assert "moved" not in " ".join(check_fit(paths, shown_there)), "the model is wrong, by what the images show"
    assert check_fit(folder(lambda n, _: moved(placed(n), 0, 1), IMAGES), placed) == []


def corner(mask):
    """A model that sees a corner of each cell, and dirt that is always there."""
    ys, xs = np.nonzero(mask)
    found = mask & False
    found[ys[0] : ys[0] + 3, xs[0] : xs[0] + 3] = True
    found[40:48, 40:48] = True
    return found


@pytest.mark.parametrize("images", [3, 6, 12, IMAGES])
@pytest.mark.parametrize("draw", range(3))
def test_right_labels_pass_whatever_the_model_sees(folder, images, draw):
    def of_others(number):
        return placed(1000 * (draw + 1) + number) > 0

    rng = np.random.default_rng(draw)
    anything = {key: rng.random((48, 48)) < 0.05 for key in seen_of(images)}
    wrong_cells = {key: of_others(int(key.event)) for key in anything}
    dirt = dict.fromkeys(anything, (np.arange(48) > 40)[:, None] & (np.arange(48) > 40))
    paths = folder(lambda n, _: placed(n), images)
    for seen in (seen_of(images, corner), anything, wrong_cells, dirt):
        checked = check(paths)
        checked.compare(to_compare(list(paths)), [as_seen(seen)], lambda key: placed(int(key.event)).astype(np.float32))
        assert len(checked.notes) == 1, "told, not refused"


def test_what_differs_from_the_background_tells_a_wrong_model_from_wrong_labels(folder):
    dirt = dict.fromkeys(seen_of(), (np.arange(48) > 45)[:, None] & np.ones((48, 48), bool))
    checked = check(folder(lambda n, _: placed(n), IMAGES))
    keys = to_compare(list(dirt))
    checked.compare(keys, [as_seen(dirt)], lambda key: placed(int(key.event)).astype(np.float32))
    assert "the model may be wrong about these cells" in checked.notes[0]
    with pytest.raises(MaskError, match="lie elsewhere"):
        checked.compare(keys, [as_seen(dirt)], lambda key: placed(int(key.event) + 7000).astype(np.float32))


def test_labels_that_lie_elsewhere_are_refused_and_loose_ones_told(folder):
    def elsewhere(mask):
        mask = mask & False
        mask[0:6, 0:48] = True
        return mask

    with pytest.raises(MaskError, match="lie elsewhere"):
        fit(folder(), answers(change=elsewhere))
    assert fit(folder(), answers(change=elsewhere), answers()) == [], "another model sees them"

    def little(mask):
        return mask & (np.arange(48) % 5 == 0)

    (note,) = fit(folder(), answers(change=little))
    assert note.startswith("The label images overlap little with what the model sees. By ")
    (note,) = fit(folder(images=2), answers(2, elsewhere))
    assert "lie elsewhere" in note, "two images are too few to refuse"


def two_cells(number: int) -> np.ndarray:
    """Two that touch, and in every other image a third apart."""
    found = np.zeros((48, 48), np.uint16)
    top = 4 + number % 3
    found[top : top + 14, 6:16], found[top : top + 14, 16:27] = 1, 2
    if number % 2:
        found[34:44, 30:40] = 3
    return found


@pytest.mark.parametrize("images", [2, 3, 12])
def test_labels_that_cover_several_cells_are_told_where_many_do(folder, images):
    seen = {ImageKey("tube", str(n)): segmentation_from_labels(two_cells(n)) for n in range(images)}

    def notes(change, *others, options=AS_THEY_ARE):
        checked = check(folder(lambda n, _: change(n), images), options)
        checked.compare(to_compare(list(seen)), [seen, *others], lambda _: NOTHING)
        return checked.notes

    def fused(number):
        return np.minimum(two_cells(number), 2) // 2 + (two_cells(number) > 0) * 1 - (two_cells(number) == 2)

    def in_a_third(number):
        return fused(number) if number % 3 == 0 else two_cells(number)

    def in_a_third_apart(number):
        return fused(number) if number % 3 == 0 else np.where(two_cells(number) == 1, 0, two_cells(number))

    def in_a_quarter_apart(number):
        return fused(number) if number % 4 == 0 else np.where(two_cells(number) == 1, 0, two_cells(number))

    assert notes(two_cells) == []
    found = [note for note in notes(fused) if "several cells" in note]
    if images == 2:
        assert found == []
        return
    own, true = (sum(int(f(n).max()) for n in range(images)) for f in (fused, two_cells))
    assert found == [
        f"Labels may cover several cells each. In {images} of {images} images a label covers what the model counts as "
        f"several cells (the first: tube:0, 2 in one). There are {own} labels in all, and by the model {true} cells. "
        "Look at some: if cells that touch share a number, part them; if the model errs, go on."
    ]
    counts_one = {key: segmentation_from_labels(fused(int(key.event))) for key in seen}
    assert notes(fused, counts_one) == [], "another model counts as the labels do"
    elsewhere = {key: replace(one, mask=np.roll(one.mask, 30, axis=1)) for key, one in seen.items()}
    assert not [note for note in notes(fused, elsewhere) if "several cells" in note]
    assert notes(in_a_third) == [], "somebody tells cells apart that touch"
    assert notes(in_a_third_apart) != [] or images == 3
    assert notes(in_a_quarter_apart) == []
    plain = notes(lambda n: (two_cells(n) > 0) * 255, options=SPLIT)
    assert any("several cells" in note for note in plain)


@pytest.mark.parametrize("images", [0, 1, 2, 3, 24, 25, 500])
def test_pairs_of_neighbours_are_compared_spread_over_the_sample(images):
    keys = [ImageKey("tube", str(number)) for number in range(images)]
    chosen = to_compare(keys)
    assert len(chosen) <= 24
    assert len(chosen) >= min(images, 22)
    for first, second in zip(chosen[::2], chosen[1::2], strict=False):
        assert int(second.event) == int(first.event) + 1
    if images == 500:
        assert int(chosen[-1].event) > 450


def test_each_sample_is_a_folder_of_its_own(folder, tmp_path):
    right = folder()
    plain = {}
    for number in range(4):
        key = ImageKey("other", str(number))
        plain[key] = tmp_path / f"other {number}.png"
        write_label_image(plain[key], labels(number) > 0)
    refused({**right, **plain}, "plain masks", "In other: other 0.png the value 1")
    elsewhere = {key: (np.arange(48) < 6)[:, None] & np.ones((48, 48), bool) for key in plain}
    for key, path in plain.items():
        write_label_image(path, labels(int(key.event)))
    checked = check({**right, **plain})
    keys = to_compare([*right, *plain])
    assert keys == [*right, *plain]
    with pytest.raises(MaskError, match="the first image: other:0"):
        checked.compare(keys, [as_seen(answers() | elsewhere)], lambda _: NOTHING)


CASES = {
    "t04-plain-masks/bin01": "plain masks",
    "t04-plain-masks/bin128": "plain masks",
    "t04-plain-masks/bin255": "plain masks",
    "t04-plain-masks/truth": "",
    "t06-void-border-255/voc": "line around or between cells",
    "t07-background-is-1/bgone": "background of label images is not 0",
}


@pytest.mark.shared_data
@pytest.mark.parametrize("case", CASES)
def test_the_known_cases(shared_data, case):
    folder = shared_data.parent / "cases" / case
    if not folder.is_dir():
        pytest.skip(f"the case is absent: {folder}")
    paths = {ImageKey("images", path.stem): path for path in sorted(folder.iterdir())}
    notes = CheckedLabels(paths, lambda _: (248, 248), TRUST).notes
    assert CASES[case] in " ".join(notes)
    assert bool(notes) == bool(CASES[case])


@pytest.mark.shared_data
def test_reference_labels_of_real_cells_pass(shared_data):
    for folder in sorted((shared_data / "cells").iterdir()):
        found = sorted((folder / "masks").glob("*.png"))[:40]
        paths = {ImageKey(folder.name, path.stem): path for path in found}
        notes = CheckedLabels(paths, lambda key: read_label_image(paths[key]).shape).notes  # noqa: B023
        assert all(note.startswith(("Some label images are 0", "The label images may be")) for note in notes), folder
