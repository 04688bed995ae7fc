"""From differences to what is drawn side by side."""

from __future__ import annotations

from collections.abc import Iterable

from tui_cytpix.ui.widgets.pictures.pair_view import Pair
from tui_cytpix.workflow.base_model.differences import Difference, Store


def shown_pairs(found: Iterable[Difference], *stores: Store) -> list[Pair]:
    """The images with every model's answer, in the same order."""
    pairs = []
    for one in found:
        said = [answer for store in stores if (answer := store.get(one.image)) is not None]
        if len(said) == len(stores):
            pairs.append(Pair(one.image, said[0], said[1], more=tuple(said[2:])))
    return pairs
