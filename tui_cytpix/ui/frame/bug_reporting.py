"""A bug report from any screen: tells what is in it, then asks where to write it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from pathlib import Path

from tui_cytpix.ui.frame.base import BaseScreen
from tui_cytpix.ui.widgets.panels.typed_paths import typed_path
from tui_cytpix.workflow.report import bug_report
from tui_cytpix.workflow.run.given_paths import free_file

WHERE = "Nothing is sent. Write the bug report to (with all names: `tui-cytpix bundle --names`):"


async def ask(screen: BaseScreen, terminal: Mapping[str, object]) -> None:
    """`terminal` is what is known of it."""
    session, told = screen.cytpix.session, [str(one) for one in reversed(screen.cytpix.messages.newest_first)]
    run = None if session is None else session.run.path
    parts = await asyncio.to_thread(bug_report.parts_of, run, terminal, told)
    lines = bug_report.in_words(parts, names=False)

    async def write(path: Path) -> None:
        written = await asyncio.to_thread(bug_report.write, parts, path, names=False)
        screen.report(f"Written: {written}")

    def answered(text: str) -> Awaitable[None] | None:
        return write(typed_path(text)) if text else None

    default = str(free_file(Path.cwd() / "tui-cytpix-bug.zip"))
    screen.ask_panel.ask(WHERE, default, answered, lambda _typed: lines, path=True)
