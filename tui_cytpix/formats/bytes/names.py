"""Names that come from files: order, cleaning, event ids, and which folder of a tree holds the images."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError

IMAGE_SUFFIXES = (".tif", ".tiff", ".png", ".bmp", ".jpg", ".jpeg")
_DIGITS = re.compile(r"([0-9]+)")


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key under which 2 comes before 10; numbers before words."""
    if text.isascii() and text.isdigit():  # as event ids are, by the ten thousand
        digits = text.lstrip("0")
        return (0, len(digits), digits), (-1, 0, text)
    key: list[tuple[int, int, str]] = []
    for part in _DIGITS.split(text):
        if part:
            digits = part.lstrip("0")
            key.append((0, len(digits), digits) if "0" <= part[0] <= "9" else (1, 0, part.casefold()))
    return (*key, (-1, 0, text))


def is_image_name(name: str) -> bool:
    """True for a file name with an image suffix that is no hidden or resource-fork file."""
    return name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")


@dataclass(frozen=True)
class NamedImages:
    """Images by event id, in natural order, each with the name under which its container knows it.

    `problems` are sentences about names that were left out.
    """

    names: dict[str, str]
    problems: tuple[str, ...] = ()


def name_images(files: Iterable[str]) -> NamedImages:
    """Event ids from file names: the name without folder and suffix, control characters replaced.

    Of several files that give one id the first by name is taken.
    """
    names: dict[str, str] = {}
    doubles: list[str] = []
    for file in sorted(files, key=natural_key):
        event = printable(_stem(file))
        if event in names:
            doubles.append(event)
        else:
            names[event] = file
    ordered = dict(sorted(names.items(), key=lambda item: natural_key(item[0])))
    one, many = "image file repeats an event id, unread", "image files repeat event ids, unread"
    return NamedImages(ordered, counted(doubles, one, many))


def _stem(file: str) -> str:
    """`PurePosixPath(file).stem`, faster."""
    name = file.rpartition("/")[2]
    end = name.rfind(".")
    return name[:end] if 0 < end < len(name) - 1 else name


def counted(names: Sequence[str], one: str, many: str) -> tuple[str, ...]:
    """() for no names, else a sentence: how many, which kind, the first; as `3 images are empty (the first: 17).`"""
    if not names:
        return ()
    first = printable(names[0])
    if len(names) == 1:
        return (f"1 {one} ({first}).",)
    return (f"{len(names)} {many} (the first: {first}).",)


def choose_folder(folders: Mapping[str, Sequence[str]], where: Path) -> tuple[str, tuple[str, ...]]:
    """Which of several folders of images is the sample: the top one, one named `images`, or the only one.

    Args:
        folders: image names by folder ("" is the top).
        where: the sample's path, for messages.

    Returns:
        The folder, and sentences about those left out.

    Raises:
        SampleError: there are no images, or several sub-folders of them and no telling which is meant.
    """
    filled = sorted((folder for folder, names in folders.items() if names), key=natural_key)
    named = [folder for folder in filled if PurePosixPath(folder).name.lower() == "images"]
    if not filled:
        raise SampleError(
            "No images found",
            f"{printable(where)} holds no .tif, .png, .bmp or .jpg.",
            "Give the folder or archive that holds the event images.",
        )
    if "" in filled:
        choice = ""
    elif len(filled) == 1 or len(named) == 1:
        choice = named[0] if len(named) == 1 else filled[0]
    else:
        listed = ", ".join(printable(folder) for folder in filled[:6]) + (", ..." if len(filled) > 6 else "")
        raise SampleError(
            "Several folders of images",
            f"{printable(where)} has images in {listed}.",
            "Give one of them: event ids may repeat between tubes.",
        )
    left = [folder for folder in filled if folder != choice]
    return choice, counted(left, "other folder of images is not read", "other folders of images are not read")
