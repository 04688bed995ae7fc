"""Deformability cytometry; h5py is the outside judge."""

from __future__ import annotations

import io
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.faults.sample_readers import outcomes
from tui_cytpix.domain.sample import Loss
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.sample.background import sample_background
from tui_cytpix.formats.sample.hdf5 import child, reader_process
from tui_cytpix.formats.sample.registry import open_sample

IMAGES = np.random.default_rng(5).integers(20, 200, (6, 16, 40)).astype(np.uint8)


class Forked:
    """The child as a fork of this process, which has the library loaded: hundreds a minute."""

    def __init__(self, path: Path) -> None:
        requests, self._stdin = os.pipe()
        self._stdout, answers = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.close(self._stdin)
                os.close(self._stdout)
                child.main(str(path), os.fdopen(requests, "rb"), os.fdopen(answers, "wb"))
            finally:
                os._exit(0)
        os.close(requests)
        os.close(answers)
        self.stdin: io.BufferedWriter = os.fdopen(self._stdin, "wb")
        self.stdout: io.BufferedReader = os.fdopen(self._stdout, "rb", buffering=0)
        self._status: int | None = None

    def kill(self) -> None:
        if self._status is None:
            os.kill(self._pid, signal.SIGKILL)

    def wait(self, _seconds: float = 0) -> int:
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        return self._status


@pytest.fixture
def forked(monkeypatch) -> None:
    pytest.importorskip("h5py", reason="the extra hdf5 isn't installed")
    monkeypatch.setattr(reader_process, "start", Forked)


