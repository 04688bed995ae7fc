"""What models that did not train on them say of the annotated images, and how right a model is likely to be on others.

The interval is Student's t with one image more than were annotated, a doublet called one: few images may well hold no
cell that is counted wrong, and a rare one is then not ruled out. `python -m tests.benchmarks crosscheck` judges it on
simulated runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui_cytpix.domain.annotation import SEVERAL, AnnotationBook, Status
from tui_cytpix.domain.jobs.training import CrossCheck, TrainingStatus, fold_epochs
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.workflow.run.run import Run

UNSEEN = 0.45  # the accuracy of a doublet called one whose mask is right to nine tenths
FEWEST = 5  # images, for an interval
CLASSES = ("nothing large enough", "single", "two", "three or more")


@dataclass(frozen=True)
class Tally:
    """Of `images` annotated images of a `kind` ("all", "class" or "sample") `right` were counted right; their mean
    `accuracy`, 0..1, with its 95 % interval, None of fewer than five images.
    """

    kind: str
    name: str
    images: int
    right: int
    accuracy: float
    interval: tuple[float, float] | None

    def in_words(self) -> str:
        between = "" if self.interval is None else " (95 % confidence {:.2f} to {:.2f})".format(*self.interval)
        return f"{self.name}: accuracy {self.accuracy:.2f}{between}, {self.right} of {self.images} counts right"


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


def complete(run: Run, status: TrainingStatus) -> bool:
    """Whether it holds for the run's base model and every annotated image, and another would train no longer."""
    checked = status.crosscheck
    if checked is None or checked.base != run.settings.base_model.hash or checked.epochs < fold_epochs(status.epoch):
        return False
    return in_force(status, run.annotations).keys() == {state.image for state in run.annotations.accepted()}


def tally(kind: str, name: str, images: Sequence[CrossCheck]) -> Tally:
    from tui_cytpix.core.statistics.fixed_sample_intervals import mean_of_few

    values = [one.accuracy for one in images]
    right = sum(one.given == one.found for one in images)
    interval = mean_of_few(values, UNSEEN) if len(values) >= FEWEST else None
    return Tally(kind, name, len(images), right, sum(values) / len(values), interval)


def tallies(status: TrainingStatus, book: AnnotationBook) -> tuple[Tally, ...]:
    """Of all images, then by count class and by sample, but for a class or sample that is all there is. Empty without a
    cross-check.
    """
    found = in_force(status, book)
    if not found:
        return ()
    parts: dict[tuple[str, str], list[CrossCheck]] = {("class", name): [] for name in CLASSES}
    for image, one in sorted(found.items()):
        parts["class", CLASSES[min(one.given, SEVERAL)]].append(one)
        parts.setdefault(("sample", image.sample), []).append(one)
    return (
        tally("all", "all", list(found.values())),
        *(tally(*part, images) for part, images in parts.items() if 0 < len(images) < len(found)),
    )


def in_words(status: TrainingStatus, book: AnnotationBook) -> list[str]:
    """Sentences; empty without a cross-check."""
    found = tallies(status, book)
    if not found:
        return []
    checked, (whole, *parts) = status.crosscheck, found
    others = len(book.accepted()) - whole.images
    without = f"; without {others} that are new, changed or unreadable" if others else ""
    of = f"{checked.folds} models of {checked.epochs} epochs from {checked.base_name}" if checked else ""
    told = "; ".join([whole.in_words(), *(["; ".join(one.in_words() for one in parts)] if parts else [])])
    return [f"Cross-check ({of}): {told}{without}"]
