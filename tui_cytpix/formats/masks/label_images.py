"""Masks in files as label images: one gray value per particle."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import MaskError, SampleError
from tui_cytpix.formats.bytes.names import event_of, natural_key, without_label_ending

MAX_LABELS = 0xFFFF
LABEL_FORMATS = ("TIFF", "PNG", "BMP")  # JPEG changes values
LABEL_SUFFIXES = (".png", ".tif", ".tiff")
# Of those that a TIFF may have; the others (JPEG, WebP, LogLuv) may change values.
_LOSSLESS = {"raw", "tiff_raw_16", "packbits", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "lzma", "zstd"}
_LOSSLESS |= {"tiff_ccitt", "group3", "group4"}
_FLAT = 0.8  # of the neighbours in a label image have one value, at least
_AT_ONCE = 1 << 20  # pixels; numbering takes many bytes for each


class NamedLabels(NamedTuple):
    """Label images by event id, and the files that are named after no event."""

    paths: dict[str, Path]
    unmatched: tuple[Path, ...]


class Numbered(NamedTuple):
    """A label image: uint16 (H, W), 0 background, 1..K, and what these labels are in the file, (K,), ascending."""

    labels: NDArray[np.uint16]
    values: NDArray[np.int64]


class ManyPagesError(MaskError):
    """A label image has several pages."""


def find_label_images(folder: Path) -> dict[str, Path]:
    """The label images of a folder by their own names, `NAME.png` or `NAME.tif`.

    Raises:
        MaskError: there is no such folder, it holds none, or two have one name.
    """
    found: dict[str, Path] = {}
    for path in _label_files(Path(folder)):
        _add(found, event_of(path.name), path)
    return found


def label_images_of(folder: Path, events: Collection[str]) -> NamedLabels:
    """The label images of a folder that are named after events: `EVENT.png` or `EVENT.tif`; with `_cp_masks`, `_masks`,
    `_mask` or `_label` behind the name; or, where the name is a number, with other leading zeros. Where a folder
    holds files of a name with and without such an ending, those without are images.

    Raises:
        MaskError: as `find_label_images`; or two label images are named after one event.
    """
    files = _label_files(Path(folder))
    stems = {path.stem for path in files}
    mixed = any(without_label_ending(stem) in stems for stem in stems)
    exact, numbers = set(events), _by_number(events)
    found, unmatched, images = dict[str, Path](), list[Path](), dict[str, Path]()
    for path in files:
        own = event_of(path.name)
        bare = without_label_ending(own)
        if mixed and not bare:
            images[own] = path
            continue
        names = [name for name in (own, bare) if name]
        near = [numbers[number] for name in names if (number := _number(name)) in numbers]
        if event := next((name for name in [*names, *near] if name in exact), ""):
            _add(found, event, path)
        else:
            unmatched.append(path)
    _refuse_two(found, images)
    return NamedLabels(found, tuple(unmatched))


def _label_files(folder: Path) -> list[Path]:
    way_out = "Give a folder of label images named after the events: EVENT.png or EVENT.tif."
    try:
        files = sorted((p for p in folder.iterdir() if p.is_file()), key=lambda p: natural_key(p.name))
    except OSError as error:
        detail = f"{printable(folder)}: {error.strerror}."
        raise MaskError("The folder of label images can't be read", detail, way_out) from error
    found = [path for path in files if path.suffix.lower() in LABEL_SUFFIXES and not path.name.startswith(".")]
    if not found:
        raise MaskError("No label images found", f"{printable(folder)} holds no .png or .tif.", way_out)
    return found


def _add(found: dict[str, Path], event: str, path: Path) -> None:
    if event in found:
        detail = f"{printable(path)} and {printable(found[event].name)}."
        raise MaskError("Two label images are named after one event", detail, "Leave one of them.")
    found[event] = path


def _refuse_two(labels: Mapping[str, Path], images: Mapping[str, Path]) -> None:
    """Raises:
    MaskError: what should be an image beside a label image is another label image.
    """
    beside = {event: images.get(without_label_ending(event_of(path.name))) for event, path in labels.items()}
    two = [
        (labels[event], path) for event, path in beside.items() if path is not None and _is_another(path, labels[event])
    ]
    if not two:
        return
    first, second = (printable(path.name) for path in two[0])
    detail = f"{first} and {second} in {printable(two[0][0].parent)} are both label images, and differ"
    if len(two) > 1:
        detail += f"; {len(two) - 1} more images have two, too"
    raise MaskError("Two label images are named after one event", f"{detail}.", "Leave one of them for each image.")


def _is_another(path: Path, label_image: Path) -> bool:
    """Whether a file is a label image, not an image, and other than this one: flat regions on a background of 0."""
    try:
        labels = read_label_image(path)
        same = np.array_equal(labels, read_label_image(label_image))
    except MaskError:
        return False
    right, both = labels[:, 1:], (labels[:, 1:] > 0) & (labels[:, :-1] > 0)
    flat = np.count_nonzero(both & (right == labels[:, :-1]))
    return not same and bool((labels == 0).any() and flat > 0 and flat >= _FLAT * np.count_nonzero(both))


def _number(name: str) -> str:
    """A number without its leading zeros, "" for any other name."""
    return name.lstrip("0") or "0" if name.isascii() and name.isdigit() else ""


def _by_number(events: Collection[str]) -> dict[str, str]:
    """Events whose name is a number that no other has, by that number."""
    times = Counter(number for event in events if (number := _number(event)))
    return {number: event for event in events if times[number := _number(event)] == 1}


def read_label_image(path: Path, shape: tuple[int, ...] | None = None) -> NDArray[np.uint16]:
    """The labels of `read_numbered`; raises as that does."""
    return read_numbered(path, shape).labels


def read_numbered(path: Path, shape: tuple[int, ...] | None = None) -> Numbered:
    """A label image, its labels renumbered 1..K in ascending order.

    Gray or palette PNG, TIFF or BMP of 1 to 32 bits; `shape` is its image's, where that is known.

    Raises:
        MaskError: the file can't be read, is of another size, lossily compressed or in colour, or has values that are
            no labels.
    """
    from tui_cytpix.formats.bytes.image_decode import opened, read_file, stored_pixels

    path = Path(path)
    way_out = "Save it as 16-bit gray PNG or TIFF: 0 = background, one number per cell."
    where = printable(path)
    try:
        with opened(read_file(path), str(path), LABEL_FORMATS) as picture:
            own, mode = (picture.height, picture.width), picture.mode
            if shape is not None and own != shape:
                raise MaskError(
                    "The mask is not of its image's size",
                    f"{where}: {own}, the image {shape} (rows, columns)" + _sizes_in_words(own, shape),
                    "Save the masks in the size of the images, one pixel for one.",
                )
            if (pages := getattr(picture, "n_frames", 1)) > 1:
                raise ManyPagesError(
                    f"The label image has {pages} pages",
                    f"{where}: one cell a page, or one time or depth a page, is not read.",
                    "Save one page, in which each cell has its own value (0 = background).",
                )
            packed = picture.info.get("compression")
            if picture.format == "TIFF" and packed not in _LOSSLESS:
                raise MaskError("The label image's compression may change values", f"{where}: {packed}.", way_out)
            values = stored_pixels(picture, str(path))
    except SampleError as error:
        raise MaskError("The label image can't be read", error.detail, way_out) from error
    if values.ndim != 2 or mode in ("RGB", "LA", "PA"):
        raise MaskError("The label image is in colour", f"{where} has mode {mode}.", way_out)
    parts = np.array_split(values.ravel(), values.size // _AT_ONCE + 1)
    present = np.unique(np.concatenate([np.unique(part) for part in parts]))
    if not np.isfinite(present).all() or present[0] < 0 or (present != np.rint(present)).any():
        raise _no_labels(where, present, way_out)
    first = int(present[0] != 0)  # no background at all: every pixel has a label
    highest = len(present) - 1 + first
    if highest > MAX_LABELS:
        raise MaskError("The label image has too many labels", f"{where}: {highest}.", way_out)
    labels = [(np.searchsorted(present, part) + first).astype(np.uint16) for part in parts]
    return Numbered(np.concatenate(labels).reshape(values.shape), present[1 - first :].astype(np.int64))


def _no_labels(where: str, present: NDArray[Any], way_out: str) -> MaskError:
    title = "The label image has values that are no numbers of cells"
    odd = present[np.isfinite(present)]
    odd = odd[odd != np.rint(odd)]
    if not len(odd) or present[0] < 0 or not present[-1] <= 1:
        return MaskError(title, f"{where}: such as {odd[-1]:.4g}." if len(odd) else f"{where}.", way_out)
    detail = f"{where}: values like {odd[np.abs(odd - 0.9).argmin()]:.2g} are probabilities."
    return MaskError(title, detail, "Export the masks, not the probabilities; converting these to 16-bit doesn't help.")


def _sizes_in_words(own: tuple[int, ...], shape: tuple[int, ...]) -> str:
    if own == shape[::-1]:
        return (
            ": it is transposed, or turned by 90 degrees (Fiji, if transposed: Image > Transform > Rotate 90 Degrees "
            "Right, then Flip Horizontally)."
        )
    times = own[0] / shape[0]
    return f": it is {times:g} times as large." if own[1] / shape[1] == times else "."


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
