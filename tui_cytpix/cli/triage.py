"""`triage SAMPLE ...`: all models ranked on a sample, without a review."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from tui_cytpix.cli import options
from tui_cytpix.cli.output import Progress, note, percent, say, say_json, table
from tui_cytpix.domain.plain_values import to_plain
from tui_cytpix.workflow.assess.triage import ESTIMATE, SampleTriage, TriageRequest, in_words, seen_in_words
from tui_cytpix.workflow.assess.triage import triage as run

_SIGNS = {
    "unsure": "unsure",
    "wavering": "wavers",
    "apart": "unlike general",
    "resolution": "half/full differ",
    "unlike": "unfamiliar",
}


def triage(arguments: argparse.Namespace) -> int:
    request = TriageRequest(
        samples=tuple(arguments.samples),
        models=tuple(arguments.models),
        um_per_px=arguments.um_per_px,
        channel=arguments.channel,
        images=arguments.images,
        seed=arguments.seed,
        device=arguments.device,
        threads=arguments.threads,
        gate=options.gate_of(arguments),
        zoom=arguments.zoom,
    )
    with Progress("asking the models") as progress:
        found = run(request, progress)
    note(*(f"{one.name}: {problem}" for one in found for problem in one.problems))
    if arguments.json:
        say_json({"samples": [_as_dict(one) for one in found], "note": ESTIMATE})
        return 0
    for one in found:
        _tell(one)
    say(ESTIMATE)
    return 0


def _as_dict(found: SampleTriage) -> dict[str, Any]:
    return {
        "sample": found.name,
        "path": str(found.path),
        "images": found.images,
        "trusted": found.trusted,
        "crowded": found.crowded,
        "notes": found.notes,
        "models": [
            {
                "model": one.model.card.name,
                "hash": one.model.hash,
                "expected_count_error": one.expected,
                "expected_count_error_ci": [one.low, one.high],
                "signs": one.signs._asdict(),
                "seen": asdict(one.zoom),
            }
            for one in found.models
        ],
        "problems": found.problems,
        "doubtful": [to_plain(one) for one in found.doubtful],
    }


def _tell(found: SampleTriage) -> None:
    rows = []
    for one in found.models:
        signs = [percent(getattr(one.signs, name)) for name in _SIGNS]
        rows.append((one.model.card.name, f"{one.expected:.0%} ({one.low:.0%} to {one.high:.0%})", *signs))
    say(f"{found.name}: {found.images} images", *table(("model", "counts wrong", *_SIGNS.values()), rows))
    say(in_words(found), *found.notes, seen_in_words(found))
    if found.doubtful:
        best = found.models[0].model.card.name
        told = (f"{one.image.event} ({best} counts {one.counts[best]}: {one.why})" for one in found.doubtful)
        say("Most doubtful images: " + "; ".join(told) + ".")
