"""New model against base by paired review: which images, in which order, and what the preferences say."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_cytpix.core.statistics.sequential_tests import confidence_sequence
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import COMPARED, UNSIGNED, PairVerdict, Preference, Showing, in_force
from tui_cytpix.errors import UsageError
from tui_cytpix.workflow.assess import blind_first
from tui_cytpix.workflow.base_model.differences import Difference
from tui_cytpix.workflow.evaluate import across_units
from tui_cytpix.workflow.evaluate.across_units import ConditionErrors, Gain, JudgedImage, SampleImages
from tui_cytpix.workflow.run.run import Run

if TYPE_CHECKING:
    from tui_cytpix.core.statistics.stratified_rates import Share, Stratum

Models = tuple[ModelEntry, ModelEntry]

MASKS_DIFFER = 0.2  # 1 - IoU of the two answers' foregrounds, from which on they are reviewed as where counts differ
AGREEING_SHARE, LEAST_AGREEING = 0.2, 10  # of the images on which both agree, per sample


def differs(found: Difference) -> bool:
    return found.counts_differ or found.score > MASKS_DIFFER


def review_order(found: Collection[Difference], seed: str) -> tuple[ImageKey, ...]:
    """The images to review, in random order: of each sample all on which the models differ, and a random fifth of the
    others (at least ten), which the absolute error rates need.
    """
    ordered = sorted(found, key=lambda d: d.image)
    chosen = [d.image for d in ordered if differs(d)]
    for sample in sorted({d.image.sample for d in ordered}):
        agreeing = [d.image for d in ordered if d.image.sample == sample and not differs(d)]
        random.Random(f"{seed}/{sample}").shuffle(agreeing)
        chosen += agreeing[: max(LEAST_AGREEING, round(AGREEING_SHARE * len(agreeing)))]
    random.Random(seed).shuffle(chosen)
    return tuple(chosen)


def new_comes_first(image: ImageKey, seed: str, *, repeat: bool = False) -> bool:
    """Which side the new model's answer is on, in a blind review; drawn anew for a repeat."""
    return random.Random(f"{seed}/{image}{'/again' if repeat else ''}").random() < 0.5


def on_side(first: bool, new_first: bool) -> Preference:
    """What is said by calling the first (or the second) answer the better one."""
    return Preference.NEW if first == new_first else Preference.BASE


def prefer(
    run: Run,
    models: Models,
    found: Difference,
    said: Preference | int,
    *,
    blind: bool,
    hidden: bool = False,
    repeat: bool = False,
) -> None:
    """Records which of (new, base) is better on an image, or how many particles there are: then that follows, but for
    the masks where both count so. `hidden`: blind first, the answers have not been shown; `repeat`: the image has.

    Raises:
        UsageError: equal, where the counts are not: at most one of them is right.
    """
    base_counts, new_counts = found.counts
    stated = said if isinstance(said, int) else None
    preference = said if isinstance(said, Preference) else Preference.by_counts((new_counts, base_counts), said)
    if preference.says_equal_counts and found.counts_differ:
        raise UsageError(
            "The counts differ: at most one is right",
            "",
            "Say which, that both are wrong, or that the cells can't be told apart.",
        )
    new, base = models
    showing = Showing(found.image, repeat)
    before = standing(run, new, base).get(showing)
    of_mask = stated is None and not found.counts_differ and preference in COMPARED
    if of_mask and before is not None and before.true_count == new_counts:
        stated, first = before.true_count, before.blind_first
    else:
        first = hidden and showing not in blind_first.answers_seen(run)
    new_first = blind and new_comes_first(found.image, seed_of(run, new, base), repeat=repeat)
    line = PairVerdict(
        *UNSIGNED,
        found.image,
        new.hash,
        base.hash,
        preference,
        new_counts,
        base_counts,
        blind,
        new_first,
        true_count=stated,
        blind_first=first,
        repeat=repeat,
    )
    run.record(line)


def lines(run: Run, new: ModelEntry, base: ModelEntry) -> list[PairVerdict]:
    """All that a review has said, what was taken back too, of the samples as they are seen now."""
    said = (verdict for verdict in run.pair_verdicts if (verdict.new, verdict.base) == (new.hash, base.hash))
    return [verdict for verdict in said if verdict.seen in run.ways(verdict.image.sample)]


