"""A sample that goes, or becomes another one, under the open app: it says so, loses nothing and goes on afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from driving import notices, press_each, until
from PIL import Image
from steps import SAMPLE, Stage, accepted, choose_base, opened, reply, select, state_goal

from tui_cytpix.ui.widgets.gallery.gallery import Gallery


def _gone(sample: Path) -> None:
    sample.rename(sample.with_name("elsewhere"))


def _another(sample: Path) -> None:
    _gone(sample)
    sample.mkdir()
    for number, old in enumerate(sorted(sample.with_name("elsewhere").iterdir())):
        Image.new("L", (60, 60), 90 + number).save(sample / old.name)


def _cut_short(sample: Path) -> None:
    shutil.copytree(sample, sample.with_name("elsewhere"))
    for path in sample.iterdir():
        path.write_bytes(path.read_bytes()[:200])


def _back(sample: Path) -> None:
    shutil.rmtree(sample, ignore_errors=True)
    sample.with_name("elsewhere").rename(sample)


def _sentences(app) -> list[str]:
    """Of notices of errors, each a sentence or two."""
    told = [f"{n.title}: {n.message}" for n in app._notifications if n.severity == "error"]
    assert not any("Traceback" in one or "bug in the program" in one for one in told)
    return told


@pytest.mark.parametrize("lose", [_gone, _another, _cut_short])
async def test_selecting(stage: Stage, tmp_path: Path, lose: Callable[[Path], None]) -> None:
    choose_base(stage, "samples")
    async with opened(stage, "SamplesScreen") as (app, pilot, screen):
        await until(pilot, lambda: str(screen.table.get_row_at(0)[1]) == "36")
        lose(tmp_path / SAMPLE)
        await pilot.press("s")
        await until(pilot, lambda: _sentences(app), "an error")
        assert SAMPLE in notices(app)
        assert not app.session.run.settings.preview
        _back(tmp_path / SAMPLE)
        await until(pilot, lambda: not screen.task_bar.working)
        await pilot.press("s")
        await until(pilot, lambda: len(app.session.run.settings.preview) == 36, "the selection")


@pytest.mark.parametrize("lose", [_gone, _another, _cut_short])
async def test_assessing(stage: Stage, tmp_path: Path, lose: Callable[[Path], None]) -> None:
    state_goal(stage)
    async with opened(stage, "AssessScreen", "judging.model") as (app, pilot, screen):
        await pilot.press("p")
        await reply(pilot, "6")
        gallery = screen.query_one(Gallery)
        await until(pilot, lambda: len(gallery.items) == 6 and all(item.segmentation for item in gallery.items))
        lose(tmp_path / SAMPLE)
        await pilot.press("p")
        await reply(pilot, "12")
        told = "30 can't be read" if lose is _cut_short else SAMPLE
        await until(pilot, lambda: told in notices(app), "a notice")
        await press_each(pilot, "v a")
        await until(pilot, lambda: app.session.run.verdicts)
        await press_each(pilot, "q")
        _back(tmp_path / SAMPLE)
        await until(pilot, lambda: not screen.task_bar.working)
        await pilot.press("p")
        await reply(pilot, "14")
        await until(pilot, lambda: len(gallery.items) == 14 and all(item.segmentation for item in gallery.items))
        assert len(app.session.run.verdicts) == 1


@pytest.mark.parametrize("lose", [_gone, _another])
async def test_annotating_goes_on_with_the_run_s_own_copies(
    stage: Stage, tmp_path: Path, lose: Callable[[Path], None]
) -> None:
    select(stage)
    async with opened(stage, "TrainScreen") as (app, pilot, _screen):
        lose(tmp_path / SAMPLE)
        await press_each(pilot, "enter")
        await until(pilot, lambda: type(app.screen).__name__ == "AnnotateScreen")
        await press_each(pilot, "a")
        await until(pilot, lambda: accepted(app.session.run) == 1)
        assert not _sentences(app)
