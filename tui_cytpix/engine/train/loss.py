"""The loss of training."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from tui_cytpix.engine.network.network import FOREGROUND

DICE_SHARE = 0.5
BETA = 0.05  # differences of the vectors below are squared


def loss(outputs: Tensor, view: Tensor) -> Tensor:
    """Of the foreground weighted cross-entropy and, per image, soft Dice loss; of the vectors smooth L1, over the
    particles.

    Args:
        outputs: (N, 3, H, W), the network's.
        view: (N, 6, H, W), as of `augment.crop` without the gray.
    """
    foreground, weight, inside, *flow, on_particle = view.unbind(1)  # (N, H, W) each
    logits = outputs[:, FOREGROUND]
    each = functional.binary_cross_entropy_with_logits(logits, foreground, reduction="none")
    total = (each * weight).sum() / weight.sum().clamp_min(1.0)
    apart = functional.smooth_l1_loss(outputs[:, 1:], torch.stack(flow, 1), reduction="none", beta=BETA).sum(1)
    total = total + (apart * on_particle).sum() / on_particle.sum().clamp_min(1.0)
    probability = torch.sigmoid(logits) * inside
    both = (probability * foreground).sum((1, 2))
    dice = 1 - (2 * both + 1) / (probability.sum((1, 2)) + (foreground * inside).sum((1, 2)) + 1)
    return total + DICE_SHARE * dice.mean()
