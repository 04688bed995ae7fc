"""The three jobs as the app runs them: real processes, real files."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests import children, forks, job_files
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.zoom import By, Zoom
from tui_cytpix.engine.network.model import load_model, save_model
from tui_cytpix.engine.network.zoom import zoom_of
from tui_cytpix.engine.predict.inference import Predictor
from tui_cytpix.engine.predict.sample_images import SampleImages
from tui_cytpix.engine.train.checkpoints import read_state
from tui_cytpix.formats.model.file import file_hash
from tui_cytpix.formats.run.images import RunImages
from tui_cytpix.formats.run.job import JobFolder
from tui_cytpix.formats.run.predictions import PredictionStore, read_shard
from tui_cytpix.formats.sample.registry import open_sample

ROOT = Path(__file__).resolve().parents[3]


def _of(events: list[dict], kind: str) -> list[dict]:
    return [e for e in events if e["type"] == kind]


def _wait_for(job: JobFolder, process: forks.Forked, kind: str, count: int = 1) -> None:
    def told() -> bool:
        return len(_of(job_files.events(job), kind)) >= count

    children.until(lambda: told() or process.poll() is not None)
    assert told(), job.output_path.read_text()


def _state(run) -> tuple[dict, dict]:
    return read_state(run.folder.checkpoints / "last.npz")


def test_training_tells_its_epochs_and_leaves_models(toy_run, tmp_path, here):
    events = here(tmp_path / "jobs" / "1-train", toy_run.train_spec(epochs=5))
    started = _of(events, "started")[0]
    assert started["target"] == 5
    assert started["threads"] == 1
    assert [e["epoch"] for e in _of(events, "epoch")] == [1, 2, 3, 4, 5]
    for epoch in _of(events, "epoch"):
        assert (epoch["training_images"], epoch["validation_images"], epoch["target"]) == (8, 2, 5)
        assert 0 <= epoch["ta"] <= 1
        assert 0 <= epoch["va"] <= 1
        assert epoch["loss"] > 0
    annotated = [e for e in _of(events, "counts") if e["scope"] == "annotated"]
    preview = [e for e in _of(events, "counts") if e["scope"] == "preview"]
    assert [set(e["counts"]) for e in annotated] == [{f"toys:{i:03d}" for i in range(10)}] * 5
    assert [(e["epoch"], set(e["counts"])) for e in preview] == [(5, {f"toys:{i:03d}" for i in range(10, 14)})]
    assert events[-1]["type"] == "finished"
    for name in ("last", "best"):
        card = load_model(toy_run.folder.checkpoints / f"{name}.safetensors").card
        assert card.kind == "UDT"
        assert card.base == file_hash(toy_run.base)
        assert card.um_per_px == 0.3
        assert card.object_px == pytest.approx(13, abs=3)
        assert card.training["training_images"] == 8
        assert set(card.measured) == {"TA", "VA", "VA standard error"}
    assert card.training["epoch"] == _of(events, "best")[-1]["epoch"]
    assert card.training["lineage"] == [{"name": "tiny", "hash": file_hash(toy_run.base)}]
    assert card.training["images_by_sample"] == {"toys": {"training": 8, "validation": 2}}
    images = RunImages(toy_run.folder, toy_run.folder.read_settings())
    made_with = card.made_with
    assert {*made_with.training, *made_with.validation} == {images.digest(key) for key in toy_run.keys[:10]}
    assert (len(made_with.training), len(made_with.validation), made_with.complete) == (8, 2, True)
    assert made_with.samples == (images.reader("toys").fingerprint(),)
    assert card.training["annotations"].startswith("sha256:")
    assert len(card.training["annotations"]) == 71
    sides = _of(events, "annotations")
    assert [(e["training"], e["validation"]) for e in sides] == [(8, 2)]
    assert all(e["rate"] > 0 for e in _of(events, "epoch"))
    for look in annotated:  # the toys are smaller than the size cutoff: none is asked for
        wrong = {image for image, count in look["counts"].items() if count}
        assert set(look["contradicted"]) == wrong
        assert all(given == 0 <= sure <= 1 for given, sure in look["contradicted"].values())
    store = PredictionStore(tmp_path / "jobs" / "1-train" / "looks")
    assert {str(k): store.get(k).particle_count for k in store.keys()} == preview[0]["counts"]  # noqa: SIM118
    assert (tmp_path / "jobs" / "1-train" / "heartbeat").exists()


def test_an_image_that_is_annotated_twice_trains_once(toy_run, tmp_path, here):
    """A copy under another name, in a run of an earlier build, which didn't write down what images show."""
    sample = Path(toy_run.folder.read_settings().samples[0].path)
    shutil.copyfile(sample / "009.png", sample / "010.png")  # 009 validates
    toy_run.annotate(10)
    events = here(tmp_path / "job", toy_run.train_spec(epochs=1))
    assert [(e["training_images"], e["validation_images"]) for e in _of(events, "epoch")] == [(8, 2)]
    assert [e["text"] for e in _of(events, "left_out")] == ["toys:010 has the same pixels as toys:009: they count once"]


