"""The picture cache: order, bounds, failures."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from tests import children
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import SampleError
from tui_cytpix.workflow.run import image_cache
from tui_cytpix.workflow.run.image_cache import ImageCache


def key(number: int) -> ImageKey:
    return ImageKey("s", str(number))


class Reader:
    """Answers when let; writes down the order."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.go = threading.Event()

    def __call__(self, image: ImageKey) -> np.ndarray:
        self.order.append(image.event)
        self.go.wait(10)
        if image.event == "bad":
            raise SampleError("The image is damaged")
        if image.event == "odd":
            raise ValueError("no such member")
        return np.zeros((10, 10), np.uint8)


class Waiter:
    """Counts answers."""

    def __init__(self, expected: int) -> None:
        self.keys: list[ImageKey] = []
        self.done = threading.Event()
        self.expected = expected

    def __call__(self, image: ImageKey) -> None:
        self.keys.append(image)
        if len(self.keys) >= self.expected:
            self.done.set()


def test_the_newest_request_is_read_first() -> None:
    reader = Reader()
    cache = ImageCache(reader, workers=1)
    waiter = Waiter(5)
    cache.request([key(0)], waiter)
    children.until(lambda: reader.order)
    cache.request([key(1), key(2)], waiter)
    cache.request([key(3), key(4)], waiter)
    reader.go.set()
    assert waiter.done.wait(10)
    assert reader.order == ["0", "3", "4", "1", "2"]
    cache.close()


def test_an_image_is_read_once_for_all_who_ask() -> None:
    reader = Reader()
    cache = ImageCache(reader, workers=2)
    one, other = Waiter(1), Waiter(1)
    cache.request([key(1)], one)
    cache.request([key(1)], other)
    cache.request([key(1)], other)
    reader.go.set()
    assert one.done.wait(10)
    assert other.done.wait(10)
    assert reader.order == ["1"]
    assert len(other.keys) == 1
    assert cache.get(key(1)) is not None
    cache.close()


def test_the_cache_is_bounded_in_bytes() -> None:
    reader = Reader()
    reader.go.set()
    cache = ImageCache(reader, max_bytes=350, workers=1)
    waiter = Waiter(5)
    cache.request([key(n) for n in range(5)], waiter)
    assert waiter.done.wait(10)
    kept = [n for n in range(5) if cache.get(key(n)) is not None]
    assert kept == [2, 3, 4]
    cache.close()


def test_failures_are_kept_and_told() -> None:
    reader = Reader()
    reader.go.set()
    cache = ImageCache(reader, workers=1)
    waiter = Waiter(2)
    bad, odd = ImageKey("s", "bad"), ImageKey("s", "odd")
    cache.request([bad, odd], waiter)
    assert waiter.done.wait(10)
    assert "damaged" in str(cache.error(bad))
    assert "no such member" in str(cache.error(odd))
    assert cache.get(bad) is None
    cache.request([bad], waiter)
    assert reader.order.count("bad") == 1
    cache.close()


def test_dropped_requests_are_not_read_unless_another_waits() -> None:
    reader = Reader()
    cache = ImageCache(reader, workers=1)
    one, other = Waiter(1), Waiter(1)
    cache.request([key(0)], one)
    children.until(lambda: reader.order)
    cache.request([key(1), key(2)], one)
    cache.request([key(2)], other)
    cache.drop_requests(one)
    reader.go.set()
    assert one.done.wait(10)
    assert other.done.wait(10)
    cache.close()
    assert reader.order == ["0", "2"]
    assert [k.event for k in one.keys] == ["0"]


def reading() -> tuple[ImageCache, Reader, Waiter]:
    """A cache that is in the middle of a read."""
    reader, waiter = Reader(), Waiter(1)
    cache = ImageCache(reader)
    cache.request([key(0)], waiter)
    children.until(lambda: reader.order)
    return cache, reader, waiter


def test_closing_waits_for_what_is_being_read() -> None:
    cache, reader, waiter = reading()
    threading.Timer(0.1, reader.go.set).start()
    cache.close()
    assert waiter.keys == [key(0)]
    assert not any(thread.is_alive() for thread in cache._threads)


def test_closing_leaves_a_read_behind_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_cache, "LEAVE_SECONDS", 0.05)
    cache, reader, waiter = reading()
    cache.close()
    assert not waiter.keys
    reader.go.set()
    assert waiter.done.wait(10)
