"""The gallery: keys, messages, what it asks the cache for, what it draws."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from driving import app_on, press_each, until
from fakes import build_run, events, keys, segmentation_of
from textual.color import Color
from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget

from tui_cytpix.core.images.render import GRAY_LEVELS, OUTLINE
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.ui.frame.base import StepScreen
from tui_cytpix.ui.graphics.text_cells import DOT as MARK
from tui_cytpix.ui.widgets.gallery.gallery import Gallery, GalleryItem
from tui_cytpix.workflow.run.image_cache import ImageCache

N = 12
SIZE = (80, 24)


class GalleryScreen(StepScreen):
    """A gallery of the run's images; keeps the messages."""

    step = "train"
    SCOPES = ("gallery",)
    BINDINGS: ClassVar[list] = []

    def __init__(self, without: Iterable[str] = ()) -> None:
        super().__init__()
        self.heard: list[Message] = []
        self.without = without
        self.sorted = 0

    def body(self) -> Iterable[Widget]:
        yield Gallery(without=self.without)

    async def enter(self) -> None:
        gallery = self.query_one(Gallery)
        gallery.focus()
        gallery.set_items(items())

    def on_gallery_moved(self, event: Gallery.Moved) -> None:
        self.heard.append(event)

    def on_gallery_opened(self, event: Gallery.Opened) -> None:
        self.heard.append(event)

    def key_s(self) -> None:
        self.sorted += 1


def items() -> list[GalleryItem]:
    badges = {3: "!", 8: "↔"}
    return [
        GalleryItem(key, segmentation_of(event), badges.get(number, ""), "warn" if number in badges else "")
        for number, (key, event) in enumerate(zip(keys(N), events(N), strict=True))
    ]


async def opened(pilot: Pilot) -> tuple[GalleryScreen, Gallery]:
    await until(pilot, lambda: isinstance(pilot.app.screen, GalleryScreen) and pilot.app.screen.query(Gallery))
    screen = pilot.app.screen
    assert isinstance(screen, GalleryScreen)
    gallery = screen.query_one(Gallery)
    await until(pilot, lambda: len(gallery.items) == N)
    return screen, gallery


def text(gallery: Gallery, line: int) -> str:
    return gallery.render_line(line).text


def status(gallery: Gallery) -> str:
    """The gallery's last line."""
    return text(gallery, gallery.size.height - 1).strip()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return build_run(tmp_path / "run", N, predicted=False)[0]


async def test_keys_move_and_tell(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, GalleryScreen)
    async with app.run_test(size=SIZE) as pilot:
        screen, gallery = await opened(pilot)
        across = gallery.columns
        assert across == 4
        await press_each(pilot, "l right h j")
        assert gallery.current_key == keys(N)[1 + across]
        await press_each(pilot, "k up")
        assert gallery.current_key == keys(N)[1]
        await press_each(pilot, "G")
        assert gallery.current_key == keys(N)[-1]
        assert gallery.scroll_offset.y > 0
        await press_each(pilot, "l j")
        assert gallery.current_key == keys(N)[-1]
        await press_each(pilot, "pageup g")
        assert gallery.current_key == keys(N)[0]
        assert gallery.scroll_offset.y == 0
        moved = [m.item.key for m in screen.heard if isinstance(m, Gallery.Moved)]
        assert moved[-1] == keys(N)[0]
        await press_each(pilot, "enter")
        assert isinstance(screen.heard[-1], Gallery.Opened)
        assert screen.heard[-1].item.key == keys(N)[0]


async def test_jump_to_a_number_or_an_id(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, GalleryScreen)
    async with app.run_test(size=SIZE) as pilot:
        screen, gallery = await opened(pilot)
        await press_each(pilot, "slash 5 enter")
        assert gallery.current_key == keys(N)[4]
        assert screen.focused is gallery
        assert gallery.jump(keys(N)[9].event)
        assert gallery.current_key == keys(N)[9]
        assert not gallery.jump("0")
        assert not gallery.jump(str(N + 1))
        assert gallery.current_key == keys(N)[9]


async def test_marks_and_ranges(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, GalleryScreen)
    async with app.run_test(size=SIZE) as pilot:
        _screen, gallery = await opened(pilot)
        await press_each(pilot, "space l l V")
        assert gallery.order.marked == set(keys(N)[:3])
        await press_each(pilot, "space")
        assert gallery.order.marked == set(keys(N)[:2])


