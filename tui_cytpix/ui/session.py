"""An open run as the screens see it: its state, its predictions, its pictures, its training."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from textual.message import Message

from tui_cytpix.domain.jobs.training import TrainingStatus
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.errors import CytpixError
from tui_cytpix.workflow.annotate.annotator import Annotator
from tui_cytpix.workflow.annotate.consistency import Consistency
from tui_cytpix.workflow.run.image_cache import ImageCache
from tui_cytpix.workflow.run.measures import Measures
from tui_cytpix.workflow.run.predict import PredictProgress, PredictService
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.train.watch import LiveLooks, TrainingWatch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from textual.app import App

POLL_SECONDS = 0.2
TASK_SECONDS = 3.0  # that a task has to end with its run
_log = logging.getLogger(__name__)
TRAINING_SECONDS = 0.5
T = TypeVar("T")


@dataclass
class PredictionsChanged(Message):
    """More images have a prediction, or the engine said something."""

    progress: PredictProgress


@dataclass
class TrainingChanged(Message):
    status: TrainingStatus


@dataclass
class SavedChanged(Message):
    """Decisions reached the disk, or wait for it: `problem` says why they must."""

    problem: str


class Cancelled(Exception):  # noqa: N818 - not an error: the user wished it
    """Ends a task from its progress callback."""


class Task:
    """A long task in a thread: it goes on where the screen that began it is left, and ends with the run at the
    latest. `abandoned`: nobody waits for what it returns.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.done = self.total = 0
        self.cancel_wished = self.abandoned = False
        self.over = threading.Event()

    def tell(self, done: int, total: int) -> None:
        """Raises:
        Cancelled: somebody wished so.
        """
        if self.cancel_wished:
            raise Cancelled
        self.done, self.total = done, total


@dataclass
class TaskChanged(Message):
    """A task went on (`ended` none) or has ended, whichever screen shows."""

    ended: Task | None


