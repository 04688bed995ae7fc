"""The questions behind a goal: the two rates, and what counts as one particle."""

from __future__ import annotations

from collections.abc import Callable

from tui_cytpix.domain.entered_numbers import percentage
from tui_cytpix.domain.run_settings import GOALS
from tui_cytpix.errors import UsageError
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.workflow.assess import goal

LOW = "Plainly good: at most how many percent of images wrong?"
HIGH = "Intolerable: from how many percent of images wrong?"
CONVENTION = "What counts as one particle? It is written down before the first judgement."


def ask_rates(screen: WorkScreen, name: str, done: Callable[[str, str, float, float], None]) -> None:
    """Asks one after the other, with the goal's own rates as defaults; `done(goal, convention, p0, p1)` at the end."""
    preset = next(g for g in GOALS if g.name == name)

    def ask_low() -> None:
        screen.ask_number(LOW, preset.p0 * 100, ask_high, percentage)

    def ask_high(p0: float) -> None:
        screen.ask_number(HIGH, preset.p1 * 100, lambda p1: check(p0, p1), percentage)

    def check(p0: float, p1: float) -> None:
        try:
            goal.check_rates(p0, p1)
        except UsageError as error:
            screen.report(error)
            ask_low()
            return
        before = screen.session.run.settings.assess.counting_convention or goal.DEFAULT_CONVENTION
        screen.ask(CONVENTION, before, lambda text: done(name, text or before, p0, p1))

    ask_low()
