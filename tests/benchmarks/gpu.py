"""The GPU beside the CPU: the same answers, seconds an epoch, images a second of `process`, where the time goes.

    python -m tests.benchmarks gpu [--cpu] [--parts answers process stages batches overlap training]
        [--models cell-half cell-full] [--each 50] [--images 12000] [--processes 8 16] [--epochs 20] [--seconds 260]

All on simulated tubes, in less than five minutes on a machine with a CUDA device; a row that would begin after
`--seconds` is left out, and said so. Without such a device `--cpu` runs the CPU's half. A part that fails prints why,
and the next one begins.

The stated tolerance: of a few hundred images of six kinds each arithmetic of either device counts at least 99 % as the
CPU does in float32, and where they count alike the masks' mean intersection over union is at least 0.99. More can't be
asked for: a GPU adds up in another order, so the last bits of a probability differ, and bfloat16 keeps eight bits of
it; a count changes where an image lies on a threshold. (On CPUs bfloat16 changes 0.6 % of the counts: `speed`.) For the
same reason a model that was trained on a GPU is not the CPU's bit for bit; it is to be as right on unseen images. On
one device the same seed gives the same weights, and resuming those of never having stopped, bit for bit.

`GPU at work` is the share of time with a kernel at work, as nvidia-smi tells it; `cores` the processors kept busy, on
average, `writer's core` that of the one process that opens samples and writes. Stages and batches are wall-clock time
of one process that has the machine for itself.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

from tests.benchmarks import _cells, _stages, speed
from tests.benchmarks._agreement import KINDS
from tests.benchmarks._fitting import examples_of, zooms_of
from tests.benchmarks._gpu_watch import GpuWatch
from tests.benchmarks.training import (
    PREVIEW,
    TEST_SEED,
    annotated_run,
    epoch_lines,
    simulate,
    train_further,
)
from tui_cytpix.core.images.normalise import normalise
from tui_cytpix.core.objects.regions import mask_iou
from tui_cytpix.core.objects.size_cutoff import cut_labels_to_size
from tui_cytpix.core.statistics.agreement import compare_images
from tui_cytpix.core.statistics.model_scores import summarise
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.jobs.job import default_threads
from tui_cytpix.engine.jobs.workers import worker_count
from tui_cytpix.engine.network.device import device_name, usable_device
from tui_cytpix.engine.network.model import Model, load_model
from tui_cytpix.engine.predict import inference
from tui_cytpix.engine.predict.inference import Predictor, has_bf16
from tui_cytpix.engine.train.dataset import Example
from tui_cytpix.engine.train.rehearsal import rehearsal_for
from tui_cytpix.engine.train.trainer import FitSettings, Trainer, look
from tui_cytpix.formats.model.file import read_tensors

SAME_COUNTS, SAME_MASKS = 0.99, 0.99
ANNOTATED, UNSEEN, KIND, BASE = 20, 100, "leukocytes", "general-full"
FEW_EPOCHS = 4  # of the check that resuming changes nothing
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


class Bench:
    """What is asked for, and how much time is left for it."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given, self._began = given, time.monotonic()
        self.devices = [CPU] if given.cpu else [CPU, CUDA]
        self.folder = Path(tempfile.gettempdir()) / "tui-cytpix-speed"

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def has_time(self, what: str) -> bool:
        """Whether what would come next may begin; else it is said."""
        if self.seconds < self.given.seconds:
            return True
        print(f"left out after {self.seconds:.0f} s: {what}", flush=True)
        return False

    def head(self, *columns: str) -> None:
        print(f"\n({self.seconds:.0f} s)\n\n| {' | '.join(columns)} |\n|{' --- |' * len(columns)}", flush=True)

    def row(self, *cells: object) -> None:
        print(f"| {' | '.join(map(str, cells))} |", flush=True)


def path_of(model: str) -> Path:
    return speed.MODELS / f"{model}.safetensors"


# Answers


def answers(bench: Bench) -> None:
    """The same images, in all arithmetics of both devices."""
    crops = [crop for kind in KINDS for crop in _cells.tube(kind, 0, bench.given.each)]
    grays = [normalise(crop.image, crop.background) for crop in crops]
    bench.head(
        "model", "what", "beside", "images", "same count", "mean IoU", "least IoU", "right", "s", "within tolerance"
    )
    for name in bench.given.models:
        if not bench.has_time(f"answers of {name}"):
            return
        _answers_of(bench, name, crops, grays)


