"""What a paired review says, in plain sentences."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tui_cytpix.workflow.evaluate.pairs import SAMPLES_FOR_INTERVAL, ConditionErrors, PairComparison, SampleComparison

if TYPE_CHECKING:
    from tui_cytpix.core.statistics.stratified_rates import Share

SIGNIFICANT = 0.05
NAMES = {None: "unknown", 0: "none", 1: "one", 2: "two", 3: "more"}


def lines(found: PairComparison) -> list[str]:
    """The verdict first, then samples, conditions, and what to be wary of; empty lines are none."""
    judged = sum(s.judged_differing + s.judged_agreeing for s in found.samples)
    if not judged:
        return []
    return [
        verdict(found),
        *(sample_in_words(s) for s in found.samples if s.judged_differing + s.judged_agreeing),
        *(condition_in_words(c) for c in found.conditions if len(found.conditions) > 1),
        *(_apart(a, b) for a, b in itertools.combinations(found.conditions, 2)),
        *(
            f"Count is not a good readout for {name}: too many cells can't be told apart."
            for name in found.not_countable
        ),
        f"{found.unclear} images whose cells can't be told apart are left out." if found.unclear else "",
    ]


def verdict(found: PairComparison) -> str:
    """Which model counts better, as far as that is known; the sample is the unit where there are several."""
    if found.gain_interval is not None and found.gain is not None:
        low, high = found.gain_interval
        told = f"wrong counts change by {-found.gain:+.1%} of images (95 % over samples: {-high:+.1%} to {-low:+.1%})"
        if low > 0:
            return f"The new model counts better: {told}."
        if high < 0:
            return f"The base counts better: {told}."
        return f"No difference in counts is shown: {told}."
    better = {"new" for s in found.samples if s.p < SIGNIFICANT and s.new_right > s.base_right}
    better |= {"base" for s in found.samples if s.p < SIGNIFICANT and s.base_right > s.new_right}
    few = f" Over fewer than {SAMPLES_FOR_INTERVAL} samples this holds for these samples only."
    if better == {"new"}:
        return "The new model counts better." + few
    if better == {"base"}:
        return "The base counts better." + few
    if better:
        return "The new model counts better on some samples and worse on others."
    new, base = sum(s.new_right for s in found.samples), sum(s.base_right for s in found.samples)
    return f"No difference in counts is shown yet: images right only in the new model {new}, only in the base {base}."


def sample_in_words(found: SampleComparison) -> str:
    parts = [
        f"{found.name}: {found.judged_differing} of {found.differing} differing images judged; count right only in the "
        f"new {found.new_right}, only in the base {found.base_right} (McNemar p = {found.p:.2g})"
    ]
    if found.new_mask + found.base_mask:
        parts.append(f"mask better in the new {found.new_mask}, in the base {found.base_mask} (p = {found.mask_p:.2g})")
    if not math.isnan(found.new_rate.value):
        parts.append(f"counts wrong: new {_share(found.new_rate)}, base {_share(found.base_rate)}")
    return "; ".join(parts) + "."


def condition_in_words(found: ConditionErrors) -> str:
    if math.isnan(found.rate.value):
        return f"{found.condition}: too few images judged for an error rate."
    return f"{found.condition}: {_share(found.rate)} of the new model's counts wrong{_mistaken(found.confusion)}."


def _mistaken(confusion: Mapping[tuple[int | None, int], float]) -> str:
    """The two mistakes that matter most, as shares of the class."""
    singlets = {c: share for (t, c), share in confusion.items() if t == 1}
    multiplets = [(c, share) for (t, c), share in confusion.items() if t is not None and t > 1]
    told = []
    if held := sum(singlets.values()):
        told.append(f"{sum(s for c, s in singlets.items() if c > 1) / held:.0%} of singlets are counted as several")
    if held := sum(share for _, share in multiplets):
        told.append(f"{sum(s for c, s in multiplets if c < 2) / held:.0%} of multiplets as one")
    return "; " + ", ".join(told) if told else ""


def _apart(one: ConditionErrors, other: ConditionErrors) -> str:
    """A comparison of counts needs equal error in both conditions."""
    from tui_cytpix.core.statistics.stratified_rates import difference

    if math.isnan(one.rate.value) or math.isnan(other.rate.value):
        return ""
    low, high = difference(one.rate, other.rate)
    if low <= 0 <= high:
        return (
            f"{one.condition} and {other.condition}: no difference in count error is shown; it may be up to "
            f"{max(-low, high):.0%} of images."
        )
    return (
        f"The count error differs between {one.condition} and {other.condition} (by {low:+.0%} to {high:+.0%} of "
        "images): a comparison of their counts would be biased."
    )


def confusion_rows(found: ConditionErrors) -> list[tuple[str, ...]]:
    """True count by counted, in percent of images; the first row names the columns."""
    counted = sorted({c for _, c in found.confusion})
    truths = sorted({t for t, _ in found.confusion}, key=lambda t: (t is None, t or 0))
    return [
        ("true \\ counted", *(NAMES[c] for c in counted)),
        *((NAMES[t], *(f"{found.confusion.get((t, c), 0):.1%}" for c in counted)) for t in truths),
    ]


def _share(share: Share) -> str:
    return f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})"
