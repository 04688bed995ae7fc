"""What the judgements so far decide, per kind of error: keep the model, retrain, or not yet known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tui_cytpix.core.statistics.sequential_tests import Decision, Plan, confidence_sequence
from tui_cytpix.domain.run_settings import AssessSettings
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import Judgement, Verdict
from tui_cytpix.workflow.assess.goal import wald_test

Mark = bool | None  # an image's judgement of one kind: wrong, right, or none (skipped; of the mask: only counted)
FEW = 20  # below so many images of a sample or a class nothing is said about it


@dataclass(frozen=True)
class Finding:
    """One kind of error on one set of images, in the order of the random sequence.

    `skipped` images have no judgement of this kind. `low` and `high` are the 95 % confidence sequence of the error
    rate, with all of these right and wrong. `decision` holds whatever they are; where they could change it, it is open
    and `skips_decide`. `clean_needed` further images without an error keep the model, `most_needed` decide at the most.
    """

    plan: Plan
    judged: int
    errors: int
    skipped: int
    low: float
    high: float
    decision: Decision
    after: int
    skips_decide: bool
    clean_needed: int
    most_needed: int

    @property
    def rate(self) -> float:
        """Share of judged images with this error; NaN without any."""
        return self.errors / self.judged if self.judged else float("nan")

    @property
    def interval(self) -> str:
        """The confidence sequence in percent."""
        return f"{_percent(self.low)} to {_percent(self.high)}"


@dataclass(frozen=True)
class SampleFindings:
    """The findings on one sample, or on all together. Singlets and multiplets are what the reviewer says they are."""

    count: Finding
    mask: Finding
    singlets: Finding
    multiplets: Finding


@dataclass(frozen=True)
class Assessment:
    """All findings so far.

    Attributes:
        all: over all samples.
        by_sample: each by itself; only where there are several.
        counts: how many images got each judgement.
        out_of_turn: images judged whose turn in the random sequence has not come yet: they don't count until then.
        not_countable: True where more images are indistinguishable than could be wrong: count is no good readout.
    """

    all: SampleFindings
    by_sample: Mapping[str, SampleFindings]
    counts: Mapping[Judgement, int]
    out_of_turn: int
    not_countable: bool

    @property
    def only_counted(self) -> int:
        """Images whose mask is still to be judged."""
        return sum(number for judgement, number in self.counts.items() if judgement.of_count_alone)


def assess_verdicts(
    images: Sequence[ImageKey], verdicts: Mapping[ImageKey, Verdict], settings: AssessSettings
) -> Assessment:
    """Reads the judgements in the order of the random sequence, up to the first image that has none: what was judged
    beyond it was picked, not drawn. `images` are those of the sequence that the model could process.
    """
    test = wald_test(settings.p0, settings.p1)
    turn = next((n for n, key in enumerate(images) if key not in verdicts), len(images))
    drawn = [verdicts[key] for key in images[:turn]]
    names = list(dict.fromkeys(key.sample for key in images))
    counts = {judgement: sum(v.judgement is judgement for v in drawn) for judgement in Judgement}
    judged = sum(v.count_judged for v in drawn)
    unclear = counts[Judgement.INDISTINGUISHABLE]
    return Assessment(
        all=_findings(drawn, test),
        by_sample={name: _findings([v for v in drawn if v.image.sample == name], test) for name in names}
        if len(names) > 1
        else {},
        counts=counts,
        out_of_turn=sum(key in verdicts for key in images[turn:]),
        not_countable=judged + unclear > 0 and confidence_sequence(unclear, judged + unclear)[0] > settings.p1,
    )


def _findings(verdicts: Sequence[Verdict], test: Plan) -> SampleFindings:
    return SampleFindings(
        count=finding(test, _marks(verdicts, lambda v: v.count_wrong)),
        mask=finding(test, _marks(verdicts, lambda v: v.mask_wrong)),
        singlets=finding(test, _marks((v for v in verdicts if _true_count(v) == 1), lambda v: v.counted != 1)),
        multiplets=finding(test, _marks((v for v in verdicts if _true_count(v) > 1), lambda v: (v.counted or 0) < 2)),
    )


def _marks(verdicts: Iterable[Verdict], wrong: Callable[[Verdict], Mark]) -> list[Mark]:
    return [wrong(v) for v in verdicts if v.count_judged or v.judgement is Judgement.SKIPPED]


def _true_count(verdict: Verdict) -> int:
    """How many particles there are, by the reviewer; 0 where nobody knows. A wrong count whose true one is not stated
    is that of a singlet where the model saw several, else that of a multiplet.
    """
    if not verdict.count_judged or verdict.counted is None:
        return 0
    if not verdict.count_wrong:
        return verdict.counted
    if verdict.true_count is not None:
        return verdict.true_count
    return 1 if verdict.counted > 1 else 2


def finding(test: Plan, marks: Sequence[Mark]) -> Finding:
    errors = [mark for mark in marks if mark is not None]
    skipped = len(marks) - len(errors)
    decision, after = test.decide(errors)
    extremes = {test.decide([bool(m) for m in marks])[0], test.decide([m is not False for m in marks])[0]}
    held_back = decision is not Decision.OPEN and extremes != {decision}
    return Finding(
        plan=test,
        judged=len(errors),
        errors=sum(errors),
        skipped=skipped,
        low=confidence_sequence(sum(errors), len(marks))[0],
        high=confidence_sequence(sum(errors) + skipped, len(marks))[1],
        decision=Decision.OPEN if held_back else decision,
        after=after,
        skips_decide=held_back,
        clean_needed=test.clean_needed(errors),
        most_needed=max(0, test.maximum - len(errors)),
    )


# In words


def verdict_in_words(kind: str, found: Finding) -> str:
    """`Count: keep this model. ...`: the decision, the numbers behind it, and what is missing."""
    head = {Decision.KEEP: "keep this model", Decision.RETRAIN: "retrain", Decision.OPEN: "not yet known"}
    numbers = (
        f"{found.errors} wrong of {found.judged} ({_percent(found.rate)}; {found.interval})"
        if found.judged
        else "no image is judged yet"
    )
    return f"{kind}: {head[found.decision]}. {numbers[0].upper()}{numbers[1:]}{_missing(found)}."


def _missing(found: Finding) -> str:
    if found.decision is not Decision.OPEN:
        return f", decided after {found.after}"
    if found.skips_decide:
        return f": {_many(found.skipped, 'image')} without this judgement could change the verdict, so give it"
    return f"; {found.clean_needed} more without an error keep it, {found.most_needed} more decide at the most"


def classes_in_words(found: SampleFindings) -> str:
    """Singlet specificity and multiplet sensitivity: at few doublets, "always one" passes any overall rate."""
    parts = [
        _class_in_words("Singlets", "counted as one", found.singlets),
        _class_in_words("Multiplets", "found", found.multiplets),
    ]
    return " ".join(part for part in parts if part)


def _class_in_words(name: str, done: str, found: Finding) -> str:
    if not found.judged:
        return ""
    right = found.judged - found.errors
    share = f"{right} of {found.judged} {done} ({_percent(1 - found.high)} to {_percent(1 - found.low)})"
    said = f"too few to tell, {FEW} are needed" if found.judged < FEW else str(found.decision)
    return f"{name}: {share}, {said}."


def verdict_lines(found: Assessment) -> list[str]:
    """Everything in plain sentences, the verdicts first; empty lines are none."""
    both = found.all
    skipped = found.counts.get(Judgement.SKIPPED, 0)
    apart = [
        f"{found.counts.get(judgement, 0)} {name}"
        for judgement, name in ((Judgement.UNUSABLE, "unusable"), (Judgement.INDISTINGUISHABLE, "indistinguishable"))
        if found.counts.get(judgement, 0)
    ]
    return [
        verdict_in_words("Count", both.count),
        verdict_in_words("Mask", both.mask),
        classes_in_words(both),
        *(_sample_in_words(name, one) for name, one in found.by_sample.items()),
        f"{_many(skipped, 'image')} skipped: the intervals hold whether right or wrong." if skipped else "",
        f"{_many(found.only_counted, 'image')} only counted: the mask is still to be judged."
        if found.only_counted
        else "",
        f"Left out: {', '.join(apart)}." if apart else "",
        "Count is not a good readout here: the cells of too many images can't be told apart."
        if found.not_countable
        else "",
        f"{_many(found.out_of_turn, 'image')} judged out of turn: counted once those drawn before are judged too."
        if found.out_of_turn
        else "",
    ]


def _sample_in_words(name: str, found: SampleFindings) -> str:
    if found.count.judged < FEW:
        return f"{name}: {found.count.judged} judged, too few to tell by itself."
    kinds = (("count", found.count), ("mask", found.mask))
    told = ", ".join(f"{kind} {one.decision} ({one.errors} of {one.judged}, {one.interval})" for kind, one in kinds)
    return f"{name}: {told}. {classes_in_words(found)}".strip()


def outcome(found: Assessment) -> Decision:
    """One word for all: retrain where any kind of error asks for it, keep where count and mask both do."""
    both = found.all
    if Decision.RETRAIN in (d.decision for d in (both.count, both.mask, both.singlets, both.multiplets)):
        return Decision.RETRAIN
    return Decision.KEEP if both.count.decision is both.mask.decision is Decision.KEEP else Decision.OPEN


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 or share == 0 else f"{share:.1%}"