def preferences(run: Run, new: ModelEntry, base: ModelEntry) -> dict[ImageKey, PairVerdict]:
    return in_force(lines(run, new, base))


def standing(run: Run, new: ModelEntry, base: ModelEntry) -> dict[Showing, PairVerdict]:
    """The same, and what was said of repeats."""
    return blind_first.standing(lines(run, new, base))


def seed_of(run: Run, new: ModelEntry, base: ModelEntry) -> str:
    """Of the order of the review and of its sides."""
    return f"{run.settings.seed}/pairs/{new.hash}/{base.hash}"


def showings(run: Run, models: Models, found: Collection[Difference], *, repeats: bool) -> tuple[Showing, ...]:
    """The images to review as they come up; with `repeats`, blind first, a hidden tenth of them twice."""
    seed = seed_of(run, *models)
    order = review_order(found, seed)
    return tuple(blind_first.showings(order, seed) if repeats else map(Showing, order))


@dataclass(frozen=True)
class SampleComparison:
    """Two models on one sample.

    Attributes:
        name: the sample's.
        differing: images with both answers that differ.
        judged_differing, judged_agreeing: with a preference.
        new_right, base_right: images on which only that model's count is right; `p` by McNemar's exact test.
        new_mask, base_mask: images of equal count on which that model's mask is better; `mask_p` likewise.
        new_rate, base_rate: estimated shares of images with a wrong count.
        gain: by how much the share of wrong counts falls with the new model; None where no differing image is judged.
    """

    name: str
    differing: int
    judged_differing: int
    judged_agreeing: int
    new_right: int
    base_right: int
    p: float
    new_mask: int
    base_mask: int
    mask_p: float
    new_rate: Share
    base_rate: Share
    gain: float | None

    @property
    def judged(self) -> int:
        return self.judged_differing + self.judged_agreeing


@dataclass(frozen=True)
class PairComparison:
    """All samples. `gain` is over the units that were sampled independently; None where no differing image is judged.
    `undeclared` are the samples whose unit is not stated; `unclear` images can't be told apart; where those are too
    many (`not_countable`, sample names), count is no good readout.
    """

    samples: tuple[SampleComparison, ...]
    conditions: tuple[ConditionErrors, ...]
    gain: Gain | None
    undeclared: tuple[str, ...]
    unclear: int
    not_countable: tuple[str, ...]


def conclude(
    run: Run, found: Sequence[Difference], verdicts: Mapping[ImageKey, PairVerdict], intolerable: float
) -> PairComparison:
    """What the preferences say. `found` are the images that both models have answered (first the base, second the new
    one); `intolerable` is the share of images from which on indistinguishable cells make count useless.
    """
    refs = [s for s in run.settings.samples if any(d.image.sample == s.name for d in found)]
    by_sample = {s.name: [d for d in found if d.image.sample == s.name] for s in refs}
    unclear = {name: _unclear(of_sample, verdicts) for name, of_sample in by_sample.items()}
    new, base = (
        {name: _marks(of_sample, verdicts, winner) for name, of_sample in by_sample.items()}
        for winner in (Preference.NEW, Preference.BASE)
    )
    return PairComparison(
        samples=tuple(_sample(name, of_sample, verdicts) for name, of_sample in by_sample.items()),
        conditions=across_units.by_condition(
            [
                SampleImages(ref, _images(by_sample[ref.name], verdicts), _complete(by_sample[ref.name], verdicts))
                for ref in refs
            ]
        ),
        gain=across_units.gain(refs, new, base),
        undeclared=tuple(ref.name for ref in refs if not ref.unit),
        unclear=sum(some for some, _ in unclear.values()),
        not_countable=tuple(
            name for name, (some, judged) in unclear.items() if confidence_sequence(some, judged)[0] > intolerable
        ),
    )


def _complete(found: Sequence[Difference], verdicts: Mapping[ImageKey, PairVerdict]) -> bool:
    """Some of the differing, and of the agreeing, images are judged, as far as there are any."""
    return all(_judged(part, verdicts) for part in _strata(found) if part)


