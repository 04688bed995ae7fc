"""Samples of a run, and the 70/30 selection of images to train on."""

from __future__ import annotations

import itertools
import math
import re
import shutil
from collections import Counter
from dataclasses import replace

import pytest

from tui_cytpix.domain.run_settings import MIN_PREVIEW
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import SampleError, UsageError
from tui_cytpix.workflow.assess import review
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.samples import selection


@pytest.fixture
def run(tmp_path):
    with Run.create(tmp_path / "r", seed=5) as run:
        yield run


def test_samples_of_one_name_get_names_of_their_own(run, samples):
    first = run_samples.add_sample(run, samples.make("tube 1"), 0.3, condition="µ")
    second = run_samples.add_sample(run, samples.apart().make("tube 1", first=24))
    assert first.name == "tube_1"
    assert re.fullmatch(r"tube_1-[0-9a-f]{8}", second.name)
    assert (first.um_per_px, first.scale_source, second.um_per_px) == (0.3, "given", None)
    assert first.condition == "µ"


def test_a_sample_inside_the_run_moves_with_it(run, samples, tmp_path):
    samples.make("tube")
    (tmp_path / "tube").rename(run.path / "tube")
    run_samples.add_sample(run, run.path / "tube", 0.3)
    assert run.settings.samples[0].path == "tube"
    selection.select(run, MIN_PREVIEW)
    assert not (run.path / "preview" / "tube").exists()
    run.flush()
    shutil.copytree(run.path, tmp_path / "moved", ignore=shutil.ignore_patterns("run.lease"))
    with Run.open(tmp_path / "moved") as moved:
        assert moved.images.read(ImageKey("tube", "3")).shape == (48, 48)


def test_a_small_sample_is_selected_from_like_a_large_one_and_keeps_half(run, samples):
    run_samples.add_sample(run, samples.make("large", 400))
    run_samples.add_sample(run, samples.apart().make("small", 30))
    found = selection.select(run, MIN_PREVIEW)
    at_random = Counter(key.sample for key in found.settings.random)
    assert at_random == {"large": 20, "small": 15}  # 4 to 31 without, as their sizes are
    said = "Selected at random: large 20, small 15. Some hold too few images for an equal share."
    assert found.notes == (said,)
    assert selection.select(run, MIN_PREVIEW).settings == found.settings


def test_turns_do_not_tell_which_sample_an_image_is_of(run, samples, model_file):
    """A blind review hides the sample: where the same one came first for long, every second image was of it."""
    run_samples.add_sample(run, samples.make("s", 120))
    run_samples.add_sample(run, samples.apart().make("e", 120))
    review.choose_model(run, library.entry(model_file()))
    drawn = review.draw(run, 160)
    assert review.draw(run, 200)[:160] == drawn
    first = [key.sample for key in drawn[::2]]
    assert [key.sample for key in drawn[1::2]] == ["s" if one == "e" else "e" for one in first]
    changes = sum(one != other for one, other in itertools.pairwise(first))
    assert abs(changes - 39.5) < 4 * math.sqrt(79 / 4)
    assert 20 < first.count("s") < 60


def test_the_random_sequence_takes_samples_in_turn(run, samples, model_file):
    run_samples.add_sample(run, samples.make("large", 300))
    run_samples.add_sample(run, samples.apart().make("small", 15))
    library.choose(run, library.entry(model_file()))
    review.choose_model(run, library.entry(model_file()))
    first = review.draw(run, 20)
    assert Counter(key.sample for key in first) == {"large": 10, "small": 10}
    more = review.draw(run, 40)
    assert more[:20] == first
    assert Counter(key.sample for key in more) == {"large": 25, "small": 15}
    assert [int(key.event) for key in more if key.sample == "large"] != sorted(int(k.event) for k in more[:25])


def test_what_is_no_sample_is_refused_and_not_taken(run, tmp_path):
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "none", tmp_path / "empty"):
        with pytest.raises(SampleError):
            run_samples.add_sample(run, path)
    assert run.settings.samples == ()


