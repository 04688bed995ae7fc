"""`run pairs DIR`: the new model against its base by paired review, without the app."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from tui_cytpix.cli import options
from tui_cytpix.cli.output import Progress, note, tell
from tui_cytpix.workflow.assess import blind_first, showings_file
from tui_cytpix.workflow.base_model import differences, instrument
from tui_cytpix.workflow.base_model.differences import Difference
from tui_cytpix.workflow.evaluate import held_out_masks, pair_showings_file, pair_words, pairs, pairs_file, trial
from tui_cytpix.workflow.evaluate.across_units import ConditionErrors
from tui_cytpix.workflow.evaluate.pairs import PairComparison, SampleComparison
from tui_cytpix.workflow.evaluate.pairs_file import BlindPair, Models
from tui_cytpix.workflow.explore import random_images
from tui_cytpix.workflow.report.pictures import Picture, write_pictures
from tui_cytpix.workflow.run import predict, run_samples, used_images, zoom
from tui_cytpix.workflow.run.refuse_existing import refuse_existing
from tui_cytpix.workflow.run.run import Run

BETTER = "better"


def review_pairs(arguments: argparse.Namespace) -> int:
    for path in (arguments.out, arguments.blind_first, arguments.pictures):
        if path is not None:
            refuse_existing(path)
    writing = any(getattr(arguments, name) is not None for name in ("images", "preferences", "zoom"))
    if writing:
        with options.writing(Run.open(arguments.run)) as run:
            models = trial.both_models(run, arguments.model)
            _change(run, models, arguments)
            return _tell(run, models, arguments)
    with Run.open(arguments.run, writing=False) as run:
        return _tell(run, trial.both_models(run, arguments.model), arguments)


def _change(run: Run, models: Models, arguments: argparse.Namespace) -> None:
    table = arguments.preferences
    blind = table is not None and showings_file.is_one(table)
    counted = showings_file.read_table(table, BETTER, pair_showings_file.WAY_OUT) if blind else []
    given = pairs_file.read_preferences(table) if table and not blind else []
    if table is not None:
        note(*(showings_file.passed_over(table, BETTER) if blind else pairs_file.passed_over(table)))
    run_samples.refuse_changed(run, [sample.name for sample in random_images.drawn_from(run, used_images.EVALUATE)])
    if arguments.zoom is not None:
        note(zoom.set_zoom(run, arguments.zoom))
    if arguments.images is not None:
        note(*filter(None, [used_images.gone_in_words(run, used_images.EVALUATE, models)]))
        with Progress("processing") as progress:
            drawn = trial.draw(run, arguments.images, models[0])
            asked = (*drawn, *held_out_masks.images(run))
            _, problems = predict.answers_now(run, models, asked, progress, arguments.device, arguments.threads)
        note(*problems)
        too_few = random_images.too_few_in_words(run, used_images.EVALUATE, arguments.images, len(drawn))
        note(*filter(None, [too_few]))
    if given:
        taken = pairs_file.take_preferences(run, models, _answered(run, models), given)
        note(f"{taken} of {len(given)} preferences are new.")
    if counted:
        taken, repeats = pair_showings_file.take_table(run, models, _answered(run, models), counted)
        note(f"{taken} of {len(counted)} lines are new, {repeats} of them of images shown a second time.")


def _answered(run: Run, models: Models) -> tuple[Difference, ...]:
    new, base = (run.answers(model.hash) for model in models)
    return differences.between(used_images.still_fresh(run, used_images.EVALUATE, models), base, new)


def _tell(run: Run, models: Models, arguments: argparse.Namespace) -> int:
    (new, base), found = models, _answered(run, models)
    order, said = pairs_file.in_order(run, models, found), pairs.preferences(run, *models)
    _write(run, models, found, order, arguments)
    result = pairs.conclude(run, found, said, run.settings.assess.p1)
    judged = sum(one.found.image in said for one in order)
    stores = run.answers(new.hash), run.answers(base.hash)
    seen = {label: zoom.zooms_of(run, store) for label, store in zip(("New", "Base"), stores, strict=True)}
    masks = held_out_masks.in_words(held_out_masks.paired_iou(run, *stores))
    drawn = random_images.drawn_in_words(run, run.settings.evaluate)
    valid_for = used_images.valid_for(run, new, [one.image for one in found])
    gone = used_images.gone_in_words(run, used_images.EVALUATE, models)
    reviewer = blind_first.repeatability(pairs.standing(run, *models).values())
    said_of_both = (*pair_words.lines(result), *blind_first.in_words(reviewer))
    noted = [words for model in models for words in instrument.noted_in_words(run, model)]
    told = (*noted, *said_of_both, valid_for, gone, masks, drawn, *zoom.by_model_in_words(seen))
    words = [line for line in told if line]
    tell(
        arguments.json,
        {
            "run": str(run.path),
            "new": new.card.name,
            "base": base.card.name,
            "images": len(found),
            "differing": sum(pairs.differs(one) for one in found),
            "pairs": len(order),
            "judged": judged,
            "verdict": pair_words.verdict(result),
            **_as_dict(result),
            "reviewer": blind_first.as_dict(reviewer),
            "valid_for": valid_for,
            "words": words,
        },
        f"new {new.card.name} against base {base.card.name}: {judged} of {len(order)} pairs judged, of {len(found)} "
        "random images that both processed",
        _differing(found, all_judged=judged == len(order)),
        *words,
    )
    return 0


def _differing(found: tuple[Difference, ...], *, all_judged: bool) -> str:
    """What each counts would tell a judge of the table which is which."""
    if all_judged:
        return differences.in_words(found, "base", "new")
    return f"Counts differ on {sum(one.counts_differ for one in found)} of {len(found)} images."


def _write(
    run: Run, models: Models, found: tuple[Difference, ...], order: list[BlindPair], arguments: argparse.Namespace
) -> None:
    if arguments.out is not None:
        pairs_file.write_pairs(arguments.out, order, pairs.preferences(run, *models))
    shown = [(pair, False) for pair in order]
    if arguments.blind_first is not None:
        rows = pair_showings_file.rows_of(run, models, found)
        showings_file.write_table(arguments.blind_first, [row for row, _ in rows], BETTER)
        shown = [(pair, row.raw) for row, pair in rows]
    if arguments.pictures is not None:
        pictures = [_picture(run, models, pair, raw=raw) for pair, raw in shown]
        with Progress("drawing") as progress:
            note(*write_pictures(arguments.pictures, run, pictures, progress))


def _picture(run: Run, models: Models, pair: BlindPair, *, raw: bool) -> Picture:
    sides = models if pair.new_first else reversed(models)
    image = pair.found.image
    return Picture(pair.mark, image, () if raw else tuple(run.answers(one.hash).get(image) for one in sides))


def _as_dict(found: PairComparison) -> dict[str, Any]:
    return {
        "gain": None if found.gain is None else asdict(found.gain),
        "undeclared": found.undeclared,
        "samples": {one.name: _sample(one) for one in found.samples},
        "conditions": {one.condition: _condition(one) for one in found.conditions},
        "unclear": found.unclear,
        "count_is_a_good_readout": not found.not_countable,
    }


def _sample(found: SampleComparison) -> dict[str, Any]:
    return {
        "differing": found.differing,
        "judged_differing": found.judged_differing,
        "judged_agreeing": found.judged_agreeing,
        "count_right_only_in": {"new": found.new_right, "base": found.base_right, "p": found.p},
        "mask_better_in": {"new": found.new_mask, "base": found.base_mask, "p": found.mask_p},
        "counts_wrong": {"new": found.new_rate._asdict(), "base": found.base_rate._asdict()},
        "gain": found.gain,
    }


def _condition(found: ConditionErrors) -> dict[str, Any]:
    shares = [{"true": true, "counted": counted, "share": share} for (true, counted), share in found.confusion.items()]
    classes = {kind.value: one.share._asdict() for kind, one in found.classes.items()}
    return {"counts_wrong": found.wrong, "classes": classes, "confusion": shares}
