"""How large models see images of unknown scale: the question that steps 1 and 2 share."""

from __future__ import annotations

from collections.abc import Callable

from tui_cytpix.domain.zoom import LEAST, MOST, parse_zoom
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.workflow.run import zoom


def ask_zoom(screen: WorkScreen, changed: Callable[[], object]) -> None:
    """Asks for it and sets it; says what to do instead where every scale is known."""
    run = screen.session.run
    if not zoom.of_unknown_scale(run):
        screen.report(zoom.KNOWN)
        return

    def take(asked: float) -> None:
        before = run.settings.base_model.zoom
        words = zoom.set_zoom(run, asked)
        if asked != before:
            at_work = " Training at work goes on as it began." if screen.session.training.live else ""
            screen.report(words + at_work)
            changed()

    question = (
        "Models see images of unknown scale how many times as large as they are? "
        f"{LEAST:g} to {MOST:g}; 0 or nothing: automatic."
    )
    screen.ask_number(question, run.settings.base_model.zoom, take, parse_zoom)
