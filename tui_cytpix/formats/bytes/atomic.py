"""Files that are whole or absent: written aside, synced, renamed."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a name beside `path`, ending in `.part`, to write to; on success it takes the place of `path`.

    The file is synced before and the folder after the rename. On an error nothing of it stays behind.
    """
    path = Path(path)
    aside = _aside(path)
    try:
        yield aside
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
        aside.replace(path)
        sync_folder(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def _aside(path: Path) -> Path:
    """Without the file's own name, which may be as long as names can be."""
    return path.with_name(f".{secrets.token_hex(8)}.part")


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Gives a folder beside `path`, to fill; on success it takes the place of `path`, on an error it is removed."""
    aside = _aside(path)
    aside.mkdir(parents=True)
    try:
        yield aside
        shutil.rmtree(path, ignore_errors=True)
        aside.replace(path)
        sync_folder(path.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Replaces the file's content as a whole."""
    with replacing(path) as aside:
        aside.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """As UTF-8; bytes of file names that are none, which Python holds as lone surrogates, become what they were."""
    write_bytes(path, encoded(text))


def encoded(text: str) -> bytes:
    """As `write_text` writes it."""
    return text.encode("utf-8", "surrogateescape")


def sync_folder(folder: Path) -> None:
    """Makes a rename in the folder durable, where the file system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def clear_leftovers(folder: Path) -> None:
    """Removes what a killed process had begun to write aside here; to be called by the folder's only writer."""
    for path in folder.glob(".*.part"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
