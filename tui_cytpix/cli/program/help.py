"""`help [VERB ...]`: what `--help` says."""

from __future__ import annotations

import argparse

from tui_cytpix.cli.command_line import app_parser, parser_of
from tui_cytpix.cli.output import say


def tell(arguments: argparse.Namespace) -> int:
    parser = parser_of(arguments.verbs) if arguments.verbs else app_parser()
    say(*parser.format_help().splitlines())
    return 0
