"""Names of results: whose they are, whatever the order."""

from __future__ import annotations

import itertools
import json
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_cytpix.domain.jobs.specs import SampleAtWork
from tui_cytpix.domain.sample_names import sample_name
from tui_cytpix.workflow.evaluate.output_names import NAMES, claimed, known_names, names_in

COMPONENT = st.binary(min_size=1, max_size=40).map(lambda b: b.replace(b"/", b"").replace(b"\0", b"") or b"x")
PATHS = st.lists(
    st.tuples(COMPONENT, st.sampled_from([b"tube", b"Tube", b"t ube", b"t_ube", b"\xff", "酵母".encode() * 40]))
    .map(lambda parts: os.fsdecode(b"/data/" + b"/".join(parts) + b".acs"))
    .filter(lambda path: "/../" not in path and "/./" not in path),
    min_size=1,
    max_size=6,
    unique=True,
)


def at_work(paths):
    return tuple(SampleAtWork(name=sample_name(Path(path)), path=path) for path in paths)


@given(PATHS, st.data())
def test_no_two_files_ever_share_a_name(tmp_path_factory, paths, data):
    out = tmp_path_factory.mktemp("out")
    owner: dict[str, str] = {}
    name_of_path: dict[str, str] = {}
    for _ in range(3):
        chosen = data.draw(st.lists(st.sampled_from(paths), min_size=1, unique=True))
        for sample in claimed(out, at_work(chosen)):
            assert owner.setdefault(sample.name.casefold(), sample.path) == sample.path
            assert name_of_path.setdefault(sample.path, sample.name) == sample.name


def test_in_one_call_the_order_does_not_matter(tmp_path):
    paths = [f"/{folder}/tube.acs" for folder in "abc"]
    found = []
    for number, order in enumerate(itertools.permutations(paths)):
        names = {one.path: one.name for one in claimed(tmp_path / str(number), at_work(order))}
        assert len(set(names.values())) == 3
        found.append(names)
    assert all(names == found[0] for names in found)


def test_a_sample_that_is_given_twice_is_done_once(tmp_path):
    assert [one.name for one in claimed(tmp_path, at_work(["/a/t.acs", "/a/t.acs"]))] == ["t"]


def test_jobs_that_start_at_once_share_no_name(tmp_path):
    found = []
    start = threading.Barrier(8)

    def job(number):
        start.wait(20)
        found.extend(claimed(tmp_path, at_work([f"/{number}/tube.acs"])))

    threads = [threading.Thread(target=job, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len({one.name for one in found}) == 8
    assert sum(one.name == "tube" for one in found) <= 1


def test_results_of_earlier_builds_keep_their_names(tmp_path):
    (tmp_path / "process.json").write_text(json.dumps({"samples": [{"name": "tube", "path": "/a/tube.acs"}]}))
    assert claimed(tmp_path, at_work(["/b/tube.acs"]))[0].name != "tube"
    assert claimed(tmp_path, at_work(["/a/tube.acs"]))[0].name == "tube"


@pytest.mark.parametrize(
    "put",
    [
        os.mkfifo,
        Path.mkdir,
        lambda path: path.symlink_to(path.name),
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.write_bytes(b"/" + b"a" * 5000),
        lambda path: path.write_bytes(b"a\0b"),
        lambda path: path.write_bytes(b"/x" * (40 << 20)),
    ],
    ids=["FIFO", "folder", "loop", "device", "long", "NUL", "large"],
)
def test_what_is_no_claim_is_nobodys_and_the_others_are_known(tmp_path, put):
    samples = at_work(["/x/a", "/x/b"])
    claimed(tmp_path, samples)
    (tmp_path / NAMES / "a").unlink()
    put(tmp_path / NAMES / "a")
    assert [one.name for one in names_in(tmp_path, samples)] == ["a", "b"]
    assert known_names(tmp_path)["b"] == "/x/b"
