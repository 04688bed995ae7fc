"""Models on the same images: against label images as truth, or, without any, against each other."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tui_cytpix.core.objects.label_gaps import Contacts, contacts
from tui_cytpix.core.objects.size_cutoff import cut_to_size, cutoff_px
from tui_cytpix.core.statistics.agreement import ImageComparison, clump_index_max, compare_images
from tui_cytpix.core.statistics.model_scores import paired, summarise, unlike
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey, SampleRef
from tui_cytpix.domain.zoom import AUTOMATIC, Zoom
from tui_cytpix.errors import CytpixError, MaskError, UsageError
from tui_cytpix.formats.bytes.atomic import scratch_folder
from tui_cytpix.formats.run.predictions import PredictionStore
from tui_cytpix.workflow.base_model import instrument, library
from tui_cytpix.workflow.base_model.label_check import (
    AS_THEY_ARE,
    CheckedLabels,
    LabelOptions,
    normalised_of,
    to_compare,
)
from tui_cytpix.workflow.base_model.truth import Truth, truth_paths
from tui_cytpix.workflow.run import jobs, predict, run_samples, used_images, zoom
from tui_cytpix.workflow.run.run import OnProgress, Run

UNTOLD_IMAGES = 200  # without truth and without a wish
EXIT_SECONDS = 10.0


@dataclass(frozen=True)
class CompareRequest:
    """What to compare.

    Attributes:
        samples: their paths.
        models: library names or model files, in the order of the answer.
        truth: folders of label images named after the events: none, one, or one for each sample. One for several
            samples may have a sub-folder for each sample's name.
        um_per_px: micrometres per pixel, where the user gives them.
        channel: the one to read, "" for the brightfield-like one.
        only: just these events.
        close_gaps: lines of background of 1 or 2 px between the truth's objects are given to the labels beside them.
        zoom: how many times as large as they are models see images of unknown scale, 0: automatic.
        labels: how the truth's label images are to be taken.
        images: at most so many, drawn at random; None for all that have truth, or 200 where there is no truth.
    """

    samples: tuple[Path, ...]
    models: tuple[str, ...]
    truth: tuple[Path, ...] = ()
    um_per_px: float | None = None
    channel: str = ""
    only: tuple[str, ...] = ()
    close_gaps: bool = False
    images: int | None = None
    seed: int = 0
    device: str = "auto"
    threads: int = 0
    zoom: float = AUTOMATIC
    labels: LabelOptions = AS_THEY_ARE


def compare(request: CompareRequest, on_progress: OnProgress = lambda _done, _total: None) -> dict[str, Any]:
    """Runs every model on the images and scores the answers.

    Only images that every model could process count, so that all models stand on the same ones; objects below the
    largest of the models' size cutoffs are left out of every answer, and of the truth, where the scale is known.

    Returns:
        `models` in the order of the request (with `seen`, how large each saw each sample), `pairs` of them, `images`,
        `size_cutoff_um` (None where no scale is known), `over` (what the intervals are over, with `samples` of them:
        images of one sample, or several samples), `failures` (image and reason) and `notes` (sentences). With
        truth, models have the measures of `core.statistics.model_scores.summarise` and pairs those of
        `core.statistics.model_scores.paired`; without, see `_agreement`; and see `_told`.

    Raises:
        UsageError, SampleError, ModelFileError, MaskError: the request can't be met.
        JobError: the engine failed on everything.
    """
    entries = [library.find(name) for name in request.models]
    if len(request.truth) not in (0, 1, len(request.samples)):
        raise UsageError(
            "The truth doesn't fit the samples",
            f"{len(request.truth)} folders for {len(request.samples)} samples.",
            "Give --truth once, or once for each sample.",
        )
    with (
        scratch_folder() as scratch,
        Run.create(scratch / "compare") as run,
    ):
        refs = _added(run, request)
        zoom.set_zoom(run, request.zoom)
        wrong = [words for ref in refs for words in run_samples.problems_in_words(run, ref.name)]
        keys, truth, notes = _to_compare(run, request, [ref.name for ref in refs])
        notes += _learnt(run, entries, keys)
        for entry in entries:
            instrument.refuse(run, entry)
            notes += instrument.noted_in_words(run, entry)
        try:
            stores, problems = predict.answers_now(run, entries, keys, on_progress, request.device, request.threads)
        finally:
            _wait_for_exit(run)
        cutoff_um = max(entry.card.size_cutoff_um for entry in entries)
        cutoffs = {ref.name: cutoff_px(cutoff_um, ref.um_per_px) for ref in refs}
        seen = [zoom.zooms_of(run, store) for store in stores]
        common = [key for key in keys if all(store.get(key) is not None for store in stores)]
        failures = [{"image": str(k), "reason": "a model could not process it"} for k in keys if k not in set(common)]
        if truth is None:
            scored = _agreement(common, stores, cutoffs)
        else:
            scored = _against_truth(run, common, stores, cutoffs, truth, failures)
            notes += [*truth.labels.notes, *truth.gaps_in_words(scored["contacts"])]
    names = [
        {"model": given, "name": entry.card.name, "hash": entry.hash, "seen": {n: asdict(z) for n, z in zooms.items()}}
        for given, entry, zooms in zip(request.models, entries, seen, strict=True)
    ]
    return _named(names, _told(run, entries, scored)) | {
        "images": len(common),
        "size_cutoff_um": cutoff_um if any(cutoffs.values()) else None,
        "failures": failures,
        "notes": [*wrong, *notes, *_seen_in_words(request.models, seen), *problems],
    }


def _added(run: Run, request: CompareRequest) -> list[SampleRef]:
    given, asked = request.samples, (request.um_per_px, request.channel)
    return [run_samples.add_sample(run, path, *asked, together=given) for path in given]


def _told(run: Run, entries: Sequence[ModelEntry], scored: Mapping[str, Any]) -> dict[str, Any]:
    """The scores; counts are None of the instrument's masks where those of a sample mark the trigger only."""
    if not any(entry.card.of_instrument for entry in entries) or not instrument.without_counts(run):
        return dict(scored)
    pairs = itertools.combinations(entries, 2)

    def told(measures: Mapping[str, Any], *models: ModelEntry) -> Mapping[str, Any]:
        of_instrument = any(model.card.of_instrument for model in models)
        return instrument.told_without_counts(measures) if of_instrument else measures

    return {
        **scored,
        "models": [told(own, entry) for own, entry in zip(scored["models"], entries, strict=True)],
        "pairs": [told(own, *pair) for own, pair in zip(scored["pairs"], pairs, strict=True)],
    }


