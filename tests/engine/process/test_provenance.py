"""Records of samples, and what is made of all of them."""

from __future__ import annotations

import json
import threading

import pytest

from tui_cytpix.engine.process.provenance import write_together
from tui_cytpix.formats.run.tube_records import make_room, workplace
from tui_cytpix.formats.run.tube_records import write_record as written


def write_record(out, name, told):
    make_room(out)
    with workplace(out, name) as aside:
        written(out, name, told, aside)


def record(name, images=1):
    return {
        "sample": {"name": name, "path": f"/x/{name}", "images": images},
        "done": True,
        "zoom": {"times": 1.0},
        "images": images,
        "failed": 1,
        "failures": [{"sample": name, "reason": "odd"}],
        "problems": ["odd"],
    }


def told(out):
    return json.loads((out / "process.json").read_text())


def test_jobs_at_a_time_do_not_take_each_others_records_away(tmp_path):
    def job(name):
        write_record(tmp_path, name, record(name))
        write_together(tmp_path, {"model_hash": "x", "failed": 0, "failures": []})

    names = [f"tube{number}" for number in range(12)]
    threads = [threading.Thread(target=job, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {one["name"] for one in told(tmp_path)["samples"]} == set(names)
    assert told(tmp_path)["images"] == told(tmp_path)["failed"] == 12
    assert told(tmp_path)["zooms"]["tube3"] == {"times": 1.0}


def test_a_sample_that_is_done_again_stands_once_and_damage_is_passed_over(tmp_path):
    for images in (3, 5):
        write_record(tmp_path, "a", record("a", images))
        write_record(tmp_path, "b", record("b", 7))
        (tmp_path / "c.process.json").write_text("{" if images == 3 else "[1]")
        write_together(tmp_path, {"model_hash": "x", "failed": 0, "failures": []})
    assert [(one["name"], one["images"]) for one in told(tmp_path)["samples"]] == [("a", 5), ("b", 7)]
    assert told(tmp_path)["images"] == 12
    assert sorted(path.name for path in (tmp_path / ".job").iterdir()) == ["leases", "unfinished"]


@pytest.mark.parametrize(
    "damage",
    [
        {"failures": 5},
        {"images": "many"},
        {"images": -1},
        {"failed": None},
        {"notes": [1]},
        {"notes": 1},
        {"device": ["a"]},
        {"done": "yes"},
        {"sample": {"name": ["a"]}},
        {"sample": {}},
        {"sample": 1},
    ],
)
def test_a_record_that_somebody_changed_is_left_out(tmp_path, damage):
    write_record(tmp_path, "good", record("good"))
    write_record(tmp_path, "bad", {**record("bad"), **damage})
    write_together(tmp_path, {"model_hash": "x", "failed": 0, "failures": []})
    assert [one["name"] for one in told(tmp_path)["samples"]] == ["good"]


def test_a_record_without_a_zoom_is_taken(tmp_path):
    write_record(tmp_path, "good", {name: value for name, value in record("good").items() if name != "zoom"})
    write_together(tmp_path, {"model_hash": "x", "failed": 0, "failures": []})
    assert told(tmp_path)["zooms"] == {"good": None}
