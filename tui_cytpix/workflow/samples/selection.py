"""Step 3: which of the samples' images to train on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.statistics.sequential_tests import MINIMUM
from tui_cytpix.domain.run_settings import MAX_PREVIEW, MIN_PREVIEW, SelectionSettings
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import SampleError, UsageError
from tui_cytpix.workflow.explore import gates
from tui_cytpix.workflow.explore.random_images import any_left
from tui_cytpix.workflow.run.run import OnProgress, Run
from tui_cytpix.workflow.run.run_samples import training_samples
from tui_cytpix.workflow.samples.descriptors import describe, research_images, shuffled

CANDIDATES_PER_IMAGE = 8
VARIABLE_SHARE = 0.3
PREVIEWS = (50, 100, 150, 200, 300, 400, 500, 600, 800, MAX_PREVIEW)
ENOUGH = 0.8  # of the images are alike a selected one
NOTHING_LEFT = (
    "No image is left that steps 1 and 3 have not taken: step 5 can't compare on unseen images. "
    "Select fewer, or add a sample before you train."
)


@dataclass(frozen=True)
class Selection:
    """What was chosen, with the population behind it for the coverage picture.

    `positions` is float32 (N, 2), a plane through the candidates' descriptors; `candidates` names its rows. `notes`
    are sentences for the user. `probed` are random images of the research samples that were not selected, `near` which
    of them have a selected one nearby (core.statistics.sampling.near_selected), bool; `axes` say what grows along the
    plane's two.
    """

    settings: SelectionSettings
    candidates: tuple[ImageKey, ...]
    positions: NDArray[np.float32]
    notes: tuple[str, ...]
    probed: tuple[ImageKey, ...] = ()
    near: tuple[bool, ...] = ()
    axes: tuple[str, str] = ("", "")


def set_preview(run: Run, preview: int) -> None:
    """How many images `select` is to choose.

    Raises:
        UsageError: out of range.
    """
    check_preview(preview)
    run.update(replace(run.settings, selection=replace(run.settings.selection, preview=preview)))


def check_preview(preview: int) -> None:
    """Raises:
    UsageError: out of range.
    """
    if not MIN_PREVIEW <= preview <= MAX_PREVIEW:
        raise UsageError(
            "The preview size is out of range", f"{preview}.", f"Choose {MIN_PREVIEW} to {MAX_PREVIEW} images."
        )


def leaves_too_few(run: Run, preview: int) -> str:
    """Where selecting so many images uses up the samples that step 5 evaluates on: a sentence that says so and what
    helps, else "".

    Raises:
        SampleError: a sample can't be read, or lacks a parameter of the gate.
    """
    roles = {sample.role for sample in run.settings.samples}
    if "training" in roles or "evaluation" in roles:
        return ""
    inside = gates.to_draw_from(run, training_samples(run))
    held = {ImageKey(name, event) for name, events in inside.items() for event in events}
    used = held & (set(run.settings.assess.sequence) | run.annotations.touched)
    left = len(held) - len(used) - preview
    if left >= MINIMUM:
        return ""
    fewer = [f"select at most {left + preview - MINIMUM}"] if left + preview - MINIMUM >= MIN_PREVIEW else []
    helps = ", or ".join([*fewer, "add a sample", "reserve one for the evaluation"])
    already = f", {len(used)} of them used already" if used else ""
    return (
        f"The samples hold {len(held)} images{already}: selecting {preview} leaves {max(0, left) or 'none'} to "
        f"evaluate on, and a verdict needs {MINIMUM} at least. Rather {helps}."
    )


def select(run: Run, preview: int, on_progress: OnProgress = lambda _done, _total: None) -> Selection:
    """Chooses the preview images, 70 % at random and 30 % for the variety of their morphology, spread over the
    samples, and copies them into the run; only of events in the selection's gate, where one is chosen. The same seed,
    samples and gate give the same images. Images that were added by hand stay.

    Raises:
        UsageError: `preview` is out of range.
        SampleError: no image can be read.
    """
    check_preview(preview)
    by_hand = len(run.settings.selection.similar)
    if preview + by_hand > MAX_PREVIEW:
        raise UsageError(
            "The preview would be too large",
            f"{preview} images, and {by_hand} that were added by hand.",
            f"Choose up to {MAX_PREVIEW - by_hand} images.",
        )
    from tui_cytpix.core.statistics.sampling import select as select_rows
    from tui_cytpix.core.statistics.sampling import shares_alike

    keys, table, notes = population(run, preview, on_progress)
    if len(keys) < preview:
        notes.append(f"Only {len(keys)} images are there to take: all of them are taken.")
    names = [key.sample for key in keys]
    rows_of = select_rows(table, preview, run.settings.seed, VARIABLE_SHARE, names)
    chosen = [tuple(keys[i] for i in rows) for rows in rows_of]
    counted = Counter(key.sample for key in chosen[0])
    at_random = {name: counted[name] for name in dict.fromkeys(names)}
    if max(at_random.values()) - min(at_random.values()) > 1:
        told = ", ".join(f"{name} {number}" for name, number in at_random.items())
        notes.append(f"Selected at random: {told}. Some hold too few images for an equal share.")
    larger = [size for size in PREVIEWS if size > preview]
    notes += _too_few(preview, shares_alike(table, [preview, *larger], run.settings.seed, VARIABLE_SHARE))
    before = run.settings.selection
    settings = SelectionSettings(
        preview=preview,
        random=chosen[0],
        variable=chosen[1],
        gate=before.gate,
        drawn_from=notes[0] if before.gate else "",
        similar=tuple(key for key in before.similar if key not in {*chosen[0], *chosen[1]}),
    )
    for key in settings.images:
        run.images.keep(key)
    run.remember(settings.images)
    run.update(replace(run.settings, selection=settings))
    if not run.settings.evaluate.sequence and not any_left(run):
        notes.append(NOTHING_LEFT)
    return over_population(run, keys, notes, on_progress)


def over_population(
    run: Run, candidates: Sequence[ImageKey], notes: Sequence[str], on_progress: OnProgress
) -> Selection:
    """The run's selection as it is now, over those candidates and what was added to them by hand."""
    from tui_cytpix.core.statistics.sampling import axis_words, embed_2d, near_selected

    chosen = run.settings.selection
    keys, table = describe(run, tuple(dict.fromkeys((*candidates, *chosen.images))), on_progress)
    places = {key: place for place, key in enumerate(keys)}
    rows = np.array([places[key] for key in chosen.images if key in places], np.intp)
    probed, others, problems = research_images(run, set(chosen.images), on_progress)
    near = near_selected(table, rows, others)
    positions, loadings = embed_2d(table)
    axes = (axis_words(loadings[:, 0]), axis_words(loadings[:, 1]))
    told = tuple(dict.fromkeys((*notes, *problems)))
    return Selection(chosen, tuple(keys), positions, told, tuple(probed), tuple(near.tolist()), axes)


