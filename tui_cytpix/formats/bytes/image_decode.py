"""Bytes of an image file to gray pixels; nothing in the file is believed before it was checked.

The one place that decodes images. Pillow picks a decoder by what a file holds, not by its name, and some start another
program (PostScript: Ghostscript), so each caller says which kinds it takes.
"""

from __future__ import annotations

import contextlib
import functools
import io
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import CytpixError, SampleError
from tui_cytpix.formats.bytes.gray_range import GrayRange
from tui_cytpix.formats.bytes.limits import MAX_IMAGE_BYTES, MAX_PIXELS
from tui_cytpix.formats.bytes.read_plain_tiff import (
    FLOAT,
    ORIENTATION,
    PHOTOMETRIC,
    REDUCED,
    SAMPLE_FORMAT,
    SIGNED,
    SUBFILE,
    WHITE_IS_ZERO,
    described,
    leaves_black_open,
    read_plain_tiff,
    upright,
)
from tui_cytpix.formats.bytes.source import FileBytes, MemoryBytes
from tui_cytpix.formats.bytes.tiff_pages import TiffPages

if TYPE_CHECKING:
    from PIL import Image

KINDS = ("TIFF", "PNG", "BMP", "JPEG")

Gray = NDArray[np.uint8] | NDArray[np.uint16]
_HIGHEST = 0xFFFF
_SAVE_GRAY = "save it as 8- or 16-bit gray TIFF, uncompressed"
_BIG_ENDIAN_BIGTIFF = b"MM\0+"  # Pillow takes its header for a small one's
# Of these libtiff puts the bytes into the machine's order, and Pillow turns them once more.
_TURNED = {"F;32BF": "f4", "I;32BS": "i4", "I;16BS": "i2"}
if sys.byteorder == "big":
    _TURNED = {"F;32F": "f4", "I;32S": "i4", "I;16S": "i2"}


def decode_gray(
    data: bytes, label: str, formats: tuple[str, ...] = KINDS, floats: Callable[[], GrayRange] | None = None
) -> Gray:
    """Gray pixels of an image file's content: uint8 or uint16 (H, W), read-only.

    RGBA with R = G = B gives R; other colours give their luma (ITU-R 601); palettes and 1-bit images give 8 bits.
    White is the highest value and up is up, whatever the file's way of storing them.

    Args:
        data: content of a TIFF (its first page that is no thumbnail), PNG, BMP or JPEG file.
        label: its name for messages.
        formats: which of these kinds it may be.
        floats: tells how floating point values are read; None: as this image alone suggests.

    Raises:
        SampleError: it is empty, damaged, larger than 2^26 pixels, blank (one gray value throughout), or of a kind
            that has no gray of 8 or 16 bits.
    """
    pixels = decode_pixels(data, label, formats)
    if pixels.dtype.kind == "f":
        try:
            pixels = (GrayRange.of([pixels]) if floats is None else floats()).gray(pixels)
        except ValueError as error:
            raise _bad(label, str(error)) from error
    if pixels.min() == pixels.max():
        raise _bad(label, f"it is blank, every pixel is {pixels.flat[0]}")
    return pixels


def decode_pixels(data: bytes, label: str, formats: tuple[str, ...] = KINDS) -> NDArray[Any]:
    """As `decode_gray`, but blank images are no error, and floating point values come as they are, (H, W)."""
    if not data:
        raise _bad(label, "the file is empty")
    pixels = read_plain_tiff(data, MAX_PIXELS) if "TIFF" in formats else None
    if pixels is None:
        with opened(data, label, formats) as picture:
            pixels = _gray(picture, label)
    return pixels


def is_coloured(data: bytes, label: str) -> bool:
    """Whether an image has colours other than gray; raises as `decode_gray`, and reads no pixels of a gray file."""
    with opened(data, label) as picture:
        if picture.mode in ("1", "L", "LA", "F") or picture.mode.startswith("I"):
            return False
        red, green, blue = np.moveaxis(np.asarray(picture.convert("RGB")), -1, 0)
        return not (np.array_equal(red, green) and np.array_equal(red, blue))


def image_header(data: bytes, label: str) -> tuple[int, int, int]:
    """(height, width, pages) from the headers alone; raises as `decode_gray`, except that pixels aren't looked at."""
    if not data:
        raise _bad(label, "the file is empty")
    try:
        with opened(data, label) as picture:
            height, width = picture.height, picture.width
            if _turn(picture) >= 5:
                height, width = width, height
            if data.startswith(_BIG_ENDIAN_BIGTIFF):
                return height, width, len(TiffPages(MemoryBytes(data), label).pages)
            return height, width, int(getattr(picture, "n_frames", 1))
    except SampleError:
        plain = read_plain_tiff(data, MAX_PIXELS)  # reads a few kinds that Pillow doesn't
        if plain is None:
            raise
        return *plain.shape, 1


@contextlib.contextmanager
def opened(data: bytes, label: str, formats: tuple[str, ...] = KINDS) -> Iterator[Image.Image]:
    """An image by Pillow, its kind and size checked, its pixels not yet decoded; every error within that is
    not ours becomes a SampleError.
    """
    _prepare_pillow()
    from PIL import Image, UnidentifiedImageError

    try:
        if "TIFF" in formats and data.startswith(_BIG_ENDIAN_BIGTIFF):
            pages = TiffPages(MemoryBytes(data), label)
            data = pages.page_file(next((page for page in pages.pages if not pages.is_reduced(page)), pages.pages[0]))
        with Image.open(io.BytesIO(data), formats=formats) as picture:
            _pass_over_thumbnails(picture)
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise _bad(label, f"{width} x {height} pixels are more than the {MAX_PIXELS:,} that are read")
            yield picture
    except CytpixError:
        raise
    except Exception as error:  # a damaged file makes Pillow's readers raise almost anything
        reason = str(error)
        tags = described(data) if "TIFF" in formats else ""
        if tags and reason.startswith("decoder error"):
            reason = f"its pixels are damaged, or packed in a way that is not read ({tags}); {_SAVE_GRAY}"
        elif isinstance(error, UnidentifiedImageError):
            stored = f"a TIFF stored like this is not read ({tags}); {_SAVE_GRAY}"
            reason = stored if tags else f"it is no {_either(formats)}"
        raise _bad(label, printable(reason) or type(error).__name__) from error