class Session:
    """An open run and what serves it. `watch` runs as an async worker and posts to whatever screen is on top.

    `held` says who else has the run open to write: then it is only looked at. `has_tour`: one leads through the run.
    """

    def __init__(self, run: Run, held: str = "", *, has_tour: bool = False) -> None:
        self.run = run
        self.held, self.has_tour = held, has_tour
        self.predict = PredictService(run, run.settings.train.device, run.settings.train.threads)
        self.cache = ImageCache(self._read)
        self.measures = Measures(run)
        self.training = TrainingStatus(state=None)
        self._live = LiveLooks()
        self.progress = PredictProgress(0, 0, False)
        self._watcher = TrainingWatch(run.folder)
        self.consistency = Consistency(run)
        self._annotators: dict[str, Annotator] = {}
        # One thread: requests and polls never meet, and both stay off the event loop.
        self._engine = ThreadPoolExecutor(1, thread_name_prefix="predict")
        self.saved = (0, "")  # what the screens were told last
        self._news = False
        self._troubles: tuple[str, ...] = ()
        self._closed = False
        self.tour: int | None = None  # the stop of the tour that is shown
        self.right_here: dict[str, tuple[float, float, float]] = {}  # by model's hash, as triage estimates
        self.task: Task | None = None  # at work now
        self._ended: list[Task] = []  # what the screens were not told of yet
        self._task_failed: BaseException | None = None
        self._running: asyncio.Task[object] | None = None
        self.annotated_last: ImageKey | None = None  # where the editor is, until its caller has gone there
        self.decided: set[str] = set()  # the steps that judge, where the verdict fell
        self.marked_models: list[str] = []  # in step 2, by hash: they stay while the run is open

    def _read(self, key: ImageKey) -> NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]:
        """The image without its sample's static background, so that shading and dirt don't take the contrast."""
        images = self.run.images  # looked up at each call: new samples bring a new reader
        image = images.read(key)
        return image - images.background(key, image)

    def ask_model(self, model: ModelEntry, images: Iterable[ImageKey]) -> None:
        """Asks for predictions without waiting; they arrive as `PredictionsChanged`, as does why they don't. Of a run
        that is only looked at nothing is asked.
        """
        wanted = list(images)
        if self.held:
            return

        def ask() -> None:
            self._news = True  # answers may be complete before the next poll: the progress alone would not tell
            try:
                self.predict.request(model, wanted)
            except CytpixError as error:
                self._trouble(error)

        self._engine.submit(ask)

    def _trouble(self, error: CytpixError) -> None:
        """The engine can't be asked: what waits for it is dropped."""
        _log.warning("the engine can't be asked: %s", error.title)
        self.predict.cancel()
        self._troubles = (*self._troubles, str(error))
        self._news = True

    def _poll(self) -> tuple[PredictProgress, bool]:
        try:
            progress = self.predict.poll()
        except CytpixError as error:
            self._trouble(error)
            progress = self.predict.progress
        news, self._news = self._news, False
        return replace(progress, problems=(*progress.problems, *self._troubles)), news

    def cancel_predictions(self) -> None:
        """Drops the requests that the engine has not begun."""
        self._engine.submit(self.predict.cancel)

    def begin(self, name: str, work: Callable[[Callable[[int, int], None]], T]) -> tuple[Task, asyncio.Task[T]]:
        """Runs `work(tell)` in a thread; only while none is at work. Whoever waits for it may leave."""
        task = self.task = Task(name)

        def in_thread() -> T:
            try:
                return work(task.tell)
            finally:
                task.over.set()

        async def at_work() -> T:
            return await asyncio.to_thread(in_thread)

        running = asyncio.create_task(at_work())
        self._running = running  # kept, or it might go before it has ended
        running.add_done_callback(lambda done: self._task_over(task, done))
        return task, running

    def _task_over(self, task: Task, done: asyncio.Task[T]) -> None:
        self.task = None
        self._ended.append(task)
        error = None if done.cancelled() else done.exception()
        if task.abandoned and isinstance(error, CytpixError):
            self._troubles = (*self._troubles, str(error))
            self._news = True
        elif task.abandoned and error is not None and not isinstance(error, Cancelled):
            self._task_failed = error

    def _tell_of_task(self, app: App[object]) -> None:
        if self._task_failed is not None and not self._closed:
            raise self._task_failed
        for task in self._ended:
            app.screen.post_message(TaskChanged(task))
        self._ended.clear()
        if self.task is not None:
            app.screen.post_message(TaskChanged(None))

    async def load_predictions(self, model: ModelEntry) -> None:
        """Reads the model's answers from disk off the event loop; `prediction` is cheap afterwards."""
        await asyncio.get_running_loop().run_in_executor(self._engine, self.predict.store, model)

    def prediction(self, model: ModelEntry, key: ImageKey) -> Segmentation | None:
        return self.predict.store(model).get(key)

    def live_look(self, key: ImageKey) -> Segmentation | None:
        """What training saw in the image at its last look at the preview, None where it did not look yet."""
        return self._live.get(key)

    def annotator(self, model: ModelEntry) -> Annotator:
        if model.hash not in self._annotators:
            self._annotators[model.hash] = Annotator(self.run, model, self.predict.store(model))
        return self._annotators[model.hash]

    async def watch(self, app: App[object]) -> None:
        """Polls predictions (5 Hz), training (2 Hz) and the disk until closed; tells the screen what changed."""
        next_training = 0.0
        while not self._closed:
            self._tell_of_task(app)
            await self._poll_predictions(app)
            if time.monotonic() >= next_training:
                next_training = time.monotonic() + TRAINING_SECONDS
                status = await asyncio.to_thread(self._poll_training)
                if status != self.training and not self._closed:
                    await asyncio.to_thread(self._live.refresh, status)
                    self.training = status
                    app.screen.post_message(TrainingChanged(status))
            saved = (self.run.unsaved, self.run.problem)
            if saved != self.saved:
                self.saved = saved
                app.screen.post_message(SavedChanged(saved[1]))
            await asyncio.sleep(POLL_SECONDS)

    def _poll_training(self) -> TrainingStatus:
        try:
            return self._watcher.poll()
        except CytpixError:  # a job's folder is there before what it says of itself
            return self.training

    async def _poll_predictions(self, app: App[object]) -> None:
        try:
            progress, news = await asyncio.get_running_loop().run_in_executor(self._engine, self._poll)
        except RuntimeError:  # closed meanwhile
            return
        if news or progress != self.progress:
            self.progress = progress
            app.screen.post_message(PredictionsChanged(progress))

    def close(self) -> bool:
        """Saves what is left and lets everything go; False where something could not be saved."""
        self._closed = True
        if (task := self.task) is not None:
            task.cancel_wished = True
            task.over.wait(TASK_SECONDS)
        self._engine.shutdown(wait=True, cancel_futures=True)
        self.predict.close()
        self.cache.close()
        return self.run.close()
