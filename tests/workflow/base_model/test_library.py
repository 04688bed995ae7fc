"""The model library: names, files, lineage, and no silent fall-back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.errors import ModelFileError, UsageError
from tui_cytpix.formats.model.file import read_card
from tui_cytpix.formats.run.predictions import Prediction, PredictionStore, write_shard
from tui_cytpix.workflow.base_model import differences, library
from tui_cytpix.workflow.run.resources import user_models
from tui_cytpix.workflow.run.run import Run


def test_import_find_list_and_export(model_file, tmp_path):
    taken = library.import_model(model_file("mine"))
    assert Path(taken.path).parent == user_models()
    assert library.find("mine") == taken
    assert [m.card.name for m in library.library()] == ["mine"]
    (tmp_path / "out").mkdir()
    shared = library.export_model(taken, tmp_path / "out")
    assert shared == tmp_path / "out" / "mine.safetensors"
    assert library.find(str(shared)).hash == taken.hash
    with pytest.raises(UsageError, match="exists"):
        library.export_model(taken, shared)
    with pytest.raises(ModelFileError, match="can't be written"):
        library.export_model(taken, tmp_path / "no" / "folder.safetensors")


def test_another_name_is_the_cards_too(model_file):
    taken = library.import_model(model_file("mine"), "yours")
    assert taken.card.name == "yours"
    assert library.find("yours") == taken
    assert [m.card.name for m in library.library()] == ["yours"]


@pytest.mark.parametrize("name", ["", " ", "a/b", "../x", "-x", ".hidden", "a" * 65, "a\n", "µ"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(ModelFileError, match="no name"):
        library.check_name(name)


def test_a_name_is_taken_once(model_file):
    path = model_file("mine")
    library.import_model(path)
    with pytest.raises(ModelFileError, match="taken"):
        library.import_model(path)


def test_what_is_no_model_is_refused_and_passed_over(model_file, tmp_path):
    library.import_model(model_file("mine"))
    (user_models() / "broken.safetensors").write_text("hello")
    assert [m.card.name for m in library.library()] == ["mine"]
    with pytest.raises(ModelFileError, match="not a model"):
        library.find("broken")
    with pytest.raises(ModelFileError, match=r"neither a model file nor in the library \(mine\)"):
        library.find("their")
    for name in ("none.safetensors", str(tmp_path), "../../etc/passwd"):
        with pytest.raises(ModelFileError):
            library.find(name)
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(model_file("x").read_bytes()[:-4])
    with pytest.raises(ModelFileError, match="damaged"):
        library.import_model(damaged)
    assert not (user_models() / "x.safetensors").exists()


@pytest.mark.parametrize(
    ("architecture", "way_out"),
    [("two-head-unet", "train it again from its annotations"), ("other", "update tui-cytpix")],
)
def test_models_that_this_version_does_not_run_are_told_and_neither_imported_nor_chosen(
    model_file, tmp_path, architecture, way_out
):
    path = model_file("old", network={"architecture": architecture, "widths": [4]})
    with pytest.raises(ModelFileError, match=way_out):
        library.import_model(path, "mine")
    with Run.create(tmp_path / "r") as run, pytest.raises(ModelFileError, match=way_out):
        library.choose(run, library.entry(path))
    assert way_out in library.entry(path).card.out_of_use


def test_a_runs_base_must_be_the_file_that_was_chosen(model_file, tmp_path):
    path = model_file("mine")
    with Run.create(tmp_path / "r") as run:
        with pytest.raises(ModelFileError, match="No base model"):
            library.base_of(run)
        library.choose(run, library.entry(path), compared_with="cell-half")
        assert library.base_of(run).hash == library.entry(path).hash
        model_file("mine", description="another")
        with pytest.raises(ModelFileError, match="changed since"):
            library.base_of(run)
        path.unlink()
        with pytest.raises(ModelFileError):
            library.base_of(run)
    assert read_card(model_file("mine")).name == "mine"


def test_images_on_which_two_models_differ_come_first(tmp_path):
    def disc(radius, count):
        ys, xs = np.mgrid[:30, :30]
        mask = (ys - 15) ** 2 + (xs - 15) ** 2 <= radius**2
        return Segmentation(mask, np.full((count, 2), 15, np.float32))

    same, looser, double, alone = (ImageKey("s", str(n)) for n in range(4))
    write_shard(tmp_path / "a", "1", [Prediction(k, disc(5, 1)) for k in (same, looser, double, alone)])
    write_shard(
        tmp_path / "b",
        "1",
        [Prediction(same, disc(5, 1)), Prediction(looser, disc(9, 1)), Prediction(double, disc(5, 2))],
    )
    stores = PredictionStore(tmp_path / "a"), PredictionStore(tmp_path / "b")
    found = differences.between([same, looser, double, alone], *stores)
    assert [(d.image, d.counts) for d in found] == [(double, (1, 2)), (looser, (1, 1)), (same, (1, 1))]
    assert [d.score for d in found] == pytest.approx([1.0, 1 - 81 / 253, 0.0])
