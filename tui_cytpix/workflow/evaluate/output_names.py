"""Which sample's results bear which name in an output folder: equal names from different folders never share one."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tui_cytpix.domain.jobs.processed import OF_TUBE
from tui_cytpix.domain.jobs.specs import SampleAtWork
from tui_cytpix.domain.sample_names import hashed_name, sample_name
from tui_cytpix.formats.bytes.atomic import create
from tui_cytpix.formats.bytes.liveness import age_s
from tui_cytpix.formats.bytes.plain_file import read_json, read_plain

_LOOK_SECONDS = 0.02  # from one look at a claim that is being written to the next
_LONGEST_WAIT = 2.0  # for it
NAMES = ".names"  # in the output folder: for each name that is taken a file that holds its sample's path


def claimed(out: Path, samples: Sequence[SampleAtWork]) -> tuple[SampleAtWork, ...]:
    """The samples under names that are theirs in the folder from now on, each once: the one they came with; or, where
    that is another file's, or several of these have it, with a hash of their path behind it. So a sample's name depends
    neither on the order in which they are given, nor on when the others come.

    Raises:
        OSError: the folder can't be written to.
    """
    each = {sample.path: sample for sample in samples}.values()
    (out / NAMES).mkdir(parents=True, exist_ok=True)
    earlier, times = _in_record(out), Counter(sample.name.casefold() for sample in each)
    found = []
    for sample in each:
        name, path = sample.name, sample.path
        hashed = hashed_name(name, path)
        alone = times[name.casefold()] == 1 and earlier.get(name, path) == path
        if _claim(out, hashed, path, may_take=False) or not _claim(out, name, path, may_take=alone):
            _claim(out, hashed, path, may_take=True)
            name = hashed
        found.append(sample.named(name))
    return tuple(found)


def names_in(out: Path, samples: Sequence[SampleAtWork]) -> tuple[SampleAtWork, ...]:
    """The samples, each once, under the names that are theirs in the folder, if any are; nothing is claimed."""
    earlier, found = _in_record(out), []
    for sample in {sample.path: sample for sample in samples}.values():
        both = (hashed_name(sample.name, sample.path), sample.name)
        names = [name for name in both if _is_claimed(out, name, sample.path)]
        names += [name for name, path in earlier.items() if path == sample.path]
        found.append(sample.named(names[0] if names else sample.name))
    return tuple(found)


def known_names(out: Path) -> dict[str, str]:
    """The names of all samples that have a record in the folder, or that a job was to do; with the paths of these that
    are claimed.
    """
    names = {name.casefold(): name for path in out.glob(f"*{OF_TUBE}") if (name := path.name.removesuffix(OF_TUBE))}
    paths = {}
    for file in (out / NAMES).glob("*"):
        if file.match(".*.part"):  # a claim that is being written
            continue
        try:
            path = os.fsdecode(read_plain(file))
            own = sample_name(Path(path))
        except OSError:
            continue  # no claim of ours, or of no path that there can be
        paths[file.name] = path
        if path:
            names.setdefault(file.name, own if own.casefold() == file.name else file.name)
    return {name: paths.get(key, "") for key, name in names.items()}


def _is_claimed(out: Path, name: str, path: str) -> bool:
    """Whether the name is the path's; what is no claim that can be read is nobody's, and none is waited for."""
    try:
        return read_plain(_claim_file(out, name)) == os.fsencode(path)
    except OSError:
        return False


def _claim(out: Path, name: str, path: str, *, may_take: bool) -> bool:
    """Whether the name is the path's, or, where it may be taken, was nobody's. Names that differ in case only are one:
    on some file systems they are.
    """
    file, content = _claim_file(out, name), os.fsencode(path)
    try:
        return _claimed_for(file) == content
    except FileNotFoundError:
        if not may_take:
            return False
    return create(file, content) or _claimed_for(file) == content


def _claim_file(out: Path, name: str) -> Path:
    return out / NAMES / name.casefold()


def _claimed_for(file: Path) -> bytes:
    """The path that a claim holds. On file systems without links one that is being written is empty for a moment: of
    jobs that begin at once on one list each must see that it is theirs. One that stays empty, as its job was killed
    just then, is nobody's for ever.
    """
    while not (content := read_plain(file)) and (age := age_s(file)) is not None and age < _LONGEST_WAIT:
        time.sleep(_LOOK_SECONDS)
    return content


def _in_record(out: Path) -> dict[str, str]:
    """Names and paths of the samples that `process.json` tells of: builds before this one made no claims."""
    try:
        samples: Any = read_json(out / "process.json")["samples"]
        return {str(one["name"]): str(one["path"]) for one in samples}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