async def test_sort_filter_and_flags_keep_the_cursor_on_its_image(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, GalleryScreen)
    async with app.run_test(size=SIZE) as pilot:
        _, gallery = await opened(pilot)
        await press_each(pilot, "n")
        assert gallery.current_key == keys(N)[3]
        await press_each(pilot, "n n")
        assert gallery.current_key == keys(N)[8]
        await press_each(pilot, "N")
        assert gallery.current_key == keys(N)[3]
        await press_each(pilot, "s")
        counts = [item.segmentation.particle_count for item in gallery.items if item.segmentation]
        assert counts == sorted(counts)
        assert gallery.current_key == keys(N)[3]
        await press_each(pilot, "S")
        assert "by count (reversed)" in status(gallery)
        counts = [item.segmentation.particle_count for item in gallery.items if item.segmentation]
        assert counts == sorted(counts, reverse=True)
        await press_each(pilot, "f")
        assert all(item.segmentation and item.segmentation.particle_count != 1 for item in gallery.items)
        await press_each(pilot, "f")
        assert {item.key for item in gallery.items} == {keys(N)[3], keys(N)[8]}
        assert "flagged" in status(gallery)
        await press_each(pilot, "F")
        assert len(gallery.items) == N


async def test_the_cursor_stays_at_the_first_place_until_an_image_was_chosen(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on(monkeypatch, run, GalleryScreen)
    async with app.run_test(size=SIZE) as pilot:
        screen, gallery = await opened(pilot)
        backwards = items()[::-1]
        gallery.set_items(backwards)
        assert gallery.current_key == keys(N)[-1]
        await press_each(pilot, "s S F s s s s S")
        assert gallery.current_key == gallery.items[0].key
        await press_each(pilot, "l")
        chosen = gallery.current_key
        gallery.set_items(items())
        assert gallery.current_key == chosen
        gallery.start_over()
        gallery.set_items(backwards)
        assert gallery.current_key == keys(N)[-1]
        await press_each(pilot, "enter")  # looked at: chosen as well
        assert isinstance(screen.heard[-1], Gallery.Opened)
        gallery.set_items(items())
        assert gallery.current_key == keys(N)[-1]


async def test_overlay_and_size(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, GalleryScreen)
    async with app.run_test(size=SIZE) as pilot:
        _, gallery = await opened(pilot)
        await until(pilot, lambda: gallery.session.cache.get(keys(N)[0]) is not None)
        page = range(gallery._cell_height)
        assert any(MARK in text(gallery, line) for line in page)
        await press_each(pilot, "O")
        assert gallery.display_settings.overlay == "off"
        assert not any(MARK in text(gallery, line) for line in page)
        await press_each(pilot, "O o")
        assert gallery.display_settings.overlay == "fill"
        before = gallery.thumb
        await press_each(pilot, "z")
        assert gallery.thumb > before
        await press_each(pilot, "Z Z Z Z Z Z Z Z")
        assert gallery.thumb >= 8
        await press_each(pilot, "z z z z z z z z z z")
        assert gallery.columns == 1
        assert gallery._cell_height <= gallery.size.height


async def test_captions_show_counts_badges_and_ids(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, GalleryScreen)
    async with app.run_test(size=SIZE) as pilot:
        _, gallery = await opened(pilot)
        caption = text(gallery, gallery._cell_height - 1)
        assert keys(N)[0].event in caption
        assert "! 1" in caption
        first = gallery.items[0]
        gallery.update_item(GalleryItem(first.key, first.segmentation, "✓", "good", "3→1"))
        await pilot.pause()
        assert "✓ 3→1" in text(gallery, gallery._cell_height - 1)


async def test_the_cursor_has_a_mark_of_its_own_shape(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variables in ({}, {"NO_COLOR": "1"}, {"COLORTERM": "", "TERM": "xterm"}):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        app = app_on(monkeypatch, run, GalleryScreen)
        async with app.run_test(size=SIZE) as pilot:
            _, gallery = await opened(pilot)
            line, step = gallery._cell_height - 1, gallery.thumb + 1
            marked = lambda: [x for x, letter in enumerate(text(gallery, line)) if letter == "▸"]  # noqa: B023, E731
            assert marked() == [0]
            await press_each(pilot, "l")
            assert marked() == [step]
            await press_each(pilot, "space")
            assert text(gallery, line)[step:].startswith("▸■")


async def test_a_tile_that_waits_has_the_surface_colour(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, GalleryScreen, theme="cytpix-light")
    monkeypatch.setattr(ImageCache, "get", lambda _cache, _key: None)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, GalleryScreen) and app.screen.query(Gallery))
        gallery = app.screen.query_one(Gallery)
        await until(pilot, lambda: gallery.items)
        surface = Color.parse(app.theme_variables["surface"])
        waiting = gallery.render_line(1)._segments[0]
        assert waiting.style is not None
        assert waiting.style.bgcolor.triplet == (surface.r, surface.g, surface.b)


