"""Whether a sample's files may have changed, without opening it: their names, sizes and times of change."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

_BESIDE = (".fcs", ".FCS", ".adc", ".hdr", ".roi")  # files of a sample that bear its name


class FileStates:
    """Looks at samples' files; each folder in which FCS files of other names may lie is listed once."""

    def __init__(self) -> None:
        self._only_fcs: dict[Path, list[Path]] = {}

    def of(self, path: Path) -> str:
        """A hash: another one where a file of the sample changed, came or went. Where it is another one the sample may
        still be the same (copied, touched): its `fingerprint` tells.

        A file outside of the sample, but for those of its name and the only FCS beside it, is not noticed.
        """
        digest = hashlib.sha256()
        for file in self._files(path):
            try:
                state = file.stat()
            except OSError:
                continue
            digest.update(f"{file.name}\0{state.st_size}\0{state.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def size(self, path: Path) -> int:
        """Bytes of the sample's files, those included that `of` looks at."""
        found = 0
        for file in self._files(path):
            with contextlib.suppress(OSError):
                found += file.stat().st_size
        return found

    def _files(self, path: Path) -> Iterator[Path]:
        is_folder = path.is_dir()
        stem = path.name if is_folder else path.stem
        beside = (path.with_name(stem + suffix) for suffix in _BESIDE)
        # Path.is_file raises where a name gets too long: then there is none.
        named = [file for file in beside if file != path and os.path.isfile(file)]  # noqa: PTH113
        yield from named
        if not any(file.suffix.lower() == ".fcs" for file in (path, *named)):
            yield from self._only_fcs_of(path.parent)
        if path.suffix.lower() == ".fcs" and not is_folder:
            yield from _below(_images_of(path))
        yield from _below(path)

    def _only_fcs_of(self, folder: Path) -> list[Path]:
        if folder not in self._only_fcs:
            found = [file for file in _listed(folder) if file.suffix.lower() == ".fcs"]
            self._only_fcs[folder] = found if len(found) == 1 else []
        return self._only_fcs[folder]


def _images_of(fcs: Path) -> Path:
    from tui_cytpix.errors import SampleError
    from tui_cytpix.formats.sample.fcs_images import images_of_fcs

    try:
        return images_of_fcs(fcs)
    except SampleError:
        return fcs


def _below(path: Path) -> Iterator[Path]:
    """The file itself, or all files in the folder and below it, in one order always."""
    if not path.is_dir():
        yield path
        return
    for folder, folders, files in os.walk(path):
        folders.sort()
        yield from (Path(folder) / name for name in sorted(files))


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
