"""How an output folder came to be: a record for each sample, and `process.json`, which tells all that are there.

Several jobs may write into one folder at a time, and one may do a sample again: each writes the records of its own
samples only, and `process.json` is made of whatever records there are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tui_cytpix.domain.jobs.processed import RECORD
from tui_cytpix.formats.bytes.atomic import write_text
from tui_cytpix.formats.bytes.plain_file import read_json

OF_SAMPLE = f".{RECORD}"  # behind the sample's name
MOST_FAILURES = 200  # told in full; the number is told in any case
_ROUNDS = 100  # of looking whether other jobs were at it, too


def write_record(out: Path, name: str, record: Mapping[str, Any]) -> Path:
    """Writes a sample's record, which has what is said of the whole job, too."""
    path = out / f"{name}{OF_SAMPLE}"
    write_text(path, json.dumps(record, indent=1))
    return path


def write_together(out: Path, job: Mapping[str, Any]) -> Path:
    """Writes `process.json`: what is said of this job, with its `failures` that are of no sample in the folder, and of
    every sample that is. Where another job wrote a record meanwhile it is done again, so that whoever comes last has
    seen all.
    """
    path = out / RECORD
    for _ in range(_ROUNDS):
        found = _records(out)
        write_text(path, json.dumps({**job, **_summary(job, list(found.values()))}, indent=1))
        if _records(out).keys() == found.keys():
            break
    return path


def _records(out: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """By name and time of writing; damaged ones, and what is no record of ours, are left out."""
    found = {}
    for path in sorted(out.glob(f"*{OF_SAMPLE}")):
        try:
            written, record = path.stat().st_mtime_ns, read_json(path)
        except (OSError, ValueError):
            continue
        if isinstance(record, dict) and isinstance(record.get("sample"), dict) and "name" in record["sample"]:
            found[path.name, written] = record
    return found


def _summary(job: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of all samples; of those that could not be processed, what failed."""
    own = ("labels", "gate", "size_cutoff_um", "formats", "time", "failed", "problems")
    done = [one for one in records if one.get("done")]
    failures = [*job["failures"], *(failure for one in records for failure in one.get("failures", ()))]
    return {
        "samples": [{**one["sample"], **{key: one[key] for key in own if key in one}} for one in done],
        "zooms": {one["sample"]["name"]: one["zoom"] for one in done},
        "images": sum(one.get("images", 0) for one in records),
        "failed": job["failed"] + sum(one.get("failed", 0) for one in records),
        "failures": failures[:MOST_FAILURES],
        "notes": list(dict.fromkeys(note for one in records for note in one.get("notes", ()))),
    }
