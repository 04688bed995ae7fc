"""What the editor says beside the image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from rich.style import Style
from rich.text import Text

from tui_cytpix.domain.annotation import MIN_ANNOTATED, Annotation, AnnotationBook, Side, Status
from tui_cytpix.domain.run_settings import RunSettings
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.words import printable
from tui_cytpix.workflow.annotate.anatomy import Anatomy, ObjectPart
from tui_cytpix.workflow.annotate.tool import nearest_centroid

DIM, BOLD = Style(dim=True), Style(bold=True)
_WORDS = {
    Status.OPEN: "open",
    Status.ACCEPTED: "✓ accepted",
    Status.REJECTED: "✗ rejected",
    Status.AMBIGUOUS: "? indistinguishable",
}


@dataclass(frozen=True)
class Shown:
    """All that the lines are made of."""

    key: ImageKey
    place: int
    images: int
    state: Annotation
    anatomy: Anatomy | None
    cursor: tuple[float, float]
    um_per_px: float | None
    zoom: float
    message: str
    one_mask: bool = False
    wide: bool = False
    tool: str = ""  # the pen that is down
    aside: tuple[str, ...] = ()


def lines(shown: Shown, book: AnnotationBook, key: Callable[[str], str]) -> list[Text]:
    """One line each, most wanted first; `key` gives a command's key."""
    return [
        Text(printable(shown.key.event), BOLD),
        Text(f"{printable(shown.key.sample)} · {shown.place + 1}/{shown.images}", DIM),
        *_status(shown.state),
        Text(),
        *_counts(shown, key),
        Text(),
        *_position(shown, key),
        Text(),
        *_progress(book),
    ]


def paragraphs(shown: Shown, settings: RunSettings) -> list[Text]:
    convention = printable(settings.assess.counting_convention) or "no convention is written down (step 1)."
    said = [Text(printable(shown.message), Style(bold=True))] if shown.message else []
    aside = [Text(printable(words)) for words in shown.aside]
    return [*said, *aside, Text(f"Counting: {convention}")]


def _status(state: Annotation) -> list[Text]:
    words = _WORDS[state.status]
    if state.status is Status.ACCEPTED:
        words += ", corrected" if state.corrected else " as it was"
    elif state.segmentation is None:
        words = "waits for the model"
    elif state.corrected:
        words += ", changed"
    found = [Text(words, BOLD)]
    when = f"{datetime.fromtimestamp(state.time):%d %b %H:%M}"
    found.append(Text(f"{printable(state.who)} {when}" if state.time else "not touched yet", DIM))
    found.append(Text("" if state.side is None else f"side: {state.side}", DIM))
    return found


def _counts(shown: Shown, key: Callable[[str], str]) -> list[Text]:
    anatomy = shown.anatomy
    if anatomy is None:
        return [Text("no particles yet"), Text(), Text(), Text()]
    particles = len(anatomy.offsets_px)
    found = [Text(f"{particles} particle{'s' * (particles != 1)}, {_objects(len(anatomy.objects))}", BOLD)]
    here, nearest = anatomy.object_at(shown.cursor), anatomy.nearest_object(shown.cursor)
    found.extend(_object(nearest, shown.um_per_px, here is None) if nearest is not None else [Text(), Text()])
    off = anatomy.off_centre
    warning = f"! {len(off)} off centre: {key('editor.centre-all')}" if off else _offset(shown)
    found.append(Text(warning))
    return found


def _offset(shown: Shown) -> str:
    """How far the centroid nearest to the crosshair is from its particle's centre."""
    state, anatomy = shown.state, shown.anatomy
    nearest = None if state.segmentation is None else nearest_centroid(state.segmentation, shown.cursor)
    if anatomy is None or nearest is None or nearest >= len(anatomy.offsets_px):
        return ""
    offset = float(anatomy.offsets_px[nearest])
    in_um = "" if shown.um_per_px is None else f" = {offset * shown.um_per_px:.1f} µm"
    sure = f", confidence {anatomy.confidence[nearest]:.2f}" if len(anatomy.confidence) else ""
    return f"off by {offset:.1f} px{in_um}{sure}"


def _objects(number: int) -> str:
    return f"{number} object{'s' * (number != 1)}"


def _object(part: ObjectPart, um_per_px: float | None, beside: bool) -> list[Text]:
    """The object at the crosshair, or the one that a digit means where there is none."""
    area = f"{part.area_px} px"
    if um_per_px is not None:
        area += f" = {part.area_px * um_per_px**2:.1f} µm²"
    return [Text(f"{'by ' * beside}object {part.number}: clump {len(part.particles)}"), Text(f"area {area}")]


def _position(shown: Shown, key: Callable[[str], str]) -> list[Text]:
    y, x = shown.cursor
    scale = shown.um_per_px
    in_um = "µm unknown (step 3)" if scale is None else f"{y * scale:.1f} {x * scale:.1f} µm"
    in_px = f"y {y:.0f} x {x:.0f} px"
    # One line where it fits: each line that changes costs bytes at every move.
    found = [Text(f"{in_px}, {in_um}"), Text()] if shown.wide else [Text(in_px), Text(in_um, DIM)]
    outlines = f"{key('editor.tighten')} {key('editor.loosen')}: {'one' if shown.one_mask else 'all'}"
    found.append(Text(f"zoom {shown.zoom:g}×, {shown.tool or outlines}", DIM))
    return found


def _progress(book: AnnotationBook) -> list[Text]:
    accepted, held_out = len(book.accepted()), len(book.side(Side.VALIDATION))
    enough = " ✓" if book.ready_to_train() is None else ""
    of_least = f" of {MIN_ANNOTATED}" if accepted < MIN_ANNOTATED else ""
    return [
        Text(f"{accepted}{of_least} annotated{enough}", BOLD),
        Text(f"{accepted - held_out} train · {held_out} validate", DIM),
    ]
