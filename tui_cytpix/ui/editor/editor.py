"""The annotation editor: one image enlarged, what is known of it beside it."""

from __future__ import annotations

import asyncio

from textual.app import ComposeResult

from tui_cytpix.domain.annotation import Annotation
from tui_cytpix.domain.jobs.training import JobState
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.ui.editor.canvas import AnnotationCanvas
from tui_cytpix.ui.editor.image_list import ImageList
from tui_cytpix.ui.editor.looking_back import LookingBack
from tui_cytpix.ui.editor.pens import Pens
from tui_cytpix.ui.editor.places import Places
from tui_cytpix.ui.editor.words import Shown, lines, paragraphs
from tui_cytpix.ui.frame.base import StepScreen
from tui_cytpix.ui.widgets.boxes import Horizontal
from tui_cytpix.ui.widgets.lines.hint import with_keys
from tui_cytpix.ui.widgets.lines.readout import Readout
from tui_cytpix.workflow.annotate.anatomy import Anatomy, compared, dissect
from tui_cytpix.workflow.annotate.annotator import Annotator
from tui_cytpix.workflow.annotate.consistency import Stringency
from tui_cytpix.workflow.annotate.suggest import Order
from tui_cytpix.workflow.annotate.tool import Point, Tool, nearest_centroid
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run.predict import PredictProgress


