"""The annotation editor by keys alone, down to what is in the log."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from driving import app_on, burst, press_each, until
from fakes import build_run, events, keys, segmentation_of
from textual.pilot import Pilot

from tui_cytpix.domain.annotation import Side, Status
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.formats.run import json_log
from tui_cytpix.formats.run.predictions import PredictionStore
from tui_cytpix.ui.editor import looking_back
from tui_cytpix.ui.editor.canvas import AnnotationCanvas
from tui_cytpix.ui.screens.annotate import AnnotateScreen
from tui_cytpix.ui.session import PredictionsChanged, SavedChanged, Session
from tui_cytpix.ui.widgets.lines.readout import Readout
from tui_cytpix.workflow.run.predict import PredictProgress
from tui_cytpix.workflow.run.run import Run

N = 12
SIZE = (80, 24)
SINGLE = next(n for n, event in enumerate(events(N)) if len(event.centroids) == 1)
DOUBLE = next(n for n, event in enumerate(events(N)) if len(event.centroids) > 1)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return build_run(tmp_path / "run", N)[0]


def editor(start: int = 0) -> AnnotateScreen:
    return AnnotateScreen(keys(N), keys(N)[start])


async def ready(pilot: Pilot) -> AnnotateScreen:
    await until(
        pilot, lambda: isinstance(pilot.app.screen, AnnotateScreen) and pilot.app.screen.editor.state is not None
    )
    screen = pilot.app.screen
    assert isinstance(screen, AnnotateScreen)
    await until(pilot, lambda: screen.canvas._drawing is not None)
    return screen


def said(screen: AnnotateScreen) -> str:
    """The read-out as one line, whatever its width folds."""
    return " ".join(word for line in screen.query_one(Readout)._lines for word in line.plain.split())


def state(screen: AnnotateScreen, key: ImageKey | None = None):
    return screen.session.run.annotations.state(key or screen.images.key)


async def test_accept_goes_on_and_is_saved(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, editor)
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        assert "0 of 10 annotated" in said(screen)
        assert "open" in said(screen)
        await press_each(pilot, "a")
        await until(pilot, lambda: screen.images.key == keys(N)[1])
        assert state(screen, keys(N)[0]).status is Status.ACCEPTED
        assert "1 of 10 annotated" in said(screen)
        assert f"{keys(N)[0].event} accepted (training)." in said(screen)
        await until(pilot, lambda: screen.rail.unsaved == 0)
    with Run.open(run, writing=False) as reopened:
        kept = reopened.annotations.state(keys(N)[0])
        assert kept.status is Status.ACCEPTED
        assert kept.side is Side.TRAINING
        assert not kept.corrected
        assert kept.origin.startswith("sha256:")


async def test_saved_is_not_shown_while_a_decision_waits_for_the_disk(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow the looks at the disk: the header knows with the decision."""
    disk = threading.Event()
    append = json_log.append_now

    def slow(path: Path, lines: bytes) -> None:
        disk.wait(20)
        append(path, lines)

    app = app_on(monkeypatch, run, editor)
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        await until(pilot, lambda: " saved " in screen.rail.render().plain)
        monkeypatch.setattr(json_log, "append_now", slow)
        await press_each(pilot, "a")
        await until(pilot, lambda: screen.images.key == keys(N)[1])
        waiting = screen.session.run.unsaved
        assert waiting > 0
        screen.on_saved_changed(SavedChanged(""))  # a look from just before the decision
        assert f"saving {waiting} " in screen.rail.render().plain
        disk.set()
        await until(pilot, lambda: " saved " in screen.rail.render().plain)


async def arrived(pilot: Pilot, screen: AnnotateScreen) -> None:
    screen.on_predictions_changed(PredictionsChanged(PredictProgress(1, 1, False)))
    await until(pilot, lambda: screen.editor.state is not None and screen.editor.state.segmentation is not None)


