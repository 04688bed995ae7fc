"""What `inspect` knows of a sample every verb says; odd names are names; equal names never share an output."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tui_cytpix.formats.bytes.names import event_of
from tui_cytpix.formats.fcs.read import read_fcs
from tui_cytpix.formats.masks.label_images import find_label_images
from tui_cytpix.simulate import write

ONE = ("--threads", 1)  # each worker is another process that starts


@pytest.fixture(scope="session")
def images(tmp_path_factory) -> Path:
    """A folder of six images, and its FCS beside it."""
    folder = tmp_path_factory.mktemp("plain") / "tube"
    write("yeast", folder, 6, "export", 1)
    return folder


def copied(images: Path, folder: Path) -> Path:
    """That sample, elsewhere or under another name."""
    shutil.copytree(images, folder)
    shutil.copy(images.with_suffix(".fcs"), folder.with_suffix(".fcs"))
    return folder


def cut_off(fcs: Path) -> None:
    fcs.write_bytes(fcs.read_bytes()[:-400])


def with_another_data_set(fcs: Path) -> None:
    content = fcs.read_bytes()
    key = b"$NEXTDATA"
    at = content.index(key) + len(key)
    delimiter = content[at : at + 1]
    end = content.index(delimiter, at + 1)
    room = end - at - 1
    fcs.write_bytes(content[: at + 1] + b"9".rjust(room, b"0") + content[end:])


def of_fewer_events(fcs: Path) -> None:
    """$TOT says ten less than DATA holds."""
    total = read_fcs(fcs).event_count
    content, said = fcs.read_bytes(), f"{total}".encode()
    at = content.index(b"$TOT") + 5
    assert content[at : at + len(said)] == said
    fcs.write_bytes(content[:at] + f"{total - 10}".rjust(len(said), "0").encode() + content[at + len(said) :])


TROUBLES = {
    "cut": (cut_off, "cut off or damaged"),
    "sets": (with_another_data_set, "more than one data set"),
    "total": (of_fewer_events, "of $TOT have"),
}


@pytest.mark.slow
def test_a_broken_fcs_costs_only_the_sample_whose_it_is(images, tmp_path, run_main, tiny_model):
    """`tube` and its FCS, which is damaged; beside it a folder of images without one: for that it is a mere guess."""
    tube, other = copied(images, tmp_path / "tube"), tmp_path / "other"
    shutil.copytree(images, other)
    tube.with_suffix(".fcs").write_bytes(b"FCS3.1 and nothing more")
    _, out, _ = run_main("inspect", "--json", tube, other)
    of_tube, of_other = (" ".join(one["problems"]) for one in json.loads(out)["samples"])
    assert "The FCS can't be used: " in of_tube
    assert "tube.fcs is not used: it has another name, and whose it is can't be read: " in of_other
    for sample, expected in ((other, 0), (tube, 1)):
        status, _, said = run_main("process", sample, "--model", tiny_model, "--out", tmp_path / f"{sample.name}-out")
        assert status == expected
        assert ("failed: " in said) == bool(expected)
        assert "This is no FCS" in said or "can't be" in said  # told by both
    record = json.loads((tmp_path / "other-out" / "process.json").read_text())
    assert "tube.fcs is not used" in json.dumps(record)


@pytest.mark.slow
def test_what_is_wrong_with_an_fcs_every_verb_says(images, tmp_path, run_main, tiny_model):
    whole = copied(images, tmp_path / "whole")
    broken = {name: copied(images, tmp_path / name) for name in TROUBLES}
    for name, folder in broken.items():
        TROUBLES[name][0](folder.with_suffix(".fcs"))
    _, out, _ = run_main("inspect", "--json", whole, *broken.values())
    told = {Path(one["path"]).name: " ".join(one["problems"]) for one in json.loads(out)["samples"]}
    assert told["whole"] == ""
    results = tmp_path / "out"
    status, _, process_says = run_main(
        "process", whole, *broken.values(), *ONE, "--model", tiny_model, "--out", results
    )
    assert status == 1
    status, _, run_says = run_main("run", "new", tmp_path / "run", "--sample", broken["cut"], "--base", tiny_model)
    assert status == 0
    record = json.loads((results / "process.json").read_text())
    for name, (_, words) in TROUBLES.items():
        assert words in told[name]
        assert f"failed: {name}: " in process_says
        assert words in process_says.split(f"failed: {name}: ")[1].split("failed: ")[0]
        assert [one for one in record["failures"] if one["sample"] == name and words in one["reason"]]
        assert words in " ".join(json.loads((results / f"{name}.process.json").read_text())["problems"])
    assert TROUBLES["cut"][1] in run_says
    assert {one["name"]: one["failed"] for one in record["samples"]}["whole"] == 0
    assert sorted(path.stem for path in results.glob("*.fcs")) == ["sets", "total", "whole"]
    assert sorted(path.name for path in results.glob("*.events.csv"))[0] == "cut.events.csv"


@pytest.mark.slow
def test_parameters_of_one_name_are_told_and_kept_apart(images, tmp_path, run_main, tiny_model):
    folder, words = copied(images, tmp_path / "twice"), "Several parameters of the FCS are named 'FSC-A'"
    fcs = folder.with_suffix(".fcs")
    before = read_fcs(fcs)
    number = before.names.index("SSC-A") + 1
    content = fcs.read_bytes()
    assert content.count(b"SSC-A") >= 1
    at = content.index(b"SSC-A", content.index(f"$P{number}N".encode()))
    fcs.write_bytes(content[:at] + b"FSC-A" + content[at + 5 :])

    status, out, _ = run_main("inspect", folder)
    assert status == 0
    assert words in out
    assert "FSC-A, FSC-A #2" in out
    run, results, one = tmp_path / "run", tmp_path / "out", tmp_path / "gate.csv"
    for verb in (
        ("process", folder, "--model", tiny_model, "--out", results, "--format", "fcs,csv"),
        ("run", "new", run, "--sample", folder, "--base", tiny_model),
        ("compare", folder, "--model", tiny_model),
    ):
        status, out, said = run_main(*verb)
        assert status == 0, said
        assert words in out + said
    assert words in (results / "process.json").read_text()
    written = read_fcs(results / "twice.fcs")
    assert words in " ".join(written.problems)
    for name, column in (("FSC-A", "FSC-A"), ("FSC-A #2", "SSC-A")):
        assert np.array_equal(written.column(name), before.column(column))
    middle = float(np.median(before.column("SSC-A")))
    assert run_main("run", "gate", run, "range", "low", "FSC-A #2", "0", f"{middle}")[0] == 0
    assert run_main("run", "gate", run, "export", "low", "--out", one)[0] == 0
    assert len(one.read_text().splitlines()) - 1 == (before.column("SSC-A") <= middle).sum()


@pytest.mark.parametrize("bad", [b"", b"hello", None], ids=["empty", "damaged", "blank"])
def test_a_sample_without_one_readable_image_is_a_failure(tmp_path, run_main, tiny_model, bad):
    folder = tmp_path / "tube"
    folder.mkdir()
    for number in range(70):
        if bad is None:
            Image.fromarray(np.full((20, 20), 9, np.uint8)).save(folder / f"{number}.png")
        else:
            (folder / f"{number}.png").write_bytes(bad)
    status, out, err = run_main("inspect", folder)
    assert status == 1
    assert "no image that can be read" in err
    assert "None of its 70 images can be read" in out
    status, _, err = run_main("run", "new", tmp_path / "run", "--sample", folder, "--base", tiny_model)
    assert status == 1
    assert "no image that can be read" in err
    assert not (tmp_path / "run").exists()
    Image.fromarray(np.arange(400, dtype=np.uint8).reshape(20, 20)).save(folder / "33.png")
    assert run_main("inspect", folder)[0] == 0


CHINESE = "酵母" * 41 + "甲乙"  # 252 bytes, and .png behind them: as long as a name can be
NAMES = [
    CHINESE[:83],
    "-rf",
    "a\nb",
    "a\tb",
    "a b",
    "50%",
    "a\x1b[31m",
    "a..2",
    "it's",
    "酵母细胞显微镜图像样本第一组重复三次对照实验零零一号图像甲0",
]


def test_any_name_that_the_system_allows_is_a_name(images, tmp_path, run_main, tiny_model):
    """A folder whose name is no UTF-8, and in it images of every kind of name, a link in a circle and a pipe."""
    sample = Path(os.fsdecode(os.fsencode(tmp_path) + b"/M\xfcller"))
    sample.mkdir()
    pictures = sorted(images.glob("*.*"))
    names = [*NAMES, os.fsdecode(b"gr\xf6\xdfe")]
    for number, name in enumerate(names):
        gray = np.asarray(Image.open(pictures[number % len(pictures)]).convert("L")).copy()
        gray[0, 0] = number  # no two are alike
        Image.fromarray(gray).save(sample / "one.png")
        (sample / "one.png").rename(sample / f"{name}.png")
    (sample / "loop.png").symlink_to("loop.png")
    os.mkfifo(sample / "pipe.png")
    status, out, _ = run_main("inspect", sample)
    assert status == 0
    assert "2 images are no files that can be read: links that lead nowhere" in out
    results = tmp_path / "out"
    options = ("--um-per-px", "0.3", "--model", tiny_model, "--out", results, "--format", "csv,masks,instrument-masks")
    status, out, err = run_main("process", sample, *ONE, *options)
    assert status == 1  # of the link and the pipe
    assert err.count("failed: ") == 1
    events = {event_of(f"{name}.png") for name in names}
    assert set(find_label_images(results / "M_ller.masks")) == events
    with (results / "M_ller.events.csv").open(newline="") as table:
        assert len(table.read().splitlines()) == len(names) + 1
    run = tmp_path / "run"
    status, _, _ = run_main("run", "new", run, "--sample", sample, "--base", tiny_model)
    assert status == 0
    assert run_main("run", "select", run)[0] == 0
    assert len(list((run / "preview" / "M_ller").glob("*.png"))) == len(names)
    status, out, _ = run_main("run", "status", run)
    assert status == 0
    assert out.isascii() or out.replace("\n", "").isprintable()


def test_equal_names_from_different_folders_never_share_an_output(images, tmp_path, run_main, tiny_model):
    one, other = copied(images, tmp_path / "a" / "tube"), copied(images, tmp_path / "b" / "tube")
    sorted(other.glob("*.*"))[0].unlink()  # five images
    results = tmp_path / "out"

    def process(*samples):
        status, _, _ = run_main("process", *samples, *ONE, "--model", tiny_model, "--out", results, "--format", "csv")
        assert status == 0
        lines = {path.name: len(path.read_text().splitlines()) - 1 for path in results.glob("*.events.csv")}
        record = json.loads((results / "process.json").read_text())
        assert {one["path"] for one in record["samples"]} >= {str(sample) for sample in samples}
        assert record["images"] == sum(lines.values())
        return lines

    alone = process(one)
    assert alone == {"tube.events.csv": 6}
    both = process(other, one, one)
    assert both["tube.events.csv"] == 6
    assert sorted(both.values()) == [5, 6]
    assert process(one, other) == both


REAL = {  # of the real files those that something is wrong with, and what is said
    "bad_corrupted_10bytes": "doesn't start as FCS 2.0 to 3.2 files do",
    "bad_data_start_offset": "HEADER and TEXT disagree on where DATA lies",
    "bad_data_stop_offset": "HEADER and TEXT disagree on where DATA lies",
    "beckman_coulter_multidataset_lmd": "more than one data set",
}


def test_what_is_wrong_with_real_files_process_says(shared_data, tmp_path, run_main, tiny_model):
    """Each beside one image. Other instruments' have no parameter Event, which is told, too."""
    pixels = np.random.default_rng(0).integers(0, 255, (30, 30), dtype=np.uint8)
    folders = []
    for fcs in sorted((shared_data / "fcs").glob("*.fcs")):
        folders.append(tmp_path / fcs.stem)
        folders[-1].mkdir()
        Image.fromarray(pixels).save(folders[-1] / "1.png")
        (tmp_path / fcs.name).symlink_to(fcs)
    status, _, err = run_main(
        "process", *folders, *ONE, "--model", tiny_model, "--out", tmp_path / "out", "--format", "csv"
    )
    assert status == 1
    notes = json.loads((tmp_path / "out" / "process.json").read_text())["notes"]
    for folder in folders:
        own = " ".join(note for note in notes if note.startswith(f"{folder.name}: "))
        words = REAL.get(folder.name)
        assert (words is None) or (words in own and words in err)
        assert ("has no parameter Event" in own) == (folder.name != "bad_corrupted_10bytes")
        others = [said for name, said in REAL.items() if said != words]
        assert not [said for said in others if said in own]


