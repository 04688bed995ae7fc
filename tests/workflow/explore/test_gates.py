"""Gates of a run: kept, applied, and restricting what steps 1, 3 and 5 draw."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
from PIL import Image

from tui_cytpix.domain.gate import Axis, Gate, Scale
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.errors import JobError, RunError, SampleChangedError, SampleError, UsageError
from tui_cytpix.formats.run.gate_members import read_members
from tui_cytpix.formats.run.job import JobFolder
from tui_cytpix.workflow.assess import review
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.evaluate import process, trial
from tui_cytpix.workflow.explore import gates, random_images
from tui_cytpix.workflow.explore.event_table import EventTable
from tui_cytpix.workflow.run import jobs, run_samples
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.samples import selection

LOW = Gate("low", (Axis("FSC-A"),), ((0.0,), (190.0,)))
BIG = Gate("big", (Axis("AreaSquareMicrons"),), ((30.0,), (1e9,)), "low")
DYES = Gate(
    "dyes",
    (Axis("BL1-A", Scale("logicle", top=1048576.0), compensated=True), Axis("BL2-A", Scale("arcsinh", 150.0))),
    ((-1e3, -1e3), (2e4, -1e3), (2e4, 8e3), (-1e3, 8e3)),
)


@pytest.fixture
def run(tmp_path, samples):
    with Run.create(tmp_path / "r", seed=5) as run:
        run_samples.add_sample(run, samples.with_fcs("tube", 60), 0.3)
        yield run


def test_gates_are_kept_and_come_back(run) -> None:
    for gate in (LOW, BIG, DYES):
        gates.add(run, gate)
    gates.use_for_drawing(run, "big")
    run.flush()
    with Run.open(run.path, writing=False) as again:
        assert again.settings.gates == (LOW, BIG, DYES)
        assert again.settings.selection.gate == "big"
        assert gates.in_words(again, "big") == "low: FSC-A 0 to 190; big: AreaSquareMicrons 30 to 1e+09"


def test_what_cannot_be_kept(run) -> None:
    gates.add(run, LOW)
    for wrong, words in (
        (LOW, "two gates"),
        (Gate("x", LOW.axes, LOW.corners, "nowhere"), "not there"),
        (Gate(gates.ALL, LOW.axes, LOW.corners), "no gate is chosen"),
    ):
        with pytest.raises(UsageError, match=words):
            gates.add(run, wrong)
    with pytest.raises(UsageError, match="Its gates: low"):
        gates.use_for_drawing(run, "high")
    assert run.settings.gates == (LOW,)


def test_removing_takes_what_lies_within_and_frees_the_selection(run) -> None:
    for gate in (LOW, BIG, DYES):
        gates.add(run, gate)
    gates.use_for_drawing(run, "big")
    assert gates.remove(run, "low") == ("low", "big")
    assert run.settings.gates == (DYES,)
    assert run.settings.selection.gate == ""
    with pytest.raises(UsageError, match="no such gate"):
        gates.remove(run, "low")


@pytest.mark.parametrize(
    "damage",
    ['[[gates]]\nname = "x"\n', '[[gates]]\nname = "x"\naxes = [{parameter = "a"}]\ncorners = [[2], [1]]\n'],
)
def test_damaged_gates_are_told(run, damage: str) -> None:
    run.flush()
    path = run.folder.settings_path
    kept = "\n".join(line for line in path.read_text("utf-8").splitlines() if not line.startswith("gates"))
    path.write_text(f"{kept}\n{damage}", "utf-8")
    tomllib.loads(path.read_text("utf-8"))
    with pytest.raises(RunError, match="damaged"):
        Run.open(run.path, writing=False)


def test_who_is_inside(run) -> None:
    table = EventTable(run, "tube")
    everything = (LOW, BIG, DYES)
    assert gates.inside(table, everything, "").all()
    assert np.flatnonzero(gates.inside(table, everything, "low")).tolist() == list(range(20))
    assert np.flatnonzero(gates.inside(table, everything, "big")).tolist() == list(range(10, 20))
    assert gates.images_inside(table, everything, "big") == [str(n) for n in range(10, 20)]
    x, y = table.values("BL1-A", compensated=True), table.values("BL2-A")
    expected = (x >= -1e3) & (x <= 2e4) & (y >= -1e3) & (y <= 8e3)
    assert 0 < expected.sum() < table.rows
    assert (gates.inside(table, everything, "dyes") == expected).all()


def test_a_sample_that_lacks_the_parameter_says_so(run, samples) -> None:
    run_samples.add_sample(run, samples.apart().make("bare"), 0.3)
    with pytest.raises(SampleError, match="bare has no FSC-A"):
        gates.inside(EventTable(run, "bare"), (LOW,), "low")


def test_the_selection_is_drawn_from_the_gate_and_says_so(run) -> None:
    gate = Gate("first fifty-five", (Axis("FSC-A"),), ((0.0,), (545.0,)))
    gates.add(run, gate)
    gates.use_for_drawing(run, gate.name)
    chosen = selection.select(run, 50)
    assert {int(key.event) for key in chosen.settings.images} <= set(range(55))
    assert len(chosen.candidates) == 55
    assert chosen.notes[0].startswith("Drawn only from the gate first fifty-five: FSC-A 0 to 545.")
    assert "55 of 60 images of tube" in chosen.notes[0]
    assert chosen.settings.drawn_from == chosen.notes[0]
    gates.use_for_drawing(run, "")
    anew = selection.select(run, 50)
    assert len(anew.candidates) == 60
    assert anew.settings.drawn_from == ""


def test_steps_1_and_5_draw_from_the_gate_and_anew_where_it_changes(run) -> None:
    everything = review.draw(run, 60)
    gates.add(run, Gate("first half", (Axis("FSC-A"),), ((0.0,), (295.0,))))
    gates.use_for_drawing(run, "first half")
    assert "the next draw is anew, from the gate first half" in random_images.drawn_in_words(run, run.settings.assess)
    fewer = review.draw(run, 12)
    inside = [key for key in everything if int(key.event) < 30]
    assert fewer == tuple(inside[:12])  # as a draw from all events would have met them
    assert review.draw(run, 20) == tuple(inside[:20])
    assert run.settings.assess.drawn_from == "first half: FSC-A 0 to 295"
    fresh = trial.draw(run, 60)
    assert set(fresh) == set(inside[20:])
    gates.use_for_drawing(run, "")
    assert random_images.any_left(run)
    assert review.draw(run, 60) == tuple(key for key in everything if key not in fresh)
    assert random_images.drawn_in_words(run, run.settings.assess) == ""


def test_a_sample_to_which_the_gate_cannot_be_applied_stops_the_draw(run, samples) -> None:
    run_samples.add_sample(run, samples.apart().make("bare"), 0.3)
    gates.add(run, LOW)
    gates.use_for_drawing(run, "low")
    with pytest.raises(SampleError, match="bare has no FSC-A"):
        review.draw(run, 5)


def test_a_gate_without_images_selects_nothing(run) -> None:
    gates.add(run, Gate("beyond", (Axis("FSC-A"),), ((1e6,), (2e6,))))
    gates.use_for_drawing(run, "beyond")
    with pytest.raises(SampleError, match="No image lies in the gate"):
        selection.select(run, 50)
    assert run.settings.selection.images == ()


def test_something_is_left_where_another_gate_holds_images_that_are_not_drawn(run) -> None:
    for name, ends in (("low half", (0.0, 295.0)), ("high third", (395.0, 595.0))):
        gates.add(run, Gate(name, (Axis("FSC-A"),), ((ends[0],), (ends[1],))))
    gates.use_for_drawing(run, "low half")
    assert len(trial.draw(run, 60)) == 30
    assert not random_images.any_left(run)
    gates.use_for_drawing(run, "high third")  # 20 images, fewer than are drawn, none of them seen
    assert random_images.any_left(run)
    assert len(trial.draw(run, 60)) == 20
    assert not random_images.any_left(run)


@pytest.fixture
def started(monkeypatch) -> list[JobFolder]:
    """Jobs that would have been started."""
    found: list[JobFolder] = []
    monkeypatch.setattr(jobs, "start", found.append)
    return found


@pytest.fixture
def model(model_file) -> ModelEntry:
    return library.entry(model_file())


def test_processing_a_run_keeps_to_the_gate_in_use(run, samples, started, model) -> None:
    run_samples.add_sample(run, samples.apart().with_fcs("far", 60, shift=1000.0), 0.3)
    process.process_run(run, model, ("csv",))
    gates.add(run, LOW)
    process.process_run(run, model, ("csv",))  # a gate that is not in use changes nothing
    gates.use_for_drawing(run, "low")
    process.process_run(run, model, ("csv",))
    whole, again, part = (job.spec for job in started)
    assert [sample.name for sample in whole.samples] == ["tube", "far"]
    assert not any(sample.events for sample in whole.samples)
    assert again.samples == whole.samples
    assert part.gate == "low: FSC-A 0 to 190"
    assert [(sample.name, sample.events) for sample in part.samples] == [
        ("tube", tuple(str(n) for n in range(20)))  # the other sample has no image in the gate
    ]
    assert part.out != whole.out == again.out


def test_processing_a_run_leaves_out_what_was_exchanged(run, samples, started, model) -> None:
    sample = run_samples.add_sample(run, samples.make("far", 30), 0.3)
    for event in range(30):
        other = np.random.default_rng(event).integers(90, 200, (48, 48)).astype(np.uint8)
        Image.fromarray(other).save(samples.folder / "far" / f"{event}.png")
    spec = process.process_run(run, model, ("csv",)).spec
    assert [(one.name, one.fingerprint) for one in spec.samples] == [("tube", run.settings.samples[0].fingerprint)]
    assert [one.sample for one in spec.left_out] == ["far"]
    assert "not the one that it was" in spec.left_out[0].reason
    run_samples.label(run, "tube", role="training")
    with pytest.raises(SampleChangedError, match="not the one that it was"):
        process.process_run(run, model, ("csv",))
    assert len(started) == 1
    assert sample.fingerprint == run.settings.sample("far").fingerprint


def test_processing_a_run_tells_the_job_which_events_are_in_its_gates(run, samples, started, model) -> None:
    run_samples.add_sample(run, samples.apart().make("plain", 3), 0.3)  # without an FCS
    gates.add(run, LOW)
    gates.add(run, Gate("answered", (Axis("ParticleCount [gone]"),), ((1.0,), (2.0,))))
    job = process.process_run(run, model, ("fcs",))
    low = EventTable(run, "tube").values("FSC-A") <= 190
    members, nothing = (read_members(job.path, place) for place in (0, 1))
    assert (members.names, members.words, nothing.names) == (("low",), ("low: FSC-A 0 to 190",), ())
    assert (members.inside(0) == low).all()
    (note,) = job.spec.notes
    assert note.startswith("tube: no column of the gate answered: The sample has no such parameter")
    assert read_members(process.process_run(run, model, ("csv",)).path, 0) is None
    path = next((job.path / "gates").iterdir())
    whole = path.read_bytes()
    for damaged in (b"", whole[:40], whole.replace(b"bits.npy", b"bats.npy")):
        path.write_bytes(damaged)
        with pytest.raises(JobError, match="gates can't be read"):
            read_members(job.path, int(path.stem))


def test_processing_a_run_whose_gate_holds_nothing_says_so(run, started, model) -> None:
    gates.add(run, Gate("beyond", (Axis("FSC-A"),), ((1e6,), (2e6,))))
    gates.use_for_drawing(run, "beyond")
    with pytest.raises(SampleError, match="No image lies in the gate"):
        process.process_run(run, model, ("csv",))
    assert started == []
