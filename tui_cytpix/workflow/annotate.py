"""Step 4, first half: every decision of the annotation editor, on plain objects. Each call appends one edit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.annotation import Annotation, Status
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.prediction_store import PredictionStore
from tui_cytpix.workflow.run import Run

MAX_GAP_SECONDS = 60.0
NEW_OBJECT_RADIUS_PX = 8.0
Point = tuple[float, float]


class Annotator:
    """The editor's hands. Points are (y, x) in image pixels. Every method that changes something returns the image's
    new state, or None where there was nothing to change.
    """

    def __init__(self, run: Run, model: ModelEntry, predictions: PredictionStore) -> None:
        self._run, self._model, self._predictions = run, model, predictions
        self._last_key = time.monotonic()

    def look_at(self, key: ImageKey) -> Annotation:
        """The image's state; where nobody touched it yet, the model's proposal stands in it, unrecorded."""
        state = self._run.annotations.state(key)
        if state.segmentation is not None:
            return state
        proposal = self._predictions.get(key)
        return Annotation(key, state.status, proposal, proposal, self._model.hash, state.side)

    def _seconds(self) -> float:
        now = time.monotonic()
        gap, self._last_key = now - self._last_key, now
        return min(gap, MAX_GAP_SECONDS)

    def _record(self, key: ImageKey, action: str, segmentation: Segmentation | None = None) -> Annotation:
        """The proposal goes into the log before the first decision about it, so that the log says all by itself."""
        if self._run.annotations.state(key).segmentation is None:
            proposal = self._predictions.get(key)
            if proposal is not None:
                self._run.record_edit(key, "propose", proposal, origin=self._model.hash)
        return self._run.record_edit(key, action, segmentation, seconds=self._seconds())

    def accept(self, key: ImageKey) -> Annotation | None:
        """Takes the image as it stands into the training set; None where there is nothing to accept yet."""
        if self.look_at(key).segmentation is None:
            return None
        return self._record(key, "accept")

    def reject(self, key: ImageKey) -> Annotation:
        """Leaves the image out."""
        return self._record(key, "reject")

    def mark_ambiguous(self, key: ImageKey) -> Annotation:
        """Its cells can't be told apart."""
        return self._record(key, "ambiguous")

    def _edit(
        self, key: ImageKey, action: str, change: Callable[[Segmentation], Segmentation | None]
    ) -> Annotation | None:
        segmentation = self.look_at(key).segmentation
        if segmentation is None:
            return None
        changed = change(segmentation)
        if changed is None or changed.same_as(segmentation):
            return None
        return self._record(key, action, changed)

    def place(self, key: ImageKey, point: Point) -> Annotation | None:
        """Adds a centroid; outside every object it brings a small round object of its own."""

        def change(old: Segmentation) -> Segmentation:
            centroids = np.vstack([old.centroids, np.array([point], np.float32)])
            mask = old.mask
            if not mask[_pixel(point, mask.shape)]:
                mask = mask | _disc(mask.shape, point, NEW_OBJECT_RADIUS_PX)
            return Segmentation(mask, centroids)

        return self._edit(key, "place", change)

    def delete(self, key: ImageKey, point: Point) -> Annotation | None:
        """Removes the nearest centroid; an object that loses its last one goes with it."""

        def change(old: Segmentation) -> Segmentation | None:
            nearest = nearest_centroid(old, point)
            if nearest is None:
                return None
            region = _object_at(old.mask, _point(old.centroids[nearest]))
            left = np.delete(old.centroids, nearest, axis=0)
            mask = old.mask
            if region is not None and not _inside(region, left).any():
                mask = mask & ~region
            return Segmentation(mask, left)

        return self._edit(key, "delete", change)

    def move(self, key: ImageKey, index: int, point: Point) -> Annotation | None:
        """Puts centroid `index` elsewhere."""

        def change(old: Segmentation) -> Segmentation | None:
            if not 0 <= index < len(old.centroids):
                return None
            centroids = old.centroids.copy()
            centroids[index] = point
            return Segmentation(old.mask, centroids)

        return self._edit(key, "move", change)

    def set_count(self, key: ImageKey, point: Point, count: int) -> Annotation | None:
        """States how many particles the object under, or nearest to, the point holds, and places their centroids
        anew. 0: it is no cell, and the object goes.
        """

        def change(old: Segmentation) -> Segmentation | None:
            from tui_cytpix.core.centroids import place_in_object

            region = _object_at(old.mask, point, nearest=True)
            if region is None:
                return None
            outside = old.centroids[~_inside(region, old.centroids)]
            if count == 0:
                return Segmentation(old.mask & ~region, outside)
            return Segmentation(old.mask, np.vstack([outside, place_in_object(region, count)]).astype(np.float32))

        return self._edit(key, "count", change)

    def centre(self, key: ImageKey, index: int | None = None) -> Annotation | None:
        """Moves one centroid, or all, to the middle of its particle."""

        def change(old: Segmentation) -> Segmentation | None:
            from tui_cytpix.core.centroids import centres
            from tui_cytpix.core.watershed import particle_labels

            if not len(old.centroids):
                return None
            middle = np.asarray(centres(particle_labels(old.mask, old.centroids)), np.float32)
            if middle.shape != old.centroids.shape:
                return None
            centroids = old.centroids.copy()
            chosen = slice(None) if index is None else index
            centroids[chosen] = middle[chosen]
            return Segmentation(old.mask, centroids)

        return self._edit(key, "centre", change)

    def revert(self, key: ImageKey) -> Annotation | None:
        """Back to what the model proposed; undo takes this back too."""
        proposal = self.look_at(key).proposal
        return self._edit(key, "revert", lambda _old: proposal)

    def undo(self, key: ImageKey) -> Annotation | None:
        """Takes the image's last edit back, also one of an earlier session."""
        target = self._run.annotations.undo_target(key)
        return self._run.record_edit(key, "undo", of=target.seq, seconds=self._seconds()) if target else None

    def redo(self, key: ImageKey) -> Annotation | None:
        """Reinstates the last edit that was taken back."""
        target = self._run.annotations.redo_target(key)
        return self._run.record_edit(key, "redo", of=target.seq, seconds=self._seconds()) if target else None


