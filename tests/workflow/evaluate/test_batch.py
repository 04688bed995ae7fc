"""The tubes of an output folder side by side: figures against SciPy, what stands apart, and what is not there."""

from __future__ import annotations

import csv
import os

import pytest
from scipy import stats

from tests.batches import SPREAD, counts, summary, write_record
from tui_cytpix.core.statistics.outliers import LIMIT
from tui_cytpix.domain.jobs.specs import SampleAtWork
from tui_cytpix.errors import UsageError
from tui_cytpix.formats.run import tube_records
from tui_cytpix.formats.run.tube_records import lease_of, make_room
from tui_cytpix.workflow.evaluate.batch import EARLIER, read_batch, write_table
from tui_cytpix.workflow.evaluate.output_names import claimed
from tui_cytpix.workflow.evaluate.tube_status import TubeState


@pytest.fixture
def out(tmp_path, monkeypatch):
    """A folder with the records of eight tubes that are all alike, t1 to t8; no tube can be opened."""

    def refuse(*_asked):
        raise AssertionError("a tube is opened")

    monkeypatch.setattr(tube_records, "open_sample", refuse)
    for number in range(1, 9):
        write_record(tmp_path / "out", f"t{number}")
    return tmp_path / "out"


def tube(batch, name):
    return next(one for one in batch.tubes if one.name == name)


def wilson(found, images):
    interval = stats.binomtest(found, images).proportion_ci(method="wilson")
    return pytest.approx([100 * found / images, 100 * interval.low, 100 * interval.high])


def test_classes_of_images_have_their_shares_and_intervals(out):
    write_record(out, "t1", images=90, counts=counts(9, 60, 3, 18), summary=summary(border=4))
    values = tube(read_batch(out), "t1").values
    shares = {"NoParticle": 9, "Singlets": 60, "Coincident": 3, "Multiplets": 18, "Unusable": 4}
    for name, found in shares.items():
        assert values[name].value == found
        assert values[f"{name}Percent"][:3] == wilson(found, 90)
    assert values["Failed"].value == 10
    assert values["FailedPercent"][:3] == wilson(10, 100)
    assert (values["Events"].value, values["Seconds"].value, values["EventsPerSecond"].value) == (1000, 10, 100)
    assert values["FocusMedian"][:3] == (0.5, 0.4, 0.6)


@pytest.mark.parametrize(("objects", "frames"), [(0, 100), (7, 100), (130, 2000)])
def test_false_objects_of_blank_tubes_have_the_exact_poisson_interval(out, objects, frames):
    found = {**counts(frames - objects, objects, 0, 0)}
    write_record(out, "t1", images=frames, counts=found, labels={"control": "blank"})
    batch = read_batch(out)
    low = stats.chi2.ppf(0.025, 2 * objects) / 2 if objects else 0
    expected = [1000 * one / frames for one in (objects, low, stats.chi2.ppf(0.975, 2 * objects + 2) / 2)]
    assert tube(batch, "t1").value("FalseObjectsPer1000")[:3] == pytest.approx(expected)
    assert not tube(batch, "t1").apart  # that nothing is in it is what it is for
    assert not tube(batch, "t2").value("FalseObjects").known


@pytest.mark.parametrize(
    ("changes", "figure", "words"),
    [
        ({"summary": summary(focus={**SPREAD, "median": 0.2})}, "FocusMedian", "less sharp (focus): 0.200, median"),
        ({"summary": summary(gray={**SPREAD, "median": 500.0})}, "GrayMedian", "brighter (gray level): 500, median"),
        ({"summary": summary(events=5000)}, "Events", "more events"),
        ({"images": 60, "counts": counts(3, 48, 3, 6)}, "FailedPercent", "more images failed: 40.0 %, median of the"),
        ({"counts": counts(5, 40, 5, 50)}, "MultipletsPercent", "more multiplets: 50.0 %, median of the batch 10.0 %"),
        ({"sample": {"name": "t3", "um_per_px": 0.25}}, "MicronsPerPixel", "smaller pixels"),
    ],
)
def test_what_stands_apart_is_said_in_words(out, changes, figure, words):
    write_record(out, "t3", **changes)
    batch = read_batch(out)
    assert words in tube(batch, "t3").apart[figure]
    assert [one.name for one in batch.tubes if one.apart] == ["t3"]


def test_a_share_stands_apart_only_where_its_interval_and_that_of_the_others_do_not_overlap(out):
    for number in range(1, 9):
        write_record(out, f"t{number}", counts=counts(0, 90, 0, 10) if number != 3 else counts(3, 87, 0, 10))
    batch = read_batch(out)
    assert ends(3, 100)[0] > ends(0, 700)[1]
    assert tube(batch, "t3").apart.keys() == {"NoParticlePercent"}
    for number in (1, 2, 4, 5, 6, 7, 8):
        write_record(out, f"t{number}", counts=counts(0, 18, 0, 2), images=20)
    batch = read_batch(out)
    assert ends(3, 100)[0] < ends(0, 140)[1]
    assert tube(batch, "t3").z["NoParticlePercent"] > LIMIT
    assert "NoParticlePercent" not in tube(batch, "t3").apart


