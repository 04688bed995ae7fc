"""What a tool of the annotation editor is, and what several of them need. Points are (y, x) in image pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.segmentation import Segmentation

if TYPE_CHECKING:
    from tui_cytpix.core.editing.outline_profiles import Outlines

CRUMB_PX = 5
Point = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Seen:
    """What the tools may look at.

    Attributes:
        image: the image less its background, (H, W); None where it can't be read.
        probability: the model's foreground probability, (H, W), 255 = certain.
        particle_px: the usual area of a particle in the sample, px.
        outlines: learns how outlines lie in the sample's other images, in some 0.2 s the first time.
    """

    image: NDArray[np.float32] | None = None
    probability: NDArray[np.uint8] | None = None
    particle_px: float | None = None
    outlines: Callable[[], Outlines | None] = lambda: None


@dataclass(frozen=True, eq=False)
class Aim:
    """What a tool is aimed at.

    Attributes:
        point: the crosshair.
        target: a point in the object whose outline is meant; None: the outlines of all objects.
        centroid: index of the centroid that was taken, to be dropped at `point`; -1: none.
        path: where a pen has been.
        radius: the pen's, px.
    """

    point: Point = (0.0, 0.0)
    target: Point | None = None
    centroid: int = -1
    path: Sequence[Point] = ()
    radius: float = 0.0


@dataclass(frozen=True, eq=False)
class Tool:
    """All there is to know of a tool, but for its key.

    Attributes:
        id: of its command, after `editor.`.
        label: one or two words for the footer and the palette.
        help: a sentence for the help panel; empty where the line above speaks for this one too.
        change: the new segmentation, or None where there is nothing to change.
        done: what is said when it has changed something.
        nothing: what is said when it has not.
        logged: the word for its edits in the log, where that is not the id.
        takes: the key takes the nearest centroid, and drops it when pressed again.
        sketch: for a pen, which draws from one press of its key to the next: how that looks until it is done.
    """

    id: str
    label: str
    help: str
    change: Callable[[Segmentation, Aim, Seen], Segmentation | None]
    done: str
    nothing: str = "Nothing to change here."
    logged: str = ""
    takes: bool = False
    sketch: Callable[[Segmentation, Aim], Segmentation] | None = None


def nearest_centroid(segmentation: Segmentation, point: Point) -> int | None:
    """Index of the centroid nearest to the point, None where there is none."""
    if not len(segmentation.centroids):
        return None
    return int(np.argmin(((segmentation.centroids - np.array(point, np.float32)) ** 2).sum(1)))


def object_at(mask: NDArray[np.bool_], point: Point, *, nearest: bool = False) -> NDArray[np.bool_] | None:
    """The object under the point, or with `nearest` the closest one; None where there is none."""
    from tui_cytpix.core.objects.regions import label_objects

    labels, count = label_objects(mask)
    if count == 0:
        return None
    y, x = pixel_at(point, mask.shape)
    number = int(labels[y, x])
    if number == 0 and nearest:
        ys, xs = np.nonzero(mask)
        closest = int(np.argmin((ys - point[0]) ** 2 + (xs - point[1]) ** 2))
        number = int(labels[ys[closest], xs[closest]])
    return np.asarray(labels == number) if number else None


def fitted(mask: NDArray[np.bool_], centroids: NDArray[np.float32]) -> Segmentation:
    """A changed mask with its centroids: those that lost their object go, objects without one get their centre, and
    crumbs without one go.
    """
    from tui_cytpix.core.objects.centroids import centre
    from tui_cytpix.core.objects.regions import label_objects
    from tui_cytpix.core.objects.watershed import object_of

    labels, count = label_objects(mask)
    owners = object_of(labels, centroids)
    kept = [centroids[owners > 0].reshape(-1, 2)]
    mask = mask.copy()
    for number in sorted(set(range(1, count + 1)) - set(owners.tolist())):
        region = labels == number
        if region.sum() < CRUMB_PX:
            mask &= ~region
        else:
            kept.append(np.array([centre(region)], np.float32))
    return Segmentation(mask, np.vstack(kept).astype(np.float32))


def pixel_at(point: Point, shape: tuple[int, ...]) -> tuple[int, int]:
    """The pixel (row, column) at a point, or the closest one."""
    return (
        int(np.clip(round(point[0]), 0, shape[0] - 1)),
        int(np.clip(round(point[1]), 0, shape[1] - 1)),
    )
