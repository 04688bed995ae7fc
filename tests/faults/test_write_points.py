"""A full disk and a kill at points drawn from a seed; more of them: `python -m tests.benchmarks full_disks`."""

from __future__ import annotations

import random

import pytest

from tests.faults import write_points

SEED, DRAWN = 0, 2


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    write_points.loaded()
    write_points.make(folder, images=6)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["full", "kill"])
def test_nothing_is_lost_and_nothing_is_half(made, tmp_path, fault):
    rng = random.Random(SEED)
    for story in write_points.stories(made, engines=False):
        work = tmp_path / "counted"
        work.mkdir()
        story.prepare(work)
        points = len(write_points.attempt(story.act, work).points)
        work.rename(tmp_path / story.name)
        assert points > 3
        for number in rng.sample(range(1, points + 1), DRAWN):
            assert write_points.tried(story, tmp_path, fault, number) == []


def test_the_check_finds_what_is_half_and_what_is_lost(tmp_path):
    """It can fail."""

    def half(folder):
        (folder / "run.toml").write_text("[half")
        (folder / "annotations.jsonl").write_text('{"v":1}\n')
        print(f"{write_points.SAVED}2")
        return 0

    story = write_points.Story("half", lambda work: (work / "verdicts.jsonl").write_text('{"v":1}\n'), half)
    found = " ".join(write_points.tried(story, tmp_path, "none", 1))
    assert "half a file: run.toml" in found
    assert "2 edits were shown as saved, 1 are there" in found

    def forget(folder):
        (folder / "verdicts.jsonl").write_text("")
        return 0

    forgets = write_points.Story("forgets", story.prepare, forget)
    assert "decisions lost in verdicts.jsonl" in " ".join(write_points.tried(forgets, tmp_path, "none", 1))
