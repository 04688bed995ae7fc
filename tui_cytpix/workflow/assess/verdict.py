"""What the judgements so far decide: keep the model, retrain, or not yet known; part by part, and in one word.

A *part* is one kind of error on one sample, or on all of them together. The model is kept where every required part
keeps it at its own level: so it is kept wrongly at most at the level of a part whose rate is intolerable, however many
parts there are (an intersection-union test; Berger 1982). It is to be retrained where any part asks for it at a level
that all parts share out (Holm 1979, weighted): so it is retrained wrongly at most at `ERROR_RATE`, however many parts
there are and however they depend on each other. A part's decision doesn't change after it fell: when the review stops,
and on account of which part, makes no difference.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tui_cytpix.core.statistics.sequential_tests import ERROR_RATE, Decision, Plan
from tui_cytpix.core.statistics.weighted_tests import CERTAIN, Inclusion, confidence_sequence, rate_of
from tui_cytpix.domain.run_settings import KINDS, AssessSettings, Kind
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import Judgement, Verdict
from tui_cytpix.workflow.assess.findings import (
    LEFT_OUT,
    Finding,
    Marks,
    SampleFindings,
    at_level,
    finding,
    how_shown,
    marks_of,
)
from tui_cytpix.workflow.assess.goal import wald_test

# Of the level that wrong retraining is held to, the samples' counts and masks get this share. The rest, for what is
# over all samples and for classes, is small, as evidence gathers faster over all samples than in one, and a class must
# tell gross errors: one more of them outweighs it.
OF_SAMPLES = 0.8
ALL = ""  # in the place of a sample's name: all samples together
FEW = 20  # below so many images of a sample or a class nothing is said about it
MUCH_UNUSABLE = 0.2  # share of frames from which on they are the problem

PartName = tuple[str, Kind]  # sample or ALL, kind


@dataclass(frozen=True)
class Part:
    """One kind of error on one sample (`ALL`: on all).

    `required` parts must keep for the model to be kept; others (the classes of single samples) can only object.
    `share` is that of images shown which can be judged for the part, None where no image tells. `images_needed` more
    are expected to be shown until the part keeps; None where that can't be told, or it is decided.
    """

    sample: str
    kind: Kind
    found: Finding
    required: bool
    share: float | None
    images_needed: int | None


@dataclass(frozen=True)
class Assessment:
    """All findings so far.

    Attributes:
        all: over all samples.
        by_sample: each by itself; only where there are several.
        parts: those that make the verdict, samples last.
        counts: how many images got each judgement.
        out_of_turn: images judged whose turn in the random sequence has not come yet: they don't count until then.
        unusable: share of frames that are unusable, of samples (`ALL`: of all) where they are many.
        not_countable: True where more images are indistinguishable than could be wrong: count is no good readout.
    """

    all: SampleFindings
    by_sample: Mapping[str, SampleFindings]
    parts: tuple[Part, ...]
    counts: Mapping[Judgement, int]
    out_of_turn: int
    unusable: Mapping[str, float]
    not_countable: bool

    @property
    def only_counted(self) -> int:
        """Images whose mask is still to be judged."""
        return sum(number for judgement, number in self.counts.items() if judgement.of_count_alone)

    def of_kind(self, kind: Kind) -> Decision | None:
        """Of a kind of error over all parts; None where it is not required."""
        return together(part for part in self.parts if part.kind is kind)

    def of_sample(self, sample: str) -> Decision | None:
        return together(part for part in self.parts if part.sample == sample)

    @property
    def missing(self) -> list[Part]:
        """Required parts that are undecided, those that take the most images first."""
        undecided = [part for part in self.parts if part.required and part.found.decision is Decision.OPEN]
        return sorted(undecided, key=lambda part: -math.inf if part.images_needed is None else -part.images_needed)

    @property
    def images_needed(self) -> int | None:
        """How many more images are expected to be shown until the model is kept; None where that can't be told."""
        needed = [part.images_needed for part in self.missing]
        return None if None in needed else max((n for n in needed if n is not None), default=0)


def together(parts: Iterable[Part]) -> Decision | None:
    """One word for several parts: retrain where one asks for it, keep where all that are required do."""
    said = [(part.found.decision, part.required) for part in parts]
    if not said:
        return None
    if any(decision is Decision.RETRAIN for decision, _ in said):
        return Decision.RETRAIN
    return Decision.KEEP if all(decision is Decision.KEEP for decision, must in said if must) else Decision.OPEN


def outcome(found: Assessment) -> Decision:
    """The one word for all."""
    return together(found.parts) or Decision.OPEN


def has_fallen(found: Assessment) -> bool:
    """Whether the model is kept, or to be retrained."""
    return outcome(found) is not Decision.OPEN


