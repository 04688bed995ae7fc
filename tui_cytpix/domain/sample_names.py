"""Names of samples, made from those of their files."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

MOST_CHARACTERS, MOST_BYTES = 80, 160  # of a name: files are called after it, with endings, which have 255 bytes in all
_LETTERS, _ALONE = ("L", "M", "N"), "._-"  # kinds of Unicode characters: letters, marks on them, numbers
# Letters and marks that show nothing: names would look alike.
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


def sample_name(path: Path) -> str:
    """A sample's name, made from its file's or folder's: see `name_from`."""
    return name_from(path.name if path.is_dir() else path.stem)


def name_from(text: str) -> str:
    """Only letters and digits of any script, '.', '_' and '-', none of these three at its ends; what is long is cut,
    with a hash of the whole in the end.
    """
    kept = "".join(c if _is_kept(c) else " " for c in unicodedata.normalize("NFC", text))
    name = "".join(itertools.dropwhile(_is_no_beginning, re.sub(" +", "_", kept))).rstrip(_ALONE) or "sample"
    if _fits(name, 0):
        return name
    while not _fits(name, 9):
        name = name[:-1]
    return f"{name}-{_hash(text)}"


def is_sample_name(name: str) -> bool:
    """Whether a run may call a sample so: as above, or as earlier builds did. It is a folder's name, too."""
    return bool(name) and all(map(_is_kept, name)) and name not in (".", "..") and len(name.encode()) <= 2 * MOST_BYTES


def hashed_name(name: str, path: Path | str) -> str:
    """A name that is several samples', made that of the sample at an absolute path."""
    return f"{name}-{_hash(path)}"


def names_together(paths: Sequence[Path], taken: Mapping[str, Path] | None = None) -> list[str]:
    """Names of samples that are given together: see `kept_apart`."""
    return kept_apart([(sample_name(path), path.resolve()) for path in paths], taken or {})


def kept_apart(wanted: Sequence[tuple[str, Path]], taken: Mapping[str, Path]) -> list[str]:
    """Names for the samples at some absolute paths, each another, and none of those `taken` by others.

    Where files of several paths would have one name, a hash of the path is behind it: so no name depends on the order
    in which they are given. One file that comes again, as another channel or after it changed, gets a number. Names
    that differ in case only are one: on some file systems they are.
    """
    owners: dict[str, set[Path]] = {}
    for name, path in (*taken.items(), *wanted):
        owners.setdefault(name.casefold(), set()).add(path)
    used = {name.casefold() for name in taken}
    found = []
    for name, path in wanted:
        own = name if len(owners[name.casefold()]) == 1 else hashed_name(name, path)
        numbered = (f"{own}-{number}" for number in itertools.count(2))
        found.append(next(one for one in itertools.chain([own], numbered) if one.casefold() not in used))
        used.add(found[-1].casefold())
    return found


def _is_kept(character: str) -> bool:
    if character.isascii():
        return character.isalnum() or character in _ALONE
    return unicodedata.category(character)[0] in _LETTERS and not _INVISIBLE.match(character)


def _is_no_beginning(character: str) -> bool:
    return character in _ALONE or unicodedata.category(character)[0] == "M"


def _fits(name: str, behind: int) -> bool:
    """Also in small letters, which may need more bytes."""
    size = max(len(name.encode()), len(name.casefold().encode()))
    return len(name) + behind <= MOST_CHARACTERS and size + behind <= MOST_BYTES


def _hash(text: Path | str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:8]
