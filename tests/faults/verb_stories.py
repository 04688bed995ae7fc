"""All verbs that write, as stories (`write_points.Story`): a new one needs a line in `WRITING`."""

from __future__ import annotations

import csv
import gc
import importlib
import importlib.util
import os
import shlex
import shutil
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import forks, verbs
from tests.faults.write_points import Act, Story, attempt
from tests.workflow import workspaces
from tui_cytpix.cli.command_line import VERBS
from tui_cytpix.domain.jobs.events import Started
from tui_cytpix.domain.jobs.specs import TrainSpec
from tui_cytpix.formats.bytes.liveness import birth
from tui_cytpix.workflow.run import jobs
from tui_cytpix.workflow.run.run import Run


@dataclass(frozen=True)
class Row:
    """A verb's command in a folder with copies of `needs`, of what `MADE` makes. Done again after a fault, what it
    refuses to write over, `new`, is removed first; where it is refused as it is done already, `otherwise` is done.
    `engine`: it starts one; where it was killed before it could say a word, it counts as alive for half a minute, and
    who follows it is told then. `extra`: packages that it can't do without.
    """

    name: str
    needs: str
    command: str
    new: str = ""
    otherwise: str = ""
    engine: bool = False
    extra: str = ""


TUBES = "tube.acs tube.acs.truth other.acs"
_ON = "--device cpu --threads 1"
WRITING = (
    Row("simulate", "", "simulate pombe-rich --out t.acs --images 5", new="t.acs t.acs.truth"),
    Row("simulate folder", "", "simulate beads --out t --layout folder --images 5", new="t t.truth t.fcs"),
    Row("simulate export", "", "simulate beads --out t --layout export --images 5", new="t t.truth t.fcs"),
    Row("simulate zip", "", "simulate beads --out t.zip --layout export --images 5", new="t.zip t.zip.truth t.fcs"),
    Row("demo", "", "demo s_pombe --no-open"),
    Row("inspect", TUBES, "inspect tube.acs --concordance --out c.json", new="c.json"),
    Row("models import", "m.safetensors", "models import m.safetensors --name n", otherwise="models show n"),
    Row("models export", "", "models export cell-half m.safetensors", new="m.safetensors"),
    Row("models export onnx", "", "models export cell-half m.onnx", new="m.onnx", engine=True, extra="onnx onnxscript"),
    Row("triage", TUBES, f"triage tube.acs --model cell-half --images 4 {_ON}", engine=True),
    Row("compare", TUBES, f"compare tube.acs --truth tube.acs.truth --model cell-half {_ON}", engine=True),
    Row("process", TUBES, f"process tube.acs --model cell-half --out o --format csv,masks,fcs,coco {_ON}", engine=True),
    Row("process again", f"{TUBES} done", f"process other.acs --model cell-half --out done {_ON}", engine=True),
    Row("collect", "done", "collect done"),
    Row(
        "run new",
        TUBES,
        "run new r --sample tube.acs --base cell-half --preview 50",
        otherwise="run base r cell-half",
    ),
    Row(
        "run add",
        f"{TUBES} run third.acs",
        "run add run third.acs --condition b",
        otherwise="run label run third --condition b",
    ),
    Row("run label", f"{TUBES} run", "run label run tube --condition a --um-per-px 0.3"),
    Row("run base", f"{TUBES} run", "run base run cell-full"),
    Row("run select", f"{TUBES} run", "run select run --preview 50"),
    Row("run similar", f"{TUBES} run", "run similar run tube:FIRST --images 3 --add"),
    Row("run gate range", f"{TUBES} run", "run gate run range g FSC-A 0 1e9", otherwise="run gate run use g"),
    Row(
        "run gate polygon",
        f"{TUBES} run",
        "run gate run polygon g FSC-A SSC-A --corner 0 0 --corner 1e9 0 --corner 0 1e9",
        otherwise="run gate run use g",
    ),
    Row("run gate remove", f"{TUBES} run", "run gate run remove all", otherwise="run gate run list"),
    Row("run gate use", f"{TUBES} run", "run gate run use all"),
    Row("run gate image", f"{TUBES} run", "run gate run image all"),
    Row("run gate list", f"{TUBES} run", "run gate run list --out l.csv", new="l.csv"),
    Row(
        "run gate import",
        f"{TUBES} run gates.wsp",
        "run gate run import gates.wsp --sample tube",
        otherwise="run gate run list",
        extra="flowkit",
    ),
    *(
        Row(
            f"run gate export {kind}",
            f"{TUBES} run",
            f"run gate run export all --sample tube --out e.{kind}",
            new=f"e.{kind}",
            extra=package,
        )
        for kind, package in (("fcs", ""), ("csv", ""), ("parquet", "pyarrow"), ("h5ad", "h5py"))
    ),
    Row("run gate montage", f"{TUBES} run", "run gate run montage all --out m.png --images 3", new="m.png"),
    Row(
        "run gate montage overlay",
        f"{TUBES} run",
        f"run gate run montage --out m.svg --images 3 --overlay cell-half {_ON}",
        new="m.svg",
        engine=True,
    ),
    Row("run annotate", f"{TUBES} run", "run annotate run --from-masks tube.acs.truth --sample tube"),
    Row(
        "run train",
        f"{TUBES} run",
        f"run train run --epochs 1 --no-check {_ON}",
        otherwise=f"run train run --epochs 1 --no-check {_ON}",
        engine=True,
    ),
    Row(
        "run train on",
        f"{TUBES} trained",
        f"run train trained --epochs 1 --no-check {_ON}",
        otherwise=f"run train trained --epochs 1 --no-check {_ON}",
        engine=True,
    ),
    Row("run check", f"{TUBES} trained", "run check trained", otherwise="run check trained", engine=True),
    Row("run pause", f"{TUBES} training", "run pause training"),
    Row(
        "run finish",
        f"{TUBES} trained",
        "run finish trained --name mine",
        otherwise="run finish trained --name another",
    ),
    Row(
        "run review draw",
        f"{TUBES} run",
        f"run review run --goal gating --convention round --images 6 {_ON}",
        engine=True,
    ),
    Row("run review judge", f"{TUBES} reviewed judged.csv", "run review reviewed --judgements judged.csv"),
    Row(
        "run review blind",
        f"{TUBES} reviewed",
        "run review reviewed --blind-first b.csv --pictures p",
        new="b.csv p",
    ),
    Row(
        "run pairs draw",
        f"{TUBES} trained m.safetensors",
        f"run pairs trained --model m.safetensors --images 6 {_ON}",
        engine=True,
    ),
    Row(
        "run pairs judge",
        f"{TUBES} reviewed m.safetensors pairs.csv",
        "run pairs reviewed --model m.safetensors --preferences pairs.csv",
    ),
    Row(
        "run pairs write",
        f"{TUBES} reviewed m.safetensors",
        "run pairs reviewed --model m.safetensors --out p.csv --blind-first b.csv --pictures p",
        new="p.csv b.csv p",
    ),
    Row("bundle", f"{TUBES} run", "bundle run --out b.zip", new="b.zip"),
    Row("run report", f"{TUBES} run", "run report run"),
)
READING = {  # what these do writes nothing; what is done by way of `serve` is the app's
    *("models:list_models", "models:show_model", "run.status:status", "manual:manual"),
    *("program.serve:serve", "program.completion:script", "program.help:tell"),
}


