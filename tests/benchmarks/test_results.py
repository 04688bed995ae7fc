"""The results file survives a torn line; bounds and paired intervals on cases with a known answer; splits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.benchmarks._cells import Crop, folds
from tests.benchmarks._results import Key, Result, Results, interval, paired_row, value
from tui_cytpix.core.statistics.agreement import Counts, ImageComparison


def compared(right: bool) -> ImageComparison:
    return ImageComparison(1, 1 if right else 2, 1, 1, Counts(1, 0, 0), Counts(1, 0, 0), 0.9, (True,))


def result(right: list[bool], seed: int = 0, model: str = "a") -> Result:
    names = [f"{k}.png" for k in range(len(right))]
    return Result(Key(model, "1", "yeast", 10, seed), names, [compared(r) for r in right], 1.0, 2.0)


def test_what_was_added_is_found_again_also_after_a_torn_line(tmp_path):
    path = tmp_path / "results.jsonl"
    results = Results(path)
    results.add(result([True, False]))
    results.add(result([True, True], seed=1))
    whole = path.read_text()
    path.write_text(whole[:-40])
    torn = Results(path)
    assert list(torn.found) == [result([], 0).key]
    torn.add(result([True, True], seed=1))
    again = Results(path)
    assert [r.key.seed for r in again.seeds("a", "yeast", 10)] == [0, 1]
    assert [c.count_right for c in again.found[result([]).key].comparisons] == [True, False]


def test_a_model_that_changed_shows_its_newest_version_only(tmp_path):
    results = Results(tmp_path / "results.jsonl")
    results.add(result([False]))
    newer = result([True])
    results.add(Result(Key("a", "2", "yeast", 10, 0), newer.images, newer.comparisons, 0.0, 0.0))
    assert [r.key.identity for r in results.seeds("a", "yeast", 10)] == ["2"]


def test_the_interval_of_one_seed_is_that_of_its_images():
    right = [k < 80 for k in range(100)]
    mean, low, high = interval("count", [result(right)])
    assert mean == pytest.approx(0.8)
    assert (low, high) == pytest.approx(stats.binom.ppf([0.025, 0.975], 100, 0.8) / 100, abs=0.011)


def test_seeds_that_agree_are_no_further_images():
    """All seeds test the same images: ten of them know no more than one."""
    right = [k < 80 for k in range(100)]
    ten = [result(right, seed) for seed in range(10)]
    assert interval("count", ten)[1:] == pytest.approx(interval("count", ten[:1])[1:], abs=0.011)


def test_seeds_that_differ_widen_the_interval():
    """Ten seeds, each right on all images or on none: nothing varies but the seeds."""
    ten = [result([seed < 5] * 100, seed) for seed in range(10)]
    mean, low, high = interval("count", ten)
    assert mean == pytest.approx(0.5)
    assert (low, high) == pytest.approx(stats.binom.ppf([0.025, 0.975], 10, 0.5) / 10, abs=0.06)


def test_images_are_paired_by_name_whatever_their_order():
    one = result([True] * 50 + [False] * 50)
    turned = Result(one.key, one.images[::-1], one.comparisons[::-1], 1.0, 2.0)
    assert interval("count", [one], [turned]) == (0, 0, 0)


def test_a_measure_without_any_image_to_speak_of_is_not_a_number():
    assert np.isnan(value("multiplet sensitivity", result([True]).comparisons))
    assert np.isnan(interval("multiplet sensitivity", [result([True, False])])[0])


def test_paired_differences_pair_seed_by_seed_on_the_same_images():
    ours = [result([True] * 90 + [False] * 10, seed) for seed in range(3)]
    theirs = [result([True] * 60 + [False] * 40, seed, "b") for seed in (1, 2, 7)]
    line = paired_row("yeast", ours, theirs)
    name, seeds, count = (cell.strip() for cell in line.strip("|").split("|")[:3])
    assert (name, seeds) == ("yeast", "2")
    mean, low, high = (float(text.strip(",[]")) for text in count.split())
    assert mean == pytest.approx(0.30)
    assert low == pytest.approx(0.30 - 1.96 * 0.046, abs=0.015)  # the difference of one image: 0 or 1, SD 0.46
    assert high == pytest.approx(0.30 + 1.96 * 0.046, abs=0.015)
    assert "no seed in common" in paired_row("yeast", ours, [])


def crops(per_source: dict[str, int]) -> list[Crop]:
    rng = np.random.default_rng(0)
    labels = np.zeros((40, 40), np.uint16)
    labels[10:25, 12:30] = 1
    return [
        Crop(
            f"{s}-{k}",
            s,
            (1000 + 200 * labels + rng.normal(0, 9, (40, 40))),
            np.full((40, 40), 1000, np.float32),
            labels,
        )
        for s, n in per_source.items()
        for k in range(n)
    ]


@pytest.mark.parametrize("per_source", [{"a": 40}, {"a": 30, "b": 13}, {f"s{k}": 5 for k in range(12)}])
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("annotations", [10, 20])
def test_every_crop_is_tested_once_and_never_where_it_is_annotated(per_source, seed, annotations):
    every = crops(per_source)
    found = folds(every, annotations, seed)
    assert sorted(c.name for fold in found for c in fold.test) == sorted(c.name for c in every)
    for fold in found:
        assert len(fold.annotated) == annotations
        assert not {c.name for c in fold.annotated} & {c.name for c in fold.test}
    again = folds(every, annotations, seed)
    assert [[c.name for c in fold.annotated] for fold in again] == [[c.name for c in fold.annotated] for fold in found]


def test_a_source_is_tested_by_models_of_others_where_these_hold_enough():
    within = [[fold.within_source for fold in folds(crops(per), 20, 0)] for per in ({"a": 30, "b": 25}, {"a": 40})]
    assert within == [[False, False], [True, True]]
    mixed = folds(crops({"a": 30, "b": 13}), 20, 0)
    assert sorted((fold.within_source, len(fold.test)) for fold in mixed) == [(False, 13), (True, 15), (True, 15)]


def test_crops_that_are_all_annotated_leave_nothing_to_test():
    with pytest.raises(ValueError, match="too few"):
        folds(crops({"a": 20}), 20, 0)
