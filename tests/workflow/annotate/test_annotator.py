"""The editor's hands: each key's effect, undo without limit across restarts, label images as annotations."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import label

from tests.divided import any_division, nothing
from tui_cytpix.core.objects.particles import particles_of
from tui_cytpix.domain.annotation import Annotation, Side, Status
from tui_cytpix.domain.model_card import ModelCard, ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.masks.label_images import read_label_image
from tui_cytpix.formats.run.predictions import Prediction, PredictionStore, write_shard
from tui_cytpix.workflow.annotate.annotator import Annotator
from tui_cytpix.workflow.annotate.tool import Aim, Point, nearest_centroid
from tui_cytpix.workflow.annotate.toolbox import TOOLS
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run

KEY, BLANK = ImageKey("s", "1"), ImageKey("s", "2")
MODEL = ModelEntry(ModelCard("m", "half", "UDT"), "/m", "sha256:m")


def two_discs() -> Segmentation:
    """One disc with a doublet's two centroids, one with its own."""
    ys, xs = np.mgrid[:40, :60]
    mask = ((ys - 12) ** 2 + (xs - 15) ** 2 <= 64) | ((ys - 25) ** 2 + (xs - 45) ** 2 <= 36)
    return Segmentation(mask, np.array([[12, 11], [12, 19], [25, 45]], np.float32))


def opened(folder: Path, proposal: Segmentation | None = None) -> tuple[Run, Annotator]:
    run = Run.open(folder) if (folder / "run.toml").is_file() else Run.create(folder)
    store = run.folder.predictions(MODEL.hash)
    if not store.is_dir():
        write_shard(store, "a", [Prediction(KEY, proposal or two_discs())])
    return run, Annotator(run, MODEL, PredictionStore(store))


def use(editor: Annotator, name: str, point: Point = (0, 0), **aim: Any) -> Annotation | None:
    """A tool on KEY."""
    return editor.use(KEY, TOOLS[name], Aim(point, **aim))


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
    assert editor.use(BLANK, TOOLS["place"], Aim((1, 1))) is None


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
    state = use(editor, "count-1", (12, 12))
    assert state.segmentation.particle_count == 2
    assert state.segmentation.mask[tuple(state.segmentation.centroids.round().astype(int).T)].all()
    np.testing.assert_array_equal(state.segmentation.centroids[0], [25, 45])
    assert state.corrected
    # beside an object, the nearest one is meant
    assert use(editor, "count-4", (38, 58)).segmentation.particle_count == 5
    gone = use(editor, "count-0", (25, 45)).segmentation
    assert gone.particle_count == 1
    assert label(gone.mask, connectivity=2).max() == 1


def test_centroids_are_placed_moved_and_deleted(editor):
    placed = use(editor, "place", (25, 42)).segmentation
    assert placed.particle_count == 4
    np.testing.assert_array_equal(placed.mask, two_discs().mask)
    outside = use(editor, "place", (35, 8)).segmentation
    assert outside.mask[35, 8]
    assert label(outside.mask, connectivity=2).max() == 3
    moved = use(editor, "move", (13, 12), centroid=0).segmentation
    np.testing.assert_array_equal(moved.centroids[0], [13, 12])
    assert use(editor, "move", (0, 0), centroid=99) is None
    assert use(editor, "move", (13, 12), centroid=0) is None
    # the last centroid of an object takes it along, one of two does not
    left = use(editor, "delete", (35, 8)).segmentation
    assert not left.mask[35, 8]
    assert use(editor, "delete", (25, 42)).segmentation.mask[25, 45]


def test_centring_and_reverting(editor):
    use(editor, "count-1", (12, 12))
    use(editor, "move", (12, 9), centroid=1)
    one = use(editor, "centre", (12, 10)).segmentation.centroids
    np.testing.assert_allclose(one[1], [12, 15], atol=0.6)
    assert use(editor, "centre", (12, 10)) is None
    assert editor.revert(KEY).segmentation.same_as(two_discs())
    assert not editor.look_at(KEY).corrected
    assert editor.undo(KEY).segmentation.particle_count == 2


