"""One self-contained HTML page about a run: its decisions with their numbers, curves, examples, provenance."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import tui_cytpix
from tui_cytpix.domain.annotation import Side, Status
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey, labels_of
from tui_cytpix.domain.verdict import LineT, Showing, Verdict
from tui_cytpix.errors import CytpixError, RunError, refusal
from tui_cytpix.formats.bytes.atomic import write_text
from tui_cytpix.formats.run.predictions import PredictionStore
from tui_cytpix.workflow.assess import blind_first, goal, over_sampling, review
from tui_cytpix.workflow.assess.verdict import Assessment
from tui_cytpix.workflow.assess.verdict_words import verdict_lines
from tui_cytpix.workflow.base_model import differences, library
from tui_cytpix.workflow.evaluate import held_out_masks, pair_words, pairs, process
from tui_cytpix.workflow.evaluate.across_units import shared_in_words
from tui_cytpix.workflow.report import figures
from tui_cytpix.workflow.report import html_tags as html
from tui_cytpix.workflow.run import run_samples, used_images, zoom
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.samples import coverage
from tui_cytpix.workflow.train.watch import TrainingWatch

EXAMPLES = 12
WEIGHTED = (
    "The images on which the two models differ, in count or mask, are to be judged all, of the others a random part: "
    "shares of wrong counts are weighted by that. Intervals are 95 %, in samples over images, in conditions over units."
)
NOT_STATED = (
    "Not stated: both models were wrong and nobody said the true count. Where singlets and multiplets are told apart, "
    "such an image is taken for a singlet if the new model counted several, else for a multiplet."
)
Blocks = list[str]


def write_report(run: Run, out: Path) -> Path:
    """Writes the page.

    Raises:
        RunError: it can't be written there.
    """
    short: list[str] = []  # the verdicts, for the top of the page
    sections = [_assess(run, short), _base(run), _samples(run), _train(run), _evaluate(run, short), _provenance(run)]
    top = [html.heading(run.settings.name, 1), html.paragraphs([_origin(run)], "dim")]
    if short:
        top += [html.heading("In short"), html.paragraphs(short)]
    body = [*top, *(block for section in sections for block in section)]
    try:
        write_text(out, html.page(f"{run.settings.name}: report", body))
    except OSError as error:
        raise RunError(*refusal(error, out, "The report can't be written", "Give another place.")) from error
    return out


def _origin(run: Run) -> str:
    names = ", ".join(s.name for s in run.settings.samples) or "no sample"
    return f"A run of tui-cytpix on {names}, begun {run.settings.created}. For research use only."


def _model(name: str) -> ModelEntry | None:
    """A model of the library or a file; None where it is gone."""
    try:
        return library.find(name) if name else None
    except CytpixError:
        return None


def _assess(run: Run, short: list[str]) -> Blocks:
    settings = run.settings.assess
    blocks = [html.heading("1 Assess: will an existing model do?")]
    if not settings.counting_convention:
        return [*blocks, html.paragraphs(["The goal was not stated: nothing was assessed."])]
    short.append(f"Goal: {goal.goal_in_words(settings)}.")
    blocks.append(
        html.table(
            [
                ("Goal", goal.goal_in_words(settings)),
                *(("", line) for line in goal.history_in_words(settings)),
                ("Counting convention", settings.counting_convention),
                ("Model", settings.model),
                ("Rule", review.rule_in_words(settings, settings.sequence, settings.over_sampling)),
            ],
            header=False,
        )
    )
    model = _model(settings.model)
    if model is None:
        return [*blocks, html.paragraphs([f"The model {settings.model} is not here any more."])]
    verdicts, store = review.verdict_of(run, model), run.answers(model.hash)
    blocks.append(html.paragraphs(zoom.in_words(zoom.zooms_of(run, store))))
    reviewed = review.to_review(run, [model])
    shown = reviewed.images
    found = review.assessment_of(run, model, shown)
    freshness = used_images.valid_for(run, model, shown), used_images.gone_in_words(run, review.STEP, [model])
    weighted, reviewer = over_sampling.rules_in_words(settings.over_sampling), _reviewer(review.standing_of(run, model))
    said = [line for line in (*verdict_lines(found), *reviewer, weighted, reviewed.blurred, *freshness) if line]
    if any(found.counts.values()):
        short.append(f"Step 1, {model.card.name}, {_judged(found)}: {said[0]} {freshness[0]}")
    blocks += [html.paragraphs(said[:3], "lead"), html.paragraphs(said[3:])]
    if found.all.count.judged and not weighted:  # else there is no one path against two lines
        turn = [verdicts[key] for key in shown if key in verdicts and verdicts[key].count_judged]
        blocks.append(html.chart(figures.path_of_test(found.all.count.plan, turn), figures.TEST_CAPTION))
    return [*blocks, *_wrong_images(run, store, verdicts)]


def _judged(found: Assessment) -> str:
    return f"{sum(found.counts.values())} images judged"


def _reviewer(standing: Mapping[Showing, LineT]) -> list[str]:
    return blind_first.in_words(blind_first.repeatability(standing.values()))


def _wrong_images(run: Run, store: PredictionStore, verdicts: dict[ImageKey, Verdict]) -> Blocks:
    wrong = [key for key, verdict in verdicts.items() if verdict.count_wrong or verdict.mask_wrong]
    items = []
    for key in wrong[:EXAMPLES]:
        said, verdict = store.get(key), verdicts[key]
        pixels = figures.with_answers(run, key, [said])
        if pixels is not None and said is not None:
            true = "" if verdict.true_count is None else f", true {verdict.true_count}"
            items.append(html.picture(pixels, f"{key}: {_kind(verdict)}; counted {said.particle_count}{true}"))
    return [html.heading(f"Images judged wrong ({len(wrong)})", 3), html.pictures(items)] if items else []


def _kind(verdict: Verdict) -> str:
    kinds = (("count", verdict.count_wrong), ("mask", verdict.mask_wrong))
    return " and ".join(name for name, wrong in kinds if wrong) + " wrong"


def _base(run: Run) -> Blocks:
    chosen = run.settings.base_model
    blocks = [html.heading("2 Base model")]
    model = _model(chosen.model)
    if model is None:
        return [*blocks, html.paragraphs([f"{chosen.model or 'None was chosen'}."])]
    card, answers = model.card, run.answers(model.hash)
    rows = [
        ("Name", f"{card.name}, {card.resolution} resolution, {card.kind}"),
        ("About", card.description),
        ("Counting convention", card.counting_convention),
        ("Size cutoff", f"{card.size_cutoff_um:g} µm"),
        ("Sees", card.sees),
        ("Confidence", card.confidence_means),
        (
            "In this run",
            "; ".join(zoom.in_words(zoom.zooms_of(run, answers))) or zoom.setting_in_words(run),
        ),
        ("Hash", model.hash),
    ]
    return [*blocks, html.table([row for row in rows if row[1]], header=False)]


def _samples(run: Run) -> Blocks:
    settings = run.settings
    labels = labels_of(settings.samples)
    rows: list[Sequence[object]] = [("Sample", *labels.values(), "µm/px", "Bits")]
    rows += [
        (
            s.name,
            *s.labels(labels),
            f"{s.um_per_px:.4g} ({s.scale_source})" if s.um_per_px else "?",
            run_samples.bit_depth(run, s.name) or "?",
        )
        for s in settings.samples
    ]
    problems = list(map(str, run_samples.changed(run, [sample.name for sample in settings.samples]).values()))
    chosen, blocks = settings.selection, [html.heading("3 Samples"), html.paragraphs(problems, "lead")]
    blocks += [html.table(rows), html.paragraphs([shared_in_words(settings.samples)])]
    if not chosen.images:
        return [*blocks, html.paragraphs(["No image was selected for the preview."])]
    blocks.append(html.paragraphs([f"{len(chosen.images)} images selected: {chosen.groups_in_words}."]))
    found = coverage.load(run)
    if found is not None:
        blocks.append(html.chart(figures.selection(found), figures.SELECTION_CAPTION))
    return blocks


def _train(run: Run) -> Blocks:
    blocks = [html.heading("4 Train")]
    book = run.annotations
    decided = book.decided()
    if not decided:
        return [*blocks, html.paragraphs(["No image was annotated."])]
    status = [a.status for a in decided]
    accepted, seconds = book.accepted(), sum(a.seconds for a in decided)
    blocks.append(
        html.paragraphs(
            [
                f"{len(accepted)} images annotated, {sum(a.corrected for a in accepted)} of them corrected; "
                f"{len(book.side(Side.VALIDATION))} held out for validation; {status.count(Status.REJECTED)} rejected, "
                f"{status.count(Status.AMBIGUOUS)} indistinguishable. Hands-on time: {seconds / 60:.0f} min."
            ]
        )
    )
    training = TrainingWatch(run.folder).poll()
    if training.epochs:
        last = training.epochs[-1]
        blocks += [
            html.chart(figures.curves(training.epochs), figures.CURVES_CAPTION),
            html.paragraphs(
                [
                    f"{last.epoch} epochs on {training.device or 'an unknown device'}: TA {last.ta:.3f}, "
                    f"VA {last.va_in_words} on {last.validation_images} images."
                ]
            ),
        ]
    return blocks


def _evaluate(run: Run, short: list[str]) -> Blocks:
    blocks = [html.heading("5 Evaluate: is the new model better?")]
    base = _model(run.settings.base_model.model)
    if not run.folder.model_path.is_file():
        return [*blocks, html.paragraphs(["There is no new model."])]
    new = library.entry(run.folder.model_path)
    if base is None:
        return [*blocks, html.paragraphs(["Its base is gone: nothing to compare with."]), *_by_itself(run, new, short)]
    stores = (run.answers(base.hash), run.answers(new.hash))
    fresh = used_images.still_fresh(run, used_images.EVALUATE, [new, base])
    found = differences.between(fresh, *stores)
    blocks.append(html.paragraphs([differences.in_words(found, f"base {base.card.name}", f"new {new.card.name}")]))
    verdicts = pairs.preferences(run, new, base)
    compared = pairs.conclude(run, found, verdicts, run.settings.assess.p1)
    freshness = (
        used_images.valid_for(run, new, [d.image for d in found]),
        used_images.gone_in_words(run, used_images.EVALUATE, [new, base]),
    )
    reviewer = _reviewer(pairs.standing(run, new, base))
    judged = [verdict for verdict in verdicts.values() if verdict.said]
    blind = sum(verdict.blind for verdict in judged)
    hidden = f"In {blind} of {len(judged)} pairs it was hidden which answer was whose." if judged else ""
    said = [line for line in (*pair_words.lines(compared, tables=True), *reviewer, hidden, *freshness) if line]
    masks = held_out_masks.in_words(held_out_masks.paired_iou(run, stores[1], stores[0]))
    blocks.append(html.paragraphs(said[:1], "lead"))
    if pair_words.lines(compared):
        rows = pair_words.sample_rows(compared), pair_words.condition_rows(compared)
        blocks += [*(html.table(one) for one in rows if one), html.paragraphs([WEIGHTED], "dim")]
        against = f"Step 5, {new.card.name} against its base {base.card.name}, {len(judged)} pairs judged"
        short += [f"{against}: {said[0]} {freshness[0]}", *pair_words.apart_lines(compared)]
    blocks.append(html.paragraphs([*said[1:], masks]))
    for condition in compared.conditions:
        if condition.confusion and not math.isnan(condition.wrong):
            title = f"Counts of the new model, {condition.condition}: percent of images ({condition.images} judged)"
            note = NOT_STATED if any(true is None for true, _ in condition.confusion) else ""
            blocks += [html.heading(title, 3), html.table(pair_words.confusion_rows(condition))]
            blocks.append(html.paragraphs([note], "dim"))
    blocks += _by_itself(run, new, short)
    items = []
    for difference in [d for d in found if d.counts_differ][:EXAMPLES]:
        pixels = figures.with_answers(run, difference.image, [store.get(difference.image) for store in stores])
        if pixels is not None:
            counts = f"base counts {difference.counts[0]}, new {difference.counts[1]}"
            items.append(html.picture(pixels, f"{difference.image}: {counts}"))
    return (
        [*blocks, html.heading("Before and after: the most different images", 3), html.pictures(items)]
        if items
        else blocks
    )


def _by_itself(run: Run, new: ModelEntry, short: list[str]) -> Blocks:
    """The review of the new model on step 5's images, whether or not the base has answered them."""
    images = review.to_review(run, [new], used_images.EVALUATE).images
    found = review.assessment_of(run, new, images, "evaluate")
    if not any(found.counts.values()):
        short.append(f"Whether {new.card.name} is good enough for the goal is not known: it was not judged by itself.")
        return []
    reviewer = _reviewer(review.standing_of(run, new, "evaluate"))
    weighted = over_sampling.rules_in_words(run.settings.evaluate.over_sampling)
    valid_for = used_images.valid_for(run, new, images)
    said = [line for line in (*verdict_lines(found), *reviewer, weighted, valid_for) if line]
    short.append(f"Step 5, {new.card.name} by itself, {_judged(found)}: {said[0]} {valid_for}")
    rule = review.rule_in_words(run.settings.assess, images, run.settings.evaluate.over_sampling)
    history = goal.history_in_words(run.settings.assess)
    return [
        html.heading(f"The new model by itself, on {len(images)} random images", 3),
        html.paragraphs(said[:3], "lead"),
        html.paragraphs([*said[3:], f"Goal: {goal.goal_in_words(run.settings.assess)}.", *history, rule]),
    ]


