"""By real processes: label images that teach nothing, and the same after what the message says."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tui_cytpix.simulate import write


@pytest.fixture
def tube(tmp_path) -> Path:
    """12 images of rods; the truth beside them."""
    write("pombe-rich", tmp_path / "tube", 12, "folder", 2)
    return tmp_path / "tube"


def changed(truth: Path, name: str, change) -> Path:
    """A copy of the truth with each label image changed."""
    folder = truth.with_name(name)
    folder.mkdir()
    for path in truth.iterdir():
        Image.fromarray(np.ascontiguousarray(change(np.asarray(Image.open(path)).astype(np.uint16)))).save(
            folder / path.name
        )
    return folder


def in_text_order(truth: Path) -> Path:
    """The same label images under the names in the order 1, 10, 2, which is that of many programs."""
    folder = truth.with_name("text order")
    folder.mkdir()
    by_number = sorted(truth.iterdir(), key=lambda path: int(path.stem))
    for path, shown in zip(by_number, sorted(by_number, key=lambda path: path.stem), strict=True):
        shutil.copyfile(shown, folder / path.name)
    return folder


def with_a_cell_in_the_corner(labels: np.ndarray) -> np.ndarray:
    mask = labels > 0
    mask[2:14, 2:14] = True
    return mask * np.uint16(255)


@pytest.mark.slow
def test_wrong_label_images_are_refused_by_annotate_and_compare_alike(program, tube, tmp_path):
    run, truth = tmp_path / "r", Path(f"{tube}.truth")
    program("run", "new", run, "--sample", tube, "--base", "general-half", "--um-per-px", 0.3)
    plain = changed(truth, "plain", with_a_cell_in_the_corner)
    transposed = changed(truth, "transposed", np.transpose)
    annotate, compare = (
        ("run", "annotate", run, "--from-masks"),
        ("compare", tube, "--model", "general-half", "--truth"),
    )
    for wrong, words in (
        (plain, "plain masks"),
        (transposed, "fit only if transposed"),
        (in_text_order(truth), "names sorted as text, not by number"),
    ):
        said = program(*annotate, wrong, status=1).stderr
        assert words in said
        assert words in program(*compare, wrong, "--um-per-px", 0.3, status=1).stderr
        assert not (run / "annotations.jsonl").exists()
    split = program.json(*annotate, plain, "--split-regions")
    assert split["taken"] == 12
    assert "as asked" in split["notes"][0]
    padded = tmp_path / "padded"
    padded.mkdir()
    for path in truth.iterdir():
        shutil.copyfile(path, padded / f"000{path.stem}_cp_masks.png")
    taken = program.json(*annotate, padded)
    empty = ["Some label images are 0 everywhere"]
    assert (taken["taken"], [note.partition(".")[0] for note in taken["notes"]]) == (12, empty)
    scores = program.json(*compare, padded, "--um-per-px", 0.3)
    assert (scores["images"], scores["notes"]) == (12, taken["notes"])
