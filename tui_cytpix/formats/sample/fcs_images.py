"""Where the images of an FCS file are that is given as a sample."""

from __future__ import annotations

from pathlib import Path

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.names import is_image_name


def images_of_fcs(fcs: Path) -> Path:
    """The archive or folder with an FCS's name, beside it or in `Images`, else the folder itself if it has images.

    Raises:
        SampleError: there is none.
    """
    folders = [
        fcs.parent,
        *(below for below in _entries(fcs.parent) if below.name.lower() == "images" and below.is_dir()),
    ]
    stem = fcs.stem.casefold()
    for folder in folders:
        for entry in _entries(folder):
            archive = entry.suffix.lower() in (".acs", ".zip") and entry.stem.casefold() == stem
            named = entry.name.casefold() in (stem, f"{stem}_images")
            if (archive and entry.is_file()) or (named and entry.is_dir()):
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
