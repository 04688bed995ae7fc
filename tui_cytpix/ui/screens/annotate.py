"""Step 4, the annotation editor: one enlarged image, one key per decision."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from tui_cytpix.domain.annotation import Annotation, Status
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.ui.commands import bindings
from tui_cytpix.ui.screens.base import StepScreen
from tui_cytpix.ui.widgets.annotation_canvas import AnnotationCanvas
from tui_cytpix.ui.widgets.annotation_readout import Shown, lines, paragraphs
from tui_cytpix.ui.widgets.readout import Readout
from tui_cytpix.workflow import base_model
from tui_cytpix.workflow.anatomy import Anatomy, dissect
from tui_cytpix.workflow.annotate import Annotator, Point, nearest_centroid
from tui_cytpix.workflow.predict import PredictProgress

WIDE = 110
PREFETCH = 6
Change = Callable[[Annotator, ImageKey], Annotation | None]


class AnnotateScreen(StepScreen):
    """Opens on top of step 4 with the images to go through. Every decision is the Annotator's."""

    SCOPES = ("editor", "cursor", "image")
    CSS_PATH = "annotate.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("editor")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - as in Textual
    step = "train"
    on_top = True

    def __init__(self, keys: Sequence[ImageKey], start: ImageKey | None = None) -> None:
        super().__init__()
        self.keys = list(keys)
        self.place = self.keys.index(start) if start in self.keys else 0
        self.state: Annotation | None = None
        self.anatomy: Anatomy | None = None
        self.message = ""
        self._model: ModelEntry | None = None
        self._moving: int | None = None
        self._shows_proposal = False
        self._touched: list[ImageKey] = []
        self._taken_back: list[ImageKey] = []
        self._positioned: ImageKey | None = None

    def body(self) -> Iterable[Widget]:
        """The canvas and the read-out beside it."""
        with Horizontal():
            yield AnnotationCanvas(id="canvas")
            yield Readout(id="side")

    @property
    def canvas(self) -> AnnotationCanvas:
        """The image."""
        return self.query_one(AnnotationCanvas)

    @property
    def key(self) -> ImageKey:
        """The image being edited."""
        return self.keys[self.place]

    @property
    def annotator(self) -> Annotator | None:
        """The editor's hands, once the base model is known."""
        return None if self._model is None else self.session.annotator(self._model)

    async def enter(self) -> None:
        """Reads the base model's proposals, asks for those that lack, shows the first image."""
        self.canvas.focus()
        self._model = await asyncio.to_thread(base_model.base_of, self.session.run)
        await self.session.load_predictions(self._model)
        self.session.ask_model(self._model, self.keys)
        await self.open_image(self.place)

    def on_predictions(self, progress: PredictProgress) -> None:
        """A proposal for the image on screen may have come."""
        if self._model is not None and self.state is not None and self.state.segmentation is None:
            if progress.problems:
                self.message = progress.problems[-1]
            self.start(self.open_image(self.place), "proposal")

    # Showing

    async def open_image(self, place: int) -> None:
        """Shows another image of the list."""
        annotator = self.annotator
        if annotator is None:
            return
        self.place = max(0, min(place, len(self.keys) - 1))
        self._moving, self._shows_proposal = None, False
        self.canvas.grab(on=False)
        ahead = self.keys[self.place : self.place + PREFETCH]
        self.session.cache.request(ahead, lambda _key: None)
        await self._take(annotator.look_at(self.key))

    async def _take(self, state: Annotation) -> None:
        """Shows a state, measured off the event loop."""
        self.state = state
        shown = state.proposal if self._shows_proposal else state.segmentation
        self.anatomy = None if shown is None else await asyncio.to_thread(dissect, shown)
        particles = None if self.anatomy is None else self.anatomy.particle_labels
        title = "what the model proposed (P: back)" if self._shows_proposal else ""
        self.canvas.edit(self.key, shown, particles, title)
        if self._positioned != self.key and (shown is not None or self.canvas.picture is not None):
            self._positioned = self.key
            self.canvas.put_cursor(self._first_point())
        self.refresh_readout()

    def _first_point(self) -> Point:
        """The crosshair starts in the largest object."""
        if self.anatomy is None or not self.anatomy.objects:
            height, width = self.canvas.shape
            return height / 2, width / 2
        largest = max(self.anatomy.objects, key=lambda part: part.area_px)
        return self._particle_points()[largest.particles[0]] if largest.particles else largest.centre

    def refresh_readout(self) -> None:
        """The numbers at the side."""
        if self.state is None:
            return
        shown = Shown(
            key=self.key,
            place=self.place,
            images=len(self.keys),
            state=self.state,
            anatomy=self.anatomy,
            cursor=self.canvas.cursor,
            um_per_px=self.session.run.images.um_per_px(self.key.sample),
            moving=self._moving,
            zoom=self.canvas.zoom_factor,
            message=self.message,
        )
        run = self.session.run
        self.query_one(Readout).show(lines(shown, run.annotations), paragraphs(shown, run.settings))

    def on_annotation_canvas_cursor_moved(self, event: AnnotationCanvas.CursorMoved) -> None:
        """Position and object under the crosshair."""
        event.stop()
        self.refresh_readout()

    # Deciding

    async def _decide(self, change: Change, done: str, *, nothing: str = "Nothing to change here.") -> bool:
        """Lets the Annotator change this image; False where there was nothing to change."""
        annotator, key = self.annotator, self.key
        if annotator is None:
            return False
        if self.state is None or self.state.segmentation is None:
            nothing = "No proposal yet: wait for the model."
        self._shows_proposal = False
        state = await asyncio.to_thread(change, annotator, key)
        self.message = done if state is not None else nothing
        if state is None:
            self.refresh_readout()
            return False
        self._touched.append(key)
        self._taken_back.clear()
        await self._take(state)
        return True

    async def _go_on(self, message: str) -> None:
        """To the next open image; stays where none is left."""
        open_ones = [
            place
            for place in (*range(self.place + 1, len(self.keys)), *range(self.place))
            if self.session.run.annotations.state(self.keys[place]).status is Status.OPEN
        ]
        self.message = message if open_ones else f"{message} No open image is left: q goes back."
        if open_ones:
            await self.open_image(open_ones[0])
        else:
            self.refresh_readout()

    async def action_accept(self) -> None:
        """Into the training set."""
        event = self.key.event
        if await self._decide(lambda a, key: a.accept(key), "", nothing="There is nothing to accept."):
            side = self.session.run.annotations.state(self.key).side
            await self._go_on(f"{event} accepted ({side}).")

    async def action_reject(self) -> None:
        """Left out."""
        event = self.key.event
        if await self._decide(lambda a, key: a.reject(key), ""):
            await self._go_on(f"{event} rejected.")

    async def action_ambiguous(self) -> None:
        """The cells can't be told apart."""
        event = self.key.event
        if await self._decide(lambda a, key: a.mark_ambiguous(key), ""):
            await self._go_on(f"{event}: indistinguishable.")

    async def action_skip(self) -> None:
        """No decision."""
        await self._go_on(f"{self.key.event} skipped.")

    async def action_count(self, count: int) -> None:
        """So many particles in the object at the crosshair."""
        point = self.canvas.cursor
        done = "Not a cell: the object is gone." if count == 0 else f"{count} in this object."
        await self._decide(lambda a, key: a.set_count(key, point, count), done, nothing="It is so already.")

    async def action_place(self) -> None:
        """A centroid at the crosshair."""
        point = self.canvas.cursor
        await self._decide(lambda a, key: a.place(key, point), "Placed.")

    async def action_delete(self) -> None:
        """The nearest centroid goes."""
        point = self.canvas.cursor
        await self._decide(lambda a, key: a.delete(key, point), "Deleted.", nothing="There is no centroid.")

    async def action_move(self) -> None:
        """Takes the nearest centroid, or drops it."""
        if self._moving is not None:
            await self.action_drop()
            return
        nearest = self._nearest()
        if nearest is None:
            self.message = "There is no centroid."
            self.refresh_readout()
            return
        self._moving, self.message = nearest, "Moving: m or Enter drops it."
        self.canvas.grab(on=True)
        self.canvas.put_cursor(self._particle_points()[nearest])
        self.refresh_readout()

    async def action_drop(self) -> None:
        """Drops the centroid that is being moved."""
        if self._moving is None:
            return
        index, self._moving = self._moving, None
        point = self.canvas.cursor
        self.canvas.grab(on=False)
        await self._decide(lambda a, key: a.move(key, index, point), "Moved.", nothing="It is where it was.")

    async def action_centre(self) -> None:
        """The nearest centroid to the centre of its particle."""
        nearest = self._nearest()
        if nearest is not None:
            await self._decide(lambda a, key: a.centre(key, nearest), "Centred.", nothing="It is centred already.")

    async def action_centre_all(self) -> None:
        """All centroids."""
        await self._decide(lambda a, key: a.centre(key), "All centred.", nothing="They are centred already.")

    async def action_revert(self) -> None:
        """Back to the proposal."""
        await self._decide(lambda a, key: a.revert(key), "As proposed.", nothing="It is as proposed already.")

    async def action_undo(self) -> None:
        """Takes the last change back, wherever it was; then those of this image, also of earlier sessions."""
        await self._walk_back(self._touched, self._taken_back, lambda a, key: a.undo(key), "Undone.", "undo")

    async def action_redo(self) -> None:
        """Reinstates what undo took back."""
        await self._walk_back(self._taken_back, self._touched, lambda a, key: a.redo(key), "Redone.", "redo")

    async def _walk_back(
        self, source: list[ImageKey], target: list[ImageKey], change: Change, done: str, verb: str
    ) -> None:
        annotator = self.annotator
        if annotator is None:
            return
        key = source.pop() if source else self.key
        state = await asyncio.to_thread(change, annotator, key)
        self.message = done if state is not None else f"Nothing to {verb}."
        if state is None:
            self.refresh_readout()
            return
        target.append(key)
        await self.open_image(self.keys.index(key))

    async def action_proposal(self) -> None:
        """The model's proposal, and back."""
        if self.state is not None and self.state.proposal is not None:
            self._shows_proposal = not self._shows_proposal
            await self._take(self.state)

    # Moving about

    def _nearest(self) -> int | None:
        segmentation = None if self.state is None else self.state.segmentation
        return None if segmentation is None else nearest_centroid(segmentation, self.canvas.cursor)

    def _particle_points(self) -> list[Point]:
        segmentation = self.canvas.segmentation
        return [] if segmentation is None else [(float(y), float(x)) for y, x in segmentation.centroids]

    def _object_points(self) -> list[Point]:
        points = self._particle_points()
        parts = () if self.anatomy is None else self.anatomy.objects
        return [points[part.particles[0]] if part.particles else part.centre for part in parts]

    def action_next_particle(self) -> None:
        """The next centroid."""
        self.canvas.step_through(self._particle_points(), 1)

    def action_previous_particle(self) -> None:
        """The one before."""
        self.canvas.step_through(self._particle_points(), -1)

    def action_next_object(self) -> None:
        """The next object."""
        self.canvas.step_through(self._object_points(), 1)

    def action_previous_object(self) -> None:
        """The one before."""
        self.canvas.step_through(self._object_points(), -1)

    async def action_next_image(self) -> None:
        """The next image, decided or not."""
        self.message = ""
        await self.open_image(self.place + 1)

    async def action_previous_image(self) -> None:
        """The one before."""
        self.message = ""
        await self.open_image(self.place - 1)
