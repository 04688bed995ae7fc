"""Progress of a long task in one line: what, how far, how long still, how to cancel."""

from __future__ import annotations

import time

from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from tui_cytpix.domain.words import duration, printable

FULL, EMPTY = "━", "─"
SETTLE_SECONDS = 1.0
ENOUGH = 10  # things done in them: what is left is told of no fewer


class TaskBar(Widget):
    """Hidden while nothing is at work."""

    DEFAULT_CSS = """
    TaskBar { height: 1; padding: 0 1; background: $panel; display: none; }
    TaskBar.-working { display: block; }
    """

    _label = _note = ""
    _done = _total = 0
    _first: tuple[float, int] | None = None  # when (s) it began, with so many done
    _warm = False
    _eta: float | None = None

    @property
    def working(self) -> bool:
        return self.has_class("-working")

    def show_progress(self, label: str, done: int, total: int, note: str = "", eta: float | None = None) -> None:
        """`total` 0 means that nobody knows yet; `eta` in seconds where the task itself tells it."""
        if label != self._label or self._first is None or done < self._done or not self.working:
            self._first, self._warm = (time.monotonic(), done), False
        elif not self._warm and done > self._first[1]:  # the first ones take longer: a model is loaded, a file opened
            self._first, self._warm = (time.monotonic(), done), True
        self._label, self._done, self._total, self._note = label, done, total, note
        self._eta = self._estimate() if eta is None else eta
        self.add_class("-working")
        self.refresh()

    def _estimate(self) -> float | None:
        if self._first is None:
            return None
        passed, finished = time.monotonic() - self._first[0], self._done - self._first[1]
        if finished < min(ENOUGH, self._total // 4) or finished <= 0 or passed < SETTLE_SECONDS:
            return None
        return passed / finished * (self._total - self._done)

    def clear(self) -> None:
        self._first = None
        self.remove_class("-working")

    def words(self) -> str:
        """The line without the bar."""
        counted = f" {self._done} of {self._total}" if self._total else ""
        left = f", {duration(self._eta)} left" if self._eta is not None else ""
        return f"{printable(self._label)}{counted}{left}"

    def render(self) -> Text:
        words, note = self.words(), printable(self._note)
        room = self.size.width - len(words) - len(note) - 4
        text = Text(words, Style(bold=True), no_wrap=True, overflow="ellipsis")
        if room >= 6:
            room = min(room, 40)
            full = round(room * self._done / self._total) if self._total else 0
            text.append("  " + FULL * full, Style(bold=True)).append(EMPTY * (room - full), Style(dim=True))
        return text.append("  " + note, Style(bold=False, dim=True))
