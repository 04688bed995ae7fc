"""Masks that drift from a run's others, and when a look back is offered."""

from __future__ import annotations

import numpy as np
import pytest

from tui_cytpix.core.editing.adjust import loosen
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.masks.label_images import read_label_image, segmentation_from_labels
from tui_cytpix.workflow.annotate.consistency import PAUSE_SECONDS, Consistency, pause_seconds
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run

LOOSE = ImageKey("tube", "5")


@pytest.fixture
def run(samples, tmp_path):
    """Eight images annotated by their truth, one of them 3 px too loose."""
    with Run.create(tmp_path / "r") as run:
        run_samples.add_sample(run, samples.make("tube"), 0.3)
        for number in range(8):
            key = ImageKey("tube", str(number))
            found = segmentation_from_labels(read_label_image(samples.truth() / f"{number}.png"))
            if key == LOOSE:
                mask = loosen(loosen(loosen(found.mask)))
                found = Segmentation(mask, found.centroids)
            run.record_edit(key, "propose", found)
            run.record_edit(key, "accept")
        yield run


def test_the_one_that_drifts_is_told_apart(run):
    consistency = Consistency(run)
    found = {state.image: consistency.of(state) for state in run.annotations.accepted()}
    assert [key for key, stringency in found.items() if stringency.drifts] == [LOOSE]
    assert found[LOOSE].offset_px - found[LOOSE].usual_px == pytest.approx(3, abs=0.8)
    assert "looser: {editor.tighten}" in found[LOOSE].in_words()
    assert "usually" in found[ImageKey("tube", "1")].in_words()
    assert consistency.to_review()[0] == LOOSE


def test_without_enough_others_there_is_no_judgement(run):
    for number in range(6):
        run.record_edit(ImageKey("tube", str(number)), "reject")
    consistency = Consistency(run)
    seven = consistency.of(run.annotations.state(ImageKey("tube", "7")))
    assert not seven.drifts
    assert np.isnan(seven.usual_px)
    assert seven.in_words().endswith("side the edge")


def test_an_image_that_cannot_be_read_is_not_judged(run):
    key = ImageKey("gone", "1")
    run.record_edit(key, "propose", Segmentation(np.ones((9, 9), bool), np.zeros((0, 2), np.float32)))
    stringency = Consistency(run).of(run.annotations.state(key))
    assert stringency.in_words() == ""
    assert not stringency.drifts


def test_a_look_back_is_offered_after_a_pause(run):
    last = max(state.time for state in run.annotations.accepted())
    assert pause_seconds(run, last + 60) == 0
    assert pause_seconds(run, last + PAUSE_SECONDS + 1) > PAUSE_SECONDS
    for number in range(6):
        run.record_edit(ImageKey("tube", str(number)), "reject")
    assert pause_seconds(run, last + 10 * PAUSE_SECONDS) == 0
