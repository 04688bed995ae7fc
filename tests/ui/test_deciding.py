"""Keys that decide: one press decides one image, which had been drawn; a held key is one press."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from dataclasses import replace
from queue import Queue

import pytest
from driving import burst, press_each, until
from steps import SAMPLE, Stage, finished, opened, reply, select, state_goal, truth, words_of
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from tui_cytpix.domain.annotation import Status
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.ui.commands.bindings import all_commands
from tui_cytpix.ui.deciding import GLANCE, PAUSE
from tui_cytpix.ui.graphics.written import Mark, MarkedFile
from tui_cytpix.ui.panes.review_pane import ReviewPane
from tui_cytpix.ui.screens.assess import AssessScreen
from tui_cytpix.ui.widgets.lines.key_footer import KeyFooter
from tui_cytpix.ui.widgets.panels.choice_panel import ChoicePanel


@pytest.fixture(autouse=True)
def hands() -> None:
    """The real ones."""


def test_these_keys_decide():
    names = ["acceptable", "count", "mask", "both", "unusable", "indistinguishable", "skip"]
    names += [f"true-{n}" for n in range(10)]
    expected = {f"review.{name}" for name in names} | {"editor.accept", "editor.reject", "editor.ambiguous"}
    expected |= {f"pair_review.{n}" for n in ("first-better", "second-better", "equal", "neither", "unclear", "skip")}
    expected |= {f"pair_count.true-{n}" for n in range(10)}
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
    """From a thread, as a terminal's keys are read: the app may be busy drawing meanwhile. Repeats carry even times,
    and come in pairs: on a busy machine this thread is late.
    """
    app, begin = pilot.app, time.monotonic()
    dues = [begin, *(begin + delay + n * gap for n in range(2 * int((seconds - delay) / gap / 2)))]

    def press() -> None:
        for number, due in enumerate(dues):
            if number % 2 == 0:
                time.sleep(max(0.0, due - time.monotonic()))
            pressed = events.Key(key, None)
            pressed.time = due
            app.post_message(pressed)

    await asyncio.to_thread(press)
    await pilot.pause()


async def look(pilot: Pilot) -> None:
    """As long as a person takes to see what is there."""
    app = pilot.app
    assert isinstance(app, CytpixApp)
    await until(pilot, lambda: app.taken_in(time.monotonic()), "an image is drawn")


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
        await until(pilot, lambda: "a is held: it decides once" in footer(app))
        await asyncio.sleep(0.25)
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
        await asyncio.sleep(PAUSE)
        await pilot.press("x")
        await until(pilot, lambda: statuses(app)[1] is Status.REJECTED)


async def test_after_a_key_that_came_too_early_those_of_its_burst_decide_nothing(stage: Stage) -> None:
    select(stage)
    async with opened(stage, "TrainScreen") as (app, pilot, _screen):
        await in_editor(pilot)
        await burst(pilot, "a x")
        for key in "axax":
            await look(pilot)
            await asyncio.sleep(0.1)
            await pilot.press(key)
        assert "x came before the image was drawn" in footer(app)
        assert statuses(app)[:3] == [Status.ACCEPTED, Status.OPEN, Status.OPEN]
        await asyncio.sleep(PAUSE)
        await pilot.press("x")
        await until(pilot, lambda: statuses(app)[:3] == [Status.ACCEPTED, Status.REJECTED, Status.OPEN])
        assert "a Accept" in footer(app)


async def test_a_key_soon_after_its_image_waits_for_it_to_be_looked_at(stage: Stage) -> None:
    """And the next key for it."""
    select(stage)
    async with opened(stage, "TrainScreen") as (app, pilot, _screen):
        await in_editor(pilot)
        await pilot.press("a")
        await until(pilot, lambda: statuses(app)[0] is Status.ACCEPTED and app.drawn())
        drawn = app.drawn()
        await burst(pilot, "x q")
        await until(pilot, lambda: statuses(app)[1] is Status.REJECTED)
        assert time.monotonic() >= drawn + GLANCE
        await until(pilot, lambda: type(app.screen).__name__ == "TrainScreen")


async def test_under_help_nothing_is_decided_and_what_is_typed_is_typed(stage: Stage) -> None:
    select(stage)
    async with opened(stage, "TrainScreen") as (app, pilot, _screen):
        await in_editor(pilot)
        await pilot.press("question_mark")
        await until(pilot, lambda: app.screen.panel_open)
        await look(pilot)
        await pilot.press("a")
        assert statuses(app)[0] is Status.OPEN
        await press_each(pilot, "q")
        await burst(pilot, "colon a a x x")
        await until(pilot, lambda: app.screen.query_one(ChoicePanel).query_one(Input).value == "aaxx")
        await press_each(pilot, "escape a")
        await until(pilot, lambda: statuses(app)[:2] == [Status.ACCEPTED, Status.OPEN])


async def test_edits_of_ones_own_need_not_be_seen(stage: Stage) -> None:
    select(stage)
    async with opened(stage, "TrainScreen") as (app, pilot, _screen):
        await in_editor(pilot)
        seen = app.screen.canvas.appearance
        await press_each(pilot, "t")
        await burst(pilot, "t a")
        await until(pilot, lambda: statuses(app)[0] is Status.ACCEPTED)
        assert seen.drawn is not None


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
    async with opened(stage, "AssessScreen", "judging.model") as (app, pilot, screen):
        await reviewing(pilot, screen, 12)
        await hold(pilot, key, 0.3, 0.8)
        await look(pilot)
        assert len(app.session.run.verdicts) == 1
        await pilot.press("q")
        await until(pilot, lambda: screen.review_pane.view.appearance.drawn is None)  # it is hidden
        await burst(pilot, "v x")
        await until(pilot, lambda: "x came before" in footer(app))
        assert len(app.session.run.verdicts) == 1


async def reviewing(pilot: Pilot, screen: AssessScreen, images: int) -> ReviewPane:
    """With so many images to judge."""
    await pilot.press("p")
    await reply(pilot, str(images))
    await until(pilot, lambda: len(screen.judging.to_judge()) == images)
    await pilot.press("v")
    await look(pilot)
    return screen.review_pane


async def test_a_count_and_right_after_it_the_mask(stage: Stage) -> None:
    state_goal(stage)
    async with opened(stage, "AssessScreen", "judging.model") as (app, pilot, screen):
        await reviewing(pilot, screen, 12)
        for number in range(1, 4):
            await burst(pilot, "1")
            await asyncio.sleep(0.1)
            await burst(pilot, "a")
            await until(pilot, lambda n=number: len(app.session.run.verdicts) == 2 * n)
            await look(pilot)
        said = [(v.image, v.true_count) for v in app.session.run.verdicts]
        assert said == [(key, 1) for key in screen.judging.sequence[:3] for _ in range(2)]
        assert all(verdict.mask_wrong is False for verdict in screen.judging.verdicts().values())


async def test_another_answer_has_to_be_seen(stage: Stage) -> None:
    state_goal(stage)
    async with opened(stage, "AssessScreen", "judging.model") as (app, pilot, screen):
        view = (await reviewing(pilot, screen, 12)).view
        seen = view.appearance
        view.show(view.key, view.segmentation)
        assert view.appearance is seen
        view.show(view.key, replace(view.segmentation))
        assert app.drawn() is None
        await burst(pilot, "a")
        await until(pilot, lambda: "a came before" in footer(app))
        assert not app.session.run.verdicts


async def test_held_undo_takes_one_back(stage: Stage) -> None:
    state_goal(stage)
    async with opened(stage, "AssessScreen", "judging.model") as (app, pilot, screen):
        await reviewing(pilot, screen, 12)
        for _ in range(3):
            await pilot.press("a")
            await look(pilot)
            await asyncio.sleep(0.2)
        await hold(pilot, "u", 0.3, 0.8)
        await until(pilot, lambda: "u is held: it works once" in footer(app))
        assert len(screen.judging.verdicts()) == 2
        for left in (1, 0, 0):
            await asyncio.sleep(0.3)
            await pilot.press("u")
            await until(pilot, lambda n=left: len(screen.judging.verdicts()) == n)
        await until(pilot, lambda: "nothing to take back" in words_of(app, "#review-words"))


async def test_a_held_key_prefers_in_one_pair(stage: Stage) -> None:
    finished(stage)
    async with opened(stage, "EvaluateScreen", "judging.model", "comparison.base") as (app, pilot, screen):
        await pilot.press("c")
        await reply(pilot, "30")
        await until(pilot, lambda: not app.session.progress.busy and len(screen.comparison.differences) == 16)
        await press_each(pilot, "r")
        await look(pilot)
        await hold(pilot, "0", 0.3, 0.8)
        await look(pilot)
        assert len(app.session.run.pair_verdicts) == 1


async def test_an_image_that_cannot_be_read_can_be_rejected(stage: Stage) -> None:
    select(stage)
    first = next(iter(truth()))
    (stage.run.parent / SAMPLE / f"{first}.png").write_bytes(b"no image")
    async with opened(stage, "TrainScreen") as (app, pilot, _screen):
        await in_editor(pilot)
        assert app.screen.images.key.event == first
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
