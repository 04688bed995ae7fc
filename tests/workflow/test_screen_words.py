"""What the screens say about curves, differences and processing jobs."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tui_cytpix.domain.annotation import AnnotationBook
from tui_cytpix.domain.jobs.events import Failed, Failure, Finished, Progress, Started
from tui_cytpix.domain.jobs.specs import ProcessSpec
from tui_cytpix.domain.jobs.training import Epoch, Flip, JobState, TrainingStatus
from tui_cytpix.domain.jobs.wishes import Stop
from tui_cytpix.domain.model_card import ModelCard, ModelEntry
from tui_cytpix.domain.run_settings import SelectionSettings
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.run.job import JobFolder
from tui_cytpix.formats.run.predictions import Prediction, PredictionStore, write_shard
from tui_cytpix.workflow.annotate import suggest
from tui_cytpix.workflow.base_model import differences
from tui_cytpix.workflow.evaluate import process_watch
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.samples import coverage
from tui_cytpix.workflow.samples.selection import Selection
from tui_cytpix.workflow.train import balance, progress

SPEC = ProcessSpec(model="/m", out="/out", samples=())


def epochs(ta: list[float], va: list[float], validation: int = 2, seconds: float = 3.0) -> list[Epoch]:
    return [Epoch(i + 1, 0.1, a, b, seconds, 8, validation) for i, (a, b) in enumerate(zip(ta, va, strict=True))]


def test_the_estimate_grows_with_images_and_epochs() -> None:
    past = epochs([0.9] * 3, [0.9] * 3, seconds=5.0)
    assert progress.estimate_seconds(past, 8, 100) == pytest.approx(500)
    assert progress.estimate_seconds(past, 16, 50) == pytest.approx(250)  # 32 views an epoch, as with 8 images
    assert progress.estimate_seconds(past, 64, 50) == pytest.approx(500)
    assert progress.estimate_seconds([], 10, 100) is None
    book = AnnotationBook()
    assert "a guess" in progress.estimate_in_words([], book, 100, "cell-half")
    assert "guess" not in progress.estimate_in_words(past, book, 100, "cell-half")


@pytest.mark.parametrize("state", [None, *JobState])
def test_every_state_has_words(state: JobState | None) -> None:
    assert progress.in_words(TrainingStatus(state))
    assert progress.in_words(TrainingStatus(state, tuple(epochs([0.9], [0.9])), target=100, eta_seconds=20.0))


def test_flips_are_told_apart_into_early_and_late_ones() -> None:
    early = Flip(ImageKey("s", "1"), ((5, 2), (10, 1), (15, 1), (60, 1)))
    late = Flip(ImageKey("s", "2"), ((5, 1), (55, 1), (60, 2)))
    status = TrainingStatus(JobState.RUNNING, tuple(epochs([0.9] * 60, [0.9] * 60)), flips=(early, late))
    assert progress.flipping_lately(status) == {late.image}
    assert progress.strip(early) == "2 1 1 1 (epoch 10)"
    assert progress.strip(late) == "1 1 2 (epoch 60)"


def test_what_changed_at_the_last_look_is_marked() -> None:
    fell, rose, before = (Flip(ImageKey("s", n), h) for n, h in (
        ("1", ((55, 2), (60, 1))), ("2", ((62, 1), (63, 3))), ("3", ((50, 1), (55, 2), (60, 2))),
    ))  # fmt: skip
    status = TrainingStatus(JobState.RUNNING, tuple(epochs([0.9] * 63, [0.9] * 63)), flips=(fell, rose, before))
    assert progress.changed_now(replace(status, looked=60)) == {fell.image: -1, rose.image: 2}


def test_suggestions_begin_with_what_confuses_the_model(tmp_path: Path) -> None:
    keys = [ImageKey("s", str(i)) for i in range(5)]
    with Run.create(tmp_path / "run") as run:
        run.update(replace(run.settings, selection=SelectionSettings(50, tuple(keys))))
        run.record_edit(keys[0], "reject")
        base = store(tmp_path / "a", {"1": 1, "2": 2, "3": 1, "4": 1})
        now = store(tmp_path / "b", {"1": 1, "2": 1, "3": 1, "4": 1})
        flips = (Flip(keys[4], ((1, 1), (2, 2))), Flip(keys[3], ((1, 1), (2, 2), (3, 1))))
        status = TrainingStatus(JobState.PAUSED, tuple(epochs([0.9] * 3, [0.9] * 3)), flips=flips)
        assert suggest.suggested(run, status, base, now) == [keys[3], keys[4], keys[2], keys[1]]


def test_each_suggestion_says_why_and_the_editor_can_follow_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [ImageKey("s", str(i)) for i in range(5)]
    with Run.create(tmp_path / "run") as run:
        run.update(replace(run.settings, selection=SelectionSettings(50, tuple(keys))))
        base = store(tmp_path / "a", {"0": 1, "1": 1, "2": 2, "3": 1, "4": 6})
        run.record_edit(keys[0], "propose", base.get(keys[0]))
        run.record_edit(keys[0], "accept")
        now, rival = store(tmp_path / "b", {"3": 2}), store(tmp_path / "c", {"2": 1})
        flips = (Flip(keys[1], ((1, 1), (2, 2), (3, 1))),)
        status = TrainingStatus(JobState.PAUSED, tuple(epochs([0.9] * 60, [0.9] * 60)), flips=flips)
        ranked = suggest.suggestions(run, status, base, now, rival)
        assert [(s.image.event, s.reason) for s in ranked[:3]] == [
            *((event, "probably two or more particles") for event in ("4", "2", "3")),
        ]
        monkeypatch.setattr(balance, "FEWEST", 0)  # as where enough such images are annotated
        found = suggest.suggestions(run, status, base, now, rival)
        assert [(s.image.event, s.reason) for s in found] == [
            ("1", "its count flipped 2 times"),
            ("3", "training changed its count: 1 and 2"),
            ("2", "half and full disagree: 2 and 1"),
            ("4", "unlike what is annotated"),
        ]
        order = suggest.arranged(keys, suggest.Order.SUGGESTED, found, base, 0)
        assert [key.event for key in order] == ["1", "3", "2", "4", "0"]
        shuffled = suggest.arranged(keys, suggest.Order.RANDOM, found, base, 3)
        assert sorted(shuffled, key=str) == keys
        assert shuffled == suggest.arranged(keys, suggest.Order.RANDOM, found, base, 3)
        assert suggest.arranged(shuffled, suggest.Order.LISTED, found, base, 3) == shuffled


def test_least_sure_first_and_the_other_resolution(tmp_path: Path) -> None:
    keys = [ImageKey("s", str(i)) for i in range(3)]
    sure = [
        Prediction(key, replace(segmentation(1), confidence=c)) for key, c in zip(keys, (0.9, 0.2, 0.6), strict=True)
    ]
    write_shard(tmp_path / "x", "0", sure)
    order = suggest.arranged(keys, suggest.Order.WORST, [], PredictionStore(tmp_path / "x"), 0)
    assert [key.event for key in order] == ["1", "2", "0"]
    half, full, own = (ModelEntry(ModelCard(n, "full", "VS"), "/m", n) for n in ("cell-half", "cell-full", "mine"))
    assert suggest.rival_of(full, [own, half, full]) is half
    assert suggest.rival_of(own, [own, half, full]) is None


def segmentation(count: int, size: int = 16) -> Segmentation:
    mask = np.zeros((size, size), bool)
    mask[2 : 4 + 2 * count, 2:6] = count > 0
    return Segmentation(mask, np.array([[3 + i, 3] for i in range(count)], np.float32).reshape(-1, 2))


def store(folder: Path, counts: dict[str, int]) -> PredictionStore:
    write_shard(folder, "0", [Prediction(ImageKey("s", e), segmentation(n)) for e, n in counts.items()])
    return PredictionStore(folder)


def test_differing_counts_come_first_and_are_tallied(tmp_path: Path) -> None:
    base = store(tmp_path / "a", {"1": 2, "2": 1, "3": 2, "4": 1})
    new = store(tmp_path / "b", {"1": 1, "2": 1, "3": 1, "4": 3})
    keys = [ImageKey("s", str(i)) for i in range(1, 6)]
    found = differences.between(keys, base, new)
    assert [d.image.event for d in found] == ["4", "1", "3", "2"]
    words = differences.in_words(found, "base", "new")
    assert "3 of 4" in words
    assert "2 × 2→1" in words
    assert "1 × 1→3" in words
    assert "all 4" in differences.in_words(differences.between(keys, base, base), "base", "base")
    assert "yet" in differences.in_words((), "a", "b")


def test_counts_are_told_as_shares(tmp_path: Path) -> None:
    counted = differences.counted([ImageKey("s", e) for e in "1234"], store(tmp_path, {"1": 0, "2": 1, "3": 1, "4": 7}))
    assert counted == "The model counts no particle in 25%, 1 particle in 50%, 3 particles or more in 25% of 4 images."
    assert differences.counted([], PredictionStore(tmp_path)) == ""


def test_counts_in_dense_layers_are_no_readout() -> None:
    assert differences.crowded_in_words([1, 9, 9] * 7).startswith("67% of the images hold 6 and more particles")
    assert differences.crowded_in_words([1, 9] * 10) == differences.crowded_in_words([5] * 20) == ""
    assert differences.crowded_in_words([9] * 19) == differences.crowded_in_words([]) == ""


def test_a_process_job_is_watched_from_start_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = JobFolder.create(tmp_path / "1-process", SPEC)
    watch = process_watch.ProcessWatch(job)
    job.beat()
    assert watch.poll().state is JobState.STARTING
    job.emit(Started(device="cpu", pid=1, host="elsewhere"))
    monkeypatch.setattr(process_watch, "MEASURED_SECONDS", 0.0)
    job.emit(Progress(done=10, total=80, what="tube1", sample=1, samples=2, share=0.1))
    assert watch.poll().eta_seconds is None, "nothing is measured yet"
    time.sleep(0.01)
    job.emit(Progress(done=20, total=80, what="tube1", sample=1, samples=2, share=0.2))
    status = watch.poll()
    assert (status.done, status.total, status.what, status.live) == (20, 80, "tube1 (1 of 2)", True)
    first, last = (one.time for one in job.new_events().new() if isinstance(one, Progress))
    assert status.eta_seconds == pytest.approx(8 * (last - first)), "of all samples' files, not of this one's images"
    watch.cancel()
    assert isinstance(job.new_wishes().new()[-1], Stop)
    job.emit(Finished(outputs=("/out/a.fcs",), failures=(Failure("b", reason="broken"),)))
    status = watch.poll()
    assert status.outputs == ("/out/a.fcs",)
    assert status.failures == ("b: broken",)
    assert not status.live


def test_a_failed_process_job_says_why(tmp_path: Path) -> None:
    job = JobFolder.create(tmp_path / "1-process", SPEC)
    job.emit(Failed(reason="no memory", way_out="Use fewer threads."))
    status = process_watch.ProcessWatch(job).poll()
    assert status.state is JobState.FAILED
    assert "no memory" in status.message


def test_the_newest_process_job_of_a_run_is_found_again(tmp_path: Path) -> None:
    with Run.create(tmp_path / "run") as run:
        assert process_watch.watch_newest(run) is None
        job = JobFolder.create(run.path / "processed" / "m" / ".job" / "1-process", SPEC)
        found = process_watch.watch_newest(run)
        assert found is not None
        found.cancel()
        assert isinstance(job.new_wishes().new()[-1], Stop)


def test_the_coverage_picture_comes_back_as_long_as_it_fits(tmp_path: Path) -> None:
    keys = tuple(ImageKey("s", str(i)) for i in range(5))
    chosen = SelectionSettings(50, keys[:2], keys[2:3])
    with Run.create(tmp_path / "run") as run:
        assert coverage.load(run) is None
        run.update(replace(run.settings, selection=chosen))
        places = np.zeros((5, 2), np.float32)
        coverage.save(
            run, Selection(chosen, keys, places, ("a note",), keys[3:], (True, False), ("area", "less roundness"))
        )
        found = coverage.load(run)
        assert found is not None
        assert found.candidates == keys
        assert (found.notes, found.axes) == (("a note",), ("area", "less roundness"))
        assert (found.probed, found.near) == (keys[3:], (True, False))
        assert coverage.uncovered(found) == [keys[4]]
        np.savez(
            run.folder.preview / "coverage.npz", keys=[str(key) for key in keys], positions=places, notes=["a note"]
        )
        assert coverage.load(run) is None, "of an earlier version: it is made again"
        coverage.save(run, found)
        run.update(replace(run.settings, selection=replace(chosen, random=(ImageKey("s", "other"),))))
        assert coverage.load(run) is None
        (run.folder.preview / "coverage.npz").write_bytes(b"torn")
        assert coverage.load(run) is None


def test_rates_are_checked() -> None:
    from tui_cytpix.errors import UsageError
    from tui_cytpix.workflow.assess import goal

    goal.check_rates(0.02, 0.1)
    with pytest.raises(UsageError):
        goal.check_rates(0.1, 0.1)
    goal.check_rates(0.0, 0.1)
    with pytest.raises(UsageError, match="too close"):
        goal.check_rates(0.1, 0.1001)


def test_several_models_are_compared_at_once(tmp_path: Path) -> None:
    keys = [ImageKey("s", str(i)) for i in range(1, 6)]
    counts = ({"1": 2, "2": 1, "3": 2, "4": 1}, {"1": 1, "2": 1, "3": 1, "4": 3}, {"1": 1, "2": 1, "3": 3, "4": 1})
    stores = [store(tmp_path / str(n), one) for n, one in enumerate(counts)]
    found = differences.between(keys, *stores)
    assert [one.image.event for one in found] == ["3", "4", "1", "2"]
    assert found[0].counts == (2, 1, 3)
    pair = differences.between(keys, *stores[:2])
    assert [(one.image.event, one.counts) for one in pair] == [
        ("4", (1, 3)),
        ("1", (2, 1)),
        ("3", (2, 1)),
        ("2", (1, 1)),
    ]
    words = differences.several_in_words(found, ["a", "b", "c"])
    assert words == "Counts differ on 3 of 4 images. Alone against all others: a 1, b 1."
    assert "yet" in differences.several_in_words((), ["a", "b", "c"])
    assert "all 4" in differences.several_in_words(differences.between(keys, *[stores[0]] * 3), ["a", "b", "c"])
