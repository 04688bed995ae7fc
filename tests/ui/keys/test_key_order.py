"""Keys that come faster than screens open: each goes where the one before it led to."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from driving import burst, until
from steps import SAMPLE, build, on_screen, select, truth

from tui_cytpix.domain.annotation import Status
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.ui.keys import key_order
from tui_cytpix.ui.screens.evaluate import EvaluateScreen
from tui_cytpix.ui.screens.train import TrainScreen


@pytest.fixture(autouse=True)
def _waits_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a screen takes longer to open than keys wait for it."""
    monkeypatch.setattr(key_order, "LONGEST_WAIT", 60.0)


async def test_from_the_gallery_through_the_editor_to_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = build(tmp_path, monkeypatch)
    select(stage)
    app = stage.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await on_screen(pilot, "TrainScreen")
        book = app.session.run.annotations
        await burst(pilot, "l enter 2 a 1 a x q l full_stop")
        await on_screen(pilot, "EvaluateScreen")
        first, second, third = (book.state(ImageKey(SAMPLE, event)) for event in list(truth())[1:4])
        assert [s.status for s in (first, second, third)] == [Status.ACCEPTED, Status.ACCEPTED, Status.REJECTED]
        assert first.segmentation.particle_count == second.segmentation.particle_count + 1 == 2


async def test_into_a_question_and_a_list_and_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = build(tmp_path, monkeypatch)
    select(stage, annotated=10)
    app = stage.app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await on_screen(pilot, "TrainScreen")
        await burst(pilot, "Y 2 enter l space t p backspace backspace backspace 7 enter")
        await until(pilot, lambda: app.session.training.target == 7)
        shown = [item.key for item in screen.gallery.items]
        assert screen.gallery.order.marked == {shown[1]}
        assert len(shown) < 20


async def test_a_slow_start_holds_keys_only_so_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that hangs must not take the keyboard away."""

    async def hangs(_self: EvaluateScreen) -> None:
        await asyncio.sleep(3600)

    monkeypatch.setattr(EvaluateScreen, "enter", hangs)
    monkeypatch.setattr(key_order, "LONGEST_WAIT", 0.1)
    stage = build(tmp_path, monkeypatch)
    select(stage)
    app = stage.app()
    async with app.run_test(size=(80, 24)) as pilot:
        first = await on_screen(pilot, "TrainScreen")
        await burst(pilot, "full_stop comma")
        await until(pilot, lambda: app.screen is not first and type(app.screen) is type(first), "there and back")


async def test_a_key_typed_while_the_app_opens_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter = TrainScreen.enter

    async def enters_late(screen: TrainScreen) -> None:
        await asyncio.sleep(0.2)
        await enter(screen)

    monkeypatch.setattr(TrainScreen, "enter", enters_late)
    stage = build(tmp_path, monkeypatch)
    select(stage)
    app = stage.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, TrainScreen))
        screen = app.screen
        assert not screen.gallery.items
        await burst(pilot, "t")
        await until(pilot, lambda: screen.gallery.items and screen.has_class("-in-training"))
        assert app.focused is screen.training_pane
