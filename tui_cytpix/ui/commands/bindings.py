"""One declaration per command: key, footer, help panel, palette and key map come from it and cannot drift apart.

A command's id is `scope.name` and never changes, so that users can give it other keys in `settings.toml`:

    [keys]
    "gallery.next-flagged" = "n,right_square_bracket"

A widget or screen of a scope takes its bindings with `BINDINGS = bindings("gallery")` and has the method that the
command's `action` names; where it names none, `action_show_only` for `gallery.show-only`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from textual.binding import BindingType
from textual.keys import format_key

from tui_cytpix.ui.commands import explore, steps, surface
from tui_cytpix.ui.commands.command import DIGIT_ALIASES, Command


def all_commands() -> tuple[Command, ...]:
    """Every command there is, in the order of the help panel."""
    return surface.COMMANDS + steps.COMMANDS + explore.COMMANDS


@cache
def by_id() -> Mapping[str, Command]:
    return {command.id: command for command in all_commands()}


def of_scope(scope: str) -> tuple[Command, ...]:
    return tuple(command for command in all_commands() if command.scope == scope)


def bindings(*scopes: str) -> list[BindingType]:
    """Textual bindings for the scopes, for a class's `BINDINGS`."""
    return [command.binding() for scope in scopes for command in of_scope(scope)]


def key_text(keys: str) -> str:
    """Keys as a person reads them: `h,left` gives `h ←`. Aliases for layouts without unshifted digits are left out."""
    return " ".join(format_key(key.strip()) for key in keys.split(",") if key.strip() not in DIGIT_ALIASES)


@dataclass(frozen=True)
class KeyMap:
    """The user's keys by command id, and sentences about those that can't be taken."""

    keys: Mapping[str, str]
    problems: tuple[str, ...] = ()


def key_map(wanted: Mapping[str, object], commands: Iterable[Command] | None = None) -> KeyMap:
    """Checks the `[keys]` table of the settings: unknown ids, values that are no text, and keys that two commands of
    one scope would share are left out, each with a sentence.
    """
    table = {c.id: c for c in (all_commands() if commands is None else commands)}
    keys: dict[str, str] = {}
    problems: list[str] = []
    for name, value in wanted.items():
        if name not in table:
            problems.append(f"[keys] {name}: there is no such command.")
        elif not isinstance(value, str) or not value.strip():
            problems.append(f'[keys] {name}: give key names as text, e.g. "x" or "x,left".')
        else:
            keys[name] = ",".join(part.strip() for part in value.split(","))
    taken: dict[tuple[str, str], str] = {}
    for name, command in table.items():
        for key in (keys.get(name) or command.keys).split(","):
            other = taken.setdefault((command.scope, key), name)
            if other != name:
                loser = name if name in keys else other
                if keys.pop(loser, None) is not None:
                    problems.append(f"[keys] {loser}: {key} is taken by {name if loser == other else other}.")
    return KeyMap(keys, tuple(problems))
