"""A scripted annotator: sees what is on the editor's screen and the truth, and presses keys until they agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.editing.adjust import loosen, tighten
from tui_cytpix.core.objects.centroids import centre
from tui_cytpix.core.objects.regions import label_objects, mask_iou
from tui_cytpix.core.objects.watershed import object_of
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.ui.commands.bindings import of_scope
from tui_cytpix.ui.screens.annotate import AnnotateScreen
from tui_cytpix.workflow.annotate.tool import object_at

IOU, WITHIN_PX, MOST_KEYS = 0.9, 2.0, 30
WANDS, MENDED_PX = 3, 3  # more wands; tightened or loosened
Point = tuple[float, float]


def key(command: str) -> str:
    """The first key of a command."""
    return next(c.keys.split(",")[0] for c in of_scope(command.partition(".")[0]) if c.id == command)


def centroids_right(now: Segmentation, truth: Segmentation) -> bool:
    """One to one within 2 px."""
    from scipy.optimize import linear_sum_assignment

    if now.particle_count != truth.particle_count:
        return False
    away = np.hypot(*(now.centroids[:, None] - truth.centroids[None]).transpose(2, 0, 1))
    return bool((away[linear_sum_assignment(away)] <= WITHIN_PX).all())


def is_right(now: Segmentation, truth: Segmentation) -> bool:
    """Count equal, foreground IoU at least 0.9, centroids within 2 px."""
    return centroids_right(now, truth) and (not truth.mask.any() or mask_iou(truth.mask, now.mask) >= IOU)


class Oracle:
    """Says the next key for what the screen shows."""

    def __init__(self, truth: Segmentation, usable: bool) -> None:
        self.truth, self._usable = truth, usable
        self._labels, self._count = label_objects(truth.mask)
        self._owners = object_of(self._labels, truth.centroids)
        self._tried: set[str] = set()
        self._last_iou = 0.0

    def next_key(self, screen: AnnotateScreen) -> str:
        """One key; `a` once all is right, or nothing is left to try."""
        if not self._usable:
            return key("editor.reject")
        assert screen.editor.state is not None
        assert screen.editor.state.segmentation is not None
        now = screen.editor.state.segmentation
        if is_right(now, self.truth):
            return key("editor.accept")
        for rule in (self._speck, self._missing, self._badly_drawn, self._wrong_count, self._off_centre, self._outline):
            pressed = rule(screen, now)
            if pressed:
                return pressed
        return key("editor.accept")

    def _speck(self, screen: AnnotateScreen, now: Segmentation) -> str | None:
        """An object where the truth has none."""
        labels, count = label_objects(now.mask)
        for number in range(1, count + 1):
            region = labels == number
            if not (region & self.truth.mask).any():
                return self._towards(screen, region, exact=True) or key("editor.count-0")
        return None

    def _missing(self, screen: AnnotateScreen, now: Segmentation) -> str | None:
        """An object that is not there."""
        for number in range(1, self._count + 1):
            region = self._labels == number
            if not (region & now.mask).any():
                return self._towards(screen, region, exact=True) or self._once(f"wand {number}", "editor.wand")
        return None

    def _badly_drawn(self, screen: AnnotateScreen, now: Segmentation) -> str | None:
        """The wand drew something that no tightening or loosening mends: the next thing that it may be."""
        for number in range(1, self._count + 1):
            region = self._labels == number
            under = object_at(now.mask, screen.canvas.cursor)
            if f"wand {number}" not in self._tried or under is None or not (under & region).any():
                continue
            if not any(self._fits(region, drawn) for drawn in _tighter_and_looser(under)):
                for attempt in range(WANDS):
                    pressed = self._once(f"wand {number} {attempt}", "editor.wand")
                    if pressed:
                        return pressed
        return None

    def _fits(self, region: NDArray[np.bool_], drawn: NDArray[np.bool_]) -> bool:
        """Whether all is right with this outline in place of the object that was missing."""
        away = np.hypot(*(np.array(centre(drawn)) - np.array(centre(region))))
        return bool(away <= WITHIN_PX and mask_iou(self.truth.mask, self.truth.mask & ~region | drawn) >= IOU)

    def _wrong_count(self, screen: AnnotateScreen, now: Segmentation) -> str | None:
        """An object that holds another number of particles."""
        labels, count = label_objects(now.mask)
        owners = object_of(labels, now.centroids)
        for number in range(1, count + 1):
            region = labels == number
            rows = self.truth.centroids.round().astype(int)
            wanted = int(region[rows[:, 0], rows[:, 1]].sum())
            if wanted and wanted != int((owners == number).sum()):
                return self._towards(screen, region, exact=False) or key(f"editor.count-{wanted}")
        return None

    def _off_centre(self, screen: AnnotateScreen, now: Segmentation) -> str | None:
        """Centroids in the wrong place: all to the centre, else moved one by one."""
        if now.particle_count != self.truth.particle_count or centroids_right(now, self.truth):
            return None
        centring = self._once("centre", "editor.centre-all")
        if centring:
            return centring
        away = np.hypot(*(now.centroids[:, None] - self.truth.centroids[None]).transpose(2, 0, 1))
        if screen.editor.moving is not None:
            at = self.truth.centroids[np.argmin(away[screen.editor.moving])]
            return _step(screen.canvas.cursor, (float(at[0]), float(at[1])), 1.0) or key("editor.move")
        wrong = int(np.argmax(away.min(axis=1)))
        if screen.editor.nearest() == wrong:
            return key("editor.move")
        point = now.centroids[wrong]
        return _step(screen.canvas.cursor, (float(point[0]), float(point[1])), 1.0)

    def _outline(self, screen: AnnotateScreen, now: Segmentation) -> str | None:
        """Masks that are too large or too small."""
        if mask_iou(self.truth.mask, now.mask) >= IOU:
            return None
        iou = mask_iou(self.truth.mask, now.mask)
        if iou <= self._last_iou:
            return None
        self._last_iou = iou
        extra, lacking = int((now.mask & ~self.truth.mask).sum()), int((self.truth.mask & ~now.mask).sum())
        return key("editor.tighten" if extra > lacking else "editor.loosen")

    def _once(self, what: str, command: str) -> str | None:
        if what in self._tried:
            return None
        self._tried.add(what)
        return key(command)

    def _towards(self, screen: AnnotateScreen, region: NDArray[np.bool_], *, exact: bool) -> str | None:
        """The first key of the shortest way to an object; None when there. Without `exact`, being nearest to it (and
        on no other) is enough.
        """
        at = screen.canvas.cursor
        if region[round(at[0]), round(at[1])]:
            return None
        if not exact and self._is_nearest(screen, region):
            return None
        ways = [
            _jumps(at, screen.object_points(), region, "object"),
            _jumps(at, screen.particle_points(), region, "particle"),
            _jumps(at, screen.odd_points(), region, "odd", nearest_first=False),
            _walk(at, region),
        ]
        return min((way for way in ways if way), key=len)[0]

    def _is_nearest(self, screen: AnnotateScreen, region: NDArray[np.bool_]) -> bool:
        at = screen.canvas.cursor
        assert screen.editor.state is not None
        assert screen.editor.state.segmentation is not None
        pixels = np.argwhere(screen.editor.state.segmentation.mask)
        y, x = pixels[np.argmin(((pixels - np.array(at)) ** 2).sum(axis=1))]
        return bool(region[y, x])


def _tighter_and_looser(region: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    found, tight, loose = [region], region, region
    for _ in range(MENDED_PX):
        tight, loose = tighten(tight, np.zeros((0, 2))), loosen(loose)
        found += [tight, loose]
    return found


def _jumps(
    at: Point, points: list[Point], region: NDArray[np.bool_], what: str, *, nearest_first: bool = True
) -> list[str]:
    """The presses of one jump key that lead into the region; none where it doesn't."""
    if not points:
        return []
    away = [(p[0] - at[0]) ** 2 + (p[1] - at[1]) ** 2 for p in points]
    nearest = int(np.argmin(away))
    ways = []
    for name, by in ((f"next-{what}", 1), (f"previous-{what}", -1)):
        place = nearest
        for presses in range(1, len(points) + 2):
            if presses > 1 or away[nearest] <= 2.0:
                place = (place + by) % len(points)
            elif not nearest_first:
                place = 0
            y, x = points[place]
            if region[round(y), round(x)]:
                ways.append([key(f"editor.{name}")] * presses)
                break
    return min(ways, key=len, default=[])


