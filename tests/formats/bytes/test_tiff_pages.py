"""Pages of TIFF files, each as a file of its own; tifffile is the outside judge."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile

from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.image_decode import decode_gray
from tui_cytpix.formats.bytes.read_plain_tiff import read_plain_tiff
from tui_cytpix.formats.bytes.source import MemoryBytes
from tui_cytpix.formats.bytes.tiff_pages import PAGE_NAME, TiffPages
from tui_cytpix.formats.bytes.write_plain_tiff import encode_plain_tiff

STACK = np.random.default_rng(1).integers(100, 900, (5, 21, 34)).astype(np.uint16)


def written(stack, **options) -> bytes:
    content = io.BytesIO()
    tifffile.imwrite(content, stack, **options)
    return content.getvalue()


def pages(content: bytes) -> TiffPages:
    return TiffPages(MemoryBytes(content), "stack.tif")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byteorder": ">"},
        {"bigtiff": True},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": True},
        {"rowsperstrip": 4},
        {"rowsperstrip": 4, "compression": "zlib", "bigtiff": True, "byteorder": ">"},
        {"tile": (16, 16)},
        {"ome": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_every_page_is_a_file_of_its_own(options, kind):
    stack = (STACK >> 2).astype(kind) if kind is np.uint8 else STACK
    content = written(stack, photometric="minisblack", **options)
    found = pages(content)
    assert len(found.pages) == len(stack)
    for page, expected in zip(found.pages, stack, strict=True):
        assert found.shape(page) == expected.shape
        single = found.page_file(page)
        assert np.array_equal(tifffile.imread(io.BytesIO(single)), expected)
        assert np.array_equal(decode_gray(single, "page"), expected)


@pytest.mark.parametrize("kind", ["<f2", "<f4", "<f8", ">f4"])
@pytest.mark.parametrize("rows", [None, 5])
def test_pages_of_floating_point_numbers(kind, rows):
    stack = STACK.astype(kind) / 7
    content = written(stack, photometric="minisblack", rowsperstrip=rows, byteorder=kind[0])
    found = pages(content)
    for page, expected in zip(found.pages, stack, strict=True):
        assert found.is_float(page)
        assert np.array_equal(found.plain_floats(page), expected)
    grays = pages(written(STACK))
    assert grays.plain_floats(grays.pages[0]) is None


def test_names_and_thumbnails():
    content = io.BytesIO()
    with tifffile.TiffWriter(content) as file:
        file.write(STACK[0], extratags=[(PAGE_NAME, 2, None, "LightLoss (Blue)", True)], metadata=None)
        file.write(STACK[1, :8, :8], subfiletype=1, metadata=None)
    found = pages(content.getvalue())
    assert [found.text(page, PAGE_NAME) for page in found.pages] == ["LightLoss (Blue)", ""]
    assert [found.is_reduced(page) for page in found.pages] == [False, True]


def test_what_is_no_tiff_or_goes_round_is_refused():
    content = written(STACK, metadata=None)
    first = int.from_bytes(content[4:8], "little")
    link = first + 2 + 12 * int.from_bytes(content[first : first + 2], "little")
    circle = content[:link] + first.to_bytes(4, "little") + content[link + 4 :]
    for damaged, why in (
        (b"II*\0" + bytes(12), "no page"),
        (b"", "no TIFF"),
        (b"GIF89a  ", "no TIFF"),
        (circle, "circle"),
        (content[:link], "past its end"),
    ):
        with pytest.raises(SampleError, match=why):
            pages(damaged)


def test_a_giant_page_is_refused_before_it_is_read():
    content = bytearray(written(STACK, metadata=None))
    first = int.from_bytes(content[4:8], "little")
    for at in range(first + 2, first + 2 + 24, 12):
        content[at + 2 : at + 12] = b"\x04\0\x01\0\0\0" + (1 << 20).to_bytes(4, "little")
    found = pages(bytes(content))
    with pytest.raises(SampleError, match="more than"):
        found.page_file(found.pages[0])


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_plain_tiff_files_are_written(kind):
    pixels = (STACK[0] >> 2).astype(kind)
    content = encode_plain_tiff(pixels)
    assert np.array_equal(tifffile.imread(io.BytesIO(content)), pixels)
    assert np.array_equal(read_plain_tiff(content, 1 << 20), pixels)
    assert np.array_equal(decode_gray(encode_plain_tiff(pixels.astype(pixels.dtype.newbyteorder(">"))), "x"), pixels)
