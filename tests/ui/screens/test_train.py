"""Step 4 by keys: annotating, starting, pausing, flips, writing, broken jobs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from driving import burst, notices, press_each, until
from steps import SAMPLE, Stage, accepted, answer, build, on_screen, opened, reply, select, truth, words_of
from textual.pilot import Pilot

from tests import children
from tui_cytpix.domain.jobs.events import Failed, Started
from tui_cytpix.domain.jobs.specs import TrainSpec
from tui_cytpix.domain.jobs.training import Epoch, Flip, JobState, TrainingStatus
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.formats.run.job import JobFolder
from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.ui.widgets.gallery.gallery import Gallery
from tui_cytpix.ui.widgets.panels.ask_panel import AskPanel
from tui_cytpix.ui.widgets.panels.typed_line import TypedLine
from tui_cytpix.ui.widgets.plots.curve_plot import CurvePlot
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.run_samples import set_pixel_size
from tui_cytpix.workflow.train.object_sizes import object_sizes
from tui_cytpix.workflow.train.watch import TrainingWatch


async def test_accepted_images_are_counted_and_training_waits_for_ten(stage: Stage) -> None:
    select(stage, annotated=8)
    async with opened(stage, "TrainScreen", "base") as (app, pilot, screen):
        assert "8 of at least 10" in screen.hint.words
        await press_each(pilot, "t p")
        await until(pilot, lambda: "annotate 2 more" in notices(app))
        await press_each(pilot, "t")
        assert isinstance(screen.focused, Gallery)
        await press_each(pilot, "G a")
        await on_screen(pilot, "AnnotateScreen")
        await press_each(pilot, "a a")
        await until(pilot, lambda: accepted(app.session.run) == 10)
        await press_each(pilot, "q")
        await on_screen(pilot, "TrainScreen")
        assert "10 annotated: 8 train, 2 validate" in words_of(app, "#summary")
        assert "Enough to train" in screen.hint.words


async def test_annotating_begins_from_the_model_that_is_chosen_for_that(stage: Stage) -> None:
    """Of the singlets of even events the base makes doublets."""
    select(stage)
    with Run.open(stage.run) as run:
        library.propose_by(run, library.find("cell-half"))
    async with opened(stage, "TrainScreen", "base") as (app, pilot, screen):
        gallery = screen.gallery
        await until(pilot, lambda: all(item.segmentation is not None for item in gallery.items))
        assert [item.segmentation.particle_count for item in gallery.items] == [
            answer("cell-half", item.key).particle_count for item in gallery.items
        ]
        await press_each(pilot, "a")
        await on_screen(pilot, "AnnotateScreen")
        await press_each(pilot, "a")
        await until(pilot, lambda: accepted(app.session.run) == 1)
        (state,) = app.session.run.annotations.accepted()
        assert (state.origin, state.corrected) == (library.find("cell-half").hash, False)
        assert library.base_of(app.session.run).card.name == "cell-full"


async def test_the_size_cutoff_is_off_where_the_scale_is_unknown(stage: Stage) -> None:
    select(stage)
    async with opened(stage, "TrainScreen", "base") as (app, _pilot, screen):
        assert screen.plan_words().startswith("Size cutoff 5 µm (off: unknown scale) · ")
        set_pixel_size(app.session.run, SAMPLE, 0.3)
        assert screen.plan_words().startswith("Size cutoff 5 µm · ")


async def test_the_question_for_the_cutoff_shows_the_sizes_found(stage: Stage) -> None:
    """Of all objects of the preview, and how many of them what is typed drops; in px where the scale is unknown."""
    select(stage, annotated=10)
    async with opened(stage, "TrainScreen", "base") as (app, pilot, screen):
        await press_each(pilot, "t m")
        await until(pilot, lambda: "% below" in asked(app))
        assert "px: 5 % below" in asked(app)
        assert "the cutoff is off" in asked(app)
        assert "drops" not in asked(app)
        await press_each(pilot, "escape")
        set_pixel_size(app.session.run, SAMPLE, 0.3)
        await press_each(pilot, "m")
        await until(pilot, lambda: "A cutoff of 5 µm drops" in asked(app))
        await press_each(pilot, "9 9")
        sizes = object_sizes(app.session.run, screen.seen().images)
        assert len(sizes.um) >= 10
        await until(pilot, lambda: f"A cutoff of 99 µm drops {len(sizes.um)} of them (100.0%)" in asked(app))
        await press_each(pilot, "escape p")
        await reply(pilot)  # another question says nothing of sizes
        assert "below" not in asked(app)


async def test_leaving_the_editor_leads_to_its_image_in_the_gallery(stage: Stage) -> None:
    select(stage, annotated=10)
    async with opened(stage, "TrainScreen", "base") as (_, pilot, screen):
        await press_each(pilot, "l a")
        editor = await on_screen(pilot, "AnnotateScreen")
        await until(pilot, lambda: editor.editor.state)
        for _ in range(12):
            await press_each(pilot, "pagedown")
        await until(pilot, lambda: editor.images.place == 13)
        last = editor.images.key
        await press_each(pilot, "q")
        await until(pilot, lambda: pilot.app.screen is screen and screen.gallery.current_key == last)
        gallery = screen.gallery
        top, cell = gallery.scroll_offset.y, gallery._region(gallery._cursor)
        assert top > 0
        assert top <= cell.y
        assert cell.bottom <= top + gallery.page_height


async def test_no_key_of_a_burst_is_lost(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys arrive faster than focus moves: into a question, through one, and past a list that closes."""
    select(stage, annotated=10)
    flip = Flip(ImageKey(SAMPLE, next(iter(truth()))), ((1, 1), (2, 2), (3, 1)))
    status = TrainingStatus(JobState.STOPPED, epochs=(Epoch(3, 0.1, 0.9, 0.8, 3.0, 8, 2),), target=3, flips=(flip,))
    monkeypatch.setattr(TrainingWatch, "poll", lambda _self: status)
    async with opened(stage, "TrainScreen") as (app, pilot, screen):
        await until(pilot, lambda: screen.base and app.session.training is status)
        await burst(pilot, "t f f e 7")
        line = screen.ask_panel.query_one(TypedLine)
        await until(pilot, lambda: line.value == "7")
        assert "checkpoints are not here: training begins anew" in asked(app)  # only its log travelled
        assert screen.focused is line
        await burst(pilot, "escape w m 3 enter t")
        await until(pilot, lambda: isinstance(screen.focused, Gallery))
        assert not screen.ask_panel.open
        assert "nothing to write" in notices(app)
        assert app.session.run.settings.train.size_cutoff_um == 3


