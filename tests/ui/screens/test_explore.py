"""The explore screen by keys: a gate is drawn, seen, used for the selection, and leads to its images and back."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from driving import burst, notices, press_each, until
from steps import IMAGES, SAMPLE, Stage, build, choose_base, on_screen, opened, reply, state_goal, truth, words_of
from textual.pilot import Pilot

from tests.workflow import workspaces as wsp
from tui_cytpix.domain.gate import Axis, Gate
from tui_cytpix.formats.fcs.write import write_fcs_new
from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.ui.screens.explore import ExploreScreen
from tui_cytpix.ui.widgets.gallery.gallery import Gallery
from tui_cytpix.ui.widgets.pictures.event_image import EventImageView
from tui_cytpix.ui.widgets.tables.table import Table
from tui_cytpix.workflow.explore import gates
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.samples import selection


def with_fcs(tmp_path: Path, rows: int = 300) -> None:
    """Events of the sample's images and others around them; every second row is imaged from the first on."""
    ids = np.arange(1, rows + 1, dtype=np.float32) + 10_000
    imaged = np.arange(IMAGES) * 2
    ids[imaged] = [int(event) for event in truth()]
    flag = np.zeros(rows, np.float32)
    flag[imaged] = 1
    rng = np.random.default_rng(0)
    columns = {
        "Event": ids,
        "FSC-A": np.arange(rows, dtype=np.float32),
        "SSC-A": rng.normal(100, 10, rows).astype(np.float32),
        "BL1-A": rng.lognormal(7, 1, rows).astype(np.float32),
        "ImageFlag": flag,
    }
    write_fcs_new(tmp_path / f"{SAMPLE}.fcs", list(columns), list(columns.values()), {})


async def explorer(pilot: Pilot, key: str = "E") -> ExploreScreen:
    """Opens it and waits for the plot."""
    await pilot.press(key)
    screen = await on_screen(pilot, "ExploreScreen")
    assert isinstance(screen, ExploreScreen)
    await until(pilot, lambda: "300 events" in words_of(pilot.app, "#populations"), "the populations")
    return screen


