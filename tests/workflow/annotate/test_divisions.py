"""The editor keeps what was said about whose each pixel is, through edits, undo and restarts; the rest is as it was."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.divided import any_division, picture, touching_rods
from tui_cytpix.core.objects.particles import particles_of
from tui_cytpix.domain.annotation import Annotation
from tui_cytpix.domain.model_card import ModelCard, ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.masks.label_images import segmentation_from_labels
from tui_cytpix.formats.run.predictions import Prediction, PredictionStore, write_shard
from tui_cytpix.workflow.annotate.anatomy import dissect
from tui_cytpix.workflow.annotate.annotator import Annotator
from tui_cytpix.workflow.annotate.tool import Aim, Point, Seen
from tui_cytpix.workflow.annotate.toolbox import TOOLS
from tui_cytpix.workflow.run.run import Run

KEY = ImageKey("s", "1")
MODEL = ModelEntry(ModelCard("m", "half", "UDT"), "/m", "sha256:m")
RODS = segmentation_from_labels(touching_rods())


def opened(folder: Path, proposal: Segmentation) -> tuple[Run, Annotator]:
    run = Run.open(folder) if folder.is_dir() else Run.create(folder)
    store = run.folder.predictions(MODEL.hash)
    if not store.is_dir():
        write_shard(store, "a", [Prediction(KEY, proposal)])
    return run, Annotator(run, MODEL, PredictionStore(store))


def use(editor: Annotator, name: str, point: Point = (0, 0), **aim: Any) -> Annotation | None:
    """A tool on KEY."""
    return editor.use(KEY, TOOLS[name], Aim(point, **aim))


@pytest.fixture
def editor(tmp_path):
    run, annotator = opened(tmp_path / "r", RODS)
    yield annotator
    run.close()


def test_the_read_out_shows_the_particles_that_were_said():
    anatomy = dissect(RODS)
    np.testing.assert_array_equal(anatomy.particle_labels, RODS.labels)
    np.testing.assert_allclose(anatomy.offsets_px, 0, atol=1e-6)
    assert dissect(replace(RODS, labels=None)).offsets_px.max() > 3


def test_a_division_is_kept_and_undo_brings_back_one_that_was_lost(editor, tmp_path):
    looser = use(editor, "loosen").segmentation
    assert (looser.labels[RODS.mask] == RODS.labels[RODS.mask]).all()
    assert (looser.labels[looser.mask] > 0).all()
    counted = use(editor, "count-3", (28, 48)).segmentation
    assert editor.undo(KEY).segmentation.same_as(looser)
    assert editor.redo(KEY).segmentation.same_as(counted)
    assert editor.revert(KEY).segmentation.same_as(RODS)
    assert editor.revert(KEY) is None
    assert not editor.look_at(KEY).corrected
    editor.accept(KEY)
    editor._run.close()
    run, again = opened(tmp_path / "r", RODS)
    with run:
        assert again.look_at(KEY).segmentation.same_as(RODS)
        assert not again.look_at(KEY).corrected
        again.undo(KEY)
        np.testing.assert_array_equal(again.undo(KEY).segmentation.labels, counted.labels)
        np.testing.assert_array_equal(again.undo(KEY).segmentation.labels, looser.labels)


def test_centroids_go_to_the_middle_of_what_was_said(editor):
    use(editor, "move", (22, 60), centroid=0)
    centred = use(editor, "centre-all").segmentation
    assert centred.same_as(RODS)


def test_the_parts_of_a_digit_are_drawn_kept_accepted_and_there_again_after_a_restart(tmp_path):
    """A model took two rods for one: `2` makes them two, and what follows leaves them so."""
    rods = touching_rods(35)
    proposal = Segmentation(rods > 0, np.float32([[27.5, 48]]))
    run, editor = opened(tmp_path / "r", proposal)
    editor._seen = KEY, Seen(picture(rods))
    counted = use(editor, "count-2", (28, 48)).segmentation
    np.testing.assert_array_equal(dissect(counted).particle_labels, rods)
    looser = use(editor, "loosen").segmentation
    np.testing.assert_array_equal(looser.labels[rods > 0], rods[rods > 0])
    assert editor.undo(KEY).segmentation.same_as(counted)
    editor.accept(KEY)
    run.close()
    run, editor = opened(tmp_path / "r", proposal)
    with run:
        (accepted,) = run.annotations.accepted()
        np.testing.assert_array_equal(particles_of(accepted.segmentation), rods)
        assert editor.undo(KEY).segmentation.same_as(counted)
        assert editor.undo(KEY).segmentation.same_as(proposal)
        assert editor.redo(KEY).segmentation.same_as(counted)


def test_a_last_centroid_stays_in_its_object(editor):
    """Moved away, it would leave cells without a particle, and itself without a cell."""
    use(editor, "erase", path=[(28, 0), (28, 95)], radius=1.0)
    for nowhere in ((50, 50), (31.5, 48)):
        assert use(editor, "move", nowhere, centroid=0) is None
    assert use(editor, "move", (22, 40), centroid=0).segmentation.centroids[0].tolist() == [22, 40]


POINTS = st.tuples(st.floats(0, 39), st.floats(0, 49))
PATHS = st.lists(POINTS, min_size=1, max_size=3)
AIMS = st.builds(Aim, POINTS, st.none() | POINTS, st.integers(-1, 5), PATHS, st.floats(1, 4))
BY_PARTICLES = {"centre", "centre-all"}  # what these do depends on whose each pixel is
CALLS = st.one_of(
    st.tuples(st.sampled_from(sorted(TOOLS.keys() - BY_PARTICLES)), AIMS),
    st.tuples(st.sampled_from(["undo", "redo", "revert"]), st.none()),
)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.lists(CALLS, max_size=7))
def test_masks_and_centroids_come_out_as_without_labels(seed, calls):
    told = any_division(seed)
    with tempfile.TemporaryDirectory() as name:
        run, one = opened(Path(name) / "one", told)
        other_run, other = opened(Path(name) / "other", replace(told, labels=None))
        said = False
        with run, other_run:
            for call, aim in calls:
                change = getattr(Annotator, call) if aim is None else partial(Annotator.use, tool=TOOLS[call], aim=aim)
                state, plain = (change(hands, KEY) for hands in (one, other))
                assert (state is None) == (plain is None)
                if state is not None:
                    np.testing.assert_array_equal(state.segmentation.mask, plain.segmentation.mask)
                    np.testing.assert_array_equal(state.segmentation.centroids, plain.segmentation.centroids)
                    said |= call.startswith("count-")
                    assert said or plain.segmentation.labels is None
                    assert not state.segmentation.labels[~state.segmentation.mask].any()
