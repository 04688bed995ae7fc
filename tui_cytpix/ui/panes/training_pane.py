"""Training as it goes: state, curves, advice, flips, what is longer, and the keys that steer it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.events import Resize
from textual.message import Message
from textual.widgets import DataTable

from tui_cytpix.domain.annotation import AnnotationBook, Status
from tui_cytpix.domain.jobs.training import Epoch, TrainingStatus
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.words import printable
from tui_cytpix.ui.commands.bindings import bindings
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.panes.training_wishes import TrainingWishes
from tui_cytpix.ui.widgets.boxes import Vertical
from tui_cytpix.ui.widgets.lines.hint import Words
from tui_cytpix.ui.widgets.plots.curve_plot import TA_MARK, VA_MARK, CurvePlot, sparklines
from tui_cytpix.ui.widgets.tables.table import Table
from tui_cytpix.workflow.train import progress
from tui_cytpix.workflow.train.advice import Advice

LOG_LINES = 3
ROOMY = 36  # rows
ADVICE = 3
SPARK_WORDS = 22  # cells of a line of sparks that are none


class TrainingPane(Vertical):
    """Shows what `show` was given last; its keys are `wishes`, but for those that lead to the editor."""

    DEFAULT_CSS = """
    TrainingPane { height: 100%; }
    TrainingPane CurvePlot { height: 1fr; min-height: 11; margin: 0 1; }
    TrainingPane #flips { height: 9; display: none; }
    TrainingPane #training-more { height: auto; max-height: 45%; }
    TrainingPane.-low #training-more { max-height: 4; }
    TrainingPane.-flips #flips { display: block; }
    TrainingPane.-flips #training-more { display: none; }
    TrainingPane.-flips.-low CurvePlot { min-height: 5; }
    TrainingPane.-flips.-low #training-advice { display: none; }
    TrainingPane #training-words, TrainingPane #training-log { color: $text-muted; }
    TrainingPane:focus #training-state { text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("training")
    can_focus = True

    @dataclass
    class FlipChosen(Message):
        """Enter on a flipping image."""

        image: ImageKey

    class SuggestedWished(Message):
        """What the advice names is to be annotated."""

    def __init__(self, screen: WorkScreen, wishes: TrainingWishes) -> None:
        super().__init__(id="training")
        self._frame, self._wishes = screen, wishes
        self._status, self._book = TrainingStatus(state=None), AnnotationBook()
        self._rows: list[tuple[str, Sequence[str]]] = []

    def compose(self) -> ComposeResult:
        yield Words(id="training-state")
        yield CurvePlot()
        yield Words(id="training-advice")
        yield Table(("Image", "Annotated", "Flips", "Counted, last look at the right"), id="flips")
        with VerticalScroll(id="training-more", can_focus=False):
            yield Words(id="training-words")
            yield Words(id="training-log")

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.height < ROOMY, "-low")

    @property
    def flips(self) -> Table:
        return self.query_one("#flips", Table)

    def show(
        self, status: TrainingStatus, lines: list[str | Text], advice: Sequence[Advice], book: AnnotationBook
    ) -> None:
        """The most urgent advice stands below the curves; the rest of it, and `lines`, below that, for whom scrolls."""
        self.query_one("#training-state", Words).say(Text(progress.in_words(status), Style(bold=True)))
        self.query_one(CurvePlot).show(status.epochs, status.target, status.best_epoch)
        advised = [Text.assemble(("▸ ", "bold"), printable(found.words)) for found in advice[:ADVICE]]
        self.query_one("#training-advice", Words).say(status.message, *advised[:1])
        self.query_one("#training-words", Words).say(*advised[1:], *lines, pace_words(status))
        self._status, self._book = status, book
        if self.flips_shown:
            self._fill()
        self.query_one("#training-log", Words).say(*status.log[-LOG_LINES:])

    def _fill(self) -> None:
        status = self._status
        lately = progress.flipping_lately(status)
        rows: list[tuple[str, Sequence[str]]] = [
            (str(flip.image), (str(flip.image), self._annotated(flip.image), str(flip.flips), progress.strip(flip)))
            for flip in sorted(status.flips, key=lambda flip: flip.image not in lately)
        ]
        if rows != self._rows:
            self._rows = rows
            self.flips.fill(rows)

    def _annotated(self, image: ImageKey) -> str:
        """The count that was accepted, else what was decided; empty where the image is open."""
        state = self._book.state(image)
        if state.status is Status.ACCEPTED and state.segmentation is not None:
            return str(state.segmentation.particle_count)
        return "" if state.status is Status.OPEN else state.status

    @property
    def flips_shown(self) -> bool:
        return self.has_class("-flips")

    def show_flips(self, shown: bool) -> None:
        self.set_class(shown, "-flips")
        if shown:
            self._fill()
            self.flips.move_cursor(row=0, animate=False)
        self.screen.set_focus(self.flips if shown else self)

    def action_wish(self, wish: str) -> None:
        match wish:
            case "suggested":
                self.post_message(self.SuggestedWished())
            case "flips" if self.flips_shown or self._frame.session.training.flips:
                self.show_flips(not self.flips_shown)
            case "flips":
                self._frame.report("No image flipped between looks so far.")
            case "similar" if self.flips_shown and self._rows:
                self._frame.show_similar(ImageKey.parse(self._rows[self.flips.cursor_row][0]))
            case "similar":
                self._frame.report(f"Show the flips first: {self._frame.key('training.flips')}.")
            case _:
                self._wishes.do(wish)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.post_message(self.FlipChosen(ImageKey.parse(str(event.row_key.value))))


def pace_words(status: TrainingStatus) -> str:
    """How fast training goes, where, and with what learning rate; empty before the first epoch."""
    recent = status.epochs[-5:]
    if not recent:
        return printable(status.device)
    seconds = sum(e.seconds for e in recent) / len(recent)
    rate = "" if recent[-1].rate is None else f"learning rate {recent[-1].rate:.2g}"
    return " · ".join(filter(None, (f"{seconds:.1f} s an epoch", printable(status.device), rate)))


def spark_line(epochs: tuple[Epoch, ...], width: int) -> Text:
    """Both curves in one line of that many cells, where these are enough; empty before the first epoch."""
    if not epochs:
        return Text()
    ta, va = sparklines(epochs, max(6, (width - SPARK_WORDS) // 2))
    return Text.assemble((f"{TA_MARK[0]} {ta}", Style(bold=False)), "  ", (f"{VA_MARK[0]} {va}", Style(bold=True)))
