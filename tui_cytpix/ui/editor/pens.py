"""The editor's pens, which draw from one press of their key to the next: what lies between is one edit."""

from __future__ import annotations

import numpy as np

from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.ui.editor.canvas import AnnotationCanvas
from tui_cytpix.workflow.annotate.tool import Aim, Tool

PEN_RADIUS_PX = 2.0
PEN_RADII_PX = (0.0, 12.0)


class Pens:
    """The pen that is down on the canvas, if any, and how broad it is."""

    def __init__(self, canvas: AnnotationCanvas) -> None:
        self._canvas = canvas
        self.down: Tool | None = None
        self.radius = PEN_RADIUS_PX

    def put_down(self, pen: Tool) -> None:
        self.down = pen
        self._canvas.put_down()

    def lift(self) -> Aim:
        self.down = None
        return Aim(path=self._canvas.lift(), radius=self.radius)

    def drawn_on(self, segmentation: Segmentation) -> Segmentation | None:
        """What it has drawn so far; None where none is down."""
        path = self._canvas.path
        if self.down is None or self.down.sketch is None or path is None:
            return None
        return self.down.sketch(segmentation, Aim(path=path, radius=self.radius))

    def resize(self, by: int) -> str:
        self.radius = float(np.clip(self.radius + by, *PEN_RADII_PX))
        return f"The pen is {2 * self.radius + 1:.0f} px wide."
