"""Is `cell-half` good enough for these cells? The whole of step 1 by keys in tmux, and what triage offers then.

    python -m tests.benchmarks verdict_stories [--model cell-half] [--kinds murine-peritoneal,...] [--iou 0.7]

The stories of `verdicts`, typed into the real app: a new run on the tube, goal, model, processing, one key an image by
a reviewer that reads the event's number off the screen and knows its truth, until the app says keep or retrain; then
triage of the tube from the home screen. A line each: the verdict and on what, the images looked at, all keys, seconds
of wall-clock (this machine's, with whatever else it does) and what they come to with a second for each look.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.terminal_bytes import ROOT
from tests.benchmarks.verdicts import SEED, STORIES, judgement
from tui_cytpix.domain.run_settings import GOALS
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.verdict import Judgement
from tui_cytpix.formats.masks.label_images import find_label_images, read_label_image, segmentation_from_labels
from tui_cytpix.formats.run.folder import RunFolder
from tui_cytpix.formats.run.predictions import PredictionStore
from tui_cytpix.simulate import write
from tui_cytpix.workflow.base_model import library

EXPECTED = {"murine-peritoneal": "keep", "drosophila": "keep", "pombe-rich": "retrain"}
OFFERED = {"pombe-rich": "general-full"}
LOOKS = 400  # images processed; a tenth of doublets, without an error, takes 360 for gating
SECONDS = 300
PATIENCE = 300.0  # triage asks all models, on a machine that may be busy
KEYS = {Judgement.ACCEPTABLE: "a", Judgement.COUNT_ERROR: "c", Judgement.MASK_ERROR: "m", Judgement.BOTH: "b"}
SIZE, BESIDE = (120, 40), 46  # columns and rows; columns of the words beside an image in review
VERDICTS = {"keep": r"will do: keep it", "retrain": r"errs too often", "not yet known": r"Not yet known|Judge at least"}
WORD = r"(Keep this model|Retrain): ([^.]*)\."


class Typist:
    """The app in tmux; counts the keys."""

    def __init__(self, folder: Path) -> None:
        sys.path.insert(0, str(ROOT / "tests" / "terminal"))
        import terminals
        from terminals import Terminal, environment

        terminals.PATIENCE = PATIENCE
        self.window = Terminal(folder, environment(folder / "home"), size=SIZE)
        self.keys = 0

    def press(self, keys: str) -> None:
        """By tmux's names, with blanks between."""
        self.window.press(keys)
        self.keys += len(keys.split())

    def decide(self, key: str) -> None:
        """About the image that is shown."""
        self.window.decide(key)
        self.keys += 1

    def answer(self, question: str, text: str | None = None) -> None:
        """A docked question."""
        self.window.answer(question, text)
        self.keys += 1 if text is None else 2 + len(text)  # the line is emptied first

    def wait(self, *patterns: str) -> str:
        """Until they are shown; returns the screen."""
        found: str = self.window.wait(*patterns)
        return found

    def wait_beside(self, *patterns: str) -> str:
        """Until they are shown in the words beside the image; returns those."""
        from terminals import until

        until(
            lambda: all(re.search(p, self._beside()) for p in patterns), lambda: f"{patterns}\n{self.window.screen()}"
        )
        return self._beside()

    def _beside(self) -> str:
        return " ".join(" ".join(row[SIZE[0] - BESIDE :] for row in self.window.screen().splitlines()[2:]).split())


@dataclass(frozen=True)
class Story:
    """What came of one."""

    verdict: str
    because: str
    looked_at: int
    keys: int
    seconds: float
    offered: str


