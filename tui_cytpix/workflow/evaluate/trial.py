"""Step 5: the new model, and the unseen images that it is held against the base on."""

from __future__ import annotations

from dataclasses import replace

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import RunError, UsageError
from tui_cytpix.workflow.assess.over_sampling import moved
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.explore.random_images import gate_in_use, judged_models, unseen
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.used_images import EVALUATE


def draw(run: Run, images: int, model: ModelEntry | None = None) -> tuple[ImageKey, ...]:
    """Random images that no step has seen (`random_images.unseen`), to judge `model` on, or the run's new one; anew
    where the gate that is drawn from has changed.

    Raises:
        SampleError: a sample can't be read, or the gate can't be applied to it.
    """
    sequence = unseen(run, images, judged_models(run, EVALUATE, model))
    run.remember(sequence)
    before = run.settings.evaluate
    rules = moved(before.over_sampling, before.sequence, sequence)
    drawn = replace(before, sequence=sequence, images=images, drawn_from=gate_in_use(run), over_sampling=rules)
    run.update(replace(run.settings, evaluate=drawn))
    return sequence


def new_model(run: Run) -> ModelEntry:
    """The run's finished model.

    Raises:
        RunError: there is none yet.
    """
    if not run.folder.model_path.is_file():
        raise RunError("The run has no model yet", f"{run.path}.", "Finish training in step 4.")
    return library.entry(run.folder.model_path)


def both_models(run: Run, chosen: str = "") -> tuple[ModelEntry, ModelEntry]:
    """The run's finished model, or the `chosen` one (a library name or a file), and the base that it is held against.

    Raises:
        RunError: there is no finished model yet.
        UsageError: both are the same.
        ModelFileError: one can't be read.
    """
    new, base = library.find(chosen) if chosen else new_model(run), library.base_of(run)
    if new.hash == base.hash:
        raise UsageError("Both are the same model", f"{new.card.name}.", "Choose another than the run's base.")
    return new, base
