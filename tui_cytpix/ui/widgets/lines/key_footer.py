"""The keys that work now, in one line: the screen's first, the focused widget's last; help and back always show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.style import Style
from rich.text import Text
from textual import events
from textual.screen import Screen
from textual.widget import Widget

from tui_cytpix.ui.keys.sight import Appearance, draw_afresh

Keys = list[tuple[str, str]]
ALWAYS = ("app.next-step", "app.help", "app.back")  # at the right; the step gives way on narrow screens
NARROW = 60
_OF_PANELS = {"⏎": "enter", "Esc": "escape"}


class KeyFooter(Widget):
    """`instead` gives (key, label) pairs to show while something else takes the keys, e.g. a question; `back` is what
    leaving means here.
    """

    DEFAULT_CSS = """
    KeyFooter { dock: bottom; height: 1; background: $panel; color: $foreground; }
    KeyFooter .key { color: $accent; text-style: bold; }
    """
    COMPONENT_CLASSES = {"key"}  # noqa: RUF012 - as in Textual

    def __init__(self, instead: Callable[[], Keys], back: str) -> None:
        super().__init__()
        self._instead, self._back = instead, back
        self._words = self._rendered = ""
        self._keys: dict[str, str] = {}  # Textual's names of the keys that are shown
        self.appearance = Appearance()

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, _screen: Screen[object]) -> None:
        self.refresh()

    def say(self, words: str) -> None:
        """A line in place of the keys; "" brings them back."""
        if words != self._words:
            self._words = words
            draw_afresh(self, words)
            self.refresh()

    def told(self, at: float) -> bool:
        """Whether what it says was on the terminal then."""
        drawn = self.appearance.drawn
        return not self._words or (drawn is not None and drawn <= at)

    def painted(self, screen: Screen[Any]) -> bool:
        return self.is_attached and self.screen is screen and self._rendered == self._words

    def pairs(self) -> tuple[Keys, Keys]:
        """What stands at the left, most wanted first, and at the right."""
        instead = self._instead()
        if instead:
            return instead, []
        found: dict[str, tuple[int, str, str]] = {}
        self._keys.clear()
        for node, binding, enabled, _tooltip in self.screen.active_bindings.values():
            if binding.show and enabled and binding.id and binding.id not in found:
                label = self._back if binding.id == "app.back" else binding.description
                shown = self.app.get_key_display(binding)
                found[binding.id] = (len(node.ancestors), shown, label)
                self._keys[shown] = binding.key
        right = [found.pop(name)[1:] for name in ALWAYS if name in found]
        if self.size.width < NARROW:
            right = right[-2:]
        own = sorted(found.values(), key=lambda entry: entry[0])
        return [entry[1:] for entry in own], right

    def on_click(self, event: events.Click) -> None:
        """As if the key had been pressed."""
        shown = event.style.meta.get("key", "")
        key = self._keys.get(shown) or _OF_PANELS.get(shown, shown)
        if len(shown) == 1 or key != shown:
            self.app.simulate_key(key)

    def render(self) -> Text:
        """As many at the left as fit whole."""
        self._rendered = self._words
        if self._words:
            return Text(f" {self._words}", no_wrap=True, overflow="ellipsis")
        left, right = self.pairs()
        style = self.get_component_rich_style("key", partial=True)
        end = self._text(right, style)
        text, room = Text(" ", no_wrap=True, overflow="crop"), self.size.width - end.cell_len - 1
        for pair in left:
            part = self._text([pair], style)
            if text.cell_len + part.cell_len > room:
                break
            text.append_text(part)
        return text.append(" " * (room + 1 - text.cell_len)).append_text(end)

    @staticmethod
    def _text(pairs: Keys, style: Style) -> Text:
        text = Text()
        for key, label in pairs:
            text.append_text(Text.assemble((key, style), f" {label}", style=Style(meta={"key": key}))).append("  ")
        return text
