"""Pictures as Sixel, cut along the cells."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from tui_cytpix.core.images.render import NOTHING, stamp
from tui_cytpix.ui.graphics.pixel_surface import PixelSurface, Placed, box_of
from tui_cytpix.ui.graphics.sixel import sixel
from tui_cytpix.ui.graphics.surface import Sprite, SpriteHost
from tui_cytpix.ui.textual_private import write_between

if TYPE_CHECKING:
    from textual.app import App


class SixelSurface(PixelSurface):
    """Sixel images for each update; what they don't draw stays transparent."""

    stamps = True

    def draw(self, placed: Iterable[Placed]) -> str:
        """Pieces of an image that lie below one another become one, as pictures without holes take fewer bytes."""
        tall, wide = self.cell
        latest = {(y, x): piece for y, x, piece in placed}  # an update may write cells twice
        stacks: list[tuple[Placed, int]] = []  # the topmost piece of each, and how many there are
        for (y, x), piece in sorted(latest.items(), key=lambda item: (item[0][1], item[0][0])):
            first, rows = stacks[-1] if stacks else (None, 0)
            if first is not None and _continues(first, rows, Placed(y, x, piece)):
                stacks[-1] = first, rows + 1
            else:
                stacks.append((Placed(y, x, piece), 1))
        parts = []
        for (y, x, piece), rows in stacks:
            inks = piece.image.inks[piece.row * tall : (piece.row + rows) * tall]
            inks = inks[:, piece.column * wide : (piece.column + piece.width) * wide]
            parts.append(f"\x1b[{y + 1};{x + 1}H{sixel(inks, piece.image.colours)}")
        return "".join(parts)

    def move_sprite(self, app: App[Any], host: SpriteHost, old: Sprite | None) -> None:
        """Only the pixels that differ, where nothing lies over them."""
        inks = host.inks
        sprites = [sprite for sprite in (old, host.sprite) if sprite is not None]
        if inks is None or not sprites:
            return
        tall, wide = self.cell
        box = box_of(sprites, inks.shape)
        top, left = box[0] // tall, box[1] // wide
        part = inks[top * tall : box[2], left * wide : box[3]]
        before, after = part.copy(), part.copy()
        for target, sprite in ((before, old), (after, host.sprite)):
            if sprite is not None:
                stamp(target, sprite.image.inks, (sprite.middle[0] - top * tall, sprite.middle[1] - left * wide))
        patch = np.where(before != after, after, np.uint8(NOTHING))
        for row, column in {(y // tall, x // wide) for y, x in np.argwhere(patch != NOTHING).tolist()}:
            if not host.uncovered(top + row, left + column):
                patch[row * tall : (row + 1) * tall, column * wide : (column + 1) * wide] = NOTHING
        if (patch != NOTHING).any():
            y, x = host.corner
            write_between(app, f"\x1b[{y + top + 1};{x + left + 1}H{sixel(patch, sprites[0].image.colours)}")


def _continues(first: Placed, rows: int, placed: Placed) -> bool:
    """Whether a piece is the next row of the image whose first `rows` pieces begin at `first`."""
    ours, piece = first.piece, placed.piece
    same = (piece.image is ours.image, piece.column == ours.column, piece.width == ours.width, placed.x == first.x)
    return all(same) and placed.y == first.y + rows and piece.row == ours.row + rows
