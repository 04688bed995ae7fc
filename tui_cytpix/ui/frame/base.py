"""What all screens share: the header, the footer, help, questions, notices."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from inspect import isawaitable
from itertools import takewhile
from pathlib import Path
from typing import Any, ClassVar, cast

from textual.app import ComposeResult
from textual.css.query import NoMatches
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

from tui_cytpix.domain.entered_numbers import NumberT
from tui_cytpix.domain.gate import in_order
from tui_cytpix.domain.jobs.training import TrainingStatus
from tui_cytpix.domain.run_settings import STEPS
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import CytpixError
from tui_cytpix.ui.commands.bindings import bindings, by_id, key_text, of_scope
from tui_cytpix.ui.commands.command import Command
from tui_cytpix.ui.frame.screens_app import ScreensApp
from tui_cytpix.ui.frame.tour import TourBox
from tui_cytpix.ui.keys.key_order import FIRST
from tui_cytpix.ui.session import SavedChanged, Session, TrainingChanged
from tui_cytpix.ui.textual_private import commands_of
from tui_cytpix.ui.widgets.gallery.gallery import Gallery
from tui_cytpix.ui.widgets.gallery.gallery_choices import gallery_choices
from tui_cytpix.ui.widgets.lines.key_footer import KeyFooter, Keys
from tui_cytpix.ui.widgets.lines.step_rail import StepRail
from tui_cytpix.ui.widgets.panels.ask_panel import About, AskPanel
from tui_cytpix.ui.widgets.panels.choice_panel import Choice, ChoicePanel
from tui_cytpix.ui.widgets.panels.dialogue import Dialogue, Question, taken_as
from tui_cytpix.ui.widgets.panels.help_panel import HelpPanel, Legend
from tui_cytpix.ui.widgets.panels.palette import palette
from tui_cytpix.ui.widgets.panels.typed_line import TypedLine
from tui_cytpix.ui.widgets.panels.typed_paths import typed_path
from tui_cytpix.ui.widgets.pictures.event_image import EventImageView
from tui_cytpix.ui.widgets.pictures.picture_widget import PictureWidget
from tui_cytpix.workflow.explore import gates

WIDE = 110  # columns
MOVING_ABOUT = {"gallery", "table"}  # scopes of widgets in which one looks for something


class BaseScreen(Screen[None]):
    """Composes `body()` between header and footer. `SCOPES` are the command scopes that help and palette list."""

    SCOPES: ClassVar[tuple[str, ...]] = ()
    BACK: ClassVar[str] = "Back"  # what `q` does, in a word
    LEGEND: ClassVar[Legend] = ()  # of the marks that its pictures bear
    AUTO_FOCUS = ""
    # What gains or loses the focus paints itself; Textual would paint the whole screen besides.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    _came_from: Widget | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        """Binds the keys of a screen's first scope, its own, where it doesn't say which."""
        if "SCOPES" in vars(cls) and "BINDINGS" not in vars(cls):
            cls.BINDINGS = bindings(cls.SCOPES[0])
        super().__init_subclass__(**options)

    def compose(self) -> ComposeResult:
        yield StepRail()
        yield from self.body()
        yield HelpPanel()
        yield TourBox()
        yield AskPanel(self.start, self.report)
        yield ChoicePanel()
        yield KeyFooter(self.keys_instead, self.BACK)

    def body(self) -> Iterable[Widget]:
        return ()

    @property
    def cytpix(self) -> ScreensApp:
        return cast(ScreensApp, self.app)

    def on_screen_suspend(self) -> None:
        """Another screen lies over the images of this one."""
        for view in self.query(EventImageView):
            view.out_of_sight()

    @property
    def rail(self) -> StepRail:
        return self.query_one(StepRail)

    @property
    def ask_panel(self) -> AskPanel:
        return self.query_one(AskPanel)

    def paths_here(self) -> Sequence[tuple[str, str]]:
        """Paths of this screen that may be copied, each after what it is."""
        return ()

    def key(self, command: str) -> str:
        """The first key of a command, as the user has mapped it."""
        declared = by_id().get(command)
        keys = self.cytpix.user_keys.get(command) or (declared.keys if declared else "")
        return key_text(keys.split(",")[0])

    def keys_instead(self) -> Keys:
        """The keys of an open question or list; else none."""
        return self.ask_panel.keys if self.ask_panel.open else self.query_one(ChoicePanel).keys

    @property
    def panel_open(self) -> bool:
        """Help, a question or a list lies over what the screen shows."""
        return self.query_one(HelpPanel).open or bool(self.keys_instead())

    def focus_panel(self) -> None:
        """An open question, or list, has the keys, whatever took the focus: Enter never means something behind it."""
        if not self.query_one(HelpPanel).open:
            for panel in (self.ask_panel, self.query_one(ChoicePanel)):
                line = panel.query_one(TypedLine)
                if panel.open and self.focused is not line:
                    self.set_focus(line)
                    return

    def close_panels(self) -> bool:
        """Closes what `q` closes before it leaves the screen; False where nothing was open."""
        return self.close_help() or self.end_tour()

    def end_tour(self) -> bool:
        """False where this screen shows none."""
        return False

    def close_help(self) -> bool:
        """Closes help or the palette; False where neither was open."""
        panel = self.query_one(HelpPanel)
        if not panel.open:
            return False
        panel.hide()
        self.focus_back()
        return True

    def toggle_help(self) -> None:
        """The keys of the focused widget and of the panes around it first, the screen's own before those that only move
        about; then the general ones, then the marks.
        """
        if not self.close_help():
            self._came_from = self.focused
            around = takewhile(lambda node: node is not self, (self.focused or self).ancestors_with_self)
            near = {name.partition(".")[0] for node in around for name in commands_of(node)}
            first = self.SCOPES[:1] if near <= MOVING_ABOUT else ()
            own = sorted(self.SCOPES, key=lambda scope: (scope not in first, scope not in near))
            self.query_one(HelpPanel).show((*own, "app", "help"), self.cytpix.user_keys, self.LEGEND)

    def open_palette(self) -> None:
        commands = [c for scope in (*self.SCOPES, "app") for c in of_scope(scope) if c.id != "app.palette"]
        rows = palette(commands, self.cytpix.user_keys, self.run_command)
        self.offer("command", "Run", [*rows, *self.elsewhere()])

    def elsewhere(self) -> Sequence[Choice]:
        """What the palette offers of other screens."""
        return ()

    def offer(self, what: str, verb: str, choices: Sequence[Choice], current: int | None = None) -> None:
        """Opens a list to choose from; the parameters are `ChoicePanel.offer`'s."""
        self.close_panels()
        self._came_from = self.focused
        self.query_one(ChoicePanel).offer(what, verb, choices, current)

    async def on_choice_panel_closed(self, event: ChoicePanel.Closed) -> None:
        """Does what was chosen, once the focus is back where it was."""
        self.focus_back()
        done = None if event.act is None else event.act()
        if isawaitable(done):
            await done

    async def run_command(self, command: Command) -> None:
        """Where its key would have: in the focused widget, else upwards."""
        for node in (self.focused or self).ancestors_with_self:
            if command.id in commands_of(node):
                await self.app.run_action(command.action_name, node)
                return
        self.report(f"{command.label} is for another part of this screen.")

    def focus_back(self) -> None:
        came_from, self._came_from = self._came_from, None
        if came_from is not None and came_from.is_attached:
            self.set_focus(came_from)

    def report(self, problem: CytpixError | OSError | str) -> None:
        self.cytpix.report(problem)

    def ask_path(self, question: str, work: Callable[[Path], Awaitable[object]]) -> None:
        """Asks for a path and works on it; an empty answer leaves it."""

        def answered(text: str) -> Awaitable[object] | None:
            return work(typed_path(text)) if text else None

        self.ask_panel.ask(question, "", answered, path=True)

    def start(self, work: Awaitable[object], name: str = "", *, first: bool = False) -> None:
        """Runs a coroutine as a worker of this screen; errors of ours and of the system become notices. With `first`,
        keys wait for its end.
        """

        async def guarded() -> None:
            try:
                await work
            except (CytpixError, OSError) as error:
                self.report(error)
            except NoMatches:  # the screen was left, and its widgets with it, while the work went on
                if self.is_running and self.is_attached and self.app.return_code is None:
                    raise

        self.run_worker(guarded(), name=name or "work", group=FIRST if first else "default")


