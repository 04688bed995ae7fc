"""Which annotations training contradicts so surely that they are probably wrong.

Thresholds were chosen on really trained runs (`python -m tests.benchmarks advice`, seeds 10 to 13) and judged on others
(seeds 20 to 24). Tried there and left out, as they tell wrong annotations from right ones worse than the contradictions
do: each image's loss, also against the other images' (average precision 0.48 and 0.41; contradictions 0.81), and the
base model's opinion (0.19). Contradictions by views turned and mirrored would do better (0.87), at eight looks for one.
"""

from __future__ import annotations

from tui_cytpix.domain.annotation import AnnotationBook, Status
from tui_cytpix.domain.training import Contradiction, TrainingStatus
from tui_cytpix.workflow.progress import WINDOW

STUBBORN = 0.8  # of the looks
DOUBT = 0.3
LESS_DOUBT = 0.2  # is enough where others show that annotations are inconsistent
INCONSISTENT = 0.1  # of the annotations


def doubtful(status: TrainingStatus, book: AnnotationBook) -> list[Contradiction]:
    """The annotations that are probably wrong, the most doubtful first: those whose count the model contradicts in at
    least 80 % of the late looks, where its sureness times the share of particles in question is DOUBT at least on
    average (1 for 2: sure to 0.6; 3 for 4: never sure enough, as clumps are hard). Where these are a tenth of the
    annotations, whoever annotated was careless more often, and LESS_DOUBT is enough. Averaged weights with a pull to
    the base do not learn a few wrong counts by heart, so what is wrong stays contradicted also where it is trained on.
    """
    ranked = _doubts(status, book)
    surely = sum(doubt >= DOUBT for doubt, _ in ranked)
    return [found for doubt, found in ranked if doubt >= (LESS_DOUBT if inconsistent(surely, book) else DOUBT)]


def inconsistent(wrong: int, book: AnnotationBook) -> bool:
    """Whether so many wrong annotations are a tenth of all, and two at least."""
    return wrong >= max(2, INCONSISTENT * len(book.accepted()))


def _doubts(status: TrainingStatus, book: AnnotationBook) -> list[tuple[float, Contradiction]]:
    """What is contradicted nearly always, with how much it is doubted, 0..1, the most first."""
    last = status.epochs[-1].number if status.epochs else 0
    ranked = []
    for found in status.contradictions:
        looks = [look for look in found.looks if look[0] > last - WINDOW]
        state = book.state(found.image)
        if state.status is not Status.ACCEPTED or state.time > status.told or len(looks) < STUBBORN * WINDOW:
            continue
        ranked.append((sum(sure * _share(found.given, count) for _, count, sure in looks) / WINDOW, found))
    return sorted(ranked, key=lambda pair: (-pair[0], pair[1].image))


def _share(given: int, count: int) -> float:
    return abs(given - count) / max(given, count, 1)
