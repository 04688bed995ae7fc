"""Which images to annotate next."""

from __future__ import annotations

from collections.abc import Sequence

from tui_cytpix.domain.annotation import Status
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.training import TrainingStatus
from tui_cytpix.formats.prediction_store import PredictionStore
from tui_cytpix.workflow import advice
from tui_cytpix.workflow.run import Run

SURE = 2.0


def suggested(
    run: Run, status: TrainingStatus, base: PredictionStore, now: PredictionStore | None = None
) -> list[ImageKey]:
    """The preview images that are still open: first those whose count flips in training, lately above all, then
    those where the model as it is `now` counts otherwise than the base, then the least certain.
    """
    flips = {flip.image: flip.flips for flip in status.flips}
    lately = advice.flipping_lately(status)

    def rank(key: ImageKey) -> tuple[bool, int, bool, float]:
        before, after = base.get(key), now.get(key) if now is not None else None
        differs = before is not None and after is not None and before.particle_count != after.particle_count
        latest = after if after is not None else before
        sure = latest.confidence if latest is not None and latest.confidence == latest.confidence else SURE
        return key not in lately, -flips.get(key, 0), not differs, sure

    images: Sequence[ImageKey] = run.settings.selection.images
    return sorted((key for key in images if run.annotations.state(key).status is Status.OPEN), key=rank)
