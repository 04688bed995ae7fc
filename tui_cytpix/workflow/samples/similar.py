"""More like this: the images of all samples that resemble one image most, to be added to the selection."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.annotation import Status
from tui_cytpix.domain.run_settings import MAX_PREVIEW
from tui_cytpix.domain.sample import ASIDE, ImageKey
from tui_cytpix.errors import SampleError, UsageError
from tui_cytpix.workflow.explore import gates
from tui_cytpix.workflow.run import used_images
from tui_cytpix.workflow.run.run import OnProgress, Run
from tui_cytpix.workflow.samples import coverage
from tui_cytpix.workflow.samples.descriptors import describe, described, shuffled
from tui_cytpix.workflow.samples.selection import over_population

FLATTERS = (
    "This image is for the evaluation: a model trained on images that were chosen for it looks better there than it is."
)
MEASURE = "mean difference of twelve measures of morphology, in standard deviations of all images compared"


@dataclass(frozen=True)
class Similar:
    """An image and how far it is from the one that is looked for (core.statistics.likeness): 0 for an equal one."""

    image: ImageKey
    apart: float


@dataclass(frozen=True)
class Search:
    """The images of all samples that resemble `image` most, the most alike first.

    `looked` tells of each sample how many images were compared, and how many there are to take; `notes` are sentences
    about samples that were passed over; `gate`: that images are drawn from, if any.
    """

    image: ImageKey
    found: tuple[Similar, ...]
    looked: Mapping[str, tuple[int, int]]
    notes: tuple[str, ...] = ()
    gate: str = ""

    @property
    def compared(self) -> int:
        return sum(described for described, _ in self.looked.values())

    @property
    def images(self) -> int:
        return sum(images for _, images in self.looked.values())

    def in_words(self) -> str:
        """Such as `Compared 5000 of 30000 images in 2 samples by morphology, without a model.`"""
        samples = f"{len(self.looked)} sample{'s' if len(self.looked) != 1 else ''}"
        inside = f" inside gate {self.gate}" if self.gate else ""
        return f"Compared {self.compared} of {self.images} images{inside} in {samples} by morphology, without a model."


def similar(
    run: Run, image: ImageKey, count: int, look: int = 0, on_progress: OnProgress = lambda _done, _total: None
) -> Search:
    """The `count` images that resemble one most, among those that the run has described; before, `look` more of each
    sample are described, in the run's random order. Images of samples for the evaluation, those that are kept for it,
    and those outside the gate that images are drawn from are left out.

    Raises:
        UsageError: the run has no such sample.
        SampleError: the image can't be read.
    """
    if image.sample not in {sample.name for sample in run.settings.samples}:
        names = ", ".join(sample.name for sample in run.settings.samples)
        raise UsageError("The run has no such sample", f"{image.sample}.", f"Its samples: {names}.")
    here, one = describe(run, [image], lambda _done, _total: None)
    if not here:
        run.images.read(image)  # says why
    to_take, notes = _to_take(run, image)
    wanted = {sample: _to_compare(run, sample, images, look) for sample, images in to_take.items()}
    total = sum(new for _, new in wanted.values())
    keys, tables, looked, done = [], [one], {}, 0
    for sample, (images, new) in wanted.items():
        found, table = describe(run, images, _after(done, total, on_progress))
        done += new
        keys += found
        tables.append(table)
        looked[sample] = (len(found), len(to_take[sample]))
    nearest = _nearest(run, [image, *keys], np.concatenate(tables), count)
    return Search(image, nearest, looked, tuple(notes), run.settings.selection.gate)


def _after(before: int, total: int, on_progress: OnProgress) -> OnProgress:
    """Tells of a part what that makes of the whole."""
    return lambda done, _of_part: on_progress(before + done, total)


def image_of(run: Run, text: str) -> ImageKey:
    """The image called SAMPLE:EVENT, or EVENT where the run has one sample.

    Raises:
        UsageError: it says no sample where there are several.
    """
    samples = run.settings.samples
    try:
        return ImageKey.parse(text)
    except ValueError:
        if len(samples) == 1:
            return ImageKey(samples[0].name, text)
    raise UsageError("Which sample's image?", f"{text}.", "Give it as SAMPLE:EVENT.")


def mark_of(run: Run, image: ImageKey) -> str:
    """`annotated` (or rejected, or ambiguous), `selected`, or nothing."""
    status = run.annotations.state(image).status
    if status is Status.OPEN:
        return "selected" if image in run.settings.selection.images else ""
    return "annotated" if status is Status.ACCEPTED else str(status)


def _to_take(run: Run, image: ImageKey) -> tuple[dict[str, list[ImageKey]], list[str]]:
    """By sample the images that may be added to the selection, in the run's random order; and what was passed over."""
    found: dict[str, list[ImageKey]] = {}
    notes = [FLATTERS] if image in run.settings.evaluate.sequence else []
    for sample in run.settings.in_use:
        if sample.role == "evaluation":
            notes.append(f"{sample.name} is kept for the evaluation: none of its images is shown.")
            continue
        try:
            events = gates.to_draw_from(run, [sample])[sample.name]
        except SampleError as error:
            notes.append(f"{sample.name} was passed over: {error}")
            continue
        found[sample.name] = shuffled(run, sample.name, events)
    return found, notes


