"""Columns of a sample's events: of its FCS, compensated, of processed files and of predictions."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.measure import regionprops

from tui_cytpix.core.features.table import names
from tui_cytpix.domain.gate import Axis, Scale
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.fcs.read import read_fcs
from tui_cytpix.formats.fcs.write import ExtraParameter, write_fcs_with
from tui_cytpix.formats.run.predictions import Prediction, write_shard
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.explore.event_table import EventTable, off_scale, on_scale
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run


@pytest.fixture
def run(tmp_path, samples):
    with Run.create(tmp_path / "r") as run:
        run_samples.add_sample(run, samples.with_fcs("tube", 24), 0.5)
        yield run


def test_columns_of_the_fcs(run, tmp_path) -> None:
    table = EventTable(run, "tube")
    fcs = read_fcs(tmp_path / "tube.fcs")
    assert (table.rows, table.images, table.volume_ul) == (400, 24, 40.0)
    assert [p.name for p in table.parameters] == list(fcs.names)
    assert (table.values("SSC-A") == fcs.column("SSC-A")).all()
    assert table.parameter("AreaSquareMicrons").of_images
    area = table.values("AreaSquareMicrons")
    assert np.isnan(area[24:]).all()
    assert (area[:24] == fcs.column("AreaSquareMicrons")[:24]).all()
    assert table.image_rows == {str(n): n for n in range(24)}
    with pytest.raises(ValueError, match="read-only"):
        area[0] = 1
    with pytest.raises(SampleError, match="tube has no X-A"):
        table.values("X-A")


def test_compensation_is_a_linear_solve(run) -> None:
    table = EventTable(run, "tube")
    measured = np.stack([table.values("BL1-A"), table.values("BL2-A")])
    true = np.linalg.solve(np.array([[1, 0.2], [0, 1]]).T, measured)
    for place, name in enumerate(("BL1-A", "BL2-A")):
        np.testing.assert_allclose(table.values(name, compensated=True), true[place], rtol=1e-9)
    with pytest.raises(SampleError, match="FSC-A can't be compensated"):
        table.values("FSC-A", compensated=True)


@pytest.mark.parametrize("scale", [Scale(), Scale("arcsinh", 50.0), Scale("logicle", top=1e6, width=0.7)])
def test_scales_there_and_back(run, scale: Scale) -> None:
    table = EventTable(run, "tube")
    placed = table.scaled(Axis("SSC-A", scale))
    assert (np.argsort(placed) == np.argsort(table.values("SSC-A"))).all()
    np.testing.assert_allclose(off_scale(on_scale(table.values("SSC-A"), scale), scale), table.values("SSC-A"))


def test_what_a_model_predicted(run, model_file, monkeypatch, samples) -> None:
    model = library.entry(model_file("udt"))
    monkeypatch.setattr(library, "library", lambda: [model])
    answers = []
    for event in ("3", "7"):
        mask = np.zeros((48, 48), bool)
        mask[10:20, 12 : 18 + int(event)] = True
        centroids = np.array([[14, 14], [15, 17]][: 2 if event == "3" else 1], np.float32)
        answers.append(Prediction(ImageKey("tube", event), Segmentation(mask, centroids, 0.9)))
    write_shard(run.folder.predictions(model.hash), "0", answers)
    table = EventTable(run, "tube")
    found = [p.name for p in table.parameters if p.source == "udt"]
    assert found == [f"{name} [udt]" for name in names("image")]
    count = table.values("ParticleCount [udt]")
    assert np.flatnonzero(np.isfinite(count)).tolist() == [3, 7]
    assert count[[3, 7]].tolist() == [2, 1]
    for answer, row in zip(answers, (3, 7), strict=True):
        (region,) = regionprops(answer.segmentation.mask.astype(int))
        assert table.values("AreaSquareMicrons [udt]")[row] == pytest.approx(region.area * 0.25)
        assert table.values("EccentricityPercent [udt]")[row] == pytest.approx(100 * region.eccentricity, rel=0.02)
    bare = samples.apart().make("bare", 8)
    run_samples.add_sample(run, bare, 0.5)
    write_shard(run.folder.predictions(model.hash), "1", [Prediction(ImageKey("bare", "5"), answers[0].segmentation)])
    alone = EventTable(run, "bare")
    assert alone.rows == 8
    assert np.flatnonzero(alone.values("ParticleCount [udt]") == 2).tolist() == [5]


def test_processed_files_come_before_predictions(run, tmp_path) -> None:
    fcs = read_fcs(tmp_path / "tube.fcs")
    imaged = np.arange(400) < 24
    extra = [
        ExtraParameter("MY_ParticleCount", "", np.where(imaged, 2, 0).astype(np.float32), 4),
        ExtraParameter("MY_IsProcessed", "", imaged.astype(np.float32), 2),
    ]
    out = run.path / "processed" / "m-1234" / "tube.fcs"
    out.parent.mkdir(parents=True)
    write_fcs_with(fcs, out, extra, {"CYTPIX_MODEL": "mine"})
    table = EventTable(run, "tube")
    count = table.values("ParticleCount [mine]")
    assert (count[:24] == 2).all()
    assert np.isnan(count[24:]).all()
    again = run.path / "processed" / "mine-5678" / "tube.fcs"
    again.parent.mkdir()
    write_fcs_with(fcs, again, extra, {"CYTPIX_MODEL": "mine"})
    sources = {p.source for p in EventTable(run, "tube").parameters}
    assert len(sources) == 3
    assert "mine" in sources
    again.unlink()
    out.write_bytes(b"no fcs")
    assert not [p for p in EventTable(run, "tube").parameters if p.source == "mine"]
