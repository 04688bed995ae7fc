"""Pictures as Kitty graphics: sent once, named in the cells that show them; the crosshair is an image of its own."""

from __future__ import annotations

import random
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tui_cytpix.ui.graphics import kitty
from tui_cytpix.ui.graphics.pixel_surface import CellSize, PixelSurface, Placed, box_of
from tui_cytpix.ui.graphics.surface import PixelImage, Sprite, SpriteHost
from tui_cytpix.ui.textual_private import CompositorUpdate, write_between

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen


class KittySurface(PixelSurface):
    """Images are sent once and kept by the terminal as long as the app keeps them."""

    def __init__(self, cell_size: CellSize) -> None:
        super().__init__(cell_size)
        self._numbers: weakref.WeakKeyDictionary[PixelImage, int] = weakref.WeakKeyDictionary()
        self._next = random.randrange(1 << 16, 900_000)  # other programs in this terminal count from elsewhere
        self._gone: list[int] = []
        self._hosts: weakref.WeakSet[Any] = weakref.WeakSet()
        self._on_screen = ""  # where the sprite was placed, as a command
        self._hide = ""

    def host(self, host: SpriteHost) -> None:
        """Kept as long as it lives."""
        self._hosts.add(host)

    def after(self, update: CompositorUpdate, screen: Screen[Any]) -> str:
        """What came over a picture hides its sprite, too."""
        return super().after(update, screen) + self._sprites()

    def draw(self, placed: Iterable[Placed]) -> str:
        """Sends what is new, then names it in the cells."""
        parts = []
        for y, x, piece in placed:
            number = self._numbers.get(piece.image)
            if number is None:
                rows, columns = (s // c for s, c in zip(piece.image.inks.shape, self.cell, strict=True))
                number, sent = self._send(piece.image, {"a": "T", "U": 1, "c": columns, "r": rows})
                parts.append(sent)
            parts.append(f"\x1b[{y + 1};{x + 1}H{kitty.cells(number, piece.row, piece.column, piece.width)}")
        while self._gone:
            parts.append(_delete(self._gone.pop()))
        return "".join(parts)

    def _send(self, image: PixelImage, keys: dict[str, str | int]) -> tuple[int, str]:
        number = self._next
        self._next += 1
        self._numbers[image] = number
        weakref.finalize(image, self._gone.append, number)
        return number, kitty.command({**keys, "f": 100, "i": number}, kitty.png(image.inks, image.colours))

    def move_sprite(self, app: App[Any], host: SpriteHost, old: Sprite | None) -> None:  # noqa: ARG002
        """Places it anew: the terminal moves it."""
        text = self._sprites()
        if text:
            write_between(app, text)

    def _sprites(self) -> str:
        host = next((h for h in self._hosts if h.is_attached and h.sprite is not None and h.inks is not None), None)
        wanted, sent, hide = ("", "", self._hide) if host is None else self._place(host)
        if wanted == self._on_screen:
            return ""
        taken_away = self._hide if not wanted or self._hide != hide else ""
        self._on_screen, self._hide = wanted, hide if wanted else ""
        return taken_away + sent + wanted

    def _place(self, host: SpriteHost) -> tuple[str, str, str]:
        """How to place the host's sprite (empty: it is covered), what to send before, how to take it away."""
        sprite, inks = host.sprite, host.inks
        assert sprite is not None
        assert inks is not None
        tall, wide = self.cell
        top, left, bottom, right = box_of([sprite], inks.shape)
        cells = [(y, x) for y in range(top // tall, -(-bottom // tall)) for x in range(left // wide, -(-right // wide))]
        if not cells or not all(host.uncovered(*cell) for cell in cells):
            return "", "", self._hide
        number, sent = self._numbers.get(sprite.image), ""
        if number is None:
            number, sent = self._send(sprite.image, {"a": "t"})
        keys: dict[str, str | int] = {"X": left % wide, "Y": top % tall}
        height, width = sprite.image.inks.shape
        if (right - left, bottom - top) != (width, height):  # cut by the picture's border
            keys |= {"x": left - sprite.box[1], "y": top - sprite.box[0]}
            keys |= {"w": right - left, "h": bottom - top}
        y, x = host.corner
        place = kitty.command({"a": "p", "i": number, "p": 1, "z": 1, "C": 1, **keys})
        hide = kitty.command({"a": "d", "d": "i", "i": number, "p": 1})
        return f"\x1b[{y + top // tall + 1};{x + left // wide + 1}H{place}", sent, hide

    def forget(self) -> None:
        """All is sent anew."""
        self._numbers.clear()
        self._on_screen = ""

    def farewell(self) -> str:
        """The terminal may forget all our images."""
        return "".join(_delete(number) for number in self._numbers.values())


def _delete(number: int) -> str:
    return kitty.command({"a": "d", "d": "I", "i": number})
