"""The model library as a table, and a model's card in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from rich.text import Text

from tui_cytpix.domain.model_card import FIGURES, ModelCard, ModelEntry
from tui_cytpix.domain.words import printable
from tui_cytpix.ui.widgets.lines.hint import heading, labelled
from tui_cytpix.ui.widgets.tables.table import Table

COLUMNS = ("", "Model", "Resolution", "Kind", "From", "TA", "VA", "Made")


class ModelTable(Table):
    """Rows are known by the model file's hash."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(COLUMNS, id=id)
        self._entries: dict[str, ModelEntry] = {}

    def show(
        self, entries: Sequence[ModelEntry], chosen: str = "", marked: Collection[str] = (), proposing: str = ""
    ) -> None:
        """Lists the models; `chosen`, `marked` and `proposing` are hashes."""
        self._entries = {entry.hash: entry for entry in entries}
        self.fill([(entry.hash, self._cells(entry, chosen, marked, proposing)) for entry in entries])

    @staticmethod
    def _cells(entry: ModelEntry, chosen: str, marked: Collection[str], proposing: str) -> list[str]:
        card = entry.card
        mark = ("●" if entry.hash == chosen else "○" if entry.hash == proposing else " ") + (
            "■" if entry.hash in marked else " "
        )
        return [
            mark,
            card.name,
            "–" if card.of_instrument else card.resolution,
            card.kind,
            card.base_name or "–",
            measure(card.measured.get("TA")),
            measure(card.measured.get("VA")),
            card.created[:10],
        ]

    @property
    def current(self) -> ModelEntry | None:
        return self._entries.get(self.cursor_key)

    def entry(self, key: str | None) -> ModelEntry | None:
        return self._entries.get(key or "")


def measure(value: Any) -> str:
    """A share as text; a dash where nothing was measured."""
    return f"{value:.2f}" if isinstance(value, int | float) else "–"


def card_lines(entry: ModelEntry) -> list[str | Text]:
    """A model's card, a line a fact; what is unknown is left out."""
    card = entry.card
    lines: list[str | Text] = [heading(card.name)]
    lines += filter(None, (card.out_of_use, card.description))
    facts = [
        ("Resolution", "" if card.of_instrument else card.resolution),
        ("Kind", _KINDS.get(card.kind, card.kind)),
        ("Started from", card.base_name),
        ("Convention", card.counting_convention),
        ("Size cutoff", f"{card.size_cutoff_um:g} µm" if card.size_cutoff_um else "none"),
        ("Pixel size", f"{card.um_per_px:g} µm" if card.um_per_px else "" if card.of_instrument else "unknown"),
        ("Sees", card.sees),
        ("Cell size", f"{card.object_px:.0f} px" if card.object_px else ""),
        *_trained_on(card),
        *_measured(card),
        ("Confidence", card.confidence_means),
        ("Kept", card.kept.in_words if card.kept else ""),
        ("Licence", card.licence),
        ("Made", f"{card.created[:10]} {card.software}".strip()),
        ("Hash", entry.hash.removeprefix("sha256:")[:16]),
        ("File", entry.path),
    ]
    lines.extend(labelled(label, value, 12) for label, value in facts if value)
    return lines + _figures(card)


_KINDS = {
    "built-in": "built-in, trained on simulated events",
    "instrument": "masks that the instrument drew, no network",
}
_TRAINING_FACTS = {
    "images": "Images",
    "training_images": "Images",
    "validation_images": "Held out",
    "epoch": "Epoch",
    "epochs_in_all": "Epochs",
    "recipe": "Recipe",
    "run": "Run",
}


def _trained_on(card: ModelCard) -> list[tuple[str, str]]:
    """What a person asks first; the rest is in the file."""
    found = [
        (label, str(card.training[key]))
        for key, label in _TRAINING_FACTS.items()
        if isinstance(card.training.get(key), str | int | float)
    ]
    listed = card.training.get("samples")
    if isinstance(listed, list):
        names = [str(s.get("name", s)) if isinstance(s, dict) else str(s) for s in listed]
        found.append(("Samples", ", ".join(names)))
    return found


def _measured(card: ModelCard) -> list[tuple[str, str]]:
    flat = ", ".join(f"{name} {measure(v)}" for name, v in card.measured.items() if isinstance(v, int | float))
    return [("Measured", flat)] if flat else []


def _figures(card: ModelCard) -> list[str | Text]:
    """What was measured against truth as a table, a line a sample type, narrow enough for the card's place."""
    rows = [(kind.replace("simulated", "sim."), values) for kind, values in card.figures]
    width = max((len(kind) for kind, _ in rows), default=0)
    head: list[str | Text] = [heading(_row("Measured on", list(FIGURES.values()), width))] if rows else []
    return head + [Text(printable(_row(kind, values, width))) for kind, values in rows]


def _row(name: str, values: list[str], width: int) -> str:
    return name.ljust(width) + "".join(value.rjust(6) for value in values)
