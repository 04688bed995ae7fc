"""What training needs next, by rules over the curves, the flips, the annotations and what they cover. Pure reading.

Each rule names its evidence: epochs, numbers, images. Lately means the last twenty epochs.

    early         fewer than 15 epochs since the start, or since images were added: dips are normal
    inconsistent  a tenth of the annotations or more, at least two, that the model contradicts, surely and nearly always
    doubtful      fewer of these
    few           TA or VA still dips, or VA stays below TA, and fewer than 20 images are annotated
    dips          TA or VA still dips, with 20 images or more
    rising        VA is still getting better
    overfitting   VA stays below TA by more than chance explains
    converged     none of these: stable, and close together
    flips         images whose count changed lately
    uncovered     preview images that are unlike all that is annotated
    little        VA rests on fewer than ten images
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tui_cytpix.domain.annotation import AnnotationBook, Status
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.training import Contradiction, Epoch, TrainingStatus
from tui_cytpix.workflow.morphology import NAMED, Missing
from tui_cytpix.workflow.progress import WINDOW, flipping_lately

EARLY_EPOCHS = 15
DIP = 0.08
ONE_IMAGE = 0.6
GAP = 0.08
GAIN = 0.015
FEW_VALIDATION = 10
TYPICAL = 20  # annotated images
STUBBORN = 0.8  # of the looks
DOUBT = 0.25
INCONSISTENT = 0.1  # of the annotations


@dataclass(frozen=True)
class Advice:
    """What to do, and why: `kind` one of the rules above, `words` sentences, `images` those to annotate or correct."""

    kind: str
    words: str
    images: tuple[ImageKey, ...] = ()


def advise(status: TrainingStatus, book: AnnotationBook, missing: Missing | None = None) -> tuple[Advice, ...]:
    """Everything there is to say, the most urgent first; empty before the first epoch."""
    epochs = status.epochs
    if not epochs:
        return ()
    wrong = _inconsistent(status, book)
    curves: Advice | None = _early(epochs) or _curves(epochs, len(book.accepted()))
    if wrong and wrong.kind == "inconsistent" and curves and curves.kind == "converged":
        curves = None  # stable, but on what is wrong
    found = (wrong, curves, _flips(status, book), _uncovered(missing), _little(epochs))
    return tuple(advice for advice in found if advice is not None)


def queue(found: Sequence[Advice]) -> tuple[ImageKey, ...]:
    """The images that are worth the annotator's next minutes, each once."""
    return tuple(dict.fromkeys(image for advice in found for image in advice.images))


# Curves


def _since(epochs: Sequence[Epoch]) -> tuple[int, int]:
    """The epoch at which the annotated images last became more or fewer (else the first), and by how many."""
    for before, after in zip(reversed(epochs[:-1]), reversed(epochs[1:]), strict=True):
        more = after.training_images + after.validation_images - before.training_images - before.validation_images
        if more:
            return after.number, more
    return epochs[0].number, 0


def _early(epochs: Sequence[Epoch]) -> Advice | None:
    since, more = _since(epochs)
    if epochs[-1].number - since + 1 >= EARLY_EPOCHS:
        return None
    until = since + EARLY_EPOCHS - 1
    if not more:
        return Advice("early", f"Early epochs jump about: dips of TA and VA are normal up to epoch {until}.")
    images = f"{abs(more)} image{'' if abs(more) == 1 else 's'} {'came in' if more > 0 else 'went'}"
    return Advice("early", f"{images} at epoch {since}: dips are normal again up to epoch {until}.")


def _curves(epochs: Sequence[Epoch], annotated: int) -> Advice:
    since, _ = _since(epochs)
    recent = [e for e in epochs if e.number >= since][-WINDOW:]
    ta, va = statistics.fmean(e.ta for e in recent), statistics.fmean(e.va for e in recent)
    span = f"over epochs {recent[0].number} to {recent[-1].number}"
    if dip := _dip(recent):
        if annotated < TYPICAL:
            few = f"{annotated} annotated images are too few, {TYPICAL} are typical. Annotate images that flip."
            return Advice("few", f"{dip} That is not normal any more: {few}")
        rest = "Some annotations contradict each other, or some shapes are too rare. Annotate images that flip."
        return Advice("dips", f"{dip} That is not normal any more with {annotated} annotated images. {rest}")
    gain = _gain(recent)
    if gain > GAIN:
        return Advice("rising", f"VA is still rising, by {gain:.3f} {span}: let it train on, or add epochs.")
    error = statistics.fmean(e.va_error or 0.0 for e in recent)
    if ta - va > max(GAP, 2 * error):
        gap = f"VA ({va:.2f}) stays {ta - va:.2f} below TA ({ta:.2f}) {span}"
        if annotated < TYPICAL:
            return Advice("few", f"{gap}: {annotated} annotated images are too few, {TYPICAL} are typical. Add others.")
        return Advice("overfitting", f"{gap}: the model knows its training images by heart. Annotate other shapes too.")
    words = f"TA ({ta:.2f}) and VA ({va:.2f}) are stable {span}"
    if ta - va > GAP:
        return Advice("converged", f"{words}; that VA is lower may be chance, its standard error is {error:.2f}.")
    return Advice("converged", f"{words} and close together: done, unless images still flip.")


