"""What the curves say, in words, and how long training takes. Pure reading of a `TrainingStatus`."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.training import Epoch, Flip, JobState, TrainingStatus

EARLY_EPOCHS = 15
WINDOW = 20
DIP = 0.08
GAP = 0.08
GAIN = 0.015
FEW_VALIDATION = 10


def on_curves(epochs: Sequence[Epoch]) -> str:
    """Advice from TA and VA: dips mean too few or inconsistent annotations (normal early on), stable and close together
    means done.
    """
    if not epochs:
        return ""
    if len(epochs) < EARLY_EPOCHS:
        return "Early epochs jump about; that is normal."
    recent = epochs[-WINDOW:]
    ta, va = [e.ta for e in recent], [e.va for e in recent]
    if _dips(ta) or _dips(va):
        return "TA or VA still dips: too few annotations, or inconsistent ones. Annotate images that flip, then go on."
    half = len(va) // 2
    if statistics.fmean(va[half:]) - statistics.fmean(va[:half]) > GAIN:
        return "VA is still rising: let it train on, or add epochs."
    if statistics.fmean(ta) - statistics.fmean(va) > GAP:
        return "VA stays well below TA: the model knows the training images by heart. Annotate other shapes too."
    return "TA and VA are stable and close together: done, unless images still flip."


def _dips(values: Sequence[float]) -> bool:
    """True where a value falls well below what was reached before it."""
    return any(value < best - DIP for value, best in zip(values, itertools.accumulate(values, max), strict=True))


def on_validation(epochs: Sequence[Epoch]) -> str:
    """How little VA rests on, where it does; else empty."""
    if not epochs or not 0 < epochs[-1].validation_images < FEW_VALIDATION:
        return ""
    images = epochs[-1].validation_images
    return f"VA rests on {images} images: each one weighs {1 / images:.0%} of it."


def flipping_lately(status: TrainingStatus) -> frozenset[ImageKey]:
    """The images whose count changed within the last epochs; early changes are normal."""
    since = (status.epochs[-1].number if status.epochs else 0) - WINDOW
    return frozenset(
        flip.image
        for flip in status.flips
        if any(a[1] != b[1] and b[0] > since for a, b in itertools.pairwise(flip.history))
    )


def on_flips(status: TrainingStatus) -> str:
    """How many images confuse the model, early and now."""
    if not status.flips:
        return ""
    lately = len(flipping_lately(status))
    now = f"{lately} of them in the last {WINDOW} epochs: annotate these" if lately else "none of them lately"
    return f"{len(status.flips)} images changed their count between looks, {now}."


def changes(flip: Flip) -> str:
    """The counts an image went through, `2→1→2`, without repeats, and the epoch of the last change."""
    steps = [flip.history[0]]
    steps += [b for a, b in itertools.pairwise(flip.history) if a[1] != b[1]]
    return "→".join(str(count) for _, count in steps[-10:]) + f" (epoch {steps[-1][0]})"


def estimate_seconds(epochs: Sequence[Epoch], images: int, more: int) -> float | None:
    """How long `more` epochs on `images` annotated images will take, from the run's own last epochs; None before the
    first.
    """
    recent = [e for e in epochs[-10:] if e.training_images + e.validation_images > 0]
    if not recent:
        return None
    per_image = statistics.median(e.seconds / (e.training_images + e.validation_images) for e in recent)
    return per_image * images * more


def duration(seconds: float | None) -> str:
    """`45 s`, `3 min 20 s`, `2 h 05 min`; a dash where unknown."""
    if seconds is None:
        return "–"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s" if whole < 600 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def in_words(status: TrainingStatus) -> str:
    """One line: where training stands."""
    last = status.epochs[-1] if status.epochs else None
    at = f"epoch {last.number} of {status.target}" if last else f"0 of {status.target} epochs"
    match status.state:
        case None:
            return "Not trained yet"
        case JobState.STARTING:
            return "The engine is starting"
        case JobState.RUNNING:
            left = f", {duration(status.eta_seconds)} left" if status.eta_seconds is not None else ""
            return f"Training: {at}{left}"
        case JobState.PAUSED:
            return f"Paused at {at}"
        case JobState.FINISHED:
            return f"Trained {last.number if last else 0} epochs"
        case JobState.STOPPED:
            return f"Stopped at {at}"
        case JobState.FAILED:
            return "Training failed"
        case JobState.LOST:
            return f"The engine is gone, at {at}"
