"""Montages, judged by Pillow and by an XML parser."""

from __future__ import annotations

import base64
import io
import resource
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from tui_cytpix.core.images import render
from tui_cytpix.domain.gate import Axis, Gate
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.errors import CytpixError, SampleError, UsageError
from tui_cytpix.workflow.explore import gates
from tui_cytpix.workflow.report import figures, montage, montage_file
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run

LOW = Gate("low <&>", (Axis("FSC-A"),), ((0.0,), (190.0,)))
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def run(tmp_path, samples):
    with Run.create(tmp_path / "r") as run:
        run_samples.add_sample(run, samples.with_fcs("tube", 24), 0.5)
        run_samples.add_sample(run, samples.with_fcs("other", 12, rows=100, seed=1))  # of unknown scale
        gates.add(run, LOW)
        yield run


def write(run, path, names=("low <&>",), samples=("tube", "other"), images=5, seed=3, overlay=None):
    drawn, problems = montage.draw(run, names, samples, images, seed)
    panels, unread = montage.write_montage(path, run, drawn, seed, lambda _done, _total: None, overlay)
    return panels, problems + unread


def test_the_draw_is_seeded_and_lies_in_the_gate(run) -> None:
    (one, other), _ = montage.draw(run, ["low <&>"], ["tube", "other"], 5, 3)
    assert (len(one.images), one.inside) == (5, 20)
    assert {int(key.event) for key in one.images} <= set(range(20))
    assert (len(other.images), other.inside) == (5, 12)
    (again,), _ = montage.draw(run, ["low <&>"], ["tube"], 8, 3)
    assert again.images[:5] == one.images  # more come behind, whatever else is drawn
    (another,), _ = montage.draw(run, ["low <&>"], ["tube"], 5, 4)
    assert another.images != one.images
    (whole,), _ = montage.draw(run, [""], ["tube"], 99, 0)
    assert sorted(int(key.event) for key in whole.images) == list(range(24))


def test_an_svg_holds_its_images_and_a_bar_of_a_round_length(run, tmp_path) -> None:
    path = tmp_path / "m.svg"
    panels, problems = write(run, path)
    assert problems == []
    assert [(one.sample, one.um_per_px) for one in panels] == [("tube", 0.5), ("other", None)]
    root = ElementTree.parse(path).getroot()
    tiles = root.findall(f"{SVG}image")
    assert [tile.find(f"{SVG}title").text for tile in tiles] == [
        f"{one.sample}:{event}" for one in panels for event in one.images
    ]
    for tile in tiles:
        kind, data = tile.get("href").split(",")
        assert kind == "data:image/png;base64"
        with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
            gray = np.asarray(picture)
        key = ImageKey.parse(tile.find(f"{SVG}title").text)
        image = run.images.read(key)
        assert (gray == render.stretch(image - run.images.background(key, image))).all()
        assert float(tile.get("width")) == 3 * gray.shape[1]  # 48 px are few
    _paper, bar = root.findall(f"{SVG}rect")
    assert panels[0].bar_um == 5  # at most 40 % of 48 px of 0.5 um
    assert float(bar.get("width")) == pytest.approx(5 / 0.5 * 3)
    texts = [text.text for text in root.findall(f"{SVG}text")]
    assert texts[:4] == ["tube, low <&>: 5 of 20 images", "5 µm", "other, low <&>: 5 of 12 images", montage.UNKNOWN]
    described = root.find(f"{SVG}desc").text
    assert "seed 3" in described
    assert "low <&>: FSC-A 0 to 190" in described
    right = max(float(one.get("x")) + float(one.get("width")) for one in tiles)
    assert right < float(root.get("width"))


def test_a_png_is_the_same_picture(run, tmp_path) -> None:
    write(run, tmp_path / "m.png", samples=["tube"])
    write(run, tmp_path / "m.svg", samples=["tube"])
    root = ElementTree.parse(tmp_path / "m.svg").getroot()
    with Image.open(tmp_path / "m.png") as picture:
        assert picture.size == (int(root.get("width")), int(root.get("height")))
        assert "seed 3" in picture.text["Description"]
        assert picture.text["Title"] == "tube, low <&>"
        pixels = np.asarray(picture)
    for tile in root.findall(f"{SVG}image"):
        x, y, width, height = (int(tile.get(name)) for name in ("x", "y", "width", "height"))
        gray = figures.stretched(run, ImageKey.parse(tile.find(f"{SVG}title").text))
        assert (pixels[y : y + height : 3, x : x + width : 3, 0] == gray).all()
    bar = root.findall(f"{SVG}rect")[1]
    x, y, width = int(bar.get("x")), int(bar.get("y")), round(float(bar.get("width")))
    assert (pixels[y, x : x + width] == 0).all()
    assert (pixels[y, [x - 1, x + width]] == 255).all()


@pytest.mark.parametrize(
    ("width", "length"), [(2.5, 1), (4.9, 1), (5.1, 2), (12.4, 2), (12.6, 5), (24.9, 5), (25, 10), (0.03, 0.01)]
)
def test_a_bar_is_the_longest_round_number_within_two_fifths(width: float, length: float) -> None:
    assert montage.bar_length(width) == pytest.approx(length)