@pytest.mark.usefixtures("forked")
class TestFiles:
    @pytest.mark.parametrize(
        "packed", [{}, {"compression": "gzip"}, {"compression": "gzip", "fletcher32": True}, {"chunks": (6, 16, 40)}]
    )
    def test_rows_are_images(self, rtdc, packed):
        with open_sample(rtdc({"image": IMAGES}, packed=packed, imaging__pixel_size=np.float32(0.34))) as sample:
            info = sample.info()
            assert sample.event_ids == ("1", "2", "3", "4", "5", "6")
            assert (info.image_shape, info.bit_depth, info.problems) == ((16, 40), 8, ())
            assert (info.scale.um_per_px, info.scale.source) == (0.34, "file")
            for event in sample.event_ids:
                assert np.array_equal(sample.read_image(event), IMAGES[int(event) - 1])
            assert sample.measured_background() is None

    def test_ids_are_the_index_where_each_row_has_its_own(self, rtdc):
        for index, ids in (([3, 4, 8, 9, 20, 21], "3"), ([1, 1, 2, 3, 4, 5], "1"), ([5, 4, 3, 2, 1, 0], "1")):
            with open_sample(rtdc({"image": IMAGES, "index": np.array(index, float)})) as sample:
                assert sample.event_ids[0] == ids
                assert np.array_equal(sample.read_image(sample.event_ids[1]), IMAGES[1])

    def test_lengths_that_differ_are_told(self, rtdc):
        events = {"image": IMAGES, "mask": np.concatenate([IMAGES, IMAGES])}
        with open_sample(rtdc(events, experiment__event_count=5)) as sample:
            assert len(sample.event_ids) == 5
            assert "Lengths differ (5 events, 6 images, 12 masks): the first 5" in sample.info().problems[0]

    @pytest.mark.parametrize(("events", "images", "lost"), [(50, 6, True), (2, 6, True), (6, 6, False), (6, 3, True)])
    def test_images_or_events_that_are_left_out_are_a_loss(self, rtdc, events, images, lost):
        path = rtdc({"image": IMAGES[:images], "mask": IMAGES}, experiment__event_count=events)
        with open_sample(path) as sample:
            assert any(isinstance(problem, Loss) for problem in sample.problems()) == lost

    def test_images_in_another_order_are_refused(self, rtdc):
        events = {"image": np.moveaxis(IMAGES, 0, -1), "mask": IMAGES, "image_bg": IMAGES}
        with pytest.raises(SampleError, match=r"another order.*\(events, height, width\)"):
            open_sample(rtdc(events))

    @pytest.mark.parametrize("index", [[1, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6.5], [1, 2, 3, 4, 5, np.nan], [1, 2]])
    def test_ids_that_are_of_no_use_are_told(self, rtdc, index):
        with open_sample(rtdc({"image": IMAGES, "index": np.array(index, float)})) as sample:
            assert sample.event_ids == ("1", "2", "3", "4", "5", "6")
            assert any("ids are rows from 1" in problem for problem in sample.problems())
        with open_sample(rtdc({"image": IMAGES, "index": np.arange(6.0)})) as sample:
            assert not any("ids are rows" in problem for problem in sample.problems())

    @pytest.mark.parametrize("background", [IMAGES[:, :8], np.full(IMAGES.shape, np.nan, np.float32)])
    def test_a_background_of_no_use_is_told_and_costs_no_image(self, rtdc, background):
        with open_sample(rtdc({"image": IMAGES, "image_bg": background})) as sample:
            assert sample.measured_background() is None
            assert np.array_equal(sample.read_image("1"), IMAGES[0])
            assert any("background" in problem or "image_bg" in problem for problem in sample.problems())

    def test_a_group_in_the_place_of_images_is_told(self, tmp_path):
        import h5py

        with h5py.File(tmp_path / "m.rtdc", "w") as file:
            file.create_group("events").create_group("image")
        with pytest.raises(SampleError, match="events/image is a group, no stack of grays"):
            open_sample(tmp_path / "m.rtdc")

    def test_files_cut_off_or_empty_are_told_in_plain_words(self, rtdc):
        path = rtdc({"image": IMAGES})
        content = path.read_bytes()
        for left, why in ((len(content) - 100, "it is cut off"), (4, "no HDF5 file"), (0, "is empty")):
            path.write_bytes(content[:left])
            with pytest.raises(SampleError, match=why):
                open_sample(path)

    def test_the_measured_background_is_taken(self, rtdc):
        backgrounds = np.repeat(np.arange(100, 106, dtype=np.uint8), 16 * 40).reshape(6, 16, 40)
        with open_sample(rtdc({"image": IMAGES, "image_bg": backgrounds})) as sample:
            found = sample_background(sample)
            assert found.dtype == np.float32
            assert np.array_equal(found, np.median(backgrounds, axis=0))
        with open_sample(rtdc({"image": IMAGES, "image_bg": backgrounds[:, :8]})) as sample:
            assert sample_background(sample) is None  # of another size, and too few images

    @pytest.mark.parametrize(
        ("events", "why"),
        [
            ({"deform": np.zeros(3)}, "no events/image"),
            ({"mask": IMAGES}, "no events/image, but masks"),
            ({"image": IMAGES[:0]}, "empty measurement"),
            ({"image": IMAGES[0]}, "no stack of grays"),
            ({"image": IMAGES.astype(np.float32)}, "no stack of grays"),
        ],
    )
    def test_files_without_images_are_refused(self, rtdc, events, why):
        with pytest.raises(SampleError, match=why):
            open_sample(rtdc(events))

    def test_pixel_sizes_that_no_microscope_has(self, rtdc):
        for size in ("nan", 0, 1e9, "x", b"0.25"):
            with open_sample(rtdc({"image": IMAGES}, imaging__pixel_size=size)) as sample:
                believed = size == b"0.25"
                assert (sample.scale is not None) == believed
                assert any("not believable" in problem for problem in sample.info().problems) != believed

    def test_links_to_other_files_are_not_followed(self, rtdc, tmp_path):
        import h5py

        secret = rtdc({"image": IMAGES}, "secret.h5")
        with h5py.File(tmp_path / "link.rtdc", "w") as file:
            file.create_group("events")["image"] = h5py.ExternalLink(str(secret), "/events/image")
        with h5py.File(tmp_path / "all.rtdc", "w") as file:
            file["events"] = h5py.ExternalLink(str(secret), "/events")
        layout = h5py.VirtualLayout(IMAGES.shape, IMAGES.dtype)
        layout[:] = h5py.VirtualSource(str(secret), "events/image", IMAGES.shape)
        with h5py.File(tmp_path / "virtual.rtdc", "w") as file:
            file.create_group("events").create_virtual_dataset("image", layout)
        with h5py.File(tmp_path / "raw.rtdc", "w") as file:
            file.create_group("events").create_dataset("image", (2, 16, 20), np.uint8, external=[(str(secret), 0, 640)])
        for name in ("link", "all", "virtual", "raw"):
            with pytest.raises(SampleError, match="other file"):
                open_sample(tmp_path / f"{name}.rtdc")

    def test_giant_chunks_are_refused_before_they_are_read(self, tmp_path):
        import h5py

        with h5py.File(tmp_path / "bomb.rtdc", "w") as file:
            shape = (1 << 16, 100, 100)
            events = file.create_group("events")
            events.create_dataset("image", shape, np.uint8, chunks=(1 << 16, 100, 100), compression="gzip")
        with pytest.raises(SampleError, match="pieces of 655,360,000 bytes"):
            open_sample(tmp_path / "bomb.rtdc")

    def test_what_is_no_hdf5_is_told(self, tmp_path):
        (tmp_path / "m.rtdc").write_bytes(b"no HDF5")
        with pytest.raises(SampleError, match=r"m\.rtdc"):
            open_sample(tmp_path / "m.rtdc")

    def test_damaged_copies_are_read_or_refused(self, rtdc):
        events = {"image": IMAGES, "image_bg": IMAGES, "mask": IMAGES, "index": np.arange(1.0, 7.0)}
        path = rtdc(events, packed={"compression": "gzip", "fletcher32": True}, imaging__pixel_size=0.3)
        found = outcomes(path, [path], range(40), starts=True)
        assert min(found.read, found.refused) > 3

    def test_features_are_the_event_table(self, rtdc):
        area = np.array([10.5, 11, np.nan, 13, 14, 15])
        events = {
            "image": IMAGES,
            "index": np.arange(3, 9),
            "area_um": area,
            "time": np.arange(7) / 4,
            "flag": np.ones(6, bool),
        }
        with open_sample(rtdc(events, setup__identifier="ZMD-Ω")) as sample:
            fcs = sample.open_fcs()
            assert fcs.names == ("Event", "area_um", "index", "time")
            assert fcs.column("Event").tolist() == [3, 4, 5, 6, 7, 8]
            assert fcs.column("area_um").tolist() == [10.5, 11, 0, 13, 14, 15]  # as missing values are in an FCS
            assert fcs.column("time").tolist() == [0, 0.25, 0.5, 0.75, 1, 1.25]  # of the events that have an image
            assert [one.label for one in fcs.parameters] == ["", "um^2", "", "s"]
            assert fcs.text["$CYT"] == "ZMD-Ω"
            assert sample.fcs_rows() == {str(k + 3): k for k in range(6)}
            info = sample.info()
            assert (info.event_count, info.scale, info.problems[:-1]) == (6, None, ())
            made = fcs.path
        assert not made.exists()
        with open_sample(rtdc({"image": IMAGES}, "bare.rtdc")) as sample:
            assert sample.open_fcs() is None

    def test_features_that_are_left_out_are_told(self, rtdc, tmp_path):
        import h5py

        path = rtdc(
            {"image": IMAGES, "deform": np.ones(6), "short": np.ones(5), "a,b": np.ones(6), "event": np.ones(6)}
        )
        with h5py.File(path, "a") as file:
            packed = file["events"].create_dataset("damaged", data=np.arange(6.0), chunks=(6,), fletcher32=True)
            where = packed.id.get_chunk_info(0).byte_offset
            file["events"]["elsewhere"] = h5py.ExternalLink("other.rtdc", "/events/deform")
        content = bytearray(path.read_bytes())
        content[where] ^= 0xFF
        path.write_bytes(content)
        with open_sample(path) as sample:
            assert sample.open_fcs().names == ("Event", "deform")
            losses = [problem for problem in sample.problems() if isinstance(problem, Loss)]
            assert losses[0] == "1 feature has fewer values than events (short)."
            assert losses[1].startswith("Of 2 features 1 are left out: ")
            assert "damaged" in losses[1]
            assert "2 features have names that no FCS can have (the first: a,b)." in sample.problems()
            assert np.array_equal(sample.read_image("2"), IMAGES[1])

    def test_every_real_file(self, shared_data):
        import h5py

        hdf5plugin = pytest.importorskip("hdf5plugin", reason="the extra hdf5 isn't installed")
        assert hdf5plugin.FILTERS
        paths = sorted((shared_data / "flow").glob("*.rtdc"))
        assert len(paths) == 12
        for path in paths:
            with h5py.File(path) as file:
                attributes = dict(file.attrs)
                events = {
                    name: file["events"][name][:] for name in ("image", "image_bg", "index") if name in file["events"]
                }
            images = events.get("image", ())
            if not len(images):
                with pytest.raises(SampleError, match="No images found"):
                    open_sample(path)
                continue
            with open_sample(path) as sample:
                assert len(sample.event_ids) == int(attributes["experiment:event count"])
                assert sample.scale.um_per_px == pytest.approx(float(attributes["imaging:pixel size"]), rel=1e-6)
                ids = events.get("index", np.arange(1, len(images) + 1))[: len(sample.event_ids)]
                assert sample.event_ids == tuple(str(int(number)) for number in ids)
                for event, image in zip(sample.event_ids, images, strict=False):
                    assert np.array_equal(sample.read_image(event), image)
                self.equal_features(sample, path)
                background, measured = events.get("image_bg"), sample.measured_background()
                assert (measured is None) == (background is None)
                if background is not None:
                    assert np.array_equal(measured, np.median(background, axis=0))

    @staticmethod
    def equal_features(sample, path) -> None:
        """All that h5py finds to be one number an event, in the order of names."""
        import h5py

        count = len(sample.event_ids)
        with h5py.File(path) as file:
            datasets = {name: item for name, item in file["events"].items() if isinstance(item, h5py.Dataset)}
            expected = {name: item[:count] for name, item in datasets.items() if item.ndim == 1}
        fcs = sample.open_fcs()
        assert fcs.names == ("Event", *sorted(expected))
        assert fcs.column("Event").tolist() == list(map(int, sample.event_ids))
        for name, values in expected.items():
            assert np.array_equal(fcs.column(name), np.nan_to_num(values.astype(np.float32)))
        assert not any("left out" in problem for problem in sample.problems())


