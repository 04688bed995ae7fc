"""By real processes: a tube that was exchanged, one under several names, and evaluation images that were trained on."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import pytest

from tui_cytpix.simulate import write

CHANGED = "The sample is not the one that it was. s: "


@pytest.fixture
def tubes(tmp_path) -> Path:
    """`s.acs` and `other.acs`, each of 60 images, with their truth."""
    for seed, name in ((1, "s"), (2, "other")):
        write("pombe-rich", tmp_path / f"{name}.acs", 60, "acs", seed)
    return tmp_path


@pytest.mark.slow
def test_a_tube_in_the_place_of_another_is_refused_and_told(program, tubes, tiny_model):
    run, sample = tubes / "r", tubes / "s.acs"
    program("run", "new", run, "--sample", sample, "--base", tiny_model, "--preview", 50)
    said = program("run", "select", run).stderr
    assert "The samples hold 60 images: selecting 50 leaves 10 to evaluate on" in said
    before = sample.read_bytes()
    shutil.copyfile(tubes / "other.acs", sample)
    refused = program("run", "annotate", run, "--from-masks", tubes / "other.acs.truth", status=1)
    assert CHANGED in refused.stderr
    assert "add this one as a new sample" in refused.stderr
    assert not (run / "annotations.jsonl").exists()
    for verb in (("select", run), ("review", run, "--images", 5)):
        assert CHANGED in program("run", *verb, status=1).stderr
    assert CHANGED in program("run", "status", run).stderr
    assert program.json("run", "status", run)["problems"][0].startswith(CHANGED)
    sample.write_bytes(before)
    assert program.json("run", "status", run)["problems"] == []
    assert program.json("run", "annotate", run, "--from-masks", tubes / "s.acs.truth")["taken"] == 60


@pytest.mark.slow
def test_a_run_goes_on_beside_a_tube_that_was_exchanged(program, tubes, tiny_model):
    """What was annotated before is trained on from the run's copies; a new sample is annotated and reviewed."""
    run, sample = tubes / "r", tubes / "s.acs"
    write("yeast", tubes / "new.acs", 30, "acs", 3)
    program("run", "new", run, "--sample", sample, tubes / "new.acs", "--base", tiny_model, "--preview", 50)
    program("run", "select", run)
    copies = [path.stem for path in (run / "preview" / "s").glob("*.png")]
    program("run", "annotate", run, "--sample", "s", "--from-masks", f"{sample}.truth", "--only", *copies[:12])
    shutil.copyfile(tubes / "other.acs", sample)
    program("run", "annotate", run, "--sample", "new", "--from-masks", tubes / "new.acs.truth")
    assert CHANGED in program("run", "review", run, "--images", 5, status=1).stderr
    again = program.json("run", "add", run, sample, "--role", "research", "--unit", "culture 2")["samples"]
    assert [(one["name"], one["unit"]) for one in again] == [("s-2", "culture 2")]
    refused = program.json("run", "add", run, tubes / "new.acs", tubes / "none.acs", status=1)
    assert refused["samples"] == []
    assert "The sample is in the run already" in refused["failures"][0]["reason"]
    program("run", "label", run, "s", "--role", "aside")
    assert "not the one" not in program("run", "status", run).stderr
    program("run", "review", run, "--images", 5)
    program("run", "label", run, "s", "--role", "training")
    program("run", "train", run, "--epochs", 1, "--device", "cpu", "--no-check")


@pytest.mark.slow
def test_processing_and_the_report_say_that_a_tube_was_exchanged(program, tubes, tiny_model):
    run, sample, out = tubes / "r", tubes / "s.acs", tubes / "out"
    program("run", "new", run, "--sample", sample, tubes / "other.acs", "--base", tiny_model)
    program("run", "gate", run, "range", "wide", "FSC-A", 0, 1e9)
    shutil.copyfile(tiny_model, run / "model.safetensors")

    def process(*paths: Path, status: int = 0, gate: tuple[object, ...] = ()) -> tuple[str, dict]:
        given = (*paths, "--model", run / "model.safetensors", "--format", "csv", "--out", out, *gate)
        said = program("process", *given, "--device", "cpu", "--threads", 1, status=status).stderr
        return said, json.loads((out / "process.json").read_text())

    said, record = process(sample)
    assert "not the one" not in said
    assert record["notes"] == []
    write("pombe-rich", tubes / "third.acs", 20, "acs", 7)
    shutil.copyfile(tubes / "third.acs", sample)
    said, record = process(sample)
    for words in (CHANGED, "The model's run knows another tube there", "made from other images, and is replaced"):
        assert words in said
        assert words in " ".join(record["notes"])
    gate = ("--gate", "wide", "--gates-of", run)
    said, record = process(sample, tubes / "other.acs", status=1, gate=gate)
    assert CHANGED in said
    assert [one["name"] for one in record["samples"]] == ["other", "s"]  # what is there of s stays
    assert CHANGED in record["failures"][0]["reason"]
    told = program("run", "report", run)
    assert CHANGED in told.stderr
    assert CHANGED in (run / "report.html").read_text()
    assert program.json("run", "report", run)["problems"][0].startswith(CHANGED)


