"""What lies at a path, looked at as cheaply as tells the formats apart."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.names import is_image_name
from tui_cytpix.formats.bytes.plain_file import open_plain
from tui_cytpix.formats.bytes.source import unreadable

HEAD = 16


class Found:
    """A file or folder that is there. What costs reading is done at first need, once."""

    def __init__(self, path: Path, is_folder: bool) -> None:
        self.path, self.is_folder = path, is_folder

    @property
    def suffix(self) -> str:
        """Of a file, in lower case, with the dot."""
        return "" if self.is_folder else self.path.suffix.lower()

    @property
    def is_image(self) -> bool:
        """A file that is called like an image."""
        return not self.is_folder and is_image_name(self.path.name)

    @cached_property
    def head(self) -> bytes:
        """A file's first bytes; SampleError where it can't be read."""
        if self.is_folder:
            return b""
        try:
            with open_plain(self.path) as file:
                return file.read(HEAD)
        except OSError as error:
            raise unreadable(self.path, error) from error

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What lies in a folder, hidden files left out; SampleError where it can't be read."""
        if not self.is_folder:
            return ()
        try:
            return tuple(sorted(entry.name for entry in self.path.iterdir() if not entry.name.startswith(".")))
        except OSError as error:
            raise unreadable(self.path, error) from error


def look_at(path: Path) -> Found:
    """Raises:
    SampleError: nothing is there, or no regular file.
    """
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except (OSError, ValueError) as error:
        raise SampleError("No such sample", f"{printable(path)}: {error}.", "Check the path.") from error
    if not is_folder and not is_file:
        why = "is no regular file" if path.exists() else "is not there"
        raise SampleError("No such sample", f"{printable(path)} {why}.", "Check the path.")
    return Found(path, is_folder)