def _answers_of(bench: Bench, name: str, crops: Sequence[_cells.Crop], grays: Sequence[np.ndarray]) -> None:
    model = load_model(path_of(name))
    zooms = [zooms_of(model, crops)[crop.um_per_px] for crop in crops]
    cutoffs = [Predictor(model).cutoff_px(crop.um_per_px) for crop in crops]
    truth = [len(np.unique(cut_labels_to_size(c.labels, least))) - 1 for c, least in zip(crops, cutoffs, strict=True)]
    known: dict[str, list[Segmentation]] = {}

    def tell(what: str, device: torch.device, fast: bool, *beside: str) -> None:
        predictor = Predictor(model, device, fast)
        began = time.monotonic()
        told = [found for found, _ in predictor.predict_normalised(grays, cutoffs, zooms)]
        seconds = time.monotonic() - began
        known[what] = told
        right = np.mean([one.particle_count == count for one, count in zip(told, truth, strict=True)])
        for other in beside or ("",):
            *shown, good = _beside(told, known[other]) if other else ("", "", "", "")
            judged = good if other == "CPU float32" else ""
            bench.row(name, what, other, len(told), *shown, f"{right:.3f}", f"{seconds:.2f}", judged)

    tell("CPU float32", CPU, False)
    if has_bf16(CPU):
        tell("CPU bfloat16", CPU, True, "CPU float32")
    if bench.given.cpu:
        return
    tell("GPU float32", CUDA, False, "CPU float32")
    torch.backends.cudnn.allow_tf32 = True
    tell("GPU float32, TF32 allowed", CUDA, False, "CPU float32")
    torch.backends.cudnn.allow_tf32 = False
    if has_bf16(CUDA):
        tell("GPU bfloat16", CUDA, True, "CPU float32", *["CPU bfloat16"] * has_bf16(CPU), "GPU float32")
        tell("GPU bfloat16 again", CUDA, True, "GPU bfloat16")


def _beside(told: Sequence[Segmentation], other: Sequence[Segmentation]) -> tuple[str, str, str, str]:
    """Share of the same counts; mean and least IoU of the masks of images with the same count; whether that will do."""
    pairs = [(a.mask, b.mask) for a, b in zip(told, other, strict=True) if a.particle_count == b.particle_count]
    same, ious = len(pairs) / len(told), [mask_iou(a, b) if a.any() or b.any() else 1.0 for a, b in pairs]
    good = same >= SAME_COUNTS and np.mean(ious) >= SAME_MASKS
    return f"{same:.4f}", f"{np.mean(ious):.4f}", f"{np.min(ious):.3f}", "yes" if good else "NO"


# Process


def process(bench: Bench) -> None:
    """The whole job, for numbers of worker processes."""
    numbers, usual = bench.given.processes, worker_count(0)
    sample = speed.tube(bench.folder, bench.given.images)
    runs = [("cpu", max(numbers))]
    if not bench.given.cpu:
        runs = [*(("cuda", number) for number in sorted(numbers, key=lambda number: number != usual)), *runs]
    bench.head(
        "model",
        "device",
        "processes",
        "images",
        "images/s",
        "with start-up",
        "start-up s",
        "cores",
        "writer's core",
        "MiB",
        "GPU MiB",
        "GPU at work",
    )
    for device, number in runs:
        for name in bench.given.models:
            if bench.has_time(f"process, {name}, {device}, {number} processes"):
                _guarded(lambda *asked: _process_row(bench, *asked), name, device, number, sample)


def _process_row(bench: Bench, name: str, device: str, number: int, sample: Path) -> None:
    with tempfile.TemporaryDirectory() as out, GpuWatch() as watch:
        run = speed.process(name, sample, Path(out) / "out", number, device)
    gpu = (watch.mebibytes(), watch.at_work(run.started, run.started + run.working)) if device == "cuda" else ("", "")
    bench.row(
        name,
        run.device,
        number,
        run.images,
        f"{run.images / run.working:.0f}",
        f"{run.images / run.seconds:.0f}",
        f"{run.seconds - run.working:.1f}",
        f"{run.cpu / run.seconds:.1f}",
        f"{run.writer_cpu / run.seconds:.2f}",
        f"{run.mebibytes:.0f}",
        *gpu,
    )


# Where the time goes


def stages(bench: Bench) -> None:
    """One worker's wall-clock time by stage."""
    sample = speed.tube(bench.folder, speed.DRAWN)
    columns = [(name, device) for name in bench.given.models for device in bench.devices]
    found = [
        _stages.milliseconds(path_of(name), sample, speed.UM_PER_PX, bench.given.staged, device.type, time.perf_counter)
        for name, device in columns
    ]
    bench.head("ms an image", *(f"{name}, {device.type}" for name, device in columns))
    for stage in found[0]:
        bench.row(stage, *(f"{spent[stage]:.3f}" for spent in found))
    bench.row("all", *(f"{sum(spent.values()):.3f}" for spent in found))