def test_centring_again_divides_nothing_anew(editor):
    """A clump whose centroids sit off: the first centring puts them in the middles of their particles, for good."""
    use(editor, "move", (15, 9), centroid=0)
    before = particles_of(editor.look_at(KEY).segmentation)
    once = use(editor, "centre-all").segmentation
    np.testing.assert_array_equal(particles_of(once), before)
    assert use(editor, "centre-all") is None


def test_nearest_of_none_is_none():
    assert nearest_centroid(nothing((5, 5)), (1, 1)) is None
    assert nearest_centroid(two_discs(), (13, 18)) == 1


def test_hands_on_time_counts_but_not_the_coffee(editor, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("tui_cytpix.workflow.annotate.annotator.time.monotonic", lambda: now[0])
    editor._last_key = 0.0
    now[0] = 4.0
    use(editor, "place", (25, 42))
    now[0] = 4000.0
    assert editor.accept(KEY).seconds == pytest.approx(64.0)


POINTS = st.tuples(st.integers(0, 39), st.integers(0, 59))
PATHS = st.lists(POINTS, max_size=4)
AIMS = st.builds(Aim, POINTS, st.none() | POINTS, st.integers(-1, 3), PATHS, st.integers(0, 4))
KEYS = st.one_of(
    st.tuples(st.sampled_from(sorted(TOOLS)), AIMS),
    st.tuples(st.sampled_from(["revert", "accept", "reject", "mark_ambiguous", "undo", "undo", "redo"])),
    st.tuples(st.just("reopen")),
    st.tuples(st.just("crash"), st.integers(0, 10**9)),
)


class PlainLog:
    """What a log means, told plainly: after every whole line there is a stack of states and a place in it."""

    def __init__(self, start: Annotation) -> None:
        self.after: list[tuple[list[Annotation], int]] = [([start], 0)]

    @property
    def now(self) -> Annotation:
        stack, at = self.after[-1]
        return stack[at]

    def can(self, step: int) -> bool:
        stack, at = self.after[-1]
        return 0 <= at + step < len(stack)

    def step(self, step: int) -> None:
        stack, at = self.after[-1]
        self.after.append((stack, at + step))

    def decide(self, state: Annotation, lines: int) -> None:
        stack, at = self.after[-1]
        self.after += [self.after[-1]] * (lines - len(self.after))  # the proposal's line changes nothing
        self.after.append(([*stack[: at + 1], state], at + 1))

    def cut(self, lines: int) -> None:
        del self.after[lines + 1 :]


def whole_lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.is_file() else 0


@settings(max_examples=40, deadline=None)
@given(st.none() | st.integers(0, 10**6), st.lists(KEYS, max_size=15))
def test_any_keys_restarts_and_crashes_give_what_a_plain_model_of_the_log_gives(seed, keys):
    """Whether or not the model says whose each pixel is."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "r"
        run, editor = opened(folder, None if seed is None else any_division(seed))
        log = run.folder.annotations_path
        plain = PlainLog(editor.look_at(KEY))
        for action, *rest in keys:
            if action in ("reopen", "crash"):
                run.close()
                if action == "crash" and log.is_file():  # killed while it wrote: any byte may be the last
                    os.truncate(log, rest[0] % (log.stat().st_size + 1))
                    plain.cut(whole_lines(log))
                run, editor = opened(folder)
            else:
                tool = TOOLS.get(action)
                state = getattr(editor, action)(KEY) if tool is None else editor.use(KEY, tool, *rest)
                assert run.flush()
                if action in ("undo", "redo"):
                    step = -1 if action == "undo" else 1
                    assert (state is not None) == plain.can(step)
                    if state is not None:
                        plain.step(step)
                elif state is not None:
                    plain.decide(state, whole_lines(log))
            assert whole_lines(log) == len(plain.after) - 1
            seen = editor.look_at(KEY)
            assert seen.status is plain.now.status
            now = plain.now.segmentation
            np.testing.assert_array_equal(seen.segmentation.mask, now.mask)
            np.testing.assert_array_equal(seen.segmentation.centroids, now.centroids)
            np.testing.assert_array_equal(particles_of(seen.segmentation), particles_of(now))
            assert editor.seen(KEY).image is None
        run.close()


def parts(segmentation: Segmentation) -> int:
    return int(label(segmentation.mask, connectivity=2).max())


def test_outlines_are_drawn_and_every_object_keeps_a_centroid(editor):
    before = two_discs().mask.sum()
    assert use(editor, "tighten", target=(25, 45)).segmentation.mask[:, :30].sum() == two_discs().mask[:, :30].sum()
    assert use(editor, "loosen").segmentation.mask.sum() > before
    editor.revert(KEY)
    painted = use(editor, "brush", path=[(35, 5), (35, 12)], radius=1.0).segmentation
    assert (parts(painted), painted.particle_count) == (3, 4)
    erased = use(editor, "erase", path=[(5, 15), (20, 15)], radius=1.0).segmentation
    assert (parts(erased), erased.particle_count) == (4, 4)
    gone = use(editor, "erase", path=[(35, 5), (35, 12)], radius=2.0).segmentation
    assert (parts(gone), gone.particle_count) == (3, 3)
    assert use(editor, "erase", path=[], radius=2.0) is None
    assert use(editor, "outline", path=[(1, 50), (1, 58)]) is None


def test_an_outline_draws_anew_what_lies_in_it(editor):
    drawn = use(editor, "outline", path=[(18, 38), (18, 52), (32, 52), (32, 38)]).segmentation
    assert drawn.particle_count == 3
    assert drawn.mask[18, 38]
    assert parts(drawn) == 2
    smaller = use(editor, "outline", path=[(20, 40), (20, 50), (30, 50), (30, 40)]).segmentation
    assert not smaller.mask[18, 38]


def test_holes_are_filled_objects_split_and_merged(editor):
    use(editor, "erase", path=[(25, 45)], radius=1.0)
    assert use(editor, "fill", (25, 45)).segmentation.mask[25, 45]
    assert use(editor, "fill", (25, 45)) is None
    use(editor, "count-1", (12, 15))
    split = use(editor, "split", (12, 15)).segmentation
    assert (parts(split), split.particle_count) == (3, 3)
    assert use(editor, "split", (38, 2)) is None
    assert parts(use(editor, "merge", (12, 11)).segmentation) == 2
    merged = use(editor, "merge", (12, 11)).segmentation
    assert (parts(merged), merged.particle_count) == (1, 3)
    assert use(editor, "merge", (12, 11)) is None


def test_without_an_image_what_needs_it_does_nothing(editor):
    assert use(editor, "wand", (25, 45)) is None
    assert use(editor, "snap", (25, 45)) is None


@pytest.fixture
def run(samples, tmp_path):
    with Run.create(tmp_path / "r") as run:
        run_samples.add_sample(run, samples.make("tube"), 0.3)
        yield run


def test_wand_and_snap_follow_the_image(run, samples):
    """On the images of a folder; the model saw nothing."""
    key = ImageKey("tube", "0")
    truth = read_label_image(samples.truth() / "0.png") > 0
    store = run.folder.predictions(MODEL.hash)
    write_shard(store, "a", [Prediction(key, nothing(truth.shape))])
    editor = Annotator(run, MODEL, PredictionStore(store))
    y, x = np.argwhere(truth)[truth.sum() // 2]
    drawn = editor.use(key, TOOLS["wand"], Aim((float(y), float(x)))).segmentation
    assert drawn.particle_count == 1
    assert (drawn.mask & truth).sum() > 0.5 * drawn.mask.sum()
    middle = drawn.centroids[0].copy()
    editor.use(key, TOOLS["move"], Aim((float(middle[0]) + 3, float(middle[1])), centroid=0))
    snapped = editor.use(key, TOOLS["snap"], Aim((float(y), float(x)))).segmentation.centroids[0]
    assert np.hypot(*(snapped - middle)) < 3
