"""Pictures of what is to be judged, for whoever does it without the app."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.errors import CytpixError, refusal
from tui_cytpix.formats.bytes.atomic import replacing_folder
from tui_cytpix.workflow.report import figures
from tui_cytpix.workflow.run.run import OnProgress, Run


@dataclass(frozen=True, eq=False)
class Picture:
    """An image with answers to it, side by side; without any it is raw. `mark` names it in the table beside it."""

    mark: str
    image: ImageKey
    answers: tuple[Segmentation | None, ...] = ()


def write_pictures(folder: Path, run: Run, pictures: Sequence[Picture], on_progress: OnProgress) -> list[str]:
    """As MARK.png in a new folder; returns sentences about images that can't be read.

    Raises:
        CytpixError: they can't be written.
    """
    from PIL import Image

    problems = []
    try:
        with replacing_folder(folder) as aside:
            for place, one in enumerate(pictures, 1):
                pixels = figures.with_answers(run, one.image, one.answers)
                if pixels is None:
                    problems.append(f"{one.image} can't be read: no picture {one.mark}.png.")
                else:
                    Image.fromarray(pixels).save(aside / f"{one.mark}.png")
                on_progress(place, len(pictures))
    except OSError as error:
        raise CytpixError(*refusal(error, folder, "The pictures can't be written")) from error
    return problems