def read_with(monkeypatch, code: str, path: Path) -> Any:
    """The sample, its child replaced by a program of one's own."""
    program = [sys.executable, "-c", code]
    real = reader_process.subprocess.Popen
    monkeypatch.setattr(reader_process.subprocess, "Popen", lambda _command, **options: real(program, **options))
    return open_sample(path)


HELLO = """
import sys, os, json, signal
facts = {"frames": {"image": {"shape": [9, 4, 4], "lacking": []}}, "attributes": {}, "basins": False}
print(json.dumps(facts), flush=True)
sys.stdin.readline()
"""


class TestProcess:
    @pytest.fixture
    def path(self, tmp_path) -> Path:
        (tmp_path / "m.rtdc").write_bytes(b"x")
        return tmp_path / "m.rtdc"

    @pytest.mark.parametrize(
        ("code", "why"),
        [
            ("os.kill(os.getpid(), signal.SIGSEGV)", "library crashed (SIGSEGV)"),
            ("os.kill(os.getpid(), signal.SIGPROF)", "took too long"),
            ("print('[]', flush=True)", "gave no sense"),
            ("print(json.dumps({'bytes': 1 << 60}), flush=True)", "bytes"),
            ("pass", "its reader ended"),
        ],
    )
    def test_a_crash_is_told_and_three_end_it(self, monkeypatch, path, code, why):
        with read_with(monkeypatch, HELLO + code, path) as sample:
            for place in range(reader_process.MOST_ENDS):
                with pytest.raises(SampleError) as caught:
                    sample.read_image(str(place + 1))
                assert why in caught.value.detail
                assert "m.rtdc" in caught.value.detail
            with pytest.raises(SampleError, match="reading it failed 3 times"):
                sample.read_image("9")

    def test_silence_is_ended(self, monkeypatch, path):
        monkeypatch.setattr(reader_process, "ANSWER_SECONDS", 0.2)
        silent = HELLO + "sys.stdin.readline()"
        with read_with(monkeypatch, silent, path) as sample, pytest.raises(SampleError, match="took too long"):
            sample.read_image("1")

    def test_a_child_that_computes_without_end_is_ended_by_the_system(self, monkeypatch, path):
        code = "from tui_cytpix.formats.sample.hdf5 import child\nchild.CPU_SECONDS = 0.1\nchild._allow()\n"
        code += "while True: pass"
        with pytest.raises(SampleError, match="took too long"):
            read_with(monkeypatch, code, path)

    def test_memory_is_limited(self, monkeypatch, path):
        code = (
            "from tui_cytpix.formats.sample.hdf5 import child\nimport sys\nchild.MEMORY = 64 << 20\n"
            "child._limit_memory()\n"
            "try: bytearray(256 << 20)\n"
            "except MemoryError: child._send(sys.stdout.buffer, {'error': 'no memory'})"
        )
        with pytest.raises(SampleError, match="no memory"):
            read_with(monkeypatch, code, path)

    def test_a_missing_extra_is_one_sentence_with_its_command(self, monkeypatch, path):
        code = (
            "import sys\nsys.modules['h5py'] = None\nfrom tui_cytpix.formats.sample.hdf5 import child\n"
            "child.main('x', sys.stdin.buffer, sys.stdout.buffer)"
        )
        with pytest.raises(SampleError, match=r"HDF5, which is read by h5py") as caught:
            read_with(monkeypatch, code, path)
        assert "pip install 'tui-cytpix[hdf5]'" in caught.value.way_out

    def test_missing_filters_are_told_as_an_extra(self, monkeypatch, path):
        code = HELLO.replace('"lacking": []', '"lacking": [32015, 7]')
        with pytest.raises(SampleError, match="Zstandard, filter 7") as caught:
            read_with(monkeypatch, code, path)
        assert "tui-cytpix[hdf5]" in caught.value.way_out

    def test_the_program_itself(self, rtdc):
        with open_sample(rtdc({"image": IMAGES})) as sample:
            assert np.array_equal(sample.read_image("3"), IMAGES[2])
        with pytest.raises(SampleError, match="was closed"):
            sample.read_image("3")
