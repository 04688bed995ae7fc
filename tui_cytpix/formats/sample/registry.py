"""Which reader opens which path: one line a format. Readers are imported when they are needed.

The first reader that recognises a path opens it. A new format is a module with a function `open_parts` (see `Opener`)
and a line in READERS.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError, UsageError
from tui_cytpix.formats.bytes.names import is_image_name
from tui_cytpix.formats.sample.found import Found, look_at

if TYPE_CHECKING:
    from tui_cytpix.formats.sample.parts import Asked, SampleParts
    from tui_cytpix.formats.sample.reader import SampleReader

P = TypeVar("P", str, Path)


class Opener(Protocol):
    """What a reader's module has by the name of `open_parts`."""

    def __call__(self, path: Path, asked: Asked) -> SampleParts:
        """The parts of the sample at a path that the reader recognised, to be closed by their `resources`.

        Raises:
            SampleError: it can't be read, or holds no images. Sentences about what is read in spite of a flaw are
                `problems` of the parts.
        """


@dataclass(frozen=True)
class Reader:
    """A format that is read.

    Attributes:
        name: what a sample of it is called where one is asked for, or refused.
        recognises: whether a path is of this format: by its name, its first bytes or the names in the folder.
        module: below `formats.sample`, with the function `open_parts`.
    """

    name: str
    recognises: Callable[[Found], bool]
    module: str


@dataclass(frozen=True)
class Refused:
    """A format that is known and not read.

    Attributes:
        what: what the file is.
        instead: what its owner can export.
    """

    recognises: Callable[[Found], bool]
    what: str
    instead: str


def _suffix(*suffixes: str) -> Callable[[Found], bool]:
    return lambda found: not found.is_folder and found.suffix in suffixes


def _holds(*suffixes: str) -> Callable[[Found], bool]:
    """Files of these suffixes, or a folder with one of them in it."""
    return lambda found: found.suffix in suffixes or any(name.lower().endswith(suffixes) for name in found.names)


def _is_zip(found: Found) -> bool:
    return found.head.startswith(b"PK") or found.suffix in (".acs", ".zip")


def _is_hdf5(found: Found) -> bool:
    return found.suffix == ".rtdc" or found.head.startswith(b"\x89HDF\r\n\x1a\n")


def _is_stack(found: Found) -> bool:
    """A TIFF of many pages, or a folder whose only image is one."""
    images = [found.path] if found.is_image else [found.path / name for name in found.names if is_image_name(name)]
    if len(images) != 1 or images[0].suffix.lower() not in (".tif", ".tiff"):
        return False
    from tui_cytpix.formats.sample.stacks.tiff_stack import is_stack

    return is_stack(images[0])


def _is_cellview(found: Found) -> bool:
    from tui_cytpix.formats.sample.stacks.cellview import is_cellview

    return found.is_folder and is_cellview(found)


BIN = (".adc", ".hdr", ".roi")  # the files of an IFCB's bin, of one name

READERS = (
    Reader(".acs, zip of images", _is_zip, "zipped.zip_file"),
    Reader("IFCB bin (.adc, .hdr, .roi)", _suffix(*BIN), "ifcb.bin"),
    Reader("ImageStream .cif", _suffix(".cif"), "cif.cif_file"),
    Reader("CellView folder", _is_cellview, "stacks.cellview"),
    Reader("TIFF or OME-TIFF stack", _is_stack, "stacks.tiff_stack"),
    Reader(".rtdc", _is_hdf5, "hdf5.rtdc"),
    Reader(".npy stack", _suffix(".npy"), "stacks.npy"),
    Reader("folder of images", lambda found: found.is_folder, "folder"),
)

REFUSED = (
    Refused(
        _suffix(".npz"),
        "an archive of NumPy arrays",
        "Save the stack of images alone, as .npy: `np.save(NAME, array)`.",
    ),
    Refused(
        _holds(".lst", ".ctx"),
        "measured by a FlowCam, whose images lie side by side in collages",
        "Export each particle's image as a file of its own in VisualSpreadsheet, and give that folder.",
    ),
    Refused(
        _suffix(".cyz", ".cyf"),
        "a CytoSense or CytoSub file",
        "Export its images as files in CytoClus, and give that folder.",
    ),
    Refused(
        _suffix(".daf", ".rif"),
        "an ImageStream analysis or raw file",
        "Give the compensated images (.cif) that IDEAS made from it, or export TIFF images there.",
    ),
)

READABLE = ", ".join((*(reader.name for reader in READERS), "FCS"))  # wherever a sample is asked for, or refused
_WAY_OUT = f"A sample is one of: {READABLE}."


def each_once(paths: Iterable[P]) -> list[P]:
    """The paths of samples, less those that name a bin by another of its files, as `bins/*` does."""
    by_sample: dict[Path | int, P] = {}
    for place, path in enumerate(paths):
        of_a_bin = Path(path).suffix.lower() in BIN
        by_sample.setdefault(Path(path).with_suffix("") if of_a_bin else place, path)
    return list(by_sample.values())


def open_sample(path: Path | str, um_per_px: float | None = None, channel: str = "") -> SampleReader:
    """Opens a sample: a path that a reader recognises, or an `.fcs` whose images lie beside it.

    Args:
        um_per_px: micrometres per pixel, where the user gives them.
        channel: the name or number (from 1) of the channel to read, of images that have several; "": the
            brightfield-like one.

    Raises:
        UsageError: the pixel size is no positive number, or there is no such channel.
        SampleError: there is no such path, or it holds no images that can be read.
    """
    path = Path(path)
    if um_per_px is not None and not (math.isfinite(um_per_px) and um_per_px > 0):
        raise UsageError(
            "The pixel size is not usable", f"{um_per_px} um per pixel.", "Give a positive number, like 0.3."
        )
    found, fcs = look_at(path), None
    if not found.is_folder and found.suffix == ".fcs":
        from tui_cytpix.formats.sample.fcs_images import images_of_fcs
        from tui_cytpix.formats.sample.linked_fcs import fcs_file

        found, fcs = look_at(images_of_fcs(path)), fcs_file(path)
    from tui_cytpix.formats.sample.parts import Asked
    from tui_cytpix.formats.sample.reader import SampleReader

    parts = _opener(found)(found.path, Asked(fcs, channel))
    if channel and not parts.channels:
        parts.resources.close()
        raise UsageError("There are no channels to choose from", f"{printable(path)} has one.", "Leave --channel out.")
    return SampleReader(parts, um_per_px)


def _opener(found: Found) -> Opener:
    where = printable(found.path)
    for refused in REFUSED:
        if refused.recognises(found):
            raise SampleError("This format is not read", f"{where} is {refused.what}.", refused.instead)
    for reader in READERS:
        if reader.recognises(found):
            opener: Opener = importlib.import_module(f"tui_cytpix.formats.sample.{reader.module}").open_parts
            return opener
    if found.is_image:
        raise SampleError(
            "A single image is no sample", f"{where}.", f"Give its folder: {printable(found.path.parent)}."
        )
    raise SampleError("The kind of file is not known", f"{where}.", _WAY_OUT)
