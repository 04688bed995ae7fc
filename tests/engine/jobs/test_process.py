"""Processing whole samples, judged by flowio and by what the simulator knows."""

from __future__ import annotations

import csv
import json
import os
import signal
import sys
from pathlib import Path

import flowio
import numpy as np
import pytest
import torch
from PIL import Image

from tests import children, job_files
from tests.bins import Bins
from tui_cytpix.core.features.table import names
from tui_cytpix.core.kernel import library
from tui_cytpix.domain.gate import Members
from tui_cytpix.engine.network import device
from tui_cytpix.engine.network.model import save_model
from tui_cytpix.engine.process import worker
from tui_cytpix.engine.process.worker import Chunk, Equipment, WorkerSettings
from tui_cytpix.formats.fcs.read import read_fcs
from tui_cytpix.formats.masks.instrument import decode_instrument_masks
from tui_cytpix.formats.masks.label_images import read_label_image
from tui_cytpix.formats.run.gate_members import write_members
from tui_cytpix.simulate import write
from tui_cytpix.workflow.samples.hashes import hashes

ROOT = Path(__file__).resolve().parents[3]
IMAGES = 22
FORMATS = ["fcs", "csv", "masks", "instrument-masks", "ome-tiff", "coco"]


def run_job(out, spec):
    """The engine on a process job into `out`, in its own process, to its end."""
    usual = {"kind": "process", "size_cutoff_um": 5.0, "prefix": "UDT_", "device": "cpu", "threads": 1}
    job = job_files.create(out / ".job" / "1-process", {**usual, **spec})
    done = children.run(
        [sys.executable, "-P", "-m", "tui_cytpix.engine", str(job.path)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return job


@pytest.fixture(scope="module")
def processed(tmp_path_factory, toys):
    """A simulated tube, a broken one, and a folder without an FCS or a scale, in one job."""
    base = tmp_path_factory.mktemp("process")
    write("leukocytes", base / "tube.acs", IMAGES, "acs", 5)
    toys.write_sample(base / "plain", 3)
    (base / "plain" / "002.png").write_bytes(b"not an image")
    (base / "broken.acs").write_text("hello")
    model = toys.model(seed=2)
    save_model(base / "tiny.safetensors", model.net, model.card)
    spec = {
        "samples": [
            {"name": "broken", "path": str(base / "broken.acs")},
            {"name": "tube", "path": str(base / "tube.acs"), "um_per_px": 0.3},
            {"name": "plain", "path": str(base / "plain")},
            {"name": "other", "path": str(base / "tube.acs"), "fingerprint": "images-crc32:of-another"},
        ],
        "model": str(base / "tiny.safetensors"),
        "out": str(base / "out"),
        "formats": FORMATS,
    }
    job = run_job(base / "out", spec)
    return base, job_files.events(job)


def test_one_bad_sample_and_one_bad_image_do_not_stop_the_others(processed):
    base, events = processed
    end = events[-1]
    assert end["type"] == "finished"
    assert end["processed"] == IMAGES + 2
    failed = {(f["sample"], f["event"]) for f in end["failures"]}
    assert failed == {("broken", ""), ("plain", "002"), ("plain", ""), ("other", "")}  # plain: no FCS to add to
    assert "holds other images than when" in next(f["reason"] for f in end["failures"] if f["sample"] == "other")
    assert all(Path(path).exists() for path in end["outputs"])
    progress = [e for e in events if e["type"] == "progress"]
    assert progress[-1]["done"] == progress[-1]["total"] == IMAGES + 3
    shares = [one["share"] for one in progress]
    assert shares == sorted(shares), "of all samples' files, though those to come haven't been opened"
    assert shares[0] < progress[0]["done"] / progress[0]["total"]
    assert {one["samples"] for one in progress} == {max(one["sample"] for one in progress) + 1}, "the last is broken"
    assert not [p for p in (base / "out").iterdir() if p.name.endswith(".part")]


def test_every_original_value_stays_and_ours_are_appended(processed):
    base, _ = processed
    with (base / "out" / "tube.events.csv").open() as file:
        rows = {row["Event"]: row for row in csv.DictReader(file)}
    assert len(rows) == IMAGES
    path = base / "out" / "tube.fcs"
    judge = flowio.FlowData(str(path))
    added = [f"UDT_{name}" for name in names("image")]
    assert judge.pnn_labels[-len(added) :] == added
    data = np.asarray(judge.as_array())
    ours = read_fcs(path)
    event_ids = ours.column("Event").astype(int)
    imaged = np.isin(event_ids, [int(event) for event in rows])
    processed_column = data[:, judge.pnn_labels.index("UDT_IsProcessed")]
    assert (processed_column == imaged).all()
    count = data[:, judge.pnn_labels.index("UDT_ParticleCount")]
    area = data[:, judge.pnn_labels.index("UDT_AreaSquareMicrons")]
    for place in np.flatnonzero(imaged):
        row = rows[str(event_ids[place])]
        assert count[place] == float(row["ParticleCount"])
        assert area[place] == pytest.approx(float(row["AreaSquareMicrons"] or 0), rel=1e-5)
    assert (count[~imaged] == 0).all()
    assert ours.text["CYTPIX_MODEL"] == "tiny"
    assert ours.text["CYTPIX_CONFIDENCE"] == "probability"


def test_masks_say_what_the_tables_say(processed):
    base, _ = processed
    with (base / "out" / "tube.events.csv").open() as file:
        rows = list(csv.DictReader(file))
    with (base / "out" / "tube.particles.csv").open() as file:
        particles = list(csv.DictReader(file))
    import zipfile

    with zipfile.ZipFile(base / "out" / "tube.masks.zip") as archive:
        for row in rows:
            labels = read_label_image(base / "out" / "tube.masks" / f"{row['Event']}.png")
            masks = decode_instrument_masks(archive.read(f"{row['Event']}.json"), labels.shape)
            own = [p for p in particles if p["Event"] == row["Event"]]
            assert len(own) == float(row["ParticleCount"]) == masks.particles.max()
            assert (labels > 0).sum() == float(row["NumPixels"]) == (masks.objects > 0).sum()
            assert masks.objects.max() == float(row["ObjectCount"])


def test_coco_and_ome_tiff_say_what_the_tables_say(processed):
    """Read here as plain JSON and by Pillow; their own judges: tests/formats/outputs."""
    base, _ = processed
    with (base / "out" / "tube.events.csv").open() as file:
        rows = list(csv.DictReader(file))
    with (base / "out" / "tube.particles.csv").open() as file:
        sizes = [(row["Event"], float(row["ParticleIndex"]), float(row["NumPixels"])) for row in csv.DictReader(file)]
    found = json.loads((base / "out" / "tube.coco.json").read_text())
    assert [image["file_name"] for image in found["images"]] == [f"{row['Event']}.tif" for row in rows]
    assert [image["id"] for image in found["images"]] == list(range(1, IMAGES + 1))
    event = {image["id"]: image["event"] for image in found["images"]}
    assert [(event[one["image_id"]], one["particle"], one["area"]) for one in found["annotations"]] == sizes
    assert found["info"]["CYTPIX_MODEL"] == "tiny"
    with Image.open(base / "out" / "tube.masks.ome.tif") as pages:
        for page, row in enumerate(rows):
            pages.seek(page)
            assert (np.asarray(pages) == read_label_image(base / "out" / "tube.masks" / f"{row['Event']}.png")).all()
    plain = json.loads((base / "out" / "plain.coco.json").read_text())  # one of its images can't be read
    assert [(image["id"], image["file_name"]) for image in plain["images"]] == [(1, "000.png"), (2, "001.png")]


def test_an_unknown_scale_leaves_micron_fields_empty_and_a_lost_image_a_row(processed):
    base, events = processed
    with (base / "out" / "plain.events.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["Event"] for row in rows] == ["000", "001", "002"]
    assert rows[0]["AreaSquareMicrons"] == ""
    assert rows[0]["IsProcessed"] == "1"
    assert rows[2]["IsProcessed"] == ""
    assert any("um/px is unknown" in e["text"] for e in events if e["type"] == "log")


def test_provenance_is_written_down(processed):
    base, _ = processed
    record = json.loads((base / "out" / "process.json").read_text())
    assert record["model"]["name"] == "tiny"
    assert record["model_hash"].startswith("sha256:")
    assert record["size_cutoff_um"] == 5.0
    assert record["images"] == IMAGES + 2
    assert record["device"] == "cpu"
    assert record["arithmetic"].partition(",")[0] in ("float32", "bfloat16")
    assert record["zooms"]["tube"] == {"times": pytest.approx(1, abs=4), "by": "particles", "um_per_px": 0.3}
    assert (record["zooms"]["plain"]["by"], record["zooms"]["plain"]["um_per_px"]) == ("particles", None)


def test_record_and_fcs_tell_which_images_in_which_scale_and_depth(processed):
    base, _ = processed
    record = json.loads((base / "out" / "process.json").read_text())
    plain, tube = record["samples"]  # the others are among the failures
    found = hashes(base / "tube.acs", lambda _done, _total: None)
    assert (tube["um_per_px"], tube["um_per_px_source"], tube["bit_depth"]) == (0.3, "given", 10)
    assert (tube["fingerprint"], tube["pixels"], tube["images"]) == (found.fingerprint, found.pixels, IMAGES)
    assert "um_per_px" not in plain
    assert (plain["um_per_px_source"], plain["images"]) == ("unknown", 2)
    text = flowio.FlowData(str(base / "out" / "tube.fcs")).text
    ours = {key.upper(): value for key, value in text.items() if key.upper().startswith("CYTPIX_")}
    assert ours["CYTPIX_UM_PER_PX"] == "0.3"
    assert ours["CYTPIX_UM_PER_PX_SOURCE"] == "given"
    assert ours["CYTPIX_BIT_DEPTH"] == "10"
    assert (ours["CYTPIX_IMAGES"], ours["CYTPIX_PIXELS"]) == (found.fingerprint, found.pixels)
    assert all(value.isascii() for value in ours.values())


def test_a_worker_tells_where_it_computes_and_why(processed, toys, tmp_path, monkeypatch):
    model = toys.model()
    save_model(tmp_path / "tiny.safetensors", model.net, model.card)
    monkeypatch.setattr(device, "usable_device", lambda _wanted, **_: (torch.device("cpu"), "GPU 0 is full."))
    monkeypatch.setattr(worker._State, "predictor", None)
    settings = WorkerSettings(tmp_path / "tiny.safetensors", 5.0, "auto", ("csv",))
    monkeypatch.setattr(worker._State, "settings", settings, raising=False)
    monkeypatch.setattr(library, "why_absent", lambda: "")
    told = worker.describe()
    assert (told.device, told.note) == ("cpu", "GPU 0 is full.")
    assert told.arithmetic in ("float32", "bfloat16")
    monkeypatch.setattr(worker._State, "reader", None)
    found = worker.process(Chunk("tube", processed[0] / "tube.acs", None, 1.0, None, ()))
    assert found.equipment == told


def test_a_worker_tells_that_it_does_without_the_compiled_library(monkeypatch):
    settings = WorkerSettings(Path("none"), 5.0, "cpu", ("csv",), instrument=True)
    monkeypatch.setattr(worker._State, "settings", settings, raising=False)
    monkeypatch.setattr(worker._State, "equipment", Equipment())
    monkeypatch.setattr(library, "why_absent", lambda: "")
    assert worker.describe() == Equipment("CPU")
    monkeypatch.setattr(library, "why_absent", lambda: "it was not compiled")
    told = worker.describe()
    assert told.arithmetic == "without the compiled library"
    assert "it was not compiled" in told.note


def test_images_of_unknown_scale_are_seen_as_asked(processed, tmp_path, here):
    base, _ = processed
    spec = {
        "kind": "process",
        "samples": [{"name": "plain", "path": str(base / "plain"), "events": ["000"]}],
        "model": str(base / "tiny.safetensors"),
        "out": str(tmp_path / "out"),
        "formats": ["csv"],
        "zoom": 1.5,
        "device": "cpu",
        "threads": 1,
    }
    events = here(tmp_path / "job", spec)
    record = json.loads((tmp_path / "out" / "process.json").read_text())
    assert record["zooms"] == {"plain": {"times": 1.5, "by": "set", "um_per_px": None}}
    words = "plain: seen 1.5 times as large (unknown scale; as set)"
    assert words in [event["text"] for event in events if event["type"] == "log"]


@pytest.mark.parametrize("surplus", [0, 1])
def test_the_fcs_tells_which_events_are_in_the_gates(processed, tmp_path, here, surplus: int):
    base, _ = processed
    source = read_fcs(base / "out" / "tube.fcs")  # with ours in it already: another prefix
    total = source.event_count
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "1.png").write_bytes((base / "plain" / "000.png").read_bytes())
    (tmp_path / "s.fcs").write_bytes((base / "out" / "tube.fcs").read_bytes())
    inside = np.random.default_rng(0).random((2, total + surplus)) < 0.5
    (tmp_path / "job").mkdir()
    write_members(tmp_path / "job", 0, Members.of(("a", "é"), ("a: FSC-A", "b"), inside))
    spec = {
        "kind": "process",
        "samples": [{"name": "s", "path": str(tmp_path / "s")}],
        "model": str(base / "tiny.safetensors"),
        "out": str(tmp_path / "out"),
        "formats": ["fcs"],
        "prefix": "My_",
        "device": "cpu",
        "threads": 1,
    }
    events = here(tmp_path / "job", spec)
    if surplus:
        assert "it has" in events[-1]["failures"][0]["reason"]
        assert not (tmp_path / "out" / "s.fcs").exists()
        return
    judge = flowio.FlowData(str(tmp_path / "out" / "s.fcs"))
    assert judge.pnn_labels[-2:] == ["My_Gate_a", "My_Gate_e"]
    assert (np.asarray(judge.as_array())[:, -2:] == inside.T).all()
    last = len(judge.pnn_labels)
    text = {key.lower(): value for key, value in judge.text.items()}
    assert (text[f"p{last}r"], text[f"p{last}d"], text["cytpix_gate_my_gate_a"]) == ("2", "Linear,0,2", "a: FSC-A")


def test_a_scale_that_is_not_to_be_found_is_unknown_though_the_files_say_it(processed, tmp_path, here):
    base, _ = processed
    spec = {
        "kind": "process",
        "samples": [{"name": "tube", "path": str(base / "tube.acs"), "events": [], "find_scale": False}],
        "model": str(base / "tiny.safetensors"),
        "out": str(tmp_path / "out"),
        "formats": ["csv"],
        "device": "cpu",
        "threads": 1,
    }
    here(tmp_path / "job", spec)
    record = json.loads((tmp_path / "out" / "process.json").read_text())
    assert record["zooms"]["tube"]["um_per_px"] is None


def test_a_stop_leaves_nothing_half_written(processed, tmp_path):
    from tui_cytpix.engine.jobs.job import run_job

    base, _ = processed
    kept = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)}
    spec = {
        "kind": "process",
        "samples": [{"name": "tube", "path": str(base / "tube.acs")}],
        "model": str(base / "tiny.safetensors"),
        "out": str(tmp_path / "out"),
        "formats": FORMATS,
        "device": "cpu",
    }
    job = job_files.create(tmp_path / "job", spec)
    job_files.wish(job, "stop")
    assert run_job(job.path) == 0
    for number, handler in kept.items():
        signal.signal(number, handler)
    assert job_files.events(job)[-1]["type"] == "stopped"
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".job"]
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_a_bins_lines_go_on_as_its_fcs_and_the_record_tells_its_volume(tmp_path, toys):
    bins = Bins(tmp_path)
    images = [None, *(bins.image(k, 30 + 3 * k, 40 - k) for k in range(5)), None]
    adc = bins.new(images, header="runTime: 421.0\ninhibitTime: 0.7\n")
    model = toys.model(seed=2)
    save_model(tmp_path / "tiny.safetensors", model.net, model.card)
    spec = {
        "samples": [{"name": "bin", "path": str(adc.with_suffix(".roi"))}],
        "model": str(tmp_path / "tiny.safetensors"),
        "out": str(tmp_path / "out"),
        "formats": ["fcs", "csv", "masks"],
    }
    run_job(tmp_path / "out", spec)
    (record,) = json.loads((tmp_path / "out" / "process.json").read_text())["samples"]
    assert record["volume_ul"] == pytest.approx(250 * 420.3 / 60)
    assert record["volume_source"] == "run time and inhibit time of the .hdr"
    judge = flowio.FlowData(str(tmp_path / "out" / "bin.fcs"))
    rows = np.asarray(judge.as_array())
    assert judge.event_count == len(images)
    assert rows[:, judge.pnn_labels.index("UDT_IsProcessed")].tolist() == [i is not None for i in images]
    assert rows[:, judge.pnn_labels.index("Event")].tolist() == list(range(1, len(images) + 1))
    for number, image in enumerate(images, 1):
        mask = tmp_path / "out" / "bin.masks" / f"{number}.png"
        assert mask.is_file() == (image is not None)
        assert image is None or read_label_image(mask).shape == image.shape
