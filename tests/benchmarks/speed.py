"""Images a second of `process`, peak memory, where a worker's time goes, and how many counts its shortcuts change.

    python -m tests.benchmarks speed [--images 4000] [--models cell-half cell-full] [--threads 0] [--agreement 60]

A simulated `.acs` of 248 x 248 frames: 300 leukocytes' images, repeated under new event ids, processed to FCS and CSV
by a process of its own. `--images 30000` is a tube as large as they usually get: `s` is from the start of the process
to its end, `MiB` of it and its workers, which should be those of the smaller tube. Wall-clock on a shared machine says
little: the rates are also given per CPU second, and as ratios to a matrix product and to a decode loop timed in the
same run. The tube's noise is white: where noise is blotchy, more of a frame differs from the background and is looked
at.

The last table tells what bfloat16 and region-first inference change, each by itself, and which side is right. On whole
frames the network sees things in noise now and then; where an image equals its background there is nothing,
so these are counted apart.

How much of its surroundings the network should see with a region (`crops.MARGIN`): of 643 images of six simulated kinds
and six real sets, counts in bfloat16 that differ from whole frames in float32, noise apart, and how many of these are
right before and after:

| | 0.75 | 1 | 1.5 | 2 |
| --- | --- | --- | --- | --- |
| cell-half | 9: 0, 9 | 8: 0, 8 | 4: 0, 4 | 4: 0, 4 |
| cell-full | 3: 1, 2 | 3: 1, 2 | 3: 1, 2 | 4: 1, 3 |
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import tui_cytpix
from tests import job_files
from tui_cytpix import simulate
from tui_cytpix.formats.fcs.write import write_fcs_new
from tui_cytpix.formats.sample.registry import open_sample

KIND, DRAWN, SEED, UM_PER_PX = "leukocytes", 300, 6, 0.3
ALL_EVENTS = 4  # events of the tube for each imaged one
MODELS = Path(tui_cytpix.__file__).parent / "base_models"
POLL_SECONDS = 1.0  # a look at the memory takes 20 ms of a processor, which the workers then lack
POLLS = 10  # of used processor time for each look at the memory


def tube(folder: Path, images: int) -> Path:
    """An `.acs` of so many images, made once in `folder`."""
    drawn, path = folder / f"{KIND}-{SEED}.acs", folder / f"{KIND}-{SEED}-{images}.acs"
    folder.mkdir(parents=True, exist_ok=True)
    if not drawn.exists():
        simulate.write(KIND, drawn, DRAWN, "acs", SEED)
    if path.exists():
        return path
    fcs = folder / f"{path.stem}.fcs"
    events = np.arange(1, ALL_EVENTS * images + 1, dtype=np.float32)
    flags = (events % ALL_EVENTS == 1).astype(np.float32)
    write_fcs_new(fcs, ["Event", "ImageFlag"], [events, flags], {})
    aside = path.with_suffix(".part")
    with zipfile.ZipFile(drawn) as source, zipfile.ZipFile(aside, "w") as target:
        contents = [source.read(name) for name in source.namelist() if name.endswith(".tif")]
        for number in range(images):
            target.writestr(f"{ALL_EVENTS * number + 1}.tif", contents[number % DRAWN])
        target.write(fcs, fcs.name)
    aside.replace(path)
    return path


@dataclass(frozen=True)
class Run:
    """Of one `process`: seconds of wall time with and without start-up, CPU seconds of all its processes and of the one
    that writes, MiB of all, the clock's time when it began to work, and where it computed.
    """

    images: int
    seconds: float
    working: float
    cpu: float
    writer_cpu: float
    mebibytes: float
    started: float
    device: str


def process(model: str, sample: Path, out: Path, threads: int, device: str = "cpu") -> Run:
    """Runs the engine on a sample, to FCS and CSV."""
    spec = {
        "kind": "process",
        "samples": [{"name": "tube", "path": str(sample), "um_per_px": UM_PER_PX}],
        "model": str(MODELS / f"{model}.safetensors"),
        "out": str(out),
        "formats": ["fcs", "csv"],
        "device": device,
        "threads": threads,
    }
    job = job_files.create(out / ".job" / "process", spec)
    began = time.monotonic()
    child = subprocess.Popen([sys.executable, "-P", "-m", "tui_cytpix.engine", str(job.path)])
    memory = Memory(child.pid)
    if child.wait():
        raise SystemExit(f"{model}: {job_files.events(job)[-1]}")
    seconds = time.monotonic() - began
    started, end = (next(e for e in job_files.events(job) if e["type"] == kind) for kind in ("started", "finished"))
    working = end["time"] - started["time"]
    peak = memory.peak()
    cpu = sum(memory.cpu.values())
    return Run(end["processed"], seconds, working, cpu, memory.cpu[child.pid], peak, started["time"], started["device"])


class Memory:
    """Watches the resident memory of a process and its children; pages that they share are counted once (PSS): what the
    tree takes of the machine's memory, where a sum of resident sizes would count what workers share several times.
    `cpu`: of each the seconds of the processor that it had used when it was last looked at, ten times a second. The
    workers' end isn't waited for by the job, so that its own account of its children lacks them.
    """

    def __init__(self, pid: int) -> None:
        self._pid, self._peak, self._done, self.cpu = pid, 0.0, threading.Event(), {pid: 0.0}
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        looks = 0
        while not self._done.wait(POLL_SECONDS / POLLS):
            for pid in _family(self._pid):
                self.cpu[pid] = max(self.cpu.get(pid, 0.0), cpu_seconds(pid))
            if looks % POLLS == 0:
                self._peak = max(self._peak, sum(_pss(pid) for pid in _family(self._pid)))
            looks += 1

    def peak(self) -> float:
        """MiB, the largest sum seen."""
        self._done.set()
        self._thread.join()
        return self._peak / 1024


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(member for child in children for member in _family(int(child)))]


def _pss(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return float(next((line.split()[1] for line in lines if line.startswith("Pss:")), 0))


def cpu_seconds(pid: int) -> float:
    """That a process has used so far (Linux); 0 where it is not there."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def best(work: Callable[[], object], times: int = 3) -> float:
    """Seconds of this thread's CPU, the least of some tries."""
    taken = []
    for _ in range(times):
        began = time.thread_time()
        work()
        taken.append(time.thread_time() - began)
    return min(taken)


