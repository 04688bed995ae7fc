"""Paired review: which images, what the preferences say, against enumeration and simulation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tui_cytpix.domain.run_settings import Kind
from tui_cytpix.domain.sample import ImageKey, SampleRef
from tui_cytpix.domain.verdict import Preference
from tui_cytpix.errors import UsageError
from tui_cytpix.workflow.assess import undo
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.base_model.differences import Difference
from tui_cytpix.workflow.evaluate import across_units, pair_words, pairs
from tui_cytpix.workflow.run.run import Run

NEW, BASE, EQUAL, NEITHER, UNCLEAR = (Preference(p) for p in ("new", "base", "equal", "neither", "unclear"))


@pytest.fixture
def models(model_file):
    return library.entry(model_file("new-one")), library.entry(model_file("base"))


def samples_of(run: Run, *conditions: str) -> None:
    refs = tuple(SampleRef(f"s{n}", "/x", 0, "", condition=c) for n, c in enumerate(conditions))
    run.update(replace(run.settings, samples=refs))


def image(n: int, first: int = 1, second: int = 1, sample: str = "s0", masks: float = 0.05) -> Difference:
    return Difference(ImageKey(sample, str(n)), (first, second), abs(first - second) + masks)


def test_all_differing_and_a_fifth_of_the_agreeing_are_reviewed_in_random_order():
    found = [image(n, 2 if n < 15 else 1) for n in range(115)] + [image(n, masks=0.5) for n in range(200, 203)]
    order = pairs.review_order(found, "7")
    assert len(order) == len(set(order)) == 15 + 3 + 20
    assert {d.image for d in found if pairs.differs(d)} <= set(order)
    assert order == pairs.review_order(found[::-1], "7") != pairs.review_order(found, "8")
    differing = [place for place, key in enumerate(order) if int(key.event) < 15]
    assert max(differing) - min(differing) > 18  # mixed, not in front
    assert len(pairs.review_order([image(n, sample=f"s{n % 3}") for n in range(90)], "7")) == 30


def test_sides_are_shuffled_image_by_image():
    first = [pairs.new_comes_first(ImageKey("s", str(n)), "x") for n in range(400)]
    assert stats.binomtest(sum(first), 400).pvalue > 0.001
    assert first == [pairs.new_comes_first(ImageKey("s", str(n)), "x") for n in range(400)]


def test_preferences_are_recorded_and_taken_back(tmp_path, models):
    with Run.create(tmp_path / "r") as run:
        one, other = image(1, 2, 1), image(2)
        pairs.prefer(run, models, one, NEW, blind=True)
        pairs.prefer(run, models, other, EQUAL, blind=False)
        with pytest.raises(UsageError, match="at most one"):
            pairs.prefer(run, models, one, EQUAL, blind=True)
        run.flush()
        again = Run.open(run.path, writing=False)
        assert again.pair_verdicts == run.pair_verdicts
        assert (again.pair_verdicts[0].new_counted, again.pair_verdicts[0].base_counted) == (1, 2)
        again.close()
        assert undo.undo(run, pairs.lines(run, *models)).image == other.image
        assert undo.undo(run, pairs.lines(run, *models)).image == one.image
        assert undo.undo(run, pairs.lines(run, *models)) is None
        assert pairs.preferences(run, *models) == {}


def test_undo_gives_back_the_preference_that_was_there_and_redo_the_later_one(tmp_path, models):
    with Run.create(tmp_path / "r") as run:
        one = image(1)
        pairs.prefer(run, models, one, NEW, blind=True)
        pairs.prefer(run, models, one, EQUAL, blind=False)
        run.flush()
    with Run.open(run.path) as again:
        taken = undo.undo(again, pairs.lines(again, *models))
        assert (taken.gone.preference, taken.stands.preference) == (EQUAL, NEW)
        stands = pairs.preferences(again, *models)[one.image]
        assert (stands.preference, stands.blind) == (NEW, True)
        assert undo.redo(again, pairs.lines(again, *models)).stands.preference == EQUAL
        assert undo.redo(again, pairs.lines(again, *models)) is None


def said(run: Run, models, found: list[Difference], preferences) -> pairs.PairComparison:
    for one, preference in zip(found, preferences, strict=True):
        if preference is not None:
            pairs.prefer(run, models, one, preference, blind=True)
    verdicts = pairs.preferences(run, *models)
    return pairs.conclude(run, found, verdicts, 0.1)


def test_one_sample_is_mcnemars_test_and_weighted_rates(tmp_path, models):
    with Run.create(tmp_path / "r") as run:
        samples_of(run, "")
        found = [image(n, 2, 1) for n in range(20)] + [image(n) for n in range(100, 180)]
        answers = [NEW] * 15 + [BASE] * 3 + [NEITHER] * 2 + [EQUAL] * 18 + [NEITHER] * 2 + [None] * 60
        (one,) = said(run, models, found, answers).samples
        assert (one.new_right, one.base_right) == (15, 3)
        assert one.p == pytest.approx(stats.binomtest(3, 18).pvalue)
        assert one.new_rate.value == pytest.approx(0.2 * 5 / 20 + 0.8 * 2 / 20)
        assert one.base_rate.value == pytest.approx(0.2 * 17 / 20 + 0.8 * 2 / 20)
        assert one.gain == pytest.approx(one.base_rate.value - one.new_rate.value)
        words = pair_words.lines(said(run, models, found, [None] * len(found)))
        assert words[0] == "The new model counts better, in these samples."
        assert "McNemar p = 0.0075" in words[1]


def test_of_many_samples_one_that_differs_by_chance_makes_no_model_better(tmp_path, models):
    """Of equal models one of twelve samples has p < 0.05 in a third of comparisons."""
    with Run.create(tmp_path / "r") as run:
        samples_of(run, "")
        whole = said(run, models, [image(0, 2, 1)], [NEW])
        (one,) = whole.samples

        def told(*right: tuple[int, int]) -> str:
            p = [stats.binomtest(n, n + b).pvalue if n + b else 1.0 for n, b in right]
            of = [replace(one, new_right=n, base_right=b, p=p) for (n, b), p in zip(right, p, strict=True)]
            return pair_words.verdict(replace(whole, samples=tuple(of)))

        assert stats.binomtest(15, 20).pvalue < 0.05
        assert told((15, 5)) == "The new model counts better, in these samples."
        assert told((15, 5), *[(10, 10)] * 11).startswith("It is not known yet which model counts better")
        assert told(*[(13, 7)] * 4) == "The new model counts better, in these samples."
        assert told(*[(7, 13)] * 4) == "The base counts better, in these samples."
        assert told((15, 5), (5, 15), (10, 10)).startswith("It is not known yet")
        assert told((1, 0)) == (
            "It is not known yet which model counts better: only the new one is right on 1 image, only the base on 0; "
            "that may be chance."
        )
        assert told((2, 0)).startswith(
            "It is not known yet which model counts better: only the new one is right on 2 images,"
        )
        assert told((0, 0)) == ("It is not known yet which model counts better: on no image is just one of them right.")
        assert told((19, 1), (1, 19)) == "The new model counts better on some samples and worse on others."


def test_masks_are_compared_where_the_counts_are_equal(tmp_path, models):
    with Run.create(tmp_path / "r") as run:
        samples_of(run, "")
        found = [image(n, masks=0.4) for n in range(12)]
        (one,) = said(run, models, found, [NEW] * 10 + [BASE, EQUAL]).samples
        assert (one.new_mask, one.base_mask, one.new_right, one.base_right) == (10, 1, 0, 0)
        assert one.mask_p == pytest.approx(stats.binomtest(1, 11).pvalue)
        assert one.new_rate.value == one.base_rate.value == 0


def test_without_units_several_samples_are_described_only(tmp_path, models):
    with Run.create(tmp_path / "r") as run:
        samples_of(run, "a", "a", "b")
        found, answers = differing_in(3)
        result = said(run, models, found, answers)
        gains = [0.2 * (2 * (6 + 2 * s) - 10) / 10 for s in range(3)]
        assert [s.gain for s in result.samples] == pytest.approx(gains)
        assert result.gain.value == pytest.approx(np.mean(gains))
        assert math.isnan(result.gain.low)
        assert result.undeclared == ("s0", "s1", "s2")
        words = pair_words.lines(result)
        assert words[0] == "The new model counts better, in these samples."
        assert any("the independent unit (culture, donor, animal) of any of them is not stated" in w for w in words)
        assert not any("95 % over" in w for w in words)
        run.update(replace(run.settings, samples=units_in(run, "u0", "u1", "")))
        partly = pairs.conclude(run, found, pairs.preferences(run, *models), 0.1)
        assert partly.undeclared == ("s2",)
        assert "animal) of s2 is not stated" in " ".join(pair_words.lines(partly))


def differing_in(samples: int, least: int = 6) -> tuple[list[Difference], list[Preference | None]]:
    """Ten of fifty images of each sample differ, of which the new model counts six, eight, ... rightly."""
    found, answers = [], []
    for sample in range(samples):
        better = min(10, least + 2 * sample)
        found += [image(n, 2, 1, f"s{sample}") for n in range(10)]
        found += [image(n, sample=f"s{sample}") for n in range(10, 50)]
        answers += [NEW] * better + [BASE] * (10 - better) + [EQUAL] * 20 + [None] * 20
    return found, answers


def units_in(run: Run, *units: str) -> tuple[SampleRef, ...]:
    return tuple(replace(sample, unit=unit) for sample, unit in zip(run.settings.samples, units, strict=True))


def test_five_units_are_too_few_for_any_exact_test_and_six_will_do(tmp_path, models):
    for number in (5, 6):
        with Run.create(tmp_path / f"r{number}") as run:
            samples_of(run, *[""] * number)
            run.update(replace(run.settings, samples=units_in(run, *(f"u{n}" for n in range(number)))))
            result = said(run, models, *differing_in(number, 8))
            assert (result.gain.units, result.undeclared) == (number, ())
            assert result.gain.p == pytest.approx(
                stats.permutation_test(
                    ([s.gain for s in result.samples],), np.mean, permutation_type="samples", n_resamples=np.inf
                ).pvalue
            )
            assert 0 < result.gain.low < result.gain.value < result.gain.high
            words = pair_words.lines(result)[0]
            assert f"95 % over {number} units" in words
            shown = words.startswith("The new model counts better: wrong counts change by")
            assert shown == (number == 6)
            assert ("no exact test's p falls below 0.062" in words) == (number == 5)


def test_tubes_nest_in_their_unit(tmp_path, models):
    """Six tubes of three cultures are three units, and one culture's are one."""
    with Run.create(tmp_path / "r") as run:
        samples_of(run, *[""] * 6)
        found, answers = differing_in(6)
        run.update(replace(run.settings, samples=units_in(run, "a", "a", "b", "b", "c", "c")))
        result = said(run, models, found, answers)
        assert result.gain.units == 3
        run.update(replace(run.settings, samples=units_in(run, *["a"] * 6)))
        one = pairs.conclude(run, found, pairs.preferences(run, *models), 0.1)
        assert one.gain.value == pytest.approx(result.gain.value)
        assert "One unit says nothing of others" in pair_words.lines(one)[0]


