"""What a paired review says, in plain sentences."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from tui_cytpix.domain.run_settings import Kind
from tui_cytpix.workflow.evaluate import across_units
from tui_cytpix.workflow.evaluate.across_units import Apart, ClassErrors, ConditionErrors
from tui_cytpix.workflow.evaluate.pairs import PairComparison, SampleComparison

if TYPE_CHECKING:
    from tui_cytpix.core.statistics.stratified_rates import Share

SIGNIFICANT = 0.05
ERRS = {Kind.SINGLETS: "singlets not counted as one", Kind.MULTIPLETS: "multiplets missed"}
NAMES = {None: "not stated", 0: "none", 1: "one", 2: "two", 3: "more"}


def lines(found: PairComparison, *, tables: bool = False) -> list[str]:
    """The verdict first, then samples, conditions, and what to be wary of; empty lines are none. `tables`: samples and
    conditions stand in tables (`sample_rows`, `condition_rows`), not here.
    """
    if not any(s.judged for s in found.samples):
        return []
    several = _several(found)
    return [
        verdict(found),
        *(sample_in_words(s) for s in found.samples if s.judged and not tables),
        *(condition_in_words(c) for c in several if not tables),
        *apart_lines(found),
        undeclared_in_words(found) if len(found.samples) > 1 else "",
        *(
            f"Count is not a good readout for {name}: too many cells can't be told apart."
            for name in found.not_countable
        ),
        f"{found.unclear} images whose cells can't be told apart are left out." if found.unclear else "",
    ]


def _several(found: PairComparison) -> tuple[ConditionErrors, ...]:
    return found.conditions if len(found.conditions) > 1 else ()


def apart_lines(found: PairComparison) -> list[str]:
    """How each two conditions compare, by class; empty lines are none."""
    return [
        apart_in_words(across_units.apart(a, b, kind))
        for a, b in itertools.combinations(_several(found), 2)
        for kind in across_units.CLASSES
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
    if not new + base:
        return "It is not known yet which model counts better: on no image is just one of them right."
    return (
        f"It is not known yet which model counts better: only the new one is right on {new} image{'s'[: new != 1]}, "
        f"only the base on {base}; that may be chance."
    )


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
        f"{found.name}: {found.judged} images judged, {found.judged_differing} of the "
        f"{found.differing} that differ in count or mask; count right only in the new {found.new_right}, only in the "
        f"base {found.base_right} (McNemar p = {found.p:.2g})"
    ]
    if found.new_mask + found.base_mask:
        parts.append(f"mask better in the new {found.new_mask}, in the base {found.base_mask} (p = {found.mask_p:.2g})")
    if not math.isnan(found.new_rate.value):
        parts.append(f"counts wrong: new {_share(found.new_rate)}, base {_share(found.base_rate)}")
    return "; ".join(parts) + "."


def condition_in_words(found: ConditionErrors) -> str:
    if math.isnan(found.wrong):
        return f"{found.condition}: too few images judged for an error rate."
    told = [f"{found.condition}: {found.wrong:.1%} of the new model's counts wrong ({found.images} images)"]
    for kind, errors in found.classes.items():
        if not math.isnan(errors.share.value):
            told.append(f"{ERRS[kind]} {_class_told(errors)}")
    return "; ".join(told) + "."


def _class_told(errors: ClassErrors) -> str:
    """The share, of how many images, and over how many units where these are stated; "" where there are no images."""
    if math.isnan(errors.share.value):
        return ""
    over = f"{errors.images} images"
    if not math.isnan(errors.share.low):
        over += f"; 95 % over {len(errors.rates)} units: {errors.share.low:.1%} to {errors.share.high:.1%}"
    return f"{errors.share.value:.1%} ({over})"


def apart_in_words(found: Apart) -> str:
    """A comparison of counts needs equal error in both conditions, of singlets and of multiplets: errors of opposite
    sign add up to equal shares of wrong counts. Empty where units are undeclared, or a condition has one.
    """
    if math.isnan(found.low):
        return ""
    units = f"{found.units[0]} and {found.units[1]} units{f', {found.shared} under both' if found.shared else ''}"
    test = "sign-flip" if found.shared else "permutation"
    told = (
        f"{found.one} against {found.other}, {ERRS[found.kind]}: {_points(found.value)} percentage points (95 % over "
        f"{units}: {_points(found.low)} to {_points(found.high)}; exact {test} test p = {found.p:.2g})"
    )
    if found.p < SIGNIFICANT and not found.low <= 0 <= found.high:
        return f"{told}. The errors differ: a comparison of their counts would be biased."
    most = f"one of up to {100 * max(-found.low, found.high):.0f} points can't be excluded"
    if found.least_p >= SIGNIFICANT:
        return f"{told}. So few units can't show a difference (the smallest p is {found.least_p:.2g}); {most}."
    return f"{told}. No difference is shown; {most}."


def sample_rows(found: PairComparison) -> list[tuple[object, ...]]:
    """What `sample_in_words` says, a row a sample; the first names the columns."""
    rows: list[tuple[object, ...]] = [
        (
            "Sample",
            "Images judged",
            "of those that differ",
            "Count right only in new : base (McNemar)",
            "Mask better in new : base (McNemar)",
            "Counts wrong, new",
            "Counts wrong, base",
        )
    ]
    return rows + [
        (
            s.name,
            s.judged,
            f"{s.judged_differing} of {s.differing}",
            f"{s.new_right} : {s.base_right} (p = {s.p:.2g})",
            f"{s.new_mask} : {s.base_mask} (p = {s.mask_p:.2g})" if s.new_mask + s.base_mask else "",
            *("" if math.isnan(rate.value) else _share(rate) for rate in (s.new_rate, s.base_rate)),
        )
        for s in found.samples
        if s.judged
    ]


def condition_rows(found: PairComparison) -> list[tuple[object, ...]]:
    """What `condition_in_words` says, a row a condition; the first names the columns. Empty below two conditions."""
    several = _several(found)
    if not several:
        return []
    rows: list[tuple[object, ...]] = [("Condition", "New model's counts wrong", *map(str.capitalize, ERRS.values()))]
    return rows + [
        (
            one.condition,
            "too few images judged" if math.isnan(one.wrong) else f"{one.wrong:.1%} ({one.images} images)",
            *(_class_told(errors) for errors in one.classes.values()),
        )
        for one in several
    ]


def confusion_rows(found: ConditionErrors) -> list[tuple[str, ...]]:
    """True count by counted, in percent of images; the first row names the columns."""
    counted = sorted({c for _, c in found.confusion})
    truths = sorted({t for t, _ in found.confusion}, key=lambda t: (t is None, t or 0))
    return [
        ("true \\ counted", *(NAMES[c] for c in counted)),
        *((NAMES[t], *(f"{found.confusion.get((t, c), 0):.1%}" for c in counted)) for t in truths),
    ]


def _points(difference: float) -> str:
    """Of shares, in percentage points."""
    return f"{100 * difference:+.1f}"


def _share(share: Share) -> str:
    return f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})"