def play(folder: Path, kind: str, goal: str, given: argparse.Namespace) -> Story:
    """One story."""
    tube = folder / f"{kind}.acs"
    write(kind, tube, LOOKS, "acs", SEED)
    found = find_label_images(Path(f"{tube}.truth"))
    truth = {event: segmentation_from_labels(read_label_image(label)) for event, label in found.items()}
    begun, typist = time.monotonic(), Typist(folder)
    try:
        _prepare(typist, tube.name, goal, given.model, LOOKS)
        looked_at, because = _review(typist, folder / "run", kind, truth, given)
        typist.press("q")
        told = typist.wait("⏎ Enlarge", "|".join(VERDICTS.values()))
        verdict = next(name for name, words in VERDICTS.items() if re.search(words, told))
        typist.press("q")
        typist.wait("Recent runs")
        typist.press("t")
        typist.answer("Which model for this sample", tube.name)
        told = typist.wait(r"is the most promising|can't|No model")
        offered = re.search(r"(\S+) is the most promising", told)
        seconds = time.monotonic() - begun
        return Story(verdict, because, looked_at, typist.keys, seconds, offered[1] if offered else "nothing")
    finally:
        typist.window.close()


def _prepare(typist: Typist, tube: str, goal: str, model: str, images: int) -> None:
    """A run on the tube, its goal, the model to judge, images processed."""
    typist.wait("n starts one")
    typist.press("n")
    typist.answer(r"Sample \(", tube)
    typist.answer("Folder of the run", "run")
    typist.wait("▸1 Assess", "⏎ Choose")
    typist.press(" ".join(["j"] * [g.name for g in GOALS].index(goal) + ["Enter"]))
    for question in ("Plainly good", "Intolerable:", "What must the model get right", "Counting convention"):
        typist.answer(question)
    typist.wait("processes random images")
    typist.press("m")
    names = [entry.card.name for entry in library.library()]
    typist.wait("Which model shall be judged")
    typist.press(" ".join(["g"] + ["j"] * names.index(model) + ["Enter"]))
    typist.wait(f"processes random images with {model}")
    typist.press("p")
    typist.answer("Process how many", str(images))
    typist.wait("judges the images one by one: are the centroids right")


def _review(
    typist: Typist, run: Path, sample: str, truth: dict[str, Segmentation], given: argparse.Namespace
) -> tuple[int, str]:
    """One key an image until the pane beside it says what is decided; (images, which parts decided)."""
    said = PredictionStore(RunFolder(run).predictions(library.find(given.model).hash))
    typist.press("v")
    number = 0
    while True:
        number += 1
        told = typist.wait_beside(rf"^{number} of \d+ .*You say: not judged")
        event = told.split()[3]
        answer = said.get(ImageKey(sample, event))
        assert answer is not None, event
        typist.decide(KEYS[judgement(answer, truth[event], given.iou)])
        told = typist.wait_beside(rf"^{number + 1} of \d+ |You say: (?!not)", rf"Count: .* of {number} \(")
        word = re.search(WORD, told)
        if word or f"of {number} {event}" in told:
            return number, word[2] if word else "all images judged"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="verdict_stories", description=__doc__)
    parser.add_argument("--model", default="cell-half")
    parser.add_argument("--kinds", default=",".join(kind for kind, _ in STORIES))
    parser.add_argument("--iou", type=float, default=0.7)
    given = parser.parse_args(arguments)
    head = ("story", "verdict", "by", "looks", "keys", "s", "s + 1 s a look", "triage offers", "as expected")
    print(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    missed = 0
    for kind, goal in STORIES:
        if kind in given.kinds.split(","):
            with tempfile.TemporaryDirectory() as folder:
                found = play(Path(folder), kind, goal, given)
            with_looks = found.seconds + found.looked_at
            right = found.verdict == EXPECTED[kind] and found.offered == OFFERED.get(kind, found.offered)
            right = right and found.seconds < SECONDS
            missed += not right
            cells: tuple[Any, ...] = (f"{kind}, {goal}", found.verdict, found.because, found.looked_at, found.keys)
            cells += (f"{found.seconds:.0f}", f"{with_looks:.0f}", found.offered, "yes" if right else "NO")
            print(f"| {' | '.join(map(str, cells))} |", flush=True)
    return missed > 0
