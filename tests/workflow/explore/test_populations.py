"""Plots, populations and exports, against counts by hand and what was written."""

from __future__ import annotations

import csv
import itertools
import math
import shutil
import statistics

import numpy as np
import pytest

from tui_cytpix.domain.gate import SCALES, Axis, Gate, Scale
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import CytpixError, SampleError, UsageError
from tui_cytpix.formats.fcs.read import read_fcs
from tui_cytpix.workflow.explore import gates, plot, populations
from tui_cytpix.workflow.explore.axes import X, Y
from tui_cytpix.workflow.explore.event_table import EventTable
from tui_cytpix.workflow.explore.exploration import Exploration
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run

LOW = Gate("low", (Axis("FSC-A"),), ((0.0,), (190.0,)))
LOWER = Gate("lower", (Axis("FSC-A"),), ((0.0,), (95.0,)), "low")


@pytest.fixture
def run(tmp_path, samples):
    with Run.create(tmp_path / "r") as run:
        run_samples.add_sample(run, samples.with_fcs("tube", 24), 0.5)
        run_samples.add_sample(run, samples.with_fcs("other", 12, rows=100, seed=1), 0.5)
        yield run


@pytest.fixture
def seen(run):
    found = Exploration(run)
    found.open("tube")
    return found


def test_first_look_is_scatter_with_everything_on_it(seen) -> None:
    assert [axis.parameter for axis in seen.axes] == ["FSC-A", "SSC-A"]
    view = seen.plot_data(40, 12)
    assert view.counts.shape == (24, 40)
    assert view.counts.sum() == 400
    assert (view.events, view.off) == (400, 0)


def test_scales_follow_what_a_parameter_is(seen) -> None:
    table = seen.table
    assert plot.scale_for(table, "BL1-A").kind == "logicle"
    assert plot.scale_for(table, "BL1-A").top == table.parameter("BL1-A").top
    assert plot.scale_for(table, "AreaSquareMicrons").kind == "linear"
    assert plot.scale_for(table, "SSC-A", "arcsinh").cofactor > 0


def test_a_plot_counts_as_numpy_does(seen) -> None:
    seen.set_parameter(X, "BL1-A")
    seen.set_parameter(Y, "BL2-A")
    seen.set_range(X, 1000, 20000)
    seen.set_range(Y, 500, 8000)
    counts = seen.plot_data(30, 10).counts
    x, y = (seen.table.scaled(axis) for axis in seen.axes)
    expected, _, _ = np.histogram2d(y, x, bins=(20, 30), range=(seen.extents[1], seen.extents[0]))
    assert (counts == expected[::-1]).all()
    assert seen.plot_data(30, 10).off == 400 - counts.sum()
    assert seen.plot_data(30, 10).empty == 0
    seen.set_parameter(X, "AreaSquareMicrons")
    assert (seen.plot_data(30, 10).empty, seen.plot_data(30, 10).events) == (376, 400)
    seen.set_parameter(Y, "")
    view = seen.plot_data(30, 10)
    assert view.counts.shape == (1, 30)
    assert (view.counts.sum(), view.empty, view.off) == (24, 376, 0)
    assert view.ticks[Y][0] == plot.Tick(0.0, "0")
    assert plot.count_ticks(40, 4) == [plot.Tick(n / 40, str(n)) for n in (0, 20, 40)]
    assert [tick.label for tick in plot.count_ticks(1, 5)] == ["0", "1"]
    assert plot.count_ticks(0, 5) == []


def test_zooming_keeps_the_place_under_the_crosshair(seen) -> None:
    at = (0.25, 0.7)
    before = seen.values_at(at)
    seen.zoom(0.5, at)
    assert seen.values_at(at) == pytest.approx(before)
    seen.zoom(2.0, at)
    whole = seen.extents
    seen.whole()
    assert np.allclose(whole, seen.extents)
    with pytest.raises(UsageError, match="no range"):
        seen.set_range(X, 2, 1)


