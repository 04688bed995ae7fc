"""The command line of `run`: a run by steps, headless."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tui_cytpix.cli import options
from tui_cytpix.domain.gate import SCALES
from tui_cytpix.domain.jobs.specs import PREFIX
from tui_cytpix.domain.run_settings import DEFAULT_LOOK, DEFAULT_MONTAGE, GOALS, MAX_PREVIEW, MIN_PREVIEW
from tui_cytpix.domain.sample import CONTROLS, ROLES
from tui_cytpix.workflow.samples.inspect import READABLE

_PREVIEWS = f"{MIN_PREVIEW} to {MAX_PREVIEW}"


def parser(prog: str) -> argparse.ArgumentParser:
    parser = options.Parser(prog=prog, description="A training run, step by step.")
    verbs = parser.add_subparsers(required=True, metavar="VERB", dest="run_verb", parser_class=options.Parser)
    verb = functools.partial(options.add_verb, verbs, of_run=True)
    _add_preparing(verbs, verb)
    _add_training(verb)
    review = verb("review", "the verdict on a model: draw images, take judgements, tell", "run.review:review")
    _add_review(review)
    pairs = verb("pairs", "the new model against its base, judged pair by pair, blind", "run.pairs:review_pairs")
    _add_pairs(pairs)

    report = verb("report", "write all that was decided, with figures, as one HTML page", "run.report:report")
    report.add_argument(
        "--out", type=Path, metavar="FILE", help="a new file; default: report.html in the run's folder, made anew"
    )

    return parser


def _add_new(verb: Callable[..., argparse.ArgumentParser]) -> None:
    new = verb("new", "make a run on samples, with a base model", "run.verbs:new_run")
    new.add_argument(
        "--sample",
        dest="samples",
        nargs="+",
        action=options.Samples,
        default=[],
        type=Path,
        metavar="S",
        help="repeatable",
    )
    options.add_sheet(new)
    new.add_argument("--base", metavar="M", help="a library name or a model file; needed, unless --like is given")
    like = (
        "start like that run: its goal, gates, size cutoff and other settings, its new model (else its base), its "
        "labels for samples of the same name; units and days are new"
    )
    new.add_argument("--like", type=Path, metavar="RUN", help=like)
    new.add_argument(
        "--preview",
        type=options.positive,
        metavar="N",
        help=f"images to choose, {_PREVIEWS}; default: 200, or as --like",
    )
    new.add_argument("--seed", type=options.not_negative, default=0, metavar="N", help="default: 0")
    new.add_argument("--name", default="", help="default: the folder's")
    options.add_scale(new)
    options.add_channel(new)
    options.add_zoom(new)


def _add_preparing(verbs: Any, verb: Callable[..., argparse.ArgumentParser]) -> None:
    """Up to the annotated images."""
    _add_new(verb)
    add = verb("add", "take further samples into the run", "run.labels:add")
    add.add_argument("samples", nargs="*", action=options.Samples, type=Path, metavar="S", help=READABLE)
    options.add_sheet(add)
    _add_labels(add)
    options.add_scale(add)
    options.add_channel(add)

    label = verb("label", "set labels of samples, or, none given, tell them", "run.labels:label")
    label.add_argument("samples", nargs="+", metavar="SAMPLE_NAME", help="by the run's name of it (run status)")
    _add_labels(label)
    options.add_stated_scale(label)
    label.add_argument("--channel", metavar="NAME|N", help="the one to read, before images of the sample are used")

    _add_base(verb)
    select = verb("select", "choose the preview images: 70 % at random, 30 % for variety", "run.verbs:select_images")
    select.add_argument("--preview", type=options.positive, metavar="N", help=f"{_PREVIEWS}; default: as the run says")

    alike = verb("similar", "images of all samples that resemble one most, by morphology", "run.verbs:similar_images")
    alike.add_argument("image", metavar="IMAGE", help="SAMPLE:EVENT; EVENT will do where the run has one sample")
    alike.add_argument("--images", type=options.positive, default=20, metavar="N", help="how many; default: 20")
    look = f"compare N more images of each sample than were compared before; default: {DEFAULT_LOOK}"
    alike.add_argument("--look", type=options.not_negative, default=DEFAULT_LOOK, metavar="N", help=look)
    alike.add_argument("--add", action="store_true", help="add them to the preview")

    _add_gate(verbs)

    annotate = verb("annotate", "take label images as accepted annotations", "run.verbs:annotate_run")
    annotate.add_argument(
        "--from-masks", type=Path, required=True, metavar="DIR", help="label images EVENT.png or EVENT.tif"
    )
    annotate.add_argument(
        "--only", nargs="+", action="extend", default=[], metavar="EVENT", help="default: all that have a label image"
    )
    annotate.add_argument("--sample", default="", metavar="SAMPLE_NAME", help="where the run has several")
    options.add_label_options(annotate)


def _add_base(verb: Callable[..., argparse.ArgumentParser]) -> None:
    base = verb("base", "choose another base model; what was annotated and judged stays", "run.verbs:choose_base")
    base.add_argument("model", nargs="?", metavar="M", help="a library name or a model file; default: as before")
    proposals = (
        "whose answers annotating begins from, as instrument: the masks that the samples carry; base: the base's"
    )
    base.add_argument("--proposals", metavar="M", help=proposals)
    options.add_zoom(base, of_run=True)


def _add_labels(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--condition", metavar="TEXT", help="what differs: medium, strain, ...; '' takes it away")
    parser.add_argument("--unit", metavar="TEXT", help="what was sampled independently: its culture, donor, animal")
    parser.add_argument("--tube", metavar="TEXT", help="which tube of its unit")
    parser.add_argument("--day", metavar="TEXT", help="of the experiment")
    role = "research: to select from, unless others are for training; aside: kept in the record, used for nothing"
    parser.add_argument("--role", choices=ROLES, help=role)
    parser.add_argument("--well", type=options.well, metavar="A1", help="of the plate")
    parser.add_argument("--control", choices=("", *CONTROLS), help="what it is there for, if not to be measured")


def _add_training(verb: Callable[..., argparse.ArgumentParser]) -> None:
    """From them to the model."""
    train = verb("train", "train, or go on training", "run.training:train")
    train.add_argument("--epochs", type=options.epochs, metavar="N", help="additional epochs; default: 100")
    train.add_argument("--detach", action="store_true", help="don't wait for the end")
    options.add_device(train)
    train.add_argument(
        "--batch", type=options.batch, metavar="N", help="views a step; fewer need less memory; default: 8"
    )
    options.add_zoom(train, of_run=True)
    train.add_argument(
        "--no-check", dest="check", action="store_false", help="without the cross-check at the end (see run check)"
    )
    options.add_slurm(train, "train on a node of Slurm, which sees the run and its samples as this machine does")
    train.set_defaults(device=None, threads=None, batch=None)

    verb("check", "cross-check: every annotated image by a model that did not train on it", "run.training:check")
    verb("status", "how far the run is", "run.status:status")
    verb("pause", "pause training at the end of the epoch", "run.training:ask")
    verb("resume", "go on, with the annotations made meanwhile", "run.training:ask")
    verb("stop", "end training after this epoch", "run.training:ask")

    finish = verb("finish", "make a checkpoint the run's model, and put it into the library", "run.verbs:finish_run")
    finish.add_argument("--name", required=True, help="of the new model")
    finish.add_argument(
        "--checkpoint",
        default="",
        metavar="C",
        help="best, last or epoch-NNNN; default: best where five images or more validate, else last",
    )
    finish.add_argument("--notes", default="", metavar="TEXT", help="for the model's card")


def _add_gate(verbs: Any) -> None:
    what = "gates on parameters of events: list, add, remove, draw images from"
    gate = options.add_verb(verbs, "gate", what, of_run=True)
    own = gate.add_subparsers(required=True, metavar="WHAT", dest="gate_verb", parser_class=options.Parser)
    verb = functools.partial(options.add_verb, own)

    listing = verb("list", "every gate with its events, by sample", "run.gates:list_gates")
    listing.add_argument("--parameter", dest="parameters", nargs="+", default=[], metavar="P", help="sum up these, two")
    listing.add_argument("--out", type=Path, metavar="FILE.csv", help="write the table there as well, to a new file")

    range_ = verb("range", "a gate on one parameter, both ends inside", "run.gates:add_range")
    range_.add_argument("name", metavar="NAME")
    range_.add_argument("parameter", metavar="PARAMETER")
    range_.add_argument("low", type=float, metavar="LOW")
    range_.add_argument("high", type=float, metavar="HIGH")
    _add_common(range_)

    polygon = verb("polygon", "a gate on two parameters", "run.gates:add_polygon")
    polygon.add_argument("name", metavar="NAME")
    polygon.add_argument("x", metavar="X_PARAMETER")
    polygon.add_argument("y", metavar="Y_PARAMETER")
    corner = "values of both parameters; repeat, at least three times"
    polygon.add_argument(
        "--corner", dest="corners", nargs=2, type=float, action="append", required=True, metavar=("X", "Y"), help=corner
    )
    scale = "on which the sides are straight; default: as the app would show the parameter"
    polygon.add_argument("--x-scale", choices=SCALES, default="", help=scale)
    polygon.add_argument("--y-scale", choices=SCALES, default="", help="likewise")
    _add_common(polygon)

    take = verb("import", "the gates of a FlowJo workspace (needs the extra `flowjo`)", "run.gates:import_gates")
    take.add_argument("workspace", type=Path, metavar="FILE.wsp")
    which = "take this sample's; default: those that are the same in all samples of the run"
    take.add_argument("--sample", default="", metavar="SAMPLE_NAME", help=which)

    remove = verb("remove", "a gate, and those that lie in it", "run.gates:remove_gate")
    remove.add_argument("name", metavar="GATE")

    use = verb("use", "draw the images of steps 1, 3 and 5 from this gate only", "run.gates:use_gate")
    use.add_argument("name", nargs="?", default="", metavar="GATE", help="none given: from all events again")

    image = verb("image", "which gate the instrument imaged from: for numbers per volume", "run.gates:name_image_gate")
    image.add_argument("name", nargs="?", default="", metavar="GATE", help="none given: not known")
    counter = "whose particle counts give cells per volume: a model, or FCS for the instrument; default: the only ones"
    image.add_argument("--counter", default="", metavar="M", help=counter)

    _add_gate_files(verb)


def _add_gate_files(verb: Callable[..., argparse.ArgumentParser]) -> None:
    """What is written of gates."""
    what = "the events of a gate: .fcs, or .csv, .parquet, .h5ad with every parameter; and which gates each is in"
    export = verb("export", what, "run.gates:export_gate")
    export.add_argument("name", nargs="?", default="", metavar="GATE", help="none given: all events")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file")
    export.add_argument("--sample", default="", metavar="SAMPLE_NAME", help="where the run has several")
    prefix = "of the parameters that tell the gates; default: %(default)s"
    export.add_argument("--prefix", default=PREFIX, help=prefix)

    what = "a picture of images of gates, drawn at random, with a scale bar: .png or .svg"
    montage = verb("montage", what, "run.montage:montage")
    montage.add_argument("names", nargs="*", metavar="GATE", help="none given: all events")
    montage.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file")
    montage.add_argument(
        "--sample", dest="samples", nargs="+", action="extend", metavar="SAMPLE_NAME", help="default: all"
    )
    number = "of each gate and sample; default: %(default)s"
    montage.add_argument("--images", type=options.positive, default=DEFAULT_MONTAGE, metavar="N", help=number)
    montage.add_argument("--seed", type=options.not_negative, default=0, metavar="N", help="of the draw; default: 0")
    overlay = "with outlines and centroids of this model's answers"
    montage.add_argument("--overlay", default="", metavar="M", help=overlay)
    options.add_device(montage)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parent", default="", metavar="GATE", help="the gate that it lies in")
    parser.add_argument("--compensated", action="store_true", help="on compensated values")


def _add_review(parser: argparse.ArgumentParser) -> None:
    """What can be stated; nothing of it given, the verdict is told and the run stays as it is."""
    parser.add_argument(
        "--step",
        choices=("assess", "evaluate"),
        default="assess",
        help="evaluate: the run's new model; default: assess",
    )
    parser.add_argument("--goal", choices=[g.name for g in GOALS], help="sets the tolerated rates")
    for rate, what in (("--p0", "plainly good: at most"), ("--p1", "intolerable: from")):
        parser.add_argument(rate, type=options.percentage, metavar="%", help=f"{what} so many percent of images wrong")
    parser.add_argument(
        "--require",
        type=options.kinds,
        metavar="KINDS",
        help="what must keep the model, of count,mask,singlets,multiplets; default: all",
    )
    parser.add_argument("--convention", metavar="TEXT", help="what counts as one particle")
    parser.add_argument("--model", metavar="M", help="to judge in step assess; default: as before, at first the base")
    parser.add_argument("--images", type=options.positive, metavar="N", help="draw and process so many random images")
    options.add_zoom(parser, of_run=True)
    times = "from the first image on that nobody has judged, show one in N of those that the model finds plain; 1: all"
    parser.add_argument("--over-sample", type=options.positive, metavar="N", help=times)
    table = "CSV: image,judgement,true_count; a count alone judges no mask"
    parser.add_argument("--judgements", type=Path, metavar="FILE", help=f"{table}; or the table of --blind-first")
    _add_blind_first(parser, "judgement", "the model's answer")
    options.add_device(parser)


def _add_blind_first(parser: argparse.ArgumentParser, word: str, answers: str) -> None:
    table = (
        f"a new file, CSV: showing,{word},true_count, telling no sample, model or count, a tenth of the images twice; "
        "counts first, then masks where it is written anew"
    )
    parser.add_argument("--blind-first", type=Path, metavar="FILE", help=table)
    pictures = f"a new folder of what is to be judged, NAME.png: {answers}; raw where blind first the count comes first"
    parser.add_argument("--pictures", type=Path, metavar="DIR", help=pictures)


def _add_pairs(parser: argparse.ArgumentParser) -> None:
    """Nothing given, what the preferences say is told and the run stays as it is."""
    images = "draw so many random images that no step has seen; both models process them"
    parser.add_argument("--images", type=options.positive, metavar="N", help=images)
    parser.add_argument("--model", default="", metavar="M", help="against the base; default: the run's new model")
    options.add_zoom(parser, of_run=True)
    out = "a new file: the pairs as CSV, for the column `better` to be filled in"
    parser.add_argument("--out", type=Path, metavar="FILE", help=out)
    _add_blind_first(parser, "better", "both answers side by side")
    words = "such a table, judged: left, right, equal, neither, unclear, skipped, or empty"
    parser.add_argument("--preferences", type=Path, metavar="FILE", help=words)
    options.add_device(parser)
