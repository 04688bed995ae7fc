"""Which model for this sample, without a review: an estimate from signs that need no truth."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.jobs.events import Progress as ProgressEvent
from tui_cytpix.domain.jobs.log_lines import LogLine
from tui_cytpix.domain.jobs.specs import SampleAtWork, TriageSpec
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.sample_names import names_together
from tui_cytpix.domain.zoom import AUTOMATIC, By, Zoom
from tui_cytpix.errors import ModelFileError, SampleError, UsageError
from tui_cytpix.formats.bytes.atomic import scratch_folder
from tui_cytpix.formats.bytes.npz import read_npz
from tui_cytpix.formats.sample.registry import open_sample
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.base_model.differences import crowded_in_words
from tui_cytpix.workflow.explore.gates import RunGate
from tui_cytpix.workflow.run import jobs, predict, used_images, zoom
from tui_cytpix.workflow.run.resources import built_in_models
from tui_cytpix.workflow.run.run import OnProgress, Run

if TYPE_CHECKING:
    from tui_cytpix.core.statistics.miscount_model import Signs
    from tui_cytpix.formats.model.miscount_model import MiscountKnowledge

IMAGES = 300
LEAST_HERE = 100  # of each sample of a run, which share the images out
DOUBTFUL = 12
ALIKE = 0.02  # expected shares of wrong counts that say no difference
HOPELESS_FROM = 0.25  # expected share of wrong counts
HOPELESS = "None of these models is likely to count well here: train one on a few images, or don't rely on counts."
CROWDED_FROM = 9  # particles in half of the images
TOO_CROWDED = (
    f"Too crowded to trust this estimate: half of the images and more hold {CROWDED_FROM} and more particles. In "
    "simulated samples as crowded as that the interval was too low for one model in five (else for hardly any), "
    "and even the best model counted a quarter to all of the images wrong. The area that cells cover tells more."
)
REFERENCES = ("general-full", "general-half")
ESTIMATE = (
    "This is an estimate from signs (wavering under small changes, disagreement, unlikeness to the training images), "
    "fitted on simulated samples. Only a review in step 1 can tell how often a model is wrong."
)


@dataclass(frozen=True)
class TriageRequest:
    """What to look at: `models` are library names or files; none: the whole library. With a `gate` only its events;
    images of unknown scale are seen `zoom` times as large as they are, 0: automatic.
    """

    samples: tuple[Path, ...]
    models: tuple[str, ...] = ()
    um_per_px: float | None = None
    channel: str = ""
    images: int = IMAGES
    seed: int = 0
    device: str = "auto"
    threads: int = 0
    gate: RunGate | None = None
    zoom: float = AUTOMATIC


@dataclass(frozen=True)
class ModelEstimate:
    """A model on a sample: the share of images whose count it is expected to get wrong, its interval, the signs, and
    how large it sees the images.
    """

    model: ModelEntry
    expected: float
    low: float
    high: float
    signs: Signs
    zoom: Zoom


@dataclass(frozen=True)
class Doubtful:
    """An image that is likely counted wrong by the best model. `counts` by model name; `why` in words."""

    image: ImageKey
    score: float
    counts: Mapping[str, int]
    why: str


@dataclass(frozen=True)
class SampleTriage:
    """A sample's models, the best first, and its most doubtful images; `crowded` warns in words where most images hold
    too many particles, by the best model, and `trusted` is False where by any model there are so many that the estimate
    isn't to be relied on (tests.benchmarks crowded). `notes`: which models learnt from some of these images;
    `problems`: what is wrong with the sample.
    """

    name: str
    path: Path
    images: int
    models: tuple[ModelEstimate, ...]
    doubtful: tuple[Doubtful, ...]
    crowded: str
    trusted: bool
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def triage(request: TriageRequest, on_progress: OnProgress = lambda _done, _total: None) -> list[SampleTriage]:
    """Asks all models about up to `images` random images of each sample.

    Raises:
        UsageError, SampleError, ModelFileError: the request can't be met.
        JobError: the engine failed.
    """
    from tui_cytpix.formats.model.miscount_model import read_miscount_model

    entries = [library.find(name) for name in request.models]
    if any(entry.card.of_instrument for entry in entries):
        raise UsageError(
            "Triage can't rank the instrument's masks",
            "It asks models about altered images, and the masks stand still.",
            "Judge them by a review (run review --model instrument), or against label images (compare).",
        )
    entries = entries or [entry for entry in library.library() if not entry.card.of_instrument]
    knowledge = read_miscount_model(built_in_models() / "miscount_model.json")
    asked = _with_references(entries)
    drawn, problems = _drawn(request)
    with scratch_folder() as scratch:
        out = scratch / "told"
        job = jobs.create(scratch / "jobs", _spec(request, asked, drawn, out))
        jobs.start(job)

        def follow(event: LogLine) -> None:
            if isinstance(event, ProgressEvent):
                on_progress(event.done, event.total)

        predict.wait(job, follow)
        told = [(name, path, read_npz(out / f"{name}.npz")) for name, (path, _) in drawn.items()]
    wanted = {entry.hash for entry in entries}
    return [
        replace(_sample(name, path, arrays, asked, wanted, knowledge), problems=problems[name])
        for name, path, arrays in told
    ]


def right_here(run: Run, on_progress: OnProgress = lambda _done, _total: None) -> dict[str, tuple[float, float, float]]:
    """By model hash the share of counts expected to be right on the run's samples, and its interval: those of the
    sample on which the model is worst.

    Raises:
        UsageError, SampleError, ModelFileError, JobError: as `triage`.
    """
    found: dict[str, tuple[float, float, float]] = {}
    samples = [sample for sample in run.settings.samples if not sample.aside]
    for place, sample in enumerate(samples):

        def told(done: int, total: int, place: int = place) -> None:
            on_progress(place * total + done, len(samples) * total)

        request = TriageRequest(
            (run.folder.sample_path(sample),),
            um_per_px=sample.um_per_px,
            channel=sample.channel,
            images=max(LEAST_HERE, IMAGES // len(samples)),
            device=run.settings.train.device,
            threads=run.settings.train.threads,
        )
        for one in triage(request, told)[0].models:
            right = (1 - one.expected, 1 - one.high, 1 - one.low)
            found[one.model.hash] = min(found.get(one.model.hash, right), right)
    return found


def _with_references(entries: Sequence[ModelEntry]) -> list[ModelEntry]:
    """The models, each once, and the general ones, which the others are held against."""
    found = {entry.hash: entry for entry in entries}
    for name in REFERENCES:
        try:
            reference = library.find(name)
        except ModelFileError:
            continue
        found.setdefault(reference.hash, reference)
    if len(found) < 2:
        raise UsageError("Triage needs two models", "It holds them against each other.", "Give another with --model.")
    return list(found.values())


def _drawn(request: TriageRequest) -> tuple[dict[str, tuple[Path, list[str]]], dict[str, tuple[str, ...]]]:
    """By sample its path and the events to look at, and what is wrong with it."""
    if not request.samples:
        raise UsageError("Nothing to look at", "", "Give at least one sample.")
    found: dict[str, tuple[Path, list[str]]] = {}
    problems: dict[str, tuple[str, ...]] = {}
    for path, name in zip(request.samples, names_together(request.samples), strict=True):
        with open_sample(path, request.um_per_px, request.channel) as reader:
            reader.refuse_unreadable()
            wrong = reader.problems()
            events = list(reader.event_ids if request.gate is None else request.gate.events_of(path))
        if not events:
            raise SampleError("The sample holds no image", f"{path}.")
        chosen = set(random.Random(request.seed).sample(events, min(request.images, len(events))))
        found[name], problems[name] = (path, [event for event in events if event in chosen]), wrong
    return found, problems


def _spec(
    request: TriageRequest, models: Sequence[ModelEntry], drawn: Mapping[str, tuple[Path, list[str]]], out: Path
) -> TriageSpec:
    return TriageSpec(
        samples=tuple(
            SampleAtWork(
                name=name,
                path=str(path.resolve()),
                events=tuple(events),
                um_per_px=request.um_per_px,
                channel=request.channel,
            )
            for name, (path, events) in drawn.items()
        ),
        models=tuple(model.path for model in models),
        zoom=request.zoom,
        out=str(out),
        device=request.device,
        threads=request.threads,
    )


def _sample(
    name: str,
    path: Path,
    arrays: Mapping[str, NDArray[Any]],
    models: Sequence[ModelEntry],
    wanted: set[str],
    knowledge: MiscountKnowledge,
) -> SampleTriage:
    from tui_cytpix.core.statistics.miscount_model import signs_of, unlike

    counts = [arrays[f"counts_{place}"] for place in range(len(models))]
    strange: list[NDArray[np.bool_] | None] = []
    for place, model in enumerate(models):
        family = knowledge.novelty.get(family_of(model))
        times = float(arrays[f"zoom_{place}"])
        strange.append(None if family is None else unlike(arrays["descriptors"], times, family))
    estimates = []
    for place, model in enumerate(models):
        others = [p for p in range(len(models)) if p != place]
        general = [counts[p] for p in others if models[p].card.name in REFERENCES and library.is_built_in(models[p])]
        sibling = next((counts[p] for p in others if _siblings(models[p], model)), None)
        signs = signs_of(
            counts[place],
            arrays[f"confidence_{place}"],
            general or [counts[p] for p in others],
            sibling,
            strange[place],
        )
        expected, low, high = knowledge.errors.expected(signs, len(counts[place]))
        if model.hash in wanted:
            estimates.append((place, ModelEstimate(model, expected, low, high, signs, _zoom(arrays, place))))
    least = min(one.expected for _, one in estimates)
    estimates.sort(key=lambda pair: _rank(pair[1], least))
    best = estimates[0][0]
    doubtful = _doubtful(name, arrays, [m.card.name for m in models], best, strange[best])
    trusted = max(float(np.median(one[:, 0])) for one in counts) < CROWDED_FROM
    crowded = crowded_in_words(counts[best][:, 0].tolist()) if trusted else TOO_CROWDED
    ranked = tuple(one for _, one in estimates)
    learnt = used_images.learnt_in_words((one.model for one in ranked), set(arrays["digests"].tolist()))
    return SampleTriage(name, path, len(arrays["events"]), ranked, doubtful, crowded, trusted, tuple(learnt))


def _zoom(arrays: Mapping[str, NDArray[Any]], place: int) -> Zoom:
    scale = float(arrays["um_per_px"]) if "um_per_px" in arrays else None
    return Zoom(float(arrays[f"zoom_{place}"]), By(str(arrays[f"zoom_by_{place}"])), scale)


def family_of(model: ModelEntry) -> str:
    """Of built-in models: cell, general or bead, whose training images are known; empty for others."""
    return model.card.name.partition("-")[0] if library.is_built_in(model) else ""


def _siblings(one: ModelEntry, other: ModelEntry) -> bool:
    return family_of(one) == family_of(other) != "" and one.card.resolution != other.card.resolution


def _doubtful(
    sample: str,
    arrays: Mapping[str, NDArray[Any]],
    names: Sequence[str],
    best: int,
    strange: NDArray[np.bool_] | None,
) -> tuple[Doubtful, ...]:
    """The images that the best model most likely counts wrong: unsure, wavering, counted otherwise by other models."""
    counts = [arrays[f"counts_{place}"] for place in range(len(names))]
    own, sure = counts[best], np.nan_to_num(arrays[f"confidence_{best}"], nan=0.5)
    wavering = (own[:, 1:] != own[:, :1]).mean(axis=1)
    others = [p for p, name in enumerate(names) if p != best and name in REFERENCES] or [
        p for p in range(len(names)) if p != best
    ]
    apart = np.mean([counts[p][:, 0] != own[:, 0] for p in others], axis=0)
    odd = np.zeros(len(own)) if strange is None else strange.astype(float)
    score = (1 - sure) + wavering + apart + 0.5 * odd
    found: list[Doubtful] = []
    for n in np.argsort(-score, kind="stable"):
        reasons = [
            word
            for word, holds in (
                ("unsure", sure[n] < 0.8),
                ("wavers", wavering[n] > 0),
                ("others count otherwise", apart[n] > 0),
            )
            if holds
        ]
        if not reasons or len(found) == DOUBTFUL:
            continue
        reasons += ["looks unfamiliar"] if odd[n] else []
        said = {name: int(counts[p][n, 0]) for p, name in enumerate(names)}
        found.append(Doubtful(ImageKey(sample, str(arrays["events"][n])), float(score[n]), said, ", ".join(reasons)))
    return tuple(found)


def _rank(one: ModelEstimate, least: float) -> tuple[bool, bool, float]:
    """By the expected error; of models that are as good as the one with the `least`, full resolution goes first: its
    masks are finer.
    """
    alike = one.expected <= least + ALIKE
    return not alike, alike and one.model.card.resolution == "half", one.expected


def seen_in_words(found: SampleTriage) -> str:
    """How large the models see the images: each by itself where they differ."""
    lines = zoom.in_words({one.model.card.name: one.zoom for one in found.models})
    return f"Images are {found.models[0].zoom.in_words()}." if len(lines) == 1 else f"{'; '.join(lines)}."


def in_words(found: SampleTriage) -> str:
    """The advice, and where counts are not to be relied on."""
    best = found.models[0]
    close = [m.model.card.name for m in found.models[1:] if m.expected <= best.expected + ALIKE]
    beside = f", with {', '.join(close)} as good" if close else ""
    return (
        ("" if found.trusted else f"{found.crowded} ")
        + f"{best.model.card.name} is the most promising{beside}: {best.expected:.0%} of counts expected to be wrong "
        f"({best.low:.0%} to {best.high:.0%})."
        + (f" {HOPELESS}" if best.expected > HOPELESS_FROM else "")
        + (f" {found.crowded}" if found.crowded and found.trusted else "")
    )
