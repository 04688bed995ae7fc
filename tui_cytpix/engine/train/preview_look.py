"""A look at the preview images while training goes on: without one it would stand still for seconds."""

from __future__ import annotations

import threading
from collections.abc import Container
from concurrent.futures import Future, ThreadPoolExecutor

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.engine.predict.inference import Predictor
from tui_cytpix.engine.train.run_images import TrainImages
from tui_cytpix.formats.run.predictions import Prediction


class PreviewLook:
    """One look at a time, in a thread of its own."""

    def __init__(self, images: TrainImages) -> None:
        self._images, self._leaving = images, threading.Event()
        self._thread = ThreadPoolExecutor(1, "preview")
        self._look: tuple[int, Future[list[Prediction]]] | None = None

    def start(self, epoch: int, predictor: Predictor, skip: Container[ImageKey]) -> None:
        """Begins to look at all images but those in `skip`, with the model of this epoch; the look before has to be
        taken by then.
        """
        self._look = epoch, self._thread.submit(self._seen, predictor, skip)

    def _seen(self, predictor: Predictor, skip: Container[ImageKey]) -> list[Prediction]:
        seen: list[Prediction] = []
        for part in self._images.look_at_preview(predictor, skip):
            seen += part
            if self._leaving.is_set():
                break
        return seen

    @property
    def begun(self) -> bool:
        """Whether there is a look that is not taken yet."""
        return self._look is not None

    @property
    def done(self) -> bool:
        """Whether that look has come to its end; False without one."""
        return self._look is not None and self._look[1].done()

    def take(self) -> tuple[int, list[Prediction]]:
        """The epoch of the look that was begun, and what it shows; waits for its end.

        Raises:
            RuntimeError: none was begun.
        """
        if self._look is None:
            raise RuntimeError("no look was begun")
        epoch, look = self._look
        self._look = None
        return epoch, look.result()

    def close(self) -> None:
        self._leaving.set()
        self._thread.shutdown()
