"""A bug report tells what happened and nothing of the experiment, of a damaged run too."""

from __future__ import annotations

import getpass
import json
import logging
import platform
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tui_cytpix import diagnostics
from tui_cytpix.domain.jobs.events import Failure, Finished
from tui_cytpix.domain.jobs.specs import ProcessSpec, SampleAtWork
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.errors import UsageError
from tui_cytpix.formats.run.job import JobFolder
from tui_cytpix.workflow.report import bug_report
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run

SECRETS = ("Smith", "patient 7", "Müller", "clinic", "biopsy", "ward-3", "Monday", "scan_of_Smith")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With names in all places that have some."""
    for name in ("STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / "clinic" / name))
    folder = tmp_path / "clinic" / "patient 7"
    folder.mkdir(parents=True)
    for number, name in enumerate(("1", "scan_of_Smith")):
        Image.fromarray(np.tri(20, k=number, dtype=np.uint8) * 90).save(folder / f"{name}.png")
    path = tmp_path / "clinic" / "study of Müller"
    with Run.create(path, "Müller's biopsy") as run:
        labels = {"condition": "biopsy", "unit": "Smith", "day": "Monday", "tube": "ward-3"}
        run_samples.add_sample(run, folder, 0.3, **labels)
        name = run.settings.samples[0].name
        keys = (ImageKey(name, "1"), ImageKey(name, "scan_of_Smith"))
        run.update(replace(run.settings, selection=replace(run.settings.selection, random=keys)))
        mask = np.zeros((20, 20), bool)
        mask[4:9, 4:9] = True
        run.record_edit(keys[1], "propose", Segmentation(mask, np.array([[6.0, 6.0]])), origin="sha256:x")
        run.flush()
    sample = SampleAtWork(name=name, path=str(folder), labels={"unit": "Smith"})
    job = JobFolder.create(
        path / "jobs" / "1-process", ProcessSpec(samples=(sample,), model="/clinic/m", out="/clinic/o")
    )
    reason = f"{folder}/scan_of_Smith.png can't be read: scan_of_Smith.png of {name}"
    job.emit(Finished(None, (f"/clinic/o/{name}.csv",), (Failure(name, "scan_of_Smith", reason),)))
    (job.path / "output.txt").write_text(
        f"Traceback\n  File '{path}/x.py' by {getpass.getuser()} on {platform.node()}\n"
    )
    diagnostics.configure("a test")
    logging.getLogger("tui_cytpix.test").warning("a job was lost")
    return path


def report(run: Path | None, tmp_path: Path, *, names: bool = False) -> dict[str, str]:
    parts = bug_report.parts_of(run, {"sixel": True}, ["told of patient 7"], names=names)
    bug_report.write(parts, tmp_path / "bug.zip", names=names)
    with zipfile.ZipFile(tmp_path / "bug.zip") as file:
        found = {name: file.read(name).decode() for name in file.namelist()}
    (tmp_path / "bug.zip").unlink()
    return found


def test_nothing_of_the_experiment_is_in_it(run: Path, tmp_path: Path) -> None:
    found = report(run, tmp_path)
    whole = "\n".join(found.values())
    for secret in (*SECRETS, str(tmp_path)):
        assert secret not in whole, secret
        assert json.dumps(secret)[1:-1] not in whole, secret
    assert '"mask": "(' in found["run/annotations.jsonl"]
    assert '"image": "sample-1:event-' in found["run/annotations.jsonl"]
    assert 'name = "sample-1"' in found["run/run.toml"]
    assert '"sample-1:1"' in found["run/run.toml"], "an event's number tells nobody"
    assert "can't be read" in found["run/jobs/1-process/events.jsonl"]
    assert json.loads(found["about.json"])["terminal"] == {"sixel": True}
    assert "a job was lost" in found["diagnostic.log"]
    assert found["messages.txt"] == "told of sample-1"
    assert set(found) - {"contents.txt"} == {line.split(":")[0] for line in told(run)} | of_jobs(found)


def told(run: Path) -> list[str]:
    parts = bug_report.parts_of(run, {}, ["x"])
    return [line for line in bug_report.in_words(parts, names=False)[:-1] if not line.startswith("run/jobs/")]


def of_jobs(found: dict[str, str]) -> set[str]:
    return {name for name in found if name.startswith("run/jobs/")}


def test_names_are_in_it_where_they_are_asked_for_and_masks_never(run: Path, tmp_path: Path) -> None:
    found = report(run, tmp_path, names=True)
    assert "Smith" in found["run/run.toml"]
    assert "scan_of_Smith" in found["run/annotations.jsonl"]
    assert '"mask": "(' in found["run/annotations.jsonl"]
    assert "Names of samples" in found["contents.txt"]


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe\x00", b"[[", b'name = 3\nsamples = "x"\n'])
def test_a_damaged_run_is_told_as_far_as_it_can_be_read(run: Path, tmp_path: Path, damage: bytes) -> None:
    (run / "run.toml").write_bytes(damage)
    with (run / "verdicts.jsonl").open("ab") as file:
        file.write(b'{"who": "Smith", "image": "patient 7:1"}\n{"who": "Smi')
    found = report(run, tmp_path)
    whole = "\n".join(text for name, text in found.items() if name != "messages.txt")
    for secret in SECRETS:
        assert secret not in whole, secret
    assert "letters that are no JSON" in found["run/verdicts.jsonl"]


def test_without_a_run_and_of_a_long_log_the_end(tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(report(None, tmp_path)) == {"contents.txt", "about.json", "diagnostic.log", "messages.txt"}
    monkeypatch.setattr(bug_report, "MOST_OF_LOG", 30)
    (diagnostics.state_folder() / "diagnostic.log").write_text("first line\n" * 20 + "the last line\n")
    assert report(None, tmp_path)["diagnostic.log"].splitlines() == ["first line", "the last line"]
    (tmp_path / "bug.zip").touch()
    with pytest.raises(UsageError):
        bug_report.write([], tmp_path / "bug.zip", names=False)
