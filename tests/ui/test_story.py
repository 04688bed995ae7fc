"""The whole job by keys alone: goal, review, base, samples, annotate, train, add, go on, write, compare, process."""

from __future__ import annotations

from driving import notices, press_each, until
from steps import SAMPLE, Stage, accepted, on_screen, reply, truth, words_of

from tui_cytpix.domain.jobs.training import JobState
from tui_cytpix.workflow.base_model import library


async def test_the_five_steps(stage: Stage) -> None:
    stage.engine.holds = {12}
    stage.engine.flipping = [f"{SAMPLE}:{event}" for event in truth()]
    app = stage.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await assess(pilot, app)
        await choose_base(pilot, app)
        await select(pilot, app)
        await annotate_and_train(pilot, app)
        await evaluate(pilot, app)
        await press_each(pilot, "q")
        await until(pilot, lambda: app.session is None)
    assert (stage.run / "model.safetensors").is_file()


async def test_every_step_opens_from_the_one_before_at_any_size(stage: Stage) -> None:
    app = stage.app()
    async with app.run_test(size=(160, 50)) as pilot:
        names = ("AssessScreen", "BaseModelScreen", "SamplesScreen", "TrainScreen", "EvaluateScreen")
        for name in names:
            screen = await on_screen(pilot, name)
            assert screen.hint.words
            await press_each(pilot, "question_mark question_mark full_stop")
        await pilot.resize_terminal(60, 15)
        for name in reversed(names):
            await on_screen(pilot, name)
            await press_each(pilot, "f2 comma")


async def assess(pilot, app) -> None:
    screen = await on_screen(pilot, "AssessScreen")
    await press_each(pilot, "j enter")
    for _ in range(4):
        await reply(pilot)
    await until(pilot, lambda: screen.judging.model and screen.pane == "main")
    await pilot.press("p")
    await reply(pilot, "8")
    await until(pilot, lambda: screen.gallery.items and all(i.segmentation for i in screen.gallery.items))
    await press_each(pilot, "v c a c b x q")
    assert "3 wrong of 4" in words_of(app, "#tally-words")
    await press_each(pilot, "full_stop")


async def choose_base(pilot, app) -> None:
    screen = await on_screen(pilot, "BaseModelScreen")
    await until(pilot, lambda: screen.table.row_count == 2)
    await press_each(pilot, "space j space c")
    await until(pilot, lambda: screen.pane == "pair" and "of 8 images" in screen.hint.words)
    await press_each(pilot, "n q k enter")
    await until(pilot, lambda: app.session.run.settings.base_model.model.endswith("cell-full.safetensors"))
    await press_each(pilot, "full_stop")


async def select(pilot, app) -> None:
    screen = await on_screen(pilot, "SamplesScreen")
    await pilot.press("m")
    await reply(pilot, "0.3")
    await pilot.press("c")
    await reply(pilot, "EMM")
    await pilot.press("p")
    await reply(pilot, "50")
    await until(pilot, lambda: app.session.run.settings.selection.images)
    await until(pilot, lambda: not screen.task_bar.working)
    await press_each(pilot, "full_stop")


async def annotate_and_train(pilot, app) -> None:
    screen = await on_screen(pilot, "TrainScreen")
    await until(pilot, lambda: screen.base and all(i.segmentation for i in screen.gallery.items))
    await press_each(pilot, "a")
    await on_screen(pilot, "AnnotateScreen")
    await press_each(pilot, " ".join(["1 a"] * 10))
    await until(pilot, lambda: accepted(app.session.run) == 10)
    await press_each(pilot, "q")
    await on_screen(pilot, "TrainScreen")
    await press_each(pilot, "t p")
    await reply(pilot, "20")
    await until(pilot, lambda: app.session.training.flips)
    await press_each(pilot, "p")
    await until(pilot, lambda: app.session.training.state is JobState.PAUSED)
    await press_each(pilot, "a")
    await on_screen(pilot, "AnnotateScreen")
    await press_each(pilot, "a a a a q")
    await on_screen(pilot, "TrainScreen")
    assert accepted(app.session.run) == 14
    await press_each(pilot, "p")
    await until(pilot, lambda: app.session.training.state is JobState.FINISHED)
    await press_each(pilot, "e")
    await reply(pilot, "5")
    await until(pilot, lambda: app.session.training.target == 25)
    await until(pilot, lambda: app.session.training.state is JobState.FINISHED)
    assert [e.epoch for e in app.session.training.epochs] == list(range(1, 26))
    await press_each(pilot, "w")
    await reply(pilot, "story-1")
    await reply(pilot, "")
    await until(pilot, lambda: "story-1 is written" in notices(app))
    assert library.find("story-1").card.base_name in ("", "cell-full")
    await press_each(pilot, "full_stop")


async def evaluate(pilot, app) -> None:
    screen = await on_screen(pilot, "EvaluateScreen")
    await until(pilot, lambda: screen.judging.model and screen.comparison.base)
    await pilot.press("p")
    await press_each(pilot, "enter")
    await until(pilot, lambda: screen.processing.status and screen.processing.status.state is JobState.FINISHED)
    await press_each(pilot, "q x")
    await reply(pilot, str(app.session.run.path / "share.safetensors"))
    await until(pilot, (app.session.run.path / "share.safetensors").is_file)
