"""Step 2 by keys: the library, two side by side, files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from driving import notices, press_each, until
from steps import Stage, answer, choose_base, on_screen, opened, reply, words_of

from tui_cytpix.base_models import instrument
from tui_cytpix.domain.model_card import ARCHITECTURE, ModelCard
from tui_cytpix.formats.model.file import write_model
from tui_cytpix.formats.sample.reader import SampleReader
from tui_cytpix.ui.screens.base_model import BaseModelScreen
from tui_cytpix.ui.widgets.gallery.example_images import ExampleImages
from tui_cytpix.ui.widgets.lines.hint import Words
from tui_cytpix.ui.widgets.pictures.pair_view import PairView
from tui_cytpix.workflow.assess import triage
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run.resources import user_models


async def test_the_card_follows_the_cursor_and_enter_chooses(stage: Stage) -> None:
    choose_base(stage, "base_model")
    async with opened(stage, "BaseModelScreen") as (app, pilot, screen):
        await until(pilot, lambda: screen.table.row_count == 2)
        assert "About cell-full" in words_of(app, "#card-words")
        assert "Half resolution is the faster" in words_of(app, "#card-words")
        await press_each(pilot, "j")
        assert "About cell-half" in words_of(app, "#card-words")
        await press_each(pilot, "enter")
        assert library.base_of(app.session.run).card.name == "cell-half"
        assert "go" in screen.hint.words
        assert "is the base model" in notices(app)


async def test_two_models_side_by_side_differ_first(stage: Stage) -> None:
    choose_base(stage, "base_model")
    async with opened(stage, "BaseModelScreen") as (app, pilot, screen):
        await until(pilot, lambda: screen.table.row_count == 2)
        await pilot.press("space")
        assert "space marks some" in screen.hint.words
        await press_each(pilot, "j space c")
        await until(pilot, lambda: screen.pane == "pair" and "24 images" in screen.hint.words)
        view = screen.query_one(PairView)
        differing = sum(
            answer("cell-full", k).particle_count != answer("cell-half", k).particle_count for k in screen.images
        )
        assert f"differ on {differing} of 24" in screen.hint.words
        assert view.current.answers[0].particle_count != view.current.answers[1].particle_count
        counts = [pair.answers[0].particle_count != pair.answers[1].particle_count for pair in view._pairs]
        assert counts == [True] * differing + [False] * (24 - differing)
        await press_each(pilot, "n n N")
        assert "2 of 24" in words_of(app, "#pair-words")
        await press_each(pilot, "o z Z O")
        await press_each(pilot, "q")
        assert screen.pane == "main"
        assert screen.focused is screen.table


async def test_marks_stay_while_the_run_is_open(stage: Stage) -> None:
    choose_base(stage, "base_model")
    async with opened(stage, "BaseModelScreen") as (app, pilot, screen):
        await until(pilot, lambda: screen.table.row_count == 2)
        await press_each(pilot, "space full_stop")
        await on_screen(pilot, "SamplesScreen")
        await press_each(pilot, "comma")
        table = (await on_screen(pilot, "BaseModelScreen")).table
        await until(pilot, lambda: table.row_count == 2)
        cells = [str(table.get_row_at(row)[0]) for row in range(2)]
        assert [cell.endswith("■") for cell in cells] == [True, False]
        assert app.session.marked_models == [library.find("cell-full").hash]


async def test_the_instruments_masks_propose_and_are_no_base(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    choose_base(stage, "base_model")
    user_models().mkdir(parents=True, exist_ok=True)
    write_model(user_models() / "instrument.safetensors", {}, instrument.CARD)
    async with opened(stage, "BaseModelScreen") as (app, pilot, screen):
        await until(pilot, lambda: screen.table.row_count == 2)  # no sample carries any
        monkeypatch.setattr(SampleReader, "has_masks", True)
        await press_each(pilot, "full_stop comma")
        again = await on_screen(pilot, "BaseModelScreen")
        await until(pilot, lambda: again.table.row_count == 3)
        base = library.base_of(app.session.run)
        await press_each(pilot, "j j")
        assert "lets annotating begin from it" in words_of(app, "#card-words")
        assert "Half resolution is the faster" not in words_of(app, "#card-words")
        await press_each(pilot, "enter")
        assert "can't be the base model" in notices(app)
        await press_each(pilot, "p")
        run = app.session.run
        assert (library.base_of(run), library.proposing(run).card.name) == (base, "instrument")
        assert [str(again.table.get_row_at(row)[0])[0] for row in range(3)] == ["●", " ", "○"]
        assert "Annotating begins from its answers" in words_of(app, "#card-words")
        await press_each(pilot, "k k p")
        assert library.proposing(run) == base


async def test_files_come_in_and_go_out_with_one_clear_message(stage: Stage, tmp_path: Path) -> None:
    choose_base(stage, "base_model")
    (tmp_path / "text.safetensors").write_text("no model")
    async with opened(stage, "BaseModelScreen") as (app, pilot, screen):
        await until(pilot, lambda: screen.table.row_count == 2)
        await pilot.press("i")
        await reply(pilot, str(tmp_path / "text.safetensors"))
        await until(pilot, lambda: "not a model of ours" in notices(app))
        await pilot.press("escape")
        await pilot.press("x")
        await reply(pilot, str(tmp_path / "out.safetensors"))
        await until(pilot, lambda: "Written" in notices(app))
        await pilot.press("x")
        await reply(pilot, str(tmp_path / "out.safetensors"))
        (tmp_path / "out.safetensors").write_text("mine")
        await pilot.press("n")  # leaves it
        assert (tmp_path / "out.safetensors").read_text() == "mine"
        await pilot.press("x")
        await reply(pilot, str(tmp_path / "out.safetensors"))
        await pilot.press("y")
        await until(pilot, lambda: notices(app).count("Written") == 2)
        assert (tmp_path / "out.safetensors").read_bytes() == Path(screen.table.current.path).read_bytes()
        await pilot.press("c")
        await until(pilot, lambda: "Mark two models" in notices(app))


async def test_up_to_four_models_side_by_side(stage: Stage) -> None:
    choose_base(stage, "base_model")
    write_model(
        user_models() / "third.safetensors",
        {"weight": np.full(1, 7, np.float32)},
        ModelCard("third", "full", "UDT", network={"architecture": ARCHITECTURE}),
    )
    async with opened(stage, "BaseModelScreen", size=(120, 36)) as (app, pilot, screen):
        await until(pilot, lambda: screen.table.row_count == 3)
        await press_each(pilot, "space j space j space c")
        await until(pilot, lambda: screen.pane == "pair" and "of 24 images" in screen.hint.words)
        await until(pilot, lambda: "Half against full on 24 images" in screen.hint.words)
        assert "Alone against all others: cell-full" in screen.hint.words
        view = screen.query_one(PairView)
        assert len(view.current.answers) == 3
        assert "third" in words_of(app, "#pair-third-title")
        assert view.query_one("#pair-third").display
        assert not view.query_one("#pair-fourth").display
        await press_each(pilot, "n o z q")
        assert screen.pane == "main"


async def test_the_table_says_what_decides_beside_images_of_this_run(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose_base(stage, "base_model")
    told = {library.find("cell-full").hash: (0.62, 0.5, 0.7), library.find("cell-half").hash: (0.91, 0.85, 0.95)}
    monkeypatch.setattr(triage, "right_here", lambda _run, _progress: told)
    async with opened(stage, "BaseModelScreen") as (app, pilot, screen):
        await until(pilot, lambda: screen.table.row_count == 2)
        examples = screen.query_one(ExampleImages)
        assert "c draws images" in "".join(examples.render_line(y).text for y in range(examples.size.height))
        assert [str(cell) for cell in screen.table.get_row_at(0)][2:] == ["About cell-full", "?", "?", "full"]
        await press_each(pilot, "t")
        await until(pilot, lambda: "62% (50%–70%)" in [str(cell) for cell in screen.table.get_row_at(0)])
        assert "91% (85%–95%)" in [str(cell) for cell in screen.table.get_row_at(1)]
        assert "This is an estimate" in notices(app)
        await press_each(pilot, "j c")
        await until(pilot, lambda: screen.pane == "pair" and "24 images" in screen.hint.words)
        await press_each(pilot, "q")
        last = examples.size.height - 1
        for model, key in (("cell-half", "g"), ("cell-full", "k")):
            await press_each(pilot, key)
            await until(pilot, lambda m=model: f"as {m} annotates" in examples.render_line(last).text)
            await until(pilot, lambda: examples.items and all(item.segmentation for item in examples.items))
            counts = [item.segmentation.particle_count for item in examples.items]
            assert counts == [answer(model, item.key).particle_count for item in examples.items]
        assert screen.focused is screen.table


async def test_the_columns_are_explained_below_the_table(stage: Stage) -> None:
    choose_base(stage, "base_model")
    async with opened(stage, "BaseModelScreen") as (app, pilot, screen):
        await until(pilot, lambda: "t estimates it (asks all models: minutes)" in words_of(app, "#columns-mean"))
        assert isinstance(screen, BaseModelScreen)
        words = screen.query_one("#columns-mean", Words)
        assert words.region.y == screen.table.region.bottom
        assert len(words.words) <= 2 * words.content_size.width, "in two rows, all of it"
        assert words.size.height == 2
        for name in ("Right here", "Per 1000", "Sees"):
            assert f"{name}: " in words.words
