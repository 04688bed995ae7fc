"""Which reader opens which path. Readers are imported when they are needed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError, UsageError
from tui_cytpix.formats.bytes.names import IMAGE_SUFFIXES, is_image_name

if TYPE_CHECKING:
    from tui_cytpix.formats.sample.linked_fcs import FcsPlace
    from tui_cytpix.formats.sample.reader import SampleReader

READABLE = ".acs, image folder or zip, FCS"  # wherever a sample is asked for, or refused
_WAY_OUT = f"A sample is one of: {READABLE}."


def open_sample(path: Path | str, um_per_px: float | None = None) -> SampleReader:
    """Opens a sample: an `.acs`, a zip or folder of images, or an `.fcs` whose images lie beside it.

    Args:
        um_per_px: micrometres per pixel, where the user gives them.

    Raises:
        UsageError: the pixel size is no positive number.
        SampleError: there is no such path, or it holds no images that can be read.
    """
    path = Path(path)
    if um_per_px is not None and not (math.isfinite(um_per_px) and um_per_px > 0):
        raise UsageError(
            "The pixel size is not usable", f"{um_per_px} um per pixel.", "Give a positive number, like 0.3."
        )
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except (OSError, ValueError) as error:
        raise SampleError("No such sample", f"{printable(path)}: {error}.", "Check the path.") from error
    if is_folder:
        return _open_images(path, um_per_px, None)
    if not is_file:
        why = "is no regular file" if path.exists() else "is not there"
        raise SampleError("No such sample", f"{printable(path)} {why}.", "Check the path.")
    if path.suffix.lower() == ".fcs":
        from tui_cytpix.formats.sample.linked_fcs import fcs_file

        return _open_images(_images_of_fcs(path), um_per_px, fcs_file(path))
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise SampleError(
            "A single image is no sample", printable(path) + ".", f"Give its folder: {printable(path.parent)}."
        )
    return _open_images(path, um_per_px, None)


def _open_images(path: Path, um_per_px: float | None, fcs: FcsPlace | None) -> SampleReader:
    if path.is_dir():
        from tui_cytpix.formats.sample.folder import open_image_folder

        return open_image_folder(path, um_per_px, fcs)
    from tui_cytpix.formats.bytes.source import FileBytes
    from tui_cytpix.formats.bytes.zip_index import ZipIndex

    source = FileBytes(path)
    try:
        zipped = source.read_at(0, 4).startswith(b"PK") or path.suffix.lower() in (".acs", ".zip")
        if not zipped:
            raise SampleError("The kind of file is not known", f"{printable(path)}.", _WAY_OUT)
        index = ZipIndex(source, str(path))
        if not index.members:
            raise SampleError("No images found", f"{printable(path)} is an empty archive.", _WAY_OUT)
        from tui_cytpix.formats.sample.acs import is_acs, open_acs
        from tui_cytpix.formats.sample.image_archive import open_image_archive

        opener = open_acs if is_acs(path, index) else open_image_archive
        return opener(path, source, index, um_per_px, fcs)
    except BaseException:
        source.close()
        raise


def _images_of_fcs(fcs: Path) -> Path:
    """The archive or folder with an FCS's name, beside it or in `Images`, else the folder itself if it has images.

    Raises:
        SampleError: there is none.
    """
    folders = [
        fcs.parent,
        *(below for below in _entries(fcs.parent) if below.name.lower() == "images" and below.is_dir()),
    ]
    for folder in folders:
        for entry in _entries(folder):
            archive = entry.suffix.lower() in (".acs", ".zip") and entry.stem.casefold() == fcs.stem.casefold()
            if (archive and entry.is_file()) or (entry.name.casefold() == fcs.stem.casefold() and entry.is_dir()):
                return entry
    for folder in folders:
        if any(is_image_name(entry.name) for entry in _entries(folder)):
            return folder
    stem = printable(fcs.stem)
    raise SampleError(
        "The FCS has no images",
        f"Beside {printable(fcs)} there is no {stem}.acs, {stem}.zip, Images/{stem}.zip or folder of images.",
        "Give the .acs file or the image export.",
    )


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
