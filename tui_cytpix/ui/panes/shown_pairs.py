"""From differences to what is drawn side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tui_cytpix.ui.widgets.pictures.pair_view import Pair
from tui_cytpix.workflow.base_model.differences import Answers, Difference, Store


def pairs_of(found: Iterable[Difference], first: Store, second: Store) -> list[Pair]:
    """The images with both answers, in the same order."""
    pairs = []
    for difference in found:
        left, right = first.get(difference.image), second.get(difference.image)
        if left is not None and right is not None:
            pairs.append(Pair(difference.image, left, right))
    return pairs


def pairs_of_several(found: Iterable[Answers], stores: Sequence[Store]) -> list[Pair]:
    """The images with every model's answer, in the same order."""
    pairs = []
    for one in found:
        said = [answer for store in stores if (answer := store.get(one.image)) is not None]
        if len(said) == len(stores):
            pairs.append(Pair(one.image, said[0], said[1], more=tuple(said[2:])))
    return pairs