async def test_the_crosshair_goes_to_the_proposal_when_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for moved in (False, True):
        path, _ = build_run(tmp_path / f"late-{moved}", N, predicted=False)
        monkeypatch.setattr(Session, "ask_model", lambda *_: None)
        app = app_on(monkeypatch, path, lambda: editor(SINGLE))
        async with app.run_test(size=SIZE) as pilot:
            screen = await ready(pilot)
            await until(pilot, lambda screen=screen: screen.canvas.picture is not None)
            await screen.editor.open_image(screen.images.place)
            before = screen.canvas.cursor
            if moved:
                await press_each(pilot, "l")
            found = segmentation_of(events(N)[SINGLE])
            with monkeypatch.context() as patch:
                patch.setattr(PredictionStore, "get", lambda *_, found=found: found)
                await arrived(pilot, screen)
            there = tuple(np.round(found.centroids[0]))
            assert screen.canvas.cursor == ((before[0], before[1] + 1) if moved else there)


async def test_an_image_that_is_refused_is_told_and_the_next_is_there(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Run.open(run, writing=False) as seen:
        seen.folder.preview_image(keys(N)[0]).write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n")
    app = app_on(monkeypatch, run, editor)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, AnnotateScreen))
        screen = app.screen
        assert isinstance(screen, AnnotateScreen)
        await until(pilot, lambda: "it is no PNG" in screen.canvas.words())
        canvas = screen.canvas
        rows = range(canvas.size.height)
        texts = [part.text for row in rows for tile in canvas.tiles for part in canvas.cells_of(tile, row)]
        shown = " ".join("".join(texts).split())
        assert shown.startswith("The run's copy of an image is damaged.")
        assert shown.endswith("Delete it: it is read from the sample again.")
        await press_each(pilot, "pagedown")
        await until(pilot, lambda: screen.canvas._drawing is not None)
        assert screen.images.key == keys(N)[1]


async def test_reject_ambiguous_and_skip(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, editor)
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        await press_each(pilot, "x I space")
        await until(pilot, lambda: screen.images.key == keys(N)[3])
        found = [state(screen, key).status for key in keys(N)[:3]]
        assert found == [Status.REJECTED, Status.AMBIGUOUS, Status.OPEN]
        assert "0 of 10 annotated" in said(screen)


async def test_ten_accepted_are_enough_and_two_of_them_validate(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, editor)
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        await press_each(pilot, " ".join("a" * N))
        await until(pilot, lambda: len(screen.session.run.annotations.accepted()) == N)
        assert "12 annotated ✓" in said(screen)
        assert "start training: q t p" in said(screen)
        assert "10 train · 2 validate" in said(screen)
        assert "No open image is left" in said(screen)
        assert screen.session.run.annotations.ready_to_train() is None


async def test_a_digit_states_the_count_and_undo_takes_it_back(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, lambda: editor(SINGLE))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        assert "1 particle, " in said(screen)
        await press_each(pilot, "3")
        await until(pilot, lambda: "3 particles" in said(screen))
        annotation = state(screen)
        assert annotation.corrected
        assert annotation.segmentation is not None
        assert len(annotation.segmentation.centroids) == 3
        assert screen.editor.anatomy is not None
        assert [len(part.particles) for part in screen.editor.anatomy.objects] == [3]
        await press_each(pilot, "quotation_mark")
        await until(pilot, lambda: "It is so already." in said(screen))
        await press_each(pilot, "u")
        await until(pilot, lambda: "1 particle, " in said(screen))
        assert not state(screen).corrected
        await press_each(pilot, "U")
        await until(pilot, lambda: "3 particles" in said(screen))
        await press_each(pilot, "0")
        await until(pilot, lambda: "the object is gone" in said(screen))


async def test_a_doublet_that_is_one_cell_takes_two_keys(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, lambda: editor(DOUBLE))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        await press_each(pilot, "1 a")
        await until(pilot, lambda: screen.images.key != keys(N)[DOUBLE])
        annotation = state(screen, keys(N)[DOUBLE])
        assert annotation.status is Status.ACCEPTED
        assert annotation.corrected


