"""Step 4, first half: every decision of the annotation editor, on plain objects. Each call appends one edit."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.annotation import Annotation
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.errors import CytpixError
from tui_cytpix.formats.run.predictions import PredictionStore
from tui_cytpix.workflow.annotate.tool import Aim, Seen, Tool
from tui_cytpix.workflow.run.run import Run

if TYPE_CHECKING:
    from tui_cytpix.core.editing.outline_profiles import Outlines

MAX_GAP_SECONDS = 60.0
TYPICAL_OF, LEAST_TYPICAL = 200, 5
OUTLINES_OF, MOST_OUTLINES = 20, 750  # images; outlines, right and wrong


class Annotator:
    """The editor's hands. Every method that changes something returns the image's new state, or None where there was
    nothing to change.
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

    def use(self, key: ImageKey, tool: Tool, aim: Aim) -> Annotation | None:
        """Changes the image's segmentation as the tool does where it is aimed."""
        from tui_cytpix.core.objects.particles import carried_over

        old = self.look_at(key).segmentation
        new = None if old is None else tool.change(old, aim, self.seen(key))
        if old is None or new is None:
            return None
        return self._put(key, tool.logged or tool.id, old, carried_over(old, new))

    def _put(self, key: ImageKey, action: str, old: Segmentation, new: Segmentation) -> Annotation | None:
        return None if new.same_as(old) else self._record(key, action, new)

    def seen(self, key: ImageKey) -> Seen:
        """What the tools look at; without the image where it can't be read."""
        if self._seen is None or self._seen[0] != key:
            probability, particle_px = self._predictions.probability(key), self._particle_px(key.sample)
            outlines = partial(self._outlines_of, key.sample)
            self._seen = key, Seen(self._difference(key), probability, particle_px, outlines)
        return self._seen[1]

    def _particle_px(self, sample: str) -> float | None:
        """The median of mask area to count over what the model said about the sample."""
        found = [self._predictions.get(key) for key in self._predictions.keys() if key.sample == sample]  # noqa: SIM118
        sizes = [int(s.mask.sum()) / s.particle_count for s in found[:TYPICAL_OF] if s is not None and s.particle_count]
        return float(np.median(sizes)) if len(sizes) >= LEAST_TYPICAL else None

    def _outlines_of(self, sample: str) -> Outlines:
        if sample not in self._outlines:
            self._outlines[sample] = self._learn_outlines(sample)
        return self._outlines[sample]

    def _learn_outlines(self, sample: str) -> Outlines:
        """Those of accepted images first, then the model's."""
        from tui_cytpix.core.editing.outline_profiles import Outlines

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