def batches(bench: Bench) -> None:
    """What the network itself takes of a tube's crops: transfer, network, transfer back, and what batches of sizes
    never seen before cost.
    """
    bench.head(
        "model",
        "device",
        "batches",
        "images",
        "sizes",
        "pass",
        "to the device",
        "network",
        "back",
        "ms an image",
        "MiB of torch",
    )
    torch.set_num_threads(1)  # as a worker
    for name in bench.given.models:
        model = load_model(path_of(name))
        inputs = _inputs(model, bench.given.staged)
        ways = {"as they come": inputs, "filled up to 8, 16, 32, ...": [_filled(one) for one in inputs]}
        for device in bench.devices:
            for way, parts in ways.items():
                if bench.has_time(f"batches, {name}, {device.type}, {way}"):
                    _pass_rows(bench, f"{name}, {way}", model, device, parts)


def overlap(bench: Bench) -> None:
    """What a worker takes where the next batches are cut while so many are before the GPU."""
    bench.head("model", "device", "batches ahead", "images", "ms an image")
    torch.set_num_threads(1)
    crops = _cells.tube(KIND, 0, bench.given.staged)
    grays = [normalise(crop.image, crop.background) for crop in crops]
    for name in bench.given.models:
        model = load_model(path_of(name))
        for device in bench.devices:
            predictor = Predictor(model, device)
            plans = [predictor.plan(gray, 1.0) for gray in grays]
            for ahead in (0, 1, inference.GPU_AHEAD, 2 * inference.GPU_AHEAD):
                predictor._ahead = ahead
                taken = []
                for _ in range(4):
                    began = time.perf_counter()
                    predictor.found(plans, [0.0] * len(plans))
                    taken.append(time.perf_counter() - began)
                bench.row(name, device.type, ahead, len(plans), f"{1000 * min(taken[1:]) / len(plans):.3f}")


def _inputs(model: Model, images: int) -> list[np.ndarray]:
    """The network's batches of a tube's images, by chunks of 256 and 100 in turn."""
    crops = _cells.tube(KIND, 0, images)
    grays = [normalise(crop.image, crop.background) for crop in crops]
    seen: list[np.ndarray] = []
    predictor = Predictor(model)
    predictor._batch_pixels = 64 * 256 * 256

    def note(batch: np.ndarray) -> inference._Coming:
        seen.append(batch)
        return inference._Coming(torch.zeros(len(batch), 3, *batch.shape[2:]))

    with mock.patch.object(predictor, "_begin", note):
        start = 0
        for size in [100, 256] * len(grays):
            part = grays[start : start + size]
            start += size
            if part:
                predictor.find(part, [0.0] * len(part), [1.0] * len(part))
    return seen


def _filled(batch: np.ndarray) -> np.ndarray:
    """With empty crops up to a power of two, so that fewer sizes come up."""
    more = max(8, 1 << (len(batch) - 1).bit_length()) - len(batch)
    return np.concatenate([batch, np.zeros((more, *batch.shape[1:]), np.float32)])


def _pass_rows(bench: Bench, name: str, model: Model, device: torch.device, inputs: Sequence[np.ndarray]) -> None:
    predictor = Predictor(model, device)
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    for number in (1, 2, 3):
        spent = np.zeros(3)
        for batch in inputs:
            with torch.inference_mode():
                times = [time.perf_counter()]
                x = torch.from_numpy(batch).to(device, predictor.dtype).contiguous(memory_format=torch.channels_last)
                wait()
                times.append(time.perf_counter())
                y = predictor._net(x).float().contiguous()
                wait()
                times.append(time.perf_counter())
                y.cpu().numpy()
                times.append(time.perf_counter())
            spent += np.diff(times)
        each = 1000 * spent / bench.given.staged
        memory = f"{torch.cuda.max_memory_reserved() / 2**20:.0f}" if device.type == "cuda" else ""
        bench.row(
            name,
            device.type,
            len(inputs),
            bench.given.staged,
            len({batch.shape for batch in inputs}),
            number,
            *(f"{ms:.3f}" for ms in each),
            f"{each.sum():.3f}",
            memory,
        )


# Training


