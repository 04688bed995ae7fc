"""Pictures for the screen, with NumPy alone: contrast, scaling, outlines, colours.

Outlines and marks are made after scaling, at the size of the screen's pixels, or they would vanish in small pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What a screen pixel holds is an ink, a number: first the grays, then the same under the overlay's tint, then these.
GRAY_LEVELS = 32
OUTLINE, MARK, RIM, CROSSHAIR, BACKDROP = range(2 * GRAY_LEVELS, 2 * GRAY_LEVELS + 5)
INKS = BACKDROP + 1
NOTHING = 255  # leaves what is there
MID_GRAY = 128.0  # of a stretched picture's background
MIN_SPAN_SIGMAS = 12.0
SOME_SHARE = 0.05
SPECK = 0.2  # of the largest piece's area: less is no cell beside it
RGB = tuple[int, int, int]


@dataclass(frozen=True)
class Window:
    """The part of an image that is shown, in pixels of the image: rows `top` to `top + height`, columns `left` to
    `left + width`, all of which may be fractions and lie outside the image.
    """

    top: float
    left: float
    height: float
    width: float

    @property
    def centre(self) -> tuple[float, float]:
        """(y, x) of its middle, px."""
        return self.top + self.height / 2 - 0.5, self.left + self.width / 2 - 0.5


def stretch(image: NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]) -> NDArray[np.uint8]:
    """The image's own contrast spread over 0..255: uint8 (H, W).

    The background (median) goes to mid-gray, and the 0.2 and 99.8 percentiles set the ends, so that a dark rim and
    a bright halo of different strength both stay visible. The span is at least 12 times the noise (scaled median
    absolute deviation): a blank image stays gray instead of turning into amplified noise.
    """
    values = image.astype(np.float32)
    low, middle, high = (float(v) for v in np.percentile(values, [0.2, 50.0, 99.8]))
    noise = 1.4826 * float(np.median(np.abs(values - middle)))
    half = max(middle - low, high - middle, MIN_SPAN_SIGMAS / 2 * noise, 1.0)
    down, up = max(middle - low, 0.6 * half), max(high - middle, 0.6 * half)
    shifted = values - middle
    scaled = np.where(shifted < 0, MID_GRAY + shifted * (118.0 / down), MID_GRAY + shifted * (122.0 / up))
    return np.clip(scaled, 0, 255).astype(np.uint8)


def content_box(picture: NDArray[np.uint8]) -> tuple[int, int, int, int] | None:
    """(top, left, bottom, right) of what stands out from the background of a stretched picture, whether or not a model
    saw it; None where nothing does. Means over 4 x 4 px against their own spread, so that noise stays below; specks
    beside something larger are left out.
    """
    height, width = picture.shape[0] // 4 * 4, picture.shape[1] // 4 * 4
    if not height or not width:
        return None
    blocks = picture[:height, :width].reshape(height // 4, 4, width // 4, 4).astype(np.float32)
    away = np.abs(blocks.mean(axis=(1, 3)) - float(np.median(picture))) + blocks.std(axis=(1, 3))
    usual = float(np.median(away))
    spread = 1.4826 * float(np.median(np.abs(away - usual)))
    ys, xs = _without_specks(away > usual + max(10.0 * spread, 12.0))
    if not len(ys):
        return None
    return int(ys.min()) * 4, int(xs.min()) * 4, int(ys.max()) * 4 + 4, int(xs.max()) * 4 + 4


def _without_specks(standing_out: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where pieces lie that have at least SPECK of the largest one's area; pieces touch along edges or at corners."""
    left = set(map(tuple, np.argwhere(standing_out).tolist()))
    pieces = []
    while left:
        piece, edge = [], [left.pop()]
        while edge:
            y, x = edge.pop()
            piece.append((y, x))
            near = {(y + down, x + right) for down in (-1, 0, 1) for right in (-1, 0, 1)} & left
            left -= near
            edge.extend(near)
        pieces.append(piece)
    least = SPECK * max(map(len, pieces), default=0)
    kept = np.array([at for piece in pieces if len(piece) >= least for at in piece], np.intp).reshape(-1, 2)
    return kept[:, 0], kept[:, 1]


