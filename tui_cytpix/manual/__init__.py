"""The manual: Markdown pages, read in the app (`?`, then `m`), by `tui-cytpix manual [PAGE]` and on the forge.

`python -m tests.make_manual` writes anew what stands in them between marks: keys, verbs, parameters.
"""

from __future__ import annotations

import re
from pathlib import Path

from tui_cytpix.errors import UsageError

FOLDER = Path(__file__).parent
CONTENTS = "README"  # the page that lists the others


def pages() -> dict[str, str]:
    """What each page is about, by its name, in the order of the list of pages."""
    return dict(re.findall(r"^- \[(.+)\]\(\1\.md\): (.+)$", read_page(CONTENTS), re.M))


def read_page(name: str) -> str:
    """A page's Markdown; its name may end in `.md`, as links do.

    Raises:
        UsageError: there is no such page.
    """
    stem = name.removesuffix(".md")
    if stem not in {path.stem for path in FOLDER.glob("*.md")}:
        raise UsageError("The manual has no such page", f"{name!r}.", f"Its pages are: {', '.join(pages())}.")
    return (FOLDER / f"{stem}.md").read_text("utf-8")
