"""Which channel of a sample a run reads: to be changed as long as none of its images is used."""

from __future__ import annotations

from dataclasses import replace

from tui_cytpix.domain.sample import SampleRef
from tui_cytpix.domain.sample_names import kept_apart, name_from
from tui_cytpix.errors import SampleError, UsageError
from tui_cytpix.formats.sample.registry import open_sample
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.used_images import prepared


def channels_of(run: Run, name: str) -> tuple[str, ...]:
    """The sample's channels, empty where its images have but one.

    Raises:
        SampleError: it can't be read.
    """
    return run.images.reader(name).channels


def set_channel(run: Run, name: str, channel: str) -> SampleRef:
    """Reads another channel, by name or number (from 1). That is another sample, with other pixels: it takes the place
    of the former, with its labels, under a name of its own, so that nothing found on the former is taken for its own.

    Raises:
        UsageError: the run has no such sample, it has no such channel, or its images are used already.
        SampleError: it can't be read, or another sample of the run is that channel.
    """
    before = run_samples.sample(run, name)
    path = run.folder.sample_path(before)
    with open_sample(path, before.um_per_px if before.scale_source == "given" else None, channel) as reader:
        read, found = reader.channel, reader.fingerprint()
    if read == before.channel:
        return before
    _refuse_used(run, name)
    same = next((one.name for one in run.settings.samples if one.name != name and one.fingerprint == found), None)
    if same is not None:
        raise SampleError("The sample is in the run already", f"{same} is that channel.", "Give each tube once.")
    taken = {one.name: run.folder.sample_path(one) for one in run.settings.samples}
    now = replace(
        before,
        name=kept_apart([(name_from(f"{path.stem}-{read}"), path)], taken)[0],
        channel=read,
        fingerprint=found,
        copies=(),
    )
    settings = run.settings
    run.update(
        replace(
            settings,
            samples=tuple(now if one.name == name else one for one in settings.samples),
            assess=replace(settings.assess, sequence=(), drawn_from="", over_sampling=()),
            evaluate=replace(settings.evaluate, sequence=(), drawn_from="", over_sampling=()),
        )
    )
    return now


def _refuse_used(run: Run, name: str) -> None:
    """What was drawn for a review may be drawn anew as long as nothing was judged."""
    judged = {verdict.image for verdict in run.verdicts} | {verdict.image for verdict in run.pair_verdicts}
    drawn = {*run.settings.assess.sequence, *run.settings.evaluate.sequence} if judged else set()
    if any(image.sample == name for image in prepared(run) | judged | drawn):
        raise UsageError(
            "The sample's images are used already",
            f"Images of {name} are selected, annotated, or drawn for a review.",
            "Give it the role aside, and add it once more: `tui-cytpix run add DIR SAMPLE --channel NAME`.",
        )
