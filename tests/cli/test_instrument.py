"""The instrument's own masks as a candidate: judged, corrected, written back; and where they can't be judged."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.formats.sample.cif.conftest import Cifs
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.masks.instrument import InstrumentMasks, decode_instrument_masks
from tui_cytpix.formats.sample.registry import open_sample
from tui_cytpix.workflow.annotate.annotator import Annotator
from tui_cytpix.workflow.annotate.tool import Aim
from tui_cytpix.workflow.annotate.toolbox import TOOLS
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run.predict import predict_now
from tui_cytpix.workflow.run.run import Run

SHAPE = (40, 60)


@pytest.fixture(scope="module")
def run(program, tube, tiny_model, tmp_path_factory) -> Path:
    """A run on the tube, annotating from its masks."""
    folder = tmp_path_factory.mktemp("runs") / "r"
    program("run", "new", folder, "--sample", tube, "--base", tiny_model)
    assert program.json("run", "base", folder, "--proposals", "instrument")["proposals"] == "instrument"
    return folder


def drawn_in(tube: Path) -> dict[str, InstrumentMasks]:
    with open_sample(tube) as sample:
        return {event: sample.read_masks(event) for event in sample.event_ids}


def test_a_review_judges_them_like_any_model(program, run, tmp_path):
    assert [m["name"] for m in program.json("models", "list")["models"]].count("instrument") == 1
    drawn = program.json("run", "review", run, "--model", "instrument", "--images", 12)
    assert (drawn["model"], drawn["processed"]) == ("instrument", 12)
    with Run.open(run, writing=False) as opened:
        images = opened.settings.assess.sequence[:12]
        answers = opened.answers(library.find("instrument").hash)
        masks = drawn_in(opened.folder.sample_path(opened.settings.samples[0]))
        for key in images:
            answer, own = answers.get(key), masks[key.event]
            assert answer.particle_count == own.particles.max()
            assert np.array_equal(answer.mask, own.objects > 0)
            assert np.isnan(answer.confidence)
    table = tmp_path / "judged.csv"
    table.write_text("image,judgement\n" + "".join(f"{key},{word}\n" for key, word in zip(images, WORDS, strict=True)))
    judged = program.json("run", "review", run, "--judgements", table)
    assert judged["count"]["judged"] == judged["mask"]["judged"] == 12
    assert (judged["count"]["errors"], judged["mask"]["errors"]) == (4, 3)
    assert judged["seen"]["tube"]["by"] == "masks"


WORDS = ["acceptable", "count", "acceptable", "mask", "acceptable", "both"] * 2
WORDS[-1] = "count"


def test_corrected_and_written_back_they_are_equal_where_nobody_touched_them(program, tube, run, tmp_path):
    before = drawn_in(tube)
    deleted, tightened = correct(run, before)
    out = tmp_path / "out"
    formats = "instrument-masks,csv"
    given = ("process", tube, "--model", "instrument", "--annotations", run, "--format", formats, "--out", out)
    program(*given, "--threads", 1)
    after = written(out / "tube.masks.zip", before)
    for event, masks in before.items():
        if event not in (deleted, tightened):
            assert np.array_equal(after[event].objects, masks.objects), event
            assert np.array_equal(after[event].particles, masks.particles), event
    one = after[deleted]
    assert np.array_equal(one.objects, before[deleted].objects)
    assert one.particles.max() == before[deleted].particles.max() - 1
    kept = one.particles > 0
    assert np.array_equal(kept, np.isin(before[deleted].particles, np.unique(before[deleted].particles[kept])))
    assert 0 < (after[tightened].objects > 0).sum() < (before[tightened].objects > 0).sum()
    rows = {row["Event"]: row for row in csv.DictReader((out / "tube.events.csv").open())}
    assert int(rows[deleted]["ParticleCount"]) == one.particles.max()
    assert rows[deleted]["ConfidenceScore"] == ""
    record = json.loads((out / "process.json").read_text())
    assert (record["model"]["name"], record["samples"][0]["problems"]) == ("instrument", [])
    assert any("2 images are as annotated" in note for note in record["notes"])
    again = packed(tube, out / "tube.masks.zip", tmp_path / "again.acs")
    for event, masks in drawn_in(again).items():
        assert np.array_equal(masks.objects, after[event].objects)
        assert np.array_equal(masks.particles, after[event].particles)


def correct(run: Path, drawn: dict[str, InstrumentMasks]) -> tuple[str, str]:
    """Deletes a centroid of one image, tightens the mask of another, accepts both; their events."""
    several = [event for event, masks in drawn.items() if masks.particles.max() > 1]
    single = [event for event, masks in drawn.items() if masks.particles.max() == 1]
    with Run.open(run) as opened:
        keys = [ImageKey("tube", event) for event in (several[0], single[0])]
        model = library.proposing(opened)
        annotator = Annotator(opened, model, predict_now(opened, model, keys, threads=1))
        for key, tool in zip(keys, ("delete", "tighten"), strict=True):
            y, x = annotator.look_at(key).proposal.centroids[0]
            assert annotator.use(key, TOOLS[tool], Aim((float(y), float(x)))) is not None
            assert annotator.accept(key).corrected
        assert opened.annotations.state(keys[0]).origin == model.hash
        opened.flush()
    return several[0], single[0]


def written(path: Path, like: dict[str, InstrumentMasks]) -> dict[str, InstrumentMasks]:
    with zipfile.ZipFile(path) as archive:
        return {e: decode_instrument_masks(archive.read(f"{e}.json"), m.objects.shape) for e, m in like.items()}


def packed(tube: Path, masks: Path, target: Path) -> Path:
    """The archive with other masks."""
    with zipfile.ZipFile(tube) as old, zipfile.ZipFile(target, "w") as new:
        for member in old.infolist():
            theirs = member.filename.endswith(".masks.zip")
            new.writestr(member.filename, masks.read_bytes() if theirs else old.read(member))
    return target


def test_they_are_no_base_model_and_triage_does_not_rank_them(program, tube, run, tmp_path):
    for arguments in (("base", run, "instrument"), ("new", tmp_path / "n", "--sample", tube, "--base", "instrument")):
        refused = program("run", *arguments, status=1).stderr
        assert "can't be the base model" in refused
        assert "--proposals instrument" in refused
    assert not (tmp_path / "n").exists()
    assert "Triage can't rank" in program("triage", tube, "--model", "instrument", status=2).stderr
    back = program.json("run", "base", run, "--proposals", "base")
    assert back["proposals"] == back["base"] == "tiny"
    program("run", "base", run, "--proposals", "instrument")


def plain_folder(folder: Path) -> Path:
    folder.mkdir()
    for number in range(4):
        Image.fromarray(np.random.default_rng(number).integers(0, 99, SHAPE).astype(np.uint8)).save(
            folder / f"{number}.png"
        )
    return folder


def test_a_sample_without_masks_is_named(program, tube, tiny_model, tmp_path):
    plain, run = plain_folder(tmp_path / "plain"), tmp_path / "r"
    program("run", "new", run, "--sample", plain, "--base", tiny_model)
    for refused in (("review", run, "--model", "instrument"), ("base", run, "--proposals", "instrument")):
        assert "no masks of the instrument. plain carries none." in program("run", *refused, status=1).stderr
    assert (
        "plain carries none"
        in program("process", plain, "--model", "instrument", "--out", tmp_path / "o", status=1).stderr
    )
    program("run", "add", run, tube)
    found = program.json("run", "review", run, "--model", "instrument", "--images", 10)
    assert any(line.startswith("plain: no masks of the instrument") for line in found["words"])
    assert set(found["seen"]) == {"tube"}


def test_the_list_of_models_states_no_resolution_of_them(program):
    (line,) = [one for one in program("models", "list").stdout.splitlines() if one.startswith("instrument ")]
    assert line.split()[:3] == ["instrument", "instrument", "-"]


def test_images_are_drawn_of_samples_with_masks_only(program, tube, tiny_model, tmp_path):
    folder, run = tmp_path / "plain", tmp_path / "r"
    folder.mkdir()
    for number in range(12):
        pixels = np.random.default_rng(number).integers(0, 99, SHAPE).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    program("run", "new", run, "--sample", tube, "--sample", folder, "--base", tiny_model)
    assert program.json("run", "review", run, "--model", tiny_model, "--images", 6)["processed"] == 6
    drawn = program.json("run", "review", run, "--model", "instrument", "--images", 8)
    assert drawn["processed"] == 8
    assert any(line.startswith("plain: no masks of the instrument") for line in drawn["words"])
    assert program.json("run", "review", run, "--model", "instrument", "--images", 8)["processed"] == 8
    with Run.open(run, writing=False) as opened:
        samples = [key.sample for key in opened.settings.assess.sequence]
    assert (samples.count("tube"), samples.count("plain")) == (8, 3)
    pairs = program.json("run", "pairs", run, "--model", "instrument", "--images", 6)
    assert pairs["images"] == 6
    assert any(line.startswith("plain: no masks of the instrument") for line in pairs["words"])


def squares() -> tuple[list[NDArray[np.uint16]], list[NDArray[np.bool_]]]:
    """Images of two squares, and masks of both."""
    images, masks = [], []
    for number in range(8):
        mask = np.zeros(SHAPE, np.bool_)
        mask[8:20, 10:20] = mask[22:32, 30 + number : 40 + number] = True
        images.append((np.random.default_rng(number).integers(90, 110, SHAPE) + 60 * mask).astype(np.uint16))
        masks.append(mask)
    return images, masks


def as_rtdc(folder: Path) -> Path:
    h5py = pytest.importorskip("h5py", reason="the extra hdf5 isn't installed")
    images, masks = squares()
    with h5py.File(folder / "cells.rtdc", "w") as file:
        file["events/image"] = np.stack(images).astype(np.uint8)
        file["events/mask"] = np.stack(masks).astype(np.uint8) * 255
    return folder / "cells.rtdc"


def as_cif(folder: Path) -> Path:
    images, masks = squares()
    side_by_side = ((np.tile(image, (1, 6)), np.tile(mask, (1, 6))) for image, mask in zip(images, masks, strict=True))
    return Cifs(folder).write([(number, *both) for number, both in enumerate(side_by_side)])


@pytest.mark.slow
@pytest.mark.parametrize("make", [as_rtdc, as_cif])
def test_masks_of_the_trigger_are_judged_for_their_fit_alone(
    program, tiny_model, tmp_path, make: Callable[[Path], Path]
):
    sample, run = make(tmp_path), tmp_path / "r"
    program("run", "new", run, "--sample", sample, "--base", tiny_model)
    refused = program("run", "review", run, "--model", "instrument", "--images", 8, status=2).stderr
    assert "In cells they mark the object that triggered, not its cells" in refused
    assert "--require mask" in refused
    review = ("run", "review", run, "--model", "instrument")
    found = program.json(*review, "--require", "mask", "--images", 8)
    assert found["processed"] == 8
    assert "cells: the instrument's masks mark the object that triggered" in found["words"][0]
    with Run.open(run, writing=False) as opened:
        images = opened.settings.assess.sequence
        answer: Segmentation = opened.answers(library.find("instrument").hash).get(images[0])
        assert np.array_equal(answer.mask, squares()[1][int(images[0].event) - (make is as_rtdc)])
        assert len(answer.centroids) == 2
    table = tmp_path / "judged.csv"
    table.write_text(f"image,judgement\n{images[0]},acceptable\n{images[1]},count\n")
    assert "can't be judged" in program("run", "review", run, "--judgements", table, status=2).stderr
    assert program.json("run", "review", run)["mask"]["judged"] == 0
    table.write_text(f"image,judgement\n{images[0]},acceptable\n{images[1]},mask\n{images[2]},unusable\n")
    judged = program.json("run", "review", run, "--judgements", table)
    assert (judged["mask"]["judged"], judged["mask"]["errors"]) == (2, 1)
    assert [judged[kind]["judged"] for kind in ("count", "singlets", "multiplets")] == [0, 0, 0]
    assert "can't be judged" in program("run", "review", run, "--require", "count,mask", status=2).stderr
    compared = program.json("compare", sample, "--model", "instrument", "--model", tiny_model)
    assert any("their counts can't" in note for note in compared["notes"])
    own, other = compared["models"]
    assert (own["particles"], own["multiplet_images"], compared["pairs"][0]["counts_differing"]) == (None, None, None)
    assert None not in (other["particles"], other["multiplet_images"], compared["pairs"][0]["foreground_iou"])
    done = program.json("process", sample, "--model", "instrument", "--out", tmp_path / "o", "--format", "csv")
    assert done["failures"] == []
    assert "tell no counts" in (tmp_path / "o" / "process.json").read_text()
    rows = list(csv.DictReader((tmp_path / "o" / "cells.events.csv").open()))
    assert {row[name] for row in rows for name in ("ParticleCount", "ObjectCount", "ClumpIndexMax")} == {""}
    assert [float(row["NumPixels"]) for row in rows] == [mask.sum() for mask in squares()[1]]
    assert len((tmp_path / "o" / "cells.particles.csv").read_text().splitlines()) == 1
    record = json.loads((tmp_path / "o" / "cells.process.json").read_text())
    assert (record["images"], set(map(len, record["counts"].values()))) == (8, {0})
    program("collect", tmp_path / "o")
    (tube,) = csv.DictReader((tmp_path / "o" / "batch.tubes.csv").open())
    assert (tube["Processed"], tube["NoParticle"], tube["MultipletsPercent"]) == ("8", "", "")


def test_masks_of_the_trigger_have_no_counts_to_compare_with_the_truth(program, tiny_model, tmp_path):
    sample, truth = as_cif(tmp_path), tmp_path / "truth"
    truth.mkdir()
    for number, mask in enumerate(squares()[1]):
        label = mask.astype(np.uint8) * (1 + (np.arange(SHAPE[0]) > 20)[:, None])
        Image.fromarray(label.astype(np.uint8)).save(truth / f"{number}.png")
    given = ("compare", sample, "--truth", truth, "--model", "instrument", "--model", tiny_model)
    found = program.json(*given)
    own, other = found["models"]
    assert own["foreground_iou"] == 1
    for name in ("count_accuracy", "singlet_specificity", "multiplet_sensitivity", "centroid_f1", "ap50"):
        assert (own[name], own[f"{name}_ci"]) == (None, [None, None]), name
    assert None not in (other["count_accuracy"], found["pairs"][0]["foreground_iou_difference"])
    assert own["multiplet_images"] == other["multiplet_images"] == 0  # of the truth
    told = program(*given).stdout
    assert "one of them tells no counts" in told
    assert next(line for line in told.splitlines() if "centroid F1" in line).split()[2] == "-"
