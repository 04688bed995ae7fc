"""A run that 0.1.0 made (its networks cut to a few weights) opens, keeps what people did, and says in one sentence what
to do where its models are concerned.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import tui_cytpix
from tui_cytpix.domain.jobs.training import JobState
from tui_cytpix.errors import ModelFileError
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run import jobs
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.train import control, finish
from tui_cytpix.workflow.train.watch import TrainingWatch

BUILT_IN = Path(tui_cytpix.__file__).parent / "base_models"
AGAIN = "train it again from its annotations"


@pytest.fixture
def run(tmp_path):
    shutil.copytree(Path(__file__).parent / "run_of_0_1_0", tmp_path / "old")
    with Run.open(tmp_path / "old") as run:
        yield run


def test_what_people_did_is_there(run):
    assert len(run.annotations.accepted()) == 14
    assert len(run.verdicts) == 30
    assert (TrainingWatch(run.folder).poll().state, TrainingWatch(run.folder).poll().epochs[-1].epoch) == (
        JobState.FINISHED,
        100,
    )


def test_its_model_is_not_run_and_says_what_to_do(run):
    assert AGAIN in library.entry(run.folder.model_path).card.out_of_use
    with pytest.raises(ModelFileError, match=AGAIN):
        library.import_model(run.folder.model_path, "mine")
    before = run.folder.model_path.read_bytes()
    with pytest.raises(ModelFileError, match=AGAIN):
        finish.finish(run, "new", "last")
    assert run.folder.model_path.read_bytes() == before


def test_a_new_choice_of_the_base_and_one_start_train_it_again(run, monkeypatch):
    monkeypatch.setattr(jobs, "start", lambda job: None)
    monkeypatch.setattr(library, "built_in_models", lambda: BUILT_IN)
    with pytest.raises(ModelFileError, match=r"cell-full was remade for this version. Choose it again in step 2"):
        control.start(run)
    library.choose(run, library.find("cell-full"))
    assert control.why_anew(run).startswith("Its checkpoints are of another base model")
    job = control.start(run, 100)
    assert (job.spec.resume, job.spec.base_name) == ("", "cell-full")
    assert (run.path / "checkpoints-1" / "last.npz").is_file()
