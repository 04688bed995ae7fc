"""The log: all that the app told since it began, to be read again and copied."""

from __future__ import annotations

from collections.abc import Iterable

from rich.style import Style
from rich.text import Text
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui_cytpix import diagnostics
from tui_cytpix.domain.words import printable
from tui_cytpix.ui.frame.base import BaseScreen
from tui_cytpix.ui.frame.handed import Handed
from tui_cytpix.ui.frame.messages import Message, copy


class MessageList(OptionList, inherit_bindings=False):
    """The list; keys are the screen's, so that they are declared once."""


class LogScreen(BaseScreen):
    """Opens on top of any screen; the newest message first."""

    SCOPES = ("log",)
    DEFAULT_CSS = """
    LogScreen #about { color: $text-muted; padding: 0 1; }
    LogScreen MessageList, LogScreen MessageList:focus { height: 1fr; border: none; background: $background; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.list = MessageList(id="messages", markup=False)
        self._shown: list[Message] = []

    def body(self) -> Iterable[Widget]:
        log = printable(diagnostics.state_folder() / "diagnostic.log")
        yield Static(
            f"What was told since the app began. Faults of the program stand in {log}.", id="about", markup=False
        )
        yield self.list

    def on_mount(self) -> None:
        self.rail.name_of_run = "log"
        self._shown = list(self.cytpix.messages.newest_first)
        rows = [Option(_row(message), id=str(place)) for place, message in enumerate(self._shown)]
        self.list.add_options(rows or [Option("Nothing was told yet.", disabled=True)])
        self.list.action_first()
        self.set_focus(self.list)

    action_down = Handed("list", "action_cursor_down")
    action_up = Handed("list", "action_cursor_up")

    def action_copy(self) -> None:
        """The message under the cursor."""
        option = self.list.highlighted_option
        if option is not None and option.id is not None:
            self.report(copy(self.app, str(self._shown[int(option.id)])))

    def action_copy_all(self) -> None:
        text, number = self.cytpix.messages.together()
        if number:
            newest = "" if number == len(self.cytpix.messages.newest_first) else "the newest "
            self.report(f"{copy(self.app, text)} These are {newest}{number} messages.")


def _row(message: Message) -> Text:
    words = "\n".join(printable(line) for line in str(message).splitlines())
    return Text(words, Style(bold=message.is_error))
