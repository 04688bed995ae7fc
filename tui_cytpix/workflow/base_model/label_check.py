"""Label images are checked, each and as a folder, before they teach (step 4) or judge models (`compare`): what is
certainly wrong is refused, what is odd is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.images.normalise import normalise
from tui_cytpix.core.objects.label_faults import LabelFacts, by_region, label_facts
from tui_cytpix.core.objects.label_fit import Mask
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import CytpixError, MaskError
from tui_cytpix.formats.masks.label_images import MAX_LABELS, ManyPagesError, read_numbered
from tui_cytpix.formats.run.images import RunImages
from tui_cytpix.workflow.base_model.label_findings import FEW, findings_in_words, has_border, value_findings
from tui_cytpix.workflow.base_model.label_fused import fused_findings
from tui_cytpix.workflow.base_model.label_order import fit_findings

T = TypeVar("T")
COMPARED_PAIRS = 12  # of images whose labels are compared with answers


@dataclass(frozen=True)
class LabelOptions:
    """How label images are to be taken.

    Attributes:
        split_regions: every region of one value is a particle of its own, as by `by_region`.
        trust: what the check refuses is told only.
    """

    split_regions: bool = False
    trust: bool = False


AS_THEY_ARE = LabelOptions()


class CheckedLabels:
    """Label images, by image, that are used together: those of each sample are checked as a folder. One that can't be
    read, or whose image can't, is passed over: `read` tells.

    Args:
        shape_of: (H, W) of an image; raises CytpixError.

    Attributes:
        notes: sentences about what is odd in them.

    Raises:
        MaskError: they are certainly wrong, and not to be trusted.
    """

    def __init__(
        self,
        paths: Mapping[ImageKey, Path],
        shape_of: Callable[[ImageKey], tuple[int, ...]],
        options: LabelOptions = AS_THEY_ARE,
    ) -> None:
        self._paths, self._options = paths, options
        facts: dict[ImageKey, LabelFacts] = {}
        many_pages = []
        for key, path in paths.items():
            try:
                facts[key] = label_facts(*read_numbered(path, shape_of(key)))
            except ManyPagesError as error:
                many_pages.append(error)
            except CytpixError:
                continue
        if len(many_pages) >= FEW:
            raise many_pages[0]
        self.notes: list[str] = []
        self._borders: set[ImageKey] = set()
        samples = _by_sample(paths)
        for sample, keys in samples.items():
            where = f"{sample}: " if len(samples) > 1 else ""
            named = [(f"{where}{printable(paths[key].name)}", facts[key]) for key in keys if key in facts]
            self.notes += findings_in_words(value_findings(named, options.split_regions), options.trust)
            if has_border([one for _, one in named]):
                self._borders.update(key for key in keys if key in facts and facts[key].ignored)

    def read(self, key: ImageKey, shape: tuple[int, ...] | None) -> NDArray[np.uint16]:
        """Labels 1..K, (H, W), 0 background; `shape` is the image's, where it is to be held against that.

        Raises:
            MaskError: as `read_numbered`; or there are too many regions.
        """
        labels, values = read_numbered(self._paths[key], shape)
        if key in self._borders:
            labels[labels == len(values)] = 0
        if not self._options.split_regions:
            return labels
        split = by_region(labels)
        if split.max() > MAX_LABELS:
            raise MaskError("The label image has too many regions", f"{printable(self._paths[key])}: {split.max()}.")
        return split.astype(np.uint16)

    def compare(
        self,
        keys: Sequence[ImageKey],
        answers: Sequence[Mapping[ImageKey, Segmentation]],
        normalised: Callable[[ImageKey], NDArray[np.float32]],
    ) -> None:
        """Notes how they fit what models see in images that `to_compare` chose.

        Args:
            answers: of each model what it sees in those images that it has an answer for.
            normalised: an image as by `normalise`, float32 (H, W); raises CytpixError.

        Raises:
            MaskError: they lie elsewhere, or fit only transposed, flipped, turned, moved, or with the names of others.
        """
        labelled, compared = _by_sample(self._paths), {key for one in answers for key in one}
        for sample in _by_sample(keys):
            own = labelled[sample]
            seen = [{place: one[key].mask for place, key in enumerate(own) if key in one} for one in answers]
            found = fit_findings(own, _by_place(own, self._mask), seen, _by_place(own, normalised))
            read = _by_place(own, lambda key: self.read(key, None))
            labels = {key: one for place, key in enumerate(own) if key in compared and (one := read(place)) is not None}
            found += fused_findings(labels, answers)
            self.notes += findings_in_words(found, self._options.trust)

    def _mask(self, key: ImageKey) -> Mask:
        return self.read(key, None) > 0


def _by_place(keys: Sequence[ImageKey], read: Callable[[ImageKey], T]) -> Callable[[int], T | None]:
    """Reads by place in these keys; None where that fails, which is told where the image is taken."""

    def found(place: int) -> T | None:
        try:
            return read(keys[place])
        except CytpixError:
            return None

    return found


def normalised_of(images: RunImages, key: ImageKey) -> NDArray[np.float32]:
    """An image of a run, as by `normalise`; raises CytpixError."""
    gray = images.read(key)
    return normalise(gray, images.background(key, gray))


def to_compare(keys: Sequence[ImageKey]) -> list[ImageKey]:
    """Of images in the samples' order those whose labels are compared with answers: of each sample up to 12 pairs of
    neighbours, evenly spread.
    """
    found = []
    for own in _by_sample(keys).values():
        starts = range(0, len(own), 2)
        pairs = min(len(starts), COMPARED_PAIRS)
        for number in range(pairs):
            start = starts[number * len(starts) // pairs]
            found += own[start : start + 2]
    return found


def _by_sample(keys: Iterable[ImageKey]) -> dict[str, list[ImageKey]]:
    found: dict[str, list[ImageKey]] = {}
    for key in keys:
        found.setdefault(key.sample, []).append(key)
    return found
