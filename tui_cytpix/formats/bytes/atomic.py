"""Files that are whole or absent: written aside, synced, renamed."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from tui_cytpix.errors import needing
from tui_cytpix.formats.bytes.liveness import is_abandoned, is_being_written, temporary_name

_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)  # of file systems without
_looked_at: set[tuple[Path, int]] = set()  # folders that this process, by its id, has cleared


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a name beside `path`, ending in `.part`, to write to; on success it takes the place of `path`.

    The file is synced before and the folder after the rename. On an error nothing of it stays behind, and an OSError
    names `path`. What killed processes left in the folder is removed.
    """
    path = Path(path)
    aside = temporary(path)
    try:
        with _named(path, aside):
            yield aside
            with aside.open("rb+") as file:
                os.fsync(file.fileno())
            aside.replace(path)
        sync_folder(path.parent)
    finally:
        aside.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Gives a folder beside `path`, to fill; on success it takes the place of `path`, on an error it is removed. As for
    the rest, like `replacing`.
    """
    path = Path(path)
    with _named(path, path.parent), scratch_folder(path.parent) as aside:
        yield aside
        if path.exists():
            with scratch_folder(path.parent) as old:
                path.rename(old / "old")
                aside.replace(path)
        else:
            aside.replace(path)
        sync_folder(path.parent)


@contextlib.contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[Path]:
    """A folder in `parent` for what is needed for a while; it is removed at the end, or, where the process is killed
    meanwhile, by the next that writes in `parent`. None: where the system keeps such, for this user alone (TMPDIR).
    """
    folder = temporary((parent or Path(tempfile.gettempdir())) / "scratch")
    try:
        folder.mkdir(0o777 if parent else 0o700, parents=True)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def temporary(path: Path) -> Path:
    """A name beside `path`. The first time that this process writes to the folder, it removes what killed ones left."""
    here = path.parent.absolute(), os.getpid()
    if here not in _looked_at:
        _looked_at.add(here)
        clear_abandoned(path.parent)
    return path.with_name(temporary_name())


@contextlib.contextmanager
def _named(path: Path, aside: Path) -> Iterator[None]:
    """An error of the system says which file was to be written: for some it names none, or the temporary one."""
    try:
        yield
    except OSError as error:
        if error.filename is None or str(error.filename).startswith(str(aside)):
            error.filename = str(path)
            if error.filename2 is not None:
                del error.filename2
        raise


def reserve(file: IO[Any], size: int, path: Path) -> None:
    """Takes the room for a file on the disk before it is written, as a memory map of a file without it ends the process
    where the disk is full.

    Raises:
        OSError: there isn't so much; it says how much is needed for `path`.
    """
    if size:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            raise needing(error, path, size) from error


def write_bytes(path: Path, data: bytes) -> None:
    """Replaces the file's content as a whole."""
    with replacing(path) as aside:
        aside.write_bytes(data)


def create(path: Path, data: bytes) -> bool:
    """Writes a file that is not there yet, with its content or not at all, whenever we are killed; False where it is
    there. On file systems without links it is empty for a moment, or stays so where we are killed in it.
    """
    aside = temporary(path)
    try:
        aside.write_bytes(data)
        try:
            os.link(aside, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return _written(path, data)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        aside.unlink(missing_ok=True)
    return True


def _written(path: Path, data: bytes) -> bool:
    try:
        file = path.open("xb")
    except FileExistsError:
        return False
    try:
        with file:
            file.write(data)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return True


def write_text(path: Path, text: str) -> None:
    """As UTF-8; bytes of file names that are none, which Python holds as lone surrogates, become what they were."""
    write_bytes(path, encoded(text))


def write_through(aside: Path, path: Path, text: str) -> None:
    """As `write_text`, by way of `aside` in another folder of the same disk: nothing temporary lies beside the file."""
    write_text(aside, text)
    aside.replace(path)
    sync_folder(path.parent)


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


def clear_abandoned(folder: Path) -> int:
    """Removes what killed processes of this machine had begun to write aside here; returns how many that were."""
    try:
        found = [entry.name for entry in os.scandir(folder) if is_abandoned(entry.name)]
    except OSError:
        return 0  # it is not there yet, or can't be read: whoever writes there is told
    for name in found:
        _remove(folder / name)
    return len(found)


def clear_leftovers(folder: Path) -> None:
    """Removes also what other machines and earlier builds had begun, whose processes can't be asked; to be called by
    the folder's only writer.
    """
    for path in folder.glob(".*.part"):
        if not is_being_written(path.name):
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
