"""What training needs next, by rules over the curves, the flips, the annotations and what they cover. Pure reading.

Each rule names its evidence: epochs, numbers, images. Lately means the last twenty epochs.

    empty         a third of the annotated images or more hold nothing, though the base model sees particles in
                  them, or all; also before the first epoch
    early         fewer than 25 epochs since the start, or since images were added: dips in the first 15 are normal
    inconsistent  15 % of the annotations or more, at least two, that models contradict which did not train on
                  them (cross-check), and the run's own
    doubtful      fewer of these
    few           TA or VA still dips, or VA stays below TA, and fewer than 20 images are annotated
    dips          TA or VA still dips, with 20 images or more
    rising        VA, or TA, is still getting better
    overfitting   VA stays below TA by more than chance explains
    steady        none of these: stable, and close together, but fewer than 50 epochs
    converged     the same from 50 epochs on
    singles       fewer than four annotated images hold two or more particles; also before the first epoch
    weak          a count class, or a sample, that the cross-check counts wrong in half of its images or more, at
                  least three
    flips         images whose count changed lately
    uncovered     preview images that are unlike all that is annotated
    known         the base model had nine tenths of the annotated images right as they are
    little        VA rests on fewer than ten images; and of which kinds there are none among them

What one image explains by itself, whose count goes wrong or right by a half, is a flip: no dip, and no rise. On really
trained runs whose trouble is known, `python -m tests.benchmarks advice` judges the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui_cytpix.domain.annotation import MIN_ANNOTATED, SEVERAL, AnnotationBook, Side, Status
from tui_cytpix.domain.jobs.training import FOLD_EPOCHS, Epoch, TrainingStatus
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.formats.run.predictions import PredictionStore
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.train import curves
from tui_cytpix.workflow.train.against_base import AgainstBase, AnswerOf, against_base
from tui_cytpix.workflow.train.balance import FewSeveral, few_several
from tui_cytpix.workflow.train.crosscheck import CLASSES, tallies
from tui_cytpix.workflow.train.doubts import doubts
from tui_cytpix.workflow.train.morphology import NAMED, Missing, missing
from tui_cytpix.workflow.train.progress import WINDOW, flipping_lately
from tui_cytpix.workflow.train.watch import LiveLooks

FEW_VALIDATION = 10
INCONSISTENT = 0.15  # of the annotations
HALF_EMPTY = 1 / 3  # of the annotated images
WEAK = 0.5  # of a class's or sample's
KNOWN = 0.9  # of the annotated images
HOLDING = ("images without a cell", "single cells", "images with two particles", "images with three or more")


@dataclass(frozen=True)
class Advice:
    """What to do, and why: `kind` one of the rules above, `words` sentences, `images` those to annotate or correct."""

    kind: str
    words: str
    images: tuple[ImageKey, ...] = ()


@dataclass(frozen=True)
class Lacking:
    """What the annotations lack, by what models see in the preview (`lacking`)."""

    missing: Missing | None = None
    few: FewSeveral | None = None
    base: AgainstBase | None = None


def lacking(run: Run, base: PredictionStore, now: AnswerOf) -> Lacking:
    """By the answers of the base model and of the model as it is `now`."""
    book = run.annotations
    return Lacking(missing(run, base), few_several(run, base.get, now), against_base(book, base.get))


def advise(status: TrainingStatus, book: AnnotationBook, lacks: Lacking = Lacking()) -> tuple[Advice, ...]:
    """Everything there is to say, the most urgent first."""
    epochs = status.epochs
    if not epochs:
        return _said(_empty(lacks.base), _singles(lacks.few), _known(lacks.base))
    wrong = _inconsistent(status, book)
    curve = Advice(*(curves.early(epochs) or curves.shape(epochs, len(book.accepted()))))
    on_wrong = wrong is not None and wrong.kind == "inconsistent" and curve.kind in ("steady", "converged")
    return _said(
        _empty(lacks.base),
        wrong,
        None if on_wrong else curve,
        *_weak(status, book),
        _little(epochs, book),
        _singles(lacks.few),
        _flips(status, book),
        _uncovered(lacks.missing),
        _known(lacks.base),
    )


def advice_on(run: Run, status: TrainingStatus) -> tuple[Advice, ...]:
    """As the screen says it: with what the annotations lack, where the base model has answered for the preview."""
    if not run.settings.base_model.hash:
        return advise(status, run.annotations)
    base, looks = run.answers(run.settings.base_model.hash), LiveLooks()
    looks.refresh(status)
    return advise(status, run.annotations, lacking(run, base, looks.get))


def _said(*found: Advice | None) -> tuple[Advice, ...]:
    return tuple(advice for advice in found if advice is not None)


def queue(found: Sequence[Advice]) -> tuple[ImageKey, ...]:
    """The images that are worth the annotator's next minutes, each once."""
    return tuple(dict.fromkeys(image for advice in found for image in advice.images))


def _inconsistent(status: TrainingStatus, book: AnnotationBook) -> Advice | None:
    wrong = doubts(status, book)
    if not wrong:
        return None
    named = ", ".join(f"{image} (annotated {one.given}, counted {one.found})" for image, one in wrong[:NAMED])
    more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    why = f"models that did not train on them count otherwise, and so does this one, nearly always: {named}{more}"
    images = tuple(image for image, _ in wrong)
    annotated = len(book.accepted())
    if len(wrong) >= max(2, INCONSISTENT * annotated):
        again = "Look at them again; debris or ghosts beside the cells may be why."
        words = f"{len(wrong)} of {annotated} annotations seem inconsistent: {why}. {again}"
        return Advice("inconsistent", words, images)
    return Advice("doubtful", f"Look at {'this' if len(wrong) == 1 else 'these'} once more: {why}.", images)


def _empty(base: AgainstBase | None) -> Advice | None:
    if base is None or not base.blank:
        return None
    if base.blank == base.images:
        words = f"None of the {base.images} annotated images holds a particle: there is nothing to learn from them."
        return Advice("empty", words, base.emptied)
    if base.blank < HALF_EMPTY * base.images or len(base.emptied) < HALF_EMPTY * base.images:
        return None
    named = ", ".join(str(image) for image in base.emptied[:NAMED])
    words = (
        f"{base.blank} of {base.images} annotated images hold nothing, but the base model sees particles in "
        f"{len(base.emptied)} of these: {named}. Look at them again: labels may be missing."
    )
    return Advice("empty", words, base.emptied)


def _known(base: AgainstBase | None) -> Advice | None:
    if base is None or base.answered < MIN_ANNOTATED or base.right < KNOWN * base.answered:
        return None
    words = (
        f"The base model has {base.right} of {base.answered} annotated images right as they are: these cells are close "
        "to what it knows. It may need more images before anything changes; whether it will do as it is, step 1 tells."
    )
    return Advice("known", words)


def _weak(status: TrainingStatus, book: AnnotationBook) -> list[Advice]:
    if status.crosscheck is None or status.crosscheck.epochs < FOLD_EPOCHS:
        return []
    found = []
    for part in tallies(status, book)[1:]:
        wrong = part.images - part.right
        if wrong >= max(3, WEAK * part.images):
            kind = HOLDING[CLASSES.index(part.name)] if part.kind == "class" else f"images of sample {part.name}"
            words = f"The cross-check counts only {part.right} of {part.images} {kind} right: annotate more of them."
            found.append(Advice("weak", words))
    return found


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
