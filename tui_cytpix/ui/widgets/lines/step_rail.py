"""The header: the run, its five steps, what is saved, how training goes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from rich.style import Style
from rich.text import Text
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tui_cytpix.domain.jobs.training import JobState, TrainingStatus
from tui_cytpix.domain.run_settings import STEPS, RunSettings
from tui_cytpix.domain.words import shortened
from tui_cytpix.ui.widgets.plots.curve_plot import sparklines

SPARKS = 6
LABELS = {
    "assess": "Assess",
    "base_model": "Base",
    "samples": "Samples",
    "train": "Train",
    "evaluate": "Evaluate",
}


class StepRail(Widget):
    """One line. State comes down through the reactives; a step that is clicked on is posted."""

    DEFAULT_CSS = """
    StepRail { dock: top; height: 1; background: $panel; color: $foreground; }
    """

    @dataclass
    class Wished(Message):
        """A step was clicked on."""

        step: str

    name_of_run: reactive[str] = reactive("")
    step: reactive[str] = reactive("")
    done: reactive[frozenset[str]] = reactive(frozenset())
    unsaved: reactive[int] = reactive(0)
    problem: reactive[str] = reactive("")
    read_only: reactive[bool] = reactive(False)
    training: reactive[str] = reactive("")
    curves: reactive[str] = reactive("")

    def show_run(self, settings: RunSettings, step: str, decided: Collection[str]) -> None:
        """A step is ticked where it has what the next needs; of those that judge, only the `decided` are: a tick that
        came by looking in would read as "passed".
        """
        self.name_of_run, self.step = settings.name, step
        reached = {
            "assess": "assess" in decided,
            "base_model": bool(settings.base_model.model),
            "samples": bool(settings.selection.images),
            "train": bool(settings.evaluate.name),
            "evaluate": "evaluate" in decided,
        }
        self.done = frozenset(name for name, is_reached in reached.items() if is_reached)

    def show_training(self, status: TrainingStatus) -> None:
        self.training = training_text(status)
        self.curves = " ".join(sparklines(status.epochs, SPARKS)) if status.live and status.epochs else ""

    def on_click(self, event: events.Click) -> None:
        step = event.style.meta.get("step")
        if step and step != self.step:
            self.post_message(self.Wished(step))

    def render(self) -> Text:
        """Steps in the middle; the name, the steps' names, the curves, then training give way on narrow screens."""
        width, saved = self.size.width, self._saved()
        told = " ".join(part for part in (self.training, self.curves) if part)
        # From all there is to say, by what gives way, to what always shows.
        for words, short in ((told, False), (told, True), (self.training, False), (self.training, True), ("", True)):
            training, steps = Text(f"{words} · " if words and self.step else ""), self._steps(short=short)
            if steps.cell_len + training.cell_len + saved.cell_len + 3 <= width:
                break
        right = training + saved
        room = max(0, width - steps.cell_len - right.cell_len - 3)
        text = Text(f" {shortened(self.name_of_run, room)} ", Style(bold=True), no_wrap=True, overflow="ellipsis")
        text = Text(no_wrap=True, overflow="ellipsis").append_text(text).append_text(steps)
        text.append(" " * max(1, width - text.cell_len - right.cell_len))
        return text.append_text(right)

    def _saved(self) -> Text:
        if self.read_only:
            return Text("READ ONLY ", Style(bold=True, reverse=True))
        if self.problem:
            return Text("NOT SAVED ", Style(bold=True, reverse=True))
        if self.unsaved:
            return Text(f"saving {self.unsaved} ")
        return Text("saved " if self.step else "")

    def _steps(self, *, short: bool) -> Text:
        """The five steps; `short` names only the one that is shown."""
        steps = Text()
        for number, step in enumerate(STEPS if self.step else (), 1):
            here = step == self.step
            mark = "▸" if here else "✓" if step in self.done else " "
            style = Style(bold=True, reverse=True) if here else Style(dim=step not in self.done)
            style += Style(meta={"step": step})
            name = f" {LABELS[step]} " if here else "" if short else f" {LABELS[step]} "
            steps.append(f"{mark}{number}{name}", style)
        return steps


def training_text(status: TrainingStatus) -> str:
    """Training in a few characters; empty where there is none."""
    epoch = status.epoch
    words = {
        JobState.STARTING: "training starts",
        JobState.RUNNING: f"● {epoch}/{status.target}",
        JobState.PAUSED: f"Ⅱ {epoch}/{status.target}" + (", disk full" if status.message else ""),
        JobState.FAILED: "training failed",
        JobState.LOST: "training lost",
    }
    return words.get(status.state, "") if status.state is not None else ""
