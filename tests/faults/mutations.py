"""Damaged copies of files, the same for a seed: of their bytes, of the values that they say, and other things in their
place.
"""

from __future__ import annotations

import functools
import io
import os
import random
import re
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 60 60\n%%EndComments\n{ } loop\nshowpage\n"
TEXTS = (".toml", ".jsonl", ".json", ".csv", ".wsp", ".xml", ".lease", ".txt", ".adc", ".hdr")
UNREADABLE = "no permission"
_NUMBERS = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFF, 1 << 24)
_LONG_NUMBERS = (0, 1 << 31, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
_PIECES = ("-1", "1e999", "nan", "0", "9" * 20, "4294967295", "", "\n", ",,,", "1e9", "\0", "\x1b[2J", "\u202e")
_VALUE = re.compile(rb'"(?:[^"\\\n]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|\btrue\b|\bfalse\b|\bnull\b')
_VALUES = (
    *(b"0 1 -1 -7 0.5 1e308 -1e308 1e400 NaN nan inf -inf true false null [] {} [1] [[1,2]]".split()),
    str(2**31).encode(),
    str(2**63).encode(),
    str(2**70).encode(),
    b"1" + b"0" * 400,
    b"9" * 5000,
    b'""',
    b'"a"',
    b'"../../../../etc/passwd"',
    b'"/dev/zero"',
    b'"\\u0000"',
    b'"\\u001b[2J"',
    b'"1"',
    b'"' + b"x" * 5000 + b'"',
    '"\N{SUPERSCRIPT TWO}"'.encode(),
    b'{"a": 1}',
    b"[" * 5000 + b"]" * 5000,
    b"",
)


def mutate(path: Path, content: bytes, seed: int) -> str:
    """Puts a damaged copy of `content` to `path`, or something else in its place. Says which kind of damage it is."""
    dice = random.Random(seed)
    kind = dice.random()
    if kind < 0.12:
        name, put = dice.choice(list(_INSTEAD.items()))
        put(path, content)
        return name
    if kind < 0.6 and path.suffix in TEXTS:
        path.write_bytes(other_values(content, dice))
        return "values"
    if content[:2] == b"PK" and kind < 0.5:
        path.write_bytes(repacked(content, dice))
        return "member"
    path.write_bytes(damaged(content, dice))
    return "bytes"


def damaged(content: bytes, dice: random.Random) -> bytes:
    """One to eight damages: bytes changed, cut off, taken out, doubled, all 0 or 255, or a number of 4 or 8 bytes or of
    digits replaced. Half of the places are near the start or the end, where formats say what follows.
    """
    data = bytearray(content)
    for _ in range(dice.choice((1, 1, 2, 4, 8))):
        if not data:
            return b""
        near, where = min(len(data), 2048), dice.random()
        at = dice.randrange(near) if where < 0.35 else dice.randrange(len(data)) if where < 0.85 else len(data) - near
        length, kind = dice.randrange(1, 64), dice.randrange(10)
        if kind <= 1:
            data[at] ^= 1 << dice.randrange(8)
        elif kind == 2:
            data[at : at + length] = dice.randbytes(len(data[at : at + length]))
        elif kind == 3:
            data[at : at + length] = bytes([dice.choice((0, 255))]) * len(data[at : at + length])
        elif kind == 4:
            del data[at : at + length]
        elif kind == 5:
            data[at:at] = data[at : at + length]
        elif kind == 6:
            data[at : at + 4] = struct.pack(dice.choice("<>") + "I", dice.choice((*_NUMBERS, at, len(data))))
        elif kind == 7:
            data[at : at + 8] = struct.pack("<Q", dice.choice(_LONG_NUMBERS))
        elif kind == 8:
            data[at : at + dice.randrange(1, 6)] = dice.choice(_PIECES).encode()
        else:
            del data[at:]
    return bytes(data)


def other_values(content: bytes, dice: random.Random) -> bytes:
    """One to three of the values of a text are others: of another type, not finite, huge, very long, nested deeply, or
    another value of the same text.
    """
    for _ in range(dice.choice((1, 1, 2, 3))):
        found = list(_VALUE.finditer(content))
        if not found:
            return damaged(content, dice)
        one = dice.choice(found)
        value = dice.choice(found)[0] if dice.random() < 0.2 else dice.choice(_VALUES)
        content = content[: one.start()] + value + content[one.end() :]
    return content


def repacked(content: bytes, dice: random.Random) -> bytes:
    """A zip archive of the same members, one of which is damaged: so its checksum holds, as a malicious one's would."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {info.filename: archive.read(info) for info in archive.infolist()}
    except Exception:  # no zip archive that zipfile reads
        return damaged(content, dice)
    name = dice.choice(list(members))
    members[name] = (
        _other_array(dice) if name.endswith(".npy") and dice.random() < 0.3 else damaged(members[name], dice)
    )
    if dice.random() < 0.2:
        del members[dice.choice(list(members))]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


def _other_array(dice: random.Random) -> bytes:
    file = io.BytesIO()
    arrays = (
        np.zeros(0),
        np.zeros((0, 2), np.float32),
        np.full(3, np.nan),
        np.full(5, 1e308),
        np.full((2, 2, 2), 2**62),
        np.array(["a", "x" * 3000]),
        np.array(7),
        np.array("no\x1b[2Jword"),
        np.full(50, -1),
        np.ones(4, bool),
        np.ones(3, complex),
    )
    np.save(file, dice.choice(arrays))
    return file.getvalue()


def npy_claiming(shape: tuple[int, ...], kind: str = "<f4") -> bytes:
    """The head of an array, with a few bytes behind it."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})
    return file.getvalue() + bytes(100)


_BOMB = (1 << 30) + (1 << 26)


def bomb(content: bytes) -> bytes:
    """A zip archive whose members have the names of this one's, and one unpacks to more than 1 GiB from 5 MB."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _bomb(tuple(archive.namelist()))
    except Exception:  # no zip archive
        return _bomb(("masks.npy",))


@functools.cache
def _bomb(names: tuple[str, ...]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in names[:-1]:
            archive.writestr(name, npy_claiming((25,)))
        with archive.open(names[-1], "w", force_zip64=True) as member:
            member.write(npy_claiming((_BOMB,), "|u1")[:-100])
            for _ in range(_BOMB >> 24):
                member.write(bytes(1 << 24))
    return packed.getvalue()


def _write_bomb(path: Path, content: bytes) -> None:
    path.write_bytes(bomb(content) if content[:2] == b"PK" else npy_claiming((100_000, 100_000)))


def _in_place(path: Path, put: Callable[[Path], object]) -> None:
    path.unlink(missing_ok=True)
    put(path)


def _unreadable(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0)


def _sparse(path: Path, content: bytes) -> None:
    """Honest at its start, then 6 GB of nothing, which take no room."""
    path.write_bytes(content)
    os.truncate(path, 6 << 30)


_INSTEAD: dict[str, Callable[[Path, bytes], object]] = {
    "PostScript": lambda path, _: path.write_bytes(POSTSCRIPT),
    "zip bomb": _write_bomb,
    "npy of 40 GB": lambda path, _: path.write_bytes(npy_claiming((100_000, 100_000))),
    "FIFO": lambda path, _: _in_place(path, os.mkfifo),
    "folder": lambda path, _: _in_place(path, Path.mkdir),
    "link loop": lambda path, _: _in_place(path, lambda place: place.symlink_to(place.name)),
    "endless device": lambda path, _: _in_place(path, lambda place: place.symlink_to("/dev/zero")),
    "empty": lambda path, _: path.write_bytes(b""),
    UNREADABLE: _unreadable,
    "gone": lambda path, _: path.unlink(missing_ok=True),
    "deep JSON": lambda path, _: path.write_bytes(b"[" * 200_000 + b"]" * 200_000 + b"\n"),
    "long line": lambda path, _: path.write_bytes(b"a" * (8 << 20)),
    "sparse": _sparse,
}


def put_back(path: Path, content: bytes) -> None:
    """The file as it was, whatever lies there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.is_symlink() or not path.is_file():
        path.unlink(missing_ok=True)
    else:
        path.chmod(0o644)
    path.write_bytes(content)
