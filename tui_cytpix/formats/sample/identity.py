"""What tells whether an image, or a sample, is the same one: hashes of their pixels and of their files.

Two levels. An image's `pixel_digest` is taken of the decoded pixels, whenever it is read: it is the same under any
name, in any container, packed in any way. A sample's `fingerprint` costs no more than opening it: it is what an
archive's index or a folder's listing states of every image file, and of a folder the content of some, too.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.plain_file import open_plain

if TYPE_CHECKING:
    from tui_cytpix.formats.bytes.image_decode import Gray
    from tui_cytpix.formats.sample.parts import ImageStore

READ_OF_A_FOLDER = 64  # images
STATED, PARTLY_READ = "images-crc32:", "images-spread:"
_ENDS, _NAMES = "ends-sha256:", "names-sha256:"  # of earlier builds
_MEBIBYTE = 1 << 20
T = TypeVar("T")


def pixel_digest(image: Gray) -> str:
    """16 hex digits of the SHA-256 of (height, width) and of the gray values, (H, W): the same for 8-bit values in a
    16-bit file. Two different images share one with a chance of 1 in 2^64.
    """
    digest = hashlib.sha256(np.asarray(image.shape, "<u4").tobytes())
    digest.update(np.ascontiguousarray(image, "<u2").tobytes())
    return digest.hexdigest()[:16]


def of_many(digests: Iterable[str]) -> str:
    """One hash of many images' digests, whatever the images are called and however they are ordered."""
    return "pixels-sha256:" + hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def fingerprint(images: ImageStore) -> str:
    """A hash of every image's event id, file size and CRC-32, as the sample's container states them; of an image
    folder, which states none, the CRC-32 of 64 files at even distances is computed.

    So in an archive any change of any image file changes it (but for 1 in 4 billion), if what changed it keeps the
    archive's index right; otherwise the image can't be read (its checksum is wrong). In a folder any file that is
    added, renamed, gone or of another size changes it, and any other content of one of the 64; the others' is noticed
    by their `pixel_digest` where it is known. Where the sample lies, what it is called, how an archive is packed, and
    its FCS, masks and other members don't matter.
    """
    digest, stated = hashlib.sha256(), True
    read = set(spread(images.events, READ_OF_A_FOLDER))
    for event in images.events:
        size, crc = images.stated(event)
        if crc is None:
            stated, crc = False, _crc(images, event) if event in read else 0
        digest.update(f"{event}\0{size}\0{crc}\n".encode("utf-8", "surrogateescape"))
    return (STATED if stated else PARTLY_READ) + digest.hexdigest()


def _crc(images: ImageStore, event: str) -> int:
    """-1 where it can't be read."""
    try:
        return zlib.crc32(images.read(event))
    except SampleError:
        return -1


def is_of_earlier_builds(known: str) -> bool:
    return known.startswith((_ENDS, _NAMES))


def fingerprint_of_earlier_builds(path: Path) -> str:
    """As it was taken before samples were told apart by their images: of a file's size, first and last mebibyte, or of
    the names in a folder.
    """
    digest = hashlib.sha256()
    if path.is_dir():
        for name in sorted(p.name for p in path.iterdir()):
            digest.update(name.encode("utf-8", "surrogateescape") + b"\0")
        return _NAMES + digest.hexdigest()
    size = path.stat().st_size
    digest.update(str(size).encode())
    with open_plain(path) as file:
        digest.update(file.read(_MEBIBYTE))
        file.seek(max(0, size - _MEBIBYTE))
        digest.update(file.read(_MEBIBYTE))
    return _ENDS + digest.hexdigest()


def spread(events: Sequence[T], most: int) -> Sequence[T]:
    """Up to `most` events at even distances, the first and the last among them."""
    if len(events) <= most:
        return events
    return [events[round(k * (len(events) - 1) / (most - 1))] for k in range(most)]