def assess_verdicts(
    images: Sequence[ImageKey],
    verdicts: Mapping[ImageKey, Verdict],
    settings: AssessSettings,
    following: Inclusion = CERTAIN,
) -> Assessment:
    """Reads the judgements in the order of the random sequence, up to the first image that has none: what was judged
    beyond it was picked, not drawn. `images` are those of the sequence that the model could process and that are shown,
    `following` is how further images of the kinds that matter most will be shown.
    """
    turn = next((n for n, key in enumerate(images) if key not in verdicts), len(images))
    drawn = [verdicts[key] for key in images[:turn]]
    names = list(dict.fromkeys(key.sample for key in images))
    names = names if len(names) > 1 else []
    sets = {ALL: drawn} | {name: [v for v in drawn if v.image.sample == name] for name in names}
    marks = {name: marks_of(of) for name, of in sets.items()}
    tests = part_tests(settings, names)
    found = _holm(tests, marks, following)
    plain = wald_test(settings.p0, settings.p1)
    by_set = {
        name: SampleFindings(**{kind: found.get((name, kind)) or finding(plain, of[kind], following) for kind in KINDS})
        for name, of in marks.items()
    }
    counts = {judgement: sum(v.judgement is judgement for v in drawn) for judgement in Judgement}
    clear = [v for v in drawn if v.count_judged or v.judgement is Judgement.INDISTINGUISHABLE]
    unclear = [v.judgement is Judgement.INDISTINGUISHABLE for v in clear]
    usable = 1 - sum(v.judgement in LEFT_OUT for v in drawn) / len(drawn) if drawn else 1.0
    of_samples = {name: usable * sum(key.sample == name for key in images) / len(images) for name in names}
    of_samples[ALL] = usable
    return Assessment(
        all=by_set[ALL],
        by_sample={name: by_set[name] for name in names},
        parts=tuple(_part(name, one, len(drawn), of_samples[name[0]]) for name, one in found.items()),
        counts=counts,
        out_of_turn=sum(key in verdicts for key in images[turn:]),
        unusable=_much_unusable(sets),
        not_countable=confidence_sequence(unclear, list(map(how_shown, clear)))[0] > settings.p1,
    )


def part_tests(settings: AssessSettings, samples: Sequence[str]) -> dict[PartName, Plan]:
    """The test of each part, at its share of the level that wrong retraining is held to. `samples`: where several."""
    by_itself = [(name, kind) for name in samples or [ALL] for kind in settings.required if not _of_class(kind)]
    others = [(ALL, kind) for kind in settings.required if (ALL, kind) not in by_itself]
    others += [(name, kind) for name in samples for kind in settings.required if _of_class(kind)]
    whole = OF_SAMPLES if by_itself and others else 1.0
    shares = {part: whole / len(by_itself) for part in by_itself}
    shares |= {part: (1 - whole if by_itself else 1.0) / len(others) for part in others}
    order = sorted(shares, key=lambda part: part[0] != ALL)  # stable: all samples first
    return {part: wald_test(settings.p0, settings.p1, ERROR_RATE * shares[part]) for part in order}


def _of_class(kind: Kind) -> bool:
    return kind in (Kind.SINGLETS, Kind.MULTIPLETS)


def _holm(
    tests: Mapping[PartName, Plan], marks: Mapping[str, Mapping[Kind, Marks]], following: Inclusion
) -> dict[PartName, Finding]:
    """Each part at its level. What a part that asks for retraining had of the level goes to the others, by their
    shares, until none asks for it any more.
    """
    found: dict[PartName, Finding] = {}
    left, room = dict(tests), 1.0
    while True:
        for (name, kind), test in left.items():
            found[name, kind] = finding(at_level(test, test.alpha / room), marks[name][kind], following)
        rejected = [part for part in left if found[part].decision is Decision.RETRAIN]
        room -= sum(left.pop(part).alpha for part in rejected) / ERROR_RATE
        if not rejected or not left:
            return {part: found[part] for part in tests}


def _part(name: PartName, found: Finding, drawn: int, of_sample: float) -> Part:
    sample, kind = name
    required = sample == ALL or not _of_class(kind)
    share: float | None = of_sample
    if _of_class(kind):
        share = found.judged / drawn if found.judged else None
    needed = None
    if found.decision is Decision.OPEN and share and found.expected_needed is not None:
        needed = math.ceil(max(0, found.expected_needed - found.skipped) / share)
    return Part(sample, kind, found, required, share, needed)


def _much_unusable(sets: Mapping[str, Sequence[Verdict]]) -> dict[str, float]:
    """Weighted, as images in doubt may be shown more often than others."""
    much = {}
    for name, of in sets.items():
        looked_at = [v for v in of if v.judgement is not Judgement.SKIPPED]
        share = rate_of([v.judgement is Judgement.UNUSABLE for v in looked_at], list(map(how_shown, looked_at)))
        if len(looked_at) >= FEW and share >= MUCH_UNUSABLE:
            much[name] = share
    return {ALL: much[ALL]} if ALL in much else much
