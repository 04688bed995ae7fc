"""Pictures in pixels: the encodings, what is left on the screen after any change, what the terminal is asked."""

from __future__ import annotations

import io
import unicodedata
from base64 import b64decode
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from driving import app_on, press_each, until
from fakes import build_run, events, keys, segmentation_of
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pixel_terminal import PixelTerminal, decode_sixel
from textual.pilot import Pilot
from textual.widget import Widget

from tui_cytpix.core.images import render
from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.ui.editor.canvas import AnnotationCanvas
from tui_cytpix.ui.frame.base import StepScreen
from tui_cytpix.ui.graphics import kitty
from tui_cytpix.ui.graphics.choice import choose
from tui_cytpix.ui.graphics.detection import TerminalFacts, understand
from tui_cytpix.ui.graphics.sixel import sixel
from tui_cytpix.ui.widgets.gallery.gallery import Gallery, GalleryItem
from tui_cytpix.ui.widgets.pictures.picture_tiles import Tile
from tui_cytpix.workflow.run.user_settings import GRAPHICS

N = 12
CELL = (17, 8)
SIZE = (90, 30)
COLOURS = render.colours((255, 210, 63), (255, 79, 163), (55, 226, 255), (18, 22, 27))
INKS = arrays(
    np.uint8,
    st.tuples(st.integers(1, 20), st.integers(1, 40)),
    elements=st.sampled_from([0, 1, 31, 40, render.OUTLINE, render.BACKDROP, render.NOTHING]),
)


@given(INKS)
@settings(max_examples=80, deadline=None)
def test_sixel_draws_every_pixel_and_leaves_the_others(inks: np.ndarray) -> None:
    text = sixel(inks, COLOURS)
    assert text.startswith("\x1bP0;1;0q")
    assert text.endswith("\x1b\\")
    shown = decode_sixel(text[2:-2])
    drawn = inks != render.NOTHING
    assert (shown[~drawn] == -1).all()
    np.testing.assert_allclose(shown[drawn], COLOURS[inks[drawn]] / 2.55, atol=0.51)


@given(INKS)
@settings(max_examples=40, deadline=None)
def test_pillow_reads_our_png(inks: np.ndarray) -> None:
    shown = np.asarray(Image.open(io.BytesIO(kitty.png(inks, COLOURS))).convert("RGBA"))
    drawn = inks != render.NOTHING
    assert (shown[~drawn, 3] == 0).all()
    assert (shown[drawn, 3] == 255).all()
    np.testing.assert_array_equal(shown[drawn, :3], COLOURS[inks[drawn]])


@given(st.binary(min_size=1, max_size=10_000))
@settings(max_examples=30, deadline=None)
def test_payloads_come_in_pieces(payload: bytes) -> None:
    parts = kitty.command({"a": "t", "i": 7}, payload).removesuffix("\x1b\\").split("\x1b\\")
    assert all(part.startswith("\x1b_G") for part in parts)
    heads, bodies = zip(*(part[3:].split(";") for part in parts), strict=True)
    assert b64decode("".join(bodies)) == payload
    assert max(map(len, bodies)) <= 4096
    assert [head[-3:] for head in heads] == ["m=1"] * (len(parts) - 1) + ["m=0"]
    assert heads[0] == f"a=t,i=7,q=2,{heads[0][-3:]}"


def test_numbers_are_combining_characters() -> None:
    assert len(set(kitty.NUMBERS)) == 297
    assert {unicodedata.combining(c) for c in kitty.NUMBERS} == {230}


# What is on the screen


class BothScreen(StepScreen):
    """A gallery above a canvas."""

    step = "train"
    SCOPES = ("gallery", "cursor", "image")
    BINDINGS: ClassVar[list] = []
    DEFAULT_CSS = "BothScreen Gallery { height: 12; } BothScreen AnnotationCanvas { height: 1fr; }"

    def body(self) -> Iterable[Widget]:
        yield Gallery()
        yield AnnotationCanvas()

    async def enter(self) -> None:
        found = zip(keys(N), events(N), strict=True)
        self.query_one(Gallery).set_items([GalleryItem(k, segmentation_of(e)) for k, e in found])
        canvas = self.query_one(AnnotationCanvas)
        canvas.focus()
        canvas.edit(keys(N)[0], segmentation_of(events(N)[0]), events(N)[0].labels, "")
        canvas.put_cursor((124.0, 124.0))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return build_run(tmp_path / "run", N, predicted=False)[0]


