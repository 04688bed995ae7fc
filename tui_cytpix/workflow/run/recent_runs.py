"""The home screen's lists: recent runs and sample runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tui_cytpix.diagnostics import state_folder
from tui_cytpix.errors import RunError, UsageError, needing, refusal
from tui_cytpix.formats.bytes.atomic import replacing_folder, write_text
from tui_cytpix.formats.bytes.plain_file import read_json
from tui_cytpix.formats.run.folder import RunFolder
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.given_paths import is_run
from tui_cytpix.workflow.run.resources import shipped

MAX_RECENT = 20
FRESH = "fresh"  # folder of a sample run


@dataclass(frozen=True)
class RunSummary:
    name: str
    path: Path
    step: str
    samples: int
    created: str


def summary(path: Path) -> RunSummary:
    """Raises:
    RunError: not a run.
    """
    settings = RunFolder(path).read_settings()
    return RunSummary(settings.name, Path(path).resolve(), settings.step, len(settings.samples), settings.created)


def recent_runs() -> list[RunSummary]:
    """The runs opened last, newest first; those that are gone are left out."""
    found = []
    for path in _paths():
        try:
            found.append(summary(path))
        except (RunError, OSError, ValueError):  # ValueError: no name that a file can have
            continue
    return found


def run_on(samples: Sequence[Path], *places: Path) -> Path | None:
    """The run on just these samples, at one of these places or opened last; None where there is none."""
    wanted = {Path(sample).resolve() for sample in samples}
    for path in (*places, *_paths()):
        try:
            folder = RunFolder(path)
            found = folder.read_settings().samples
        except (RunError, OSError, ValueError):
            continue
        if found and {Path(folder.sample_path(sample)).resolve() for sample in found} == wanted:
            return path
    return None


def _list() -> Path:
    return state_folder() / "recent.json"


def _paths() -> list[Path]:
    try:
        content = read_json(_list())
        return [Path(p) for p in content if isinstance(p, str)]
    except (OSError, ValueError, TypeError):
        return []


def remember(path: Path) -> None:
    """Puts a run on top of the list; a state folder that can't be written is no reason to stop working."""
    path = Path(path).resolve()
    paths = [path, *(p for p in _paths() if p != path)][:MAX_RECENT]
    try:
        _list().parent.mkdir(parents=True, exist_ok=True)
        write_text(_list(), json.dumps([str(p) for p in paths]))
    except OSError:
        return


def sample_runs() -> list[RunSummary]:
    """The runs that ship with the program; those with fresh samples, which a tour leads through, first."""
    folder = shipped("sample_runs")
    paths = sorted(folder.glob("*/run.toml"), key=lambda p: (not fresh_samples(p.parent), p))
    return [summary(path.parent) for path in paths]


def fresh_samples(run: Path) -> list[Path]:
    """Samples that come with a sample run for whoever wants to try what it tells; a run of another kind has none."""
    folder = run / FRESH
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def own_try(story: Path) -> Path:
    """A run on the fresh samples, beside the sample run; one that is there already is opened again.

    Raises:
        CytpixError: it can't be made.
    """
    target = story.with_name(f"{story.name}-yours")
    if not is_run(target):
        run_samples.create_run(target, fresh_samples(story)).close()
    return target


def copy_sample_run(name: str, target: Path) -> Path:
    """A sample run as the user's own; a copy that is there already is kept and opened again.

    Raises:
        UsageError: no sample run has that name.
        RunError: something else lies at `target`.
    """
    source = shipped("sample_runs") / name
    names = [s.path.name for s in sample_runs()]
    if name not in names:
        raise UsageError("There is no such sample run", f"{name!r}.", f"There are: {', '.join(names) or 'none'}.")
    refused, elsewhere = "The sample run can't be copied", "Give another place with --dir."
    try:
        if (target / "run.toml").is_file():
            return target
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise RunError("Something else is there", f"{target} is not a run.", elsewhere)
        with replacing_folder(target) as aside:
            try:
                _copy(source, aside)
            except OSError as error:
                raise needing(error, target, sum(p.stat().st_size for p in source.rglob("*") if p.is_file())) from error
    except OSError as error:
        raise RunError(*refusal(error, target, refused, elsewhere)) from error
    return target


def _copy(source: Path, target: Path) -> None:
    """All files; not by `shutil.copytree`, which goes on after the first that can't be written."""
    for path in sorted(source.rglob("*")):
        to = target / path.relative_to(source)
        if path.is_dir():
            to.mkdir()
        else:
            shutil.copyfile(path, to)
