"""A sheet of pictures, words and scale bars as a PNG or an SVG that holds all it needs."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import CytpixError, refusal
from tui_cytpix.formats.bytes.atomic import write_bytes

if TYPE_CHECKING:
    from PIL import ImageFont

SIZE = 16  # of letters, px
_OTHER_LETTERS = re.compile(r"[^\x00-\x7f]+")
INK, PAPER = (0, 0, 0), (255, 255, 255)


class Tile(NamedTuple):
    """A picture, uint8 (H, W, 3), at so many px from left and top, a whole number of times as large."""

    x: int
    y: int
    width: int
    height: int
    pixels: NDArray[np.uint8]
    title: str


class Text(NamedTuple):
    x: float
    y: int
    text: str


class Bar(NamedTuple):
    x: float
    y: int
    width: float
    height: int


class Sheet(NamedTuple):
    """`about`: Title, Software and Description, which the file tells."""

    width: int
    height: int
    tiles: tuple[Tile, ...]
    texts: tuple[Text, ...]
    bars: tuple[Bar, ...]
    about: Mapping[str, str]


def write(path: Path, sheet: Sheet) -> None:
    """As its ending says, one of WRITERS.

    Raises:
        CytpixError: it can't be written.
    """
    try:
        write_bytes(path, WRITERS[path.suffix.lower()](sheet))
    except OSError as error:
        raise CytpixError(*refusal(error, path, "The montage can't be written")) from error


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(SIZE)


def width(text: Text) -> float:
    """About how wide it is, px; other fonts take somewhat more."""
    return _font().getlength(text.text) * 1.1


def in_ascii(text: str) -> str:
    """Pillow's own font, which is there on every machine, has no other letters: what can't be spelt in these is a mark
    of its own, `#` and six digits, so that two names never look alike.
    """
    return _OTHER_LETTERS.sub(lambda found: _mark(found[0]), _plain(text))


def marks(texts: Iterable[str]) -> dict[str, str]:
    """What the marks in these texts stand for, by mark."""
    return {_mark(letters): letters for text in texts for letters in _OTHER_LETTERS.findall(_plain(text))}


def _plain(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.replace("µ", "u")).replace("\u2044", "/")
    return "".join(c for c in plain if not unicodedata.combining(c))


def _mark(letters: str) -> str:
    return "#" + hashlib.sha256(letters.encode("utf-8", "surrogateescape")).hexdigest()[:6]


def _png(sheet: Sheet) -> bytes:
    from PIL import Image, ImageDraw, PngImagePlugin

    picture = Image.new("RGB", (sheet.width, sheet.height), PAPER)
    for tile in sheet.tiles:
        times = tile.width // tile.pixels.shape[1]
        picture.paste(Image.fromarray(tile.pixels.repeat(times, axis=0).repeat(times, axis=1)), (tile.x, tile.y))
    canvas = ImageDraw.Draw(picture)
    for bar in sheet.bars:
        right = round(bar.x + bar.width) - 1  # the last pixel is part of it
        canvas.rectangle((round(bar.x), bar.y, right, bar.y + bar.height - 1), INK)
    for text in sheet.texts:
        canvas.text((text.x, text.y), in_ascii(text.text), INK, _font())
    about = PngImagePlugin.PngInfo()
    for key, value in sheet.about.items():
        about.add_itxt(key, value)
    content = io.BytesIO()
    picture.save(content, "PNG", pnginfo=about)
    return content.getvalue()


def _svg(sheet: Sheet) -> bytes:
    size = f'width="{sheet.width}" height="{sheet.height}"'
    about = sheet.about
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {sheet.width} {sheet.height}">',
        f"<title>{escape(about['Title'])}</title>",
        f"<desc>{escape(about['Description'])} {escape(about['Software'])}.</desc>",
        f'<rect {size} fill="#fff"/>',
    ]
    parts += [
        f'<image x="{tile.x}" y="{tile.y}" width="{tile.width}" height="{tile.height}" '
        f'style="image-rendering:pixelated" href="data:image/png;base64,{_encoded(tile.pixels)}">'
        f"<title>{escape(printable(tile.title))}</title></image>"
        for tile in sheet.tiles
    ]
    parts += [
        f'<rect x="{b.x:g}" y="{b.y}" width="{b.width:.3f}" height="{b.height}" fill="#000"/>' for b in sheet.bars
    ]
    parts += [
        f'<text x="{text.x:.1f}" y="{text.y + SIZE}" font-family="sans-serif" font-size="{SIZE}" fill="#000">'
        f"{escape(text.text)}</text>"
        for text in sheet.texts
    ]
    return "\n".join([*parts, "</svg>\n"]).encode("utf-8")


def _encoded(pixels: NDArray[np.uint8]) -> str:
    from PIL import Image

    content = io.BytesIO()
    gray = bool((pixels == pixels[:, :, :1]).all())
    Image.fromarray(pixels[:, :, 0] if gray else pixels).save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode("ascii")


WRITERS: Mapping[str, Callable[[Sheet], bytes]] = {".png": _png, ".svg": _svg}