@asynccontextmanager
async def shown(
    monkeypatch: pytest.MonkeyPatch, run: Path, graphics: str
) -> AsyncIterator[tuple[Pilot, PixelTerminal, AnnotationCanvas, Gallery]]:
    """The app, and a terminal that gets what it writes."""
    app = app_on(monkeypatch, run, BothScreen, graphics=graphics)
    app.facts = TerminalFacts(sixel=graphics == "sixel", kitty=graphics == "kitty", cell=CELL)
    terminal = PixelTerminal(*SIZE, CELL)

    def display(_app: CytpixApp, screen: object, update: object) -> None:
        if update is not None and not app._batch_count:
            terminal.feed(app.surface.dress(update, screen).render_segments(app.console))

    monkeypatch.setattr(CytpixApp, "paint", display)
    for module in ("sixel_surface", "kitty_surface"):
        monkeypatch.setattr(f"tui_cytpix.ui.graphics.{module}.write_between", lambda _app, text: terminal.feed(text))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, BothScreen) and app.screen.query(AnnotationCanvas))
        canvas, gallery = app.screen.query_one(AnnotationCanvas), app.screen.query_one(Gallery)
        await until(pilot, lambda: canvas._drawing is not None and canvas.session.cache.get(keys(N)[-1]) is not None)
        await until(pilot, lambda: all(gallery._thumbnail(i) is not None for i in gallery.items))
        assert app.surface.pixels
        yield pilot, terminal, canvas, gallery


async def settled(pilot: Pilot) -> None:
    """After a change of the layout pictures are drawn for their new sizes, which is another update."""
    for _ in range(3):
        await pilot.pause(0.05)


def check(pilot: Pilot, terminal: PixelTerminal) -> int:
    """Every cell shows its part of its picture, and text where text is; returns how many show pictures."""
    surface, screen, pictures = pilot.app.surface, pilot.app.screen, 0
    for canvas in screen.query(AnnotationCanvas):
        assert canvas._drawing is not None
        assert canvas._drawing.size == canvas.cell_size, "the picture has another size than its widget"
    tall, wide = CELL
    same: dict[int, object] = {}  # what kitty's image of that number was found to be: compared once, not in every cell
    for y in range(SIZE[1]):
        for x in range(SIZE[0]):
            widget, region = screen.get_widget_at(x, y)
            pieces = []
            if isinstance(widget, Tile | Gallery):
                pieces = list(widget.pieces(y - region.y, x - region.x, 1))
            if not pieces:
                assert (terminal._area(y, x) == -1).all(), f"pixels under text at {y}, {x}"
                assert (y, x) not in terminal.named
                continue
            pictures += 1
            piece = pieces[0]
            if surface.stamps:
                inks = piece.image.inks[piece.row * tall :, piece.column * wide :][:tall, :wide]
                wrong = np.abs(terminal._area(y, x) - piece.image.colours[inks] / 2.55) > 0.51
                assert not wrong.any(), f"other pixels at {y}, {x}"
            else:
                number, row, column = terminal.named[y, x]
                assert (row, column) == (piece.row, piece.column)
                if same.get(number) is not piece.image:
                    there = terminal.images[number][:, :, :3]
                    np.testing.assert_array_equal(there, piece.image.colours[piece.image.inks])
                    same[number] = piece.image
    return pictures


def check_sprite(terminal: PixelTerminal, canvas: AnnotationCanvas) -> None:
    """Kitty's crosshair lies where it should."""
    sprite = canvas.sprite
    assert sprite is not None
    ((number, (row, column, down, right)),) = terminal.placed.items()
    assert terminal.images[number].shape[:2] == sprite.image.inks.shape
    y, x = canvas.corner
    middle = (
        row * CELL[0] + down - y * CELL[0] + sprite.image.inks.shape[0] // 2,
        column * CELL[1] + right - x * CELL[1] + sprite.image.inks.shape[1] // 2,
    )
    assert middle == sprite.middle


@pytest.mark.parametrize("graphics", ["sixel", "kitty"])
async def test_any_change_leaves_the_right_pixels(run: Path, monkeypatch: pytest.MonkeyPatch, graphics: str) -> None:
    async with shown(monkeypatch, run, graphics) as (pilot, terminal, canvas, gallery):
        await settled(pilot)
        pictures = check(pilot, terminal)
        assert pictures > 500
        for step in ("l j L J", "z", "z", "h K", "o", "i"):
            await press_each(pilot, step)
            await settled(pilot)
            check(pilot, terminal)
            if graphics == "kitty":
                check_sprite(terminal, canvas)
        canvas.grab(on=True)
        canvas.edit(keys(N)[1], segmentation_of(events(N)[1]), None, "another")
        await settled(pilot)
        check(pilot, terminal)
        gallery.focus()
        for step in ("j", "j", "G", "g", "o", "z"):
            await press_each(pilot, step)
            await settled(pilot)
            check(pilot, terminal)
        pilot.app.theme = "cytpix-light"
        await settled(pilot)
        check(pilot, terminal)


