"""`compare SAMPLE ... --model A [--model B ...] [--truth DIR]`: models against truth, or against each other."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from tui_cytpix.cli import options
from tui_cytpix.cli.output import Progress, note, percent, say, say_json, table
from tui_cytpix.workflow.base_model.compare import CompareRequest
from tui_cytpix.workflow.base_model.compare import compare as run

ERROR = 0.05
FEW = 4  # samples: below, intervals over them are hardly of use
_NO_COUNTS = "one of them tells no counts"
_MEASURES = {
    "count_accuracy": "count accuracy",
    "singlet_specificity": "singlet specificity",
    "multiplet_sensitivity": "multiplet sensitivity",
    "centroid_f1": "centroid F1",
    "foreground_iou": "foreground IoU",
    "ap50": "AP50",
}


def compare(arguments: argparse.Namespace) -> int:
    request = CompareRequest(
        samples=tuple(arguments.samples),
        models=tuple(arguments.models),
        truth=tuple(arguments.truth),
        labels=options.label_options(arguments),
        um_per_px=arguments.um_per_px,
        channel=arguments.channel,
        only=tuple(arguments.only),
        close_gaps=arguments.close_gaps,
        images=arguments.images,
        seed=arguments.seed,
        device=arguments.device,
        threads=arguments.threads,
        zoom=arguments.zoom,
    )
    with Progress("comparing") as progress:
        found = run(request, progress)
    note(*found["notes"])
    if arguments.json:
        say_json(found)
    elif request.truth:
        _tell_scores(found)
    else:
        _tell_agreement(found)
    note(*(f"failed: {failure['image']}: {failure['reason']}" for failure in found["failures"]))
    return 1 if found["failures"] else 0


def _with_interval(measures: Mapping[str, Any], name: str) -> str:
    if measures[name] is None:
        return percent(None)
    low, high = measures[f"{name}_ci"]
    return f"{percent(measures[name])} ({percent(low)} to {percent(high)})"


def _tell_scores(found: Mapping[str, Any]) -> None:
    models = found["models"]
    rows = [(label, *(_with_interval(m, name) for m in models)) for name, label in _MEASURES.items()]
    say(*table((f"{found['images']} images", *(m["model"] for m in models)), rows))
    for pair in found["pairs"]:
        say(
            f"{pair['a']} against {pair['b']}: {_counts_apart(pair)}; "
            f"foreground IoU {_difference(pair, 'foreground_iou_difference', '{:+.3f}')}"
        )
    say(f"In brackets: 95 % confidence intervals {_over(found)}.")


def _counts_apart(pair: Mapping[str, Any]) -> str:
    if pair["count_only_a_right"] is None:
        return _NO_COUNTS
    right = (
        f"count right only in the first on {pair['count_only_a_right']} images, "
        f"only in the second on {pair['count_only_b_right']}"
    )
    if pair["count_least_p"] is None:
        return f"{right}; McNemar p = {pair['count_p']:.3g}"
    least = f"; so few samples give none below {pair['count_least_p']:.3g}" if pair["count_least_p"] > ERROR else ""
    apart = _difference(pair, "count_difference", "{:+.1%}")
    return f"{right}; difference {apart}, exact sign-flip test p = {pair['count_p']:.3g}{least}"


def _difference(pair: Mapping[str, Any], name: str, form: str) -> str:
    ends = pair[f"{name}_ci"]
    if pair[name] is None or None in ends:
        return "not known"
    value, low, high = (form.format(one) for one in (pair[name], *ends))
    return f"{value} ({low} to {high})"


def _over(found: Mapping[str, Any]) -> str:
    if found["over"] == "images":
        return "over the images of one sample: they don't tell how much another tube differs"
    few = (
        "; so few say little of others: one by itself has an interval over its images" if found["samples"] < FEW else ""
    )
    return f"over {found['samples']} samples, each taken for an independent unit (culture, donor, animal){few}"


def _counted(model: Mapping[str, Any]) -> tuple[object, ...]:
    """Particles and images with a multiplet, `-` of a model that tells no counts."""
    return tuple("-" if model[name] is None else model[name] for name in ("particles", "multiplet_images"))


def _tell_agreement(found: Mapping[str, Any]) -> None:
    rows = [(m["model"], m["images"], *_counted(m)) for m in found["models"]]
    say(*table(("model", "images", "particles", "images with a multiplet"), rows))
    for pair in found["pairs"]:
        share = _with_interval(pair, "counts_differing_share")
        differing = f"counts differ on {pair['counts_differing']} of {pair['images']} images, {share}"
        counts = _NO_COUNTS if pair["counts_differing"] is None else differing
        say(f"{pair['a']} and {pair['b']}: {counts}; foreground IoU {_with_interval(pair, 'foreground_iou')}")
    say(f"In brackets: 95 % confidence intervals {_over(found)}.")
    say("Without truth this says where models differ, not which is right.")
