"""The whole job without the app, by real processes: from a simulated tube to a trained model and an FCS."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import ANY

import flowio
import numpy as np
import pytest
from PIL import Image

from tests import children, forks
from tui_cytpix.formats.run.folder import RunFolder
from tui_cytpix.formats.sample.registry import open_sample
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.train.watch import TrainingWatch

MEASURES = ("count_accuracy", "singlet_specificity", "multiplet_sensitivity", "centroid_f1", "foreground_iou", "ap50")


@pytest.fixture(scope="module")
def run(program, tube, tiny_model, tmp_path_factory) -> Path:
    """A run with twelve annotations, as far as before training."""
    folder = tmp_path_factory.mktemp("runs") / "r"
    made = program.json("run", "new", folder, "--sample", tube, "--base", tiny_model, "--preview", 50, "--seed", 3)
    assert made["base"] == "tiny"
    assert made["samples"][0]["name"] == "tube"
    assert made["samples"][0]["um_per_px"] == pytest.approx(0.3, rel=1e-3)
    chosen = program.json("run", "select", folder)
    assert len(chosen["random"]) + len(chosen["variable"]) == 24
    assert "all of them are taken" in chosen["notes"][0]
    return folder


def events(tube: Path) -> list[str]:
    return sorted(path.stem for path in Path(f"{tube}.truth").iterdir())


def test_inspect(program, tube):
    found = program.json("inspect", tube)
    (info,) = found["samples"]
    assert (info["image_count"], info["image_shape"], info["bit_depth"]) == (24, [248, 248], 10)
    assert len(info["parameters"]) == 59
    assert info["um_per_px"] == pytest.approx(0.3, rel=1e-3)
    assert info["um_per_px_source"] == "fcs"
    words = program("inspect", tube, "--um-per-px", "0.5").stdout
    assert "0.5 um/px (given)" in words
    assert "24, 248 x 248 px" in words


@pytest.mark.slow
def test_process_lists_failures_and_goes_on(program, tube, tiny_model, tmp_path):
    bad = tmp_path / "bad.acs"
    bad.write_text("this is a text file")
    out = tmp_path / "out"
    found = program.json("process", bad, tube, "--model", tiny_model, "--out", out, status=1)
    assert [f["sample"] for f in found["failures"]] == ["bad"]
    assert str(bad) in found["failures"][0]["reason"]
    assert {Path(p).name for p in found["outputs"]} >= {"tube.fcs", "tube.events.csv", "tube.particles.csv"}
    data = flowio.FlowData(out / "tube.fcs")
    names = [data.channels[n]["pnn"] for n in sorted(data.channels)]
    assert len(names) > 59
    assert "UDT_ParticleCount" in names
    with (out / "tube.events.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 24
    # another model's results are not mixed in
    other = tmp_path / "other.safetensors"
    shutil.copy(tiny_model, other)
    with other.open("r+b") as file:
        file.seek(-2, 2)
        file.write(b"\x00\x00")
    assert "another model" in program("process", tube, "--model", other, "--out", out, status=2).stderr


@pytest.mark.slow
def test_process_and_triage_restrict_to_a_gate_of_a_run(program, tube, tmp_path):
    other = tmp_path / "elsewhere" / "copy.acs"  # not the run's own sample
    other.parent.mkdir()
    shutil.copy(tube, other)
    run, out, whole = tmp_path / "run", tmp_path / "out", tmp_path / "whole"
    with Run.create(run) as opened:
        run_samples.add_sample(opened, tube)
    with open_sample(tube) as reader:
        rows, area = reader.fcs_rows(), reader.open_fcs().column("FSC-A")
    low = float(np.median([area[row] for row in rows.values()]))
    inside = {event for event, row in rows.items() if area[row] >= low}
    assert 0 < len(inside) < len(rows)
    program("run", "gate", run, "range", "large", "FSC-A", low, 1e9)
    gate = ("--gate", "large", "--gates-of", run)
    process = ("process", other, "--model", "cell-half", "--threads", 1)
    program(*process, "--out", out, *gate)
    program(*process, "--out", whole)
    listed, all_of_it = (rows_of(folder / "copy.events.csv") for folder in (out, whole))
    assert set(listed) == inside
    assert listed == {event: all_of_it[event] for event in inside}
    processed = flowio.FlowData(out / "copy.fcs")
    names = {channel["pnn"]: n - 1 for n, channel in processed.channels.items()}
    values = processed.as_array(preprocess=False)
    ticked = values[values[:, names["UDT_IsProcessed"]] == 1]
    assert {f"{event:.0f}" for event in ticked[:, names["Event"]]} == inside
    assert json.loads((out / "process.json").read_text())["gate"].startswith("large: FSC-A")
    expected = (values[:, names["FSC-A"]] >= low) & (values[:, names["FSC-A"]] <= 1e9)
    assert (values[:, names["UDT_Gate_large"]] == expected).all()
    program(*process, "--out", tmp_path / "told", "--format", "fcs", *gate[2:])  # all images, with the gates' columns
    told = flowio.FlowData(tmp_path / "told" / "copy.fcs")
    whole_values = told.as_array(preprocess=False)
    columns = {channel["pnn"]: n - 1 for n, channel in told.channels.items()}
    assert whole_values[:, columns["UDT_IsProcessed"]].sum() == len(rows)
    assert (whole_values[:, columns["UDT_Gate_large"]] == expected).all()
    found = program.json("triage", other, "--model", "cell-half", *gate)
    assert found["samples"][0]["images"] == len(inside)
    assert "needs its run" in program("process", tube, "--model", "cell-half", "--out", out, *gate[:2], status=2).stderr
    assert "Which gate" in program("triage", other, "--model", "cell-half", *gate[2:], status=2).stderr


def rows_of(path: Path) -> dict[str, dict[str, str]]:
    """The table's rows by event."""
    with path.open(newline="") as file:
        return {row["Event"]: row for row in csv.DictReader(file)}


