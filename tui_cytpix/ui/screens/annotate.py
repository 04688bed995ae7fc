"""Step 4, the annotation editor: one enlarged image, one key per decision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.ui.commands.bindings import bindings
from tui_cytpix.ui.editor.decisions import Decisions
from tui_cytpix.ui.editor.editor import Editor
from tui_cytpix.ui.editor.image_list import ImageList
from tui_cytpix.ui.editor.looking_back import LookingBack
from tui_cytpix.ui.frame.base import StepScreen
from tui_cytpix.ui.frame.handed import Handed
from tui_cytpix.workflow.annotate.annotator import Annotator
from tui_cytpix.workflow.run.predict import PredictProgress

WIDE = 110


class AnnotateScreen(StepScreen):
    """Opens on top of step 4 with the images to go through. Every decision is the Annotator's."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - as in Textual
    step = "train"
    on_top = True
    SCOPES = ("editor", "cursor", "image")
    CSS_PATH = "annotate.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("editor")

    def __init__(self, keys: Sequence[ImageKey], start: ImageKey | None = None, *, review: bool = False) -> None:
        super().__init__()
        self.images = ImageList(keys, start, review=review)
        self.looking_back = LookingBack(self, self.images)
        self.editor = Editor(self, self.images, self.looking_back)
        self.decisions = Decisions(self, self.images, self.editor)
        self.canvas = self.editor.canvas

    def body(self) -> Iterable[Widget]:
        """The strip takes the whole width."""
        yield self.editor
        yield self.looking_back.strip

    async def enter(self) -> None:
        await self.editor.begin()
        await self.looking_back.begin(self.editor.say)

    def returned(self) -> None:
        """The look back was taken."""
        self.looking_back.hide()

    def on_predictions(self, progress: PredictProgress) -> None:
        self.editor.predictions_came(progress)

    # Deciding

    async def action_accept(self) -> None:
        event = self.images.key.event
        if await self.decisions.decide(lambda a, key: a.accept(key), "", "There is nothing to accept."):
            side = self.session.run.annotations.state(self.images.key).side
            await self.decisions.go_on(f"{event} accepted ({side}).")

    async def action_reject(self) -> None:
        event = self.images.key.event
        if await self.decisions.decide(lambda a, key: a.reject(key), ""):
            await self.decisions.go_on(f"{event} rejected.")

    async def action_ambiguous(self) -> None:
        event = self.images.key.event
        if await self.decisions.decide(lambda a, key: a.mark_ambiguous(key), ""):
            await self.decisions.go_on(f"{event}: indistinguishable.")

    async def action_skip(self) -> None:
        await self.decisions.end_pen()
        await self.decisions.go_on(f"{self.images.key.event} skipped.")

    # Tools

    action_use = Handed("decisions", "use")
    action_drop = Handed("decisions", "drop")
    action_pen_smaller = Handed("decisions", "size_pen", -1)
    action_pen_larger = Handed("decisions", "size_pen", 1)

    # Back and forth

    action_revert = Handed("decisions", "decide", Annotator.revert, "As proposed.", "It is as proposed already.")

    async def action_undo(self) -> None:
        """Of what a pen drew, else of the last change."""
        if not await self.decisions.drop_pen():
            await self.decisions.undo()

    action_redo = Handed("decisions", "redo")
    action_proposal = Handed("editor", "switch_proposal")

    # Moving about

    action_go = Handed("editor", "step_through")
    action_odd = Handed("editor", "step_to_odd")

    async def action_order(self) -> None:
        """As listed, suggested, random, least sure first."""
        await self.decisions.end_pen()
        await self.editor.reorder()

    async def action_review(self) -> None:
        """Earlier annotations once more, those that drift first."""
        await self.decisions.end_pen()
        keys = await self.looking_back.to_review(self.editor.say)
        if keys:
            self.app.push_screen(AnnotateScreen(keys, review=True))

    async def action_next_image(self) -> None:
        await self.decisions.end_pen()
        await self.editor.open_image(self.images.place + 1, "")

    async def action_previous_image(self) -> None:
        await self.decisions.end_pen()
        await self.editor.open_image(self.images.place - 1, "")
