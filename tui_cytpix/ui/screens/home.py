"""Home: recent runs, sample runs, a new run."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from textual.events import Resize
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui_cytpix.domain.jobs.training import TrainingStatus
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample_names import sample_name
from tui_cytpix.domain.words import shortened
from tui_cytpix.errors import CytpixError, UsageError
from tui_cytpix.ui.frame.base import BaseScreen
from tui_cytpix.ui.frame.handed import Handed
from tui_cytpix.ui.splash import ABOUT
from tui_cytpix.ui.widgets.lines.run_rows import run_rows
from tui_cytpix.ui.widgets.lines.task_bar import TaskBar
from tui_cytpix.ui.widgets.panels.ask_panel import Choices, Place
from tui_cytpix.ui.widgets.panels.typed_paths import typed_path
from tui_cytpix.workflow.assess import review
from tui_cytpix.workflow.run import recent_runs, run_samples
from tui_cytpix.workflow.run.given_paths import check, free_folder
from tui_cytpix.workflow.run.recent_runs import RunSummary
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.samples.inspect import READABLE
from tui_cytpix.workflow.samples.template import Template, take_over, template_of
from tui_cytpix.workflow.train.watch import TrainingWatch, watch_at

TRAINING_SECONDS = 2.0
BOTH = "Recent runs", "Sample runs (opened as a copy of yours)"


class RunList(OptionList, inherit_bindings=False):
    """The list; keys are the screen's, so that they are declared once."""


