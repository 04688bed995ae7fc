"""A bug report: one zip of what tells what happened, and nothing of the experiment."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

import tui_cytpix
from tui_cytpix.diagnostics import state_folder
from tui_cytpix.errors import JobError, refusal
from tui_cytpix.formats.bytes.atomic import replacing
from tui_cytpix.formats.bytes.plain_file import open_plain, parse_json, read_toml
from tui_cytpix.workflow.report.nameless import Named, Nameless
from tui_cytpix.workflow.run.refuse_existing import refuse_existing
from tui_cytpix.workflow.run.resources import settings_file

MOST_OF_LOG = 2 << 20  # bytes, of its end
MOST_JOBS = 20  # the newest
VARIABLES = ("TERM", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "COLORTERM", "NO_COLOR", "LANG", "LC_ALL", "LC_CTYPE")
WHETHER = ("TMUX", "STY", "SSH_CONNECTION", "WAYLAND_DISPLAY", "DISPLAY")  # is told, not what they say
LOGS = ("annotations.jsonl", "verdicts.jsonl")
OF_JOBS = "run/jobs/"
OF_JOB = ("job.toml", "events.jsonl", "control.jsonl", "submitted.json", "output.txt")


@dataclass(frozen=True)
class Part:
    """A file of the report; `about` says in words what is in it."""

    name: str
    about: str
    content: bytes

    def __str__(self) -> str:
        return f"{self.name}: {self.about} ({len(self.content):,} bytes)"


def parts_of(
    run: Path | None, terminal: Mapping[str, object], messages: Sequence[str] = (), *, names: bool = False
) -> list[Part]:
    """What a report has: of the program and the system, of the `terminal` what it answered, `messages` that the app
    told, and of a run its settings and logs; with `names` as they are, else without those of samples, persons, files.

    A run that is damaged is told as far as it can be read.
    """
    hidden = _names_of(run, Named if names else Nameless)
    found = [Part("about.json", "versions, system, terminal", _json(_about(terminal)))]
    found += _program(hidden)
    if messages:
        text = "\n".join(map(hidden.hide_text, messages))
        found.append(Part("messages.txt", "what the app told", text.encode("utf-8", "backslashreplace")))
    if run is not None:
        found += _run(run, hidden)
    return found


def in_words(parts: Sequence[Part], *, names: bool) -> list[str]:
    """What is in it, before it is written."""
    jobs = [part for part in parts if part.name.startswith(OF_JOBS)]
    lines = [str(part) for part in parts if part not in jobs]
    if jobs:
        number = len({part.name.split("/")[2] for part in jobs})
        size = sum(len(part.content) for part in jobs)
        lines.append(f"{OF_JOBS}: what was asked of {number} jobs, and what they told ({size:,} bytes)")
    hidden = (
        "Samples, labels, persons, machines, paths and files have stand-ins for names (sample-1); "
        "names of gates and models, and the counting convention, are as you gave them."
    )
    told = "Names of samples, labels, persons, machines and files are in it." if names else hidden
    return [*lines, f"No image and no mask. {told}"]


def write(parts: Sequence[Part], out: Path, *, names: bool) -> Path:
    """Raises:
    UsageError: something is there.
    JobError: it can't be written.
    """
    refuse_existing(out)
    contents = "".join(f"{line}\n" for line in in_words(parts, names=names))
    try:
        with replacing(out) as aside, zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("contents.txt", contents)
            for part in parts:
                file.writestr(part.name, part.content)
    except OSError as error:
        raise JobError(*refusal(error, out, "The report can't be written")) from error
    return out


def _about(terminal: Mapping[str, object]) -> dict[str, object]:
    requires = importlib.metadata.requires(tui_cytpix.__name__.replace("_", "-")) or []
    wanted = sorted({re.split(r"[^\w.-]", one, maxsplit=1)[0] for one in requires if "extra ==" not in one})
    return {
        "tui-cytpix": tui_cytpix.__version__,
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": os.cpu_count(),
        "packages": {name: _version(name) for name in wanted},
        "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ},
        "there is": [name for name in WHETHER if name in os.environ],
        "terminal": dict(terminal),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _program(hidden: Nameless) -> Iterator[Part]:
    folder = state_folder()
    files = [(settings_file(), "your settings")]
    files += [
        (folder / name, "faults, and with --debug what was done") for name in ("diagnostic.log", "diagnostic.old.log")
    ]
    for path, about in files:
        content, cut = _end_of(path)
        if content:
            yield Part(path.name, about + cut, hidden.hide_text(content).encode("utf-8", "backslashreplace"))


def _names_of(run: Path | None, kind: type[Nameless]) -> Nameless:
    """With the samples' names, so that each is hidden wherever it is said."""
    try:
        settings = {} if run is None else read_toml(run / "run.toml")
        samples = {str(sample["name"]): str(sample["path"]) for sample in settings.get("samples", [])}
        return kind(samples, str(settings.get("name", "")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return kind()


def _run(run: Path, hidden: Nameless) -> Iterator[Part]:
    folder = run.resolve()
    yield Part("run/files.json", "how many files, and bytes, each of its folders has", _json(_sizes(folder)))
    yield from _part(folder / "run.toml", "run/run.toml", "its settings", hidden)
    for name in LOGS:
        yield from _part(folder / name, f"run/{name}", "what was decided, without masks", hidden)
    jobs = [path for path in folder.glob("jobs/*") if path.name.partition("-")[0].isdecimal() and path.is_dir()]
    for job in sorted(jobs, key=lambda path: int(path.name.partition("-")[0]))[-MOST_JOBS:]:
        for name in OF_JOB:
            yield from _part(job / name, f"{OF_JOBS}{job.name}/{name}", "of a job", hidden)


def _sizes(folder: Path) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for place, _, files in os.walk(folder):
        top = (Path(place).relative_to(folder).parts or (".",))[0]
        kind = top if top in ("jobs", "preview", "predictions", "checkpoints", "processed", ".") else "others"
        counted = found.setdefault(kind, [0, 0])
        for name in files:
            path = Path(place) / name
            counted[0] += 1
            counted[1] += 0 if path.is_symlink() else path.stat().st_size
    return found


def _part(path: Path, name: str, about: str, hidden: Nameless) -> Iterator[Part]:
    content, cut = _end_of(path)
    if not content:
        return
    if path.suffix == ".toml":
        try:
            text = tomli_w.dumps(hidden.hide(read_toml(path)))
        except (OSError, ValueError, TypeError) as error:
            text, cut = "", f"; left out, as it can't be read: {hidden.hide_text(str(error))}"
    elif path.suffix in (".jsonl", ".json"):
        text = "\n".join(_line(line, hidden) for line in content.splitlines())
    else:
        text = hidden.hide_text(content)
    yield Part(name, about + cut, text.encode("utf-8", "backslashreplace"))


def _line(line: str, hidden: Nameless) -> str:
    """A line of a log; of one that is damaged, only how long it is."""
    try:
        return json.dumps(hidden.hide(parse_json(line)))
    except ValueError:
        return f"({len(line)} letters that are no JSON)"


def _end_of(path: Path) -> tuple[str, str]:
    """The end of a file, from a whole line on, "" where there is none; and that it was cut, in words."""
    try:
        with open_plain(path) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - MOST_OF_LOG))
            text = file.read(MOST_OF_LOG).decode("utf-8", "replace")
    except OSError:
        return "", ""
    return (text, "") if size <= MOST_OF_LOG else (text.partition("\n")[2], ", its end")


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=2).encode()