async def test_place_delete_move_centre(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, lambda: editor(SINGLE))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        start = screen.canvas.cursor
        await press_each(pilot, "l l l p")
        await until(pilot, lambda: "Placed." in said(screen))
        segmentation = state(screen).segmentation
        assert segmentation is not None
        np.testing.assert_allclose(segmentation.centroids[-1], (start[0], start[1] + 3))
        await press_each(pilot, "d")
        await until(pilot, lambda: "Deleted." in said(screen))
        await press_each(pilot, "m")
        assert screen.canvas.grabbed
        await press_each(pilot, "j j l")
        await press_each(pilot, "enter")
        await until(pilot, lambda: "Moved." in said(screen))
        assert not screen.canvas.grabbed
        segmentation = state(screen).segmentation
        assert segmentation is not None
        np.testing.assert_allclose(segmentation.centroids[0], screen.canvas.cursor)
        await press_each(pilot, "c")
        await until(pilot, lambda: "Centred." in said(screen))
        await press_each(pilot, "C")
        await until(pilot, lambda: "centred already" in said(screen))
        await press_each(pilot, "p R")
        await until(pilot, lambda: "As proposed." in said(screen))
        assert not state(screen).corrected


async def test_move_is_dropped_by_its_own_key(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, lambda: editor(SINGLE))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        await press_each(pilot, "m L m")
        await until(pilot, lambda: "Moved." in said(screen))
        await press_each(pilot, "m m")
        await until(pilot, lambda: "It stays where it was" in said(screen))
        await press_each(pilot, "enter")
        assert not screen.canvas.grabbed


async def test_undo_returns_to_the_image_that_was_accepted(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, editor)
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        await press_each(pilot, "a a")
        await until(pilot, lambda: screen.images.key == keys(N)[2])
        await press_each(pilot, "u")
        await until(pilot, lambda: screen.images.key == keys(N)[1])
        assert state(screen).status is Status.OPEN
        assert state(screen, keys(N)[0]).status is Status.ACCEPTED
        await press_each(pilot, "U")
        await until(pilot, lambda: state(screen, keys(N)[1]).status is Status.ACCEPTED)


