"""The instrument's own masks as a candidate: which samples carry them, and what can't be asked of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.run_settings import Kind
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import MaskError, SampleError, UsageError
from tui_cytpix.workflow.base_model.library import library
from tui_cytpix.workflow.run.run import Run

_SHARES = ("count_accuracy", "singlet_specificity", "multiplet_sensitivity", "centroid_f1", "ap50")
_OF_PAIRS = ("count_difference", "counts_differing_share")
_NO_COUNT: dict[str, Any] = {  # what a comparison says of a model that tells no counts, and of a pair with it
    **dict.fromkeys(("predicted_particles", "particles", *_SHARES, *_OF_PAIRS)),
    **dict.fromkeys(("count_only_a_right", "count_only_b_right", "count_p", "count_least_p", "counts_differing")),
    **{f"{name}_ci": [None, None] for name in (*_SHARES, *_OF_PAIRS)},
}


def candidates(run: Run) -> list[ModelEntry]:
    """The library, with the instrument's masks where a sample of the run carries them."""
    there = any(run.images.reader(name).has_masks for name in _readable(run))
    return [entry for entry in library() if there or not entry.card.of_instrument]


def _readable(run: Run) -> list[str]:
    """The samples in use that can be read."""
    found = []
    for sample in run.settings.in_use:
        try:
            run.images.reader(sample.name)
        except SampleError:
            continue
        found.append(sample.name)
    return found


def without_masks(run: Run) -> list[str]:
    """The samples in use that carry none."""
    return [name for name in _readable(run) if not run.images.reader(name).has_masks]


def silent_on(run: Run, models: Sequence[ModelEntry]) -> set[str]:
    """The samples that one of the models can't be asked about, as they carry no masks of the instrument."""
    return set(without_masks(run)) if any(model.card.of_instrument for model in models) else set()


def without_counts(run: Run) -> list[str]:
    """The samples in use whose masks mark the object that triggered: they tell no counts."""
    readers = ((name, run.images.reader(name)) for name in _readable(run))
    return [name for name, reader in readers if reader.has_masks and not reader.masks_tell_particles]


def noted_in_words(run: Run, model: ModelEntry) -> list[str]:
    """Sentences on what can't be asked of the instrument's masks, of the run's samples; none of another model."""
    if not model.card.of_instrument:
        return []
    none, no_counts = without_masks(run), without_counts(run)
    told = (
        [f"{_listed(none)}: no masks of the instrument, so they are judged on the other samples only."] if none else []
    )
    if no_counts:
        mark = "the instrument's masks mark the object that triggered, not its cells"
        told.append(f"{_listed(no_counts)}: {mark}: their fit can be judged, their counts can't.")
    return told


def refuse(run: Run, model: ModelEntry, required: Sequence[Kind] = (Kind.MASK,)) -> None:
    """For any other model nothing is refused.

    Raises:
        MaskError: no sample of the run carries masks of the instrument.
        UsageError: more than the mask is to be judged, and the masks of a sample tell no counts.
    """
    if not model.card.of_instrument:
        return
    none = without_masks(run)
    if none and len(none) == len(_readable(run)):
        carries = "carries" if len(none) == 1 else "carry"
        raise MaskError(
            "There are no masks of the instrument", f"{_listed(none)} {carries} none.", "Choose another model."
        )
    if any(kind is not Kind.MASK for kind in required):
        refuse_counts(without_counts(run))


def told_without_counts(measures: Mapping[str, Any]) -> dict[str, Any]:
    """Measures of a model whose masks tell no counts, or of a pair of models of which one is such, as `compare` has
    them: those of the masks' fit, and None for the others.
    """
    of_answers = "particles" in measures  # no truth: the multiplets are the model's
    return {
        name: None if name == "multiplet_images" and of_answers else _NO_COUNT.get(name, value)
        for name, value in measures.items()
    }


def refuse_counts(samples: Sequence[str]) -> None:
    """Raises:
    UsageError: there are samples here whose masks tell no counts.
    """
    if samples:
        raise UsageError(
            "The counts of the instrument's masks can't be judged",
            f"In {_listed(samples)} they mark the object that triggered, not its cells.",
            "Judge their fit alone: require the mask only (run review --require mask).",
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(printable, names))
