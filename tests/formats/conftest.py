"""Small instrument files, written here byte by byte, so that the package's own writers don't judge its readers."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

SIZE = 32
SCALE = 0.25
CAPTURE_XML = """<?xml version="1.0" encoding="utf-8"?>
<x:ImageCaptureSettings xmlns:x="urn:x"><x:ImageGate GateName="Single cells"/><x:ImageTotals Total="{}"/>
</x:ImageCaptureSettings>"""


class Files:
    """Builders of samples below one temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def gray16(self, seed: int = 0, size: int = SIZE) -> NDArray[np.uint16]:
        """A 10-bit image."""
        values = np.random.default_rng(seed).normal(600, 120, (size, size))
        return np.clip(values, 145, 1011).astype(np.uint16)

    def encoded(self, pixels: NDArray[np.generic], kind: str = "TIFF", **options: object) -> bytes:
        """An image file's content, by Pillow."""
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, kind, **options)
        return content.getvalue()

    def fcs(self, columns: Mapping[str, Sequence[float]], keywords: Mapping[str, str] | None = None) -> bytes:
        """An FCS 3.1 of float32, little endian."""
        data = np.stack([np.asarray(c, "<f4") for c in columns.values()], axis=1) if columns else np.zeros((0, 0))
        text = {
            "$BEGINANALYSIS": "0",
            "$ENDANALYSIS": "0",
            "$BEGINSTEXT": "0",
            "$ENDSTEXT": "0",
            "$BYTEORD": "1,2,3,4",
            "$DATATYPE": "F",
            "$MODE": "L",
            "$NEXTDATA": "0",
            "$PAR": str(data.shape[1]),
            "$TOT": str(data.shape[0]),
            "$CYT": "0A48664 Attune CytPix Flow Cytometer (Lasers: BRV6Y)",
            **(keywords or {}),
        }
        for number, name in enumerate(columns, 1):
            text |= {
                f"$P{number}{key}": value for key, value in zip("BENR", ("32", "0,0", name, "1048576"), strict=True)
            }
        start = 4096
        end = start + data.nbytes - 1
        text |= {"$BEGINDATA": str(start), "$ENDDATA": str(end)}
        body = ("|" + "|".join(f"{key}|{value}" for key, value in text.items()) + "|").encode()
        header = b"FCS3.1    " + b"".join(b"%8d" % n for n in (58, 57 + len(body), start, end, 0, 0))
        return (header + body).ljust(start) + data.astype("<f4").tobytes() + b"00000000"

    def attune_fcs(self, events: Sequence[int], rows: int = 20, scale: float = SCALE) -> bytes:
        """An FCS in whose rows 1..`rows` the given events are imaged and have areas."""
        numbers = np.arange(1, rows + 1)
        imaged = np.isin(numbers, list(events))
        pixels = np.where(imaged, numbers * 10, 0)
        return self.fcs(
            {
                "Event": numbers.tolist(),
                "FSC-A": (numbers * 1.5).tolist(),
                "ImageFlag": imaged.astype(float).tolist(),
                "NumPixels": pixels.tolist(),
                "AreaSquareMicrons": (pixels * scale**2).tolist(),
            }
        )

    def masks_json(self, objects: Sequence[Sequence[int]], particles: Sequence[Sequence[int]]) -> bytes:
        """The instrument's layout, spelled out."""
        layers = [{"masks": [{"pixelIndexes": {"indexes": list(i)}} for i in layer]} for layer in (objects, particles)]
        return json.dumps([{"version": "1.0"}, *layers]).encode()

    def zipped(self, members: Sequence[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
        """A zip's content."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", method) as archive:
            for name, data in members:
                archive.writestr(name, data)
        return content.getvalue()

    def acs_members(self, events: Sequence[int]) -> list[tuple[str, bytes]]:
        """What an `.acs` holds."""
        masks = [(f"{event}.json", self.masks_json([[event, event + 1]], [[event]])) for event in events]
        return [
            *((f"{event}.tif", self.encoded(self.gray16(event))) for event in events),
            ("tube.fcs", self.attune_fcs(events)),
            ("0A1B.masks.zip", self.zipped(masks, zipfile.ZIP_DEFLATED)),
            ("settings.xml", CAPTURE_XML.format(len(events)).encode()),
        ]

    def write(self, name: str, content: bytes) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def acs(self, events: Sequence[int] = (3, 7, 11, 12), name: str = "tube.acs", method: int = 0) -> Path:
        """A small `.acs`."""
        return self.write(name, self.zipped(self.acs_members(events), method))

    def damaged(self, content: bytes, find: bytes, put: bytes) -> bytes:
        """`content` with every `find` replaced; it must be there."""
        assert find in content
        return content.replace(find, put)

    def central(self, content: bytes, member: str, field: str, value: int) -> bytes:
        """A zip in whose central directory a member's field is a lie."""
        at = content.rindex(b"PK\x01\x02", 0, content.rindex(member.encode()))
        offset, form = {"flags": (8, "<H"), "method": (10, "<H"), "crc": (16, "<I"), "stored": (20, "<I"),
                        "size": (24, "<I"), "header": (42, "<I")}[field]  # fmt: skip
        changed = bytearray(content)
        struct.pack_into(form, changed, at + offset, value)
        return bytes(changed)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Builders of small samples."""
    return Files(tmp_path)
