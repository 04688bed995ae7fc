"""The samples of a run: taken in under names of their own, labelled, given a scale."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_cytpix.domain.entered_numbers import LEAST_PIXEL, MOST_PIXEL
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import PixelScale, SampleRef
from tui_cytpix.domain.sample_names import names_together
from tui_cytpix.domain.words import did_you_mean
from tui_cytpix.domain.zoom import AUTOMATIC, way_of
from tui_cytpix.errors import CytpixError, RunError, SampleChangedError, SampleError, UsageError
from tui_cytpix.formats.sample.identity import is_of_earlier_builds, spread
from tui_cytpix.formats.sample.registry import open_sample
from tui_cytpix.workflow.run.given_paths import is_run
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.sample_sheet import GivenSample

if TYPE_CHECKING:
    from tui_cytpix.formats.sample.reader import SampleReader

FIRST_COMPARED, COMPARED = 3, 16  # images of two samples


def create_run(
    folder: Path,
    paths: Sequence[Path],
    um_per_px: float | None = None,
    channel: str = "",
    *,
    listed: Sequence[GivenSample] = (),
    name: str = "",
    seed: int = 0,
) -> Run:
    """A new run on samples, and on those of a sample sheet, open; where one can't be read, no run is left behind.

    Raises:
        CytpixError: the folder can't be a run's, or a sample can't be read.
    """
    run = Run.create(folder, name, seed)
    try:
        given = [*(GivenSample(path, um_per_px) for path in paths), *listed]
        for one in given:
            add_sample(run, one.path, one.um_per_px, channel, [other.path for other in given], **one.labels)
    except CytpixError:
        discard(run)
        raise
    return run


def discard(run: Run) -> None:
    """A run that could not be made to its end goes."""
    run.close()
    shutil.rmtree(run.path, ignore_errors=True)


def add_sample(
    run: Run,
    path: Path,
    um_per_px: float | None = None,
    channel: str = "",
    together: Sequence[Path] = (),
    **labels: Any,
) -> SampleRef:
    """Takes a sample into the run under a name of its own, made from its file name: see `names_together`.

    Args:
        together: all samples that are given at once: their names tell them apart.
        labels: condition, unit, tube, day, role, well, control.

    Raises:
        SampleError: it can't be read, holds no image that can be, or is one of the run's, under whatever name.
    """
    path = Path(path).resolve()
    with open_sample(path, um_per_px, channel) as reader:
        reader.refuse_unreadable()
        scale: PixelScale | None = reader.scale
        read = reader.channel
        found = reader.fingerprint()
        for other in run.settings.samples:
            if _fingerprint(run, other) == found:
                raise SampleError(
                    "The sample is in the run already",
                    f"{path} holds the same images as {other.name} ({run.folder.sample_path(other)}).",
                    "Give each tube once: copies would count twice.",
                )
        copies = tuple(_copies(run, reader, run.settings.samples))
    inside = path.is_relative_to(run.path)
    ref = SampleRef(
        name=names_together([path, *together], {s.name: run.folder.sample_path(s) for s in run.settings.samples})[0],
        path=str(path.relative_to(run.path)) if inside else str(path),
        size=path.stat().st_size if path.is_file() else 0,
        fingerprint=found,
        copies=copies,
        um_per_px=scale.um_per_px if scale else None,
        scale_source=scale.source if scale else "",
        channel=read,
        **labels,
    )
    run.update(replace(run.settings, samples=(*run.settings.samples, ref)))
    return ref


def _fingerprint(run: Run, sample: SampleRef) -> str:
    """That of an earlier build is taken anew, where the sample can be read."""
    if is_of_earlier_builds(sample.fingerprint):
        with contextlib.suppress(SampleError):
            run.images.reader(sample.name)
    return run.images.fingerprint(sample.name)


def changed(run: Run, names: Collection[str] | None = None) -> dict[str, SampleChangedError]:
    """What is wrong with samples (None: all that are in use) that lie where they did and are not what they were, by
    name; nothing of those that are gone.
    """
    found = {}
    for sample in run.settings.in_use if names is None else run.settings.samples:
        if names is not None and sample.name not in names:
            continue
        try:
            run.images.reader(sample.name)
        except SampleChangedError as error:
            found[sample.name] = error
        except SampleError:
            continue
    return found


def exchanged_in_words(model: ModelEntry, path: Path) -> list[str]:
    """Where a model lies in a run still, and the sample at `path` was one of that run's and is not what it was: a
    sentence. It may be a tube like any other to the model, but not the one that the run tells of.
    """
    folder = Path(model.path).resolve().parent
    if not is_run(folder):
        return []
    try:
        with Run.open(folder, writing=False) as run:
            at = [one.name for one in run.settings.samples if run.folder.sample_path(one) == path.resolve()]
            return [f"{error} The model's run knows another tube there." for error in changed(run, at).values()]
    except RunError as error:
        return [f"Whether the model's run knows the sample can't be told: {error}"]


def seen_fingerprint(run: Run, name: str) -> str:
    """That of the images that this process sees of a sample; "" where it can't be read."""
    try:
        return run.images.reader(name).fingerprint()
    except SampleError:
        return ""