def nearest_centroid(segmentation: Segmentation, point: Point) -> int | None:
    """Index of the centroid nearest to the point, None where there is none."""
    if not len(segmentation.centroids):
        return None
    return int(np.argmin(((segmentation.centroids - np.array(point, np.float32)) ** 2).sum(1)))


def _point(row: NDArray[np.float32]) -> Point:
    return float(row[0]), float(row[1])


def _pixel(point: Point, shape: tuple[int, ...]) -> tuple[int, int]:
    return (
        int(np.clip(round(point[0]), 0, shape[0] - 1)),
        int(np.clip(round(point[1]), 0, shape[1] - 1)),
    )


def _disc(shape: tuple[int, ...], point: Point, radius: float) -> NDArray[np.bool_]:
    y, x = np.ogrid[: shape[0], : shape[1]]
    return np.asarray((y - point[0]) ** 2 + (x - point[1]) ** 2 <= radius**2)


def _inside(region: NDArray[np.bool_], centroids: NDArray[np.float32]) -> NDArray[np.bool_]:
    return np.array([bool(region[_pixel(_point(c), region.shape)]) for c in centroids], bool)


def _object_at(mask: NDArray[np.bool_], point: Point, *, nearest: bool = False) -> NDArray[np.bool_] | None:
    """The object under the point, or with `nearest` the closest one; None where there is none."""
    from tui_cytpix.core.regions import label_objects

    labels, count = label_objects(mask)
    if count == 0:
        return None
    y, x = _pixel(point, mask.shape)
    number = int(labels[y, x])
    if number == 0 and nearest:
        ys, xs = np.nonzero(mask)
        closest = int(np.argmin((ys - point[0]) ** 2 + (xs - point[1]) ** 2))
        number = int(labels[ys[closest], xs[closest]])
    return np.asarray(labels == number) if number else None


def queue(run: Run, images: Iterable[ImageKey]) -> list[ImageKey]:
    """The images that are still open, in the order given."""
    return [key for key in images if run.annotations.state(key).status is Status.OPEN]