def test_zooming_ends_where_nothing_more_is_to_see(seen) -> None:
    for _ in range(60):
        seen.zoom(0.5, (0.4, 0.4))
    assert all(high > low for low, high in seen.extents)
    seen.plot_data(40, 20)
    for _ in range(60):
        seen.zoom(2.0, (0.4, 0.4))
    view = seen.plot_data(40, 20)
    assert view.counts.sum() == 400
    assert all(view.ticks)


@pytest.mark.shared_data
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "name",
    ["accuri_c6plus", "bd_calibur_fcs20", "bd_canto2_fcs20_int", "beckman_navios_lmd", "partec_cyflow_cube8_mixedbits"],
)
def test_any_parameter_of_real_files_can_be_plotted_on_any_scale(tmp_path, samples, shared_data, name: str) -> None:
    shutil.copy(shared_data / "fcs" / f"{name}.fcs", tmp_path / f"{name}.fcs")
    with Run.create(tmp_path / "real") as run:
        run_samples.add_sample(run, samples.make(name, 2), 0.5)
        seen = Exploration(run)
        seen.open(name)
        seen.set_parameter(Y, "")
        for parameter in seen.table.parameters:
            seen.set_parameter(X, parameter.name)
            for _ in SCALES:
                seen.next_scale(X)
                view = seen.plot_data(60, 20)
                assert view.counts.sum() >= 0.99 * view.events
                assert view.ticks[X]


def test_ticks_are_round_and_apart(seen) -> None:
    seen.set_parameter(X, "BL1-A")
    seen.set_range(X, -100, 100000)
    for ticks in seen.plot_data(40, 20).ticks:
        assert ticks
        assert all(0 <= tick.share <= 1 for tick in ticks)
        assert all(b.share - a.share > 0.05 for a, b in itertools.pairwise(ticks))
    labels = [tick.label for tick in seen.plot_data(40, 20).ticks[0]]
    assert {"10k", "1k", "0"} & set(labels) == {"10k", "1k", "0"}
    assert [plot.short(v) for v in (0, 0.25, 1500, -1e6, 2.5e9, 1e-7, math.nan)] == [
        "0", "0.25", "1.5k", "-1M", "2.5G", "1.0e-07", "–",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["linear", "arcsinh", "logicle"])
def test_a_polygon_drawn_on_a_plot_holds_what_is_seen_inside(seen, kind: str) -> None:
    seen.set_parameter(X, "BL1-A")
    seen.set_parameter(Y, "BL2-A")
    while seen.axes[X].scale.kind != kind:
        seen.next_scale(X)
    shares = [(0.2, 0.2), (0.8, 0.3), (0.6, 0.9)]
    for corner in shares:
        seen.add_corner(corner)
    assert seen.drawn() == [pytest.approx(corner) for corner in shares]
    seen.close_gate("drawn")
    (outline,) = seen.plot_data(40, 20).outlines
    assert (outline.form, outline.shown) == ("polygon", False)
    assert np.allclose(outline.points, shares)
    seen.step_gate(1)
    corners = np.array(shares)
    for row in np.flatnonzero(seen.rows()):
        place = np.array(plot.event_place(seen.table, seen.axes, seen.extents, int(row)))
        sides = zip(corners, np.roll(corners, -1, axis=0), strict=True)
        turns = [(b - a)[0] * (place - a)[1] - (b - a)[1] * (place - a)[0] for a, b in sides]
        assert min(turns) >= -1e-12
    seen.next_scale(X)
    assert seen.plot_data(40, 20).outlines[0].form == "polygon"


def test_two_corners_make_a_rectangle_and_a_range_needs_two_ends(seen) -> None:
    assert "two corners" in seen.missing
    with pytest.raises(UsageError, match="can't be closed"):
        seen.close_gate("x")
    seen.add_corner((0.1, 0.1))
    seen.add_corner((0.1, 0.5))
    assert "one line" in seen.missing
    seen.corners.pop()
    seen.add_corner((0.5, 0.6))
    gate = seen.close_gate("box")
    x, y = seen.table.values("FSC-A"), seen.table.values("SSC-A")
    (x0, y0), (x1, y1) = gate.corners[0], gate.corners[2]
    inside = gates.inside(seen.table, seen.gates, "box")
    assert (inside == ((x >= x0) & (x <= x1) & (y >= y0) & (y <= y1))).all()
    seen.set_parameter(Y, "")
    for share in (0.9, 0.6, 0.3):
        seen.add_corner((share, 0.5))
    gate = seen.close_gate("range")
    assert gate.corners[0] < gate.corners[1]
    assert np.allclose([p[0] for p in seen.plot_data(40, 9).outlines[-1].points], [0.3, 0.6])


