"""Image bytes to gray: judged by tifffile, Pillow and the arrays that went in."""

from __future__ import annotations

import io
import os
import struct
import sys
import zlib

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests import children
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.gray_range import GrayRange
from tui_cytpix.formats.bytes.image_decode import decode_gray, image_header
from tui_cytpix.formats.bytes.limits import MAX_PIXELS
from tui_cytpix.formats.bytes.read_plain_tiff import read_plain_tiff

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # pytest undoes the reader's own filter


def tiff(pixels, **options):
    content = io.BytesIO()
    tifffile.imwrite(content, pixels, **options)
    return content.getvalue()


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("rowsperstrip", [None, 5])
def test_plain_tiffs_take_the_short_way(files, byteorder, dtype, rowsperstrip):
    pixels = (files.gray16() >> (0 if dtype == np.uint16 else 2)).astype(dtype)[:, :20]
    content = tiff(pixels, byteorder=byteorder, rowsperstrip=rowsperstrip, photometric="minisblack")
    short = read_plain_tiff(content, MAX_PIXELS)
    assert short is not None
    assert short.dtype == dtype
    assert np.array_equal(short, pixels)
    assert np.array_equal(decode_gray(content, "x"), pixels)


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zlib"},
        {"tile": (16, 16)},
        {"compression": "zlib", "predictor": True},
        {"bigtiff": True},
    ],
)
def test_other_gray_tiffs_take_the_long_way(files, options):
    content = tiff(files.gray16(), **options)
    assert read_plain_tiff(content, MAX_PIXELS) is None
    assert np.array_equal(decode_gray(content, "x"), files.gray16())


def test_export_rgba_gives_its_gray(files):
    gray = (files.gray16() >> 2).astype(np.uint8)
    rgba = np.dstack([gray, gray, gray, np.full_like(gray, 255)])
    for kind, options in (("TIFF", {"compression": "tiff_lzw"}), ("PNG", {}), ("TIFF", {})):
        assert np.array_equal(decode_gray(files.encoded(rgba, kind, **options), "x"), gray)
    assert np.array_equal(decode_gray(files.encoded(rgba[..., :3], "BMP"), "x"), gray)
    assert np.array_equal(decode_gray(files.encoded(gray, "BMP"), "x"), gray)
    assert np.abs(decode_gray(files.encoded(gray, "JPEG", quality=95), "x").astype(int) - gray).mean() < 4


def test_sixteen_bit_png_keeps_its_bits(files):
    assert np.array_equal(decode_gray(files.encoded(files.gray16(), "PNG"), "x"), files.gray16())


def test_every_gray_of_rgba_is_exact(files):
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(decode_gray(files.encoded(np.dstack([gray] * 4), "PNG"), "x"), gray)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"plain text", "no TIFF, PNG"),
        (tiff(np.zeros((9, 9), np.uint8)), "blank"),
        (tiff(np.full((9, 9), np.nan, np.float32)), "no numbers"),
        (tiff(np.random.default_rng(0).random((9, 9)).astype(np.float32), photometric="miniswhite"), "Photometric"),
        (
            tiff(np.arange(81, dtype=">u2").reshape(9, 9), byteorder=">", photometric="miniswhite", compression="zlib"),
            "PhotometricInterpretation 0",
        ),
        (tiff(np.random.default_rng(0).random((9, 9)), compression="zlib"), "BitsPerSample 64"),
        (tiff(np.arange(-40, 41, dtype=np.int8).reshape(9, 9)), "signed"),
        (tiff(np.arange(81, dtype=np.int32).reshape(9, 9) - 40), "16 bits"),
        (tiff(np.random.default_rng(0).integers(0, 1024, (9, 9, 3)).astype(np.uint16), photometric="rgb"), "colour"),
        (b"%PDF-1.4", "no TIFF, PNG"),
        (b"GIF89a" + b"\0" * 40, "no TIFF, PNG"),
    ],
)
def test_what_is_no_gray_image_is_refused(content, reason):
    with pytest.raises(SampleError, match=reason) as caught:
        decode_gray(content, "tube.acs, 17.tif")
    assert "17.tif" in caught.value.detail


