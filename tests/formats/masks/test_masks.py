"""Label images and the instrument's masks."""

from __future__ import annotations

import io
import json
import re
import struct
import tempfile
import zipfile
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image, TiffImagePlugin
from skimage import measure

from tui_cytpix.errors import MaskError
from tui_cytpix.formats.masks.instrument import decode_instrument_masks, encode_instrument_masks
from tui_cytpix.formats.masks.label_images import (
    find_label_images,
    label_images_of,
    read_label_image,
    read_numbered,
    segmentation_from_labels,
    write_label_image,
)
from tui_cytpix.formats.masks.mask_archive import mask_archive

LABELS = np.zeros((12, 15), np.uint16)
LABELS[1:4, 1:5], LABELS[4:7, 1:5], LABELS[8:11, 9:14] = 1, 2, 3


def test_label_images_come_back(tmp_path):
    write_label_image(tmp_path / "a.png", LABELS)
    assert np.array_equal(read_label_image(tmp_path / "a.png"), LABELS)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == "I;16"
        assert np.array_equal(np.asarray(picture), LABELS)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("name", ["a.tif", "a.tiff"])
def test_deflated_tiffs_are_read(tmp_path, name):
    Image.fromarray(LABELS).save(tmp_path / name, compression="tiff_deflate")
    assert np.array_equal(read_label_image(tmp_path / name), LABELS)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_labels_of_any_width_are_renumbered(tmp_path, dtype):
    values = np.array([0, 7, 40, 99])[LABELS].astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", values)
    result = read_label_image(tmp_path / "a.tif")
    assert result.dtype == np.uint16
    assert np.array_equal(result, LABELS)


def test_an_image_without_particles_or_without_background(tmp_path):
    write_label_image(tmp_path / "none.png", np.zeros((5, 6), np.uint16))
    assert not read_label_image(tmp_path / "none.png").any()
    write_label_image(tmp_path / "full.png", np.full((5, 6), 3, np.uint16))
    assert (read_label_image(tmp_path / "full.png") == 1).all()


def test_palette_images_give_their_indices(tmp_path):
    picture = Image.fromarray(LABELS.astype(np.uint8), "L").convert("P")
    picture.putdata(LABELS.astype(np.uint8).ravel().tolist())
    picture.save(tmp_path / "a.png")
    assert np.array_equal(read_label_image(tmp_path / "a.png"), LABELS)


def test_what_is_no_label_image(tmp_path):
    def refused(match, pixels=None, content=None):
        path = tmp_path / "x.tif"
        if content is None:
            tifffile.imwrite(path, pixels)
        else:
            path.write_bytes(content)
        with pytest.raises(MaskError, match=match) as caught:
            read_label_image(path)
        assert "x.tif" in caught.value.detail

    refused("colour", np.zeros((5, 5, 3), np.uint8))
    refused(r"no numbers of cells.*such as 1\.5\.", LABELS.astype(np.float32) / 2)
    refused(r"no numbers of cells\. .*x\.tif\. Save", np.full((4, 4), np.nan, np.float32))
    refused(r"values like 0\.93 are probabilities\. Export the masks", np.array([[0, 0.5, 0.93, 1]], np.float32))
    refused(r"no numbers of cells.*such as -0\.5\.", np.array([[-0.5, 1]], np.float32))
    refused("no numbers of cells", LABELS.astype(np.int32) - 1)
    refused("too many", np.arange(300 * 300, dtype=np.int32).reshape(300, 300))
    refused("can't be read", content=b"hello")
    refused("can't be read", content=b"")
    refused("can't be read", content=b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 60 60\n%%EndComments\n")
    jpeg = io.BytesIO()
    Image.fromarray(LABELS.astype(np.uint8)).save(jpeg, "JPEG")
    refused("can't be read", content=jpeg.getvalue())
    with pytest.raises(MaskError, match="can't be read"):
        read_label_image(tmp_path / "nonesuch.png")


LOSSLESS = ["raw", "tiff_raw_16", "packbits", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "lzma", "zstd"]
BILEVEL = ["tiff_ccitt", "group3", "group4"]


@pytest.mark.parametrize("name", TiffImagePlugin.COMPRESSION_INFO_REV)
@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16", "I", "F", "RGB"])
def test_a_tiff_that_pillow_compresses_comes_back_or_is_refused(tmp_path, name, mode):
    path = tmp_path / "a.tif"
    labels = LABELS if mode != "1" else (LABELS == 3).astype(np.uint16)
    picture = Image.fromarray(labels if mode == "I;16" else labels.astype(np.uint8))
    picture = picture.point(lambda value: 255 * value).convert("1") if mode == "1" else picture.convert(mode)
    if mode == "P":
        picture.putdata(labels.ravel().tolist())
    try:
        picture.save(path, "TIFF", compression=name)
        Image.open(path).load()  # of tiff_raw_16 libtiff does not read all that it writes
    except (OSError, ValueError, RuntimeError, KeyError):
        pytest.skip("Pillow can't write this, or not so that it can be read")
    if name in LOSSLESS + BILEVEL and mode != "RGB":
        assert np.array_equal(read_label_image(path), labels)
    else:
        with pytest.raises(MaskError, match="colour" if name in LOSSLESS else r"compression may change values.*a\.tif"):
            read_label_image(path)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (7, "may change values.*: jpeg"),
        (50001, "may change values.*: webp"),
        (34676, "may change values.*: tiff_sgilog"),
        (34677, "may change values.*: tiff_sgilog24"),
        (6, "can't be read"),  # JPEG as TIFF 6.0 had it
        (33003, "can't be read"),  # JPEG 2000, by three of its codes
        (33005, "can't be read"),
        (34712, "can't be read"),
    ],
)
def test_a_lossy_compression_is_refused_by_its_code(tmp_path, code, words):
    Image.fromarray(LABELS).save(tmp_path / "a.tif")
    content, entry = (tmp_path / "a.tif").read_bytes(), struct.pack("<HHI", 259, 3, 1)
    at = content.index(entry) + len(entry)
    (tmp_path / "a.tif").write_bytes(content[:at] + struct.pack("<I", code) + content[at + 4 :])
    with pytest.raises(MaskError, match=words):
        read_label_image(tmp_path / "a.tif")


