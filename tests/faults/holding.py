"""What must hold in a folder whatever came between: nothing lost, nothing half, nothing left, no bug told."""

from __future__ import annotations

import json
import re
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tui_cytpix.formats.fcs.read import read_fcs
from tui_cytpix.formats.model.file import read_tensors
from tui_cytpix.formats.run.json_log import read_log

SAVED = "acknowledged "  # behind it, how many edits the app showed as saved
_EPOCH = re.compile(r"epoch (\d+) of \d+: TA")
_BUGS = ("Traceback", "bug in the program", "fault of tui-cytpix")


def bugs(told: str) -> list[str]:
    found = ["a traceback, or a bug told"] if any(words in told for words in _BUGS) else []
    return found + [f"less than no time: {one}" for one in re.findall(r"-\d[\d.]* (?:s|min|h)\b", told)]


def decisions(folder: Path) -> dict[Path, list[Any]]:
    """All lines of all logs of decisions."""
    return {p: read_log(p)[0] for name in ("annotations", "verdicts") for p in folder.rglob(f"{name}.jsonl")}


def lost(before: dict[Path, list[Any]], folder: Path) -> list[str]:
    now = decisions(folder)
    return [
        f"decisions lost in {path.name}" for path, lines in before.items() if now.get(path, [])[: len(lines)] != lines
    ]


def not_kept(told: str, folder: Path) -> list[str]:
    """Edits that the app showed as saved, and epochs that were told, must be there."""
    shown = max((int(line.removeprefix(SAVED)) for line in told.splitlines() if line.startswith(SAVED)), default=0)
    epoch = max((int(number) for number in _EPOCH.findall(told)), default=0)
    edits = [len(lines) for path, lines in decisions(folder).items() if path.name == "annotations.jsonl"]
    epochs = [int(line["epoch"]) for line in _lines(folder, "events.jsonl") if line.get("type") == "epoch"]
    wrong = []
    if shown > max(edits, default=0):
        wrong.append(f"{shown} edits were shown as saved, {max(edits, default=0)} are there")
    if epoch > max(epochs, default=0):
        wrong.append(f"epoch {epoch} was told, {max(epochs, default=0)} are there")
    return wrong


def _lines(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    for path in folder.rglob(name):
        yield from read_log(path)[0]


def left_over(folder: Path) -> list[str]:
    """What is temporary, and what a clock that went back would make of a duration."""
    # pymp-* is of multiprocessing; by files of eight letters Python's tempfile tries whether a folder can be written
    of_ours = (one for one in (folder / "tmp").glob("[!p]*") if not re.fullmatch("[a-z0-9_]{8}", one.name))
    found = [f"left over: {one.relative_to(folder)}" for one in {*folder.rglob(".*.part"), *of_ours}]
    negative = [line for line in _lines(folder, "*.jsonl") if any(_below_zero(line))]
    return found + [f"less than no time: {line}"[:300] for line in negative]


def _below_zero(value: Any, name: str = "") -> Iterator[bool]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _below_zero(one, key)
    elif isinstance(value, int | float) and "seconds" in name and value < 0:
        yield True


def half_files(folder: Path) -> list[str]:
    """Files under their final name that can't be read whole by those who read them in earnest."""
    found = []
    for path in folder.rglob("*"):
        aside = any(part.startswith(".") and part.endswith(".part") for part in path.relative_to(folder).parts)
        if not aside and path.is_file():
            try:
                _read(path)
            except Exception as error:  # whatever it is, the file is not whole
                found.append(f"half a file: {path.relative_to(folder)}: {error}"[:300])
    return found


def _read(path: Path) -> None:
    match path.suffix:
        case ".toml":
            tomllib.loads(path.read_text())
        case ".json":
            json.loads(path.read_text())
        case ".jsonl":
            assert read_log(path)[1] == 0, "damaged lines"
        case ".safetensors":
            read_tensors(path)
        case ".npz":
            with np.load(path) as data:
                assert all(data[name] is not None for name in data)
        case ".npy":
            np.load(path)
        case ".fcs":
            fcs = read_fcs(path)
            assert len(fcs.column(fcs.names[-1])) == fcs.event_count
        case ".png" | ".tif":
            with Image.open(path) as image:
                image.load()
        case ".acs" | ".zip":
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None
        case ".csv" | ".html" | ".svg":
            assert path.read_bytes().rstrip(b"\n")[-1:], "nothing in it"
