"""The confidence of a model that is written: a probability where enough images were cross-checked, else a rank."""

from __future__ import annotations

import pytest

from tui_cytpix.core.statistics.calibration import recalibration
from tui_cytpix.domain.jobs.training import CrossCheck
from tui_cytpix.domain.model_card import LEAST_TO_CALIBRATE, ModelCard
from tui_cytpix.engine.network.postprocess import PostSettings
from tui_cytpix.engine.network.postprocess import calibrated as confidence
from tui_cytpix.workflow.train.finish import FARTHEST, calibrated

CARD = ModelCard("m", "full", "UDT", post={"image_slope": 0.5, "image_offset": 0.7, "least_px": 30.0})


def checked(number, wrong, sure=0.8):
    return [CrossCheck(1, 1 + (n < wrong), 0.5, sure) for n in range(number)]


def test_counts_that_are_mostly_right_make_it_surer_and_wrong_ones_less_sure():
    said = [confidence(raw, 0.5, 0.7) for raw in (0.2, 0.6, 0.99)]
    for wrong, way in ((0, 1), (1, 1), (12, -1)):
        card = calibrated(CARD, checked(16, wrong))
        now = [confidence(raw, card.post["image_slope"], card.post["image_offset"]) for raw in (0.2, 0.6, 0.99)]
        assert all((b - a) * way > 0.01 for a, b in zip(said, now, strict=True))
        assert now == sorted(now)
        assert card.post["least_px"] == CARD.post["least_px"]
        assert (card.calibrated_on, card.confidence_is) == (16, "probability")


def test_it_is_fitted_to_what_was_said_then():
    """The confidences of the cross-check came out of the calibration that the card has by then."""
    answers = [(0.6, True), (0.7, True), (0.9, True), (0.65, False)] * 5
    slope, offset = recalibration(answers)
    card = calibrated(CARD, [CrossCheck(1, 1 + (not right), 0.5, sure) for sure, right in answers])
    for raw in (0.1, 0.5, 0.9):
        then = confidence(raw, 0.5, 0.7)
        now = confidence(raw, card.post["image_slope"], card.post["image_offset"])
        assert now == pytest.approx(confidence(then, slope, offset))


def test_of_too_few_it_stays_and_is_called_a_rank():
    few = checked(LEAST_TO_CALIBRATE - 1, 0)
    assert calibrated(CARD, few) == CARD
    assert CARD.confidence_is == "rank"
    assert "no probability" in CARD.confidence_means
    enough = calibrated(CARD, [*few, *few[:1]])
    assert f"fitted on {LEAST_TO_CALIBRATE} annotated images" in enough.confidence_means
    built_in = ModelCard("m", "full", "built-in")
    assert built_in.confidence_is == "probability"
    assert "simulated events" in built_in.confidence_means


def test_a_card_without_a_calibration_gets_one():
    card = calibrated(ModelCard("m", "full", "UDT"), checked(15, 15, 0.9))
    assert set(card.post) == {"image_slope", "image_offset"}
    assert confidence(0.9, card.post["image_slope"], card.post["image_offset"]) < 0.5


def test_calibrations_one_upon_another_stay_in_the_range_that_is_read():
    card = CARD
    for _ in range(12):
        card = calibrated(card, [CrossCheck(1, 1 + (sure < 0.5), 0.5, sure) for sure in (0.2, 0.9) * 10])
    PostSettings.from_card(card.post)
    assert max(abs(card.post["image_slope"]), abs(card.post["image_offset"])) == FARTHEST