def test_one_tube_under_three_names_is_refused_and_leaves_no_run(program, tubes, tiny_model):
    copies = [shutil.copyfile(tubes / "s.acs", tubes / f"{name}.acs") for name in ("s2", "s3")]
    new = ("run", "new", tubes / "r", "--sample", tubes / "s.acs", *copies, "--base", tiny_model)
    assert "s2.acs holds the same images as s (" in program(*new, status=1).stderr
    assert not (tubes / "r").exists()
    assert program.json("compare", tubes / "s.acs", "--model", tiny_model, "--images", 2)["images"] == 2


def test_inspect_tells_hashes_and_copies(program, tubes):
    again = shutil.copyfile(tubes / "s.acs", tubes / "again.acs")
    found = program.json("inspect", tubes / "s.acs", again, tubes / "other.acs", "--hash")["samples"]
    one, copy, other = (sample["hash"] for sample in found)
    assert one == copy
    assert len(one["digests"]) == 60
    assert not set(one["digests"].values()) & set(other["digests"].values())
    words = program("inspect", tubes / "s.acs", again, tubes / "other.acs", "--hash").stdout
    assert words.count("60 images, 60 different") == 3
    assert words.count("60 of its images are in") == 1
    assert "hash" not in program.json("inspect", again)["samples"][0]


@pytest.mark.slow
def test_images_of_an_evaluation_that_were_trained_on_drop_out(program, tmp_path, tiny_model):
    run, sample = tmp_path / "r", tmp_path / "y.acs"
    write("yeast", sample, 120, "acs", 2)
    truth = tmp_path / "y.acs.truth"
    program("run", "new", run, "--sample", sample, "--base", tiny_model, "--preview", 50)
    program("run", "select", run)

    def settings() -> dict:
        return tomllib.loads((run / "run.toml").read_text())

    def annotate_and_finish(images: list[str], name: str) -> None:
        events = [image.partition(":")[2] for image in images]
        program("run", "annotate", run, "--from-masks", truth, "--only", *events)
        program("run", "train", run, "--epochs", 1, "--device", "cpu", "--no-check")
        program("run", "finish", run, "--name", f"{name}-{tmp_path.name}")

    annotate_and_finish((settings()["selection"]["random"] + settings()["selection"]["variable"])[:12], "first")
    evaluate = ("run", "review", run, "--step", "evaluate", "--images", 30)
    said = program(*evaluate, "--goal", "gating").stdout
    assert "Valid for these tubes, by fresh images of samples that were trained on (y)" in said
    drawn = settings()["evaluate"]["sequence"]
    annotate_and_finish(drawn[:16], "second")
    again = program(*evaluate)
    assert "16 of the 30 drawn images are left out" in again.stderr.replace("images drawn", "drawn images")
    now = settings()["evaluate"]["sequence"]
    assert now[:14] == drawn[16:]
    assert len(set(now)) == 30
    lines = [json.loads(line) for line in (run / "annotations.jsonl").read_text().splitlines()]
    assert not set(now) & {line["image"] for line in lines if line["action"] == "accept"}
    assert "16 of" not in program("run", "review", run, "--step", "evaluate").stdout
    too_many = program("run", "review", run, "--step", "evaluate", "--images", 100).stderr
    assert "Only 54 of 100: the samples hold no more images" in too_many
    card = program.json("models", "show", run / "model.safetensors")
    made_with = card["provenance"]
    assert len(made_with["training"]) + len(made_with["validation"]) == 28
    assert len(made_with["seen"]) >= 50
