"""A fault at write points of every verb that writes and of the app, and what was lost.

    python -m tests.benchmarks full_disks [--tries 200] [--fault full|kill|...] [--only STORY ...] [--part 1/2]
        [--seed 0] [--no-engines]

Faults: the disk is full from the point on; the writer is killed at it, or stopped while another one writes; the clock
goes back an hour; two begin at once; the N-th folder can't be written to, the N-th file or folder not be read. What
must hold: no decision that was there or shown as saved is lost, no file is half under its final name, what
happened is told as what it is, the same again without a fault works, and nothing temporary is left after that.
Several may run side by side, each with its `--part` of the stories.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.faults import verb_stories, write_points
from tests.faults.app_story import app_story
from tui_cytpix.domain.entered_numbers import shard


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="full_disks", description=__doc__)
    parser.add_argument("--tries", type=int, default=200)
    parser.add_argument("--fault", choices=[one for one in write_points.FAULTS if one != "none"], default="full")
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--part", type=shard, default=(1, 1))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-engines", action="store_true")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="cytpix-faults-"))
    try:
        verb_stories.loaded(engines=not given.no_engines)
        names = [one.name for one in verb_stories.WRITING] + [app_story().name]
        if unknown := {*given.only} - {*names}:
            parser.error(f"{', '.join(unknown)}: no such story; there are: {', '.join(names)}")
        wanted = (given.only or names)[given.part[0] - 1 :: given.part[1]]
        stories = verb_stories.stories(folder / "made", engines=not given.no_engines, only=wanted)
        return tell([*stories, *([app_story()] if app_story().name in wanted else [])], folder, given)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def tell(stories: list[write_points.Story], folder: Path, given: argparse.Namespace) -> int:
    """The same number of tries for each story, at points drawn without repetition as far as there are so many."""
    rng, wrong, tries, begun = random.Random(given.seed), list[str](), Counter[str](), time.monotonic()
    print(f"{'':24}{'points':>8}{'tries':>8}{'wrong':>8}{'s':>8}")
    for place, story in enumerate(stories):
        work, since = folder / "counted", time.monotonic()
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        story.prepare(work)
        counted = write_points.attempt(story.act, work)
        assert counted.status == 0, (story.name, counted.told)
        points = len(counted.points)
        share = given.tries // len(stories) + (place < given.tries % len(stories))
        drawn = [n for _ in range(-(-share // points)) for n in rng.sample(range(1, points + 1), points)][:share]
        before = len(wrong)
        for number in drawn:
            found = write_points.tried(story, folder, given.fault, number)
            print(*found, sep="\n", end="\n" * bool(found), flush=True)
            wrong += found
            tries[story.name] += 1
        spent = time.monotonic() - since
        print(f"{story.name:24}{points:8}{tries[story.name]:8}{len(wrong) - before:8}{spent:8.0f}", flush=True)
    spent = time.monotonic() - begun
    print(
        f"{given.fault}, seed {given.seed}: {sum(tries.values())} tries over {len(stories)} stories in {spent:.0f} s, "
        f"{len(wrong)} wrong{': see above' if wrong else ': nothing was lost, half, left or told wrongly'}"
    )
    return bool(wrong)
