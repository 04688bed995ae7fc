"""What is annotated, beside what the base model sees in the same images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tui_cytpix.domain.annotation import AnnotationBook
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation

AnswerOf = Callable[[ImageKey], Segmentation | None]
ALIKE = 0.8  # IoU of two masks from which on the mask was right, too


@dataclass(frozen=True)
class AgainstBase:
    """Of `images` annotated images `blank` hold nothing, by their annotation; `emptied` are those of them in which the
    base model sees particles. It answered for `answered` of all, for `right` as they are annotated: as many particles,
    and a mask alike.
    """

    images: int
    blank: int
    emptied: tuple[ImageKey, ...]
    answered: int
    right: int


def against_base(book: AnnotationBook, base: AnswerOf) -> AgainstBase:
    """`base` gives its answers, None where there is none."""
    annotated = {state.image: state.segmentation for state in book.accepted() if state.segmentation is not None}
    seen = {image: answer for image in annotated if (answer := base(image)) is not None}
    blank = [image for image, truth in annotated.items() if not truth.particle_count]
    return AgainstBase(
        images=len(annotated),
        blank=len(blank),
        emptied=tuple(image for image in blank if image in seen and seen[image].particle_count),
        answered=len(seen),
        right=sum(_alike(annotated[image], answer) for image, answer in seen.items()),
    )


def _alike(one: Segmentation, other: Segmentation) -> bool:
    shared, both = np.count_nonzero(one.mask & other.mask), np.count_nonzero(one.mask | other.mask)
    return bool(one.particle_count == other.particle_count and shared >= ALIKE * both)
