"""One image enlarged, one key a judgement, on to the next by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.message import Message

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import Judgement
from tui_cytpix.domain.words import printable
from tui_cytpix.ui.commands.bindings import bindings
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.panes.judging import BADGES, Judging
from tui_cytpix.ui.widgets.boxes import Horizontal
from tui_cytpix.ui.widgets.lines.hint import Words
from tui_cytpix.ui.widgets.pictures.event_image import AHEAD, EventImageView


class ReviewPane(Horizontal):
    """Walks through the images of `judging` and records what is said of them there."""

    DEFAULT_CSS = """
    ReviewPane EventImageView { width: 1fr; height: 1fr; }
    ReviewPane #review-side { width: 34; padding: 0; }
    .-wide ReviewPane #review-side { width: 46; }
    """
    SCOPED_CSS = False  # its width depends on the screen's class
    BINDINGS: ClassVar[list[BindingType]] = bindings("review")

    @dataclass
    class Changed(Message):
        """An image has another judgement, or none any more."""

        key: ImageKey

    def __init__(self, screen: WorkScreen, judging: Judging) -> None:
        super().__init__(id="review")
        self._frame, self._judging = screen, judging
        self._keys: list[ImageKey] = []
        self._at = 0
        self._counted = False  # just now, the image that is shown
        self._done = ""

    def compose(self) -> ComposeResult:
        yield EventImageView(id="review-image")
        with VerticalScroll(id="review-side", can_focus=False):
            yield Words(id="review-words")

    @property
    def view(self) -> EventImageView:
        return self.query_one(EventImageView)

    @property
    def current(self) -> ImageKey | None:
        return self._keys[self._at] if 0 <= self._at < len(self._keys) else None

    def open(self, start: ImageKey | None = None) -> None:
        """Shows the pane, at `start` or at the first image that is not judged."""
        keys = self._judging.to_judge()
        if start is not None and start not in keys:
            keys.insert(0, start)
        if not keys:
            self._frame.report("There is nothing to judge yet: process images first.")
            return
        self._keys = keys
        self._show_at((self._to_judge(range(len(keys))) or 0) if start is None else keys.index(start))
        self._frame.show_pane("review")
        self._frame.set_focus(self.view)
        self._frame.say_next()

    def tell(self, done: str) -> None:
        self._done = done
        self.show_current()

    def show_current(self) -> None:
        """Draws the image and the words beside it afresh."""
        key = self.current
        if key is None:
            return
        segmentation, judgement = self._judging.prediction(key), self._judging.said(key)
        self.view.read_ahead(self._keys[self._at + 1 : self._at + 1 + AHEAD])
        self.view.show(key, segmentation, f"{self._at + 1} of {len(self._keys)}")
        counted = "not processed yet" if segmentation is None else str(segmentation.particle_count)
        verdict = BADGES[judgement][2] if judgement else "not judged"
        self.query_one("#review-words", Words).say(
            Text.assemble(
                (f"{self._at + 1} of {len(self._keys)}  ", Style(bold=True)), (printable(key.event), Style(dim=True))
            ),
            Text.assemble("The model counts: ", (counted, Style(bold=True))),
            Text.assemble("You say: ", (verdict, Style(bold=True))),
            self._done or " ",
            *self._key_lines(),
            " ",
            *self._judging.lines(key),
        )

    def _key_lines(self) -> list[Text]:
        pairs = [
            ("acceptable", "right", "count", "count bad"),
            ("mask", "mask bad", "both", "both bad"),
            ("unusable", "unusable", "indistinguishable", "unclear"),
            ("skip", "skip", "undo", "undo"),
            ("raw", "raw image", "next", "next"),
        ]
        digits = f"{self._frame.key('review.true-0')}-{self._frame.key('review.true-9')}"
        return [
            Text.assemble(
                (f"{self._frame.key(f'review.{a}'):>5} ", Style(bold=True)),
                f"{first:<10}",
                (f"{self._frame.key(f'review.{b}'):>4} ", Style(bold=True)),
                second,
            )
            for a, first, b, second in pairs
        ] + [Text.assemble((f"{digits:>5} ", Style(bold=True)), "so many there are")]

    def _advance(self) -> bool:
        """On to the next image to judge; False where none is left."""
        following = self._to_judge([*range(self._at + 1, len(self._keys)), *range(self._at)])
        if following is None:
            self.tell("")
            return False
        self._show_at(following)
        return True

    def _to_judge(self, order: Sequence[int]) -> int | None:
        """The first without a judgement; where all have one, the first whose mask has none."""
        unjudged = (i for i in order if self._said(i) is None)
        masks_open = (i for i in order if (said := self._said(i)) is not None and said.of_count_alone)
        return next(chain(unjudged, masks_open), None)

    def _said(self, index: int) -> Judgement | None:
        return self._judging.said(self._keys[index])

    def _show_at(self, index: int, done: str = "") -> None:
        self._at = max(0, min(index, len(self._keys) - 1))
        self._counted = False
        self._frame.gallery.go_to(self._keys[self._at])
        self.tell(done)

    def _count_stated(self, count: int) -> None:
        self._counted = True
        fine, bad, on = (self._frame.key(f"review.{name}") for name in ("acceptable", "mask", "skip"))
        self.tell(f"{count} counted; {fine} mask fine, {bad} mask bad, {on} on.")

    def action_judge(self, judgement: str) -> None:
        key = self.current
        if key is not None and self._judging.judge(key, Judgement(judgement)):
            self._go_on(key)

    def _go_on(self, key: ImageKey) -> None:
        self.post_message(self.Changed(key))
        if not self._advance():
            masks = self._judging.assessment().only_counted
            but = f", but for {masks} mask{'s' if masks > 1 else ''}" if masks else ""
            self._frame.report(f"All images are judged{but}.")

    def action_take_back(self, again: bool) -> None:
        """Undo, or with `again` redo; from the gallery, too."""
        model = self._judging.model
        if model is None:
            return
        image, done = self._judging.take_back(model, again=again)
        if self._frame.pane != self.id:
            self._frame.report(done)
        elif image is None:
            self.tell(done)
        elif image in self._keys:
            self._show_at(self._keys.index(image), done)
        if image is not None:
            self._frame.gallery.go_to(image)
            self.post_message(self.Changed(image))

    def action_true(self, count: int) -> None:
        """So many particles there are; the mask comes next."""
        key = self.current
        if key is not None and self._judging.state_count(key, count):
            self.post_message(self.Changed(key))
            self._count_stated(count)

    def action_skip(self) -> None:
        """Skipped, which is recorded too: skipped images bound the result. A count that was stated stands."""
        key, said = self.current, self._said(self._at) if self._keys else None
        if key is not None and (self._counted or (said is not None and said.of_count_alone)):
            self._go_on(key)
        else:
            self.action_judge(Judgement.SKIPPED)

    def action_raw(self) -> None:
        self.view.action_overlay_off()

    def action_step(self, by: int) -> None:
        self._show_at(self._at + by)
