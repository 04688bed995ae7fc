"""Names that come from files, and those of files that are written: order, cleaning, event ids, and which folder of a
tree holds the images.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError

IMAGE_SUFFIXES = (".tif", ".tiff", ".png", ".bmp", ".jpg", ".jpeg")
# Of a label image's name, behind its image's.
LABEL_ENDINGS = ("_cp_masks", "_masks", "_mask", "_label", "_labels", "_seg")
# What other programs write beside an image, behind its name (Cellpose, ImageJ, napari, file managers) or before it.
_PICTURE_ENDINGS = (
    "_cp_output",
    "_cp_outlines",
    "_outlines",
    "_overlay",
    "_cp_flows",
    "_flows",
    "_thumb",
    "_thumbnail",
    "_small",
    "_preview",
)
_PICTURE_BEGINNINGS = ("thumb_", "thumbnail_")
MOST_NAME_BYTES = 255  # of one name, on all usual file systems
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
    """Event ids from file names, see `event_of`.

    Of several files that give one id the first by name is taken. Label images and pictures that other programs left
    beside an image, under its name with something behind or before it, are no images of the sample.
    """
    names: dict[str, str] = {}
    doubles: list[str] = []
    images, left_out = _without_leftovers(sorted(files, key=natural_key))
    for file in images:
        event = event_of(file)
        if event in names:
            doubles.append(event)
        else:
            names[event] = file
    ordered = dict(sorted(names.items(), key=lambda item: natural_key(item[0])))
    one, many = "image file repeats an event id, unread", "image files repeat event ids, unread"
    return NamedImages(ordered, (*left_out, *counted(doubles, one, many), *_called_like_masks(images)))


def _called_like_masks(images: Sequence[str]) -> tuple[str, ...]:
    if len(images) < 2 or not all(without_label_ending(_stem(file)) for file in images):
        return ()
    what = f"All {len(images)} images are called like masks (the first: {printable(images[0])})"
    return (f"{what}: if that is what they are, give the folder of the images that they belong to.",)


def _without_leftovers(files: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """The files that are no leftovers of other programs, and sentences about those."""
    stems = {_stem(file) for file in files}
    images, labels, pictures = list[str](), list[str](), list[str]()
    for file in files:
        stem = _stem(file)
        if "_" not in stem:
            images.append(file)
        elif _is_beside(stem, stems, LABEL_ENDINGS):
            labels.append(file)
        elif _is_beside(stem, stems, _PICTURE_ENDINGS, _PICTURE_BEGINNINGS):
            pictures.append(file)
        else:
            images.append(file)
    taken = "of the sample; --truth and --from-masks take label images"
    return images, (
        *counted(
            labels, f"mask beside its image is no image {taken}", f"masks beside their images are no images {taken}"
        ),
        *counted(
            pictures,
            "thumbnail or overlay beside its image is no image of the sample",
            "thumbnails or overlays beside their images are no images of the sample",
        ),
    )


def _is_beside(stem: str, stems: Collection[str], endings: tuple[str, ...], beginnings: tuple[str, ...] = ()) -> bool:
    """Whether it is another file's name with one of these behind or before it."""
    lower = stem.lower()
    bare = [stem[: -len(end)] for end in endings if lower.endswith(end)]
    bare += [stem[len(start) :] for start in beginnings if lower.startswith(start)]
    return any(name in stems for name in bare)


def without_label_ending(name: str) -> str:
    """A name without the ending that label images have behind their image's; "" where it has none, or nothing else."""
    lower = name.lower()
    ending = next((one for one in LABEL_ENDINGS if lower.endswith(one)), "")
    return name[: -len(ending)] if ending else ""


def event_of(file: str) -> str:
    """The event id that a file's name says: the name without folder and suffix. What can't be printed in it, control
    characters or bytes that are no UTF-8, stands as `%XX`, so that different names stay different.
    """
    stem = _stem(file)
    return stem if stem.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in stem)


def _escaped(character: str) -> str:
    """`%XX` for each of its bytes; of a lone surrogate, which stands for a byte of a name, that byte."""
    byte = ord(character) - 0xDC00
    return f"%{byte:02X}" if 0x80 <= byte <= 0xFF else quote(character, safe="", errors="surrogatepass")


def file_name(text: str, ending: str) -> str:
    """What to call the file that belongs to `text`, an event id: the text and the ending, wherever a file can be called
    so. Else separators, a leading dot and what can't be printed stand as `%XX`, what is too long is cut, and a hash of
    the whole stands in the end: so no two texts share a file.
    """
    name = "".join(_escaped(c) if c == "/" or not c.isprintable() else c for c in text)
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    most = MOST_NAME_BYTES - len(ending.encode())
    if name != text or len(name.encode()) > most:
        tail = "~" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        name = name.encode()[: most - len(tail)].decode("utf-8", "ignore") + tail
    return name + ending


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
