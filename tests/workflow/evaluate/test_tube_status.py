"""What of a list is done as is asked for, by records alone: no engine, and no sample that is opened."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from tests.tubes import small_tubes
from tui_cytpix.cli.main import run
from tui_cytpix.domain.jobs.processed import Asked, ProcessedSample, TubeRecord
from tui_cytpix.domain.jobs.specs import ProcessSpec, SampleAtWork
from tui_cytpix.domain.plain_values import to_plain
from tui_cytpix.formats.run import tube_records
from tui_cytpix.formats.run.tube_records import lease_of, make_room, part_lease, parts_of, workplace, write_record
from tui_cytpix.formats.sample.file_states import FileStates
from tui_cytpix.formats.sample.registry import open_sample
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.evaluate import output_names
from tui_cytpix.workflow.evaluate.process import shard_of
from tui_cytpix.workflow.evaluate.tube_status import TubeState, tube_states

NAMES = [f"t{number}" for number in range(4)]


@pytest.fixture
def spec(tmp_path):
    """Of four tubes that are nothing but files of their names, and a folder to write to."""
    samples = []
    for name in NAMES:
        (tmp_path / f"{name}.acs").write_text(name)
        samples.append(SampleAtWork(name=name, path=str(tmp_path / f"{name}.acs")))
    make_room(tmp_path / "out")
    return ProcessSpec(
        samples=tuple(samples), model="m", model_hash="sha256:1", out=str(tmp_path / "out"), size_cutoff_um=5.0
    )


def done(spec: ProcessSpec, tube: SampleAtWork, *, finished: bool = True, **changes) -> None:
    """A record that a job would have written, with an output."""
    out = Path(spec.out)
    (out / f"{tube.name}.fcs").write_text("fcs")
    record = TubeRecord(
        sample=ProcessedSample(name=tube.name, path=tube.path, fingerprint="images-crc32:1"),
        done=finished,
        asked=Asked.of(spec, tube).but(gates="", annotated="", device="cpu"),
        files=FileStates().of(Path(tube.path)),
        outputs={f"{tube.name}.fcs": 3},
        images=6,
    )
    with workplace(out, tube.name) as aside:
        write_record(out, tube.name, {**to_plain(record), **changes}, aside)


def states(spec: ProcessSpec) -> list[TubeState]:
    return [tube.state for tube in tube_states(spec)]


@pytest.fixture
def never_opened(monkeypatch):
    def refuse(*_asked):
        raise AssertionError("a tube is opened")

    monkeypatch.setattr(tube_records, "open_sample", refuse)


@pytest.mark.usefixtures("never_opened")
def test_done_running_failed_and_missing(spec):
    first, second, third, _ = spec.samples
    done(spec, first)
    done(spec, second, finished=False, failures=[{"sample": "t1", "reason": "No such sample."}])
    lease = lease_of(Path(spec.out), third.name)
    lease.acquire()
    assert states(spec) == [TubeState.DONE, TubeState.FAILED, TubeState.RUNNING, TubeState.MISSING]
    assert tube_states(spec)[1].why == "No such sample."
    lease.release()
    (Path(spec.out) / "t0.fcs").write_text("cut off by somebody")
    assert (states(spec)[0], tube_states(spec)[0].why) == (TubeState.MISSING, "t0.fcs is gone, or was changed")
    lease = part_lease(Path(spec.out), "t3", 1)
    parts_of(Path(spec.out), "t3").mkdir(parents=True)
    (parts_of(Path(spec.out), "t3") / "0").touch()
    lease.acquire()
    assert states(spec)[3] is TubeState.RUNNING
    lease.release()
    assert tube_states(spec)[3].why == "not ended: 1 of its parts are there"
    assert not (Path(spec.out) / ".names").exists()  # to look claims nothing


@pytest.mark.usefixtures("never_opened")
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"model_hash": "sha256:2"}, "another model"),
        ({"size_cutoff_um": 3.0}, "size cutoff 5 (now 3)"),
        ({"zoom": 1.5}, "zoom 0 (now 1.5)"),
        ({"prefix": "A_"}, "prefix UDT_ (now A_)"),
        ({"formats": ("coco",)}, "formats fcs,csv (now coco)"),
        ({"device": "cuda:1"}, "device cpu (now cuda)"),
        ({"gate": "cells"}, "gate none (now cells)"),
        ({"device": "cpu", "threads": 3, "formats": ("csv",)}, ""),
    ],
)
def test_what_was_made_otherwise_is_stale_and_says_why(spec, changes, why):
    done(spec, spec.samples[0])
    found = tube_states(ProcessSpec(**{**{f: getattr(spec, f) for f in spec.__struct_fields__}, **changes}))[0]
    assert (found.state, found.why) == (TubeState.STALE if why else TubeState.DONE, why)


def test_a_record_of_an_earlier_build_is_stale_and_a_damaged_one_none(spec):
    done(spec, spec.samples[0], asked=None)
    done(spec, spec.samples[1])
    (Path(spec.out) / "t1.process.json").write_text("{")
    assert [tube.why for tube in tube_states(spec)[:2]] == ["an earlier build made it", "not begun, or not ended"]


def test_only_where_a_file_has_another_size_or_time_its_images_are_asked(spec, tmp_path):
    (tmp_path / "t0.acs").unlink()
    (tube,) = small_tubes(tmp_path, 1)
    with open_sample(Path(tube["path"])) as reader:
        known, fcs = reader.fingerprint(), tube_records.fcs_hash(reader.open_fcs())
    sample = {"name": "t0", "path": tube["path"], "fingerprint": known}
    done(spec, spec.samples[0], sample=sample, fcs=fcs, files="of another time")
    assert states(spec)[0] is TubeState.DONE
    done(spec, spec.samples[0], sample={**sample, "fingerprint": "images-crc32:2"}, files="of another time")
    assert tube_states(spec)[0].why == "other images"
    done(spec, spec.samples[0], sample=sample, fcs="another", files="of another time")
    assert tube_states(spec)[0].why == "another FCS"
    Path(tube["path"]).unlink()
    assert "its files can't be read: " in tube_states(spec)[0].why


def test_files_of_a_sample_that_change_come_or_go_are_noticed(tmp_path):
    (tmp_path / "a.acs").write_text("x")
    seen = [FileStates().of(tmp_path / "a.acs")]
    (tmp_path / "other.fcs").write_text("x")  # the only FCS there
    seen.append(FileStates().of(tmp_path / "a.acs"))
    (tmp_path / "a.fcs").write_text("x")
    seen.append(FileStates().of(tmp_path / "a.acs"))
    (tmp_path / "a.acs").write_text("xy")
    seen.append(FileStates().of(tmp_path / "a.acs"))
    assert len(set(seen)) == 4
    assert FileStates().of(tmp_path / "a.acs") == seen[-1]
    (tmp_path / "other.fcs").unlink()  # it has one of its name
    (tmp_path / "b.acs").write_text("x")
    assert FileStates().of(tmp_path / "a.acs") == seen[-1]
    folder = tmp_path / "images"
    (folder / "below").mkdir(parents=True)
    before = FileStates().of(folder)
    (folder / "below" / "1.png").write_text("x")
    assert FileStates().of(folder) != before


def test_parts_of_a_list_are_all_of_it_under_the_same_names_in_any_order(tmp_path):
    samples = [SampleAtWork(name="tube", path=f"/{folder}/tube.acs") for folder in "abcde"]
    samples += [SampleAtWork(name="x", path="/x.acs"), SampleAtWork(name="x", path="/x.acs")]
    parts = {at: shard_of(tmp_path / "out", samples, (at, 3)) for at in (3, 1, 2)}
    found = [one for at in (1, 2, 3) for one in parts[at]]
    assert sorted(one.path for one in found) == sorted({one.path for one in samples})
    assert len({one.name for one in found}) == 6
    assert [one.path for one in parts[2]] == ["/b/tube.acs", "/e/tube.acs"]
    whole = output_names.names_in(tmp_path / "out", tuple(samples))
    assert {one.path: one.name for one in whole} == {one.path: one.name for one in found}
    assert shard_of(tmp_path / "out", samples, (9, 9)) == ()


def test_a_name_that_is_just_being_claimed_is_waited_for(tmp_path, monkeypatch):
    """Jobs on one list begin at once: each sees that a name which another one is about to claim is its own, too."""
    (tmp_path / ".names").mkdir()
    (tmp_path / ".names" / "tube").touch()
    writer = threading.Timer(0.1, (tmp_path / ".names" / "tube").write_text, ["/a/tube.acs"])
    writer.start()
    (found,) = output_names.claimed(tmp_path, (SampleAtWork(name="tube", path="/a/tube.acs"),))
    writer.join(20)
    assert found.name == "tube"
    monkeypatch.setattr(output_names, "_LONGEST_WAIT", 0.04)
    (tmp_path / ".names" / "other").touch()
    (found,) = output_names.claimed(tmp_path, (SampleAtWork(name="other", path="/a/other.acs"),))
    assert found.name.startswith("other-")


def test_to_look_waits_for_no_claim(tmp_path, monkeypatch):
    (tmp_path / ".names").mkdir()
    (tmp_path / ".names" / "tube").touch()
    monkeypatch.setattr(output_names.time, "sleep", None)
    (found,) = output_names.names_in(tmp_path, (SampleAtWork(name="tube", path="/a/tube.acs"),))
    assert found.name == "tube"
    (tmp_path / ".names" / ".1.part").write_text("/a/b.acs")
    assert output_names.known_names(tmp_path) == {}


def test_a_claim_is_there_with_its_path_or_not_at_all(tmp_path, monkeypatch):
    """Killed at any moment, a job leaves no empty claim that all later ones would wait for."""
    seen = []

    def link(source, target):
        seen.append((Path(source).read_text(), Path(target).exists()))
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(KeyboardInterrupt):
        output_names.claimed(tmp_path, (SampleAtWork(name="tube", path="/a/tube.acs"),))
    assert seen == [("/a/tube.acs", False)]
    assert list((tmp_path / ".names").iterdir()) == []


def test_the_verb_tells_it_in_lines_and_as_json(spec, monkeypatch, capsys, model_file):
    model = model_file("cells")
    entry = library.find(str(model))
    asked = ProcessSpec(
        samples=spec.samples,
        model=entry.path,
        model_hash=entry.hash,
        out=spec.out,
        size_cutoff_um=entry.card.size_cutoff_um,
    )
    for sample in spec.samples[:3]:
        done(asked, sample)
    paths = [sample.path for sample in spec.samples]
    verb = ["process", *paths, "--model", str(model), "--out", spec.out, "--status"]
    assert run(verb, None) == 1
    assert capsys.readouterr().out.splitlines() == [
        "STATE    SAMPLE  IMAGES  NOTE",
        "done     t0      6",
        "done     t1      6",
        "done     t2      6",
        "missing  t3              not begun, or not ended",
        "4 samples: 3 done, 1 missing",
    ]
    assert run([*verb, "--json", "--shard", "2/2"], None) == 1
    found = json.loads(capsys.readouterr().out)
    assert [(tube["name"], tube["state"]) for tube in found["tubes"]] == [("t1", "done"), ("t3", "missing")]
    assert found["totals"] == {"done": 1, "running": 0, "pending": 0, "stale": 0, "failed": 0, "missing": 1}
    done(asked, spec.samples[3])
    assert run(verb, None) == 0
    assert run([*verb, "--size-cutoff", "1"], None) == 1
    assert "size cutoff" in capsys.readouterr().out
    shutil.rmtree(spec.out)
    assert run(verb, None) == 1
    assert not Path(spec.out).exists()