def test_the_size_is_compared_before_a_pixel_is_decoded(tmp_path):
    write_label_image(tmp_path / "a.png", np.zeros((300, 200), np.uint16))
    assert read_label_image(tmp_path / "a.png", (300, 200)).shape == (300, 200)
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    with pytest.raises(MaskError, match="can't be read"):
        read_label_image(tmp_path / "a.png", (300, 200))
    with pytest.raises(MaskError, match=r"not of its image's size.*\(300, 200\), the image \(200, 300\)"):
        read_label_image(tmp_path / "a.png", (200, 300))


@settings(deadline=None, max_examples=50)
@given(
    npst.arrays(
        st.sampled_from([np.uint8, np.uint16, np.int32, np.float32]),
        st.tuples(st.integers(1, 9), st.integers(1, 9)),
        elements=st.sampled_from([0, 1, 2, 7, 200]),
    )
)
def test_labels_are_numbered_in_pieces_as_in_one(values):
    with tempfile.TemporaryDirectory() as folder, mock.patch("tui_cytpix.formats.masks.label_images._AT_ONCE", 5):
        path = Path(folder) / "a.tif"
        tifffile.imwrite(path, values)
        expected = np.unique(np.append(values.ravel(), 0), return_inverse=True)[1][:-1].reshape(values.shape)
        assert np.array_equal(read_label_image(path), expected)


def test_a_label_image_says_what_its_labels_were(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.array([0, 7, 40, 255])[LABELS].astype(np.uint8))
    labels, values = read_numbered(tmp_path / "a.tif")
    assert values.tolist() == [7, 40, 255]
    assert np.array_equal(labels, LABELS)
    tifffile.imwrite(tmp_path / "a.tif", np.array([3, 9], np.uint8)[None])
    assert read_numbered(tmp_path / "a.tif").values.tolist() == [3, 9]


@pytest.mark.parametrize(
    ("size", "words"), [((4, 3), "it is transposed"), ((6, 8), "it is 2 times as large"), ((5, 5), r"columns\)\.$")]
)
def test_another_size_is_told_with_its_likely_cause(tmp_path, size, words):
    write_label_image(tmp_path / "a.png", np.ones(size, np.uint16))
    with pytest.raises(MaskError) as caught:
        read_numbered(tmp_path / "a.png", (3, 4))
    assert re.search(words, caught.value.detail)


def names(folder: Path, *files: str) -> Path:
    folder.mkdir()
    for file in files:
        (folder / file).touch()
    return folder


