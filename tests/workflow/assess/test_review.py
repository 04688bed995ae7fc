"""Step 1: the random sequence, the judgements, what counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.reviewing import judge, judge_count
from tui_cytpix.domain.run_settings import EvaluateSettings
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.verdict import UNSIGNED, Judgement, Verdict
from tui_cytpix.formats.run.predictions import Prediction, PredictionStore, write_shard
from tui_cytpix.workflow.assess import focus, review, undo
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.evaluate import trial
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run


@pytest.fixture
def run(tmp_path, samples):
    with Run.create(tmp_path / "r", seed=2) as run:
        run_samples.add_sample(run, samples.make("one", 20), 0.3)
        run_samples.add_sample(run, samples.make("two", 20), 0.3)
        yield run


def test_drawing_more_only_appends(run):
    first = review.draw(run, 8)
    more = review.draw(run, 20)
    assert len(set(more)) == 20
    assert more[:8] == first
    assert review.draw(run, 5) == more
    assert len(review.draw(run, 100)) == 40
    assert {k.sample for k in more} == {"one", "two"}


def test_the_sequence_is_that_of_the_seed(run, tmp_path):
    with Run.create(tmp_path / "again", seed=2) as again:
        for name in ("one", "two"):
            run_samples.add_sample(again, tmp_path / name, 0.3)
        assert review.draw(again, 10) == review.draw(run, 10)


def test_selected_annotated_and_reviewed_images_are_not_drawn(run):
    taken = (ImageKey("one", "1"), ImageKey("two", "1"))
    run.update(replace(run.settings, selection=replace(run.settings.selection, random=taken)))
    run.record_edit(ImageKey("one", "2"), "reject")
    first = review.draw(run, 20)
    assert not {*taken, ImageKey("one", "2")} & set(first)
    fresh = trial.draw(run, 100)
    assert len(fresh) == 40 - 3 - 20
    assert not set(fresh) & (set(first) | {*taken, ImageKey("one", "2")})


def test_training_samples_are_not_judged(run):
    run_samples.label(run, "two", role="training")
    assert {k.sample for k in review.draw(run, 100)} == {"one"}


def test_a_sample_reserved_for_the_evaluation_is_what_it_draws_from(run):
    assert {key.sample for key in trial.draw(run, 4)} <= {"one", "two"}
    run_samples.label(run, "two", role="evaluation")
    run.update(replace(run.settings, evaluate=EvaluateSettings()))
    assert {key.sample for key in trial.draw(run, 10)} == {"two"}
    assert {key.sample for key in review.draw(run, 10)} == {"one"}


def test_only_images_of_the_sequence_count(run, model_file):
    model = library.entry(model_file())
    drawn = review.draw(run, 4)
    other = next(k for k in (ImageKey("one", str(n)) for n in range(20)) if k not in drawn)
    judge(run, drawn[0], model, Judgement.ACCEPTABLE)
    judge(run, drawn[1], model, Judgement.BOTH)
    judge(run, other, model, Judgement.COUNT_ERROR)
    found = review.assessment_of(run, model, drawn).all
    assert (found.count.judged, found.count.errors, found.mask.errors) == (2, 1, 1)
    assert set(review.verdict_of(run, model)) == {drawn[0], drawn[1], other}
    assert undo.undo(run, review.lines(run, model)).image == other
    assert undo.undo(run, review.lines(run, model)).image == drawn[1]
    assert review.assessment_of(run, model, drawn).all.count.errors == 0
    assert undo.undo(run, review.lines(run, model)).image == drawn[0]
    assert undo.undo(run, review.lines(run, model)) is None


def test_judgements_of_another_model_or_step_stay_apart(run, model_file):
    model, other = library.entry(model_file()), library.entry(model_file("other"))
    assert model.hash != other.hash
    key = review.draw(run, 1)[0]
    judge(run, key, model, Judgement.BOTH)
    judge(run, key, other, Judgement.ACCEPTABLE)
    judge(run, key, model, Judgement.MASK_ERROR, "evaluate")
    assert review.verdict_of(run, model)[key].judgement is Judgement.BOTH
    assert review.verdict_of(run, other)[key].judgement is Judgement.ACCEPTABLE
    assert review.verdict_of(run, model, "evaluate")[key].judgement is Judgement.MASK_ERROR
    assert review.verdict_of(run, other, "evaluate") == {}


def test_undo_gives_back_the_judgement_that_was_there_also_after_a_restart(run, model_file):
    model = library.entry(model_file())
    key = review.draw(run, 4)[0]
    judge_count(run, key, model, 3, 2)
    stated = review.verdict_of(run, model)[key]
    judge(run, key, model, Judgement.ACCEPTABLE, counted=2)
    path = run.path
    run.close()
    with Run.open(path) as again:
        taken = undo.undo(again, review.lines(again, model))
        assert (taken.image, taken.gone.judgement, taken.stands) == (key, Judgement.COUNT_ERROR, stated)
        now = review.verdict_of(again, model)[key]
        assert (now.judgement, now.true_count, now.counts_for_rate) == (Judgement.COUNT_WRONG, 3, True)
        assert undo.undo(again, review.lines(again, model)).stands is None
        assert review.verdict_of(again, model) == {}
    with Run.open(path) as again:
        assert undo.redo(again, review.lines(again, model)).stands.true_count == 3
        assert undo.redo(again, review.lines(again, model)).gone.judgement is Judgement.COUNT_WRONG
        assert review.verdict_of(again, model)[key].judgement is Judgement.COUNT_ERROR
        assert undo.redo(again, review.lines(again, model)) is None
        assert len(again.verdicts) == 6


def test_what_an_undo_of_the_first_version_took_can_be_had_again(run, model_file):
    model = library.entry(model_file())
    key = review.draw(run, 4)[0]
    judge(run, key, model, Judgement.MASK_ERROR)
    run.record(Verdict(*UNSIGNED, key, model.hash, None, step=review.STEP))
    assert undo.undo(run, review.lines(run, model)).stands.judgement is Judgement.MASK_ERROR


def test_the_goal_is_written_down(run):
    review.state_goal(run, "quantitative", "A septated cell is one.")
    settings = run.settings.assess
    assert (settings.p0, settings.p1, settings.counting_convention) == (0.01, 0.05, "A septated cell is one.")
    assert "73 keep it if none is wrong, decided after 425 at the latest" in review.rule_in_words(settings, (), ())
    review.state_goal(run, "gating", "", p0=0.03)
    assert (run.settings.assess.p0, run.settings.assess.p1) == (0.03, 0.10)


@pytest.mark.parametrize(
    ("true", "then", "judgement", "kept"),
    [
        (2, Judgement.ACCEPTABLE, Judgement.ACCEPTABLE, 2),
        (2, Judgement.MASK_ERROR, Judgement.MASK_ERROR, 2),
        (2, Judgement.COUNT_ERROR, Judgement.COUNT_ERROR, None),  # so it was not two
        (3, Judgement.ACCEPTABLE, Judgement.COUNT_ERROR, 3),
        (3, Judgement.MASK_ERROR, Judgement.BOTH, 3),
        (3, Judgement.COUNT_ERROR, Judgement.COUNT_ERROR, 3),
        (3, Judgement.BOTH, Judgement.BOTH, 3),
        (3, Judgement.UNUSABLE, Judgement.UNUSABLE, 3),
    ],
)
def test_after_a_stated_count_the_mask_is_judged(run, model_file, true, then, judgement, kept):
    model = library.entry(model_file())
    key = review.draw(run, 4)[0]
    judge_count(run, key, model, true, 2)
    alone = review.verdict_of(run, model)[key]
    assert (alone.mask_wrong, alone.count_wrong) == (None, true != 2)
    judge(run, key, model, then, counted=2)
    verdict = review.verdict_of(run, model)[key]
    assert (verdict.judgement, verdict.true_count) == (judgement, kept)
    for _ in range(2):  # the mask is fine, however often that is said; of the count nothing new is
        judge(run, key, model, Judgement.ACCEPTABLE, counted=2)
        verdict = review.verdict_of(run, model)[key]
        right = Judgement.COUNT_ERROR if kept == 3 else Judgement.ACCEPTABLE
        assert (verdict.judgement, verdict.true_count) == (right, kept)


@pytest.mark.parametrize("word", [Judgement.COUNT_RIGHT, Judgement.COUNT_WRONG])
@pytest.mark.parametrize("true", [2, 3])
def test_a_word_on_the_count_alone_leaves_the_mask_and_takes_back_what_it_denies(run, model_file, word, true):
    model = library.entry(model_file())
    key = review.draw(run, 4)[0]
    judge_count(run, key, model, true, 2)
    judge(run, key, model, Judgement.MASK_ERROR, counted=2)
    judge(run, key, model, word, counted=2)
    verdict = review.verdict_of(run, model)[key]
    assert (verdict.mask_wrong, verdict.count_wrong) == (True, word.count_wrong)
    assert verdict.true_count == (true if word.count_wrong == (true != 2) else None)


def test_a_stated_count_is_right_or_an_error_and_leaves_the_mask(run, model_file):
    model = library.entry(model_file())
    key = review.draw(run, 4)[0]
    judge_count(run, key, model, 1, 1)
    assert review.verdict_of(run, model)[key].judgement is Judgement.COUNT_RIGHT
    judge_count(run, key, model, 1, 2)
    verdict = review.verdict_of(run, model)[key]
    assert (verdict.judgement, verdict.counted, verdict.true_count) == (Judgement.COUNT_WRONG, 2, 1)
    judge(run, key, model, Judgement.ACCEPTABLE, counted=2)
    judge(run, key, model, Judgement.MASK_ERROR, counted=2)
    judge_count(run, key, model, 3, 2)
    assert review.verdict_of(run, model)[key].judgement is Judgement.BOTH
    judge_count(run, key, model, 2, 2)
    assert review.verdict_of(run, model)[key].judgement is Judgement.MASK_ERROR
    run.flush()
    with_counts = run.folder.read_verdicts()[0]
    assert [(v.counted, v.true_count) for v in with_counts] == [(1, 1), (2, 1), (2, 1), (2, 1), (2, 3), (2, 2)]


def test_blurred_images_are_scored_and_told(run, model_file):
    model = library.entry(model_file())
    drawn = review.draw(run, 8)
    mask = np.zeros((48, 48), bool)
    mask[13:28, 8:23] = True
    one = Segmentation(mask, np.array([[20, 15]], np.float32))
    write_shard(run.folder.predictions(model.hash), "0", [Prediction(key, one) for key in drawn])
    store = PredictionStore(run.folder.predictions(model.hash))
    found = focus.scores(run, model, store, drawn)
    assert set(found) == set(drawn)
    assert all(0 <= score <= 1 for score in found.values())
    assert focus.scores(run, model, PredictionStore(run.path / "none"), drawn) == {
        key: pytest.approx(score, abs=1e-4) for key, score in found.items()
    }
    assert "quartiles" in focus.quartiles_in_words(found)
    assert focus.errors_in_words(found, {}) == ""
    worst = min(found, key=found.__getitem__)
    for key in drawn:
        judge(run, key, model, Judgement.BOTH if key == worst else Judgement.ACCEPTABLE)
    words = focus.errors_in_words(found, review.verdict_of(run, model))
    assert words == " ".join(
        f"{kind} wrong by focus: 1 of 4 blurrier, 0 of 4 sharper images." for kind in ("Count", "Mask")
    )
    review.set_least_focus(run, 0.3)
    assert run.settings.assess.least_focus == 0.3
    least = sorted(found.values())[3]
    assert sum(focus.is_blurred(found, key, least) for key in drawn) == 3
    words = focus.left_out_in_words(found, drawn, review.verdict_of(run, model), least)
    assert "3 images with a focus score below" in words
    assert "3 had been judged (1 counts and 1 masks wrong)" in words
    assert "judged" not in focus.left_out_in_words(found, drawn, {}, least)
    assert focus.left_out_in_words(found, drawn, {}, 0.0) == ""


def test_choosing_a_model_is_remembered(run, model_file):
    model = library.entry(model_file())
    review.choose_model(run, model)
    assert run.settings.assess.model == model.path


def test_a_judgement_that_changes_nothing_leaves_nothing_to_undo(run, model_file):
    model = library.entry(model_file())
    key = review.draw(run, 4)[0]
    for _ in range(2):
        judge(run, key, model, Judgement.MASK_ERROR, counted=2)
    assert len(run.verdicts) == 1
    assert undo.undo(run, review.lines(run, model)).stands is None