def test_the_user_states_scale_and_labels(run, samples):
    run_samples.add_sample(run, samples.make("tube"))
    run_samples.set_pixel_size(run, "tube", 0.25)
    run_samples.label(run, "tube", condition="control", role="training")
    ref = run.settings.samples[0]
    assert (ref.um_per_px, ref.scale_source, ref.condition, ref.role) == (0.25, "given", "control", "training")
    assert run.images.um_per_px("tube") == 0.25
    for wrong in (0.0, -1.0, float("nan"), 300.0):
        with pytest.raises(UsageError, match="no pixel size"):
            run_samples.set_pixel_size(run, "tube", wrong)


def test_seventy_percent_random_thirty_percent_variable_and_the_same_again(run, samples, tmp_path):
    run_samples.add_sample(run, samples.make("one", 40), 0.3)
    run_samples.add_sample(run, samples.make("two", 40, first=40), 0.3)
    steps = []
    chosen = selection.select(run, 50, lambda done, total: steps.append((done, total)))
    settings = chosen.settings
    assert (len(settings.random), len(settings.variable)) == (35, 15)
    assert len(set(settings.images)) == 50
    assert {k.sample for k in settings.images} == {"one", "two"}
    assert chosen.positions.shape == (80, 2)
    assert steps[-1] == (80, 80)
    assert all(run.folder.preview_image(key).is_file() for key in settings.images)
    with Run.create(tmp_path / "again", seed=5) as again:
        for name in ("one", "two"):
            run_samples.add_sample(again, tmp_path / name, 0.3)
        assert selection.select(again, 50).settings == settings
    with Run.create(tmp_path / "other seed", seed=6) as other:
        for name in ("one", "two"):
            run_samples.add_sample(other, tmp_path / name, 0.3)
        assert selection.select(other, 50).settings != settings


def test_a_run_opens_without_its_samples(run, samples, tmp_path):
    run_samples.add_sample(run, samples.make("tube"), 0.3)
    key = selection.select(run, 50).settings.images[0]
    run.flush()
    shutil.rmtree(tmp_path / "tube")
    with Run.open(run.path, writing=False) as again:
        assert again.images.read(key).shape == (48, 48)
        with pytest.raises(SampleError, match="not where it was"):
            again.images.reader("tube")


def test_where_fewer_images_exist_all_are_taken_and_it_says_so(run, samples):
    folder = samples.make("tube", 24)
    (folder / "5.png").write_bytes(b"no image")
    run_samples.add_sample(run, folder, 0.3)
    chosen = selection.select(run, 50)
    assert len(chosen.settings.images) == 23
    assert any("all of them are taken" in note for note in chosen.notes)
    assert any("1 images can't be read" in note for note in chosen.notes)
    for wrong in (49, 1001):
        with pytest.raises(UsageError, match="50 to 1000"):
            selection.select(run, wrong)
        with pytest.raises(UsageError, match="50 to 1000"):
            selection.set_preview(run, wrong)
    selection.set_preview(run, 60)
    assert run.settings.selection.preview == 60


def test_images_reserved_for_the_evaluation_are_never_trained_on(run, samples):
    run_samples.add_sample(run, samples.make("tube", 24), 0.3)
    reserved = tuple(ImageKey("tube", str(n)) for n in range(6))
    run.update(replace(run.settings, evaluate=replace(run.settings.evaluate, sequence=reserved)))
    assert not set(selection.select(run, 50).settings.images) & set(reserved)


def test_training_samples_are_the_marked_ones_else_the_research_samples(run, samples):
    run_samples.add_sample(run, samples.make("a"))
    run_samples.add_sample(run, samples.make("b"))
    assert [s.name for s in run_samples.training_samples(run)] == ["a", "b"]
    run_samples.label(run, "b", role="training")
    assert [s.name for s in run_samples.training_samples(run)] == ["b"]