def _told(value: object) -> str:
    """A value of a card: records become words, numbers get six digits."""
    if isinstance(value, list):
        return "; ".join(_told(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{_spaced(name)} {_told(one)}" for name, one in value.items() if one != "")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _spaced(name: object) -> str:
    return str(name).replace("_", " ")


def _provenance(run: Run) -> Blocks:
    settings = run.settings
    rows: list[Sequence[object]] = [
        ("Software", f"tui-cytpix {tui_cytpix.__version__}, Python {platform.python_version()}"),
        ("Report", datetime.now(UTC).isoformat(timespec="seconds")),
        ("Run", f"{settings.name}, seed {settings.seed}, format {settings.format_version}"),
        ("Base model", f"{settings.base_model.model} {settings.base_model.hash}"),
    ]
    if run.folder.model_path.is_file():
        new = library.entry(run.folder.model_path)
        rows.append(("New model", f"{new.card.name} {new.hash}"))
        rows.append(("Confidence", new.card.confidence_means))
        rows += [("Kept of the base", new.card.kept.in_words)] if new.card.kept else []
        # The curve is drawn above, with all its numbers.
        for name, value in new.card.training.items():
            if name != "curve":
                records = isinstance(value, list) and any(isinstance(one, dict) for one in value)  # a row each
                rows += [(f"· {_spaced(name)}", _told(one)) for one in (value if records else [value])]
    for sample in settings.samples:
        size = f", {sample.size} bytes" if sample.size else ""  # a folder has none
        rows.append((f"Sample {sample.name}", f"{Path(sample.path).name}{size}, {sample.fingerprint}"))
    for name, record in process.records(run).items():
        rows.append((f"Processed {name}", f"{record.software}, model {record.model_hash}"))
        rows += [("·", one.in_words) for one in record.samples]
        rows += [("·", note) for note in record.notes]
    stated = {name: value for name, value in asdict(settings.train).items() if value and name != "epochs"}
    rows += [("Training settings", _told(stated))]
    people = {v.who for v in run.verdicts} | {v.who for v in run.pair_verdicts}
    people |= {a.who for a in run.annotations.decided()}
    rows.append(("Judged and annotated by", ", ".join(sorted(people)) or "nobody"))
    if run.damaged_lines:
        rows.append(("Damaged lines in the logs", run.damaged_lines))
    return [html.heading("Provenance"), html.table(rows, header=False)]
