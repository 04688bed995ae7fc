"""Textual's private names, one test each: what broke when a new release of Textual fails here, and nowhere else."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.widget import Widget
from textual.widgets import DataTable, Static

from tui_cytpix.ui import textual_private
from tui_cytpix.ui.textual_private import (
    ChopsUpdate,
    HookedApp,
    LayoutUpdate,
    PaintedWithLayout,
    Still,
    WrappingDriver,
    commands_of,
    fit_scrollbars,
    forget_cells,
    typed,
    write_between,
)

SIZE = (40, 10)


class Words(HookedApp):
    """Two lines of text; keeps what is painted."""

    BINDINGS = [Binding("a", "bell", "Bell", id="words.bell")]  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.painted: list[Any] = []
        self.failed: list[Exception] = []

    def compose(self) -> ComposeResult:
        yield Static("one", id="one")
        yield Static("two", id="two")

    def paint(self, screen: Any, update: Any) -> None:
        self.painted.append(update)
        super().paint(screen, update)

    def fail(self, error: Exception) -> None:
        self.failed.append(error)
        super().fail(error)


@pytest.mark.parametrize("name", ["paint", "farewell", "fail", "driver"])
def test_textual_has_no_name_of_its_own_that_a_hook_would_hide(name: str) -> None:
    assert not hasattr(App, name)


async def test_display_paints_every_update() -> None:
    async with Words().run_test(size=SIZE) as pilot:
        pilot.app.painted.clear()
        pilot.app.screen.refresh(layout=True)
        await pilot.pause()
        assert [update for update in pilot.app.painted if update is not None]


async def test_compositor_a_whole_screen_is_rows_of_strips() -> None:
    async with Words().run_test(size=SIZE) as pilot:
        whole = next(update for update in pilot.app.painted if isinstance(update, LayoutUpdate))
        rows = ["".join(strip.text for strip in line).rstrip() for line in whole.strips]
        assert rows[:2] == ["one", "two"]
        assert (whole.region.x, whole.region.y) == (0, 0)
        assert "one" in whole.render_segments(pilot.app.console)


async def test_compositor_a_changed_part_is_spans_of_chops() -> None:
    async with Words().run_test(size=SIZE) as pilot:
        await pilot.pause()
        pilot.app.painted.clear()
        pilot.app.query_one("#two", Static).update("2", layout=False)
        await pilot.pause()
        part = next(update for update in pilot.app.painted if isinstance(update, ChopsUpdate))
        assert (1, 0, SIZE[0]) in part.spans
        assert list(part.chop_ends[1]) == [SIZE[0]]
        assert {x: chop.text.rstrip() for x, chop in part.chops[1].items() if chop is not None} == {0: "2"}


async def test_process_messages_loop_ends_with_a_farewell() -> None:
    said: list[bool] = []

    class Leaving(Words):
        def farewell(self) -> str:
            said.append(self.driver is not None)
            return "bye"

    async with Leaving().run_test(size=SIZE) as pilot:
        assert said == []
        written: list[str] = []
        pilot.app.driver.write = written.append
    assert said == [True]
    assert "bye" in written


async def test_handle_exception_fails_the_app() -> None:
    app = Words()
    async with app.run_test(size=SIZE) as pilot:
        app.call_later(lambda: 1 // 0)
        await pilot.pause()
        app._exception = None  # the pilot would raise it again
    assert [type(error) for error in app.failed] == [ZeroDivisionError]
    assert app.return_code == 1


async def test_fatal_error_prints_no_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Words()
    ended: list[object] = []
    monkeypatch.setattr(app, "panic", lambda *shown: ended.append(shown))
    async with app.run_test(size=SIZE):
        App._handle_exception(app, RuntimeError("x"))
        app._exception = None  # the pilot would raise it again
    assert ended == [()]


def test_xterm_parser_knows_keys() -> None:
    keys = [message.key for message in typed("aB\x1b[A\t") if isinstance(message, events.Key)]
    assert keys == ["a", "B", "up", "tab"]
    assert all(isinstance(message, Message) for message in typed("a"))


async def test_file_of_the_driver_is_what_it_writes_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the thread which writes, too."""
    out = io.StringIO()
    monkeypatch.setattr(sys, "__stdin__", open("/dev/null"))  # noqa: PTH123, SIM115
    wrapped: list[object] = []

    class Wrapping(WrappingDriver):
        def wrapped(self, file: Any) -> Any:
            wrapped.append(file)
            return out

    driver = Wrapping(Words())
    assert wrapped == [sys.__stderr__]
    assert driver._file is out
    driver.flush()


