"""Copying event ids, paths and messages to the terminal's clipboard, from any screen."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from rich.style import Style
from rich.text import Text

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.words import printable
from tui_cytpix.ui.frame.base import BaseScreen, StepScreen
from tui_cytpix.ui.frame.messages import copy
from tui_cytpix.ui.widgets.panels.choice_panel import Choice
from tui_cytpix.ui.widgets.pictures.picture_widget import PictureWidget


def menu(screen: BaseScreen) -> None:
    """Offers what there is here to copy."""
    rows = list(_at_hand(screen))
    if not rows:
        screen.report("There is nothing to copy here.")
        return
    choices = [Choice(partial(_copy, screen, text), _row(what, text), f"{what} {text}") for what, text in rows]
    screen.offer("what to copy", "Copy", choices)


def _copy(screen: BaseScreen, text: str) -> None:
    screen.report(copy(screen.app, text))


def _row(what: str, text: str) -> Text:
    return Text.assemble((f"{what:<18}", Style(bold=True)), printable(text), no_wrap=True, overflow="ellipsis")


def _at_hand(screen: BaseScreen) -> Iterator[tuple[str, str]]:
    """What it is, and the text. In a blind review nothing that tells a sample or a model."""
    yield from screen.paths_here()
    if isinstance(screen, StepScreen) and not screen.hides_names:
        run = screen.session.run
        key = image_at_hand(screen)
        if key is not None:
            yield "Image", str(key)
            yield "Event id", key.event
            yield "Sample's path", str(run.folder.sample_path(run.settings.sample(key.sample)))
        yield "Run's folder", str(run.path)
    newest = screen.cytpix.messages.newest_first
    if newest:
        yield "Last message", str(newest[0])


def image_at_hand(screen: StepScreen) -> ImageKey | None:
    """The one that the focused picture or gallery shows, else the first of those on the screen."""
    pictures = sorted(screen.query().results(PictureWidget), key=lambda one: one is not screen.focused)
    shown = [one for one in pictures if all(around.display for around in one.ancestors_with_self)]
    keys = [one.key_in_question for one in shown]
    return next((key for key in keys if key is not None), None)
