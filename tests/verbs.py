"""The command lines of all verbs, for tests of several rooms."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from tui_cytpix.cli.command_line import VERBS


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parser, and those of all verbs within it."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from parsers(inner)


def handlers() -> list[str | None]:
    """Of every verb, and of every verb within one, what it calls (`module:function` in `cli`)."""
    return [parser.get_default("handler") for name, verb in VERBS.items() for parser in parsers(verb.parser(name))]
