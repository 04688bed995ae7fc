"""The user's settings file: one TOML under the XDG config folder."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tui_cytpix.diagnostics import state_folder
from tui_cytpix.formats.bytes.atomic import write_text
from tui_cytpix.formats.bytes.plain_file import read_json, read_toml
from tui_cytpix.workflow.run.resources import settings_file

# What `ui.graphics.choice` takes: here, as the command line offers it and knows no `ui`.
GRAPHICS = ("auto", "quadrant", "halfblock", "unicode", "sixel", "kitty")


@dataclass(frozen=True)
class Settings:
    """What the file says; `problems` are sentences about what it says wrongly, and that is left at its default.

    Attributes:
        theme: a theme's name, empty for the default.
        graphics: one of GRAPHICS.
        keys: keys by command id; the app checks them, as it knows the commands.
    """

    theme: str = ""
    graphics: str = "auto"
    keys: Mapping[str, object] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def _last_theme() -> Path:
    return state_folder() / "theme.json"


def remembered_theme() -> str:
    """The theme that was chosen last by its key; "" where none was."""
    try:
        name = read_json(_last_theme())
    except (OSError, ValueError):
        return ""
    return name if isinstance(name, str) else ""


def remember_theme(name: str) -> None:
    """For the next start; a state folder that can't be written is no reason to stop working."""
    with contextlib.suppress(OSError):
        _last_theme().parent.mkdir(parents=True, exist_ok=True)
        write_text(_last_theme(), json.dumps(name))


def read_settings(path: Path | None = None) -> Settings:
    """The settings; defaults where there is no file. A damaged file is no reason not to start."""
    path = settings_file() if path is None else path
    try:
        data = read_toml(path)
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:
        return Settings(problems=(f"{path} can't be read: {error}.",))
    problems = [f"{path}: {name!r} is no setting." for name in data if name not in ("theme", "graphics", "keys")]
    theme, graphics, keys = data.get("theme", ""), data.get("graphics", "auto"), data.get("keys", {})
    if not isinstance(theme, str):
        problems.append(f"{path}: theme must be a name.")
        theme = ""
    if graphics not in GRAPHICS:
        problems.append(f"{path}: graphics must be one of {', '.join(GRAPHICS)}.")
        graphics = "auto"
    if not isinstance(keys, dict):
        problems.append(f"{path}: [keys] must be a table.")
        keys = {}
    return Settings(theme, graphics, keys, tuple(problems))
