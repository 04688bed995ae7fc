"""Judgements of single images, as a reviewer's key records them."""

from __future__ import annotations

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.verdict import Judgement
from tui_cytpix.workflow.assess.review import STEP, Said, judge_all
from tui_cytpix.workflow.run.run import Run


def judge(
    run: Run,
    image: ImageKey,
    model: ModelEntry,
    judgement: Judgement,
    step: str = STEP,
    *,
    counted: int | None = None,
    answer: Segmentation | None = None,
) -> None:
    judge_all(run, model, [Said(image, judgement, counted, answer=answer)], step)


def judge_count(run: Run, image: ImageKey, model: ModelEntry, true_count: int, counted: int) -> None:
    """States how many particles there are."""
    judge_all(run, model, [Said(image, None, counted, true_count)])
