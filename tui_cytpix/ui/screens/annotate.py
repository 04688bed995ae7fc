"""Step 4, the annotation editor: one enlarged image, one key per decision."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from tui_cytpix.ui.commands.bindings import bindings
from tui_cytpix.ui.editor.looking_back import LookBackScreen
from tui_cytpix.workflow.annotate.outline_tools import Pen


class AnnotateScreen(LookBackScreen):
    """Opens on top of step 4 with the images to go through. Every decision is the Annotator's."""

    SCOPES = ("editor", "cursor", "image")
    CSS_PATH = "annotate.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("editor")

    # Deciding

    async def action_accept(self) -> None:
        """Into the training set."""
        event = self.key.event
        if await self.decide(lambda a, key: a.accept(key), "", nothing="There is nothing to accept."):
            side = self.session.run.annotations.state(self.key).side
            await self.go_on(f"{event} accepted ({side}).")

    async def action_reject(self) -> None:
        """Left out."""
        event = self.key.event
        if await self.decide(lambda a, key: a.reject(key), ""):
            await self.go_on(f"{event} rejected.")

    async def action_ambiguous(self) -> None:
        """The cells can't be told apart."""
        event = self.key.event
        if await self.decide(lambda a, key: a.mark_ambiguous(key), ""):
            await self.go_on(f"{event}: indistinguishable.")

    async def action_skip(self) -> None:
        """No decision."""
        await self.end_pen()
        await self.go_on(f"{self.key.event} skipped.")

    async def action_count(self, count: int) -> None:
        """So many particles in the object at the crosshair."""
        point = self.canvas.cursor
        done = "Not a cell: the object is gone." if count == 0 else f"{count} in this object."
        await self.decide(lambda a, key: a.set_count(key, point, count), done, nothing="It is so already.")

    async def action_place(self) -> None:
        """A centroid at the crosshair."""
        point = self.canvas.cursor
        await self.decide(lambda a, key: a.place(key, point), "Placed.")

    async def action_delete(self) -> None:
        """The nearest centroid goes."""
        point = self.canvas.cursor
        await self.decide(lambda a, key: a.delete(key, point), "Deleted.", nothing="There is no centroid.")

    async def action_move(self) -> None:
        """Takes the nearest centroid, or drops it."""
        if self.moving is not None:
            await self.action_drop()
            return
        nearest = self.nearest()
        if nearest is None:
            self.message = "There is no centroid."
            self.refresh_readout()
            return
        self.moving, self.message = nearest, "Moving: m or Enter drops it."
        self.canvas.grab(on=True)
        self.canvas.put_cursor(self.particle_points()[nearest])
        self.refresh_readout()

    async def action_drop(self) -> None:
        """Drops the centroid that is being moved; a pen is put away."""
        if self.pen is not None:
            await self.end_pen()
        if self.moving is None:
            return
        index, self.moving = self.moving, None
        point = self.canvas.cursor
        self.canvas.grab(on=False)
        stays = "It stays where it was: no object without a centroid, no centroid without an object."
        await self.decide(lambda a, key: a.move(key, index, point), "Moved.", nothing=stays)

    async def action_snap(self) -> None:
        """The nearest centroid to the middle of what the image shows."""
        point = self.canvas.cursor
        await self.decide(lambda a, key: a.snap(key, point), "Snapped.", nothing="It is in the middle already.")

    async def action_centre(self) -> None:
        """The nearest centroid to the centre of its particle."""
        nearest = self.nearest()
        if nearest is not None:
            await self.decide(lambda a, key: a.centre(key, nearest), "Centred.", nothing="It is centred already.")

    async def action_centre_all(self) -> None:
        """All centroids."""
        await self.decide(lambda a, key: a.centre(key), "All centred.", nothing="They are centred already.")

    # Outlines

    async def action_tighten(self) -> None:
        """1 px further in."""
        target = self.target
        await self.decide(lambda a, key: a.tighten(key, target), "Tighter.", nothing="It can't be tighter.")

    async def action_loosen(self) -> None:
        """1 px further out."""
        target = self.target
        await self.decide(lambda a, key: a.loosen(key, target), "Looser.", nothing="It can't be looser.")

    async def action_brush(self) -> None:
        """Paints from here on, or ends it."""
        await self.take_pen(Pen.BRUSH)

    async def action_erase(self) -> None:
        """Erases from here on, or ends it."""
        await self.take_pen(Pen.ERASE)

    async def action_outline(self) -> None:
        """Begins an outline, or closes it."""
        await self.take_pen(Pen.OUTLINE)

    def action_pen_smaller(self) -> None:
        """A finer pen."""
        self.size_pen(-1)

    def action_pen_larger(self) -> None:
        """A broader pen."""
        self.size_pen(1)

    async def action_fill(self) -> None:
        """Holes become foreground."""
        point = self.canvas.cursor
        await self.decide(lambda a, key: a.fill(key, point), "Filled.", nothing="It has no holes.")

    async def action_wand(self) -> None:
        """An object by what the image shows."""
        point = self.canvas.cursor
        await self.decide(lambda a, key: a.wand(key, point), "Drawn.", nothing="Nothing stands out here.")

    async def action_split(self) -> None:
        """Two objects of one."""
        point = self.canvas.cursor
        await self.decide(lambda a, key: a.split(key, point), "Split.", nothing="There is no object to split here.")

    async def action_merge(self) -> None:
        """One object of two."""
        point = self.canvas.cursor
        await self.decide(lambda a, key: a.merge(key, point), "Merged.", nothing="There is no second object.")

    # Back and forth

    async def action_revert(self) -> None:
        """Back to the proposal."""
        await self.decide(lambda a, key: a.revert(key), "As proposed.", nothing="It is as proposed already.")

    async def action_undo(self) -> None:
        """Takes the last change back, wherever it was; then those of this image, also of earlier sessions."""
        if await self.drop_pen():
            return
        await self.walk_back(self.touched, self.taken_back, lambda a, key: a.undo(key), "Undone.", "undo")

    async def action_redo(self) -> None:
        """Reinstates what undo took back."""
        await self.walk_back(self.taken_back, self.touched, lambda a, key: a.redo(key), "Redone.", "redo")

    async def action_proposal(self) -> None:
        """The model's proposal, and back."""
        if self.state is not None and self.state.proposal is not None:
            self.shows_proposal = not self.shows_proposal
            await self.take(self.state)

    # Moving about

    def action_next_particle(self) -> None:
        """The next centroid."""
        self.canvas.step_through(self.particle_points(), 1)

    def action_previous_particle(self) -> None:
        """The one before."""
        self.canvas.step_through(self.particle_points(), -1)

    def action_next_object(self) -> None:
        """The next object."""
        self.canvas.step_through(self.object_points(), 1)

    def action_previous_object(self) -> None:
        """The one before."""
        self.canvas.step_through(self.object_points(), -1)

    def action_next_odd(self) -> None:
        """The next place that looks wrong."""
        self._to_odd(1)

    def action_previous_odd(self) -> None:
        """The one before."""
        self._to_odd(-1)

    def _to_odd(self, by: int) -> None:
        points = self.odd_points()
        self.message = "" if points else "Nothing unmarked stands out, no particle is doubtful, no object is a speck."
        self.canvas.step_through(points, by, nearest_first=False)
        self.refresh_readout()

    async def action_order(self) -> None:
        """As listed, suggested, random, least sure first."""
        await self.end_pen()
        await self.reorder()

    async def action_review(self) -> None:
        """Earlier annotations once more, those that drift first."""
        await self.end_pen()
        await self.look_back()

    async def action_next_image(self) -> None:
        """The next image, decided or not."""
        await self.end_pen()
        self.message = ""
        await self.open_image(self.place + 1)

    async def action_previous_image(self) -> None:
        """The one before."""
        await self.end_pen()
        self.message = ""
        await self.open_image(self.place - 1)