STORED = [  # how tifffile can lay out one image
    {},
    {"rowsperstrip": 5},
    {"tile": (16, 16)},
    {"compression": "zlib"},
    {"compression": "zlib", "predictor": True},
    {"compression": "lzma"},
    {"compression": "zlib", "tile": (16, 16)},
]
TURNS = {  # what Orientation means, in Pillow's words
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def turned(pixels, orientation):
    image = Image.fromarray(pixels)
    return np.asarray(image.transpose(TURNS[orientation]) if orientation > 1 else image)


@pytest.mark.parametrize("stored", STORED, ids=str)
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "i4", "f4"])
def test_every_way_of_storing_gives_the_same_pixels(files, dtype, byteorder, stored):
    if dtype == "f4" and "predictor" in stored:
        pytest.skip("tifffile writes this predictor with another package only")
    gray = (files.gray16() >> (2 if dtype == "u1" else 0)).astype(dtype)[:, :20]
    for orientation in (1, 6, 7):
        content = tiff(
            gray, byteorder=byteorder, photometric="minisblack", extratags=[(274, 3, 1, orientation, True)], **stored
        )
        want = turned(gray.astype(np.int32), orientation)
        assert np.array_equal(decode_gray(content, "x"), want)
        assert image_header(content, "x") == (*want.shape, 1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("stored", [{}, {"compression": "zlib"}], ids=str)
def test_every_orientation_is_upright(files, orientation, stored):
    gray = files.gray16()[:, :20]
    content = tiff(gray, photometric="minisblack", extratags=[(274, 3, 1, orientation, True)], **stored)
    assert np.array_equal(decode_gray(content, "x"), turned(gray, orientation))
    exif = Image.Exif()
    exif[274] = orientation
    small = np.kron((gray[:10, :6] >> 2).astype(np.uint8), np.ones((16, 16), np.uint8))
    photo = files.encoded(small, "JPEG", quality=95, exif=exif)
    plain = decode_gray(files.encoded(small, "JPEG", quality=95), "x")
    assert np.array_equal(decode_gray(photo, "x"), turned(plain, orientation))
    assert image_header(photo, "x")[:2] == turned(plain, orientation).shape


@pytest.mark.parametrize("stored", STORED, ids=str)
@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_white_is_zero_is_turned_back(files, dtype, stored, bigtiff):
    gray = (files.gray16() >> (2 if dtype == "u1" else 0)).astype(dtype)
    content = tiff(np.bitwise_not(gray), photometric="miniswhite", bigtiff=bigtiff, **stored)
    assert np.array_equal(decode_gray(content, "x"), gray)


@pytest.mark.parametrize("stored", STORED, ids=str)
def test_white_is_zero_in_fewer_bits_than_stored_is_refused(files, stored):
    with pytest.raises(SampleError, match="PhotometricInterpretation 0"):
        decode_gray(tiff(1023 - files.gray16(), photometric="miniswhite", **stored), "x")


def test_the_shared_case_of_white_is_zero(shared_data):
    case = shared_data.parent / "cases" / "t01-tiff-white-is-zero"
    plain = sorted((case / "plain16").glob("*.tif"))
    assert plain
    for path in plain:
        want = decode_gray(path.read_bytes(), path.name)
        assert np.array_equal(decode_gray((case / "minwhite8" / path.name).read_bytes(), path.name), want >> 2)
        with pytest.raises(SampleError, match="PhotometricInterpretation 0"):
            decode_gray((case / "minwhite16b" / path.name).read_bytes(), path.name)


def test_floating_point_values_are_read_in_proportion():
    pixels = np.resize(np.array([0.2, 0.3, 0.93], np.float32), (6, 6))
    for dtype in (np.float32, np.float64):
        got = decode_gray(tiff(pixels.astype(dtype)), "x", floats=lambda: GrayRange(0.25, 1))
        assert np.abs(got - (16384 + (pixels.astype(float) - 0.25) / 0.75 * 32767)).max() <= 0.5
    with pytest.raises(SampleError, match="x: some of its pixels are no numbers"):
        decode_gray(tiff(np.resize(np.float32([0.5, np.nan]), (6, 6))), "x")


def png_claiming(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


def tiff_claiming(width, height, bits=16):
    content = bytearray(tiff(np.arange(100, dtype=np.uint16).reshape(10, 10)))
    at = struct.unpack_from("<I", content, 4)[0]
    for entry in range(at + 2, at + 2 + 12 * struct.unpack_from("<H", content, at)[0], 12):
        tag = struct.unpack_from("<H", content, entry)[0]
        if tag in (256, 257):
            struct.pack_into("<HI", content, entry + 2, 4, 1)
            struct.pack_into("<I", content, entry + 8, width if tag == 256 else height)
    return bytes(content)


@pytest.mark.parametrize("size", [(1 << 31) - 1, 100_000, 9000])
@pytest.mark.parametrize("make", [png_claiming, tiff_claiming])
def test_giant_dimensions_are_refused_before_decoding(make, size):
    for reader in (decode_gray, image_header):
        with pytest.raises(SampleError, match=r"pixels|size"):
            reader(make(size, size), "giant")


def test_a_large_claim_without_the_data_is_no_image():
    for content in (png_claiming(4000, 4000), tiff_claiming(4000, 4000)):
        with pytest.raises(SampleError):
            decode_gray(content, "x")


def test_pages_are_counted(files):
    content = tiff(np.stack([files.gray16(1), files.gray16(2)]), photometric="minisblack")
    assert image_header(content, "x") == (32, 32, 2)
    assert np.array_equal(decode_gray(content, "x"), files.gray16(1))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_images_give_only_our_error(files, data):
    gray = (files.gray16() >> 2).astype(np.uint8)
    kind, options = data.draw(
        st.sampled_from([("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("PNG", {}), ("BMP", {}), ("JPEG", {})])
    )
    content = bytearray(files.encoded(gray, kind, **options))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))
    try:
        pixels = decode_gray(bytes(content[:cut]), "x")
    except SampleError:
        return
    assert pixels.ndim == 2
    assert pixels.dtype in (np.uint8, np.uint16)


def test_libtiff_writes_nothing_onto_the_terminal(files, tmp_path):
    gray = np.random.default_rng(0).integers(0, 255, (248, 248), np.uint8)
    content = files.encoded(gray, "TIFF", compression="tiff_lzw")
    (tmp_path / "broken.tif").write_bytes(content[:5000] + b"\0" * 3000 + content[8000:])
    code = (
        "import pathlib, sys; from tui_cytpix.formats.bytes.image_decode import decode_gray\n"
        "try: decode_gray(pathlib.Path(sys.argv[1]).read_bytes(), 'x')\n"
        "except Exception as e: print(type(e).__name__)"
    )
    done = children.run(
        [sys.executable, "-c", code, str(tmp_path / "broken.tif")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert (done.stdout, done.stderr) == ("SampleError\n", "")


def test_pillow_agrees_on_the_real_images(shared_data):
    for path in sorted((shared_data / "cells").glob("*/images/*.png"))[::25]:
        with Image.open(path) as picture:
            assert np.array_equal(decode_gray(path.read_bytes(), path.name), np.asarray(picture))


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_pictures_are_turned_as_their_exif_says(files, kind):
    gray = np.repeat(np.arange(40, 220, dtype=np.uint8)[:60, None], 44, 1)
    exif = Image.Exif()
    exif[274] = 6
    content = io.BytesIO()
    Image.fromarray(gray).save(content, kind, exif=exif, **({"quality": 100} if kind == "JPEG" else {}))
    turned = decode_gray(content.getvalue(), "x")
    assert np.abs(turned.astype(int) - np.rot90(gray, -1)).max() <= 2
    assert image_header(content.getvalue(), "x")[:2] == turned.shape == (44, 60)


def test_big_endian_bigtiff_is_read_as_any_other(files):
    content = tiff(files.gray16(), bigtiff=True, byteorder=">", compression="zlib", photometric="minisblack")
    assert np.array_equal(decode_gray(content, "x"), files.gray16())
    assert image_header(content, "x")[:2] == files.gray16().shape
    stack = tiff(np.stack([files.gray16()] * 3), bigtiff=True, byteorder=">", photometric="minisblack", metadata=None)
    assert image_header(stack, "x")[2] == 3


def test_a_refused_tiff_says_how_to_save_it():
    content = tiff(np.arange(600, dtype=np.uint64).reshape(20, 30), photometric="minisblack")
    with pytest.raises(SampleError, match="save it as 8- or 16-bit gray TIFF, uncompressed"):
        decode_gray(content, "x")
