"""Watching a process job from the outside, also one that an earlier session started."""

from __future__ import annotations

from dataclasses import dataclass

from tui_cytpix.domain.jobs.events import Ended, Finished, Progress, Started
from tui_cytpix.domain.jobs.log_lines import LogLine
from tui_cytpix.domain.jobs.specs import ProcessSpec
from tui_cytpix.domain.jobs.training import JobState
from tui_cytpix.domain.jobs.wishes import Stop
from tui_cytpix.formats.run.job import JOB, JobFolder
from tui_cytpix.workflow.run import jobs
from tui_cytpix.workflow.run.run import Run

MEASURED_SECONDS = 2.0  # of work, before it is told how long the rest will take


@dataclass(frozen=True)
class ProcessStatus:
    """An immutable picture of one process job. `what` is what is at work, and which of how many; `failures` and
    `message` are sentences; `already`: so many samples had been done before.
    """

    state: JobState
    done: int = 0
    total: int = 0
    what: str = ""
    device: str = ""
    eta_seconds: float | None = None
    outputs: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    message: str = ""
    out: str = ""
    already: int = 0

    @property
    def live(self) -> bool:
        return self.state.live


class ProcessWatch:
    """`poll` reads only what is new."""

    def __init__(self, job: JobFolder) -> None:
        self._job = job
        self._tail = job.new_events()
        self._events: list[LogLine] = []
        spec = job.spec
        self._out = spec.out if isinstance(spec, ProcessSpec) else ""

    def poll(self) -> ProcessStatus:
        self._events.extend(self._tail.new())
        state = jobs.state_of(self._job, self._events)
        progress, started, end = Progress(), Started(), Ended()
        for event in self._events:
            match event:
                case Progress():
                    progress = event
                case Started():
                    started = event
                case Ended():
                    end = event
        done, total = progress.done, progress.total
        eta = self._left() if state is JobState.RUNNING else None
        message = jobs.in_slurm(self._job) if state is JobState.STARTING else ""
        if state in (JobState.FAILED, JobState.LOST):
            message = str(jobs.failure(self._job, self._events))
        return ProcessStatus(
            state=state,
            done=done,
            total=total,
            what=progress.what + (f" ({progress.sample} of {progress.samples})" if progress.samples > 1 else ""),
            device=started.device,
            eta_seconds=eta,
            outputs=end.outputs or (),
            failures=tuple(str(failure) for failure in end.failures or ()),
            message=message,
            out=self._out,
            already=(end.already or 0) if isinstance(end, Finished) else 0,
        )

    def _left(self) -> float | None:
        """Seconds, by the speed since the first images were told; None until that is measured."""
        told = [event for event in self._events if isinstance(event, Progress) and event.total]
        if not told or told[-1].time - told[0].time < MEASURED_SECONDS:
            return None
        first, last = (one.done / one.total if one.share is None else one.share for one in (told[0], told[-1]))
        return (told[-1].time - told[0].time) / (last - first) * (1 - last) if last > first else None

    def cancel(self) -> None:
        self._job.send(Stop())


def watch_newest(run: Run) -> ProcessWatch | None:
    """Follows the process job of this run that was started last; None where there is none."""
    found = [
        job
        for out in (run.path / "processed").glob("*")
        for job in jobs.of_kind(out / JOB, "process")
        if (job.path / "job.toml").is_file()
    ]
    newest = max(found, key=lambda job: (job.path / "job.toml").stat().st_mtime, default=None)
    return None if newest is None else ProcessWatch(newest)
