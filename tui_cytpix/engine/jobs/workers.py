"""The process job's pool of workers: results in order, a bounded number in the making, a lost worker noticed."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver
from types import TracebackType
from typing import Self, TypeVar

from tui_cytpix.engine.jobs.job import MAX_THREADS, Job
from tui_cytpix.engine.process import worker as process_worker
from tui_cytpix.engine.process.worker import Chunk, ChunkResult, Equipment, WorkerSettings
from tui_cytpix.errors import JobError

AHEAD = 2  # chunks per worker: one at work, one waiting
_CHECK_SECONDS = 0.2  # from one check whether to stop to the next
_SIGNAL_SECONDS = 1.0  # a signal to the whole group may end a worker before we hear of it
_LOST = (BrokenProcessPool, EOFError, ConnectionError)  # the last two where what they are forks of is gone
_Answer = TypeVar("_Answer")


def worker_count(wanted: int) -> int:
    """As many as wanted; for 0 one for each processor that we may use, as workers don't wait for each other."""
    return wanted or min(MAX_THREADS, len(os.sched_getaffinity(0)))


class Workers:
    """`number` processes that know `settings`: forks of one that has imported what they need, of which torch takes
    longest, and has started no thread of torch's. They share its memory. `on_gpu`: they compute on one, as the first
    of them found when it was asked to `describe`.
    """

    def __init__(self, job: Job, settings: WorkerSettings, number: int) -> None:
        self._job, self.number, self.on_gpu = job, number, False
        context = multiprocessing.get_context("forkserver")
        torch_too = () if settings.instrument else ("tui_cytpix.engine.predict.inference",)
        context.set_forkserver_preload([process_worker.__name__, *torch_too])
        forkserver.ensure_running()  # it imports while the job makes a sample ready
        self._pool = ProcessPoolExecutor(
            number, mp_context=context, initializer=process_worker.start, initargs=(settings, context.Value("i", 0))
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def describe(self) -> Equipment:
        """Starts them all, which load their model, and tells where they compute.

        Raises:
            CytpixError: the model or the device can't be used, or a worker was lost.
            Leave: the job was told to.
        """
        try:
            described = [self._pool.submit(process_worker.describe) for _ in range(self.number)]
        except _LOST as error:
            raise self._lost() from error
        equipment = self._wait(described[0])
        self.on_gpu = equipment.is_gpu
        return equipment

    def results(self, chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, ChunkResult]]:
        """Raises:
        CytpixError, OSError: the sample can't be opened, or a worker was lost.
        Leave: the job was told to.
        """
        waiting: deque[tuple[Chunk, Future[ChunkResult]]] = deque()
        try:
            for chunk in chunks:
                waiting.append((chunk, self._pool.submit(process_worker.process, chunk)))
                if len(waiting) >= AHEAD * self.number:
                    first, future = waiting.popleft()
                    yield first, self._wait(future)
            while waiting:
                first, future = waiting.popleft()
                yield first, self._wait(future)
        except _LOST as error:
            raise self._lost() from error
        finally:
            for _, future in waiting:
                future.cancel()

    def _wait(self, future: Future[_Answer]) -> _Answer:
        while not wait([future], _CHECK_SECONDS).done:
            self._job.check()
        try:
            return future.result()
        except _LOST as error:
            raise self._lost() from error

    def _lost(self) -> JobError:
        for worker in multiprocessing.active_children():
            worker.kill()  # the pool's SIGTERM is lost on one just being started, and would be waited for forever
        self._job.terminated.wait(_SIGNAL_SECONDS)
        self._job.check()
        return JobError(
            "A worker process ended before its work was done",
            "It was killed, perhaps because the memory was full.",
            "Use fewer threads, or a machine with more memory.",
        )
