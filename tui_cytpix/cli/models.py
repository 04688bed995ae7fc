"""`models list|show|import|export`: the model library."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from tui_cytpix.cli.output import say, say_json, table, tell
from tui_cytpix.domain.model_card import FIGURES, ModelEntry
from tui_cytpix.workflow.base_model.library import export_model as give
from tui_cytpix.workflow.base_model.library import find, library
from tui_cytpix.workflow.base_model.library import import_model as take


def _as_dict(model: ModelEntry) -> dict[str, Any]:
    return {**asdict(model.card), "path": model.path, "hash": model.hash}


def list_models(arguments: argparse.Namespace) -> int:
    models = library()
    header = ("name", "kind", "resolution", "base", "made", "description")
    rows = [
        (
            m.card.name,
            m.card.kind,
            "-" if m.card.of_instrument else m.card.resolution,
            m.card.base_name or "-",
            m.card.created[:10],
            _first_sentence(m.card.out_of_use or m.card.description),
        )
        for m in models
    ]
    tell(arguments.json, {"models": [_as_dict(m) for m in models]}, *table(header, rows))
    return 0


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].removesuffix(".")


def show_model(arguments: argparse.Namespace) -> int:
    found = find(arguments.model)
    model = _as_dict(found)
    if arguments.json:
        say_json(model)
        return 0
    if found.card.out_of_use:
        say(found.card.out_of_use)
    figures, kept = found.card.figures, found.card.kept
    if figures:
        model["measured"] = {k: v for k, v in model["measured"].items() if not isinstance(v, dict)}
    made_with = found.card.provenance
    model["provenance"] = made_with and made_with.in_words  # the hashes themselves are in the JSON
    told = {"sees": found.card.sees, "kept": kept.in_words if kept else "", "confidence": found.card.confidence_means}
    for name, value in {**model, **told}.items():
        if isinstance(value, dict) and value:
            say(f"{name}:", *(f"  {k}: {v}" for k, v in value.items()))
        elif value not in ("", None, {}):
            say(f"{name}: {value}")
    if figures:
        say(*table(("measured on", *FIGURES.values()), [(kind, *values) for kind, values in figures]))
    return 0


def import_model(arguments: argparse.Namespace) -> int:
    model = take(arguments.file, arguments.name)
    tell(arguments.json, _as_dict(model), f"{model.card.name}: {model.path}")
    return 0


def export_model(arguments: argparse.Namespace) -> int:
    path = give(find(arguments.model), arguments.out)
    tell(arguments.json, {"path": str(path)}, path)
    return 0
