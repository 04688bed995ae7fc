"""From differences to what is drawn side by side."""

from __future__ import annotations

from collections.abc import Iterable

from tui_cytpix.ui.widgets.pair_view import Pair
from tui_cytpix.workflow.comparison import Difference, Store


def pairs_of(found: Iterable[Difference], first: Store, second: Store) -> list[Pair]:
    """The images with both answers, in the same order."""
    pairs = []
    for difference in found:
        left, right = first.get(difference.image), second.get(difference.image)
        if left is not None and right is not None:
            pairs.append(Pair(difference.image, left, right))
    return pairs