def _too_few(preview: int, shares: Mapping[int, float]) -> list[str]:
    """A sentence on how many images to select, and why, where `preview` are too few for what the samples hold.
    `shares`: of the images, those alike one of so many selected.
    """
    if shares.get(preview, 1.0) >= ENOUGH:
        return []
    more = next((size for size, share in shares.items() if share >= ENOUGH), max(shares))
    said = f"The samples are heterogeneous: {preview} images show {shares[preview]:.0%} of what is in them"
    return [f"{said}, {more} would show {shares[more]:.0%}. Select {more}." if more > preview else f"{said}."]


def population(
    run: Run, preview: int, on_progress: OnProgress
) -> tuple[list[ImageKey], NDArray[np.float32], list[str]]:
    """What that many images are chosen from: candidates of every sample to train on, an equal share of each, with their
    descriptors as rows; and notes, of which the first says, where a gate is chosen, what it let through.

    Raises:
        SampleError: no image can be read or is in the gate, or a sample lacks a parameter of the gate.
    """
    sources = training_samples(run)
    share = -(-preview * CANDIDATES_PER_IMAGE // max(1, len(sources)))
    inside = gates.to_draw_from(run, sources)
    notes = [gates.drawn_in_words(run, inside)] if run.settings.selection.gate else []
    candidates = [key for sample in sources for key in shuffled(run, sample.name, inside[sample.name])[:share]]
    keys, table = describe(run, candidates, on_progress)
    if not keys:
        raise SampleError("No image can be read", ", ".join(s.name for s in sources), "Check the samples.")
    if len(keys) < len(candidates):
        notes.append(f"{len(candidates) - len(keys)} images can't be read and were passed over.")
    own = _each_once(run, keys)
    if len(own) < len(keys):
        run.remember(keys)  # copies tell which samples are of one tube
        notes.append(f"{len(keys) - len(own)} images have the same pixels as another one: each is taken once.")
    return [keys[row] for row in own], table[own], notes


def _each_once(run: Run, keys: Sequence[ImageKey]) -> list[int]:
    """Which of the images, all described, have pixels that none before has, nor one that is for the evaluation."""
    pixels = run.images.pixels
    taken = {pixels[key] for key in run.settings.evaluate.sequence if key in pixels}
    first = {digest: row for row, digest in reversed(list(enumerate(pixels[key] for key in keys)))}
    return sorted(row for digest, row in first.items() if digest not in taken)
