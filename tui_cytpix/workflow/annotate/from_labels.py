"""Step 4 without the editor: label images taken as accepted annotations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import CytpixError, MaskError
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.run_samples import refuse_changed


@dataclass(frozen=True)
class Intake:
    """What was taken: how many images, and of the others (event, reason)."""

    accepted: int
    failures: tuple[tuple[str, str], ...]


def annotate_from_masks(run: Run, folder: Path, sample: str = "", only: Iterable[str] = ()) -> Intake:
    """Takes label images `folder/EVENT.png|tif` as accepted annotations of a sample's images (its only one, where
    `sample` is empty): those of `only`, or all that have a label image. One that fails doesn't stop the others.

    Raises:
        MaskError: the sample is not named where the run has several, or is set aside, or not one label image could be
            taken.
        SampleError: the sample can't be read, or is not the one that it was.
    """
    from tui_cytpix.formats.masks.label_images import find_label_images

    sample = _sample_meant(run, sample)
    if sample in run.settings.aside:
        raise MaskError("The sample is set aside", f"{sample}.", "Give it another role first: run label --role.")
    refuse_changed(run, [sample])
    paths = find_label_images(folder)
    events = run.images.reader(sample).event_ids
    known = set(events)
    accepted, failures = 0, list[tuple[str, str]]()
    for event in only or (event for event in events if event in paths):
        try:
            if event not in known:
                raise MaskError("There is no such image", f"{sample} has no event {event!r}.")
            if event not in paths:
                raise MaskError("There is no label image", f"{folder} has none for {event!r}.")
            _take(run, ImageKey(sample, event), paths[event])
            accepted += 1
        except CytpixError as error:
            failures.append((event, str(error)))
    if accepted == 0:
        reason = failures[0][1] if failures else f"{folder} and {sample} have no event in common."
        raise MaskError("No label image could be taken", reason, "Name label images after the events: EVENT.png.")
    return Intake(accepted, tuple(failures))


def _sample_meant(run: Run, name: str) -> str:
    names = [s.name for s in run.settings.samples]
    if name in names:
        return name
    if name or len(names) != 1:
        raise MaskError(
            "Which sample do the masks belong to?", f"The run has {', '.join(names)}.", "Give --sample NAME."
        )
    return names[0]


def _take(run: Run, key: ImageKey, path: Path) -> None:
    """Raises:
    CytpixError: image or label image can't be read, or they differ in size.
    """
    from tui_cytpix.formats.masks.label_images import read_label_image, segmentation_from_labels

    labels = read_label_image(path, run.images.read(key).shape)
    run.images.keep(key)
    run.record_edit(key, "propose", segmentation_from_labels(labels), origin="masks")
    run.record_edit(key, "accept")
