"""Damage to every kind of file that is read, a little of it; `python -m tests.benchmarks faults` tries much more."""

from __future__ import annotations

import os
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import sample_readers, side_files
from tests.faults.mutations import POSTSCRIPT, bomb, mutate, npy_claiming, put_back
from tests.faults.watching import Found, Reader, try_mutations
from tui_cytpix.errors import CytpixError, RunError
from tui_cytpix.formats.run.predictions import read_shard
from tui_cytpix.formats.sample.registry import READERS
from tui_cytpix.workflow.run.run import Run

OF_SAMPLES, OF_SIDE_FILES, OF_WHOLE_RUN = 10, 6, 6  # mutations of each reader


@pytest.fixture(scope="module")
def own_environment() -> Iterator[None]:
    before, scratch = dict(os.environ), tempfile.tempdir
    yield
    os.environ.clear()
    os.environ.update(before)
    tempfile.tempdir = scratch


@pytest.fixture(scope="module")
def place(own_environment: None, tmp_path_factory: pytest.TempPathFactory) -> list[Reader]:
    return side_files.readers(tmp_path_factory.mktemp("place"))


@pytest.fixture
def whole(place: list[Reader]) -> side_files.Place:
    return side_files.Place(place[0].folder)


def test_samples(tmp_path: Path) -> None:
    readers = sample_readers.readers(tmp_path)
    assert len(readers) == len(READERS)
    for reader in readers:
        found = try_mutations(reader, range(OF_SAMPLES), Found(), child_every=0)
        assert not found.faults, found.first


@pytest.mark.slow
def test_side_files(place: list[Reader]) -> None:
    for reader in place:
        contents = {file: file.read_bytes() for file in reader.files}
        reader.read()  # whole, nothing is refused
        for file, content in contents.items():
            put_back(file, content)  # who had a run open took away its lease
        number = OF_WHOLE_RUN if "whole run" in reader.name else OF_SIDE_FILES
        found = try_mutations(reader, range(100, 100 + number), Found(), child_every=0)
        assert not found.faults, found.first


def test_every_kind_of_file_of_a_run_has_a_reader(place: list[Reader], whole: side_files.Place) -> None:
    damaged = {file for reader in place for file in reader.files}
    kept = {file for file in whole.run.rglob("*") if file.is_file()}
    assert kept <= damaged


def test_the_watch_sees_a_process_a_byte_outside_and_a_traceback(tmp_path: Path) -> None:
    file, outside = tmp_path / "in" / "a", tmp_path / "b"
    file.parent.mkdir()
    file.write_bytes(b"abc")
    for read, told in (
        (lambda: outside.write_bytes(b"x"), "written outside"),
        (lambda: os.system("true"), "process"),
        (lambda: int("no"), "traceback: ValueError"),
        (lambda: [bytes(1) for _ in iter(int, 1)], "hang"),
    ):
        found = try_mutations(Reader("r", file.parent, [file], read), range(1), Found(), child_every=0)
        assert next(iter(found.faults)).startswith(told), told
    assert not outside.exists()


@pytest.mark.parametrize("seed", range(40))
def test_a_seed_makes_the_same_damage_and_it_can_be_put_back(tmp_path: Path, seed: int) -> None:
    file, content = tmp_path / "a.jsonl", b'{"a": 1, "b": "c"}\n' * 9
    file.write_bytes(content)
    kind = mutate(file, content, seed)
    made = file.read_bytes() if file.is_file() and file.stat().st_size < 1 << 24 else None
    put_back(file, content)
    assert file.read_bytes() == content
    assert mutate(file, content, seed) == kind
    assert made is None or file.read_bytes() == made


# What went wrong once


def _put(path: Path, content: bytes) -> bytes:
    before = path.read_bytes()
    path.write_bytes(content)
    return before


def test_caches_that_are_damaged_are_made_again(whole: side_files.Place) -> None:
    preview = whole.run / "preview"
    background = next(preview.glob("*.background.npy"))
    for path, content in (
        (background, b""),
        (background, npy_claiming((100_000, 100_000))),
        (background.with_suffix(".size.json"), b"1e300"),
        (preview / "coverage.npz", (preview / "coverage.npz").read_bytes()[:-100]),
        (next(preview.glob("*.descriptors.npz")), b"PK"),
    ):
        before = _put(path, content)
        with Run.open(whole.run, writing=False) as run:
            side_files._backgrounds(run)
            side_files._found_of_samples(run)
        put_back(path, before)


def test_a_shard_that_unpacks_to_a_gib_is_refused_before_it_is_unpacked(whole: side_files.Place) -> None:
    shard = next(whole.run.glob("predictions/*/*.npz"))
    before = _put(shard, bomb(shard.read_bytes()))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="more than"):
            read_shard(shard)
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()
        put_back(shard, before)


def test_a_preview_image_that_is_postscript_starts_nothing(whole: side_files.Place) -> None:
    image = next(whole.run.glob("preview/*/*.png"))
    before = _put(image, POSTSCRIPT)
    with Run.open(whole.run, writing=False) as run, pytest.raises(CytpixError, match="it is no PNG"):
        side_files._images(run)
    put_back(image, before)


def test_folders_that_are_no_jobs_are_passed_over(whole: side_files.Place) -> None:
    strange = [whole.run / "jobs" / name for name in ("5-train", "\N{SUPERSCRIPT TWO}-train", "0009-train", "-train")]
    for folder in strange:
        folder.mkdir()
    side_files.STATUS(whole, strange[0])
    for folder in strange:
        folder.rmdir()


@pytest.mark.parametrize(
    "put",
    [os.mkfifo, Path.mkdir, lambda path: path.symlink_to(path.name), lambda path: path.symlink_to("/dev/zero")],
    ids=["FIFO", "folder", "loop", "device"],
)
@pytest.mark.parametrize("name", ["run.toml", "verdicts.jsonl", "jobs/4-train/events.jsonl"])
def test_what_is_no_plain_file_is_never_opened(whole: side_files.Place, name: str, put: object) -> None:
    path = whole.run / name
    before = path.read_bytes()
    path.unlink()
    put(path)  # type: ignore[operator]
    try:
        with pytest.raises(CytpixError, match=r"run\.toml|\.jsonl"):
            side_files.STATUS(whole, path)
    finally:
        put_back(path, before)


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("seed = 7", "seed = -7"),
        ("seed = 7", "seed = 1180591620717411303424"),
        ("size_cutoff_um = 5.0", "size_cutoff_um = 1e300"),
        ("zoom = 0.0", "zoom = -3.0"),
        ("decades = 4.5", "decades = 1180591620717411303424"),
        ("top = 262144.0", "top = 1e308"),
        ("threads = 0", "threads = 9000000000000000000"),
        ("um_per_px = 0.2", "um_per_px = 1e300\nignored = 0.2"),
        ("seed = 7", f"a = {'[' * 100_000}{']' * 100_000}"),
    ],
)
def test_settings_with_numbers_that_nothing_can_work_with(whole: side_files.Place, said: str, instead: str) -> None:
    path = whole.run / "run.toml"
    before = path.read_text()
    assert said in before
    path.write_text(before.replace(said, instead, 1))
    try:
        with pytest.raises(RunError, match=r"run\.toml"):
            Run.open(whole.run, writing=False)
    finally:
        path.write_text(before)
