"""Samples on disk, read back with zipfile, Pillow and flowio."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import flowio
import numpy as np
import pytest
from PIL import Image

from tui_cytpix.errors import UsageError
from tui_cytpix.simulate import write
from tui_cytpix.simulate.frames.events import SimulatedSample

IMAGES, SEED = 12, 7


@pytest.fixture(scope="module")
def acs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("acs") / "tube.acs"
    write("pombe-rich", path, IMAGES, "acs", SEED)
    return path


def _columns(data: bytes) -> dict[str, np.ndarray]:
    fcs = flowio.FlowData(io.BytesIO(data))
    return dict(zip(fcs.pnn_labels, fcs.as_array(preprocess=False).T, strict=True))


def _images(archive: zipfile.ZipFile) -> list[str]:
    return sorted((n for n in archive.namelist() if n.endswith(".tif")), key=lambda n: int(Path(n).stem))


def test_images_are_plain_tiffs_stored_in_the_archive(acs: Path):
    sample = SimulatedSample("pombe-rich", IMAGES, SEED)
    with zipfile.ZipFile(acs) as archive:
        names = _images(archive)
        assert len(names) == IMAGES
        for index, name in enumerate(names):
            assert archive.getinfo(name).compress_type == zipfile.ZIP_STORED
            with Image.open(io.BytesIO(archive.read(name))) as image:
                assert image.size == (248, 248)
                assert image.mode == "I;16"
                assert image.tag_v2[259] == 1  # no compression
                np.testing.assert_array_equal(np.asarray(image), sample[index].image)


def test_the_fcs_is_that_of_the_instrument(acs: Path):
    with zipfile.ZipFile(acs) as archive:
        assert archive.getinfo("tube.fcs").compress_type == zipfile.ZIP_STORED
        fcs = flowio.FlowData(io.BytesIO(archive.read("tube.fcs")))
        columns, names = _columns(archive.read("tube.fcs")), _images(archive)
    assert fcs.version == "3.1"
    assert fcs.channel_count == 59
    assert "Attune CytPix" in fcs.text["cyt"]
    assert "ImageFlag" in fcs.text["spillover"]
    assert fcs.pnn_labels[0] == "Event"
    assert fcs.pnn_labels[22] == "ImageFlag"
    assert fcs.text["p3r"] == "1048576"
    imaged = columns["ImageFlag"] == 1
    assert [str(int(e)) for e in columns["Event"][imaged]] == [Path(n).stem for n in names]
    assert 0.05 < imaged.mean() < 0.35
    assert (np.diff(columns["Event"]) > 0).all()
    assert np.isfinite(np.stack(list(columns.values()))).all()
    seen = columns["NumPixels"] > 0
    scale = np.sqrt(columns["AreaSquareMicrons"][seen] / columns["NumPixels"][seen])
    np.testing.assert_allclose(scale, 0.3, rtol=1e-6)
    assert not columns["NumPixels"][~imaged].any()


def test_masks_agree_with_the_image_parameters(acs: Path):
    with zipfile.ZipFile(acs) as archive:
        columns = _columns(archive.read("tube.fcs"))
        (nested,) = (n for n in archive.namelist() if n.endswith(".masks.zip"))
        with zipfile.ZipFile(io.BytesIO(archive.read(nested))) as masks:
            documents = {Path(n).stem: json.loads(masks.read(n)) for n in masks.namelist()}
    rows = {str(int(e)): r for r, e in enumerate(columns["Event"])}
    assert len(documents) == IMAGES
    for event, (version, objects, particles) in documents.items():
        assert version == {"version": "1.0"}
        row = rows[event]
        pixels = [p["pixelIndexes"]["indexes"] for p in objects["masks"]]
        assert len(pixels) == columns["ObjectCount"][row]
        assert sum(map(len, pixels)) == columns["NumPixels"][row]
        assert len(particles["masks"]) == columns["ParticleCount"][row]
        inside = set().union(*pixels) if pixels else set()
        for blob in particles["masks"]:
            assert set(blob["pixelIndexes"]["indexes"]) <= inside
    assert (columns["ParticleCount"] >= columns["ClumpIndexMax"]).all()


def test_settings_and_table_of_contents_are_xml(acs: Path):
    with zipfile.ZipFile(acs) as archive:
        (settings,) = (n for n in archive.namelist() if "ImageCaptureSettings" in n)
        root = ElementTree.fromstring(archive.read(settings))
        contents = ElementTree.fromstring(archive.read("TOC1.xml"))
        others = set(archive.namelist()) - {"TOC1.xml"}
    gate, totals = root.find("ImageGate"), root.find("ImageTotals")
    assert gate is not None
    assert gate.get("GateName")
    assert totals is not None
    assert totals.get("Total") == str(IMAGES)
    uri = "{http://www.isac-net.org/std/ACS/1.0/toc/}URI"
    assert {entry.get(uri, "").removeprefix("file:///") for entry in contents} == others


def test_the_truth_lies_beside_it(acs: Path):
    sample = SimulatedSample("pombe-rich", IMAGES, SEED)
    with zipfile.ZipFile(acs) as archive:
        names = _images(archive)
    for index, name in enumerate(names):
        with Image.open(acs.with_name("tube.acs.truth") / f"{Path(name).stem}.png") as image:
            np.testing.assert_array_equal(np.asarray(image), sample[index].labels)
    assert sorted(p.name for p in acs.parent.iterdir()) == ["tube.acs", "tube.acs.truth"]


def test_one_seed_gives_one_archive_byte_by_byte(acs: Path, tmp_path: Path):
    write("pombe-rich", tmp_path / "tube.acs", IMAGES, "acs", SEED)
    assert (tmp_path / "tube.acs").read_bytes() == acs.read_bytes()


@pytest.mark.parametrize("name", ["tube.zip", "tube"])
def test_an_export_is_gray_in_rgba(tmp_path: Path, name: str):
    told = write("yeast", tmp_path / name, 3, "export", 1)
    if name.endswith(".zip"):
        with zipfile.ZipFile(tmp_path / name) as archive:
            files = {n: archive.read(n) for n in archive.namelist()}
    else:
        files = {p.name: p.read_bytes() for p in (tmp_path / name).iterdir()}
    columns = _columns((tmp_path / "tube.fcs").read_bytes())
    assert told["fcs"] == str(tmp_path / "tube.fcs")
    assert sorted(files) == sorted(f"{int(e)}.tif" for e in columns["Event"][columns["ImageFlag"] == 1])
    for data in files.values():
        with Image.open(io.BytesIO(data)) as image:
            assert image.mode == "RGBA"
            assert image.tag_v2[259] == 5  # LZW
            pixels = np.asarray(image)
        assert (pixels[..., 3] == 255).all()
        assert (pixels[..., 0] == pixels[..., 1]).all()
        assert (pixels[..., 0] == pixels[..., 2]).all()
        assert 60 < pixels[..., 0].mean() < 190


def test_a_folder_holds_png_images(tmp_path: Path):
    told = write("beads", tmp_path / "new" / "tube", 3, "folder", 1)
    images = sorted((tmp_path / "new" / "tube").iterdir())
    assert len(images) == 3
    assert told["events"] > 3
    with Image.open(images[0]) as image:
        assert image.mode == "I;16"
        assert 145 <= np.asarray(image).min() <= np.asarray(image).max() <= 1011
    assert {p.name for p in (tmp_path / "new" / "tube.truth").iterdir()} == {p.name for p in images}


@pytest.mark.parametrize(
    ("kind", "images", "layout", "word"),
    [("beads", 0, "acs", "image"), ("beads", 2, "cellview", "acs"), ("plankton", 2, "acs", "murine-peritoneal")],
)
def test_what_cannot_be_done_is_refused(tmp_path: Path, kind: str, images: int, layout: str, word: str):
    with pytest.raises(UsageError, match=word):
        write(kind, tmp_path / "tube", images, layout)
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_over(tmp_path: Path):
    (tmp_path / "tube.acs").write_text("precious")
    with pytest.raises(UsageError, match="exists"):
        write("beads", tmp_path / "tube.acs", 1)
    assert (tmp_path / "tube.acs").read_text() == "precious"