def test_inspect_claims_no_size_or_bits_where_no_image_can_be_read(tmp_path, run_main):
    path = tmp_path / "stack.npy"
    np.save(path, np.full((4, 20, 30), -60, np.int16) + np.arange(30, dtype=np.int16))
    status, out, _ = run_main("inspect", path)
    assert (status, "4, none of which can be read" in out, "bits of gray" in out) == (1, True, False)
    np.save(path, np.arange(2400, dtype=np.uint16).reshape(4, 20, 30))
    assert "4, 30 x 20 px, 12 bits of gray" in run_main("inspect", path)[1]


def test_a_part_of_a_list_without_a_sample_is_told(tmp_path, run_main, tiny_model):
    folder = tmp_path / "one"
    folder.mkdir()
    Image.fromarray(np.arange(600, dtype=np.uint8).reshape(20, 30)).save(folder / "1.png")
    given = ("process", folder, "--model", tiny_model, "--out", tmp_path / "o", "--shard")
    status, _, told = run_main(*given, "2/3")
    assert (status, told) == (0, "Part 2 of 3 has no sample: 1 was given.\n")


def test_process_ends_with_what_was_done_and_where_it_is(tmp_path, tube, run_main, tiny_model):
    (tmp_path / "bad.acs").write_text("no archive")
    asked = ("process", tube, tmp_path / "bad.acs", "--model", tiny_model, "--out", tmp_path / "out", "--format", "csv")
    for words in ("", "1 done already"):
        status, _, err = run_main(*asked)
        *before, together, where, next_ = err.splitlines()
        assert status == 1
        assert re.match(r"2 samples: 1 done, 1 failed; 24 images in \d+ s\.$", together)
        assert where == f"Results: {tmp_path / 'out'}. What was done, and how: {tmp_path / 'out' / 'process.json'}."
        assert (tmp_path / "out" / "process.json").is_file()
        assert next_.endswith(f"tui-cytpix collect {tmp_path / 'out'}")
        assert "failed: bad" in " ".join(before)
        assert words in " ".join(before)