async def test_train_pause_add_go_on_and_write_by_keys(stage: Stage) -> None:
    select(stage, annotated=10)
    stage.engine.holds = {12, 16}
    stage.engine.flipping = [f"{SAMPLE}:{event}" for event in list(truth())[10:12]]
    async with opened(stage, "TrainScreen", "base") as (app, pilot, screen):
        await press_each(pilot, "t p")
        await reply(pilot, "20")
        await until(pilot, lambda: app.session.training.state is JobState.RUNNING)
        assert "20" in screen.rail.training
        await until(pilot, lambda: len(app.session.training.flips) == 2)
        await press_each(pilot, "p")
        await until(pilot, lambda: app.session.training.state is JobState.PAUSED)
        assert "Paused at epoch" in words_of(app, "#training-state")
        assert "TA" in screen.training_pane.query_one("CurvePlot").render_line(0).text
        await until(pilot, lambda: screen.now is not None)
        await press_each(pilot, "f")
        assert screen.training_pane.flips_shown
        await press_each(pilot, "enter")
        editor = await on_screen(pilot, "AnnotateScreen")
        assert editor is app.screen
        await press_each(pilot, "a q")
        await on_screen(pilot, "TrainScreen")
        assert accepted(app.session.run) == 11
        await press_each(pilot, "q p")
        await until(pilot, lambda: app.session.training.state is JobState.RUNNING)
        await until(pilot, lambda: app.session.training.epochs[-1].validation_images == 2)
        await write(pilot, "pombe-0", "On the way.")
        assert library.find("pombe-0").card.description == "On the way."
        assert app.session.training.state is JobState.RUNNING
        await press_each(pilot, "e")
        await reply(pilot, "10")
        await until(pilot, lambda: app.session.training.target == 30)
        await until(pilot, lambda: app.session.training.state is JobState.FINISHED)
        assert [e.epoch for e in app.session.training.epochs] == list(range(1, 31))
        assert screen.wishes.checkpoint == "last"  # two validation images: the best epoch would be luck
        for checkpoint in ("best", "last"):
            await press_each(pilot, "b")
            await until(pilot, lambda checkpoint=checkpoint: screen.wishes.checkpoint == checkpoint)
        await press_each(pilot, "w")
        await reply(pilot, "my model")
        await until(pilot, lambda: "no name" in notices(app))
        await pilot.press("escape")
        await write(pilot, "pombe-1", "")
        assert library.find("pombe-1").card.training["epoch"] == 30
        assert "pombe-1 is written" in screen.hint.words


