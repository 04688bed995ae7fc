"""Images in, segmentations out, by way of the parts that differ from the background."""

from __future__ import annotations

import copy
import functools
import itertools
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tui_cytpix.core.images.differing_regions import Region, differing_regions
from tui_cytpix.core.images.normalise import normalise
from tui_cytpix.core.kernel import library
from tui_cytpix.core.objects.regions import Box, label_objects
from tui_cytpix.core.objects.size_cutoff import cutoff_px
from tui_cytpix.core.objects.watershed import object_of
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.network.model import Model
from tui_cytpix.engine.network.network import FOREGROUND, MAPS, channels_last
from tui_cytpix.engine.network.postprocess import TOGETHER, Maps, segment
from tui_cytpix.engine.predict.crops import Crop, CropPlan, NetworkInput, grain, plan_differing, plan_whole
from tui_cytpix.engine.predict.found import Found

# Pixels of a batch. On a CPU a batch's layers should stay near its caches, on a GPU it should be kept busy.
CPU_BATCH_PIXELS, GPU_BATCH_PIXELS = 2 * 256 * 256, 64 * 256 * 256
GPU_AHEAD = 2  # batches that a GPU has before it while the next ones are cut
_BF16_CAPABILITY = (8, 0)  # of NVIDIA GPUs: Ampere (2020)
Image = tuple[NDArray[np.generic], NDArray[np.float32]]


class _Coming(NamedTuple):
    """A batch's answers, and what tells that they are there; None where they are."""

    outputs: torch.Tensor
    there: torch.cuda.Event | None = None


