"""The half of step 5's screen that starts and watches processing."""

from __future__ import annotations

import asyncio

from tui_cytpix.domain.training import JobState
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.panes.judging import Judging
from tui_cytpix.ui.panes.process_pane import ProcessPane
from tui_cytpix.workflow.evaluate import process, process_watch
from tui_cytpix.workflow.evaluate.process_watch import ProcessStatus, ProcessWatch
from tui_cytpix.workflow.explore.random_images import gate_in_use
from tui_cytpix.workflow.run import zoom

POLL_SECONDS = 0.5


class ProcessingScreen(WorkScreen):
    """Needs a ProcessPane `#process` among the panes."""

    def __init__(self) -> None:
        super().__init__()
        self.judging = Judging(self, lambda: self.session.run.settings.evaluate.sequence)
        self.formats = ["fcs", "csv"]
        self.processing: ProcessStatus | None = None
        self._watch: ProcessWatch | None = None

    async def watch_newest(self, *, started_now: bool = False) -> None:
        """Follows the run's newest process job; the end of one that ended in an earlier session is no news."""
        self._watch = await asyncio.to_thread(process_watch.watch_newest, self.session.run)
        if self._watch is not None:
            work = self._follow(self._watch, started_now)
            self.run_worker(work, name="process", group="process", exclusive=True)

    async def _follow(self, watch: ProcessWatch, news: bool) -> None:
        while True:
            status = await asyncio.to_thread(watch.poll)
            if status != self.processing:
                self.processing = status
                self.show_process_task()
                self.say_next()
            if not status.live:
                break
            news = True
            await asyncio.sleep(POLL_SECONDS)
        self.task_bar.clear()
        if news:
            self.report(self.processing_words())

    def show_process_task(self) -> None:
        """The progress line, unless another task has it."""
        status = self.processing
        if status is None or not status.live or self.session.progress.busy:
            return
        label = f"Processing {status.what}:" if status.what else "Starting the engine:"
        note = f"{self.key('step.cancel')} cancels"
        self.task_bar.show_progress(label, status.done, status.total, note, status.eta_seconds)

    def processing_words(self) -> str:
        """One line."""
        status = self.processing
        if status is None:
            return "nothing is processed yet"
        if status.state is JobState.FINISHED:
            failed = f", {len(status.failures)} failed" if status.failures else ""
            return f"done: {len(status.outputs)} files in {status.out}{failed}"
        if status.live:
            return f"{status.done} of {status.total} images"
        return status.message or f"{status.state.value}"

    def action_process(self) -> None:
        """Shows the pane."""
        if self.judging.model is None:
            self.report("There is no model to process with yet: write one in step 4, or choose another.")
            return
        self.show_pane("process")
        self.set_focus(self.query_one(ProcessPane))
        self.say_next()
        self.show_processing()

    def show_processing(self) -> None:
        """The pane from what is known."""
        model = self.judging.model
        run = self.session.run
        names = [s.name for s in run.settings.samples if s.role != "training"]
        what = f"Process {', '.join(names) or 'nothing'} with {model.card.name if model else 'no model yet'}"
        gate = gate_in_use(run)
        which = f"Only the images in the gate {gate}." if gate else ""
        words = " ".join(part for part in (which, zoom.setting_in_words(run)) if part)
        self.query_one(ProcessPane).show(what, words, process.FORMATS, self.formats, self.processing, self.key)

    def on_process_pane_wished(self, event: ProcessPane.Wished) -> None:
        """Switches a format, or starts."""
        event.stop()
        if event.wish == "run":
            self.start(self._process(), "start processing")
            return
        name = process.FORMATS[int(event.wish) - 1]
        if name in self.formats:
            self.formats.remove(name)
        else:
            self.formats.append(name)
        self.show_processing()

    async def _process(self) -> None:
        model = self.judging.model
        if model is None:
            return
        if self.processing is not None and self.processing.live:
            self.report(f"Processing is at work: wait, or cancel it with {self.key('step.cancel')}.")
            return
        formats = [f for f in process.FORMATS if f in self.formats]
        job = await asyncio.to_thread(process.process_run, self.session.run, model, formats)
        await self.watch_newest(started_now=True)
        at_work = {sample["name"] for sample in job.spec["samples"]}
        left_out = [s.name for s in self.session.run.settings.samples if s.role != "training" and s.name not in at_work]
        if left_out:
            self.report(f"No image of {', '.join(left_out)} lies in the gate: left out.")

    def cancel_more(self) -> None:
        """Stops the process job."""
        if self._watch is not None and self.processing is not None and self.processing.live:
            self.start(asyncio.to_thread(self._watch.cancel), "cancel")
            self.report("Processing stops; what is written stays.")
        else:
            super().cancel_more()
