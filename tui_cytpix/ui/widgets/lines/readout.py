"""Lines of text of which only those that changed are sent again."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

MARGIN = 1  # columns left and right; drawn with the text: a CSS padding would be sent with a style of its own


class Readout(Widget):
    """Numbers that change with every key: one line each, cut at the right; paragraphs follow below, folded."""

    DEFAULT_CSS = """
    Readout { height: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines: list[Text] = []
        self._given: tuple[tuple[Text, ...], tuple[Text, ...]] = ((), ())

    def show(self, lines: Sequence[Text], paragraphs: Sequence[Text] = ()) -> None:
        self._given = (tuple(lines), tuple(paragraphs))
        self._arrange()

    def on_resize(self) -> None:
        self._arrange()

    def _arrange(self) -> None:
        lines, paragraphs = self._given
        width = max(1, self.size.width - 2 * MARGIN)
        new = list(lines)
        for paragraph in paragraphs:
            new.extend([Text(), *paragraph.wrap(self.app.console, width)])
        for number in range(max(len(new), len(self._lines))):
            before = self._lines[number] if number < len(self._lines) else None
            after = new[number] if number < len(new) else None
            same = before is not None and after is not None and _painted(before) == _painted(after)
            if not same and number < self.size.height:
                longest = max(0 if line is None else line.cell_len for line in (before, after))
                self.refresh(Region(0, number, min(longest, width) + MARGIN, 1))
        self._lines = new

    def render_line(self, y: int) -> Strip:
        width, style = self.size.width, self.rich_style
        if y >= len(self._lines):
            return Strip.blank(width, style)
        line = self._lines[y].copy()
        line.truncate(max(1, width - 2 * MARGIN), overflow="ellipsis")
        line.pad_left(MARGIN)
        base = style + line.style if isinstance(line.style, Style) else style
        strip = Strip([part for part in line.render(self.app.console) if part.text]).apply_style(base)
        return strip.adjust_cell_length(width, base).simplify()


def _painted(line: Text) -> tuple[object, ...]:
    return line.plain, line.style, tuple(line.spans)
