"""Comparing models, with answers made up so that the right scores are known."""

from __future__ import annotations

import itertools
import shutil

import numpy as np
import pytest
from PIL import Image

from tui_cytpix.domain.model_card import Provenance
from tui_cytpix.domain.sample_names import hashed_name
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.errors import JobError, MaskError, ModelFileError, SampleError, UsageError
from tui_cytpix.formats.masks.label_images import read_label_image, segmentation_from_labels, write_label_image
from tui_cytpix.formats.run.predictions import Prediction, PredictionStore, write_shard
from tui_cytpix.formats.sample.registry import open_sample
from tui_cytpix.workflow.base_model import compare as module
from tui_cytpix.workflow.base_model.compare import CompareRequest, compare
from tui_cytpix.workflow.run.predict import PredictProgress


def truth_of(key, folder):
    return segmentation_from_labels(read_label_image(folder / f"{key.sample}.truth" / f"{key.event}.png"))


def lazy(key, folder):
    """Always one particle."""
    right = truth_of(key, folder)
    return Segmentation(right.mask, right.centroids[:1])


ANSWERS = {"right": truth_of, "lazy": lazy}


@pytest.fixture
def answers(tmp_path, monkeypatch):
    """An engine that answers at once, with what `answers[model's name]` makes of a key; None is no answer."""
    made = dict(ANSWERS)

    class Service:
        def __init__(self, run, device, threads):
            self.run, self.problems = run, []

        def store(self, model):
            return PredictionStore(self.run.folder.predictions(model.hash))

        def request(self, model, keys):
            items = [Prediction(k, s) for k in keys if (s := made[model.card.name](k, tmp_path)) is not None]
            write_shard(self.run.folder.predictions(model.hash), "a", items)
            self.problems += ["an image is damaged"] * (len(keys) - len(items))

        @property
        def progress(self):
            return PredictProgress(1, 1, False, tuple(self.problems))

        def poll(self):
            return self.progress

        def close(self):
            pass

    monkeypatch.setattr(module.predict, "PredictService", Service)
    return made


@pytest.fixture
def models(model_file):
    """Made with none of the images."""
    return tuple(str(model_file(name, provenance=Provenance())) for name in ANSWERS)


def request(samples, models, **options) -> CompareRequest:
    return CompareRequest(
        (samples.folder / "tube",), models, **{"truth": (samples.truth(),), "um_per_px": 0.5, **options}
    )


def test_measures_against_truth_in_the_order_of_the_models(samples, models, answers, tmp_path, monkeypatch):
    samples.make("tube", 24)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    steps = []
    found = compare(request(samples, models), lambda done, total: steps.append((done, total)))
    right, lazy_one = found["models"]
    assert [m["model"] for m in found["models"]] == list(models)
    assert [m["name"] for m in found["models"]] == ["right", "lazy"]
    for name in ("count_accuracy", "singlet_specificity", "multiplet_sensitivity", "centroid_f1", "foreground_iou"):
        assert right[name] == 1.0, name
        low, high = right[f"{name}_ci"]
        assert 0 <= low <= high <= 1
    # every third of the 24 images holds two particles
    assert lazy_one["count_accuracy"] == pytest.approx(16 / 24)
    assert (lazy_one["singlet_specificity"], lazy_one["multiplet_sensitivity"]) == (1.0, 0.0)
    assert lazy_one["foreground_iou"] == 1.0
    (pair,) = found["pairs"]
    assert (pair["a"], pair["b"]) == models
    assert (pair["count_only_a_right"], pair["count_only_b_right"]) == (8, 0)
    assert pair["count_p"] == pytest.approx(2 * 0.5**8)
    assert (found["images"], found["size_cutoff_um"], found["failures"]) == (24, 5.0, [])
    assert steps
    assert list(scratch.iterdir()) == []


def test_several_samples_are_what_the_intervals_are_over(samples, models, answers):
    for n in range(3):
        samples.make(f"tube{n}", 12)
    given = tuple(samples.folder / f"tube{n}" for n in range(3))
    truth = tuple(samples.truth(f"tube{n}") for n in range(3))
    found = compare(CompareRequest(given, models, truth, 0.5))
    (pair,) = found["pairs"]
    assert (found["over"], found["samples"]) == ("samples", 3)
    assert (pair["count_only_a_right"], pair["count_p"], pair["count_least_p"]) == (12, 0.25, 0.25)
    assert pair["count_difference"] == pytest.approx(1 / 3)
    one = compare(CompareRequest(given[:1], models, truth[:1], 0.5))
    assert (one["over"], one["samples"], one["pairs"][0]["count_least_p"]) == ("images", 1, None)