def tone_table(
    gamma: float = 1.0, *, invert: bool = False, levels: int = GRAY_LEVELS, contrast: float = 1.0
) -> NDArray[np.uint8]:
    """uint8 (256,): a picture's gray to `levels` of the GRAY_LEVELS. `contrast` stretches the grays away from the
    background's, the middle one, so that faint cells show and strong rims saturate. Below 1 `gamma` brightens. Few
    levels make equal neighbours, and with those fewer bytes on the wire.
    """
    gray = np.arange(256)
    tone = (np.clip(MID_GRAY + (gray - MID_GRAY) * contrast, 0, 255) / 255.0) ** gamma
    if invert:
        tone = 1.0 - tone
    return np.asarray(np.round(np.round(tone * (levels - 1)) * ((GRAY_LEVELS - 1) / (levels - 1))), np.uint8)


def colours(outlined: RGB, mark: RGB, crosshair: RGB, backdrop: RGB) -> NDArray[np.uint8]:
    """uint8 (INKS, 3): the red, green and blue of each ink; tinted grays are two fifths of the outline's colour."""
    gray = np.round(np.arange(GRAY_LEVELS) * (255.0 / (GRAY_LEVELS - 1)))[:, None].repeat(3, axis=1)
    tinted = (gray * 3 + np.asarray(outlined)) // 5 + np.asarray(outlined) // 5
    return np.concatenate([gray, tinted, [outlined, mark, (0, 0, 0), crosshair, backdrop]]).astype(np.uint8)


@lru_cache(maxsize=512)
def _weights(start: float, span: float, out: int, size: int) -> NDArray[np.float32]:
    """float32 (out, size): each output pixel's mean over its stretch of the input where it covers more than one
    pixel, else the line between the two nearest pixel centres. Rows outside the input are zero.
    """
    step = span / out
    left = start + step * np.arange(out)[:, None]
    pixels = np.arange(size)[None, :]
    if step > 1.0:
        weights = np.clip(np.minimum(left + step, pixels + 1) - np.maximum(left, pixels), 0, None)
    else:
        middle = left + step / 2
        weights = np.clip(1.0 - np.abs(np.clip(middle - 0.5, 0, size - 1) - pixels), 0, None)
        weights = weights * ((middle >= 0) & (middle <= size))
    total = weights.sum(1, keepdims=True)
    return np.asarray(weights / np.where(total > 0, total, 1.0), np.float32)


def resized(image: NDArray[Any], window: Window, rows: int, columns: int) -> NDArray[np.float32]:
    """The window at `rows` x `columns` screen pixels: float32; area mean when smaller, linear when larger, else 0."""
    height, width = image.shape
    down = _weights(window.top, window.height, rows, height)
    across = _weights(window.left, window.width, columns, width)
    used_y, used_x = _used(down), _used(across)
    part = image[used_y, used_x].astype(np.float32)
    return np.asarray(down[:, used_y] @ part @ across[:, used_x].T, np.float32)


def _used(weights: NDArray[np.float32]) -> slice:
    found = np.flatnonzero(weights.any(0))
    return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0)


def inside(shape: tuple[int, ...], window: Window, rows: int, columns: int) -> NDArray[np.bool_]:
    """bool (rows, columns): the screen pixels that lie on the image."""
    y = window.top + window.height * (np.arange(rows) + 0.5) / rows
    x = window.left + window.width * (np.arange(columns) + 0.5) / columns
    return ((y >= 0) & (y < shape[0]))[:, None] & ((x >= 0) & (x < shape[1]))[None, :]


def sample_labels(labels: NDArray[Any], window: Window, rows: int, columns: int) -> NDArray[Any]:
    """The label under each screen pixel's middle; 0 outside."""
    y = np.floor(window.top + window.height * (np.arange(rows) + 0.5) / rows).astype(int)
    x = np.floor(window.left + window.width * (np.arange(columns) + 0.5) / columns).astype(int)
    picked = labels[np.clip(y, 0, labels.shape[0] - 1)][:, np.clip(x, 0, labels.shape[1] - 1)]
    return np.where(inside(labels.shape, window, rows, columns), picked, 0)


def outline(covered: NDArray[np.bool_], width: int = 1) -> NDArray[np.bool_]:
    """bool: the `width` pixels just outside the foreground, so that the object itself stays visible; 4-neighbours."""
    near = covered.copy()
    for _ in range(width):
        grown = near.copy()
        grown[1:] |= near[:-1]
        grown[:-1] |= near[1:]
        grown[:, 1:] |= near[:, :-1]
        grown[:, :-1] |= near[:, 1:]
        near = grown
    return np.asarray(near & ~covered)


