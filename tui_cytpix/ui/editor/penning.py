"""The editor's pens: brush, eraser, outline. The crosshair's path is one edit once the pen is lifted."""

from __future__ import annotations

import numpy as np

from tui_cytpix.ui.editor.editing import Change, EditingScreen
from tui_cytpix.workflow.annotate.outline_tools import Pen, sketch

PEN_RADII_PX = (0.0, 12.0)


class PenScreen(EditingScreen):
    """An editing screen with pens."""

    def show_pen(self) -> None:
        """What the pen has drawn so far; it is not saved before the pen is lifted."""
        segmentation, path = self.canvas.segmentation, self.canvas.path
        if self.pen is None or path is None or self.state is None or self.state.segmentation is None:
            return
        if segmentation is not None:
            drawn = sketch(self.state.segmentation, path, self.pen, self.pen_radius)
            self.canvas.edit(self.key, drawn, None, "")

    async def take_pen(self, pen: Pen) -> None:
        """Puts a pen down at the crosshair; the one that is down already is lifted."""
        before = self.pen
        await self.end_pen()
        if before is pen or self.state is None or self.state.segmentation is None:
            return
        self.shows_proposal = False
        self.pen, self.message = pen, f"{pen.capitalize()}: move; again or Enter: done, u: never mind."
        self.canvas.put_down()
        self.show_pen()
        self.refresh_readout()

    async def end_pen(self) -> None:
        """Lifts the pen: what it drew is one edit."""
        pen, self.pen = self.pen, None
        if pen is None:
            return
        path, radius = self.canvas.lift(), self.pen_radius
        changes: dict[Pen, Change] = {
            Pen.BRUSH: lambda a, key: a.paint(key, path, radius),
            Pen.ERASE: lambda a, key: a.erase(key, path, radius),
            Pen.OUTLINE: lambda a, key: a.outline(key, path),
        }
        if not await self.decide(changes[pen], f"{pen.capitalize()}: done.") and self.state is not None:
            await self.take(self.state)

    async def drop_pen(self) -> bool:
        """Lifts the pen without an edit; False where none is down."""
        if self.pen is None or self.state is None:
            return False
        self.pen, self.message = None, "Never mind."
        self.canvas.lift()
        await self.take(self.state)
        return True

    def size_pen(self, by: int) -> None:
        """A finer or broader pen."""
        self.pen_radius = float(np.clip(self.pen_radius + by, *PEN_RADII_PX))
        self.message = f"The pen is {2 * self.pen_radius + 1:.0f} px wide."
        self.show_pen()
        self.refresh_readout()
