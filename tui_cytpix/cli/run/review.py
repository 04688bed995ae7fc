"""`run review DIR`: the verdict of step 1 (or of step 5 on the new model), and what leads to it without the app."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from tui_cytpix.cli import options
from tui_cytpix.cli.output import Progress, note, tell
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.run_settings import KINDS, Kind
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import UsageError
from tui_cytpix.workflow.assess import blind_first, focus, goal, over_sampling, showings_file
from tui_cytpix.workflow.assess import review as assess_review
from tui_cytpix.workflow.assess.findings import Finding, SampleFindings
from tui_cytpix.workflow.assess.judgements_file import passed_over, read_judgements, take_judgements
from tui_cytpix.workflow.assess.verdict import ALL, Part, outcome
from tui_cytpix.workflow.assess.verdict_words import samples_in_words, verdict_lines
from tui_cytpix.workflow.base_model import instrument, library
from tui_cytpix.workflow.evaluate import trial
from tui_cytpix.workflow.explore.random_images import drawn_from, judged_models, too_few_in_words
from tui_cytpix.workflow.report.pictures import Picture, write_pictures
from tui_cytpix.workflow.run import predict, run_samples, used_images, zoom
from tui_cytpix.workflow.run.refuse_existing import refuse_existing
from tui_cytpix.workflow.run.run import Run

JUDGEMENT = "judgement"


def review(arguments: argparse.Namespace) -> int:
    for path in (arguments.blind_first, arguments.pictures):
        if path is not None:
            refuse_existing(path)
    if arguments.pictures is not None and arguments.blind_first is None:
        raise UsageError("Pictures of what?", "", "Give --blind-first too: they belong to its table.")
    changes = ("goal", "p0", "p1", "require", "convention", "model", "zoom", "images", "over_sample", "judgements")
    if any(getattr(arguments, name) is not None for name in changes):
        with options.writing(Run.open(arguments.run)) as run:
            _change(run, arguments)
            return _tell(run, arguments)
    with Run.open(arguments.run, writing=False) as run:
        return _tell(run, arguments)


def _change(run: Run, arguments: argparse.Namespace) -> None:
    table = arguments.judgements
    blind = table is not None and showings_file.is_one(table)
    counted = showings_file.read_table(table, JUDGEMENT, showings_file.WAY_OUT) if blind else []
    given = read_judgements(table) if table and not blind else []
    if table is not None:
        note(*(showings_file.passed_over(table, JUDGEMENT) if blind else passed_over(table)))
    before = run.settings.assess
    stated = (arguments.goal, arguments.p0, arguments.p1, arguments.require, arguments.convention)
    if any(value is not None for value in stated):
        p0, p1 = arguments.p0, arguments.p1
        if arguments.goal is None:
            p0, p1 = before.p0 if p0 is None else p0, before.p1 if p1 is None else p1
        convention = arguments.convention or before.counting_convention or goal.DEFAULT_CONVENTION
        assess_review.state_goal(run, arguments.goal or before.goal, convention, p0, p1, arguments.require)
    run_samples.refuse_changed(run, [sample.name for sample in drawn_from(run, arguments.step)])
    if arguments.model is not None:
        assess_review.choose_model(run, library.find(arguments.model))
    if arguments.zoom is not None:
        note(zoom.set_zoom(run, arguments.zoom))
    model = _model(run, arguments.step)
    if arguments.images is not None:
        draw = assess_review.draw if arguments.step == "assess" else trial.draw
        judged = judged_models(run, arguments.step, model)
        note(*filter(None, [used_images.gone_in_words(run, arguments.step, judged)]))
        with Progress("processing") as progress:
            drawn = draw(run, arguments.images, model)
            predict.predict_now(run, model, drawn, progress, arguments.device, arguments.threads)
        if assess_review.least_focus(run, arguments.step):
            with Progress("scoring focus") as progress:
                focus.scores(run, model, run.answers(model.hash), drawn, progress)
        note(*filter(None, [too_few_in_words(run, arguments.step, arguments.images, len(drawn))]))
    if arguments.over_sample is not None:
        over_sampling.over_sample(run, arguments.step, model, arguments.over_sample)
    take_judgements(run, model, given, arguments.step)
    if counted:
        images = _to_review(run, model, arguments.step).images
        taken, repeats = showings_file.take_table(run, model, images, counted, arguments.step)
        note(f"{taken} of {len(counted)} lines are new, {repeats} of them of images shown a second time.")


def _to_review(run: Run, model: ModelEntry, step: str) -> assess_review.ToReview:
    return assess_review.to_review(run, judged_models(run, step, model), step)


def _write(run: Run, model: ModelEntry, images: list[ImageKey], arguments: argparse.Namespace) -> None:
    """The table to judge blind first, and its pictures."""
    if arguments.blind_first is None:
        return
    rows = showings_file.rows_of(run, model, images, arguments.step)
    showings_file.write_table(arguments.blind_first, rows, JUDGEMENT)
    if arguments.pictures is not None:
        store = run.answers(model.hash)
        pictures = [
            Picture(row.mark, row.showing.image, () if row.raw else (store.get(row.showing.image),)) for row in rows
        ]
        with Progress("drawing") as progress:
            note(*write_pictures(arguments.pictures, run, pictures, progress))


def _model(run: Run, step: str) -> ModelEntry:
    return library.find(run.settings.assess.model) if step == "assess" else trial.new_model(run)


def _tell(run: Run, arguments: argparse.Namespace) -> int:
    model, step = _model(run, arguments.step), arguments.step
    reviewed, store = _to_review(run, model, step), run.answers(model.hash)
    processed, images = reviewed.processed, reviewed.images
    _write(run, model, images, arguments)
    seen, models = zoom.zooms_of(run, store), judged_models(run, step, model)
    found = assess_review.assessment_of(run, model, images, step)
    settings, decision, samples = run.settings.assess, outcome(found), samples_in_words(found)
    history = goal.history_in_words(settings)
    valid_for, gone = used_images.valid_for(run, model, images), used_images.gone_in_words(run, step, models)
    reviewer = blind_first.repeatability(assess_review.standing_of(run, model, step).values())
    answers = [one for key in processed if (one := store.get(key)) is not None]
    budgets = over_sampling.budgets(settings, processed, answers)
    rules = run.settings.of_step(step).over_sampling
    rule = assess_review.rule_in_words(settings, images, rules)
    expected = [] if any(found.counts.values()) else over_sampling.budget_in_words(budgets)
    drawn = (over_sampling.rules_in_words(rules), reviewed.blurred, valid_for, gone)
    told = (*verdict_lines(found), *blind_first.in_words(reviewer), *expected, *drawn, *history)
    words = [line for line in (*instrument.noted_in_words(run, model), *told) if line]
    tell(
        arguments.json,
        {
            "run": str(run.path),
            "step": step,
            "model": model.card.name,
            "images": len(images),
            "processed": len(processed),
            "over_sampling": [asdict(rule) for rule in rules],
            "expected": [asdict(budget) for budget in budgets],
            "decision": decision,
            "images_needed": found.images_needed,
            "goal": goal.as_dict(settings),
            "earlier_goals": [goal.as_dict(one) for one in settings.earlier],
            "parts": [_part(part) for part in found.parts],
            **{
                kind: {**one, "decision": found.of_kind(Kind(kind)) or one["decision"]}
                for kind, one in _as_dict(found.all).items()
            },
            "samples": {
                name: {"decision": found.of_sample(name), **_as_dict(one)} for name, one in found.by_sample.items()
            },
            "judgements": found.counts,
            "reviewer": blind_first.as_dict(reviewer),
            "out_of_turn": found.out_of_turn,
            "count_is_a_good_readout": not found.not_countable,
            "much_unusable": {name or "all": share for name, share in found.unusable.items()},
            "seen": {name: asdict(one) for name, one in seen.items()},
            "valid_for": valid_for,
            "left_out": len(used_images.sequence_of(run, step)) - len(used_images.still_fresh(run, step, models)),
            "rule": rule,
            "words": words,
        },
        f"{model.card.name}: {decision}{f' ({samples})' if samples else ''}, {len(processed)} random images processed",
        *words,
        f"Goal: {goal.goal_in_words(settings)}.",
        rule,
        *zoom.in_words(seen),
    )
    return 0


def _part(part: Part) -> dict[str, Any]:
    said = {"sample": None if part.sample == ALL else part.sample, "kind": part.kind, "required": part.required}
    return {**said, **_finding(part.found), "share": part.share, "images_needed": part.images_needed}


def _as_dict(found: SampleFindings) -> dict[str, dict[str, Any]]:
    return {kind: _finding(found.of(kind)) for kind in KINDS}


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "decision": found.decision,
        "judged": found.judged,
        "errors": found.errors,
        "skipped": found.skipped,
        "left_out": found.left_out,
        "error_rate": found.rate,
        "error_rate_ci": [found.low, found.high],
        "alpha": found.plan.alpha,
        "after": found.after,
        "clean_needed": found.clean_needed,
        "expected_needed": found.expected_needed,
        "most_needed": found.most_needed,
    }
