"""Keys that decide: one press decides one image, which had been drawn; a held key is one press."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from collections.abc import Iterable
from itertools import pairwise
from queue import Queue

import pytest
from driving import burst, press_each, until
from hypothesis import given
from hypothesis import strategies as st
from steps import SAMPLE, Stage, opened, reply, select, state_goal, truth
from test_evaluate import finished
from textual import events
from textual.pilot import Pilot

from tui_cytpix.domain.annotation import Status
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.ui.commands import all_commands
from tui_cytpix.ui.deciding import LET_GO, LOOK, REPEATS, Press, Presses, seen
from tui_cytpix.ui.graphics.written import Mark, MarkedFile
from tui_cytpix.ui.widgets.key_footer import KeyFooter


@pytest.fixture(autouse=True)
def hands() -> None:
    """The real ones."""


def decided(presses: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """Which presses decide, were all images drawn."""
    rule, found, come = Presses(), [], [*presses, ("", 1e9)]
    for (key, at), (following, then) in pairwise(come):
        press = rule.press(key, at)
        again = following == key and then < at + REPEATS
        if press is Press.NEW or (press is Press.DOUBTFUL and not again):
            found.append((key, at))
    return found


def held(key: str, begin: float, delay: float, gaps: Iterable[float]) -> list[tuple[str, float]]:
    """What a terminal sends while a key is held."""
    times = [begin, begin + delay]
    for gap in gaps:
        times.append(times[-1] + gap)
    return [(key, at) for at in times]


HOLDS = st.tuples(st.floats(0.2, 1.0), st.lists(st.floats(0.02, 0.1), min_size=1, max_size=60))


@given(HOLDS, st.floats(LET_GO + 0.01, 3.0), st.sampled_from("ax"))
def test_a_hold_decides_once_and_does_not_leak_into_what_follows(hold, pause, then):
    keys = held("a", 10.0, *hold)
    after = (then, keys[-1][1] + (pause if then == "a" else 0.2))
    assert decided([*keys, after]) == [keys[0], after]


@given(st.lists(st.tuples(st.sampled_from("axc"), st.floats(0.25, 2.0)), max_size=20))
def test_single_presses_all_decide(typed):
    at, presses = 0.0, []
    for key, gap in typed:
        at += gap
        presses.append((key, at))
    assert decided(presses) == presses


@given(st.lists(st.floats(0, 0.1), min_size=1, max_size=40))
def test_many_at_once_are_one(gaps):
    keys = held("a", 5.0, 0.0, gaps)
    assert decided(keys) == keys[:1]


def test_a_link_that_stutters_does_not_end_a_hold():
    for stutter in (0.28, 0.5):
        keys = held("a", 0.0, 0.5, [0.03] * 5 + [stutter] + [0.03] * 5)
        assert decided(keys) == keys[:1]


def test_many_at_once_soon_after_a_hold_are_one_more():
    hold, burst = held("a", 0.0, 0.5, [0.03] * 50), [("a", 3.0)] * 30
    assert decided([*hold, *burst]) == [hold[0], burst[0]]


def test_only_what_was_drawn_when_the_key_came_was_looked_at():
    assert seen(1.0, pressed=1.0 + LOOK, now=1.0 + LOOK)
    assert not seen(None, pressed=1.0 + LOOK, now=1.0 + LOOK)
    assert not seen(1.0, pressed=1.1, now=1.1)
    assert not seen(1.0, pressed=0.9, now=2.0)  # it meant the image before


def test_these_keys_decide():
    names = ["acceptable", "count", "mask", "both", "unusable", "indistinguishable", "skip"]
    names += [f"true-{n}" for n in range(10)]
    expected = {f"review.{name}" for name in names} | {"editor.accept", "editor.reject", "editor.ambiguous"}
    expected |= {f"pair_review.{n}" for n in ("first-better", "second-better", "equal", "neither", "unclear", "skip")}
    assert {command.id for command in all_commands() if command.decides} == expected


class SlowFile(io.StringIO):
    """A link on which nothing is written until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()

    def fileno(self) -> int:
        return 0

    def write(self, text: str) -> int:
        assert self.open.wait(10)
        return super().write(text)


def test_an_image_is_drawn_when_its_bytes_are_written():
    file, told = SlowFile(), Queue()
    marked = MarkedFile(file)
    writing = threading.Thread(target=lambda: [marked.write(t) for t in ("image", Mark(told.put), "more")])
    writing.start()
    time.sleep(0.05)
    assert told.empty()
    let = time.monotonic()
    file.open.set()
    assert let <= told.get(timeout=10) <= time.monotonic()
    writing.join(10)
    assert file.getvalue() == "imagemore"


# Screens


async def hold(pilot: Pilot, key: str, delay: float, seconds: float, gap: float = 0.033) -> None:
    end = time.monotonic() + seconds
    pilot.app.post_message(events.Key(key, None))
    await asyncio.sleep(delay)
    while time.monotonic() < end:
        pilot.app.post_message(events.Key(key, None))
        await asyncio.sleep(gap)
    await pilot.pause()


async def look(pilot: Pilot) -> None:
    """As long as a person takes to see what is there."""
    app = pilot.app
    assert isinstance(app, CytpixApp)
    await until(pilot, lambda: app.looked_at(time.monotonic()), "an image is drawn")


def footer(app: CytpixApp) -> str:
    return app.screen.query_one(KeyFooter).render().plain


def statuses(app: CytpixApp, images: int = 8) -> list[Status]:
    book = app.session.run.annotations
    return [book.state(ImageKey(SAMPLE, event)).status for event in list(truth())[:images]]


async def in_editor(pilot: Pilot) -> None:
    await pilot.press("enter")
    await until(pilot, lambda: type(pilot.app.screen).__name__ == "AnnotateScreen")
    await look(pilot)


