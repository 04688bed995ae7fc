"""What screens ask of the app that shows them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import CytpixError
from tui_cytpix.ui.frame.messages import Messages
from tui_cytpix.ui.graphics.surface import Surface
from tui_cytpix.ui.session import Session


class ScreensApp(Protocol):
    """The app, as its screens know it.

    Attributes:
        session: the open run; None where none is.
        surface: what pictures are drawn on.
        user_keys: keys by command id, where the user chose others.
        messages: what was told since the app began.
    """

    session: Session | None
    surface: Surface
    user_keys: dict[str, str]
    messages: Messages

    async def open_run(self, path: Path, *, tour: bool = False) -> None:
        """Opens a run at the step where it was left, or where its tour begins.

        Raises:
            RunError: it can't be opened.
        """

    async def close_run(self) -> None:
        """Saves and closes the open run, if any."""

    def go_to_step(self, step: str, then: str = "") -> None:
        """Shows another step of the open run, and runs the command of that id there."""

    def open_annotator(self, keys: Sequence[ImageKey], start: ImageKey | None = None) -> None:
        """The annotation editor on these images, on top of the current screen."""

    def open_explorer(self, step: str) -> None:
        """Plots, gates and their images, on top of that step's screen."""

    def open_similar(self, key: ImageKey, step: str) -> None:
        """The images of all samples that resemble this one, on top of that step's screen."""

    def report(self, problem: CytpixError | OSError | str) -> None:
        """A notice: an error, or a sentence."""
