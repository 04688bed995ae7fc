"""Images that a step draws at random, of the events in the gate in use."""

from __future__ import annotations

import random

from tui_cytpix.domain.run_settings import AssessSettings, EvaluateSettings
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import SampleError
from tui_cytpix.workflow.explore import gates
from tui_cytpix.workflow.run.run import Run


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


def extended(
    run: Run, step: AssessSettings | EvaluateSettings, length: int, seed: str, role: str, avoid: set[ImageKey]
) -> tuple[ImageKey, ...]:
    """The first `length` images of a random permutation of the images of all samples with that role (those in the gate
    in use, where one is). What the step has drawn is kept in front, unless it was drawn from another gate.
    """
    sequence = step.sequence if step.drawn_from == gate_in_use(run) else ()
    if len(sequence) >= length:
        return sequence
    avoid = avoid | set(run.settings.selection.images) | {a.image for a in run.annotations.decided()} | set(sequence)
    samples = [sample for sample in run.settings.samples if sample.role == role]
    population = [ImageKey(s.name, event) for s in samples for event in run.images.reader(s.name).event_ids]
    random.Random(seed).shuffle(population)  # before the gate: an image judged early comes early again
    inside = {ImageKey(name, e) for name, events in gates.to_draw_from(run, samples).items() for e in events}
    fresh = [key for key in population if key in inside and key not in avoid]
    return sequence + tuple(fresh[: length - len(sequence)])


def unseen(run: Run, images: int) -> tuple[ImageKey, ...]:
    """The first `images` random ones for step 5, that no step has seen: not selected, not annotated, not reviewed in
    step 1; of the samples reserved for the evaluation where there are any, else of the research samples.
    """
    reserved = any(sample.role == "evaluation" for sample in run.settings.samples)
    role = "evaluation" if reserved else "research"
    seen = set(run.settings.assess.sequence)
    return extended(run, run.settings.evaluate, images, f"{run.settings.seed}/evaluate", role, avoid=seen)


def any_left(run: Run) -> bool:
    """Whether step 5 could still draw an image; True where a sample can't be read, as drawing tells."""
    drawn = run.settings.evaluate.sequence
    try:
        return not set(drawn).issuperset(unseen(run, len(drawn) + 1))
    except SampleError:
        return True
