"""The Textual app: home, the five steps of an open run, notices, keys."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.notifications import SeverityLevel
from textual.screen import Screen

from tui_cytpix.domain.jobs.training import JobState
from tui_cytpix.domain.run_settings import STEPS
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import CytpixError, InUseError, UsageError, refusal
from tui_cytpix.ui.commands.bindings import bindings, key_map
from tui_cytpix.ui.deciding import DecidingApp
from tui_cytpix.ui.frame import copying
from tui_cytpix.ui.frame.base import BaseScreen, StepScreen
from tui_cytpix.ui.frame.messages import Message, Messages
from tui_cytpix.ui.frame.screens_app import ScreensApp
from tui_cytpix.ui.frame.tour import DO_IT_YOURSELF, STOPS, first_of
from tui_cytpix.ui.graphics.choice import choose
from tui_cytpix.ui.graphics.detection import TerminalFacts, ask
from tui_cytpix.ui.graphics.surface import Surface
from tui_cytpix.ui.keys.ending import EndingApp
from tui_cytpix.ui.keys.key_order import FIRST
from tui_cytpix.ui.screens.home import HomeScreen
from tui_cytpix.ui.session import Session
from tui_cytpix.ui.textual_private import typed
from tui_cytpix.ui.theming import load_themes
from tui_cytpix.ui.widgets.pictures.picture_widget import PictureWidget
from tui_cytpix.workflow.run import recent_runs, run_samples
from tui_cytpix.workflow.run.given_paths import is_run
from tui_cytpix.workflow.run.recent_runs import fresh_samples, own_try
from tui_cytpix.workflow.run.resources import shipped
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.user_settings import GRAPHICS, Settings, read_settings, remember_theme, remembered_theme

_log = logging.getLogger(__name__)
CHANGED_SECONDS = 5.0
FIRST_SCREEN_SECONDS = 1.0  # until samples are opened to see whether they are the same still
DARK, LIGHT = "cytpix-dark", "cytpix-light"
_SCREENS = {
    "assess": ("assess", "AssessScreen"),
    "base_model": ("base_model", "BaseModelScreen"),
    "samples": ("samples", "SamplesScreen"),
    "train": ("train", "TrainScreen"),
    "evaluate": ("evaluate", "EvaluateScreen"),
}


def step_screen(step: str) -> StepScreen:
    """A fresh screen of that step; its module is imported when it is first wanted."""
    module, name = _SCREENS[step]
    screen = getattr(importlib.import_module(f"tui_cytpix.ui.screens.{module}"), name)()
    assert isinstance(screen, StepScreen)
    return screen


class CytpixApp(DecidingApp, EndingApp):
    """Opens the home screen, a run, or a new run on samples.

    `paths` is one run folder, or samples; `graphics` one of workflow.run.user_settings.GRAPHICS, which wins over the
    settings file's; `um_per_px` the pixel size of samples given, `channel` the one to read. With `tour` the run is
    walked through (`frame.tour`).
    """

    CSS_PATH = "app.tcss"
    # Esc is no command of its own: it is never needed, and tmux delays it.
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("app"), Binding("escape", "close", show=False)]
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self,
        paths: Sequence[str | Path] = (),
        graphics: str = "",
        settings: Settings | None = None,
        um_per_px: float | None = None,
        channel: str = "",
        *,
        tour: bool = False,
    ) -> None:
        super().__init__()
        self.settings = read_settings() if settings is None else settings
        self.graphics = graphics or self.settings.graphics
        if self.graphics not in GRAPHICS:
            raise UsageError("Unknown graphics", f"{graphics!r}.", f"Choose from {', '.join(GRAPHICS)}.")
        self.session: Session | None = None
        self.user_keys: dict[str, str] = {}
        self.messages = Messages()
        self._paths = [Path(p) for p in paths]
        self._um_per_px, self._channel = um_per_px, channel
        self._tour = tour
        self.facts = TerminalFacts()
        self.surface = Surface()

    def ask_terminal(self) -> None:
        """Asks the terminal what it can draw, and its background; to be called before the app takes the screen. Not
        where the way to draw is said: there are terminals that don't answer.
        """
        if self.graphics not in ("quadrant", "halfblock", "unicode"):
            self.facts = ask()

    def on_mount(self) -> None:
        problems = [*self._take_themes(), *self._take_keys(), *self.settings.problems, *self._take_surface()]
        self.take_signals()
        self.app_resume_signal.subscribe(self, lambda _app: self._come_back())
        home = HomeScreen()
        self.push_screen(home)
        if problems:
            self.call_after_refresh(self.report, "\n".join(problems))
        if self._paths:
            self.call_after_refresh(self._open_paths, home)
        self.call_after_refresh(self._take_typed)

    def _take_themes(self) -> tuple[str, ...]:
        found = load_themes(shipped("themes"), few_colours=self._few_colours)
        for theme in found.themes:
            self.register_theme(theme)
        wanted = self.settings.theme
        if not wanted and (wanted := remembered_theme()) not in self.available_themes:
            wanted = LIGHT if self.facts.light else DARK
        if wanted in self.available_themes:
            self.theme = wanted
            return found.problems
        return (*found.problems, f"There is no theme {wanted!r}.")

    @property
    def _few_colours(self) -> bool:
        return self.console.color_system in (None, "standard")

    def _take_surface(self) -> tuple[str, ...]:
        self.surface, problem = choose(self.graphics, self.facts, few_colours=self._few_colours)
        return (problem,) if problem else ()

    def _take_keys(self) -> tuple[str, ...]:
        chosen = key_map(self.settings.keys)
        self.user_keys = dict(chosen.keys)
        self.set_keymap(self.user_keys)
        return chosen.problems

    # Pictures

    def paint(self, screen: Screen[Any], update: Any) -> None:
        """Pictures go out with the cells around them, in one write."""
        super().paint(screen, self.surface.dress(update, screen))

    def farewell(self) -> str:
        return self.surface.farewell()

    def on_resize(self) -> None:
        """Where the font changed, so did the pixels in a cell."""
        if self.surface.resized():
            self._redraw_pictures()

    def _redraw_pictures(self) -> None:
        for screen in self.screen_stack:
            for widget in screen.query().results(PictureWidget):
                widget.take_theme()

    def _come_back(self) -> None:
        """After the terminal was someone else's."""
        self.surface.forget()
        self._redraw_pictures()

    def _take_typed(self) -> None:
        """What was typed while the terminal was asked."""
        if self.facts.typed:
            for event in typed(self.facts.typed):
                self.post_message(event)

    def close_at_once(self) -> None:
        session, self.session = self.session, None
        if session is not None:
            session.close()

    def _open_paths(self, home: HomeScreen) -> None:
        first = self._paths[0]
        try:
            opens_run = len(self._paths) == 1 and is_run(first)
        except OSError as error:  # nobody may look into it
            self.report(error)
            return
        if opens_run:
            home.start(self.open_run(first, tour=self._tour), "open", first=True)
        else:
            home.ask_new_run(self._paths, self._um_per_px, self._channel)

    async def on_triage_screen_chosen(self, event: Any) -> None:
        """From an estimate to a run: the model is to be judged there."""
        await self.pop_screen()
        if isinstance(self.screen, HomeScreen):
            self.screen.ask_new_run([event.path], model=event.model)

    # Runs and steps

    async def open_run(self, path: Path, *, tour: bool = False) -> None:
        """Opens a run at the step where it was left, or where its tour begins.

        Raises:
            RunError: it can't be opened.
            OSError: the system refuses.
        """
        await self.close_run()
        run, held, has_tour = await asyncio.to_thread(_opened, path)
        _log.info("opens a run at %s: %d damaged lines", run.settings.step, run.damaged_lines)
        session = self.session = Session(run, held, has_tour=has_tour)
        await asyncio.to_thread(recent_runs.remember, run.path)
        if run.damaged_lines:
            self.report(f"{run.damaged_lines} damaged lines in the run's logs were passed over.")
        self.run_worker(session.watch(self), name="watch", group="watch")  # type: ignore[arg-type]
        self.run_worker(self._tell_changed(run), name="changed samples", group="watch")
        if tour and has_tour and not held:
            session.tour = 0
            run.go_to(STOPS[0].step)
        await self.push_screen(step_screen(run.settings.step if run.settings.step in STEPS else STEPS[0]))
        self.run_worker(self._tick_decided(session), name="decided", group="watch")

    async def _tick_decided(self, session: Session) -> None:
        """Verdicts take their time: once the first screen stands."""
        session.decided |= await asyncio.to_thread(_decided, session.run)
        if self.session is session and isinstance(self.screen, StepScreen):
            self.screen.refresh_rail()

    async def _tell_changed(self, run: Run) -> None:
        """Samples are opened for it: once the first screen stands. In short, as notices lie over what is worked on, and
        over each step that is gone to meanwhile; step 3 keeps the whole.
        """
        await asyncio.sleep(FIRST_SCREEN_SECONDS)
        names = ", ".join(await asyncio.to_thread(run_samples.changed, run))
        if names and self.session is not None and self.session.run is run:
            said = f"{names}: other images than those that came into the run. Step 3 says what to do."
            self.notify(said, severity="warning", timeout=CHANGED_SECONDS, markup=False)

    async def close_run(self) -> None:
        """Saves and closes the open run, if any; training goes on by itself."""
        # Its screens go first: until a screen is gone, messages reach it and need the run.
        while self.session is not None and len(self.screen_stack) > 1 and not isinstance(self.screen, HomeScreen):
            await self.pop_screen()
        session, self.session = self.session, None
        if session is None:
            return
        if not await asyncio.to_thread(session.close):
            self.report("Not everything could be saved: the disk refused.")

    def go_to_step(self, step: str, then: str = "") -> None:
        """Shows another step of the open run and remembers it; runs the command of the id `then` there."""
        if self.session is None or step not in STEPS:
            return
        try:
            if not self.session.held:
                self.session.run.go_to(step)
            screen = step_screen(step)
            screen.then = then
        except (CytpixError, OSError) as error:
            self.report(error)
            return
        _log.debug("goes to step %s", step)
        if self.session.tour is not None and STOPS[self.session.tour].step != step:
            self.session.tour = first_of(step)
        self.switch_screen(screen)

    def open_annotator(self, keys: Sequence[ImageKey], start: ImageKey | None = None) -> None:
        from tui_cytpix.ui.screens.annotate import AnnotateScreen

        if not keys:
            self.report("There is no image to annotate: select some in step 3.")
            return
        self.push_screen(AnnotateScreen(tuple(keys), start))

    def open_explorer(self, step: str) -> None:
        from tui_cytpix.ui.screens.explore import ExploreScreen

        self.push_screen(ExploreScreen(step))

    def open_similar(self, key: ImageKey, step: str) -> None:
        from tui_cytpix.ui.screens.similar import SimilarScreen

        self.push_screen(SimilarScreen(key, step))

    # The tour

    def action_tour(self) -> None:
        if self.session is not None:
            self.session.tour = 0
            self._show_stop()

    def _show_stop(self) -> None:
        """Goes to the screen of the tour's stop, and does there what the stop says."""
        screen = self.screen
        if self.session is None or self.session.tour is None or not isinstance(screen, StepScreen):
            return
        stop = STOPS[self.session.tour]
        if screen.step != stop.step:
            self.go_to_step(stop.step, stop.command)
        else:
            screen.refresh_tour()
            self.run_worker(screen.do(stop.command), name="tour", group=FIRST)

    def _walk(self, by: int) -> None:
        """To the next stop; from the last one to images of one's own."""
        assert self.session is not None
        assert self.session.tour is not None
        place = self.session.tour + by
        if 0 <= place < len(STOPS):
            self.session.tour = place
            self._show_stop()
        elif by > 0 and isinstance(self.screen, StepScreen):
            story = self.session.run.path
            self.screen.end_tour()
            self.screen.ask_panel.confirm(DO_IT_YOURSELF, lambda: self.run_worker(self._open_try(story), group=FIRST))

    async def _open_try(self, story: Path) -> None:
        try:
            await self.open_run(await asyncio.to_thread(own_try, story))
        except (CytpixError, OSError) as error:
            self.report(error)

    # Commands

    def action_step_by(self, by: int) -> None:
        screen = self.screen
        if self.session is not None and self.session.tour is not None:
            self._walk(by)
        elif isinstance(screen, StepScreen) and screen.step in STEPS:
            place = STEPS.index(screen.step) + by
            if 0 <= place < len(STEPS):
                self.go_to_step(STEPS[place])

    def action_to_step(self, number: int) -> None:
        self.go_to_step(STEPS[number - 1])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Steps exist in an open run only, and not under a screen on top of one."""
        if action == "training":
            return isinstance(self.screen, StepScreen)
        if action == "tour":
            has_tour = self.session is not None and self.session.has_tour
            return has_tour and isinstance(self.screen, StepScreen) and not self.screen.on_top
        if action == "to_step":
            return isinstance(self.screen, StepScreen) and self.screen.digits_lead
        if action == "step_by":
            return isinstance(self.screen, StepScreen) and not self.screen.on_top
        return super().check_action(action, parameters)

    def action_training(self) -> None:
        from tui_cytpix.ui.panes.training_remote import TrainingRemote

        if isinstance(self.screen, StepScreen):
            TrainingRemote(self.screen).menu()

    async def action_back(self) -> None:
        """Closes help, else leaves the screen; a step leads home, home leads out."""
        screen = self.screen
        if isinstance(screen, BaseScreen) and screen.close_panels():
            return
        if isinstance(screen, HomeScreen):
            self.exit()
        elif isinstance(screen, StepScreen) and screen.step in STEPS and screen.on_top is False:
            task = screen.session.task
            if task is None:
                await self.close_run()
            else:
                question = f"{task.name} is at work, and ends where the run is left. Leave it?"
                screen.ask_panel.confirm(question, lambda: self.run_worker(self.close_run(), group=FIRST))
        else:
            await self.pop_screen()

    async def action_close(self) -> None:
        """What was opened over the screen; questions and lists take the key themselves."""
        from tui_cytpix.ui.screens.manual import ManualScreen

        screen = self.screen
        if isinstance(screen, BaseScreen) and (screen.close_help() or screen.end_tour()):
            return
        if isinstance(screen, ManualScreen):
            await self.pop_screen()
        else:
            self.clear_notifications()

    def action_help(self) -> None:
        if isinstance(self.screen, BaseScreen):
            self.screen.toggle_help()

    def action_manual(self) -> None:
        """The manual, on top of any screen; help, from which it is opened, closes."""
        from tui_cytpix.ui.screens.manual import ManualScreen

        self.action_help()
        if not isinstance(self.screen, ManualScreen):
            self.push_screen(ManualScreen())

    def action_palette(self) -> None:
        if isinstance(self.screen, BaseScreen):
            self.screen.open_palette()

    def action_log(self) -> None:
        from tui_cytpix.ui.screens.log import LogScreen

        if not isinstance(self.screen, LogScreen):
            self.push_screen(LogScreen())

    def action_copy(self) -> None:
        if isinstance(self.screen, BaseScreen):
            copying.menu(self.screen)

    def action_bug_report(self) -> None:
        from tui_cytpix.ui.frame import bug_reporting

        if isinstance(self.screen, BaseScreen):
            known = {
                "sixel": self.facts.sixel,
                "kitty": self.facts.kitty,
                "pixels in a cell": self.facts.cell,
                "columns and rows": tuple(self.size),
                "colours": self.console.color_system,
                "graphics asked for": self.graphics,
                "drawn by": type(self.surface).__name__,
                "theme": self.theme,
            }
            self.screen.start(bug_reporting.ask(self.screen, known), "bug report")

    def action_theme(self) -> None:
        """The other one, also at the next start."""
        self.theme = LIGHT if self.theme == DARK else DARK
        remember_theme(self.theme)

    # Notices

    def notify(self, message: str, *, title: str = "", severity: SeverityLevel = "information", **how: Any) -> None:
        """Kept in the log, too."""
        self.messages.add(Message(message, title, severity == "error"))
        super().notify(message, title=title, severity=severity, **how)

    def report(self, problem: CytpixError | OSError | str) -> None:
        """A notice: title, detail and way out of an error, or a sentence. Nothing in it is read as markup."""
        if isinstance(problem, OSError):
            _log.warning("the system refused", exc_info=problem)
            problem = CytpixError(*refusal(problem))
        if isinstance(problem, CytpixError):
            _log.info("notice: %s", problem.title)
            lines = [printable(part) for part in (problem.detail, problem.way_out) if part]
            self.notify("\n".join(lines), title=printable(problem.title), severity="error", timeout=15, markup=False)
        else:
            self.notify("\n".join(printable(line) for line in problem.splitlines()), timeout=8, markup=False)

    @property
    def opening(self) -> bool:
        """A step's screen starts its work after its first paint."""
        screen = next(reversed(self.screen_stack), None)  # none while the app ends
        return isinstance(screen, StepScreen) and not screen.entered

    async def run_action(self, *args: Any, **kwargs: Any) -> bool:
        """A CytpixError in any command becomes a notice, and what the system refuses."""
        _log.debug("command %s", args[0] if args else "")
        try:
            return await super().run_action(*args, **kwargs)
        except (CytpixError, OSError) as error:
            self.report(error)
            return True

    async def on_unmount(self) -> None:
        """Saves what is left, however the app ends."""
        await asyncio.to_thread(self.close_at_once)