def _walk(at: Point, region: NDArray[np.bool_]) -> list[str]:
    """Single steps to the region's pixel that takes fewest."""
    pixels = np.argwhere(region)
    steps = np.abs(pixels - np.array(at))
    presses = (steps // 8 + np.minimum(steps % 8, 9 - steps % 8)).sum(axis=1)
    y, x = pixels[int(np.argmin(presses))]
    way, here = [], at
    while True:
        pressed = _step(here, (float(y), float(x)), 0.0)
        if pressed is None:
            return way
        way.append(pressed)
        down, right = _MOVES[pressed]
        here = here[0] + down, here[1] + right


def _moves() -> dict[str, tuple[int, int]]:
    ways = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}
    near = {key(f"cursor.{name}"): by for name, by in ways.items()}
    return near | {key(f"cursor.far-{name}"): (8 * down, 8 * right) for name, (down, right) in ways.items()}


_MOVES = _moves()


def _step(at: Point, to: Point, within: float) -> str | None:
    """The move that comes closest to a point; None where it is near enough."""
    if max(abs(to[0] - at[0]), abs(to[1] - at[1])) <= within:
        return None

    def left(move: tuple[int, int]) -> float:
        return abs(to[0] - at[0] - move[0]) + abs(to[1] - at[1] - move[1])

    best = min(_MOVES, key=lambda pressed: left(_MOVES[pressed]))
    return best if left(_MOVES[best]) < left((0, 0)) else None
