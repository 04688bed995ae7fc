"""What `process` writes, judged by pycocotools, tifffile, pyarrow and anndata."""

from __future__ import annotations

import csv
import json
import math
import re
import resource
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tui_cytpix.core.features.table import FEATURES, names
from tui_cytpix.domain.jobs.specs import FORMATS
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.errors import CytpixError, MaskError, UsageError
from tui_cytpix.formats.masks.label_images import segmentation_from_labels
from tui_cytpix.formats.outputs import registry
from tui_cytpix.formats.outputs.output import About, Answer, Findings
from tui_cytpix.formats.outputs.registry import OUTPUTS
from tui_cytpix.formats.tables import parquet_table

KEYWORDS = {"CYTPIX_MODEL": "Größe <1>", "CYTPIX_SOFTWARE": "tui-cytpix"}
EMPTY = "7"  # an image without a particle
UNREADABLE = "8"
EVENTS = ("3", EMPTY, UNREADABLE, "ä & <b>", "12")


def labels_of(number: int, shape: tuple[int, int] = (30, 41)) -> np.ndarray:
    """Particles at edges and corners, one in two pieces, one in a column up to the lower edge and on from the upper."""
    labels = np.zeros(shape, np.uint16)
    if number == 1:
        return labels
    labels[0:5, 0:7] = 1
    labels[10:20, 30:] = 2
    labels[14, 33] = 0  # a hole
    labels[-4:, 10] = 3
    labels[:3, 11] = 3
    labels[-1, -1] = 4
    labels[12:14, 2 : 5 + number] = 5
    return labels


def findings(sample: str, shape: tuple[int, int] = (30, 41), events: tuple[str, ...] = EVENTS) -> Findings:
    values = np.random.default_rng(1).lognormal(3, 2, (len(events), len(names("image"))))
    values[-1, 3] = np.nan
    values[[event == UNREADABLE for event in events]] = np.nan
    found: list[tuple[str, int, Segmentation]] = [
        (event, number, segmentation_from_labels(labels_of(number, shape)))
        for number, event in enumerate(events)
        if event != UNREADABLE
    ]
    owners = [event for event, _, one in found for _ in one.centroids]
    particles = np.random.default_rng(2).normal(0, 1e6, (len(owners), len(names("particle"))))

    def answers() -> Iterator[Answer]:
        for event, number, one in found:
            yield Answer(event, 100 + number, ".tif", one)

    return Findings(sample, events, values, owners, particles, answers)


def write(folder: Path, name: str, *parts: Findings, um_per_px: float | None = 0.25) -> list[Path]:
    output = OUTPUTS[name]
    paths = [folder / f"tube{ending}" for ending in output.endings]
    about = About("tube", sum(len(part.events) for part in parts), um_per_px, KEYWORDS)
    with output.written(paths, about) as add:
        for part in parts:
            add(output.encode(part))
    assert sorted(folder.iterdir()) == sorted(paths)  # nothing else stays
    return paths


def test_every_format_that_is_offered_is_written_and_no_other() -> None:
    assert set(FORMATS) == {"fcs", *OUTPUTS}
    endings = [ending for output in OUTPUTS.values() for ending in output.endings]
    assert len(set(endings)) == len(endings)


def test_coco_is_what_pycocotools_reads(tmp_path, capsys) -> None:
    coco_module = pytest.importorskip("pycocotools.coco")
    (path,) = write(tmp_path, "coco", findings("tube"))
    judge = coco_module.COCO(str(path))
    assert [image["event"] for image in judge.loadImgs(judge.getImgIds())] == ["3", EMPTY, "ä & <b>", "12"]
    assert judge.loadCats(judge.getCatIds()) == [{"id": 1, "name": "particle", "supercategory": "object"}]
    for image in judge.loadImgs(judge.getImgIds()):
        labels = labels_of(image["id"] - 100)
        assert (image["height"], image["width"]) == labels.shape
        assert image["file_name"] == f"{image['event']}.tif"
        own = judge.loadAnns(judge.getAnnIds(image["id"]))
        assert [one["particle"] for one in own] == list(range(1, 1 + labels.max()))
        for one in own:
            mask = judge.annToMask(one)
            assert (mask == (labels == one["particle"])).all()
            rle = judge.annToRLE(one)
            assert one["area"] == coco_module.maskUtils.area(rle) == mask.sum()
            assert one["bbox"] == coco_module.maskUtils.toBbox(rle).tolist() or one["particle"] == 3
            ys, xs = np.nonzero(mask)
            assert one["bbox"] == [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]
    assert judge.dataset["info"]["CYTPIX_MODEL"] == KEYWORDS["CYTPIX_MODEL"]


