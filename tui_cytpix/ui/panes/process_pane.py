"""Processing whole samples: what to write, how far it is, what came out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.message import Message

from tui_cytpix.domain.training import JobState
from tui_cytpix.ui.commands.bindings import bindings
from tui_cytpix.ui.widgets.lines.hint import Words, heading, labelled
from tui_cytpix.workflow.evaluate.process_watch import ProcessStatus
from tui_cytpix.workflow.train.progress import duration

FORMAT_WORDS = {
    "fcs": "FCS with the image-derived parameters (UDT_...) appended to the originals",
    "csv": "tables of events and of particles, CSV",
    "masks": "label images, 16-bit PNG",
    "instrument-masks": "masks in the instrument's own format",
}


class ProcessPane(VerticalScroll, can_focus=True):
    """Posts `Wished`: a format's number to switch it, or `run`."""

    DEFAULT_CSS = """
    ProcessPane { height: 1fr; padding: 1 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("process")

    class Wished(Message):
        """A key of the process scope."""

        def __init__(self, wish: str) -> None:
            super().__init__()
            self.wish = wish

    def compose(self) -> ComposeResult:
        """Words only."""
        yield Words(id="process-words")

    def show(
        self,
        what: str,
        which: str,
        formats: Sequence[str],
        chosen: Sequence[str],
        status: ProcessStatus | None,
        key_of: Callable[[str], str],
    ) -> None:
        """`what` is to be processed, `which` of its images and how large they are seen, "" where there is nothing to
        say; `status` is the job's, None where none was started.
        """
        lines: list[str | Text] = [heading(what), which]
        for number, name in enumerate(formats, 1):
            switched = "[x]" if name in chosen else "[ ]"
            words = FORMAT_WORDS.get(name, "")
            lines.append(
                Text.assemble(
                    (f" {key_of(f'process.toggle-{number}')} ", Style(bold=True)), f"{switched} {name}: {words}"
                )
            )
        lines.append(
            Text.assemble(
                (f" {key_of('process.run')} ", Style(bold=True)),
                "starts. It runs by itself: leaving the app does not stop it.",
            )
        )
        if status is not None:
            lines += [" ", *status_lines(status)]
        self.query_one("#process-words", Words).say(*lines)

    def action_wish(self, wish: str) -> None:
        """Hands the key on."""
        self.post_message(self.Wished(wish))


_STATES = {
    JobState.STARTING: "The engine is starting.",
    JobState.RUNNING: "At work",
    JobState.PAUSED: "Paused.",
    JobState.FINISHED: "Done.",
    JobState.STOPPED: "Cancelled; what is listed here is written.",
    JobState.FAILED: "Failed.",
    JobState.LOST: "The engine is gone.",
}


def status_lines(status: ProcessStatus) -> list[str | Text]:
    """State, outputs, failures."""
    words = _STATES[status.state]
    if status.state is JobState.RUNNING:
        left = f", {duration(status.eta_seconds)} left" if status.eta_seconds is not None else ""
        words = f"{words}: {status.what} {status.done} of {status.total}{left}."
    lines: list[str | Text] = [heading(words), status.message]
    if status.out:
        lines.append(labelled("Folder", status.out))
    lines.extend(f"  {path.removeprefix(status.out).lstrip('/')}" for path in status.outputs)
    if status.failures:
        lines.append(heading("Not processed:"))
        lines.extend(f"  {failure}" for failure in status.failures)
    return lines
