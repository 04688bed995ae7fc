"""Garbage is looked for in pauses only, and is found there."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from collections.abc import Iterator

import pytest

from tui_cytpix.ui.keys import tidying
from tui_cytpix.ui.keys.tidying import Tidying


class _Knot:
    """Refers to itself: only the garbage collector frees it."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tidying]:
    thresholds = gc.get_threshold()
    monkeypatch.setattr(tidying, "BREATH", 0.05)
    monkeypatch.setattr(tidying, "PAUSE", 0.1)
    monkeypatch.setattr(tidying, "ENOUGH", 0)
    found = Tidying()
    found.begin()
    gc.disable()  # Python's own looks would do the same
    yield found
    gc.enable()
    gc.set_threshold(*thresholds)
    gc.unfreeze()


async def _found(gone: weakref.ref[_Knot]) -> None:
    give_up = time.monotonic() + 5
    while gone() is not None and time.monotonic() < give_up:
        await asyncio.sleep(0.01)
    assert gone() is None


async def test_a_breath_finds_what_is_new(begun: Tidying) -> None:
    gone = weakref.ref(_Knot())
    await asyncio.sleep(0.15)
    assert gone() is not None  # nobody typed yet: nothing is due
    begun.put_off()
    await _found(gone)


async def test_each_key_puts_it_off(begun: Tidying, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidying, "BREATH", 30.0)
    monkeypatch.setattr(tidying, "PAUSE", 30.0)
    begun.put_off()
    first = list(begun._waiting)
    begun.put_off()
    assert all(handle.cancelled() for handle in first)
    assert not any(handle.cancelled() for handle in begun._waiting)


async def test_a_pause_finds_what_has_grown_old(begun: Tidying) -> None:
    knot = _Knot()
    gc.collect()  # it is old now: a look at what is new would not find it
    gone = weakref.ref(knot)
    del knot
    gc.collect(1)
    assert gone() is not None
    begun.put_off()
    await _found(gone)


async def test_an_app_within_another_program_leaves_its_garbage_alone() -> None:
    before = gc.get_threshold()
    Tidying().put_off()
    assert gc.get_threshold() == before
