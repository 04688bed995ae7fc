"""Step 5: the new model, and the unseen images that it is held against the base on."""

from __future__ import annotations

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import RunError, UsageError
from tui_cytpix.workflow.assess import review
from tui_cytpix.workflow.base_model import instrument, library
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.used_images import EVALUATE


def draw(run: Run, images: int, model: ModelEntry | None = None) -> tuple[ImageKey, ...]:
    """Random images that no step has seen, to judge `model` on, or the run's new one; otherwise as `review.draw`."""
    return review.draw(run, images, model, EVALUATE)


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
        UsageError: both are the same, or the new one is instrument masks that tell no counts.
        MaskError: it is the instrument's masks, and no sample carries any.
        ModelFileError: one can't be read.
    """
    new, base = library.find(chosen) if chosen else new_model(run), library.base_of(run)
    if new.hash == base.hash:
        raise UsageError("Both are the same model", f"{new.card.name}.", "Choose another than the run's base.")
    instrument.refuse(run, new, run.settings.assess.required)
    return new, base
