"""Attune CytPix archives: read in place, and nothing in them believed."""

from __future__ import annotations

import builtins
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui_cytpix.domain.sample import PixelScale
from tui_cytpix.errors import CytpixError, MaskError, SampleError
from tui_cytpix.formats.sample.registry import open_sample
from tui_cytpix.workflow.samples.inspect import inspect

EVENTS = (3, 7, 11, 12)
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # pytest undoes the reader's own filter


def test_info_tells_everything(files):
    info = inspect(files.acs())
    assert info.format == "Attune CytPix .acs"
    assert (info.image_count, info.image_shape, info.bit_depth) == (4, (32, 32), 10)
    assert info.scale is not None
    assert info.scale.source == "fcs"
    assert info.scale.um_per_px == pytest.approx(0.25, rel=1e-6)
    assert info.event_count == 20
    assert info.parameters == ("Event", "FSC-A", "ImageFlag", "NumPixels", "AreaSquareMicrons")
    assert info.cytometer.startswith("0A48664 Attune CytPix")
    assert (info.image_gate, info.image_total) == ("Single cells", 4)
    assert info.has_instrument_masks
    assert info.problems == ()
    assert "tube.fcs" in str(info.fcs_path)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_images_masks_and_rows(files, method):
    with open_sample(files.acs(EVENTS, method=method)) as sample:
        assert sample.event_ids == ("3", "7", "11", "12")
        for event in sample.event_ids:
            image = sample.read_image(event)
            assert image.dtype == np.uint16
            assert np.array_equal(image, files.gray16(int(event)))
            masks = sample.read_masks(event)
            assert np.flatnonzero(masks.objects).tolist() == [int(event), int(event) + 1]
            assert np.flatnonzero(masks.particles).tolist() == [int(event)]
        rows = sample.fcs_rows()
        assert rows == {event: int(event) - 1 for event in sample.event_ids}
        fcs = sample.open_fcs()
        assert [fcs.column("Event")[row] for row in rows.values()] == list(EVENTS)
        assert fcs.column("FSC-A")[rows["7"]] == pytest.approx(10.5)


def test_a_given_scale_wins_and_a_contradiction_is_told(files):
    info = inspect(files.acs(), um_per_px=0.5)
    assert info.scale == PixelScale(0.5, "given")
    assert any("0.25" in problem for problem in info.problems)


def test_without_fcs_the_scale_is_unknown_and_the_work_goes_on(files):
    members = [m for m in files.acs_members(EVENTS) if not m[0].endswith(".fcs")]
    info = inspect(files.write("t.acs", files.zipped(members)))
    assert info.scale is None
    assert info.event_count is None
    assert any("pixel size is unknown" in problem for problem in info.problems)


def test_ids_missing_on_either_side_are_told(files):
    members = [(name, data) for name, data in files.acs_members((3, 7, 11, 12, 19)) if name != "7.tif"]
    members += [("99.tif", files.encoded(files.gray16(1))), ("cell.tif", files.encoded(files.gray16(1)))]
    members += [("5.tif", files.encoded(files.gray16(1)))]
    with open_sample(files.write("t.acs", files.zipped(members))) as sample:
        problems = " ".join(sample.info().problems)
        assert "2 images have no row in the FCS (the first: 99)" in problems
        assert "1 event is flagged as imaged but has no image (7)" in problems
        assert "doesn't flag as imaged" in problems
        assert "3 images have no instrument masks (the first: 5)" in problems
        assert set(sample.fcs_rows()) == {"3", "5", "11", "12", "19"}


def test_an_fcs_that_cannot_be_read_leaves_the_images(files):
    members = [(n, b"nothing" if n.endswith(".fcs") else d) for n, d in files.acs_members(EVENTS)]
    with open_sample(files.write("t.acs", files.zipped(members))) as sample:
        assert sample.open_fcs() is None
        assert sample.fcs_rows() == {}
        assert any("FCS can't be used" in problem for problem in sample.info().problems)
        assert sample.read_image("3").shape == (32, 32)


def test_the_archive_is_never_unpacked(files, monkeypatch):
    path = files.acs()
    before = sorted(files.folder.rglob("*"))
    real_open = builtins.open

    def only_reading(file, mode="r", *rest, **options):
        assert not set(mode) & set("wax+"), f"{file} opened for writing"
        return real_open(file, mode, *rest, **options)

    monkeypatch.setattr(builtins, "open", only_reading)
    with open_sample(path) as sample:
        sample.info()
        sample.read_masks("3")
    assert sorted(files.folder.rglob("*")) == before


