"""Pictures of pairs, for whoever judges them without the app."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tui_cytpix.errors import UsageError
from tui_cytpix.workflow.evaluate.pairs_file import BlindPair, Models
from tui_cytpix.workflow.report import figures
from tui_cytpix.workflow.run.run import OnProgress, Run


def write_pictures(
    folder: Path, run: Run, models: Models, order: Sequence[BlindPair], on_progress: OnProgress
) -> list[str]:
    """Both answers side by side, as MARK.png in a new folder; returns sentences about images that can't be read.

    Raises:
        UsageError: they can't be written.
    """
    from PIL import Image

    new, base = (run.answers(model.hash) for model in models)
    problems = []
    try:
        folder.mkdir(parents=True)
        for place, one in enumerate(order):
            stores = (new, base) if one.new_first else (base, new)
            pixels = figures.with_answers(run, one.found.image, [store.get(one.found.image) for store in stores])
            if pixels is None:
                problems.append(f"{one.found.image} can't be read: no picture.")
            else:
                Image.fromarray(pixels).save(folder / f"{one.mark}.png")
            on_progress(place + 1, len(order))
    except OSError as error:
        raise UsageError("The pictures can't be written", f"{folder}: {error.strerror or error}.") from error
    return problems
