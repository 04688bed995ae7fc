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
from tui_cytpix.domain.verdict import Judgement, Showing
from tui_cytpix.domain.words import printable
from tui_cytpix.ui.commands.bindings import bindings, of_scope
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.panes.judging import BADGES, Judging
from tui_cytpix.ui.widgets.boxes import Horizontal
from tui_cytpix.ui.widgets.lines.hint import Words
from tui_cytpix.ui.widgets.pictures.event_image import AHEAD, EventImageView
from tui_cytpix.ui.widgets.pictures.picture_widget import PictureWidget

# Blind first, what can be said by a word: on the raw image, and of the mask once the answer is shown.
ON_RAW = (Judgement.UNUSABLE, Judgement.INDISTINGUISHABLE)
OF_MASK = (Judgement.ACCEPTABLE, Judgement.MASK_ERROR)


class ReviewPane(Horizontal):
    """Walks through the images of `judging` and records what is said of them there. Blind first, an image comes raw and
    with nothing that tells whose answer is judged; its count stated, the answer's mask is judged.
    """

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
        self._showings: list[Showing] = []
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
    def showing(self) -> Showing | None:
        return self._showings[self._at] if 0 <= self._at < len(self._showings) else None

    @property
    def current(self) -> ImageKey | None:
        return None if self.showing is None else self.showing.image

    def open(self, start: ImageKey | None = None) -> None:
        """Shows the pane, at `start` or at the first image that is not judged."""
        showings, first = self._judging.showings(), None if start is None else Showing(start)
        if first is not None and first not in showings:
            showings.insert(0, first)
        if not showings:
            self._frame.report("There is nothing to judge yet: process images first.")
            return
        self._showings = showings
        self._show_at((self._to_judge(range(len(showings))) or 0) if first is None else showings.index(first))
        self._frame.show_pane("review")
        self._frame.set_focus(self.view)
        self._frame.say_next()

    def tell(self, done: str) -> None:
        self._done = done
        self.show_current()

    def show_current(self) -> None:
        """Draws the image and the words beside it afresh."""
        showing = self.showing
        if showing is None:
            return
        key, hidden = showing.image, self._judging.hides(showing)
        segmentation, judgement = self._judging.prediction(key), self._judging.said(showing)
        self.view.read_ahead(one.image for one in self._showings[self._at + 1 : self._at + 1 + AHEAD])
        verdict = BADGES[judgement][2] if judgement else "not judged"
        said = Text.assemble("You say: ", (verdict, Style(bold=True)))
        if self._judging.blind_first:  # neither event nor place: they would tell that an image comes again
            told = f"{len(self._judging.standing())} judged"
            self.view.show(key, None if hidden else segmentation, "")
            words = (Text(told, Style(bold=True)), said, self._done or " ", self._judging.convention_line())
            self.query_one("#review-words", Words).say(*words)
            self._frame.say(self.hint())
            self._frame.refresh_bindings()
            return
        self.view.show(key, segmentation, f"{self._at + 1} of {len(self._showings)}")
        counted = "not processed yet" if segmentation is None else str(segmentation.particle_count)
        self.query_one("#review-words", Words).say(
            Text.assemble(
                (f"{self._at + 1} of {len(self._showings)}  ", Style(bold=True)),
                (printable(key.event), Style(dim=True)),
            ),
            Text.assemble("The model counts: ", (counted, Style(bold=True))),
            said,
            self._done or " ",
            *self._key_lines(),
            " ",
            *self._judging.lines(key),
        )

    def hint(self) -> str:
        """What to do next, blind first: in one row, as another would move the image."""
        if self._to_judge(range(len(self._showings))) is None:
            return "All images are judged: {app.back} shows what they say; {review.undo} takes the last one back."
        if self.showing is not None and self._judging.hides(self.showing):
            return (
                "How many? {review.true-0} to {review.true-9} say it; {review.indistinguishable} can't be told apart, "
                "{review.unusable} unusable, {review.skip} skips."
            )
        return (
            "Does the mask fit? {review.acceptable} yes, {review.mask} no; {review.skip} goes on, {review.undo} takes "
            "the count back."
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Blind first, keys do only what belongs to what is shown."""
        if self.showing is None or not self._judging.blind_first:
            return True
        hidden = self._judging.hides(self.showing)
        if action == "judge":
            return parameters[0] in (ON_RAW if hidden else OF_MASK)
        return {"true": hidden, "raw": not hidden}.get(action, True)

    def on_picture_widget_similar_wished(self, event: PictureWidget.SimilarWished) -> None:
        """Blind first, not before the review is left: similar images come with their samples and answers."""
        if self._judging.blind_first:
            event.stop()
            self._frame.report(f"Blind first: leave the review with {self._frame.key('app.back')} for that.")

    def _key_lines(self) -> list[Text]:
        """By the names that the footer gives them."""
        pairs = [("acceptable", "both"), ("count", "raw"), ("mask", "undo"), ("skip", "next")]
        named = {command.id.removeprefix("review."): command.label for command in of_scope("review")}
        alone = [
            ("unusable", f"{named['unusable']} frame"),
            ("indistinguishable", f"{named['indistinguishable']} cells"),
        ]
        digits = f"{self._frame.key('review.true-0')}-{self._frame.key('review.true-9')}"
        return [
            Text.assemble(
                (f"{self._frame.key(f'review.{a}'):>5} ", Style(bold=True)),
                f"{named[a]:<12}",
                (f"{self._frame.key(f'review.{b}'):>4} ", Style(bold=True)),
                named[b],
            )
            for a, b in pairs
        ] + [
            Text.assemble((f"{cap:>5} ", Style(bold=True)), words)
            for cap, words in [
                *((self._frame.key(f"review.{name}"), words) for name, words in alone),
                (digits, "so many there are"),
            ]
        ]

    def _advance(self) -> bool:
        """On to the next image to judge; False where none is left."""
        following = self._to_judge([*range(self._at + 1, len(self._showings)), *range(self._at)])
        if following is None:
            self.tell("")
            return False
        self._show_at(following)
        return True

    def _to_judge(self, order: Sequence[int]) -> int | None:
        """The first without a judgement; where all have one, the first whose mask has none."""
        may = [i for i in order if self._judging.may_show(self._showings[i])]
        unjudged = (i for i in may if self._said(i) is None)
        masks_open = (i for i in may if (said := self._said(i)) is not None and said.of_count_alone)
        return next(chain(unjudged, masks_open), None)

    def _said(self, index: int) -> Judgement | None:
        return self._judging.said(self._showings[index])

    def _show_at(self, index: int, done: str = "") -> None:
        self._at = index
        self._counted = False
        if not self._showings[index].repeat:  # which the gallery would tell
            self._frame.gallery.go_to(self._showings[index].image)
        self.tell(done)

    def _count_stated(self, count: int) -> None:
        self._counted = True
        fine, bad, on = (self._frame.key(f"review.{name}") for name in ("acceptable", "mask", "skip"))
        self.tell(f"{count} counted; {fine} mask fine, {bad} mask bad, {on} on.")

    def action_judge(self, judgement: str) -> None:
        showing = self.showing
        if showing is not None and self._judging.judge(showing, Judgement(judgement)):
            self._go_on(showing)

    def _go_on(self, showing: Showing) -> None:
        self.post_message(self.Changed(showing.image))
        if not self._advance():
            masks = self._judging.assessment().only_counted
            but = f", but for {masks} mask{'s' if masks > 1 else ''}" if masks else ""
            self._frame.report(f"All images are judged{but}.")

    def action_take_back(self, again: bool) -> None:
        """Undo, or with `again` redo; from the gallery, too."""
        model = self._judging.model
        if model is None:
            return
        showing, done = self._judging.take_back(model, again=again)
        if self._frame.pane != self.id:
            self._frame.report(done)
        elif showing is None:
            self.tell(done)
        elif showing in self._showings:
            self._show_at(self._showings.index(showing), done)
        if showing is not None:
            self._frame.gallery.go_to(showing.image)
            self.post_message(self.Changed(showing.image))

    def action_true(self, count: int) -> None:
        """So many particles there are; the mask comes next."""
        showing = self.showing
        if showing is not None and self._judging.state_count(showing, count):
            if self._judging.blind_first and self.view.display_settings.overlay == "off":
                self.view.action_overlay_off()  # which is to be judged now
            self.post_message(self.Changed(showing.image))
            self._count_stated(count)

    def action_skip(self) -> None:
        """Skipped, which is recorded too: skipped images bound the result. A count that was stated stands."""
        showing, said = self.showing, self._said(self._at) if self._showings else None
        if showing is not None and (self._counted or (said is not None and said.of_count_alone)):
            self._go_on(showing)
        elif showing is not None and self._judging.blind_first and not self._judging.hides(showing):
            self._go_on(showing)  # both are judged
        else:
            self.action_judge(Judgement.SKIPPED)

    def action_raw(self) -> None:
        self.view.action_overlay_off()

    def action_first(self) -> None:
        self._show_at(0)

    def action_last(self) -> None:
        """A repeat only once it has come."""
        self._show_at(max(i for i, one in enumerate(self._showings) if self._judging.may_show(one)))

    def action_step(self, by: int) -> None:
        """The image before or after; a repeat only once it has come."""
        places = range(self._at + by, len(self._showings) if by > 0 else -1, by)
        self._show_at(next((i for i in places if self._judging.may_show(self._showings[i])), self._at))