def _opened(path: Path) -> tuple[Run, str, bool]:
    """The run; to be looked at, and who holds it, where it is in use elsewhere; and whether a tour leads through it."""
    try:
        run, held = Run.open(path), ""
    except InUseError as error:
        run, held = Run.open(path, writing=False), error.detail.partition(": ")[2] or error.detail
    return run, held, bool(fresh_samples(run.path))


def _decided(run: Run) -> set[str]:
    """The steps that judge whose verdict has fallen; of step 5 also where samples are processed. What reviews need is
    imported with the first run that has one.
    """
    from tui_cytpix.workflow.assess import review
    from tui_cytpix.workflow.evaluate import process_watch
    from tui_cytpix.workflow.explore.random_images import judged_models

    found = set()
    for step in {verdict.step for verdict in run.verdicts}:
        try:
            if review.is_decided(run, judged_models(run, step, None), step):
                found.add(step)
        except CytpixError as error:  # the step's screen says so
            _log.info("no verdict of %s: %s", step, error.title)
    watch = process_watch.watch_newest(run)
    if watch is not None and watch.poll().state is JobState.FINISHED:
        found.add("evaluate")
    return found


if TYPE_CHECKING:
    _AS_SCREENS_KNOW_IT: type[ScreensApp] = CytpixApp
