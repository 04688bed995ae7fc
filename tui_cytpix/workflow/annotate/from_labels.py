"""Step 4 without the editor: label images taken as accepted annotations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import CytpixError, MaskError
from tui_cytpix.formats.bytes.names import LABEL_ENDINGS
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.base_model.label_check import (
    AS_THEY_ARE,
    CheckedLabels,
    LabelOptions,
    normalised_of,
    to_compare,
)
from tui_cytpix.workflow.base_model.label_findings import refuse_strange_names
from tui_cytpix.workflow.run.predict import predict_now
from tui_cytpix.workflow.run.run import OnProgress, Run
from tui_cytpix.workflow.run.run_samples import refuse_changed

_NAMES = f"Name label images after the events: EVENT.png; behind EVENT may stand {', '.join(LABEL_ENDINGS)}."


@dataclass(frozen=True)
class Intake:
    """What was taken: how many images, and of the others (event, reason). `notes` are sentences about what is odd."""

    accepted: int
    failures: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()


def annotate_from_masks(
    run: Run,
    folder: Path,
    sample: str = "",
    only: Iterable[str] = (),
    options: LabelOptions = AS_THEY_ARE,
    on_progress: OnProgress = lambda _done, _total: None,
) -> Intake:
    """Takes label images `folder/EVENT.png|tif` as accepted annotations of a sample's images (its only one, where
    `sample` is empty): those of `only`, or all that have a label image. One that fails doesn't stop the others. The
    label images are checked first, by their values and against what the base model sees.

    Raises:
        MaskError: the sample is not named where the run has several, or is set aside, the label images are certainly
            wrong, most are named after no image and none was chosen by `only`, or not one could be taken.
        SampleError: the sample can't be read, or is not the one that it was.
    """
    from tui_cytpix.formats.bytes.names import counted
    from tui_cytpix.formats.masks.label_images import label_images_of

    sample = _sample_meant(run, sample)
    if sample in run.settings.aside:
        raise MaskError("The sample is set aside", f"{sample}.", "Give it another role first: run label --role.")
    refuse_changed(run, [sample])
    events = run.images.reader(sample).event_ids
    paths, unmatched = label_images_of(folder, events)
    only = list(only)
    if not only and not options.trust:
        refuse_strange_names(len(paths), unmatched, events, sample)
    wanted = only or [event for event in events if event in paths]
    keys = [ImageKey(sample, event) for event in wanted if event in paths]
    labels = CheckedLabels({key: paths[key.event] for key in keys}, lambda key: run.images.read(key).shape, options)
    if keys:
        _compare(run, labels, keys, on_progress)
    accepted, failures, known = 0, list[tuple[str, str]](), set(events)
    for event in wanted:
        try:
            if event not in known:
                raise MaskError("There is no such image", f"{sample} has no event {event!r}.")
            if event not in paths:
                raise MaskError("There is no label image", f"{folder} has none for {event!r}.")
            _take(run, ImageKey(sample, event), labels)
            accepted += 1
        except CytpixError as error:
            failures.append((event, str(error)))
    if accepted == 0:
        reason = failures[0][1] if failures else _no_common_event(folder, sample, events, unmatched)
        raise MaskError("No label image could be taken", reason, "" if failures else _NAMES)
    left = [path.name for path in unmatched]
    none = f"named after no image of {sample}"
    return Intake(
        accepted,
        tuple(failures),
        (*labels.notes, *counted(left, f"label image is {none}", f"label images are {none}")),
    )


def _no_common_event(folder: Path, sample: str, events: Sequence[str], files: Sequence[Path]) -> str:
    """With an example of either side's names."""
    own = f"; its first label image is {printable(files[0].name)}" if files else ""
    image = f", the first image of {sample} is event {printable(events[0])}" if events else ""
    return f"{printable(folder)} and {sample} have no event in common{own}{image}."


def _compare(run: Run, labels: CheckedLabels, keys: list[ImageKey], on_progress: OnProgress) -> None:
    """With the base model's answers, where the run has one that answers."""
    if not run.settings.base_model.model:
        return
    chosen = to_compare(keys)
    try:
        store = predict_now(run, library.base_of(run), chosen, on_progress)
    except CytpixError as error:
        labels.notes.append(f"Whether the label images fit the cells was not checked: {error}")
        return
    answers = {key: found for key in chosen if (found := store.get(key)) is not None}
    labels.compare(chosen, [answers], lambda key: normalised_of(run.images, key))


def _sample_meant(run: Run, name: str) -> str:
    names = [s.name for s in run.settings.samples]
    if name in names:
        return name
    if name or len(names) != 1:
        raise MaskError(
            "Which sample do the masks belong to?", f"The run has {', '.join(names)}.", "Give --sample NAME."
        )
    return names[0]


def _take(run: Run, key: ImageKey, labels: CheckedLabels) -> None:
    """Raises:
    CytpixError: image or label image can't be read, or they differ in size.
    """
    from tui_cytpix.formats.masks.label_images import segmentation_from_labels

    found = labels.read(key, run.images.read(key).shape)
    run.images.keep(key)
    run.record_edit(key, "propose", segmentation_from_labels(found), origin="masks")
    run.record_edit(key, "accept")
