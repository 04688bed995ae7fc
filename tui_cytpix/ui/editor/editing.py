"""The annotation editor without its keys: what it shows, and how a decision reaches the Annotator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from textual.widget import Widget

from tui_cytpix.domain.annotation import Annotation, Status
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.ui.editor.canvas import AnnotationCanvas
from tui_cytpix.ui.editor.words import Shown, lines, paragraphs
from tui_cytpix.ui.frame.base import StepScreen
from tui_cytpix.ui.widgets.boxes import Horizontal
from tui_cytpix.ui.widgets.lines.readout import Readout
from tui_cytpix.workflow.annotate import suggest
from tui_cytpix.workflow.annotate.anatomy import Anatomy, ObjectPart, compared, dissect
from tui_cytpix.workflow.annotate.annotator import Annotator, Point, nearest_centroid
from tui_cytpix.workflow.annotate.consistency import Stringency
from tui_cytpix.workflow.annotate.outline_tools import Pen
from tui_cytpix.workflow.annotate.suggest import Order, Suggestion
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run.predict import PredictProgress

WIDE = 110
PREFETCH = 6
PEN_RADIUS_PX = 2.0
Change = Callable[[Annotator, ImageKey], Annotation | None]


class EditingScreen(StepScreen):
    """Shows one image of a list with its state, and lets the Annotator change it. Decisions are taken one by one, in
    the order of the keys, off the event loop.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - as in Textual
    step = "train"
    on_top = True

    def __init__(self, keys: Sequence[ImageKey], start: ImageKey | None = None, *, review: bool = False) -> None:
        """With `review` the images are gone through whether they are decided or not."""
        super().__init__()
        self.listed = tuple(keys)
        self.keys = list(keys)
        self.review = review
        self.order = Order.LISTED
        self.stringency: Stringency | None = None
        self.place = self.keys.index(start) if start in self.keys else 0
        self.ranked: list[Suggestion] = []
        self.state: Annotation | None = None
        self.anatomy: Anatomy | None = None
        self.message = ""
        self._model: ModelEntry | None = None
        self.moving: int | None = None
        self.pen: Pen | None = None
        self.pen_radius = PEN_RADIUS_PX
        self.shows_proposal = False
        self.touched: list[ImageKey] = []
        self.taken_back: list[ImageKey] = []
        self._opened: ImageKey | None = None
        self._waits_at: Point | None = None  # where the crosshair waits for the proposal, unless the user moves it

    def body(self) -> Iterable[Widget]:
        """The canvas and the read-out beside it."""
        with Horizontal():
            yield AnnotationCanvas(self.cursor_moved, id="canvas")
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
        self.set_focus(self.canvas)
        self._model = await asyncio.to_thread(library.base_of, self.session.run)
        await self.session.load_predictions(self._model)
        self.session.ask_model(self._model, self.keys)
        await self.open_image(self.place)
        self.start(self._find_reasons(self._model), "reasons")

    async def _find_reasons(self, model: ModelEntry) -> None:
        self.ranked = await asyncio.to_thread(self._rank, model)
        self.refresh_readout()

    def _rank(self, model: ModelEntry) -> list[Suggestion]:
        """What speaks for each image; the other resolution's answers count where the run has them."""
        session = self.session
        rival = suggest.rival_of(model, library.library())
        other = None if rival is None else session.predict.store(rival)
        return suggest.suggestions(session.run, session.training, session.predict.store(model), None, other)

    async def reorder(self) -> None:
        """The next order; the image on screen stays."""
        if self._model is None:
            return
        orders = list(Order)
        self.order = orders[(orders.index(self.order) + 1) % len(orders)]
        if self.order is Order.SUGGESTED:
            self.ranked = await asyncio.to_thread(self._rank, self._model)
        here, store = self.key, self.session.predict.store(self._model)
        self.keys = suggest.arranged(self.listed, self.order, self.ranked, store, self.session.run.settings.seed)
        self.place = 0 if self.order is not Order.LISTED else self.keys.index(here)
        self.message = f"Order: {self.order}."
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
        if self.key != self._opened:
            self._opened, self._waits_at = self.key, self.canvas.cursor
            self.canvas.appears_as(self.key)  # until it is, the one before is on the screen
        self.moving, self.shows_proposal = None, False
        self.canvas.grab(on=False)
        self.canvas.steered = False
        ahead = self.keys[self.place : self.place + PREFETCH]
        self.session.cache.request(ahead, lambda _key: None)
        await self.take(annotator.look_at(self.key))

    async def take(self, state: Annotation) -> None:
        """Shows a state, measured off the event loop; how its masks lie against the run's others comes last."""
        self.state, self.stringency = state, None
        shown = state.proposal if self.shows_proposal else state.segmentation
        self.anatomy = None if shown is None else await asyncio.to_thread(self._dissected, shown)
        particles = None if self.anatomy is None else self.anatomy.particle_labels
        title = "what the model proposed (P: back)" if self.shows_proposal else ""
        self.canvas.edit(self.key, shown, particles, title)
        if self._waits_at == self.canvas.cursor and (shown is not None or self.canvas.picture is not None):
            self.canvas.put_cursor(self._first_point())
            self._waits_at = self.canvas.cursor if shown is None else None
        if shown is not None:
            self.stringency = await asyncio.to_thread(self.session.consistency.of, state)
        self.refresh_readout()

    def _dissected(self, shown: Segmentation) -> Anatomy:
        annotator = self.annotator
        return dissect(shown, None if annotator is None else annotator.seen(self.key).image)

    def _first_point(self) -> Point:
        """The crosshair starts in the object whose count is most doubtful."""
        if self.anatomy is None or not self.anatomy.objects:
            height, width = self.canvas.shape
            return height / 2, width / 2
        return self._point_in(max(self.anatomy.objects, key=lambda part: part.doubt))

    def _point_in(self, part: ObjectPart) -> Point:
        return self.particle_points()[part.particles[0]] if part.particles else part.centre

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
            moving=self.moving,
            zoom=self.canvas.zoom_factor,
            message=self.message,
            one_mask=self.target is not None,
            wide=self.has_class("-wide"),
            pen=self.pen,
            aside=self._aside(),
        )
        run = self.session.run
        self.query_one(Readout).show(lines(shown, run.annotations), paragraphs(shown, run.settings))

    def _aside(self) -> tuple[str, ...]:
        """Why this image, how its masks lie, and how it differs from the proposal while that is shown."""
        reason = next((s.reason for s in self.ranked if s.image == self.key), "")
        found = [f"Suggested: {reason}." if reason else ""]
        if self.stringency is not None:
            found.append(self.stringency.in_words())
        state = self.state
        if self.shows_proposal and state is not None and state.segmentation is not None and state.proposal is not None:
            found.append(compared(state.segmentation, state.proposal))
        return tuple(words for words in found if words)

    def cursor_moved(self) -> None:
        """Position and object under the crosshair."""
        self.show_pen()
        self.refresh_readout()

    def show_pen(self) -> None:
        """What a pen has drawn so far."""

    async def end_pen(self) -> None:
        """Lifts the pen that is down, if any."""

    # Deciding

    async def decide(self, change: Change, done: str, *, nothing: str = "Nothing to change here.") -> bool:
        """Lets the Annotator change this image; False where there was nothing to change."""
        annotator, key = self.annotator, self.key
        if annotator is None:
            return False
        await self.end_pen()
        if self.state is None or self.state.segmentation is None:
            nothing = "No proposal yet: wait for the model."
        self.shows_proposal = False
        state = await asyncio.to_thread(change, annotator, key)
        self.refresh_saved()
        self.message = done if state is not None else nothing
        if state is None:
            self.refresh_readout()
            return False
        self.touched.append(key)
        self.taken_back.clear()
        await self.take(state)
        return True

    async def go_on(self, message: str) -> None:
        """To the next open image; stays where none is left."""
        if self.review:
            self.message = message
            await self.open_image(self.place + 1)
            return
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

    async def walk_back(
        self, source: list[ImageKey], target: list[ImageKey], change: Change, done: str, verb: str
    ) -> None:
        """Undoes or redoes the newest of `source`, else on this image, and goes there."""
        annotator = self.annotator
        if annotator is None:
            return
        key = source.pop() if source else self.key
        state = await asyncio.to_thread(change, annotator, key)
        self.refresh_saved()
        self.message = done if state is not None else f"Nothing to {verb}."
        if state is None:
            self.refresh_readout()
            return
        target.append(key)
        await self.open_image(self.keys.index(key))

    # Moving about

    def nearest(self) -> int | None:
        """The centroid nearest to the crosshair, by index."""
        segmentation = None if self.state is None else self.state.segmentation
        return None if segmentation is None else nearest_centroid(segmentation, self.canvas.cursor)

    def particle_points(self) -> list[Point]:
        """The centroids shown."""
        segmentation = self.canvas.segmentation
        return [] if segmentation is None else [(float(y), float(x)) for y, x in segmentation.centroids]

    def object_points(self) -> list[Point]:
        """A point in each object: its first centroid, else its middle."""
        return [] if self.anatomy is None else [self._point_in(part) for part in self.anatomy.objects]

    def odd_points(self) -> list[Point]:
        """What is unmarked, largest first, then what the model doubts, then what is far smaller than the rest."""
        if self.anatomy is None:
            return []
        points = self.particle_points()
        doubtful = [points[k] for k in self.anatomy.doubtful]
        specks = [self._point_in(part) for part in self.anatomy.specks]
        return [*self.anatomy.unclaimed, *doubtful, *(point for point in specks if point not in doubtful)]

    @property
    def target(self) -> Point | None:
        """Where the object is that a key for outlines means: under the crosshair, once the user has moved there. None:
        all objects.
        """
        cursor = self.canvas.cursor
        if not self.canvas.steered or self.anatomy is None or self.anatomy.object_at(cursor) is None:
            return None
        return cursor
