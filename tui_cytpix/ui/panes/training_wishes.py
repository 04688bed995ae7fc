"""What the keys of the training pane do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from tui_cytpix.domain.run_settings import DEFAULT_CUTOFF_UM
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import UsageError
from tui_cytpix.ui.frame.work import WorkScreen, whole
from tui_cytpix.ui.panes.training_pane import TrainingPane
from tui_cytpix.ui.panes.training_remote import TrainingRemote
from tui_cytpix.workflow.train import control, finish

MAX_THREADS, MAX_BATCH = 64, 256


class TrainingWishes(WorkScreen):
    """The half of step 4's screen that talks to the training job."""

    chosen_checkpoint = ""

    @property
    def checkpoint(self) -> str:
        """What becomes the model."""
        return self.chosen_checkpoint or finish.usual_checkpoint(self.session.run)

    def annotate_suggested(self) -> None:
        """Opens the editor on what is suggested."""

    def annotate(self, start: ImageKey | None) -> None:
        """Opens the editor."""

    def show_words(self) -> None:
        """Counts, curves, advice."""

    def action_wish(self, wish: str) -> None:
        """A key of the training pane: its actions are the screen's, at once, so that the next key finds a question
        open.
        """
        remote = TrainingRemote(self)
        wishes: dict[str, Callable[[], object]] = {
            "pause": remote.pause,
            "more": remote.more,
            "stop": remote.stop,
            "suggested": self.annotate_suggested,
            "flips": self.wish_flips,
            "best": self.wish_checkpoint,
            "write": lambda: remote.write(self.checkpoint),
            "detach": self.wish_detach,
            "cutoff": self.wish_cutoff,
            "compute": self.wish_compute,
            "gallery": self.focus_main,
        }
        wishes[wish]()

    def on_training_pane_flip_chosen(self, event: TrainingPane.FlipChosen) -> None:
        """The editor on that image."""
        event.stop()
        self.annotate(event.image)

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
        found = list(await asyncio.to_thread(finish.checkpoints, self.session.run))
        if not found:
            self.report("There is no checkpoint yet.")
            return
        at = found.index(self.checkpoint) if self.checkpoint in found else -1
        self.chosen_checkpoint = found[(at + 1) % len(found)]
        self.show_words()

    def wish_detach(self) -> None:
        """Leaves the run; the job is a process of its own."""
        live = self.session.training.live
        self.report("Training goes on; open the run again to see it." if live else "No training is at work; saved.")
        self.app.run_worker(self.cytpix.close_run(), name="close")

    def wish_compute(self) -> None:
        """Asks for the device, the number of threads and the batch, one after the other."""
        run, settings = self.session.run, self.session.run.settings.train

        def to_device(device: str) -> None:
            control.check_device(device)
            self.ask_number(
                "Threads (0: half of the processors):",
                settings.threads,
                lambda threads: to_batch(device, int(threads)),
                whole(0, MAX_THREADS),
            )

        def to_batch(device: str, threads: int) -> None:
            self.ask_number(
                "Views a step (0: as usual; fewer need less memory):",
                settings.batch,
                lambda batch: done(device, threads, int(batch)),
                whole(0, MAX_BATCH),
            )

        def done(device: str, threads: int, batch: int) -> None:
            control.compute_on(run, device, threads, batch)
            self.report(f"From its next start on training computes on {device}.")
            self.show_words()

        self.ask("Device: auto (a GPU with room, else the CPU), cpu, cuda or cuda:N:", settings.device, to_device)

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