async def write(pilot: Pilot, name: str, notes: str) -> None:
    going = pilot.app.session.training.state is JobState.RUNNING
    await press_each(pilot, "w")
    assert ("Training goes on" in asked(pilot.app)) is going
    await reply(pilot, name)
    await reply(pilot, notes)
    await until(pilot, lambda: f"{name} is written" in notices(pilot.app))


def asked(app: CytpixApp) -> str:
    return str(app.screen.query_one(AskPanel).query_one("Static").render())


async def test_training_is_steered_from_any_screen(stage: Stage) -> None:
    select(stage, annotated=10)
    stage.engine.holds = {12, 400}
    async with opened(stage, "TrainScreen", "base", size=(120, 30)) as (app, pilot, _screen):
        await press_each(pilot, "asterisk")
        assert asked(app) == "Not trained yet."
        await press_each(pilot, "p")
        await reply(pilot, "1000")
        await until(pilot, lambda: len(app.session.training.epochs) == 12)
        await press_each(pilot, ",")
        samples = await on_screen(pilot, "SamplesScreen")
        await until(pilot, lambda: "● 12/1000" in samples.rail.training)
        header = samples.rail.render().plain
        assert "TA ▁" in header
        assert "VA ▁" in header
        await press_each(pilot, "asterisk")
        assert "epoch 12 of 1000" in asked(app)
        await press_each(pilot, "p")
        await until(pilot, lambda: app.session.training.state is JobState.PAUSED)
        await press_each(pilot, "asterisk e")
        await reply(pilot, "7")
        await until(pilot, lambda: app.session.training.target == 1007)
        await press_each(pilot, "asterisk x")  # no choice: nothing happens
        assert not samples.ask_panel.open
        await press_each(pilot, "asterisk w")
        await reply(pilot, "from-samples")
        await reply(pilot, "")
        await until(pilot, lambda: app.session.training.state is JobState.STOPPED)
        await press_each(pilot, "asterisk p")
        await until(pilot, lambda: app.session.training.state is JobState.RUNNING)
        await press_each(pilot, "asterisk s")
        await press_each(pilot, "y")
        await until(pilot, lambda: app.session.training.state is JobState.STOPPED)
        await press_each(pilot, "asterisk t")
        await on_screen(pilot, "TrainScreen")
    assert library.find("from-samples").card.training["epoch"] <= 12