async def test_a_hostile_name_is_only_text(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, GalleryScreen)
    async with app.run_test(size=SIZE) as pilot:
        _, gallery = await opened(pilot)
        hostile = ImageKey(gallery.items[0].key.sample, "\x1b[2J[red]x")
        gallery.set_items([GalleryItem(hostile)])
        await until(pilot, lambda: gallery.session.cache.error(hostile) is not None)
        shown = "".join(text(gallery, line) for line in range(gallery._cell_height))
        assert "\x1b" not in shown
        assert "[red]x" in shown


async def test_sorted_by_any_parameter_and_cut_to_a_quarter(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, GalleryScreen)
    async with app.run_test(size=SIZE) as pilot:
        screen, gallery = await opened(pilot)
        area = {item.key: int(item.segmentation.mask.sum()) for item in items() if item.segmentation is not None}
        await press_each(pilot, "y N u m P i x enter")
        await until(pilot, lambda: "by NumPixels" in status(gallery))
        assert screen.focused is gallery
        assert [area[item.key] for item in gallery.items] == sorted(area.values())
        await press_each(pilot, "S")
        assert [area[item.key] for item in gallery.items] == sorted(area.values(), reverse=True)
        await press_each(pilot, "Y h i g h e s t enter")
        shown = [area[item.key] for item in gallery.items]
        assert shown == sorted(area.values(), reverse=True)[: len(shown)]
        assert len(shown) == N // 4
        assert f"of {N}: NumPixels >= " in status(gallery)
        await press_each(pilot, "F")
        assert len(gallery.items) == N


async def test_filtered_by_a_count_or_a_verdict(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, GalleryScreen)
    async with app.run_test(size=SIZE) as pilot:
        _, gallery = await opened(pilot)
        gallery.set_items(replace(item, verdict="accepted" if n < 2 else "") for n, item in enumerate(items()))
        counts = {item.segmentation.particle_count for item in items() if item.segmentation is not None}
        assert {f"count {count}" for count in counts} < {choice.name for choice in gallery.order.choices()}
        await press_each(pilot, "Y a c c e p t e d enter")
        assert [item.key for item in gallery.items] == keys(N)[:2]
        await press_each(pilot, "f f")  # on to the usual ones
        assert "accepted" not in status(gallery)
        await press_each(pilot, "Y u n d e c i d e d enter")
        assert len(gallery.items) == N - 2


async def test_what_is_taken_away_leaves_the_cursor_in_bounds(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, GalleryScreen)
    async with app.run_test(size=SIZE) as pilot:
        _, gallery = await opened(pilot)
        await press_each(pilot, "G space")
        gallery.set_items(items()[:2])
        await pilot.pause()
        assert gallery.current_key == keys(N)[1]
        assert gallery.order.marked == set()
        gallery.set_items([])
        await press_each(pilot, "l j G g pagedown n space V s f enter o z")
        assert gallery.current is None
        assert status(gallery).startswith("no image")
        assert text(gallery, gallery.size.height - 1).startswith(" no"), "indented as all else is"


async def test_commands_can_be_left_to_the_screen(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, lambda: GalleryScreen(without=("gallery.sort",)))
    async with app.run_test(size=SIZE) as pilot:
        screen, gallery = await opened(pilot)
        await press_each(pilot, "s")
        assert gallery.order.sort == 0
        assert screen.sorted == 1