def training(bench: Bench) -> None:
    """Twenty annotated images, in this process and by the job itself."""
    base = load_model(path_of(BASE))
    annotated, unseen = _cells.tube(KIND, 1, ANNOTATED), _cells.tube(KIND, 2, UNSEEN)
    zooms = zooms_of(base, annotated)
    examples, held_out = examples_of(annotated, zooms, base.card.size_cutoff_um)
    _guarded(_resumed, bench, base, examples)
    if bench.has_time("training in this process"):
        _guarded(_trained, bench, base, (examples, held_out), unseen)
    if bench.has_time("the training job"):
        _guarded(_training_jobs, bench)


def _trainer(base: Model, device: torch.device, examples: Sequence[Example]) -> Trainer:
    trainer = Trainer(base, FitSettings(), 0, device)
    trainer.rehearsed = rehearsal_for(base, examples, device)
    return trainer


def _resumed(bench: Bench, base: Model, examples: Sequence[Example]) -> None:
    """Whether the same seed gives the same weights, and resuming those of never having stopped."""
    bench.head("device", "what", "the same weights", "largest difference", "loss", "s")
    states: dict[str, dict[str, np.ndarray]] = {}

    def epochs(trainer: Trainer, number: int) -> float:
        return [trainer.train_epoch(examples) for _ in range(number)][-1]

    def tell(device: torch.device, what: str, trainer: Trainer, loss: float, began: float, other: str) -> None:
        state, known = trainer.state(), states[other]
        same = all(np.array_equal(state[key], known[key]) for key in known)
        apart = max(float(np.abs(state[k] - known[k]).max()) for k in known if k.startswith("averaged."))
        seconds = time.monotonic() - began
        bench.row(device.type, what, "yes" if same else "NO", f"{apart:.2g}", f"{loss:.5f}", f"{seconds:.1f}")

    for device in bench.devices:
        began = time.monotonic()
        first = _trainer(base, device, examples)
        epochs(first, FEW_EPOCHS // 2)
        states[f"{device.type} half"] = first.state()
        loss = epochs(first, FEW_EPOCHS // 2)
        states[device.type] = first.state()
        tell(device, f"{FEW_EPOCHS} epochs, from the start (beside itself)", first, loss, began, device.type)
        began, second = time.monotonic(), _trainer(base, device, examples)
        tell(device, "once more", second, epochs(second, FEW_EPOCHS), began, device.type)
        began, third = time.monotonic(), _trainer(base, device, examples)
        third.restore(states[f"{device.type} half"])
        tell(device, "resumed after half of them", third, epochs(third, FEW_EPOCHS // 2), began, device.type)
    for device, other in [(CUDA, CPU), (CPU, CUDA)] if not bench.given.cpu else []:
        began, trainer = time.monotonic(), _trainer(base, device, examples)
        trainer.restore(states[f"{other.type} half"])
        loss = epochs(trainer, FEW_EPOCHS // 2)
        tell(device, f"resumed from the other device's half (beside {other.type})", trainer, loss, began, other.type)


def _trained(
    bench: Bench, base: Model, sides: tuple[Sequence[Example], Sequence[Example]], unseen: Sequence[_cells.Crop]
) -> None:
    bench.head(
        "device",
        "threads",
        "epochs",
        "first epoch s",
        "epoch s",
        "of it the look s",
        "TA",
        "VA",
        f"count of {len(unseen)} unseen",
        "F1",
        "IoU",
        "same counts as the CPU's",
        "MiB of torch",
    )
    zooms, counts = zooms_of(base, unseen), {}
    for device in bench.devices:
        trainer, taken, looked = _trainer(base, device, sides[0]), [], []
        for _ in range(bench.given.epochs):
            began = time.monotonic()
            trainer.train_epoch(sides[0])
            middle, predictor = time.monotonic(), trainer.predictor()
            (ta, _), (va, _) = look(predictor, sides[0]), look(predictor, sides[1])
            taken.append(time.monotonic() - began)
            looked.append(time.monotonic() - middle)
        grays = [normalise(crop.image, crop.background) for crop in unseen]
        cutoffs = [predictor.cutoff_px(crop.um_per_px) for crop in unseen]
        told = predictor.predict_normalised(grays, cutoffs, [zooms[crop.um_per_px] for crop in unseen])
        found = [segmentation for segmentation, _ in told]
        counts[device] = np.array([one.particle_count for one in found])
        bench.row(
            device_name(device),
            torch.get_num_threads(),
            bench.given.epochs,
            f"{taken[0]:.2f}",
            f"{np.median(taken[1:] or taken):.3f}",
            f"{np.median(looked[1:] or looked):.3f}",
            f"{ta.mean:.3f}",
            f"{va.mean:.3f}",
            *_measures(found, unseen, cutoffs),
            f"{np.mean(counts[device] == counts[CPU]):.3f}",
            f"{torch.cuda.max_memory_reserved() / 2**20:.0f}" if device.type == "cuda" else "",
        )


def _measures(
    found: Sequence[Segmentation], crops: Sequence[_cells.Crop], cutoffs: Sequence[float]
) -> tuple[str, str, str]:
    """Count accuracy, F1 of the centroids, IoU of the foreground."""
    told = summarise([compare_images(c.labels, s, least) for c, s, least in zip(crops, found, cutoffs, strict=True)])
    count, f1, iou = (f"{told[name]:.3f}" for name in ("count_accuracy", "centroid_f1", "foreground_iou"))
    return count, f1, iou


def _training_jobs(bench: Bench) -> None:
    """`run train` on each device, in one go and in two jobs."""
    epochs = max(2, bench.given.epochs // 2)
    bench.head(
        "device",
        "jobs of epochs",
        "epoch s",
        "all s",
        "processor s",
        "TA",
        "VA",
        "weights as in one go",
        "GPU MiB",
    )
    with tempfile.TemporaryDirectory() as aside, mock.patch.dict(os.environ, {"XDG_DATA_HOME": aside}):
        sample, fresh = Path(aside) / KIND, Path(aside) / "run"
        simulate(KIND, sample, PREVIEW, TEST_SEED)
        annotated_run(fresh, sample, BASE, 0, ANNOTATED)
        for device in reversed(bench.devices):
            weights: dict[str, np.ndarray] = {}
            for jobs in ([epochs], [epochs // 2, epochs - epochs // 2]):
                if bench.has_time(f"training jobs on {device.type}"):
                    run = Path(aside) / f"run-{device.type}-{len(jobs)}"
                    shutil.copytree(fresh, run)
                    weights = _job_row(bench, run, device.type, jobs, weights)


def _job_row(
    bench: Bench, run: Path, device: str, jobs: Sequence[int], known: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    with GpuWatch() as watch:
        taken = np.sum([train_further(run, number, "--device", device, "--no-check") for number in jobs], axis=0)
    lines, weights = epoch_lines(run), read_tensors(run / "checkpoints" / "last.safetensors")
    same = all(np.array_equal(weights[name], value) for name, value in known.items())
    bench.row(
        device,
        " + ".join(map(str, jobs)),
        f"{np.median([line['seconds'] for line in lines[1:] or lines]):.3f}",
        *(f"{seconds:.1f}" for seconds in taken),
        f"{lines[-1]['ta']:.3f}",
        f"{lines[-1]['va']:.3f}",
        ("yes" if same else "NO") if known else "",
        watch.mebibytes() if device == "cuda" else "",
    )
    return weights


PARTS: dict[str, Callable[[Bench], None]] = {
    "answers": answers,
    "process": process,
    "stages": stages,
    "batches": batches,
    "overlap": overlap,
    "training": training,
}


def _guarded(work: Callable[..., None], *arguments: Any) -> None:
    """A part that fails does not stop the others."""
    try:
        work(*arguments)
    except (Exception, SystemExit):
        traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(
        prog="gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cpu", action="store_true", help="the CPU's half alone")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--models", nargs="+", default=["cell-half", "cell-full"])
    parser.add_argument("--each", type=int, default=50, help="images of each kind whose answers are compared")
    parser.add_argument("--images", type=int, default=12000, help="of the tube that is processed")
    parser.add_argument("--processes", nargs="+", type=int, default=[8, 16])
    parser.add_argument("--staged", type=int, default=speed.DRAWN, help="images whose stages are timed")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=260, help="no row begins later")
    given = parser.parse_args(arguments)
    if not given.cpu and not torch.cuda.is_available():
        print("There is no CUDA device here, so nothing can be compared: --cpu runs the CPU's half of each table.")
        return 1
    bench = Bench(given)
    print(f"{len(os.sched_getaffinity(0))} processors, load {os.getloadavg()[0]:.1f}, torch {torch.__version__},")
    for device in bench.devices:
        usable_device(device.type, default_threads())
        kind = "bfloat16" if has_bf16(device) else "float32"
        print(f"{device_name(device)}: {kind}, {torch.get_num_threads()} threads")
    for name in given.parts:
        if bench.has_time(name):
            torch.set_num_threads(default_threads())
            _guarded(PARTS[name], bench)
    print(f"\n{bench.seconds:.0f} s in all.")
    return 0
