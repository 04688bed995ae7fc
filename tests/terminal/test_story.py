"""The five steps by keys alone, in a real terminal, with the real engine."""

from __future__ import annotations

from pathlib import Path

import flowio
import pytest
from terminals import BACK, Terminal

from tui_cytpix.formats.model.file import read_card
from tui_cytpix.formats.run.folder import RunFolder
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.train.watch import TrainingWatch

pytestmark = pytest.mark.slow

DRAWN, ANNOTATED = 8, 10


@pytest.mark.parametrize("size", [(80, 24)], ids=lambda s: f"{s[0]}x{s[1]}")
def test_the_five_steps(terminal, tube, tmp_path, size):
    (tmp_path / "tube.acs").symlink_to(tube)
    window = terminal(size=size)
    begin(window)
    assess(window)
    choose_base(window)
    select(window)
    annotate(window)
    train(window)
    evaluate(window)
    window.press("q")
    window.wait("Recent runs", "first .*Evaluate")
    window.press("q")
    assert "Traceback" not in window.wait("exit status 0", BACK)
    check_files(tmp_path / "first")


def begin(window: Terminal) -> None:
    window.wait("none yet: n starts one")
    window.press("n")
    window.answer(r"Sample \(", "tube.acs")
    window.answer("Folder of the run", "first")


def assess(window: Terminal) -> None:
    window.wait("▸1 Assess", "quantitative comparison", "⏎ Choose")
    window.press("j Enter")
    window.answer("Plainly good", "3")
    window.answer("Intolerable:", "12")
    window.answer("What must the model get right")
    window.answer("Counting convention")
    window.wait("good up to 3.0%, intolerable from 12.0%", "processes random images")
    window.press("p")
    window.answer("Process how many", str(DRAWN))
    window.wait("judges the images one by one")
    window.press("v")
    for number, key in enumerate(("a", "c", "m"), 1):
        window.wait(f" {number} of {DRAWN} ", "not judged")
        window.decide(key)
    window.wait("Count: not yet known. 1 wrong", r"of 3 \(33%")
    window.press("u")
    window.wait(r"of 2 \(50%", f" 3 of {DRAWN} ")
    window.press("q")
    window.wait("⏎ Enlarge")
    window.press(".")


def choose_base(window: Terminal) -> None:
    window.wait("▸2 Base", "cell-full", "cell-half", "Made for")
    window.press("Space")
    window.wait("■ cell-full")
    window.press("j Space")
    window.wait("■ cell-half")
    window.press("c")
    window.wait(rf"(of|all) {DRAWN} images", rf"1 of {DRAWN}", "cell-half: counts")
    window.press("q")
    window.wait("⏎ Choose")
    window.press("Enter")
    window.wait("cell-half is the base model")
    window.press(".")


def select(window: Terminal) -> None:
    window.wait("▸3 Samples", r"tube 80 .*0\.3 \(fcs\)")
    window.press("p")
    window.answer("How many images to preview", "50")
    window.wait("Selected 50: 35 at random, 15 for")
    window.press(".")


def annotate(window: Terminal) -> None:
    window.wait("▸4 Train", "annotate 10 images to train")
    window.press("a")
    for number in range(1, ANNOTATED + 1):
        window.wait(f" {number}/50 ", r"\d particles?,", f"{number - 1} of 10 annotated")
        if number < 4:
            window.press("2" if number == 1 else "1")  # stated, whatever the model says
            window.wait(r"in this object\.|It is so already\.")
        window.decide("a")
    window.wait(f"{ANNOTATED} annotated ✓", "8 train · 2 validate", " saved ")
    window.press("q")
    window.wait("10 annotated: 8 train")


def train(window: Terminal) -> None:
    window.press("t")
    window.wait("p Start/pause")
    window.press("p")
    window.answer("Train how many epochs on 10 images", "4")
    window.wait("Trained 4 epochs", "TA", "VA")
    window.press("e")
    window.answer("Train how many epochs more", "2")
    window.wait("Trained 6 epochs")
    window.press("w")
    window.answer("Its name", "mine")
    window.answer("Notes for its card", "")
    window.wait("mine is written")
    window.press(".")


def evaluate(window: Terminal) -> None:
    window.wait("▸5 Evaluate", "New mine", "Base cell-half")
    window.press("c")
    window.answer("Compare on how many", str(DRAWN))
    window.wait(f"[Cc]ounts differ on .* of {DRAWN} images|count the same on all {DRAWN} images")
    window.press("Enter")
    window.wait(f"1 of {DRAWN}", "pgdn Next")
    window.press("q")
    window.wait("p Process")
    window.press("p")
    window.wait(r"\[x\] fcs")
    window.press("3")
    window.wait(r"\[x\] masks")
    window.press("Enter")
    window.wait("Done", "tube.fcs")
    window.press("q")
    window.wait("r Pairs")
    window.press("x")
    window.answer("model's file to", "shared.safetensors")
    window.wait("Written")


def check_files(folder: Path) -> None:
    """What the screens said is what is on disk."""
    assert [e.epoch for e in TrainingWatch(RunFolder(folder)).poll().epochs] == [1, 2, 3, 4, 5, 6]
    with Run.open(folder, writing=False) as run:
        settings, book = run.settings, run.annotations
        assert not run.damaged_lines
        assert (settings.assess.p0, settings.assess.p1) == (0.03, 0.12)
        assert len(settings.assess.sequence) == DRAWN
        assert (len(settings.selection.random), len(settings.selection.variable)) == (35, 15)
        assert [a.image for a in book.accepted()] == list(settings.selection.images[:ANNOTATED])
        assert book.accepted()[0].segmentation.particle_count >= 2
        fresh = set(settings.evaluate.sequence)
        assert len(fresh) == DRAWN
        assert not fresh & {*settings.assess.sequence, *settings.selection.images}
        assert [v.judgement is None for v in run.verdicts] == [False, False, False, True]
    card = read_card(folder / "model.safetensors")
    assert (card.name, card.base_name, card.training["epochs_in_all"]) == ("mine", "cell-half", 6)
    assert read_card(folder.parent / "shared.safetensors") == card
    (fcs,) = folder.rglob("tube.fcs")
    channels = flowio.FlowData(fcs).channels
    assert "UDT_ParticleCount" in {channel["pnn"] for channel in channels.values()}
    assert len(list(fcs.parent.rglob("*.png"))) == 80
    assert not list(folder.rglob("*.part"))
