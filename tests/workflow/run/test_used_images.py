"""What is still fresh, by pixels and not by names, and what a verdict is valid for."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.reviewing import judge
from tui_cytpix.domain.model_card import Provenance
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import UNSIGNED, Judgement, PairVerdict, Preference
from tui_cytpix.errors import SampleChangedError
from tui_cytpix.workflow.annotate.from_labels import annotate_from_masks
from tui_cytpix.workflow.assess import review
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.evaluate import trial
from tui_cytpix.workflow.explore import random_images
from tui_cytpix.workflow.run import run_samples, used_images
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.used_images import ASSESS, EVALUATE
from tui_cytpix.workflow.samples import selection


@pytest.fixture
def run(tmp_path, samples, model_file):
    with Run.create(tmp_path / "r", seed=2) as run:
        run_samples.add_sample(run, samples.make("one", 40), 0.3)
        base = library.find(str(model_file()))
        library.choose(run, base)
        review.choose_model(run, base)
        yield run


@pytest.fixture
def made(model_file):
    """A model that was made with these digests; each has its own hash."""

    def make(name: str, **provenance):
        return library.find(str(model_file(name, provenance=Provenance(**provenance))))

    return make


def judge_each(run, model, images, step):
    for image in images:
        judge(run, image, model, Judgement.ACCEPTABLE, step, counted=1)


def annotate(run, samples, images):
    annotate_from_masks(run, samples.truth("one"), "one", [image.event for image in images])


def digests(run, images):
    return tuple(run.images.digest(image) for image in images)


def test_images_that_were_annotated_since_make_room_for_others(run, samples, made):
    """The case of an evaluation whose images were trained on, and of a second model on the same sequence."""
    first = made("first")
    drawn = trial.draw(run, 20, first)
    annotate(run, samples, drawn[:8])
    assert used_images.still_fresh(run, EVALUATE, [first]) == drawn[8:]
    assert used_images.gone_in_words(run, EVALUATE, [first]).startswith("8 of the 20 images drawn are left out: ")
    again = trial.draw(run, 20, made("second", training=digests(run, drawn[:8])))
    assert again[:12] == drawn[8:]
    assert len(set(again)) == 20
    assert not set(again) & set(drawn[:8])
    assert used_images.gone_in_words(run, EVALUATE, [first]) == ""


def test_what_was_judged_before_it_was_annotated_still_counts_for_that_model(run, samples, made):
    """Errors are what one annotates: without them the model would seem better than it is."""
    first = made("first")
    drawn = trial.draw(run, 20, first)
    judge_each(run, first, drawn[:10], EVALUATE)
    annotate(run, samples, drawn[5:15])
    assert used_images.still_fresh(run, EVALUATE, [first]) == drawn[:10] + drawn[15:]
    second = made("second", training=digests(run, drawn[5:15]), seen=digests(run, drawn[:10]))
    assert used_images.still_fresh(run, EVALUATE, [second]) == drawn[15:]


def test_what_is_judged_only_after_it_was_annotated_does_not_come_back(run, samples, made):
    """Who could choose which annotated images to judge could choose the verdict."""
    first = made("first")
    for step, draw in ((EVALUATE, trial.draw), (ASSESS, review.draw)):
        drawn = draw(run, 10, first)
        annotate(run, samples, drawn[5:])
        judge_each(run, first, drawn, step)
        assert used_images.still_fresh(run, step, [first]) == drawn[:5]
        annotate(run, samples, drawn[:1])
        judge(run, drawn[0], first, Judgement.BOTH, step, counted=1)
        assert used_images.still_fresh(run, step, [first]) == drawn[:5]
        assert review.assessment_of(run, first, drawn[:5], step).all.count.errors == 1


def test_what_was_judged_of_another_new_model_is_not_fresh(run, made):
    first, second, base = made("first"), made("second+"), library.base_of(run)
    drawn = trial.draw(run, 20, first)
    judge_each(run, first, drawn[:4], EVALUATE)
    run.record(PairVerdict(*UNSIGNED, drawn[4], first.hash, base.hash, Preference.NEW, 1, 1, True, True))
    assert used_images.still_fresh(run, EVALUATE, [first]) == drawn
    assert used_images.still_fresh(run, EVALUATE, [second]) == drawn[5:]


def test_what_a_model_was_made_with_is_not_drawn_whatever_it_is_called(run, samples, made):
    """By its ancestors too, of which the base is one, in a run on a copy with other names."""
    renamed = samples.folder / "renamed"
    renamed.mkdir()
    for number in range(40):
        shutil.copyfile(samples.folder / "one" / f"{number}.png", renamed / f"img{number:03d}.png")
    known = [ImageKey("one", str(number)) for number in range(30)]
    new = made("new", training=digests(run, known[:10]), validation=digests(run, known[10:15]))
    library.choose(run, made("base+", training=digests(run, known[15:20]), seen=digests(run, known[20:30])))
    run.update(replace(run.settings, samples=()))
    run_samples.add_sample(run, renamed, 0.3)
    numbers = [{int(image.event.removeprefix("img")) for image in trial.draw(run, 100, new)}]
    run.update(replace(run.settings, evaluate=replace(run.settings.evaluate, sequence=())))
    numbers.append({int(image.event.removeprefix("img")) for image in review.draw(run, 100)})
    assert numbers == [set(range(30, 40)), {*range(15), *range(30, 40)}]  # step 1 judges no model of that training


def test_copies_are_drawn_once_and_not_where_one_was_used(run, samples):
    copies = samples.make("copies", 10, first=100)
    for number in range(40):
        shutil.copyfile(samples.folder / "one" / f"{number}.png", copies / f"x{number}.png")
    run_samples.add_sample(run, copies, 0.3)
    annotate(run, samples, [ImageKey("one", str(number)) for number in range(12)])
    drawn = review.draw(run, 100)
    assert len(drawn) == 28 + 10
    assert len(set(digests(run, drawn))) == 38
    assert not set(digests(run, drawn)) & set(digests(run, run.annotations.touched))


def test_step_1_keeps_its_judgements_when_a_model_was_made_with_them(run, samples, made):
    base = library.base_of(run)
    drawn = review.draw(run, 20)
    judge_each(run, base, drawn, ASSESS)
    annotate(run, samples, drawn[:10])
    made("new", training=digests(run, drawn[:10]), seen=digests(run, drawn))
    assert used_images.still_fresh(run, ASSESS, [base]) == drawn


def test_steps_1_and_5_take_nothing_from_each_other(run, made):
    assessed = review.draw(run, 15)
    fresh = trial.draw(run, 15, made("new"))
    assert not set(assessed) & set(fresh)
    more = review.draw(run, 100)
    assert len(more) == 25
    assert not set(more) & set(fresh)


def test_too_few_is_told_with_what_helps(run, made):
    drawn = trial.draw(run, 100, made("new"))
    words = random_images.too_few_in_words(run, EVALUATE, 100, len(drawn))
    assert words.startswith("Only 40 of 100: the samples hold no more images that no step")
    assert "Add a sample in step 3, reserve one for the evaluation there, or select fewer" in words
    assert random_images.too_few_in_words(run, EVALUATE, 40, 40) == ""


def test_an_image_that_cannot_be_read_is_no_fresh_image(run, samples, made):
    sample = run.settings.samples[0]
    folder = Path(sample.path)
    events = [key.event for key in trial.draw(run, 40, made("new"))]
    run.update(replace(run.settings, evaluate=replace(run.settings.evaluate, sequence=())))
    for event in events[:3]:
        run.images.pixels.pop(ImageKey(sample.name, event), None)
        (folder / f"{event}.png").write_bytes(b"cut off")
    drawn = trial.draw(run, 40, made("new"))
    assert len(drawn) == 37
    assert not {key.event for key in drawn} & set(events[:3])
    said = random_images.too_few_in_words(run, EVALUATE, 40, len(drawn))
    assert said.startswith("Only 37 of 40")
    assert (
        f"3 can't be read and are passed over: {', '.join(sorted(f'{sample.name}:{e}' for e in events[:3]))}." in said
    )


def test_a_sample_that_changed_is_not_drawn_from(run, samples, made):
    run.images.close()
    (samples.folder / "one" / "3.png").unlink()
    for draw in (lambda: review.draw(run, 10), lambda: trial.draw(run, 10, made("new"))):
        with pytest.raises(SampleChangedError):
            draw()


def test_a_verdict_says_which_tubes_it_is_valid_for(run, samples, made):
    run_samples.add_sample(run, samples.make("two", 40), 0.3)
    one, two = ([ImageKey(name, str(number)) for number in range(20)] for name in ("one", "two"))
    trained = made("by sample", samples=(run.images.fingerprint("one"),))
    assert used_images.valid_for(run, trained, []) == ""
    assert used_images.valid_for(run, trained, two).startswith("Valid for new tubes: no training saw")
    assert used_images.valid_for(run, trained, one).startswith("Valid for these tubes, by fresh images of")
    mixed = used_images.valid_for(run, trained, one + two)
    assert mixed.startswith("Valid for new tubes by two, which no training saw; else for these tubes")
    by_images = made("by an image", validation=digests(run, one[:1]))
    assert used_images.valid_for(run, by_images, one).startswith("Valid for these tubes")
    only_seen = made("only seen", seen=digests(run, one))
    assert used_images.valid_for(run, only_seen, one).startswith("Valid for new tubes")


def test_of_a_model_of_an_earlier_build_it_is_not_known(run, samples, made, model_file):
    old = library.find(str(model_file("old")))
    one = [ImageKey("one", "30")]
    assert used_images.valid_for(run, old, one).startswith("Whether this holds for new tubes is not known: old")
    annotate(run, samples, [ImageKey("one", str(number)) for number in range(3)])
    assert used_images.valid_for(run, old, one).startswith("Valid for these tubes")  # the run itself tells


def test_another_export_of_a_trained_tube_is_no_new_tube(run, samples, made):
    export = samples.folder / "export"
    shutil.copytree(samples.folder / "one", export)
    (export / "0.png").unlink()
    run_samples.add_sample(run, export, 0.3, role="evaluation")
    trained = made("trained", samples=(run.images.fingerprint("one"),))
    said = used_images.valid_for(run, trained, trial.draw(run, 10, trained))
    assert said.startswith("Valid for these tubes")


def test_selecting_leaves_copies_out_and_warns_before_a_small_sample_is_used_up(run, samples):
    assert "40 images: selecting 50 leaves none to evaluate on" in selection.leaves_too_few(run, 50)
    copies = samples.make("copies", 60, first=100)
    for number in range(40):
        shutil.copyfile(samples.folder / "one" / f"{number}.png", copies / f"x{number}.png")
    run_samples.add_sample(run, copies, 0.3)
    assert selection.leaves_too_few(run, 50) == ""
    assert selection.leaves_too_few(run, 130).endswith(
        "selecting 130 leaves 10 to evaluate on, and a verdict needs 20 at least. "
        "Rather select at most 120, or add a sample, or reserve one for the evaluation."
    )
    chosen = selection.select(run, 100)
    assert len(set(digests(run, chosen.settings.images))) == len(chosen.settings.images) == 100
    assert "40 images have the same pixels as another one: each is taken once." in chosen.notes
    run_samples.label(run, "copies", role="evaluation")
    assert selection.leaves_too_few(run, 1000) == ""


def test_copies_of_what_is_kept_for_the_evaluation_are_not_selected(run, samples, made):
    reserved = trial.draw(run, 10, made("new"))
    copies = samples.make("copies", 60, first=100)
    for image in reserved:
        shutil.copyfile(samples.folder / "one" / f"{image.event}.png", copies / f"x{image.event}.png")
    run_samples.add_sample(run, copies, 0.3)
    chosen = selection.select(run, 50).settings.images
    assert not set(digests(run, chosen)) & set(digests(run, reserved))
