"""Opening and reading files that anybody may have written: plain files only, and no more of one than is stated.

The one way for every file of a run, a job, the library and the settings: a pipe, a device or a folder in the place of
one is an OSError like any other, and what is no JSON or TOML is a ValueError, however it fails.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import tomllib
from io import BufferedReader
from pathlib import Path
from typing import Any

MOST_BYTES = 64 << 20  # of a file that is read whole, unless its reader says otherwise
MOST_DOCUMENT = 16 << 20  # of JSON and TOML, whose parsers need many times as much memory
_NO_PLAIN_FILE = "it is no plain file"


def open_plain(path: Path) -> BufferedReader:
    """For reading; never waits, whatever lies there.

    Raises:
        OSError: it can't be opened, or is no plain file.
    """
    return os.fdopen(_opened(path, os.O_RDONLY), "rb")


def open_plain_to_write(path: Path, flags: int = 0) -> int:
    """A handle for writing, with `flags` in place of os.O_WRONLY; the file is made where there is none. A link
    is not followed: in a run from elsewhere it may lead to any file.

    Raises:
        OSError: it can't be opened, or is no plain file.
    """
    return _opened(path, (flags or os.O_WRONLY) | os.O_CREAT | os.O_NOFOLLOW)


def _opened(path: Path, flags: int) -> int:
    try:
        handle = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY, 0o666)
    except ValueError as error:  # a NUL in the name
        raise OSError(errno.EINVAL, str(error)) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, _NO_PLAIN_FILE)
    return handle


def read_plain(path: Path, most: int = MOST_BYTES) -> bytes:
    """A file's content.

    Raises:
        OSError: it can't be read, is no plain file, or has more than `most` bytes.
    """
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise OSError(errno.EFBIG, f"its {size:,} bytes are more than the {most:,} that are read")
        return file.read(most)


def read_text(path: Path, most: int = MOST_DOCUMENT) -> str:
    """What `atomic.write_text` wrote; raises as `read_plain`."""
    return read_plain(path, most).decode("utf-8", "surrogateescape")


def read_json(path: Path, most: int = MOST_DOCUMENT) -> Any:
    """Raises:
    OSError: as `read_plain`.
    ValueError: it is no JSON, or nested too deeply.
    """
    return parse_json(read_plain(path, most))


def parse_json(content: bytes | str) -> Any:
    """Raises:
    ValueError: it is no JSON, or nested too deeply.
    """
    try:
        return json.loads(content)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def read_toml(path: Path) -> dict[str, Any]:
    """Raises:
    OSError: as `read_plain`.
    ValueError: it is no TOML, or nested too deeply.
    """
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
