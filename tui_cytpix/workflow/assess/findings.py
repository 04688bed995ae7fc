"""One kind of error on one set of images: what its judgements decide by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tui_cytpix.core.statistics.sequential_tests import Decision, Plan
from tui_cytpix.core.statistics.weighted_tests import (
    CERTAIN,
    Inclusion,
    confidence_sequence,
    decide,
    expected_needed,
    rate_of,
)
from tui_cytpix.domain.run_settings import Kind
from tui_cytpix.domain.verdict import Judgement, Verdict, likely_count

Mark = bool | None  # an image's judgement of one kind: wrong, right, or none
LEFT_OUT = (Judgement.UNUSABLE, Judgement.INDISTINGUISHABLE)


@dataclass(frozen=True)
class Marks:
    """Of the images of one set, in the order of the random sequence, and how each was `shown`. Of those without a
    judgement, `left_out` are unusable or indistinguishable; the others can still be judged.
    """

    of: tuple[Mark, ...]
    shown: tuple[Inclusion, ...]
    left_out: int = 0

    def judged(self) -> tuple[list[bool], list[Inclusion]]:
        """Those with a judgement."""
        pairs = [(mark, one) for mark, one in zip(self.of, self.shown, strict=True) if mark is not None]
        return [mark for mark, _ in pairs], [one for _, one in pairs]


@dataclass(frozen=True)
class Finding:
    """One kind of error on one set of images, in the order of the random sequence.

    `skipped` images have no judgement of this kind and can still get one, `left_out` are unusable or indistinguishable.
    `rate` is the share with this error of judged images, those not shown too, NaN without any; `low` and `high` are its
    95 % confidence sequence, with all that have no judgement right and wrong. `decision` holds whatever they are; where
    they could change it, it is open and `skips_decide`. `clean_needed` further images without an error keep the model,
    `expected_needed` do on average where half of the plainly good rate is wrong and as many as so far are left out
    (None: these prevent it), `most_needed` decide at the most (None: images are over-sampled, then there is no end).
    `course` says of each judged image, in order, whether it is wrong.
    """

    plan: Plan
    judged: int
    errors: int
    skipped: int
    left_out: int
    rate: float
    low: float
    high: float
    decision: Decision
    after: int
    skips_decide: bool
    clean_needed: int
    expected_needed: int | None
    most_needed: int | None
    course: tuple[bool, ...]


@dataclass(frozen=True)
class SampleFindings:
    """The findings on one sample, or on all together. Singlets and multiplets are what the reviewer says they are."""

    count: Finding
    mask: Finding
    singlets: Finding
    multiplets: Finding

    def of(self, kind: Kind) -> Finding:
        found: Finding = getattr(self, kind)
        return found


def marks_of(verdicts: Sequence[Verdict]) -> dict[Kind, Marks]:
    """Of each kind. An image that was skipped may be a singlet or a multiplet that the model counts wrongly."""
    left_out, shown = sum(v.judgement in LEFT_OUT for v in verdicts), tuple(map(how_shown, verdicts))
    return {
        Kind.COUNT: Marks(tuple(v.count_wrong for v in verdicts), shown, left_out),
        Kind.MASK: Marks(tuple(v.mask_wrong for v in verdicts), shown, left_out),
        Kind.SINGLETS: _of_class(verdicts, Kind.SINGLETS),
        Kind.MULTIPLETS: _of_class(verdicts, Kind.MULTIPLETS),
    }


def how_shown(verdict: Verdict) -> Inclusion:
    return Inclusion(verdict.chance, verdict.least_chance)


def _of_class(verdicts: Iterable[Verdict], kind: Kind) -> Marks:
    marks: list[tuple[Mark, Inclusion]] = []
    for verdict in verdicts:
        wrong = not kind.holds(verdict.counted or 0)
        if kind.holds(_true_count(verdict)):
            marks.append((wrong, how_shown(verdict)))
        elif verdict.judgement is Judgement.SKIPPED and wrong:
            marks.append((None, how_shown(verdict)))
    return Marks(tuple(mark for mark, _ in marks), tuple(shown for _, shown in marks))


def _true_count(verdict: Verdict) -> int:
    """How many particles there are, by the reviewer (`likely_count` where a wrong count's true one is not stated); 0
    where nobody knows.
    """
    if not verdict.count_judged or verdict.counted is None:
        return 0
    if not verdict.count_wrong:
        return verdict.counted
    if verdict.true_count is not None:
        return verdict.true_count
    return likely_count(verdict.counted)


def finding(test: Plan, marks: Marks, following: Inclusion = CERTAIN) -> Finding:
    """`following` is how a further image will be shown that the choice of images is about."""
    errors, shown = marks.judged()
    open_ = len(marks.of) - len(errors)
    decision, after = decide(test, errors, shown)
    right, wrong = [bool(mark) for mark in marks.of], [mark is not False for mark in marks.of]
    extremes = {decide(test, marked, marks.shown)[0] for marked in (right, wrong)} if open_ else {decision}
    held_back = decision is not Decision.OPEN and extremes != {decision}
    return Finding(
        plan=test,
        judged=len(errors),
        errors=sum(errors),
        skipped=open_ - marks.left_out,
        left_out=marks.left_out,
        rate=rate_of(errors, shown),
        low=confidence_sequence(right, marks.shown)[0],
        high=confidence_sequence(wrong, marks.shown)[1],
        decision=Decision.OPEN if held_back else decision,
        after=after,
        skips_decide=held_back,
        clean_needed=expected_needed(test, errors, shown, 0.0, following) or 0,
        expected_needed=_expected_needed(test, marks, following),
        most_needed=max(0, test.maximum - len(errors)) if {*shown, following} == {CERTAIN} else None,
        course=tuple(errors),
    )


def _expected_needed(test: Plan, marks: Marks, following: Inclusion) -> int | None:
    """Images left out count as wrong, as they may be."""
    errors, shown = marks.judged()
    if marks.left_out:
        unjudged = [one for mark, one in zip(marks.of, marks.shown, strict=True) if mark is None]
        errors, shown = errors + [True] * marks.left_out, shown + unjudged[: marks.left_out]
    share = marks.left_out / len(marks.of) if marks.of else 0.0
    return expected_needed(test, errors, shown, min(1.0, test.p0 / 2 + share), following)


def at_level(test: Plan, alpha: float) -> Plan:
    """The same test, with the same end, that retrains at `alpha` before it: for a part that others make room for."""
    return replace(test, alpha=alpha)
