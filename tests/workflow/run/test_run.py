"""An open run: what was shown as saved is there, after a kill, on a full disk, and for one writer only."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import children
from tui_cytpix.domain.annotation import Status
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.verdict import UNSIGNED, Judgement, Verdict
from tui_cytpix.errors import RunError
from tui_cytpix.workflow.run.run import Run

KEY = ImageKey("s", "1")
DRAWN = Segmentation(np.eye(9, dtype=bool), np.array([[4, 4]], np.float32))

DECIDING = """
import sys
import numpy as np
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.workflow.run.run import Run
run = Run.open(sys.argv[1])
for n in range(10**6):
    mask = np.random.default_rng(n).random((60, 60)) > 0.5
    run.record_edit(ImageKey("s", str(n)), "place", Segmentation(mask, np.zeros((0, 2), np.float32)))
    run.record_edit(ImageKey("s", str(n)), "accept")
    run.update(__import__("dataclasses").replace(run.settings, seed=n))
    while run.unsaved:
        pass
    print(n, flush=True)
"""

FULL = """
import resource, sys, json
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.formats.run import json_log
from tui_cytpix.workflow.run.run import Run
json_log.RETRY_SECONDS = 0.05
run = Run.open(sys.argv[1])
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
for n in range(40):
    run.record_edit(ImageKey("s", str(n)), "accept")
