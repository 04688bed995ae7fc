"""What models that did not train on them say of the annotated images, and how right a model is likely to be on others.

The interval is Student's t with one image more than were annotated, a doublet called one: few images may well hold no
cell that is counted wrong, and a rare one is then not ruled out. `python -m tests.benchmarks crosscheck` judges it on
simulated runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tui_cytpix.domain.annotation import SEVERAL, AnnotationBook, Status
from tui_cytpix.domain.jobs.training import CrossCheck, TrainingStatus
from tui_cytpix.domain.sample import ImageKey

UNSEEN = 0.45  # the accuracy of a doublet called one whose mask is right to nine tenths
FEWEST = 5  # images of a class that are told of by themselves
CLASSES = ("none", "single", "two", "three or more")


@dataclass(frozen=True)
class Tally:
    """Of `images` annotated images `right` were counted right; their mean `accuracy`, 0..1, with its 95 % interval."""

    name: str
    images: int
    right: int
    accuracy: float
    low: float
    high: float

    def in_words(self) -> str:
        return f"{self.name} {self.accuracy:.2f} [{self.low:.2f}, {self.high:.2f}] {self.right}/{self.images}"


def in_force(status: TrainingStatus, book: AnnotationBook) -> dict[ImageKey, CrossCheck]:
    """Those of the last cross-check whose annotation is still as it was then."""
    if status.crosscheck is None:
        return {}
    found = {}
    for image, one in status.crosscheck.images.items():
        state = book.state(image)
        if state.status is Status.ACCEPTED and state.segmentation and state.segmentation.digest() == one.annotation:
            found[image] = one
    return found


def tally(name: str, images: Iterable[CrossCheck]) -> Tally:
    from tui_cytpix.core.statistics.fixed_sample_intervals import mean_of_few

    found = list(images)
    values = [one.accuracy for one in found]
    low, high = mean_of_few(values, UNSEEN)
    right = sum(one.given == one.found for one in found)
    return Tally(name, len(found), right, sum(values) / len(values), low, high)


def tallies(status: TrainingStatus, book: AnnotationBook) -> tuple[Tally, ...]:
    """Of all images, then by count class and by sample, of which those with fewer than five images are left out, and
    also a class or sample that is all there is. Empty without a cross-check.
    """
    found = in_force(status, book)
    if not found:
        return ()
    kinds = {name: [one for one in found.values() if min(one.given, SEVERAL) == n] for n, name in enumerate(CLASSES)}
    samples = {name: [found[key] for key in found if key.sample == name] for name in sorted({k.sample for k in found})}
    parts = [
        tally(name, images) for name, images in (*kinds.items(), *samples.items()) if FEWEST <= len(images) < len(found)
    ]
    return tally("all", found.values()), *parts


def in_words(status: TrainingStatus, book: AnnotationBook) -> list[str]:
    """Sentences; empty without a cross-check."""
    found = tallies(status, book)
    if not found:
        return []
    checked = status.crosscheck
    others = len(book.accepted()) - found[0].images
    without = f"; without {others} that are new, changed or unreadable" if others else ""
    of = f"{checked.folds} models of {checked.epochs} epochs" if checked else ""
    head = f"Cross-check (accuracy on images that a model did not train on, counts that are right; {of})"
    return [f"{head}: {' · '.join(one.in_words() for one in found)}{without}"]
