"""The loss of training."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from tui_cytpix.engine.network import FOREGROUND
from tui_cytpix.engine.representation import Representation

DICE_SHARE = 0.5


def loss(outputs: Tensor, view: Tensor, representation: Representation) -> Tensor:
    """Weighted cross-entropy and, per image, soft Dice loss of the foreground; and the representation's own loss.

    Args:
        outputs: (N, M, H, W), the network's.
        view: (N, 3 + T, H, W), as of `augment.crop` without the gray.
    """
    logits, foreground, weight, inside = outputs[:, FOREGROUND], *view[:, :3].unbind(1)
    each = functional.binary_cross_entropy_with_logits(logits, foreground, reduction="none")
    total = (each * weight).sum() / weight.sum().clamp_min(1.0)
    total = total + representation.loss(outputs[:, FOREGROUND + 1 :], view[:, 3:])
    probability = torch.sigmoid(logits) * inside
    both = (probability * foreground).sum((1, 2))
    dice = 1 - (2 * both + 1) / (probability.sum((1, 2)) + (foreground * inside).sum((1, 2)) + 1)
    return total + DICE_SHARE * dice.mean()
