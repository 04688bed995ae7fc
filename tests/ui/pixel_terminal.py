"""A terminal with pixels for tests: what an output leaves on the screen, as xterm (Sixel) and kitty would show it."""

from __future__ import annotations

import io
import re
from base64 import b64decode
from functools import cache

import numpy as np
from PIL import Image
from rich.cells import get_character_cell_size

from tui_cytpix.ui.graphics.kitty import NUMBERS, PLACEHOLDER

TOKENS = re.compile(
    r"\x1b\[(?P<csi>[?<>=]?[\d;]*[A-Za-z])|\x1bP(?P<sixel>[\d;]*q[^\x1b]*)\x1b\\|\x1b_G(?P<apc>[^\x1b]*)\x1b\\|(?P<text>.)",
    re.S,
)
SIXEL = re.compile(r'"\d+;\d+;(\d+);(\d+)|#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)([?-~])|([?-~])|([$-])')


@cache  # most of a screen is drawn many times
def decode_sixel(body: str) -> np.ndarray:
    """int (H, W, 3), percent; -1 where nothing is drawn; to be read only."""
    colours: dict[int, tuple[int, ...]] = {}
    pixels, (x, top, current) = np.full((0, 0, 3), -1), (0, 0, 0)
    for match in SIXEL.finditer(body.partition("q")[2]):
        wide, tall, defined, r, g, b, chosen, times, repeated, once, move = match.groups()
        if wide:
            pixels = np.full((int(tall), int(wide), 3), -1)
        elif defined:
            colours[int(defined)] = (int(r), int(g), int(b))
        elif chosen:
            current = int(chosen)
        elif move:
            x, top = 0, top + (6 if move == "-" else 0)
        else:
            bits, length = ord(repeated or once) - 63, int(times or 1)
            for row in range(6):
                if bits >> row & 1:
                    assert top + row < len(pixels), "drawn below its height"
                    pixels[top + row, x : x + length] = colours[current]
            x += length
    return pixels


class PixelTerminal:
    """`cells` the characters; `pixels` int (rows, columns, 3), percent, -1 where there is text; `named` which image a
    cell shows by its number, row and column; `images` and `placed` what kitty keeps and what lies on top.
    """

    def __init__(self, columns: int, rows: int, cell: tuple[int, int]) -> None:
        self.cell, self.size = cell, (rows, columns)
        self.cells = np.full((rows, columns), " ")
        self.pixels = np.full((rows * cell[0], columns * cell[1], 3), -1)
        self.named: dict[tuple[int, int], tuple[int, int, int]] = {}
        self.images: dict[int, np.ndarray] = {}
        self.placed: dict[int, tuple[int, int, int, int]] = {}
        self._at, self._colour, self._pending = [0, 0], 0, ("", "")
        self._marks = ""

    def feed(self, output: str) -> None:
        for match in TOKENS.finditer(output):
            kind = match.lastgroup
            if kind == "csi":
                self._control(match["csi"])
            elif kind == "sixel":
                self._draw(decode_sixel(match["sixel"]))
            elif kind == "apc":
                self._graphics(match["apc"])
            else:
                self._write(match["text"])

    def _control(self, body: str) -> None:
        if body.endswith("H"):
            row, column = (int(v or 1) for v in (body[:-1] or "1;1").split(";"))
            self._at = [row - 1, column - 1]
        elif body == "2J":
            self.cells[:], self.pixels[:] = " ", -1
            self.named.clear()
        elif body.endswith("m"):
            found = re.match(r"38;2;(\d+);(\d+);(\d+)m", body)
            self._colour = 0 if found is None else int(found[1]) << 16 | int(found[2]) << 8 | int(found[3])

    def _write(self, character: str) -> None:
        if character == "\r":
            self._at[1] = 0
        elif character == "\n":
            self._at[0] += 1
        elif character in NUMBERS:
            self._marks += character
            self._name_left()
        else:
            self._put(character)

    def _put(self, character: str) -> None:
        y, x = self._at
        for column in range(x, x + get_character_cell_size(character)):
            self.cells[y, column] = character
            self.named.pop((y, column), None)
            self._area(y, column)[:] = -1
        self._marks = ""
        self._at[1] += get_character_cell_size(character)
        if character == PLACEHOLDER:
            self._name_left()

    def _name_left(self) -> None:
        y, x = self._at[0], self._at[1] - 1
        if len(self._marks) == 2:
            self.named[y, x] = (self._colour, *(NUMBERS.index(m) for m in self._marks))
        elif not self._marks and (y, x - 1) in self.named:
            number, row, column = self.named[y, x - 1]
            if number == self._colour:
                self.named[y, x] = (number, row, column + 1)

    def _area(self, row: int, column: int) -> np.ndarray:
        tall, wide = self.cell
        return self.pixels[row * tall : (row + 1) * tall, column * wide : (column + 1) * wide]

    def _draw(self, image: np.ndarray) -> None:
        top, left = self._at[0] * self.cell[0], self._at[1] * self.cell[1]
        target = self.pixels[top : top + len(image), left : left + image.shape[1]]
        assert target.shape == image.shape, "drawn beyond the screen"
        assert top + len(image) < len(self.pixels), "drawn into the last row: the terminal would scroll"
        target[image >= 0] = image[image >= 0]

    def _graphics(self, body: str) -> None:
        head, _, payload = body.partition(";")
        keys = dict(part.split("=") for part in head.split(",") if part)
        if self._pending[0]:
            head, payload = self._pending[0], self._pending[1] + payload
        self._pending = (head, payload) if keys.get("m") == "1" else ("", "")
        if self._pending[0]:
            return
        keys = dict(part.split("=") for part in head.split(","))
        assert keys["q"] == "2", "the terminal would answer"
        number = int(keys["i"])
        if keys["a"] in "tT":
            self.images[number] = np.asarray(Image.open(io.BytesIO(b64decode(payload))).convert("RGBA"))
            if keys["a"] == "T":
                rows, columns = self.images[number].shape[:2]
                assert (rows, columns) == (int(keys["r"]) * self.cell[0], int(keys["c"]) * self.cell[1])
        elif keys["a"] == "p":
            assert number in self.images
            self.placed[number] = (*self._at, int(keys["Y"]), int(keys["X"]))
        elif keys["d"] == "I":
            del self.images[number]
            self.placed.pop(number, None)
        else:
            self.placed.pop(number, None)
