"""Which images a run has used already, so that nothing is judged on them as if they were fresh."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import SampleError
from tui_cytpix.workflow.run.run import Run

ASSESS, EVALUATE = "assess", "evaluate"


def sequence_of(run: Run, step: str) -> tuple[ImageKey, ...]:
    """What step 1 or 5 has drawn."""
    return run.settings.of_step(step).sequence


def prepared(run: Run) -> set[ImageKey]:
    """Selected for training, or touched in the editor."""
    return set(run.settings.selection.images) | run.annotations.touched


def judged_for(run: Run, step: str, model: str) -> set[ImageKey]:
    """Judged in that step of this model (its hash), by itself, while fresh for it, or against its base."""
    alone = {v.image for v in run.verdicts if (v.step, v.model) == (step, model) and v.counts_for_rate}
    return alone | ({v.image for v in run.pair_verdicts if v.new == model} if step == EVALUATE else set())


def used(run: Run, step: str, model: str) -> set[ImageKey]:
    """What is not fresh for a judgement of this model (its hash) in that step: what is selected or touched, drawn or
    judged in the other step, and, in step 5, judged of another new model: training may have gone on by what it showed.
    """
    other = ASSESS if step == EVALUATE else EVALUATE
    found = prepared(run) | set(sequence_of(run, other)) | {v.image for v in run.verdicts if v.step == other}
    if step == EVALUATE:
        found |= {v.image for v in run.verdicts if v.step == step and v.model != model}
    return found | {v.image for v in run.pair_verdicts if step == ASSESS or v.new != model}


def digests(run: Run, images: Iterable[ImageKey]) -> set[str]:
    """Of the images' pixels, read where they are not known yet, of those that can be."""
    found = set()
    for image in images:
        try:
            found.add(run.images.digest(image))
        except SampleError:
            continue
    return found


def digests_of_used(run: Run) -> tuple[str, ...]:
    """Of all that was selected, touched or judged."""
    judged = {v.image for v in run.verdicts} | {v.image for v in run.pair_verdicts}
    return tuple(sorted(digests(run, prepared(run) | judged)))


def still_fresh(run: Run, step: str, models: Sequence[ModelEntry]) -> tuple[ImageKey, ...]:
    """Of the images that a step has drawn those that still tell of new ones, in their order: neither the models (the
    first is the one that is judged) nor those that they descend from were made with them, and they have not been used
    since, unless the model was judged on them before that; nor is their sample set aside. No image is read for it.
    """
    model = models[0].hash if models else ""
    learnt = frozenset[str]().union(*(one.card.made_with.images for one in models))
    judged, others, pixels = judged_for(run, step, model), used(run, step, model), run.images.pixels
    known = {pixels[image] for image in others if image in pixels}

    def fresh(image: ImageKey) -> bool:
        digest = pixels.get(image, "")
        if image.sample in run.settings.aside:
            return False
        return digest not in learnt and (image in judged or (image not in others and digest not in known))

    return tuple(image for image in sequence_of(run, step) if fresh(image))


def gone_in_words(run: Run, step: str, models: Sequence[ModelEntry]) -> str:
    """How many of the drawn images are not fresh any more; "" where all are."""
    drawn = len(sequence_of(run, step))
    gone = drawn - len(still_fresh(run, step, models))
    if not gone:
        return ""
    verb = "is" if gone == 1 else "are"
    why = "selected, annotated, or judged of another model since, a model was made with them, or they are set aside"
    return f"{gone} of the {drawn} images drawn {verb} left out: {why}."


def learnt_in_words(models: Iterable[ModelEntry], images: Collection[str]) -> list[str]:
    """Which models were trained or validated on some of these images (their digests): what is found on them flatters
    those models.
    """
    lines = []
    for model in models:
        made = model.card.made_with
        parts = (("trained", set(made.training)), ("validated", set(made.validation).difference(made.training)))
        shared = [(sum(one in known for one in images), what) for what, known in parts]
        told = " and ".join(f"{what} on {number}" for number, what in shared if number)
        if told:
            lines.append(
                f"{model.card.name}, or a model it descends from, was {told} of these {len(images)} images: what is "
                "found here flatters it. Images that it has not seen tell more."
            )
        elif not made.complete:
            lines.append(f"{model.card.name} doesn't tell all that it was trained on: these images may be among it.")
    return lines


def valid_for(run: Run, model: ModelEntry, images: Iterable[ImageKey]) -> str:
    """Whether what the model does on these images holds for samples that no training saw, in words; "" without any."""
    seen = {image.sample for image in images}
    names = [sample.name for sample in run.settings.samples if sample.name in seen]
    if not names:
        return ""
    made = model.card.made_with
    trained_on = {*made.training, *made.validation}
    known = {image.sample for image, digest in list(run.images.pixels.items()) if digest in trained_on}
    known |= {one.name for one in run.settings.samples if run.images.fingerprint(one.name) in made.samples}
    if not made.complete and model.hash != run.settings.base_model.hash:
        known |= {annotation.image.sample for annotation in run.annotations.accepted()}
    for sample in (*run.settings.samples, *reversed(run.settings.samples)):
        if known.intersection((sample.name, *sample.copies)):
            known.update((sample.name, *sample.copies))
    old, new = [name for name in names if name in known], [name for name in names if name not in known]
    if new and not made.complete:
        return (
            f"Whether this holds for new tubes is not known: {model.card.name} doesn't tell all that it was trained on."
        )
    if not old:
        return "Valid for new tubes: no training saw any of these samples."
    these = f"these tubes, by fresh images of samples that were trained on ({', '.join(old)})"
    if not new:
        return f"Valid for {these}; a sample that no training saw would tell about new tubes."
    return f"Valid for new tubes by {', '.join(new)}, which no training saw; else for {these}."
