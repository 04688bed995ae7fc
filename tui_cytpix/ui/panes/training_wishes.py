"""What is wished of the training job from step 4's pane."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from tui_cytpix.domain.entered_numbers import MOST_BATCH, MOST_THREADS, size_cutoff, whole
from tui_cytpix.domain.run_settings import DEFAULT_CUTOFF_UM
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.panes.training_remote import TrainingRemote
from tui_cytpix.ui.widgets.panels.dialogue import Question, taken_as
from tui_cytpix.workflow.train import control, finish
from tui_cytpix.workflow.train.object_sizes import ObjectSizes, object_sizes


class Seen(NamedTuple):
    """Images with their objects; the model whose answers are among them left out what is smaller than `cutoff_um`."""

    images: list[tuple[ImageKey, Segmentation]]
    cutoff_um: float


class TrainingWishes:
    """Does it on that screen, and calls `changed` where words about the job are others then; `seen` gives what is known
    of the preview's images: the annotation, else the base model's answer.
    """

    def __init__(self, screen: WorkScreen, changed: Callable[[], object], seen: Callable[[], Seen]) -> None:
        self._screen, self._changed, self._seen = screen, changed, seen
        self._chosen = ""

    @property
    def checkpoint(self) -> str:
        return self._chosen or finish.usual_checkpoint(self._screen.session.run)

    def do(self, wish: str) -> None:
        """A wish by its name: at once, so that the next key finds a question open."""
        remote = TrainingRemote(self._screen)
        wishes: dict[str, Callable[[], object]] = {
            "pause": remote.pause,
            "more": remote.more,
            "stop": remote.stop,
            "check": remote.check,
            "best": lambda: self._screen.start(self._next_checkpoint(), "checkpoint"),
            "write": lambda: remote.write(self.checkpoint),
            "detach": self._detach,
            "cutoff": self._ask_cutoff,
            "compute": self._ask_compute,
            "gallery": self._screen.focus_main,
        }
        wishes[wish]()

    async def _next_checkpoint(self) -> None:
        found = list(await asyncio.to_thread(finish.checkpoints, self._screen.session.run))
        if not found:
            self._screen.report("There is no checkpoint yet.")
            return
        at = found.index(self.checkpoint) if self.checkpoint in found else -1
        self._chosen = found[(at + 1) % len(found)]
        self._changed()

    def _detach(self) -> None:
        live = self._screen.session.training.live
        self._screen.report(
            "Training goes on; open the run again to see it." if live else "No training is at work; saved."
        )
        self._screen.app.run_worker(self._screen.cytpix.close_run(), name="close")

    def _ask_compute(self) -> None:
        """Asks for the device, the number of threads and the batch, one after the other."""
        run, settings = self._screen.session.run, self._screen.session.run.settings.train

        def device(text: str, _before: object) -> str:
            control.check_device(text)
            return text

        def done(device: str, threads: int, batch: int) -> None:
            control.compute_on(run, device, threads, batch)
            self._screen.report(f"From its next start on training computes on {device}.")
            self._changed()

        threads, batch = taken_as(whole(0, MOST_THREADS)), taken_as(whole(0, MOST_BATCH))
        self._screen.ask_in_turn(
            [
                Question("Device: auto (a GPU with room, else the CPU), cpu, cuda or cuda:N:", settings.device, device),
                Question(
                    "Threads (0: half of the processors):", f"{settings.threads}", lambda text, _before: threads(text)
                ),
                Question(
                    "Views a step (0: as usual; fewer need less memory):",
                    f"{settings.batch}",
                    lambda text, _before: batch(text),
                ),
            ],
            done,
        )

    def _ask_cutoff(self) -> None:
        run = self._screen.session.run
        seen = self._seen()
        sizes: list[ObjectSizes] = []

        def about(typed: str) -> Sequence[str]:
            return (
                sizes[0].in_words(typed, seen.cutoff_um) if sizes else ("The objects of the preview are measured ...",)
            )

        async def measure() -> None:
            sizes.append(await asyncio.to_thread(object_sizes, run, seen.images))
            self._screen.ask_panel.say_about()

        question = "Size cutoff: least major diameter (longest axis) of a kept object, in µm (5 is recommended):"
        default = run.settings.train.size_cutoff_um
        self._screen.ask_number(question, default, self._set_cutoff, size_cutoff, about)
        self._screen.start(measure(), "sizes")

    def _set_cutoff(self, um: float) -> None:
        run = self._screen.session.run
        run.update(replace(run.settings, train=replace(run.settings.train, size_cutoff_um=um)))
        if um < DEFAULT_CUTOFF_UM:
            self._screen.report("A cutoff below 5 µm lets background and debris be annotated; small beads may need it.")
        if any(s.um_per_px is None for s in run.settings.samples):
            self._screen.report("Where the pixel size is unknown the cutoff is off: state it in step 3.")
        self._changed()