def test_populations_in_numbers(run, seen) -> None:
    for gate in (LOW, LOWER):
        gates.add(run, gate)
    everything, low, lower = seen.populations()
    assert (everything.events, low.events, lower.events) == (400, 20, 10)
    assert (low.of_parent, lower.of_parent, lower.of_all) == (5.0, 50.0, 2.5)
    assert (everything.images, low.images, lower.images) == (24, 20, 10)
    assert lower.of_images == pytest.approx(100 * 10 / 24)
    assert populations.statistics(seen.table, run)[0].per_ul.events.value == pytest.approx(10.0)
    assert low.x.median == statistics.median(range(0, 200, 10))
    assert [p.depth for p in (everything, low, lower)] == [0, 1, 2]


def test_a_sample_without_the_parameter_says_so_in_its_row(run, samples) -> None:
    gates.add(run, Gate("x", (Axis("Gone"),), ((0.0,), (1.0,))))
    row = populations.populations(EventTable(run, "tube"), run.settings.gates)[1]
    assert "no Gone" in row.problem
    axes = [Axis("Gone"), Axis("FSC-A")]
    numbers = populations.statistics_row(row, axes)
    assert len(numbers) + 2 == len(populations.statistics_header(axes))
    assert all(math.isnan(n) for n in numbers)
    whole = populations.populations(EventTable(run, "tube"), (), axes)[0]
    assert (whole.events, whole.x, whole.y.number) == (400, None, 400)
    assert populations.statistics_row(whole, axes)[-len(populations.SUMS)] == 400  # y under y's titles


def test_walking_through_samples_and_gates(run, seen) -> None:
    for gate in (LOW, LOWER):
        gates.add(run, gate)
    seen.step_gate(-1)
    assert (seen.gate, int(seen.rows().sum())) == ("lower", 10)
    extents = seen.extents
    seen.step_sample(1)
    assert (seen.table.sample, seen.gate, seen.extents) == ("other", "lower", extents)
    seen.step_sample(1)
    assert seen.delete_gate() == ("lower",)
    assert seen.gate == "low"
    assert seen.delete_gate() == ("low",)
    assert (seen.gate, seen.gates) == ("", ())
    with pytest.raises(UsageError):
        seen.delete_gate()


def test_a_gate_that_the_sample_lacks_the_parameter_for_shows_none_and_can_be_deleted(run, seen) -> None:
    gates.add(run, Gate("x", (Axis("Gone"),), ((0.0,), (1.0,))))
    seen.step_gate(1)
    assert (seen.gate, seen.plot_data(20, 10).events, seen.images(), seen.nearest((0.5, 0.5))) == ("x", 0, [], "")
    assert "no Gone" in seen.populations()[1].problem
    seen.step_sample(1)
    assert seen.delete_gate() == ("x",)
    assert seen.plot_data(20, 10).events == 100


def test_from_the_gate_to_its_images_and_back(run, seen) -> None:
    gates.add(run, LOW)
    seen.step_gate(1)
    assert [key for key, _ in seen.images()] == [ImageKey("tube", str(n)) for n in range(20)]
    assert seen.images()[3][1] == 30.0
    seen.event = "7"
    place = seen.event_place()
    assert place is not None
    assert seen.values_at(place) == pytest.approx((70.0, seen.table.values("SSC-A")[7]))
    assert seen.nearest(place) == "7"
    assert seen.event_values()[0] == 70.0
    seen.set_parameter(X, "AreaSquareMicrons")
    assert seen.nearest((0.0, 0.5)) in {str(n) for n in range(20)}