@pytest.mark.parametrize("delay", [0.25, 0.6])
async def test_a_held_key_accepts_one_image_and_the_next_press_one_more(stage: Stage, delay: float) -> None:
    select(stage)
    async with opened(stage, "TrainScreen") as (app, pilot, _screen):
        await in_editor(pilot)
        await hold(pilot, "a", delay, 1.2)
        await look(pilot)
        await asyncio.sleep(LET_GO)
        assert statuses(app).count(Status.ACCEPTED) == 1
        await pilot.press("a")
        await until(pilot, lambda: statuses(app).count(Status.ACCEPTED) == 2)


async def test_a_key_held_on_from_the_gallery_accepts_nothing(stage: Stage) -> None:
    select(stage)
    async with opened(stage, "TrainScreen") as (app, pilot, _screen):
        await hold(pilot, "a", 0.6, 1.2)
        assert type(app.screen).__name__ == "AnnotateScreen"
        await look(pilot)
        assert statuses(app).count(Status.OPEN) == 8


async def test_quick_presses_each_decide(stage: Stage) -> None:
    select(stage)
    async with opened(stage, "TrainScreen") as (app, pilot, _screen):
        await in_editor(pilot)
        for number in range(1, 4):
            pressed = time.monotonic()
            await pilot.press("a")
            await until(pilot, lambda n=number: statuses(app).count(Status.ACCEPTED) == n)
            await look(pilot)
            await asyncio.sleep(pressed + 0.3 - time.monotonic())


async def test_a_key_before_its_image_decides_nothing_and_says_so(stage: Stage) -> None:
    select(stage)
    async with opened(stage, "TrainScreen") as (app, pilot, _screen):
        await in_editor(pilot)
        await burst(pilot, "a x")
        await until(pilot, lambda: "x came before the image was drawn" in footer(app))
        assert statuses(app)[:2] == [Status.ACCEPTED, Status.OPEN]
        await look(pilot)
        await pilot.press("l")
        assert "a Accept" in footer(app)
        await pilot.press("x")
        await until(pilot, lambda: statuses(app)[1] is Status.REJECTED)


async def test_a_press_that_is_held_back_decides_before_the_next_key(stage: Stage) -> None:
    select(stage)
    async with opened(stage, "TrainScreen") as (app, pilot, _screen):
        await in_editor(pilot)
        await pilot.press("a")
        await look(pilot)
        await burst(pilot, "a q")
        await until(pilot, lambda: type(app.screen).__name__ == "TrainScreen")
        assert statuses(app).count(Status.ACCEPTED) == 2


async def test_a_screen_on_top_puts_the_image_out_of_sight(stage: Stage) -> None:
    select(stage, annotated=10)
    async with opened(stage, "TrainScreen") as (app, pilot, _screen):
        await press_each(pilot, "a")
        await until(pilot, lambda: type(app.screen).__name__ == "AnnotateScreen")
        editor = app.screen
        await look(pilot)
        await press_each(pilot, "r")
        await until(pilot, lambda: app.screen is not editor)
        await look(pilot)
        assert editor.canvas.appearance.drawn is None
        await press_each(pilot, "q")
        await until(pilot, lambda: app.screen is editor)
        await look(pilot)


@pytest.mark.parametrize("key", ["a", "c", "space", "1", "é"])
async def test_a_held_key_judges_one_image(stage: Stage, key: str) -> None:
    state_goal(stage)
    async with opened(stage, "AssessScreen", "judged_model") as (app, pilot, screen):
        await pilot.press("p")
        await reply(pilot, "12")
        await until(pilot, lambda: len(screen.to_judge()) == 12)
        await pilot.press("v")
        await look(pilot)
        await hold(pilot, key, 0.3, 0.8)
        await look(pilot)
        assert len(app.session.run.verdicts) == 1
        await pilot.press("q")
        await until(pilot, lambda: screen.review_pane.view.appearance.drawn is None)  # it is hidden
        await burst(pilot, "v x")
        await until(pilot, lambda: "x came before" in footer(app))
        assert len(app.session.run.verdicts) == 1


async def test_a_held_key_prefers_in_one_pair(stage: Stage) -> None:
    finished(stage)
    async with opened(stage, "EvaluateScreen", "judged_model", "base") as (app, pilot, screen):
        await pilot.press("c")
        await reply(pilot, "30")
        await until(pilot, lambda: not app.session.progress.busy and len(screen._differences) == 16)
        await press_each(pilot, "r")
        await look(pilot)
        assert len(list(app.shown_images())) == 2
        await hold(pilot, "0", 0.3, 0.8)
        await look(pilot)
        assert len(app.session.run.pair_verdicts) == 1


async def test_an_image_that_cannot_be_read_can_be_rejected(stage: Stage) -> None:
    select(stage)
    first = next(iter(truth()))
    (stage.run.parent / SAMPLE / f"{first}.png").write_bytes(b"no image")
    async with opened(stage, "TrainScreen") as (app, pilot, _screen):
        await in_editor(pilot)
        assert app.screen.key.event == first
        await pilot.press("x")
        await until(pilot, lambda: statuses(app)[0] is Status.REJECTED)


@pytest.mark.parametrize("size", [(40, 10), (160, 50)])
async def test_in_windows_of_any_size(stage: Stage, size: tuple[int, int]) -> None:
    select(stage)
    async with opened(stage, "TrainScreen", size=size) as (app, pilot, _screen):
        await in_editor(pilot)
        await pilot.resize_terminal(size[0] + 10, size[1] + 3)
        await pilot.pause()
        await pilot.press("x")
        await look(pilot)
        assert statuses(app).count(Status.REJECTED) == 1
