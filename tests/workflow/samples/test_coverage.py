"""How far a selection reaches: by research sample and by gate."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tui_cytpix.domain.gate import Axis, Gate
from tui_cytpix.simulate.frames.events import SimulatedSample
from tui_cytpix.workflow.explore import gates
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.samples import coverage, selection
from tui_cytpix.workflow.samples.coverage import Coverage


@pytest.fixture
def run(tmp_path):
    with Run.create(tmp_path / "r", seed=5) as run:
        yield run


def simulated(folder: Path, kind: str, images: int, seed: int) -> Path:
    """A tube's images 0, 1, ... as a folder."""
    folder.mkdir()
    for number, event in enumerate(SimulatedSample(kind, images, seed=seed)):
        Image.fromarray(event.image).save(folder / f"{number}.png", compress_level=1)
    return folder


def test_a_research_sample_of_other_cells_is_not_covered(run, samples, tmp_path):
    run_samples.add_sample(run, simulated(tmp_path / "known", "pombe-rich", 80, 1), 0.3)
    run_samples.label(run, "known", role="training")
    run_samples.add_sample(run, simulated(tmp_path / "alike", "pombe-rich", 40, 3), 0.3)
    samples.write_fcs("alike", 40)
    samples.write_fcs("known", 80)
    run_samples.add_sample(run, simulated(tmp_path / "other", "leukocytes", 20, 1), 0.3)
    chosen = selection.select(run, 50)
    assert {key.sample for key in chosen.settings.images} == {"known"}
    alike, other = coverage.figures(run, chosen)
    assert (alike.sample, alike.images, other.sample, other.images) == ("alike", 40, "other", 20)
    assert alike.share > 0.6
    assert other.near == 0
    assert "Poorly covered" in other.in_words()
    assert {key.sample for key in coverage.uncovered(chosen)} >= {"other"}
    gates.add(run, Gate("first", (Axis("FSC-A"),), ((0.0,), (145.0,))))
    found = coverage.figures(run, chosen)
    assert [(one.sample, one.gate, one.images) for one in found] == [
        ("alike", "", 40), ("alike", "first", 15), ("other", "", 20),
    ]  # fmt: skip


def test_selected_images_do_not_count_for_themselves(run, samples):
    run_samples.add_sample(run, samples.make("tube", 24), 0.3)
    chosen = selection.select(run, 50)
    assert chosen.probed == ()
    assert coverage.figures(run, chosen) == []


def test_what_a_gate_leaves_out_counts_as_not_selected(run, samples):
    run_samples.add_sample(run, samples.with_fcs("tube", 60), 0.3)
    gates.add(run, Gate("half", (Axis("FSC-A"),), ((0.0,), (295.0,))))
    gates.use_for_drawing(run, "half")
    chosen = selection.select(run, 50)
    assert len(chosen.settings.images) == 30
    assert {key.event for key in chosen.probed} == {str(n) for n in range(30, 60)}


def test_a_research_sample_that_is_gone_is_noted(run, samples, tmp_path):
    run_samples.add_sample(run, samples.make("known", 60), 0.3)
    run_samples.label(run, "known", role="training")
    run_samples.add_sample(run, samples.make("gone"), 0.3)
    (tmp_path / "gone").rename(tmp_path / "elsewhere")
    chosen = selection.select(run, 50)
    assert any("How well gone is covered is not known" in note for note in chosen.notes)


def test_few_images_tell_nothing():
    assert "Poorly" not in Coverage("a", "", 10, 9).in_words()
    assert "too few" in Coverage("a", "", 9, 9).in_words()
    assert Coverage("a", "g", 10, 5).in_words().startswith("a, gate g: 50% of 10")


@pytest.mark.slow
def test_heterogeneous_samples_are_told_how_many_images_they_need(run, tmp_path):
    run_samples.add_sample(run, simulated(tmp_path / "alike", "pombe-rich", 200, 1), 0.3)
    assert selection.select(run, 50).notes == ()
    run_samples.add_sample(run, simulated(tmp_path / "mixed", "general-rods", 200, 1), 0.3)
    (note,) = selection.select(run, 50).notes
    assert note.startswith("The samples are heterogeneous: 50 images show 5")
    assert note.endswith("%. Select 200.")
    assert selection.select(run, 200).notes == ()
