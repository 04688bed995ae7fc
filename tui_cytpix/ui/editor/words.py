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
    tool: str = ""  # the pen that is down
    aside: tuple[str, ...] = ()
    can_train: bool = False  # no training is at work


def lines(shown: Shown, book: AnnotationBook, key: Callable[[str], str]) -> list[Text]:
    """One line each, most wanted first; `key` gives a command's key."""
    return [
        Text(printable(shown.key.event), BOLD),
        Text(f"{printable(shown.key.sample)} · {shown.place + 1}/{shown.images}", DIM),
        *_status(shown.state),
        Text(),
        *_counts(shown),
        Text(),
        *_progress(book, shown, key),
        _position(shown),
    ]


def paragraphs(shown: Shown, settings: RunSettings, key: Callable[[str], str]) -> list[Text]:
    """What the last key did, what can be done here, what there is to know."""
    convention = printable(settings.assess.counting_convention) or "no convention is written down (step 1)."
    said = [Text(printable(shown.message), Style(bold=True))] if shown.message else []
    aside = [Text(printable(words)) for words in shown.aside]
    return [*said, key_card(shown, key), *aside, Text(f"Counting convention: {convention}")]


def key_card(shown: Shown, key: Callable[[str], str]) -> Text:
    """The keys that this image needs, in the order in which one asks: how many, is it right, what is odd about it."""
    anatomy = shown.anatomy
    rows = [(f"{key('editor.count-1')}-{key('editor.count-9')}", "how many are here")]
    if anatomy is None:
        rows = []
    elif not len(anatomy.offsets_px):
        rows = [(key("editor.place"), "mark one here"), (key("editor.wand"), "outline it")]
    rows += [(key("editor.accept"), "Accept: it is right"), (key("editor.reject"), "Reject: leave it out")]
    if anatomy is not None:
        rows += _for_what_is_odd(anatomy, shown.one_mask, key)
    if shown.state.corrected:
        rows.append((key("editor.undo"), "undo"))
    rows.append((key("app.help"), "all keys"))
    card = Text()
    for place, (cap, words) in enumerate(rows):
        card.append("\n" if place else "").append(f"{cap:<4}", BOLD).append(words)
    return card


def _for_what_is_odd(anatomy: Anatomy, one_mask: bool, key: Callable[[str], str]) -> list[tuple[str, str]]:
    rows = []
    if anatomy.off_centre:
        rows.append((key("editor.centre-all"), "centre the marks"))
    if anatomy.unclaimed or anatomy.doubtful or anatomy.specks:
        rows.append((key("editor.next-odd"), "next doubtful place"))
    if len(anatomy.offsets_px) > 1:
        rows.append((key("editor.next-particle"), "next particle"))
        rows.append((key("editor.delete"), "take its mark off"))
    if anatomy.objects:
        caps = f"{key('editor.tighten')} {key('editor.loosen')}"
        rows.append((caps, f"{'one' if one_mask else 'all'}: tighter, wider"))
    return rows


def _status(state: Annotation) -> list[Text]:
    words = _WORDS[state.status]
    if state.status is Status.ACCEPTED:
        words += ", corrected" if state.corrected else " as it was"
    elif state.segmentation is None:
        words = "waits for the model"
    elif state.corrected:
        words += ", changed"
    touched = (
        f"{printable(state.who)} {datetime.fromtimestamp(state.time):%d %b %H:%M}" if state.time else "not touched yet"
    )
    side = "" if state.side is None else f" · {state.side}"
    return [Text(words, BOLD), Text(f"{touched}{side}", DIM)]


def _counts(shown: Shown) -> list[Text]:
    """How many in the image; and of several objects, what lies at the crosshair, or is nearest to it."""
    anatomy = shown.anatomy
    if anatomy is None:
        return [Text("no particles yet"), Text()]
    particles, objects = len(anatomy.offsets_px), len(anatomy.objects)
    what = _called(particles) if objects == 1 else f"{objects} objects"
    found = [Text(f"{particles} particle{'s' * (particles != 1)}, {what}", BOLD)]
    part = anatomy.nearest_object(shown.cursor)
    if part is None:
        return [*found, Text()]
    where = "" if objects == 1 else "here: " if anatomy.object_at(shown.cursor) is not None else "nearest: "
    called = "" if objects == 1 else f"{_called(len(part.particles))}, "
    scale = shown.um_per_px
    area = f"{part.area_px} px" if scale is None else f"{part.area_px * scale**2:.1f} µm²"
    return [*found, Text(f"{where}{called}{area}{_doubt(shown, part)}")]


def _called(particles: int) -> str:
    """As one says at the cytometer."""
    return {0: "no particle", 1: "singlet", 2: "doublet"}.get(particles, f"clump of {particles}")


def _doubt(shown: Shown, part: ObjectPart) -> str:
    """How sure the model is of the least sure particle, where it said."""
    known = () if shown.anatomy is None else shown.anatomy.confidence
    sure = [float(known[k]) for k in part.particles if k < len(known)]
    return f", {min(sure):.0%} sure" if sure else ""


def _position(shown: Shown) -> Text:
    """One line: each that changes costs bytes at every move."""
    y, x = shown.cursor
    return Text(f"row {y:.0f} column {x:.0f} · {shown.tool or f'{shown.zoom:g}×'}", DIM)


def _progress(book: AnnotationBook, shown: Shown, key: Callable[[str], str]) -> list[Text]:
    accepted, held_out = len(book.accepted()), len(book.side(Side.VALIDATION))
    enough = book.ready_to_train() is None
    of_least = f" of {MIN_ANNOTATED}" if accepted < MIN_ANNOTATED else ""
    keys = " ".join(key(command) for command in ("app.back", "train.training", "training.pause"))
    start = Text(f"start training: {keys}", BOLD) if enough and shown.can_train else Text()
    return [
        Text(f"{accepted}{of_least} annotated{' ✓' * enough}", BOLD),
        Text(f"{accepted - held_out} train · {held_out} validate", DIM),
        start,
    ]
