"""Step 1: is a new model needed? Random images, two judgements on each, a tally."""

from __future__ import annotations

import random
from dataclasses import replace

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.run_settings import GOALS, AssessSettings
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import Judgement, Tally, Verdict, latest, tally
from tui_cytpix.workflow.base_model import reference
from tui_cytpix.workflow.run import Run

STEP = "assess"


def state_goal(run: Run, goal: str, counting_convention: str, p0: float | None = None, p1: float | None = None) -> None:
    """Writes down the research goal, the tolerated rates (the goal's own where not given) and the counting
    convention.
    """
    preset = next(g for g in GOALS if g.name == goal)
    assess = replace(
        run.settings.assess,
        goal=goal,
        p0=preset.p0 if p0 is None else p0,
        p1=preset.p1 if p1 is None else p1,
        counting_convention=counting_convention,
    )
    run.update(replace(run.settings, assess=assess))


def draw(run: Run, images: int) -> tuple[ImageKey, ...]:
    """The run's seeded random sequence, at least `images` long where the research samples hold as many; drawing more
    only appends. Selected and annotated images are left out.

    Raises:
        SampleError: a sample can't be read.
    """
    assess = run.settings.assess
    sequence = extend(run, assess.sequence, images, f"{run.settings.seed}/{STEP}", "research", avoid=set())
    run.update(replace(run.settings, assess=replace(assess, sequence=sequence, images=images)))
    return sequence


def extend(
    run: Run, sequence: tuple[ImageKey, ...], length: int, seed: str, role: str, avoid: set[ImageKey]
) -> tuple[ImageKey, ...]:
    """The first `length` images of a random permutation of the images of all samples with that role, those already
    drawn kept in front.
    """
    if len(sequence) >= length:
        return sequence
    avoid = avoid | set(run.settings.selection.images) | {a.image for a in run.annotations.decided()} | set(sequence)
    population = [
        ImageKey(sample.name, event)
        for sample in run.settings.samples
        if sample.role == role
        for event in run.images.reader(sample.name).event_ids
    ]
    random.Random(seed).shuffle(population)
    fresh = [key for key in population if key not in avoid]
    return sequence + tuple(fresh[: length - len(sequence)])


def choose_model(run: Run, model: ModelEntry) -> None:
    """The model to judge."""
    run.update(replace(run.settings, assess=replace(run.settings.assess, model=reference(model))))


def judge(run: Run, image: ImageKey, model: ModelEntry, judgement: Judgement, step: str = STEP) -> None:
    """Records one judgement; it counts for the rate where the image is of the step's random sequence."""
    settings = run.settings
    sequence = settings.assess.sequence if step == STEP else settings.evaluate.sequence
    run.record_verdict(image, model.hash, judgement, step=step, counts_for_rate=image in sequence)


def undo(run: Run, model: ModelEntry, step: str = STEP) -> ImageKey | None:
    """Takes the newest judgement back and returns its image; None where there is none."""
    standing = latest(run.verdicts, model.hash, step)
    if not standing:
        return None
    newest = max(standing.values(), key=lambda v: v.seq)
    run.record_verdict(newest.image, model.hash, None, step=step, counts_for_rate=newest.counts_for_rate)
    return newest.image


def verdict_of(run: Run, model: ModelEntry, step: str = STEP) -> dict[ImageKey, Verdict]:
    """The judgement in force for each image."""
    return latest(run.verdicts, model.hash, step)


def tally_of(run: Run, model: ModelEntry, step: str = STEP) -> Tally:
    """The counts so far."""
    return tally(run.verdicts, model.hash, step)


def in_words(counts: Tally, settings: AssessSettings) -> str:
    """A plain reading of the tally: rates beside the tolerated ones, and no verdict that the numbers don't carry."""
    if counts.reviewed == 0:
        return "No image is judged yet."
    return (
        f"{counts.reviewed} judged: {_errors(counts.count_errors, 'count')} ({counts.count_error_rate:.0%}), "
        f"{_errors(counts.mask_errors, 'mask')} ({counts.mask_error_rate:.0%}). "
        f"Plainly good is up to {settings.p0:.0%}, intolerable from {settings.p1:.0%}."
    )


def _errors(number: int, kind: str) -> str:
    return f"{number} {kind} error{'s' * (number != 1)}"