def matched(folder: Path, *events: str) -> dict[str, str]:
    return {event: path.name for event, path in label_images_of(folder, events).paths.items()}


@pytest.mark.parametrize("ending", ["", "_mask", "_masks", "_cp_masks", "_label", "_labels", "_seg", "_MASK"])
@pytest.mark.parametrize("zeros", ["", "0", "0000"])
def test_label_images_match_by_known_endings_and_leading_zeros(tmp_path, ending, zeros):
    files = f"{zeros}2{ending}.png", f"{zeros}11{ending}.tif", f"cell{ending}.png"
    folder = names(tmp_path / "labels", *files, "notes.txt")
    assert matched(folder, "2", "11", "cell") == dict(zip(("2", "11", "cell"), files, strict=True))
    assert matched(folder, "002", "00011", "cell") == dict(zip(("002", "00011", "cell"), files, strict=True))


@pytest.mark.parametrize("name", ["2_copy", "mask_2", "2mask", "a2", "_mask", "20", "2 ", "2_mask_mask"])
def test_nothing_else_matches(tmp_path, name):
    found = label_images_of(names(tmp_path / "labels", f"{name}.png"), ["2"])
    assert (found.paths, [path.name for path in found.unmatched]) == ({}, [f"{name}.png"])


def test_names_stay_one_to_one(tmp_path):
    folder = names(tmp_path / "a", "02.png", "2.png")
    assert matched(folder, "2", "02") == {"2": "2.png", "02": "02.png"}
    with pytest.raises(MaskError, match=r"named after one event.*2\.png"):
        label_images_of(folder, ["2"])
    assert matched(names(tmp_path / "b", "002.png"), "2", "02") == {}
    with pytest.raises(MaskError, match="named after one event"):
        label_images_of(names(tmp_path / "c", "2_mask.png", "2_label.png"), ["2"])
    assert matched(names(tmp_path / "d", "cell_mask.png"), "cell_mask", "cell") == {"cell_mask": "cell_mask.png"}


def test_in_a_folder_of_images_and_masks_the_masks_are_the_label_images(tmp_path):
    folder = names(tmp_path / "mixed", "2.png", "2_cp_masks.png", "3.png", "03_cp_masks.png", "4.png", "2_seg.npy")
    assert matched(folder, "2", "3", "4") == {"2": "2_cp_masks.png", "3": "03_cp_masks.png"}
    assert label_images_of(folder, ["2", "3", "4"]).unmatched == ()
    assert set(find_label_images(folder)) == {"2", "2_cp_masks", "3", "03_cp_masks", "4"}


def test_a_label_image_beside_another_of_its_event_is_no_image(tmp_path):
    for number in (1, 2, 3):
        Image.fromarray(LABELS.astype(np.uint8)).save(tmp_path / f"{number}_cp_masks.png")
    noise = np.random.default_rng(1).integers(0, 99, LABELS.shape).astype(np.uint8)  # 0 here and there
    Image.fromarray(noise).save(tmp_path / "1.png")
    Image.fromarray(noise * (LABELS > 0).astype(np.uint8)).save(tmp_path / "2.png")  # cut to its cells
    Image.fromarray(LABELS.astype(np.uint8)).save(tmp_path / "3.png")  # the same once more
    events = ["1", "2", "3"]
    assert matched(tmp_path, *events) == {event: f"{event}_cp_masks.png" for event in events}
    Image.fromarray((LABELS > 0).astype(np.uint8)).save(tmp_path / "3.png")
    with pytest.raises(MaskError, match=r"3_cp_masks\.png and 3\.png .*both label images.*Leave one"):
        label_images_of(tmp_path, events)
    Image.fromarray((LABELS == 1).astype(np.uint8) * 255).save(tmp_path / "1.png")
    with pytest.raises(MaskError, match=r"1_cp_masks\.png and 1\.png .*1 more images have two"):
        label_images_of(tmp_path, events)


def test_one_region_of_255_is_one_particle(tmp_path):
    Image.fromarray(((LABELS == 3) * 255).astype(np.uint8)).save(tmp_path / "a.png")
    assert np.array_equal(read_label_image(tmp_path / "a.png"), LABELS == 3)


@pytest.mark.parametrize("labels", [np.array([[70000]]), np.array([[-1]]), np.zeros(4, int)])
def test_labels_that_do_not_fit_are_not_written(tmp_path, labels):
    with pytest.raises(MaskError):
        write_label_image(tmp_path / "a.png", labels)
    assert list(tmp_path.iterdir()) == []