async def test_undo_reaches_back_to_an_earlier_session(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Run.open(run) as earlier:
        earlier.record_edit(keys(N)[0], "reject")
    app = app_on(monkeypatch, run, editor)
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        assert "✗ rejected" in said(screen)
        await press_each(pilot, "u")
        await until(pilot, lambda: state(screen).status is Status.OPEN)
        await press_each(pilot, "u")
        await until(pilot, lambda: "Nothing to undo." in said(screen))


async def test_jumps_between_particles_and_objects(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, lambda: editor(DOUBLE))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        points = [tuple(np.round(p)) for p in events(N)[DOUBLE].centroids.astype(float)]
        first = screen.canvas.cursor
        assert tuple(first) in points
        await press_each(pilot, "tab")
        assert screen.canvas.cursor != first
        assert tuple(screen.canvas.cursor) in points
        await press_each(pilot, "shift+tab")
        assert screen.canvas.cursor == first
        await press_each(pilot, "n N")
        assert screen.editor.anatomy is not None
        assert screen.editor.anatomy.object_at(screen.canvas.cursor) is not None


async def test_the_proposal_can_be_looked_at(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, lambda: editor(SINGLE))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        await press_each(pilot, "4")
        await until(pilot, lambda: "4 particles" in said(screen))
        await press_each(pilot, "P")
        await until(pilot, lambda: "1 particle, " in said(screen))
        await press_each(pilot, "P")
        await until(pilot, lambda: "4 particles" in said(screen))


async def test_the_key_card_has_what_the_image_needs_digits_first(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, lambda: editor(SINGLE))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        card = said(screen)
        assert "1-9 how many are here a Accept: it is right x Reject: leave it out" in card
        assert "? all keys" in card
        assert "Tab" not in card
        assert "undo" not in card
        assert "start training" not in card
        rows = [line.plain for line in screen.query_one(Readout)._lines[: screen.query_one(Readout).size.height]]
        assert any("all keys" in row for row in rows), "the card is cut"
        await press_each(pilot, "2")
        await until(pilot, lambda: "2 particles, doublet" in said(screen))
        await until(pilot, lambda: "next particle" in said(screen) and "u undo" in said(screen))
        await press_each(pilot, "d tab d")
        await until(pilot, lambda: "p mark one here" in said(screen))
        assert "how many" not in said(screen)


async def test_the_readout_has_units_convention_and_position(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, lambda: editor(SINGLE))
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await ready(pilot)
        y, x = screen.canvas.cursor
        area = int((events(N)[SINGLE].labels > 0).sum())
        shown = said(screen)
        assert f"row {y:.0f} column {x:.0f} · " in shown
        assert "1 particle, singlet" in shown
        assert f" {area * 0.09:.1f} µm²" in shown
        assert "no convention is written down" in shown
        assert "not touched yet" in shown
        await press_each(pilot, "l z")
        assert f"column {x + 1:.0f} · " in said(screen)


async def test_pages_and_view_keys(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, editor)
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        await press_each(pilot, "pagedown pagedown pageup")
        await until(pilot, lambda: screen.images.key == keys(N)[1])
        await press_each(pilot, "pageup pageup pageup")
        await until(pilot, lambda: screen.images.key == keys(N)[0])
        await press_each(pilot, "o")
        assert screen.canvas.display_settings.overlay == "fill"
        await press_each(pilot, "O i greater_than_sign")
        assert screen.canvas.display_settings.overlay == "off"
        assert screen.canvas.display_settings.invert
        assert screen.canvas.display_settings.gamma < 1


async def test_without_a_proposal_it_waits_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = build_run(tmp_path / "run", N, predicted=False)
    monkeypatch.setattr("tui_cytpix.workflow.run.jobs.start", lambda _job: None)
    app = app_on(monkeypatch, path, editor)
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        assert "waits for the model" in said(screen)
        for key in ("a", "1", "p", "d", "m", "c", "C", "R", "P", "tab", "n", "u", "U", "enter"):
            await press_each(pilot, key)
        assert screen.images.key == keys(N)[0]
        assert state(screen).status is Status.OPEN
        assert screen.session.run.annotations.last_seq == 0


async def test_keys_typed_in_one_go_keep_their_order(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, lambda: editor(SINGLE))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        start = screen.canvas.cursor
        await press_each(pilot, "l l p h h 2 a")
        await until(pilot, lambda: screen.images.key != keys(N)[SINGLE])
        annotation = state(screen, keys(N)[SINGLE])
        actions = [e.action for e in screen.session.run.annotations._edits[keys(N)[SINGLE]]]
        assert actions == ["propose", "place", "count", "accept"]
        placed = screen.session.run.annotations._edits[keys(N)[SINGLE]][1].segmentation
        assert placed is not None
        np.testing.assert_allclose(placed.centroids[-1], (start[0], start[1] + 2))
        assert annotation.segmentation is not None
        assert len(annotation.segmentation.centroids) == 2


async def test_the_brush_paints_on_its_way_and_undo_drops_it(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, lambda: editor(SINGLE))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        assert screen.editor.state is not None
        before = int(screen.editor.state.segmentation.mask.sum())  # type: ignore[union-attr]
        await press_each(pilot, "b L L L u")
        await until(pilot, lambda: "Never mind." in said(screen))
        assert state(screen).segmentation is None
        await press_each(pilot, "b L L L L b")
        await until(pilot, lambda: "Brush: done." in said(screen))
        painted = state(screen).segmentation
        assert painted is not None
        assert painted.mask.sum() > before
        assert painted.mask[tuple(int(v) for v in screen.canvas.cursor)]
        assert screen.canvas.path is None
        await press_each(pilot, "B H H a")  # a decision lifts the pen first
        await until(pilot, lambda: screen.images.key != keys(N)[SINGLE])
        kept = state(screen, keys(N)[SINGLE])
        assert kept.status is Status.ACCEPTED
        assert kept.segmentation is not None
        assert kept.segmentation.mask.sum() < painted.mask.sum()


async def test_keys_sent_at_once_draw_the_same(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, lambda: editor(SINGLE))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        y, x = screen.canvas.cursor
        await burst(pilot, "b L L J b")
        await until(pilot, lambda: "Brush: done." in said(screen))
        painted = state(screen).segmentation
        assert painted is not None
        assert painted.mask[int(y), int(x) + 16]
        assert painted.mask[int(y) + 8, int(x) + 16]


async def test_outlines_of_all_masks_or_of_the_one_moved_to(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, lambda: editor(SINGLE))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        assert "t T all: tighter" in said(screen)
        whole = segmentation_of(events(N)[SINGLE]).mask.sum()
        await press_each(pilot, "t t")
        await until(pilot, lambda: state(screen).segmentation is not None and "Tighter." in said(screen))
        assert state(screen).segmentation.mask.sum() < whole  # type: ignore[union-attr]
        await press_each(pilot, "l")
        assert "t T one: tighter" in said(screen)
        await press_each(pilot, "T T T")
        await until(pilot, lambda: state(screen).segmentation.mask.sum() > whole)  # type: ignore[union-attr]
        await press_each(pilot, "P")
        await until(pilot, lambda: "masks agree to" in said(screen))


async def test_hints_name_the_keys_that_the_user_chose(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, lambda: editor(SINGLE))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        app.user_keys = {"editor.tighten": "4", "editor.drop": "5"}
        await press_each(pilot, "m")
        assert "Moving: m or 5 drops it." in said(screen)
        assert "4 T all: tighter" in said(screen)


async def test_the_mouse_puts_the_crosshair_and_draws(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, lambda: editor(SINGLE))
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        start = screen.canvas.cursor
        await pilot.mouse_down(AnnotationCanvas, offset=(5, 5))
        assert screen.canvas.cursor != start
        assert screen.canvas.steered
        await pilot.mouse_up(AnnotationCanvas, offset=(5, 5))


async def test_orders_and_a_look_back(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(monkeypatch, run, editor)
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        for order in ("suggested", "random", "least sure first", "as listed"):
            await press_each(pilot, "e")
            await until(pilot, lambda order=order: f"Order: {order}." in said(screen))
            assert sorted(screen.images.keys, key=str) == sorted(keys(N), key=str)
        assert screen.images.keys == keys(N)
        await press_each(pilot, "r")
        await until(pilot, lambda: "Nothing is annotated yet." in said(screen))
        await press_each(pilot, "a a")
        await until(pilot, lambda: len(screen.session.run.annotations.accepted()) == 2)
        await press_each(pilot, "r")
        await until(pilot, lambda: app.screen is not screen)
        back = await ready(pilot)
        assert back.images.review
        assert len(back.images.keys) == 2
        first = back.images.key
        await press_each(pilot, "a")
        await until(pilot, lambda: back.images.key != first)
        await press_each(pilot, "q")
        await until(pilot, lambda: app.screen is screen)


async def test_after_a_pause_a_strip_of_thumbnails_is_offered(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Run.open(run) as book:
        for key, event in zip(keys(N)[:4], events(N)[:4], strict=True):
            book.record_edit(key, "propose", segmentation_of(event))
            book.record_edit(key, "accept")
    app = app_on(monkeypatch, run, lambda: editor(SINGLE))
    monkeypatch.setattr(looking_back, "pause_seconds", lambda _run, _now: 7200.0)
    async with app.run_test(size=SIZE) as pilot:
        screen = await ready(pilot)
        strip = screen.looking_back.strip
        await until(pilot, lambda: strip.items)
        assert "Back after 2 h" in said(screen)
        assert {item.key for item in strip.items} == set(keys(N)[:4])
        await until(pilot, lambda: screen.session.cache.get(keys(N)[0]) is not None)
        assert "▀" in "".join(strip.render_line(y).text for y in range(strip.size.height - 2))
        await press_each(pilot, "r")
        await until(pilot, lambda: app.screen is not screen)
        back = await ready(pilot)
        await until(pilot, lambda: back.looking_back.strip.items)
        assert back.looking_back.strip.current_key == back.images.key
        before = back.looking_back.strip.current.segmentation
        await press_each(pilot, "3")
        await until(pilot, lambda: back.looking_back.strip.current.segmentation is not before)
        await press_each(pilot, "a")
        await until(pilot, lambda: back.images.place == 1)
        assert back.looking_back.strip.current_key == back.images.key == back.images.listed[1]
        await press_each(pilot, "q")
        await until(pilot, lambda: app.screen is screen)
        assert not strip.display
