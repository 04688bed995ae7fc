"""Whole or absent: also when the disk is full, two write at once, or the writer is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest

from tests import children
from tui_cytpix.formats.bytes.atomic import replacing, write_bytes, write_text

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
