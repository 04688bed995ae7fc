"""What a gallery can be sorted or filtered by, as rows to choose from."""

from __future__ import annotations

from functools import partial
from typing import Literal

from rich.style import Style
from rich.text import Text

from tui_cytpix.domain.words import printable
from tui_cytpix.ui.widgets.gallery.gallery import Gallery
from tui_cytpix.ui.widgets.panels.choice_panel import Choice
from tui_cytpix.workflow.run.measures import properties


def gallery_choices(gallery: Gallery, kind: Literal["sort", "filter"]) -> list[Choice]:
    if kind == "filter":
        found = gallery.order.choices()
        return [
            Choice(partial(gallery.show_only, choice), Text(printable(choice.name)), choice.name) for choice in found
        ]
    rows = []
    for known in properties():
        row = Text.assemble((f"{known.name:<32} ", Style(bold=True)), (f"{known.label}, {known.unit}", Style(dim=True)))
        rows.append(Choice(partial(gallery.sort_by, known.name), row, f"{known.name} {known.label}"))
    return rows
