"""Step 4, first half: every decision of the annotation editor, on plain objects. Each call appends one edit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.annotation import Annotation, Status
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.errors import CytpixError
from tui_cytpix.formats.run.predictions import PredictionStore
from tui_cytpix.workflow.annotate import object_tools, outline_tools
from tui_cytpix.workflow.annotate.object_tools import Point, Seen, nearest_centroid
from tui_cytpix.workflow.run.run import Run

if TYPE_CHECKING:
    from tui_cytpix.core.editing.outlines import Outlines

MAX_GAP_SECONDS = 60.0
TYPICAL_OF, LEAST_TYPICAL = 200, 5
OUTLINES_OF, MOST_OUTLINES = 20, 750  # images; outlines, right and wrong
__all__ = ["Annotator", "Point", "nearest_centroid", "queue"]


class Annotator:
    """The editor's hands. Points are (y, x) in image pixels. Every method that changes something returns the image's
    new state, or None where there was nothing to change.
    """

    def __init__(self, run: Run, model: ModelEntry, predictions: PredictionStore) -> None:
        self._run, self._model, self._predictions = run, model, predictions
        self._last_key = time.monotonic()
        self._seen: tuple[ImageKey, Seen] | None = None
        self._outlines: dict[str, Outlines] = {}

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
        from tui_cytpix.core.objects.particles import carried_over

        old = self.look_at(key).segmentation
        new = None if old is None else change(old)
        if old is None or new is None:
            return None
        return self._put(key, action, old, carried_over(old, new))

    def _put(self, key: ImageKey, action: str, old: Segmentation, new: Segmentation) -> Annotation | None:
        return None if new.same_as(old) else self._record(key, action, new)

    def seen(self, key: ImageKey) -> Seen:
        """What the tools look at; without the image where it can't be read."""
        if self._seen is None or self._seen[0] != key:
            seen = Seen(self._difference(key), self._predictions.probability(key), self._particle_px(key.sample))
            self._seen = key, seen
        return self._seen[1]

    def _particle_px(self, sample: str) -> float | None:
        """The median of mask area to count over what the model said about the sample."""
        found = [self._predictions.get(key) for key in self._predictions.keys() if key.sample == sample]  # noqa: SIM118
        sizes = [int(s.mask.sum()) / s.particle_count for s in found[:TYPICAL_OF] if s is not None and s.particle_count]
        return float(np.median(sizes)) if len(sizes) >= LEAST_TYPICAL else None

    def _seen_with_outlines(self, key: ImageKey) -> Seen:
        """As `seen`, with the outlines of the sample's other images; learnt at the first wish, in some 0.2 s."""
        if key.sample not in self._outlines:
            self._outlines[key.sample] = self._learn_outlines(key.sample)
        return replace(self.seen(key), outlines=self._outlines[key.sample])

    def _learn_outlines(self, sample: str) -> Outlines:
        """Those of accepted images first, then the model's."""
        from tui_cytpix.core.editing.outlines import Outlines

        shown = {state.image: state.segmentation for state in self._run.annotations.accepted()}
        for key in self._predictions.keys():  # noqa: SIM118
            shown.setdefault(key, self._predictions.get(key))
        found: list[Outlines] = []
        for key, segmentation in shown.items():
            if key.sample == sample and segmentation is not None and segmentation.particle_count:
                image = self._difference(key)
                if image is not None:
                    found.append(Outlines.of(image, segmentation.mask))
                if len(found) == OUTLINES_OF or sum(map(len, found)) >= MOST_OUTLINES:
                    break
        return Outlines.joined(found)

    def _difference(self, key: ImageKey) -> NDArray[np.float32] | None:
        try:
            image = self._run.images.read(key)
        except CytpixError:
            return None
        return np.asarray(image - self._run.images.background(key, image), np.float32)

    def place(self, key: ImageKey, point: Point) -> Annotation | None:
        """Adds a centroid; outside every object it brings one of its own."""
        return self._edit(key, "place", lambda old: object_tools.place(old, point, self._seen_with_outlines(key)))

    def delete(self, key: ImageKey, point: Point) -> Annotation | None:
        """Removes the nearest centroid; an object that loses its last one goes with it."""
        return self._edit(key, "delete", lambda old: object_tools.delete(old, point))

    def move(self, key: ImageKey, index: int, point: Point) -> Annotation | None:
        """Puts centroid `index` elsewhere."""
        return self._edit(key, "move", lambda old: object_tools.move(old, index, point))

    def snap(self, key: ImageKey, point: Point) -> Annotation | None:
        """Moves the nearest centroid to the middle of what the image shows around it."""
        return self._edit(key, "snap", lambda old: object_tools.snap(old, point, self.seen(key)))

    def set_count(self, key: ImageKey, point: Point, count: int) -> Annotation | None:
        """States how many particles the object under, or nearest to, the point holds; 0: it is no cell."""
        return self._edit(key, "count", lambda old: object_tools.set_count(old, point, count, self.seen(key)))

    def centre(self, key: ImageKey, index: int | None = None) -> Annotation | None:
        """Moves one centroid, or all, to the middle of its particle."""
        return self._edit(key, "centre", lambda old: object_tools.centre(old, index))

    def tighten(self, key: ImageKey, point: Point | None = None) -> Annotation | None:
        """The outline 1 px further in, of the object at the point, of all without one."""
        return self._edit(key, "tighten", lambda old: outline_tools.tighten(old, point))

    def loosen(self, key: ImageKey, point: Point | None = None) -> Annotation | None:
        """The outline 1 px further out, of the object at the point, of all without one."""
        return self._edit(key, "loosen", lambda old: outline_tools.loosen(old, point))

    def paint(self, key: ImageKey, path: Sequence[Point], radius: float) -> Annotation | None:
        """Adds what a round pen covers along the path."""
        return self._edit(key, "brush", lambda old: outline_tools.paint(old, path, radius))

    def erase(self, key: ImageKey, path: Sequence[Point], radius: float) -> Annotation | None:
        """Takes away what a round pen covers along the path."""
        return self._edit(key, "erase", lambda old: outline_tools.paint(old, path, radius, erase=True))

    def outline(self, key: ImageKey, path: Sequence[Point]) -> Annotation | None:
        """What the path encloses becomes foreground, and draws anew the objects that lie mostly inside."""
        return self._edit(key, "outline", lambda old: outline_tools.outline(old, path))

    def fill(self, key: ImageKey, point: Point) -> Annotation | None:
        """Fills the holes of the object at the point."""
        return self._edit(key, "fill", lambda old: outline_tools.fill(old, point))

    def wand(self, key: ImageKey, point: Point) -> Annotation | None:
        """An object of what the image shows around the point."""
        return self._edit(key, "wand", lambda old: object_tools.wand(old, point, self._seen_with_outlines(key)))

    def split(self, key: ImageKey, point: Point) -> Annotation | None:
        """Cuts the object under the point in two."""
        return self._edit(key, "split", lambda old: outline_tools.split(old, point))

    def merge(self, key: ImageKey, point: Point) -> Annotation | None:
        """Joins the object at the point with the one next to it."""
        return self._edit(key, "merge", lambda old: outline_tools.merge(old, point))

    def revert(self, key: ImageKey) -> Annotation | None:
        """Back to what the model proposed; undo takes this back too."""
        state = self.look_at(key)
        if state.segmentation is None or state.proposal is None:
            return None
        return self._put(key, "revert", state.segmentation, state.proposal)

    def undo(self, key: ImageKey) -> Annotation | None:
        """Takes the image's last edit back, also one of an earlier session."""
        target = self._run.annotations.undo_target(key)
        return self._run.record_edit(key, "undo", of=target.seq, seconds=self._seconds()) if target else None

    def redo(self, key: ImageKey) -> Annotation | None:
        """Reinstates the last edit that was taken back."""
        target = self._run.annotations.redo_target(key)
        return self._run.record_edit(key, "redo", of=target.seq, seconds=self._seconds()) if target else None


def queue(run: Run, images: Iterable[ImageKey]) -> list[ImageKey]:
    """The images that are still open, in the order given."""
    return [key for key in images if run.annotations.state(key).status is Status.OPEN]
