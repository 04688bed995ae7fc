"""One self-contained HTML page: text escaped, pictures inside as data URIs, charts as SVG, no script."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

_COLOURS = 64  # of a picture: outlines stay crisp, and the file small
_STYLE = """
body.wide { max-width: 100rem; } .scroll { overflow-x: auto; } .wide td:first-child { white-space: nowrap; }
.scroll td, .scroll th { padding-right: .6rem; font-size: .84rem; }
.scroll svg { display: block; max-width: none; }
td small { color: var(--dim); white-space: nowrap; } mark { background: none; color: var(--b); font-weight: 600; }
:root { color-scheme: light dark; --ink: #1d2129; --dim: #5b6472; --line: #d5dae1; --paper: #fff; --tint: #f3f5f8;
  --a: #1668b5; --b: #c2571a; --c: #2e7d4f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --dim: #9aa4b2; --line: #3a414c; --paper: #15181d;
  --tint: #1e232a; --a: #6cb2f2; --b: #f0a06a; --c: #77c796; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem;
  margin: 0 auto; padding: 2rem 1.2rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 .2rem; } h2 { font-size: 1.25rem; margin: 2.4rem 0 .6rem; border-bottom: 1px solid
  var(--line); padding-bottom: .2rem; } h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p { margin: .4rem 0; max-width: 48rem; } p.lead { font-weight: 600; } p.dim, figcaption { color: var(--dim); }
table { border-collapse: collapse; margin: .6rem 0; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: anywhere; } th { color: var(--dim);
  font-weight: 600; overflow-wrap: normal; }
.pictures { display: flex; flex-wrap: wrap; gap: .8rem; margin: .8rem 0; }
figure { margin: 0; } figcaption { font-size: .82rem; max-width: 15.5rem; }
img { display: block; width: 15.5rem; max-width: 100%; image-rendering: pixelated; }
svg { max-width: 100%; height: auto; } svg text { fill: var(--dim); font: 11px system-ui, sans-serif; }
.axis { stroke: var(--line); } .a { stroke: var(--a); fill: var(--a); } .b { stroke: var(--b); fill: var(--b); }
.c { stroke: var(--c); fill: var(--c); } .rule { stroke: var(--dim); stroke-dasharray: 4 3; }
polyline { fill: none !important; stroke-width: 1.6; } circle { stroke: none; } .far { fill: var(--line); }
@media print { .scroll td, .scroll th { font-size: .6rem; padding-right: .2rem; }
  h2, h3 { break-after: avoid; } figure { break-inside: avoid; } }
"""


class Markup(str):
    """A cell's content that is HTML already, and not text."""

    __slots__ = ()


def page(title: str, body: Iterable[str], *, wide: bool = False) -> str:
    """The whole document; `body` are blocks made by the functions below. `wide`: for tables of many columns."""
    opening = '<body class="wide">' if wide else "<body>"
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n{opening}\n" + "\n".join(body) + "\n</body>\n</html>\n"
    )


def heading(text: str, level: int = 2) -> str:
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraphs(lines: Iterable[str], kind: str = "") -> str:
    """A paragraph a line; empty lines are none. `kind`: lead or dim."""
    opening = f'<p class="{kind}">' if kind else "<p>"
    return "\n".join(f"{opening}{escape(line)}</p>" for line in lines if line)


def table(rows: Sequence[Sequence[object]], *, header: bool = True) -> str:
    """Rows of cells; the first names the columns, else the first cell of each names its row."""
    told = []
    for number, row in enumerate(rows):
        names = [(header and number == 0) or (not header and column == 0) for column in range(len(row))]
        cells = (f"<{t}>{_cell(c)}</{t}>" for c, t in zip(row, ("th" if n else "td" for n in names), strict=True))
        told.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table>{''.join(told)}</table>"


def _cell(content: object) -> str:
    return content if isinstance(content, Markup) else escape(str(content))


def cell(text: str, below: str = "", why: str = "") -> Markup:
    """A cell's content with a small line below it. Where it stands out for a reason, that appears under the pointer."""
    said = f'<mark title="{escape(why, quote=True)}">{escape(text)}</mark>' if why else escape(text)
    return Markup(f"{said}<br><small>{escape(below)}</small>" if below else said)


def scrolled(block: str) -> str:
    """A block that may be wider than the page."""
    return f'<div class="scroll">{block}</div>'


def picture(pixels: NDArray[np.uint8], caption: str = "") -> str:
    """A picture, uint8 (H, W, 3), inside the page."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).quantize(_COLOURS).save(buffer, "PNG", optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    said = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure><img src="data:image/png;base64,{data}" alt="{escape(caption, quote=True)}">{said}</figure>'


def pictures(items: Iterable[str]) -> str:
    return f'<div class="pictures">{"".join(items)}</div>'


def chart(svg: str, caption: str) -> str:
    return f"<figure>{svg}<figcaption style='max-width:44rem'>{escape(caption)}</figcaption></figure>"