def bit_depth(run: Run, name: str) -> int:
    """Bits of gray of a sample's images; 0 where it can't be read."""
    try:
        return run.images.reader(name).bit_depth
    except SampleError:
        return 0


def refuse_changed(run: Run, names: Collection[str]) -> None:
    """To be asked before something is decided about images of these samples.

    Raises:
        SampleChangedError: one of them is not what it was.
    """
    for error in changed(run, names).values():
        raise error
    run.renew_fingerprints()


def _copies(run: Run, reader: SampleReader, others: Iterable[SampleRef]) -> dict[str, str]:
    """The samples that hold images of this one, re-exports, parts, copies under other names, and how many, in words.
    Looked at are the checksums that archives state, and the pixels of images that have the same event id.
    """
    found = {}
    for other in others:
        try:
            theirs = run.images.reader(other.name)
            both = set(theirs.event_ids)
            both_have = [event for event in reader.event_ids if event in both]
            looked: Sequence[str] = []
            alike = 0
            for most in (FIRST_COMPARED, COMPARED):  # the most have none in common, and are looked at for a moment only
                looked = spread(both_have, most)
                alike = sum(_alike(reader, theirs, event) for event in looked)
                if not alike:
                    break
            shared = reader.shared_images(theirs)
        except SampleError:
            continue
        if shared:
            found[other.name] = f"{shared} of its {len(reader.event_ids)} images"
        elif alike:
            found[other.name] = f"{alike} of {len(looked)} images looked at"
    return found


def _alike(one: SampleReader, other: SampleReader, event: str) -> bool:
    try:
        return one.pixel_digest(event) == other.pixel_digest(event)
    except SampleError:
        return False


def problems_in_words(run: Run, name: str) -> list[str]:
    """Sentences on what is wrong with a sample."""
    return [f"{name}: {problem}" for problem in run.images.reader(name).problems()]


def copies_in_words(run: Run, name: str) -> list[str]:
    """Sentences on samples that hold images of this one."""
    copies = run.settings.sample(name).copies
    others = [sample for sample in run.settings.samples if sample.name in copies]
    return [
        f"{name} holds images of {other} ({many}): a copy, or another export of one tube? Better give each tube once; "
        "such images are selected, trained on and judged once."
        for other, many in _copies(run, run.images.reader(name), others).items()
    ]


def sample(run: Run, name: str) -> SampleRef:
    """The sample of that name.

    Raises:
        UsageError: the run has none.
    """
    try:
        return run.settings.sample(name)
    except KeyError as error:
        names = [s.name for s in run.settings.samples]
        way_out = did_you_mean(name, names) or f"Its samples: {', '.join(names) or 'none'}."
        raise UsageError("The run has no such sample", f"{name}.", way_out) from error


def set_pixel_size(run: Run, name: str, um_per_px: float | None) -> None:
    """The user states a sample's pixel size in um; None: it is unknown.

    Raises:
        UsageError: not a size that a microscope has, or the run has no such sample.
    """
    if um_per_px is not None and not LEAST_PIXEL <= um_per_px <= MOST_PIXEL:
        raise UsageError("This is no pixel size", f"{um_per_px} um/px.", "Give micrometres per pixel, e.g. 0.3.")
    before = sample(run, name)
    came_as = before.came_as or way_of(before.um_per_px, AUTOMATIC)
    label(run, name, um_per_px=um_per_px, scale_source="given" if um_per_px else "", came_as=came_as)


def label(run: Run, name: str, **labels: Any) -> None:
    """Changes what the run says of a sample: its condition, unit, tube, day, role.

    Raises:
        UsageError: the run has no such sample.
    """
    sample(run, name)
    said: dict[str, Any] = {key: one.strip() if isinstance(one, str) else one for key, one in labels.items()}
    samples = tuple(replace(s, **said) if s.name == name else s for s in run.settings.samples)
    run.update(replace(run.settings, samples=samples))


def training_samples(run: Run) -> Sequence[SampleRef]:
    """Those marked for training, else the research samples (which then serve for both)."""
    chosen = [s for s in run.settings.samples if s.role == "training"]
    return chosen or [s for s in run.settings.samples if s.role == "research"]