def test_confusion_is_weighted(tmp_path, models):
    with Run.create(tmp_path / "r") as run:
        samples_of(run, "rich", "poor")
        found = [image(n, 1, 2) for n in range(40)] + [image(n) for n in range(100, 160)]
        found += [image(n, sample="s1") for n in range(100)]
        answers = [BASE] * 30 + [NEW] * 10 + [EQUAL] * 20 + [None] * 40 + [EQUAL] * 60 + [None] * 40
        result = said(run, models, found, answers)
        rich, poor = result.conditions
        assert rich.confusion == {(1, 2): pytest.approx(0.3), (2, 2): pytest.approx(0.1), (1, 1): pytest.approx(0.6)}
        assert poor.confusion == {(1, 1): pytest.approx(1.0)}
        assert sum(rich.confusion.values()) == pytest.approx(1)
        words = " ".join(pair_words.lines(result))
        assert "s0: 60 images judged, 40 of the 40 that differ in count or mask; count" in words
        assert "rich: 30.0% of the new model's counts wrong (60 images)" in words
        assert "singlets not counted as one 33.3% (50 images)" in words
        assert pair_words.confusion_rows(rich)[0] == ("true \\ counted", "one", "two")
        assert pair_words.confusion_rows(rich)[1] == ("one", "60.0%", "30.0%")


