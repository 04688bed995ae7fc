"""One writer at a time, also where several come at once."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import children
from tui_cytpix.errors import RunError
from tui_cytpix.formats.run.lease import STALE_SECONDS, Lease

ROUNDS, RACERS = 15, 4


def stale_holder(**fields):
    """Of this machine, and dead."""
    dead = children.start([sys.executable, "-c", ""])
    dead.wait(children.LIMIT)
    return json.dumps({"host": socket.gethostname(), "pid": dead.pid, "nonce": "old", **fields})


def test_the_second_is_told_who_holds_it_and_can_have_it_afterwards(tmp_path):
    first, second = Lease(tmp_path / "lease", "The run"), Lease(tmp_path / "lease", "The run")
    first.acquire()
    with pytest.raises(RunError, match=f"process {os.getpid()} on"):
        second.acquire()
    first.release()
    second.acquire()
    assert second.held
    assert second.renew()
    second.release()
    assert list(tmp_path.iterdir()) == []


def test_the_lease_of_a_dead_process_is_taken_over_at_once(tmp_path):
    (tmp_path / "lease").write_text(stale_holder())
    Lease(tmp_path / "lease", "The run").acquire()
    assert [p.name for p in tmp_path.iterdir()] == ["lease"]


def test_a_process_that_got_a_dead_ones_number_holds_nothing(tmp_path):
    path = tmp_path / "lease"
    path.write_text(json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "born": "before", "nonce": "old"}))
    Lease(path, "The run").acquire()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"host": "elsewhere", "pid": 1}', "[" * 100_000])
def test_another_machines_lease_is_judged_by_its_age(tmp_path, content):
    path = tmp_path / "lease"
    path.write_text(content)
    with pytest.raises(RunError, match="in use"):
        Lease(path, "The run").acquire()
    old = path.stat().st_mtime - STALE_SECONDS - 5
    os.utime(path, (old, old))
    Lease(path, "The run").acquire()


def test_a_killed_holder_whose_parent_has_not_asked_yet_is_dead(tmp_path):
    path = tmp_path / "lease"
    script = (
        "import sys, time; from pathlib import Path; from tui_cytpix.formats.run.lease import Lease; "
        "Lease(Path(sys.argv[1]), 'x').acquire(); print('held', flush=True); time.sleep(60)"
    )
    holder = children.start([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
    assert holder.stdout.readline()
    with pytest.raises(RunError, match="in use"):
        Lease(path, "The run").acquire()
    os.kill(holder.pid, signal.SIGKILL)
    stat = Path(f"/proc/{holder.pid}/stat")
    children.until(lambda: " Z " in stat.read_text())
    Lease(path, "The run").acquire()
    holder.wait(children.LIMIT)


def test_who_was_thought_dead_notices(tmp_path):
    path = tmp_path / "lease"
    lease = Lease(path, "The run")
    lease.acquire()
    path.write_text(json.dumps({"nonce": "somebody else's"}))
    assert not lease.renew()
    lease.release()
    assert path.exists()


def _race(path, barrier, wins) -> None:
    for number in range(ROUNDS):
        barrier.wait(children.LIMIT)
        lease = Lease(path / str(number), "The run")
        try:
            lease.acquire()
        except RunError:
            continue
        finally:
            barrier.wait(children.LIMIT)
        wins.put((number, lease.renew()))


@pytest.mark.parametrize("stale", [False, True])
def test_of_several_processes_one_wins(tmp_path, stale):
    if stale:
        for number in range(ROUNDS):
            (tmp_path / str(number)).write_text(stale_holder())
    context = multiprocessing.get_context("fork")
    barrier, wins = context.Barrier(RACERS), context.Queue()
    racers = [context.Process(target=_race, args=(tmp_path, barrier, wins), daemon=True) for _ in range(RACERS)]
    for racer in racers:
        racer.start()
    found = []
    for racer in racers:
        racer.join(children.LIMIT)
    while not wins.empty():
        found.append(wins.get())
    assert sorted(found) == [(number, True) for number in range(ROUNDS)]


def test_a_holder_that_would_steer_the_terminal_is_told_as_text(tmp_path):
    (tmp_path / "l").write_text(json.dumps({"host": "\x1b[2J" + "x" * 5000, "pid": "\u202e\n"}))
    with pytest.raises(RunError) as told:
        Lease(tmp_path / "l", "The run").acquire()
    assert str(told.value).isprintable()
    assert len(str(told.value)) < 500


def test_a_full_disk_leaves_no_lease_of_nobody(tmp_path, monkeypatch):
    def full(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="lease"):
        Lease(tmp_path / "lease", "The run").acquire()
    assert list(tmp_path.iterdir()) == []


def test_where_there_are_no_links_a_lease_is_taken_as_well_and_by_one(tmp_path, monkeypatch):
    def no_links(*_paths: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", no_links)
    first, second = Lease(tmp_path / "lease", "The run"), Lease(tmp_path / "lease", "The run")
    first.acquire()
    with pytest.raises(RunError, match="in use"):
        second.acquire()
    assert first.renew()
    first.release()
    assert list(tmp_path.iterdir()) == []
