"""Numbers per µl of tubes of which a part was imaged, against what was put into them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tests.bins import Bins
from tui_cytpix.domain.gate import Axis, Gate
from tui_cytpix.errors import SampleError, UsageError
from tui_cytpix.formats.fcs.write import ExtraParameter, write_fcs_new, write_fcs_with
from tui_cytpix.workflow.explore import gates, populations
from tui_cytpix.workflow.explore.event_table import EventTable
from tui_cytpix.workflow.explore.per_volume import ImageGate, Volumes, name_image_gate
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run

CELLS, DEBRIS, IMAGES, VOLUME_UL, DURATION = 2100, 500, 300, 100.0, 60_000.0
IMAGE_GATE = Gate("image gate", (Axis("FSC-A"),), ((1000.0,), (1e6,)))
DOUBLETS = Gate("doublets", (Axis("ParticleCount"),), ((2.0,), (2.0,)))
WITHIN = Gate("doublets within", (Axis("ParticleCount"),), ((2.0,), (2.0,)), "image gate")
EARLY = Gate("early", (Axis("Time"),), ((0.0,), (0.5 * DURATION,)))
EARLY_CELLS = replace(IMAGE_GATE, name="early cells", parent="early")


class Tube:
    """Cells, a third of them doublets, and debris that is not imaged; the first `IMAGES` events of the file are imaged.
    `until` is the share of the time after which no image was taken, `looked_at` the share of images that have a count.
    """

    def __init__(self, samples, name: str, until: float = 1.0, looked_at: float = 1.0, **keywords: str) -> None:
        rng = np.random.default_rng([7, len(name)])
        total = CELLS + DEBRIS
        is_cell = np.arange(total) < CELLS
        time = rng.uniform(0, DURATION, total)
        time[:IMAGES] = rng.uniform(0, until * DURATION, IMAGES)
        time[-2:] = 0, DURATION
        self.doublet = is_cell & (rng.random(total) < 1 / 3)
        imaged = np.arange(total) < IMAGES
        columns = {
            "Event": np.arange(total),
            "Time": time,
            "FSC-A": np.where(is_cell, rng.lognormal(10, 0.2, total), rng.uniform(10, 900, total)),
            "SSC-A": rng.lognormal(9, 0.5, total),
            "ImageFlag": imaged,
            "IsProcessed": np.arange(total) < looked_at * IMAGES,
            "ParticleCount": np.where(imaged, 1 + self.doublet, 0),
        }
        volume = {"$VOL": str(VOLUME_UL * 1000)}
        write_fcs_new(
            samples.folder / f"{name}.fcs",
            list(columns),
            [c.astype(np.float32) for c in columns.values()],
            volume | keywords,
        )
        self.path = samples.make(name, IMAGES)
        self.imaged, self.time = imaged, time


@pytest.fixture
def run(tmp_path):
    with Run.create(tmp_path / "r") as run:
        gates.add(run, IMAGE_GATE, DOUBLETS, WITHIN, EARLY, EARLY_CELLS)
        yield run


@pytest.fixture
def opened(run, samples):
    def open_it(name: str = "tube", **how) -> tuple[Tube, EventTable]:
        tube = Tube(samples, name, **how)
        run_samples.add_sample(run, tube.path, 0.5)
        return tube, EventTable(run, name)

    return open_it


def of(run, table, gate: str, image_gate: str = "image gate", counter: str = ""):
    return Volumes(table, run.settings.gates, ImageGate(image_gate, counter)).of(gate)


def test_events_cells_and_doublets_of_the_image_gate(run, opened) -> None:
    tube, table = opened()
    cells = of(run, table, "image gate")
    low, high = stats.chi2.ppf([0.025, 0.975], [2 * CELLS, 2 * CELLS + 2]) / 2 / VOLUME_UL
    assert (cells.events.value, cells.events.low, cells.events.high) == pytest.approx((CELLS / VOLUME_UL, low, high))
    true_doublets = tube.doublet.sum() / VOLUME_UL
    assert cells.cells.low < CELLS / VOLUME_UL + true_doublets < cells.cells.high
    assert (cells.imaged, cells.support, cells.why) == (pytest.approx(IMAGES / CELLS), 1.0, "")
    doublets = of(run, table, "doublets")
    assert doublets.events.low < true_doublets < doublets.events.high
    assert true_doublets / ((tube.doublet & tube.imaged).sum() / VOLUME_UL) == pytest.approx(7, rel=0.15)  # as it was
    assert doublets.cells.value == pytest.approx(2 * doublets.events.value)
    assert of(run, table, "doublets within") == doublets
    everything = of(run, table, "")
    assert everything.events.value == pytest.approx((CELLS + DEBRIS) / VOLUME_UL)
    assert everything.cells is None
    assert f"{DEBRIS} of its events lie outside image gate" in everything.why


def test_without_an_image_gate_only_what_was_counted_whole_is_told(run, opened) -> None:
    _, table = opened()
    assert of(run, table, "image gate", "").events.value == pytest.approx(CELLS / VOLUME_UL)
    for gate in ("image gate", "doublets"):
        found = of(run, table, gate, "")
        assert found.cells is None
        assert "No image gate is named" in found.why
    assert of(run, table, "doublets", "").events is None
    assert "not there" in of(run, table, "doublets", "gone").why  # a run folder may say anything


def test_percentages_are_of_events_that_were_looked_at(run, opened) -> None:
    tube, table = opened()
    found = {one.gate: one for one in populations.statistics(table, run)}
    doublets = int((tube.doublet & tube.imaged).sum())
    for name in ("doublets", "doublets within"):
        assert (found[name].events, found[name].parent_events, found[name].all_events) == (doublets, IMAGES, IMAGES)
        assert found[name].of_parent == found[name].of_all == pytest.approx(100 * doublets / IMAGES)
    assert found["image gate"].of_all == pytest.approx(100 * CELLS / (CELLS + DEBRIS))


def test_a_gate_that_the_instrument_did_not_image_from_is_refused(run, opened) -> None:
    tube, table = opened()
    narrow = Gate("narrow", (Axis("FSC-A"),), ((22_000.0,), (1e6,)))
    flagged = Gate("flagged", (Axis("ImageFlag"),), ((1.0,), (1.0,)))
    gates.add(run, narrow, flagged)
    outside = int((tube.imaged & (table.values("FSC-A") < 22_000)).sum())
    with pytest.raises(SampleError, match=rf"{outside} of {IMAGES} imaged events lie outside narrow\..*inspect"):
        name_image_gate(run, [table], "narrow")
    for name in ("doublets within", "flagged"):
        with pytest.raises(SampleError, match="rests on what was found in images"):
            name_image_gate(run, [table], name)
    with pytest.raises(UsageError, match="no such gate"):
        name_image_gate(run, [table], "nowhere")
    with pytest.raises(UsageError, match="There are: FCS"):
        name_image_gate(run, [table], "image gate", "pombe")
    assert run.settings.image_gate == ""
    assert name_image_gate(run, [table], "image gate", "FCS") == []
    assert ImageGate.of(run) == ImageGate("image gate", "FCS")
    gates.remove(run, "image gate")
    assert run.settings.image_gate == ""


def test_a_sample_in_which_it_is_another_gate_is_told(run, opened) -> None:
    (_, table), (_, other) = opened(), opened("other", until=0.5)
    (problem,) = name_image_gate(run, [table, other], "early cells")
    assert "tube: " in problem
    assert "imaged events lie outside early cells" in problem
    assert run.settings.image_gate == "early cells"
    tube, fits = (populations.statistics(one, run)[-1] for one in (table, other))
    assert "lie outside early cells" in tube.per_ul.why
    assert (tube.per_ul.cells, fits.per_ul.why) == (None, "")
    assert name_image_gate(run, [table, other], "") == []
    assert run.settings.image_gate == ""


def test_where_images_ended_early_it_is_empty_until_a_gate_on_time_is_named(run, opened) -> None:
    tube, table = opened(until=0.5)
    found = of(run, table, "doublets")
    assert (found.events, found.cells) == (None, None)
    assert found.support == pytest.approx(0.5, abs=0.1)
    assert "a Time and scatter at which images were taken; 95 % are needed: images lie from Time" in found.why
    assert "Put a gate on Time of that range into the image gate" in found.why
    early = tube.time <= 0.5 * DURATION
    truth = (tube.doublet & early).sum() / (VOLUME_UL / 2)  # half of the volume
    found = of(run, table, "doublets", "early cells")
    assert found.events.low < truth < found.events.high
    assert found.events.value == pytest.approx(truth, rel=0.2)
    assert of(run, table, "early cells").events.value == pytest.approx((early[:CELLS]).sum() / (VOLUME_UL / 2))


def test_a_gate_that_is_wider_than_the_instruments_is_empty(run, opened) -> None:
    _, table = opened()
    gates.add(run, Gate("wide", (Axis("FSC-A"),), ((0.0,), (1e6,))))
    found = of(run, table, "doublets", "wide")
    assert found.events is None
    assert found.support == pytest.approx(CELLS / (CELLS + DEBRIS), abs=0.07)
    assert "may be wider than the instrument's" in found.why


def test_images_that_were_not_looked_at_are_told(run, opened) -> None:
    _, table = opened(looked_at=0.5)
    found = of(run, table, "doublets")
    assert found.events is None
    assert "FCS: 150 of the 300 images in the gate" in found.why
    rare = Gate("rare", (Axis("SSC-A"),), ((30_000.0,), (1e9,)))
    gates.add(run, rare, replace(DOUBLETS, name="rare doublets", parent="rare"))
    _, whole = opened("whole")
    assert "Too few of its events were imaged" in of(run, whole, "rare doublets").why


def test_an_unknown_volume_is_told(run, opened) -> None:
    _, table = opened(**{"$VOL": "0"})
    assert "The FCS has no $VOL" in of(run, table, "image gate").why
    _, known = opened("known")
    polygon = Gate("on time", (Axis("Time"), Axis("FSC-A")), ((0.0, 0.0), (1e5, 0.0), (1e5, 1e6), (0.0, 1e6)))
    ids = Gate("ids", (Axis("Event"),), ((0.0,), (1e6,)))
    late = Gate("late", (Axis("Time"),), ((2 * DURATION,), (3 * DURATION,)))
    gates.add(run, polygon, ids, late)
    for name, words in (("on time", "Use a range of Time"), ("ids", "a gate on Event"), ("late", "leave nothing")):
        assert words in of(run, known, name).why
        assert of(run, known, name).events is None


def test_an_instrument_that_looks_at_all_events_needs_no_image_gate(run, tmp_path) -> None:
    """An IFCB: 30 of 40 events have an image, of which 20 are wide; a third of them holds two cells."""
    bins = Bins(tmp_path)
    shapes = [None if k % 4 == 3 else (8, 20 if k < 27 else 9) for k in range(40)]
    adc = bins.new([None if shape is None else bins.image(k, *shape) for k, shape in enumerate(shapes)])
    name = run_samples.add_sample(run, adc, 0.5).name
    fcs = run.images.reader(name).open_fcs()
    imaged = fcs.column("ImageFlag") != 0
    particles = np.where(imaged, 1 + (np.arange(40) % 3 == 0), 0)
    extra = [
        ExtraParameter("UDT_ParticleCount", "", particles.astype(np.float32), 4),
        ExtraParameter("UDT_IsProcessed", "", imaged.astype(np.float32), 2),
    ]
    out = run.path / "processed" / "m" / f"{name}.fcs"
    out.parent.mkdir(parents=True)
    write_fcs_with(fcs, out, extra, {"CYTPIX_MODEL": "m"})
    gates.add(
        run,
        Gate("wide", (Axis("RoiWidth"),), ((15.0,), (50.0,))),
        Gate("two", (Axis("ParticleCount [m]"),), ((2.0,), (2.0,)), "wide"),
        Gate("first half", (Axis("Time"),), ((1.5,), (30.75,))),
    )
    table, volume_ul = EventTable(run, name), 250 * (40 * 59.9) / 60
    everything = of(run, table, "", "")
    assert everything.events.value == pytest.approx(40 / volume_ul)
    assert everything.cells.value == pytest.approx(particles.sum() / volume_ul)
    assert (everything.imaged, everything.support, everything.why) == (1.0, 1.0, "")
    wide = imaged & (np.arange(40) < 27)
    doublets = wide & (particles == 2)
    low, high = stats.chi2.ppf([0.025, 0.975], [2 * doublets.sum(), 2 * doublets.sum() + 2]) / 2 / volume_ul
    two = of(run, table, "two", "")
    assert (two.events.value, two.events.low) == pytest.approx((doublets.sum() / volume_ul, low))
    assert two.cells.value == pytest.approx(2 * doublets.sum() / volume_ul)
    assert of(run, table, "wide", "").cells.value == pytest.approx(particles[wide].sum() / volume_ul)
    assert two.events.high == pytest.approx(high)
    half = of(run, table, "first half", "")
    assert half.cells.value == pytest.approx(particles[:20].sum() / (volume_ul / 2))


def test_images_of_such_an_instrument_that_no_model_looked_at(run, tmp_path) -> None:
    bins = Bins(tmp_path)
    name = run_samples.add_sample(run, bins.new([bins.image(k, 9, 9) for k in range(5)]), 0.5).name
    found = of(run, EventTable(run, name), "", "")
    assert found.events.value == pytest.approx(5 / (250 * 5 * 59.9 / 60))
    assert found.cells is None
    assert "Process the sample" in found.why
