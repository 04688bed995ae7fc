"""How an output folder came to be: `process.json`, made of the records of all tubes that are there.

Several jobs may write into one folder at a time, and one may do a tube again: each writes the records of its own tubes
(`formats.run.tube_records`), and one at a time makes `process.json` of whatever records there are.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tui_cytpix.domain.jobs.processed import OF_TUBE, RECORD
from tui_cytpix.errors import RunError
from tui_cytpix.formats.bytes.atomic import write_through
from tui_cytpix.formats.run.job import JOB
from tui_cytpix.formats.run.lease import Lease
from tui_cytpix.formats.run.tube_records import read_plain_record

MOST_FAILURES = 200  # told in full; the number is told in any case
_LOOK_SECONDS = 0.05


def write_together(out: Path, job: Mapping[str, Any], check: Callable[[], None] = lambda: None) -> Path:
    """Writes `process.json`: what is said of this job, with its `failures` that are of no tube in the folder, and of
    every tube that is. Jobs do so one after the other, each after its tubes' records, so that the last has seen all.

    Args:
        check: is asked while another job is at it; what it raises ends the waiting.
    """
    path, aside = out / RECORD, out / JOB / f"{RECORD}.part"
    aside.parent.mkdir(exist_ok=True)
    lease = Lease(out / JOB / f"{RECORD}.lease", RECORD)
    while True:
        try:
            lease.acquire()
            break
        except RunError:
            check()
            time.sleep(_LOOK_SECONDS)
    try:
        write_through(aside, path, json.dumps({**job, **_summary(job, _records(out))}, indent=1))
    finally:
        lease.release()
    return path


def _records(out: Path) -> list[dict[str, Any]]:
    """In the order of the tubes' names."""
    names = sorted(path.name.removesuffix(OF_TUBE) for path in out.glob(f"*{OF_TUBE}"))
    return [record for name in names if (record := read_plain_record(out, name)) is not None]


def _summary(job: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of all tubes; of those that could not be processed, what failed."""
    own = ("labels", "gate", "size_cutoff_um", "formats", "time", "failed", "problems")
    done = [one for one in records if one.get("done")]
    failures = [*job["failures"], *(failure for one in records for failure in one.get("failures", ()))]
    return {
        **{key: ", ".join(sorted({one[key] for one in done if one.get(key)})) for key in ("device", "arithmetic")},
        "samples": [{**one["sample"], **{key: one[key] for key in own if key in one}} for one in done],
        "zooms": {one["sample"]["name"]: one.get("zoom") for one in done},
        "images": sum(one.get("images", 0) for one in records),
        "failed": job["failed"] + sum(one.get("failed", 0) for one in records),
        "failures": failures[:MOST_FAILURES],
        "notes": list(dict.fromkeys(note for one in records for note in one.get("notes", ()))),
    }
