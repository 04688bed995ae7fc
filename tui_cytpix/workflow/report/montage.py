"""A montage: images of gates, drawn at random by a seed, with a scale bar, as PNG or SVG."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import tui_cytpix
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.words import printable, shortened
from tui_cytpix.errors import CytpixError, SampleError, UsageError
from tui_cytpix.workflow.explore import gates
from tui_cytpix.workflow.explore.event_table import EventTable
from tui_cytpix.workflow.report import figures, montage_file
from tui_cytpix.workflow.report.montage_file import Bar, Sheet, Text, Tile
from tui_cytpix.workflow.run.run import OnProgress, Run

MOST_IMAGES = 500
LEAST_SIDE, MOST_SIDE = 150, 300  # px: smaller images are enlarged a whole number of times, larger ones reduced
WIDTH, GAP, MARGIN, LINE = 1300, 6, 16, 24
LONGEST = 120  # characters of a line
BAR_SHARE = 0.4  # of a tile's width, at most
UNKNOWN = "No scale bar: um/px is unknown."
CONTRAST = "Each image has its own contrast, its background taken away."
MARKS = "Marks like #1a2b3c are letters that a PNG can't show: its description names them, and an .svg shows them."
Answers = Callable[[ImageKey], Segmentation | None]


class Drawn(NamedTuple):
    """Images of a gate ("" for all events) in a sample, in the order of the draw, of so many that lie in it."""

    sample: str
    gate: str
    images: tuple[ImageKey, ...]
    inside: int


@dataclass(frozen=True)
class Panel:
    """What is shown of a sample and a gate; the scale bar's length is None where the scale is unknown."""

    sample: str
    gate: str
    images: tuple[str, ...]
    inside: int
    um_per_px: float | None
    bar_um: float | None


def is_montage(path: Path) -> bool:
    """Whether its ending names a kind of picture that can be written."""
    return path.suffix.lower() in montage_file.WRITERS


def in_words(one: Panel) -> str:
    bar = UNKNOWN if one.bar_um is None else f"The scale bar is {one.bar_um:g} µm."
    return f"{one.sample}, {one.gate or gates.ALL}: {len(one.images)} of {one.inside} images. {bar}"


def check_path(path: Path) -> None:
    """Raises:
    UsageError: the ending names no kind of picture.
    """
    if not is_montage(path):
        endings = " or ".join(montage_file.WRITERS)
        raise UsageError("The ending names no kind of picture", f"{printable(path.name)}.", f"Give a {endings} file.")


def draw(
    run: Run, names: Sequence[str], samples: Sequence[str], images: int, seed: int
) -> tuple[list[Drawn], list[str]]:
    """So many images of each gate in each sample, as far as there are; sentences about what can't be shown. What is
    drawn of one depends on no other, and more images are added behind.

    Raises:
        UsageError: there is no such gate, or more than MOST_IMAGES are drawn.
        SampleError: nothing can be shown; as the first sentence says.
    """
    for name in filter(None, names):
        gates.find(run, name)
    found, problems = [], []
    for sample in samples:
        try:
            table = EventTable(run, sample)
        except CytpixError as error:
            problems.append(f"{sample}: {error}")
            continue
        for name in names:
            try:
                inside = gates.images_inside(table, run.settings.gates, name)
            except CytpixError as error:
                problems.append(f"{sample}: {error}")
                continue
            if not inside:
                problems.append(f"{sample}: no image lies in {name or gates.ALL}.")
                continue
            order = list(inside)
            random.Random(f"{seed} {sample} {name}").shuffle(order)
            keys = tuple(ImageKey(sample, event) for event in order[:images])
            found.append(Drawn(sample, name, keys, len(inside)))
    if not found:
        raise SampleError("There is nothing to show", problems[0] if problems else "The run has no sample.")
    total = sum(len(one.images) for one in found)
    if total > MOST_IMAGES:
        raise UsageError(
            f"A montage holds at most {MOST_IMAGES} images", f"{total} were asked for.", "Give --images or --sample."
        )
    return found, problems


def write_montage(
    path: Path,
    run: Run,
    drawn: Sequence[Drawn],
    seed: int,
    on_progress: OnProgress,
    overlay: tuple[str, Answers] | None = None,
) -> tuple[list[Panel], list[str]]:
    """Writes what was drawn, with the outlines of a model (its name, its answers) where they are asked for; returns
    what is shown, and sentences about images that can't be.

    Raises:
        UsageError: it can't be written, or the ending names no kind of picture.
        SampleError: no image can be read.
    """
    check_path(path)
    notes = [f"Drawn at random, seed {seed}.", CONTRAST]
    if overlay:
        notes.append(f"Outlines and centroids: {printable(overlay[0])}.")
    as_png = path.suffix.lower() == ".png"
    layout, panels, problems = _Layout(montage_file.in_ascii if as_png else str), [], list[str]()
    total, done = sum(len(one.images) for one in drawn), 0
    for one in drawn:
        pictures, times = _pictures(run, one, overlay, problems)
        if pictures:
            panels.append(layout.add(one, pictures, times, run.settings.sample(one.sample).um_per_px))
        done += len(one.images)
        on_progress(done, total)
    if not panels:
        raise SampleError("No image can be shown", problems[0])
    words = dict.fromkeys(gates.in_words(run, one.gate) for one in panels if one.gate)
    marks = montage_file.marks(f"{one.sample} {one.gate}" for one in panels) if as_png else {}
    if marks:
        notes.append(MARKS)
    told = (f"{mark} is {letters}." for mark, letters in marks.items())
    shown = (f"{one.sample}, {one.gate or gates.ALL}: {', '.join(one.images)}." for one in panels)
    about = {
        "Title": "; ".join(f"{one.sample}, {one.gate or gates.ALL}" for one in panels),
        "Software": f"tui-cytpix {tui_cytpix.__version__}",
        "Description": " ".join((*notes, *(f"{one}." for one in words), *shown, *told)),
    }
    montage_file.write(path, layout.sheet(notes, {key: printable(value) for key, value in about.items()}))
    return panels, problems


