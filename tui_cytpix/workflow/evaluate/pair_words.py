"""What a paired review says, in plain sentences."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from tui_cytpix.domain.run_settings import Kind
from tui_cytpix.workflow.evaluate import across_units
from tui_cytpix.workflow.evaluate.across_units import Apart, ConditionErrors
from tui_cytpix.workflow.evaluate.pairs import PairComparison, SampleComparison

if TYPE_CHECKING:
    from tui_cytpix.core.statistics.stratified_rates import Share

SIGNIFICANT = 0.05
ERRS = {Kind.SINGLETS: "singlets not counted as one", Kind.MULTIPLETS: "multiplets missed"}
NAMES = {None: "unknown", 0: "none", 1: "one", 2: "two", 3: "more"}


def lines(found: PairComparison) -> list[str]:
    """The verdict first, then samples, conditions, and what to be wary of; empty lines are none."""
    judged = sum(s.judged_differing + s.judged_agreeing for s in found.samples)
    if not judged:
        return []
    several = found.conditions if len(found.conditions) > 1 else ()
    return [
        verdict(found),
        *(sample_in_words(s) for s in found.samples if s.judged_differing + s.judged_agreeing),
        *(condition_in_words(c) for c in several),
        *(
            apart_in_words(across_units.apart(a, b, kind))
            for a, b in itertools.combinations(several, 2)
            for kind in across_units.CLASSES
        ),
        undeclared_in_words(found) if len(found.samples) > 1 else "",
        *(
            f"Count is not a good readout for {name}: too many cells can't be told apart."
            for name in found.not_countable
        ),
        f"{found.unclear} images whose cells can't be told apart are left out." if found.unclear else "",
    ]


def verdict(found: PairComparison) -> str:
    """Which model counts better, as far as that is known: over units where there are enough, else in these samples."""
    gain = found.gain
    if gain is None or gain.units == 0:
        return _in_these_samples(found)
    if gain.units == 1:
        return f"{_in_these_samples(found)} One unit says nothing of others."
    told = (
        f"wrong counts change by {-gain.value:+.1%} of images (95 % over {gain.units} units: {-gain.high:+.1%} to "
        f"{-gain.low:+.1%}; exact sign-flip test p = {gain.p:.2g})"
    )
    if gain.least_p >= SIGNIFICANT:
        few = f"Over {gain.units} units no difference can be shown, as no exact test's p falls below {gain.least_p:.2g}"
        return f"{_in_these_samples(found)} {few}: {told}."
    if gain.p < SIGNIFICANT and gain.low > 0:
        return f"The new model counts better: {told}."
    if gain.p < SIGNIFICANT and gain.high < 0:
        return f"The base counts better: {told}."
    return f"No difference in counts is shown: {told}."


def _in_these_samples(found: PairComparison) -> str:
    """McNemar's exact test over all their images: of twelve samples tested each by itself every third or fourth time
    one would differ by chance. That models differ on samples in opposite ways is said where they share out the level.
    """
    from tui_cytpix.core.statistics.fixed_sample_intervals import mcnemar_exact

    level = SIGNIFICANT / max(1, sum(s.new_right + s.base_right > 0 for s in found.samples))
    apart = [s for s in found.samples if s.p < level]
    if len({s.new_right > s.base_right for s in apart}) > 1:
        return "The new model counts better on some samples and worse on others."
    new, base = sum(s.new_right for s in found.samples), sum(s.base_right for s in found.samples)
    if mcnemar_exact(new, base) < SIGNIFICANT:
        return f"The {'new model' if new > base else 'base'} counts better, in these samples."
    return f"No difference in counts is shown yet: images right only in the new model {new}, only in the base {base}."


def undeclared_in_words(found: PairComparison) -> str:
    if not found.undeclared:
        return ""
    whose = "any of them" if len(found.undeclared) == len(found.samples) else ", ".join(found.undeclared)
    return (
        "What is said of several samples together describes these samples only: the independent unit (culture, donor, "
        f"animal) of {whose} is not stated. State it in step 3."
    )


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
    if math.isnan(found.wrong):
        return f"{found.condition}: too few images judged for an error rate."
    told = [f"{found.condition}: {found.wrong:.1%} of the new model's counts wrong"]
    for kind, errors in found.classes.items():
        if math.isnan(errors.share.low):
            told += [] if math.isnan(errors.share.value) else [f"{ERRS[kind]} {errors.share.value:.1%}"]
        else:
            over = f"95 % over {len(errors.rates)} units: {errors.share.low:.1%} to {errors.share.high:.1%}"
            told.append(f"{ERRS[kind]} {errors.share.value:.1%} ({over})")
    return "; ".join(told) + "."


def apart_in_words(found: Apart) -> str:
    """A comparison of counts needs equal error in both conditions, of singlets and of multiplets: errors of opposite
    sign add up to equal shares of wrong counts. Empty where units are undeclared, or a condition has one.
    """
    if math.isnan(found.low):
        return ""
    units = f"{found.units[0]} and {found.units[1]} units"
    told = (
        f"{found.one} against {found.other}, {ERRS[found.kind]}: {found.value:+.1%} (95 % over {units}: "
        f"{found.low:+.1%} to {found.high:+.1%}; exact {'sign-flip' if found.paired else 'permutation'} test "
        f"p = {found.p:.2g})"
    )
    if found.p < SIGNIFICANT and not found.low <= 0 <= found.high:
        return f"{told}. The errors differ: a comparison of their counts would be biased."
    most = f"one of up to {max(-found.low, found.high):.0%} can't be excluded"
    if found.least_p >= SIGNIFICANT:
        return f"{told}. So few units can't show a difference (the smallest p is {found.least_p:.2g}); {most}."
    return f"{told}. No difference is shown; {most}."


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