async def test_the_gallery_is_live_and_marks_what_changed(stage: Stage) -> None:
    select(stage, annotated=10)
    stage.engine.holds = {10}
    flipping = ImageKey(SAMPLE, list(truth())[12])
    stage.engine.flipping = [str(flipping)]
    async with opened(stage, "TrainScreen", "base", size=(160, 40)) as (app, pilot, screen):
        await press_each(pilot, "t p")
        await reply(pilot, "20")
        await until(pilot, lambda: app.session.training.looked == 10)

        def shown():
            return next(item for item in screen.gallery.items if item.key == flipping)

        await until(pilot, lambda: shown().badges == "↔↓")
        assert shown().segmentation.particle_count == 1  # as training sees it, while it goes on
        await press_each(pilot, "f")
        cells = [str(cell) for cell in screen.training_pane.flips.get_row(str(flipping))]
        assert cells == [str(flipping), "", "1", "2 1 (epoch 10)"]


async def test_what_is_saved_is_told_on_the_screen_on_top(stage: Stage) -> None:
    """A screen below, that redraws as training goes on, must not take the news away."""
    select(stage, annotated=10)
    app = stage.app()
    async with app.run_test(size=(80, 24)) as pilot:
        below = await on_screen(pilot, "TrainScreen")
        await until(pilot, lambda: below.base)
        await press_each(pilot, "a")
        editor = await on_screen(pilot, "AnnotateScreen")
        session = app.session
        session.saved = (2, "")
        editor.rail.unsaved = 2
        below.show_words()
        assert session.saved == (2, "")
        await until(pilot, lambda: editor.rail.unsaved == 0)


async def test_where_training_computes_is_asked(stage: Stage) -> None:
    select(stage, annotated=10)
    async with opened(stage, "TrainScreen", "base") as (app, pilot, _screen):
        await press_each(pilot, "t c")
        await reply(pilot, "gpu")
        await until(pilot, lambda: "no device" in notices(app))
        for answer in ("cuda:1", "3", "4"):
            await reply(pilot, answer)
        settings = app.session.run.settings.train
        assert (settings.device, settings.threads, settings.batch) == ("cuda:1", 3, 4)


async def test_a_cross_check_is_asked_for_and_told(stage: Stage) -> None:
    select(stage, annotated=9)
    async with opened(stage, "TrainScreen", "base") as (app, pilot, _screen):
        await press_each(pilot, "t k")
        await until(pilot, lambda: "annotate 1 more" in notices(app))
        run = app.session.run
        last = run.settings.selection.images[9]
        run.record_edit(last, "propose", run.annotations.accepted()[0].segmentation, origin="masks")
        run.record_edit(last, "accept")
        await press_each(pilot, "k")
        await until(pilot, lambda: "Cross-check" in words_of(app, "#training-words"))
        assert "all: accuracy 0.90 (95 % confidence 0.7" in words_of(app, "#training-words")
        assert "10 of 10 counts right" in words_of(app, "#training-words")


async def test_stop_asks_and_detach_leaves_training_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = build(tmp_path, monkeypatch, epoch_seconds=0.05)
    stage.engine.holds = {400}
    select(stage, annotated=10)
    async with opened(stage, "TrainScreen", "base") as (app, pilot, screen):
        await press_each(pilot, "t s")
        assert "No training is at work" in notices(app)
        await press_each(pilot, "p")
        await reply(pilot, "1000")
        await until(pilot, lambda: app.session.training.epochs)
        await press_each(pilot, "s")
        assert screen.query_one(AskPanel).open
        await press_each(pilot, "n d")
        await until(pilot, lambda: app.session is None)
    async with opened(stage, "TrainScreen") as (app, pilot, _screen):
        await until(pilot, lambda: app.session.training.state is JobState.RUNNING)
        seen = len(app.session.training.epochs)
        await until(pilot, lambda: len(app.session.training.epochs) > seen)
        assert [e.epoch for e in app.session.training.epochs][:3] == [1, 2, 3]
        await press_each(pilot, "t s")
        await press_each(pilot, "y")
        await until(pilot, lambda: app.session.training.state is JobState.STOPPED)
        assert "Stopped at epoch" in words_of(app, "#training-state")