class HomeScreen(BaseScreen):
    """Lists runs; Enter opens one."""

    SCOPES = ("home",)
    BACK = "Quit"
    CSS_PATH = "home.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.runs = RunList(id="runs", markup=False)
        self._rows: list[tuple[str, RunSummary]] = []
        self._watches: dict[Path, TrainingWatch] = {}
        self._training: dict[Path, TrainingStatus] = {}

    def body(self) -> Iterable[Widget]:
        yield Static(ABOUT, id="intro", markup=False)
        yield self.runs
        yield TaskBar()

    def on_mount(self) -> None:
        self.rail.name_of_run = "tui-cytpix"
        self.set_focus(self.runs)
        self._looks = self.set_interval(TRAINING_SECONDS, self._look_at_training)

    def on_screen_suspend(self) -> None:
        """A timer of a screen behind another makes Textual paint the one in front."""
        self._looks.pause()

    def on_screen_resume(self) -> None:
        """Lists afresh, whenever the screen comes to the front."""
        self._looks.resume()
        self.start(self._load(), "runs", first=True)

    async def _load(self) -> None:
        found = await asyncio.to_thread(recent_runs.recent_runs)
        shipped = await asyncio.to_thread(recent_runs.sample_runs)
        self._rows = [("recent", run) for run in found] + [("sample", run) for run in shipped]
        self._show()
        self.runs.action_first()
        self._look_at_training()

    def _show(self) -> None:
        """The list, for the width that there is; the cursor stays."""
        cursor = self.runs.highlighted
        width = self.runs.scrollable_content_region.width
        texts = iter(run_rows([run for _, run in self._rows], self._training, width))
        options: list[Option] = []
        for kind, title in zip(("recent", "sample"), BOTH, strict=True):
            if options:
                options.append(Option("", disabled=True))
            options.append(Option(title, disabled=True))
            numbers = [number for number, (of, _) in enumerate(self._rows) if of == kind]
            options.extend(Option(next(texts), id=str(number)) for number in numbers)
            if not numbers:
                options.append(Option("  none yet: n starts one" if kind == "recent" else "  none", disabled=True))
        self.runs.clear_options()
        self.runs.add_options(options)
        self.runs.highlighted = cursor

    def on_resize(self, _event: Resize) -> None:
        """Names and paths have more room, or less."""
        self.call_after_refresh(self._show)

    def _look_at_training(self) -> None:
        if self.is_current:
            self.start(self._find_training(), "training")

    async def _find_training(self) -> None:
        """Which runs are training, or rest in the middle of it."""
        paths = [run.path for kind, run in self._rows if kind == "recent"]
        found = await asyncio.to_thread(self._training_of, paths)
        if found != self._training:
            self._training = found
            self._show()

    def _training_of(self, paths: Sequence[Path]) -> dict[Path, TrainingStatus]:
        found = {}
        for path in paths:
            with contextlib.suppress(CytpixError, OSError):
                status = self._watches.setdefault(path, watch_at(path)).poll()
                if status.live:
                    found[path] = status
        return found

    action_down = Handed("runs", "action_cursor_down")
    action_up = Handed("runs", "action_cursor_up")
    action_open = Handed("runs", "action_select")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if event.option.id is None:
            return
        kind, run = self._rows[int(event.option.id)]
        if kind == "recent":
            self._open(run.path)
        else:
            self.ask_panel.ask(
                "Copy the sample run to this folder:",
                str(Path.cwd() / run.path.name),
                lambda text: self._open_copy(run.path.name, text),
                path=True,
            )

    async def _open_copy(self, name: str, target: str) -> None:
        path = await asyncio.to_thread(recent_runs.copy_sample_run, name, typed_path(target))
        await self.cytpix.open_run(path, tour=True)

    def _open(self, path: Path) -> None:
        self.start(self.cytpix.open_run(path), "open", first=True)

    def paths_here(self) -> Sequence[tuple[str, str]]:
        option = self.runs.highlighted_option
        return (
            () if option is None or option.id is None else [("Run's folder", str(self._rows[int(option.id)][1].path))]
        )

    def action_path(self) -> None:
        self.ask_path("Open the run in this folder:", self.cytpix.open_run)

    def action_triage(self) -> None:
        self.ask_path(f"Which model for this sample ({READABLE})?", self._triage)

    async def _triage(self, path: Path) -> None:
        from tui_cytpix.ui.screens.triage import TriageScreen

        with self._reading([path]):
            await asyncio.to_thread(check, [path])
        await self.app.push_screen(TriageScreen(path))

    def action_new(self) -> None:
        self._ask_sample("")

    def action_like(self) -> None:
        """A new run that starts like the one under the cursor."""
        option = self.runs.highlighted_option
        if option is None or option.id is None:
            self.report("No run is there to start like: n starts one anew.")
            return
        self.start(self._like(self._rows[int(option.id)][1]), "like")

    async def _like(self, run: RunSummary) -> None:
        like = await asyncio.to_thread(template_of, run.path)
        self._ask_sample("", f"New run like {shortened(run.name, 28)}. ", like)

    def _ask_sample(self, before: str, which: str = "", like: Template | None = None) -> None:
        self.ask_panel.ask(
            f"{which}Sample ({READABLE}):",
            before,
            lambda text: self._new_run_on(text, which, like) if text else None,
            path=True,
            place=Place(1, 2),
        )

    async def _new_run_on(self, text: str, which: str, like: Template | None) -> None:
        """A sample that can't be read is refused before more is asked."""
        path = typed_path(text)
        with self._reading([path]):
            await asyncio.to_thread(check, [path])
        place = Place(2, 2, lambda _folder: self._ask_sample(text, which, like))
        self.ask_new_run([path], like=like, place=place)

    @contextlib.contextmanager
    def _reading(self, paths: Sequence[Path]) -> Iterator[None]:
        bar = self.query_one(TaskBar)
        bar.show_progress(f"Reading {', '.join(path.name for path in paths)} …", 0, 0)
        try:
            yield
        finally:
            bar.clear()

    def ask_new_run(
        self,
        paths: Sequence[Path],
        um_per_px: float | None = None,
        channel: str = "",
        model: ModelEntry | None = None,
        like: Template | None = None,
        place: Place | None = None,
    ) -> None:
        """Asks for the folder of a new run on these samples, in which that model is to be judged first, or which starts
        like an earlier one; where a run on them is there, that one is offered.
        """
        names = ", ".join(path.name for path in paths)
        stem = paths[0].resolve().name.split(".")[0] or "new"
        if not stem.isprintable():  # nobody could see, or type, what stands in the line
            stem = sample_name(paths[0])
        usual = Path.cwd() / f"{stem}-run"
        ask = partial(
            self.ask_panel.ask,
            f"New run on {names}. Folder of the run:",
            str(free_folder(usual)),
            lambda text: self._new_run(list(paths), text, um_per_px, channel, model, like),
            path=True,
            place=place,
        )
        there = recent_runs.run_on(paths, usual)
        if there is None:
            ask()
        else:
            choices: Choices = {"enter": ("Open it", lambda: self._open(there)), "n": ("New run", ask)}
            self.ask_panel.choose(f"There is a run on {names} already: {there}", choices, "Leave it")

    async def _new_run(
        self,
        paths: list[Path],
        target: str,
        um_per_px: float | None,
        channel: str,
        model: ModelEntry | None,
        like: Template | None,
    ) -> None:
        if not target:
            raise UsageError("A run needs a folder", "Nothing was given.", "Give a new folder's name.")
        with self._reading(paths):
            folder = typed_path(target)
            run = await asyncio.to_thread(run_samples.create_run, folder, paths, um_per_px, channel)
            if model is not None:
                review.choose_model(run, model)
            told = [] if like is None else await asyncio.to_thread(_like, run, like)
            told += await asyncio.to_thread(_problems, run)
            await asyncio.to_thread(run.close)
        await self.cytpix.open_run(run.path)
        if told:
            self.report("\n".join(told))


def _like(run: Run, like: Template) -> list[str]:
    """Where the new run can't start like that one, it goes."""
    try:
        return take_over(run, like)
    except CytpixError:
        run_samples.discard(run)
        raise


def _problems(run: Run) -> list[str]:
    return [words for sample in run.settings.samples for words in run_samples.problems_in_words(run, sample.name)]
