"""The summary in a tube's record, against the tables and the FCS that were written beside it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engine.jobs.test_tubes import WorkersHere
from tui_cytpix import base_models
from tui_cytpix.domain.jobs.tube_summary import TIME_PARTS
from tui_cytpix.engine.jobs import process
from tui_cytpix.engine.network.model import save_model
from tui_cytpix.formats.sample.registry import open_sample
from tui_cytpix.simulate import write

INSTRUMENT = Path(base_models.__file__).parent / "instrument.safetensors"


@pytest.fixture
def processed(tmp_path, here, monkeypatch, toys):
    """Processes a sample; gives its record and the rows of its table of events."""
    monkeypatch.setattr(process, "Workers", WorkersHere)
    torch.set_num_threads(1)
    model = toys.model(seed=2)
    save_model(tmp_path / "tiny.safetensors", model.net, model.card)

    def run(path: Path, by: Path = tmp_path / "tiny.safetensors", **of_sample):
        spec = {"kind": "process", "model": str(by), "out": str(tmp_path / "out")}
        spec |= {"size_cutoff_um": 0.0, "device": "cpu", "threads": 1, "formats": ["csv"]}
        sample = {"name": path.stem, "path": str(path), **of_sample}
        events = here(tmp_path / "out" / ".job" / "1-process", {**spec, "samples": [sample]})
        assert events[-1]["type"] == "finished", events[-1]
        record = json.loads((tmp_path / "out" / f"{path.stem}.process.json").read_text())
        with (tmp_path / "out" / f"{path.stem}.events.csv").open(newline="") as file:
            return record, list(csv.DictReader(file))

    return run


def numbers(rows, name):
    return np.array([float(row[name] or "nan") for row in rows])


def assert_spread(found, values):
    values = values[~np.isnan(values)]
    assert found["number"] == len(values) > 0
    expected = [values.mean(), *np.percentile(values, [25, 50, 75])]
    assert [found[one] for one in ("mean", "low", "median", "high")] == pytest.approx(expected, rel=1e-6)


def test_the_summary_says_what_table_images_and_fcs_say(processed, tmp_path):
    path = tmp_path / "tube.acs"
    write("leukocytes", path, 12, "acs", 3)
    with open_sample(path) as reader:
        taken = reader.event_ids[:10]
        record, rows = processed(path, INSTRUMENT, events=list(taken))
        found, fcs, at = record["summary"], reader.open_fcs(), reader.fcs_rows()
        gray = [reader.read_image(event).mean(dtype=np.float64) for event in taken]
        time, here = fcs.column("Time"), fcs.column("Time")[[at[event] for event in taken]]
    assert (found["imaged"], found["taken"], found["events"]) == (12, 10, fcs.event_count)
    assert found["border"] == (numbers(rows, "IsOnBorder") == 1).sum()
    assert "confidence" not in found  # the instrument states none
    assert_spread(found["focus"], numbers(rows, "FocusScore"))
    assert_spread(found["gray"], np.array(gray))
    parts = np.minimum((time - time.min()) / (time.max() - time.min()) * TIME_PARTS, TIME_PARTS - 1).astype(int)
    course = found["time"]
    assert course["events"] == np.bincount(parts, minlength=TIME_PARTS).tolist()
    assert (course["start"], course["end"], course["step_s"]) == (time.min(), time.max(), 0.001)
    assert sum(course["images"]) == len(here) == 10
    assert sum(course["multiplets"]) == (numbers(rows, "ClumpIndexMax") > 1).sum()
    objects = numbers(rows, "ObjectCount")
    assert sum(int(n) * times for n, times in record["counts"]["ObjectCount"].items()) == objects.sum()


def test_without_an_fcs_there_are_no_events_and_no_time(processed, tmp_path, toys):
    toys.write_sample(tmp_path / "plain", 3)
    (tmp_path / "plain" / "001.png").write_bytes(b"damaged")
    record, rows = processed(tmp_path / "plain")
    found = record["summary"]
    assert (found["imaged"], found["taken"], record["images"], len(rows)) == (3, 3, 2, 3)
    assert not {"events", "time"} & found.keys()
    assert found["gray"]["number"] == 2
    assert_spread(found["confidence"], numbers(rows, "ConfidenceScore"))


def test_a_tube_that_fails_has_no_summary(processed, tmp_path):
    path = tmp_path / "gone.acs"
    with pytest.raises(FileNotFoundError):  # no table
        processed(path)
    record = json.loads((tmp_path / "out" / "gone.process.json").read_text())
    assert (record["done"], record["summary"]) == (False, None)