def handler_of(command: str) -> str:
    """What the command calls, `module:function` in `cli`."""
    words = shlex.split(command)
    return str(VERBS[words[0]].parser(words[0]).parse_args(words[1:]).handler)


def stories(made: Path, *, engines: bool, only: Sequence[str] = ()) -> list[Story]:
    """Those of `WRITING` for which all is installed, in `made`, which is made as far as they need it."""
    rows = [
        row
        for row in WRITING
        if (engines or not _needs_engine(row))
        and (not only or row.name in only)
        and all(importlib.util.find_spec(one) for one in row.extra.split())
    ]
    made.mkdir(parents=True, exist_ok=True)
    for row in rows:
        for name in row.needs.split():
            _make(made, name)
    return [
        Story(row.name, _copies(row.needs.split(), made), _act(row.command, made), _again(row, made)) for row in rows
    ]


def verb(*words: object) -> Act:
    """The verb, by the command line's own code."""

    def act(_folder: Path) -> int:
        from tui_cytpix.cli.main import run

        return run([str(one) for one in words], lambda *_: 0)

    return act


def _act(command: str, made: Path) -> Act:
    if "FIRST" in command:
        command = command.replace("FIRST", _first_image(made))
    return verb(*shlex.split(command))


def _first_image(made: Path) -> str:
    with Run.open(made / "run", writing=False) as run:
        return run.settings.preview[0].event


def _again(row: Row, made: Path) -> Act:
    act = _act(row.command, made)

    def again(folder: Path) -> int:
        for name in row.new.split():
            if (folder / name).is_dir():
                shutil.rmtree(folder / name)
            else:
                (folder / name).unlink(missing_ok=True)
        status = act(folder)
        return _act(row.otherwise, made)(folder) if status and row.otherwise else status

    return again