def _to_compare(run: Run, sample: str, images: Sequence[ImageKey], look: int) -> tuple[list[ImageKey], int]:
    """Of a sample's images those that are described, and the first `look` that are not; and how many these are."""
    known = described(run, sample)
    new = [key for key in images if key.event not in known][:look]
    return [*(key for key in images if key.event in known), *new], len(new)


def _nearest(run: Run, keys: Sequence[ImageKey], table: NDArray[np.float32], count: int) -> tuple[Similar, ...]:
    """Those that resemble the first one most, without itself. Areas are compared in square micrometres where the scale
    of every sample is known.
    """
    from tui_cytpix.core.statistics.likeness import unlikeness
    from tui_cytpix.core.statistics.sampling import DESCRIPTORS

    scales = {sample.name: sample.um_per_px for sample in run.settings.samples}
    scale_of = [scales[key.sample] for key in keys]
    if None not in scale_of:
        table[:, DESCRIPTORS.index("area")] += 2 * np.log2(np.array(scale_of, np.float64))
    apart = unlikeness(table, table[0], table)
    order = np.argsort(apart, kind="stable")
    return tuple(itertools.islice((Similar(keys[i], float(apart[i])) for i in order if keys[i] != keys[0]), count))


def choose(run: Run, images: Sequence[ImageKey], on_progress: OnProgress = lambda _done, _total: None) -> str:
    """Adds images to the selection and copies them into the run, or where all of them had been added so, takes them out
    again; the coverage picture goes along. Says what was done.

    Raises:
        UsageError: the selection would be too large, or an image is for the evaluation.
        SampleError: an image can't be read.
    """
    picture, chosen = coverage.load(run), run.settings.selection
    if set(images) <= set(chosen.similar):
        kept = tuple(key for key in chosen.similar if key not in set(images))
        done = f"{_counted(len(images))} taken out of the preview again."
    else:
        new = [key for key in dict.fromkeys(images) if key not in set(chosen.images)]
        _check(run, new)
        for key in new:
            run.images.keep(key)
        run.remember(new)
        kept = (*chosen.similar, *new)
        done = f"{_counted(len(new))} added to the preview." if new else "They are in the preview already."
    run.update(replace(run.settings, selection=replace(chosen, similar=kept)))
    if picture is not None and kept != chosen.similar:
        coverage.save(run, over_population(run, picture.candidates, picture.notes, on_progress))
    return done


def _counted(images: int) -> str:
    return f"{images} image{'s' if images != 1 else ''}"


def _check(run: Run, new: Sequence[ImageKey]) -> None:
    settings = run.settings
    reserved = {sample.name for sample in settings.samples if sample.role in ("evaluation", ASIDE)}
    kept = used_images.digests(run, settings.evaluate.sequence)
    if any(key.sample in reserved or run.images.digest(key) in kept for key in new):
        raise UsageError("An image is kept for the evaluation", "Training must not see it.", "Choose others.")
    total = len(settings.selection.images) + len(new)
    if total > MAX_PREVIEW:
        raise UsageError("The preview would be too large", f"{total} images.", f"At most {MAX_PREVIEW} are selected.")
