"""Image-derived parameters of a gallery's images, to sort and filter by: those of `core.features.table`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.errors import SampleError
from tui_cytpix.workflow.run.run import OnProgress, Run


class Property(NamedTuple):
    """A parameter: its name as in files, words, unit."""

    name: str
    label: str
    unit: str


def properties() -> tuple[Property, ...]:
    from tui_cytpix.core.features.table import FEATURES, IMAGE

    return tuple(Property(f.name, f.label, f.unit) for f in FEATURES if IMAGE in f.levels)


class Measures:
    """Measures images once for each answer about them; not safe to call from two threads at a time."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._found: dict[ImageKey, tuple[Segmentation, dict[str, float]]] = {}

    def values(
        self,
        name: str,
        images: Sequence[tuple[ImageKey, Segmentation | None]],
        on_progress: OnProgress = lambda _done, _total: None,
    ) -> dict[ImageKey, float]:
        """One parameter of many images; NaN where there is no value, no answer, or no readable image. A few ms for an
        image that was not measured yet.
        """
        values = {}
        for done, (key, segmentation) in enumerate(images, 1):
            values[key] = math.nan if segmentation is None else self._of(key, segmentation).get(name, math.nan)
            on_progress(done, len(images))
        return values

    def _of(self, key: ImageKey, segmentation: Segmentation) -> dict[str, float]:
        from tui_cytpix.core.features.measurement import image_features

        known = self._found.get(key)
        if known is not None and known[0] is segmentation:
            return known[1]
        images = self._run.images
        try:
            image = images.read(key)
        except SampleError:
            return {}
        background = images.background(key, image)
        mask, centroids, sure = segmentation.mask, segmentation.centroids, segmentation.confidence
        found = image_features(image, mask, centroids, images.um_per_px(key.sample), background, sure)
        self._found[key] = segmentation, found
        return found
