"""What the keys of the training pane do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace

from tui_cytpix.domain.run_settings import DEFAULT_CUTOFF_UM
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.training import JobState
from tui_cytpix.errors import UsageError
from tui_cytpix.ui.screens.work import WorkScreen, whole
from tui_cytpix.ui.widgets.training_pane import TrainingPane
from tui_cytpix.workflow import advice, base_model, train

MORE_EPOCHS = 50
MAX_EPOCHS = 10_000


class TrainingWishes(WorkScreen):
    """The half of step 4's screen that talks to the training job."""

    chosen_checkpoint = ""

    @property
    def checkpoint(self) -> str:
        """What becomes the model."""
        return self.chosen_checkpoint or train.usual_checkpoint(self.session.run)

    def annotate_suggested(self) -> None:
        """Opens the editor on what is suggested."""

    def annotate(self, start: ImageKey | None) -> None:
        """Opens the editor."""

    def in_background(self, work: Callable[[], object], name: str) -> None:
        """Runs a wish in a thread."""

    def show_words(self) -> None:
        """Counts, curves, advice."""

    def action_wish(self, wish: str) -> None:
        """A key of the training pane: its actions are the screen's, at once, so that the next key finds a question
        open.
        """
        wishes: dict[str, Callable[[], object]] = {
            "pause": self.wish_pause,
            "more": self.wish_more,
            "stop": self.wish_stop,
            "suggested": self.annotate_suggested,
            "flips": self.wish_flips,
            "best": self.wish_checkpoint,
            "write": self.wish_write,
            "detach": self.wish_detach,
            "cutoff": self.wish_cutoff,
            "gallery": self.focus_main,
        }
        wishes[wish]()

    def on_training_pane_flip_chosen(self, event: TrainingPane.FlipChosen) -> None:
        """The editor on that image."""
        event.stop()
        self.annotate(event.image)

    def wish_pause(self) -> None:
        """Starts, pauses, or goes on."""
        run, status = self.session.run, self.session.training
        match status.state:
            case JobState.STARTING | JobState.RUNNING:
                self.in_background(lambda: train.pause(run), "pause")
                self.report("Pauses at the end of this epoch.")
            case JobState.PAUSED | JobState.STOPPED | JobState.FAILED | JobState.LOST:
                self.in_background(lambda: train.resume(run), "resume")
                self.report("Training goes on, with the annotations made meanwhile.")
            case _:
                self._ask_epochs(status.epochs == ())

    def wish_more(self) -> None:
        """Asks how many."""
        self._ask_epochs(not self.session.training.epochs)

    def _ask_epochs(self, first: bool) -> None:
        run, status = self.session.run, self.session.training
        missing = run.annotations.ready_to_train()
        if missing:
            self.report(missing)
            return
        epochs = run.settings.train.epochs if first else MORE_EPOCHS
        images = len(run.annotations.accepted())
        seconds = advice.estimate_seconds(status.epochs, images, epochs)
        known = (
            f"{epochs} take about {advice.duration(seconds)}" if seconds else "the first one tells how long it takes"
        )
        words = f"Train how many epochs on {images} images?" if first else "Train how many epochs more?"
        work = train.start if first else train.add_epochs
        self.ask_number(
            f"{words} ({known})",
            epochs,
            lambda number: self.in_background(lambda: work(run, int(number)), "epochs"),
            whole(1, MAX_EPOCHS),
        )

    def wish_stop(self) -> None:
        """Asks first."""
        run = self.session.run
        if not self.session.training.live:
            self.report("No training is at work.")
            return
        self.ask_panel.confirm(
            "Stop training after this epoch? The model so far stays, and training can go on later.",
            lambda: self.in_background(lambda: train.stop(run), "stop"),
        )

    def wish_flips(self) -> None:
        """Opens or closes the list."""
        pane = self.query_one(TrainingPane)
        if not self.session.training.flips and not pane.flips_shown:
            self.report("No image flipped between looks so far.")
            return
        pane.show_flips(not pane.flips_shown)

    def wish_checkpoint(self) -> None:
        """The next of those that are there."""
        self.start(self._next_checkpoint(), "checkpoint")

    async def _next_checkpoint(self) -> None:
        found = list(await asyncio.to_thread(train.checkpoints, self.session.run))
        if not found:
            self.report("There is no checkpoint yet.")
            return
        at = found.index(self.checkpoint) if self.checkpoint in found else -1
        self.chosen_checkpoint = found[(at + 1) % len(found)]
        self.show_words()

    def wish_write(self) -> None:
        """Asks for the name."""
        status = self.session.training
        if not status.epochs:
            self.report("Nothing is trained yet.")
        elif status.state in (JobState.STARTING, JobState.RUNNING):
            self.report(f"Training is at work: pause ({self.key('training.pause')}) or stop it first.")
        else:
            default = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{self.session.run.settings.name}-udt").strip("-._")[:64]
            question = f"Write the model (checkpoint: {self.checkpoint}). Its name:"
            self.ask(question, default, lambda text: self.start(self._write(text), "write"))

    async def _write(self, name: str) -> None:
        if not name:
            return
        base_model.check_name(name)
        entry = await asyncio.to_thread(train.finish, self.session.run, name, self.checkpoint)
        if self.session.training.live:
            await asyncio.to_thread(train.stop, self.session.run)
        self.report(f"{entry.card.name} is written: {entry.path} and in the library. Step 5 compares it with the base.")
        self.refresh_rail()
        self.show_words()

    def wish_detach(self) -> None:
        """Leaves the run; the job is a process of its own."""
        live = self.session.training.live
        self.report("Training goes on; open the run again to see it." if live else "No training is at work; saved.")
        self.cytpix.run_worker(self.cytpix.close_run(), name="close")

    def wish_cutoff(self) -> None:
        """Asks; a lower one warns."""
        run = self.session.run
        question = "Size cutoff: smallest longest axis of a kept object, in µm (5 is recommended):"
        self.ask_number(question, run.settings.train.size_cutoff_um, self._set_cutoff, _cutoff)

    def _set_cutoff(self, um: float) -> None:
        run = self.session.run
        run.update(replace(run.settings, train=replace(run.settings.train, size_cutoff_um=um)))
        if um < DEFAULT_CUTOFF_UM:
            self.report("A cutoff below 5 µm lets background and debris be annotated; small beads may need it.")
        if any(s.um_per_px is None for s in run.settings.samples):
            self.report("Where the pixel size is unknown the cutoff is off: state it in step 3.")
        self.show_words()


def _cutoff(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 200:
        raise UsageError("This is no size cutoff", f"{text} µm.", "Give 0 to 200.")
    return value
