"""Triage from the home screen: asked, ranked, and on to a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from driving import notices, press_each, until
from steps import build, on_screen, reply, words_of

from tui_cytpix.core.statistics.miscount_model import Signs
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.zoom import By, Zoom
from tui_cytpix.errors import JobError
from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.ui.screens.home import HomeScreen
from tui_cytpix.ui.widgets.tables.table import Table
from tui_cytpix.workflow.assess import triage
from tui_cytpix.workflow.assess.triage import Doubtful, ModelEstimate, SampleTriage
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.user_settings import Settings


def estimates(path: Path) -> SampleTriage:
    signs = Signs(0.1, 0.02, 0.3, float("nan"), 0.05)
    models = tuple(
        ModelEstimate(library.find(name), wrong, wrong / 2, wrong * 2, signs, Zoom(1.5, By.PARTICLES))
        for name, wrong in (("cell-half", 0.04), ("cell-full", 0.2))
    )
    counts = {"cell-half": 2, "cell-full": 1}
    doubtful = (Doubtful(ImageKey(path.name, "108"), 1.0, counts, "unsure"),)
    return SampleTriage(path.name, path, 36, models, doubtful, "", trusted=True)


async def test_a_sample_is_asked_for_and_the_chosen_model_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path, monkeypatch)
    monkeypatch.setattr(triage, "triage", lambda request, tell: [tell(1, 2), estimates(request.samples[0])][1:])
    app = CytpixApp(settings=Settings())
    async with app.run_test(size=(110, 36)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and app.screen.focused)
        await pilot.press("t")
        await reply(pilot, str(tmp_path / "none"))
        await until(pilot, lambda: "none" in notices(app))
        await pilot.press("t")
        await reply(pilot, str(tmp_path / "pombe"))
        screen = await on_screen(pilot, "TriageScreen")
        await until(pilot, lambda: screen.found)
        assert "cell-half is the most promising: 4% of counts" in words_of(app, "#advice")
        assert "This is an estimate" in words_of(app, "#advice")
        assert "seen 1.5 times as large (unknown scale; chosen from its particles)" in words_of(app, "#advice")
        assert "108: cell-half counts 2; unsure (cell-full 1)" in words_of(app, "#doubtful")
        assert screen.query_one(Table).row_count == 2
        await press_each(pilot, "j enter")
        await reply(pilot, str(tmp_path / "new run"))
        await on_screen(pilot, "AssessScreen")
    with Run.open(tmp_path / "new run", writing=False) as run:
        assert run.settings.assess.model.endswith("cell-full.safetensors")


async def test_a_failure_is_told_and_q_leads_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path, monkeypatch)

    def fail(_request, _tell):
        raise JobError("The engine failed", "no memory")

    monkeypatch.setattr(triage, "triage", fail)
    app = CytpixApp(settings=Settings())
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and app.screen.focused)
        await pilot.press("t")
        await reply(pilot, str(tmp_path / "pombe"))
        await on_screen(pilot, "TriageScreen")
        await until(pilot, lambda: "no memory" in words_of(app, "#advice"))
        await press_each(pilot, "enter q")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