def has_bf16(device: torch.device) -> bool:
    """True where the device multiplies bfloat16 itself; elsewhere it would be emulated, and slow."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= _BF16_CAPABILITY
    return _cpu_has_bf16()


@functools.cache
def _cpu_has_bf16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text("utf-8", errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


class Predictor:
    """A model, ready to be asked.

    Args:
        model: what `load_model` gave.
        device: where to compute.
        fast: bfloat16 where the processor has it. Off, everything is float32.
        whole_frame: the network sees whole images, not only what differs from the background. What it sees wholly
            where nothing differs is no object here either. With `fast` off, this is the reference.
    """

    def __init__(
        self, model: Model, device: torch.device | None = None, fast: bool = True, whole_frame: bool = False
    ) -> None:
        self.model = model
        self.device = device or torch.device("cpu")
        self.cutoff_um = model.card.size_cutoff_um
        self.dtype = torch.bfloat16 if fast and has_bf16(self.device) else torch.float32
        self.whole_frame = whole_frame
        net: nn.Module = _folded(copy.deepcopy(model.net).eval())
        self._net = channels_last(net.to(self.device, self.dtype))
        on_gpu = self.device.type == "cuda"
        self._batch_pixels = GPU_BATCH_PIXELS if on_gpu else CPU_BATCH_PIXELS
        self._ahead = GPU_AHEAD if on_gpu else 0

    def find(
        self, grays: Sequence[NDArray[np.float32]], cutoffs_px: Sequence[float], zooms: Sequence[float]
    ) -> list[Found]:
        """Segments normalised images, as `predict_normalised` does, and says of each only the part that matters."""
        found = self.found([self.plan(gray, zoom) for gray, zoom in zip(grays, zooms, strict=True)], cutoffs_px)
        if not self.whole_frame:
            return found
        return [_differing(one, gray, zoom) for one, gray, zoom in zip(found, grays, zooms, strict=True)]

    def plan(self, gray: NDArray[np.float32], zoom: float, noise: float | None = None) -> tuple[NetworkInput, CropPlan]:
        """The first step of `find`: what the network needs of a normalised image.

        Args:
            zoom: the network sees the image this many times as large (a half-resolution one at half of that).
            noise: standard deviation of its noise, where it is known already.
        """
        source, multiple = NetworkInput(gray, zoom / 2 if self.model.half else zoom), self.model.net.multiple
        if self.whole_frame:
            return source, plan_whole(source, multiple)
        return source, plan_differing(source, gray, zoom, multiple, noise)

    def found(self, plans: Sequence[tuple[NetworkInput, CropPlan]], cutoffs_px: Sequence[float]) -> list[Found]:
        """The second step of `find`: what the network sees there."""
        parts, answers = self.parts(plans), list[Found]()
        for start in range(0, len(plans), TOGETHER):  # maps are large
            some, members = list(itertools.islice(parts, TOGETHER)), slice(start, start + TOGETHER)
            px = [1 / source.scale[0] for source, _ in plans[members]]
            segmentations = segment([maps for _, maps in some], self.model.post, cutoffs_px[members], px)
            answers += [
                Found(box, one, np.asarray(cv2.convertScaleAbs(maps[FOREGROUND], alpha=255), np.uint8))
                for (box, maps), one in zip(some, segmentations, strict=True)
            ]
        return answers

    def parts(self, plans: Sequence[tuple[NetworkInput, CropPlan]]) -> Iterator[tuple[Box, Maps]]:
        """Of each image the box around all that the network was asked about, and its maps (3, h, w) there."""
        outputs = self._outputs([(source, crop) for source, plan in plans for crop in plan.crops])[::-1]
        for source, plan in plans:
            yield _composed(source, plan, [outputs.pop() for _ in plan.crops])

    def _outputs(self, wanted: Sequence[tuple[NetworkInput, Crop]]) -> list[Maps]:
        """The network's answers (3, height, width) to crops; those of one size go through it together."""
        by_size: dict[tuple[int, int], list[int]] = defaultdict(list)
        for i, (_, crop) in enumerate(wanted):
            by_size[crop.height, crop.width].append(i)
        found: dict[int, Maps] = {}
        begun: deque[tuple[list[int], _Coming]] = deque()
        for (height, width), members in by_size.items():
            most = max(1, self._batch_pixels // (height * width))
            for start in range(0, len(members), most):
                part = members[start : start + most]
                inputs = np.zeros((len(part), 1, height, width), np.float32)
                for target, i in zip(inputs, part, strict=True):
                    wanted[i][0].take(wanted[i][1], target[0])
                begun.append((part, self._begin(inputs)))
                if len(begun) > self._ahead:
                    self._take(begun, found)
        while begun:
            self._take(begun, found)
        return [found[i] for i in range(len(wanted))]

    def _take(self, begun: deque[tuple[list[int], _Coming]], found: dict[int, Maps]) -> None:
        part, coming = begun.popleft()
        found.update(zip(part, self._end(coming), strict=True))

    def _begin(self, inputs: NDArray[np.float32]) -> _Coming:
        """Sends a batch through the network. A GPU is not waited for: its transfers are from and to pinned memory."""
        x, on_gpu = torch.from_numpy(inputs), self.device.type == "cuda"
        with torch.inference_mode():
            if on_gpu:
                x = x.pin_memory().to(self.device, non_blocking=True)
            x = x.to(self.dtype).contiguous(memory_format=torch.channels_last)
            outputs = self._net(x).float().contiguous()
            if not on_gpu:
                return _Coming(outputs)
            answer = torch.empty(outputs.shape, dtype=outputs.dtype, pin_memory=True)
            answer.copy_(outputs, non_blocking=True)
            there = torch.cuda.Event()  # type: ignore[no-untyped-call]
            there.record(torch.cuda.current_stream(self.device))
        return _Coming(answer, there)

    def _end(self, coming: _Coming) -> NDArray[np.float32]:
        if coming.there is not None:
            coming.there.synchronize()
        return np.asarray(coming.outputs.numpy(), np.float32)

    def predict(
        self, images: Sequence[Image], um_per_px: float | None = None, zoom: float = 1.0
    ) -> list[tuple[Segmentation, NDArray[np.uint8]]]:
        """Segments images.

        Args:
            images: (gray (H, W), its background float32 (H, W)), sizes may differ.
            um_per_px: for the size cutoff; None leaves it off.
            zoom: as for `plan`.

        Returns:
            For each image its segmentation and the foreground's probability, uint8 (H, W), 255 = certain.
        """
        grays = [normalise(gray, background) for gray, background in images]
        return self.predict_normalised(grays, [self.cutoff_px(um_per_px)] * len(grays), [zoom] * len(grays))

    def cutoff_px(self, um_per_px: float | None) -> float:
        """The model's size cutoff in px; 0 (off) with an unknown scale."""
        return cutoff_px(self.cutoff_um, um_per_px)

    def predict_normalised(
        self, grays: Sequence[NDArray[np.float32]], cutoffs_px: Sequence[float], zooms: Sequence[float]
    ) -> list[tuple[Segmentation, NDArray[np.uint8]]]:
        """`predict` for images that are normalised already, float32 (H, W), each with its cutoff in px (0: off) and its
        zoom.
        """
        found = self.find(grays, cutoffs_px, zooms)
        return [one.in_frame(gray.shape) for one, gray in zip(found, grays, strict=True)]


def _differing(found: Found, gray: NDArray[np.float32], zoom: float) -> Found:
    """What a whole frame shows, without the objects no pixel of which lies where the image differs from its background:
    networks see things in noise now and then.
    """
    seen = found.segmentation
    labels, count = label_objects(seen.mask)
    real = np.zeros(count + 1, np.bool_)
    for region in differing_regions(gray, grain(zoom)):
        real[labels[region.box.slices][region.own]] = True
    real[0] = False
    kept = real[object_of(labels, seen.centroids)]
    return found._replace(segmentation=seen.reduced(real[labels], kept))


def _composed(source: NetworkInput, plan: CropPlan, outputs: Sequence[Maps]) -> tuple[Box, Maps]:
    """One image's maps in the box around its regions, the foreground's logits made probabilities; outside of the
    regions they are 0.
    """
    boxes = [region.box for region in plan.regions]
    box = functools.reduce(Box.joined, boxes) if boxes else Box(0, 0, 1, 1)
    maps = np.zeros((MAPS, box.y1 - box.y0, box.x1 - box.x0), np.float32)
    for region, place in zip(plan.regions, plan.places, strict=True):
        y0, x0, y1, x1 = region.box
        target = maps[:, y0 - box.y0 : y1 - box.y0, x0 - box.x0 : x1 - box.x0]
        crop, found = plan.crops[place], outputs[place]
        if not library.place_maps(found, source.placing(region.box, crop), region.own, target):
            plainly_placed(source, region, crop, found, target)
    return box, maps


def plainly_placed(source: NetworkInput, region: Region, crop: Crop, found: Maps, target: Maps) -> None:
    """Writes a crop's maps to where the region is its own, the first of them, logits, as probabilities. Without the
    compiled library.
    """
    placed = source.in_image(region.box, crop, found)
    torch.from_numpy(placed[FOREGROUND]).sigmoid_()
    np.copyto(target, placed, where=region.own)


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
