"""What a training kept of its base: told while it is on the screen, and in the card of the model that it makes."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from tui_cytpix.domain.jobs.events import Finished, Started
from tui_cytpix.domain.jobs.specs import TrainSpec
from tui_cytpix.domain.jobs.training import Epoch, KeptMeasured
from tui_cytpix.domain.model_card import Kept, ModelCard
from tui_cytpix.errors import ModelFileError
from tui_cytpix.formats.model.file import read_card, write_model
from tui_cytpix.workflow.run import jobs
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.train import finish
from tui_cytpix.workflow.train.progress import kept_in_words
from tui_cytpix.workflow.train.watch import TrainingWatch

MOST, FEW = Kept(50, 2, 8, of_all_kinds=True), Kept(2, 50, 8, of_all_kinds=True)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with Run.create(tmp_path / "r") as run:
        run.folder.checkpoints.mkdir()
        for name, epoch in (("best", 3), ("last", 5), ("epoch-0004", 4)):
            card = ModelCard("m", "full", "UDT", training={"epoch": epoch}, network={"architecture": "flow-unet"})
            write_model(run.folder.checkpoints / f"{name}.safetensors", {"a": np.zeros(1, np.float32)}, card)
        yield run


def job(run, first=1, resume=""):
    made = jobs.create(run.folder.jobs, TrainSpec(epochs=5, resume=resume))
    made.emit(Started(host=socket.gethostname(), pid=1, device="cpu", target=5))
    for number in range(first, 6):
        made.emit(Epoch(number, 0.5, 0.9, 0.8, 1.0, 10, 2, target=5))
    return made


def test_the_card_says_what_the_chosen_checkpoint_kept(run):
    made = job(run)
    assert kept_in_words(TrainingWatch(run.folder).poll()) == []
    made.emit(KeptMeasured(3, FEW))
    forgetful = kept_in_words(TrainingWatch(run.folder).poll())
    assert forgetful == [f"Kept: {FEW.in_words} Where samples hold such cells too, annotate some of them."]
    made.emit(KeptMeasured(5, MOST))
    made.emit(Finished(5))
    assert kept_in_words(TrainingWatch(run.folder).poll()) == [f"Kept: {MOST.in_words}"]
    for name, kept in (("best", FEW), ("last", MOST), ("epoch-0004", None)):
        assert finish.finish(run, f"model-{name}", name).card.kept == kept
        assert read_card(run.folder.model_path).kept == kept


def test_what_an_epoch_kept_holds_until_it_is_trained_anew(run):
    job(run).emit(KeptMeasured(5, MOST))
    job(run, 5, "last.safetensors")  # told again by a job that goes on
    assert TrainingWatch(run.folder).poll().kept == {5: MOST}
    job(run)
    assert TrainingWatch(run.folder).poll().kept == {}


def test_a_card_with_impossible_numbers_is_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    write_model(path, {"a": np.zeros(1)}, ModelCard("m", "full", "UDT", kept=Kept(1, -1, 0, of_all_kinds=True)))
    with pytest.raises(ModelFileError, match="lost"):
        read_card(path)
