"""Closing the terminal, the connection or the app while training is at work: nothing is lost."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from terminals import BACK, until

from tui_cytpix.domain.jobs.training import JobState, TrainingStatus
from tui_cytpix.formats.run.folder import RunFolder
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.train.watch import TrainingWatch

EPOCHS = 500  # more than it gets to, however slow the app is beside it


def training(run: Path) -> TrainingStatus:
    return TrainingWatch(RunFolder(run)).poll()


def last_epoch(run: Path) -> int:
    epochs = training(run).epochs
    return epochs[-1].epoch if epochs else 0


def told_epochs(run: Path) -> list[int]:
    """Every epoch that any training job ever told, in the order told."""
    found = []
    for events in sorted((run / "jobs").glob("*-train/events.jsonl")):
        lines = [json.loads(line) for line in events.read_text().splitlines()]
        found += [line["epoch"] for line in lines if line["type"] == "epoch"]
    return found


def wait_for_epoch(run: Path, number: int) -> None:
    until(lambda: last_epoch(run) >= number, lambda: f"epoch {number} never came: {training(run)}")


def check_curve(run: Path) -> None:
    """No epoch is missing, none is there twice."""
    epochs = list(range(1, last_epoch(run) + 1))
    assert [e.epoch for e in training(run).epochs] == epochs
    assert told_epochs(run) == epochs


def accepted(run: Path) -> int:
    with Run.open(run, writing=False) as opened:
        assert not opened.damaged_lines
        return len(opened.annotations.accepted())


def stop_by_keys(window, run: Path) -> None:
    window.press("t")
    window.wait("p Start/pause")
    window.press("s")
    window.wait("Stop training after this epoch")
    window.press("y")
    until(lambda: training(run).state is JobState.STOPPED, window.screen)
    window.wait("Stopped at epoch")


@pytest.mark.slow
def test_the_app_is_killed_while_it_trains(terminal, run):
    window = terminal(run)
    window.wait("10 annotated: 8 train", "Enough to train")
    window.press("a")
    window.wait("10 annotated ✓", r"\d particles?")
    for count in (11, 12):
        window.decide("a")
        window.wait(f"{count} annotated ✓", " saved ", r"\d particles?")
    window.press("q")
    window.wait("12 annotated: ")
    window.press("t")
    window.wait("p Start/pause")
    window.press("p")
    window.answer("Train how many epochs on 12 images", str(EPOCHS))
    window.wait(rf"Training: epoch \d+ of {EPOCHS}")

    window.kill(signal.SIGKILL)
    window.wait("exit status 137")
    at_the_kill = last_epoch(run)
    assert at_the_kill < EPOCHS - 10
    assert accepted(run) == 12
    wait_for_epoch(run, at_the_kill + 3)

    again = terminal(run)
    again.wait("12 annotated: ", rf"● \d+/{EPOCHS}")
    stop_by_keys(again, run)
    check_curve(run)
    assert accepted(run) == 12
    again.press("q")
    again.wait("a Annotate t Training")
    again.press("q")
    again.wait("Recent runs")
    again.press("q")
    again.wait("exit status 0", BACK)


@pytest.mark.slow
def test_the_connection_drops_while_it_trains(terminal, run, verb, variables):
    verb(variables, "run", "train", run, "--epochs", EPOCHS, "--detach")
    window = terminal(run)
    window.wait(rf"● \d+/{EPOCHS}")
    pid = window.pid
    assert (run / "run.lease").exists()
    window.hang_up()
    until(lambda: not Path(f"/proc/{pid}").exists(), lambda: "the app outlives its terminal")
    until(lambda: not (run / "run.lease").exists(), lambda: "the lease was not given back")
    wait_for_epoch(run, last_epoch(run) + 2)

    again = terminal(run)
    again.wait(rf"● \d+/{EPOCHS}")
    stop_by_keys(again, run)
    check_curve(run)
    assert accepted(run) == 10
    assert f"Stopped at epoch {last_epoch(run)} of {EPOCHS}" in again.told()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
def test_a_signal_gives_the_terminal_back(terminal, run, number):
    window = terminal(run)
    window.wait("Enough to train")
    assert window.flag("alternate_on") == "1"
    window.kill(number)
    shown = window.wait("exit status 0", BACK)
    assert "Traceback" not in shown
    settings = shown.partition("exit status")[0].replace(";", " ").split()
    assert {"icanon", "echo", "isig", "icrnl", "opost", "ixon"} <= set(settings)
    flags = {name: window.flag(name) for name in ("alternate_on", "cursor_flag", "mouse_any_flag", "keypad_flag")}
    assert flags == {"alternate_on": "0", "cursor_flag": "1", "mouse_any_flag": "0", "keypad_flag": "0"}
    assert accepted(run) == 10
