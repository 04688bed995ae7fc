"""The end of step 4: one of training's checkpoints becomes the run's model."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import tui_cytpix
from tui_cytpix.domain.annotation import Side
from tui_cytpix.domain.jobs.training import CrossCheck, TrainingStatus
from tui_cytpix.domain.model_card import LEAST_TO_CALIBRATE, ModelCard, ModelEntry, Provenance
from tui_cytpix.domain.run_settings import RunSettings
from tui_cytpix.domain.sample import LABELS
from tui_cytpix.errors import RunError, refusal
from tui_cytpix.formats.bytes.atomic import scratch_folder
from tui_cytpix.formats.model.file import check_usable, model_bytes, read_card, read_tensors, write_model
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run import used_images
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.train import crosscheck
from tui_cytpix.workflow.train.watch import TrainingWatch

MIN_VALIDATION_FOR_BEST = 5
FARTHEST = 20.0  # that a calibration goes; others are refused when a model is read


def checkpoints(run: Run) -> dict[str, Path]:
    """The checkpoints that can become the model: `best` (by smoothed VA), `last` (an average over the late steps), and
    a sparse history, `epoch-NNNN`.
    """
    return {p.stem: p for p in sorted(run.folder.checkpoints.glob("*.safetensors"))}


def usual_checkpoint(run: Run) -> str:
    """`best` where VA rests on at least five images; else `last`, whose weights are an average of late ones: the best
    epoch by two images is luck.
    """
    return "best" if len(run.annotations.side(Side.VALIDATION)) >= MIN_VALIDATION_FOR_BEST else "last"


def finish(run: Run, name: str, checkpoint: str = "", notes: str = "") -> ModelEntry:
    """Makes a checkpoint the run's model: writes `model.safetensors` with its card, and adds it to the user's library.
    Training that is at work goes on.

    Raises:
        RunError: nothing is trained yet, there is no such checkpoint, or the run can't be written to.
        ModelFileError: the name is no good or taken, the checkpoint is damaged or of a version whose models are no
            longer run; or the library can't be written: then the run has its model nonetheless.
    """
    found = checkpoints(run)
    checkpoint = checkpoint or usual_checkpoint(run)
    if checkpoint not in found:
        have = ", ".join(found) or "none: nothing is trained yet, or its files are gone"
        raise RunError("There is no such checkpoint", f"{checkpoint!r}; there are: {have}.")
    library.check_name(name)
    try:
        with scratch_folder(run.path) as aside:
            path = aside / found[checkpoint].name  # training may replace its own at any moment
            path.write_bytes(model_bytes(found[checkpoint]))
            check_usable(read_card(path), path)
            status = TrainingWatch(run.folder).poll()
            card = calibrated(read_card(path), crosscheck.in_force(status, run.annotations).values())
            card = _final_card(card, run.settings, name, status)
            seen = Provenance(seen=used_images.digests_of_used(run))
            card = replace(card, provenance=card.made_with.and_then(seen))
            tensors = read_tensors(path)
        write_model(run.folder.model_path, tensors, replace(card, description=notes or card.description))
    except OSError as error:
        raise RunError(*refusal(error, run.folder.model_path, "The model can't be written")) from error
    evaluate = replace(run.settings.evaluate, model=run.folder.model_path.name, name=name)
    run.update(replace(run.settings, evaluate=evaluate))
    library.import_model(run.folder.model_path, name)
    return library.entry(run.folder.model_path)


def calibrated(card: ModelCard, checked: Collection[CrossCheck]) -> ModelCard:
    """The card with its confidence in counts fitted to how often models that did not train on an image counted it
    right; as it is where too few images were cross-checked.
    """
    if len(checked) < LEAST_TO_CALIBRATE:
        return card
    from tui_cytpix.core.statistics.calibration import recalibration

    slope, offset = recalibration([(one.sure, one.given == one.found) for one in checked])
    before = card.post.get("image_slope", 1.0), card.post.get("image_offset", 0.0)
    now = {"image_slope": slope * before[0], "image_offset": slope * before[1] + offset}
    within = {name: max(-FARTHEST, min(FARTHEST, value)) for name, value in now.items()}  # of many, one upon another
    return replace(card, post={**card.post, **within}, calibrated_on=len(checked))


def _final_card(card: ModelCard, settings: RunSettings, name: str, status: TrainingStatus) -> ModelCard:
    """The checkpoint's card, which tells its images and lineage, and what the run knows besides; `curve` has a row
    [epoch, TA, VA, VA's standard error or null] for each epoch up to the model's.
    """
    epoch = int(card.training.get("epoch", 0))
    curve = [[e.epoch, e.ta, e.va, e.va_error] for e in status.epochs if e.epoch <= epoch]
    measured = {"TA": curve[-1][1], "VA": curve[-1][2]} if curve and curve[-1][0] == epoch else {}
    samples = {s.name: asdict(s) for s in settings.samples}
    told = ("name", *LABELS, "um_per_px", "scale_source", "fingerprint")
    images = card.training.get("images_by_sample", {})
    training = {
        **card.training,
        "run": settings.name,
        "seed": settings.seed,
        "samples": [{k: sample[k] for k in told} | images.get(name, {}) for name, sample in samples.items()],
        "epochs_in_all": status.epoch,
        "curve": curve,
    }
    training.pop("images_by_sample", None)
    return replace(
        card,
        name=name,
        kind="UDT",
        description=f"Trained on {settings.name}.",
        counting_convention=settings.assess.counting_convention,
        size_cutoff_um=settings.train.size_cutoff_um,
        training=training,
        measured={**card.measured, **measured},
        kept=status.kept.get(epoch),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        software=f"tui-cytpix {tui_cytpix.__version__}",
    )
