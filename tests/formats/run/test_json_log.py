"""Logs: any cut, a full disk, a killed writer; what was called saved is there."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import children
from tui_cytpix.formats.run.json_log import LogTail, LogWriter, append_now, encode, read_log

RECORDS = st.lists(st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=8), max_size=3), max_size=8)

FULL_DISK = """
import resource, sys, time
from pathlib import Path
from tui_cytpix.formats.run import json_log
json_log.RETRY_SECONDS = 0.05
path = Path(sys.argv[1])
soft = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (2500, soft))
writer = json_log.LogWriter()
for n in range(50):
    writer.append(path, {"n": n, "text": "x" * 80})
    if n < 10:
        assert writer.flush()
assert not writer.flush(0.3)
assert writer.problem, "no problem shown"
print(writer.pending, writer.problem)
print(len(json_log.read_log(path)[0]), json_log.read_log(path)[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, soft))
assert writer.flush()
assert writer.problem == "" and writer.pending == 0
assert writer.close()
"""

ENDLESS = """
import sys
from pathlib import Path
from tui_cytpix.formats.run.json_log import LogWriter
writer = LogWriter()
for n in range(10**9):
    writer.append(Path(sys.argv[1]), {"n": n, "text": "x" * 20000})
    if n > writer.pending:
        print(n - writer.pending, flush=True)
    if writer.pending > 20:
        writer.flush()
"""


@settings(max_examples=40, deadline=None)
@given(RECORDS, RECORDS, st.data())
def test_a_log_cut_at_any_byte_keeps_its_whole_lines_and_goes_on(before, after, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.jsonl"
        for record in before:
            append_now(path, encode(record))
        content = path.read_bytes() if before else b""
        cut = data.draw(st.integers(0, len(content)))
        path.write_bytes(content[:cut])
        whole = content[:cut].count(b"\n")
        assert read_log(path) == (before[:whole], 0)
        for record in after:
            append_now(path, encode(record))
        assert read_log(path) == (before[:whole] + after, 0)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_complaint(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.jsonl"
        path.write_bytes(content)
        records, damaged = read_log(path)
        assert len(records) + damaged == content.count(b"\n")
        append_now(path, encode({"n": 1}))
        assert read_log(path) == ([*records, {"n": 1}], damaged)


def test_a_line_nested_beyond_measure_is_damaged_not_fatal(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"[" * 100_000 + b"\n" + encode({"n": 1}))
    assert read_log(path) == ([{"n": 1}], 1)


def test_a_missing_log_is_empty(tmp_path):
    assert read_log(tmp_path / "none.jsonl") == ([], 0)
    assert LogTail(tmp_path / "none.jsonl").new() == []


@settings(max_examples=40, deadline=None)
@given(RECORDS, st.lists(st.integers(1, 30), max_size=12))
def test_a_tail_sees_every_line_once_however_it_arrives(records, steps):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.jsonl"
        content = b"".join(encode(r) for r in records)
        tail, seen, at = LogTail(path), [], 0
        for step in [*steps, len(content)]:
            with path.open("ab") as file:
                file.write(content[at : at + step])
            at += step
            seen.extend(tail.new())
        assert seen == records
        assert tail.new() == []


def test_the_writer_keeps_the_order_of_logs_and_files(tmp_path):
    writer = LogWriter()
    for n in range(30):
        writer.append(tmp_path / f"{n % 2}.jsonl", {"n": n})
        writer.replace(tmp_path / "settings.toml", f"n = {n}\n")
    assert writer.close()
    assert writer.pending == 0
    assert [r["n"] for r in read_log(tmp_path / "1.jsonl")[0]] == list(range(1, 30, 2))
    assert (tmp_path / "settings.toml").read_text() == "n = 29\n"


def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path):
    path = tmp_path / "log.jsonl"
    done = children.run([sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    pending, kept = int(first.split()[0]), int(second.split()[0])
    assert "not saved yet" in first
    assert str(path) in first
    assert pending + kept == 50
    assert kept >= 10  # what was called saved before the disk was full
    assert second.split()[1] == "0"
    assert [r["n"] for r in read_log(path)[0]] == list(range(50))


def test_closing_on_a_refusing_disk_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(LogWriter.flush, "__defaults__", (0.1,))
    writer = LogWriter()
    writer.append(tmp_path / "no" / "such" / "folder.jsonl", {"n": 1})
    assert not writer.close()
    assert "not saved yet" in writer.problem


def test_a_killed_writer_has_what_it_called_saved(tmp_path):
    path = tmp_path / "log.jsonl"
    writer = children.start([sys.executable, "-c", ENDLESS, str(path)], stdout=subprocess.PIPE, text=True)
    for _ in range(3):
        writer.stdout.readline()
    time.sleep(0.1)
    writer.send_signal(signal.SIGKILL)
    rest = writer.stdout.read().splitlines()
    writer.wait(children.LIMIT)
    writer.stdout.close()
    numbers = [int(line) for line in rest if line.isdigit()]
    records, damaged = read_log(path)
    assert damaged == 0
    assert [r["n"] for r in records] == list(range(len(records)))
    assert len(records) > max(numbers, default=2)
    append_now(path, encode({"n": -1}))
    assert read_log(path)[0] == [*records, {"n": -1}]


def test_what_is_no_json_is_never_written():
    with pytest.raises(ValueError, match="JSON"):
        encode({"n": float("nan")})
    assert json.loads(encode({"text": "a\nb"})) == {"text": "a\nb"}


def test_a_log_that_leads_elsewhere_is_not_written_to(tmp_path):
    private = tmp_path / "private.txt"
    private.write_text("mine\n")
    (tmp_path / "log.jsonl").symlink_to(private)
    with pytest.raises(OSError, match="symbolic"):
        append_now(tmp_path / "log.jsonl", encode({"a": 1}))
    assert private.read_text() == "mine\n"
