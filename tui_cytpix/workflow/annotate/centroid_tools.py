"""The editor's tools for centroids and whole objects (mask_tools: those for outlines): what each does to a
segmentation, and at the end what each is called. Points are (y, x) in image pixels.

Every function returns the new segmentation, or None where there is nothing to change. After each the two parts fit
each other: a centroid without an object goes, an object without a centroid gets one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.workflow.annotate.tool import Point, Seen, Tool, fitted, nearest_centroid, object_at, pixel_at

NEW_OBJECT_RADIUS_PX = 8.0
LIKELY = 64  # of 255: where the model gave an object no more than a quarter's chance, the image decides


def place(old: Segmentation, point: Point, seen: Seen) -> Segmentation:
    """Adds a centroid; outside every object it brings one of its own: what the model's map, else the image, shows
    there, else a small disc.
    """
    mask = old.mask
    if not mask[pixel_at(point, mask.shape)]:
        mask = mask | _new_object(mask, point, seen)
    centroids = np.vstack([old.centroids, np.array([point], np.float32)])
    return Segmentation(mask, centroids)


def wand(old: Segmentation, point: Point, seen: Seen) -> Segmentation | None:
    """An object of what the image shows around the point, outlined as the sample's others are, with a centroid in its
    middle; the object that was under the point is drawn anew. Where the wand drew that object, the next likely one.
    """
    under = object_at(old.mask, point)
    others = old.mask if under is None else old.mask & ~under
    regions = _regions(others, point, seen)
    if not regions:
        return None
    drawn = [under is not None and np.array_equal(under, region) for region in regions]
    region = regions[(drawn.index(True) + 1) % len(regions) if True in drawn else 0]
    centroids = old.centroids
    if under is not None:
        inner = _inside(under, centroids)
        if inner.sum() == 1:  # the old outline's middle, as a rule; the new outline has its own
            centroids = centroids[~inner].reshape(-1, 2)
    return fitted(others | region, centroids)


def _regions(others: NDArray[np.bool_], point: Point, seen: Seen) -> list[NDArray[np.bool_]]:
    """What the object at a point may be, likeliest first."""
    from tui_cytpix.core.editing.outline_profiles import Outlines
    from tui_cytpix.core.editing.wand import Usual
    from tui_cytpix.core.editing.wand import wand as grow

    if seen.image is None:
        return []
    elsewhere = seen.outlines()
    known = [Outlines.of(seen.image, others), *([] if elsewhere is None else [elsewhere])]
    likely = _on_the_map(others, point, seen)
    usual = Usual(seen.particle_px, Outlines.joined(known))
    return grow(seen.image, point, others, usual, [] if likely is None else [likely])


def _on_the_map(others: NDArray[np.bool_], point: Point, seen: Seen) -> NDArray[np.bool_] | None:
    """What the model's map shows at a point, apart from other objects; None where it gives it too little."""
    pixel = pixel_at(point, others.shape)
    if seen.probability is None or seen.probability[pixel] < LIKELY:
        return None
    return object_at((seen.probability >= seen.probability[pixel] / 2) & ~_widened(others), point)


def _new_object(mask: NDArray[np.bool_], point: Point, seen: Seen) -> NDArray[np.bool_]:
    likely = _on_the_map(mask, point, seen)
    if likely is not None:
        return likely
    pixel = pixel_at(point, mask.shape)
    for region in _regions(mask, point, seen):
        if region[pixel]:
            return region
    y, x = np.ogrid[: mask.shape[0], : mask.shape[1]]
    return np.asarray((y - point[0]) ** 2 + (x - point[1]) ** 2 <= NEW_OBJECT_RADIUS_PX**2)


