"""The enlarged image and the canvas: framing, zoom, crosshair, small updates."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from driving import app_on, press_each, until
from fakes import build_run, events, keys, segmentation_of
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widget import Widget

from tui_cytpix.core.images.render import OUTLINE
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.ui.editor.canvas import AnnotationCanvas
from tui_cytpix.ui.frame.base import StepScreen
from tui_cytpix.ui.graphics.text_cells import DOT as MARK
from tui_cytpix.ui.widgets.pictures.event_image import EventImageView
from tui_cytpix.ui.widgets.pictures.picture_tiles import Tile

N = 3
SIZE = (80, 24)


class ImageScreen(StepScreen):
    """One enlarged image."""

    step = "train"
    SCOPES = ("image",)
    BINDINGS: ClassVar[list] = []

    def body(self) -> Iterable[Widget]:
        yield EventImageView()

    async def enter(self) -> None:
        view = self.query_one(EventImageView)
        view.focus()
        view.show(keys(N)[0], segmentation_of(events(N)[0]), "one")


class CanvasScreen(StepScreen):
    """One canvas; keeps the crosshair's positions."""

    step = "train"
    SCOPES = ("cursor", "image")
    BINDINGS: ClassVar[list] = []

    def __init__(self) -> None:
        super().__init__()
        self.points: list[tuple[float, float]] = []

    def body(self) -> Iterable[Widget]:
        yield AnnotationCanvas(self.moved)

    async def enter(self) -> None:
        canvas = self.query_one(AnnotationCanvas)
        canvas.focus()
        canvas.edit(keys(N)[0], segmentation_of(events(N)[0]), events(N)[0].labels, "")
        canvas.put_cursor((124.0, 124.0))

    def moved(self) -> None:
        self.points.append(self.query_one(AnnotationCanvas).cursor)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return build_run(tmp_path / "run", N, predicted=False)[0]


async def drawn(pilot: Pilot, kind: type[EventImageView] = EventImageView) -> EventImageView:
    await until(pilot, lambda: isinstance(pilot.app.screen, StepScreen) and pilot.app.screen.query(kind))
    view = pilot.app.screen.query_one(kind)
    await until(pilot, lambda: view._drawing is not None, "a drawn picture")
    return view


def text(view: EventImageView) -> list[str]:
    rows, _ = view.cell_size
    return ["".join(s.text for tile in view.tiles for s in view.cells_of(tile, row)) for row in range(rows)]


async def test_the_picture_fills_the_widget_and_marks_the_centroid(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, ImageScreen)
    async with app.run_test(size=SIZE) as pilot:
        view = await drawn(pilot)
        rows, columns = view.cell_size
        assert (rows, columns) == (21, 80)  # a row each for header, title and footer
        assert {len(line) for line in text(view)} == {columns}
        assert sum(line.count(MARK) for line in text(view)) == len(events(N)[0].centroids)


async def test_what_is_in_the_image_is_framed(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, ImageScreen)
    async with app.run_test(size=SIZE) as pilot:
        view = await drawn(pilot)
        part = view.window
        assert part is not None
        assert view.zoom > 0
        ys, xs = np.nonzero(events(N)[0].labels)
        assert part.top <= ys.min()
        assert ys.max() < part.top + part.height
        assert part.left <= xs.min()
        assert xs.max() < part.left + part.width


async def test_zoom_pan_contrast_and_overlay(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, ImageScreen)
    async with app.run_test(size=SIZE) as pilot:
        view = await drawn(pilot)
        await press_each(pilot, "Z Z Z Z Z")
        assert view.zoom_factor == 1.0
        whole = view.window
        await press_each(pilot, "z z z")
        closer = view.window
        assert whole is not None
        assert closer is not None
        assert closer.height == pytest.approx(whole.height / 3)
        await press_each(pilot, "l j")
        panned = view.window
        assert panned is not None
        assert panned.left > closer.left
        assert panned.top > closer.top
        await press_each(pilot, "k k k k")
        panned = view.window
        assert panned is not None
        assert panned.top == pytest.approx(0)
        plain = view._drawing
        await press_each(pilot, "i")
        assert view.display_settings.invert
        assert view._drawing is not None
        assert plain is not None
        assert not np.array_equal(view._drawing.inks, plain.inks)
        await press_each(pilot, "g")
        assert view.display_settings.contrast == 2
        await press_each(pilot, "g g")
        assert view.display_settings.contrast == 1
        await press_each(pilot, "i less_than_sign less_than_sign")
        assert view.display_settings.gamma > 1
        await press_each(pilot, "o o")
        assert view.display_settings.overlay == "off"
        await press_each(pilot, "O")
        assert view.display_settings.overlay != "off"


async def test_an_image_that_cannot_be_read_says_so(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, ImageScreen)
    async with app.run_test(size=(120, 30)) as pilot:
        view = await drawn(pilot)
        view.show(ImageKey(keys(N)[0].sample, "absent"))
        await until(pilot, lambda: "The sample is not where it was" in "".join(text(view)))
        view.show(None)
        await pilot.pause()
        assert "".join(text(view)).strip() == ""


async def test_two_views_can_show_the_same_part(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, ImageScreen)
    async with app.run_test(size=SIZE) as pilot:
        view = await drawn(pilot)
        one, other = segmentation_of(events(N)[0]), segmentation_of(events(N)[1])
        view.show(keys(N)[1], one, also=[other])
        await until(pilot, lambda: view.picture is not None)
        first = view.window
        view.show(keys(N)[0])
        await pilot.pause()
        view.show(keys(N)[1], other, also=[one])
        await pilot.pause()
        assert view.window == first


