"""A zip, by whatever name: an Attune CytPix `.acs`, or an export of images."""

from __future__ import annotations

from pathlib import Path

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.source import FileBytes
from tui_cytpix.formats.bytes.zip_index import ZipIndex
from tui_cytpix.formats.sample.parts import Asked, SampleParts
from tui_cytpix.formats.sample.zipped.acs import is_acs, open_acs
from tui_cytpix.formats.sample.zipped.image_archive import open_image_archive


def open_parts(path: Path, asked: Asked) -> SampleParts:
    """Raises:
    SampleError: it is no zip, damaged, or holds no images.
    """
    source = FileBytes(path)
    try:
        index = ZipIndex(source, str(path))
        if not index.members:
            way_out = "Give an .acs file or a zip of images."
            raise SampleError("No images found", f"{printable(path)} is an empty archive.", way_out)
        opener = open_acs if is_acs(path, index) else open_image_archive
        return opener(path, source, index, asked.fcs)
    except BaseException:
        source.close()
        raise