def wait_for(run: Path, *states: str):
    watch, deadline = TrainingWatch(RunFolder(run)), time.monotonic() + children.LIMIT
    while time.monotonic() < deadline:
        status = watch.poll()
        if status.state in states:
            return status
        time.sleep(0.05)
    raise AssertionError(status)


def test_similar_images_are_found_beside_an_open_app_and_added(program, tube, run, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    known = events(tube)
    with Run.open(copy) as opened:
        found = program.json("run", "similar", copy, f"tube:{known[0]}", "--images", 5)
        assert "in use" in program("run", "similar", copy, known[0], "--add", status=1).stderr
        chosen = opened.settings.selection
        opened.update(replace(opened.settings, selection=replace(chosen, random=chosen.random[:2], variable=())))
    assert found["looked"] == {"tube": {"compared": 24, "images": 24}}
    assert [one["mark"] for one in found["found"]] == ["selected"] * 5
    assert f"tube:{known[0]}" not in [one["image"] for one in found["found"]]
    said = program("run", "similar", copy, known[0], "--images", 5, "--add")
    assert [line.split()[0] for line in said.stdout.splitlines()[1:]] == [one["image"] for one in found["found"]]
    assert "Compared 24 of 24 images" in said.stderr
    added = program.json("run", "status", copy)["preview"]["similar"]
    assert 3 <= added <= 5
    assert f"{added} added as similar" in program("run", "status", copy).stdout
    assert "SAMPLE:EVENT" not in program("run", "similar", copy, "tube:none", status=1).stderr


@pytest.mark.slow
def test_the_whole_story(program, tube, run):
    truth, known = f"{tube}.truth", events(tube)
    early = program("run", "train", run, status=1)
    assert "annotate 10 more" in early.stderr
    done = program.json("run", "annotate", run, "--from-masks", truth, "--only", *known[:12])
    assert (done["taken"], done["accepted"], done["validation"]) == (12, 12, 2)
    missing = program.json("run", "annotate", run, "--from-masks", truth, "--only", known[0], "no such event", status=1)
    assert [f["event"] for f in missing["failures"]] == ["no such event"]

    trained = program("run", "train", run, "--epochs", 3, "--device", "cpu", "--threads", 1, "--json")
    last = json.loads(trained.stdout)
    assert (last["state"], last["epoch"]) == ("finished", 3)
    lines = [line.partition(":")[0] for line in trained.stderr.splitlines() if line.startswith("epoch")]
    assert lines == ["epoch 1 of 3", "epoch 2 of 3", "epoch 3 of 3"]
    detached = program.json("run", "train", run, "--epochs", 2, "--detach")
    assert Path(detached["job"]).parent == run / "jobs"
    wait_for(run, "finished")
    status = program.json("run", "status", run)
    assert [e["number"] for e in status["training"]["epochs"]] == [1, 2, 3, 4, 5]
    assert status["annotations"]["accepted"] == 12
    assert status["model"] is None
    assert "epoch 5 of 5" in program("run", "status", run).stdout

    finished = program.json("run", "finish", run, "--name", "mine")
    assert finished["card"]["base_name"] == "tiny"
    assert finished["card"]["training"]["epochs_in_all"] == 5
    assert "taken" in program("run", "finish", run, "--name", "mine", status=1).stderr
    assert "mine" in [m["name"] for m in program.json("models", "list")["models"]]
    assert program.json("models", "show", "mine")["hash"] == finished["hash"]
    shared = run.parent / "shared.safetensors"
    program("models", "export", "mine", shared)
    assert program.json("models", "import", shared, "--name", "theirs")["name"] == "theirs"

    found = program.json(
        "compare", tube, "--model", shared, "--model", "mine", "--truth", truth,
        "--only", *known[12:],
    )  # fmt: skip
    assert [m["model"] for m in found["models"]] == [str(shared), "mine"]
    for model in found["models"]:
        assert model["images"] == 12
        for name in MEASURES:
            assert name in model
            assert len(model[f"{name}_ci"]) == 2
    assert found["pairs"][0]["count_p"] == 1.0


def test_ctrl_c_leaves_training_at_work_and_it_can_be_steered(program, tube, tiny_model, tmp_path):
    run = tmp_path / "r"
    program("run", "new", run, "--sample", tube, "--base", tiny_model)
    program("run", "annotate", run, "--from-masks", f"{tube}.truth")
    assert "No training is at work" in program("run", "pause", run, status=1).stderr
    said = tmp_path / "said"
    with said.open("w") as stream:
        command = program.command("run", "train", run, "--epochs", 500, "--threads", 1)
        follower = forks.start(command, env=program.environment, stdout=stream, stderr=stream)
    children.until(lambda: "\nepoch 1 " in said.read_text())
    follower.send_signal(signal.SIGINT)
    assert follower.wait(children.LIMIT) == 130
    assert "Training goes on in the background" in said.read_text()
    assert "Traceback" not in said.read_text()
    assert wait_for(run, "running").target == 500
    second = program("run", "train", run, "--detach")
    assert "at work already, up to epoch 500" in second.stderr
    assert len(list((run / "jobs").glob("*-train"))) == 1
    program("run", "annotate", run, "--from-masks", f"{tube}.truth")
    (control,) = (run / "jobs").glob("*-train/control.jsonl")
    assert '"reload"' in control.read_text()
    assert program.json("run", "finish", run, "--name", "on-the-way", "--notes", "Early.")["card"]["training"]["curve"]
    assert wait_for(run, "running").live
    program("run", "pause", run)
    paused = wait_for(run, "paused")
    program("run", "resume", run)
    assert wait_for(run, "running").epochs[-1].epoch >= paused.epochs[-1].epoch
    assert program.json("run", "stop", run) == {"run": str(run), "asked": "stop"}
    stopped = wait_for(run, "stopped")
    assert [e.epoch for e in stopped.epochs] == list(range(1, stopped.epochs[-1].epoch + 1))


@pytest.mark.slow
def test_training_leaves_out_an_image_that_it_refuses_and_says_so(program, tube, tiny_model, tmp_path):
    run = tmp_path / "r"
    program("run", "new", run, "--sample", tube, "--base", tiny_model)
    program("run", "select", run)
    program("run", "annotate", run, "--from-masks", f"{tube}.truth")
    copy = next((run / "preview").rglob("*.png"))
    copy.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 60 60\n%%EndComments\n")
    done = program("run", "train", run, "--epochs", 1, "--threads", 1, status=1)
    assert f"is left out: The run's copy of an image is damaged. {copy}: it is no PNG. Delete it" in done.stderr
    assert "finished: epoch 1 of 1" in done.stdout


@pytest.mark.slow
def test_without_truth_and_without_an_fcs(program, tube, tiny_model, tmp_path):
    """A folder of plain images: no FCS to write, no scale, and a warning for each."""
    folder = tmp_path / "plain"
    folder.mkdir()
    for n in range(3):
        noise = np.random.default_rng(n).normal(120, 4, (64, 64))
        Image.fromarray(noise.astype(np.uint8)).save(folder / f"{n}.png")
    process, out = ("process", "--model", tiny_model, "--threads", 1), tmp_path / "both"
    done = program(*process, folder, tube, "--out", out)
    assert "um/px is unknown" in done.stderr
    assert [path.stem for path in out.glob("*.fcs")] == [tube.stem]
    assert (out / "plain.events.csv").is_file()
    asked = program(*process, folder, "--out", tmp_path / "y", "--format", "fcs", status=1)
    assert "No FCS was written, as there is none to add to." in asked.stderr
    (folder / "plain.fcs").write_bytes(b"")
    asked = program(*process, folder, "--out", tmp_path / "z", "--format", "fcs", status=1)
    assert "none to add to" not in asked.stderr
    assert (
        "No FCS was written. The FCS can't be used: This FCS file can't be read. plain.fcs: it is empty."
        in asked.stderr
    )
    (folder / "plain.fcs").unlink()
    assert program(*process, folder, "--out", tmp_path / "x", "--format", "docx", status=2)
    done = program("compare", folder, "--model", tiny_model, "--model", tiny_model, "--zoom", 1.5)
    assert "counts differ on 0 of 3 images" in done.stdout
    assert "plain: seen 1.5 times as large (unknown scale; as set)" in done.stderr


def test_a_zoom_is_set_told_and_known_scales_decide_themselves(run_main, tube, tiny_model, tmp_path):
    run, plain = tmp_path / "r", tmp_path / "plain"
    plain.mkdir()
    Image.fromarray(np.tri(64, dtype=np.uint8) * 120).save(plain / "1.png")
    asked = ("run", "new", run, "--sample", tube, plain, "--base", tiny_model)
    status, _, err = run_main(*asked, "--zoom", "1.5")
    assert status == 0
    assert "images of unknown scale (plain) 1.5 times as large as they are, as set" in err
    assert "(plain) 1.5 times" in run_main("run", "status", run)[1]
    found = json.loads(run_main("run", "status", run, "--json")[1])
    assert (found["base_model"]["zoom"], found["seen"]) == (1.5, {})
    assert RunFolder(run).read_settings().base_model.zoom == 1.5
    assert "themselves" in run_main("run", "review", run, "--zoom", "auto")[2]
    assert RunFolder(run).read_settings().base_model.zoom == 0
    assert "2 times" in run_main("run", "base", run, tiny_model, "--zoom", "2")[2]
    assert "starts from tiny" in run_main("run", "base", run, tiny_model)[1]
    assert RunFolder(run).read_settings().base_model.zoom == 2  # stays
    _, _, err = run_main("run", "new", tmp_path / "known", "--sample", tube, "--base", tiny_model, "--zoom", "1.5")
    assert "The scale of every sample is known" in err
    assert "sees: by the size of the particles" in run_main("models", "show", tiny_model)[1]


def test_simulate_makes_what_it_says(run_main, tmp_path):
    asked = ("--out", tmp_path / "b", "--images", 2, "--layout", "folder", "--seed", 5)
    status, out, _ = run_main("simulate", "beads", *asked, "--json")
    made = json.loads(out)
    assert (status, made["images"], Path(made["truth"]).name) == (0, 2, "b.truth")
    assert len(list((tmp_path / "b").glob("*.png"))) == 2
    assert json.loads(run_main("inspect", tmp_path / "b", "--json")[1])["samples"][0]["image_count"] == 2
    status, _, err = run_main("simulate", "beads", *asked)
    assert status == 2
    assert "exists" in err
    status, _, err = run_main("simulate", "x", "--out", tmp_path / "c", "--images", 2)
    assert status == 2
    assert "pombe-edinburgh" in err


def test_every_bad_file_gets_one_message(run_main, tube, tiny_model, tmp_path, shared_data):
    def refused(*arguments):
        status, out, err = run_main(*arguments)
        assert (status, out) == (1, "")
        assert len(err.splitlines()) == 1
        return err

    cut, text, empty = tmp_path / "cut.acs", tmp_path / "text.acs", tmp_path / "empty"
    cut.write_bytes(tube.read_bytes()[: tube.stat().st_size // 2])
    text.write_text("hello")
    empty.mkdir()
    fcs = tmp_path / "alone" / "a.fcs"
    fcs.parent.mkdir()
    shutil.copy(shared_data / "fcs" / "attune_nxt_brvy_G11.fcs", fcs)
    for path in (cut, text, empty, fcs, tmp_path / "none"):
        assert path.name in refused("inspect", path)
    status, out, _ = run_main("inspect", cut, tube, text, "--json")
    assert status == 1
    assert len(json.loads(out)["samples"]) == 1
    assert len(json.loads(out)["failures"]) == 2
    refused("run", "new", tmp_path / "r", "--sample", text, "--base", tiny_model)
    refused("run", "new", tmp_path / "r", "--sample", tube, "--base", text)
    refused("run", "status", empty)
    refused("models", "import", text)
    refused("compare", tube, "--model", tiny_model, "--truth", empty)
    refused("process", tube, "--model", text, "--out", tmp_path / "o")
    assert not (tmp_path / "r").exists()


def test_a_run_of_0_1_0_gets_a_base_model_of_today(program, tiny_model, tmp_path):
    run = tmp_path / "r"
    shutil.copytree(Path(__file__).parents[1] / "workflow" / "run_of_0_1_0", run)
    told = program("models", "import", run / "model.safetensors", "--name", "mine", status=1).stderr
    assert "train it again from its annotations" in " ".join(told.split())
    assert program.json("run", "base", run, tiny_model)["base"] == "tiny"
    assert program.json("run", "status", run)["base_model"]["model"] == str(tiny_model)


def test_a_review_without_the_app_ends_in_a_verdict(program, tube, tiny_model, tmp_path):
    run = tmp_path / "r"
    program("run", "new", run, "--sample", tube, "--base", tiny_model)
    program("run", "review", run, "--model", "no-such-model", status=1)
    drawn = program.json("run", "review", run, "--model", tiny_model, "--goal", "exploration", "--images", "6")
    assert (drawn["images"], drawn["decision"], drawn["count"]["judged"]) == (6, "not yet known", 0)
    sequence = RunFolder(run).read_settings().assess.sequence
    table = tmp_path / "judged.csv"
    judged = ["acceptable,", "count,3", "mask,", ",2", "skipped,", "unusable,"]
    lines = [f"{key},{what}" for key, what in zip(sequence, judged, strict=True)]
    table.write_text("image,judgement,true_count\n" + "\n".join(lines) + "\n")
    found = program.json("run", "review", run, "--judgements", table)
    assert found["count"]["judged"] == 4
    assert found["count"]["skipped"] == 1
    assert (found["mask"]["judged"], found["mask"]["errors"]) == (3, 1)
    assert found["judgements"]["unusable"] == 1
    assert found["count"]["most_needed"] == 162 - 4
    assert found["seen"] == {"tube": {"times": ANY, "by": "particles", "um_per_px": pytest.approx(0.3, rel=1e-3)}}
    words = program("run", "review", run).stdout
    assert "not yet known" in words
    assert "tube: seen " in words
    table.write_text("image,judgement\nelsewhere:1,acceptable\n")
    assert "not processed" in program("run", "review", run, "--judgements", table, status=1).stderr
    table.write_text(f"image,judgement,true_count\n{sequence[0]},count,3\n{sequence[1]},acceptable,99\n")
    refused = program("run", "review", run, "--judgements", table, status=1).stderr
    assert f"line 3: {sequence[1]}: acceptable says" in refused
    out = tmp_path / "report.html"
    assert program.json("run", "report", run, "--out", out)["report"] == str(out)
    assert "Mask: not yet known. 1 wrong of 3" in out.read_text()
    assert "tube: seen " in out.read_text()


def test_triage_ranks_models_and_names_doubtful_images(program, tube, tiny_model):
    found = program.json("triage", tube, "--model", tiny_model, "--model", "general-half", "--images", 6)
    (sample,) = found["samples"]
    assert sample["images"] == 6
    assert {one["model"] for one in sample["models"]} == {"tiny", "general-half"}
    assert sample["models"][0]["model"] == "general-half"  # tiny sees nothing
    low, high = sample["models"][0]["expected_count_error_ci"]
    assert low <= sample["models"][0]["expected_count_error"] <= high
    assert "estimate" in found["note"]
    program("triage", tube, "--model", "no-such", status=1)