def gigaflops() -> float:
    """Of one core, in the product of two 1024 x 1024 float32 matrices."""
    import torch

    torch.set_num_threads(1)
    one = torch.rand(1024, 1024)
    return 2 * 1.024**3 / best(lambda: one @ one)


def decoded_per_second(sample: Path) -> float:
    """Images of one core that does nothing but read and decode."""
    with open_sample(sample, UM_PER_PX) as reader:
        events = reader.event_ids[:DRAWN]
        return len(events) / best(lambda: [reader.read_image(event) for event in events])


def stages_table(models: Sequence[str], sample: Path) -> None:
    """Prints a worker's CPU time by stage."""
    from tests.benchmarks._stages import milliseconds

    found = [milliseconds(MODELS / f"{model}.safetensors", sample, UM_PER_PX, DRAWN) for model in models]
    print(f"\n| CPU ms an image | {' | '.join(models)} |\n| --- |{' --- |' * len(models)}")
    for stage in found[0]:
        print(f"| {stage} | {' | '.join(f'{spent[stage]:.3f}' for spent in found)} |")
    print(f"| all | {' | '.join(f'{sum(spent.values()):.3f}' for spent in found)} |", flush=True)


def agreement_table(models: Sequence[str], each: int) -> None:
    """Prints what bfloat16 and regions change."""
    from tests.benchmarks._agreement import agreement
    from tui_cytpix.engine.network.model import load_model

    columns = ("model", "what", "counts changed", "only before right", "only after right")
    print(f"\n| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for model in models:
        for cause, change in agreement(load_model(MODELS / f"{model}.safetensors"), each).by_cause.items():
            share = f"{100 * change.changed / change.images:.2f} % ({change.changed} of {change.images})"
            print(f"| {model} | {cause} | {share} | {change.right_before} | {change.right_after} |", flush=True)


def main(arguments: list[str]) -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="speed")
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--models", nargs="+", default=["cell-half", "cell-full"])
    parser.add_argument("--threads", type=int, default=0, help="worker processes; 0: one for each processor")
    parser.add_argument(
        "--agreement", type=int, default=60, help="images of each kind whose counts are compared; 0: none"
    )
    options = parser.parse_args(arguments)
    folder = Path(tempfile.gettempdir()) / "tui-cytpix-speed"
    large, small = tube(folder, options.images), tube(folder, max(DRAWN, options.images // 4))
    flops, decoding = gigaflops(), decoded_per_second(large)
    print(f"{len(os.sched_getaffinity(0))} processors, load {os.getloadavg()[0]:.1f}. One core: {flops:.0f} GFLOP/s,")
    print(f"{decoding:.0f} images/s read and decoded.\n")
    columns = (
        "model",
        "images",
        "s",
        "CPU s",
        "images/s",
        "with start-up",
        "per CPU s",
        "per GFLOP",
        "x decoding",
        "MiB",
    )
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for model in options.models:
        for sample in (small, large):
            with tempfile.TemporaryDirectory() as out:
                run = process(model, sample, Path(out) / "out", options.threads)
            rate, cpu_rate = run.images / run.working, run.images / run.cpu
            cells = (
                model,
                run.images,
                f"{run.seconds:.0f}",
                f"{run.cpu:.0f}",
                f"{rate:.0f}",
                f"{run.images / run.seconds:.0f}",
                f"{cpu_rate:.0f}",
                f"{cpu_rate / flops:.2f}",
                f"{cpu_rate / decoding:.3f}",
                f"{run.mebibytes:.0f}",
            )
            print(f"| {' | '.join(map(str, cells))} |", flush=True)
    stages_table(options.models, large)
    if options.agreement:
        agreement_table(options.models, options.agreement)
    return 0
