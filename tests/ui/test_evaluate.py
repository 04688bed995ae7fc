"""Step 5 by keys: new against base, review, processing, sharing."""

from __future__ import annotations

from pathlib import Path

import pytest
from driving import notices, press_each, until
from steps import answer, build, on_screen, reply, select, words_of

from tui_cytpix.domain.training import JobState
from tui_cytpix.formats.model_file import read_card, read_tensors, write_model
from tui_cytpix.ui.widgets.pair_view import PairView
from tui_cytpix.workflow import base_model, evaluate
from tui_cytpix.workflow.run import Run


def finished(stage) -> None:
    """As after step 4: a model of the run, which answers like `cell-half`."""
    select(stage, annotated=10)
    with Run.open(stage.run) as run:
        half = Path(base_model.find("cell-half").path)
        from dataclasses import replace

        write_model(run.folder.model_path, read_tensors(half), replace(read_card(half), name="pombe-1"))
        run.go_to("evaluate")


async def test_without_a_model_it_says_where_one_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = build(tmp_path, monkeypatch)
    select(stage)
    with Run.open(stage.run) as run:
        run.go_to("evaluate")
    app = stage.app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await on_screen(pilot, "EvaluateScreen")
        assert "No new model yet" in screen.hint.words
        await press_each(pilot, "p c x v")
        assert "no model to process" in notices(app)
        assert "Two models are needed" in notices(app)
        assert "no model to share" in notices(app)
        await pilot.press("m")
        await until(pilot, lambda: screen.pane == "models")
        await press_each(pilot, "j enter")
        await until(pilot, lambda: screen.judged_model is not None)
        await until(pilot, lambda: "cell-half" in screen.hint.words)


async def test_differences_come_first_and_are_tallied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = build(tmp_path, monkeypatch)
    finished(stage)
    app = stage.app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await on_screen(pilot, "EvaluateScreen")
        await until(pilot, lambda: screen.judged_model and screen.base)
        await pilot.press("c")
        await reply(pilot, "30")
        await until(pilot, lambda: "only 16 images" in notices(app))
        await until(pilot, lambda: not app.session.progress.busy and len(screen._differences) == 16)
        selected = set(app.session.run.settings.selection.images)
        assert not selected & set(screen.sequence)
        differing = [
            k for k in screen.sequence if answer("cell-full", k).particle_count != answer("pombe-1", k).particle_count
        ]
        await until(pilot, lambda: screen.gallery.items[0].badges == "≠")
        badges = [item.badges for item in screen.gallery.items]
        assert badges == ["≠"] * len(differing) + [""] * (16 - len(differing))
        assert f"differ on {len(differing)} of 16" in words_of(app, "#tally-words")
        assert f"{len(differing)} × 2→1" in words_of(app, "#tally-words")
        await press_each(pilot, "g enter")
        assert screen.pane == "pair"
        view = screen.query_one(PairView)
        assert view.current.left.particle_count == 2
        assert view.current.right.particle_count == 1
        await press_each(pilot, "n q")
        assert screen.gallery.current_key == differing_second(screen)
        await press_each(pilot, "v a c q")
        assert "1 wrong of 2" in words_of(app, "#tally-words")
        assert {v.step for v in app.session.run.verdicts} == {"evaluate"}


def differing_second(screen) -> object:
    return screen.gallery.items[1].key


async def test_processing_starts_shows_outputs_and_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = build(tmp_path, monkeypatch)
    finished(stage)
    app = stage.app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await on_screen(pilot, "EvaluateScreen")
        await until(pilot, lambda: screen.judged_model)
        await press_each(pilot, "p 1 3")
        text = words_of(app, "#process-words")
        assert "[ ] fcs" in text
        assert "[x] masks" in text
        await press_each(pilot, "enter")
        await until(pilot, lambda: screen.processing and screen.processing.state is JobState.FINISHED)
        await until(pilot, lambda: "pombe.csv" in words_of(app, "#process-words"))
        assert stage.engine.started[-1].spec["formats"] == ["csv", "masks"]
        assert "done: 1 files" in notices(app)
        await press_each(pilot, "q")
        assert screen.pane == "main"
    app = stage.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await on_screen(pilot, "EvaluateScreen")
        await until(pilot, lambda: "done: 1 files" in words_of(app, "#tally-words"))


async def test_no_format_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = build(tmp_path, monkeypatch)
    finished(stage)
    app = stage.app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await on_screen(pilot, "EvaluateScreen")
        await until(pilot, lambda: screen.judged_model)
        await press_each(pilot, "p 1 2 enter")
        await until(pilot, lambda: "Unknown output format" in notices(app))
        assert screen.processing is None
        await press_each(pilot, "q x")
        await reply(pilot, str(tmp_path / "share.safetensors"))
        await until(pilot, lambda: "Written" in notices(app))
        assert read_card(tmp_path / "share.safetensors").name == "pombe-1"
        with pytest.raises(AssertionError):
            assert evaluate.new_model(app.session.run).card.name == "other"