def test_compensation_is_said(seen) -> None:
    assert "nothing to compensate" in seen.compensate()
    seen.set_parameter(X, "BL2-A")
    assert "2 fluorescence areas" in seen.compensate()
    assert [axis.compensated for axis in seen.axes] == [True, False]
    assert "(compensated)" in seen.plot_data(20, 10).names[0]
    assert seen.compensate() == "Not compensated."


def test_exports(run, seen, tmp_path) -> None:
    gates.add(run, LOW)
    seen.step_gate(1)
    assert seen.export(tmp_path / "low.csv") == (20, ())
    with (tmp_path / "low.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["Sample", "Row", "Image", "FSC-A", "SSC-A"]
    assert [row["Image"] for row in rows] == [str(n) for n in range(20)]
    assert [float(row["FSC-A"]) for row in rows] == [10.0 * n for n in range(20)]
    assert seen.export(tmp_path / "low.fcs") == (20, ())
    written = read_fcs(tmp_path / "low.fcs")
    assert written.event_count == 20
    assert (written.column("SSC-A") == seen.table.values("SSC-A")[:20]).all()
    assert written.text["CYTPIX_GATE"] == "low"
    sample = run.settings.sample("tube")
    assert written.text["CYTPIX_IMAGES"] == sample.fingerprint
    assert (written.text["CYTPIX_UM_PER_PX"], written.text["CYTPIX_UM_PER_PX_SOURCE"]) == ("0.5", "given")
    assert written.text["CYTPIX_BIT_DEPTH"] == "8"
    run_samples.label(run, "other", condition="starved", unit="culture 2", day="[1]")
    assert seen.export_statistics(tmp_path / "all.csv") == 4
    with (tmp_path / "all.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [(row["Sample"], row["Gate"], row["Events"]) for row in table] == [
        ("tube", "all events", "400"),
        ("tube", "low", "20"),
        ("other", "all events", "100"),
        ("other", "low", "20"),
    ]
    assert [(row["Condition"], row["Unit"], row["Day"]) for row in table] == [("", "", "")] * 2 + [
        ("starved", "culture 2", "[1]")
    ] * 2
    assert float(table[1]["FSC-A median"]) == 95.0
    with pytest.raises(UsageError, match=r"\.fcs, \.csv, \.parquet, \.h5ad"):
        seen.export(tmp_path / "low.xlsx")
    with pytest.raises(CytpixError, match="can't be written"):
        seen.export(tmp_path / "none" / "low.csv")


def test_samples_without_anything_to_plot(run, samples) -> None:
    run_samples.add_sample(run, samples.apart().make("bare"), 0.5)
    seen = Exploration(run)
    with pytest.raises(UsageError, match="nothing to plot"):
        seen.open("bare")


def test_the_first_sample_that_can_be_shown_is(run, tmp_path) -> None:
    (tmp_path / "tube").rename(tmp_path / "moved")
    run.images.close()  # as in a run that is opened now
    seen = Exploration(run)
    seen.open_first()
    assert seen.table.sample == "other"
    (tmp_path / "other").rename(tmp_path / "moved too")
    run.images.close()
    with pytest.raises(SampleError, match="tube"):
        Exploration(run).open_first()


def test_outlines_only_where_parameters_match(run, seen) -> None:
    axes = (Axis("BL1-A", Scale("logicle")), Axis("SSC-A"))
    gate = Gate("p", axes, ((0.0, 0.0), (1e4, 0.0), (0.0, 1e4)))
    assert plot.outline(gate, seen.axes, seen.extents) == ([], "")
    points, form = plot.outline(LOW, seen.axes, seen.extents)
    assert form == "x"
    assert [seen.values_at((x, 0.5))[0] for x, _ in points] == pytest.approx([0.0, 190.0])
    turned = (Axis("SSC-A"), Axis("BL1-A", Scale("logicle")))
    points, form = plot.outline(gate, turned, ((0.0, 1e4), (0.0, 1.0)))
    assert form == "polygon"
    assert points[2] == pytest.approx((1.0, 0.5 / 4.5))
