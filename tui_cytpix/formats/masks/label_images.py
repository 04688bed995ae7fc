"""Masks in files as label images: one gray value per particle."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import MaskError, SampleError

MAX_LABELS = 0xFFFF
LABEL_FORMATS = ("TIFF", "PNG", "BMP")  # JPEG changes values
LABEL_SUFFIXES = (".png", ".tif", ".tiff")
# Of those that a TIFF may have; the others (JPEG, WebP, LogLuv) may change values.
_LOSSLESS = {"raw", "tiff_raw_16", "packbits", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "lzma", "zstd"}
_LOSSLESS |= {"tiff_ccitt", "group3", "group4"}
_AT_ONCE = 1 << 20  # pixels; numbering takes many bytes for each


def find_label_images(folder: Path) -> dict[str, Path]:
    """The label images of a folder, `EVENT.png` or `EVENT.tif`, by event id.

    Raises:
        MaskError: there is no such folder, it holds none, or two are named after one event.
    """
    from tui_cytpix.formats.bytes.names import natural_key

    folder = Path(folder)
    way_out = "Give a folder of label images named after the events: EVENT.png or EVENT.tif."
    try:
        files = sorted((p for p in folder.iterdir() if p.is_file()), key=lambda p: natural_key(p.name))
    except OSError as error:
        detail = f"{printable(folder)}: {error.strerror}."
        raise MaskError("The folder of label images can't be read", detail, way_out) from error
    found: dict[str, Path] = {}
    for path in files:
        if path.suffix.lower() not in LABEL_SUFFIXES or path.name.startswith("."):
            continue
        event = printable(path.stem)
        if event in found:
            detail = f"{printable(path)} and {printable(found[event].name)}."
            raise MaskError("Two label images are named after one event", detail, "Leave one of them.")
        found[event] = path
    if not found:
        raise MaskError("No label images found", f"{printable(folder)} holds no .png or .tif.", way_out)
    return found


def read_label_image(path: Path, shape: tuple[int, ...] | None = None) -> NDArray[np.uint16]:
    """A label image, uint16 (H, W): 0 background, labels renumbered 1..K in ascending order.

    Gray or palette PNG, TIFF or BMP of 1 to 32 bits; `shape` is its image's, where that is known.

    Raises:
        MaskError: the file can't be read, is of another size, lossily compressed or in colour, has values that are no
            labels, or looks like a plain foreground mask (one value, several regions), which doesn't tell particles
            apart.
    """
    from tui_cytpix.formats.bytes.image_decode import opened, read_file

    path = Path(path)
    way_out = "Save it as 16-bit gray PNG or TIFF: 0 = background, one value per particle."
    where = printable(path)
    try:
        with opened(read_file(path), str(path), LABEL_FORMATS) as picture:
            own, mode = (picture.height, picture.width), picture.mode
            if shape is not None and own != shape:
                raise MaskError(
                    "The mask is not of its image's size", f"{where}: {own}, the image {shape} (rows, columns)."
                )
            packed = picture.info.get("compression")
            if picture.format == "TIFF" and packed not in _LOSSLESS:
                raise MaskError("The label image's compression may change values", f"{where}: {packed}.", way_out)
            values = np.asarray(picture)
    except SampleError as error:
        raise MaskError("The label image can't be read", error.detail, way_out) from error
    if values.ndim != 2 or mode in ("RGB", "LA", "PA"):
        raise MaskError("The label image is in colour", f"{where} has mode {mode}.", way_out)
    parts = np.array_split(values.ravel(), values.size // _AT_ONCE + 1)
    present = np.unique(np.concatenate([np.unique(part) for part in parts]))
    if not np.isfinite(present).all() or present[0] < 0 or (present != np.rint(present)).any():
        raise MaskError("The label image has values that are no labels", f"{where}.", way_out)
    first = int(present[0] != 0)  # no background at all: every pixel has a label
    highest = len(present) - 1 + first
    if highest > MAX_LABELS:
        raise MaskError("The label image has too many labels", f"{where}: {highest}.", way_out)
    labels = [(np.searchsorted(present, part) + first).astype(np.uint16) for part in parts]
    result = np.concatenate(labels).reshape(values.shape)
    if int(present[-1]) in (255, 65535) or mode == "1":
        _refuse_plain_mask(result, where, way_out)
    return result


def _refuse_plain_mask(labels: NDArray[np.uint16], where: str, way_out: str) -> None:
    from tui_cytpix.core.objects.regions import label_objects

    regions = label_objects(labels > 0)[1] if labels.max() == 1 else 1
    if regions > 1:
        detail = f"{where} has one value for {regions} separate regions."
        raise MaskError("The label image doesn't tell particles apart", detail, way_out)


def write_label_image(path: Path, labels: NDArray[np.integer[Any]]) -> None:
    """Writes labels (H, W) as a 16-bit gray PNG, whole or not at all.

    Raises:
        MaskError: a label is negative or above 65535.
    """
    from tui_cytpix.formats.bytes.atomic import write_bytes

    write_bytes(path, encode_label_image(labels))


def encode_label_image(labels: NDArray[np.integer[Any]]) -> bytes:
    """Labels (H, W) as the content of a 16-bit gray PNG.

    Raises:
        MaskError: a label is negative or above 65535.
    """
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(checked_labels(labels)).save(content, "PNG")
    return content.getvalue()


def checked_labels(labels: NDArray[np.integer[Any]]) -> NDArray[np.uint16]:
    """Labels (H, W) as a label image holds them.

    Raises:
        MaskError: they are no (H, W), or one is negative or above 65535.
    """
    if labels.ndim != 2 or (labels.size and not 0 <= labels.min() <= labels.max() <= MAX_LABELS):
        raise MaskError("The labels don't fit into a label image", "They must be (H, W), 0 to 65535.")
    return np.ascontiguousarray(labels, np.uint16)


def segmentation_from_labels(labels: NDArray[np.integer[Any]]) -> Segmentation:
    """Mask, centroids and labels of a label image (H, W): one centroid per label, ascending, at the particle's centre
    and inside it (core.objects.centroids.centres); the labels renumbered accordingly, 1..K.
    """
    from tui_cytpix.core.objects.centroids import centres
    from tui_cytpix.core.objects.regions import compact

    return Segmentation(labels > 0, centres(labels), labels=compact(labels)[0].astype(np.uint16))
