"""Keys, masks, cards, verdicts, flips."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.divided import nothing
from tui_cytpix.domain.jobs.training import Flip, JobState, TrainingStatus
from tui_cytpix.domain.model_card import ModelCard
from tui_cytpix.domain.plain_values import from_plain, packed, unpacked
from tui_cytpix.domain.run_settings import RunSettings
from tui_cytpix.domain.sample import ImageKey, SampleRef
from tui_cytpix.domain.segmentation import Segmentation, decode_mask, encode_mask
from tui_cytpix.domain.verdict import Judgement, Showing, Verdict, done_and_undone, in_force, last_about

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.text(alphabet=st.characters(exclude_characters=":"), min_size=1), st.text())
def test_an_image_key_survives_being_text(sample, event):
    assert ImageKey.parse(str(ImageKey(sample, event))) == (sample, event)


def test_arrays_and_what_holds_them_are_packed_as_they_are():
    value = {"a": [("text", b"bytes", np.array([[1.5, np.nan]], np.float32))]}
    found = unpacked(dict[str, list[tuple[str, bytes, np.ndarray]]], packed(value))
    assert found["a"][0][:2] == ("text", b"bytes")
    np.testing.assert_array_equal(found["a"][0][2], value["a"][0][2])
    assert found["a"][0][2].dtype == np.float32
    with pytest.raises(NotImplementedError, match="object"):
        packed(object())


@pytest.mark.parametrize(
    "plain", [b"", packed(["|O", [1], b"12345678"]), packed(["<f4", [3], b"1234"]), packed(["<f4"])]
)
def test_what_is_no_array_is_refused(plain):
    with pytest.raises(ValueError, match=r"array|truncated"):
        unpacked(np.ndarray, plain)


def test_a_key_without_a_colon_is_refused():
    with pytest.raises(ValueError, match="SAMPLE:EVENT"):
        ImageKey.parse("17")


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_mask_runs_give_the_mask_back(mask):
    runs = encode_mask(mask)
    assert all(isinstance(n, int) and n >= 0 for n in runs)
    np.testing.assert_array_equal(decode_mask(runs, mask.shape), mask)


@given(st.lists(st.integers(-5, 40), max_size=6))
def test_runs_that_do_not_fit_are_refused(runs):
    if min(runs, default=0) >= 0 and sum(runs) == 36:
        assert decode_mask(runs, (6, 6)).shape == (6, 6)
    else:
        with pytest.raises(ValueError, match="make 36 pixels"):
            decode_mask(runs, (6, 6))


def test_segmentations_are_equal_by_content():
    one = Segmentation(np.eye(3, dtype=bool), np.array([[1, 1]], np.float32))
    assert one.same_as(Segmentation(np.eye(3, dtype=bool), np.array([[1, 1]], np.float32), 0.5))
    assert not one.same_as(nothing((3, 3)))
    assert one.particle_count == 1


CARD = ModelCard("cell-full", "full", "built-in", network={"width": 8}, post={"foreground": 0.5})


def test_a_card_survives_json_and_leaves_out_what_it_does_not_know():
    data = json.loads(json.dumps(asdict(CARD))) | {"of_a_newer_version": [1]}
    assert from_plain(ModelCard, data) == CARD


@given(st.sampled_from(sorted(asdict(CARD))), JSON)
def test_a_card_with_any_value_anywhere_is_a_card_or_refused(name, value):
    try:
        card = from_plain(ModelCard, {**asdict(CARD), name: value})
    except ValueError:
        return
    assert isinstance(card.name, str)
    assert card.resolution in ("full", "half")
    assert math.isfinite(card.size_cutoff_um)
    assert all(math.isfinite(v) for v in card.post.values())


@pytest.mark.parametrize("data", [{}, {"name": "x"}, [], "card", {**asdict(CARD), "name": ""}])
def test_what_is_no_card_is_refused(data):
    with pytest.raises(ValueError):  # noqa: PT011 - the words differ
        from_plain(ModelCard, data)


def test_fields_are_held_against_their_types():
    sample = {"name": "a", "path": "a", "size": 3, "fingerprint": "", "um_per_px": 1, "new": 1}
    assert from_plain(SampleRef, sample) == SampleRef("a", "a", 3, "", 1.0)
    for bad in ({"seed": "1"}, {"seed": True}, {"seed": 1.5}, {"seed": 10**40}, {"step": 3}, {"samples": [{}]}):
        with pytest.raises(ValueError, match=r"^(seed|step|samples\[0\]): "):
            from_plain(RunSettings, {"name": "n", "created": "c", **bad})


VERDICTS = st.lists(
    st.tuples(st.integers(0, 4), st.none() | st.sampled_from(list(Judgement)), st.booleans()),
    max_size=30,
)


@given(VERDICTS)
def test_the_last_word_on_each_image_stands(given_verdicts):
    verdicts = [
        Verdict(seq, 0.0, "me", ImageKey("s", str(image)), "m", judgement, counts)
        for seq, (image, judgement, counts) in enumerate(given_verdicts, 1)
    ]
    last = {}
    for verdict in verdicts:
        last[verdict.image] = verdict
    assert in_force(verdicts) == {k: v for k, v in last.items() if v.judgement is not None}


class PlainReview:
    """Judgements with plain stacks of (showing, before, after), beside the lines that are written for them."""

    def __init__(self) -> None:
        self.lines: list[Verdict] = []
        self.stands: dict[Showing, Judgement] = {}
        self.done: list[tuple[Showing, Judgement | None, Judgement | None]] = []
        self.undone: list[tuple[Showing, Judgement | None, Judgement | None]] = []

    def act(self, showing: Showing, action: str) -> None:
        done, undone = done_and_undone(self.lines)
        assert (len(done), len(undone)) == (len(self.done), len(self.undone))
        if action == "undo" and done:
            before = last_about(done[-1].showing, done[:-1])
            self.add(done[-1].unsaid() if before is None else before, undoes=done[-1].seq)
            self.undone.append(self.done.pop())
            self.put(self.undone[-1][0], self.undone[-1][1])
        elif action == "redo" and undone:
            self.add(undone[-1], redoes=undone[-1].seq)
            self.done.append(self.undone.pop())
            self.put(self.done[-1][0], self.done[-1][2])
        elif action not in ("undo", "redo"):
            judgement = None if action == "unsaid" else Judgement(action)
            self.add(Verdict(0, 0.0, "me", showing.image, "m", judgement, repeat=showing.repeat))
            self.done.append((showing, self.stands.get(showing), judgement))
            self.undone.clear()
            self.put(showing, judgement)

    def add(self, line: Verdict, undoes: int | None = None, redoes: int | None = None) -> None:
        self.lines.append(replace(line, seq=len(self.lines) + 1, undoes=undoes, redoes=redoes))

    def put(self, showing: Showing, judgement: Judgement | None) -> None:
        self.stands = {**self.stands, showing: judgement}
        if judgement is None:
            del self.stands[showing]


ACTIONS = [*Judgement, "unsaid", "undo", "undo", "undo", "redo", "redo"]  # unsaid: an undo of the first version


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.sampled_from(ACTIONS)), max_size=40))
def test_any_judgements_undo_and_redo_give_what_plain_stacks_give(steps):
    review = PlainReview()
    for image, repeat, action in steps:
        review.act(Showing(ImageKey("s", str(image)), repeat), action)
        for repeats in (False, True):
            stands = {k.image: judgement for k, judgement in review.stands.items() if k.repeat == repeats}
            assert {k: v.judgement for k, v in in_force(review.lines, repeats=repeats).items()} == stands


@given(VERDICTS, st.lists(st.tuples(st.none() | st.integers(0, 40), st.none() | st.integers(0, 40)), max_size=30))
def test_lines_that_name_others_wrongly_take_nothing_back(given_verdicts, names):
    lines = [
        Verdict(seq, 0.0, "me", ImageKey("s", str(image)), "m", judgement, undoes=undoes, redoes=redoes)
        for seq, ((image, judgement, _), (undoes, redoes)) in enumerate(zip(given_verdicts, names, strict=False), 1)
    ]
    done, undone = done_and_undone(lines)
    assert len({id(line) for line in (*done, *undone)}) == len(done) + len(undone)
    assert all(line.undoes is None and line.redoes is None for line in (*done, *undone))


@pytest.mark.parametrize("judgement", Judgement)
def test_a_judgement_says_what_is_wrong(judgement):
    verdict = Verdict(1, 0.0, "me", ImageKey("s", "1"), "m", judgement)
    assert bool(verdict.count_wrong) == (judgement in ("count", "both", "count-wrong"))
    of_both, of_mask_alone = ("acceptable", "count", "mask", "both"), ("mask-right", "mask-wrong")
    assert bool(verdict.mask_wrong) == (judgement in ("mask", "both", "mask-wrong"))
    assert (verdict.mask_wrong is not None) == (judgement in (*of_both, *of_mask_alone))
    assert judgement.of_count_alone == (judgement in ("count-right", "count-wrong"))
    assert verdict.count_judged == (judgement in of_both or judgement.of_count_alone)
    if judgement.count_wrong is not None:
        assert Judgement.of(judgement.count_wrong, judgement.mask_wrong) is judgement


@pytest.mark.parametrize("judgement", Judgement)
@pytest.mark.parametrize(("counted", "true_count"), [(2, 2), (2, 3), (2, None), (None, 3)])
def test_the_counts_say_whether_the_count_is_right(judgement, counted, true_count):
    found = judgement.by_counts(counted, true_count)
    known = judgement.count_wrong is not None and None not in (counted, true_count)
    assert found.mask_wrong is judgement.mask_wrong
    assert found.count_wrong is (counted != true_count if known else judgement.count_wrong)
    assert judgement.contradicts(counted, true_count) == (found is not judgement)


def test_flips_are_the_changes_between_looks():
    assert Flip(ImageKey("s", "1"), ((1, 1), (2, 2), (3, 2), (4, 1))).flips == 2
    assert Flip(ImageKey("s", "1"), ((1, 1),)).flips == 0


def test_a_paused_job_lives_and_a_lost_one_does_not():
    live = {s for s in JobState if TrainingStatus(s).live}
    assert live == {JobState.STARTING, JobState.RUNNING, JobState.PAUSED}
    assert not TrainingStatus(None).live
