"""The tour of a finished story: what each of its stops says, and the box that says it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.style import Style
from rich.text import Text

from tui_cytpix.ui.widgets.lines.hint import Words, with_keys


@dataclass(frozen=True)
class Stop:
    """`words`, with keys as in `hints`, stand on the screen of `step`; `command` of that screen is run on arrival."""

    step: str
    title: str
    words: str
    command: str = ""


STOPS = (
    Stop(
        "assess",
        "Will the model do?",
        "Of 30 random images of S. pombe, grown in two media, someone judged a model's answers: it counts long single "
        "cells as two, so the word is retrain. {assess.review} shows how images are judged.",
    ),
    Stop(
        "base_model",
        "Start from which model?",
        "Training starts from a model that is there: here from the one that errs. Its full resolution gives the "
        "tighter masks; how it counts is what training mends. {base_model.compare} shows two side by side.",
    ),
    Stop(
        "samples",
        "Learn from which images?",
        "Some of each medium were drawn, most at random, others because they look different. What they do not cover, "
        "the model will not learn.",
    ),
    Stop(
        "train",
        "Annotate",
        "14 images were annotated. Each comes with the model's answer: {train.annotate} opens the editor; there a "
        "digit says how many cells there are, {editor.accept} accepts, {app.back} leads back.",
    ),
    Stop(
        "train",
        "Train and watch",
        "TA: right on images it learned from; VA: on those held back. Where counts still flipped after 100 epochs, "
        "four images were added; 50 epochs later both stand still: done.",
        "train.training",
    ),
    Stop(
        "evaluate",
        "Is the new model better?",
        "Both models answer images that neither learned from. {evaluate.pairs} judges them without knowing which is "
        "which; {evaluate.process} counts whole samples and writes FCS, tables and masks.",
    ),
)


def first_of(step: str) -> int:
    """The place of the first stop on that step's screen."""
    return next(place for place, stop in enumerate(STOPS) if stop.step == step)


DO_IT_YOURSELF = "That was the tour. Try it yourself, on images of the same samples that are not annotated yet?"


class TourBox(Words):
    """Says where the tour is; hidden where there is none."""

    DEFAULT_CSS = """
    TourBox { display: none; max-height: 5; background: $panel; border-left: outer $accent; }
    TourBox.-on { display: block; }
    """

    def show_stop(self, place: int | None, key: Callable[[str], str]) -> None:
        """The stop of that place in `STOPS`, or none."""
        self.set_class(place is not None, "-on")
        if place is None:
            return
        stop = STOPS[place]
        title = Text.assemble((f"Tour {place + 1} of {len(STOPS)} · {stop.title} ", Style(bold=True)))
        self.say(title + with_keys(f"{stop.words} {{app.next-step}} goes on, {{app.back}} ends the tour.", key))