class StepScreen(BaseScreen):
    """One of the five steps of an open run.

    Hooks: `enter` (after the first paint: load here what keys act on; what else takes time belongs into a task of its
    own), `returned` (another screen on top was left), `on_training`.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - as in Textual
    step: str = ""
    on_top: ClassVar[bool] = False  # True for a screen that opens on top of a step's
    entered = False  # whether `enter` has begun
    then = ""  # the command to run behind `enter`

    @property
    def session(self) -> Session:
        session = self.cytpix.session
        assert session is not None
        return session

    def on_mount(self) -> None:
        """Shows the run at once, loads afterwards."""
        self.refresh_rail()
        self.refresh_tour()
        self.call_after_refresh(self._enter)

    def end_tour(self) -> bool:
        if self.session.tour is None or self.on_top:
            return False
        self.session.tour = None
        self.refresh_tour()
        return True

    def refresh_tour(self) -> None:
        """Shows the tour's stop where it is on this screen."""
        self.query_one(TourBox).show_stop(None if self.on_top else self.session.tour, self.key)

    @property
    def digits_lead(self) -> bool:
        """Whether digits lead to the steps: not where they mean something else."""
        return not self.on_top

    def elsewhere(self) -> Sequence[Choice]:
        """What the other steps have, each of them a step away."""
        rows: list[Choice] = []
        for number, step in enumerate(() if self.on_top else STEPS, 1):
            if step != self.step:
                there = palette(of_scope(step), self.cytpix.user_keys, partial(self._run_there, step), f"{number} ")
                rows.extend(there)
        return rows

    async def _run_there(self, step: str, command: Command) -> None:
        self.cytpix.go_to_step(step, command.id)

    def on_step_rail_wished(self, event: StepRail.Wished) -> None:
        if not self.on_top:
            self.cytpix.go_to_step(event.step)

    async def do(self, command: str) -> None:
        """Runs the command of that id, from the main pane; "" leads there."""
        while self.to_main_pane():
            pass
        if command:
            await self.run_command(by_id()[command])

    def to_main_pane(self) -> bool:
        """One pane back; False where the main one shows, or the one that shows must stay."""
        return False

    def _enter(self) -> None:
        self.entered = True
        self.start(self._entered(), "enter", first=True)

    async def _entered(self) -> None:
        await self.enter()
        if self.then:
            await self.do(self.then)

    def on_screen_resume(self) -> None:
        if self.entered:
            self.refresh_rail()
            self.returned()

    @property
    def gallery(self) -> Gallery:
        return self.query_one(Gallery)

    def ask(self, question: str, default: str, callback: Callable[[str], Any], about: About | None = None) -> None:
        """Asks for a line until `callback` takes it without a CytpixError. `about` says what there is to say of it."""
        self.ask_panel.ask(question, default, callback, about)

    def ask_in_turn(self, questions: Sequence[Question], done: Callable[..., object]) -> None:
        """Asks several questions, and calls `done` with their answers."""
        Dialogue(self.ask_panel, questions, done).begin()

    def ask_file(self, question: str, default: Path, write: Callable[[Path], Any]) -> None:
        """Asks where to write, and again before a file is replaced; an empty answer leaves it."""

        def answered(text: str) -> object:
            path = typed_path(text)
            if text and path.is_file():
                self.ask_panel.confirm(f"{path} is there already. Replace it?", lambda: write(path))
                return None
            return write(path) if text else None

        self.ask_panel.ask(question, str(default), answered, path=True)

    def ask_number(
        self,
        question: str,
        default: float,
        callback: Callable[[NumberT], Any],
        parse: Callable[[str], NumberT],
        about: About | None = None,
    ) -> None:
        """Asks until the answer is a number that `parse` takes (`domain.entered_numbers`)."""
        parsed = taken_as(parse)
        self.ask(question, f"{default:g}", lambda text: callback(parsed(text)), about)

    @property
    def hides_names(self) -> bool:
        """Whether nothing may tell which sample and model are judged: blind first."""
        return False

    def tick(self, decided: bool) -> None:
        """Says whether this step has decided what it is there for."""
        if decided != (self.step in self.session.decided):
            self.session.decided ^= {self.step}
            self.refresh_rail()

    def refresh_rail(self) -> None:
        session = self.session
        self.rail.show_run(session.run.settings, self.step, session.decided)
        if self.hides_names:
            self.rail.name_of_run = ""
        self.rail.show_training(session.training)
        self.rail.problem = session.saved[1]
        self.rail.read_only = bool(session.held)
        self.refresh_saved()

    def refresh_saved(self) -> None:
        """Takes into the header what is not on disk at this very moment; to be called at each decision. A screen below
        another leaves it: what it took, the one on top would not be told.
        """
        session = self.cytpix.session
        if session is not None and self.app.screen is self:
            session.saved = (session.run.unsaved, session.saved[1])
            self.rail.unsaved = session.saved[0]

    def action_explore(self) -> None:
        self.cytpix.open_explorer(self.step)

    async def enter(self) -> None:
        """Called after the first paint; keys wait for its end."""

    def returned(self) -> None:
        """Called when the screen comes to the front again."""

    def on_training(self, status: TrainingStatus) -> None:
        """Training went on."""

    def on_training_changed(self, event: TrainingChanged) -> None:
        self.rail.show_training(event.status)
        self.on_training(event.status)

    def on_picture_widget_similar_wished(self, event: PictureWidget.SimilarWished) -> None:
        event.stop()
        self.show_similar(event.key)

    def show_similar(self, key: ImageKey) -> None:
        """More like this."""
        self.cytpix.open_similar(key, self.step)

    def on_gallery_choice_wished(self, event: Gallery.ChoiceWished) -> None:
        self.offer("what", "Take it", gallery_choices(event.gallery, event.kind))

    def on_gallery_jump_wished(self, event: Gallery.JumpWished) -> None:
        gallery = event.gallery

        def go(where: str) -> None:
            if where and not gallery.jump(where):
                self.report(f"The gallery shows no image {where}.")

        self.ask_panel.ask(f"Go to which image: its event id, or 1 to {len(gallery.items)}?", "", go)

    def on_gallery_gate_wished(self, event: Gallery.GateWished) -> None:
        gallery, names = event.gallery, [gate.name for gate, _ in in_order(self.session.run.settings.gates)]
        if not names:
            self.report("The run has no gate yet: they are drawn in the plots of steps 3 and 5.")
            return
        following = ["", *names]
        place = following.index(gallery.order.gate) if gallery.order.gate in following else 0
        self.start(self._show_gate(gallery, following[(place + 1) % len(following)]), "gate", first=True)

    async def _show_gate(self, gallery: Gallery, name: str) -> None:
        keys = list(gallery.order.all)
        inside, problems = await asyncio.to_thread(gates.images_of, self.session.run, name, keys)
        gallery.show_gate(name, inside)
        said = f"Gate {name}: {len(inside)} of {len(keys)} images." if name else f"All {len(keys)} images."
        self.report("\n".join([said, *problems]))

    def on_saved_changed(self, event: SavedChanged) -> None:
        """Hands on to the header; a disk that refuses is told once, in words."""
        if event.problem and event.problem != self.rail.problem:
            self.report(f"Not saved: {event.problem}")
        self.rail.problem = event.problem
        self.refresh_saved()
