"""`manual [PAGE]`: a page of the manual, or the list of pages."""

from __future__ import annotations

import argparse
import sys

from tui_cytpix.cli import options
from tui_cytpix.cli.output import say
from tui_cytpix.manual import CONTENTS, read_page


def parser(prog: str) -> argparse.ArgumentParser:
    """The verb's command line."""
    parser = options.Parser(prog=prog, description="Shows a page of the manual: laid out on a terminal, else Markdown.")
    parser.add_argument("page", nargs="?", default=CONTENTS, metavar="PAGE", help="default: the list of pages")
    parser.set_defaults(handler=manual)
    return parser


def manual(arguments: argparse.Namespace) -> int:
    """Shows it."""
    text = read_page(arguments.page)
    if sys.stdout is not None and sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(text, hyperlinks=False))
    else:
        say(*text.splitlines())
    return 0
