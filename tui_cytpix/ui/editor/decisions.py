"""How decisions of the editor's keys reach the Annotator, and what pens draw."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tui_cytpix.domain.annotation import Annotation
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.ui.editor.editor import Editor
from tui_cytpix.ui.editor.image_list import ImageList
from tui_cytpix.ui.frame.base import StepScreen
from tui_cytpix.workflow.annotate.annotator import Annotator
from tui_cytpix.workflow.annotate.tool import Aim, Tool
from tui_cytpix.workflow.annotate.toolbox import TOOLS

Change = Callable[[Annotator, ImageKey], Annotation | None]


class Decisions:
    """Those about the image that the editor shows: one by one, in the order of the keys, off the event loop."""

    def __init__(self, screen: StepScreen, images: ImageList, editor: Editor) -> None:
        self._screen, self._images, self._editor = screen, images, editor
        self._touched: list[ImageKey] = []
        self._taken_back: list[ImageKey] = []

    async def decide(self, change: Change, done: str, nothing: str = "") -> bool:
        """Lets the Annotator change this image; False where there was nothing to change."""
        annotator, key = self._editor.annotator, self._images.key
        if annotator is None:
            return False
        await self.end_pen()
        if self._editor.state is None or self._editor.state.segmentation is None:
            nothing = "No proposal yet: wait for the model."
        self._editor.hide_proposal()
        state = await asyncio.to_thread(change, annotator, key)
        self._screen.refresh_saved()
        if state is None:
            self._editor.say(nothing)
            return False
        self._touched.append(key)
        self._taken_back.clear()
        await self._editor.take(state, done)
        return True

    async def settle(self, change: Change, done: str, nothing: str = "") -> None:
        """Decides about this image and goes on; `done` may name its `{side}`."""
        key = self._images.key
        if await self.decide(change, "", nothing):
            side = self._screen.session.run.annotations.state(key).side
            await self.go_on(key.event + done.format(side=side))

    # Tools

    async def use(self, name: str) -> None:
        """A tool's key: changes the image at the crosshair, or takes a pen or a centroid, or puts it down."""
        tool, editor = TOOLS[name], self._editor
        if tool.sketch is not None:
            await self._take_pen(tool)
        elif not tool.takes:
            await self._apply(tool, Aim(editor.canvas.cursor, editor.target))
        elif editor.moving is not None:
            await self.drop()
        else:
            editor.take_nearest(tool)

    async def _apply(self, tool: Tool, aim: Aim) -> bool:
        return await self.decide(lambda a, key: a.use(key, tool, aim), tool.done, tool.nothing)

    async def drop(self) -> None:
        await self.end_pen()
        taken = self._editor.let_go()
        if taken is not None:
            tool, centroid = taken
            await self._apply(tool, Aim(self._editor.canvas.cursor, centroid=centroid))

    async def go_on(self, message: str) -> None:
        """To the next open image; stays where none is left."""
        images = self._images
        following = images.place + 1 if images.review else images.next_open(self._screen.session.run.annotations)
        if following is None:
            self._editor.say(f"{message} No open image is left: {{app.back}} goes back.")
        else:
            await self._editor.open_image(following, message)

    async def undo(self) -> None:
        """Takes the last change back, wherever it was; then those of this image, also of earlier sessions."""
        await self._walk_back(self._touched, self._taken_back, lambda a, key: a.undo(key), "Undone.", "undo")

    async def redo(self) -> None:
        await self._walk_back(self._taken_back, self._touched, lambda a, key: a.redo(key), "Redone.", "redo")

    async def _walk_back(
        self, source: list[ImageKey], target: list[ImageKey], change: Change, done: str, verb: str
    ) -> None:
        """Undoes or redoes the newest of `source`, else on this image, and goes there."""
        annotator = self._editor.annotator
        if annotator is None:
            return
        key = source.pop() if source else self._images.key
        state = await asyncio.to_thread(change, annotator, key)
        self._screen.refresh_saved()
        if state is None:
            self._editor.say(f"Nothing to {verb}.")
            return
        target.append(key)
        await self._editor.open_image(self._images.keys.index(key), done)

    # Pens

    async def _take_pen(self, pen: Tool) -> None:
        editor = self._editor
        before = editor.pens.down
        await self.end_pen()
        if before is pen or editor.state is None or editor.state.segmentation is None:
            return
        editor.hide_proposal()
        editor.pens.put_down(pen)
        editor.show_pen()
        editor.say(f"{pen.label}: move; again or {{editor.drop}}: done, {{editor.undo}}: never mind.")

    async def end_pen(self) -> None:
        """Lifts the pen that is down, if any: what it drew is one edit."""
        editor, pen = self._editor, self._editor.pens.down
        if pen is not None and not await self._apply(pen, editor.pens.lift()) and editor.state is not None:
            await editor.take(editor.state)

    async def drop_pen(self) -> bool:
        """Lifts the pen without an edit; False where none is down."""
        if self._editor.pens.down is None or self._editor.state is None:
            return False
        self._editor.pens.lift()
        await self._editor.take(self._editor.state, "Never mind.")
        return True

    def size_pen(self, by: int) -> None:
        words = self._editor.pens.resize(by)
        self._editor.show_pen()
        self._editor.say(words)
