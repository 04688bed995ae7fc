"""Step 1, first question: what is studied, and which error can one live with?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tui_cytpix.core.statistics.sequential_tests import ERROR_RATE, Plan, plan
from tui_cytpix.domain.run_settings import GOALS, KINDS, AssessSettings, EarlierGoal
from tui_cytpix.errors import UsageError

LEAST_RATE = 0.001  # no number of images tells a rate of 0 from a very small one
DEFAULT_CONVENTION = "a septated or budding cell is one until it parts; ghosts and debris are not counted"


def check_rates(p0: float, p1: float) -> None:
    """Raises:
    UsageError: the plainly good rate is not below the intolerable one, or too close to it for any review.
    """
    if not 0 <= p0 < p1 <= 1:
        raise UsageError(
            "The rates don't fit", f"Good up to {p0:.0%}, intolerable from {p1:.0%}.", "The first must be the smaller."
        )
    wald_test(p0, p1)


def wald_test(p0: float, p1: float, alpha: float = ERROR_RATE) -> Plan:
    """Wald's test of the two rates that retrains wrongly at most at `alpha`; 0 is taken as 0.1 %, and 100 % as 99.9 %.

    Raises:
        UsageError: they are too close.
    """
    try:
        return plan(max(p0, LEAST_RATE), min(p1, 1 - LEAST_RATE), alpha)
    except ValueError as error:
        raise UsageError("The rates are too close", f"{error}.", "Choose rates that lie further apart.") from error


def goal_in_words(stated: AssessSettings | EarlierGoal) -> str:
    """`population gating and clean-up: good up to 2.0%, intolerable from 10.0%`, and what is not as usual."""
    preset = next((g for g in GOALS if g.name == stated.goal), None)
    rates = f"good up to {stated.p0:.1%}, intolerable from {stated.p1:.1%}"
    own = preset is None or (preset.p0, preset.p1) == (stated.p0, stated.p1)
    usual = "" if own or preset is None else f" (usual: {preset.p0:.1%} and {preset.p1:.1%})"
    only = "" if stated.required == KINDS else f"; required: {', '.join(stated.required)}"
    return f"{preset.label if preset else stated.goal}: {rates}{usual}{only}"


def as_dict(stated: AssessSettings | EarlierGoal) -> dict[str, object]:
    """What was stated; of an earlier goal, until when and after how many judgements, too."""
    names = ["goal", "p0", "p1", "required", "counting_convention"]
    names += ["until", "judged"] if isinstance(stated, EarlierGoal) else []
    return {name: getattr(stated, name) for name in names}


def history_in_words(settings: AssessSettings) -> list[str]:
    """A sentence for each change of the goal, or of the counting convention, after images had been judged."""
    stated: Sequence[AssessSettings | EarlierGoal] = [*settings.earlier, settings]
    return [
        f"Changed on {before.until.replace('T', ' ').removesuffix('+00:00')} UTC, after {before.judged} "
        f"judgement{'s' * (before.judged != 1)}: {'; '.join(_changes(before, after))}."
        for before, after in zip(settings.earlier, stated[1:], strict=True)
    ]


def _changes(before: EarlierGoal, after: AssessSettings | EarlierGoal) -> Iterable[str]:
    was, now = goal_in_words(before), goal_in_words(after)
    if was != now:
        yield f"the goal was {was}, then {now}"
    if before.counting_convention != after.counting_convention:
        yield f'the convention was "{before.counting_convention}", then "{after.counting_convention}"'