def test_coco_ids_do_not_depend_on_which_images_are_processed(tmp_path) -> None:
    all_of_them = findings("tube")
    some = Findings(
        "tube", ("12",), all_of_them.values[:1], [], all_of_them.particles[:0], lambda: list(all_of_them.answers())[-1:]
    )

    def annotations(*parts: Findings) -> dict:
        (path,) = write(tmp_path, "coco", *parts)
        found = json.loads(path.read_text())
        path.unlink()
        assert len({one["id"] for one in found["annotations"]}) == len(found["annotations"])
        return {one["id"]: one for one in found["annotations"]}

    whole, part = annotations(all_of_them), annotations(some)
    assert part
    assert part.items() <= whole.items()


def test_ome_tiff_is_what_tifffile_reads(tmp_path) -> None:
    tifffile = pytest.importorskip("tifffile")
    (path,) = write(tmp_path, "ome-tiff", findings("tube"))
    with tifffile.TiffFile(path) as judge:
        assert judge.is_ome
        (series,) = judge.series
        assert (series.axes, series.dtype) == ("TYX", np.uint16)
        found = series.asarray()
        described = tifffile.xml2dict(judge.ome_metadata)["OME"]
        numerator, denominator = judge.pages[0].tags["XResolution"].value
    assert (found == [labels_of(number) for number in (0, 1, 3, 4)]).all()
    pixels = described["Image"]["Pixels"]
    assert (pixels["PhysicalSizeX"], pixels["PhysicalSizeXUnit"]) == (0.25, "µm")
    assert numerator / denominator == pytest.approx(10_000 / 0.25)
    about, events = (one["Value"]["M"] for one in described["StructuredAnnotations"]["MapAnnotation"])
    assert [str(one["value"]) for one in events] == ["3", EMPTY, "ä & <b>", "12"]
    assert about[0] == {"K": "CYTPIX_MODEL", "value": KEYWORDS["CYTPIX_MODEL"]}


def test_images_of_several_sizes_make_several_ome_images(tmp_path) -> None:
    tifffile = pytest.importorskip("tifffile")
    parts = (findings("tube"), findings("tube", (33, 37), ("a", "b")), findings("tube", events=("c", "d")))
    (path,) = write(tmp_path, "ome-tiff", *parts, um_per_px=None)
    with tifffile.TiffFile(path) as judge:
        assert [series.shape for series in judge.series] == [(6, 30, 41), (2, 33, 37)]
        assert (judge.series[0].asarray() == [labels_of(number) for number in (0, 1, 3, 4, 0, 1)]).all()
        assert (judge.series[1].asarray() == [labels_of(number, (33, 37)) for number in (0, 1)]).all()
        assert "PhysicalSize" not in judge.ome_metadata
    with Image.open(path) as picture:  # and another reader
        assert picture.n_frames == 8
        picture.seek(5)
        assert (np.asarray(picture) == labels_of(1, (33, 37))).all()


def test_an_ome_tiff_of_nothing_is_refused(tmp_path) -> None:
    with pytest.raises(MaskError, match="No image of tube could be read"):
        write(tmp_path, "ome-tiff", findings("tube", events=(UNREADABLE,)))
    assert not list(tmp_path.iterdir())


