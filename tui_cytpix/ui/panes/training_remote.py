"""Starting, pausing, prolonging, stopping and finishing training, from whatever screen of the run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tui_cytpix.domain.entered_numbers import MOST_EPOCHS, whole
from tui_cytpix.domain.jobs.training import JobState
from tui_cytpix.ui.frame.base import StepScreen
from tui_cytpix.ui.widgets.panels.dialogue import Question
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.train import control, crosscheck, finish, progress

MORE_EPOCHS = 50


class TrainingRemote:
    """Asks on the screen it is made for; does what was wished in a thread, as it reads and writes the job's folder."""

    def __init__(self, screen: StepScreen) -> None:
        self._screen = screen

    def menu(self) -> None:
        screen, status = self._screen, self._screen.session.training
        goes = status.state in (JobState.STARTING, JobState.RUNNING)
        first = "Pause" if goes else "Go on" if status.epochs else "Start"
        choices: dict[str, tuple[str, Callable[[], object]]] = {"p": (first, self.pause)}
        if status.epochs:
            choices["e"] = ("Epochs", self.more)
        if status.live:
            choices["s"] = ("Stop", self.stop)
        if status.epochs:
            choices["w"] = ("Write", self.write)
        if screen.step != "train":
            choices["t"] = ("Step 4", lambda: screen.cytpix.go_to_step("train"))
        screen.ask_panel.choose(f"{progress.in_words(status)}.", choices, "Leave it")

    def _in_background(self, work: Callable[[], object], name: str) -> None:
        """Raises:
        RunError: the run is only looked at.
        """
        self._screen.session.run.check_writable()
        self._screen.start(asyncio.to_thread(work), name)

    def pause(self) -> None:
        run, status = self._screen.session.run, self._screen.session.training
        match status.state:
            case JobState.STARTING | JobState.RUNNING:
                self._in_background(lambda: control.pause(run), "pause")
                self._screen.report("Pauses at the end of this epoch.")
            case JobState.PAUSED | JobState.STOPPED | JobState.FAILED | JobState.LOST:
                self._in_background(lambda: control.resume(run), "resume")
                self._screen.report("Training goes on, with the annotations made meanwhile.")
            case _:
                self.more()

    def more(self) -> None:
        run, status = self._screen.session.run, self._screen.session.training
        first = not status.live and not control.can_go_on(run)
        missing = run.annotations.ready_to_train()
        if missing:
            self._screen.report(missing)
            return
        epochs = run.settings.train.epochs if first else MORE_EPOCHS
        images = len(run.annotations.accepted())
        time = progress.estimate_in_words(status.epochs, run.annotations, epochs, run.settings.base_model.model)
        anew = f"{control.why_anew(run)} " if status.epochs else ""
        words = f"{anew}Train how many epochs on {images} images?" if first else "Train how many epochs more?"
        work = control.start if first else control.add_epochs
        self._screen.ask_number(
            f"{words} ({time})",
            epochs,
            lambda number: self._in_background(lambda: work(run, number), "epochs"),
            whole(1, MOST_EPOCHS),
        )

    def check(self) -> None:
        """Cross-checks, also where no training is at work."""
        run = self._screen.session.run
        missing = run.annotations.ready_to_train()
        if missing or crosscheck.complete(run, self._screen.session.training):
            self._screen.report(missing or "The cross-check holds for all that is annotated: nothing is to be done.")
            return
        self._in_background(lambda: control.check(run), "cross-check")
        self._screen.report("Each annotated image is looked at by a model that does not train on it.")

    def stop(self) -> None:
        run = self._screen.session.run
        if not self._screen.session.training.live:
            self._screen.report("No training is at work.")
            return
        self._screen.ask_panel.confirm(
            "Stop training after this epoch? The model so far stays, and training can go on later.",
            lambda: self._in_background(lambda: control.stop(run), "stop"),
        )

    def write(self, checkpoint: str = "") -> None:
        session = self._screen.session
        session.run.check_writable()
        if not session.training.epochs:
            self._screen.report("Nothing is trained yet.")
            return
        if not finish.checkpoints(session.run):
            self._screen.report("There is nothing to write: the run's checkpoints are not here. Train it anew first.")
            return
        checkpoint = checkpoint or finish.usual_checkpoint(session.run)
        default = library.free_name(f"{session.run.settings.name}-udt")
        still = " Training goes on." if session.training.state is JobState.RUNNING else ""

        def named(name: str, _before: object) -> str:
            library.check_name(name)
            return name

        self._screen.ask_in_turn(
            [
                Question(f"Write the model (checkpoint: {checkpoint}).{still} Its name:", default, named),
                Question("Notes for its card (may stay empty):", "", lambda notes, _before: notes),
            ],
            lambda name, notes: self._write(name, checkpoint, notes),
        )

    async def _write(self, name: str, checkpoint: str, notes: str) -> None:
        screen = self._screen
        entry = await asyncio.to_thread(finish.finish, screen.session.run, name, checkpoint, notes)
        stops = screen.session.training.state is JobState.PAUSED
        if stops:
            await asyncio.to_thread(control.stop, screen.session.run)
        place = f"{entry.path} and in the library"
        told = " Training ends with it." if stops else ""
        screen.report(f"{entry.card.name} is written: {place}.{told} Step 5 compares it with the base.")
        screen.refresh_rail()
        screen.on_training(screen.session.training)
