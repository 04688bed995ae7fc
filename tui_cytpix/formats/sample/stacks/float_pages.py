"""Pixels of TIFF pages that are floating-point numbers."""

from __future__ import annotations

import numpy as np

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.image_decode import opened
from tui_cytpix.formats.bytes.tiff_pages import TiffPage, TiffPages
from tui_cytpix.formats.sample.array_images import Pixels

LIGHT_LOSS = "LightLoss"  # what CellView calls its brightfield-like channel


def float_pixels(pages: TiffPages, page: TiffPage, label: str) -> Pixels:
    """(H, W), float.

    Raises:
        SampleError: it is damaged, or no page of floating-point numbers.
    """
    plain = pages.plain_floats(page)
    if plain is not None:
        return plain
    with opened(pages.page_file(page), label, ("TIFF",)) as picture:
        if picture.mode != "F":
            raise SampleError(
                "The image can't be read",
                f"{printable(label)}: a page of kind {picture.mode} among pages of floating-point numbers.",
                "Other images may still be read.",
            )
        return np.array(picture)
