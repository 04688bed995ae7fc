"""Step 4, the annotation editor: one enlarged image, one key per decision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.widget import Widget

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.ui.editor.decisions import Decisions
from tui_cytpix.ui.editor.editor import Editor
from tui_cytpix.ui.editor.image_list import ImageList
from tui_cytpix.ui.editor.looking_back import LookingBack
from tui_cytpix.ui.frame.base import StepScreen
from tui_cytpix.ui.frame.handed import Handed
from tui_cytpix.ui.session import PredictionsChanged
from tui_cytpix.workflow.annotate.annotator import Annotator


class AnnotateScreen(StepScreen):
    """Opens on top of step 4 with the images to go through. Every decision is the Annotator's."""

    step = "train"
    on_top = True
    SCOPES = ("editor", "cursor", "image")
    CSS_PATH = "annotate.tcss"

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
        """From a review, or from similar images: the image may have been decided about there."""
        self.looking_back.hide()
        self.start(self.editor.look_again(), "look again", first=True)

    def on_predictions_changed(self, event: PredictionsChanged) -> None:
        self.editor.predictions_came(event.progress)

    # Deciding

    action_accept = Handed(
        "decisions", "settle", Annotator.accept, " accepted ({side}).", "There is nothing to accept."
    )
    action_reject = Handed("decisions", "settle", Annotator.reject, " rejected.")
    action_ambiguous = Handed("decisions", "settle", Annotator.mark_ambiguous, ": indistinguishable.")

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

    async def action_move(self, by: int) -> None:
        await self.decisions.end_pen()
        await self.editor.open_image(self.images.place + by, "")
