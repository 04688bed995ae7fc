"""Step 1: is a new model needed? Random images, two judgements on each, a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tui_cytpix.core.statistics.sequential_tests import ERROR_RATE
from tui_cytpix.core.statistics.weighted_tests import CERTAIN
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.run_settings import GOALS, AssessSettings, EarlierGoal, Kind, OverSampling
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.verdict import UNSIGNED, Judgement, Showing, Verdict, in_force
from tui_cytpix.workflow.assess import blind_first, focus, over_sampling
from tui_cytpix.workflow.assess.goal import check_rates
from tui_cytpix.workflow.assess.over_sampling import Shown, moved
from tui_cytpix.workflow.assess.verdict import Assessment, assess_verdicts, has_fallen, part_tests
from tui_cytpix.workflow.base_model import instrument
from tui_cytpix.workflow.base_model.library import reference
from tui_cytpix.workflow.explore.random_images import extended, gate_in_use, judged_models
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.used_images import still_fresh

STEP = "assess"


def state_goal(
    run: Run,
    goal: str,
    counting_convention: str,
    p0: float | None = None,
    p1: float | None = None,
    required: tuple[Kind, ...] | None = None,
) -> None:
    """Writes down the research goal, the tolerated rates (the goal's own where not given), the counting convention and
    the kinds of error that are required to keep the model (as before where not given). What judgements were made under
    is kept, with their number.

    Raises:
        UsageError: the rates don't fit (`goal.check_rates`), or more than the mask is required of instrument masks that
            tell no counts.
    """
    preset = next(g for g in GOALS if g.name == goal)
    p0, p1 = preset.p0 if p0 is None else p0, preset.p1 if p1 is None else p1
    check_rates(p0, p1)
    before = run.settings.assess
    required = before.required if required is None else required
    for model in judged_models(run, STEP, None):
        instrument.refuse(run, model, required)
    stated = replace(before, goal=goal, p0=p0, p1=p1, counting_convention=counting_convention, required=required)
    judged = _judgements(run)
    if stated != before and judged:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        old = (before.goal, before.p0, before.p1, before.required, before.counting_convention)
        stated = replace(stated, earlier=(*before.earlier, EarlierGoal(*old, until=now, judged=judged)))
    run.update(replace(run.settings, assess=stated))


def _judgements(run: Run) -> int:
    """How many are in force: of all models and steps, and of pairs."""
    single = {(v.image, v.model, v.step): v.said for v in run.verdicts if not v.repeat}
    pairs = {(v.image, v.new, v.base): v.said for v in run.pair_verdicts if not v.repeat}
    return sum(single.values()) + sum(pairs.values())


def set_least_focus(run: Run, least: float) -> None:
    """Images with a lower focus score are left out of the review; 0: none."""
    run.update(replace(run.settings, assess=replace(run.settings.assess, least_focus=least)))


def draw(run: Run, images: int, model: ModelEntry | None = None, step: str = STEP) -> tuple[ImageKey, ...]:
    """The step's seeded random sequence, at least `images` long where its samples hold as many; drawing more only
    appends, unless the gate that is drawn from has changed: then it is drawn anew. Images that are selected, touched,
    or used by the other step, or that a model was made with, are left out (`random_images.extended`), and in the
    answer those that the models can't be asked about; `model` is the one that is judged, if not the run's of this step.

    Raises:
        SampleError: a sample can't be read, or the gate can't be applied to it.
    """
    before = run.settings.of_step(step)
    models = judged_models(run, step, model)
    sequence, silent = extended(run, step, images, models), instrument.silent_on(run, models)
    run.remember(sequence)
    rules, gate = moved(before.over_sampling, before.sequence, sequence), gate_in_use(run)
    drawn = run.settings.with_step(step, sequence=sequence, images=images, drawn_from=gate, over_sampling=rules)
    run.update(drawn)
    return tuple(key for key in sequence if key.sample not in silent)


def least_focus(run: Run, step: str) -> float:
    """What an image of the step needs to be reviewed; 0: nothing."""
    return run.settings.assess.least_focus if step == STEP else 0.0


@dataclass(frozen=True)
class ToReview:
    """Of a step's draw: `processed` are fresh for the models and answered by the judged one, `images` those of them
    that are in focus, where that was asked for, and shown; `blurred` tells what is left out as blurred.
    """

    processed: list[ImageKey]
    images: list[ImageKey]
    blurred: str


def to_review(run: Run, models: Sequence[ModelEntry], step: str = STEP) -> ToReview:
    """`models`: the first is judged, the others are what it is held against."""
    model, store, least = models[0], run.answers(models[0].hash), least_focus(run, step)
    answered, scores = set(store.keys()), focus.stored(run, model)
    processed = [key for key in still_fresh(run, step, models) if key in answered]
    sharp = [key for key in processed if not focus.is_blurred(scores, key, least)]
    blurred = focus.left_out_in_words(scores, processed, verdict_of(run, model, step), least)
    return ToReview(processed, over_sampling.to_review(run, step, model.hash, sharp, store), blurred)


def choose_model(run: Run, model: ModelEntry) -> None:
    """Makes it the model that step 1 judges.

    Raises:
        MaskError, UsageError: as `instrument.refuse`.
    """
    instrument.refuse(run, model, run.settings.assess.required)
    run.update(replace(run.settings, assess=replace(run.settings.assess, model=reference(model))))


@dataclass(frozen=True)
class Said:
    """What a reviewer says of an image: a judgement, how many particles there are (`true_count`), or both; `counted` is
    what the model counts, `answer` all that it says: over-sampling asks for more than its count. `blind_first`: that
    was hidden; `repeat`: the image was shown a second time.
    """

    image: ImageKey
    judgement: Judgement | None
    counted: int | None = None
    true_count: int | None = None
    answer: Segmentation | None = None
    blind_first: bool = False
    repeat: bool = False

    @property
    def showing(self) -> Showing:
        return Showing(self.image, self.repeat)


def judge_all(run: Run, model: ModelEntry, said: Iterable[Said], step: str = STEP) -> None:
    """Records judgements; those of images that the step's random sequence shows, and that are fresh for this model,
    count for the rate: what was annotated first doesn't come back into the verdict by being judged. A stated count
    stays until another is stated: `acceptable` and `mask` then speak of the mask alone. What was said of the mask stays
    where only the count is judged. What was said of a repeat is kept apart.

    Raises:
        UsageError: a count is judged of the instrument's masks, which tell none in that sample.
    """
    if model.card.of_instrument:
        said = _without_counts(said, instrument.without_counts(run))
    shown, fresh = Shown.of(run, step), set(still_fresh(run, step, [model]))
    standing, seen = standing_of(run, model, step), blind_first.answers_seen(run)
    for one in said:
        before = standing.get(one.showing)
        judgement, true_count = _set_against(before, one)
        if before is not None and (before.judgement, before.true_count, before.counted) == (
            judgement,
            true_count,
            one.counted,
        ):
            continue  # nothing changes, and undo would have nothing to give back
        how = shown.how(one.image, one.answer) if one.image in fresh and not one.repeat else None
        count_stands = before is not None and one.true_count is None and true_count is not None
        first = before.blind_first if before and count_stands else one.blind_first and one.showing not in seen
        line = Verdict(
            *UNSIGNED,
            one.image,
            model.hash,
            judgement,
            counts_for_rate=how is not None,
            step=step,
            chance=(how or CERTAIN).chance,
            least_chance=(how or CERTAIN).least,
            counted=one.counted,
            true_count=true_count,
            blind_first=first,
            repeat=one.repeat,
        )
        standing[one.showing] = run.record(line)


def _without_counts(said: Iterable[Said], samples: Sequence[str]) -> list[Said]:
    """In these samples answers tell no count: what is said is of the mask alone."""
    return [_of_mask_alone(one) if one.image.sample in samples else one for one in said]


def _of_mask_alone(said: Said) -> Said:
    judgement = said.judgement
    if said.true_count is not None or (judgement and (judgement.count_wrong or judgement.of_count_alone)):
        instrument.refuse_counts([said.image.sample])
    if judgement and judgement.mask_wrong is not None:
        judgement = Judgement.of(None, judgement.mask_wrong)
    return replace(said, judgement=judgement, counted=None)


def _set_against(before: Verdict | None, said: Said) -> tuple[Judgement, int | None]:
    """The judgement and the stated count, given what stood before."""
    judgement, true_count = said.judgement or Judgement.COUNT_RIGHT, said.true_count  # right or not: by the counts
    if before is not None:
        if judgement.of_count_alone:
            judgement = Judgement.of(judgement is Judgement.COUNT_WRONG, before.mask_wrong)
        of_mask = said.judgement in (Judgement.ACCEPTABLE, Judgement.MASK_ERROR)
        if true_count is None and (of_mask or not judgement.contradicts(said.counted, before.true_count)):
            true_count = before.true_count
    return judgement.by_counts(said.counted, true_count), true_count


def lines(run: Run, model: ModelEntry, step: str = STEP) -> list[Verdict]:
    """All that a review has said, what was taken back too, of the samples as they are seen now."""
    said = (verdict for verdict in run.verdicts if verdict.model == model.hash and verdict.step == step)
    return [verdict for verdict in said if verdict.seen in run.ways(verdict.image.sample)]


def verdict_of(run: Run, model: ModelEntry, step: str = STEP) -> dict[ImageKey, Verdict]:
    return in_force(lines(run, model, step))


def standing_of(run: Run, model: ModelEntry, step: str = STEP) -> dict[Showing, Verdict]:
    """The same, and what was said of repeats."""
    return blind_first.standing(lines(run, model, step))


def showings(run: Run, model: ModelEntry, images: Sequence[ImageKey], step: str = STEP) -> list[Showing]:
    """The images to judge as they come up, in a review that is blind first with repeats among them."""
    return blind_first.showings(images, f"{run.settings.seed}/{step}/{model.hash}")


def assessment_of(run: Run, model: ModelEntry, images: Sequence[ImageKey], step: str = STEP) -> Assessment:
    """What the judgements decide. `images` are those of the step's random sequence that are to be judged: processed,
    shown (`over_sampling.to_review`), and in focus where that was asked for.
    """
    following = Shown.of(run, step).following
    return assess_verdicts(images, verdict_of(run, model, step), run.settings.assess, following)


def is_decided(run: Run, models: Sequence[ModelEntry], step: str = STEP) -> bool:
    """Whether the verdict on the first of the models has fallen; the others are what it is held against."""
    if not models or not lines(run, models[0], step):
        return False
    return has_fallen(assessment_of(run, models[0], to_review(run, models, step).images, step))


def rule_in_words(settings: AssessSettings, sequence: Sequence[ImageKey], rules: Sequence[OverSampling]) -> str:
    """How many images the verdict on that random sequence takes; `rules` are the step's: over-sampled it has no end."""
    names = list(dict.fromkeys(key.sample for key in sequence))
    tests = part_tests(settings, names if len(names) > 1 else [])
    longest = max(tests.values(), key=lambda test: test.maximum)
    each = f" and each of {len(names)} samples" if len(names) > 1 else ""
    ends = f"{longest.clean_needed([])} keep it if none is wrong, decided after {longest.maximum} at the latest"
    if any(rule.shown < 1 for rule in rules):
        ends = "more where some are shown less often than others, and then without an end"
    return (
        f"Wald's test of {settings.p0:.1%} against {settings.p1:.1%}, for {', '.join(settings.required)}{each}: "
        f"at least {longest.minimum} images of each, {ends}. A model that is intolerable in one is kept in at most "
        f"{longest.beta:.0%} of reviews; one that is plainly good in all is to be retrained in "
        f"at most {ERROR_RATE:.0%}."
    )
