"""Whole frames in, segmentations out."""

from __future__ import annotations

import copy
import functools
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tui_cytpix.core.normalise import normalise
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.dataset import half_image
from tui_cytpix.engine.model import Model
from tui_cytpix.engine.network import CENTRALITY, FOREGROUND, channels_last
from tui_cytpix.engine.postprocess import cutoff_px, segment

BATCH_PIXELS = 16 * 256 * 256  # per batch of the full-resolution frame, to bound memory
Image = tuple[NDArray[np.generic], NDArray[np.float32]]


def has_bf16(device: torch.device) -> bool:
    """True where the device multiplies bfloat16 itself; elsewhere it would be emulated, and slow."""
    return device.type == "cuda" or _cpu_has_bf16()


@functools.cache
def _cpu_has_bf16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text("utf-8", errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def choose_device(wanted: str) -> torch.device:
    """`auto`: the GPU where there is one. A named one is taken at its word."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(wanted)


class Predictor:
    """A model, ready to be asked.

    Args:
        model: what `load_model` gave.
        device: where to compute.
        fast: bfloat16 where the processor has it. Off, everything is float32: the reference.
    """

    def __init__(self, model: Model, device: torch.device | None = None, fast: bool = True) -> None:
        self.model = model
        self.device = device or torch.device("cpu")
        self.cutoff_um = model.card.size_cutoff_um
        self.dtype = torch.bfloat16 if fast and has_bf16(self.device) else torch.float32
        net: nn.Module = _folded(copy.deepcopy(model.net).eval())
        self._net = channels_last(net.to(self.device, self.dtype))

    def maps(self, grays: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """The network's two maps of normalised images of any sizes: float32 (2, H, W) each, probability and
        centrality. Images of one size go through the network together.
        """
        by_shape: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for i, gray in enumerate(grays):
            by_shape[gray.shape].append(i)
        found: dict[int, NDArray[np.float32]] = {}
        for (height, width), members in by_shape.items():
            size = max(1, BATCH_PIXELS // (height * width))
            for start in range(0, len(members), size):
                part = members[start : start + size]
                found.update(zip(part, self._batch([grays[i] for i in part]), strict=True))
        return [found[i] for i in range(len(grays))]

    def _batch(self, grays: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        height, width = grays[0].shape
        inputs = [half_image(g) for g in grays] if self.model.half else grays
        rows, columns = inputs[0].shape
        step = self.model.net.multiple
        padded = np.zeros((len(inputs), 1, -(-rows // step) * step, -(-columns // step) * step), np.float32)
        for target, gray in zip(padded, inputs, strict=True):
            target[0, :rows, :columns] = gray
        x = torch.from_numpy(padded).to(self.device, self.dtype).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            logits = self._net(x).float().contiguous()
            if self.model.half:
                logits = nn.functional.interpolate(logits, scale_factor=2, mode="bilinear", align_corners=False)
            out = torch.sigmoid(logits[:, :, :height, :width]).cpu().numpy()
        return np.asarray(out, np.float32)

    def predict(
        self, images: Sequence[Image], um_per_px: float | None = None
    ) -> list[tuple[Segmentation, NDArray[np.uint8]]]:
        """Segments images.

        Args:
            images: (gray (H, W), its background float32 (H, W)), sizes may differ.
            um_per_px: for the size cutoff; None leaves it off.

        Returns:
            For each image its segmentation and the foreground's probability, uint8 (H, W), 255 = certain.
        """
        grays = [normalise(gray, background) for gray, background in images]
        return self.predict_normalised(grays, [self.cutoff_px(um_per_px)] * len(grays))

    def cutoff_px(self, um_per_px: float | None) -> float:
        """The model's size cutoff in px; 0 (off) with an unknown scale."""
        return cutoff_px(self.cutoff_um, um_per_px)

    def predict_normalised(
        self, grays: Sequence[NDArray[np.float32]], cutoffs_px: Sequence[float]
    ) -> list[tuple[Segmentation, NDArray[np.uint8]]]:
        """`predict` for images that are normalised already, float32 (H, W), each with its cutoff in px (0: off)."""
        answers = []
        for both, cutoff in zip(self.maps(grays), cutoffs_px, strict=True):
            segmentation = segment(both[FOREGROUND], both[CENTRALITY], self.model.post, cutoff)
            answers.append((segmentation, np.round(both[FOREGROUND] * 255).astype(np.uint8)))
        return answers


def _folded(net: nn.Module) -> nn.Module:
    """Batch normalisation merged into the convolutions before it, in place: the same function, fewer steps."""
    for name, child in list(net.named_children()):
        if (
            isinstance(child, nn.Sequential)
            and len(child) == 3
            and isinstance(child[0], nn.Conv2d)
            and isinstance(child[1], nn.BatchNorm2d)
        ):
            fused = torch.nn.utils.fuse_conv_bn_eval(child[0], child[1])
            setattr(net, name, nn.Sequential(fused, child[2]))
        else:
            _folded(child)
    return net