def _pass_over_thumbnails(picture: Image.Image) -> None:
    """Goes to the first page of a TIFF that is no smaller copy of another, and no mask of one, where there is one."""
    if picture.format != "TIFF":
        return
    for page in range(getattr(picture, "n_frames", 1)) if _is_reduced(picture) else ():
        picture.seek(page)
        if not _is_reduced(picture):
            return
    if picture.tell():
        picture.seek(0)


def _is_reduced(picture: Image.Image) -> bool:
    kind = getattr(picture, "tag_v2", {}).get(SUBFILE, 0)
    return isinstance(kind, int) and bool(kind & REDUCED)


def stored_pixels(picture: Image.Image, label: str) -> NDArray[Any]:
    """An image's values, (H, W) or (H, W, C), the way up and with the gray scale that its file says.

    Raises:
        SampleError: Pillow would misread them.
    """
    tags = getattr(picture, "tag_v2", {})
    white_is_zero, format_ = tags.get(PHOTOMETRIC) == WHITE_IS_ZERO, tags.get(SAMPLE_FORMAT, (0,))[0]
    if format_ == SIGNED and picture.mode == "L":
        raise _bad(label, "signed 8-bit values (SampleFormat 2) are not read; save it as 8- or 16-bit gray")
    if white_is_zero and format_ == FLOAT:
        raise _bad(label, "floating point values with white as zero (PhotometricInterpretation 0) have no gray scale")
    tiles: list[Any] = getattr(picture, "tile", [])
    turn, (decoder, *_, how) = _turn(picture), tiles[0] if tiles else ("", "")
    values: NDArray[Any] = np.asarray(picture)
    if decoder == "libtiff" and str(how[0]) in _TURNED:
        values = values.astype(_TURNED[str(how[0])]).byteswap()
    if white_is_zero and picture.mode == "I;16":  # those of fewer bits Pillow inverts itself
        if leaves_black_open(values):
            why = f"white is zero (PhotometricInterpretation 0), and values up to {values.max()} in 16 bits"
            raise _bad(label, f"{why} don't tell which is black; save it with black as zero")
        values = np.bitwise_not(values)
    return upright(values, turn) if turn > 1 else values


def _turn(picture: Image.Image) -> int:
    """The Orientation that is still to be followed: a TIFF's Pillow follows itself."""
    turn = picture.getexif().get(ORIENTATION, 1) if picture.format in ("JPEG", "PNG") else 1
    return turn if isinstance(turn, int) and 1 <= turn <= 8 else 1


def _gray(picture: Image.Image, label: str) -> NDArray[Any]:
    tiles = getattr(picture, "tile", None)
    raw_mode = str(tiles[0][3]) if tiles else ""
    if picture.mode in ("1", "P", "LA", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV"):
        if ";16" in raw_mode:
            # Pillow would keep the upper byte only, which of a 10-bit image is next to nothing
            raise _bad(label, "16-bit colour is not read; save it as 16-bit gray")
        turn = _turn(picture)
        values = np.asarray(picture.convert("L"))
        return upright(values, turn) if turn > 1 else values
    if picture.mode in ("L", "F"):
        return stored_pixels(picture, label)
    if picture.mode.startswith("I"):
        values = stored_pixels(picture, label)
        if values.min() < 0 or values.max() > _HIGHEST:
            raise _bad(label, f"values from {values.min()} to {values.max()} don't fit into 16 bits; {_SAVE_GRAY}")
        return values.astype(np.uint16)
    raise _bad(label, f"pixels of kind {picture.mode} are not read; save it as 8- or 16-bit gray")


def _either(formats: tuple[str, ...]) -> str:
    return " or ".join(filter(None, (", ".join(formats[:-1]), formats[-1])))


def _bad(label: str, why: str) -> SampleError:
    return SampleError("The image can't be read", f"{printable(label)}: {why}.", "Other images may still be read.")


def read_file(path: Path) -> bytes:
    """A regular file's content.

    Raises:
        SampleError: it is missing, no regular file, or larger than MAX_IMAGE_BYTES.
    """
    if path.exists() and not path.is_file():
        raise _bad(str(path), "it is no regular file")
    with contextlib.closing(FileBytes(path)) as source:
        if source.size > MAX_IMAGE_BYTES:
            raise _bad(str(path), f"{source.size:,} bytes are more than the {MAX_IMAGE_BYTES:,} that are read")
        return source.read_at(0, source.size)


@functools.cache
def _prepare_pillow() -> None:
    """Keeps Pillow and its libtiff from writing to the terminal, which the app draws on; errors are still raised."""
    import ctypes
    import logging

    from PIL import Image

    logging.getLogger("PIL").addHandler(logging.NullHandler())
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    with contextlib.suppress(OSError, AttributeError):
        loaded = Path("/proc/self/maps").read_text(errors="replace").splitlines()
        # libtiff prints to the process's standard error itself, and Pillow has no switch for that
        for library in {line.split(maxsplit=5)[-1] for line in loaded if "libtiff" in line}:
            libtiff = ctypes.CDLL(library)
            for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
                function = getattr(libtiff, name)
                function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_void_p
                function(None)
