"""What the curves of TA and VA mean, as the kind of an advice and its words."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence

from tui_cytpix.domain.jobs.training import Epoch
from tui_cytpix.workflow.train.progress import WINDOW

Said = tuple[str, str]
EARLY_EPOCHS = 15
LEAST = 10  # epochs after these, to tell anything from
SETTLED = 50  # epochs, from which on training may be done
DIP = 0.08
ONE_IMAGE = 0.6
GAP = 0.08
GAIN = 0.015
TYPICAL = 20  # annotated images


def _since(epochs: Sequence[Epoch]) -> tuple[int, int]:
    """The epoch at which the annotated images last became more or fewer (else the first), and by how many."""
    for before, after in zip(reversed(epochs[:-1]), reversed(epochs[1:]), strict=True):
        more = after.training_images + after.validation_images - before.training_images - before.validation_images
        if more:
            return after.epoch, more
    return epochs[0].epoch, 0


def early(epochs: Sequence[Epoch]) -> Said | None:
    """None from the 25th epoch on, counted anew when images are added; later in a log that lacks lines."""
    since, more = _since(epochs)
    until, last = since + EARLY_EPOCHS - 1, epochs[-1].epoch
    if last >= until + LEAST:
        told = sum(one.epoch > until for one in epochs)
        lacking = f"The job's log tells of {told} epochs after epoch {until}: from {LEAST} on more can be said."
        return None if told >= LEAST else ("early", lacking)
    if last >= until:
        return (
            "early",
            f"Dips of TA and VA up to epoch {until} were normal; from epoch {until + LEAST} on more can be told.",
        )
    if not more:
        return ("early", f"Early epochs jump about: dips of TA and VA are normal up to epoch {until}.")
    images = f"{abs(more)} image{'' if abs(more) == 1 else 's'} {'came in' if more > 0 else 'went'}"
    return ("early", f"{images} at epoch {since}: dips are normal again up to epoch {until}.")


def shape(epochs: Sequence[Epoch], annotated: int) -> Said:
    """What TA and VA of the last twenty epochs, but for early ones, mean, of so many annotated images."""
    since, _ = _since(epochs)
    recent = [e for e in epochs if e.epoch >= since + EARLY_EPOCHS][-WINDOW:]
    ta, va = statistics.fmean(e.ta for e in recent), statistics.fmean(e.va for e in recent)
    span = f"over epochs {recent[0].epoch} to {recent[-1].epoch}"
    if dip := _dip(recent):
        if annotated < TYPICAL:
            few = f"{annotated} annotated images are too few, {TYPICAL} are typical. Annotate images that flip."
            return ("few", f"{dip} That is not normal any more: {few}")
        rest = "Some annotations contradict each other, or some shapes are too rare. Annotate images that flip."
        return ("dips", f"{dip} That is not normal any more with {annotated} annotated images. {rest}")
    if rise := _rise(recent):
        return ("rising", f"{rise} {span}: let it train on, or add epochs.")
    error = statistics.fmean(e.va_error or 0.0 for e in recent)
    if ta - va > max(GAP, 2 * error):
        gap = f"VA ({va:.2f}) stays {ta - va:.2f} below TA ({ta:.2f}) {span}"
        if annotated < TYPICAL:
            return ("few", f"{gap}: {annotated} annotated images are too few, {TYPICAL} are typical. Add others.")
        return ("overfitting", f"{gap}: the model knows its training images by heart. Annotate other shapes too.")
    words = f"TA ({ta:.2f}) and VA ({va:.2f}) are stable {span}"
    if ta - va > GAP:
        return ("converged", f"{words}; that VA is lower may be chance, its standard error is {error:.2f}.")
    if recent[-1].epoch - since + 1 < SETTLED:
        return ("steady", f"{words} and close together so far. Let it train on: 100 epochs are usual.")
    return ("converged", f"{words} and close together: training on these images is done, unless some still flip.")


def _dip(recent: Sequence[Epoch]) -> str:
    """The deepest fall well below what was reached before it, as a sentence; empty without one."""
    falls = []
    for name, values, images in _both(recent):
        best = itertools.accumulate(values, max)
        falls += [
            (b - v - max(DIP, ONE_IMAGE / max(1, images)), b - v, name, e.epoch)
            for e, v, b in zip(recent, values, best, strict=True)
        ]
    beyond, depth, name, number = max(falls, key=lambda fall: fall[0])
    return f"{name} dipped by {depth:.2f} at epoch {number}." if beyond > 0 else ""


def _rise(recent: Sequence[Epoch]) -> str:
    """By how much VA, else TA, was better in the second half than in the first; empty where that is little."""
    half = len(recent) // 2
    for name, values, images in reversed(_both(recent)):
        gain = statistics.fmean(values[half:]) - statistics.fmean(values[:half])
        if gain > max(GAIN, ONE_IMAGE / max(1, images)):
            return f"{name} is still rising, by {gain:.3f}"
    return ""


def _both(recent: Sequence[Epoch]) -> tuple[tuple[str, list[float], int], ...]:
    """TA and VA, and how many images each rests on; these are the same in all `recent` epochs."""
    last = recent[-1]
    return (
        ("TA", [e.ta for e in recent], last.training_images),
        ("VA", [e.va for e in recent], last.validation_images),
    )
