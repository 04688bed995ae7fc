"""Whether labels cover several cells each, by what models count in them. Thresholds: the manual, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.objects.label_fit import dice
from tui_cytpix.core.objects.label_gaps import contacts
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.workflow.base_model.label_findings import Finding
from tui_cytpix.workflow.base_model.label_order import LOOSE

FUSED, FUSED_IMAGES = 1 / 3, 3  # of the compared images; models miscount single cells
PARTED = 0.5  # of so many images with labels that touch: somebody told cells apart that touch


class _Counts(NamedTuple):
    """Of an image: labels, cells by a model, and how many of these lie in one label at most."""

    labels: int
    cells: int
    in_one: int


def fused_findings(
    labels: Mapping[ImageKey, NDArray[np.uint16]], answers: Sequence[Mapping[ImageKey, Segmentation]]
) -> list[Finding]:
    """Labels that cover what models count as several cells, by the model that sees fewest such images.

    Args:
        labels: of one sample, 1..K, (H, W).
        answers: of each model what it sees in some of these images.
    """
    seen = [_counts(labels, one) for one in answers]
    counts = min(seen, key=lambda one: len(_fused_in(one)), default={})
    odd = _fused_in(counts)
    if len(odd) < max(FUSED_IMAGES, FUSED * len(counts)):
        return []
    parted = [contacts(one) for one in labels.values()]
    if sum(one.joined + one.parted > 0 for one in parted) >= PARTED * len(odd):
        return []
    own, cells = sum(one.labels for one in counts.values()), sum(one.cells for one in counts.values())
    where = (
        f"In {len(odd)} of {len(counts)} images a label covers what the model counts as several cells (the first: "
        f"{odd[0]}, {counts[odd[0]].in_one} in one). There are {own} labels in all, and by the model {cells} cells."
    )
    way_out = "Look at some: if cells that touch share a number, part them; if the model errs, go on."
    return [Finding("Labels may cover several cells each", where, way_out)]


def _counts(
    labels: Mapping[ImageKey, NDArray[np.uint16]], seen: Mapping[ImageKey, Segmentation]
) -> dict[ImageKey, _Counts]:
    """Of the images on which a model sees these cells."""
    found = {}
    for key, own in labels.items():
        if key in seen and dice(own > 0, seen[key].mask) >= LOOSE:
            rows, columns = np.rint(seen[key].centroids).astype(int).T
            hit = np.bincount(own[rows, columns], minlength=2)[1:]
            found[key] = _Counts(int(own.max()), len(rows), int(hit.max()))
    return found


def _fused_in(counts: Mapping[ImageKey, _Counts]) -> list[ImageKey]:
    return [key for key, one in counts.items() if one.in_one > 1]