class Editor(Horizontal):
    """Shows one image of a list, its state as the Annotator has it, and the pen that is down."""

    def __init__(self, screen: StepScreen, images: ImageList, looking_back: LookingBack) -> None:
        super().__init__()
        self._frame, self._images, self._looking_back = screen, images, looking_back
        self.canvas = AnnotationCanvas(self._cursor_moved, id="canvas")
        self._readout = Readout(id="side")
        self.pens = Pens(self.canvas)
        self.state: Annotation | None = None
        self.anatomy: Anatomy | None = None
        self.moving: tuple[Tool, int] | None = None  # the centroid that was taken, by index
        self._message = ""
        self._stringency: Stringency | None = None
        self._model: ModelEntry | None = None
        self._shows_proposal = False
        self._opened: ImageKey | None = None
        self._waits_at: Point | None = None  # where the crosshair waits for the proposal, unless the user moves it

    def compose(self) -> ComposeResult:
        yield self.canvas
        yield self._readout

    @property
    def annotator(self) -> Annotator | None:
        return None if self._model is None else self._frame.session.annotator(self._model)

    async def begin(self) -> None:
        session = self._frame.session
        self._frame.set_focus(self.canvas)
        self._model = await asyncio.to_thread(library.proposing, session.run)
        await session.load_predictions(self._model)
        session.ask_model(self._model, self._images.keys)
        await self.open_image(self._images.place)
        self._frame.start(self._find_reasons(self._model), "reasons")

    async def _find_reasons(self, model: ModelEntry) -> None:
        await asyncio.to_thread(self._images.rank, self._frame.session, model)
        self._refresh_readout()

    async def reorder(self) -> None:
        session, images, model = self._frame.session, self._images, self._model
        if model is None:
            return
        if images.next_order() is Order.SUGGESTED:
            await asyncio.to_thread(images.rank, session, model)
        images.arrange(session, model)
        await self.open_image(images.place, f"Order: {images.order}.")

    def predictions_came(self, progress: PredictProgress) -> None:
        if self._model is not None and self.state is not None and self.state.segmentation is None:
            if progress.problems:
                self._message = progress.problems[-1]
            self._frame.start(self.open_image(self._images.place), "proposal")

    # Showing

    async def open_image(self, place: int, message: str | None = None) -> None:
        annotator, before = self.annotator, self._images.key
        if annotator is None:
            return
        self._images.go_to(place)
        key = self._frame.session.annotated_last = self._images.key
        if key != self._opened:
            self._opened, self._waits_at = key, self.canvas.cursor
            self.canvas.appears_as(key)  # until it is, the one before is on the screen
        self.let_go()
        self._shows_proposal = False
        self.canvas.steered = False
        self._frame.session.cache.request(self._images.ahead, lambda _key: None)
        await self.take(annotator.look_at(key), message)
        self._looking_back.opened(before)

    async def take(self, state: Annotation, message: str | None = None) -> None:
        """Shows a state, and says what led to it; measured off the event loop, how its masks lie against the run's
        others comes last.
        """
        self._message = self._message if message is None else message
        self.state, self._stringency = state, None
        shown = state.proposal if self._shows_proposal else state.segmentation
        self.anatomy = None if shown is None else await asyncio.to_thread(self._dissected, shown)
        particles = None if self.anatomy is None else self.anatomy.particle_labels
        title = f"what the model proposed ({self._frame.key('editor.proposal')}: back)" if self._shows_proposal else ""
        self.canvas.edit(self._images.key, shown, particles, title)
        if self._waits_at == self.canvas.cursor and (shown is not None or self.canvas.picture is not None):
            self.canvas.put_cursor(self.places.first(self.canvas.shape))
            self._waits_at = self.canvas.cursor if shown is None else None
        if shown is not None:
            self._stringency = await asyncio.to_thread(self._frame.session.consistency.of, state)
        self._refresh_readout()
        self._looking_back.taken(state, self._stringency)

    async def look_again(self) -> None:
        """As another screen left it."""
        if self.annotator is not None and self.pens.down is None and self.moving is None:
            await self.take(self.annotator.look_at(self._images.key))

    def _dissected(self, shown: Segmentation) -> Anatomy:
        annotator = self.annotator
        return dissect(shown, None if annotator is None else annotator.seen(self._images.key).image)

    def hide_proposal(self) -> None:
        self._shows_proposal = False

    async def switch_proposal(self) -> None:
        if self.state is not None and self.state.proposal is not None:
            self._shows_proposal = not self._shows_proposal
            await self.take(self.state)

    def say(self, message: str) -> None:
        """What the last key did; `{command.id}` becomes the command's key."""
        self._message = message
        self._refresh_readout()

    def _refresh_readout(self) -> None:
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
            zoom=self.canvas.zoom_factor,
            message=with_keys(self._message, self._frame.key).plain,
            one_mask=self.target is not None,
            tool="" if self.pens.down is None else self.pens.down.id,
            aside=self._aside(self.state),
            can_train=self._frame.session.training.state not in (JobState.STARTING, JobState.RUNNING),
        )
        self._readout.show(
            lines(shown, run.annotations, self._frame.key), paragraphs(shown, run.settings, self._frame.key)
        )

    def _aside(self, state: Annotation) -> tuple[str, ...]:
        """Why this image, how its masks lie, and how it differs from the proposal while that is shown."""
        reason = self._images.reason
        found = [f"Suggested: {reason}." if reason else ""]
        if self._stringency is not None:
            found.append(with_keys(self._stringency.in_words(), self._frame.key).plain)
        if self._shows_proposal and state.segmentation is not None and state.proposal is not None:
            found.append(compared(state.segmentation, state.proposal))
        return tuple(words for words in found if words)

    def _cursor_moved(self) -> None:
        self.show_pen()
        self._refresh_readout()

    def show_pen(self) -> None:
        """What the pen has drawn so far; it is not saved before the pen is lifted."""
        before = None if self.state is None else self.state.segmentation
        drawn = None if before is None else self.pens.drawn_on(before)
        if drawn is not None and self.canvas.segmentation is not None:
            self.canvas.edit(self._images.key, drawn, None, "")

    # Moving about

    @property
    def places(self) -> Places:
        return Places(self.canvas.segmentation, self.anatomy)

    def step_through(self, kind: str, by: int) -> None:
        """To the next, or with -1 the previous, of the `particles` or `objects`."""
        self.canvas.step_through(getattr(self.places, kind), by)

    def step_to_odd(self, by: int) -> None:
        points = self.places.odd
        self.canvas.step_through(points, by, nearest_first=False)
        nothing = "Nothing unmarked stands out, no particle is doubtful, no object is a speck."
        self.say("" if points else nothing)

    def take_nearest(self, tool: Tool) -> None:
        segmentation = None if self.state is None else self.state.segmentation
        nearest = None if segmentation is None else nearest_centroid(segmentation, self.canvas.cursor)
        if nearest is None:
            self.say("There is no centroid.")
            return
        self.moving = tool, nearest
        self.canvas.grab(on=True)
        self.canvas.put_cursor(self.places.particles[nearest])
        self.say(f"Moving: {{editor.{tool.id}}} or {{editor.drop}} drops it.")

    def let_go(self) -> tuple[Tool, int] | None:
        """The centroid that was taken, with what took it."""
        taken, self.moving = self.moving, None
        if taken is not None:
            self.canvas.grab(on=False)
        return taken

    @property
    def target(self) -> Point | None:
        """Where the object is that a key for outlines means: under the crosshair, once the user has moved there. None:
        all objects.
        """
        cursor = self.canvas.cursor
        if not self.canvas.steered or self.anatomy is None or self.anatomy.object_at(cursor) is None:
            return None
        return cursor
