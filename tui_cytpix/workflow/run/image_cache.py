"""Pictures for the screen: read and decoded in a small pool off the event loop, newest request first."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.images.render import content_box, stretch
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import CytpixError

WORKERS = 2
_log = logging.getLogger(__name__)
MAX_BYTES = 192 << 20
LEAVE_SECONDS = 1.0
Reader = Callable[[ImageKey], NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]]
Ready = Callable[[ImageKey], object]
Box = tuple[int, int, int, int]


class ImageCache:
    """8-bit pictures with their contrast stretched, at most `max_bytes` of them; the least recently used go first.

    `on_ready` is called in a worker thread, once for each image that came or failed.
    """

    def __init__(self, read: Reader, max_bytes: int = MAX_BYTES, workers: int = WORKERS) -> None:
        self._read, self._max_bytes = read, max_bytes
        self._pictures: OrderedDict[ImageKey, NDArray[np.uint8]] = OrderedDict()
        self._boxes: dict[ImageKey, Box | None] = {}
        self._bytes = 0
        self._errors: dict[ImageKey, CytpixError] = {}
        self._waiting: dict[ImageKey, list[Ready]] = {}
        self._busy: dict[ImageKey, list[Ready]] = {}
        self._wake = threading.Condition()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"images-{number}", daemon=True) for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def get(self, key: ImageKey) -> NDArray[np.uint8] | None:
        """The picture, uint8 (H, W), where it is at hand."""
        with self._wake:
            picture = self._pictures.get(key)
            if picture is not None:
                self._pictures.move_to_end(key)
            return picture

    def content(self, key: ImageKey) -> Box | None:
        """(top, left, bottom, right) of what is in the picture; None where nothing is, or where it isn't at hand."""
        with self._wake:
            return self._boxes.get(key)

    def error(self, key: ImageKey) -> CytpixError | None:
        return self._errors.get(key)

    def request(self, keys: Iterable[ImageKey], on_ready: Ready) -> None:
        """Asks for pictures, the first key most urgently, and before all that was asked for earlier."""
        with self._wake:
            for key in reversed(list(keys)):
                if key in self._pictures or key in self._errors:
                    continue
                listeners = self._busy.get(key)
                if listeners is None:
                    listeners = self._waiting.pop(key, [])
                    self._waiting[key] = listeners
                if on_ready not in listeners:
                    listeners.append(on_ready)
            self._wake.notify_all()

    def drop_requests(self, on_ready: Ready) -> None:
        """Forgets what this listener asked for and is not being read yet: it looks at another page now."""
        with self._wake:
            for key, listeners in list(self._waiting.items()):
                if on_ready in listeners:
                    listeners.remove(on_ready)
                if not listeners:
                    del self._waiting[key]

    def _work(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._closed:
                    self._wake.wait()
                if self._closed:
                    return
                key, listeners = self._waiting.popitem()
                self._busy[key] = listeners
            picture, error = self._load(key)
            box = None if picture is None else content_box(picture)
            with self._wake:
                if picture is not None:
                    self._boxes[key] = box
                    self._keep(key, picture)
                elif error is not None:
                    self._errors[key] = error
                listeners = self._busy.pop(key)
            for on_ready in listeners:
                on_ready(key)

    def _load(self, key: ImageKey) -> tuple[NDArray[np.uint8] | None, CytpixError | None]:
        try:
            return stretch(self._read(key)), None
        except CytpixError as error:
            _log.info("an image can't be shown: %s", error.title)
            return None, error
        except (OSError, ValueError, MemoryError) as error:
            _log.info("an image can't be shown", exc_info=True)
            return None, CytpixError("The image can't be read", f"{key}: {error}")

    def _keep(self, key: ImageKey, picture: NDArray[np.uint8]) -> None:
        self._pictures[key] = picture
        self._bytes += picture.nbytes
        while self._bytes > self._max_bytes and len(self._pictures) > 1:
            forgotten, oldest = self._pictures.popitem(last=False)
            self._boxes.pop(forgotten, None)
            self._bytes -= oldest.nbytes

    def close(self) -> None:
        """Lets the threads go, and waits until they have: one that is inside OpenCV while Python ends aborts it. A read
        that hangs is left behind.
        """
        with self._wake:
            self._closed = True
            self._waiting.clear()
            self._wake.notify_all()
        for thread in self._threads:
            thread.join(LEAVE_SECONDS)