def _unclear(found: Sequence[Difference], verdicts: Mapping[ImageKey, PairVerdict]) -> tuple[int, int]:
    """Images whose cells can't be told apart, of those that were not skipped."""
    said = [verdicts[d.image].preference for d in found if d.image in verdicts]
    judged = [one for one in said if one is not Preference.SKIPPED]
    return judged.count(Preference.UNCLEAR), len(judged)


def _judged(found: Sequence[Difference], verdicts: Mapping[ImageKey, PairVerdict]) -> list[PairVerdict]:
    apart = (Preference.UNCLEAR, Preference.SKIPPED)
    return [verdicts[d.image] for d in found if d.image in verdicts and verdicts[d.image].preference not in apart]


def _wrong(verdict: PairVerdict, rival: Preference) -> bool:
    differ = verdict.new_counted != verdict.base_counted
    return verdict.preference is Preference.NEITHER or (differ and verdict.preference is rival)


def _strata(found: Sequence[Difference]) -> tuple[list[Difference], list[Difference]]:
    return [d for d in found if differs(d)], [d for d in found if not differs(d)]


def _sample(name: str, found: Sequence[Difference], verdicts: Mapping[ImageKey, PairVerdict]) -> SampleComparison:
    from tui_cytpix.core.statistics.fixed_sample_intervals import mcnemar_exact
    from tui_cytpix.core.statistics.stratified_rates import stratified_share

    differing, agreeing = _strata(found)
    of_differing, of_agreeing = _judged(differing, verdicts), _judged(agreeing, verdicts)
    apart = [v for v in of_differing if v.new_counted != v.base_counted]
    same = [v for v in (*of_differing, *of_agreeing) if v.new_counted == v.base_counted]
    new_right, base_right = (sum(v.preference is p for v in apart) for p in (Preference.NEW, Preference.BASE))
    new_mask, base_mask = (sum(v.preference is p for v in same) for p in (Preference.NEW, Preference.BASE))
    share = len(differing) / len(found) if found else 0.0
    return SampleComparison(
        name=name,
        differing=len(differing),
        judged_differing=len(of_differing),
        judged_agreeing=len(of_agreeing),
        new_right=new_right,
        base_right=base_right,
        p=mcnemar_exact(new_right, base_right),
        new_mask=new_mask,
        base_mask=base_mask,
        mask_p=mcnemar_exact(new_mask, base_mask),
        new_rate=stratified_share(_errors(found, verdicts, Preference.BASE)),
        base_rate=stratified_share(_errors(found, verdicts, Preference.NEW)),
        gain=share * (new_right - base_right) / len(of_differing) if of_differing else (None if differing else 0.0),
    )


def _errors(found: Sequence[Difference], verdicts: Mapping[ImageKey, PairVerdict], rival: Preference) -> list[Stratum]:
    """Wrong counts, among the differing and among the agreeing images, of the model that is not the `rival`."""
    from tui_cytpix.core.statistics.stratified_rates import Stratum

    strata = []
    for part in _strata(found):
        judged = _judged(part, verdicts)
        strata.append(Stratum(len(part), len(judged), sum(_wrong(verdict, rival) for verdict in judged)))
    return strata


def _images(found: Sequence[Difference], verdicts: Mapping[ImageKey, PairVerdict]) -> list[JudgedImage]:
    """Each stands for its share of the differing, or the agreeing, images."""
    return [
        JudgedImage(len(part) / len(judged), _truth(verdict), verdict.new_counted)
        for part in _strata(found)
        for judged in (_judged(part, verdicts),)
        for verdict in judged
    ]


def _marks(
    found: Sequence[Difference], verdicts: Mapping[ImageKey, PairVerdict], winner: Preference
) -> list[tuple[float, bool]]:
    """(weight, whether only the winner's count is right): of agreeing images it never is. Nothing where some
    differ and none of these is judged.
    """
    differing, agreeing = _strata(found)
    judged = _judged(differing, verdicts)
    if differing and not judged:
        return []
    right = [(v.new_counted != v.base_counted and v.preference is winner) for v in judged]
    return [(len(differing) / len(judged), one) for one in right] + [(1.0, False)] * len(agreeing)


def _truth(verdict: PairVerdict) -> int | None:
    if verdict.preference is Preference.NEITHER:
        return verdict.true_count  # where it was stated
    return verdict.base_counted if _wrong(verdict, Preference.BASE) else verdict.new_counted