def _named(names: Sequence[dict[str, Any]], scored: Mapping[str, Any]) -> dict[str, Any]:
    """Scores with the models that they are of, and what their intervals are over."""
    return {
        "models": [{**name, **measures} for name, measures in zip(names, scored["models"], strict=True)],
        "pairs": [
            {"a": a["model"], "b": b["model"], **measures}
            for (a, b), measures in zip(itertools.combinations(names, 2), scored["pairs"], strict=True)
        ],
        "over": "samples" if scored["samples"] > 1 else "images",
        "samples": scored["samples"],
    }


def _learnt(run: Run, models: Sequence[ModelEntry], keys: Sequence[ImageKey]) -> list[str]:
    """Images are read for it only where a model says what it learnt."""
    if not any(model.card.made_with.images or not model.card.made_with.complete for model in models):
        return []
    return used_images.learnt_in_words(models, used_images.digests(run, keys))


def _seen_in_words(models: Sequence[str], seen: Sequence[Mapping[str, Zoom]]) -> list[str]:
    """How large the models saw samples that they did not see as they are."""
    otherwise = [{name: one for name, one in zooms.items() if one.times != 1} for zooms in seen]
    return zoom.by_model_in_words(dict(zip(models, otherwise, strict=True)))


def _to_compare(
    run: Run, request: CompareRequest, names: Sequence[str]
) -> tuple[list[ImageKey], Truth | None, list[str]]:
    """The images to compare on, their truth, and sentences about label images that belong to none.

    Raises:
        MaskError: the label images are certainly wrong; or as `_chosen`.
    """
    if not request.truth:
        return _chosen(run, request, None), None, []
    check_names = not request.only and not request.labels.trust
    paths, notes = truth_paths(run, request.truth, names, check_names)
    keys = _chosen(run, request, paths)
    own = {key: paths[key] for key in keys}
    labels = CheckedLabels(own, lambda key: run.images.read(key).shape, request.labels)
    return keys, Truth(labels, request.close_gaps), notes


