"""`run review DIR`: the verdict of step 1 (or of step 5 on the new model), and what leads to it without the app."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_cytpix.cli import options
from tui_cytpix.cli.output import Progress, note, say, say_json

if TYPE_CHECKING:
    from tui_cytpix.domain.model_card import ModelEntry
    from tui_cytpix.domain.sample import ImageKey
    from tui_cytpix.workflow.assess.decision import Finding, SampleFindings
    from tui_cytpix.workflow.run.run import Run

STEPS = ("assess", "evaluate")


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be stated; nothing of it given, the verdict is told and the run stays as it is."""
    from tui_cytpix.domain.run_settings import GOALS

    parser.add_argument(
        "--step", choices=STEPS, default="assess", help="evaluate: the run's new model; default: assess"
    )
    parser.add_argument("--goal", choices=[g.name for g in GOALS], help="sets the tolerated rates")
    for rate, what in (("--p0", "plainly good: at most"), ("--p1", "intolerable: from")):
        parser.add_argument(rate, type=options.percentage, metavar="%", help=f"{what} so many percent of images wrong")
    parser.add_argument("--convention", metavar="TEXT", help="what counts as one particle")
    parser.add_argument("--model", metavar="M", help="to judge in step assess; default: as before, at first the base")
    parser.add_argument("--images", type=options.positive, metavar="N", help="draw and process so many random images")
    options.add_zoom(parser, of_run=True)
    table = "CSV: image,judgement,true_count; a count alone judges no mask"
    parser.add_argument("--judgements", type=Path, metavar="FILE", help=table)
    options.add_device(parser)


def review(arguments: argparse.Namespace) -> int:
    """States, draws, takes judgements, and tells the verdict."""
    from tui_cytpix.workflow.run.run import Run

    changes = ("goal", "p0", "p1", "convention", "model", "zoom", "images", "judgements")
    if any(getattr(arguments, name) is not None for name in changes):
        with options.writing(Run.open(arguments.run)) as run:
            _change(run, arguments)
            return _tell(run, arguments)
    run = Run.open(arguments.run, writing=False)
    try:
        return _tell(run, arguments)
    finally:
        run.close()


def _change(run: Run, arguments: argparse.Namespace) -> None:
    from tui_cytpix.workflow.assess import goal
    from tui_cytpix.workflow.assess import review as assess_review
    from tui_cytpix.workflow.assess.judgements_file import read_judgements, take_judgements
    from tui_cytpix.workflow.base_model import library
    from tui_cytpix.workflow.evaluate import trial
    from tui_cytpix.workflow.run import predict, zoom

    given = read_judgements(arguments.judgements) if arguments.judgements else []
    before = run.settings.assess
    if any(value is not None for value in (arguments.goal, arguments.p0, arguments.p1, arguments.convention)):
        p0, p1 = arguments.p0, arguments.p1
        if arguments.goal is None:
            p0, p1 = before.p0 if p0 is None else p0, before.p1 if p1 is None else p1
        convention = arguments.convention or before.counting_convention or goal.DEFAULT_CONVENTION
        assess_review.state_goal(run, arguments.goal or before.goal, convention, p0, p1)
    if arguments.model is not None:
        assess_review.choose_model(run, library.find(arguments.model))
    if arguments.zoom is not None:
        note(zoom.set_zoom(run, arguments.zoom))
    model = _model(run, arguments.step)
    if arguments.images is not None:
        draw = assess_review.draw if arguments.step == "assess" else trial.draw
        with Progress("processing") as progress:
            drawn = draw(run, arguments.images)
            predict.predict_now(run, model, drawn, progress, arguments.device, arguments.threads)
        if len(drawn) < arguments.images:
            note(f"The samples hold only {len(drawn)} images that no other step uses: all are taken.")
    take_judgements(run, model, given, arguments.step)


def _model(run: Run, step: str) -> ModelEntry:
    from tui_cytpix.workflow.base_model import library
    from tui_cytpix.workflow.evaluate import trial

    return library.find(run.settings.assess.model) if step == "assess" else trial.new_model(run)


def _sequence(run: Run, step: str) -> Sequence[ImageKey]:
    return run.settings.assess.sequence if step == "assess" else run.settings.evaluate.sequence


def _tell(run: Run, arguments: argparse.Namespace) -> int:
    from tui_cytpix.workflow.assess import decision as assess_decision
    from tui_cytpix.workflow.assess import review as assess_review
    from tui_cytpix.workflow.run import zoom

    model, step = _model(run, arguments.step), arguments.step
    store = run.answers(model.hash)
    answered, seen = set(store.keys()), zoom.seen(run, store)
    images = [key for key in _sequence(run, step) if key in answered]
    found = assess_review.assessment_of(run, model, images, step)
    rule, decision = assess_review.rule_in_words(run.settings.assess), assess_decision.outcome(found)
    words = [line for line in assess_decision.lines(found) if line]
    if arguments.json:
        say_json(
            {
                "run": str(run.path),
                "step": step,
                "model": model.card.name,
                "images": len(images),
                "decision": decision,
                **_as_dict(found.all),
                "samples": {name: _as_dict(one) for name, one in found.by_sample.items()},
                "judgements": found.counts,
                "out_of_turn": found.out_of_turn,
                "count_is_a_good_readout": not found.not_countable,
                "seen": {name: asdict(one) for name, one in seen.items()},
                "rule": rule,
                "words": words,
            }
        )
    else:
        say(
            f"{model.card.name}: {decision} ({len(images)} random images processed)", *words, rule, *zoom.in_words(seen)
        )
    return 0


def _as_dict(found: SampleFindings) -> dict[str, Any]:
    kinds = ("count", "mask", "singlets", "multiplets")
    return {kind: _finding(getattr(found, kind)) for kind in kinds}


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "decision": found.decision,
        "judged": found.judged,
        "errors": found.errors,
        "skipped": found.skipped,
        "error_rate": found.rate,
        "error_rate_ci": [found.low, found.high],
        "after": found.after,
        "clean_needed": found.clean_needed,
        "most_needed": found.most_needed,
    }
