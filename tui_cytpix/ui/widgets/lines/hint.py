"""One line that says what to do next, and blocks of plain words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from rich.style import Style
from rich.text import Text
from textual.widgets import Static

from tui_cytpix.domain.words import printable

_COMMAND = re.compile(r"\{([a-z_]+\.[a-z0-9-]+)\}")


def with_keys(words: str, key: Callable[[str], str]) -> Text:
    """The sentence with every `{command.id}` replaced by its key as the user has mapped it, drawn as a key cap."""
    text, at = Text(), 0
    for found in _COMMAND.finditer(words):
        text.append(printable(words[at : found.start()]))
        text.append(key(found[1]), Style(bold=True, reverse=True))
        at = found.end()
    text.append(printable(words[at:]))
    return text


def moves_others(block: Static, text: Text) -> bool:
    """Whether it takes more or fewer rows than what the block shows; else the screen need not be laid out anew."""
    size = block.content_size
    if not block.display:
        return False
    return not size.width or len(text.wrap(block.app.console, size.width)) != size.height


class Words(Static):
    """A block of text in which nothing is read as markup."""

    DEFAULT_CSS = """
    Words { height: auto; padding: 0 1; }
    """

    def __init__(self, text: str = "", **options: Any) -> None:
        super().__init__(text, markup=False, **options)
        self.words = text

    def say(self, *lines: str | Text) -> None:
        """One paragraph a line; empty ones are left out. Plain strings are made harmless."""
        shown = [plain_lines(line) if isinstance(line, str) else line for line in lines if len(line)]
        text = Text("\n").join(shown)
        if text.plain != self.words:
            self.words = text.plain
            self.update(text, layout=moves_others(self, text))


class Hint(Words):
    """`→ what to do next`, above everything else on a step's screen."""

    DEFAULT_CSS = """
    Hint { max-height: 2; color: $primary; }
    """

    def say_next(self, words: str, key: Callable[[str], str]) -> None:
        """Shows the sentence; `{command.id}` in it becomes the command's key."""
        self.say(Text("→ ").append_text(with_keys(words, key)))


def plain_lines(text: str) -> Text:
    """The text with its line ends kept and everything else made harmless."""
    return Text("\n".join(printable(line) for line in text.split("\n")))


def labelled(label: str, value: str, width: int = 0) -> Text:
    """`label value`, the label dimmed."""
    return Text.assemble((f"{label:<{width}} ", Style(dim=True)), printable(value))


def heading(text: str) -> Text:
    return Text(printable(text), Style(bold=True))
