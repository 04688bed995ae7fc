"""The editor's pens: brush, eraser, outline. The crosshair's path is one edit once the pen is lifted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tui_cytpix.domain.annotation import Annotation
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.ui.editor.canvas import AnnotationCanvas
from tui_cytpix.workflow.annotate.annotator import Annotator
from tui_cytpix.workflow.annotate.outline_tools import Pen, sketch

PEN_RADIUS_PX = 2.0
PEN_RADII_PX = (0.0, 12.0)
Change = Callable[[Annotator, ImageKey], Annotation | None]


class Pens:
    """The pen that is down on the canvas, if any, and how broad it is."""

    def __init__(self, canvas: AnnotationCanvas) -> None:
        self._canvas = canvas
        self.down: Pen | None = None
        self.radius = PEN_RADIUS_PX

    def put_down(self, pen: Pen) -> None:
        """At the crosshair."""
        self.down = pen
        self._canvas.put_down()

    def lift(self) -> Change:
        """The edit that is what the pen drew."""
        pen, self.down = self.down, None
        path, radius = self._canvas.lift(), self.radius
        if pen is Pen.OUTLINE:
            return lambda a, key: a.outline(key, path)
        return lambda a, key: (a.paint if pen is Pen.BRUSH else a.erase)(key, path, radius)

    def drawn_on(self, segmentation: Segmentation) -> Segmentation | None:
        """What it has drawn so far; None where none is down."""
        path = self._canvas.path
        return None if self.down is None or path is None else sketch(segmentation, path, self.down, self.radius)

    def resize(self, by: int) -> str:
        """A finer or broader pen; says how broad."""
        self.radius = float(np.clip(self.radius + by, *PEN_RADII_PX))
        return f"The pen is {2 * self.radius + 1:.0f} px wide."
