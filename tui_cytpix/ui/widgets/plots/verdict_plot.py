"""A verdict as a picture: one large word, an interval for each kind of error against what is tolerable, and the test's
course.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from tui_cytpix.domain.run_settings import KINDS, Kind
from tui_cytpix.domain.words import printable, shortened
from tui_cytpix.ui.widgets.plots import braille
from tui_cytpix.workflow.assess.findings import Finding
from tui_cytpix.workflow.assess.verdict import Assessment, outcome
from tui_cytpix.workflow.assess.verdict_words import reason_in_words

KEEP, RETRAIN, OPEN = "keep", "retrain", "not yet known"  # the decisions
COLOURS = {KEEP: "success", RETRAIN: "error", OPEN: "warning"}
MARKS = {KEEP: "✓", RETRAIN: "✗", OPEN: "·"}
LABEL, NUMBERS = 13, 8  # columns at the left and at the right of the bars
COURSE_ROWS = 7
AHEAD = 1.15  # times what was judged: how far the course's axis reaches
_CONSOLE = Console()  # folds lines; nothing is written to it
Looks = dict[str, Style]  # of each decision
DIM, BOLD = Style(dim=True), Style(bold=True)


def _styled(text: str, style: Style) -> Text:
    """As a span: Rich draws a text that has none without its style."""
    return Text.assemble((text, style))


def at(rate: float, columns: int) -> int:
    """Where a rate lies on an axis of that many columns, from 0 to 1: by its square root, as what matters is small."""
    return min(columns - 1, max(0, round(math.sqrt(rate) * (columns - 1))))


class VerdictPlot(Widget):
    """Shows an assessment; `tall` with samples and the test's course, else in six rows."""

    DEFAULT_CSS = """
    VerdictPlot { height: auto; padding: 0 1; }
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._found: Assessment | None = None
        self._tall = False
        self._kept: tuple[object, list[Text]] = (None, [])

    def show(self, found: Assessment | None, *, tall: bool) -> None:
        """None: nothing is known yet, and nothing is shown."""
        if (found, tall) == (self._found, self._tall):
            return
        self._found, self._tall = found, tall
        self.display = found is not None
        self.refresh(layout=True)

    @property
    def rows(self) -> list[Text]:
        """What is shown, for the width that there is."""
        return self._drawn(self.content_size.width)

    def _drawn(self, width: int) -> list[Text]:
        state = (self._found, self._tall, width, self.app.theme)
        if self._kept[0] != state:
            self._kept = (
                state,
                [] if self._found is None else drawn(self._found, width, self._colours(), tall=self._tall),
            )
        return self._kept[1]

    def _colours(self) -> dict[str, str]:
        names = {"foreground", "background", *COLOURS.values()}
        return {name: self.app.theme_variables.get(name, "white") for name in names}

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        return len(self._drawn(width))

    def render_line(self, y: int) -> Strip:
        rows, width = self.rows, self.content_size.width
        if y >= len(rows):
            return Strip.blank(width, self.rich_style)
        segments = [Segment(s.text, s.style) for s in rows[y].render(self.app.console, end="")]
        return Strip(segments).apply_style(self.rich_style).adjust_cell_length(width, self.rich_style)


def drawn(found: Assessment, width: int, colours: dict[str, str], *, tall: bool) -> list[Text]:
    """The rows, each at most `width` wide."""
    if width < LABEL + NUMBERS + 8:
        return []
    looks = {decision: Style(color=colours[name]) for decision, name in COLOURS.items()}
    rows = _word(found, width, colours, tall=tall)
    rows.append(_axis(found.all.count, width, looks))
    for kind in KINDS:
        rows.append(_bar(kind, found.all.of(kind), found.of_kind(kind), width, looks))
    if tall:
        rows += [*_samples(found, width, looks), *_course(found, width, looks), Text()]
    for row in rows:
        row.truncate(width)
    return rows


def _samples(found: Assessment, width: int, looks: Looks) -> list[Text]:
    """Bars of each sample by itself, below its name."""
    kinds = [kind for kind in (Kind.COUNT, Kind.MASK) if found.of_kind(kind) is not None]
    rows = []
    for name, one in found.by_sample.items():
        rows.append(_styled(shortened(printable(name), width), DIM))
        rows.extend(_bar(kind, one.of(kind), one.of(kind).decision, width, looks) for kind in kinds)
    return rows


def _word(found: Assessment, width: int, colours: dict[str, str], *, tall: bool) -> list[Text]:
    """The verdict in a word, large, and why."""
    decision = outcome(found)
    look = Style(color=colours["background"], bgcolor=colours[COLOURS[decision]], bold=True)
    reason = reason_in_words(found)
    if not tall:
        word = f" {decision.upper()} "
        return [Text.assemble((word, look), (f" {shortened(reason, width - len(word) - 1)}", BOLD))]
    spread = " ".join(decision.upper())
    lines = _styled(reason, BOLD).wrap(_CONSOLE, width)[:3]
    band = [_styled(line.center(width), look) for line in ("", spread, "")]
    return [*band, *lines, Text()]


def _axis(any_one: Finding, width: int, looks: Looks) -> Text:
    """Above the bars: what is plainly good ends at the first line, what is intolerable begins at the second."""
    columns = width - LABEL - NUMBERS
    p0, p1 = any_one.plan.p0, any_one.plan.p1
    good, bad = f"{p0:.1%} good".replace(".0%", "%"), f"{p1:.1%} too many".replace(".0%", "%")
    good = f"≤{good}" if at(p0, columns) + LABEL > len(good) else ""
    left = good.rjust(LABEL + at(p0, columns) + 1)
    room = width - len(left)
    start = LABEL + at(p1, columns) - len(left)
    right = f"{' ' * max(0, start)}{'' if start < 1 else '≥'}{bad}"[:room]
    return Text.assemble((left, looks[KEEP]), (right, looks[RETRAIN]))


def _bar(kind: Kind, one: Finding, decision: str | None, width: int, looks: Looks) -> Text:
    """The interval of the error rate, the rate in it, and the two limits."""
    columns = width - LABEL - NUMBERS
    look = looks[decision] if decision is not None else DIM
    cells: list[tuple[str, Style]] = [(" ", DIM)] * columns
    for place in range(at(one.low, columns), at(one.high, columns) + 1):
        cells[place] = ("━" if one.judged else "┄", look if one.judged else DIM)
    limits = {at(one.plan.p0, columns): KEEP, at(one.plan.p1, columns): RETRAIN}
    for place, side in limits.items():
        inside = one.judged and at(one.low, columns) <= place <= at(one.high, columns)
        cells[place] = ("┿" if inside else "│", looks[side])
    if one.judged:
        cells[at(one.rate, columns)] = ("●", look + BOLD)
    numbers = f"{one.errors}/{one.judged}" if one.judged else "–"
    label = (f"{MARKS[decision] if decision else ' '} {kind}", look if decision is not None else DIM)
    text = Text.assemble(label)
    text.append(" " * (LABEL - text.cell_len))
    for character, style in cells:
        text.append(character, style)
    return text.append(numbers.rjust(NUMBERS), DIM if decision is None else None)


def _course(found: Assessment, width: int, looks: Looks) -> list[Text]:
    """Errors over images judged, between the lines at which the test keeps and retrains, of the part that decides; none
    where images are weighted: then the lines depend on each.
    """
    part = _telling(found)
    if part is None or part[1].most_needed is None or not part[1].course:
        return []
    name, one = part
    columns, margin = width - 4, 4
    images = np.arange(1, max(one.plan.minimum + 5, math.ceil(one.judged * AHEAD)) + 1)
    keep = np.array([one.plan.keep_up_to(int(n)) for n in images], float)
    retrain = np.array([one.plan.retrain_from(int(n)) for n in images], float)
    wrong = np.cumsum([0, *one.course]).astype(float)
    decided = images >= one.plan.minimum
    most = max(float(wrong[-1]), float(retrain[decided].min(initial=1)), 1.0) * AHEAD
    dots_x, dots_y = columns * braille.DOTS_X, COURSE_ROWS * braille.DOTS_Y
    order: tuple[str | None, ...] = (None, RETRAIN, KEEP)  # the course over the lines
    layers: dict[str | None, list[str]] = {}
    for layer, xs, ys in (
        (KEEP, images[decided & (keep >= 0)], keep[decided & (keep >= 0)]),
        (RETRAIN, images[decided & (retrain <= most)], retrain[decided & (retrain <= most)]),
        (None, np.arange(len(wrong)), wrong),
    ):
        dots = braille.layer(columns, COURSE_ROWS)
        x, y = xs / images[-1] * (dots_x - 1), (1 - ys / most) * (dots_y - 1)
        braille.polyline(dots, x, y, thick=layer is None)
        layers[layer] = braille.characters(dots)
    rows = [Text(), _styled(shortened(f"{name}: wrong of the images judged", width), DIM)]
    for row in range(COURSE_ROWS):
        number = f"{most:.0f}" if row == 0 else "0" if row == COURSE_ROWS - 1 else ""
        text = _styled(f"{number:>{margin - 1}}│", DIM)
        for column in range(columns):
            above = next((key for key in order if layers[key][row][column] != " "), None)
            text.append(layers[above][row][column], BOLD if above is None else looks[above])
        rows.append(text)
    last = str(images[-1])
    rows.append(_styled(f"{' ' * (margin - 1)}└{'─' * columns}", DIM))
    legend = Text.assemble(" " * margin, ("keep below", looks[KEEP]), "  ", ("retrain above", looks[RETRAIN]))
    legend.append(f"{last} images".rjust(max(0, width - legend.cell_len)), DIM)
    return [*rows, legend]


def _telling(found: Assessment) -> tuple[str, Finding] | None:
    """The part that asks for retraining, or takes the most images yet, or was kept last."""
    retrain = [part for part in found.parts if part.found.decision == RETRAIN]
    parts = retrain[:1] or found.missing[:1] or sorted(found.parts, key=lambda part: -part.found.after)[:1]
    for part in parts:
        return f"{part.kind} of {printable(part.sample)}" if part.sample else str(part.kind), part.found
    return None
