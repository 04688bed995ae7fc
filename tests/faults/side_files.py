"""A run with everything that a run, the library and a person's settings hold, and who reads which of its files."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import io
import json
import os
import shutil
import socket
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from PIL import Image

from tests import job_files
from tests.faults.examples import example
from tests.faults.watching import Reader
from tests.workflow import workspaces
from tui_cytpix.cli.command_line import VERBS
from tui_cytpix.cli.output import say_json
from tui_cytpix.domain.gate import Axis, Gate, Members, Scale
from tui_cytpix.domain.jobs.events import EVENTS, Progress
from tui_cytpix.domain.jobs.processed import ProcessRecord, TubeRecord
from tui_cytpix.domain.jobs.specs import KINDS, ProcessSpec, SampleAtWork
from tui_cytpix.domain.jobs.wishes import WISHES, Pause
from tui_cytpix.domain.model_card import ModelCard
from tui_cytpix.domain.plain_values import from_plain
from tui_cytpix.engine.network.model import Model, load_model
from tui_cytpix.engine.network.network import NetworkSettings, build
from tui_cytpix.engine.process import provenance
from tui_cytpix.engine.process.tube_parts import TubeParts
from tui_cytpix.engine.process.worker import ChunkResult
from tui_cytpix.engine.train.checkpoints import read_state, write_state
from tui_cytpix.engine.train.records import Pending, Standing
from tui_cytpix.engine.train.trainer import FitSettings, Trainer
from tui_cytpix.errors import CytpixError, RunError
from tui_cytpix.formats.flowjo.workspace import read_workspace
from tui_cytpix.formats.masks.label_images import read_label_image, write_label_image
from tui_cytpix.formats.model.file import file_hash, read_card
from tui_cytpix.formats.run import tube_records
from tui_cytpix.formats.run.gate_members import read_members, write_members
from tui_cytpix.formats.run.job import JOB, LOOKS, JobFolder
from tui_cytpix.formats.run.lease import Lease
from tui_cytpix.formats.run.predictions import read_shard, write_shard
from tui_cytpix.workflow.assess import focus
from tui_cytpix.workflow.assess.judgements_file import read_judgements
from tui_cytpix.workflow.assess.showings_file import read_table
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.evaluate import output_names, pairs_file, process, slurm_array
from tui_cytpix.workflow.evaluate.output_names import NAMES, claimed
from tui_cytpix.workflow.evaluate.process_watch import watch_newest
from tui_cytpix.workflow.evaluate.tube_status import tube_states
from tui_cytpix.workflow.explore import gates
from tui_cytpix.workflow.explore.event_table import EventTable
from tui_cytpix.workflow.report.batch_page import as_plain, collect
from tui_cytpix.workflow.report.sections import write_report
from tui_cytpix.workflow.run import jobs, recent_runs, user_settings
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.run.sample_sheet import read_sheet
from tui_cytpix.workflow.samples import coverage, descriptors, selection
from tui_cytpix.workflow.train import crosscheck, finish
from tui_cytpix.workflow.train.watch import LiveLooks, TrainingWatch

SAMPLE_RUN = Path(__file__).parents[2] / "sample_runs" / "s_pombe"
KEPT = 8  # images a sample


class Place:
    """A folder with a run, `run`, the person's folders, `home`, and tables beside them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.run, self.home, self.given = folder, folder / "run", folder / "home", folder / "given"

    def make(self) -> None:
        """Fills the folder; needs no engine."""
        shutil.copytree(SAMPLE_RUN, self.run, ignore=shutil.ignore_patterns("fresh"))
        for path in [self.run, *self.run.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        self._shorten()
        self.here()
        with Run.open(self.run) as run:
            self._fill(run)
        self._fill_job(self.run / "jobs" / "4-train")
        self._fill_processed(self.run / process.PROCESSED / "cell-full-b24d23fe")
        Lease(self.run / "training.lease", "Training").acquire()
        holder = {"host": socket.gethostname(), "pid": 2**22 + 1, "born": "", "nonce": "a"}  # of no process
        (self.run / "run.lease").write_text(json.dumps(holder))
        (self.run / "checkpoints").mkdir()
        shutil.copy(self.run / "model.safetensors", self.run / "checkpoints" / "best.safetensors")
        self._fill_state(self.run / "checkpoints" / "last.npz")
        shutil.copy(self.run / "model.safetensors", self.home / "data" / "tui-cytpix" / "models" / "mine.safetensors")
        settings = self.home / "config" / "tui-cytpix" / "settings.toml"
        settings.parent.mkdir(parents=True)
        settings.write_text('theme = "nord"\ngraphics = "sixel"\n[keys]\n"gallery.next" = "j"\n')
        recent_runs.remember(self.run)
        user_settings.remember_theme("cytpix-light")
        self._tables()

    def here(self) -> None:
        """The person's folders are those of the place, in this process."""
        for name in ("DATA", "CONFIG", "STATE", "CACHE"):
            os.environ[f"XDG_{name}_HOME"] = str(self.home / name.lower())
        (self.home / "data" / "tui-cytpix" / "models").mkdir(parents=True, exist_ok=True)
        (self.home / "tmp").mkdir(exist_ok=True)
        os.environ["TMPDIR"] = str(self.home / "tmp")

    def _shorten(self) -> None:
        """Fewer lines and answers of each kind, so that much is tried in little time, and damage meets each."""
        for log in self.run.glob("jobs/*/events.jsonl"):
            lines = log.read_bytes().splitlines(keepends=True)
            times = Counter[str]()
            kinds = [str(json.loads(line)["type"]) for line in lines]
            log.write_bytes(b"".join(line for line, kind in zip(lines, kinds, strict=True) if _few(times, kind)))
        for folder in self.run.glob("predictions/*"):
            shards = sorted(folder.glob("*.npz"))
            items = {item.key: item for shard in shards for item in read_shard(shard)}
            for shard in shards:
                shard.unlink()
            write_shard(folder, shards[0].stem, list(items.values())[: 2 * KEPT])

    def _fill(self, run: Run) -> None:
        """Caches, copies of images, gates, and a second sample that lies outside of the run."""
        for sample in run.settings.samples:
            outside = self.given / sample.name
            shutil.copytree(run.folder.sample_path(sample), outside)
            shutil.copy(run.folder.sample_path(sample).with_suffix(".fcs"), self.given)
        shutil.rmtree(self.run / "samples")
        samples = tuple(replace(one, path=str(self.given / one.name)) for one in run.settings.samples)
        run.update(replace(run.settings, samples=samples))
        run.images.take(run.settings)
        coverage.save(run, selection.select(run, 50))
        for sample in run.settings.samples:
            run.images.typical_px(sample.name)
            descriptors.described(run, sample.name)
            of_it = [key for key in run.settings.selection.images if key.sample == sample.name]
            for key in of_it[:KEPT]:
                run.images.keep(key)
        run.remember(run.settings.selection.images)
        table = EventTable(run, run.settings.samples[0].name)
        x, y = [one.name for one in table.parameters[:2]]
        gates.add(
            run,
            Gate("low", (Axis(x, Scale("arcsinh")),), ((-1e6,), (1e6,))),
            Gate("all", (Axis(x, Scale("logicle")), Axis(y)), ((-1e6, -1e6), (1e7, -1e6), (1e7, 1e7)), "low"),
        )
        base = library.base_of(run)
        focus.scores(run, base, run.answers(base.hash), run.settings.selection.images)
        run.flush()

    def _fill_job(self, folder: Path) -> None:
        job = JobFolder(folder)
        job.send(Pause())
        job.beat("waits for the disk")
        job.output_path.write_text("a line\n")
        write_members(folder, 0, Members.of(["low"], ["words"], np.ones((1, 9), bool)))
        shard = next(self.run.glob("predictions/*/*.npz"))
        write_shard(folder / LOOKS, "preview", read_shard(shard)[:KEPT])
        for number, (kind, spec) in enumerate(KINDS.items(), 5):  # each kind of job, with each type of line
            other = job_files.create(folder.parent / f"{number}-{kind}", {**_without_none(example(spec)), "kind": kind})
            for name, line in EVENTS.items():
                job_files.say(other, name, **{**example(line), "type": name})
            for name, line in WISHES.items():
                job_files.wish(other, name, **{**example(line), "type": name})

    def _fill_processed(self, out: Path) -> None:
        """What `process` leaves beside its results, of which no more than that is read again."""
        spec = spec_of(out, self.given)
        slurm = out / JOB / "slurm" / "1"
        slurm.mkdir(parents=True)
        (slurm / slurm_array.LIST).write_text(f"path\n{self.given / 's0'}\n")
        for folder in (slurm, self.run / "jobs" / "4-train"):
            (folder / slurm_array.SUBMITTED).write_text('{"job": "7", "tasks": 2}')
        job = JobFolder.create(out / JOB / "1-process", spec)
        job.emit(Progress(done=1, total=2, what="words"))
        claimed(out, spec.samples)
        tube_records.make_room(out)
        parts = TubeParts(out, "s0", "work", 1)
        parts.lease(0)
        lines = {"csv": ("s0,1\r\n", "s0,1,2\r\n")}
        parts.keep(0, [ChunkResult([""], ["a"], np.ones((1, 3), np.float32), [1.0], lines)])
        for number in range(4):  # so many that each is compared with the others
            name = f"s{number}"
            record = {**example(TubeRecord), "outputs": {}, "zoom": {"times": 1.0}, "notes": ["words"]}
            record["sample"] = {**record["sample"], "name": name, "path": str(self.given / name)}
            with tube_records.workplace(out, name) as aside:
                tube_records.write_record(out, name, record, aside)
        provenance.write_together(out, {**example(ProcessRecord), "failures": [], "failed": 0})

    def _fill_state(self, path: Path) -> None:
        trainer = _trainer()
        for one in trainer.net.parameters():
            one.grad = one.detach() * 0
        trainer.optimiser.step()
        pending = from_plain(Pending, example(Pending))
        write_state(path, trainer.state(), Standing(pending, va=(0.5, 0.6), zooms={"words": 1.0}))

    def _tables(self) -> None:
        (self.given / "judged.csv").write_text(
            "image,judgement,true_count\nrich-medium:1,acceptable,1\nrich-medium:101,both,\n"
        )
        (self.given / "pairs.csv").write_text(
            "pair,image,better,true_count\n1,rich-medium:1,left,1\n2,rich-medium:101,equal,\n"
        )
        (self.given / "counted.csv").write_text("showing,image,true_count\n1,rich-medium:1,1\n")
        path = self.given / "rich-medium"
        (self.given / "sheet.csv").write_text(f"path,condition,unit,um_per_px\n{path},rich,1,0.3\n")
        labels = np.zeros((40, 50), np.uint16)
        labels[4:20, 5:30], labels[22:30, 7:20] = 1, 2
        (self.given / "labels").mkdir()
        write_label_image(self.given / "labels" / "1.png", labels)
        Image.fromarray(labels).save(self.given / "labels" / "2.tif", compression="tiff_lzw")
        if importlib.util.find_spec("flowkit"):
            gates_ = [
                workspaces.population("cells", workspaces.rectangle(("FSC-A", 1e4, 5e4), ("SSC-A", 3e3, 2e4))),
                workspaces.population("dim", workspaces.polygon("BL1-A", "SSC-A", (5.0, 2e3), (1e4, 1e3), (2e3, 2e4))),
            ]
            scales = [workspaces.linear("FSC-A"), workspaces.linear("SSC-A"), workspaces.logicle("BL1-A")]
            workspaces.write(self.given / "gates.wsp", workspaces.sample("tube.fcs", gates_, scales))


def spec_of(out: Path, given: Path) -> ProcessSpec:
    samples = tuple(SampleAtWork(name=f"s{number}", path=str(given / f"s{number}")) for number in range(2))
    return ProcessSpec(model="m", out=str(out), samples=samples)


def _few(times: Counter[str], kind: str) -> bool:
    times[kind] += 1
    return times[kind] <= KEPT


def _without_none(value: Any) -> Any:
    """As TOML wants it."""
    if isinstance(value, dict):
        return {key: _without_none(one) for key, one in value.items() if one is not None}
    return value


@functools.cache
def _parsed(words: tuple[str, ...]) -> Namespace:
    return VERBS[words[0]].parser(words[0]).parse_args(words[1:])


def verb(*words: object) -> None:
    """A headless verb, its words not shown."""
    parsed = _parsed(tuple(str(word) for word in words))
    module, name = parsed.handler.split(":")
    handler = getattr(__import__(f"tui_cytpix.cli.{module}", fromlist=[name]), name)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        handler(parsed)


def _images(run: Run) -> None:
    refused = None
    for key in run.settings.selection.images[: 2 * KEPT]:
        try:
            run.images.background(key, run.images.read(key))
        except CytpixError as error:
            refused = error
    if refused:
        raise refused


def _found_of_samples(run: Run) -> None:
    for sample in run.settings.samples:
        run.images.typical_px(sample.name)
        rows = descriptors.described(run, sample.name)
        if not all(np.isfinite(row).all() and np.abs(row).max() < 1e9 for row in rows.values()):
            raise AssertionError("descriptors of no image are believed")
    found = coverage.load(run)
    if found is not None:
        coverage.figures(run, found)
        coverage.uncovered(found)


def _backgrounds(run: Run) -> None:
    for sample in run.settings.samples:
        key = next(key for key in run.settings.selection.images if key.sample == sample.name)
        run.images.background(key, run.images.read(key))


def _answers(run: Run) -> None:
    for folder in sorted((run.path / "predictions").iterdir()):
        store = run.answers(folder.name)
        for key in store.keys():  # noqa: SIM118 (no mapping)
            store.get(key), store.probability(key)
    for model in library.library():
        focus.stored(run, model)


def _training(run: Run) -> None:
    watch, looks = TrainingWatch(run.folder), LiveLooks()
    status = watch.poll()
    looks.refresh(replace(status, job=str(run.folder.jobs / "4-train"), looked=1))
    crosscheck.in_force(status, run.annotations)
    read_members(run.folder.jobs / "4-train", 0)
    _jobs(run)


@mock.patch.object(jobs.slurm, "state_of", return_value="PENDING")  # no Slurm is asked
def _jobs(run: Run, _slurm: object) -> None:
    for kind in KINDS:
        for job in jobs.of_kind(run.folder.jobs, kind):
            events = job.new_events().new()
            job.new_wishes().new()
            jobs.failure(job, events)
            jobs.state_of(job, events)
            jobs.in_slurm(job)
            str((job.spec, job.note))


@mock.patch.object(slurm_array.slurm, "queued", lambda jobs: {job: {1: "PENDING"} for job in jobs})  # none is asked
@mock.patch.object(output_names, "_LONGEST_WAIT", 0.04)  # at a claim that is empty: not 2 s for each
def _processed(run: Run) -> None:
    process.records(run)
    if (watch := watch_newest(run)) is not None:
        watch.poll()
    for out in (run.path / process.PROCESSED).iterdir():
        provenance._summary({"failures": [], "failed": 0}, provenance._records(out))
        with contextlib.redirect_stdout(io.StringIO()):
            say_json(as_plain(collect(out, (), run.path.parent / "home" / "batch.html")))
        slurm_array.queued(out)
        tube_states(spec_of(out, run.path.parent / "given"))
        parts = TubeParts(out, "s0", "work", 1)
        with contextlib.suppress(CytpixError, FileNotFoundError):
            parts.missing()
            list(parts.results(0))
        with refused_by_system():
            claimed(out, [SampleAtWork(name="s0", path="elsewhere")])
        for name in (out / NAMES).glob("s0-*"):
            name.unlink()


def _explore(run: Run) -> None:
    for sample in run.settings.samples:
        table = EventTable(run, sample.name)
        for gate in run.settings.gates:
            gates.images_inside(table, run.settings.gates, gate.name)
    process.records(run)


@functools.cache
def _trainer() -> Trainer:
    card = ModelCard("tiny", "full", "built-in")
    return Trainer(Model(card, build(NetworkSettings((4, 4)), 0).eval()), FitSettings(), 0)


def _state(_place: Place, file: Path) -> None:
    """As a job of training that goes on (engine.jobs.train)."""
    arrays, _ = read_state(file)
    try:
        _trainer().restore(arrays)
    except ValueError as error:
        raise RunError("The training state is of another base model", f"{file}: {error}.") from error


@contextlib.contextmanager
def refused_by_system() -> Iterator[None]:
    """Around what raises OSError, of which its callers make a sentence."""
    try:
        yield
    except OSError as error:
        raise CytpixError("The output folder can't be made", f"{error.strerror}.") from error


def _model(path: Path) -> None:
    read_card(path), file_hash(path)
    load_model(path)


Read = Callable[[Place, Path], object]


def _of_run(*looks: Callable[[Run], object]) -> Read:
    def read(place: Place, _file: Path) -> None:
        with Run.open(place.run, writing=False) as run:
            for look in looks:
                look(run)

    return read


def _verbs(*words: str) -> Read:
    return lambda place, _file: verb("run", words[0], place.run, *words[1:])


def _leases(place: Place, _file: Path) -> None:
    Run.open(place.run).close()


def _person(_place: Place, _file: Path) -> None:
    user_settings.read_settings()
    user_settings.remembered_theme()
    recent_runs.recent_runs()
    library.library()


STATUS, REVIEW, PAIRS, GATES = _verbs("status"), _verbs("review"), _verbs("pairs"), _verbs("gate", "list")
REPORT: Read = _of_run(lambda run: write_report(run, run.path.parent / "home" / "r.html"))
# By the path below the place; the first that fits. A file of a new kind needs a line.
WHO: Sequence[tuple[str, Sequence[Read]]] = (
    ("run/run.toml", (STATUS, GATES, _of_run(_found_of_samples, _explore))),
    ("run/annotations.jsonl", (STATUS,)),
    ("run/verdicts.jsonl", (REVIEW,)),
    ("run/images.jsonl", (STATUS, _of_run(_images))),
    ("run/preview/*/*.png", (_of_run(_images),)),
    ("run/preview/*.background.npy", (_of_run(_backgrounds),)),
    ("run/preview/*", (_of_run(_found_of_samples),)),
    ("run/predictions/*", (_of_run(_answers), STATUS)),
    ("run/jobs/*-train/heartbeat", (_of_run(_training),)),
    ("run/jobs/*-train/output.txt", (_of_run(_training),)),
    ("run/jobs/*-train/*", (_of_run(_training), STATUS)),
    ("run/jobs/*", (_of_run(_jobs),)),
    ("run/processed/*", (_of_run(_processed),)),
    ("run/checkpoints/*.npz", (_state,)),
    ("run/*.lease", (_leases,)),
    ("run/checkpoints/*.safetensors", (lambda _place, file: _model(file), _of_run(finish.checkpoints))),
    ("run/*.safetensors", (lambda _place, file: _model(file), _of_run(finish.checkpoints))),
    ("home/data/*.safetensors", (lambda _place, file: _model(file), _person)),
    ("home/*", (_person,)),
    ("given/judged.csv", (lambda _place, file: read_judgements(file),)),
    ("given/pairs.csv", (lambda _place, file: pairs_file.read_preferences(file),)),
    ("given/counted.csv", (lambda _place, file: read_table(file, "judgement", "Way out."),)),
    ("given/sheet.csv", (lambda _place, file: read_sheet(file),)),
    ("given/labels/*", (lambda _place, file: read_label_image(file),)),
    ("given/gates.wsp", (lambda _place, file: read_workspace(file),)),
    ("given/*", ()),  # samples: see sample_readers
)
DEEP: Sequence[Read] = (STATUS, REVIEW, GATES, REPORT, _of_run(_images, _found_of_samples, _answers, _training))


def who_reads(inside: str) -> tuple[str, Sequence[Read]]:
    """The line of WHO for a file, by its path below the place.

    Raises:
        LookupError: there is none.
    """
    found = next(((pattern, reads) for pattern, reads in WHO if fnmatch(inside, pattern)), None)
    if found is None:
        raise LookupError(f"{inside}: say in WHO of tests/faults/side_files.py who reads such a file")
    return found


def readers(folder: Path) -> list[Reader]:
    """One for each kind of file that lies in a place, found by walking it; and one that does everything to any."""
    place = Place(folder)
    place.make()
    found: list[Reader] = []
    kept = sorted(path for path in folder.rglob("*") if path.is_file() and ".part" not in path.name)
    kinds: dict[str, list[Path]] = {}
    for path in kept:
        inside = path.relative_to(folder).as_posix()
        pattern, reads = who_reads(inside)
        if reads:
            kinds.setdefault(_kind(pattern, path), []).append(path)
    for kind, files in kinds.items():
        inside = files[0].relative_to(folder).as_posix()
        found.append(_reader(place, f"side {kind}", files, who_reads(inside)[1]))
    everything = [path for files in kinds.values() for path in files]
    found.append(_reader(place, "side any file, whole run", everything, DEEP))
    return found


def _kind(pattern: str, path: Path) -> str:
    """Several files that one pattern fits are told apart by their names, without what numbers and names tell."""
    if not pattern.endswith("/*") or path.suffix == ".png":
        return pattern
    name = path.name.split(".", 1)[-1] if path.name.count(".") > 1 or path.suffix == ".npz" else path.name
    return f"{pattern[:-1]}{name}"


def _reader(place: Place, name: str, files: Sequence[Path], reads: Sequence[Read]) -> Reader:
    """Reads the file that lies there otherwise than it did: all of them, as none of them says which that is."""

    def read() -> None:
        refused = None
        for one in reads:
            for file in files if _takes_file(one) else files[:1]:
                try:
                    one(place, file)
                except CytpixError as error:
                    refused = error
        if refused:
            raise refused

    return Reader(name, place.folder, files, read)


def _takes_file(read: Read) -> bool:
    """Whether it reads the file that it is given, not the run."""
    return "file" in read.__code__.co_varnames[:2]