async def test_only_what_is_near_is_read(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, GalleryScreen)
    async with app.run_test(size=SIZE) as pilot:
        _, gallery = await opened(pilot)
        asked: list[int] = []
        monkeypatch.setattr(gallery.session.cache, "request", lambda wanted, _ready: asked.append(len(list(wanted))))
        many = [GalleryItem(ImageKey(keys(N)[0].sample, str(n))) for n in range(5000)]
        gallery.set_items(many)
        await pilot.pause()
        gallery.refresh()
        await pilot.pause()
        assert asked
        assert max(asked) <= 60


async def test_a_click_moves_and_a_second_opens(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, GalleryScreen)
    async with app.run_test(size=SIZE) as pilot:
        screen, gallery = await opened(pilot)
        at = (gallery.thumb + 3, 2)
        await pilot.click(Gallery, offset=at)
        assert gallery.current_key == keys(N)[1]
        await pilot.click(Gallery, offset=at)
        await pilot.pause()
        assert isinstance(screen.heard[-1], Gallery.Opened)


async def test_shades_for_terminals_with_few_colours(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, GalleryScreen, graphics="unicode")
    async with app.run_test(size=SIZE) as pilot:
        _, gallery = await opened(pilot)
        await until(pilot, lambda: gallery.session.cache.get(keys(N)[0]) is not None)
        shown = "".join(text(gallery, line) for line in range(gallery._cell_height - 1))
        assert "▀" not in shown
        assert set("░▒▓") & set(shown)
        assert "o" in shown
        assert MARK in shown


async def test_thumbnails_are_cut_to_what_is_in_them_and_whole_on_request(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on(monkeypatch, run, GalleryScreen)
    async with app.run_test(size=SIZE) as pilot:
        _, gallery = await opened(pilot)
        await until(pilot, lambda: gallery.session.cache.get(keys(N)[0]) is not None)

        def covered() -> float:
            """The share of the first thumbnail that lies on the mask, which is shown filled."""
            found = gallery._thumbnail(gallery.items[0])
            assert found is not None
            inks = found.drawing.inks
            return float(((inks >= GRAY_LEVELS) & (inks < OUTLINE)).mean())

        await press_each(pilot, "o")
        cut = covered()
        await press_each(pilot, "0")
        assert 0 < covered() < cut / 2
        await press_each(pilot, "0")
        assert covered() == cut


async def test_outlines_are_left_out_where_they_would_hide_the_cells(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on(monkeypatch, run, GalleryScreen)
    async with app.run_test(size=SIZE) as pilot:
        _, gallery = await opened(pilot)
        await until(pilot, lambda: gallery.session.cache.get(keys(N)[0]) is not None)

        def outlined() -> bool:
            found = gallery._thumbnail(gallery.items[0])
            return found is not None and bool((found.drawing.inks == OUTLINE).any())

        await press_each(pilot, "z z z")
        assert outlined()
        await press_each(pilot, "Z Z Z Z Z Z Z Z Z Z")
        assert not outlined()
        assert any(MARK in text(gallery, line) for line in range(gallery._cell_height))


async def test_as_many_marks_as_centroids_also_where_they_share_a_cell(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on(monkeypatch, run, GalleryScreen)
    async with app.run_test(size=SIZE) as pilot:
        _, gallery = await opened(pilot)
        await until(pilot, lambda: gallery.session.cache.get(keys(N)[0]) is not None)
        first = gallery.items[0]
        assert first.segmentation is not None
        middle = first.segmentation.centroids[0]
        three = np.stack([middle, middle + 0.5, middle - 0.5]).astype(np.float32)
        gallery.set_items([GalleryItem(first.key, Segmentation(first.segmentation.mask, three, 0.9))])
        await press_each(pilot, "Z Z Z")
        shown = "".join(text(gallery, line) for line in range(gallery._cell_height - 1))
        assert shown.count(MARK) == 3


@pytest.mark.parametrize("size", [(80, 24), (120, 30), (160, 50)])
async def test_pages_hold_whole_rows(run: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    app = app_on(monkeypatch, run, GalleryScreen)
    async with app.run_test(size=size) as pilot:
        _, gallery = await opened(pilot)
        assert gallery.page_height % gallery._cell_height <= gallery.page_height // gallery._cell_height
        assert gallery._cell_height >= 8
        assert 0.7 < gallery.thumb / (2 * (gallery._cell_height - 1)) < 1.4
