"""Training and validation accuracy over the epochs: a plot with axes, and one-line sparklines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from tui_cytpix.domain.jobs.training import Epoch
from tui_cytpix.ui.widgets.plots import braille

BLOCKS = "▁▂▃▄▅▆▇█"
TA_MARK, VA_MARK = "⠒⠒", "⠶⠶"
BEST = "   ★ best epoch"
MARGIN = 5
MAX_TICKS = 7
_TICK_STEPS = (0.05, 0.1, 0.2, 0.25, 0.5)
Row = list[tuple[str, str]]  # (character, what it belongs to: "", axis, ta, va, both, band, mark)


@dataclass(frozen=True)
class Scale:
    """The plot's axes: accuracies from `low` to 1 with a tick every `step` from the top, epochs from 1 to `last`."""

    low: float
    step: float
    last: int


def scale_of(epochs: Sequence[Epoch], target: int, rows: int) -> Scale:
    """Axes that hold all values, with a few ticks, at least two rows apart."""
    values = [v for e in epochs for v in (e.ta, e.va) if math.isfinite(v)]
    low = max(0.0, min(math.floor(min(values, default=0.0) * 10) / 10, 0.8))
    step = next((s for s in _TICK_STEPS if (1 - low) / s <= min(MAX_TICKS, max(1, (rows - 1) // 2))), 1 - low)
    return Scale(low, step, max(target, epochs[-1].epoch if epochs else 0, 2))


def additions(epochs: Sequence[Epoch]) -> list[tuple[int, int]]:
    """(epoch, images) wherever the annotated images became more or fewer on the way."""
    images = [e.training_images + e.validation_images for e in epochs]
    return [(epochs[i].epoch, images[i] - images[i - 1]) for i in range(1, len(epochs)) if images[i] != images[i - 1]]


def draw(epochs: Sequence[Epoch], target: int, columns: int, rows: int, best: int | None = None) -> list[Row]:
    """The plot as `rows` rows of `columns` characters: legend, curves, epoch axis, epoch numbers.

    TA is a thin line, VA a thick one between two dotted ones, a standard error above and below. `+4` under the axis
    says where annotations were added, ★ where the best epoch is.
    """
    width, height = columns - MARGIN, rows - 3
    if not epochs or width < 10 or height < 2:
        return _empty(columns, rows, "" if epochs else "No epoch yet: the curves appear with the first one.")
    scale = scale_of(epochs, target, height)
    layers = {
        "ta": _layer([e.ta for e in epochs], epochs, scale, (width, height), thick=False),
        "va": _layer([e.va for e in epochs], epochs, scale, (width, height), thick=True),
        "band": _band(epochs, scale, (width, height)),
    }
    body = [_body_row(row, y, scale, height) for y, row in enumerate(_merge(layers))]
    axis = _text(" " * (MARGIN - 1) + "└" + "─" * width, "axis", columns)
    _mark(axis, epochs, scale, width, best)
    return [_legend(epochs[-1], columns, starred=best is not None), *body, axis, _numbers(scale, width, columns)]


def _empty(columns: int, rows: int, words: str) -> list[Row]:
    middle = rows // 2
    return [_text(words.center(columns) if y == middle else "", "axis", columns) for y in range(rows)]


def _text(text: str, kind: str, columns: int) -> Row:
    return [(c, kind) for c in text[:columns].ljust(columns)]


def _columns(numbers: NDArray[np.float64], scale: Scale, dots: int) -> NDArray[np.float64]:
    return (numbers - 1) / max(1, scale.last - 1) * (dots - 1)


def _layer(
    values: list[float], epochs: Sequence[Epoch], scale: Scale, size: tuple[int, int], thick: bool
) -> NDArray[np.bool_]:
    dots = braille.layer(*size)
    y = np.array(values, float)
    known = np.isfinite(y)
    x = _columns(np.array([e.epoch for e in epochs], float), scale, dots.shape[1])
    level = (1 - np.clip(y, scale.low, 1)) / max(1e-9, 1 - scale.low) * (dots.shape[0] - 2)
    braille.polyline(dots, x[known], level[known], thick)
    return dots


def _band(epochs: Sequence[Epoch], scale: Scale, size: tuple[int, int]) -> NDArray[np.bool_]:
    """VA plus and minus its standard error, dotted: every third column of dots."""
    dots = braille.layer(*size)
    for sign in (-1, 1):
        limits = [math.nan if e.va_error is None else min(1.0, e.va + sign * e.va_error) for e in epochs]
        dots |= _layer(limits, epochs, scale, size, thick=False)
    dots[:, np.arange(dots.shape[1]) % 3 != 0] = False
    return dots


def _merge(layers: dict[str, NDArray[np.bool_]]) -> list[Row]:
    """Cells that both curves cross hold the dots of both; the band shows where no curve is."""
    ta, va, band = (braille.characters(layers[name]) for name in ("ta", "va", "band"))
    both = braille.characters(layers["ta"] | layers["va"])
    rows: list[Row] = []
    for y, text in enumerate(both):
        row: Row = []
        for at, (a, b) in enumerate(zip(ta[y], va[y], strict=True)):
            kind = "both" if a != " " and b != " " else "ta" if a != " " else "va" if b != " " else ""
            row.append((text[at], kind) if kind else (band[y][at], "band" if band[y][at] != " " else ""))
        rows.append(row)
    return rows


def _body_row(row: Row, y: int, scale: Scale, height: int) -> Row:
    ticks = {
        round((1 - value) / max(1e-9, 1 - scale.low) * (height - 1)): value
        for value in np.arange(1, scale.low - 1e-6, -scale.step)
    }
    if y not in ticks:
        return [*_text("│".rjust(MARGIN), "axis", MARGIN), *row]
    dotted: Row = [("·", "axis") if c == " " and x % 4 == 0 else (c, kind) for x, (c, kind) in enumerate(row)]
    return [*_text(f"{ticks[y]:.2f}┤", "axis", MARGIN), *dotted]


def _legend(last: Epoch, columns: int, *, starred: bool) -> Row:
    """The names are spelled out wherever there is room."""
    ta, va = f"training accuracy (TA) {last.ta:.2f}", f"validation accuracy (VA) {last.va_in_words}"
    numbers = f" ({last.training_images} images)", f" ({last.validation_images} images)"
    room = columns - MARGIN - 9
    if len(ta) + len(va) + len("".join(numbers)) <= room:
        ta, va = ta + numbers[0], va + numbers[1]
    elif len(ta) + len(va) > room:
        ta, va = f"TA {last.ta:.2f}", f"VA {last.va:.2f}"
    if starred and len(ta) + len(va) + len(BEST) <= room:
        va += BEST
    row: Row = [(" ", "")] * MARGIN
    row += [(c, "ta") for c in f"{TA_MARK} {ta}"] + [(" ", "")] * 3 + [(c, "va") for c in f"{VA_MARK} {va}"]
    return (row + [(" ", "")] * columns)[:columns]


def _mark(axis: Row, epochs: Sequence[Epoch], scale: Scale, width: int, best: int | None) -> None:
    for number, images in additions(epochs):
        at = MARGIN + int(_columns(np.array([number], float), scale, width)[0])
        for offset, character in enumerate(f"{images:+d}"):
            if at + offset < len(axis):
                axis[at + offset] = (character, "mark")
    if best is not None:
        axis[MARGIN + int(_columns(np.array([best], float), scale, width)[0])] = ("★", "va")


def _numbers(scale: Scale, width: int, columns: int) -> Row:
    rough = scale.last / max(1, width // 10)
    step = next((s for s in (1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000) if s >= rough), scale.last)
    characters = list("epoch".ljust(columns))[:columns]
    for number in range(step, scale.last + 1, step):
        text = str(number)
        at = MARGIN + int(_columns(np.array([number], float), scale, width)[0])
        start = max(0, min(at - len(text) // 2, columns - len(text)))
        if all(c == " " for c in characters[max(0, start - 1) : start + len(text) + 1]):
            characters[start : start + len(text)] = text
    return [(c, "axis") for c in characters]


def sparkline(values: Sequence[float], width: int, low: float) -> str:
    """The values from `low` to 1 as `width` blocks at most, newest last; several values share a block by their mean."""
    known = np.array([v for v in values if math.isfinite(v)], float)
    if not len(known) or width < 1:
        return ""
    parts = np.array([part.mean() for part in np.array_split(known, min(width, len(known)))])
    levels = (parts - low) / (1 - low) if low < 1 else np.ones(len(parts))
    return "".join(BLOCKS[place] for place in np.clip(levels * len(BLOCKS), 0, len(BLOCKS) - 1).astype(int))


def sparklines(epochs: Sequence[Epoch], width: int) -> tuple[str, str]:
    """TA and VA on one scale, with their last values; of one epoch at least."""
    ta, va = [e.ta for e in epochs], [e.va for e in epochs]
    low = min(*ta, *va)
    return f"TA {sparkline(ta, width, low)} {ta[-1]:.2f}", f"VA {sparkline(va, width, low)} {va[-1]:.2f}"


class CharacterPlot(Widget):
    """Rows of characters in colours by kind, drawn anew where `draw_anew` was called or the size is another."""

    KINDS: ClassVar[str]  # the prefix of the component classes
    _rows: Sequence[Row] = ()
    _drawn_at: Size | None = None

    def rows(self, columns: int, rows: int) -> list[Row]:
        """What to show at that size."""
        raise NotImplementedError

    def draw_anew(self) -> None:
        self._drawn_at = None
        self.refresh()

    def render_line(self, y: int) -> Strip:
        if self._drawn_at != self.size:
            self._rows, self._drawn_at = self.rows(*self.size), self.size
        row = self._rows[y] if y < len(self._rows) else []
        pieces = [
            Segment("".join(character for character, _ in run), self._style(kind))
            for kind, run in groupby(row, itemgetter(1))
        ]
        return Strip(pieces).adjust_cell_length(self.size.width, self.rich_style)

    def _style(self, kind: str) -> Style:
        return self.get_component_rich_style(f"{self.KINDS}--{kind}") if kind else self.rich_style


class CurvePlot(CharacterPlot):
    """Shows what `show` was given last."""

    KINDS = "curve-plot"
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"curve-plot--{kind}" for kind in ("ta", "va", "both", "band", "axis", "mark")
    }
    DEFAULT_CSS = """
    CurvePlot { height: 1fr; min-height: 6; }
    CurvePlot > .curve-plot--ta { color: $primary; }
    CurvePlot > .curve-plot--va { color: $accent; text-style: bold; }
    CurvePlot > .curve-plot--both { color: $foreground; text-style: bold; }
    CurvePlot > .curve-plot--band { color: $accent 60%; }
    CurvePlot > .curve-plot--axis { color: $text-muted; }
    CurvePlot > .curve-plot--mark { color: $success; text-style: bold; }
    """
    _shown: tuple[tuple[Epoch, ...], int, int | None] = ((), 0, None)

    def show(self, epochs: Sequence[Epoch], target: int, best: int | None = None) -> None:
        new = (tuple(epochs), target, best)
        if new != self._shown:
            self._shown = new
            self.draw_anew()

    def rows(self, columns: int, rows: int) -> list[Row]:
        epochs, target, best = self._shown
        return draw(epochs, target, columns, rows, best)
