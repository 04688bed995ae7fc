"""Label images as annotations."""

from __future__ import annotations

import numpy as np
import pytest

from tests.workflow.conftest import labels_of
from tui_cytpix.domain.annotation import Side, Status
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import JobError, MaskError
from tui_cytpix.formats.masks.label_images import read_label_image, segmentation_from_labels, write_label_image
from tui_cytpix.workflow.annotate import from_labels
from tui_cytpix.workflow.annotate.from_labels import annotate_from_masks
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.base_model.label_check import LabelOptions
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run


@pytest.fixture
def run(samples, tmp_path):
    with Run.create(tmp_path / "r") as run:
        run_samples.add_sample(run, samples.make("tube"), 0.3)
        yield run


def test_label_images_become_accepted_annotations(run, samples):
    intake = annotate_from_masks(run, samples.truth(), only=["0", "1", "77"])
    assert (intake.accepted, [event for event, _ in intake.failures]) == (2, ["77"])
    state = run.annotations.state(ImageKey("tube", "0"))
    assert (state.status, state.origin, state.corrected) == (Status.ACCEPTED, "masks", False)
    assert state.segmentation.particle_count == 2
    assert run.folder.preview_image(state.image).is_file()
    assert annotate_from_masks(run, samples.truth()).accepted == 24
    assert len(run.annotations.accepted()) == 24
    assert len(run.annotations.side(Side.VALIDATION)) == 4


def test_masks_that_do_not_fit_are_refused_in_words(run, samples, tmp_path):
    with pytest.raises(MaskError, match="--sample"):
        annotate_from_masks(run, samples.truth(), sample="other")
    with pytest.raises(MaskError, match="can't be read"):
        annotate_from_masks(run, tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MaskError, match="No label images"):
        annotate_from_masks(run, tmp_path / "empty")
    strange = tmp_path / "strange"
    strange.mkdir()
    write_label_image(strange / "x.png", np.ones((5, 5), np.uint16))
    with pytest.raises(MaskError, match="no event in common") as caught:
        annotate_from_masks(run, strange)
    assert "its first label image is x.png, the first image of tube is event 0." in caught.value.detail
    assert all(ending in caught.value.way_out for ending in ("_cp_masks", "_labels", "_seg"))
    with pytest.raises(MaskError, match="has no event 'x'"):
        annotate_from_masks(run, strange, only=["x"])
    write_label_image(strange / "3.png", np.ones((5, 5), np.uint16))
    with pytest.raises(MaskError, match="its image's size"):
        annotate_from_masks(run, strange, only=["3"])
    assert run.annotations.accepted() == []
    (samples.folder / "tube" / "4.png").write_bytes(b"no image")
    write_label_image(strange / "4.png", np.ones((48, 48), np.uint16))
    write_label_image(strange / "5.png", np.ones((48, 48), np.uint16))
    intake = annotate_from_masks(run, strange)
    assert (intake.accepted, [event for event, _ in intake.failures]) == (1, ["3", "4"])


def test_with_several_samples_the_user_says_which(run, samples):
    run_samples.add_sample(run, samples.make("other", first=100), 0.3)
    with pytest.raises(MaskError, match="tube, other"):
        annotate_from_masks(run, samples.truth())
    assert annotate_from_masks(run, samples.truth("other"), sample="other").accepted == 24


class Seen:
    """What a base model answers: the truth, a pixel up."""

    def get(self, key):
        return segmentation_from_labels(np.roll(labels_of(int(key.event)), -1, axis=0))


@pytest.fixture
def base(run, model_file, monkeypatch):
    """The run's base model; `asked` are the images it was asked about."""
    library.choose(run, library.entry(model_file()))
    asked = []

    def predict(_, __, keys, ___):
        asked.extend(keys)
        return Seen()

    monkeypatch.setattr(from_labels, "predict_now", predict)
    return asked


def test_label_images_are_compared_with_what_the_base_model_sees(run, samples, base):
    assert annotate_from_masks(run, samples.truth()).notes == ()
    assert base == [ImageKey("tube", str(number)) for number in range(24)]
    for path in samples.truth().iterdir():
        write_label_image(path, np.ascontiguousarray(read_label_image(path).T))
    before = len(run.annotations.accepted())
    with pytest.raises(MaskError, match="fit only if transposed"):
        annotate_from_masks(run, samples.truth())
    assert len(run.annotations.accepted()) == before
    told = annotate_from_masks(run, samples.truth(), options=LabelOptions(trust=True))
    assert told.accepted == 24
    assert "fit only if transposed" in told.notes[0]


def test_a_base_model_that_does_not_answer_is_told(run, samples, base, monkeypatch):
    def fails(*_):
        raise JobError("No image could be processed", "out of memory.")

    monkeypatch.setattr(from_labels, "predict_now", fails)
    intake = annotate_from_masks(run, samples.truth())
    assert intake.accepted == 24
    assert intake.notes == (
        "Whether the label images fit the cells was not checked: No image could be processed. out of memory.",
    )


def test_plain_masks_teach_only_when_they_are_split(run, samples):
    for path in samples.truth().iterdir():
        values = (read_label_image(path) > 0).astype(np.uint16)
        values[40:46, 40:46] = 1
        write_label_image(path, values)
    with pytest.raises(MaskError, match="plain masks"):
        annotate_from_masks(run, samples.truth())
    assert run.annotations.accepted() == []
    intake = annotate_from_masks(run, samples.truth(), options=LabelOptions(split_regions=True))
    assert intake.accepted == 24
    assert run.annotations.state(ImageKey("tube", "1")).segmentation.particle_count == 2


def test_label_images_of_no_image_are_told(run, samples):
    (samples.truth() / "3.png").rename(samples.truth() / "0003_cp_masks.png")
    (samples.truth() / "4.png").rename(samples.truth() / "four.png")
    intake = annotate_from_masks(run, samples.truth())
    assert intake.accepted == 23
    assert intake.notes == ("1 label image is named after no image of tube (four.png).",)


def test_names_of_which_most_are_no_images_are_refused(run, samples):
    truth = samples.truth()
    for number in range(8, 24):
        (truth / f"{number}.png").rename(truth / f"{number + 100}.png")
    with pytest.raises(MaskError, match="named after no image of tube: nothing was taken") as caught:
        annotate_from_masks(run, truth)
    assert caught.value.detail == "16 of 24, as 108.png; images are called 0, 1, 2 ..."
    assert "--trust-labels" in caught.value.way_out
    assert run.annotations.accepted() == []
    assert annotate_from_masks(run, truth, only=["0", "1"]).accepted == 2, "the user says which"
    trusted = annotate_from_masks(run, truth, options=LabelOptions(trust=True))
    assert trusted.accepted == 8
    assert trusted.notes == ("16 label images are named after no image of tube (the first: 108.png).",)
    for number in range(108, 116):
        (truth / f"{number}.png").unlink()
    assert annotate_from_masks(run, truth).accepted == 8, "half of them"
