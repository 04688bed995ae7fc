"""Step 1, first question: what is studied, and which error can one live with?"""

from __future__ import annotations

from tui_cytpix.core.statistics.sequential_tests import Plan, plan
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


def wald_test(p0: float, p1: float) -> Plan:
    """Wald's test of the two rates; 0 is taken as 0.1 %, and 100 % as 99.9 %.

    Raises:
        UsageError: they are too close.
    """
    try:
        return plan(max(p0, LEAST_RATE), min(p1, 1 - LEAST_RATE))
    except ValueError as error:
        raise UsageError("The rates are too close", f"{error}.", "Choose rates that lie further apart.") from error
