"""The home screen's lists."""

from __future__ import annotations

import shutil

import pytest

from tui_cytpix.diagnostics import state_folder
from tui_cytpix.errors import RunError, UsageError
from tui_cytpix.workflow.run import recent_runs
from tui_cytpix.workflow.run.run import Run


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Sample runs of our own."""
    folder = tmp_path / "shipped"
    Run.create(folder / "sample_runs" / "s_pombe", "fission yeast").close()
    monkeypatch.setattr(recent_runs, "shipped", lambda name: folder / name)
    return folder


def test_the_newest_run_comes_first_and_gone_ones_do_not(tmp_path):
    assert recent_runs.recent_runs() == []
    for name in ("a", "b", "c"):
        Run.create(tmp_path / name).close()
        recent_runs.remember(tmp_path / name)
    recent_runs.remember(tmp_path / "a")
    shutil.rmtree(tmp_path / "b")
    assert [r.name for r in recent_runs.recent_runs()] == ["a", "c"]
    assert recent_runs.recent_runs()[0].step == "assess"


@pytest.mark.parametrize("content", ["", "{", "[1, null]", '"x"', "[" * 100_000])
def test_a_damaged_list_is_an_empty_one(tmp_path, content):
    path = state_folder() / "recent_runs.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    assert recent_runs.recent_runs() == []
    Run.create(tmp_path / "a").close()
    recent_runs.remember(tmp_path / "a")
    assert [r.name for r in recent_runs.recent_runs()] == ["a"]


def test_the_list_is_bounded(tmp_path):
    for n in range(recent_runs.MAX_RECENT + 3):
        recent_runs.remember(tmp_path / str(n))
    assert len(recent_runs._paths()) == recent_runs.MAX_RECENT


def test_a_state_folder_that_cannot_be_written_is_no_reason_to_stop(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    recent_runs.remember(tmp_path)
    assert recent_runs.recent_runs() == []


def test_a_sample_run_is_copied_once_and_kept(shipped, tmp_path):
    assert [r.name for r in recent_runs.sample_runs()] == ["fission yeast"]
    target = tmp_path / "mine"
    assert recent_runs.copy_sample_run("s_pombe", target) == target
    with Run.open(target) as run:
        run.go_to("train")
    recent_runs.copy_sample_run("s_pombe", target)
    assert recent_runs.summary(target).step == "train"
    with pytest.raises(UsageError, match="s_pombe"):
        recent_runs.copy_sample_run("other", tmp_path / "x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(RunError, match="Something else"):
        recent_runs.copy_sample_run("s_pombe", tmp_path / "full")
    with pytest.raises(RunError, match="can't be copied"):
        recent_runs.copy_sample_run("s_pombe", tmp_path / "full" / "file" / "below")


def test_the_story_with_fresh_samples_comes_first_and_is_tried_beside_it():
    found = recent_runs.sample_runs()
    assert [r.path.name for r in found] == ["s_pombe", "drosophila", "peritoneal"]
    assert [p.name for p in recent_runs.fresh_samples(found[0].path)] == ["edinburgh-minimal", "rich-medium"]
    assert recent_runs.fresh_samples(found[1].path) == []


def test_a_try_is_a_run_on_the_fresh_samples_and_opened_again(tmp_path):
    story = recent_runs.copy_sample_run("s_pombe", tmp_path / "story")
    own = recent_runs.own_try(story)
    with Run.open(own) as run:
        assert [s.name for s in run.settings.samples] == ["edinburgh-minimal", "rich-medium"]
        run.go_to("train")
    assert recent_runs.own_try(story) == own
    with Run.open(own, writing=False) as run:
        assert run.settings.step == "train"
