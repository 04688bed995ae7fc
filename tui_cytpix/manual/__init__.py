"""The manual: Markdown pages, read in the app (`?`, then `m`), by `tui-cytpix manual [PAGE]` and on the forge.

Beside the pages lie recipes, files to copy and use (`tui-cytpix manual process.nf`): the page *cluster* says what for.
`python -m tests.make_manual` writes anew what stands in them between marks: keys, verbs, parameters.
"""

from __future__ import annotations

import re
from pathlib import Path

from tui_cytpix.domain.words import did_you_mean
from tui_cytpix.errors import UsageError

FOLDER = Path(__file__).parent
CONTENTS = "README"  # the page that lists the others
RECIPES = FOLDER / "recipes"


def pages() -> dict[str, str]:
    """What each page is about, by its name, in the order of the list of pages."""
    return dict(re.findall(r"^- \[(.+)\]\(\1\.md\): (.+)$", read_page(CONTENTS), re.M))


def recipes() -> list[str]:
    """The names of the recipes."""
    return sorted(path.name for path in RECIPES.iterdir())


def read_page(name: str) -> str:
    """A page's Markdown, or a recipe; a page's name may end in `.md`, as links do.

    Raises:
        UsageError: there is no such page.
    """
    found = {path.stem: path for path in FOLDER.glob("*.md")} | {path.name: path for path in RECIPES.iterdir()}
    stem = name.removesuffix(".md")
    if stem not in found:
        there = f"Its pages are: {', '.join(pages())}; its recipes: {', '.join(recipes())}."
        raise UsageError("The manual has no such page", f"{name!r}.", did_you_mean(stem, found) or there)
    return found[stem].read_text("utf-8")