async def test_the_crosshair_moves_by_1_and_8_px_and_stays_inside(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, CanvasScreen)
    async with app.run_test(size=SIZE) as pilot:
        canvas = await drawn(pilot, AnnotationCanvas)
        assert isinstance(canvas, AnnotationCanvas)
        await press_each(pilot, "l right j down")
        assert canvas.cursor == (126.0, 126.0)
        await press_each(pilot, "h left k up")
        assert canvas.cursor == (124.0, 124.0)
        await press_each(pilot, "L shift+right J shift+down")
        assert canvas.cursor == (140.0, 140.0)
        await press_each(pilot, "H H K K")
        assert canvas.cursor == (124.0, 124.0)
        screen = app.screen
        assert isinstance(screen, CanvasScreen)
        assert screen.points[-1] == canvas.cursor
        canvas.put_cursor((-5.0, 900.0))
        assert canvas.cursor == (0.0, 247.0)
        await press_each(pilot, "k l")
        assert canvas.cursor == (0.0, 247.0)


async def test_the_view_follows_the_crosshair(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, CanvasScreen)
    async with app.run_test(size=SIZE) as pilot:
        canvas = await drawn(pilot, AnnotationCanvas)
        assert isinstance(canvas, AnnotationCanvas)
        await press_each(pilot, "z z z z z z")
        await press_each(pilot, "L L L L L L L L")
        part = canvas.window
        assert part is not None
        assert part.left <= canvas.cursor[1] <= part.left + part.width
        assert any("─" in line for line in text(canvas))
        canvas.put_cursor((124.0, 124.0))
        steps, before = 0, canvas.window
        while canvas.window == before:
            await press_each(pilot, "h")
            steps += 1
        after = canvas.window
        assert before is not None
        assert after is not None
        assert after.top == before.top  # only to the side where the crosshair goes
        assert (canvas.cursor[1] + 0.5 - after.left) / after.width == pytest.approx(0.75, abs=0.02)
        await press_each(pilot, " ".join("h" * int(0.6 * after.width)))
        assert canvas.window == after


async def test_a_crosshair_step_refreshes_a_few_narrow_cells(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, CanvasScreen)
    async with app.run_test(size=(160, 50)) as pilot:
        canvas = await drawn(pilot, AnnotationCanvas)
        assert isinstance(canvas, AnnotationCanvas)
        await pilot.pause()
        sent: list[Region | None] = []
        original = Tile.refresh

        def refresh(self: Tile, *regions: Region, **options: bool) -> Tile:
            sent.extend(regions or [None])
            return original(self, *regions, **options)

        monkeypatch.setattr(Tile, "refresh", refresh)
        await press_each(pilot, "l")
        assert sent
        assert None not in sent
        assert sum(region.area for region in sent if region) <= 30
        assert len({region.y for region in sent if region}) <= 3


async def test_dividing_lines_show_between_touching_particles(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, CanvasScreen)
    async with app.run_test(size=SIZE) as pilot:
        canvas = await drawn(pilot, AnnotationCanvas)
        assert isinstance(canvas, AnnotationCanvas)
        segmentation = segmentation_of(events(N)[0])
        halves = (segmentation.mask * (1 + (np.arange(248) > segmentation.centroids[0, 1]))).astype(np.uint16)
        canvas.edit(keys(N)[0], segmentation, None, "")
        assert canvas._drawing is not None
        without = (canvas._drawing.inks == OUTLINE).sum()
        canvas.edit(keys(N)[0], segmentation, halves, "")
        assert (canvas._drawing.inks == OUTLINE).sum() > without


async def test_a_click_puts_the_crosshair_there(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, CanvasScreen)
    async with app.run_test(size=SIZE) as pilot:
        canvas = await drawn(pilot, AnnotationCanvas)
        assert isinstance(canvas, AnnotationCanvas)
        await pilot.click(AnnotationCanvas, offset=(60, 15))
        await pilot.pause()
        part, (rows, columns) = canvas.window, canvas.cell_size
        assert part is not None
        assert canvas.cursor[0] == pytest.approx(part.top + 15.5 / rows * part.height - 0.5, abs=1)
        assert canvas.cursor[1] == pytest.approx(part.left + 60.5 / columns * part.width - 0.5, abs=1)


@pytest.mark.parametrize("graphics", ["quadrant", "halfblock", "unicode"])
async def test_a_scale_bar_tells_the_length_that_it_has(
    run: Path, monkeypatch: pytest.MonkeyPatch, graphics: str
) -> None:
    app = app_on(monkeypatch, run, ImageScreen, graphics=graphics)
    async with app.run_test(size=SIZE) as pilot:
        view = await drawn(pilot)
        seen = set()
        for _ in range(4):
            line = "".join(segment.text for segment in view.cells_of(view.tiles[0], view.cell_size[0] - 1))
            bar = line[: line.index("µm")]
            cells, um = bar.index("┤") + 1, float(bar[bar.index("┤") + 1 :])
            assert view.window is not None
            um_per_cell = 0.3 * view.window.width / view.cell_size[1]
            assert abs(cells * um_per_cell - um) <= um_per_cell / 2
            seen.add(line[:20])
            await press_each(pilot, "Z")
        assert len(seen) > 1
