"""`models list|show|import|export`: the model library."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_cytpix.cli import options
from tui_cytpix.cli.output import say, say_json, table
from tui_cytpix.domain.model_card import FIGURES
from tui_cytpix.domain.words import printable

if TYPE_CHECKING:
    from tui_cytpix.domain.model_card import ModelEntry


def parser(prog: str) -> argparse.ArgumentParser:
    """The verb's command line."""
    parser = options.Parser(prog=prog, description="The model library: built-in models and yours.")
    options.add_json(parser)
    parser.set_defaults(handler=list_models)
    actions = parser.add_subparsers(metavar="list | show | import | export", parser_class=options.Parser)

    listed = actions.add_parser("list", help="all models (the default)")
    listed.set_defaults(handler=list_models)

    show = actions.add_parser("show", help="a model's card")
    show.add_argument("model", metavar="M", help="a library name or a model file")
    show.set_defaults(handler=show_model)

    take = actions.add_parser("import", help="copy a model file into your library")
    take.add_argument("file", type=Path, metavar="FILE")
    take.add_argument("--name", default="", help="the name in the library; default: the card's")
    take.set_defaults(handler=import_model)

    give = actions.add_parser("export", help="copy a model to a file to share")
    give.add_argument("model", metavar="M", help="a library name or a model file")
    give.add_argument("out", type=Path, metavar="OUT", help="a file, or a folder to put it in; NAME.onnx for ONNX")
    give.set_defaults(handler=export_model)
    for action in (listed, show, take, give):
        # SUPPRESS: a default here would undo `models --json list`.
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="the result as JSON")
    return parser


def _as_dict(model: ModelEntry) -> dict[str, Any]:
    return {**asdict(model.card), "path": model.path, "hash": model.hash}


def list_models(arguments: argparse.Namespace) -> int:
    """One line a model."""
    from tui_cytpix.workflow.base_model.library import library

    models = library()
    if arguments.json:
        say_json({"models": [_as_dict(m) for m in models]})
        return 0
    rows = [
        (
            m.card.name,
            m.card.kind,
            m.card.resolution,
            m.card.base_name or "-",
            m.card.created[:10],
            _first_sentence(m.card.out_of_use or m.card.description),
        )
        for m in models
    ]
    say(*table(("name", "kind", "resolution", "base", "made", "description"), rows))
    return 0


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].removesuffix(".")


def show_model(arguments: argparse.Namespace) -> int:
    """The whole card."""
    from tui_cytpix.workflow.base_model.library import find

    found = find(arguments.model)
    model = _as_dict(found)
    if arguments.json:
        say_json(model)
        return 0
    if found.card.out_of_use:
        say(found.card.out_of_use)
    figures = found.card.figures
    if figures:
        model["measured"] = {k: v for k, v in model["measured"].items() if not isinstance(v, dict)}
    for name, value in {**model, "sees": found.card.sees}.items():
        if isinstance(value, dict) and value:
            say(f"{name}:", *(f"  {k}: {v}" for k, v in value.items()))
        elif value not in ("", None, {}):
            say(f"{name}: {value}")
    if figures:
        say(*table(("measured on", *FIGURES.values()), [(kind, *values) for kind, values in figures]))
    return 0


def import_model(arguments: argparse.Namespace) -> int:
    """Copies a file in."""
    from tui_cytpix.workflow.base_model.library import import_model as take

    model = take(arguments.file, arguments.name)
    if arguments.json:
        say_json(_as_dict(model))
    else:
        say(f"{model.card.name}: {printable(model.path)}")
    return 0


def export_model(arguments: argparse.Namespace) -> int:
    """Copies a file out."""
    from tui_cytpix.workflow.base_model.library import export_model as give
    from tui_cytpix.workflow.base_model.library import find

    path = give(find(arguments.model), arguments.out)
    if arguments.json:
        say_json({"path": str(path)})
    else:
        say(path)
    return 0
