"""A compact U-Net: foreground, and the vectors that tell particles apart (engine.network.flows)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from tui_cytpix.domain.model_card import ARCHITECTURE

_Module = TypeVar("_Module", bound=nn.Module)
MAX_WIDTH, MAX_LEVELS = 256, 6
MAPS, FOREGROUND = 3, 0  # the outputs, and the place among them of the foreground; then come the vectors' x and y
STRIDE = 2  # of the first convolution; the output is brought back by shuffling four channels into 2 x 2 pixels


@dataclass(frozen=True)
class NetworkSettings:
    """Channels per level, finest first; each level halves the size of the one before."""

    widths: tuple[int, ...] = (16, 32, 48, 64)

    def to_card(self) -> dict[str, Any]:
        """What a model card keeps, enough to rebuild the network."""
        return {"architecture": ARCHITECTURE, "widths": list(self.widths)}

    @classmethod
    def from_card(cls, data: dict[str, Any]) -> NetworkSettings:
        """The inverse of `to_card`.

        Raises:
            ValueError: sizes that no model of ours has.
        """
        widths = data.get("widths")
        if not isinstance(widths, list) or not 1 <= len(widths) <= MAX_LEVELS:
            raise ValueError("its network has no list of widths")
        if not all(type(w) is int and 1 <= w <= MAX_WIDTH for w in widths):
            raise ValueError(f"its network's widths are not in 1..{MAX_WIDTH}")
        return cls(tuple(widths))


def _block(channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


class CytNet(nn.Module):
    """(N, 1, H, W) normalised gray -> (N, 3, H, W): the foreground's logits, the vectors' x and y. H, W multiples of
    `multiple`.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        widths = settings.widths
        self.settings = settings
        self.multiple = STRIDE * 2 ** (len(widths) - 1)
        self.stem = nn.Sequential(_block(1, widths[0], 5, STRIDE), _block(widths[0], widths[0]))
        self.down = nn.ModuleList(nn.Sequential(_block(a, b), _block(b, b)) for a, b in itertools.pairwise(widths))
        finer = widths[::-1]
        self.up = nn.ModuleList(nn.Sequential(_block(a + b, b), _block(b, b)) for a, b in itertools.pairwise(finer))
        self.head = nn.Conv2d(widths[0], MAPS * STRIDE**2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        skips = []
        for level in self.down:
            skips.append(x)
            x = level(functional.max_pool2d(x, 2))
        for level in self.up:
            x = functional.interpolate(x, scale_factor=2, mode="nearest")
            x = level(torch.cat([x, skips.pop()], dim=1))
        return _shuffled(self.head(x))


def _shuffled(x: Tensor) -> Tensor:
    """`functional.pixel_shuffle` by `STRIDE`, faster of channels-last input."""
    number, channels, height, width = x.shape
    apart = x.reshape(number, channels // STRIDE**2, STRIDE, STRIDE, height, width).permute(0, 1, 4, 2, 5, 3)
    return apart.reshape(number, channels // STRIDE**2, STRIDE * height, STRIDE * width)


def build(settings: NetworkSettings, seed: int) -> CytNet:
    """A fresh network, the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = CytNet(settings)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.05
    nn.init.constant_(cast("Tensor", net.head.bias), -2.0)  # most pixels are background
    return net


def channels_last(net: _Module) -> _Module:
    """The same network with its weights laid out as the processor likes them (faster), in place."""
    # torch's releases disagree on the type of this call.
    return cast("_Module", cast("Any", net).to(memory_format=torch.channels_last))
