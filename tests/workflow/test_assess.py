"""Step 1: the random sequence, the judgements, the tally in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tui_cytpix.domain.run_settings import EvaluateSettings
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import Judgement
from tui_cytpix.workflow import assess, base_model, evaluate
from tui_cytpix.workflow import samples as use
from tui_cytpix.workflow.run import Run


@pytest.fixture
def run(tmp_path, samples):
    with Run.create(tmp_path / "r", seed=2) as run:
        use.add_sample(run, samples.make("one", 20), 0.3)
        use.add_sample(run, samples.make("two", 20), 0.3)
        yield run


def test_drawing_more_only_appends(run):
    first = assess.draw(run, 8)
    more = assess.draw(run, 20)
    assert len(set(more)) == 20
    assert more[:8] == first
    assert assess.draw(run, 5) == more
    assert len(assess.draw(run, 100)) == 40
    assert {k.sample for k in more} == {"one", "two"}


def test_the_sequence_is_that_of_the_seed(run, tmp_path):
    with Run.create(tmp_path / "again", seed=2) as again:
        for name in ("one", "two"):
            use.add_sample(again, tmp_path / name, 0.3)
        assert assess.draw(again, 10) == assess.draw(run, 10)


def test_selected_annotated_and_reviewed_images_are_not_drawn(run):
    taken = (ImageKey("one", "1"), ImageKey("two", "1"))
    run.update(replace(run.settings, selection=replace(run.settings.selection, random=taken)))
    run.record_edit(ImageKey("one", "2"), "reject")
    first = assess.draw(run, 20)
    assert not {*taken, ImageKey("one", "2")} & set(first)
    fresh = evaluate.draw(run, 100)
    assert len(fresh) == 40 - 3 - 20
    assert not set(fresh) & (set(first) | {*taken, ImageKey("one", "2")})


def test_training_samples_are_not_judged(run):
    use.label(run, "two", role="training")
    assert {k.sample for k in assess.draw(run, 100)} == {"one"}


def test_a_sample_reserved_for_the_evaluation_is_what_it_draws_from(run):
    assert {key.sample for key in evaluate.draw(run, 4)} <= {"one", "two"}
    use.label(run, "two", role="evaluation")
    run.update(replace(run.settings, evaluate=EvaluateSettings()))
    assert {key.sample for key in evaluate.draw(run, 10)} == {"two"}
    assert {key.sample for key in assess.draw(run, 10)} == {"one"}


def test_only_images_of_the_sequence_count(run, model_file):
    model = base_model.entry(model_file())
    drawn = assess.draw(run, 4)
    other = next(k for k in (ImageKey("one", str(n)) for n in range(20)) if k not in drawn)
    assess.judge(run, drawn[0], model, Judgement.ACCEPTABLE)
    assess.judge(run, drawn[1], model, Judgement.BOTH)
    assess.judge(run, other, model, Judgement.COUNT_ERROR)
    found = assess.tally_of(run, model)
    assert (found.reviewed, found.count_errors, found.mask_errors) == (2, 1, 1)
    assert set(assess.verdict_of(run, model)) == {drawn[0], drawn[1], other}
    assert assess.undo(run, model) == other
    assert assess.undo(run, model) == drawn[1]
    assert assess.tally_of(run, model).count_errors == 0
    assert assess.undo(run, model) == drawn[0]
    assert assess.undo(run, model) is None


def test_the_tally_in_words_stands_beside_the_tolerated_rates(run, model_file):
    assess.state_goal(run, "quantitative", "A septated cell is one.")
    settings = run.settings.assess
    assert (settings.p0, settings.p1, settings.counting_convention) == (0.01, 0.05, "A septated cell is one.")
    model = base_model.entry(model_file())
    assert assess.in_words(assess.tally_of(run, model), settings) == "No image is judged yet."
    for n, key in enumerate(assess.draw(run, 4)):
        assess.judge(run, key, model, Judgement.COUNT_ERROR if n == 0 else Judgement.ACCEPTABLE)
    words = assess.in_words(assess.tally_of(run, model), settings)
    assert "4 judged: 1 count error (25%)" in words
    assert "up to 1%, intolerable from 5%" in words
    assess.state_goal(run, "gating", "", p0=0.03)
    assert (run.settings.assess.p0, run.settings.assess.p1) == (0.03, 0.10)


def test_choosing_a_model_is_remembered(run, model_file):
    model = base_model.entry(model_file())
    assess.choose_model(run, model)
    assert run.settings.assess.model == model.path
