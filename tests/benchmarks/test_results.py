"""The results file survives a torn line; bounds and paired intervals on cases with a known answer; splits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.benchmarks._cells import Crop, split
from tests.benchmarks._results import Key, Result, Results, lower_bound, paired_rows
from tui_cytpix.core.matching import Counts, ImageComparison


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


def test_the_bound_over_seeds_is_students():
    shares = [0.8, 0.9, 1.0, 0.7]
    seeds = [result([k < 10 * share for k in range(10)], seed) for seed, share in enumerate(shares)]
    low = stats.t.interval(0.90, 3, loc=np.mean(shares), scale=stats.sem(shares))[0]
    assert lower_bound(seeds, "count") == pytest.approx(low)


def test_the_bound_of_one_result_is_a_bootstrap_of_its_images():
    right = [k < 80 for k in range(100)]
    assert lower_bound([result(right)], "count") == pytest.approx(stats.binom.ppf(0.05, 100, 0.8) / 100, abs=0.011)


def test_paired_differences_pair_seed_by_seed_on_the_same_images():
    ours = [result([True] * 90 + [False] * 10, seed) for seed in range(3)]
    theirs = [result([True] * 60 + [False] * 40, seed, "b") for seed in (1, 2, 7)]
    (line,) = paired_rows("yeast", ours, theirs)
    name, seeds, count = (cell.strip() for cell in line.strip("|").split("|")[:3])
    assert (name, seeds) == ("yeast", "2")
    mean, low, high = (float(text.strip(",[]")) for text in count.split())
    assert mean == pytest.approx(0.30)
    assert 0.2 < low < 0.3 < high < 0.4
    assert "no seed in common" in paired_rows("yeast", ours, [])[0]


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
def test_no_test_crop_is_of_a_source_that_was_annotated(per_source, seed):
    every = crops(per_source)
    annotated, test = split(every, 10, seed)
    assert len(annotated) == 10
    assert not {c.name for c in annotated} & {c.name for c in test}
    if len(per_source) > 1:
        assert not {c.source for c in annotated} & {c.source for c in test}
    again = split(every, 10, seed)
    assert [c.name for c in annotated] == [c.name for c in again[0]]
    assert [c.name for c in test] == [c.name for c in again[1]]


def test_of_two_sources_each_is_annotated_in_turn():
    every = crops({"large": 30, "small": 13})
    assert [split(every, 10, seed)[0][0].source for seed in range(4)] == ["large", "small", "large", "small"]
    assert {split(every, 20, seed)[0][0].source for seed in range(4)} == {"large"}
