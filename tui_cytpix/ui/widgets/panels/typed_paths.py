"""Paths as people type them at a prompt: with `~`, with the quotes of a shell, completed by Tab."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

MOST_NAMES = 10_000  # of a folder: in larger ones nothing is completed


def typed_path(text: str) -> Path:
    """The path that is meant: what is there as it is written, else without the quotes and backslashes of a shell."""
    text = text.strip()
    path = _expanded(text)
    if not os.path.lexists(path):
        try:
            words = shlex.split(text)
        except ValueError:  # an apostrophe in a name
            return path
        if len(words) == 1:
            return _expanded(words[0])
    return path


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # there is no such user
        return Path(text)


def complete(text: str) -> tuple[str, Sequence[str]]:
    """The text as far as only one name goes on with it, a folder's with its slash; and the names, where several do."""
    text = text.lstrip()
    if text.startswith(("'", '"')):
        text = text[1:]
    if text == "~":
        return "~/", ()
    folder, slash, begun = text.rpartition("/")
    names = _names(folder + slash, begun)
    if not names:
        return text, ()
    text = folder + slash + _shared(names)
    return text, names if len(names) > 1 else ()


def _shared(names: Sequence[str]) -> str:
    """What all begin with."""
    letters = takewhile(lambda column: len(set(column)) == 1, zip(*names, strict=False))
    return "".join(column[0] for column in letters)


def _names(folder: str, begun: str) -> list[str]:
    """Those in the folder that begin so; hidden ones where a dot was typed."""
    found = []
    try:
        with os.scandir(_expanded(folder or ".")) as entries:
            for count, entry in enumerate(entries):
                if count >= MOST_NAMES:
                    return []
                if entry.name.startswith(begun) and (begun or not entry.name.startswith(".")):
                    found.append(f"{entry.name}/" if entry.is_dir() else entry.name)
    except (OSError, ValueError):  # ValueError: no name that a file can have
        return []
    return sorted(found)
