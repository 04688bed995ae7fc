"""What training lowers."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from tui_cytpix.engine.network import CENTRALITY, FOREGROUND

DICE_SHARE, CENTRALITY_SHARE = 0.5, 2.0


def loss(logits: Tensor, view: Tensor) -> Tensor:
    """Weighted cross-entropy of both outputs, plus the foreground's soft Dice loss per image.

    Cross-entropy against a fractional target is smallest at the target's expected value: where the network hesitates
    between one particle and two, its map is the mean of both maps, which is what `postprocess.peaks` counts on.

    Args:
        logits: (N, 2, H, W).
        view: (N, 5, H, W): foreground, centrality, their two weights, and 1 inside the image.
    """
    foreground, central, weight, central_weight, inside = view.unbind(1)
    weight, central_weight = weight * inside, central_weight * inside
    total = _cross_entropy(logits[:, FOREGROUND], foreground, weight)
    total = total + CENTRALITY_SHARE * _cross_entropy(logits[:, CENTRALITY], central, central_weight)
    probability = torch.sigmoid(logits[:, FOREGROUND]) * inside
    both = (probability * foreground).sum((1, 2))
    dice = 1 - (2 * both + 1) / (probability.sum((1, 2)) + (foreground * inside).sum((1, 2)) + 1)
    return total + DICE_SHARE * dice.mean()


def _cross_entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (each * weight).sum() / weight.sum().clamp_min(1.0)