async def test_a_job_that_failed_says_why_and_can_start_again(stage: Stage) -> None:
    select(stage, annotated=10)
    with Run.open(stage.run) as run:
        job = JobFolder.create(run.folder.jobs / "1-train", TrainSpec(epochs=5, run=str(run.path)))
        job.emit(Started(device="cuda", pid=1, host="elsewhere"))
        job.emit(Failed(reason="[bold]no[/bold] memory", way_out="Use the CPU."))
    async with opened(stage, "TrainScreen") as (app, pilot, screen):
        await until(pilot, lambda: app.session.training.state is JobState.FAILED)
        assert "broke off" in screen.hint.words
        await press_each(pilot, "t")
        assert "[bold]no[/bold] memory" in words_of(app, "#training-advice")
        await until(pilot, lambda: screen.base)
        await press_each(pilot, "p")
        await until(pilot, lambda: app.session.training.state is JobState.FINISHED)


async def test_without_base_or_selection_the_hint_leads_there(stage: Stage) -> None:
    with Run.open(stage.run) as run:
        run.go_to("train")
    async with opened(stage, "TrainScreen") as (app, pilot, screen):
        assert "step 2" in screen.hint.words
        await press_each(pilot, "a")
        assert "base model" in notices(app)
        await press_each(pilot, "t f w")
        assert "No image flipped" in notices(app)
        assert "Nothing is trained" in notices(app)
        await press_each(pilot, "q")
        assert not screen.has_class("-in-training")


async def test_on_a_small_screen_the_curves_have_room_and_longer_words_stand_below(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    select(stage, annotated=10)
    epochs = tuple(Epoch(n, 0.1, 0.9, 0.8, 3.0, 8, 2) for n in range(1, 40))
    status = TrainingStatus(JobState.STOPPED, epochs=epochs, target=40, log=("one", "two", "three"), device="a chip")
    monkeypatch.setattr(TrainingWatch, "poll", lambda _self: status)
    async with opened(stage, "TrainScreen", "base") as (app, pilot, screen):
        await until(pilot, lambda: app.session.training is status)
        await press_each(pilot, "t")
        plot, more = screen.training_pane.query_one(CurvePlot), screen.training_pane.query_one("#training-more")
        axis = next(y for y in range(plot.size.height) if "└" in plot.render_line(y).text)
        assert axis - 1 >= 8
        assert "(VA) 0.80" in plot.render_line(0).text
        assert screen.training_pane.query_one("#training-state").size.height == 1
        assert plot.region.bottom <= screen.training_pane.query_one("#training-advice").region.y
        assert "a chip" in words_of(app, "#training-words")
        assert more.max_scroll_y
        await press_each(pilot, ";")
        assert more.scroll_y


async def test_both_panes_stand_side_by_side_where_there_is_room(stage: Stage) -> None:
    select(stage, annotated=3)
    async with opened(stage, "TrainScreen", "base", size=(160, 50)) as (app, pilot, screen):
        assert screen.gallery.size.width > 60
        assert screen.training_pane.size.width > 60
        await press_each(pilot, "t m")
        await reply(pilot, "3")
        assert app.session.run.settings.train.size_cutoff_um == 3
        assert "debris" in notices(app)
        assert "3 µm" in words_of(app, "#training-words")
        captions = {item.key: item.caption for item in screen.gallery.items}
        assert captions[ImageKey(SAMPLE, next(iter(truth())))].startswith("✓")


def test_the_curve_has_no_gap_over_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the screen shows after reopening comes from the jobs' logs alone."""
    from tui_cytpix.workflow.train import control

    stage = build(tmp_path, monkeypatch, epoch_seconds=0.0)
    select(stage, annotated=10)
    with Run.open(stage.run) as run:
        for epochs in (4, 3):
            control.start(run, epochs)
            children.until(lambda: not TrainingWatch(run.folder).poll().live)
        status = TrainingWatch(run.folder).poll()
    assert [e.epoch for e in status.epochs] == list(range(1, 8))
    shutil.rmtree(stage.run / "checkpoints")