def test_images_that_a_model_learnt_from_are_told(samples, models, model_file, answers):
    sample = samples.make("tube", 24)
    with open_sample(sample) as reader:
        digests = tuple(reader.pixel_digest(event) for event in reader.event_ids)
    learnt = str(model_file("right", provenance=Provenance(training=digests[:12])))
    assert compare(request(samples, (learnt, models[1])))["notes"] == [
        "right, or a model it descends from, was trained on 12 of these 24 images: what is found here flatters it. "
        "Images that it has not seen tell more."
    ]


def test_truth_with_gaps_between_touching_cells_is_told_and_can_be_closed(samples, models, answers, tmp_path):
    """Half of the images hold two halves of a square, with a line of background between them."""
    samples.make("tube", 20)
    whole = tmp_path / "whole"
    whole.mkdir()
    for n in range(20):
        labels = np.zeros((48, 48), np.uint16)
        labels[10:30, 10:30] = 1
        if n % 2:
            labels[10:30, 20:30] = 2
        write_label_image(whole / f"{n}.png", labels)
        labels[:, 20] = 0 if n % 2 else labels[:, 20]
        write_label_image(samples.truth() / f"{n}.png", labels)
    answers["right"] = lambda key, _: segmentation_from_labels(read_label_image(whole / f"{key.event}.png"))
    found = compare(request(samples, models[:1]))
    assert found["models"][0]["singlet_specificity"] == 0.5
    pairs = "The truth has a line of background of 1 or 2 px between 10 of 10 pairs of cells that touch (100%)"
    assert found["notes"] == [
        f"{pairs}: these count as apart, so that ClumpIndexMax is too low, ObjectCount 10 too high of 30, and doublets "
        "are among the singlets of specificity; --close-gaps gives the lines to the cells beside them."
    ]
    closed = compare(request(samples, models[:1], close_gaps=True))
    assert (closed["models"][0]["singlet_specificity"], closed["models"][0]["multiplet_sensitivity"]) == (1.0, 1.0)
    assert closed["models"][0]["foreground_iou"] == 1.0
    assert closed["notes"] == [f"{pairs}; it was given to the cells beside it, as asked: 10 objects fewer."]
    without = compare(request(samples, models[:1], truth=(whole,)))
    assert without["notes"] == []


def test_without_truth_models_are_held_against_each_other(samples, models, answers):
    samples.make("tube", 24)
    found = compare(request(samples, models, truth=()))
    (pair,) = found["pairs"]
    assert (pair["images"], pair["counts_differing"], pair["foreground_iou"]) == (24, 8, 1.0)
    assert pair["counts_differing_share"] == pytest.approx(1 / 3)
    assert [m["particles"] for m in found["models"]] == [32, 24]
    assert [m["multiplet_images"] for m in found["models"]] == [8, 0]
    assert "count_accuracy" not in found["models"][0]
    assert compare(request(samples, models[:1], truth=()))["pairs"] == []


def test_the_size_cutoff_applies_to_truth_and_answers_where_the_scale_is_known(samples, models, answers):
    folder = samples.make("tube", 24)
    speck = np.zeros((48, 48), np.uint16)
    speck[40:44, 40:44] = 9
    for path in samples.truth().iterdir():
        write_label_image(path, np.maximum(read_label_image(path), speck))
    answers["right"] = lambda key, _: segmentation_from_labels(
        np.where(speck, 0, read_label_image(samples.truth() / f"{key.event}.png"))
    )
    assert folder.is_dir()
    assert compare(request(samples, models[:1]))["models"][0]["count_accuracy"] == 1.0
    unknown = compare(request(samples, models[:1], um_per_px=None))
    assert unknown["models"][0]["count_accuracy"] == 0.0
    assert unknown["size_cutoff_um"] is None


def test_images_are_chosen_by_name_or_by_lot(samples, models, answers):
    samples.make("tube", 24)
    assert compare(request(samples, models, only=("3", "4")))["images"] == 2
    assert compare(request(samples, models, images=7))["images"] == 7
    with pytest.raises(UsageError, match="no such event"):
        compare(request(samples, models, only=("3", "99")))
    (samples.truth() / "3.png").unlink()
    assert compare(request(samples, models))["images"] == 23