def test_centroids_against_skimage():
    segmentation = segmentation_from_labels(LABELS)
    assert np.array_equal(segmentation.mask, LABELS > 0)
    assert np.allclose(segmentation.centroids, [region.centroid for region in measure.regionprops(LABELS)])


def test_a_horseshoe_has_its_centroid_inside():
    labels = np.zeros((30, 30), np.uint16)
    labels[2:28, 2:28], labels[2:20, 10:20] = 5, 0
    ((y, x),) = segmentation_from_labels(labels).centroids
    assert labels[round(float(y)), round(float(x))] == 5


def test_the_instruments_layout_as_published():
    objects, particles = np.zeros((3, 4), int), np.zeros((3, 4), int)
    objects[0, 1:3], objects[2, 0], particles[0, 2] = 1, 2, 1
    assert json.loads(encode_instrument_masks(objects, particles)) == [
        {"version": "1.0"},
        {"masks": [{"pixelIndexes": {"indexes": [1, 2]}}, {"pixelIndexes": {"indexes": [8]}}]},
        {"masks": [{"pixelIndexes": {"indexes": [2]}}]},
    ]


@settings(deadline=None)
@given(npst.arrays(np.uint16, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 4)))
def test_instrument_masks_come_back(labels):
    decoded = decode_instrument_masks(encode_instrument_masks(labels, labels > 2), labels.shape)
    expected = np.unique(np.append(labels.ravel(), 0), return_inverse=True)[1][:-1].reshape(labels.shape)
    assert np.array_equal(decoded.objects, expected)
    assert np.array_equal(decoded.particles, labels > 2)


def masks_of(indexes):
    layer = {"masks": [{"pixelIndexes": {"indexes": indexes}}]}
    return json.dumps([{"version": "1.0"}, layer, layer]).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'[{"version":"1.0"},{"masks":[]}]',
        b'[{"version":"1.0"},{"masks":[]},{"masks":{}}]',
        b'[{"version":"1.0"},{"masks":[1]},{"masks":[]}]',
        b'[{"version":"1.0"},{"masks":[{}]},{"masks":[]}]',
        masks_of([12]),
        masks_of([-1]),
        masks_of([0.5]),
        masks_of([True]),
        masks_of([None]),
        masks_of(["1"]),
        masks_of([[1], [2, 3]]),
        masks_of([10**30]),
        masks_of([2**63]),
        masks_of({"a": 1}),
        masks_of("0"),
        masks_of(0),
        b'[{"masks":[{"pixelIndexes":{"indexes":[NaN]}}]},{"masks":[]}]',
        b'[{"masks":[{"pixelIndexes":{"indexes":[' + b"9" * 5000 + b']}}]},{"masks":[]}]',
        b"\xff\xfe\xfd",
    ],
)
def test_hostile_masks(content):
    with pytest.raises(MaskError) as caught:
        decode_instrument_masks(content, (3, 4))
    assert str(caught.value).isprintable()


@settings(deadline=None, max_examples=200)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["masks", "pixelIndexes", "indexes", "version"]), inner, max_size=3)
        ),
        max_leaves=20,
    )
)
def test_any_json_gives_masks_or_our_error(document):
    try:
        decoded = decode_instrument_masks(json.dumps(document).encode(), (3, 4))
    except MaskError:
        return
    assert decoded.objects.shape == decoded.particles.shape == (3, 4)


def test_the_masks_archive(tmp_path):
    path, masks = tmp_path / "G.masks.zip", encode_instrument_masks(LABELS, LABELS)

    def write() -> bytes:
        with mask_archive(path) as target:
            target("17", masks)
            target("4", masks)
        return path.read_bytes()

    first = write()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["17.json", "4.json"]
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_DEFLATED}
        assert np.array_equal(decode_instrument_masks(archive.read("17.json"), LABELS.shape).objects, LABELS)
    assert write() == first


def test_the_real_label_images(shared_data):
    crops = json.loads((shared_data / "cells/pombe_bf_photophenosizer/crops.json").read_text())
    folder = shared_data / "cells/pombe_bf_photophenosizer/masks"
    counts = [int(read_label_image(path).max()) for path in sorted(folder.glob("*.png"))]
    assert len(counts) == len(crops) if isinstance(crops, list) else len(counts) == 43
    assert max(counts) > 1
