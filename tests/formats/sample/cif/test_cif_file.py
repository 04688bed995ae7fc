"""ImageStream `.cif`: channels, pixels, masks and ids, against the layout and a real file."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from PIL import Image

from tests.faults.sample_readers import outcomes
from tests.formats.sample.cif.conftest import FIFTH, SIX, XML
from tui_cytpix.errors import MaskError, SampleError, UsageError
from tui_cytpix.formats.sample.registry import open_sample


def test_the_brightfield_channel_unless_another_is_asked_for(cifs):
    pictures = [cifs.picture(k, 5 + k, 7 + 2 * k) for k in range(3)]
    path = cifs.write([(k, picture, None) for k, picture in enumerate(pictures)])
    for channel in ("", "1", "5", "6"):
        with open_sample(path, channel=channel) as sample:
            assert sample.event_ids == ("0", "1", "2")
            number = int(channel or 5)
            info = sample.info()
            assert (info.channels, info.channel) == (("1", "2", "3", "4", "5", "6"), str(number))
            assert (info.scale.um_per_px, info.scale.source) == (0.5, "file")
            for event, picture in zip(sample.event_ids, pictures, strict=True):
                width = picture.shape[1] // 6
                assert np.array_equal(sample.read_image(event), picture[:, (number - 1) * width : number * width])
    with pytest.raises(UsageError, match="no such channel"):
        open_sample(path, channel="7")


def test_channels_are_called_by_their_numbers_on_the_instrument(cifs):
    picture = cifs.picture(1, 6, 5, channels=3)
    path = cifs.write([(0, picture, None)], XML.format("0 1 0 0 1 1 0 0 0 0 0 0", FIFTH, 40))
    for channel, place in (("", 1), ("5", 1), ("2", 0), ("6", 2)):
        with open_sample(path, channel=channel) as sample:
            assert sample.info().channels == ("2", "5", "6")
            assert np.array_equal(sample.read_image("0"), picture[:, 5 * place : 5 * place + 5])


def test_a_file_that_does_not_say_which_channel_is_brightfield(cifs):
    picture = cifs.picture(1, 6, 5)
    for xml in ("", XML.format(SIX, "0 " * 12, 40), "<BfLedIndicators_0_11>- 1</BfLedIndicators_0_11>"):
        path = cifs.write([(0, picture, None)], xml)
        with open_sample(path) as sample:
            assert np.array_equal(sample.read_image("0"), picture[:, :5])
            assert any("--channel" in problem for problem in sample.info().problems)
        with open_sample(path, channel="5") as sample:
            assert not any("--channel" in problem for problem in sample.info().problems)


def test_the_pixel_size_of_another_objective_is_not_guessed(cifs):
    with open_sample(cifs.write([(0, cifs.picture(1, 6, 5), None)], XML.format(SIX, FIFTH, 60))) as sample:
        assert sample.scale is None


def test_masks_mark_one_object_and_no_particles(cifs):
    pictures, masks = [cifs.picture(k, 9, 8) for k in range(2)], [cifs.mask(k, 9, 8) for k in range(2)]
    path = cifs.write([(4, pictures[0], masks[0]), (7, pictures[1], None)])
    with open_sample(path) as sample:
        assert sample.event_ids == ("4", "7")
        found = sample.read_masks("4")
        assert np.array_equal(found.objects, masks[0][:, 32:40])
        assert not found.particles.any()
        assert sample.read_masks("7") is None
        info = sample.info()
        assert info.has_instrument_masks
        assert any("tell no counts" in problem for problem in info.problems)
        assert any("no instrument mask (7)" in problem for problem in info.problems)


@pytest.mark.parametrize("numbers", [(3, 3), (None, 5)])
def test_numbers_that_lack_or_come_twice(cifs, numbers):
    with open_sample(cifs.write([(n, cifs.picture(k, 6, 5), None) for k, n in enumerate(numbers)])) as sample:
        assert sample.event_ids == ("0", "1")
        assert any("numbered from 0" in problem for problem in sample.info().problems)


def test_a_file_cut_off_keeps_what_is_whole(cifs):
    path = cifs.write([(k, cifs.picture(k, 9, 8), None) for k in range(5)])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with open_sample(path) as sample:
        assert 0 < len(sample.event_ids) < 5
        sample.read_image(sample.event_ids[0])
        assert any("damaged or cut off" in problem for problem in sample.info().problems)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no little-endian TIFF"),
        (b"MM\0*\0\0\0\x08", "no little-endian TIFF"),
        (b"II*\0\x08\0\0\0\xff\xff", "directory of 65535 tags"),
        (b"II*\0\xff\xff\0\0", "behind the end"),
        (b"II*\0\x08\0\0\0\0\0\0\0\0\0", "no image of an object"),
        (b"II*\0\x08\0\0\0\0\0\x08\0\0\0", "follows itself"),
    ],
)
def test_files_that_are_none(tmp_path, content, why):
    path = tmp_path / "a.cif"
    path.write_bytes(content)
    with pytest.raises(SampleError, match=why) as caught:
        open_sample(path)
    assert "a.cif" in caught.value.detail


def test_a_damaged_picture_costs_itself(cifs):
    picture, mask = cifs.picture(1, 9, 8), cifs.mask(1, 9, 8)
    path = cifs.write([(0, picture, mask), (1, picture, mask)])
    content = bytearray(path.read_bytes())
    for tag, kind in ((257, 4), (256, 4)):  # the first object's height and width, then its mask's
        for at in (content.index(struct.pack("<HHI", tag, kind, 1)),) * 1:
            struct.pack_into("<I", content, at + 8, 200_000_000)
    path.write_bytes(content)
    with open_sample(path) as sample:
        with pytest.raises(SampleError, match="image 0"):
            sample.read_image("0")
        assert np.array_equal(sample.read_image("1"), picture[:, 32:40])


def test_a_mask_of_another_size_is_refused(cifs):
    path = cifs.write([(0, cifs.picture(1, 9, 8), cifs.mask(1, 8, 9))])
    with open_sample(path) as sample, pytest.raises(MaskError, match="of 9 x 8 px"):
        sample.read_masks("0")


def test_the_real_file_as_another_reader_has_it(shared_data):
    """The crops were made from the channel by another program: where a crop is the whole frame it is equal."""
    crops = shared_data / "cells" / "imagestream_eosinophils_bf"
    with open_sample(shared_data / "flow" / "imagestream_cif_eos.cif") as sample:
        assert sample.event_ids == tuple(map(str, range(111)))
        info = sample.info()
        assert (info.channel, info.scale.um_per_px, info.bit_depth) == ("5", 0.5, 10)
        whole = 0
        for crop in json.loads((crops / "crops.json").read_text()):
            event = str(int(crop["source"].removeprefix("eos_").removesuffix(".png")))
            expected, image = np.asarray(Image.open(crops / "images" / crop["file"])), sample.read_image(event)
            height, width = expected.shape
            rows, columns = image.shape[0] - height + 1, image.shape[1] - width + 1
            places = [(y, x) for y in range(rows) for x in range(columns)]
            assert any(np.array_equal(image[y : y + height, x : x + width], expected) for y, x in places)
            whole += places == [(0, 0)]
        assert whole > 10


def test_the_real_file_pixel_for_pixel(shared_data):
    """Read here one half byte after the other, all channels, masks too."""
    path = shared_data / "flow" / "imagestream_cif_eos.cif"
    content = path.read_bytes()
    pages = list(directories(content))
    assert len(pages) == 223
    samples = [open_sample(path, channel=str(channel)) for channel in range(1, 7)]
    for image, mask in list(zip(pages[1::2], pages[2::2], strict=True))[::10]:
        height, width, event = image[257], image[256], str(image[33003])
        expected = pixels(content[image[273] : image[273] + image[279]], height, width)
        covered = runs(content[mask[273] : mask[273] + mask[279]])
        assert len(covered) == height * width
        for channel, sample in enumerate(samples):
            columns = slice(channel * width // 6, (channel + 1) * width // 6)
            assert sample.read_image(event).tolist() == [row[columns] for row in expected]
            found = sample.read_masks(event).objects
            assert found.ravel().tolist() == [v for y in range(height) for v in covered[y * width :][columns]]
    for sample in samples:
        sample.close()


def directories(content):
    """Of each directory the first value of each tag that stands in it."""
    (at,) = struct.unpack_from("<I", content, 4)
    while at:
        (count,) = struct.unpack_from("<H", content, at)
        entries = [struct.unpack_from("<HHII", content, at + 2 + 12 * k) for k in range(count)]
        yield {tag: value & 0xFFFF if kind == 3 else value for tag, kind, _, value in entries}
        (at,) = struct.unpack_from("<I", content, at + 2 + 12 * count)


def pixels(data, height, width):
    halves = iter([half for byte in data for half in (byte & 15, byte >> 4)])
    rows = []
    for y in range(height):
        row = []
        for x in range(width):
            value = shift = 0
            while True:
                half = next(halves)
                value |= (half & 7) << shift
                shift += 3
                if half < 8:
                    break
            if half & 4:
                value -= 1 << shift
            left, above = row[x - 1] if x else 0, rows[y - 1][x] if y else 0
            corner = rows[y - 1][x - 1] if x and y else 0
            row.append(value + left + above - corner)
        rows.append(row)
    return rows


def runs(data):
    return [value for value, more in zip(data[::2], data[1::2], strict=True) for _ in range(more + 1)]


def test_damaged_files(cifs):
    objects = [(k, cifs.picture(k, 6 + k, 7), cifs.mask(k, 6 + k, 7)) for k in range(8)]
    path = cifs.write(objects)
    found = outcomes(path, [path], range(120))
    assert min(found.read, found.refused) > 5
