"""A folder of plain images, one per event: the file's name without suffix is the event id."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tui_cytpix.domain.sample import Loss
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.image_decode import read_file
from tui_cytpix.formats.bytes.names import NamedImages, choose_folder, counted, is_image_name, name_images, natural_key
from tui_cytpix.formats.bytes.source import FileBytes, unreadable
from tui_cytpix.formats.sample.linked_fcs import find_fcs
from tui_cytpix.formats.sample.parts import Asked, SampleParts
from tui_cytpix.formats.sample.several_pages import refuse_stacks

SEG_ENDING = "_seg.npy"  # a pickle
SAMPLE_SUFFIXES = (".acs", ".zip", ".adc", ".cif", ".rtdc", ".npy")  # of files that are samples; of a bin the .adc


class FolderImages:
    """The images of one folder, as an ImageStore."""

    def __init__(self, folder: Path, named: NamedImages) -> None:
        self._folder, self._names = folder, named.names
        self.events: tuple[str, ...] = tuple(named.names)
        self.problems: tuple[str, ...] = named.problems

    def read(self, event: str) -> bytes:
        return read_file(self._folder / self._names[event])

    def stated(self, event: str) -> tuple[int, int | None]:
        try:
            return (self._folder / self._names[event]).stat().st_size, None
        except OSError:
            return -1, None

    def label(self, event: str) -> str:
        return printable(self._folder / self._names[event])


def open_parts(path: Path, asked: Asked) -> SampleParts:
    """Opens a folder of images, or one whose images lie in a single sub-folder or one named `images`.

    The FCS is looked for in the folder and beside it, where none was given.

    Raises:
        SampleError: no images, several sub-folders of images, stacks, or the folder can't be read.
    """
    folders, samples, other = _listing(path)
    if samples and not any(folders.values()):
        listed = ", ".join(printable(name) for name in samples[:6]) + (", ..." if len(samples) > 6 else "")
        raise SampleError(
            "No images found",
            f"The folder {printable(path)} holds samples: {listed}.",
            "Give one of them, or several: each is a sample of its own.",
        )
    chosen, problems = choose_folder(folders, path)
    folder = path / chosen
    named = name_images(folders[chosen])
    where = path.resolve()
    stem = where.parent.name if where.name.lower() == "images" else where.name
    place = asked.fcs or find_fcs(stem, (where, where.parent))
    problems = (*problems, *other.problems(chosen))
    images = FolderImages(folder, named)
    refuse_stacks(path, images, lambda event: FileBytes(folder / named.names[event]))
    return SampleParts(path, "image folder", images, place, problems=problems)


def _unopened(files: list[str]) -> tuple[str, ...]:
    rest = "could hold a program and isn't opened; --truth and --from-masks take masks saved as PNG or TIFF"
    one, many = f"file of Cellpose's masks {rest}", f"files of Cellpose's masks {rest}".replace("isn't", "aren't")
    return counted(sorted(files, key=natural_key), one, many)


@dataclass(frozen=True)
class _Others:
    """By folder: `seg`, what Cellpose keeps its masks in, and `odd`, what is called like an image and is no file;
    `shut`: folders that can't be looked into; `deep`: folders of images in sub-folders, which aren't.
    """

    seg: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    odd: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    shut: list[str] = field(default_factory=list)
    deep: list[str] = field(default_factory=list)

    def problems(self, folder: str) -> tuple[str, ...]:
        one, many = "image is no file that can be read", "images are no files that can be read"
        lost = counted(self.odd[folder], f"{one}: {_NOWHERE}", f"{many}: {_NOWHERE}")
        return (
            *map(Loss, lost),
            *counted(self.shut, "sub-folder can't be looked into", "sub-folders can't be looked into"),
            *counted(
                sorted(self.deep, key=natural_key),
                "folder of images two folders down is not read",
                "folders of images two folders down are not read",
            ),
            *_unopened(self.seg[folder]),
        )


_NOWHERE = "links that lead nowhere, pipes or the like"


def _listing(path: Path) -> tuple[dict[str, list[str]], list[str], _Others]:
    """Image names by folder ("" is the top, then its sub-folders), samples of one file at the top; the rest."""
    folders: dict[str, list[str]] = {"": []}
    samples: list[str] = []
    below: list[str] = []
    other = _Others()
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if _is(entry.is_dir):
                    below.append(entry.name)
                elif is_image_name(entry.name):
                    (folders if _is(entry.is_file) else other.odd)[""].append(entry.name)
                elif entry.name.endswith(SEG_ENDING):
                    other.seg[""].append(entry.name)
                elif entry.name.lower().endswith(SAMPLE_SUFFIXES):
                    samples.append(entry.name)
    except OSError as error:
        raise unreadable(path, error) from error
    _look_below(path, below, folders, other)
    return folders, sorted(samples), other


def _look_below(path: Path, below: list[str], folders: dict[str, list[str]], other: _Others) -> None:
    for name in below:
        folders[name] = []
        try:
            with os.scandir(path / name) as entries:
                for entry in entries:
                    if is_image_name(entry.name) and not _is(entry.is_dir):
                        (folders if _is(entry.is_file) else other.odd)[name].append(entry.name)
                    elif entry.name.endswith(SEG_ENDING):
                        other.seg[name].append(entry.name)
                    elif not entry.name.startswith(".") and _is(entry.is_dir) and _has_image(Path(entry.path)):
                        other.deep.append(f"{name}/{entry.name}")
        except OSError:
            other.shut.append(name)


def _has_image(path: Path) -> bool:
    try:
        with os.scandir(path) as entries:
            return any(is_image_name(entry.name) and _is(entry.is_file) for entry in entries)
    except OSError:
        return False


def _is(kind: Callable[[], bool]) -> bool:
    """A link in a circle is nothing; scandir would raise for it."""
    try:
        return kind()
    except OSError:
        return False
