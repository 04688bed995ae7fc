"""Which tube a sample is: taken in once, refused where it has changed."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tui_cytpix.domain.annotation import Side
from tui_cytpix.domain.model_card import Provenance
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.errors import MaskError, SampleChangedError, SampleError
from tui_cytpix.formats.run.folder import RunFolder
from tui_cytpix.formats.sample.identity import fingerprint_of_earlier_builds
from tui_cytpix.workflow.annotate.from_labels import annotate_from_masks
from tui_cytpix.workflow.assess import review
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.evaluate import process
from tui_cytpix.workflow.explore.exploration import Exploration
from tui_cytpix.workflow.run import run_samples, used_images
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.samples import selection
from tui_cytpix.workflow.train import control

DRAWN = Segmentation(np.eye(48, dtype=bool), np.array([[4, 4]], np.float32))


@pytest.fixture
def run(tmp_path, samples):
    with Run.create(tmp_path / "r", seed=2) as run:
        run_samples.add_sample(run, samples.make("one", 20), 0.3)
        yield run


def zipped(folder: Path) -> Path:
    return Path(shutil.make_archive(str(folder), "zip", folder))


@pytest.mark.parametrize("how", ["copied", "linked", "by its FCS", "again"])
def test_one_tube_under_another_name_is_refused(run, samples, how):
    one = samples.folder / "one"
    if how == "copied":
        other = Path(shutil.copytree(one, samples.folder / "two"))
    elif how == "linked":
        other = samples.folder / "two"
        other.symlink_to(one)
    elif how == "by its FCS":
        samples.write_fcs("one", 20)
        other = samples.folder / "one.fcs"
    else:
        other = one
    with pytest.raises(SampleError, match="holds the same images as one "):
        run_samples.add_sample(run, other)
    assert [sample.name for sample in run.settings.samples] == ["one"]


def test_one_archive_under_another_name_is_refused(run, samples):
    archive = zipped(samples.make("two"))
    run_samples.add_sample(run, archive)
    with pytest.raises(SampleError, match="holds the same images as two "):
        run_samples.add_sample(run, shutil.copy(archive, archive.with_name("three.zip")))


def test_another_export_of_a_tube_is_told(run, samples):
    again = samples.folder / "again"
    again.mkdir()
    for path in (samples.folder / "one").iterdir():
        Image.open(path).save(again / f"{path.stem}.tif")
    run_samples.add_sample(run, again)
    run_samples.add_sample(run, samples.make("two", 20))
    assert [sample.copies for sample in run.settings.samples] == [(), ("one",), ()]
    (said,) = run_samples.copies_in_words(run, "again")
    assert said.startswith("again holds images of one (16 of 16 images looked at): a copy, or another export")
    assert run_samples.copies_in_words(run, "two") == []


def test_a_part_of_an_archive_under_other_names_is_told(run, samples):
    run_samples.add_sample(run, zipped(samples.make("two", 10)))
    part = samples.make("part", 6, first=30)
    for number in range(4):
        shutil.copyfile(samples.folder / "two" / f"{number}.png", part / f"x{number}.png")
    run_samples.add_sample(run, zipped(part))
    assert run_samples.copies_in_words(run, "part")[0].startswith("part holds images of two (4 of its 10 images)")


def swap(folder: Path, how: str, samples) -> None:
    if how == "another tube":
        shutil.rmtree(folder)
        samples.make("other", 20).rename(folder)
    elif how == "one image":
        Image.fromarray(np.random.default_rng(7).integers(0, 255, (48, 48), np.uint8)).save(folder / "3.png")
    else:
        (folder / "3.png").rename(folder / "tmp")
        (folder / "4.png").rename(folder / "3.png")
        (folder / "tmp").rename(folder / "4.png")


@pytest.mark.parametrize("how", ["another tube", "one image", "names exchanged"])
def test_a_sample_that_changed_is_neither_annotated_nor_trained_on(run, samples, model_file, how):
    library.choose(run, library.find(str(model_file())))
    annotate_from_masks(run, samples.truth("one"), only=map(str, range(12)))
    assert run.annotations.ready_to_train() is None
    run.close()
    swap(samples.folder / "one", how, samples)
    with Run.open(run.path) as again:
        assert [str(error) for error in run_samples.changed(again).values()] == [
            "The sample is not the one that it was. one: "
            f"{samples.folder / 'one'} holds other images than when it came into the run. "
            "Put the former file back; or add this one as a new sample (step 3, or run add), and give the former one "
            "the role aside, or training where its annotations are to stay in use."
        ]
        with pytest.raises(SampleChangedError):
            annotate_from_masks(again, samples.truth("one"), only=["15"])
        control.refuse_unready(again)  # the run has copies of what is annotated
        shutil.rmtree(again.folder.preview)
        with pytest.raises(SampleChangedError):
            control.start(again)
        assert len(again.annotations.accepted()) == 12
        added = run_samples.add_sample(again, samples.folder / "one")
        assert added.name == "one-2"
        assert again.images.reader("one-2").event_ids


def test_a_sample_that_is_gone_is_none_that_changed(run, samples):
    run.images.close()
    (samples.folder / "one").rename(samples.folder / "moved")
    assert run_samples.changed(run) == {}
    run_samples.refuse_changed(run, ["one"])


@pytest.mark.parametrize("packed", [False, True])
def test_what_earlier_builds_knew_of_a_sample_becomes_what_is_known_today(run, samples, packed):
    path = zipped(samples.folder / "one") if packed else samples.folder / "one"
    (ref,) = run.settings.samples
    old = replace(ref, path=str(path), fingerprint=fingerprint_of_earlier_builds(path))
    run.update(replace(run.settings, samples=(old,)))
    run.close()
    with Run.open(run.path) as again:
        assert again.images.read(ImageKey("one", "3")).shape == (48, 48)
    (known,) = RunFolder(run.path).read_settings().samples
    assert known == replace(old, fingerprint=known.fingerprint)
    assert known.fingerprint.startswith("images-crc32:" if packed else "images-spread:")
    with Run.open(run.path) as again:
        run_samples.refuse_changed(again, ["one"])
        with pytest.raises(SampleError, match="holds the same images as one"):
            run_samples.add_sample(again, path)


def test_a_reader_leaves_old_fingerprints(run, samples):
    (ref,) = run.settings.samples
    folder = samples.folder / "one"
    run.update(replace(run.settings, samples=(replace(ref, fingerprint=fingerprint_of_earlier_builds(folder)),)))
    run.flush()
    before = run.folder.settings_path.read_bytes()
    with Run.open(run.path, writing=False) as reading:
        run_samples.changed(reading)
    assert run.folder.settings_path.read_bytes() == before


def test_what_an_image_showed_is_written_down_when_it_is_annotated(run, samples):
    annotate_from_masks(run, samples.truth("one"), only=["3", "5"])
    run.flush()
    lines = [json.loads(line) for line in run.folder.images_path.read_text().splitlines()]
    assert [line["image"] for line in lines] == ["one:3", "one:5"]
    assert RunFolder(run.path).read_pixels() == ({key: run.images.digest(key) for key in run.images.pixels}, 0)


def test_copies_take_the_side_of_what_they_are_copies_of(run, samples):
    part = samples.make("part", 20, first=100)
    for number in range(12):
        shutil.copyfile(samples.folder / "one" / f"{number}.png", part / f"{100 + number}.png")
        shutil.copyfile(samples.truth("one") / f"{number}.png", samples.truth("part") / f"{100 + number}.png")
    run_samples.add_sample(run, part)
    annotate_from_masks(run, samples.truth("one"), "one", map(str, range(12)))
    annotate_from_masks(run, samples.truth("part"), "part", [str(100 + number) for number in range(12)])
    assert len(run.annotations.accepted()) == 12
    for copy, first in run.annotations.copies():
        assert int(copy.event) == int(first.event) + 100
        assert run.annotations.state(copy).side is run.annotations.state(first).side
    assert len(run.annotations.copies()) == 12


def test_what_the_base_model_was_trained_on_trains_again(run, samples, model_file):
    learnt = tuple(run.images.digest(ImageKey("one", str(n))) for n in range(15))
    library.choose(run, library.find(str(model_file(provenance=Provenance(learnt)))))
    annotate_from_masks(run, samples.truth("one"))
    held = {int(state.image.event) for state in run.annotations.side(Side.VALIDATION)}
    assert held
    assert min(held) >= 15


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read_is_no_other_sample(run, samples):
    run.images.close()
    (samples.folder / "one").chmod(0)
    try:
        assert run_samples.changed(run) == {}
    finally:
        (samples.folder / "one").chmod(0o755)
    with pytest.raises(MaskError):
        annotate_from_masks(run, samples.folder / "nothing")


def test_a_sample_that_is_set_aside_is_kept_and_used_for_nothing(run, samples, model_file):
    run_samples.add_sample(run, samples.apart().make("two", 40))
    base = library.find(str(model_file()))
    library.choose(run, base)
    review.choose_model(run, base)
    selection.select(run, 50)
    drawn = review.draw(run, 6)
    annotate_from_masks(run, samples.truth("one"), sample="one", only=map(str, range(12)))
    assert len(run.annotations.accepted()) == 12
    run_samples.label(run, "one", role="aside")

    assert [ref.name for ref in run.settings.samples] == ["one", "two"]
    assert run.annotations.accepted() == run.annotations.side(Side.VALIDATION) == []
    assert len(run.annotations.decided()) == 12
    assert {key.sample for key in run.settings.preview} == {"two"}
    assert {key.sample for key in run.settings.selection.images} == {"one", "two"}
    left = used_images.still_fresh(run, "assess", [base])
    assert left == tuple(key for key in drawn if key.sample == "two") != drawn
    assert {key.sample for key in review.draw(run, 6)} == {"two"}
    assert [sample.name for sample in process.processed_samples(run)] == ["two"]
    assert [sample.name for sample in run_samples.training_samples(run)] == ["two"]
    assert Exploration(run).samples == ("two",)
    with pytest.raises(MaskError, match="set aside"):
        annotate_from_masks(run, samples.truth("one"), sample="one")
    run.close()
    swap(samples.folder / "one", "another tube", samples)
    with Run.open(run.path) as again:
        assert run_samples.changed(again) == {}
        assert again.annotations.accepted() == []
        assert list(run_samples.changed(again, ["one"])) == ["one"]
        run_samples.label(again, "one", role="research")
        assert list(run_samples.changed(again)) == ["one"]
        assert len(again.annotations.accepted()) == 12