def _pictures(
    run: Run, one: Drawn, overlay: tuple[str, Answers] | None, problems: list[str]
) -> tuple[dict[ImageKey, NDArray[np.uint8]], float]:
    """The images that can be read, uint8 (H, W, 3) each, all reduced `times` so that the largest fits."""
    sides = {}
    for key in one.images:
        try:
            sides[key] = max(run.images.read(key).shape)
        except (SampleError, OSError) as error:
            problems.append(f"{key} can't be shown: {error}")
    times = min(1.0, MOST_SIDE / max(sides.values(), default=1))
    pictures = {}
    for key in sides:
        gray = figures.stretched(run, key)
        answer = overlay[1](key) if overlay else None
        if overlay and (answer is None or answer.mask.shape != gray.shape):
            problems.append(f"{key} has no answer of {printable(overlay[0])}.")
            answer = None
        pictures[key] = _reduced(figures.painted(gray, answer), times)
    return pictures, times


def _reduced(pixels: NDArray[np.uint8], times: float) -> NDArray[np.uint8]:
    """uint8 (H, W, 3): each pixel the mean of what it covers."""
    from tui_cytpix.core.images.render import Window, resized

    if times == 1:
        return pixels
    height, width = pixels.shape[:2]
    rows, columns = max(1, round(height * times)), max(1, round(width * times))
    whole = Window(0, 0, height, width)
    channels = [resized(pixels[:, :, channel], whole, rows, columns) for channel in range(3)]
    return np.stack(channels, axis=2).round().astype(np.uint8)


def bar_length(width_um: float) -> float:
    """The longest round number (1, 2 or 5, and zeros) of um that takes at most BAR_SHARE of so many um."""
    most = BAR_SHARE * width_um
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(step for step in (power, 2 * power, 5 * power) if step <= most * (1 + 1e-9)))


class _Layout:
    """Panels below each other: a line of words, the tiles in rows, the scale bar. Words are written as `spelt`."""

    def __init__(self, spelt: Callable[[str], str]) -> None:
        self._spelt = spelt
        self._tiles: list[Tile] = []
        self._texts: list[Text] = []
        self._bars: list[Bar] = []
        self._y = MARGIN

    def add(
        self, one: Drawn, pictures: Mapping[ImageKey, NDArray[np.uint8]], times: float, um_per_px: float | None
    ) -> Panel:
        high, wide = (max(picture.shape[axis] for picture in pictures.values()) for axis in (0, 1))
        enlarged = max(1, LEAST_SIDE // max(high, wide))
        high, wide = high * enlarged, wide * enlarged
        columns = max(1, min(len(pictures), (WIDTH - 2 * MARGIN + GAP) // (wide + GAP)))
        self._line(f"{one.sample}, {one.gate or gates.ALL}: {len(pictures)} of {one.inside} images")
        for place, (key, picture) in enumerate(pictures.items()):
            height, width = picture.shape[0] * enlarged, picture.shape[1] * enlarged
            x = MARGIN + place % columns * (wide + GAP) + (wide - width) // 2
            y = self._y + place // columns * (high + GAP) + (high - height) // 2
            self._tiles.append(Tile(x, y, width, height, picture, str(key)))
        self._y += -(-len(pictures) // columns) * (high + GAP) + GAP
        bar_um = None
        if um_per_px:
            px_per_um = times * enlarged / um_per_px
            bar_um = bar_length(wide / px_per_um)
            self._bars.append(Bar(MARGIN, self._y + LINE // 2 - 2, bar_um * px_per_um, 4))
            self._line(f"{bar_um:g} µm", MARGIN + bar_um * px_per_um + GAP)
        else:
            self._line(UNKNOWN)
        self._y += LINE // 2
        return Panel(one.sample, one.gate, tuple(key.event for key in pictures), one.inside, um_per_px, bar_um)

    def _line(self, text: str, x: float = MARGIN) -> None:
        self._texts.append(Text(x, self._y, shortened(self._spelt(text), LONGEST)))
        self._y += LINE

    def sheet(self, notes: Sequence[str], about: Mapping[str, str]) -> Sheet:
        for note in notes:
            self._line(note)
        right = max(
            *(tile.x + tile.width for tile in self._tiles), *(text.x + montage_file.width(text) for text in self._texts)
        )
        size = (round(right) + MARGIN, self._y + MARGIN - GAP)
        return Sheet(*size, tuple(self._tiles), tuple(self._texts), tuple(self._bars), about)