def test_a_packed_fcs_leaves_no_copy_behind(files, monkeypatch):
    scratch = files.folder / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    with open_sample(files.acs(EVENTS, method=zipfile.ZIP_DEFLATED)) as sample:
        assert sample.open_fcs() is not None
        assert len(list(scratch.iterdir())) == 1
    assert list(scratch.iterdir()) == []


def test_many_threads_read_the_same_pixels(files):
    events = tuple(range(1, 21))
    with open_sample(files.acs(events)) as sample, ThreadPoolExecutor(8) as pool:
        wanted = sample.event_ids * 20
        for event, image in zip(wanted, pool.map(sample.read_image, wanted), strict=True):
            assert np.array_equal(image, files.gray16(int(event)))
        assert all(m.particles.any() for m in pool.map(sample.read_masks, wanted))


def test_after_closing_reads_fail_clearly(files):
    sample = open_sample(files.acs())
    sample.close()
    with pytest.raises(SampleError, match="closed"):
        sample.read_image("3")


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.99])
def test_a_truncated_archive_gives_one_clear_message(files, keep):
    content = files.zipped(files.acs_members(EVENTS))
    with pytest.raises(SampleError, match="cut off") as caught:
        open_sample(files.write("t.acs", content[: int(len(content) * keep)]))
    assert "t.acs" in caught.value.detail
    assert caught.value.way_out


def test_cut_right_behind_the_nested_archive_it_is_not_mistaken_for_it(files):
    content = files.zipped(files.acs_members(EVENTS))
    end = content.index(b"PK\x05\x06") + 22  # the end of the masks archive, which is whole
    with pytest.raises(SampleError, match="cut off"):
        open_sample(files.write("t.acs", content[:end]))


@pytest.mark.parametrize("content", [b"", b"Just some text, long enough to be read.", b"PK", b"\x89PNG\r\n\x1a\n"])
def test_other_files_named_acs(files, content):
    with pytest.raises(SampleError, match="Not a zip archive"):
        open_sample(files.write("t.acs", content))


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("flags", 1, "encrypted"),
        ("method", 99, "method 99"),
        ("crc", 12345, "checksum"),
        ("size", 0xFFFFFFF0, "more than"),
        ("size", 10, "more than the 10 bytes"),
        ("stored", 0x7FFFFFFF, "past the archive's end"),
        ("header", 1 << 20, "elsewhere"),
        ("header", 9, "elsewhere"),
    ],
)
def test_a_lying_index_spoils_one_image_only(files, field, value, reason):
    content = files.central(files.zipped(files.acs_members(EVENTS)), "7.tif", field, value)
    with open_sample(files.write("t.acs", content)) as sample:
        with pytest.raises(SampleError, match=reason):
            sample.read_image("7")
        assert sample.read_image("3").shape == (32, 32)
        assert any("7.tif" in problem for problem in sample.info().problems)


def test_a_zip_bomb_is_stopped_at_its_stated_size(files):
    members = [("1.tif", files.encoded(files.gray16(1))), ("2.png", b"\0" * (64 << 20))]
    content = files.zipped(members, zipfile.ZIP_DEFLATED)
    path = files.write("t.acs", files.central(content, "2.png", "size", 1000))
    with open_sample(path) as sample, pytest.raises(SampleError, match="more than the 1,000"):
        sample.read_image("2")


def test_blank_empty_and_broken_images_are_told_one_by_one(files):
    members = files.acs_members(EVENTS)
    members += [("21.tif", b""), ("22.tif", files.encoded(np.zeros((32, 32), np.uint16))), ("23.tif", b"II*\0" * 9)]
    members += [("24.tif", files.encoded(files.gray16(24))[:1500])]
    with open_sample(files.write("t.acs", files.zipped(members))) as sample:
        for event, reason in (("21", "empty"), ("22", "blank"), ("23", "no TIFF"), ("24", ".")):
            with pytest.raises(SampleError, match=reason) as caught:
                sample.read_image(event)
            assert f"{event}.tif" in caught.value.detail
        problems = " ".join(sample.info().problems)
        assert "1 image is empty (21)" in problems
        assert "Of 8 images looked at, 4 can't be read" in problems
        assert sample.info().image_shape == (32, 32)


