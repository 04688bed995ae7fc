"""One image enlarged, one key a judgement, on to the next by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.verdict import Judgement, Verdict
from tui_cytpix.ui.commands.bindings import bindings
from tui_cytpix.ui.panes.undo import TakingBack
from tui_cytpix.ui.text import plain
from tui_cytpix.ui.widgets.boxes import Horizontal
from tui_cytpix.ui.widgets.gallery.gallery import Tone
from tui_cytpix.ui.widgets.lines.hint import Words
from tui_cytpix.ui.widgets.pictures.event_image import AHEAD, EventImageView

BADGES: dict[Judgement, tuple[str, Tone, str]] = {
    Judgement.ACCEPTABLE: ("", "good", "acceptable"),
    Judgement.COUNT_ERROR: ("C", "bad", "count error"),
    Judgement.MASK_ERROR: ("M", "bad", "mask error"),
    Judgement.BOTH: ("CM", "bad", "count and mask error"),
    Judgement.UNUSABLE: ("x", "muted", "unusable frame"),
    Judgement.INDISTINGUISHABLE: ("?", "warn", "indistinguishable"),
    Judgement.SKIPPED: ("–", "muted", "skipped"),
    Judgement.COUNT_RIGHT: ("m?", "muted", "count right, mask not judged"),
    Judgement.COUNT_WRONG: ("C?", "bad", "count error, mask not judged"),
}


@dataclass(frozen=True)
class ReviewItem:
    """What the pane shows of an image; `lines()` stand below the judgement: verdict, convention."""

    segmentation: Segmentation | None
    judgement: Judgement | None = None
    lines: Callable[[], Sequence[str | Text]] = tuple


def in_words(verdict: Verdict | None) -> str:
    """A judgement, with the count that was stated."""
    if verdict is None or verdict.judgement is None:
        return "not judged"
    stated = "" if verdict.true_count is None else f", {verdict.true_count} there"
    return f"{BADGES[verdict.judgement][2]}{stated}"


class ReviewPane(Horizontal, TakingBack):
    """Walks through the images in the order given. The judgements themselves are recorded above, by the screen."""

    DEFAULT_CSS = """
    ReviewPane EventImageView { width: 1fr; height: 1fr; }
    ReviewPane #review-side { width: 34; padding: 0; }
    .-wide ReviewPane #review-side { width: 46; }
    """
    SCOPED_CSS = False  # its width depends on the screen's class
    BINDINGS: ClassVar[list[BindingType]] = bindings("review")

    class Judged(Message):
        """A key was pressed."""

        def __init__(self, key: ImageKey, judgement: Judgement) -> None:
            super().__init__()
            self.key, self.judgement = key, judgement

    class Counted(Message):
        """The number of particles that there are was stated."""

        def __init__(self, key: ImageKey, count: int) -> None:
            super().__init__()
            self.key, self.count = key, count

    class Passed(Message):
        """The count that was stated is enough for now."""

        def __init__(self, key: ImageKey) -> None:
            super().__init__()
            self.key = key

    class Moved(Message):
        """Another image is shown."""

        def __init__(self, key: ImageKey) -> None:
            super().__init__()
            self.key = key

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._keys: list[ImageKey] = []
        self._at = 0
        self._counted = False  # just now, the image that is shown
        self._done = ""
        self._describe: Callable[[ImageKey], ReviewItem] = lambda _key: ReviewItem(None)
        self._key_of: Callable[[str], str] = lambda name: name

    def compose(self) -> ComposeResult:
        """The image, and what to know about it."""
        yield EventImageView(id="review-image")
        with VerticalScroll(id="review-side", can_focus=False):
            yield Words(id="review-words")

    @property
    def view(self) -> EventImageView:
        """The image."""
        return self.query_one(EventImageView)

    @property
    def current(self) -> ImageKey | None:
        """The image that is shown."""
        return self._keys[self._at] if 0 <= self._at < len(self._keys) else None

    def open(
        self,
        keys: Sequence[ImageKey],
        start: ImageKey | None,
        describe: Callable[[ImageKey], ReviewItem],
        key_of: Callable[[str], str],
    ) -> None:
        """Starts at `start`, else at the first image without a judgement. `key_of` gives a command's key."""
        self._keys, self._describe, self._key_of = list(keys), describe, key_of
        if start in self._keys:
            self._at = self._keys.index(start)
        else:
            self._at = self._to_judge(range(len(keys))) or 0
        self._counted = False
        self.tell("")

    def tell(self, done: str) -> None:
        """What a key did to the image."""
        self._done = done
        self.show_current()

    def show_current(self) -> None:
        """Draws the image and the words beside it afresh."""
        key = self.current
        if key is None:
            return
        item = self._describe(key)
        self.view.read_ahead(self._keys[self._at + 1 : self._at + 1 + AHEAD])
        self.view.show(key, item.segmentation, f"{self._at + 1} of {len(self._keys)}")
        counted = "not processed yet" if item.segmentation is None else str(item.segmentation.particle_count)
        verdict = BADGES[item.judgement][2] if item.judgement else "not judged"
        self.query_one("#review-words", Words).say(
            Text.assemble(
                (f"{self._at + 1} of {len(self._keys)}  ", Style(bold=True)), (plain(key.event), Style(dim=True))
            ),
            Text.assemble("The model counts: ", (counted, Style(bold=True))),
            Text.assemble("You say: ", (verdict, Style(bold=True))),
            self._done or " ",
            *self._key_lines(),
            " ",
            *item.lines(),
        )

    def _key_lines(self) -> list[Text]:
        pairs = [
            ("acceptable", "right", "count", "count bad"),
            ("mask", "mask bad", "both", "both bad"),
            ("unusable", "unusable", "indistinguishable", "unclear"),
            ("skip", "skip", "undo", "undo"),
            ("raw", "raw image", "next", "next"),
        ]
        digits = f"{self._key_of('review.true-0')}-{self._key_of('review.true-9')}"
        return [
            Text.assemble(
                (f"{self._key_of(f'review.{a}'):>5} ", Style(bold=True)),
                f"{first:<10}",
                (f"{self._key_of(f'review.{b}'):>4} ", Style(bold=True)),
                second,
            )
            for a, first, b, second in pairs
        ] + [Text.assemble((f"{digits:>5} ", Style(bold=True)), "so many there are")]

    def advance(self) -> bool:
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
        return self._describe(self._keys[index]).judgement

    def go_to(self, key: ImageKey, done: str = "") -> None:
        """Shows that image, and what was done to it."""
        if key in self._keys:
            self._show_at(self._keys.index(key), done)

    def _show_at(self, index: int, done: str = "") -> None:
        self._at = max(0, min(index, len(self._keys) - 1))
        self._counted = False
        self.tell(done)
        key = self.current
        if key is not None:
            self.post_message(self.Moved(key))

    def count_stated(self, count: int) -> None:
        """Stays, and says what is open."""
        self._counted = True
        fine, bad, on = (self._key_of(f"review.{name}") for name in ("acceptable", "mask", "skip"))
        self.tell(f"{count} counted; {fine} mask fine, {bad} mask bad, {on} on.")

    def _judge(self, judgement: Judgement) -> None:
        key = self.current
        if key is not None:
            self.post_message(self.Judged(key, judgement))

    def action_true(self, count: int) -> None:
        """So many particles there are."""
        key = self.current
        if key is not None:
            self.post_message(self.Counted(key, count))

    def action_acceptable(self) -> None:
        """Right."""
        self._judge(Judgement.ACCEPTABLE)

    def action_count(self) -> None:
        """Wrong centroids."""
        self._judge(Judgement.COUNT_ERROR)

    def action_mask(self) -> None:
        """Bad mask."""
        self._judge(Judgement.MASK_ERROR)

    def action_both(self) -> None:
        """Both wrong."""
        self._judge(Judgement.BOTH)

    def action_unusable(self) -> None:
        """Unusable frame."""
        self._judge(Judgement.UNUSABLE)

    def action_indistinguishable(self) -> None:
        """Cells can't be told apart."""
        self._judge(Judgement.INDISTINGUISHABLE)

    def action_skip(self) -> None:
        """Skipped, which is recorded too: skipped images bound the result. A count that was stated stands."""
        key, said = self.current, self._said(self._at) if self._keys else None
        if key is not None and (self._counted or (said is not None and said.of_count_alone)):
            self.post_message(self.Passed(key))
        else:
            self._judge(Judgement.SKIPPED)

    def action_raw(self) -> None:
        """Overlay off, and back."""
        self.view.action_overlay_off()

    def action_next(self) -> None:
        """The next image."""
        self._show_at(self._at + 1)

    def action_previous(self) -> None:
        """The image before."""
        self._show_at(self._at - 1)
