"""What the five step screens share: the line that says what to do next, the progress line, cancelling, layout."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import ClassVar, TypeVar

from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget

from tui_cytpix.ui.commands.bindings import bindings, of_scope
from tui_cytpix.ui.frame.base import StepScreen
from tui_cytpix.ui.session import Cancelled, PredictionsChanged, Task, TaskChanged
from tui_cytpix.ui.widgets.boxes import ContentSwitcher
from tui_cytpix.ui.widgets.gallery.gallery import Gallery
from tui_cytpix.ui.widgets.lines.hint import Hint
from tui_cytpix.ui.widgets.lines.task_bar import TaskBar
from tui_cytpix.workflow.run.predict import PredictProgress

T = TypeVar("T")


class WorkScreen(StepScreen):
    """Composes `work()` between the hint and the progress line."""

    DEFAULT_CSS = """
    WorkScreen { overflow: hidden; }
    WorkScreen ContentSwitcher { height: 1fr; }
    WorkScreen ContentSwitcher > * { height: 100%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("step")
    MAIN: ClassVar[str] = "Gallery"  # what has the focus in the main pane, a selector
    IN_EVERY_PANE: ClassVar[frozenset[str]] = frozenset()  # ids of the screen's own commands that other panes have too

    loaded = False  # whether `enter` has read what there is to say of the run

    def __init__(self) -> None:
        super().__init__()
        self._told: set[str] = set()
        self._own_tasks: set[Task] = set()
        self._switcher: ContentSwitcher | None = None

    def body(self) -> Iterable[Widget]:
        yield Hint()
        yield from self.work()
        yield TaskBar()

    def work(self) -> Iterable[Widget]:
        return ()

    @property
    def hint(self) -> Hint:
        return self.query_one(Hint)

    @property
    def task_bar(self) -> TaskBar:
        return self.query_one(TaskBar)

    def say(self, words: str) -> None:
        """What to do next; `{command.id}` becomes its key. Comes with every change of the run."""
        self.refresh_saved()
        if self.session.held:  # what a step's own words advise would write
            steps = "{app.previous-step} and {app.next-step} lead to other steps, " if self.pane in ("main", "") else ""
            words = f"{steps}{{app.back}} leads back."
        held = f"Only to be looked at: {self.session.held} " if self.session.held else ""
        self.hint.say_next(held + (words if self.loaded else "Loading …"), self.key)

    def say_next(self) -> None:
        """Says what to do next, whatever the state."""

    def refresh_all(self) -> None:
        """Shows the run as it is now."""

    def returned(self) -> None:
        """Back from the plots: gates may be others."""
        self.say_next()

    # Panes: the main one, and others in its place

    @property
    def pane(self) -> str:
        if self._switcher is None:  # kept: every key asks for it, and a query walks through all widgets
            self._switcher = next(iter(self.query(ContentSwitcher)), None)
        return "" if self._switcher is None else self._switcher.current or ""

    def show_pane(self, pane: str) -> None:
        """Shows another pane; the caller puts the focus into it."""
        self.query_one(ContentSwitcher).current = pane
        self.set_class(pane == "review", "-reviewing")  # notices keep off what is beside the image
        self.refresh_rail()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """The screen's own commands (its first scope) are the main pane's: elsewhere their keys mean other things, or
        nothing.
        """
        if self.pane not in ("main", ""):
            own = {c.action_name for c in of_scope(self.SCOPES[0]) if c.id not in self.IN_EVERY_PANE}
            return action not in own
        return True

    def close_panels(self) -> bool:
        """`q` closes help or a question first, then leads back to the main pane."""
        return super().close_panels() or self.to_main_pane()

    @property
    def digits_lead(self) -> bool:
        return super().digits_lead and (self.pane in ("main", "") or self.must_stay())

    def to_main_pane(self) -> bool:
        if self.pane == "main" or self.must_stay():
            return False
        self.show_pane("main")
        self.focus_main()
        self.say_next()
        return True

    def must_stay(self) -> bool:
        """True where the pane that shows is the only one that makes sense now."""
        return False

    def focus_main(self) -> None:
        self.set_focus(self.query_one(self.MAIN))

    def action_more_words(self) -> None:
        """A screenful on in the text that stands beside or below the images; from its end, back to the top."""
        texts = self.query("ContentSwitcher VerticalScroll").results(VerticalScroll)
        text = next((one for one in texts if one.is_on_screen and one.max_scroll_y), None)
        if text is None:
            self.report("All of the text is shown.")
        elif text.scroll_y >= text.max_scroll_y:
            text.scroll_home(animate=False)
        else:
            text.scroll_page_down(animate=False)

    # Long tasks

    async def in_thread(self, task: str, work: Callable[[Callable[[int, int], None]], T]) -> T | None:
        """Runs `work(on_progress)` in a thread, with progress and cancel; None where the user cancelled it. Where this
        screen is left it goes on, and shows on the others: what is to be kept of it, `work` writes.

        Raises:
            CytpixError: as `work`.
        """
        if self.session.task is not None:
            at_work = self.session.task.name
            self.report(f"{at_work} is at work: wait, or cancel it with {self.key('step.cancel')}.")
            return None
        begun, running = self.session.begin(task, work)
        self._own_tasks.add(begun)
        self.show_task()
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            begun.abandoned = True
            raise
        except Cancelled:
            self.report(f"{task}: cancelled.")
            return None
        finally:
            if not begun.abandoned:
                self.show_task()

    def show_task(self) -> None:
        """The task at work, whichever screen began it, else the engine's progress."""
        task = self.session.task
        if task is None:
            self.task_bar.clear()
            self.show_predictions(self.session.progress)
        else:
            self.task_bar.show_progress(task.name, task.done, task.total, f"{self.key('step.cancel')} cancels")

    def on_screen_resume(self) -> None:
        """What a task did meanwhile, the screen on top was told."""
        if self.entered:
            self.show_task()

    def on_task_changed(self, event: TaskChanged) -> None:
        self.show_task()
        if event.ended is not None and event.ended not in self._own_tasks:
            self.refresh_rail()
            self.task_ended(event.ended)

    def task_ended(self, task: Task) -> None:  # noqa: ARG002
        """One that another screen began."""
        self.refresh_all()

    async def _entered(self) -> None:
        """Until the run is read nothing is said of it."""
        self.show_task()
        self.say("")
        for gallery in self.query(Gallery):
            gallery.say("loading …")
        try:
            await super()._entered()
        finally:
            self.loaded = True
            if self.is_attached and self.cytpix.session is not None:
                for gallery in self.query(Gallery):
                    gallery.say("")
                self.say_next()

    def action_cancel(self) -> None:
        """Stops the task in the thread, else what the engine has not begun."""
        if self.session.task is not None:
            self.session.task.cancel_wished = True
        elif self.session.progress.busy:
            self.session.cancel_predictions()
            self.report("Cancelled; what is processed stays.")
        else:
            self.cancel_more()

    def cancel_more(self) -> None:
        """Whatever else a screen can cancel."""
        self.report("Nothing is at work.")

    # Predictions

    def on_predictions_changed(self, event: PredictionsChanged) -> None:
        self.show_predictions(event.progress)
        for problem in event.progress.problems:
            if problem not in self._told:
                self._told.add(problem)
                self.report(problem)
        self.predictions_came()

    def show_predictions(self, progress: PredictProgress) -> None:
        """The engine's progress, unless a task is at work."""
        if self.session.task is not None:
            return
        if progress.busy:
            label = "Starting the engine:" if progress.starting and not progress.done else "Processing images:"
            self.task_bar.show_progress(label, progress.done, progress.total, f"{self.key('step.cancel')} cancels")
        elif self.task_bar.working:
            self.task_bar.clear()

    def predictions_came(self) -> None:
        """More images have an answer, or none will come."""
