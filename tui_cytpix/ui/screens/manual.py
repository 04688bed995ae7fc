"""The manual's pages, read by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from rich.text import Text
from textual.widget import Widget
from textual.widgets import MarkdownViewer

from tui_cytpix.manual import CONTENTS, FOLDER, pages
from tui_cytpix.ui.frame.base import BaseScreen
from tui_cytpix.ui.widgets.panels.choice_panel import Choice

_LINK = re.compile(r"\[([^]]+)\]\(([^)]+)\)")


class ManualScreen(BaseScreen):
    """Opens with the list of pages."""

    SCOPES = ("manual",)
    DEFAULT_CSS = """
    ManualScreen Markdown { max-width: 110; }
    ManualScreen ChoicePanel OptionList { max-height: 12; }
    """

    def body(self) -> Iterable[Widget]:
        yield MarkdownViewer(show_table_of_contents=False, open_links=False)

    @property
    def viewer(self) -> MarkdownViewer:
        return self.query_one(MarkdownViewer)

    @property
    def page(self) -> str:
        return self.viewer.navigator.location.stem

    def on_mount(self) -> None:
        self.rail.name_of_run = "manual"
        self._go(FOLDER / f"{CONTENTS}.md")

    def _go(self, place: str | Path) -> None:
        async def going() -> None:
            await self.viewer.go(place)
            self.viewer.scroll_home(animate=False)

        self.start(going(), first=True)

    def action_pages(self) -> None:
        """Where the links of this page lead, then all other pages."""
        links = {target: words for words, target in _LINK.findall(self.viewer.document.source)}
        known = pages()
        places = links | {f"{name}.md": name for name in known if f"{name}.md" not in links}
        rows = [(target, words, known.get(Path(target).stem, "")) for target, words in places.items()]
        choices = [
            Choice(partial(self._go, target), Text.assemble((f"{words:<22}", "bold"), about), f"{words} {about}")
            for target, words, about in rows
        ]
        self.offer("page", "Open", choices)

    def action_turn(self, by: int) -> None:
        names = [CONTENTS, *pages()]
        self._go(f"{names[(names.index(self.page) + by) % len(names)]}.md")

    def action_last(self) -> None:
        self.start(self.viewer.back(), first=True)

    def action_move(self, how: str) -> None:
        """Up or down in the page; at once, as a moving text can't be read."""
        getattr(self.viewer, f"scroll_{how}")(animate=False)
