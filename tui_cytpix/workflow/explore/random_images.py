"""Images that a step draws at random, of the events in the gate in use."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.run_settings import AssessSettings, EvaluateSettings
from tui_cytpix.domain.sample import ImageKey, SampleRef
from tui_cytpix.errors import ModelFileError, SampleError
from tui_cytpix.workflow.base_model import instrument, library
from tui_cytpix.workflow.explore import gates
from tui_cytpix.workflow.run import used_images
from tui_cytpix.workflow.run.run import Run

SOME = 5  # images that are named


def gate_in_use(run: Run) -> str:
    """The gate that images are drawn from, in words, as the sequences remember it; "" for none."""
    return gates.in_words(run, run.settings.selection.gate)


def drawn_in_words(run: Run, step: AssessSettings | EvaluateSettings) -> str:
    """What a step's images are drawn from, where that is not all events, or what the next draw will do otherwise."""
    gate = gate_in_use(run)
    if step.sequence and step.drawn_from != gate:
        before, then = (f"the gate {one}" if one else gates.ALL for one in (step.drawn_from, gate))
        return f"These images were drawn from {before}; the next draw is anew, from {then}."
    return f"Drawn only from the gate {gate}." if gate else ""


def models_of(run: Run) -> list[ModelEntry]:
    """The run's new model, its base and that of step 1, of those that are there."""
    return _found(str(run.folder.model_path), run.settings.base_model.model, run.settings.assess.model)


def judged_models(run: Run, step: str, model: ModelEntry | None) -> list[ModelEntry]:
    """The model that a step judges (None: the run's own), and, in step 5, the base that it is held against, of those
    that are there.
    """
    own = run.settings.assess.model if step == used_images.ASSESS else str(run.folder.model_path)
    base = [run.settings.base_model.model] if step == used_images.EVALUATE else []
    return _found(own, *base) if model is None else [model, *_found(*base)]


def _found(*names: str) -> list[ModelEntry]:
    found = []
    for name in filter(None, names):
        with contextlib.suppress(ModelFileError):
            found.append(library.find(name))
    return found


def extended(run: Run, step: str, length: int, models: Sequence[ModelEntry]) -> tuple[ImageKey, ...]:
    """The first `length` images of a random permutation of the images of all samples that the step draws from (those
    in the gate in use, where one is), as many of each sample while it has some; without those that the run has used or
    that the models were made with, whatever they are called, and each once. What the step has drawn is kept in front
    where it is still fresh (used_images.still_fresh), unless it was drawn from another gate. `models` are judged, the
    first above all; of samples that one of them can't be asked about nothing is drawn, and what was is on top.

    Raises:
        SampleError: a sample can't be read, or is not the one that it was.
    """
    settings = run.settings.of_step(step)
    fresh = used_images.still_fresh(run, step, models)
    kept = fresh if settings.drawn_from == gate_in_use(run) else ()
    silent = instrument.silent_on(run, models)
    length += sum(key.sample in silent for key in kept)
    if len(kept) >= length:
        return kept
    gone = set(settings.sequence).difference(fresh)
    used = used_images.used(run, step, models[0].hash if models else "") | gone | set(kept)
    made_with = [model.card.made_with.images for model in (*models, *models_of(run))]
    taken = used_images.digests(run, used).union(*made_with)
    samples = [sample for sample in drawn_from(run, step) if sample.name not in silent]
    population = [ImageKey(s.name, event) for s in samples for event in run.images.reader(s.name).event_ids]
    random.Random(f"{run.settings.seed}/{step}").shuffle(population)  # before the gate: early ones come early again
    inside = {ImageKey(name, e) for name, events in gates.to_draw_from(run, samples).items() for e in events}
    drawn = list(kept)
    left = (key for key in population if key in inside and key not in used)
    for key in _in_turn(left, kept, f"{run.settings.seed}/{step}/turns"):
        if len(drawn) == length:
            break
        if _is_of_use(run, key, taken):
            drawn.append(key)
    return tuple(drawn)


def _in_turn(population: Iterable[ImageKey], drawn: Iterable[ImageKey], seed: str) -> list[ImageKey]:
    """The images in an order that takes as many of each sample, with what is drawn already, as long as it has some: a
    small tube gets a verdict beside a large one. Whose turn comes first is drawn anew each time, as a blind review
    would else tell samples by their turns. Within a sample the order stays.
    """
    places = Counter(key.sample for key in drawn)
    placed = []
    for key in population:
        placed.append((places[key.sample], key))
        places[key.sample] += 1
    return [key for _, key in sorted(placed, key=lambda one: (one[0], sha256(f"{seed}/{one[1]}".encode()).digest()))]


def _is_of_use(run: Run, key: ImageKey, taken: set[str]) -> bool:
    """Whether the image can be read, and none with these pixels is taken; from now on one is."""
    try:
        digest = run.images.digest(key)
    except SampleError:
        if key in run.images.unreadable:
            return False
        raise  # its sample is gone, or another one
    if digest in taken:
        run.remember([key])  # it tells that two samples are of one tube
        return False
    taken.add(digest)
    return True


def drawn_from(run: Run, step: str) -> list[SampleRef]:
    """The samples that a step draws from: in step 5 those reserved for the evaluation where there are any, else the
    research samples.
    """
    reserved = [sample for sample in run.settings.samples if sample.role == "evaluation"]
    if step == used_images.EVALUATE and reserved:
        return reserved
    return [sample for sample in run.settings.samples if sample.role == "research"]


def any_left(run: Run) -> bool:
    """Whether step 5 could still draw an image; True where a sample can't be read, as drawing tells."""
    drawn, models = run.settings.evaluate.sequence, judged_models(run, used_images.EVALUATE, None)
    kept = used_images.still_fresh(run, used_images.EVALUATE, models)
    try:
        return not set(drawn).issuperset(extended(run, used_images.EVALUATE, len(kept) + 1, models))
    except SampleError:
        return True


def too_few_in_words(run: Run, step: str, wanted: int, drawn: int) -> str:
    """Where fewer images could be drawn than were asked for: how many, and what helps; and which images met on the way
    can't be read; else "".
    """
    unreadable = [str(key) for key in sorted(run.images.unreadable)]
    more = ", ..." if len(unreadable) > SOME else ""
    passed_over = f"{len(unreadable)} can't be read and are passed over: {', '.join(unreadable[:SOME])}{more}."
    if drawn >= wanted:
        return f"Of the images, {passed_over}" if unreadable else ""
    where = "the gate holds" if run.settings.selection.gate else "the samples hold"
    helps = "Add a sample in step 3"
    if step == used_images.EVALUATE:
        helps += ", reserve one for the evaluation there, or select fewer images before you train"
    said = f"Only {drawn} of {wanted}: {where} no more images that no step, and no model behind it, has used. {helps}."
    return f"{said} {passed_over}" if unreadable else said
