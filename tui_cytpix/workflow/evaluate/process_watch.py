"""Watching a process job from the outside, also one that an earlier session started."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tui_cytpix.domain.training import JobState
from tui_cytpix.formats.run.job import JobFolder
from tui_cytpix.formats.run.json_log import LogTail
from tui_cytpix.workflow.run import jobs, predict
from tui_cytpix.workflow.run.run import Run


@dataclass(frozen=True)
class ProcessStatus:
    """An immutable picture of one process job. `what` is what is at work; `failures` and `message` are sentences."""

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

    @property
    def live(self) -> bool:
        """True while the job is at work."""
        return self.state in (JobState.STARTING, JobState.RUNNING)


class ProcessWatch:
    """`poll` reads only what is new."""

    def __init__(self, job: JobFolder, clock: Callable[[], float] = time.time) -> None:
        self._job, self._clock = job, clock
        self._tail = LogTail(job.events_path)
        self._events: list[dict[str, Any]] = []
        self._out = str(job.spec.get("out", ""))

    def poll(self) -> ProcessStatus:
        """A fresh picture."""
        self._events.extend(self._tail.new())
        state = jobs.state_of(self._job, self._events)
        progress: dict[str, Any] = {}
        started: dict[str, Any] = {}
        end: dict[str, Any] = {}
        for event in self._events:
            match event["type"]:
                case "progress":
                    progress = event
                case "started":
                    started = event
                case "finished" | "stopped":
                    end = event
        done, total = int(progress.get("done", 0)), int(progress.get("total", 0))
        eta = None
        if state is JobState.RUNNING and started and done:
            eta = (float(progress["time"]) - float(started["time"])) / done * (total - done)
        failed = state in (JobState.FAILED, JobState.LOST)
        return ProcessStatus(
            state=state,
            done=done,
            total=total,
            what=str(progress.get("what", "")),
            device=str(started.get("device", "")),
            eta_seconds=eta,
            outputs=tuple(_sentence(o) for o in end.get("outputs", ())),
            failures=tuple(_sentence(f) for f in end.get("failures", ())),
            message=str(jobs.failure(self._job, self._events)) if failed else "",
            out=self._out,
        )

    def cancel(self) -> None:
        """Asks the job to stop; what is written already stays."""
        self._job.send("stop")


def _sentence(item: Any) -> str:
    return ": ".join(str(value) for value in item.values() if value) if isinstance(item, dict) else str(item)


def newest(run: Run) -> JobFolder | None:
    """The process job of this run that was started last, None where there is none."""
    found = [
        job
        for out in (run.path / "processed").glob("*")
        for job in jobs.of_kind(predict.job_path(out), "process")
        if (job.path / "job.toml").is_file()
    ]
    return max(found, key=lambda job: (job.path / "job.toml").stat().st_mtime, default=None)


def watch_newest(run: Run) -> ProcessWatch | None:
    """Follows the run's newest process job."""
    job = newest(run)
    return None if job is None else ProcessWatch(job)
