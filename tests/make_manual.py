"""Writes anew what the manual says of keys, verbs and parameters: `python -m tests.make_manual`.

These parts stand in their pages between two marks; what stands around them is written by hand.
"""

from __future__ import annotations

import argparse
import itertools
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from tui_cytpix.cli import main
from tui_cytpix.core.features.table import FEATURES, IMAGE, PARTICLE, Feature
from tui_cytpix.manual import FOLDER, read_page
from tui_cytpix.ui.commands.bindings import all_commands, key_text, of_scope
from tui_cytpix.ui.commands.command import Command

BEGIN, END = "<!-- made by `python -m tests.make_manual` -->", "<!-- end -->"
EVERYWHERE = ("help", "debug")  # options of every verb: told once
SCOPES = {
    "app": "Everywhere",
    "log": "The log of messages",
    "help": "In the list of keys (`?`)",
    "manual": "In the manual",
    "home": "Home: runs and samples",
    "step": "Any step, while it works",
    "table": "Tables: models, samples, runs",
    "gallery": "Gallery of images",
    "image": "One enlarged image",
    "pan": "One enlarged image, zoomed in",
    "assess": "Step 1, assess",
    "review": "Review: judging a model's images, steps 1 and 5",
    "base_model": "Step 2, base model",
    "pair": "Two answers side by side, steps 2 and 5",
    "pair_review": "Review of pairs, step 5",
    "pair_count": "Review of pairs, blind first: the count",
    "samples": "Step 3, samples",
    "similar": "Similar images: more like this",
    "train": "Step 4: the gallery",
    "training": "Step 4: the training pane",
    "editor": "Step 4: the editor",
    "cursor": "Step 4: the editor's crosshair",
    "evaluate": "Step 5, evaluate",
    "process": "Step 5: processing",
    "explore": "Explore, from steps 1, 3 and 5",
    "plot": "Explore: the crosshair",
}


def block(rows: Iterable[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
    """Columns of words in a block of code: as plain text it reads as it is, and Textual draws it at once, unlike a
    table, each cell of which is a widget.
    """
    yield "```text"
    for row in rows:
        columns = [textwrap.wrap(cell, width, break_on_hyphens=False) for cell, width in zip(row, widths, strict=True)]
        for cells in itertools.zip_longest(*columns, fillvalue=""):
            yield "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()
    yield "```"


def keys() -> Iterator[str]:
    """A block for each place, in the order of SCOPES; a command without a sentence shares that of the one before."""
    unknown = {command.scope for command in all_commands()} ^ set(SCOPES)
    assert not unknown, f"SCOPES doesn't fit the commands' scopes: {unknown}"
    for scope, title in SCOPES.items():
        rows: list[tuple[list[Command], str]] = []
        for command in of_scope(scope):
            if command.help or not rows:
                rows.append(([command], command.help or command.label))
            else:
                rows[-1][0].append(command)
        yield from ("", f"## {title}", "")
        yield from block(
            ((" ".join(key_text(c.keys) for c in some), words, " ".join(c.id for c in some)) for some, words in rows),
            (11, 29, 26),
        )


def verbs() -> Iterator[str]:
    """What each verb takes, by the parsers themselves."""
    for name, verb in main.VERBS.items():
        parser = verb.parser(f"{main.PROGRAM} {name}")
        yield from _verb(parser, parser.description or "")


def _verb(parser: argparse.ArgumentParser, what: str) -> Iterator[str]:
    own: list[tuple[str, str]] = []
    inner: list[tuple[argparse.ArgumentParser, str]] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            words = {one.dest: one.help or "" for one in action._choices_actions}
            inner += [(verb, words[name]) for name, verb in action.choices.items()]
        elif action.dest not in EVERYWHERE:
            own.append((_given(action), (action.help or "") % vars(action)))
    yield from ("", f"### {parser.prog}", "", f"{what[0].upper()}{what[1:].rstrip('.')}.".replace("%%", "%"), "")
    if own:
        yield from block(own, (24, 44))
    for verb, does in inner:
        yield from _verb(verb, does)


def _given(action: argparse.Action) -> str:
    names = " | ".join(action.choices) if action.choices else action.metavar or action.dest.upper()
    value = "" if action.nargs == 0 else " ".join([names] if isinstance(names, str) else names)
    return f"{' '.join(action.option_strings)} {value}".strip()


def parameters() -> Iterator[str]:
    """All of the feature table; what follows the first semicolon of a formula is said once for all that share it."""
    for shared, features in itertools.groupby(FEATURES, lambda feature: feature.formula.partition("; ")[2]):
        yield from ("", f"**{shared or 'Counts, places, quality'}:**", "")
        yield "```text"
        for feature in features:
            of = "" if feature.levels == (IMAGE, PARTICLE) else f", of {' and '.join(feature.levels)} only"
            yield f"{feature.name} [{feature.unit}]{of}"
            formula = f"{feature.label}: {feature.formula.partition('; ')[0]}"
            for text in (formula, f"source: {feature.source}", *_range(feature)):
                yield from textwrap.wrap(text, 70, initial_indent="    ", subsequent_indent="    ")
        yield "```"


def _range(feature: Feature) -> list[str]:
    """Of those that an FCS has."""
    return [f"$PnR: {feature.range.above}, {feature.range.why}"] if IMAGE in feature.levels else []


MADE = {"keys": keys, "headless": verbs, "parameters": parameters}


def made(page: str) -> str:
    """The page as it should be."""
    before, _, rest = read_page(page).partition(BEGIN)
    after = rest.partition(END)[2]
    assert after, f"{page}.md lacks the marks"
    return before + "\n".join([BEGIN, *MADE[page](), "", END]) + after


if __name__ == "__main__":
    for name in MADE:
        (FOLDER / f"{name}.md").write_text(made(name), "utf-8")
        print(FOLDER / f"{name}.md")