run._writer.flush(0.3)
told = {"unsaved": run.unsaved, "problem": run.problem, "remembered": len(run.annotations.accepted())}
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
told["flushed"], told["closed"] = run.flush(), run.close()
print(json.dumps(told))
"""


def test_a_run_comes_back_as_it_was_left(tmp_path):
    with Run.create(tmp_path / "r", "my run", seed=3) as run:
        run.record_edit(KEY, "place", DRAWN)
        assert run.record_edit(KEY, "accept").status is Status.ACCEPTED
        run.record(Verdict(*UNSIGNED, KEY, "m", Judgement.BOTH))
        run.go_to("train")
        assert run.flush()
        assert run.unsaved == 0
        assert run.problem == ""
    with Run.open(tmp_path / "r") as again:
        assert (again.settings.name, again.settings.seed, again.settings.step) == ("my run", 3, "train")
        assert again.annotations.state(KEY).status is Status.ACCEPTED
        assert again.annotations.state(KEY).segmentation.same_as(DRAWN)
        assert [v.judgement for v in again.verdicts] == [Judgement.BOTH]
        assert again.annotations.last_seq == 2
        assert again.record_edit(KEY, "reject").status is Status.REJECTED
        assert again.annotations.last_seq == 3
    assert not (tmp_path / "r" / "run.lease").exists()


def test_what_is_said_behind_the_last_number_that_there_is_counts(tmp_path):
    """The log of a run from elsewhere may begin with any number."""
    with Run.create(tmp_path / "r") as run:
        run.record_edit(KEY, "place", DRAWN)
        run.record(Verdict(*UNSIGNED, KEY, "m", Judgement.BOTH))
    for name in ("annotations.jsonl", "verdicts.jsonl"):
        path = tmp_path / "r" / name
        path.write_text(path.read_text().replace('"seq":1', f'"seq":{2**63 - 1}'))
    with Run.open(tmp_path / "r") as run:
        run.record_edit(KEY, "accept")
        run.record(Verdict(*UNSIGNED, KEY, "m", Judgement.ACCEPTABLE))
    with Run.open(tmp_path / "r") as run:
        assert run.damaged_lines == 0
        assert run.annotations.state(KEY).status is Status.ACCEPTED
        assert [v.judgement for v in run.verdicts] == [Judgement.BOTH, Judgement.ACCEPTABLE]
        run.restore(run.verdicts[0], undoes=run.verdicts[-1].seq)
    with Run.open(tmp_path / "r") as run:
        assert run.damaged_lines == 0


def test_one_writes_and_others_read(tmp_path):
    with Run.create(tmp_path / "r") as run:
        with pytest.raises(RunError, match="in use"):
            Run.open(tmp_path / "r")
        with Run.open(tmp_path / "r", writing=False) as reader:
            assert reader.settings == run.settings
            with pytest.raises(RunError, match="reading only"):
                reader.record_edit(KEY, "accept")
            with pytest.raises(RunError, match="reading only"):
                reader.go_to("train")
        run.record_edit(KEY, "accept")


def test_a_run_that_was_taken_over_writes_no_more(tmp_path):
    with Run.create(tmp_path / "r") as run:
        run.folder.lease_path.write_text('{"nonce": "another"}')
        assert not run._lease.renew()
        with pytest.raises(RunError, match="reading only"):
            run.record_edit(KEY, "accept")
        assert "taken over" in run.problem


def test_what_lies_there_is_not_overwritten(tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "precious").touch()
    with pytest.raises(RunError, match="not empty"):
        Run.create(tmp_path / "r")
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="not empty"):
        Run.create(tmp_path / "file")
    with pytest.raises(RunError, match="can't be made"):
        Run.create(tmp_path / "file" / "below")


def test_a_killed_app_loses_nothing_that_was_saved(tmp_path):
    Run.create(tmp_path / "r").close()
    app = children.start([sys.executable, "-c", DECIDING, str(tmp_path / "r")], stdout=subprocess.PIPE, text=True)
    for _ in range(4):
        app.stdout.readline()
    app.send_signal(signal.SIGKILL)
    saved = [int(line) for line in app.stdout.read().splitlines()]
    app.wait(children.LIMIT)
    app.stdout.close()
    last = max(saved, default=3)
    with Run.open(tmp_path / "r") as run:
        assert run.damaged_lines == 0
        accepted = {a.image.event for a in run.annotations.accepted()}
        assert accepted >= {str(n) for n in range(last + 1)}
        assert run.settings.seed >= last
        mask = np.random.default_rng(last).random((60, 60)) > 0.5
        np.testing.assert_array_equal(run.annotations.state(ImageKey("s", str(last))).segmentation.mask, mask)


def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path):
    Run.create(tmp_path / "r").close()
    done = children.run([sys.executable, "-c", FULL, str(tmp_path / "r")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["unsaved"] > 0
    assert "not saved yet" in told["problem"]
    assert (told["remembered"], told["flushed"], told["closed"]) == (40, True, True)
    with Run.open(tmp_path / "r") as run:
        assert len(run.annotations.accepted()) == 40


def test_damaged_lines_about_used_images_are_counted_too(tmp_path):
    Run.create(tmp_path / "r").close()
    good = '{"v":1,"image":"tube:2","pixels":"0123456789abcdef"}'
    bad = '{"v":1,"image":"tube:1","pixels":"no digest"}'
    (tmp_path / "r" / "images.jsonl").write_text(f"{bad}\nnonsense\n{good}\n")
    with Run.open(tmp_path / "r") as run:
        assert run.damaged_lines == 2
        assert run.images.pixels == {ImageKey("tube", "2"): "0123456789abcdef"}


def test_damaged_lines_are_counted_and_the_rest_is_kept(tmp_path):
    with Run.create(tmp_path / "r") as run:
        run.record_edit(KEY, "accept")
    with (tmp_path / "r" / "annotations.jsonl").open("ab") as file:
        file.write(b'nonsense\n{"seq": 9}\n{"torn": ')
    with Run.open(tmp_path / "r") as run:
        assert run.damaged_lines == 2
        run.record_edit(ImageKey("s", "2"), "accept")
    with Run.open(tmp_path / "r") as run:
        assert len(run.annotations.accepted()) == 2


def test_a_run_that_is_open_for_reading_takes_no_fingerprints(tmp_path) -> None:
    Run.create(tmp_path / "r").close()
    with Run.open(tmp_path / "r", writing=False) as run:
        run.renew_fingerprints()  # as `run check` and `run resume` do, beside an open app
        assert run.unsaved == 0


def test_of_two_that_make_a_run_in_one_folder_the_slower_one_leaves_it_alone(tmp_path, monkeypatch):
    with Run.create(tmp_path / "r", "first") as first:
        monkeypatch.setattr(Path, "exists", lambda _path: False)  # as it was when the slower one looked
        with pytest.raises(RunError, match="not empty"):
            Run.create(tmp_path / "r", "second")
        monkeypatch.undo()
        assert first.flush()
        assert Run.open(tmp_path / "r", writing=False).settings.name == "first"
