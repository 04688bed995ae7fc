"""`manual [PAGE]`: a page of the manual, the list of pages, or a recipe."""

from __future__ import annotations

import argparse
import sys

from tui_cytpix.cli.output import say
from tui_cytpix.manual import read_page, recipes


def manual(arguments: argparse.Namespace) -> int:
    text = read_page(arguments.page)
    if arguments.page not in recipes() and sys.stdout is not None and sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(text, hyperlinks=False))
    else:
        say(*text.splitlines())
    return 0
