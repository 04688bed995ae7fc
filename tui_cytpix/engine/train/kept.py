"""How much of what a base model knew a model that was trained from it still knows.

Nobody has the images that a user's base was trained on: they are not in its file. So simulated events tell it, other
ones than those that training goes over again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from tui_cytpix.domain.model_card import Kept
from tui_cytpix.engine.network.model import Model
from tui_cytpix.engine.train.dataset import Example
from tui_cytpix.engine.train.rehearsal import ALL_KINDS, counted_right, kinds_of, simulated_examples

SHOWN, LEAST_OF_A_KIND, SHOWN_SEED = 60, 4, 750_000
KNOWN_SHARE = 0.75  # of a kind's events that a user's base must count right: others it gets right by chance


def kept(
    base: Model, models: Sequence[Model], device: torch.device, kinds: Sequence[str] = ALL_KINDS
) -> Iterator[Kept]:
    """What each of the models, which were trained from the base, kept; none where the base's card doesn't say what it
    was trained on.

    Args:
        kinds: that are shown to a user's base; only those that it counts mostly right are what it knew.

    Raises:
        UsageError: the card names a kind that is unknown here.
    """
    users = base.card.user_trained
    asked = tuple(kinds) if users else kinds_of(base)
    known: list[Example] = []
    unknown = 0
    for kind in asked:
        shown = tuple(simulated_examples(kind, 1, max(LEAST_OF_A_KIND, SHOWN // len(asked)), SHOWN_SEED))
        right = [item for item, _ in counted_right(base, shown, device)]
        if users and len(right) < KNOWN_SHARE * len(shown):
            right = []
        known += right
        unknown += len(shown) - len(right)
    for model in models if asked else ():
        still = len(counted_right(model, known, device))
        yield Kept(still, len(known) - still, unknown, users)
