"""Processing whole samples: what to write, how far it is, what came out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll

from tui_cytpix.domain.jobs.specs import FORMATS, ProcessSpec
from tui_cytpix.domain.jobs.training import JobState
from tui_cytpix.domain.words import duration
from tui_cytpix.ui.commands.bindings import bindings
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.panes.judging import Judging
from tui_cytpix.ui.widgets.lines.hint import Words, heading, labelled
from tui_cytpix.workflow.cluster import slurm
from tui_cytpix.workflow.evaluate import process, process_watch
from tui_cytpix.workflow.evaluate.process_watch import ProcessStatus, ProcessWatch
from tui_cytpix.workflow.explore.random_images import gate_in_use
from tui_cytpix.workflow.run import zoom

POLL_SECONDS = 0.5
ASK_SLURM = "Options of sbatch, e.g. --partition=gpu --gres=gpu:1? The node must see the run and its samples."


class ProcessPane(VerticalScroll, can_focus=True):
    """Starts and follows the processing of the run's samples with the model of `judging`."""

    DEFAULT_CSS = """
    ProcessPane { height: 1fr; padding: 1 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("process")

    def __init__(self, screen: WorkScreen, judging: Judging) -> None:
        super().__init__(id="process")
        self._frame, self._judging = screen, judging
        self.formats = ["fcs", "csv"]
        self.status: ProcessStatus | None = None  # of the newest job
        self._watch: ProcessWatch | None = None
        self._slurm = ""  # the options of sbatch that were given last

    def compose(self) -> ComposeResult:
        yield Words(id="process-words")

    def open(self) -> None:
        if self._judging.model is None:
            self._frame.report("There is no model to process with yet: write one in step 4, or choose another.")
            return
        self._frame.show_pane("process")
        self._frame.set_focus(self)
        self._frame.say_next()
        self.show()

    def show(self) -> None:
        """What is to be processed, which of its images and how large they are seen, the formats, the job."""
        run, model = self._frame.session.run, self._judging.model
        names = [sample.name for sample in process.processed_samples(run)]
        gate = gate_in_use(run)
        which = [f"Only the images in the gate {gate}." if gate else "", zoom.setting_in_words(run)]
        lines: list[str | Text] = [
            heading(f"Process {', '.join(names) or 'nothing'} with {model.card.name if model else 'no model yet'}"),
            " ".join(part for part in which if part),
        ]
        for number, (name, words) in enumerate(FORMATS.items(), 1):
            switched = "[x]" if name in self.formats else "[ ]"
            key = self._frame.key(f"process.toggle-{number}")
            lines.append(Text.assemble((f" {key} ", _BOLD), f"{switched} {name}: {words}"))
        run_key, slurm_key = (f" {self._frame.key(f'process.{wish}')} " for wish in ("run", "slurm"))
        more = "on a node of Slurm. Leaving the app does not stop it."
        lines.append(Text.assemble((run_key, _BOLD), "starts,", (slurm_key, _BOLD), more))
        if self.status is not None:
            lines += [" ", *status_lines(self.status)]
        self.query_one("#process-words", Words).say(*lines)

    def action_wish(self, wish: str) -> None:
        if wish == "run":
            self._frame.start(self._process(), "start processing")
            return
        if wish == "slurm":
            self._frame.ask(ASK_SLURM, self._slurm, self._on_slurm)
            return
        name = tuple(FORMATS)[int(wish) - 1]
        if name in self.formats:
            self.formats.remove(name)
        else:
            self.formats.append(name)
        self.show()

    def _on_slurm(self, options: str) -> Awaitable[None]:
        self._slurm = options
        return self._process(options)

    async def _process(self, on_slurm: str | None = None) -> None:
        """Here, or with these options of sbatch on a node."""
        run, model = self._frame.session.run, self._judging.model
        if model is None:
            return
        run.check_writable()
        if self.status is not None and self.status.live:
            self._frame.report(f"Processing is at work: wait, or cancel it with {self._frame.key('step.cancel')}.")
            return
        formats = [f for f in FORMATS if f in self.formats]
        slurm_options = None if on_slurm is None else slurm.options(on_slurm)
        job = await asyncio.to_thread(process.process_run, run, model, formats, slurm_options)
        await self.watch_newest(started_now=True)
        spec = job.spec
        told: set[str] = set()
        if isinstance(spec, ProcessSpec):
            told = {sample.name for sample in spec.samples} | {failure.sample for failure in spec.left_out}
        left_out = [s.name for s in process.processed_samples(run) if s.name not in told]
        if left_out:
            self._frame.report(f"No image of {', '.join(left_out)} lies in the gate: left out.")

    def cancel(self) -> bool:
        """Stops the job; False where none is at work."""
        if self._watch is None or self.status is None or not self.status.live:
            return False
        self._frame.start(asyncio.to_thread(self._watch.cancel), "cancel")
        self._frame.report("Processing stops; what is written stays.")
        return True

    # The job

    @property
    def is_done(self) -> bool:
        """Whether samples are processed."""
        return self.status is not None and self.status.state is JobState.FINISHED

    async def watch_newest(self, *, started_now: bool = False) -> None:
        """Follows the run's newest process job; the end of one that ended in an earlier session is no news."""
        self._watch = await asyncio.to_thread(process_watch.watch_newest, self._frame.session.run)
        if self._watch is not None:
            work = self._follow(self._watch, started_now)
            self._frame.run_worker(work, name="process", group="process", exclusive=True)

    async def _follow(self, watch: ProcessWatch, news: bool) -> None:
        while True:
            status = await asyncio.to_thread(watch.poll)
            if status != self.status:
                self.status = status
                self._show_task(status)
                self._frame.say_next()
            if not status.live:
                break
            news = True
            await asyncio.sleep(POLL_SECONDS)
        self._frame.task_bar.clear()
        if news:
            self._frame.report(in_a_line(status))

    def _show_task(self, status: ProcessStatus) -> None:
        """The progress line, unless another task has it."""
        if status.live and not self._frame.session.progress.busy:
            label = f"Processing {status.what}:" if status.what else "Starting the engine:"
            note = f"{self._frame.key('step.cancel')} cancels"
            self._frame.task_bar.show_progress(label, status.done, status.total, note, status.eta_seconds)