def test_a_stated_count_is_the_true_one_where_both_models_are_wrong(tmp_path, models):
    """Where it is not stated, the new model's wrong count says what is likely."""
    with Run.create(tmp_path / "r") as run:
        samples_of(run, "rich", "poor")
        found = [image(n, 2, 3) for n in range(10)] + [image(n, 1, 2, "s1") for n in range(10)]
        for one in found:
            pairs.prefer(run, models, one, 4 if one.image.sample == "s0" else NEITHER, blind=True)
        rich, poor = pairs.conclude(run, found, pairs.preferences(run, *models), 0.1).conditions
        assert rich.confusion == {(3, 3): pytest.approx(1.0)}
        assert (rich.classes[Kind.SINGLETS].images, rich.classes[Kind.MULTIPLETS].images) == (0, 10)
        assert poor.confusion == {(None, 2): pytest.approx(1.0)}
        assert (poor.classes[Kind.SINGLETS].images, poor.classes[Kind.MULTIPLETS].images) == (10, 0)


def opposite_errors(run: Run, models, units: int) -> pairs.PairComparison:
    """Under "rich" a tenth of all images are singlets counted as two, under "poor" as many are doublets counted as one:
    the same share of wrong counts, and opposite errors of the share of doublets.
    """
    samples_of(run, *["rich"] * units, *["poor"] * units)
    run.update(replace(run.settings, samples=units_in(run, *(f"culture {n}" for n in range(2 * units)))))
    found, answers = [], []
    for sample in range(2 * units):
        rich, wrong = sample < units, 20 + sample % 3
        found += [image(n, *((1, 2) if rich else (2, 1)), f"s{sample}") for n in range(wrong)]
        found += [image(n, 1 + (n % 4 == 0), 1 + (n % 4 == 0), f"s{sample}") for n in range(100, 300 - wrong)]
        answers += [BASE] * wrong + [EQUAL] * (200 - wrong)
    return said(run, models, found, answers)


