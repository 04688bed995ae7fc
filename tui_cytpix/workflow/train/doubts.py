"""Which annotations are probably wrong: those that models contradict which did not train on them.

Such a model alone isn't enough: of few annotated doublets it may not have seen the like. So the run's own model must
contradict the annotation, too: averaged weights with a pull to the base don't learn a few wrong counts by heart, but
they do learn a true one. `python -m tests.benchmarks advice` judges it on really trained runs with wrong annotations.
Tried on 12 such runs with 48 wrong counts and on 20 clean ones, and left out (wrong ones found, right ones named in
these runs, in clean ones): the cross-check alone (43, 8, 11), the mean of two cross-checks (43, 5, 10), with a third
opinion by a model that trained on no image in doubt (42, 5, 11), the run's own model alone (41, 4, 6); as it is: 41, 1
and 1. Before that: each image's loss, the base model's opinion, and views turned and mirrored.
"""

from __future__ import annotations

from tui_cytpix.domain.annotation import AnnotationBook
from tui_cytpix.domain.jobs.training import FOLD_EPOCHS, CrossCheck, TrainingStatus
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.workflow.train.crosscheck import in_force
from tui_cytpix.workflow.train.progress import WINDOW

STUBBORN = 0.8  # of the looks
DOUBT, ALONE = 0.28, 0.42


def doubts(status: TrainingStatus, book: AnnotationBook) -> list[tuple[ImageKey, CrossCheck]]:
    """The annotations that are probably wrong, the most doubtful first: those whose count the cross-check contradicts,
    where its sureness times the share of particles in question is .28 at least (1 for 2: sure to 56 %; 3 for 4: never
    sure enough, as clumps are hard), and of one alone .42, and which the run's model contradicts in at least 80 % of
    its late looks. Empty without a cross-check by models of 30 epochs. An image on which nothing is large enough for
    the size cutoff is not in question.
    """
    if status.crosscheck is None or status.crosscheck.epochs < FOLD_EPOCHS:
        return []
    checked, stubborn = in_force(status, book), _contradicted_lately(status)
    found = {image: _doubt(checked[image]) for image in stubborn & checked.keys() if checked[image].given}
    ranked = sorted((-doubt, image) for image, doubt in found.items() if doubt >= DOUBT)
    if len(ranked) == 1 and found[ranked[0][1]] < ALONE:
        return []
    return [(image, checked[image]) for _, image in ranked]


def _contradicted_lately(status: TrainingStatus) -> set[ImageKey]:
    since = status.epoch - WINDOW
    late = {one.image: sum(epoch > since for epoch, _, _ in one.looks) for one in status.contradictions}
    return {image for image, looks in late.items() if looks >= STUBBORN * WINDOW}


def _doubt(one: CrossCheck) -> float:
    return one.sure * abs(one.given - one.found) / max(one.given, one.found, 1)
