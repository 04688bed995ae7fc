"""What training needs next, by rules over the curves, the flips, the annotations and what they cover. Pure reading.

Each rule names its evidence: epochs, numbers, images. Lately means the last twenty epochs.

    early         fewer than 15 epochs since the start, or since images were added: dips are normal
    inconsistent  15 % of the annotations or more, at least two, that the model contradicts, surely and nearly
                  always; those that it contradicts somewhat less surely are named with them
    doubtful      fewer of these, or less surely
    few           TA or VA still dips, or VA stays below TA, and fewer than 20 images are annotated
    dips          TA or VA still dips, with 20 images or more
    rising        VA, or TA, is still getting better
    overfitting   VA stays below TA by more than chance explains
    converged     none of these: stable, and close together
    singles       fewer than four annotated images hold two or more particles; also before the first epoch
    flips         images whose count changed lately
    uncovered     preview images that are unlike all that is annotated
    little        VA rests on fewer than ten images; and of which kinds there are none among them

What one image explains by itself, whose count goes wrong or right by a half, is a flip: no dip, and no rise. On really
trained runs whose trouble is known, `python -m tests.benchmarks advice` judges the rules.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tui_cytpix.domain.annotation import SEVERAL, AnnotationBook, Side, Status
from tui_cytpix.domain.jobs.training import Epoch, TrainingStatus
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.train.balance import FewSeveral, few_several
from tui_cytpix.workflow.train.doubts import doubts
from tui_cytpix.workflow.train.morphology import NAMED, Missing, missing
from tui_cytpix.workflow.train.progress import WINDOW, flipping_lately
from tui_cytpix.workflow.train.watch import LiveLooks

EARLY_EPOCHS = 15
DIP = 0.08
ONE_IMAGE = 0.6
GAP = 0.08
GAIN = 0.015
FEW_VALIDATION = 10
TYPICAL = 20  # annotated images
SURELY = 0.3
INCONSISTENT = 0.15  # of the annotations
HOLDING = ("images without a cell", "single cells", "images with two particles", "images with more")


@dataclass(frozen=True)
class Advice:
    """What to do, and why: `kind` one of the rules above, `words` sentences, `images` those to annotate or correct."""

    kind: str
    words: str
    images: tuple[ImageKey, ...] = ()


def advise(
    status: TrainingStatus, book: AnnotationBook, lacking: Missing | None = None, few: FewSeveral | None = None
) -> tuple[Advice, ...]:
    """Everything there is to say, the most urgent first."""
    epochs = status.epochs
    if not epochs:
        return _said(_singles(few))
    wrong = _inconsistent(status, book)
    curves: Advice | None = _early(epochs) or _curves(epochs, len(book.accepted()))
    if wrong and wrong.kind == "inconsistent" and curves and curves.kind == "converged":
        curves = None  # stable, but on what is wrong
    return _said(wrong, curves, _singles(few), _flips(status, book), _uncovered(lacking), _little(epochs, book))


def advice_on(run: Run, status: TrainingStatus) -> tuple[Advice, ...]:
    """As the screen says it: with what the annotations lack, where the base model has answered for the preview."""
    if not run.settings.base_model.hash:
        return advise(status, run.annotations)
    base, looks = run.answers(run.settings.base_model.hash), LiveLooks()
    looks.refresh(status)
    return advise(status, run.annotations, missing(run, base), few_several(run, base.get, looks.get))


def _said(*found: Advice | None) -> tuple[Advice, ...]:
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
            return after.epoch, more
    return epochs[0].epoch, 0


def _early(epochs: Sequence[Epoch]) -> Advice | None:
    since, more = _since(epochs)
    if epochs[-1].epoch - since + 1 >= EARLY_EPOCHS:
        return None
    until = since + EARLY_EPOCHS - 1
    if not more:
        return Advice("early", f"Early epochs jump about: dips of TA and VA are normal up to epoch {until}.")
    images = f"{abs(more)} image{'' if abs(more) == 1 else 's'} {'came in' if more > 0 else 'went'}"
    return Advice("early", f"{images} at epoch {since}: dips are normal again up to epoch {until}.")


def _curves(epochs: Sequence[Epoch], annotated: int) -> Advice:
    since, _ = _since(epochs)
    recent = [e for e in epochs if e.epoch >= since][-WINDOW:]
    ta, va = statistics.fmean(e.ta for e in recent), statistics.fmean(e.va for e in recent)
    span = f"over epochs {recent[0].epoch} to {recent[-1].epoch}"
    if dip := _dip(recent):
        if annotated < TYPICAL:
            few = f"{annotated} annotated images are too few, {TYPICAL} are typical. Annotate images that flip."
            return Advice("few", f"{dip} That is not normal any more: {few}")
        rest = "Some annotations contradict each other, or some shapes are too rare. Annotate images that flip."
        return Advice("dips", f"{dip} That is not normal any more with {annotated} annotated images. {rest}")
    if rise := _rise(recent):
        return Advice("rising", f"{rise} {span}: let it train on, or add epochs.")
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


# Images


def _inconsistent(status: TrainingStatus, book: AnnotationBook) -> Advice | None:
    found = doubts(status, book)
    if not found:
        return None
    wrong = [contradiction for _, contradiction in found]
    surely = sum(doubt >= SURELY for doubt, _ in found)
    named = ", ".join(f"{w.image} (annotated {w.given}, counted {w.looks[-1][1]})" for w in wrong[:NAMED])
    more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    why = f"over the last {WINDOW} epochs the model surely and nearly always counts otherwise: {named}{more}"
    images = tuple(w.image for w in wrong)
    annotated = len(book.accepted())
    if surely >= max(2, INCONSISTENT * annotated):
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


def _singles(few: FewSeveral | None) -> Advice | None:
    if few is None or not few.annotated:
        return None
    images = f"{few.annotated} annotated image{'' if few.annotated == 1 else 's'}"
    which = f"Only {few.several} of {images}" if few.several else f"None of the {images}"
    holds = "hold" if few.several > 1 else "holds"
    named = ", ".join(str(image) for image in few.images)
    do = "does" if len(few.images) == 1 else "do"
    return Advice("singles", f"{which} {holds} two or more particles. Add such: {named} probably {do}.", few.images)


def _uncovered(lacking: Missing | None) -> Advice | None:
    if lacking is None:
        return None
    named = ", ".join(str(image) for image in lacking.images)
    words = (
        f"{lacking.unlike} preview image{' looks' if lacking.unlike == 1 else 's look'} like nothing annotated. "
        f"Add images like {named} ({lacking.words})."
    )
    return Advice("uncovered", words, lacking.images)


def _little(epochs: Sequence[Epoch], book: AnnotationBook) -> Advice | None:
    """How little VA rests on, where it does, and what it says nothing on."""
    images = epochs[-1].validation_images
    if not 0 < images < FEW_VALIDATION:
        return None
    words = f"VA rests on {images} images: each one weighs {1 / images:.0%} of it."
    accepted, validating = (
        [
            (min(state.segmentation.particle_count, SEVERAL), state.image.sample)
            for state in states
            if state.segmentation
        ]
        for states in (book.accepted(), book.side(Side.VALIDATION))
    )
    counts = sorted({count for count, _ in accepted} - {count for count, _ in validating})
    samples = sorted({sample for _, sample in accepted} - {sample for _, sample in validating})
    nothing = [HOLDING[count] for count in counts] + [f"sample {name}" for name in samples]
    return Advice("little", words + (f" It says nothing on {', nor on '.join(nothing)}." if nothing else ""))
