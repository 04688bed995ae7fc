"""Damage to every kind of file that is read, a little of it; `python -m tests.benchmarks faults` tries much more."""

from __future__ import annotations

import ast
import os
import tempfile
import tracemalloc
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import tui_cytpix
from tests.faults import sample_readers, side_files, watching
from tests.faults.examples import example
from tests.faults.forked_reader import forked
from tests.faults.mutations import POSTSCRIPT, bomb, mutate, npy_claiming, put_back
from tests.faults.watching import Found, Reader, try_mutations, without_rights_to_all
from tui_cytpix.domain.jobs.events import EVENTS
from tui_cytpix.domain.jobs.specs import KINDS
from tui_cytpix.domain.jobs.wishes import WISHES
from tui_cytpix.domain.plain_values import from_plain
from tui_cytpix.errors import CytpixError, RunError
from tui_cytpix.formats.run.predictions import read_shard
from tui_cytpix.formats.sample.registry import READERS
from tui_cytpix.workflow.assess import focus
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.train import finish

OF_SAMPLES, OF_SIDE_FILES, OF_WHOLE_RUN = 8, 4, 6  # mutations of each reader


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


def test_every_format_of_the_registry_is_damaged() -> None:
    formats = {reader.module for reader in READERS}
    told = "these formats have no small sample: make one in MADE of tests/faults/sample_readers.py"
    assert not formats - sample_readers.MADE.keys(), told
    assert not sample_readers.MADE.keys() - formats


def test_a_file_of_a_new_kind_is_told() -> None:
    assert side_files.who_reads("run/jobs/7-train/events.jsonl")[0] == "run/jobs/*-train/*"
    with pytest.raises(LookupError, match=r"run/new\.bin: say in WHO"):
        side_files.who_reads("run/new.bin")


# The modules that open files from elsewhere, and the reader of the bench, by how its name begins, that tries what they
# open; or why none does.
OPENED = {
    "engine.process.tube_parts": "side run/processed/0",
    "engine.train.checkpoints": "side run/checkpoints/",
    "formats.bytes.source": "sample ",
    "formats.fcs.write": "(a sample's FCS, which was opened as a part of the sample before)",
    "formats.flowjo.workspace": "side given/gates.wsp",
    "formats.masks.instrument": "sample zipped.zip_file",
    "formats.model.file": "side run/*.safetensors",
    "formats.model.miscount_model": "(of the package itself)",
    "formats.run.folder": "side run/run.toml",
    "formats.run.gate_members": "side run/jobs/*-train/npz",
    "formats.run.images": "side run/preview/*.background.npy",
    "formats.run.job": "side run/jobs/*-train/job.toml",
    "formats.run.lease": "side run/*.lease",
    "formats.run.predictions": "side run/predictions/npz",
    "formats.run.tube_records": "side run/processed/process.json",
    "formats.sample.found": "sample ",
    "formats.sample.identity": "sample ",
    "formats.tables.spreadsheet": "side given/judged.csv",
    "workflow.assess.focus": "side run/predictions/focus.json",
    "workflow.assess.judgements_file": "side given/judged.csv",
    "workflow.assess.showings_file": "side given/counted.csv",
    "workflow.assess.triage": "(of its own job, in a folder of its own, which is gone afterwards)",
    "workflow.evaluate.output_names": "side run/processed/s0",
    "workflow.evaluate.pairs_file": "side given/pairs.csv",
    "workflow.evaluate.process": "side run/processed/process.json",
    "workflow.evaluate.slurm_array": "side run/processed/submitted.json",
    "workflow.report.bug_report": "(files of the kinds above, as text or leniently: test_bug_report.py damages them)",
    "workflow.run.jobs": "side run/jobs/*-train/submitted.json",
    "workflow.run.recent_runs": "side home/recent.json",
    "workflow.run.sample_sheet": "side given/sheet.csv",
    "workflow.run.user_settings": "side home/settings.toml",
    "workflow.samples.coverage": "side run/preview/npz",
    "workflow.samples.descriptors": "side run/preview/descriptors.npz",
}
OPENERS = {
    "tui_cytpix.formats.bytes.npz": {"read_npz", "read_npy"},
    "tui_cytpix.formats.bytes.plain_file": {
        "open_plain",
        "read_plain",
        "read_text",
        "read_json",
        "parse_json",
        "read_toml",
    },
    "tui_cytpix.formats.run.json_log": {"read_log", "LogTail"},
    "tui_cytpix.formats.tables.spreadsheet": {"read_rows"},
}