def test_an_unknown_event(files):
    with open_sample(files.acs()) as sample, pytest.raises(SampleError, match="No such image"):
        sample.read_image("nonesuch")


def test_a_member_without_a_name_is_passed_over(files):
    content = files.zipped(files.acs_members(EVENTS)).replace(
        b"settings.xml", b"\0" * 12
    )  # zipfile cuts names at a NUL
    with open_sample(files.write("t.acs", content)) as sample:
        assert sample.event_ids == ("3", "7", "11", "12")


BOMB = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "lol"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
<a><ImageGate GateName="&c;"/></a>"""
OUTSIDE = b"""<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a><ImageGate GateName="x"/>&x;</a>"""


@pytest.mark.parametrize("xml", [BOMB, OUTSIDE, b"<a", b"\xff\xfe\x00", b"<?xml version='1.0' encoding='none'?><a/>"])
def test_hostile_xml_is_refused_and_told(files, xml):
    members = [(n, xml if n.endswith(".xml") else d) for n, d in files.acs_members(EVENTS)]
    info = inspect(files.write("t.acs", files.zipped(members)))
    assert info.image_gate == ""
    assert any("settings.xml is not read" in problem for problem in info.problems)


def test_terminal_sequences_do_not_come_through(files):
    evil = "\x1b]0;owned\x07\x1b[2J"
    members = files.acs_members(EVENTS)
    members += [(f"{evil}.tif", files.encoded(files.gray16(5))), (f"{evil}.png", b"")]
    members += [("x.xml", b'<ImageGate GateName="a&#10;b"/>'), (f"a/{evil}/1.png", b"x")]
    with open_sample(files.write("t.acs", files.zipped(members))) as sample:
        info = sample.info()
        said = [*sample.event_ids, *info.problems, info.image_gate, info.cytometer, *info.parameters]
        assert all(text.isprintable() for text in said)
        (strange,) = [event for event in sample.event_ids if "owned" in event]
        for event in (strange, "\x1b[2J"):  # the empty file, and one that isn't there
            with pytest.raises(SampleError) as caught:
                sample.read_image(event)
            assert str(caught.value).isprintable()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nothing", b"text"])
def test_damaged_instrument_masks(files, content):
    members = [(n, content if n.endswith(".masks.zip") else d) for n, d in files.acs_members(EVENTS)]
    with open_sample(files.write("t.acs", files.zipped(members))) as sample:
        info = sample.info()
        assert not info.has_instrument_masks
        assert any("masks can't be used" in problem for problem in info.problems)
        with pytest.raises(SampleError):
            sample.read_masks("3")
        assert sample.read_image("3").any()


def test_masks_outside_of_the_frame(files):
    masks = files.zipped([("3.json", files.masks_json([[32 * 32]], [[0]]))])
    members = [(n, masks if n.endswith(".masks.zip") else d) for n, d in files.acs_members(EVENTS)]
    with open_sample(files.write("t.acs", files.zipped(members))) as sample:
        with pytest.raises(MaskError, match="1024"):
            sample.read_masks("3")
        assert sample.read_masks("7") is None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_anywhere_gives_only_our_errors(files, data):
    content = bytearray(files.zipped(files.acs_members((3, 7))))
    for _ in range(data.draw(st.integers(1, 12))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))
    path = files.write("fuzz.acs", bytes(content[:cut]))
    said: list[str] = []
    try:
        with open_sample(path) as sample:
            said += [*sample.info().problems, *sample.event_ids]
            for event in sample.event_ids:
                for read in (sample.read_image, sample.read_masks):
                    try:
                        read(event)
                    except CytpixError as error:
                        said.append(str(error))
    except CytpixError as error:
        said += [str(error), error.way_out]
    assert all(text.isprintable() and text for text in said)


def test_zip64_archives_are_read(files, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
    path: Path = files.acs()
    with open_sample(path) as sample:
        assert np.array_equal(sample.read_image("12"), files.gray16(12))
        assert sample.info().problems == ()


def test_xml_is_read_up_to_a_limit_and_the_rest_is_told(files):
    path = files.acs()
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for number in range(20):
            archive.writestr(f"x{number}.xml", "<a>" + "<b/>" * 500_000 + "</a>")
    info = inspect(path)
    assert (info.image_gate, info.image_total) == ("Single cells", 4)  # the smallest are read first
    assert any(problem.startswith("16 XML files are not read, the 64 smallest are") for problem in info.problems)
