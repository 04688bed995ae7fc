"""How large the objects of the preview are, to choose a size cutoff by: their major diameters, as the cutoff has it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.entered_numbers import size_cutoff
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.workflow.run.run import Run

_SHARES = (5, 25, 50, 75, 95)


@dataclass(frozen=True, eq=False)
class ObjectSizes:
    """Major diameters (MajorDiameterMicrons), ascending: `um` of the objects in samples of known scale, `px` of the
    others. `images` were looked at.
    """

    images: int
    um: NDArray[np.float64]
    px: NDArray[np.float64]

    def in_words(self, typed: str, already_um: float) -> tuple[str, ...]:
        """The sizes, and how many objects a cutoff of `typed` um would drop; `already_um` is the cutoff of the model
        that answered.
        """
        if not len(self.um) + len(self.px):
            return (f"No object is found yet: {self.images} images of the preview are annotated or answered.",)
        lines = []
        if len(self.um):
            lines.append(_quantiles(self.um, "µm"))
            lines += self._dropped(typed)
            if already_um > 0:
                lines.append(f"Objects below {already_um:g} µm are not among them: the base model leaves them out.")
        if len(self.px):
            lines.append(_quantiles(self.px, "px") + " Their scale is unknown: the cutoff is off.")
        return tuple(lines)

    def _dropped(self, typed: str) -> list[str]:
        try:
            cutoff = size_cutoff(typed)
        except ValueError:
            return []
        dropped = int(np.searchsorted(self.um, cutoff, "left"))
        return [f"A cutoff of {cutoff:g} µm drops {dropped} of them ({dropped / len(self.um):.1%})."]


def _quantiles(sizes: NDArray[np.float64], unit: str) -> str:
    found = ", ".join(
        f"{share} % below {value:.1f}" for share, value in zip(_SHARES, np.percentile(sizes, _SHARES), strict=True)
    )
    return f"Major diameter of {len(sizes)} object{'s' * (len(sizes) != 1)}, {unit}: {found}."


def object_sizes(run: Run, answers: Iterable[tuple[ImageKey, Segmentation]]) -> ObjectSizes:
    """Of the objects in these answers, or annotations."""
    from tui_cytpix.core.objects.regions import ellipses, label_objects

    by_scale: dict[bool, list[float]] = {True: [], False: []}
    images = 0
    for key, found in answers:
        images += 1
        um_per_px = run.images.um_per_px(key.sample)
        axes = (one.major for one in ellipses(*label_objects(found.mask)))
        by_scale[um_per_px is not None] += [axis * (um_per_px or 1) for axis in axes]
    return ObjectSizes(images, np.sort(by_scale[True]), np.sort(by_scale[False]))
