"""Which annotations training contradicts so surely that they are probably wrong.

`python -m tests.benchmarks advice` judges them on really trained runs with wrong annotations. A wrong count that was
learnt by heart is not found. Tried there, and left out: each image's loss, by itself or against the other images', the
base model's opinion, naming weaker doubts where others are sure, and views turned and mirrored.
"""

from __future__ import annotations

from tui_cytpix.domain.annotation import AnnotationBook, Status
from tui_cytpix.domain.jobs.training import Contradiction, TrainingStatus
from tui_cytpix.workflow.train.progress import WINDOW

STUBBORN = 0.8  # of the looks
DOUBT = 0.25


def doubts(status: TrainingStatus, book: AnnotationBook) -> list[tuple[float, Contradiction]]:
    """The annotations that are probably wrong, the most doubtful first, with their doubt: those whose count the model
    contradicts in at least 80 % of the late looks, where its sureness times the share of particles in question is a
    quarter at least on average (1 for 2: sure to one half; 3 for 4: never sure enough, as clumps are hard). Averaged
    weights with a pull to the base do not learn a few wrong counts by heart, so what is wrong mostly stays contradicted
    also where it is trained on.
    """
    ranked = []
    for found in status.contradictions:
        looks = [look for look in found.looks if look[0] > status.epoch - WINDOW]
        state = book.state(found.image)
        if state.status is not Status.ACCEPTED or state.time > status.told or len(looks) < STUBBORN * WINDOW:
            continue
        doubt = sum(sure * _share(found.given, count) for _, count, sure in looks) / WINDOW
        if doubt >= DOUBT:
            ranked.append((doubt, found))
    return sorted(ranked, key=lambda pair: (-pair[0], pair[1].image))


def _share(given: int, count: int) -> float:
    return abs(given - count) / max(given, count, 1)
