"""Pictures as Sixel: one image for each update of the screen, from one palette, cut along the cells."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from tui_cytpix.core.render import NOTHING, stamp
from tui_cytpix.ui.graphics.pixel_surface import PixelSurface, Placed, box_of, write
from tui_cytpix.ui.graphics.sixel import sixel
from tui_cytpix.ui.graphics.surface import Sprite, SpriteHost

if TYPE_CHECKING:
    from textual.app import App


class SixelSurface(PixelSurface):
    """One Sixel image for each update; what it doesn't draw stays transparent."""

    stamps = True

    def draw(self, placed: Iterable[Placed]) -> str:
        """All pieces in one image, from one palette."""
        found = list(placed)
        if not found:
            return ""
        tall, wide = self.cell
        top, left = min(p.y for p in found), min(p.x for p in found)
        bottom, right = max(p.y for p in found) + 1, max(p.x + p.piece.width for p in found)
        canvas = np.full(((bottom - top) * tall, (right - left) * wide), NOTHING, np.uint8)
        for y, x, piece in found:
            part = piece.image.inks[piece.row * tall : (piece.row + 1) * tall]
            part = part[:, piece.column * wide : (piece.column + piece.width) * wide]
            row, column = (y - top) * tall, (x - left) * wide
            canvas[row : row + part.shape[0], column : column + part.shape[1]] = part
        return f"\x1b[{top + 1};{left + 1}H{sixel(canvas, found[0].piece.image.colours)}"

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
            write(app, f"\x1b[{y + top + 1};{x + left + 1}H{sixel(patch, sprites[0].image.colours)}")
