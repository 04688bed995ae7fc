"""Where in an image the editor's crosshair can go by key."""

from __future__ import annotations

from dataclasses import dataclass

from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.workflow.annotate.anatomy import Anatomy, ObjectPart
from tui_cytpix.workflow.annotate.tool import Point


@dataclass(frozen=True)
class Places:
    """Of what the canvas shows."""

    segmentation: Segmentation | None
    anatomy: Anatomy | None

    @property
    def particles(self) -> list[Point]:
        return [] if self.segmentation is None else [(float(y), float(x)) for y, x in self.segmentation.centroids]

    @property
    def objects(self) -> list[Point]:
        """A point in each object: its first centroid, else its middle."""
        return [] if self.anatomy is None else [self._in(part) for part in self.anatomy.objects]

    @property
    def odd(self) -> list[Point]:
        """What is unmarked, largest first, then what the model doubts, then what is far smaller than the rest."""
        if self.anatomy is None:
            return []
        points = self.particles
        doubtful = [points[k] for k in self.anatomy.doubtful]
        specks = [self._in(part) for part in self.anatomy.specks]
        return [*self.anatomy.unclaimed, *doubtful, *(point for point in specks if point not in doubtful)]

    def first(self, shape: tuple[int, int]) -> Point:
        """In the object whose count is most doubtful, else in the middle."""
        if self.anatomy is None or not self.anatomy.objects:
            return shape[0] / 2, shape[1] / 2
        return self._in(max(self.anatomy.objects, key=lambda part: part.doubt))

    def _in(self, part: ObjectPart) -> Point:
        return self.particles[part.particles[0]] if part.particles else part.centre
