"""The annotation editor without its keys: what it shows, and how a decision reaches the Annotator."""

from __future__ import annotations

import asyncio

from textual.app import ComposeResult

from tui_cytpix.domain.annotation import Annotation
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.ui.editor.canvas import AnnotationCanvas
from tui_cytpix.ui.editor.image_list import ImageList
from tui_cytpix.ui.editor.looking_back import LookingBack
from tui_cytpix.ui.editor.pens import Change, Pens
from tui_cytpix.ui.editor.places import Places
from tui_cytpix.ui.editor.words import Shown, lines, paragraphs
from tui_cytpix.ui.frame.base import StepScreen
from tui_cytpix.ui.widgets.boxes import Horizontal
from tui_cytpix.ui.widgets.lines.readout import Readout
from tui_cytpix.workflow.annotate.anatomy import Anatomy, compared, dissect
from tui_cytpix.workflow.annotate.annotator import Annotator, Point, nearest_centroid
from tui_cytpix.workflow.annotate.consistency import Stringency
from tui_cytpix.workflow.annotate.outline_tools import Pen
from tui_cytpix.workflow.annotate.suggest import Order
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run.predict import PredictProgress


class Editor(Horizontal):
    """Shows one image of a list with its state, and lets the Annotator change it. Decisions are taken one by one, in
    the order of the keys, off the event loop.
    """

    def __init__(self, screen: StepScreen, images: ImageList, looking_back: LookingBack) -> None:
        super().__init__()
        self._frame, self._images, self._looking_back = screen, images, looking_back
        self.canvas = AnnotationCanvas(self._cursor_moved, id="canvas")
        self._readout = Readout(id="side")
        self.pens = Pens(self.canvas)
        self.state: Annotation | None = None
        self.anatomy: Anatomy | None = None
        self.moving: int | None = None
        self._message = ""
        self._stringency: Stringency | None = None
        self._model: ModelEntry | None = None
        self._shows_proposal = False
        self._touched: list[ImageKey] = []
        self._taken_back: list[ImageKey] = []
        self._opened: ImageKey | None = None
        self._waits_at: Point | None = None  # where the crosshair waits for the proposal, unless the user moves it

    def compose(self) -> ComposeResult:
        """The canvas and the read-out beside it."""
        yield self.canvas
        yield self._readout

    @property
    def _annotator(self) -> Annotator | None:
        """The editor's hands, once the base model is known."""
        return None if self._model is None else self._frame.session.annotator(self._model)

    async def begin(self) -> None:
        """Reads the base model's proposals, asks for those that lack, shows the first image."""
        session = self._frame.session
        self._frame.set_focus(self.canvas)
        self._model = await asyncio.to_thread(library.base_of, session.run)
        await session.load_predictions(self._model)
        session.ask_model(self._model, self._images.keys)
        await self.open_image(self._images.place)
        self._frame.start(self._find_reasons(self._model), "reasons")

    async def _find_reasons(self, model: ModelEntry) -> None:
        await asyncio.to_thread(self._images.rank, self._frame.session, model)
        self._refresh_readout()

    async def reorder(self) -> None:
        """The images in their next order."""
        session, images, model = self._frame.session, self._images, self._model
        if model is None:
            return
        if images.next_order() is Order.SUGGESTED:
            await asyncio.to_thread(images.rank, session, model)
        images.arrange(session, model)
        await self.open_image(images.place, f"Order: {images.order}.")

    def predictions_came(self, progress: PredictProgress) -> None:
        """A proposal for the image on screen may have come."""
        if self._model is not None and self.state is not None and self.state.segmentation is None:
            if progress.problems:
                self._message = progress.problems[-1]
            self._frame.start(self.open_image(self._images.place), "proposal")

    # Showing

    async def open_image(self, place: int, message: str | None = None) -> None:
        """Shows another image of the list, and says what led there."""
        annotator, before = self._annotator, self._images.key
        if message is not None:
            self._message = message
        if annotator is None:
            return
        self._images.go_to(place)
        key = self._images.key
        if key != self._opened:
            self._opened, self._waits_at = key, self.canvas.cursor
            self.canvas.appears_as(key)  # until it is, the one before is on the screen
        self.moving, self._shows_proposal = None, False
        self.canvas.grab(on=False)
        self.canvas.steered = False
        self._frame.session.cache.request(self._images.ahead, lambda _key: None)
        await self._take(annotator.look_at(key))
        self._looking_back.opened(before)

    async def _take(self, state: Annotation) -> None:
        """Shows a state, measured off the event loop; how its masks lie against the run's others comes last."""
        self.state, self._stringency = state, None
        shown = state.proposal if self._shows_proposal else state.segmentation
        self.anatomy = None if shown is None else await asyncio.to_thread(self._dissected, shown)
        particles = None if self.anatomy is None else self.anatomy.particle_labels
        title = "what the model proposed (P: back)" if self._shows_proposal else ""
        self.canvas.edit(self._images.key, shown, particles, title)
        if self._waits_at == self.canvas.cursor and (shown is not None or self.canvas.picture is not None):
            self.canvas.put_cursor(self.places.first(self.canvas.shape))
            self._waits_at = self.canvas.cursor if shown is None else None
        if shown is not None:
            self._stringency = await asyncio.to_thread(self._frame.session.consistency.of, state)
        self._refresh_readout()
        self._looking_back.taken(state, self._stringency)

    def _dissected(self, shown: Segmentation) -> Anatomy:
        annotator = self._annotator
        return dissect(shown, None if annotator is None else annotator.seen(self._images.key).image)

    async def switch_proposal(self) -> None:
        """The model's proposal, and back."""
        if self.state is not None and self.state.proposal is not None:
            self._shows_proposal = not self._shows_proposal
            await self._take(self.state)

    def say(self, message: str) -> None:
        """What the last key did."""
        self._message = message
        self._refresh_readout()

    def _refresh_readout(self) -> None:
        """The numbers at the side."""
        if self.state is None:
            return
        images, run = self._images, self._frame.session.run
        shown = Shown(
            key=images.key,
            place=images.place,
            images=len(images.keys),
            state=self.state,
            anatomy=self.anatomy,
            cursor=self.canvas.cursor,
            um_per_px=run.images.um_per_px(images.key.sample),
            moving=self.moving,
            zoom=self.canvas.zoom_factor,
            message=self._message,
            one_mask=self.target is not None,
            wide=self._frame.has_class("-wide"),
            pen=self.pens.down,
            aside=self._aside(self.state),
        )
        self._readout.show(lines(shown, run.annotations), paragraphs(shown, run.settings))

    def _aside(self, state: Annotation) -> tuple[str, ...]:
        """Why this image, how its masks lie, and how it differs from the proposal while that is shown."""
        reason = self._images.reason
        found = [f"Suggested: {reason}." if reason else ""]
        if self._stringency is not None:
            found.append(self._stringency.in_words())
        if self._shows_proposal and state.segmentation is not None and state.proposal is not None:
            found.append(compared(state.segmentation, state.proposal))
        return tuple(words for words in found if words)

    def _cursor_moved(self) -> None:
        """Position and object under the crosshair."""
        self._show_pen()
        self._refresh_readout()

    # Deciding

    async def decide(self, change: Change, done: str, *, nothing: str = "Nothing to change here.") -> bool:
        """Lets the Annotator change this image; False where there was nothing to change."""
        annotator, key = self._annotator, self._images.key
        if annotator is None:
            return False
        await self.end_pen()
        if self.state is None or self.state.segmentation is None:
            nothing = "No proposal yet: wait for the model."
        self._shows_proposal = False
        state = await asyncio.to_thread(change, annotator, key)
        self._frame.refresh_saved()
        if state is None:
            self.say(nothing)
            return False
        self._message = done
        self._touched.append(key)
        self._taken_back.clear()
        await self._take(state)
        return True

    async def go_on(self, message: str) -> None:
        """To the next open image; stays where none is left."""
        images = self._images
        following = images.place + 1 if images.review else images.next_open(self._frame.session.run.annotations)
        if following is None:
            self.say(f"{message} No open image is left: q goes back.")
        else:
            await self.open_image(following, message)

    async def undo(self) -> None:
        """Takes the last change back, wherever it was; then those of this image, also of earlier sessions."""
        await self._walk_back(self._touched, self._taken_back, lambda a, key: a.undo(key), "Undone.", "undo")

    async def redo(self) -> None:
        """Reinstates what undo took back."""
        await self._walk_back(self._taken_back, self._touched, lambda a, key: a.redo(key), "Redone.", "redo")

    async def _walk_back(
        self, source: list[ImageKey], target: list[ImageKey], change: Change, done: str, verb: str
    ) -> None:
        """Undoes or redoes the newest of `source`, else on this image, and goes there."""
        annotator = self._annotator
        if annotator is None:
            return
        key = source.pop() if source else self._images.key
        state = await asyncio.to_thread(change, annotator, key)
        self._frame.refresh_saved()
        if state is None:
            self.say(f"Nothing to {verb}.")
            return
        target.append(key)
        await self.open_image(self._images.keys.index(key), done)

    # Pens

    def _show_pen(self) -> None:
        """What the pen has drawn so far; it is not saved before the pen is lifted."""
        before = None if self.state is None else self.state.segmentation
        drawn = None if before is None else self.pens.drawn_on(before)
        if drawn is not None and self.canvas.segmentation is not None:
            self.canvas.edit(self._images.key, drawn, None, "")

    async def take_pen(self, pen: Pen) -> None:
        """Puts a pen down at the crosshair; the one that is down already is lifted."""
        before = self.pens.down
        await self.end_pen()
        if before is pen or self.state is None or self.state.segmentation is None:
            return
        self._shows_proposal = False
        self.pens.put_down(pen)
        self._show_pen()
        self.say(f"{pen.capitalize()}: move; again or Enter: done, u: never mind.")

    async def end_pen(self) -> None:
        """Lifts the pen that is down, if any: what it drew is one edit."""
        pen = self.pens.down
        if pen is None:
            return
        if not await self.decide(self.pens.lift(), f"{pen.capitalize()}: done.") and self.state is not None:
            await self._take(self.state)

    async def drop_pen(self) -> bool:
        """Lifts the pen without an edit; False where none is down."""
        if self.pens.down is None or self.state is None:
            return False
        self.pens.lift()
        self._message = "Never mind."
        await self._take(self.state)
        return True

    def size_pen(self, by: int) -> None:
        """A finer or broader pen."""
        words = self.pens.resize(by)
        self._show_pen()
        self.say(words)

    # Moving about

    @property
    def places(self) -> Places:
        """Where the crosshair can go."""
        return Places(self.canvas.segmentation, self.anatomy)

    def nearest(self) -> int | None:
        """The centroid nearest to the crosshair, by index."""
        segmentation = None if self.state is None else self.state.segmentation
        return None if segmentation is None else nearest_centroid(segmentation, self.canvas.cursor)

    @property
    def target(self) -> Point | None:
        """Where the object is that a key for outlines means: under the crosshair, once the user has moved there. None:
        all objects.
        """
        cursor = self.canvas.cursor
        if not self.canvas.steered or self.anatomy is None or self.anatomy.object_at(cursor) is None:
            return None
        return cursor
