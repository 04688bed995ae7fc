"""What training is doing, in words: where it stands, how long it takes, how an image's count went."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence

from tui_cytpix.domain.annotation import AnnotationBook, Side
from tui_cytpix.domain.jobs.training import (
    FOLDS,
    LEAST_VIEWS,
    Epoch,
    Flip,
    JobState,
    TrainingStatus,
    fold_epochs,
)
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.words import duration

WINDOW = 20  # epochs that count as lately
STRIP = 12
FORGOTTEN = 0.1  # of what the base knew, from which it is much
FULL_SECONDS, HALF_SECONDS = 0.009, 0.005  # of one view, looks included; measured on one core of a server


def flipping_lately(status: TrainingStatus) -> frozenset[ImageKey]:
    """The images whose count changed within the last epochs; early changes are normal."""
    since = status.epoch - WINDOW
    return frozenset(
        flip.image
        for flip in status.flips
        if any(a[1] != b[1] and b[0] > since for a, b in itertools.pairwise(flip.history))
    )


def changed_now(status: TrainingStatus) -> dict[ImageKey, int]:
    """The images whose count changed between the last look at them and the one before, and by how many: of the preview
    at its last look, of the annotated images at the last epoch.
    """
    newest = {status.looked, status.epoch}
    changes = {f.image: f.history[-1][1] - f.history[-2][1] for f in status.flips if f.history[-1][0] in newest}
    return {image: change for image, change in changes.items() if change}


def strip(flip: Flip) -> str:
    """What the image was counted as at its last twelve looks, and the epoch of the last change:
    `1 2 1 2 2 (epoch 45)`.
    """
    changed = [b[0] for a, b in itertools.pairwise(flip.history) if a[1] != b[1]]
    counts = " ".join(str(count) for _, count in flip.history[-STRIP:])
    return f"{counts} (epoch {changed[-1]})" if changed else counts


def views(training_images: int) -> int:
    """Views of training images in an epoch: each image equally often, `LEAST_VIEWS` in all at least."""
    return max(1, -(-LEAST_VIEWS // max(1, training_images))) * training_images


def estimate_seconds(epochs: Sequence[Epoch], training_images: int, more: int) -> float | None:
    """How long `more` epochs on so many training images will take, from the run's own last epochs; None before the
    first.
    """
    recent = [e for e in epochs[-10:] if e.training_images > 0]
    if not recent:
        return None
    per_view = statistics.median(e.seconds / views(e.training_images) for e in recent)
    return per_view * views(training_images) * more


def estimate_in_words(epochs: Sequence[Epoch], book: AnnotationBook, more: int, base: str) -> str:
    """How long training will take, from the run's own epochs, else from what we measured, which may be off by much."""
    images = len(book.side(Side.TRAINING))
    folds = FOLDS * fold_epochs((epochs[-1].epoch if epochs else 0) + more)
    known, check = (estimate_seconds(epochs, images, number) for number in (more, folds))
    if known is not None and check is not None:
        return f"{more} take about {duration(known)}, the cross-check then about {duration(check)}"
    each = views(images) * (HALF_SECONDS if base.endswith("-half") else FULL_SECONDS)
    return (
        f"{more} take about {duration(more * each)} on one core, the cross-check then about {duration(folds * each)}, "
        "a guess until the first is done"
    )


def kept_in_words(status: TrainingStatus) -> list[str]:
    """What the last model that was looked at kept of what its base knew; empty where nobody looked yet."""
    if not status.kept:
        return []
    kept = status.kept[max(status.kept)]
    much = kept.lost > FORGOTTEN * (kept.kept + kept.lost)
    todo = " Where samples hold such cells too, annotate some of them." if much else ""
    return [f"Kept: {kept.in_words}{todo}"]


_PLAIN = {
    None: "Not trained yet",
    JobState.STARTING: "The engine is starting",
    JobState.FAILED: "Training failed",
}


def in_words(status: TrainingStatus) -> str:
    at = f"epoch {status.epoch} of {status.target}" if status.epochs else f"0 of {status.target} epochs"
    done, total = status.checking
    left = f", {duration(status.eta_seconds)} left" if status.eta_seconds is not None else ""
    check = f", cross-check {done / total:.0%}{left}" if total else ""
    match status.state:
        case JobState.RUNNING if total:
            return f"Trained {status.epoch} epochs{check}"
        case JobState.RUNNING:
            return f"Training: {at}{left}"
        case JobState.PAUSED:
            return f"Paused at {at}{check}"
        case JobState.FINISHED:
            return f"Trained {status.epoch} epochs"
        case JobState.STOPPED:
            return f"Stopped at {at}"
        case JobState.LOST:
            return f"The engine is gone, at {at}"
    return _PLAIN[status.state]