def test_parquet_is_the_csv_with_types(tmp_path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    found = findings("tube")
    for level, path, lines in zip(
        ("image", "particle"), write(tmp_path / _made(tmp_path, "p"), "parquet", found, found), range(2), strict=True
    ):
        table = parquet.read_table(path)
        assert table.column_names == ["Sample", "Event", *names(level)]
        assert [str(kind) for kind in table.schema.types] == ["string"] * 2 + ["double"] * len(names(level))
        folder = tmp_path / _made(tmp_path, f"c{lines}")
        with write(folder, "csv", found, found)[lines].open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert rows
        for row, other in zip(rows, table.to_pylist(), strict=True):
            assert [row["Sample"], row["Event"]] == [other["Sample"], other["Event"]]
            for name in names(level):
                assert (row[name] == "") == (other[name] is None)
                assert row[name] == "" or math.isclose(float(row[name]), other[name], rel_tol=1e-8)
        assert table.schema.metadata[b"CYTPIX_MODEL"].decode() == KEYWORDS["CYTPIX_MODEL"]
    assert table.schema.field("AreaSquareMicrons").metadata[b"unit"] == b"um2"


def _made(folder: Path, name: str) -> str:
    (folder / name).mkdir()
    return name


def test_parquet_of_many_rows_has_few_groups(tmp_path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    events = tuple(str(n) for n in range(1000))
    values = np.arange(1000.0 * len(names("image"))).reshape(1000, -1)
    part = Findings("tube", events, values, [], np.zeros((0, len(names("particle")))), lambda: iter(()))
    path, particles = write(tmp_path, "parquet", *[part] * 40)
    with parquet.ParquetFile(path) as judge:
        assert (judge.metadata.num_rows, judge.metadata.num_row_groups) == (40_000, 3)
        assert judge.read(["MaxIntensity"]).column(0).to_pylist() == values[:, 0].tolist() * 40
    assert parquet.read_table(particles).num_rows == 0


def test_h5ad_is_what_anndata_reads(tmp_path) -> None:
    pytest.importorskip("h5py")
    anndata = pytest.importorskip("anndata", reason="anndata is not installed")
    found = findings("tube")
    again = findings("tube", events=("20", "21"))
    (path,) = write(tmp_path, "h5ad", found, again)
    judge = anndata.read_h5ad(path)
    np.testing.assert_array_equal(judge.X, np.concatenate([found.values, again.values]))
    assert list(judge.obs_names) == [f"tube:{event}" for event in (*EVENTS, "20", "21")]
    assert list(judge.obs["Event"]) == [*EVENTS, "20", "21"]
    assert list(judge.var_names) == list(names("image"))
    units = {feature.name: feature.unit for feature in FEATURES}
    assert judge.var.loc["AreaSquareMicrons", "unit"] == units["AreaSquareMicrons"]
    assert judge.uns == KEYWORDS
    judge.write_h5ad(tmp_path / "again.h5ad")  # what it reads it can write


def test_h5ad_has_the_layout_that_anndata_documents(tmp_path) -> None:
    """Where anndata is not installed; as https://anndata.readthedocs.io/en/stable/fileformat-prose.html has it."""
    h5py = pytest.importorskip("h5py")
    (path,) = write(tmp_path, "h5ad", findings("tube"))
    with h5py.File(path) as file:

        def kind(name: str) -> tuple[str, str]:
            return file[name].attrs["encoding-type"], file[name].attrs["encoding-version"]

        assert kind("/") == ("anndata", "0.1.0")
        assert kind("X") == ("array", "0.2.0")
        assert kind("obs") == kind("var") == ("dataframe", "0.2.0")
        assert kind("obs/_index") == kind("var/_index") == kind("obs/Event") == ("string-array", "0.2.0")
        assert kind("uns/CYTPIX_MODEL") == ("string", "0.2.0")
        assert [kind(name) for name in ("layers", "obsm", "obsp", "varm", "varp", "uns")] == [("dict", "0.1.0")] * 6
        assert file["obs"].attrs["_index"] == "_index"
        assert list(file["obs"].attrs["column-order"]) == ["Sample", "Event"]
        assert file["obs/Event"].asstr()[:].tolist() == list(EVENTS)


@pytest.mark.parametrize("name", sorted(OUTPUTS))
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, name: str) -> None:
    """A limit on the size of files stands for it: writing fails alike."""
    if OUTPUTS[name].package:
        pytest.importorskip(OUTPUTS[name].package)
    part = findings("tube", (300, 300))
    noise = np.random.default_rng(0).integers(1, 400, (300, 300)).astype(np.uint16)
    full = Findings(
        "tube",
        EVENTS,
        part.values,
        part.owners,
        part.particles,
        lambda: iter([Answer("3", 1, ".tif", segmentation_from_labels(noise))]),
    )
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, kept[1]))
    try:
        with pytest.raises((CytpixError, OSError)) as told:
            write(tmp_path, name, *[full] * 20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)
    assert re.search("File too large|too large for the system", str(told.value))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", sorted(OUTPUTS))
def test_what_stops_in_between_leaves_nothing(tmp_path, name: str) -> None:
    if OUTPUTS[name].package:
        pytest.importorskip(OUTPUTS[name].package)
    output, part = OUTPUTS[name], findings("tube")
    paths = [tmp_path / f"tube{ending}" for ending in output.endings]

    def stopped() -> None:
        with output.written(paths, About("tube", 10, None, {})) as add:
            add(output.encode(part))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["coco", "parquet", "ome-tiff"])
def test_memory_does_not_grow_with_the_sample(tmp_path, monkeypatch, name: str) -> None:
    monkeypatch.setattr(parquet_table, "GROUP_ROWS", 50)
    if OUTPUTS[name].package:
        pytest.importorskip(OUTPUTS[name].package)
    output = OUTPUTS[name]
    encoded = output.encode(findings("tube", events=tuple(map(str, range(9, 13)))))

    def peak(images: int) -> int:
        paths = [tmp_path / f"{images}{ending}" for ending in output.endings]
        tracemalloc.start()
        with output.written(paths, About("tube", images, 0.25, KEYWORDS)) as add:
            for _ in range(images // 4):
                add(encoded)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(4)  # what is loaded once
    few, many = peak(200), peak(2000)
    assert many - few < 600 * 1800  # of each image less than a small part of what is written


@pytest.mark.parametrize("name", ["parquet", "h5ad"])
def test_a_missing_package_is_told_with_what_installs_it(monkeypatch, name: str) -> None:
    monkeypatch.setattr(registry.importlib.util, "find_spec", lambda _package: None)
    registry.refuse_missing(["csv", "coco", "fcs"])
    with pytest.raises(UsageError, match=rf"pip install 'tui-cytpix\[{name}\]'"):
        registry.refuse_missing(["csv", name])