async def test_begin_and_end_update_surround_what_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Words().run_test(size=SIZE) as pilot:
        app, written = pilot.app, []
        write_between(app, "never without a terminal")
        monkeypatch.setattr(type(app), "is_headless", False)
        monkeypatch.setattr(app.driver, "write", written.append)
        monkeypatch.setattr(app, "_sync_available", True)
        write_between(app, "pixels")
        monkeypatch.undo()
    assert written == ["\x1b[?2026h", "pixels", "\x1b[?2026l"]


async def test_bindings_of_a_node_have_ids() -> None:
    async with Words().run_test(size=SIZE) as pilot:
        assert "words.bell" in commands_of(pilot.app)
        assert "words.bell" not in commands_of(pilot.app.screen)


async def test_clear_caches_paints_cells_anew() -> None:
    class Cells(HookedApp):
        def compose(self) -> ComposeResult:
            yield DataTable()

    async with Cells().run_test(size=SIZE) as pilot:
        table = pilot.app.query_one(DataTable)
        table.add_column("name")
        table.add_row("cell")
        await pilot.pause()
        assert len(table._line_cache)
        forget_cells(table)
        assert not len(table._line_cache)


class Sized(PaintedWithLayout, ScrollView):
    """Keeps its sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[Size] = []

    def resized(self) -> None:
        self.sizes.append(self.size)
        self.set_reactive(Widget.virtual_size, Size(self.size.width, 100))
        fit_scrollbars(self)


class Box(Still):
    """One with something in it."""

    def compose(self) -> ComposeResult:
        yield Static("in it")


async def test_size_updated_tells_the_new_size_and_scroll_update_the_scrollbar() -> None:
    class Boxes(HookedApp):
        def compose(self) -> ComposeResult:
            yield Sized()

    async with Boxes().run_test(size=SIZE) as pilot:
        sized = pilot.app.query_one(Sized)
        assert sized.sizes[-1] == sized.size
        assert sized.vertical_scrollbar.window_virtual_size == 100
        await pilot.resize_terminal(30, 8)
        await pilot.pause()
        assert sized.sizes[-1].height == 8


async def test_exchange_repaint_regions_leaves_nothing_to_paint_twice() -> None:
    class Boxes(HookedApp):
        def compose(self) -> ComposeResult:
            yield Sized()

    async with Boxes().run_test(size=SIZE) as pilot:
        sized = pilot.app.query_one(Sized)
        await pilot.pause()
        sized.refresh()
        assert sized._repaint_regions
        sized._size_updated(Size(20, 5), Size(20, 5), Size(20, 5))
        assert not sized._repaint_regions


async def test_size_updated_without_a_second_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    class Boxes(HookedApp):
        def compose(self) -> ComposeResult:
            yield Box()

    async with Boxes().run_test(size=SIZE) as pilot:
        box = pilot.app.query_one(Box)
        asked: list[object] = []
        monkeypatch.setattr(box, "refresh", lambda *_regions, **how: asked.append(how.get("layout")))
        assert box._size_updated(Size(20, 5), Size(20, 5), Size(20, 5))
        assert True not in asked
        assert box.virtual_size == Size(20, 5)


def test_every_name_is_tried_here() -> None:
    """What is public in the module is used in this one."""
    here = globals()
    own = textual_private.__name__
    names = [name for name, value in vars(textual_private).items() if getattr(value, "__module__", "") == own]
    assert [name for name in names if name not in here] == []
