"""Two to four models' answers about the same image, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message

from tui_cytpix.core.images.render import Window
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.verdict import Showing
from tui_cytpix.domain.words import printable, shortened
from tui_cytpix.ui.commands.bindings import bindings
from tui_cytpix.ui.widgets.boxes import Horizontal, Vertical
from tui_cytpix.ui.widgets.lines.hint import Words
from tui_cytpix.ui.widgets.pictures.event_image import AHEAD, EventImageView
from tui_cytpix.workflow.base_model.differences import Difference, Store

SIDES = ("left", "right", "third", "fourth")


@dataclass(frozen=True, eq=False)
class Pair:
    """One image as two to four models see it, from left to right; `names` where they are other than the view's,
    `blind` hides the sample. Where it is `raw` the image shows by itself, without answers; a `repeat` comes again.
    """

    key: ImageKey
    answers: tuple[Segmentation, ...]
    names: tuple[str, str] | None = None
    blind: bool = False
    said: str = ""
    raw: bool = False
    repeat: bool = False

    @property
    def showing(self) -> Showing:
        return Showing(self.key, self.repeat)


def shown_pairs(found: Iterable[Difference], *stores: Store) -> list[Pair]:
    """The images that every model has answered, in the same order."""
    pairs = []
    for one in found:
        said = tuple(answer for store in stores if (answer := store.get(one.image)) is not None)
        if len(said) == len(stores):
            pairs.append(Pair(one.image, said))
    return pairs


class PairImage(EventImageView):
    """One side; framed for the size that it has, so that all sides, of one size, show the same part at one scale."""

    _framed_at = (0, 0)

    @property
    def window(self) -> Window | None:
        if self.cell_size != self._framed_at:
            self._framed, self._framed_at = None, self.cell_size
        return super().window


class PairView(Vertical):
    """Goes through pairs in the order given; all images zoom and show overlays alike."""

    DEFAULT_CSS = """
    PairView { height: 1fr; }
    PairView .pair-title { height: 1; text-style: bold; }
    PairView EventImageView { height: 1fr; }
    PairView #pair-words, PairView #pair-titles { height: 1; }
    PairView .pair-further { margin-left: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("pair")
    can_focus = True

    @dataclass
    class Moved(Message):
        key: ImageKey

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._pairs: list[Pair] = []
        self._at = 0
        self._answers = 2  # side by side
        self._names: tuple[str, ...] = ("", "")

    def compose(self) -> ComposeResult:
        yield Words(id="pair-words")
        with Horizontal(id="pair-titles"):
            for side in SIDES:
                yield Words(
                    id=f"pair-{side}-title", classes="pair-title" if side == SIDES[0] else "pair-title pair-further"
                )
        with Horizontal(id="pair-images"):
            for side in SIDES:
                yield PairImage(id=f"pair-{side}", classes="" if side == SIDES[0] else "pair-further")

    def on_mount(self) -> None:
        """The pair has the focus, not one of its images; two show until there are more."""
        for view in self._views:
            view.can_focus = False
        self._make_room(2)

    def on_resize(self, _event: events.Resize) -> None:
        self._make_room(self._answers)

    def _make_room(self, answers: int) -> None:
        """For so many, of the same width each, with a column between two: a column that is left stays empty."""
        self._answers = answers
        width = max(1, (self.size.width + 1) // answers - 1)
        for place, side in enumerate(SIDES):
            for name in (f"#pair-{side}", f"#pair-{side}-title"):
                part = self.query_one(name)
                part.display = place < answers
                part.styles.width = width

    @property
    def _views(self) -> list[EventImageView]:
        return [self.query_one(f"#pair-{side}", EventImageView) for side in SIDES]

    @property
    def current(self) -> Pair | None:
        return self._pairs[self._at] if 0 <= self._at < len(self._pairs) else None

    def name_models(self, *names: str) -> None:
        self._names = names

    def show_pairs(self, pairs: Sequence[Pair], start: ImageKey | None = None) -> None:
        """Takes the pairs in; stays on the image shown (or goes to `start`) where it is among them."""
        shown = self.current.showing if self.current else None
        self._pairs = list(pairs)
        self._at = self._place(shown if start is None else Showing(start)) or 0
        self._show()

    def update_pair(self, pair: Pair) -> None:
        """Takes another state of one of the pairs in; it is drawn when it is gone to."""
        place = self._place(pair.showing)
        if place is not None:
            self._pairs[place] = pair

    def go_to(self, showing: Showing, done: str = "") -> None:
        self._at = self._place(showing) or 0
        self._show(done)

    def tell(self, done: str) -> None:
        """What a key did to the image that is shown."""
        self._show(done)

    def _place(self, showing: Showing | None) -> int | None:
        return next((i for i, pair in enumerate(self._pairs) if pair.showing == showing), None)

    def _show(self, done: str = "") -> None:
        pair = self.current
        if pair is None:
            self.query_one("#pair-words", Words).say("No image has both answers yet.")
            return
        answers = pair.answers
        said = (f" · {done or pair.said}" if done or pair.said else "", Style(bold=True))
        self.query_one("#pair-words", Words).say(Text.assemble(self.headline(pair), said))
        self._make_room(1 if pair.raw else len(answers))
        self._views[0].read_ahead(pair.key for pair in self._pairs[self._at + 1 : self._at + 1 + AHEAD])
        if pair.raw:
            self.query_one(f"#pair-{SIDES[0]}-title", Words).say("How many particles are there?")
            self._views[0].show(pair.key)
            return
        room = max(8, (self.size.width or self.app.size.width) // len(answers) - 12)
        names = pair.names or self._names
        for side, name, answer, view in zip(SIDES, names, answers, self._views, strict=False):
            title = Text.assemble((shortened(name, room), Style(bold=True)), f": counts {answer.particle_count}")
            self.query_one(f"#pair-{side}-title", Words).say(title)
            view.show(pair.key, answer, also=answers)
        if not pair.repeat:  # which the gallery would tell
            self.post_message(self.Moved(pair.key))

    def headline(self, pair: Pair) -> Text:
        differ = "counts differ" if len({one.particle_count for one in pair.answers}) > 1 else "same count"
        sample = "" if pair.blind else f" · {printable(pair.key.sample)}"
        place = (f"{self._at + 1} of {len(self._pairs)} ", Style(bold=True))
        return Text.assemble(place, f"· {differ}{sample} · {printable(pair.key.event)}")

    def action_go(self, by: int) -> None:
        at = max(0, min(self._at + by, len(self._pairs) - 1))
        if at != self._at:
            self._at = at
            self._show()

    def action_first(self) -> None:
        if self._at:
            self.action_go(-self._at)

    def action_last(self) -> None:
        by = self._last - self._at
        if by:
            self.action_go(by)

    @property
    def _last(self) -> int:
        """The place of the last pair that may be gone to."""
        return len(self._pairs) - 1

    def action_on_all(self, action: str, *arguments: int) -> None:
        for view in self._views:
            getattr(view, f"action_{action}")(*arguments)
