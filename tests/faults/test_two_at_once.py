"""Two writers at once, or one that stands still (SIGSTOP) as another comes: one does it, the other says who has it."""

from __future__ import annotations

import json
import os
import signal

import pytest

from tests import children, forks
from tests.faults import holding, verb_stories, write_points
from tests.faults.write_points import Attempt, end_all_in
from tui_cytpix.formats.run.json_log import read_log
from tui_cytpix.workflow.run import jobs

ANNOTATE = "run annotate run --from-masks tube.acs.truth --sample tube"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "subprocess", forks.AS_SUBPROCESS)
        forks.listening()
        verb_stories.loaded(engines=False)
        yield tmp_path_factory.mktemp("made")


@pytest.fixture
def work(made, tmp_path):
    """With a tube and a run on it."""
    folder = tmp_path / "w"  # short: multiprocessing puts sockets below it, whose paths have a limit
    folder.mkdir()
    (story,) = verb_stories.stories(made, engines=False, only=["run annotate"])
    story.prepare(folder)
    yield folder
    end_all_in(folder)


def verb(command: str) -> write_points.Act:
    return verb_stories.verb(*command.split())


def annotations(work) -> list[dict]:
    return read_log(work / "run" / "annotations.jsonl")[0]


def test_who_holds_a_run_is_told_and_what_it_was_doing_is_done_when_it_goes_on(work):
    before = annotations(work)
    first = Attempt(verb(ANNOTATE), work, "stop", 12)
    children.until(lambda: first.pid in write_points._at_work_in(work, "T"))
    second = Attempt(verb(ANNOTATE), work, name="2").outcome()
    assert second.status == 1
    assert f"run.lease: held by process {first.pid}" in second.told
    os.kill(first.pid, signal.SIGCONT)
    assert first.outcome().status == 0
    assert annotations(work)[: len(before)] == before
    assert len(annotations(work)) > len(before)
    assert holding.half_files(work) == holding.left_over(work) == []


def test_of_two_that_annotate_at_once_none_loses_anything(work):
    before = annotations(work)
    both = [Attempt(verb(ANNOTATE), work, name=name) for name in ("", "2")]
    ended = [one.outcome().status for one in both]
    assert 0 in ended
    seqs = [line["seq"] for line in annotations(work)]
    assert annotations(work)[: len(before)] == before
    assert seqs == sorted(set(seqs))


@pytest.mark.slow
def test_of_two_that_train_at_once_one_trains_and_the_other_says_so(work):
    command = f"run train run --epochs 1 --no-check {verb_stories._ON}"
    both = [Attempt(verb(command), work, name=name) for name in ("", "2")]
    ended = [one.outcome() for one in both]
    assert 0 in [one.status for one in ended]
    told = "".join(one.told for one in ended)
    assert "is in use" in told or "at work already" in told
    epochs = [line["epoch"] for path in work.rglob("events.jsonl") for line in read_log(path)[0] if "va" in line]
    assert epochs == [1]
    assert holding.half_files(work) == holding.left_over(work) == []


@pytest.mark.slow
def test_two_in_one_folder(work):
    command = "process {} --model cell-half --out o --format csv " + verb_stories._ON
    both = [Attempt(verb(command.format(tube)), work, name=tube) for tube in ("tube.acs", "other.acs")]
    ended = [one.outcome() for one in both]
    assert [one.status for one in ended] == [0, 0], [one.told for one in ended]
    records = [json.loads((work / "o" / f"{name}.process.json").read_text()) for name in ("tube", "other")]
    assert [one["sample"]["name"] for one in records] == ["tube", "other"]
    assert (work / "o" / "tube.events.csv").is_file()
    assert (work / "o" / "other.events.csv").is_file()
    assert holding.half_files(work) == holding.left_over(work) == []
