"""Screens own panes: none is a tall stack of parents, and nobody writes what another object keeps to itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.message import Message
from textual.screen import Screen

from tests.architecture.classes import PACKAGE, all_of_ui
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.ui.frame.base import BaseScreen
from tui_cytpix.ui.screens.annotate import AnnotateScreen
from tui_cytpix.ui.screens.similar import SimilarScreen
from tui_cytpix.ui.screens.triage import TriageScreen

UI = PACKAGE / "ui"
DEEPEST = 4


SCREENS = [one for one in all_of_ui() if issubclass(one, Screen)]


def depth(screen: type) -> int:
    """Classes from the package's first one down to this one."""
    own = [base for base in screen.__mro__ if base.__module__.startswith("tui_cytpix.")]
    return max((1 + depth(base) for base in screen.__bases__ if base in own), default=1)


def written(tree: ast.Module) -> Iterator[str]:
    """Writes to a private attribute of another object, as `line: code`."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), ctx=ast.Store() | ast.Del()):
                pass
            case ast.Attribute(ctx=ast.Store() | ast.Del()) if node.attr.startswith("_"):
                yield f"{node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.__name__)
def test_no_screen_is_a_tall_stack(screen: type) -> None:
    assert issubclass(screen, BaseScreen)
    assert depth(screen) <= DEEPEST


@pytest.mark.parametrize(
    "code",
    ["self.pane._at = 1", "screen._focus, y = {}, 1", "pane._at += 1", "del pane._at", "self._pane._at: int = 1"],
)
def test_a_write_to_what_another_keeps_to_itself_is_found(code: str) -> None:
    assert list(written(ast.parse(code)))


def test_nobody_writes_what_another_keeps_to_itself() -> None:
    found = [f"{path.name}:{one}" for path in UI.rglob("*.py") for one in written(ast.parse(path.read_text("utf-8")))]
    assert not found


def test_messages_are_dataclasses() -> None:
    """Those that say something."""
    messages = [one for one in all_of_ui() if issubclass(one, Message)]
    assert messages
    assert [one for one in messages if "__init__" in vars(one) and "__dataclass_fields__" not in vars(one)] == []


def made(screen: type[Screen]) -> Screen:
    """One of them, outside of an app."""
    key = ImageKey("pombe", "1")
    arguments = {AnnotateScreen: ((key,),), SimilarScreen: (key, "train"), TriageScreen: (Path("sample"),)}
    return screen(*arguments.get(screen, ()))


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.__name__)
def test_every_command_of_a_screen_has_its_action(screen: type[Screen]) -> None:
    """One that is handed on, too: the screen has that pane, and the pane that method."""
    actions = [binding.action.partition("(")[0] for binding in screen.BINDINGS if getattr(binding, "id", "")]
    one = made(screen)
    assert [name for name in actions if not callable(getattr(one, f"action_{name}", None))] == []