def test_an_image_that_fails_is_told_and_left_out_for_all(samples, models, answers, tmp_path):
    samples.make("tube", 24)
    shutil.copytree(samples.truth(), tmp_path / "pristine" / "tube.truth")
    answers["right"] = lambda key, folder: truth_of(key, folder / "pristine")
    answers["lazy"] = lambda key, folder: None if key.event == "3" else lazy(key, folder / "pristine")
    write_label_image(samples.truth() / "4.png", np.ones((5, 5), np.uint16))
    Image.fromarray(np.zeros((48, 48, 3), np.uint8)).save(samples.truth() / "5.png")
    found = compare(request(samples, models))
    assert {f["image"] for f in found["failures"]} == {"tube:3", "tube:4", "tube:5"}
    assert [m["images"] for m in found["models"]] == [21, 21]
    assert found["notes"] == ["an image is damaged"]
    answers["lazy"] = lambda key, folder: None
    with pytest.raises(JobError, match="an image is damaged"):
        compare(request(samples, models))


def test_several_samples_and_where_their_truth_lies(samples, models, answers):
    samples.make("tube", 24)
    samples.make("other", 21, first=100)
    both = (samples.folder / "tube", samples.folder / "other")
    found = compare(CompareRequest(both, models, (samples.truth(), samples.truth("other"))))
    assert found["images"] == 45
    joint = samples.folder / "joint"
    for name in ("tube", "other"):
        shutil.copytree(samples.truth(name), joint / name)
    assert compare(CompareRequest(both, models, (joint,)))["images"] == 45
    flat = samples.folder / "flat"
    for name in ("tube", "other"):
        shutil.copytree(samples.truth(name), flat, dirs_exist_ok=True)
    assert compare(CompareRequest(both, models, (flat,)))["images"] == 45
    samples.make("third", 2, first=0)
    clash = (samples.folder / "tube", samples.folder / "third")
    with pytest.raises(MaskError, match="event ids repeat"):
        compare(CompareRequest(clash, models, (flat,)))
    with pytest.raises(UsageError, match="--truth once"):
        compare(CompareRequest((*both, clash[1]), models, (flat, joint)))


def test_samples_of_equal_names_have_one_truth_whatever_the_order(samples, models, answers, tmp_path):
    """`--truth DIR` with a sub-folder by name can't say whose it is; one for each sample can, in any order."""
    apart = samples.apart()
    samples.make("tube", 24)
    apart.make("tube", 21, first=100)
    apart.make("other", 3, first=200)
    paths = [samples.folder / "tube", apart.folder / "tube", apart.folder / "other"]
    own = {path: path.with_name(f"{path.name}.truth") for path in paths}

    def right(key, _folder):
        (label_image,) = (file for truth in own.values() if (file := truth / f"{key.event}.png").is_file())
        return segmentation_from_labels(read_label_image(label_image))

    answers["right"] = right
    joint = tmp_path / "joint"
    for path in reversed(paths):
        shutil.copytree(own[path], joint / path.name, dirs_exist_ok=True)
    found = []
    for order in itertools.permutations(paths):
        with pytest.raises(UsageError, match="has the name of several samples"):
            compare(CompareRequest(order, models[:1], (joint,)))
        told = compare(CompareRequest(order, models[:1], tuple(own[path] for path in order), 0.5))
        found.append((told["images"], told["models"][0]["count_accuracy"]))
    assert set(found) == {(48, 1.0)}
    for path in paths[:2]:  # the names under which `compare` tells of them
        shutil.copytree(own[path], joint / hashed_name("tube", path.resolve()))
    for order in itertools.permutations(paths):
        assert compare(CompareRequest(order, models[:1], (joint,)))["images"] == 48


def test_what_cannot_be_compared_is_refused_in_words(samples, models, answers, tmp_path):
    samples.make("tube", 24)
    with pytest.raises(ModelFileError):
        compare(request(samples, (*models, "nonesuch")))
    with pytest.raises(MaskError, match="can't be read"):
        compare(request(samples, models, truth=(tmp_path / "none",)))
    with pytest.raises(SampleError):
        compare(CompareRequest((tmp_path / "none",), models))
    samples.make("other", 2, first=500)
    with pytest.raises(MaskError, match="No truth fits"):
        compare(request(samples, models, truth=(samples.truth("other"),)))
    for number in range(9):
        (samples.truth() / f"{number}.png").rename(samples.truth("other") / f"{number}.png")
    for number in range(502, 510):
        shutil.copyfile(samples.truth("other") / "500.png", samples.truth("other") / f"{number}.png")
    with pytest.raises(MaskError, match="Most label images are named after no image of tube") as caught:
        compare(request(samples, models, truth=(samples.truth("other"),)))
    assert caught.value.detail.startswith("10 of 19, as 500.png")
