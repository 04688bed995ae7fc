"""Step 3 by keys: labels, scale, selection, coverage."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from driving import notices, press_each, until
from PIL import Image
from steps import SAMPLE, Stage, choose_base, on_screen, opened, reply, select, words_of

from tui_cytpix.errors import SampleError
from tui_cytpix.formats.run.images import RunImages
from tui_cytpix.ui.widgets.gallery.gallery import Gallery
from tui_cytpix.ui.widgets.panels.ask_panel import AskPanel
from tui_cytpix.ui.widgets.pictures.event_image import EventImageView
from tui_cytpix.ui.widgets.plots.coverage_plot import CoveragePlot
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.samples import coverage


def hold_reads(monkeypatch: pytest.MonkeyPatch, seconds: float = 10) -> threading.Event:
    """Every image takes so long to read, until the event is set."""
    read, go_on = RunImages.read, threading.Event()

    def slow(self: RunImages, key: object) -> object:
        go_on.wait(seconds)
        return read(self, key)

    monkeypatch.setattr(RunImages, "read", slow)
    return go_on


async def test_labels_scale_and_role_by_key(stage: Stage) -> None:
    choose_base(stage, "samples")
    async with opened(stage, "SamplesScreen") as (app, pilot, screen):
        assert "Pixel size unknown (pombe)" in screen.hint.words
        assert "size cutoff is off" in words_of(app, "#about-words")
        for key, text in (("c", "[red]EMM[/]"), ("i", "culture 1"), ("y", "2"), ("d", "Monday")):
            await pilot.press(key)
            await reply(pilot, text)
        await pilot.press("m")
        await reply(pilot, "300")
        await until(pilot, lambda: "no pixel size" in notices(app))
        await pilot.press("m")
        await reply(pilot, "0,3")
        await press_each(pilot, "r")
        sample = app.session.run.settings.samples[0]
        assert (sample.condition, sample.unit, sample.tube, sample.day) == ("[red]EMM[/]", "culture 1", "2", "Monday")
        assert (sample.um_per_px, sample.scale_source, sample.role) == (0.3, "given", "training")
        shown = [str(cell) for cell in screen.table.get_row_at(0)]
        assert shown[2] == "[red]EMM[/]"
        await until(pilot, lambda: str(screen.table.get_row_at(0)[1]) == "36")


async def test_cultures_numbered_anew_under_each_condition_are_told(stage: Stage) -> None:
    choose_base(stage, "samples")
    with Run.open(stage.run) as run:
        (one,) = run.settings.samples
        run.update(replace(run.settings, samples=(one, replace(one, name="other"))))
        run_samples.label(run, one.name, condition="rich", unit="1")
        run_samples.label(run, "other", condition="poor", unit="2")
    async with opened(stage, "SamplesScreen") as (app, pilot, _screen):
        assert "Under more than one condition" not in words_of(app, "#about-words")
        await press_each(pilot, "j i")
        await reply(pilot, "1")
        assert "Under more than one condition: 1." in words_of(app, "#about-words")


async def test_an_unknown_scale_may_stay_unknown(stage: Stage) -> None:
    choose_base(stage, "samples")
    async with opened(stage, "SamplesScreen") as (app, pilot, _screen):
        await pilot.press("m")
        await reply(pilot)
        assert app.session.run.settings.samples[0].um_per_px is None
        await pilot.press("m")
        await reply(pilot, "three")
        await until(pilot, lambda: "is no pixel size" in notices(app))


async def test_well_and_control_are_columns_where_a_sample_has_them(stage: Stage) -> None:
    choose_base(stage, "samples")
    async with opened(stage, "SamplesScreen") as (app, pilot, screen):
        table = screen.table
        assert "Well" not in [str(column.label) for column in table.columns.values()]
        run_samples.label(app.session.run, SAMPLE, well="C3", control="blank")
        table.show()
        await pilot.pause()
        shown = dict(zip((str(column.label) for column in table.columns.values()), table.get_row_at(0), strict=True))
        assert (str(shown["Well"]), str(shown["Control"]), str(shown["Day"])) == ("C3", "blank", "–")
        assert table.cursor_key == SAMPLE


async def test_the_channel_is_chosen_by_key(stage: Stage, tmp_path: Path) -> None:
    np.save(tmp_path / "stack.npy", np.random.default_rng(1).integers(0, 900, (4, 24, 24, 2)).astype(np.uint16))
    with Run.open(stage.run) as run:
        run_samples.add_sample(run, tmp_path / "stack.npy", 0.3)
    choose_base(stage, "samples")
    async with opened(stage, "SamplesScreen") as (app, pilot, screen):
        await press_each(pilot, "x")
        await until(pilot, lambda: f"images of {SAMPLE} have one channel" in notices(app))
        await pilot.press("j")
        assert "Channel 1 (x for another)" in words_of(app, "#about-words")
        await pilot.press("x")
        await until(pilot, lambda: screen.query_one(AskPanel).open)
        await reply(pilot, "3")
        await until(pilot, lambda: "no such channel" in notices(app))
        await pilot.press("x")
        await until(pilot, lambda: screen.query_one(AskPanel).open)
        await reply(pilot, "2")
        await until(pilot, lambda: [one.name for one in app.session.run.settings.samples] == [SAMPLE, "stack-2"])
        await until(pilot, lambda: str(screen.table.get_row_at(1)[1]) == "4")


async def test_the_selection_is_drawn_and_comes_back(stage: Stage) -> None:
    choose_base(stage, "samples")
    async with opened(stage, "SamplesScreen") as (app, pilot, screen):
        await pilot.press("v")
        await until(pilot, lambda: "Nothing is selected" in notices(app))
        await pilot.press("p")
        await reply(pilot, "20")
        await until(pilot, lambda: "give a whole number from 50 to 1000" in notices(app))
        await reply(pilot, "50")  # selects them right away
        await until(pilot, lambda: app.session.run.settings.selection.images)
        assert app.session.run.settings.selection.preview == 50
        await until(pilot, lambda: "Only 36 images" in words_of(app, "#about-words"))
        plot = screen.query_one(CoveragePlot)
        assert "o" in "".join(plot.render_line(y).text for y in range(plot.size.height - 1))
        assert not screen.task_bar.working
        await press_each(pilot, "v")
        gallery = screen.query_one(Gallery)
        assert screen.focused is gallery
        assert len(gallery.items) == 36
        assert {item.caption for item in gallery.items} == {"random", "variety"}
        await press_each(pilot, "v")
        assert screen.pane == "main"
    async with opened(stage, "SamplesScreen", size=(160, 50)) as (_app, pilot, screen):
        plot = screen.query_one(CoveragePlot)
        await until(pilot, lambda: "▲" in "".join(plot.render_line(y).text for y in range(plot.size.height - 1)))


async def test_selecting_anew_asks_once_annotations_are_there(stage: Stage) -> None:
    select(stage, annotated=2)
    choose_base(stage, "samples")
    async with opened(stage, "SamplesScreen") as (app, pilot, screen):
        before = app.session.run.settings.selection
        await press_each(pilot, "s")
        assert screen.query_one(AskPanel).open
        await press_each(pilot, "n")
        assert not screen.query_one(AskPanel).open
        await pilot.press("p")
        await reply(pilot, "60")
        await until(pilot, lambda: screen.query_one(AskPanel).open)
        await press_each(pilot, "n")
        assert app.session.run.settings.selection == before


async def test_a_long_selection_can_be_cancelled(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    choose_base(stage, "samples")
    go_on = hold_reads(monkeypatch)
    async with opened(stage, "SamplesScreen") as (app, pilot, screen):
        await pilot.press("s")
        await until(pilot, lambda: screen.task_bar.working)
        await press_each(pilot, "C")
        go_on.set()
        await until(pilot, lambda: "cancelled" in notices(app))
        assert not app.session.run.settings.selection.images
        assert not screen.task_bar.working


async def test_selecting_goes_on_where_one_leaves_the_step(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    choose_base(stage, "samples")
    async with opened(stage, "SamplesScreen") as (app, pilot, first):
        await until(pilot, lambda: str(first.table.get_row_at(0)[1]) == "36")
        go_on = hold_reads(monkeypatch)
        await press_each(pilot, "s")
        await until(pilot, lambda: "morphologies" in first.task_bar.words())
        await press_each(pilot, "comma")
        other = await on_screen(pilot, "BaseModelScreen")
        assert "morphologies" in other.task_bar.words(), "it shows elsewhere"
        assert other.task_bar.working
        await press_each(pilot, "4")
        assert "Step 3 is selecting images" in (await on_screen(pilot, "TrainScreen")).hint.words
        await press_each(pilot, "3")
        screen = await on_screen(pilot, "SamplesScreen")
        assert "morphologies" in screen.task_bar.words(), "and on return"
        await press_each(pilot, "s")
        await until(pilot, lambda: "is at work" in notices(app))
        go_on.set()
        await until(pilot, lambda: "Selected 36" in words_of(app, "#about-words"))
        assert not screen.task_bar.working
        assert "o" in "".join(screen.query_one(CoveragePlot).render_line(y).text for y in range(4))
    with Run.open(stage.run) as run:
        assert coverage.load(run) is not None


async def test_a_task_that_ends_behind_another_screen_is_over_on_return(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose_base(stage, "samples")
    go_on = hold_reads(monkeypatch)
    async with opened(stage, "SamplesScreen") as (app, pilot, screen):
        await press_each(pilot, "s")
        await until(pilot, lambda: screen.task_bar.working)
        await press_each(pilot, "comma")
        other = await on_screen(pilot, "BaseModelScreen")
        await press_each(pilot, "question_mark m")
        await until(pilot, lambda: type(app.screen).__name__ == "ManualScreen")
        go_on.set()
        await until(pilot, lambda: app.session.task is None and not app.session._ended)
        await press_each(pilot, "escape")
        await until(pilot, lambda: app.screen is other and not other.task_bar.working)


async def test_leaving_the_run_while_it_selects_asks(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    choose_base(stage, "samples")
    go_on = hold_reads(monkeypatch, 0.2)
    async with opened(stage, "SamplesScreen") as (app, pilot, screen):
        await press_each(pilot, "s")
        await until(pilot, lambda: screen.task_bar.working)
        await press_each(pilot, "q")
        assert screen.ask_panel.open
        await press_each(pilot, "n")
        assert app.session is not None
        await press_each(pilot, "q y")
        await until(pilot, lambda: app.session is None and not (stage.run / "run.lease").exists())
        go_on.set()
    with Run.open(stage.run) as run:
        assert not run.settings.selection.images


async def test_a_selection_without_its_map_gets_one(stage: Stage) -> None:
    select(stage)
    with Run.open(stage.run) as run:
        run.go_to("samples")
        assert coverage.load(run) is None
    async with opened(stage, "SamplesScreen") as (app, pilot, screen):
        plot = screen.query_one(CoveragePlot)
        shown = lambda: "".join(plot.render_line(y).text for y in range(plot.size.height - 1))  # noqa: E731
        await until(pilot, lambda: "o" in shown() and "·" in shown() and "▲" in shown())
        await until(pilot, lambda: "have a selected one nearby" in words_of(app, "#about-words"))
    with Run.open(stage.run) as run:
        assert coverage.load(run) is not None


async def test_samples_are_added_and_bad_ones_told(stage: Stage, tmp_path: Path) -> None:
    choose_base(stage, "samples")
    (tmp_path / "text.acs").write_text("no archive")
    more = tmp_path / "more"
    more.mkdir()
    Image.linear_gradient("L").resize((64, 64)).save(more / "1.png")
    async with opened(stage, "SamplesScreen") as (app, pilot, screen):
        await pilot.press("a")
        await reply(pilot, str(tmp_path / "text.acs"))
        await until(pilot, lambda: any(n.severity == "error" for n in app._notifications))
        await until(pilot, lambda: not screen.task_bar.working)
        await pilot.press("a")
        await reply(pilot, str(more))
        await until(pilot, lambda: screen.table.row_count == 2)


async def test_a_sample_that_is_gone_leaves_the_rest_working(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    select(stage)
    choose_base(stage, "samples")

    def gone(_self: RunImages, sample: str) -> None:
        raise SampleError("The sample is not where it was", sample)

    monkeypatch.setattr(RunImages, "reader", gone)
    async with opened(stage, "SamplesScreen") as (app, pilot, screen):
        await until(pilot, lambda: "not where it was" in notices(app))
        await press_each(pilot, "v")
        assert len(screen.query_one(Gallery).items) == 20


async def test_a_map_that_is_damaged_is_made_again(stage: Stage) -> None:
    choose_base(stage, "samples")
    path = stage.run / "preview" / "coverage.npz"
    async with opened(stage, "SamplesScreen") as (app, pilot, screen):
        await pilot.press("s")
        await until(pilot, lambda: path.is_file() and not screen.task_bar.working)
        chosen = app.session.run.settings.selection
    path.write_bytes(path.read_bytes()[:-100])
    async with opened(stage, "SamplesScreen") as (app, pilot, screen):
        await until(pilot, lambda: coverage.load(app.session.run) is not None and not screen.task_bar.working)
        assert app.session.run.settings.selection == chosen


async def test_what_is_not_covered_is_shown(stage: Stage, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for number in range(12):
        picture = Image.new("L", (120, 120), 90 + number)
        picture.paste(250, (10, 10, 110, 20 + number))
        picture.save(other / f"{number}.png")
    choose_base(stage, "samples")
    with Run.open(stage.run) as run:
        run_samples.label(run, SAMPLE, role="training")
        run_samples.add_sample(run, other)
    async with opened(stage, "SamplesScreen", size=(120, 40)) as (app, pilot, screen):
        await press_each(pilot, "u")
        await until(pilot, lambda: "Select images first" in notices(app))
        await pilot.press("s")
        await until(pilot, lambda: "other: 0% of 12 images" in words_of(app, "#about-words"))
        await press_each(pilot, "u")
        assert screen.pane == "selected"
        assert {item.key.sample for item in screen.query_one(Gallery).items} == {"other"}
        await press_each(pilot, "v v")
        await until(pilot, lambda: {item.key.sample for item in screen.query_one(Gallery).items} == {SAMPLE})
        gallery, enlarged = screen.query_one(Gallery), screen.query_one("#enlarged", EventImageView)
        assert not enlarged.display
        await press_each(pilot, "enter")
        assert enlarged.display
        assert enlarged.key == gallery.current_key
        await press_each(pilot, "l")  # the gallery keeps the keys
        assert enlarged.key == gallery.current_key == gallery.items[1].key
        await press_each(pilot, "enter")
        assert not enlarged.display


async def test_a_small_sample_is_warned_of_before_it_is_used_up(stage: Stage) -> None:
    choose_base(stage, "samples")
    async with opened(stage, "SamplesScreen") as (app, pilot, _screen):
        await until(pilot, lambda: "hold 36 images: selecting 200 leaves none" in words_of(app, "#about-words"))
        assert not app.session.run.settings.selection.images
        await pilot.press("r")  # not for training: but then it is reserved for the evaluation, or serves training alone
        await until(pilot, lambda: "leaves none" not in words_of(app, "#about-words"))
        await press_each(pilot, "r r r")
        await until(pilot, lambda: "leaves none" in words_of(app, "#about-words"))
        await pilot.press("s")
        await until(pilot, lambda: "a verdict needs 20 at least" in notices(app))
        await until(pilot, lambda: app.session.run.settings.selection.images)


async def test_a_sample_that_is_another_is_told_and_one_that_is_there_is_refused(stage: Stage) -> None:
    choose_base(stage, "samples")
    with Run.open(stage.run) as run:
        (ref,) = run.settings.samples
        folder = run.folder.sample_path(ref)
    Image.linear_gradient("L").resize((64, 64)).save(folder / "more.png")
    async with opened(stage, "SamplesScreen") as (app, pilot, screen):
        await until(pilot, lambda: f"{ref.name}: other images than those" in notices(app))
        await until(pilot, lambda: str(screen.table.get_row_at(0)[1]) == "changed")
        assert "The sample is not the one that it was" not in notices(app)
        assert "give the former one the role aside" in words_of(app, "#about-words")
        for said in ("is added", "holds the same images as"):
            await pilot.press("a")
            await reply(pilot, str(folder))
            await until(pilot, lambda said=said: said in notices(app))
        assert len(app.session.run.settings.samples) == 2