def _dip(recent: Sequence[Epoch]) -> str:
    """The deepest fall well below what was reached before it, as a sentence; empty without one. What one image explains
    by itself, whose count went wrong by a half, is a flip and no dip.
    """
    falls = []
    for name in ("TA", "VA"):
        values = [getattr(e, name.lower()) for e in recent]
        images = [e.training_images if name == "TA" else e.validation_images for e in recent]
        best = itertools.accumulate(values, max)
        falls += [
            (b - v - max(DIP, ONE_IMAGE / max(1, n)), b - v, name, e.number)
            for e, v, b, n in zip(recent, values, best, images, strict=True)
        ]
    beyond, depth, name, number = max(falls, key=lambda fall: fall[0])
    return f"{name} dipped by {depth:.2f} at epoch {number}." if beyond > 0 else ""


def _gain(recent: Sequence[Epoch]) -> float:
    va = [e.va for e in recent]
    half = len(va) // 2
    return statistics.fmean(va[half:]) - statistics.fmean(va[:half])


# Images


def doubtful(status: TrainingStatus, book: AnnotationBook) -> list[Contradiction]:
    """The annotations that are probably wrong, the most doubtful first: those whose count the model contradicts in at
    least 80 % of the late looks, where its sureness times the share of particles in question is at least a quarter (1
    for 2: sure to one half; 3 for 4: never sure enough, clumps are hard). Averaged weights with a pull to the base do
    not learn a few wrong counts by heart, so what is wrong stays contradicted also where it is trained on.
    """
    last = status.epochs[-1].number if status.epochs else 0
    ranked = []
    for found in status.contradictions:
        looks = [look for look in found.looks if look[0] > last - WINDOW]
        state = book.state(found.image)
        if state.status is not Status.ACCEPTED or state.time > status.told or len(looks) < STUBBORN * WINDOW:
            continue
        doubt = statistics.fmean(sure * _share(found.given, count) for _, count, sure in looks)
        if doubt >= DOUBT:
            ranked.append((-doubt, found))
    return [found for _, found in sorted(ranked, key=lambda pair: (pair[0], pair[1].image))]


def _share(given: int, count: int) -> float:
    return abs(given - count) / max(given, count, 1)


def _inconsistent(status: TrainingStatus, book: AnnotationBook) -> Advice | None:
    wrong = doubtful(status, book)
    if not wrong:
        return None
    named = ", ".join(f"{w.image} (annotated {w.given}, counted {w.looks[-1][1]})" for w in wrong[:NAMED])
    more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    why = f"over the last {WINDOW} epochs the model surely and nearly always counts otherwise: {named}{more}"
    images = tuple(w.image for w in wrong)
    annotated = len(book.accepted())
    if len(wrong) >= max(2, INCONSISTENT * annotated):
        again = "Look at them again; debris or ghosts beside the cells may be why."
        words = f"{len(wrong)} of {annotated} annotations seem inconsistent: {why}. {again}"
        return Advice("inconsistent", words, images)
    return Advice("doubtful", f"Look at {'this' if len(wrong) == 1 else 'these'} once more: {why}.", images)


def _flips(status: TrainingStatus, book: AnnotationBook) -> Advice | None:
    if not status.flips:
        return None
    lately = flipping_lately(status)
    open_ = [flip.image for flip in status.flips if flip.image in lately and _is_open(book, flip.image)]
    words = f"{len(status.flips)} images changed their count between looks"
    if not lately:
        return Advice("flips", f"{words}, none of them in the last {WINDOW} epochs.")
    if not open_:
        return Advice("flips", f"{words}, {len(lately)} in the last {WINDOW} epochs, all of them annotated.")
    named = ", ".join(str(image) for image in open_[:NAMED])
    rest = f"{len(lately)} in the last {WINDOW} epochs, {len(open_)} of these not annotated: annotate {named}"
    return Advice("flips", f"{words}, {rest}.", tuple(open_))


def _is_open(book: AnnotationBook, image: ImageKey) -> bool:
    return book.state(image).status is Status.OPEN


def _uncovered(missing: Missing | None) -> Advice | None:
    if missing is None:
        return None
    named = ", ".join(str(image) for image in missing.images)
    words = (
        f"{missing.unlike} preview image{'' if missing.unlike == 1 else 's'} look like nothing annotated. "
        f"Add images like {named} ({missing.words})."
    )
    return Advice("uncovered", words, missing.images)


def _little(epochs: Sequence[Epoch]) -> Advice | None:
    """How little VA rests on, where it does."""
    images = epochs[-1].validation_images
    if not 0 < images < FEW_VALIDATION:
        return None
    return Advice("little", f"VA rests on {images} images: each one weighs {1 / images:.0%} of it.")
