"""Real crops through the headless verbs: base model, then 10 and 20 annotations from the masks, train, compare.

    python -m tests.benchmarks headless [--sets pombe yeast] [--base cell-full] [--seeds 3] [--annotations 10 20]

Annotated crops are the first of the run's own seeded selection; the test is on crops of other source images.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import numpy as np
from PIL import Image

CELLS = Path(__file__).resolve().parents[3] / "shared" / "data" / "cells"
SETS = {"pombe": ("pombe_bf_photophenosizer", 0.35), "yeast": ("yeast_wellslide_bf", 1.0)}
MEASURES = ("count_accuracy", "centroid_f1", "foreground_iou", "ap50")
TEST_CROPS = 200


def verb(*arguments: object) -> str:
    """Runs one verb of ours and returns what it printed."""
    command = [sys.executable, "-m", "tui_cytpix", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{' '.join(command)}\n{result.stderr}")
    return result.stdout


def shrunk(source: Path, target: Path, scale: float, resample: Image.Resampling) -> None:
    """Copies a picture, made smaller as the data's README says."""
    with Image.open(source) as picture:
        if scale == 1:
            shutil.copy(source, target)
            return
        size = (round(picture.width * scale), round(picture.height * scale))
        pixels = np.asarray(picture)
    if pixels.dtype == np.uint8:
        Image.fromarray(pixels).resize(size, resample).save(target)
        return
    # 16 bits: Pillow resamples them as 32-bit integers.
    small = Image.fromarray(pixels.astype(np.int32)).resize(size, resample)
    Image.fromarray(np.clip(np.asarray(small), 0, 65535).astype(np.uint16)).save(target)


def lay_out(name: str, seed: int, folder: Path) -> None:
    """train/, train-truth/, test/, test-truth/: split by source image."""
    dataset, scale = SETS[name]
    crops = json.loads((CELLS / dataset / "crops.json").read_text())
    random.Random(seed).shuffle(crops)
    sources = sorted({c["source"] for c in crops}, key=lambda s: -sum(c["source"] == s for c in crops))
    training = set(sources[:1]) if len(sources) == 2 else set(random.Random(seed).sample(sources, len(sources) // 2))
    test = [c for c in crops if c["source"] not in training][:TEST_CROPS]
    for part, chosen in (("train", [c for c in crops if c["source"] in training]), ("test", test)):
        (folder / part).mkdir()
        (folder / f"{part}-truth").mkdir()
        for crop in chosen:
            file = crop["file"]
            shrunk(CELLS / dataset / "images" / file, folder / part / file, scale, Image.Resampling.BICUBIC)
            shrunk(CELLS / dataset / "masks" / file, folder / f"{part}-truth" / file, scale, Image.Resampling.NEAREST)


def fine_tune(folder: Path, base: str, annotations: int, seed: int, checkpoint: str) -> tuple[str, float]:
    """A run on the training crops; returns the model's file and the seconds of training."""
    run = folder / f"run-{annotations}"
    verb("run", "new", run, "--sample", folder / "train", "--base", base, "--seed", seed)
    verb("run", "select", run, "--preview", 200)
    chosen = tomllib.loads((run / "run.toml").read_text())["selection"]
    events = [key.partition(":")[2] for key in [*chosen["random"], *chosen["variable"]]]
    random.Random(seed).shuffle(events)
    verb("run", "annotate", run, "--from-masks", folder / "train-truth", "--only", *events[:annotations])
    began = time.monotonic()
    verb("run", "train", run)
    seconds = time.monotonic() - began
    flags = ["--checkpoint", checkpoint] if checkpoint else []
    verb("run", "finish", run, "--name", f"bench-{annotations}", *flags)
    return str(run / "model.safetensors"), seconds


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="headless")
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--base", default="cell-full")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--annotations", type=int, nargs="+", default=[10, 20])
    parser.add_argument("--checkpoint", default="", help="best or last; default: what the app would take")
    options = parser.parse_args(arguments)
    if not CELLS.is_dir():
        raise SystemExit(f"real data is absent: {CELLS}")
    print(f"| set | annotations | {' | '.join(MEASURES)} | seconds |\n|{' --- |' * (len(MEASURES) + 3)}")
    for name in options.sets:
        rows: dict[int, list[dict[str, float]]] = {}
        for seed in range(options.seeds):
            with tempfile.TemporaryDirectory() as aside:
                os.environ["XDG_DATA_HOME"] = aside
                folder = Path(aside)
                lay_out(name, seed, folder)
                tuned = {n: fine_tune(folder, options.base, n, seed, options.checkpoint) for n in options.annotations}
                models = [options.base, *(path for path, _ in tuned.values())]
                flags = [part for model in models for part in ("--model", model)]
                told = json.loads(verb("compare", folder / "test", *flags, "--truth", folder / "test-truth", "--json"))[
                    "models"
                ]
                seconds = [float("nan"), *(s for _, s in tuned.values())]
                for count, result, took in zip([0, *options.annotations], told, seconds, strict=True):
                    rows.setdefault(count, []).append({**{m: result[m] for m in MEASURES}, "seconds": took})
        for count, results in rows.items():
            cells = [
                f"{np.mean(v):.3f} [{min(v):.3f}, {max(v):.3f}]" for m in MEASURES for v in [[r[m] for r in results]]
            ]
            print(
                f"| {name} | {count} | {' | '.join(cells)} | {np.mean([r['seconds'] for r in results]):.0f} |",
                flush=True,
            )
    return 0
