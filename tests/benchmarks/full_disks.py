"""A disk that fills, or a kill, at every write point of every verb that writes and of the app, and what was lost.

    python -m tests.benchmarks full_disks [--tries 200] [--fault full|kill] [--only STORY ...] [--seed 0] [--no-engines]

What must hold: no decision that was there or shown as saved is lost, no file is half under its final name, a full disk
is told as one, the same again without a fault works, and nothing temporary is left after that.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from tests.faults import write_points
from tests.faults.app_story import app_story


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="full_disks", description=__doc__)
    parser.add_argument("--tries", type=int, default=200)
    parser.add_argument("--fault", choices=("full", "kill"), default="full")
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-engines", action="store_true")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="cytpix-faults-"))
    try:
        write_points.loaded()
        write_points.make(folder / "made")
        stories = [
            story
            for story in (*write_points.stories(folder / "made", engines=not given.no_engines), app_story())
            if not given.only or story.name in given.only
        ]
        return tell(stories, folder, given)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def tell(stories: list[write_points.Story], folder: Path, given: argparse.Namespace) -> int:
    """The same number of tries for each story, at points drawn without repetition as far as there are so many."""
    rng, wrong, tries = random.Random(given.seed), list[str](), Counter[str]()
    print(f"{'':16}{'points':>8}{'tries':>8}{'wrong':>8}")
    for place, story in enumerate(stories):
        work = folder / "counted"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        story.prepare(work)
        points = len(write_points.attempt(story.act, work).points)
        share = given.tries // len(stories) + (place < given.tries % len(stories))
        drawn = [n for _ in range(-(-share // points)) for n in rng.sample(range(1, points + 1), points)][:share]
        before = len(wrong)
        for number in drawn:
            found = write_points.tried(story, folder, given.fault, number)
            print(*found, sep="\n", end="\n" * bool(found), flush=True)
            wrong += found
            tries[story.name] += 1
        print(f"{story.name:16}{points:8}{tries[story.name]:8}{len(wrong) - before:8}", flush=True)
    print(f"{given.fault}: {sum(tries.values())} tries, {len(wrong)} wrong")
    print("see above" if wrong else "nothing was lost, half, left or told wrongly")
    return bool(wrong)