def _widened(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    from tui_cytpix.core.editing.adjust import loosen

    return loosen(mask)


def delete(old: Segmentation, point: Point) -> Segmentation | None:
    """Removes the nearest centroid; an object that loses its last one goes with it."""
    nearest = nearest_centroid(old, point)
    if nearest is None:
        return None
    labels, owners = _objects(old)
    left = np.delete(old.centroids, nearest, axis=0)
    last = owners[nearest] > 0 and np.count_nonzero(owners == owners[nearest]) == 1
    return Segmentation(old.mask & (labels != owners[nearest]) if last else old.mask, left)


def move(old: Segmentation, index: int, point: Point) -> Segmentation | None:
    """Puts centroid `index` elsewhere; not to where no object is, nor away from an object that has no other."""
    if not 0 <= index < len(old.centroids):
        return None
    centroids = old.centroids.copy()
    centroids[index] = point
    new = Segmentation(old.mask, centroids)
    before, after = _objects(old)[1], _objects(new)[1]
    if not after[index] or not set(before.tolist()) - {0} <= set(after.tolist()):
        return None
    return new


def _objects(segmentation: Segmentation) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The objects, int32 (H, W), and of each centroid the object that it belongs to, int32 (K,), 0 for none."""
    from tui_cytpix.core.objects.regions import label_objects
    from tui_cytpix.core.objects.watershed import object_of

    labels, _ = label_objects(segmentation.mask)
    return labels, object_of(labels, segmentation.centroids)


def snap(old: Segmentation, point: Point, seen: Seen) -> Segmentation | None:
    """Moves the nearest centroid to the middle of what the image shows around it; its particle's size says how far
    to look.
    """
    from tui_cytpix.core.editing.adjust import snap as drawn_to
    from tui_cytpix.core.objects.particles import particles_of

    index = nearest_centroid(old, point)
    if index is None or seen.image is None:
        return None
    area = int((particles_of(old) == index + 1).sum())
    radius = max(3.0, float(np.sqrt(area / np.pi)) * 0.7)
    start = float(old.centroids[index][0]), float(old.centroids[index][1])
    return move(old, index, drawn_to(seen.image, start, radius))


def set_count(old: Segmentation, point: Point, count: int, seen: Seen) -> Segmentation | None:
    """States how many particles the object under, or nearest to, the point holds, and divides it among them.
    0: it is no cell, and the object goes.
    """
    from tui_cytpix.core.objects.centroids import centres
    from tui_cytpix.core.objects.division import divide
    from tui_cytpix.core.objects.particles import carried_over, told

    region = object_at(old.mask, point, nearest=True)
    if region is None or count > region.sum():
        return None
    labels, owners = _objects(old)
    outside = old.centroids[owners != labels[region][0]]
    if count == 0:
        return Segmentation(old.mask & ~region, outside)
    parts = divide(region, count, seen.image)
    new = carried_over(old, Segmentation(old.mask, np.vstack([outside, centres(parts)])))
    return told(new, np.where(parts > 0, parts + len(outside), 0))


def centre(old: Segmentation, index: int | None = None) -> Segmentation | None:
    """Moves one centroid, or all, to the middle of its particle; the particles stay as they are."""
    from tui_cytpix.core.objects.centroids import centres
    from tui_cytpix.core.objects.particles import particles_of

    particles = particles_of(old)
    middle = np.asarray(centres(particles), np.float32)
    if middle.shape != old.centroids.shape:
        return None
    centroids = old.centroids.copy()
    chosen = slice(None) if index is None else index
    centroids[chosen] = middle[chosen]
    return None if np.array_equal(centroids, old.centroids) else Segmentation(old.mask, centroids, labels=particles)


def _inside(region: NDArray[np.bool_], centroids: NDArray[np.float32]) -> NDArray[np.bool_]:
    return np.array([bool(region[pixel_at((float(y), float(x)), region.shape)]) for y, x in centroids], bool)


def _count(number: int, help_: str = "") -> Tool:
    return Tool(
        f"count-{number}",
        f"Count {number}",
        help_,
        lambda old, aim, seen: set_count(old, aim.point, number, seen),
        f"{number} in this object.",
        "It is so already.",
        logged="count",
    )


TOOLS = (
    _count(1, "1 to 9: so many particles in the object at the crosshair; centroids are placed anew."),
    *(_count(number) for number in range(2, 10)),
    Tool(
        "count-0",
        "Not a cell",
        "The object at the crosshair is not a cell.",
        lambda old, aim, seen: set_count(old, aim.point, 0, seen),
        "Not a cell: the object is gone.",
        "It is so already.",
        logged="count",
    ),
    Tool(
        "place",
        "Place",
        "Place a centroid at the crosshair.",
        lambda old, aim, seen: place(old, aim.point, seen),
        "Placed.",
    ),
    Tool(
        "delete",
        "Delete",
        "Delete the nearest centroid.",
        lambda old, aim, _: delete(old, aim.point),
        "Deleted.",
        "There is no centroid.",
    ),
    Tool(
        "move",
        "Move",
        "Take the nearest centroid; again, or Enter: drop it here.",
        lambda old, aim, _: move(old, aim.centroid, aim.point),
        "Moved.",
        "It stays where it was: no object without a centroid, no centroid without an object.",
        takes=True,
    ),
    Tool(
        "snap",
        "Snap",
        "The nearest centroid to the middle of what the image shows around it.",
        lambda old, aim, seen: snap(old, aim.point, seen),
        "Snapped.",
        "It is in the middle already.",
    ),
    Tool(
        "centre",
        "Centre",
        "Centre the nearest centroid in its particle, or all of them.",
        lambda old, aim, _: centre(old, nearest_centroid(old, aim.point)),
        "Centred.",
        "It is centred already.",
    ),
    Tool(
        "centre-all",
        "Centre all",
        "",
        lambda old, _aim, _seen: centre(old),
        "All centred.",
        "They are centred already.",
        logged="centre",
    ),
    Tool(
        "wand",
        "Wand",
        "Draw the object at the crosshair by what the image shows; again: otherwise.",
        lambda old, aim, seen: wand(old, aim.point, seen),
        "Drawn.",
        "Nothing stands out here.",
    ),
)
