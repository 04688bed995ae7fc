"""How large models see images, by keys: told where answers are looked at, and set in steps 1 and 2."""

from __future__ import annotations

from dataclasses import replace

from driving import notices, press_each, until
from steps import SAMPLE, Stage, choose_base, opened, reply, select, state_goal, words_of

from tests.reviewing import judge
from tui_cytpix.domain.verdict import Judgement
from tui_cytpix.domain.zoom import By, Zoom
from tui_cytpix.ui.widgets.gallery.gallery import Gallery
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.run_samples import set_pixel_size
from tui_cytpix.workflow.run.zoom import set_zoom

GUESSED = "pombe: seen 1.3 times as large (unknown scale; chosen from its particles)"
AS_SET = "pombe: seen 1.5 times as large (unknown scale; as set)"


async def test_step_1_asks_anew_at_another_size_and_judges_anew(stage: Stage) -> None:
    state_goal(stage)
    async with opened(stage, "AssessScreen", "judging.model", size=(150, 46)) as (app, pilot, screen):
        gallery = screen.query_one(Gallery)
        answered = lambda: gallery.items and all(item.segmentation is not None for item in gallery.items)  # noqa: E731
        await pilot.press("p")
        await reply(pilot, "4")
        await until(pilot, answered)
        await until(pilot, lambda: GUESSED in words_of(app, "#tally-words"))
        assert f"{GUESSED}. M changes that." in words_of(app, "#tally-words")
        judge(app.session.run, screen.judging.sequence[0], screen.judging.model, Judgement.COUNT_ERROR)
        assert len(screen.judging.verdicts()) == 1
        await pilot.press("M")
        await reply(pilot, "9")
        await until(pilot, lambda: "0.2 to 5 times" in notices(app))
        await press_each(pilot, "1 comma 5 enter")
        assert "1.5 times as large as they are, as set" in notices(app)
        assert screen.judging.verdicts() == {}
        await until(pilot, lambda: answered() and AS_SET in words_of(app, "#tally-words"))
        await pilot.press("v")
        assert "Seen 1.5 times as large (unknown scale; as set)." in words_of(app, "#review-words")
        await press_each(pilot, "q M")
        await reply(pilot, "")
        assert "choose themselves" in notices(app)
        assert len(screen.judging.verdicts()) == 1
        assert answered()  # still there
        assert GUESSED in words_of(app, "#tally-words")
    with Run.open(stage.run, writing=False) as run:
        assert run.settings.base_model.zoom == 0


async def test_step_2_tells_and_sets_it(stage: Stage) -> None:
    choose_base(stage, "base_model")
    async with opened(stage, "BaseModelScreen") as (app, pilot, screen):
        await until(pilot, lambda: screen.table.row_count == 2)
        assert "Sees         by the size of the particles" in words_of(app, "#card-words")
        assert f"how large they see images of unknown scale ({SAMPLE}). M changes that" in screen.hint.words
        await press_each(pilot, "space j space c")
        await until(pilot, lambda: GUESSED in screen.hint.words)
        await press_each(pilot, "q M")
        await reply(pilot, "1.5")
        assert "1.5 times as large as they are, as set. M changes that" in screen.hint.words
        assert library.base_of(app.session.run).card.name == "cell-full"
        await press_each(pilot, "c")
        await until(pilot, lambda: AS_SET in screen.hint.words)
        await press_each(pilot, "M")
        await reply(pilot, "2")
        await until(pilot, lambda: AS_SET.replace("1.5", "2") in screen.hint.words)
        await press_each(pilot, "M")
        await reply(pilot, "1.5")
        await until(pilot, lambda: AS_SET in screen.hint.words)
        await press_each(pilot, "q k")
        await until(pilot, lambda: AS_SET in words_of(app, "#card-words"))
        await press_each(pilot, "enter")
        assert app.session.run.settings.base_model.zoom == 1.5
    async with opened(stage, "BaseModelScreen") as (app, pilot, screen):  # after a restart
        await until(pilot, lambda: AS_SET in words_of(app, "#card-words"))


async def test_a_known_scale_decides_and_the_words_say_so(stage: Stage) -> None:
    choose_base(stage, "base_model")
    with Run.open(stage.run) as run:
        set_pixel_size(run, SAMPLE, 0.3)
    async with opened(stage, "BaseModelScreen") as (app, pilot, screen):
        await until(pilot, lambda: screen.table.row_count == 2)
        assert "unknown scale" not in screen.hint.words
        await pilot.press("M")
        assert "The scale of every sample is known" in notices(app)
        assert not screen.ask_panel.open


async def test_step_4_tells_how_large_the_base_and_training_see_images(stage: Stage) -> None:
    select(stage, annotated=12)
    async with opened(stage, "TrainScreen", "base", size=(150, 46)) as (app, pilot, screen):
        assert screen.zoom_lines() == []  # answers of earlier builds don't tell
        set_zoom(app.session.run, 1.5)
        app.session.ask_model(screen.base, screen.preview)
        await until(pilot, lambda: screen.zoom_lines() == [AS_SET])
        screen.show_words()
        assert AS_SET in words_of(app, "#training-words")
        app.session.training = replace(app.session.training, zoom=Zoom(1.4, By.PARTICLES))
        assert screen.zoom_lines()[1] == (
            "training: seen 1.4 times as large (unknown scale; chosen from its particles)"
        )