def _chosen(run: Run, request: CompareRequest, truth: Mapping[ImageKey, Path] | None) -> list[ImageKey]:
    """The images to compare on, in the samples' order.

    Raises:
        UsageError: an event of `only` is not there.
        MaskError: no image has truth, or one label image would serve two images.
    """
    keys = [ImageKey(s.name, e) for s in run.settings.samples for e in run.images.reader(s.name).event_ids]
    if request.only:
        missing = set(request.only) - {key.event for key in keys}
        if missing:
            raise UsageError("There is no such event", f"{', '.join(sorted(missing))}.", "Check --only.")
        keys = [key for key in keys if key.event in request.only]
    if truth is not None:
        keys = [key for key in keys if key in truth]
        if not keys:
            raise MaskError(
                "No truth fits an image",
                f"{', '.join(map(str, request.truth))}.",
                "Name label images after the events: EVENT.png.",
            )
        if len({truth[key] for key in keys}) < len(keys):
            raise MaskError(
                "The truth of several samples lies in one folder",
                f"{request.truth[0]}: event ids repeat between the samples.",
                "Give --truth once for each sample.",
            )
    wanted = request.images or (len(keys) if truth is not None else UNTOLD_IMAGES)
    drawn = set(random.Random(request.seed).sample(keys, min(wanted, len(keys))))
    return [key for key in keys if key in drawn]


def _wait_for_exit(run: Run) -> None:
    """The engine writes into the folder that is about to be removed."""
    deadline = time.monotonic() + EXIT_SECONDS
    for job in jobs.of_kind(run.folder.jobs, "predict"):
        while time.monotonic() < deadline and jobs.state_of(job, job.new_events().new()).live:
            time.sleep(predict.POLL_SECONDS)


def _check_fit(run: Run, keys: Sequence[ImageKey], stores: Sequence[PredictionStore], truth: Truth) -> None:
    """Raises:
    MaskError: the label images don't fit what the models see.
    """
    compared = to_compare(keys)
    answers = [{key: answer for key in compared if (answer := store.get(key)) is not None} for store in stores]
    truth.labels.compare(compared, answers, lambda key: normalised_of(run.images, key))


def _against_truth(
    run: Run,
    keys: Sequence[ImageKey],
    stores: Sequence[PredictionStore],
    cutoffs: Mapping[str, float],
    truth: Truth,
    failures: list[dict[str, str]],
) -> dict[str, Any]:
    """Measures of each model and of each pair, over so many `samples`, and `contacts` of the truth. An image
    whose label image is no good goes to `failures`.

    Raises:
        MaskError: the label images don't fit what the models see, or none can be used.
    """
    _check_fit(run, keys, stores, truth)
    scores: list[list[ImageComparison]] = [[] for _ in stores]
    samples: list[str] = []
    touching = Contacts()
    for key in keys:
        found = [segmentation for store in stores if (segmentation := store.get(key)) is not None]
        try:
            labels = truth.labels.read(key, found[0].mask.shape)
            touching += contacts(labels)
            labels = truth.by_need_without_gaps(labels)
            row = [compare_images(labels, s, cutoffs[key.sample]) for s in found]
        except (CytpixError, ValueError) as error:
            failures.append({"image": str(key), "reason": str(error)})
            continue
        samples.append(key.sample)
        for scored, one in zip(scores, row, strict=True):
            scored.append(one)
    if keys and not scores[0]:
        raise MaskError("No truth can be used", failures[-1]["reason"])
    return {
        "models": [summarise(own, samples) for own in scores],
        "pairs": [paired(a, b, samples) for a, b in itertools.combinations(scores, 2)],
        "samples": len(set(samples)),
        "contacts": touching,
    }


def _agreement(
    keys: Sequence[ImageKey], stores: Sequence[PredictionStore], cutoffs: Mapping[str, float]
) -> dict[str, Any]:
    """Without truth: what each model counts (`images`, `particles`, `multiplet_images`), and where two differ
    (`counts_differing` of `images`, its share with interval, `foreground_iou` with interval), over so many `samples`.
    """
    cut = [[cut_to_size(s, cutoffs[k.sample]) for k in keys if (s := store.get(k)) is not None] for store in stores]
    models = [
        {
            "images": len(own),
            "particles": sum(one.particle_count for one in own),
            "multiplet_images": sum(clump_index_max(one.mask, one.centroids) > 1 for one in own),
        }
        for own in cut
    ]
    samples = [key.sample for key in keys]
    return {
        "models": models,
        "pairs": [unlike(a, b, samples) for a, b in itertools.combinations(cut, 2)],
        "samples": len(set(samples)),
    }
