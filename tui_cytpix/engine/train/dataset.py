"""Annotated images, ready for training, and batches of varied views of them."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tui_cytpix.core.images.normalise import normalise
from tui_cytpix.core.objects.regions import ellipses, label_objects
from tui_cytpix.core.objects.size_cutoff import cut_to_size
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.train.augment import Augmentation, crop
from tui_cytpix.engine.train.doublets import with_another
from tui_cytpix.engine.train.scene import Scene, scene

SMALLEST_CROP, LARGEST_CROP, CROP_STEP = 64, 160, 32


@dataclass(frozen=True)
class Example:
    """An annotated image.

    Attributes:
        gray: normalised, float32 (H, W).
        truth: in px of `gray`.
        scene: both as the network sees them, `zoom` times as large; views are cut from it.
        cutoff_px: objects whose major diameter (px of `gray`) is below are trained on as drawn, but nobody is asked for
            them.
    """

    gray: NDArray[np.float32]
    truth: Segmentation
    scene: Scene
    cutoff_px: float = 0.0
    zoom: float = 1.0

    @functools.cached_property
    def majors(self) -> list[float]:
        """Major diameters of the annotated objects, px."""
        return _majors(self.truth.mask)

    @functools.cached_property
    def scene_majors(self) -> list[float]:
        """The same as the network sees them, px of the scene."""
        return _majors(self.scene.mask)

    @functools.cached_property
    def smallest_px(self) -> int | None:
        """Pixels of the smallest annotated object; None without any."""
        labels, count = label_objects(self.truth.mask)
        return min(np.bincount(labels.ravel(), minlength=count + 1)[1:].tolist(), default=None)

    @functools.cached_property
    def wanted(self) -> Segmentation:
        """What a model is to say: the truth with the size cutoff."""
        return cut_to_size(self.truth, self.cutoff_px)


def example(
    image: NDArray[np.generic],
    background: NDArray[np.float32],
    truth: Segmentation,
    cutoff_px: float = 0.0,
    zoom: float = 1.0,
) -> Example:
    gray = normalise(image, background)
    return Example(gray, truth, scene(gray, truth, zoom), cutoff_px, zoom)


def _majors(mask: NDArray[np.bool_]) -> list[float]:
    return [ellipse.major for ellipse in ellipses(*label_objects(mask))]


def particle_px(examples: Sequence[Example]) -> float | None:
    """Median major diameter of the objects, px; None without any."""
    sizes = [major for item in examples for major in item.majors]
    return float(np.median(sizes)) if sizes else None


def crop_size(examples: Sequence[Example]) -> int:
    """Edge of the views: room for whole images where they are small, else for the larger objects and surroundings."""
    largest = max((max(e.scene.gray.shape) for e in examples), default=SMALLEST_CROP)
    sizes = [major for item in examples for major in item.scene_majors]
    wanted = min(largest, 2.0 * float(np.quantile(sizes, 0.8))) if sizes else largest
    return int(np.clip(CROP_STEP * np.ceil(wanted / CROP_STEP), SMALLEST_CROP, LARGEST_CROP))


def batches(
    examples: Sequence[Example],
    size: int,
    views: int,
    batch: int,
    settings: Augmentation,
    seed: Sequence[int],
) -> Iterator[Tensor]:
    """One epoch: `views` of each image in random order, float32 (n, 7, size, size) tensors of n <= `batch` views
    (`augment.crop`).

    The same seed gives the same epoch, whatever came before.
    """
    rng = np.random.default_rng(list(seed))
    order = np.concatenate([rng.permutation(len(examples)) for _ in range(views)])
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        stack = []
        for i in chosen:
            scene = examples[i].scene
            if rng.random() < (settings.another_long if scene.has_long_cells else settings.another):
                scene = with_another(scene, examples[int(rng.integers(len(examples)))].scene, rng)
            stack.append(crop(scene, size, _focus(scene, rng), settings, rng))
        yield torch.from_numpy(np.stack(stack))


def _focus(scene: Scene, rng: np.random.Generator) -> NDArray[np.float32]:
    """Mostly a particle; every eighth time any place of the image, for what is not a cell."""
    if len(scene.centroids) and rng.random() > 0.125:
        return np.asarray(scene.centroids[rng.integers(len(scene.centroids))], np.float32)
    return np.array([rng.uniform(0, n) for n in scene.gray.shape], np.float32)
