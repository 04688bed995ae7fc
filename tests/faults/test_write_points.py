"""Each fault at points drawn from a seed; more of them: `python -m tests.benchmarks full_disks`."""

from __future__ import annotations

import random
import shutil

import pytest

from tests import verbs
from tests.faults import holding, verb_stories, write_points

SEED = 0
FAULTS = [one for one in write_points.FAULTS if one != "none"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    verb_stories.loaded(engines=False)
    return tmp_path_factory.mktemp("made")


def test_every_verb_has_a_story_or_writes_nothing():
    told = {verb_stories.handler_of(row.command) for row in verb_stories.WRITING}
    handlers = {handler for handler in verbs.handlers() if handler}
    assert not handlers - told - verb_stories.READING, "give these a line in WRITING of tests/faults/verb_stories.py"
    assert not (told | verb_stories.READING) - handlers
    assert not told & verb_stories.READING


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost_and_nothing_is_half(made, tmp_path, fault):
    """The stories that need no engine, each with one of the faults."""
    rng = random.Random(SEED)
    stories = verb_stories.stories(made, engines=False)
    rng.shuffle(stories)
    for story in stories[FAULTS.index(fault) :: len(FAULTS)]:
        work = tmp_path / "counted"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        story.prepare(work)
        points = len(write_points.attempt(story.act, work).points)
        assert points >= 3, story.name
        assert write_points.tried(story, tmp_path, fault, rng.randint(1, points)) == []


def test_the_check_finds_what_is_half_and_what_is_lost(tmp_path):
    """It can fail."""

    def half(folder):
        (folder / "run.toml").write_text("[half")
        (folder / "annotations.jsonl").write_text('{"v":1}\n')
        print(f"{holding.SAVED}2\nepoch 3 of 9: TA 50%")
        return 0

    story = write_points.Story("half", lambda work: (work / "verdicts.jsonl").write_text('{"v":1}\n'), half)
    found = " ".join(write_points.tried(story, tmp_path, "none", 1))
    assert "half a file: run.toml" in found
    assert "2 edits were shown as saved, 1 are there" in found
    assert "epoch 3 was told, 0 are there" in found

    def forget(folder):
        (folder / "verdicts.jsonl").write_text("")
        (folder / "other.jsonl").write_text('{"v":1,"idle":{"seconds":-1.0}}\n')
        return 0

    forgets = write_points.Story("forgets", story.prepare, forget)
    found = " ".join(write_points.tried(forgets, tmp_path, "none", 1))
    assert "decisions lost in verdicts.jsonl" in found
    assert "less than no time" in found
