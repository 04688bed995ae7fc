"""The tubes in an output folder: their records, who is at which, and whether what is there is what is asked for.

A tube's files are made in a folder of its own, `.job/unfinished/NAME`, by the job that holds its lease,
`.job/leases/NAME`; they take their places when all are whole, and the record comes last. Of a large tube parts are made
before that, in `.job/parts/NAME`, by several jobs perhaps, each by who holds its lease (`engine.process.tube_parts`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tui_cytpix.domain.jobs.processed import OF_TUBE, TubeRecord
from tui_cytpix.domain.jobs.specs import SampleAtWork
from tui_cytpix.domain.plain_values import from_plain
from tui_cytpix.errors import RunError
from tui_cytpix.formats.bytes.atomic import sync_folder, write_through
from tui_cytpix.formats.bytes.plain_file import read_json
from tui_cytpix.formats.fcs.read import FcsFile
from tui_cytpix.formats.outputs.registry import file_names
from tui_cytpix.formats.run.job import JOB
from tui_cytpix.formats.run.lease import Lease
from tui_cytpix.formats.sample.file_states import FileStates
from tui_cytpix.formats.sample.registry import open_sample

_OF_PART = ".lease"


def record_path(out: Path, name: str) -> Path:
    return out / f"{name}{OF_TUBE}"


def _read(out: Path, name: str) -> tuple[dict[str, Any], TubeRecord] | None:
    try:
        plain: dict[str, Any] = read_json(record_path(out, name))
        return plain, from_plain(TubeRecord, plain)
    except (OSError, ValueError):
        return None


def read_plain_record(out: Path, name: str) -> dict[str, Any] | None:
    """As the file has it; None where there is none, or it is damaged or no record of ours."""
    found = _read(out, name)
    return None if found is None else found[0]


def read_record(out: Path, name: str) -> TubeRecord | None:
    """None where there is none, or it is damaged."""
    found = _read(out, name)
    return None if found is None else found[1]


def make_room(out: Path) -> None:
    """Makes the output folder, with what jobs need in it.

    Raises:
        OSError: it can't be made.
    """
    for folder in (_leases(out), unfinished(out)):
        folder.mkdir(parents=True, exist_ok=True)


def _leases(out: Path) -> Path:
    return out / JOB / "leases"


def lease_of(out: Path, name: str) -> Lease:
    return Lease(_leases(out) / name, name)


def unfinished(out: Path) -> Path:
    """Of the tubes that jobs are at."""
    return out / JOB / "unfinished"


def parts_of(out: Path, name: str) -> Path:
    """Of a large tube that is being made."""
    return _parts(out) / name


def _parts(out: Path) -> Path:
    return out / JOB / "parts"


def part_lease(out: Path, name: str, part: int) -> Lease:
    return Lease(parts_of(out, name) / f"{part}{_OF_PART}", name)


def in_use(out: Path, name: str) -> bool:
    """Whether a job is at the tube, or at a part of it."""
    leases = parts_of(out, name).glob(f"*{_OF_PART}")
    return lease_of(out, name).in_use or any(Lease(path, name).in_use for path in leases)


def parts_made(out: Path, name: str) -> int:
    """How many parts of a large tube are there."""
    return sum(path.name.isdecimal() for path in parts_of(out, name).glob("*"))


@contextlib.contextmanager
def workplace(out: Path, name: str) -> Iterator[Path]:
    """The folder in which a tube's files are made, empty; to be had by who holds its lease."""
    folder = unfinished(out) / name
    shutil.rmtree(folder, ignore_errors=True)  # of a job that was killed
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_in_place(folder: Path, out: Path, name: str, names: list[str]) -> list[Path]:
    """Files of a tube, and folders, take their places in `out`; before that its record goes, which told of others."""
    record_path(out, name).unlink(missing_ok=True)
    for one in names:
        if (out / one).is_dir():
            shutil.rmtree(out / one)
        (folder / one).replace(out / one)
    sync_folder(out)
    return [out / one for one in names]


def write_record(out: Path, name: str, record: Mapping[str, Any], aside: Path) -> Path:
    """Writes a tube's record, by way of a folder of the tube's own."""
    write_through(aside / OF_TUBE, record_path(out, name), json.dumps(record, indent=1))
    return record_path(out, name)


def relabel(out: Path, name: str, labels: Mapping[str, str]) -> None:
    """What is said of a tube now, in a sample sheet, goes into its record; not where another job is at the tube."""
    lease = lease_of(out, name)
    with contextlib.suppress(RunError):
        lease.acquire()
        try:
            if (record := read_plain_record(out, name)) is not None:
                with workplace(out, name) as aside:
                    write_record(out, name, {**record, "labels": labels}, aside)
        finally:
            lease.release()


def sizes(out: Path, names: list[str]) -> dict[str, int | None]:
    return {name: None if (out / name).is_dir() else (out / name).stat().st_size for name in names}


def missing_outputs(out: Path, record: TubeRecord) -> list[str]:
    """Those of a record that are gone, or of another size. Of a folder only whether it is there is looked at."""
    return [name for name, size in record.outputs.items() if not _stands(out / name, size)]


def _stands(path: Path, size: int | None) -> bool:
    try:
        return path.is_dir() if size is None else path.stat().st_size == size
    except OSError:
        return False


def remove_other_outputs(out: Path, name: str, before: TubeRecord, kept: Mapping[str, Any]) -> list[str]:
    """Removes files that a record tells of, but for those `kept`; returns their names."""
    formats = before.asked.formats if before.asked is not None else ()
    gone = [one for one in file_names(name, formats) if one in before.outputs and one not in kept]
    for one in gone:
        if (out / one).is_dir():
            shutil.rmtree(out / one)
        else:
            (out / one).unlink(missing_ok=True)
    return gone


def fcs_hash(fcs: FcsFile | None) -> str:
    """Of all that an FCS tells; "" where there is none."""
    if fcs is None:
        return ""
    digest = hashlib.sha256(repr(list(fcs.text.items())).encode("utf-8", "surrogateescape"))
    digest.update(fcs.data.data)
    return digest.hexdigest()


def inputs_differ(record: TubeRecord, sample: SampleAtWork, states: FileStates) -> str:
    """What of a tube's files is not what it was, in words; "" where all is. Only where a size or a time of change is
    another one the tube is opened.

    Raises:
        CytpixError, OSError: it can't be opened.
    """
    if sample.fingerprint not in ("", record.sample.fingerprint):
        return "other images"
    if record.files == states.of(Path(sample.path)):
        return ""
    if record.masks:
        return "other files"
    with open_sample(Path(sample.path), None, sample.channel) as reader:
        if reader.fingerprint() != record.sample.fingerprint:
            return "other images"
        return "" if fcs_hash(reader.open_fcs()) == record.fcs else "another FCS"


def clear_leftovers(out: Path) -> None:
    """Removes what jobs that were killed left behind; what living ones are at stays, as do parts of tubes that are to
    be put together yet.
    """
    for path in _parts(out).glob("[!.]*"):
        record = read_record(out, path.name)
        if record is not None and record.done and not in_use(out, path.name):
            shutil.rmtree(path, ignore_errors=True)
    for folder in (unfinished(out), _leases(out)):
        for path in folder.glob("[!.]*"):
            lease = lease_of(out, path.name)
            with contextlib.suppress(RunError):
                lease.acquire()
                shutil.rmtree(unfinished(out) / path.name, ignore_errors=True)
                lease.release()
