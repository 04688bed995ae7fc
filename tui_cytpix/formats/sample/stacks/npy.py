"""A stack of images in one NumPy array, `.npy`: (N, H, W) or (N, H, W, C), read in place, and never unpickled.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

import numpy as np

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.limits import MAX_PIXELS
from tui_cytpix.formats.bytes.source import FileBytes, SourceFile
from tui_cytpix.formats.sample.array_images import ArrayImages, Pixels
from tui_cytpix.formats.sample.linked_fcs import FcsPlace
from tui_cytpix.formats.sample.parts import Asked, SampleParts, chosen_channel

MOST_CHANNELS = 64
MAX_HEADER = 1 << 16
LEAST_WIDTH = 8  # pixels; a shorter last axis than the others counts images, not pixels
MAX_IMAGES = 1 << 24
_SHAPE = "(images, height, width) or (images, height, width, channels)"


def open_parts(path: Path, asked: Asked) -> SampleParts:
    """Image ids are places in the stack, counted from 1.

    Raises:
        SampleError: it is damaged, or no stack of numbers.
    """
    resources = contextlib.ExitStack()
    source = FileBytes(path)
    resources.callback(source.close)
    try:
        shape, dtype, start = _header(path, source)
        channels = tuple(map(str, range(1, shape[3] + 1))) if len(shape) == 4 and shape[3] > 1 else ()
        channel = chosen_channel(channels, asked.channel, 0, path) if channels else 0
    except BaseException:
        resources.close()
        raise
    count, height, width = shape[:3]
    frame = math.prod(shape[1:]) * dtype.itemsize

    def pixels(place: int) -> Pixels:
        data = source.read_at(start + place * frame, frame)
        return np.frombuffer(data, dtype).reshape(height, width, -1)[:, :, channel].astype(dtype.newbyteorder("="))

    problem = f"Which of its {len(channels)} channels is brightfield isn't stated: the first is read (--channel N)."
    return SampleParts(
        path,
        ".npy stack (ids: places from 1)",
        ArrayImages(path, [str(number) for number in range(1, count + 1)], pixels, lambda _: frame),
        asked.fcs or FcsPlace(),
        problems=(problem,) if channels and not asked.channel else (),
        channels=channels,
        channel=channels[channel] if channels else "",
        resources=resources,
    )


def _header(path: Path, source: FileBytes) -> tuple[tuple[int, ...], np.dtype[np.generic], int]:
    """Shape, type and where the numbers begin, checked against the file's size."""
    try:
        shape, by_columns, dtype, start = _stated(source)
    except Exception as error:  # numpy's parser of damaged headers raises almost anything
        raise _bad(path, f"its header is damaged ({printable(error) or type(error).__name__})") from error
    stack = "Save it as an array of numbers, " + _SHAPE + "."
    if dtype.kind not in "uifb" or dtype.itemsize > 8:
        raise _bad(path, f"it holds {printable(dtype)}, no plain numbers", stack)
    if len(shape) not in (3, 4):
        raise _bad(path, f"its shape is {shape}", stack)
    count, height, width, channels = (*shape, 1)[:4]
    if min(shape) < 1:
        raise SampleError("No images found", f"{printable(path)} is an array of shape {shape}.", stack)
    if channels > MOST_CHANNELS:
        raise _bad(path, f"its shape is {shape}, with {channels} channels", stack)
    if height < channels:
        first = f"channels seem to come before height and width, {height} of them"
        raise _bad(path, f"its shape is {shape}: {first}", _moved("1, -1"))
    if len(shape) == 3 and width < min(LEAST_WIDTH, count, height):
        last = f"images seem to lie along the last axis, {width} of them"
        raise _bad(path, f"its shape is {shape}: {last}", _moved("-1, 0"))
    if height * width * channels > MAX_PIXELS or count > MAX_IMAGES:
        raise _bad(path, f"its shape is {shape}: more than is read of one image, or of one sample")
    if by_columns and math.prod(shape) > 1:
        raise _bad(path, "it is stored column by column", "Save it by `np.save(NAME, np.ascontiguousarray(array))`.")
    size = math.prod(shape) * dtype.itemsize
    if start + size > source.size:
        raise _bad(path, f"it is cut off: {source.size - start:,} of {size:,} bytes are there", "Copy it again.")
    return shape, dtype, start


def _stated(source: FileBytes) -> tuple[tuple[int, ...], bool, np.dtype[np.generic], int]:
    file = SourceFile(source, MAX_HEADER)
    version = np.lib.format.read_magic(file)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"version {version}")
    shape, by_columns, dtype = read(file)
    return tuple(map(int, shape)), bool(by_columns), dtype, file.seek(0, 1)


def _moved(axes: str) -> str:
    return f"Save it by `np.save(NAME, np.ascontiguousarray(np.moveaxis(array, {axes})))`, which makes it {_SHAPE}."


def _bad(path: Path, why: str, way_out: str = "Save it again.") -> SampleError:
    return SampleError("The .npy can't be read", f"{printable(path)}: {why}.", way_out)