def loaded(*, engines: bool) -> None:
    """Loads what verbs load, so that each child has it; engines are forked, too."""
    for handler in verbs.handlers():
        if handler:
            importlib.import_module(f"tui_cytpix.cli.{handler.partition(':')[0]}")
    for module in ("scipy.stats", "scipy.spatial", "tui_cytpix.formats.model.file"):
        importlib.import_module(module)
    if engines:
        forks.listening()
        vars(jobs)["subprocess"] = forks.AS_SUBPROCESS
    gc.freeze()  # what is there stays shared with the children


def _copies(names: Sequence[str], of: Path) -> Callable[[Path], None]:
    """Gets a folder ready from what was made once."""

    def prepare(work: Path) -> None:
        for name in names:
            if (of / name).is_dir():
                shutil.copytree(of / name, work / name)
            else:
                shutil.copyfile(of / name, work / name)
            if name == "training":
                _live_job(work / name)

    return prepare


# What is made once


def _commands(*commands: str) -> Callable[[Path], None]:
    def make(made: Path) -> None:
        for command in commands:
            outcome = attempt(verb(*shlex.split(command)), made)
            assert outcome.status == 0, (command, outcome.told)

    return make


def _live_job(run: Path) -> None:
    """As a trainer that is at work: this process."""
    job = jobs.create(run / "jobs", TrainSpec(run=str(run)))
    job.emit(Started(host=socket.gethostname(), pid=os.getpid(), born=birth(os.getpid())))


def _judged(made: Path) -> None:
    with Run.open(made / "reviewed", writing=False) as run:
        images = run.settings.assess.sequence
    (made / "judged.csv").write_text("".join(["image,judgement\n", *(f"{one},acceptable\n" for one in images)]))


def _preferred(made: Path) -> None:
    with (made / "unjudged.csv").open() as file:
        rows = list(csv.DictReader(file))
    with (made / "pairs.csv").open("w") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows({**row, "better": "left"} for row in rows)


def _workspace(made: Path) -> None:
    gate = workspaces.population("cells", workspaces.rectangle(("FSC-A", 0, 1e9), ("SSC-A", 0, 1e9)))
    scales = [workspaces.linear("FSC-A"), workspaces.linear("SSC-A")]
    workspaces.write(made / "gates.wsp", workspaces.sample("tube.fcs", [gate], scales))


@dataclass(frozen=True)
class Made:
    """How a thing is made, in a folder that holds what comes `before`, as a copy `of` one of these at first; `engine`:
    that takes one.
    """

    make: Callable[[Path], object]
    before: str = ""
    of: str = ""
    engine: bool = False

    @property
    def first(self) -> list[str]:
        return [*self.before.split(), *self.of.split()]


MADE = {
    "tube.acs": Made(_commands("simulate pombe-rich --out tube.acs --images 12")),
    "tube.acs.truth": Made(lambda _: None, "tube.acs"),
    "other.acs": Made(_commands("simulate pombe-edinburgh --out other.acs --images 12 --seed 1")),
    "third.acs": Made(_commands("simulate pombe-rich --out third.acs --images 6 --seed 2")),
    "run": Made(
        _commands(
            "run new run --sample tube.acs --base cell-half --preview 50",
            "run select run",
            "run annotate run --from-masks tube.acs.truth",
            "run add run other.acs --condition b",
            "run gate run range all FSC-A 0 1e9",
        ),
        TUBES,
    ),
    "training": Made(lambda _: None, of="run"),
    "trained": Made(_commands(f"run train trained --epochs 1 --no-check {_ON}"), of="run", engine=True),
    "finished": Made(_commands("run finish finished --name made"), of="trained"),
    "m.safetensors": Made(
        lambda made: shutil.copyfile(made / "finished" / "model.safetensors", made / "m.safetensors"), "finished"
    ),
    "reviewed": Made(
        _commands(
            f"run review reviewed --goal gating --convention round --images 6 {_ON}",
            f"run pairs reviewed --model m.safetensors --images 6 {_ON}",
            "run pairs reviewed --model m.safetensors --out unjudged.csv",
        ),
        "m.safetensors",
        of="trained",
    ),
    "judged.csv": Made(_judged, "reviewed"),
    "pairs.csv": Made(_preferred, "reviewed"),
    "gates.wsp": Made(_workspace),
    "done": Made(
        _commands(f"process tube.acs --model cell-half --out done --format csv,fcs {_ON}"), "tube.acs", engine=True
    ),
}


def _needs_engine(row: Row) -> bool:
    def needed(name: str) -> bool:
        return MADE[name].engine or any(needed(one) for one in MADE[name].first)

    return row.engine or any(needed(one) for one in row.needs.split())


def _make(made: Path, name: str) -> None:
    """Unless it is there."""
    how = MADE[name]
    for other in how.first:
        _make(made, other)
    if (made / name).exists():
        return
    if how.of:
        shutil.copytree(made / how.of, made / name)
    how.make(made)
