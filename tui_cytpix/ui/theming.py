"""Themes as validated TOML files; those that are no good are told together, in one notice."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.color import Color, ColorParseError
from textual.theme import Theme

COLOURS = (
    "primary",
    "secondary",
    "accent",
    "foreground",
    "background",
    "surface",
    "panel",
    "success",
    "warning",
    "error",
)
OVERLAY = {
    "mask-outline": "#ffd23f",
    "centroid-mark": "#ff4fa3",
    "crosshair": "#37e2ff",
}
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True)
class Themes:
    """The good ones, and sentences about the others."""

    themes: tuple[Theme, ...]
    problems: tuple[str, ...]


def load_themes(folder: Path, *, few_colours: bool = False) -> Themes:
    """Reads every `*.toml` of the folder, with `few_colours` for a terminal of 16."""
    themes, problems = [], []
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
        try:
            themes.append(parse_theme(tomllib.loads(path.read_text("utf-8")), few_colours=few_colours))
        except (OSError, ValueError) as error:
            problems.append(f"{path.name}: {error}.")
    return Themes(tuple(themes), tuple(problems))


def parse_theme(data: dict[str, Any], *, few_colours: bool = False) -> Theme:
    """A theme from a file's content: `name`, `dark`, `[colours]` and `[overlay]`; `[sixteen]` has the colours that are
    others on a terminal of 16, which shows the nearest of its own, and brighter where letters are bold.

    Raises:
        ValueError: something is missing, unknown, or no colour.
    """
    name, dark = data.get("name"), data.get("dark")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError("name must be small letters, digits and dashes")
    if not isinstance(dark, bool):
        raise ValueError("dark must be true or false")
    unknown = sorted(set(data) - {"name", "dark", "colours", "sixteen", "overlay"})
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}")
    colours = _colours(data.get("colours"), "colours", COLOURS)
    missing = [key for key in COLOURS if key not in colours]
    if missing:
        raise ValueError(f"[colours] lacks {', '.join(missing)}")
    sixteen = _colours(data.get("sixteen", {}), "sixteen", COLOURS)
    if few_colours:
        colours |= sixteen
    overlay = {**OVERLAY, **_colours(data.get("overlay", {}), "overlay", tuple(OVERLAY))}
    return Theme(name=name, dark=dark, variables=overlay, **colours)


def _colours(table: Any, where: str, known: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise ValueError(f"[{where}] is missing")
    for key, value in table.items():
        if key not in known:
            raise ValueError(f"[{where}] has no {key}")
        try:
            Color.parse(value)
        except (ColorParseError, TypeError, AttributeError):
            raise ValueError(f"[{where}] {key}: {value!r} is no colour") from None
    return dict(table)


def rgb(variables: dict[str, str], name: str) -> tuple[int, int, int]:
    """A colour of the current theme as numbers; `name` is one of OVERLAY or of Textual's."""
    colour = Color.parse(variables.get(name, OVERLAY.get(name, "#808080")))
    return colour.r, colour.g, colour.b
