"""The instrument's own masks as a model that answers: no network, and no torch."""

from __future__ import annotations

from typing import NamedTuple

from tui_cytpix.core.objects.size_cutoff import cut_to_size
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import MaskError
from tui_cytpix.formats.masks.instrument import InstrumentMasks
from tui_cytpix.formats.masks.mask_archive import segmentation_from_masks
from tui_cytpix.formats.sample.reader import SampleReader

_WAY_OUT = "Ask another model about it."


class DrawnAnswer(NamedTuple):
    """What the instrument says of an image; `drawn` is None where its masks don't tell particles."""

    segmentation: Segmentation
    drawn: InstrumentMasks | None


def refuse_without_masks(reader: SampleReader, name: str) -> None:
    """Raises:
    MaskError: the sample carries no masks of the instrument.
    """
    if not reader.has_masks:
        raise MaskError("There are no masks of the instrument", f"{printable(name)} carries none.", _WAY_OUT)


def instrument_answer(reader: SampleReader, event: str, cutoff_px: float) -> DrawnAnswer:
    """Without objects whose longest axis is below the cutoff; 0: none.

    Raises:
        SampleError, MaskError: the image or its masks are damaged, or the instrument drew none.
    """
    masks = reader.read_masks(event)
    if masks is None:
        raise MaskError("The instrument drew no masks in the image", f"Event {printable(event)}.", _WAY_OUT)
    found = segmentation_from_masks(masks, reader.masks_tell_particles)
    return DrawnAnswer(
        cut_to_size(found, cutoff_px) if cutoff_px else found, masks if reader.masks_tell_particles else None
    )