def divisions(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """bool: where two labels touch, on the larger one's side; the background divides nothing."""
    line = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        along, lines = np.moveaxis(labels, axis, 0), np.moveaxis(line, axis, 0)
        before, after = along[:-1], along[1:]
        touch = (before != after) & (before != 0) & (after != 0)
        lines[:-1] |= touch & (before > after)
        lines[1:] |= touch & (after > before)
    return line


def coverage(mask: NDArray[np.bool_], window: Window, rows: int, columns: int) -> NDArray[np.bool_]:
    """bool (rows, columns): the screen pixels at least half of which is foreground, and away from those, where a screen
    pixel holds several of the image, any that hold some: objects smaller than a pixel don't vanish beside large ones.
    """
    share = resized(mask, window, rows, columns)
    full = share >= 0.5
    if window.height <= rows:
        return np.asarray(full)
    near = np.pad(full, 1)
    near = near[:-2] | near[1:-1] | near[2:]
    near = near[:, :-2] | near[:, 1:-1] | near[:, 2:]
    return np.asarray(full | ((share >= SOME_SHARE) & ~near))


def compose(
    gray: NDArray[np.float32],
    tone: NDArray[np.uint8],
    *,
    outlined: NDArray[np.bool_] | None = None,
    filled: NDArray[np.bool_] | None = None,
    outside: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """Gray with its overlay, as inks: uint8 (rows, columns). `filled` tints, `outlined` paints, `outside` shows the
    backdrop.
    """
    inks = tone[np.clip(gray, 0, 255).astype(np.uint8)]
    if filled is not None:
        inks[filled] += GRAY_LEVELS
    if outlined is not None:
        inks[outlined] = OUTLINE
    if outside is not None:
        inks[outside] = BACKDROP
    return inks


def disc(radius: int) -> NDArray[np.uint8]:
    """A centroid's mark with a dark rim, as inks: uint8 (2 * radius + 3, ...), NOTHING around it."""
    along = np.arange(-radius - 1, radius + 2)
    away = np.hypot(along[:, None], along[None, :])
    inks = np.full(away.shape, NOTHING, np.uint8)
    inks[away <= radius + 1.2] = RIM
    inks[away <= radius + 0.2] = MARK
    return inks


def cross(reach: int, gap: int, thick: int, *, double: bool = False) -> NDArray[np.uint8]:
    """A crosshair with dark rims and a hole of `gap` px to each side of its middle, as inks: uint8 (2 * reach + 1,
    2 * reach + 1). `double` draws each arm as two lines.
    """
    along = np.abs(np.arange(-reach, reach + 1))
    far, near = np.maximum(along[:, None], along[None, :]), np.minimum(along[:, None], along[None, :])
    low = thick if double else 0
    arm = (far > gap) & (near >= low) & (near < low + thick)
    rim = (far > gap) & (near < low + thick + 1)
    inks = np.full(arm.shape, NOTHING, np.uint8)
    inks[rim] = RIM
    inks[arm] = CROSSHAIR
    return inks


def stamp(inks: NDArray[np.uint8], pattern: NDArray[np.uint8], middle: tuple[int, int]) -> None:
    """Puts a pattern onto the picture, in place, its middle at (row, column); what lies outside is cut."""
    top, left = middle[0] - pattern.shape[0] // 2, middle[1] - pattern.shape[1] // 2
    rows = np.arange(top, top + pattern.shape[0])
    columns = np.arange(left, left + pattern.shape[1])
    put = pattern != NOTHING
    put &= ((rows >= 0) & (rows < inks.shape[0]))[:, None] & ((columns >= 0) & (columns < inks.shape[1]))[None, :]
    y, x = np.nonzero(put)
    inks[rows[y], columns[x]] = pattern[y, x]


def to_screen(point: tuple[float, float], window: Window, rows: int, columns: int) -> tuple[float, float]:
    """Where an image position (y, x; pixel centres at whole numbers) falls, in screen pixels."""
    return (point[0] + 0.5 - window.top) / window.height * rows, (point[1] + 0.5 - window.left) / window.width * columns


def to_image(pixel: tuple[float, float], window: Window, rows: int, columns: int) -> tuple[float, float]:
    """The inverse of `to_screen`."""
    return window.top + pixel[0] / rows * window.height - 0.5, window.left + pixel[1] / columns * window.width - 0.5
