"""Blind first: which images come twice, and what that says of the reviewer."""

from __future__ import annotations

import json

import pytest
from scipy import stats

from tui_cytpix.core.statistics.sequential_tests import confidence_sequence
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import Judgement, Showing
from tui_cytpix.workflow.assess import blind_first, review, undo
from tui_cytpix.workflow.assess.review import Said
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run

IMAGES = [ImageKey("s", str(n)) for n in range(3000)]


def test_a_tenth_comes_twice_ten_to_twenty_images_later_and_can_not_be_told_ahead():
    shown = blind_first.showings(IMAGES, "a")
    firsts = [one.image for one in shown if not one.repeat]
    repeats = [one for one in shown if one.repeat]
    assert firsts == IMAGES
    assert len(set(shown)) == len(shown)
    assert stats.binomtest(len(repeats), len(IMAGES) - 20, blind_first.SHARE).pvalue > 0.001
    assert repeats == [one for one in blind_first.showings(IMAGES, "a") if one.repeat]
    other = {one.image for one in blind_first.showings(IMAGES, "b") if one.repeat}
    assert len(other & {one.image for one in repeats}) < 60  # as chance would have it: 30
    place = {one: number for number, one in enumerate(shown)}
    between = [
        sum(not one.repeat for one in shown[place[Showing(repeat.image)] + 1 : place[repeat]]) for repeat in repeats
    ]
    assert (min(between), max(between)) == (blind_first.LEAST_BETWEEN, blind_first.MOST_BETWEEN)
    assert len(set(between)) == 11


@pytest.mark.parametrize("images", [5, 11, 40, 200])
def test_drawing_more_only_appends_but_for_repeats_that_wait_for_it(images):
    some, more = (blind_first.showings(IMAGES[:n], "a") for n in (images, 300))
    late = set(some[next(n for n, one in enumerate(some) if one.image == IMAGES[images - 1]) + 1 :])
    assert all(one.repeat for one in late)
    assert [one for one in more if one in set(some) - late] == [one for one in some if one not in late]
    for repeat in (one for one in some if one.repeat):
        after = some[some.index(Showing(repeat.image)) + 1 : some.index(repeat)]
        assert sum(not one.repeat for one in after) >= blind_first.LEAST_BETWEEN


@pytest.fixture
def run(tmp_path, samples):
    with Run.create(tmp_path / "r", seed=2) as run:
        run_samples.add_sample(run, samples.make("one", 20), 0.3)
        yield run


def count(run, model, key, true, *, repeat=False, mask=None, hidden=True):
    said = [Said(key, None, 2, true, blind_first=hidden, repeat=repeat)]
    if mask is not None:
        said.append(Said(key, mask, 2, repeat=repeat))
    review.judge_all(run, model, said)


def test_repeats_enter_no_verdict_and_tell_how_often_the_same_is_said(run, model_file):
    model = library.entry(model_file())
    drawn = review.draw(run, 8)
    for key in drawn:
        count(run, model, key, 2, mask=Judgement.ACCEPTABLE)
    before = review.assessment_of(run, model, drawn)
    count(run, model, drawn[0], 2, repeat=True, mask=Judgement.MASK_ERROR)
    count(run, model, drawn[1], 3, repeat=True, mask=Judgement.ACCEPTABLE)
    review.judge_all(run, model, [Said(drawn[2], Judgement.INDISTINGUISHABLE, 2, blind_first=True, repeat=True)])
    review.judge_all(run, model, [Said(drawn[3], Judgement.SKIPPED, 2, blind_first=True, repeat=True)])
    assert review.assessment_of(run, model, drawn) == before
    found = blind_first.repeatability(review.standing_of(run, model).values())
    assert (found.judged, found.blind, found.twice) == (8, 8, 3)
    assert (found.same_counts, found.counts, found.same_masks, found.masks) == (1, 3, 1, 2)
    assert blind_first.of_run(run) == found
    low, high = confidence_sequence(2, 3)
    assert blind_first.as_dict(found)["same_count"]["ci"] == pytest.approx([1 - high, 1 - low])
    words = " ".join(blind_first.in_words(found))
    assert "3 images shown twice: the same count in 1 of 3 (" in words
    assert "the same mask judgement in 1 of 2 (" in words
    assert "these are few, 10 or more tell something" in words
    assert blind_first.in_words(blind_first.repeatability([])) == []


def test_what_was_said_with_an_answer_in_sight_is_not_blind(run, model_file):
    model = library.entry(model_file())
    seen, counted, other = review.draw(run, 8)[:3]
    review.judge_all(run, model, [Said(seen, Judgement.ACCEPTABLE, 2)])
    count(run, model, seen, 2)
    count(run, model, counted, 2)
    undo.undo(run, review.lines(run, model))
    count(run, model, counted, 3)
    said = review.verdict_of(run, model)
    assert [said[key].blind_first for key in (seen, counted)] == [False, False]
    assert not any(blind_first.may_repeat(said[key], run.who) for key in (seen, counted))
    count(run, model, other, 2)
    assert blind_first.may_repeat(review.verdict_of(run, model)[other], run.who)
    assert not blind_first.may_repeat(review.verdict_of(run, model)[other], "somebody else")


def test_it_is_on_disk_with_each_judgement_and_survives_reopening(run, model_file):
    model = library.entry(model_file())
    first, other = review.draw(run, 8)[:2]
    count(run, model, first, 2, mask=Judgement.MASK_ERROR)
    count(run, model, first, 2, repeat=True)
    count(run, model, other, 1, hidden=False)
    before, path = review.standing_of(run, model), run.path
    run.close()
    lines = [json.loads(line) for line in (path / "verdicts.jsonl").read_text().splitlines()]
    assert [(line["blind_first"], line["repeat"]) for line in lines] == [
        (True, False),
        (True, False),
        (True, True),
        (False, False),
    ]
    with Run.open(path) as again:
        assert review.standing_of(again, model) == before
        assert undo.undo(again, review.lines(again, model)).showing == Showing(other)
        assert undo.undo(again, review.lines(again, model)).showing == Showing(first, repeat=True)
        assert set(review.standing_of(again, model)) == {Showing(first)}
        assert undo.redo(again, review.lines(again, model)).stands.repeat
        assert blind_first.of_run(again).twice == 1


def test_it_is_switched_step_by_step(run):
    assert (blind_first.switch(run, "assess"), blind_first.is_on(run, "evaluate")) == (True, False)
    assert (blind_first.switch(run, "evaluate"), blind_first.switch(run, "assess")) == (True, False)
    path = run.path
    run.close()
    with Run.open(path) as again:
        assert (blind_first.is_on(again, "assess"), blind_first.is_on(again, "evaluate")) == (False, True)
