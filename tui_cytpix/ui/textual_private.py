"""Every private name of Textual that the app uses, each behind a public one: no other module uses any.

Textual may change them in any release: `tests/ui/test_textual_private.py` tries each by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any

from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.dom import DOMNode
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import DataTable

__all__ = ["ChopsUpdate", "CompositorUpdate", "LayoutUpdate", "LinuxDriver"]


class HookedApp(App[None]):
    """What Textual does by itself and subclasses do in their own way: they override `paint`, `farewell` and `fail`."""

    def paint(self, screen: Screen[Any], update: Any) -> None:
        super()._display(screen, update)

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        self.paint(screen, renderable)

    def farewell(self) -> str:
        """What is written last, while the app still has the screen to itself, however it ends."""
        return ""

    async def _process_messages_loop(self) -> None:
        try:
            await super()._process_messages_loop()
        finally:
            text, driver = self.farewell(), self.driver
            if text and driver is not None:
                driver.write(text)

    def fail(self, error: Exception) -> None:
        """Ends the app for an exception that nobody expected."""
        super()._handle_exception(error)

    def _handle_exception(self, error: Exception) -> None:
        self.fail(error)

    def _fatal_error(self) -> None:
        """Ends without Textual's report, which prints every frame with its variables."""
        self.panic()

    @property
    def driver(self) -> Driver | None:
        """What writes to the terminal; None before it begins and after it ends."""
        return self._driver


class WrappingDriver(LinuxDriver):
    """Writes to what `wrapped` makes of the terminal's file."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._file: Any = self.wrapped(self._file)

    def wrapped(self, file: IO[str]) -> Any:
        return file


def write_between(app: App[Any], text: str) -> None:
    """Straight to the terminal, in order with Textual's own updates."""
    if app._driver is not None and not app.is_headless:
        app._begin_update()
        app._driver.write(text)
        app._end_update()
        app._driver.flush()


def typed(text: str) -> Iterable[Message]:
    """The key presses, as messages, that a terminal means by such bytes."""
    return XTermParser().feed(text)


def commands_of(node: DOMNode) -> set[str]:
    """The ids of the commands that keys are bound to in the node itself."""
    return {binding.id for _key, binding in node._bindings if binding.id}


def forget_cells(table: DataTable[Any]) -> None:
    """What was painted of a table before is not painted again as it was."""
    table._clear_caches()


class Still(Widget):
    """What lies in it fills it: its virtual size is its size, and to take that needs neither layout nor paint.

    To be the second base: the style sheets follow the first.
    """

    def _size_updated(self, size: Size, virtual_size: Size, container_size: Size, layout: bool = True) -> bool:  # noqa: ARG002
        return super()._size_updated(size, virtual_size, container_size, layout=False)


class PaintedWithLayout:
    """A widget that the layout which gives it a size paints, too: left to itself, the next small change would again.

    To be the first base.
    """

    def _size_updated(self, size: Size, virtual_size: Size, container_size: Size, layout: bool = True) -> bool:
        changed: bool = super()._size_updated(size, virtual_size, container_size, layout)  # type: ignore[misc]
        if changed:
            self.resized()
            self._exchange_repaint_regions()  # type: ignore[attr-defined]
        return changed

    def resized(self) -> None:
        """It has another size, and is not painted yet."""


def fit_scrollbars(widget: Widget) -> None:
    """Scrollbars as the widget's virtual size wants them, with no layout of the screen."""
    widget._scroll_update(widget.virtual_size)
