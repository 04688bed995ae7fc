"""The process that reads one HDF5 file for another: `python -m ...child FILE`. The library is C and the file of unknown
origin, so what it does is bounded here: seconds of processor for a request, bytes of memory for all of it.

Requests come on standard input, a line of JSON each: `{"read": DATASET, "row": N}` for a frame, and without a row for
all numbers of a feature. An answer on standard output is a line of JSON and as many bytes of pixels, or of numbers, as
its `bytes` says; the first, without a request, tells what the file is (`_facts`). An `error` in an answer is a
sentence's part. The end of the input ends the process.
"""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import h5py

CPU_SECONDS = 4.0
MEMORY = 768 << 20  # bytes, beyond what Python and the libraries take
MAX_CHUNK = 256 << 20  # bytes, unpacked
MAX_FRAME = 1 << 26  # pixels
MAX_INDEX = 1 << 22  # events
MOST_FEATURES = 512
FRAMES = ("image", "mask", "image_bg")
ZSTANDARD = 32015


class RefusedError(Exception):
    """Something in the file can't be read; its text is a part of a sentence."""


def main(path: str, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answers until the requests end."""
    try:
        import h5py

        _load_filters()
    except ImportError as error:
        _send(answers, {"missing": error.name or "h5py"})
        return
    _limit_memory()
    _allow()
    try:
        file = h5py.File(path, "r", locking=False)
        told: dict[str, Any] = _facts(file)
    except Exception as error:  # h5py raises almost anything about a damaged file
        _send(answers, {"error": _opening(error)})
        return
    _send(answers, told)
    for line in requests:
        _allow()
        try:
            asked = json.loads(line)
            row = asked.get("row")
            values = _column(file, asked["read"]) if row is None else _frame(file, asked["read"], row)
        except Exception as error:
            _send(answers, {"error": _words(error)})
            continue
        _send(answers, {"shape": values.shape, "dtype": values.dtype.str, "bytes": values.nbytes}, values.tobytes())


def _load_filters() -> None:
    """Plugins are an extra: without them files that need none are read all the same."""
    try:
        import hdf5plugin  # noqa: F401
    except ImportError:
        return


def _limit_memory() -> None:
    taken = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _allow() -> None:
    """The system ends this process, in whatever library it is, once it has computed so long from now on."""
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)


def _send(answers: BinaryIO, told: dict[str, Any], pixels: bytes = b"") -> None:
    answers.write(json.dumps(told).encode("ascii") + b"\n" + pixels)
    answers.flush()


def _words(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:300]


def _opening(error: Exception) -> str:
    """Why a file can't be opened, without the library's terms where it is damaged as files mostly are."""
    words = _words(error)
    if "file signature not found" in words:
        return "it is no HDF5 file, or its beginning is damaged"
    return "it is cut off" if "truncated file" in words else words


def _facts(file: h5py.File) -> dict[str, Any]:
    """What the file states of itself; datasets that it lacks are absent."""
    events = _own(file, "events")
    if events is not None and not hasattr(events, "keys"):
        raise RefusedError("events is no group")
    found: dict[str, Any] = {"frames": {}, "unused": {}, "lengths": {}, "attributes": {}, "basins": "basins" in file}
    for name in FRAMES if events is not None else ():
        dataset = _own(events, name)
        if dataset is not None:
            try:
                found["frames"][name] = _checked(dataset, name)
            except RefusedError as error:
                if name == "image":
                    raise
                found["unused"][name] = str(error)
    for name in ("experiment:event count", "imaging:pixel size", "setup:identifier", "setup:chip region"):
        if name in file.attrs:
            value = file.attrs[name]
            found["attributes"][name] = (
                value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)[:200]
            )
    found["features"] = {} if events is None else _features(events)
    if 0 < found["features"].get("index", 0) <= MAX_INDEX:
        found["index"] = [float(value) for value in _column(file, "index")]
    return found


def _features(events: Any) -> dict[str, int]:
    """How many numbers the features have that lie in this file, by name."""
    import h5py

    found: dict[str, int] = {}
    for name in sorted(events)[: MOST_FEATURES + len(FRAMES)]:
        try:
            dataset = _own(events, name)
        except (RefusedError, KeyError):
            continue  # of another file
        if isinstance(dataset, h5py.Dataset) and dataset.ndim == 1 and dataset.dtype.kind in "uif":
            found[name] = int(dataset.shape[0])
    return found


def _own(group: Any, name: str) -> Any:
    """A member that lies in this file itself, None where there is none."""
    import h5py

    if name not in group:
        return None
    if not isinstance(group.get(name, getlink=True), h5py.HardLink | h5py.SoftLink):
        raise RefusedError(f"{name} is a link to another file")
    member = group[name]
    if isinstance(member, h5py.Dataset) and (member.is_virtual or member.external):
        raise RefusedError(f"{name} lies in other files")
    if member.file.id != group.file.id:
        raise RefusedError(f"{name} is a link to another file")
    return member


def _checked(dataset: Any, name: str) -> dict[str, Any]:
    """A dataset of frames: (rows, height, width)."""
    import h5py

    if not isinstance(dataset, h5py.Dataset):
        raise RefusedError(f"events/{name} is a group, no stack of grays")
    if dataset.ndim != 3 or dataset.dtype.kind not in "uib" or dataset.dtype.itemsize > 8:
        raise RefusedError(f"events/{name} is no stack of grays ({dataset.ndim} dimensions of {dataset.dtype})")
    _, height, width = dataset.shape
    if height * width > MAX_FRAME:
        raise RefusedError(f"events/{name} has frames of {width} x {height} pixels, more than are read")
    _check_size(dataset, height * width, name)
    return {"shape": list(dataset.shape), "lacking": _lacking(dataset)}


def _check_size(dataset: h5py.Dataset, values: int, name: str) -> None:
    """What one read unpacks is a chunk at least."""
    unpacked = math.prod(dataset.chunks or (values,)) * dataset.dtype.itemsize
    if unpacked > MAX_CHUNK:
        raise RefusedError(f"events/{name} is packed in pieces of {unpacked:,} bytes, more than are read at once")


def _lacking(dataset: h5py.Dataset) -> list[int]:
    """The numbers of the filters that unpack it and aren't there."""
    import h5py

    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(number)[0] for number in range(properties.get_nfilters())]
    return [number for number in filters if not h5py.h5z.filter_avail(number)]


def _frame(file: h5py.File, name: str, row: int) -> Any:
    if name not in FRAMES:
        raise RefusedError(f"there is no {name}")
    dataset = _own(_own(file, "events"), name)
    return dataset[row]


def _column(file: h5py.File, name: str) -> Any:
    """A feature, float64 (N,)."""
    dataset = _own(_own(file, "events"), name)
    if dataset is None or dataset.ndim != 1 or dataset.dtype.kind not in "uif" or dataset.dtype.itemsize > 8:
        raise RefusedError(f"events/{name} is no column of numbers")
    if dataset.shape[0] > MAX_INDEX:
        raise RefusedError(f"events/{name} has {dataset.shape[0]:,} values, more than the {MAX_INDEX:,} that are read")
    _check_size(dataset, dataset.shape[0], name)
    return dataset[:].astype("<f8")


if __name__ == "__main__":
    os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")
    main(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
