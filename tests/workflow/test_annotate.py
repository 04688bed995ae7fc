"""The editor's hands: each key's effect, undo without limit across restarts, label images as annotations."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import label

from tui_cytpix.domain.annotation import Side, Status
from tui_cytpix.domain.model_card import ModelCard, ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.errors import MaskError
from tui_cytpix.formats.masks import write_label_image
from tui_cytpix.formats.prediction_store import Prediction, PredictionStore, write_shard
from tui_cytpix.workflow import samples as use
from tui_cytpix.workflow.annotate import Annotator, nearest_centroid, queue
from tui_cytpix.workflow.annotate_masks import annotate_from_masks
from tui_cytpix.workflow.run import Run

KEY, BLANK = ImageKey("s", "1"), ImageKey("s", "2")
MODEL = ModelEntry(ModelCard("m", "half", "UDT"), "/m", "sha256:m")


def two_discs() -> Segmentation:
    """One disc with a doublet's two centroids, one with its own."""
    ys, xs = np.mgrid[:40, :60]
    mask = ((ys - 12) ** 2 + (xs - 15) ** 2 <= 64) | ((ys - 25) ** 2 + (xs - 45) ** 2 <= 36)
    return Segmentation(mask, np.array([[12, 11], [12, 19], [25, 45]], np.float32))


def opened(folder: Path) -> tuple[Run, Annotator]:
    run = Run.open(folder) if (folder / "run.toml").is_file() else Run.create(folder)
    store = run.folder.predictions(MODEL.hash)
    if not store.is_dir():
        write_shard(store, "a", [Prediction(KEY, two_discs())])
    return run, Annotator(run, MODEL, PredictionStore(store))


@pytest.fixture
def editor(tmp_path):
    run, annotator = opened(tmp_path / "r")
    yield annotator
    run.close()


def test_the_proposal_stands_there_before_anything_is_recorded(editor):
    state = editor.look_at(KEY)
    assert state.segmentation.same_as(two_discs())
    assert (state.status, state.origin) == (Status.OPEN, "sha256:m")
    assert editor.look_at(BLANK).segmentation is None
    assert editor.accept(BLANK) is None
    assert editor.place(BLANK, (1, 1)) is None


def test_accepting_keeps_the_proposal_and_says_it_was_not_corrected(editor):
    state = editor.accept(KEY)
    assert (state.status, state.corrected, state.side) == (Status.ACCEPTED, False, Side.TRAINING)
    assert editor.undo(KEY).status is Status.OPEN
    assert editor.undo(KEY) is None
    assert editor.redo(KEY).status is Status.ACCEPTED
    assert editor.redo(KEY) is None
    assert editor.reject(KEY).status is Status.REJECTED
    assert editor.mark_ambiguous(KEY).status is Status.AMBIGUOUS


def test_a_digit_states_the_count_of_the_object_under_the_cursor(editor):
    state = editor.set_count(KEY, (12, 12), 1)
    assert state.segmentation.particle_count == 2
    assert state.segmentation.mask[tuple(state.segmentation.centroids.round().astype(int).T)].all()
    np.testing.assert_array_equal(state.segmentation.centroids[0], [25, 45])
    assert state.corrected
    # beside an object, the nearest one is meant
    assert editor.set_count(KEY, (38, 58), 4).segmentation.particle_count == 5
    gone = editor.set_count(KEY, (25, 45), 0).segmentation
    assert gone.particle_count == 1
    assert label(gone.mask, connectivity=2).max() == 1


def test_centroids_are_placed_moved_and_deleted(editor):
    placed = editor.place(KEY, (25, 42)).segmentation
    assert placed.particle_count == 4
    np.testing.assert_array_equal(placed.mask, two_discs().mask)
    outside = editor.place(KEY, (35, 8)).segmentation
    assert outside.mask[35, 8]
    assert label(outside.mask, connectivity=2).max() == 3
    moved = editor.move(KEY, 0, (13, 12)).segmentation
    np.testing.assert_array_equal(moved.centroids[0], [13, 12])
    assert editor.move(KEY, 99, (0, 0)) is None
    assert editor.move(KEY, 0, (13, 12)) is None
    # the last centroid of an object takes it along, one of two does not
    left = editor.delete(KEY, (35, 8)).segmentation
    assert not left.mask[35, 8]
    assert editor.delete(KEY, (25, 42)).segmentation.mask[25, 45]


def test_centring_and_reverting(editor):
    editor.set_count(KEY, (12, 12), 1)
    editor.move(KEY, 1, (12, 9))
    one = editor.centre(KEY, 1).segmentation.centroids
    np.testing.assert_allclose(one[1], [12, 15], atol=0.6)
    assert editor.centre(KEY, 1) is None
    assert editor.revert(KEY).segmentation.same_as(two_discs())
    assert not editor.look_at(KEY).corrected
    assert editor.undo(KEY).segmentation.particle_count == 2


def test_nearest_of_none_is_none():
    assert nearest_centroid(Segmentation.empty((5, 5)), (1, 1)) is None
    assert nearest_centroid(two_discs(), (13, 18)) == 1


def test_hands_on_time_counts_but_not_the_coffee(editor, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("tui_cytpix.workflow.annotate.time.monotonic", lambda: now[0])
    editor._last_key = 0.0
    now[0] = 4.0
    editor.place(KEY, (25, 42))
    now[0] = 4000.0
    assert editor.accept(KEY).seconds == pytest.approx(64.0)


POINTS = st.tuples(st.integers(0, 39), st.integers(0, 59))
KEYS = st.one_of(
    st.tuples(st.sampled_from(["place", "delete"]), POINTS),
    st.tuples(st.just("set_count"), POINTS, st.integers(0, 4)),
    st.tuples(st.just("move"), st.integers(0, 3), POINTS),
    st.tuples(
        st.sampled_from(["centre", "revert", "accept", "reject", "mark_ambiguous", "undo", "undo", "redo", "reopen"])
    ),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(KEYS, max_size=15))
def test_any_keys_with_restarts_between_give_what_a_plain_stack_gives(keys):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "r"
        run, editor = opened(folder)
        start = editor.look_at(KEY)
        stack, at = [start], 0
        for action, *rest in keys:
            if action == "reopen":  # the program is closed and started again
                run.close()
                run, editor = opened(folder)
            else:
                state = getattr(editor, action)(KEY, *rest)
                if action in ("undo", "redo"):
                    step = -1 if action == "undo" else 1
                    assert (state is not None) == (0 <= at + step < len(stack))
                    at += step if state is not None else 0
                elif state is not None:
                    stack, at = [*stack[: at + 1], state], at + 1
            seen = editor.look_at(KEY)
            assert seen.status is stack[at].status
            np.testing.assert_array_equal(seen.segmentation.mask, stack[at].segmentation.mask)
            np.testing.assert_allclose(seen.segmentation.centroids, stack[at].segmentation.centroids, atol=2e-3)
        run.close()


@pytest.fixture
def run(samples, tmp_path):
    with Run.create(tmp_path / "r") as run:
        use.add_sample(run, samples.make("tube"), 0.3)
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
    assert queue(run, [ImageKey("tube", "0"), ImageKey("tube", "77")]) == [ImageKey("tube", "77")]


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
    with pytest.raises(MaskError, match="no event in common"):
        annotate_from_masks(run, strange)
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
    use.add_sample(run, samples.make("other", first=100), 0.3)
    with pytest.raises(MaskError, match="tube, other"):
        annotate_from_masks(run, samples.truth())
    assert annotate_from_masks(run, samples.truth("other"), sample="other").accepted == 24
