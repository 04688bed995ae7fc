"""How large the network sees an image: particles should have about the size that the network has learnt on."""

from __future__ import annotations

from collections.abc import Callable

from tui_cytpix.domain.model_card import ModelCard
from tui_cytpix.domain.zoom import AUTOMATIC, LEAST, MOST, By, Zoom

# core.images.scale.typical_diameter of what the built-in models are trained on, over all of its kinds.
TYPICAL_PX = 26.0
KNOWN_SLACK = 1.25  # sizes this near to the wanted one are left alone: the networks bear more, resampling blurs
GUESS_SLACK = 1.7


def zoom_of(
    card: ModelCard,
    um_per_px: float | None,
    typical_px: Callable[[], float | None] = lambda: None,
    asked: float = AUTOMATIC,
) -> Zoom:
    """How many times as large as it is the network should see an image of a sample.

    Of a known scale: the network's pixel size decides. Of an unknown one: what is asked for, else what the model was
    trained with, else the size of what the sample's images show. The instrument's own masks are taken as they are.

    Args:
        card: of the model.
        um_per_px: the sample's pixel size, None where unknown.
        typical_px: finds the sample's `core.images.scale.typical_diameter`; asked only where it is needed.
        asked: for samples of unknown scale, LEAST to MOST, or AUTOMATIC.
    """
    if card.of_instrument:
        return Zoom(1.0, By.MASKS, um_per_px)
    if um_per_px and card.network_um_per_px:
        return Zoom(_snapped(um_per_px / card.network_um_per_px, KNOWN_SLACK), By.SCALE, um_per_px)
    if asked and um_per_px is None:
        return Zoom(asked, By.SET)
    if card.zoom:
        return Zoom(card.zoom, By.MODEL, um_per_px)
    size = typical_px()
    if not size:
        return Zoom(1.0, By.NOTHING, um_per_px)
    return Zoom(_snapped(TYPICAL_PX / size, GUESS_SLACK), By.PARTICLES, um_per_px)


def _snapped(zoom: float, slack: float) -> float:
    return 1.0 if 1 / slack <= zoom <= slack else min(max(zoom, LEAST), MOST)