def _opening() -> set[str]:
    package = Path(tui_cytpix.__file__).parent
    found = set()
    for path in package.rglob("*.py"):
        names = (one for one in ast.walk(ast.parse(path.read_text())) if isinstance(one, ast.ImportFrom))
        if any(OPENERS.get(one.module or "", set()) & {alias.name for alias in one.names} for one in names):
            found.add(".".join(path.relative_to(package).with_suffix("").parts))
    return found - {"formats.bytes.npz", "formats.run.json_log"}  # openers themselves


def test_every_module_that_opens_files_has_a_reader_that_is_damaged(place: list[Reader]) -> None:
    assert not _opening() - OPENED.keys(), "say in OPENED which reader of the bench tries what these open, or why none"
    assert not OPENED.keys() - _opening(), "these open no files any more"
    names = [reader.name for reader in place] + [f"sample {module}" for module in sample_readers.MADE]
    for module, name in OPENED.items():
        there = name.startswith("(") or any(one.startswith(name) for one in names)
        assert there or (name.endswith(".wsp") and not find_spec("flowkit")), f"{module}: no reader is called {name}"


def test_samples(tmp_path: Path) -> None:
    with forked():
        for reader in sample_readers.readers(tmp_path):
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


def test_the_watch_sees_a_process_a_byte_outside_and_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "MOST_SECONDS", 0.2)
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


def test_a_file_that_nobody_may_read_is_read_by_nobody(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "a").chmod(0)
    with without_rights_to_all(), pytest.raises(PermissionError):
        (tmp_path / "a").read_bytes()
    (tmp_path / "a").chmod(0o600)
    assert (tmp_path / "a").read_bytes() == b"abc"


@pytest.mark.parametrize("kind", [*EVENTS.values(), *WISHES.values(), *KINDS.values()])
def test_an_example_of_each_line_and_job_is_one(kind: type) -> None:
    from_plain(kind, example(kind))


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


@pytest.mark.parametrize("value", ["1" + "0" * 400, "NaN", "-1", "2", '"a"', "null", "[]"])
def test_scores_of_focus_that_are_none_are_made_again(whole: side_files.Place, value: str) -> None:
    path = next(whole.run.glob("predictions/*/focus.json"))
    key = '"rich-medium:1"'
    with Run.open(whole.run, writing=False) as run:
        base = library.base_of(run)
        assert focus.stored(run, base)
        before = _put(path, f'{{"": {{{key}: {value}}}}}'.encode())
        assert focus.stored(run, base) == {}
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


@pytest.mark.parametrize(
    "said", ['{"job": 1e999, "tasks": 1}', '{"job": 7, "tasks": 0}', '{"job": 7, "tasks": -1e999}']
)
def test_what_slurm_is_said_to_have_may_be_any_number(whole: side_files.Place, said: str) -> None:
    for path in whole.run.rglob("submitted.json"):
        before = _put(path, said.encode())
        with Run.open(whole.run, writing=False) as run:
            side_files._processed(run)
            side_files._jobs(run)
        put_back(path, before)


def test_folders_that_are_no_jobs_are_passed_over(whole: side_files.Place) -> None:
    strange = [whole.run / "jobs" / name for name in ("50-train", "\N{SUPERSCRIPT TWO}-train", "0009-train", "-train")]
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
    "put",
    [os.mkfifo, Path.mkdir, lambda path: path.symlink_to(path.name), lambda path: path.symlink_to("/dev/zero")],
    ids=["FIFO", "folder", "loop", "device"],
)
def test_a_checkpoint_that_is_no_plain_file_is_not_copied(whole: side_files.Place, put: object) -> None:
    path = whole.run / "checkpoints" / "best.safetensors"
    before = path.read_bytes()
    path.unlink()
    put(path)  # type: ignore[operator]
    try:
        with Run.open(whole.run) as run, pytest.raises(CytpixError, match=r"best\.safetensors"):
            finish.finish(run, "another", "best")
    finally:
        put_back(path, before)
    assert not list(whole.run.glob(".finish-*"))


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