_BOLD = Style(bold=True)
_STATES = {
    JobState.STARTING: "The engine is starting.",
    JobState.RUNNING: "At work",
    JobState.PAUSED: "Paused.",
    JobState.FINISHED: "Done.",
    JobState.STOPPED: "Cancelled; what is listed here is written.",
    JobState.FAILED: "Failed.",
    JobState.LOST: "The engine is gone.",
}


def status_lines(status: ProcessStatus) -> list[str | Text]:
    words = _STATES[status.state]
    if status.state is JobState.RUNNING:
        left = f", {duration(status.eta_seconds)} left" if status.eta_seconds is not None else ""
        words = f"{words}: {status.what} {status.done} of {status.total}{left}."
    lines: list[str | Text] = [heading(words), status.message]
    if status.already:
        lines.append(f"{status.already} samples had been done with the same model and settings, and are as they were.")
    if status.out:
        lines.append(labelled("Folder", status.out))
    lines.extend(f"  {path.removeprefix(status.out).lstrip('/')}" for path in status.outputs)
    if status.failures:
        lines.append(heading("Not processed:"))
        lines.extend(f"  {failure}" for failure in status.failures)
    return lines


def in_a_line(status: ProcessStatus) -> str:
    """For the tally and for a notice."""
    if status.state is JobState.FINISHED:
        failed = f", {len(status.failures)} failed" if status.failures else ""
        already = f", {status.already} samples done before" if status.already else ""
        return f"done: {len(status.outputs)} files in {status.out}{already}{failed}"
    if status.live:
        return f"{status.done} of {status.total} images"
    return status.message or f"{status.state.value}"
