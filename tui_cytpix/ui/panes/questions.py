"""Questions that steps ask alike: how many images to draw, how large models see, goals, where a file goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from tui_cytpix.domain.entered_numbers import percentage, whole
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.run_settings import GOALS, AssessSettings, EvaluateSettings, Kind, parse_kinds
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.zoom import LEAST, MOST, parse_zoom
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.widgets.panels.dialogue import Question, taken_as
from tui_cytpix.workflow.assess import goal
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.explore import random_images
from tui_cytpix.workflow.run import zoom
from tui_cytpix.workflow.run.run import Run

LOW = "Plainly good: at most how many percent of images wrong?"
HIGH = "Intolerable: from how many percent of images wrong?"
REQUIRED = (
    "What must the model get right? Strike out what you can do without. Singlets: images of one particle; "
    "multiplets: of several."
)
CONVENTION = "Counting convention: what counts as one particle? It is written down before the first judgement."
MOST_DRAWN = 5000
Images = tuple[ImageKey, ...]
Stated = Callable[[str, str, float, float, tuple[Kind, ...]], None]  # goal, convention, p0, p1, what is required


def ask_draw(
    screen: WorkScreen,
    question: str,
    before: AssessSettings | EvaluateSettings,
    draw: Callable[[Run, int, ModelEntry | None], Images],
    model: ModelEntry | None,
    then: Callable[[Images], object],
) -> None:
    """Asks how many random images there shall be to judge the model on, has them drawn in a thread, and hands them
    on.
    """

    async def drawing(images: int) -> None:
        run = screen.session.run
        drawn = await screen.in_thread("Drawing random images", lambda _progress: draw(run, images, model))
        if drawn is None:
            return
        if too_few := random_images.too_few_in_words(run, screen.step, images, len(drawn)):
            screen.report(too_few)
        screen.refresh_rail()
        then(drawn)

    already = f" ({len(before.sequence)} are drawn already)" if before.sequence else ""
    screen.ask_number(
        question + already,
        before.images,
        lambda images: screen.start(drawing(images), "draw"),
        whole(1, MOST_DRAWN),
    )


def ask_zoom(screen: WorkScreen, changed: Callable[[], object]) -> None:
    """Asks how large models see images of unknown scale and sets it; where every scale is known, says what to do."""
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


def ask_rates(screen: WorkScreen, name: str, done: Stated) -> None:
    """Asks for a goal's two rates, for what is required and for what counts as one particle."""
    preset = next(g for g in GOALS if g.name == name)

    before = screen.session.run.settings.assess
    convention = before.counting_convention or goal.DEFAULT_CONVENTION

    def high(text: str, answers: Sequence[float]) -> float:
        p1 = taken_as(percentage)(text)
        goal.check_rates(answers[0], p1)
        return p1

    screen.ask_in_turn(
        [
            Question(LOW, f"{preset.p0 * 100:g}", lambda text, _before: taken_as(percentage)(text)),
            Question(HIGH, f"{preset.p1 * 100:g}", high),
            Question(REQUIRED, ", ".join(before.required), lambda text, _before: taken_as(parse_kinds)(text)),
            Question(CONVENTION, convention, lambda text, _before: text or convention),
        ],
        lambda p0, p1, kinds, words: done(name, words, p0, p1, kinds),
    )


def ask_export(screen: WorkScreen, model: ModelEntry, question: str) -> None:
    """Asks for a place and copies the model's file there; an empty answer leaves it."""

    async def export(path: Path) -> None:
        target = await asyncio.to_thread(library.export_model, model, path, replace=path.is_file())
        screen.report(f"Written: {target}")

    default = Path.cwd() / f"{model.card.name}.safetensors"
    screen.ask_file(question, default, export)
