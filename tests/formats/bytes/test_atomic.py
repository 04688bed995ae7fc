"""Whole or absent: also when the disk is full, two write at once, or the writer is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest

from tests import children
from tui_cytpix.errors import FULL, refusal
from tui_cytpix.formats.bytes import atomic
from tui_cytpix.formats.bytes.atomic import (
    clear_leftovers,
    replacing,
    replacing_folder,
    reserve,
    write_bytes,
    write_text,
)
from tui_cytpix.formats.bytes.liveness import temporary_name

LIMITED = """
import resource, sys
from pathlib import Path
from tui_cytpix.formats.bytes.atomic import write_bytes
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    write_bytes(Path(sys.argv[1]), b"n" * 100000)
except OSError as error:
    print("refused", error.errno)
"""

ENDLESS = """
import sys
from pathlib import Path
from tui_cytpix.formats.bytes.atomic import write_bytes
n = 0
while True:
    n += 1
    write_bytes(Path(sys.argv[1]), str(n % 10).encode() * 300000)
    if n == 3:
        print("going", flush=True)
"""


def test_the_content_is_replaced(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "one\n")
    write_bytes(path, "µ".encode())
    assert path.read_text("utf-8") == "µ"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail() -> None:
        with replacing(path) as aside:
            aside.write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_full_disk_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.bin"
    write_bytes(path, b"old")
    done = children.run([sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("refused")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_a_killed_writer_leaves_one_whole_content(tmp_path):
    path = tmp_path / "a.bin"
    writer = children.start([sys.executable, "-c", ENDLESS, str(path)], stdout=subprocess.PIPE)
    try:
        assert writer.stdout.readline() == b"going\n"
        time.sleep(0.05)
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait(children.LIMIT)
        writer.stdout.close()
    content = path.read_bytes()
    assert len(content) == 300000
    assert len(set(content)) == 1


def test_threads_that_replace_one_file_do_not_meet(tmp_path):
    path, errors = tmp_path / "a.txt", []

    def work(digit: str) -> None:
        try:
            for _ in range(20):
                write_text(path, digit * 1000)
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(children.LIMIT)
    assert errors == []
    assert len(set(path.read_text())) == 1
    assert len(list(tmp_path.iterdir())) == 1


ABANDONS = """
import sys
from pathlib import Path
from tui_cytpix.formats.bytes.atomic import replacing, scratch_folder
folder = Path(sys.argv[1])
with replacing(folder / "a.bin") as aside, scratch_folder(folder) as scratch:
    aside.write_bytes(b"half")
    (scratch / "b").write_bytes(b"half")
    print("there", flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_writer_left_is_removed_by_the_next_and_what_a_living_one_writes_is_not(tmp_path, monkeypatch):
    writers = [
        children.start([sys.executable, "-c", ABANDONS, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    assert [writer.stdout.readline() for writer in writers] == [b"there\n"] * 2
    writers[0].kill()
    writers[0].wait(children.LIMIT)
    foreign = tmp_path / ".0123abcd.0123abcd.1.0123abcd.part"  # of another machine
    foreign.write_text("")
    assert len(list(tmp_path.glob(".*.part"))) == 5
    monkeypatch.setattr(atomic, "_looked_at", set())
    write_bytes(tmp_path / "c.bin", b"c")
    left = list(tmp_path.glob(".*.part"))
    assert len(left) == 3, "the living writer's two, and the one that nobody here can tell of"
    clear_leftovers(tmp_path)
    assert foreign not in tmp_path.iterdir()
    assert len(list(tmp_path.glob(".*.part"))) == 2
    for writer in writers:
        writer.stdin.close()
        writer.stdout.close()
    writers[1].wait(children.LIMIT)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.bin", "c.bin"]


def test_a_temporary_name_holds_nothing_of_the_file_s_own():
    assert len(temporary_name()) < 60


def test_an_error_names_the_file_and_not_the_temporary_one(tmp_path):
    for error in (OSError(28, "No space left on device"), OSError(28, "No space left on device", "aside")):

        def fail(error: OSError = error) -> None:
            with replacing_folder(tmp_path / "masks") as aside:
                if error.filename:
                    error.filename = str(aside / "7.png")
                raise error

        with pytest.raises(OSError, match="masks") as told:
            fail()
        assert told.value.filename == str(tmp_path / "masks")
    assert list(tmp_path.iterdir()) == []


def test_room_is_taken_before_it_is_mapped_and_its_lack_is_told(tmp_path):
    with (tmp_path / "a").open("wb") as file:
        reserve(file, 1_000_000, tmp_path / "a")
    assert (tmp_path / "a").stat().st_blocks * 512 >= 1_000_000
    with (tmp_path / "b").open("wb") as file, pytest.raises(OSError, match="are needed") as told:
        reserve(file, 2**61, tmp_path / "c")
    assert told.value.errno in FULL


def test_a_full_disk_is_told_with_its_place_and_what_is_free_and_needed(tmp_path):
    title, detail, way_out = refusal(OSError(28, "3 MB are needed", str(tmp_path / "no" / "x")), "elsewhere")
    assert title == "The disk is full"
    assert detail.startswith(f"{tmp_path / 'no' / 'x'}: 3 MB are needed, ")
    assert detail.endswith("B are free")
    assert "Free some space" in way_out
    other = refusal(OSError(13, "Permission denied"), tmp_path, "No", "Ask.")
    assert other == ("No", f"{tmp_path}: Permission denied", "Ask.")