def test_training_refuses_images_that_are_others_than_the_run_knows(toy_run, tmp_path, here):
    settings = toy_run.folder.read_settings()
    known = RunImages(toy_run.folder, settings).reader("toys").fingerprint()
    toy_run.folder.settings_path.write_text(
        toy_run.folder.encode_settings(
            replace(settings, samples=tuple(replace(one, fingerprint=known) for one in settings.samples))
        )
    )
    (Path(settings.samples[0].path) / "extra.png").write_bytes(b"new")
    events = here(tmp_path / "job", toy_run.train_spec(epochs=1), status=1)
    assert len(_of(events, "left_out")) == 10
    assert all("The sample is not the one that it was" in e["text"] for e in _of(events, "left_out"))


def test_a_killed_training_goes_on_to_the_same_model_with_no_gap(toy_run, tmp_path, here):
    """Killed twice, and trained to the end; then from the base again, in one go."""
    told, resume = set(), ""  # an epoch that was saved is told again where its line may have been lost
    last = toy_run.folder.checkpoints / "last.safetensors"
    for name in ("first", "second"):
        job = job_files.create(tmp_path / name, toy_run.train_spec(epochs=1000, resume=resume))
        process = forks.start_engine(job)
        _wait_for(job, process, "epoch", 1)
        process.send_signal(signal.SIGHUP)  # the terminal is gone
        _wait_for(job, process, "epoch", 2)
        process.kill()
        process.wait(children.LIMIT)
        told |= {e["epoch"] for e in _of(job_files.events(job), "epoch")}
        saved, resume = _state(toy_run)[1].pending.epoch.epoch, str(last)
        assert saved - max(told) in (0, 1)
    end = here(tmp_path / "third", toy_run.train_spec(epochs=1, resume=resume))
    assert told | {e["epoch"] for e in _of(end, "epoch")} == set(range(1, saved + 2))
    (resumed, _), file = _state(toy_run), last.read_bytes()
    shutil.rmtree(toy_run.folder.checkpoints)
    here(tmp_path / "whole", toy_run.train_spec(epochs=saved + 1))
    arrays, _ = _state(toy_run)
    assert all(np.array_equal(arrays[k], resumed[k]) for k in arrays)
    assert last.read_bytes() == file


def test_wishes_are_obeyed_and_acknowledged(toy_run, tmp_path):
    job = job_files.create(tmp_path / "job", toy_run.train_spec(epochs=1000))
    pause = job_files.wish(job, "pause")
    process = forks.start_engine(job)
    _wait_for(job, process, "paused")
    assert not _of(job_files.events(job), "epoch")
    toy_run.annotate(10)
    reload, resume, more = (
        job_files.wish(job, "reload"),
        job_files.wish(job, "resume"),
        job_files.wish(job, "more", epochs=5),
    )
    _wait_for(job, process, "epoch", 2)
    unknown = job_files.wish(job, "dance")
    stop = job_files.wish(job, "stop")
    assert process.wait(children.LIMIT) == 0
    events = job_files.events(job)
    assert {e["of"] for e in _of(events, "ack")} == {pause, reload, resume, more, unknown, stop}
    assert _of(events, "epoch")[0]["training_images"] == 9
    assert _of(events, "epoch")[0]["target"] == 1005
    assert events[-1]["type"] == "stopped"
    assert events[-1]["epoch"] == _of(events, "epoch")[-1]["epoch"]


def test_a_paused_job_leaves_when_nobody_comes(toy_run, tmp_path, here):
    idle = here(tmp_path / "idle", toy_run.train_spec(idle_exit_s=0.1), wishes=[{"kind": "pause"}])
    assert (idle[-1]["type"], idle[-1]["reason"]) == ("exited", "idle")