def test_outlines_where_they_are_asked_for(run, tmp_path) -> None:
    mask = np.zeros((48, 48), bool)
    mask[10:30, 10:30] = True
    answer = Segmentation(mask, np.array([[20, 20]], np.float32))

    def answers(key: ImageKey) -> Segmentation | None:
        return answer if int(key.event) % 2 else None

    panels, problems = write(run, tmp_path / "m.svg", samples=["tube"], images=24, overlay=("cell", answers))
    root = ElementTree.parse(tmp_path / "m.svg").getroot()
    outlined = 0
    for tile in root.findall(f"{SVG}image"):
        with Image.open(io.BytesIO(base64.b64decode(tile.get("href").split(",")[1]))) as picture:
            if picture.mode == "RGB":
                assert (np.asarray(picture)[render.outline(mask)] == figures.OUTLINE).all()
                outlined += 1
    assert outlined == 10
    assert len(problems) == 10
    assert all("has no answer of cell" in one for one in problems)
    assert "Outlines and centroids: cell." in root.find(f"{SVG}desc").text
    assert len(panels[0].images) == 20


def test_large_images_of_several_sizes_keep_one_scale(run, samples, tmp_path) -> None:
    folder = tmp_path / "large"
    folder.mkdir()
    for name, (height, width) in {"1": (700, 1200), "2": (600, 350)}.items():
        noise = np.random.default_rng(0).normal(120, 9, (height, width))
        Image.fromarray(noise.astype(np.uint8)).save(folder / f"{name}.png")
    run_samples.add_sample(run, folder, 0.1)
    (panel,), _ = write(run, tmp_path / "m.svg", [""], ["large"])
    root = ElementTree.parse(tmp_path / "m.svg").getroot()
    sizes = {
        tile.find(f"{SVG}title").text: (int(tile.get("height")), int(tile.get("width")))
        for tile in root.findall(f"{SVG}image")
    }
    assert sizes == {"large:1": (175, 300), "large:2": (150, 88)}
    assert panel.bar_um == 20
    assert float(root.findall(f"{SVG}rect")[1].get("width")) == pytest.approx(20 / 0.1 / 4)


def test_what_cannot_be_shown_is_told(run, samples, tmp_path) -> None:
    run_samples.add_sample(run, samples.apart().make("plain", 3), 0.3)  # without an FCS
    (samples.folder / "tube" / "4.png").write_bytes(b"no image")
    panels, problems = write(run, tmp_path / "m.png", samples=["tube", "plain"], images=99)
    assert [len(one.images) for one in panels] == [19]
    assert len(problems) == 2
    assert "no such parameter" in problems[0]
    assert problems[1].startswith("tube:4 can't be shown")
    with pytest.raises(SampleError, match="no such parameter"):
        write(run, tmp_path / "n.png", samples=["plain"])
    with pytest.raises(UsageError, match="no such gate"):
        write(run, tmp_path / "n.png", names=["nowhere"])
    with pytest.raises(UsageError, match=r"Give a \.png or \.svg file"):
        montage.check_path(tmp_path / "m.gif")
    assert not (tmp_path / "n.png").exists()


def test_too_many_images_and_a_full_disk(run, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(montage, "MOST_IMAGES", 9)
    with pytest.raises(UsageError, match="at most 9 images"):
        write(run, tmp_path / "m.png")
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, kept[1]))
    try:
        with pytest.raises(CytpixError, match="too large for the system"):
            write(run, tmp_path / "m.png", images=4)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)
    assert not list(tmp_path.glob("*.png")) + list(tmp_path.glob(".*"))


def test_words_from_files_stay_within_the_sheet(run, samples, tmp_path) -> None:
    name = "w" * 150
    run_samples.add_sample(run, samples.with_fcs(name, 2), 0.3)
    gates.add(run, Gate("细胞" * 30, LOW.axes, LOW.corners))
    write(run, tmp_path / "m.png", ["细胞" * 30], [run.settings.samples[-1].name])
    with Image.open(tmp_path / "m.png") as picture:
        assert "细胞" * 30 in picture.text["Title"]
        pixels = np.asarray(picture)
    assert (pixels[:, -montage.MARGIN :] == 255).all()


def test_letters_that_a_png_cannot_show_are_put_in_ascii() -> None:
    shown = montage_file.in_ascii("20 µm é 细胞 ½")
    ((mark, letters),) = montage_file.marks(["20 µm é 细胞 ½"]).items()
    assert (shown, letters) == (f"20 um e {mark} 1/2", "细胞")


def test_names_that_a_png_cannot_show_stay_apart_and_are_in_its_description(run, samples, tmp_path) -> None:
    names = ("细胞一", "细胞二")
    for seed, name in enumerate(names):
        run_samples.add_sample(run, samples.with_fcs(name, 2, seed=seed), 0.3)
    write(run, tmp_path / "m.png", [""], names)
    write(run, tmp_path / "m.svg", [""], names)
    marks = montage_file.marks(names)
    assert len(marks) == 2
    with Image.open(tmp_path / "m.png") as picture:
        for mark, letters in marks.items():
            assert f"{mark} is {letters}." in picture.text["Description"]
        assert montage.MARKS in picture.text["Description"]
    drawn = (tmp_path / "m.svg").read_text()
    assert all(name in drawn and mark not in drawn for mark, name in marks.items())
