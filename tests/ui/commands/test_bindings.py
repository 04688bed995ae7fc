"""One declaration per command, and the user's own keys."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from textual.binding import BindingsMap

from tui_cytpix.ui.commands.bindings import all_commands, bindings, key_map, key_text, of_scope
from tui_cytpix.ui.commands.command import Command, digit
from tui_cytpix.ui.editor.canvas import AnnotationCanvas
from tui_cytpix.ui.screens.annotate import AnnotateScreen
from tui_cytpix.ui.screens.explore import ExploreScreen
from tui_cytpix.ui.screens.home import HomeScreen
from tui_cytpix.ui.widgets.gallery.gallery import Gallery
from tui_cytpix.ui.widgets.pictures.event_image import EventImageView
from tui_cytpix.ui.widgets.plots.event_plot import EventPlot
from tui_cytpix.workflow.annotate.toolbox import TOOLS

OWNERS = {
    "home": HomeScreen,
    "gallery": Gallery,
    "image": EventImageView,
    "pan": EventImageView,
    "cursor": AnnotationCanvas,
    "editor": AnnotateScreen,
    "explore": ExploreScreen,
    "plot": EventPlot,
}


def test_ids_are_unique_and_well_formed() -> None:
    ids = Counter(command.id for command in all_commands())
    assert [name for name, count in ids.items() if count > 1] == []
    assert all(re.fullmatch(r"[a-z_]+\.[a-z0-9-]+", name) for name in ids)


def test_no_two_commands_of_a_scope_share_a_key() -> None:
    for scope in {command.scope for command in all_commands()}:
        keys = Counter(key.strip() for command in of_scope(scope) for key in command.keys.split(","))
        assert [key for key, count in keys.items() if count > 1] == [], scope


def test_no_ctrl_alt_or_escape_is_needed() -> None:
    for command in all_commands():
        plain = [k for k in command.keys.split(",") if not re.match(r"ctrl\+|alt\+|escape", k.strip())]
        assert plain, command.id


@pytest.mark.parametrize(("scope", "owner"), OWNERS.items())
def test_every_command_has_its_action(scope: str, owner: type) -> None:
    for command in of_scope(scope):
        assert hasattr(owner, "action_" + command.action_name.partition("(")[0]), command.id


def test_every_tool_of_the_editor_has_a_key() -> None:
    used = [command for command in of_scope("editor") if command.action.startswith("use(")]
    assert Counter(command.id for command in used) == Counter(f"editor.{name}" for name in TOOLS)
    assert all(command.action == f"use('{command.id.partition('.')[2]}')" for command in used)


def test_the_editor_and_its_canvas_do_not_hide_each_other() -> None:
    keys = Counter(key for scope in ("editor", "cursor", "image") for c in of_scope(scope) for key in c.keys.split(","))
    assert [key for key, count in keys.items() if count > 1] == []


def test_bindings_carry_the_ids() -> None:
    found = BindingsMap(bindings("gallery"))
    assert {binding.id for _, binding in found} == {c.id for c in of_scope("gallery")}


def test_digits_work_unshifted_on_a_french_keyboard() -> None:
    assert digit(1) == "1,ampersand"
    assert digit(0) == "0,à"
    assert key_text(digit(7)) == "7"


def test_key_map_takes_good_keys() -> None:
    chosen = key_map({"gallery.mark": "m, insert"})
    assert chosen.keys == {"gallery.mark": "m,insert"}
    assert chosen.problems == ()


COMMANDS = (Command("a.one", "x", "One"), Command("a.two", "y", "Two"), Command("b.one", "y", "One"))


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"a.three": "z"}, "no such command"),
        ({"a.one": 5}, "as text"),
        ({"a.one": "  "}, "as text"),
        ({"a.one": "y"}, "taken by a.two"),
        ({"a.two": "x"}, "taken by a.one"),
    ],
)
def test_key_map_names_what_it_leaves_out(wanted: dict[str, object], words: str) -> None:
    chosen = key_map(wanted, COMMANDS)
    assert chosen.keys == {}
    assert len(chosen.problems) == 1
    assert words in chosen.problems[0]


def test_two_commands_may_swap_keys() -> None:
    chosen = key_map({"a.one": "y", "a.two": "x"}, COMMANDS)
    assert chosen.keys == {"a.one": "y", "a.two": "x"}
    assert chosen.problems == ()
