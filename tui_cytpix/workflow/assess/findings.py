"""One kind of error on one set of images: what its judgements decide by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tui_cytpix.core.statistics.sequential_tests import Decision, Plan, confidence_sequence
from tui_cytpix.domain.run_settings import Kind
from tui_cytpix.domain.verdict import Judgement, Verdict, likely_count

Mark = bool | None  # an image's judgement of one kind: wrong, right, or none
LEFT_OUT = (Judgement.UNUSABLE, Judgement.INDISTINGUISHABLE)


@dataclass(frozen=True)
class Marks:
    """Of the images of one set, in the order of the random sequence. Of those without a judgement, `left_out` are
    unusable or indistinguishable; the others can still be judged.
    """

    of: tuple[Mark, ...]
    left_out: int = 0


@dataclass(frozen=True)
class Finding:
    """One kind of error on one set of images, in the order of the random sequence.

    `skipped` images have no judgement of this kind and can still get one, `left_out` are unusable or indistinguishable.
    `low` and `high` are the 95 % confidence sequence of the error rate, with all of these right and wrong. `decision`
    holds whatever they are; where they could change it, it is open and `skips_decide`. `clean_needed` further images
    without an error keep the model, `expected_needed` do on average where half of the plainly good rate is wrong,
    `most_needed` decide at the most.
    """

    plan: Plan
    judged: int
    errors: int
    skipped: int
    left_out: int
    low: float
    high: float
    decision: Decision
    after: int
    skips_decide: bool
    clean_needed: int
    expected_needed: int
    most_needed: int

    @property
    def rate(self) -> float:
        """Share of judged images with this error; NaN without any."""
        return self.errors / self.judged if self.judged else float("nan")


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
    left_out = sum(v.judgement in LEFT_OUT for v in verdicts)
    return {
        Kind.COUNT: Marks(tuple(v.count_wrong for v in verdicts), left_out),
        Kind.MASK: Marks(tuple(v.mask_wrong for v in verdicts), left_out),
        Kind.SINGLETS: _of_class(verdicts, Kind.SINGLETS),
        Kind.MULTIPLETS: _of_class(verdicts, Kind.MULTIPLETS),
    }


def _of_class(verdicts: Iterable[Verdict], kind: Kind) -> Marks:
    marks: list[Mark] = []
    for verdict in verdicts:
        wrong = not kind.holds(verdict.counted or 0)
        if kind.holds(_true_count(verdict)):
            marks.append(wrong)
        elif verdict.judgement is Judgement.SKIPPED and wrong:
            marks.append(None)
    return Marks(tuple(marks))


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


def finding(test: Plan, marks: Marks) -> Finding:
    errors = [mark for mark in marks.of if mark is not None]
    open_ = len(marks.of) - len(errors)
    decision, after = test.decide(errors)
    held_back = decision is not Decision.OPEN and open_ > 0 and _extremes(test, marks) != {decision}
    return Finding(
        plan=test,
        judged=len(errors),
        errors=sum(errors),
        skipped=open_ - marks.left_out,
        left_out=marks.left_out,
        low=confidence_sequence(sum(errors), len(marks.of))[0],
        high=confidence_sequence(sum(errors) + open_, len(marks.of))[1],
        decision=Decision.OPEN if held_back else decision,
        after=after,
        skips_decide=held_back,
        clean_needed=test.clean_needed(errors),
        expected_needed=test.expected_needed(errors, test.p0 / 2),
        most_needed=max(0, test.maximum - len(errors)),
    )


def _extremes(test: Plan, marks: Marks) -> set[Decision]:
    """What is decided with all images that have no judgement right, and with all of them wrong."""
    return {test.decide([bool(m) for m in marks.of])[0], test.decide([m is not False for m in marks.of])[0]}


def at_level(test: Plan, alpha: float) -> Plan:
    """The same test, with the same end, that retrains at `alpha` before it: for a part that others make room for."""
    return replace(test, alpha=alpha)
