"""Folders and archives whose image files have several pages each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.source import FileBytes, MemoryBytes
from tui_cytpix.formats.bytes.tiff_pages import has_several_pages
from tui_cytpix.formats.sample.identity import spread
from tui_cytpix.formats.sample.parts import ImageStore

LOOKED_AT = 8


def refuse_stacks(path: Path, images: ImageStore, source_of: Callable[[str], FileBytes | MemoryBytes]) -> None:
    """Whether pages are images of one tube, of several, or channels of one image no file says, and is not guessed.

    Args:
        source_of: the content of an event's image file.

    Raises:
        SampleError: most of the TIFFs have several pages.
    """
    several = looked = 0
    tiffs = [event for event in images.events if images.label(event).lower().endswith((".tif", ".tiff"))]
    for event in spread(tiffs, LOOKED_AT):
        with contextlib.suppress(SampleError), contextlib.closing(source_of(event)) as source:
            several += has_several_pages(source, images.label(event))
            looked += 1
    if several > 1 and 2 * several > looked:
        raise SampleError(
            "Several stacks are no sample",
            f"Of {looked} TIFFs looked at in {printable(path)}, {several} have several pages.",
            "If pages are images, each file is a sample of its own: give the files, as DIR/*.tif. If they are channels "
            "of one image, save the brightfield pages as files of their own.",
        )
