"""Which annotations training contradicts so surely that they are probably wrong.

Chosen on really trained runs (`python -m tests.benchmarks advice`, 20 annotations, seeds 10 to 13) and judged on others
(seeds 20 to 24): of 60 wrong annotations in 15 runs 43 found after 80 epochs, 7 right ones named beside them; 1 of 15
clean runs called inconsistent. With the built-in models made since (seeds 30 and 31, 60 epochs): 17 of 24, no right
one, 0 of 6. A wrong count that was learnt by heart is not found. Tried and left out: each image's loss, also against
the other images' (average precision 0.48 and 0.41 on the first seeds; contradictions 0.81), the base model's opinion
(0.19), naming weaker doubts where others are sure (44 found, 10 right ones), and views turned and mirrored (47 found,
10 right ones, at eight looks for one).
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
