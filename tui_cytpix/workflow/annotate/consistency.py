"""Whether a run's annotations are alike: how tightly each image's masks follow the image's own edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tui_cytpix.domain.annotation import Annotation
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import CytpixError
from tui_cytpix.workflow.run.run import Run

LEAST_IMAGES = 5
LEAST_DRIFT_PX, DEVIATIONS = 1.0, 3.0
PAUSE_SECONDS = 30 * 60.0
LEAST_TO_REVIEW, STRIP = 3, 12


@dataclass(frozen=True)
class Stringency:
    """How an image's masks lie.

    Attributes:
        offset_px: outlines outside of the image's edges, median over the image; negative inside; NaN unknown.
        usual_px: the median of the run's other annotations; NaN where there are fewer than five.
        drifts: whether the image lies apart from them: by over 1 px and three robust standard deviations.
    """

    offset_px: float
    usual_px: float
    drifts: bool

    def in_words(self) -> str:
        """A sentence for the read-out, `{command.id}` where a key is meant; empty where nothing is known."""
        if np.isnan(self.offset_px):
            return ""
        words = f"outline {_beside(self.offset_px)} the edge"
        if np.isnan(self.usual_px):
            return words
        if not self.drifts:
            return f"{words}, usually {_beside(self.usual_px)}"
        kind = "looser: {editor.tighten}" if self.offset_px > self.usual_px else "tighter: {editor.loosen}"
        return f"! {words}, usually {_beside(self.usual_px)}: {kind}"


def _beside(offset_px: float) -> str:
    return f"{abs(offset_px):.1f} px {'outside' if offset_px > 0 else 'inside'}"


class Consistency:
    """Measures the annotated images of a run, each once for each state it is in."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._measured: dict[ImageKey, tuple[float, float]] = {}

    def offset_px(self, state: Annotation) -> float:
        """Of one image's masks; NaN where it can't be told. Milliseconds, and a read of the image."""
        from tui_cytpix.core.editing.boundary_offset import boundary_offset

        if state.segmentation is None:
            return float("nan")
        known = self._measured.get(state.image)
        if known is not None and known[0] == state.time != 0.0:
            return known[1]
        try:
            offset = boundary_offset(self._run.images.read(state.image), state.segmentation.mask)
        except CytpixError:
            offset = float("nan")
        self._measured[state.image] = state.time, offset
        return offset

    def of(self, state: Annotation) -> Stringency:
        """The image against the run's accepted others."""
        mine = self.offset_px(state)
        found = [self.offset_px(s) for s in self._run.annotations.accepted() if s.image != state.image]
        others = np.array([offset for offset in found if not np.isnan(offset)])
        if len(others) < LEAST_IMAGES:
            return Stringency(mine, float("nan"), drifts=False)
        usual = float(np.median(others))
        spread = 1.4826 * float(np.median(np.abs(others - usual)))
        return Stringency(mine, usual, abs(mine - usual) > max(LEAST_DRIFT_PX, DEVIATIONS * spread))

    def to_review(self) -> list[ImageKey]:
        """Annotated images for a look back: those that drift first, then the newest; at most twelve."""
        accepted = self._run.annotations.accepted()
        ranked = sorted(accepted, key=lambda state: (not self.of(state).drifts, -state.time))
        return [state.image for state in ranked[:STRIP]]


def pause_seconds(run: Run, now: float) -> float:
    """How long ago the last annotation was, 0 where a look back is not worth offering."""
    times = [state.time for state in run.annotations.accepted()]
    pause = now - max(times, default=now)
    return pause if len(times) >= LEAST_TO_REVIEW and pause >= PAUSE_SECONDS else 0.0
