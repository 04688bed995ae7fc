"""More like this: found over all samples, kept in the run, added to the selection."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import SHARED_DATA
from tui_cytpix.domain.gate import Axis, Gate
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import SampleError, UsageError
from tui_cytpix.formats.run.images import RunImages
from tui_cytpix.simulate.frames.events import SimulatedSample
from tui_cytpix.workflow.explore import gates
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.samples import coverage, selection, similar
from tui_cytpix.workflow.samples.descriptors import described

IMAGES = 24
EVERY = 10_000


@pytest.fixture
def run(tmp_path):
    with Run.create(tmp_path / "r", seed=5) as run:
        yield run


def simulated(folder: Path, kind: str, seed: int) -> Path:
    folder.mkdir()
    for number, event in enumerate(SimulatedSample(kind, IMAGES, seed=seed)):
        Image.fromarray(event.image).save(folder / f"{number}.png", compress_level=1)
    return folder


@pytest.fixture
def rods_and_rounds(run, tmp_path):
    """Two tubes of rods, one of rounds."""
    for name, kind, seed in (("rods", "pombe-rich", 1), ("more-rods", "pombe-rich", 3), ("rounds", "leukocytes", 2)):
        run_samples.add_sample(run, simulated(tmp_path / name, kind, seed), 0.3)
    return run


def nothing_is_read(monkeypatch):
    def read(_self, key):
        raise AssertionError(f"{key} is read")

    monkeypatch.setattr(RunImages, "read", read)


def test_like_kinds_come_first_and_from_other_samples_too(rods_and_rounds):
    found = similar.similar(rods_and_rounds, ImageKey("rods", "3"), 12, EVERY)
    samples = [one.image.sample for one in found.found]
    assert samples.count("rounds") <= 2  # chance: a third
    assert "more-rods" in samples
    assert ImageKey("rods", "3") not in [one.image for one in found.found]
    assert [one.apart for one in found.found] == sorted(one.apart for one in found.found)
    assert found.looked == dict.fromkeys(("rods", "more-rods", "rounds"), (IMAGES, IMAGES))
    assert found.in_words() == "Compared 72 of 72 images in 3 samples by morphology, without a model."


def test_a_search_is_bounded_and_goes_on_where_it_ended(rods_and_rounds, monkeypatch):
    run, key = rods_and_rounds, ImageKey("rods", "3")
    assert similar.similar(run, key, 5).compared <= 1  # itself
    first = similar.similar(run, key, 5, 4)
    assert first.looked["rounds"] == (4, IMAGES)
    steps: list[tuple[int, int]] = []
    more = similar.similar(run, key, 5, 6, lambda done, total: steps.append((done, total)))
    assert more.looked["rounds"] == (10, IMAGES)
    assert steps[-1] == (18, 18)
    every = similar.similar(run, key, 5, EVERY)
    nothing_is_read(monkeypatch)
    assert similar.similar(run, key, 5) == every


def test_a_selection_describes_for_the_search_too(rods_and_rounds, monkeypatch):
    selection.select(rods_and_rounds, 50)
    nothing_is_read(monkeypatch)
    assert similar.similar(rods_and_rounds, ImageKey("rods", "3"), 5).compared == 3 * IMAGES


def test_what_was_found_before_a_search_was_cancelled_stays(rods_and_rounds):
    def stop(done: int, _total: int) -> None:
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        similar.similar(rods_and_rounds, ImageKey("rounds", "0"), 5, EVERY, stop)
    assert len(described(rods_and_rounds, "rods")) == 7


@pytest.mark.parametrize("content", [b"torn", b""])
def test_what_is_damaged_counts_as_absent(rods_and_rounds, content):
    run, key = rods_and_rounds, ImageKey("rods", "3")
    before = similar.similar(run, key, 5, EVERY)
    path = run.folder.descriptors_path("rods")
    path.write_bytes(content)
    assert described(run, "rods") == {}
    assert similar.similar(run, key, 5, EVERY) == before


def test_what_does_not_fit_counts_as_absent(rods_and_rounds):
    run = rods_and_rounds
    similar.similar(run, ImageKey("rods", "3"), 5, EVERY)
    path = run.folder.descriptors_path("rods")
    with np.load(path) as data:
        whole = dict(data)
    for name, wrong in (("rows", whole["rows"][:, :5]), ("rows", whole["rows"] * np.nan), ("found_of", np.array("x"))):
        np.savez(path, **{**whole, name: wrong})
        assert described(run, "rods") == {}
    np.savez(path, **whole)
    assert len(described(run, "rods")) == IMAGES
    changed = [replace(s, fingerprint="another") for s in run.settings.samples]
    run.update(replace(run.settings, samples=tuple(changed)))
    assert described(run, "rods") == {}


def test_images_for_the_evaluation_and_outside_the_gate_are_left_out(run, samples):
    for number, name in enumerate(("one", "two", "kept")):
        run_samples.add_sample(run, samples.with_fcs(name, IMAGES, seed=number), 0.3)
    run_samples.label(run, "kept", role="evaluation")
    reserved = tuple(ImageKey("one", str(n)) for n in range(6))
    run.update(replace(run.settings, evaluate=replace(run.settings.evaluate, sequence=reserved)))
    found = similar.similar(run, ImageKey("one", "0"), 100, EVERY)
    assert found.looked == {"one": (18, 18), "two": (24, 24)}
    assert not {one.image for one in found.found} & set(reserved)
    assert found.notes[0] == similar.FLATTERS
    assert "kept for the evaluation" in found.notes[1]
    assert similar.FLATTERS not in similar.similar(run, ImageKey("one", "7"), 3).notes
    gates.add(run, Gate("first", (Axis("FSC-A"),), ((0.0,), (95.0,))))
    gates.use_for_drawing(run, "first")
    found = similar.similar(run, ImageKey("one", "0"), 100, EVERY)
    assert found.looked == {"one": (4, 4), "two": (10, 10)}
    for key in (reserved[0], ImageKey("kept", "3")):
        with pytest.raises(UsageError, match="kept for the evaluation"):
            similar.choose(run, [key])


def test_a_sample_that_is_gone_is_passed_over(rods_and_rounds, tmp_path):
    selection.select(rods_and_rounds, 50)
    kept = rods_and_rounds.settings.selection.images[0]
    rods_and_rounds.flush()
    shutil.rmtree(tmp_path / kept.sample)
    with Run.open(rods_and_rounds.path, writing=False) as again:
        found = similar.similar(again, kept, 5)
        assert len(found.looked) == 2
        assert "was passed over" in found.notes[0]
        assert len(found.found) == 5


def test_the_image_must_be_there(rods_and_rounds):
    with pytest.raises(UsageError, match="no such sample"):
        similar.similar(rods_and_rounds, ImageKey("other", "1"), 5)
    with pytest.raises(SampleError, match="99"):
        similar.similar(rods_and_rounds, ImageKey("rods", "99"), 5)
    with pytest.raises(UsageError, match="SAMPLE:EVENT"):
        similar.image_of(rods_and_rounds, "3")


def test_areas_are_compared_as_they_are_where_scales_are_known(run, tmp_path):
    """The same disc in twice as many pixels of half the size, and one that only looks the same."""
    rng = np.random.default_rng(0)

    def disc(side: int, radius: float) -> Image.Image:
        ys, xs = np.mgrid[:side, :side] - side // 2
        noise = rng.normal(120, 2, (side, side))
        return Image.fromarray((noise + 60 * (ys**2 + xs**2 <= radius**2)).astype(np.uint8))

    for name, side, radii in (("fine", 128, [20.0]), ("coarse", 64, [10.0, 20.0])):
        (tmp_path / name).mkdir()
        for number, radius in enumerate(radii):
            disc(side, radius).save(tmp_path / name / f"{number}.png")
        run_samples.add_sample(run, tmp_path / name, None)

    def apart() -> dict[str, float]:
        return {one.image.event: one.apart for one in similar.similar(run, ImageKey("fine", "0"), 9, EVERY).found}

    in_pixels = apart()
    run_samples.set_pixel_size(run, "fine", 0.2)
    assert apart() == in_pixels  # of the other one it is not known
    run_samples.set_pixel_size(run, "coarse", 0.4)
    assert apart()["0"] < in_pixels["0"]
    assert apart()["1"] > in_pixels["1"]


def test_chosen_images_join_the_selection_and_leave_it_again(rods_and_rounds):
    run = rods_and_rounds
    run_samples.label(run, "rods", role="training")
    before = selection.select(run, 50)
    coverage.save(run, before)
    apart = dict(zip(before.probed, before.near, strict=True))
    far = next(key for key, near in apart.items() if not near and key.sample == "rounds")
    found = [one.image for one in similar.similar(run, far, 6, EVERY).found]
    assert "added to the preview" in similar.choose(run, [far, *found, far])
    chosen = run.settings.selection
    assert set(chosen.similar) == {far, *found} - set(before.settings.images)
    assert chosen.groups_in_words.endswith(f", {len(chosen.similar)} added as similar")
    assert all(run.folder.preview_image(key).is_file() for key in chosen.similar)
    picture = coverage.load(run)
    assert picture is not None
    assert set(chosen.images) <= set(picture.candidates)
    assert not set(picture.probed) & set(chosen.similar)
    assert sum(picture.near) > sum(before.near)  # what was added covers its neighbours
    assert "already" in similar.choose(run, [before.settings.images[0], far])
    again = selection.select(run, 50)
    assert again.settings.random == before.settings.random
    assert set(again.settings.similar) == set(chosen.similar)
    assert "taken out" in similar.choose(run, [far])
    assert far not in run.settings.selection.images
    run.flush()
    with Run.open(run.path, writing=False) as other:
        assert other.settings.selection == run.settings.selection


def test_a_preview_has_room_for_a_thousand(run, samples):
    run_samples.add_sample(run, samples.make("tube"), 0.3)
    many = tuple(ImageKey("tube", f"x{n}") for n in range(995))
    run.update(replace(run.settings, selection=replace(run.settings.selection, random=many)))
    with pytest.raises(UsageError, match="too large"):
        similar.choose(run, [ImageKey("tube", str(n)) for n in range(6)])
    similar.choose(run, [ImageKey("tube", str(n)) for n in range(5)])
    assert len(run.settings.selection.images) == 1000
    with pytest.raises(UsageError, match="5 that were added by hand"):
        selection.select(run, 1000)


def test_real_cells_are_found_among_others(run, tmp_path):
    """Of the ten nearest to each of some crops, how many are of its set, over those of other sources: against chance.
    `python -m tests.benchmarks similar` measures it at length.
    """
    cells = SHARED_DATA / "cells"
    if not cells.is_dir():
        pytest.skip(f"real images are absent: {cells}")
    source: dict[ImageKey, str] = {}
    for name in ("yeast_wellslide_bf", "imagestream_eosinophils_bf", "colicoords_ecoli_bf"):
        (tmp_path / name).mkdir()
        crops = json.loads((cells / name / "crops.json").read_text())
        for crop in crops[:: len(crops) // 40]:
            shutil.copy(cells / name / "images" / crop["file"], tmp_path / name)
            source[ImageKey(name, Path(crop["file"]).stem)] = crop["source"]
        run_samples.add_sample(run, tmp_path / name)
    shares, chance = [], []
    for key in list(source)[::7]:
        found = [one.image for one in similar.similar(run, key, 60, EVERY).found if source[one.image] != source[key]]
        shares.append(np.mean([one.sample == key.sample for one in found[:10]]))
        others = [one for one in source if source[one] != source[key]]
        chance.append(np.mean([one.sample == key.sample for one in others]))
    assert np.mean(shares) > 0.7 > 2 * np.mean(chance)
