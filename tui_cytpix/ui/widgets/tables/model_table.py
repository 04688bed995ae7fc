"""The model library as a table, and a model's card in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from tui_cytpix.domain.model_card import FIGURES, ModelCard, ModelEntry
from tui_cytpix.domain.words import printable
from tui_cytpix.ui.widgets.lines.hint import heading, labelled
from tui_cytpix.ui.widgets.tables.table import Table

COLUMNS = ("", "Model", "Made for", "Right here", "Per 1000", "Sees")
AT = COLUMNS.index("Made for")
MADE_FOR = 20  # characters at least


class ModelTable(Table):
    """Rows are known by the model file's hash."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(COLUMNS, id=id)
        self._entries: dict[str, ModelEntry] = {}
        self._listed: list[tuple[str, tuple[str, ...]]] = []
        self._made_for = 0

    def show(
        self,
        entries: Sequence[ModelEntry],
        chosen: str = "",
        marked: Collection[str] = (),
        proposing: str = "",
        here: Mapping[str, tuple[str, str]] = MappingProxyType({}),
    ) -> None:
        """Lists the models; `chosen`, `marked` and `proposing` are hashes, `here` has by hash how often counts are
        expected to be right on this run's samples, and what 1000 images took in this session; "" where nobody knows.
        """
        self._entries = {entry.hash: entry for entry in entries}
        self._listed = []
        for entry in entries:
            right, pace = here.get(entry.hash, ("", ""))
            mark = "●" if entry.hash == chosen else "○" if entry.hash == proposing else " "
            cells = (
                f"{mark}{'■' if entry.hash in marked else ' '}",
                entry.card.name,
                made_for(entry.card),
                right or "?",
                pace or "?",
                sees(entry.card),
            )
            self._listed.append((entry.hash, cells))
        self._fit()

    def on_resize(self) -> None:
        """There is more room for what models were made for, or less."""
        if self._listed and self._room() != self._made_for:
            self._fit()

    def _room(self) -> int:
        """What the other columns leave of the table's width."""
        taken = sum(
            max(cell_len(words) for words in column) + 2 * self.cell_padding
            for place, column in enumerate(zip(COLUMNS, *(cells for _, cells in self._listed), strict=True))
            if place != AT
        )
        bar = self.styles.scrollbar_size_vertical if len(self._listed) >= self.size.height else 0
        return max(MADE_FOR, self.size.width - taken - 2 * self.cell_padding - bar)

    def _fit(self) -> None:
        room = self._made_for = self._room()
        self.ordered_columns[AT].content_width = 0  # Textual only ever widens it
        self.fill([(key, (*cells[:AT], cut(cells[AT], room), *cells[AT + 1 :])) for key, cells in self._listed])

    @property
    def current(self) -> ModelEntry | None:
        return self._entries.get(self.cursor_key)

    def entry(self, key: str | None) -> ModelEntry | None:
        return self._entries.get(key or "")


def cut(text: str, width: int) -> str:
    """Its beginning."""
    return text if len(text) <= width else f"{text[: width - 1].rstrip(' ,')}…"


def made_for(card: ModelCard) -> str:
    """Which cells, in a few words: the first sentence of its card."""
    return card.description.partition(". ")[0].removesuffix(".") or card.kind


def sees(card: ModelCard) -> str:
    """Its resolution, and the scale where images of known scale are brought to one."""
    if card.of_instrument:
        return "–"
    scale = f" {card.network_um_per_px:g} µm" if card.network_um_per_px else ""
    return f"{card.resolution}{scale}"


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