def ends(found, images):
    interval = stats.binomtest(found, images).proportion_ci(method="wilson")
    return interval.low, interval.high


def test_blank_tubes_are_no_part_of_what_others_are_compared_with(out):
    for number in range(1, 13):
        write_record(out, f"b{number}", counts=counts(100, 0, 0, 0), labels={"control": "blank"})
    batch = read_batch(out)
    assert batch.medians["MultipletsPercent"] == 10
    assert not any(one.apart for one in batch.tubes)


def test_fewer_than_five_tubes_are_not_compared(out):
    for number in range(5, 9):
        (out / f"t{number}.process.json").unlink()
    write_record(out, "t3", summary=summary(focus={**SPREAD, "median": 0.2}))
    assert not any(one.z or one.apart for one in read_batch(out).tubes)


def test_a_record_of_an_earlier_build_has_empty_cells_and_says_so(out):
    write_record(out, "t3", summary=None, counts={"ParticleCount": {"0": 5, "1": 95}, "ClumpIndexMax": {"1": 95}})
    found = tube(read_batch(out), "t3")
    assert (found.state, found.why) == (TubeState.DONE, EARLIER)
    assert not any(found.value(name).known for name in ("Events", "FocusMedian", "FailedPercent"))
    assert found.value("NoParticle").value == 5


def test_failed_missing_and_running_tubes_are_told(out, tmp_path):
    write_record(out, "t2", done=False, images=0, failures=[{"sample": "t2", "reason": "No such sample."}])
    nothing = [{"sample": "t4", "event": "1", "reason": "It is damaged."}]
    write_record(out, "t4", images=0, failed=2, failures=nothing)
    write_record(out, "t5", outputs={"t5.fcs": 3})
    make_room(out)
    lease_of(out, "t6").acquire()
    claimed(out, (SampleAtWork(name="Never", path=str(tmp_path / "Never.acs")),))
    batch = read_batch(out)
    said = {one.name: (one.state, one.why) for one in batch.tubes if one.why}
    lease_of(out, "t6").release()
    assert said == {
        "Never": (TubeState.MISSING, "not begun, or not ended"),
        "t2": (TubeState.FAILED, "No such sample."),
        "t4": (TubeState.FAILED, "2 failed, first: event 1, It is damaged."),
        "t5": (TubeState.MISSING, "t5.fcs is gone, or was changed"),
        "t6": (TubeState.RUNNING, "a job is at it"),
    }
    assert batch.totals == {"done": 4, "running": 1, "pending": 0, "failed": 2, "missing": 2}


def test_a_list_gives_order_labels_and_what_is_missing(out):
    listed = [
        SampleAtWork(name="t7", path="/data/t7.acs", labels={"well": "B2"}),
        SampleAtWork(name="new", path="/data/new.acs"),
    ]
    batch = read_batch(out, listed)
    assert [(one.name, one.state.value, one.labels["well"]) for one in batch.tubes] == [
        ("t7", "done", "B2"),
        ("new", "missing", ""),
    ]
    assert batch.not_listed == ["t1", "t2", "t3", "t4", "t5", "t6", "t8"]


def test_the_table_has_a_row_a_tube_and_empty_cells_where_nothing_is_known(out, tmp_path):
    write_record(out, "t10", done=False, images=0)
    write_record(out, "t3", labels={"condition": 'a "b", c'})
    write_table(read_batch(out), tmp_path / "b.csv")
    with (tmp_path / "b.csv").open(newline="") as file:
        rows = {row["Sample"]: row for row in csv.DictReader(file)}
    assert list(rows) == [*(f"t{number}" for number in range(1, 9)), "t10"]  # in natural order
    assert rows["t3"]["LabelCondition"] == 'a "b", c'
    assert (rows["t1"]["Multiplets"], rows["t1"]["MultipletsPercent"], rows["t1"]["FocusMedianZ"]) == ("10", "10", "0")
    assert float(rows["t1"]["MultipletsPercentLow"]) == pytest.approx(wilson(10, 100).expected[1])
    assert (rows["t10"]["State"], rows["t10"]["Events"], rows["t10"]["Processed"]) == ("failed", "", "")


def test_a_folder_without_records_is_told(tmp_path):
    with pytest.raises(UsageError, match="no tube to collect"):
        read_batch(tmp_path)
    with pytest.raises(UsageError):
        read_batch(tmp_path / "nowhere", [SampleAtWork(name="t", path=os.fspath(tmp_path))])
