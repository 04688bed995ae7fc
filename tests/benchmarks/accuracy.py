"""How well the built-in models do on real crops: as they are, and fine-tuned on 10 and 20 annotated ones.

    python -m tests.benchmarks accuracy [--base cell-full cell-half] [--sets yeast pombe] [--annotations 10 20]

Crops are split by their source image: annotations from some, the test on crops of the others. `pombe` trains on the
source with more crops, `pombe-swap` the other way round. Prints a Markdown table, one line per model, set and number of
annotations: the mean over the seeds, the lowest and the highest in brackets. FINDINGS.md has what a first try reached.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from tui_cytpix.core.background import image_background
from tui_cytpix.core.matching import compare_images, summarise
from tui_cytpix.engine.dataset import example
from tui_cytpix.engine.inference import Predictor
from tui_cytpix.engine.model import Model, load_model
from tui_cytpix.engine.trainer import FitSettings, Trainer, look
from tui_cytpix.formats.masks import segmentation_from_labels

ROOT = Path(__file__).resolve().parents[2]
CELLS = ROOT.parent / "shared" / "data" / "cells"
SETS = {
    "yeast": ("yeast_wellslide_bf", 1.0),
    "pombe": ("pombe_bf_photophenosizer", 0.35),
    "pombe-swap": ("pombe_bf_photophenosizer", 0.35),
}
MEASURES = ("count_accuracy", "foreground_iou", "centroid_f1", "ap50")
EPOCHS, TEST_CROPS = 100, 200


@dataclass(frozen=True)
class Crop:
    """One crop with its labels; `source` is the image that it was cut from."""

    source: str
    image: np.ndarray
    background: np.ndarray
    labels: np.ndarray


def load(name: str, shrink: float) -> list[Crop]:
    """All crops of a set; shrunk as data/README.md says."""
    crops = []
    for entry in json.loads((CELLS / name / "crops.json").read_text()):
        image = cv2.imread(str(CELLS / name / "images" / entry["file"]), cv2.IMREAD_UNCHANGED)
        labels = cv2.imread(str(CELLS / name / "masks" / entry["file"]), cv2.IMREAD_UNCHANGED)
        if shrink != 1:
            size = (round(image.shape[1] * shrink), round(image.shape[0] * shrink))
            image = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
            labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
        crops.append(Crop(entry["source"], image, image_background(image), labels.astype(np.uint16)))
    return crops


def split(crops: list[Crop], annotations: int, seed: int, name: str) -> tuple[list[Crop], list[Crop]]:
    """`annotations` crops of some sources, and up to 200 of the others."""
    rng = np.random.default_rng([seed, annotations])
    counts = Counter(crop.source for crop in crops)
    sources = sorted(counts)
    rng.shuffle(sources)
    if name.startswith("pombe"):
        sources.sort(key=lambda s: counts[s], reverse=name == "pombe")
    used: list[str] = []
    while sum(counts[s] for s in used) < annotations:
        used.append(sources[len(used)])
    inside = [crop for crop in crops if crop.source in used]
    outside = [crop for crop in crops if crop.source not in used]
    chosen = [inside[i] for i in rng.permutation(len(inside))[:annotations]]
    return chosen, [outside[i] for i in rng.permutation(len(outside))[:TEST_CROPS]]


def measure(model: Model, crops: list[Crop]) -> dict[str, float]:
    """PRODUCT section 6, without a size cutoff: the scale is unknown."""
    answers = Predictor(model).predict([(crop.image, crop.background) for crop in crops])
    summary = summarise(
        [compare_images(crop.labels, s.mask, s.centroids) for crop, (s, _) in zip(crops, answers, strict=True)]
    )
    return {name: float(summary[name]) for name in MEASURES}


def fine_tune(base: Model, crops: list[Crop], seed: int, settings: FitSettings) -> Model:
    """As a run does: a fifth held out, 100 epochs, accuracies each epoch; the averaged weights at the end."""
    examples = [example(c.image, c.background, segmentation_from_labels(c.labels)) for c in crops]
    held_out = [e for i, e in enumerate(examples) if i % 5 == 4]
    training = [e for i, e in enumerate(examples) if i % 5 != 4]
    trainer = Trainer(base, settings, seed)
    for _ in range(EPOCHS):
        trainer.train_epoch(training)
        predictor = trainer.predictor()
        look(predictor, training)
        look(predictor, held_out)
    return trainer.model()


def line(name: str, what: str, tested: int, results: list[dict[str, float]], seconds: float) -> str:
    """One row of the table."""
    cells = []
    for measure_name in MEASURES:
        values = [r[measure_name] for r in results]
        spread = f" ({min(values):.2f}-{max(values):.2f})" if len(values) > 1 else ""
        cells.append(f"{np.mean(values):.3f}{spread}")
    return f"| {name} | {what} | {tested} | {' | '.join(cells)} | {seconds:.0f} |"


def main(arguments: list[str] | None = None) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", nargs="+", default=["cell-full", "cell-half"], help="built-in models or model files")
    parser.add_argument("--sets", nargs="+", choices=sorted(SETS), default=["yeast", "pombe"])
    parser.add_argument("--annotations", nargs="*", type=int, default=[10, 20])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    print("| model | set, annotations | test crops | count | IoU | centroid F1 | AP50 | s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for base in given.base:
        path = (
            Path(base) if base.endswith(".safetensors") else ROOT / "tui_cytpix" / "base_models" / f"{base}.safetensors"
        )
        model = load_model(path)
        for name in given.sets:
            crops = load(*SETS[name])
            start = time.perf_counter()
            before = measure(model, crops)
            print(line(path.stem, f"{name}, 0", len(crops), [before], time.perf_counter() - start), flush=True)
            for number in given.annotations:
                results, start = [], time.perf_counter()
                for seed in range(given.seeds):
                    chosen, test = split(crops, number, seed, name)
                    results.append(measure(fine_tune(model, chosen, seed, FitSettings()), test))
                seconds = (time.perf_counter() - start) / given.seeds
                print(line(path.stem, f"{name}, {number}", len(test), results, seconds), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
