"""A bin of an Imaging FlowCytobot (IFCB) as a sample: three files of one name, any of which names it. `.adc` has a line
for each target, `.roi` the pixels of all images, `.hdr` text.

Event ids are the numbers of the lines, from 1. Two images of one trigger stay two. Layout as found in real bins.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from tui_cytpix.domain.sample import Loss
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.atomic import scratch_folder
from tui_cytpix.formats.bytes.image_decode import read_file
from tui_cytpix.formats.bytes.names import counted
from tui_cytpix.formats.bytes.source import FileBytes
from tui_cytpix.formats.fcs.read import FcsFile
from tui_cytpix.formats.sample.array_images import ArrayImages
from tui_cytpix.formats.sample.ifcb.event_rows import lines_as_fcs
from tui_cytpix.formats.sample.ifcb.lines import Lines, read_lines
from tui_cytpix.formats.sample.ifcb.roi import Roi
from tui_cytpix.formats.sample.ifcb.volume import measured_volume, read_header
from tui_cytpix.formats.sample.linked_fcs import FcsPlace
from tui_cytpix.formats.sample.parts import Asked, SampleParts


def open_parts(path: Path, asked: Asked) -> SampleParts:  # noqa: ARG001 (as every reader's)
    """The bin that a file belongs to. Its event table is made of the `.adc`: an FCS is not looked for.

    Raises:
        SampleError: its `.adc` or `.roi` lacks or can't be read, or there is no image in it.
    """
    adc, hdr, roi_path = (_of_the_bin(path, suffix) for suffix in (".adc", ".hdr", ".roi"))
    if adc is None or roi_path is None:
        missing = " and ".join(suffix for suffix, there in ((".adc", adc), (".roi", roi_path)) if there is None)
        raise SampleError(
            "The IFCB bin is not whole",
            f"Beside {printable(path)} there is no {missing} of the same name.",
            "Put the three files of the bin, .adc, .hdr and .roi, into one folder.",
        )
    lines = _lines(adc)
    volume = measured_volume({} if hdr is None else read_header(read_file(hdr)), lines)
    source = FileBytes(roi_path)
    resources = contextlib.ExitStack()
    resources.callback(source.close)
    roi = Roi(lines, source)
    if not roi.events:
        resources.close()
        found = f"{printable(adc)} has {len(lines.numbers)} lines, none with an image."
        raise SampleError("No images found", found, "Give another bin.")

    def as_fcs() -> FcsFile:
        folder = resources.enter_context(scratch_folder())
        return lines_as_fcs(lines, roi.imaged, volume, folder / f"{adc.stem}.fcs")

    unread, cut_off = list(map(str, lines.unreadable)), list(map(str, lines.cut_off))
    tells = "cut off, so that the volume may be wrong"
    lost = (
        *counted(unread, "line of the .adc is no IFCB's", "lines of the .adc are no IFCB's"),
        *counted(cut_off, f"line of the .adc is {tells}", f"lines of the .adc are {tells}"),
    )
    return SampleParts(
        path,
        lines.generation.name,
        ArrayImages(roi_path, roi.events, roi.pixels, roi.size, roi.problems),
        FcsPlace(str(adc), as_fcs, made=True),
        problems=(
            *map(Loss, lost),
            *(() if hdr is not None else ("The bin has no .hdr: the volume is told by its .adc alone.",)),
        ),
        volume=volume,
        images_all=True,
        resources=resources,
    )


def _of_the_bin(path: Path, suffix: str) -> Path | None:
    """The file of the bin with that suffix, in small or capital letters."""
    names = [path.suffix] if path.suffix.lower() == suffix else [suffix, suffix.upper()]
    return next((file for file in map(path.with_suffix, names) if file.is_file()), None)


def _lines(adc: Path) -> Lines:
    try:
        return read_lines(read_file(adc))
    except ValueError as error:
        way_out = "Copy it again; the .adc of an IFCB's bin is a table of numbers."
        raise SampleError("The .adc can't be read", f"{printable(adc)}: {error}.", way_out) from error
