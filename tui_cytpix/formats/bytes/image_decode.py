"""Bytes of an image file to gray pixels; nothing in the file is believed before it was checked.

The one place that decodes images. Pillow picks a decoder by what a file holds, not by its name, and some start another
program (PostScript: Ghostscript), so each caller says which kinds it takes.
"""

from __future__ import annotations

import contextlib
import functools
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import CytpixError, SampleError
from tui_cytpix.formats.bytes.read_plain_tiff import read_plain_tiff

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 1 << 26  # 8192 x 8192; below the size at which Pillow itself warns
MAX_IMAGE_BYTES = 256 << 20
KINDS = ("TIFF", "PNG", "BMP", "JPEG")

Gray = NDArray[np.uint8] | NDArray[np.uint16]


def decode_gray(data: bytes, label: str, formats: tuple[str, ...] = KINDS) -> Gray:
    """Gray pixels of an image file's content: uint8 or uint16 (H, W), read-only.

    RGBA with R = G = B gives R; other colours give their luma (ITU-R 601); palettes and 1-bit images give 8 bits.

    Args:
        data: content of a TIFF (first page), PNG, BMP or JPEG file.
        label: its name for messages.
        formats: which of these kinds it may be.

    Raises:
        SampleError: it is empty, damaged, larger than 2^26 pixels, blank (one gray value throughout), or of a kind
            that has no gray of 8 or 16 bits.
    """
    if not data:
        raise _bad(label, "the file is empty")
    pixels = read_plain_tiff(data, MAX_PIXELS) if "TIFF" in formats else None
    if pixels is None:
        with opened(data, label, formats) as picture:
            pixels = _gray(picture, label)
    if pixels.min() == pixels.max():
        raise _bad(label, f"it is blank, every pixel is {pixels.flat[0]}")
    return pixels


def image_header(data: bytes, label: str) -> tuple[int, int, int]:
    """(height, width, pages) from the headers alone; raises as `decode_gray`, except that pixels aren't looked at."""
    if not data:
        raise _bad(label, "the file is empty")
    with opened(data, label) as picture:
        return picture.height, picture.width, int(getattr(picture, "n_frames", 1))


@contextlib.contextmanager
def opened(data: bytes, label: str, formats: tuple[str, ...] = KINDS) -> Iterator[Image.Image]:
    """An image by Pillow, its kind and size checked, its pixels not yet decoded; every error within that is
    not ours becomes a SampleError.
    """
    _prepare_pillow()
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=formats) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise _bad(label, f"{width} x {height} pixels are more than the {MAX_PIXELS:,} that are read")
            yield picture
    except CytpixError:
        raise
    except Exception as error:  # a damaged file makes Pillow's readers raise almost anything
        reason = str(error) if not isinstance(error, UnidentifiedImageError) else f"it is no {_either(formats)}"
        raise _bad(label, printable(reason) or type(error).__name__) from error


def _gray(picture: Image.Image, label: str) -> Gray:
    tiles = getattr(picture, "tile", None)
    raw_mode = str(tiles[0][3]) if tiles else ""
    if picture.mode in ("1", "P", "L", "LA", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV"):
        if picture.mode != "L" and ";16" in raw_mode:
            # Pillow would keep the upper byte only, which of a 10-bit image is next to nothing
            raise _bad(label, "16-bit colour is not read; save it as 16-bit gray")
        return np.asarray(picture if picture.mode == "L" else picture.convert("L"))
    if picture.mode.startswith("I"):
        values = np.asarray(picture)
        if values.min() < 0 or values.max() > 0xFFFF:
            raise _bad(label, f"values from {values.min()} to {values.max()} don't fit into 16 bits")
        return values.astype(np.uint16)
    raise _bad(label, f"pixels of kind {picture.mode} are not read; save it as 8- or 16-bit gray")


def _either(formats: tuple[str, ...]) -> str:
    return " or ".join(filter(None, (", ".join(formats[:-1]), formats[-1])))


def _bad(label: str, why: str) -> SampleError:
    return SampleError("The image can't be read", f"{printable(label)}: {why}.", "The other images still can.")


def read_file(path: Path) -> bytes:
    """A regular file's content.

    Raises:
        SampleError: it is missing, no regular file, or larger than MAX_IMAGE_BYTES.
    """
    from tui_cytpix.formats.bytes.source import FileBytes

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
