"""How step 4's gallery shows an image: as annotated, or as the newest model sees it."""

from __future__ import annotations

from tui_cytpix.domain.annotation import Annotation, Side, Status
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.ui.widgets.gallery.gallery import GalleryItem, Tone
from tui_cytpix.ui.widgets.panels.help_panel import Legend

FLIPS = "↔"
LEGEND: Legend = (
    ("✓", "accepted as the model had it"),
    ("✎", "accepted, corrected; v: held back for VA"),
    ("✗", "rejected"),
    ("?", "ambiguous"),
    (FLIPS, "its count flips while the model trains"),
    ("↑ ↓", "its count rose, fell since the look before"),
    ("2→1", "count of the base, of the model in training"),
    ("■", "marked"),
)
_TONES: dict[Status, Tone] = {Status.ACCEPTED: "good", Status.REJECTED: "muted", Status.AMBIGUOUS: "warn"}


def badge(flips: bool, change: int) -> str:
    """`↔` for an image whose count flips; `↑` or `↓` where it rose or fell between the last two looks."""
    return (FLIPS if flips else "") + ("↑" if change > 0 else "↓" if change < 0 else "")


def preview_item(
    state: Annotation, base: Segmentation | None, now: Segmentation | None, flips: bool, change: int = 0
) -> GalleryItem:
    """`base` is the base model's answer, `now` that of the model in training; None where they were not asked. An open
    image whose count changed since the base is captioned `2→1`.
    """
    mark = badge(flips, change)
    if state.status is Status.OPEN:
        shown = state.segmentation or now or base
        changed = base is not None and now is not None and base.particle_count != now.particle_count
        caption = f"{base.particle_count}→{now.particle_count}" if changed and base and now else ""
        return GalleryItem(state.image, shown, mark, "warn" if flips else "", caption)
    shown = state.segmentation or base
    count = "" if shown is None else str(shown.particle_count)
    return GalleryItem(state.image, shown, mark, _TONES[state.status], f"{_mark(state)} {count}".strip(), state.status)


def _mark(state: Annotation) -> str:
    if state.status is Status.ACCEPTED:
        return ("✎" if state.corrected else "✓") + ("v" if state.side is Side.VALIDATION else "")
    return "✗" if state.status is Status.REJECTED else "?"