@pytest.mark.slow
def test_opposite_errors_of_two_conditions_differ_though_as_many_counts_are_wrong(tmp_path, models):
    with Run.create(tmp_path / "r") as run:
        result = opposite_errors(run, models, 4)
        rich, poor = result.conditions
        assert rich.wrong == pytest.approx(poor.wrong, abs=0.01)
        words = pair_words.lines(result)
        told = [w for w in words if w.startswith("rich against poor")]
        assert len(told) == 2
        assert all("exact permutation test p = 0.029). The errors differ" in w for w in told)


def test_three_units_against_three_show_nothing_and_say_so(tmp_path, models):
    with Run.create(tmp_path / "r") as run:
        told = [w for w in pair_words.lines(opposite_errors(run, models, 3)) if w.startswith("rich against poor")]
        assert len(told) == 2
        assert all("So few units can't show a difference (the smallest p is 0.1); one of up to " in w for w in told)


@pytest.mark.slow
def test_units_with_tubes_in_both_conditions_are_compared_with_themselves(tmp_path, models):
    with Run.create(tmp_path / "r") as run:
        opposite_errors(run, models, 6)
        donors = [f"donor {n % 6}" for n in range(12)]
        run.update(replace(run.settings, samples=units_in(run, *donors)))
        again = pairs.preferences(run, *models)
        found = [Difference(v.image, (v.base_counted, v.new_counted), 1.0) for v in again.values()]
        one, other = pairs.conclude(run, found, again, 0.1).conditions
        apart = across_units.apart(one, other, Kind.SINGLETS)
        assert (apart.units, apart.shared, apart.p) == ((6, 6), 6, pytest.approx(2 / 64))
        assert apart.low < apart.value < apart.high
        assert "(95 % over 6 and 6 units, 6 under both: " in pair_words.apart_in_words(apart)


def test_many_that_cannot_be_told_apart_make_count_a_bad_readout(tmp_path, models):
    with Run.create(tmp_path / "r") as run:
        samples_of(run, "")
        found = [image(n, 2, 1) for n in range(30)]
        result = said(run, models, found, [UNCLEAR] * 20 + [NEW] * 10)
        assert (result.unclear, result.not_countable) == (20, ("s0",))
        assert "not a good readout for s0" in " ".join(pair_words.lines(result))


def test_nothing_judged_says_nothing(tmp_path, models):
    with Run.create(tmp_path / "r") as run:
        samples_of(run, "")
        result = said(run, models, [image(1, 2, 1), image(2)], [None, None])
        assert pair_words.lines(result) == []
        assert math.isnan(result.samples[0].new_rate.value)
        assert result.gain is None


def test_the_whole_procedure_estimates_without_bias(tmp_path, models):
    """Draws of images whose truth is known, reviewed as the app asks for: the mean estimate is the true rate."""
    rng = np.random.default_rng(3)
    with Run.create(tmp_path / "r") as run:
        samples_of(run, "")
        estimates = []
        for trial in range(150):
            differing = rng.random(120) < 0.2
            wrong = rng.random(120) < np.where(differing, 0.3, 0.05)
            found = [image(1000 * trial + n, 2 if d else 1, 1) for n, d in enumerate(differing)]
            asked = set(pairs.review_order(found, str(trial)))
            for one, bad in zip(found, wrong, strict=True):
                if one.image in asked:
                    right = NEW if one.counts_differ else EQUAL
                    wrong_word = BASE if one.counts_differ else NEITHER
                    pairs.prefer(run, models, one, wrong_word if bad else right, blind=True)
            verdicts = pairs.preferences(run, *models)
            estimates.append(pairs.conclude(run, found, verdicts, 0.1).samples[0].new_rate.value)
            run.pair_verdicts.clear()
    truth = 0.2 * 0.3 + 0.8 * 0.05
    assert abs(np.mean(estimates) - truth) < 4 * np.std(estimates) / math.sqrt(len(estimates))
