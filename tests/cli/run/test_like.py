"""`run new DIR --like RUN`: what was stated is there again, what was drawn, judged and made is not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tui_cytpix.domain.gate import Axis, Gate
from tui_cytpix.domain.run_settings import Kind
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run


def sample(folder: Path, shift: int) -> Path:
    folder.mkdir(parents=True)
    for number in range(3):
        image = Image.fromarray(np.tri(16, k=shift + number, dtype=np.uint8) * 90)
        image.save(folder / f"{number}.png")
    return folder


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    with Run.create(tmp_path / "week-1") as run:
        for place, name in enumerate(("a", "b")):
            labels = {"condition": "rich", "unit": f"culture {place}", "day": "Monday", "tube": f"tube {place}"}
            run_samples.add_sample(run, sample(tmp_path / "one" / name, 3 * place), 0.3, **labels)
        run_samples.label(run, "b", role="aside", control="blank")
        settings = run.settings
        gate = Gate("small", (Axis("Area"),), ((0.0,), (60.0,)))
        inner = Gate("dim", (Axis("FSC-A"),), ((0.0,), (9.0,)), "small")
        drawn = (ImageKey("a", "0"), ImageKey("a", "1"))
        stated = {"goal": "own", "p0": 0.03, "p1": 0.2, "required": (Kind.COUNT,), "counting_convention": "one is one"}
        run.update(
            replace(
                settings,
                gates=(gate, inner),
                image_gate="small",
                assess=replace(settings.assess, **stated, images=44, sequence=drawn, least_focus=0.2, blind_first=True),
                selection=replace(settings.selection, preview=77, gate="small", random=drawn),
                train=replace(settings.train, size_cutoff_um=3.5, epochs=60),
                evaluate=replace(settings.evaluate, blind=False, sequence=drawn),
            )
        )
        library.choose(run, library.find("cell-half"))
    return tmp_path / "week-1"


def test_what_was_stated_is_there_again(earlier, tmp_path, run_main):
    one, other = sample(tmp_path / "two" / "a", 7), sample(tmp_path / "two" / "new", 11)
    status, out, err = run_main("run", "new", tmp_path / "week-2", "--sample", one, other, "--like", earlier)
    assert status == 0, err
    assert "to start from cell-half" in out
    told = f"As in {earlier}: goal own; 2 gates, images drawn from small; size cutoff 3.5 um; model cell-half; "
    assert f"{told}labels of 2 samples." in err.splitlines()
    assert "new has no FSC-A: the gate dim can't be asked of it." in err
    before, now = (Run.open(path, writing=False).settings for path in (earlier, tmp_path / "week-2"))
    assert now.gates == before.gates
    assert (now.image_gate, now.selection.gate, now.selection.preview) == ("small", "small", 77)
    assert now.train == before.train
    for name in ("goal", "p0", "p1", "required", "counting_convention", "images", "blind_first"):
        assert getattr(now.assess, name) == getattr(before.assess, name), name
    assert (now.evaluate.blind, now.base_model.model, now.assess.model) == (False, "cell-half", "cell-half")
    assert now.assess.sequence == now.selection.images == now.evaluate.sequence == now.assess.earlier == ()
    assert (now.assess.least_focus, now.name) == (0.0, "week-2")
    labels = [(s.condition, s.unit, s.tube, s.day, s.role, s.control) for s in now.samples]
    assert labels == [("rich", "", "tube 0", "", "research", ""), ("rich", "", "", "", "research", "")]


def test_what_is_said_now_counts_and_a_sample_that_was_set_aside_is_not(earlier, tmp_path, run_main):
    sample(tmp_path / "two" / "a", 7), sample(tmp_path / "two" / "b", 11)
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("path;condition;tube\ntwo/a;poor;\ntwo/b;;seven\n")
    asked = ("run", "new", tmp_path / "n", "--samples", sheet, "--like", earlier, "--base", "cell-full")
    status, _, err = run_main(*asked, "--preview", "60")
    assert status == 0, err
    now = Run.open(tmp_path / "n", writing=False).settings
    assert [(s.condition, s.tube, s.role, s.control) for s in now.samples] == [
        ("poor", "tube 0", "research", ""),
        ("rich", "seven", "research", "blank"),
    ]
    assert (now.base_model.model, now.assess.model, now.selection.preview) == ("cell-full", "cell-full", 60)


def test_a_run_that_made_a_model_hands_that_on(earlier, tmp_path, run_main, tiny_model):
    shutil.copy(tiny_model, earlier / "model.safetensors")
    new = sample(tmp_path / "two" / "a", 7)
    assert run_main("run", "new", tmp_path / "n", "--sample", new, "--like", earlier)[0] == 0
    assert Run.open(tmp_path / "n", writing=False).settings.base_model.model == str(earlier / "model.safetensors")
    assert run_main("models", "import", tiny_model)[0] == 0
    assert run_main("run", "new", tmp_path / "m", "--sample", new, "--like", earlier)[0] == 0
    chosen = Path(Run.open(tmp_path / "m", writing=False).settings.base_model.model)
    assert chosen == Path(library.find("tiny").path), "the library's copy stays where the run's goes"


def test_no_run_is_left_where_there_is_nothing_to_be_like(earlier, tmp_path, run_main):
    new = sample(tmp_path / "two" / "a", 7)
    status, _, err = run_main("run", "new", tmp_path / "n", "--sample", new, "--like", tmp_path / "two")
    assert (status, (tmp_path / "n").exists()) == (1, False)
    assert "is not a run" in err or "no run" in err, err
    status, _, err = run_main("run", "new", tmp_path / "n", "--sample", new)
    assert (status, (tmp_path / "n").exists()) == (2, False)
    assert "--base M, or --like RUN" in err
    toml = earlier / "run.toml"
    toml.write_text(toml.read_text().replace('model = "cell-half"', 'model = "gone"'))
    status, _, err = run_main("run", "new", tmp_path / "n", "--sample", new, "--like", earlier)
    assert (status, (tmp_path / "n").exists()) == (1, False)
    assert "There is no such model" in err
