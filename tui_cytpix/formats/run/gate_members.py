"""Which events are in which gates, as a process job is told: a file for each sample in the job's folder."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np

from tui_cytpix.domain.gate import Members
from tui_cytpix.errors import JobError
from tui_cytpix.formats.bytes.atomic import write_bytes
from tui_cytpix.formats.bytes.npz import read_npz


def _path(job: Path, place: int) -> Path:
    return job / "gates" / f"{place}.npz"


def write_members(job: Path, place: int, members: Members) -> None:
    """For the sample at that place of the job's specification."""
    content = io.BytesIO()
    names, words = np.array(members.names, np.str_), np.array(members.words, np.str_)
    np.savez_compressed(content, names=names, words=words, events=members.events, bits=members.bits)
    path = _path(job, place)
    path.parent.mkdir(exist_ok=True)
    write_bytes(path, content.getvalue())


def members_hash(job: Path, place: int) -> str:
    """Another one where other events are in the gates; "" where the job was told of none."""
    members = read_members(job, place)
    if members is None:
        return ""
    told = repr((members.names, members.words, members.events)).encode() + members.bits.tobytes()
    return hashlib.sha256(told).hexdigest()


def read_members(job: Path, place: int) -> Members | None:
    """None where the job was told of no gates.

    Raises:
        JobError: the file is damaged.
    """
    path = _path(job, place)
    if not path.exists():
        return None
    try:
        data = read_npz(path)
        names, words = data["names"].tolist(), data["words"].tolist()
        members = Members(tuple(map(str, names)), tuple(map(str, words)), int(data["events"]), data["bits"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JobError("The job's gates can't be read", f"{path}: {error}.", "Start it again.") from error
    if members.bits.dtype != np.uint8 or not members.fit:
        raise JobError("The job's gates can't be read", f"{path}: they don't go together.", "Start it again.")
    return members
