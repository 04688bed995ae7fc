"""Simulated samples on disk, as instruments lay them out, and the truth beside them.

Image by image: a sample of any length is written in the memory of one.
"""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.formats.bytes import atomic
from tui_cytpix.formats.masks.instrument import encode_instrument_masks
from tui_cytpix.formats.masks.label_images import write_label_image
from tui_cytpix.simulate.files.instrument_masks import InstrumentAnswer, instrument_answer
from tui_cytpix.simulate.files.tube_fcs import GATE, Measuring, TubeFcs, guid, measured
from tui_cytpix.simulate.frames.events import SimulatedEvent, SimulatedSample

_WHEN = (2025, 1, 2, 9, 50, 14)  # archives of one seed are equal, byte by byte
_Take = Callable[[str, SimulatedEvent, InstrumentAnswer], object]


def truth_folder(path: Path) -> Path:
    """Where the truth of the sample at `path` lies: label images of the events' names."""
    return path.with_name(f"{path.name}.truth")


def write_acs(path: Path, sample: SimulatedSample, measuring: Measuring = measured) -> TubeFcs:
    """An `.acs`: images (uint16 TIFF), FCS, nested masks, settings and table of contents; truth beside it.

    Args:
        measuring: how the instrument calculates its image-derived parameters.
    """
    name = path.stem
    identity = str(guid(sample, "masks")).upper()
    with atomic.replacing(path) as aside, atomic.scratch_folder(path.parent) as scratch:
        masks_path, fcs_path = scratch / f"{identity}.masks.zip", scratch / f"{name}.fcs"
        members: list[str] = []
        with zipfile.ZipFile(aside, "w", zipfile.ZIP_STORED) as archive:
            with zipfile.ZipFile(masks_path, "w") as masks:

                def take(event_id: str, event: SimulatedEvent, answer: InstrumentAnswer) -> None:
                    members.append(f"{event_id}.tif")
                    _add(archive, members[-1], _encoded(event.image, "TIFF"))
                    layers = encode_instrument_masks(answer.objects, answer.particles)
                    _add(masks, f"{event_id}.json", layers, zipfile.ZIP_DEFLATED)

                table = _simulate(path, sample, take, measuring)
            table.write(fcs_path)
            for file in (fcs_path, masks_path):
                members.append(file.name)
                with archive.open(_info(file.name), "w", force_zip64=True) as target, file.open("rb") as source:
                    shutil.copyfileobj(source, target)
            settings = f"{identity}.ImageCaptureSettings.xml"
            members.append(settings)
            _add(archive, settings, _settings(len(sample)))
            _add(archive, "TOC1.xml", _contents(members, fcs_path.name))
    return table


def write_export_zip(path: Path, sample: SimulatedSample) -> TubeFcs:
    """A zip of 8-bit gray images in RGBA TIFF, LZW; FCS and truth beside it."""
    with atomic.replacing(path) as aside, zipfile.ZipFile(aside, "w", zipfile.ZIP_STORED) as archive:
        table = _simulate(path, sample, lambda e, event, _: _add(archive, f"{e}.tif", _rgba_tiff(event.image)))
    table.write(path.with_suffix(".fcs"))
    return table


def write_folder(path: Path, sample: SimulatedSample, export: bool) -> TubeFcs:
    """A folder of images, as in the zip for an `export`, else 16-bit gray PNG; FCS and truth beside it."""
    ending, encode = ("tif", _rgba_tiff) if export else ("png", _png)
    with atomic.replacing_folder(path) as folder:

        def take(event_id: str, event: SimulatedEvent, _answer: InstrumentAnswer) -> None:
            (folder / f"{event_id}.{ending}").write_bytes(encode(event.image))

        table = _simulate(path, sample, take)
    table.write(path.with_name(f"{path.name}.fcs"))
    return table


def _simulate(path: Path, sample: SimulatedSample, take: _Take, measuring: Measuring = measured) -> TubeFcs:
    """Makes every event, hands it on and writes its truth."""
    table = TubeFcs(sample, measuring)
    with atomic.replacing_folder(truth_folder(path)) as truth:
        for index, event_id in enumerate(table.event_ids):
            event = sample[index]
            answer = instrument_answer(event, np.random.default_rng([sample.seed, 3, index]))
            table.record(index, event, answer)
            take(event_id, event, answer)
            write_label_image(truth / f"{event_id}.png", event.labels)
    return table


def _info(name: str, compression: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _WHEN)
    info.compress_type = compression
    info.external_attr = 0o644 << 16
    return info


def _add(archive: zipfile.ZipFile, name: str, data: bytes, compression: int = zipfile.ZIP_STORED) -> None:
    archive.writestr(_info(name, compression), data)


def _encoded(pixels: NDArray[Any], kind: str, **options: object) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def _rgba_tiff(image: NDArray[np.uint16]) -> bytes:
    """8-bit gray in RGBA, LZW: the upper 8 of the 10 bits, opaque."""
    gray = (image >> 2).astype(np.uint8)
    pixels = np.stack([gray, gray, gray, np.full_like(gray, 255)], axis=-1)
    return _encoded(pixels, "TIFF", compression="tiff_lzw")


def _png(image: NDArray[np.uint16]) -> bytes:
    return _encoded(image, "PNG", compress_level=4)


def _settings(images: int) -> bytes:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<ImageCaptureSettings Version="1.0">\n'
        f"  <ImageGate GateName={quoteattr(GATE)} />\n"
        f'  <ImageTotals Total="{images}" Cap="{images}" />\n'
        "</ImageCaptureSettings>\n"
    ).encode()


def _contents(members: list[str], fcs: str) -> bytes:
    """The archive's table of contents, every image associated with the FCS."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>', '<toc:TOC xmlns:toc="http://www.isac-net.org/std/ACS/1.0/toc/">']
    for member in members:
        if member == fcs:
            lines.append(f"  <toc:file toc:URI={quoteattr(f'file:///{member}')} />")
            continue
        lines.append(f"  <toc:file toc:URI={quoteattr(f'file:///{member}')}>")
        lines.append(f'    <toc:associated toc:with={quoteattr(f"file:///{fcs}")} toc:relationship="event data" />')
        lines.append("  </toc:file>")
    return "\n".join([*lines, "</toc:TOC>", ""]).encode()