async def test_a_resize_wipes_what_lies_outside(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with shown(monkeypatch, run, "sixel") as (pilot, terminal, _canvas, _gallery):
        await settled(pilot)
        below = terminal.pixels[: 3 * CELL[0]] * 0  # tiles of a larger layout, below this one
        terminal.pixels = np.vstack([terminal.pixels, below])
        terminal.cells = np.vstack([terminal.cells, np.full((3, SIZE[0]), " ")])
        await press_each(pilot, "l")
        assert (terminal.pixels[-len(below) :] == 0).all()
        for height in (SIZE[1] - 3, SIZE[1] - 1, SIZE[1]):
            await pilot.resize_terminal(SIZE[0], height)
        await settled(pilot)
        assert (terminal.pixels[-len(below) :] == -1).all()
        check(pilot, terminal)
        fed = []
        monkeypatch.setattr(terminal, "feed", fed.append)
        await press_each(pilot, "l j z")
        assert not any("\x1b[2J" in text for text in fed), "a key wipes nothing"


@pytest.mark.parametrize("graphics", ["sixel", "kitty"])
async def test_text_over_a_picture_wins(run: Path, monkeypatch: pytest.MonkeyPatch, graphics: str) -> None:
    async with shown(monkeypatch, run, graphics) as (pilot, terminal, canvas, _gallery):
        await settled(pilot)
        before = check(pilot, terminal)
        await press_each(pilot, "question_mark")
        await settled(pilot)
        assert check(pilot, terminal) < before
        await press_each(pilot, "question_mark")
        await settled(pilot)
        assert check(pilot, terminal) == before
        canvas.put_cursor((0.0, 247.0))
        await settled(pilot)
        check(pilot, terminal)


async def test_a_crosshair_that_is_covered_is_taken_away(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with shown(monkeypatch, run, "kitty") as (pilot, terminal, canvas, _gallery):
        check_sprite(terminal, canvas)
        shown_at = canvas.corner[0] + canvas.sprite.middle[0] // CELL[0]  # type: ignore[union-attr]
        cover = Widget()
        cover.styles.dock, cover.styles.layer, cover.styles.height = "bottom", "_toastrack", SIZE[1] - shown_at + 2
        await pilot.app.screen.mount(cover)
        await settled(pilot)
        assert not canvas.uncovered(canvas.sprite.middle[0] // CELL[0], canvas.sprite.middle[1] // CELL[1])  # type: ignore[union-attr]
        assert terminal.placed == {}
        await cover.remove()
        await settled(pilot)
        check_sprite(terminal, canvas)


async def test_kitty_forgets_what_the_app_forgets(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with shown(monkeypatch, run, "kitty") as (pilot, terminal, _canvas, gallery):
        await settled(pilot)
        before = set(terminal.images)
        gallery._drawn.clear()
        await press_each(pilot, "l")
        gallery.refresh()
        await settled(pilot)
        kept = set(pilot.app.surface._numbers.values())  # type: ignore[attr-defined]
        assert kept == set(terminal.images)
        assert before - kept
        terminal.feed(pilot.app.surface.farewell())  # type: ignore[attr-defined]
        assert terminal.images == {}


async def test_another_font_draws_anew(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with shown(monkeypatch, run, "sixel") as (pilot, terminal, canvas, _gallery):
        app = pilot.app
        assert isinstance(app, CytpixApp)
        assert not app.surface.resized()
        monkeypatch.setattr(terminal, "feed", lambda _text: None)  # its cells stay as they are
        app.surface._cell_size = lambda: (34, 16)  # type: ignore[attr-defined]
        app.on_resize()
        await settled(pilot)
        assert canvas._drawing is not None
        assert canvas._drawing.cell == (34, 16)
        assert canvas._drawing.size == canvas.cell_size


# What the terminal is asked


def facts(said: bytes) -> TerminalFacts:
    return understand(said)


@pytest.mark.parametrize(
    ("said", "sixel_there", "kitty_there", "cell"),
    [
        (b"\x1bP>|XTerm(379)\x1b\\\x1b[6;17;8t\x1b[?64;1;2;4;6c", True, False, (17, 8)),
        (b"\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.35.2)\x1b\\\x1b[6;20;10t\x1b[?62;c", False, True, (20, 10)),
        (b"\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.26.5)\x1b\\\x1b[6;20;10t\x1b[?62;c", False, False, (20, 10)),
        (b"\x1b_Gi=31;OK\x1b\\\x1bP>|ghostty 1.1.3\x1b\\\x1b[?62;22c", False, True, None),
        (b"\x1b_Gi=31;OK\x1b\\\x1bP>|WezTerm 2024\x1b\\\x1b[6;20;10t\x1b[?65;4;6c", True, False, (20, 10)),
        (b"\x1b_Gi=31;ENOTSUP\x1b\\\x1bP>|kitty(0.40.0)\x1b\\\x1b[?62c", False, False, None),
        (b"\x1b[6;0;0t\x1b[?4;6c", False, False, None),
        (b"\x1b[?6c", False, False, None),
        (b"", False, False, None),
    ],
)
def test_answers_are_understood(said: bytes, sixel_there: bool, kitty_there: bool, cell: object) -> None:
    assert facts(said) == TerminalFacts(sixel_there, kitty_there, cell)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "light"),
    [
        (b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?62c", True),
        (b"\x1b]11;rgb:1c/1c/1c\x07\x1b[?62c", False),
        (b"\x1b]11;rgb:f/f/d\x07\x1b[?62c", True),
        (b"\x1b]11;rgba:0000/2b2b/3636/ffff\x1b\\\x1b[?62c", False),
        (b"\x1b[?62c", None),
        (b"", None),
    ],
)
def test_the_background_is_understood_and_never_typed(said: bytes, light: bool | None) -> None:
    assert facts(said).light is light
    assert facts(b"j" + said + b"k").typed == "jk"


def test_what_is_typed_meanwhile_is_kept() -> None:
    assert facts(b"q\x1b[?62;4cj\xc3\xa9\x1b[A").typed == "qj\u00e9\x1b[A"


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TMUX", "STY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    ("wanted", "told", "few", "kind", "words"),
    [
        ("auto", TerminalFacts(), False, "Surface", ""),
        ("auto", TerminalFacts(), True, "shades", "16 colours"),
        ("auto", TerminalFacts(sixel=True, cell=CELL), False, "SixelSurface", ""),
        ("auto", TerminalFacts(sixel=True, kitty=True, cell=CELL), False, "KittySurface", ""),
        ("auto", TerminalFacts(sixel=True), False, "Surface", "how many pixels"),
        ("halfblock", TerminalFacts(sixel=True, cell=CELL), True, "Surface", ""),
        ("unicode", TerminalFacts(sixel=True, cell=CELL), False, "shades", ""),
        ("sixel", TerminalFacts(cell=CELL), False, "SixelSurface", ""),
        ("kitty", TerminalFacts(cell=CELL), False, "KittySurface", ""),
    ],
)
def test_the_surface_is_as_wished_and_as_possible(
    wanted: str, told: TerminalFacts, few: bool, kind: str, words: str
) -> None:
    surface, problem = choose(wanted, told, few_colours=few)
    assert ("shades" if surface.shades else type(surface).__name__) == kind
    assert (words in problem) if words else not problem


@pytest.mark.usefixtures("alone")
def test_each_allowed_value_of_graphics_draws_in_its_own_way() -> None:
    told = TerminalFacts(cell=CELL)
    surfaces = [choose(wanted, told, few_colours=False)[0] for wanted in GRAPHICS if wanted != "auto"]
    assert len({(type(surface), surface.shades, surface.cell) for surface in surfaces}) == len(GRAPHICS) - 1


@pytest.mark.parametrize(("features", "kind"), [("256,RGB,sixel,title", "SixelSurface"), ("256,RGB,title", "Surface")])
def test_in_tmux_the_terminal_around_it_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, features: str, kind: str
) -> None:
    fake = tmp_path / "tmux"
    fake.write_text(f"#!/bin/sh\n[ \"$3\" = '#{{client_termfeatures}}' ] && echo {features}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("TMUX", "there")
    told = TerminalFacts(sixel=True, cell=CELL)
    surface, problem = choose("sixel", told, few_colours=False)
    assert type(surface).__name__ == kind
    assert bool(problem) == (kind == "Surface")
    surface, problem = choose("kitty", told, few_colours=False)
    assert type(surface).__name__ == "Surface"
    assert "tmux" in problem