async def quiet(pilot: Pilot, screen: ExploreScreen) -> None:
    """Until what was asked for is drawn."""
    await pilot.pause()
    await until(pilot, lambda: not screen.plotting._one_at_a_time.locked(), "a drawn plot")


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CytpixApp:
    with_fcs(tmp_path)
    stage = build(tmp_path, monkeypatch)
    choose_base(stage, "samples")
    return stage.app()


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_a_gate_by_keys_restricts_the_selection(app: CytpixApp, size: tuple[int, int]) -> None:
    async with app.run_test(size=size) as pilot:
        await on_screen(pilot, "SamplesScreen")
        screen = await explorer(pilot)
        assert "FSC-A" in screen.plotting.plot.render_line(screen.plotting.plot.size.height - 1).text
        await pilot.press("enter")
        await until(pilot, lambda: "two corners" in notices(app))
        await press_each(pilot, "H H H H H H H H H H H J J J J J space")
        await quiet(pilot, screen)
        await press_each(pilot, " ".join(["K"] * 6 + ["L"] * (screen.plotting.plot.area[0] // 16 + 1)))
        await press_each(pilot, "space")
        await quiet(pilot, screen)
        assert "closes the gate" in screen.hint.words
        await press_each(pilot, "enter")
        await reply(pilot, "left")
        await until(pilot, lambda: app.session.run.settings.gates)
        await press_each(pilot, "n")
        await until(pilot, lambda: "▸left" in words_of(app, "#populations"))
        await press_each(pilot, "s")
        await until(pilot, lambda: "only images in left" in notices(app))
        assert app.session.run.settings.selection.gate == "left"
        rows = screen.plotting.exploration.rows()
        assert 100 < rows.sum() < 220
        await press_each(pilot, "q")
        before = await on_screen(pilot, "SamplesScreen")
        await until(pilot, lambda: "Gate left" in words_of(app, "#about-words"))
        await press_each(pilot, "s")
        await until(pilot, lambda: "Drawn only from the gate left" in words_of(app, "#about-words"))
        inside = {e for e, row in screen.plotting.exploration.table.image_rows.items() if rows[row]}
        assert {key.event for key in before.session.run.settings.selection.images} == inside


async def test_step_1_draws_from_a_gate_that_was_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_fcs(tmp_path)
    stage = build(tmp_path, monkeypatch)
    state_goal(stage)
    with Run.open(stage.run) as run:
        gates.add(run, Gate("left", (Axis("FSC-A"),), ((0.0,), (40.0,))))
    app = stage.app()
    async with app.run_test(size=(120, 36)) as pilot:
        step = await on_screen(pilot, "AssessScreen")
        await until(pilot, lambda: step.judging.model)
        screen = await explorer(pilot)
        await press_each(pilot, "n")
        await until(pilot, lambda: "▸left" in words_of(app, "#populations"))
        await press_each(pilot, "s")
        await until(pilot, lambda: "draw only images in left" in notices(app))
        rows = screen.plotting.exploration.table.image_rows
        await press_each(pilot, "q")
        await until(pilot, lambda: "Drawn only from the gate left" in words_of(app, "#tally-words"))
        await press_each(pilot, "p")
        await reply(pilot, "30")
        await until(pilot, lambda: "the gate holds no more images" in notices(app))
        assert {key.event for key in step.judging.sequence} == {event for event, row in rows.items() if row <= 40}


async def test_the_image_gate_by_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_fcs(tmp_path)
    stage = build(tmp_path, monkeypatch)
    choose_base(stage, "samples")
    with Run.open(stage.run) as run:
        gates.add(
            run, Gate("wide", (Axis("FSC-A"),), ((-1.0,), (400.0,))), Gate("few", (Axis("FSC-A"),), ((0.0,), (9.0,)))
        )
    app = stage.app()
    async with app.run_test(size=(160, 40)) as pilot:
        await on_screen(pilot, "SamplesScreen")
        screen = await explorer(pilot)
        await press_each(pilot, "p")
        await until(pilot, lambda: "Show the gate that the instrument imaged from first: n." in notices(app))
        await press_each(pilot, "N p")
        await until(pilot, lambda: "imaged events lie outside few" in notices(app))
        assert app.session.run.settings.image_gate == ""
        await press_each(pilot, "N p")
        await until(pilot, lambda: "wide ▣ is the image gate" in notices(app))
        assert "wide ▣" in words_of(app, "#populations")
        assert app.session.run.settings.image_gate == "wide"
        await press_each(pilot, "t")
        await until(pilot, lambda: screen.pane == "statistics")
        await until(
            pilot, lambda: "(all events, wide, few): The volume is unknown. The FCS has no $VOL." in notices(app)
        )
        await press_each(pilot, "t p")
        await until(pilot, lambda: "No image gate is named now" in notices(app))
        assert app.session.run.settings.image_gate == ""


async def test_keys_that_come_in_a_burst(app: CytpixApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await on_screen(pilot, "SamplesScreen")
        screen = await explorer(pilot)
        await burst(pilot, "H H space L L K space enter")
        await reply(pilot, "box")
        await until(pilot, lambda: app.session.run.settings.gates)
        assert len(app.session.run.settings.gates[0].corners) == 4
        await quiet(pilot, screen)
        await burst(pilot, "n w")
        await until(pilot, lambda: screen.pane == "images")
        rows = screen.plotting.exploration.rows()
        inside = {e for e, row in screen.plotting.exploration.table.image_rows.items() if rows[row]}
        assert {item.key.event for item in screen.gallery.items} == inside


async def test_from_a_gate_to_its_images_and_back(app: CytpixApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await on_screen(pilot, "SamplesScreen")
        screen = await explorer(pilot)
        await press_each(pilot, "w")
        await until(pilot, lambda: screen.pane == "images")
        assert len(screen.gallery.items) == IMAGES
        await press_each(pilot, "l l l")
        key = screen.gallery.current_key
        assert key is not None
        await press_each(pilot, "enter")
        await quiet(pilot, screen)
        await until(pilot, lambda: screen.query_one("#pointed", EventImageView).key == key)
        assert screen.pane == "main"
        row = screen.plotting.exploration.table.image_rows[key.event]
        assert abs(screen.plotting.exploration.values_at(screen.plotting.plot.at)[0] - row) < 10
        await press_each(pilot, "H i")
        await quiet(pilot, screen)
        assert screen.plotting.exploration.event
        await press_each(pilot, "w")
        await until(pilot, lambda: screen.gallery.current_key.event == screen.plotting.exploration.event)


async def test_a_gallery_shows_the_images_of_a_gate(app: CytpixApp, tmp_path: Path) -> None:
    with Run.open(tmp_path / "run") as run:
        gates.add(run, Gate("first ten", (Axis("FSC-A"),), ((0.0,), (18.0,))))
        gates.add(run, Gate("elsewhere", (Axis("Other-A"),), ((0.0,), (18.0,))))
        selection.select(run, 50)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await on_screen(pilot, "SamplesScreen")
        await press_each(pilot, "v")
        gallery = screen.query_one(Gallery)
        assert len(gallery.items) == IMAGES
        await press_each(pilot, "w")
        await until(pilot, lambda: f"first ten: 10 of {IMAGES}" in notices(app))
        assert {item.key.event for item in gallery.items} == set(list(truth())[:10])
        assert gallery.order.gate == "first ten"
        await press_each(pilot, "w")
        await until(pilot, lambda: "has no Other-A" in notices(app))
        assert gallery.items == []
        await press_each(pilot, "w")
        await until(pilot, lambda: f"All {IMAGES} images" in notices(app))
        await press_each(pilot, "w")
        await until(pilot, lambda: len(gallery.items) == 10)
        await press_each(pilot, "F")
        assert len(gallery.items) == IMAGES


async def test_axes_by_keys(app: CytpixApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await on_screen(pilot, "SamplesScreen")
        screen = await explorer(pilot)
        await press_each(pilot, "x b l 1")
        await press_each(pilot, "enter")
        await until(pilot, lambda: screen.plotting.exploration.axes[0].parameter == "BL1-A")
        assert screen.plotting.exploration.axes[0].scale.kind == "logicle"
        await press_each(pilot, "X")
        await until(pilot, lambda: screen.plotting.exploration.axes[0].scale.kind == "linear")
        await press_each(pilot, "r")
        await reply(pilot, "0 5000")
        await until(pilot, lambda: screen.plotting.exploration.extents[0] == (0.0, 5000.0))
        await press_each(pilot, "r")
        await reply(pilot, "many")
        await until(pilot, lambda: "not two numbers" in notices(app))
        await press_each(pilot, "escape c")
        await until(pilot, lambda: "no spillover matrix" in notices(app))
        await press_each(pilot, "y enter")
        await quiet(pilot, screen)
        await press_each(pilot, "y n o n e enter")
        await until(pilot, lambda: len(screen.plotting.exploration.axes) == 1)
        await quiet(pilot, screen)
        assert "█" in "".join(screen.plotting.plot.render_line(y).text for y in range(screen.plotting.plot.size.height))
        await press_each(pilot, "space L space")
        await quiet(pilot, screen)
        await press_each(pilot, "enter")
        await reply(pilot)
        await until(pilot, lambda: app.session.run.settings.gates)
        assert app.session.run.settings.gates[0].axes[0].parameter == "BL1-A"
        await press_each(pilot, "n D y")
        await until(pilot, lambda: not app.session.run.settings.gates)


async def test_the_table_and_its_export(app: CytpixApp, tmp_path: Path) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await on_screen(pilot, "SamplesScreen")
        screen = await explorer(pilot)
        await press_each(pilot, "t")
        await until(pilot, lambda: screen.pane == "statistics")
        table = screen.query_one("#statistics", Table)
        assert [str(cell) for cell in table.get_row_at(0)][:3] == [SAMPLE, "all events", "300"]
        await press_each(pilot, "e")
        await reply(pilot, str(tmp_path / "table.csv"))
        await until(pilot, (tmp_path / "table.csv").is_file)
        written = (tmp_path / "table.csv").read_bytes()
        (tmp_path / "table.csv").write_text("mine")
        for answer, kept in (("n", b"mine"), ("y", written)):
            await press_each(pilot, "e")
            await reply(pilot, str(tmp_path / "table.csv"))
            await pilot.press(answer)
            await until(pilot, lambda kept=kept: (tmp_path / "table.csv").read_bytes() == kept)
        await press_each(pilot, "enter")
        await until(pilot, lambda: screen.pane == "main")
        await quiet(pilot, screen)
        await press_each(pilot, "e")
        await reply(pilot, str(tmp_path / "some.png"))
        await until(pilot, (tmp_path / "some.png").is_file)
        await quiet(pilot, screen)
        await press_each(pilot, "e")
        await reply(pilot, str(tmp_path / "events.fcs"))
        await until(pilot, (tmp_path / "events.fcs").is_file)


async def test_the_table_of_events(app: CytpixApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await on_screen(pilot, "SamplesScreen")
        screen = await explorer(pilot)
        await press_each(pilot, "T")
        await until(pilot, lambda: screen.pane == "events")
        table = screen.query_one("#events", Table)
        assert table.row_count == 300
        assert [str(cell) for cell in table.get_row_at(2)][:3] == ["4", list(truth())[2], "4"]
        table.move_cursor(row=299)
        await press_each(pilot, "enter")
        await until(pilot, lambda: "has no image" in notices(app))
        table.move_cursor(row=0)
        await press_each(pilot, "j j enter")
        await until(pilot, lambda: screen.pane == "main" and screen.plotting.exploration.event == list(truth())[2])


async def test_without_fcs_it_says_so(stage: Stage) -> None:
    choose_base(stage, "evaluate")
    with Run.open(stage.run) as run:
        assert not run.settings.gates
    async with opened(stage, "EvaluateScreen") as (app, pilot, _screen):
        await pilot.press("E")
        await on_screen(pilot, "ExploreScreen")
        await until(pilot, lambda: "nothing to plot" in notices(app))
        await press_each(pilot, "x y X r space i w e n N z f c q")
        await on_screen(pilot, "EvaluateScreen")


async def test_gates_of_a_flowjo_workspace(app: CytpixApp, tmp_path: Path) -> None:
    pytest.importorskip("flowkit", reason="FlowKit (the extra `flowjo`) is not installed")
    populations = [wsp.population("left", wsp.rectangle(("FSC-A", 0.0, 100.0))), wsp.either("any", "left")]
    path = wsp.write(tmp_path / "w.wsp", wsp.sample(f"{SAMPLE}.fcs", populations))
    async with app.run_test(size=(120, 36)) as pilot:
        await on_screen(pilot, "SamplesScreen")
        screen = await explorer(pilot)
        await press_each(pilot, "I")
        await reply(pilot, str(path))
        await until(pilot, lambda: "Gates: 1 imported, 1 left out." in notices(app))
        assert "Left out: any: It is a boolean gate." in notices(app)
        await press_each(pilot, "n")
        await until(pilot, lambda: "▸left" in words_of(app, "#populations"))
        assert screen.plotting.exploration.rows().sum() == 100


async def test_a_flowjo_workspace_without_flowkit(app: CytpixApp, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("flowkit.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "flowkit", None)
    async with app.run_test(size=(120, 36)) as pilot:
        await on_screen(pilot, "SamplesScreen")
        await explorer(pilot)
        await press_each(pilot, "I")
        await reply(pilot, "w.wsp")
        await until(pilot, lambda: "pip install 'tui-cytpix[flowjo]'" in notices(app))