def _failure(events: list[dict]) -> dict:
    assert events[-1]["type"] == "failed"
    assert events[-1]["way_out"]
    return events[-1]


def test_what_cannot_be_trained_is_said_in_a_sentence(toy_run, tmp_path, here, capfd):
    text = tmp_path / "bad.safetensors"
    text.write_text("no model at all")
    events = here(tmp_path / "1", toy_run.train_spec(base=str(text), base_hash=""), status=1)
    assert "not a model" in _failure(events)["reason"]
    events = here(tmp_path / "2", toy_run.train_spec(base_hash="sha256:00"), status=1)
    assert "changed" in _failure(events)["reason"]
    events = here(tmp_path / "3", toy_run.train_spec(device="cuda:77"), status=1)
    assert "device" in _failure(events)["reason"]
    events = here(tmp_path / "4", {"kind": "dance"}, status=1)
    assert "dance" in _failure(events)["reason"]
    toy_run.folder.annotations_path.write_bytes(b"")
    events = here(tmp_path / "5", toy_run.train_spec(), status=1)
    assert "0 of at least 10" in _failure(events)["reason"]
    assert "Traceback" not in capfd.readouterr().err


def test_no_job_at_all(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", "tui_cytpix.engine"]
    done = children.run([*command, str(tmp_path)], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "not a job" in done.stderr
    assert "Traceback" not in done.stderr
    assert children.run(command, env=environment, capture_output=True).returncode == 2


def test_the_predict_job_answers_and_survives_bad_requests(toy_run, tmp_path, here):
    spec = {"kind": "predict", "run": str(toy_run.folder.path), "device": "cpu", "threads": 1, "idle_exit_s": 60}
    text = tmp_path / "bad.safetensors"
    text.write_text("no")
    inside = [{"sample": "toys", "path": "", "um_per_px": 0.3, "events": ["000", "001", "nope"]}]
    outside = [{"sample": "other", "path": str(tmp_path / "toys"), "events": ["003"]}]
    out = tmp_path / "out"
    common = {"kind": "predict", "model": str(toy_run.base), "out": str(out)}
    wishes = [
        {**common, "id": 1, "images": inside, "shard": "a"},
        {**common, "id": 2, "images": outside, "shard": "b"},
        {**common, "id": 3, "images": inside, "shard": "c", "model": str(text)},
        {"kind": "predict", "id": 4},
        {**common, "id": 5, "images": [{**outside[0], "path": "/nowhere"}], "shard": "e"},
        {"kind": "stop"},
    ]
    events = here(tmp_path / "job", spec, wishes=wishes)
    answers = {e["id"]: e for e in events if e["type"] in ("predicted", "request_failed")}
    assert answers[1]["images"] == 2
    assert "nope" in answers[1]["problems"][0]
    assert answers[2]["images"] == 1
    assert [answers[n]["type"] for n in (3, 4, 5)] == ["request_failed"] * 3
    assert events[-1]["type"] == "stopped"
    store = PredictionStore(out)
    assert set(store.keys()) == {ImageKey("toys", "000"), ImageKey("toys", "001"), ImageKey("other", "003")}
    found = store.get(ImageKey("toys", "000"))
    assert found is not None
    assert found.mask.shape == (48, 48)
    probability = store.probability(ImageKey("toys", "000"))
    assert probability is not None
    assert probability.dtype == np.uint8


def test_the_predict_job_sees_images_of_unknown_scale_as_asked_and_tells(toy_run, tmp_path, here):
    base = load_model(toy_run.base)
    save_model(toy_run.base, base.net, replace(base.card, network_um_per_px=0.3))
    spec = {"kind": "predict", "run": "", "device": "cpu", "threads": 1, "once": True}
    group = {"sample": "s", "path": str(tmp_path / "toys"), "events": ["003", "004"]}
    out = tmp_path / "out"
    common = {"kind": "predict", "id": 1, "model": str(toy_run.base), "out": str(out)}
    asked = {"automatic": {}, "set": {"zoom": 1.5}, "known": {"um_per_px": 0.6}}
    for name, more in asked.items():
        here(tmp_path / name, spec, wishes=[{**common, "images": [{**group, **more}], "shard": name}])
    told = {name: read_shard(out / f"{name}.npz") for name in asked}
    with ThreadPoolExecutor(1) as pool, open_sample(tmp_path / "toys", None) as reader:
        sample = SampleImages(reader, pool)
        grays = [image.normalised for image in sample.read(group["events"])]
        guessed = zoom_of(base.card, None, lambda: sample.typical_px)
    predictor = Predictor(load_model(toy_run.base))
    zooms = {"automatic": guessed, "set": Zoom(1.5, By.SET), "known": Zoom(2.0, By.SCALE, 0.6)}
    for name, zoom in zooms.items():
        assert [item.zoom for item in told[name]] == [zoom] * 2
        cutoff = predictor.cutoff_px(zoom.um_per_px)
        expected = predictor.predict_normalised(grays, [cutoff] * 2, [zoom.times] * 2)
        for item, (found, probability) in zip(told[name], expected, strict=True):
            assert item.segmentation.same_as(found)
            np.testing.assert_array_equal(item.probability, probability)


def test_training_sees_images_of_unknown_scale_as_asked_and_the_card_says_so(toy_run, tmp_path, here):
    settings = toy_run.folder.read_settings()
    unknown = replace(settings.samples[0], um_per_px=None, scale_source="")
    toy_run.folder.settings_path.write_text(toy_run.folder.encode_settings(replace(settings, samples=(unknown,))))
    last = toy_run.folder.checkpoints / "last.safetensors"
    weights, zooms = {}, {}
    for name, asked in (("as ever", {}), ("automatic", {"zoom": 0.0}), ("set", {"zoom": 1.5})):
        events = here(tmp_path / name, toy_run.train_spec(epochs=1, **asked))
        weights[name], zooms[name] = last.read_bytes(), _of(events, "zoom")[-1]
        assert load_model(last).card.zoom == zooms[name]["times"]
    assert weights["as ever"] == weights["automatic"] != weights["set"]
    assert (zooms["set"]["times"], zooms["set"]["by"]) == (1.5, "set")
    typical = json.loads((toy_run.folder.preview / "toys.background.size.json").read_text())
    guessed = zoom_of(load_model(toy_run.base).card, None, lambda: typical)
    assert (zooms["automatic"]["times"], zooms["automatic"]["by"]) == (guessed.times, "particles")
    # Trained on with another zoom: what was best before is not compared with what comes.
    again = here(tmp_path / "again", toy_run.train_spec(epochs=1, zoom=2.5, resume=str(last)))
    assert len(_of(again, "annotations")) == 1
    same = here(tmp_path / "same", toy_run.train_spec(epochs=1, zoom=2.5, resume=str(last)))
    assert not _of(same, "annotations")
    assert load_model(last).card.zoom == 2.5


def test_training_on_known_scales_is_the_same_whatever_is_asked(toy_run, tmp_path, here):
    last = toy_run.folder.checkpoints / "last.safetensors"
    weights = []
    for name, asked in (("as ever", {}), ("set", {"zoom": 1.5})):
        events = here(tmp_path / name, toy_run.train_spec(epochs=1, **asked))
        assert not _of(events, "zoom")
        weights.append(last.read_bytes())
    assert weights[0] == weights[1]
    assert load_model(last).card.zoom is None


def test_an_idle_or_single_predict_job_ends(toy_run, tmp_path, here):
    spec = {"kind": "predict", "run": "", "device": "cpu", "threads": 1}
    assert here(tmp_path / "1", {**spec, "idle_exit_s": 0.1})[-1]["reason"] == "idle"
    group = {"sample": "s", "path": str(tmp_path / "toys"), "events": ["003"]}
    wish = {"id": 1, "images": [group], "shard": "a", "model": str(toy_run.base), "out": str(tmp_path / "o")}
    events = here(tmp_path / "2", {**spec, "once": True}, wishes=[{"kind": "predict", **wish}])
    assert [e["type"] for e in events][-2:] == ["predicted", "finished"]


def test_at_its_end_all_annotated_images_are_cross_checked_once(toy_run, tmp_path, here):
    events = here(tmp_path / "jobs" / "1-train", toy_run.train_spec(epochs=2, check=True))
    assert [e["type"] for e in events][-2:] == ["crosschecked", "finished"]
    found = _of(events, "crosschecked")[0]
    assert (found["folds"], found["epochs"]) == (5, 2)
    assert set(found["images"]) == {f"toys:{i:03d}" for i in range(10)}
    for one in found["images"].values():
        assert one["given"] == 0  # smaller than the size cutoff
        assert 0 <= one["accuracy"] <= 1
        assert 0 <= one["sure"] <= 1
    assert _of(events, "progress")[-1]["done"] == _of(events, "progress")[-1]["total"] == 10
    last = str(toy_run.folder.checkpoints / "last.safetensors")
    before = read_state(Path(last).with_suffix(".npz"))[0]
    again = here(tmp_path / "jobs" / "2-train", toy_run.train_spec(epochs=0, resume=last, check=True))
    assert not _of(again, "crosschecked")  # the same annotations, and as many epochs
    longer = here(tmp_path / "jobs" / "3-train", toy_run.train_spec(epochs=1, resume=last, check=True))
    assert _of(longer, "crosschecked")[0]["epochs"] == 3
    assert _of(longer, "epoch")[-1]["epoch"] == 3
    assert set(before) == set(read_state(Path(last).with_suffix(".npz"))[0])


def test_a_cross_check_changes_nothing_of_training(toy_run, tmp_path, here):
    here(tmp_path / "1-train", toy_run.train_spec(epochs=2, check=True))
    last = toy_run.folder.checkpoints / "last.safetensors"
    here(tmp_path / "2-train", toy_run.train_spec(epochs=2, resume=str(last), check=True))
    checked, _ = _state(toy_run)
    for path in toy_run.folder.checkpoints.iterdir():
        path.unlink()
    here(tmp_path / "3-train", toy_run.train_spec(epochs=4))
    plain, _ = _state(toy_run)
    assert all(np.array_equal(plain[name], checked[name]) for name in plain)


@pytest.mark.slow
def test_what_is_wished_ends_a_cross_check_and_it_comes_later(toy_run, tmp_path):
    job = job_files.create(tmp_path / "1-train", toy_run.train_spec(epochs=8, check=True))
    process = forks.start_engine(job)
    _wait_for(job, process, "progress")
    job_files.wish(job, "more", epochs=1)
    _wait_for(job, process, "more")
    assert process.wait(children.LIMIT) == 0
    events = job_files.events(job)
    kinds = [e["type"] for e in events]
    assert _of(events, "epoch")[-1]["epoch"] == 9
    assert kinds.index("progress") < kinds.index("more") < kinds.index("crosschecked")
    assert kinds[-2:] == ["crosschecked", "finished"]


@pytest.mark.slow
def test_a_cross_check_is_wished_in_mid_training(toy_run, tmp_path, here):
    events = here(tmp_path / "1-train", toy_run.train_spec(epochs=3), wishes=[{"kind": "check"}])
    kinds = [e["type"] for e in events if e["type"] in ("crosschecked", "epoch")]
    assert kinds == ["crosschecked", "epoch", "epoch", "epoch"]


def test_a_cross_check_is_done_while_training_is_paused(toy_run, tmp_path):
    job = job_files.create(tmp_path / "1-train", toy_run.train_spec(epochs=1000))
    process = forks.start_engine(job)
    _wait_for(job, process, "epoch")
    job_files.wish(job, "pause")
    _wait_for(job, process, "paused")
    trained = len(_of(job_files.events(job), "epoch"))
    job_files.wish(job, "check")
    _wait_for(job, process, "crosschecked")
    assert len(_of(job_files.events(job), "epoch")) == trained
    job_files.wish(job, "stop")
    assert process.wait(children.LIMIT) == 0
    assert job_files.events(job)[-1]["type"] == "stopped"


@pytest.mark.slow
def test_a_pause_holds_a_cross_check_that_is_at_work(toy_run, tmp_path):
    job = job_files.create(tmp_path / "1-train", toy_run.train_spec(epochs=12))
    process = forks.start_engine(job)
    _wait_for(job, process, "epoch", 4)
    job_files.wish(job, "check")
    _wait_for(job, process, "progress")
    job_files.wish(job, "pause")
    _wait_for(job, process, "paused")
    done = _of(job_files.events(job), "progress")[-1]
    time.sleep(1.0)
    assert _of(job_files.events(job), "progress")[-1] == done
    assert not _of(job_files.events(job), "crosschecked")
    job_files.wish(job, "resume")
    assert process.wait(children.LIMIT) == 0
    assert len(_of(job_files.events(job), "crosschecked")) == 1
