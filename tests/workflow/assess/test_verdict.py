"""What a review decides: in the order of the draw, whatever was skipped, and not by "always one"."""

from __future__ import annotations

import pytest

from tui_cytpix.domain.run_settings import AssessSettings
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import Judgement, Verdict
from tui_cytpix.workflow.assess.verdict import assess_verdicts, classes_in_words, outcome, verdict_lines

GATING = AssessSettings(p0=0.02, p1=0.10)
OK, WRONG, MASK, BOTH = Judgement.ACCEPTABLE, Judgement.COUNT_ERROR, Judgement.MASK_ERROR, Judgement.BOTH
COUNTED, MISCOUNTED = Judgement.COUNT_RIGHT, Judgement.COUNT_WRONG
SKIP, UNCLEAR, UNUSABLE = Judgement.SKIPPED, Judgement.INDISTINGUISHABLE, Judgement.UNUSABLE


def judged(*judgements: Judgement | tuple[Judgement, int, int | None], samples: int = 1):
    """Images in the order of the draw with their verdicts; a tuple is (judgement, counted, true count)."""
    images, verdicts = [], {}
    for n, one in enumerate(judgements):
        judgement, counted, true = one if isinstance(one, tuple) else (one, 1, None)
        key = ImageKey(f"s{n % samples}", str(n))
        images.append(key)
        verdicts[key] = Verdict(n, 0.0, "me", key, "m", judgement, counted=counted, true_count=true)
    return images, verdicts


def assess(*judgements, samples: int = 1):
    return assess_verdicts(*judged(*judgements, samples=samples), GATING)


def test_without_an_error_36_images_keep_the_model():
    found = assess(*[OK] * 40)
    assert (found.all.count.decision, found.all.count.after) == ("keep", 36)
    assert outcome(found) == "keep"
    said = verdict_lines(found)
    assert said[0].startswith("Count: keep this model. 0 wrong of 40")
    assert "decided after 36" in said[0]
    assert outcome(assess(*[OK] * 35)) == "not yet known"


def test_count_and_mask_are_decided_apart():
    found = assess(*[MASK, OK] * 20)
    assert (found.all.count.decision, found.all.mask.decision) == ("keep", "retrain")
    assert outcome(found) == "retrain"
    found = assess(*[BOTH, OK] * 10)
    assert (found.all.count.decision, found.all.mask.decision) == ("retrain", "retrain")


def test_an_open_verdict_says_how_many_more():
    found = assess(*[WRONG, *[OK] * 19])
    line = verdict_lines(found)[0]
    assert "not yet known" in line
    assert f"{found.all.count.clean_needed} more without an error keep it" in line
    assert "97 more decide at the most" in line
    kept = assess(*[WRONG, *[OK] * (19 + found.all.count.clean_needed)])
    assert kept.all.count.decision == "keep"


def test_what_is_judged_out_of_turn_waits_for_its_turn():
    images, verdicts = judged(*[OK] * 10, *[WRONG] * 30)
    del verdicts[images[10]]
    found = assess_verdicts(images, verdicts, GATING)
    assert (found.all.count.judged, found.all.count.errors, found.out_of_turn) == (10, 0, 29)
    assert "29 images judged out of turn" in " ".join(verdict_lines(found))
    verdicts[images[10]] = Verdict(99, 0.0, "me", images[10], "m", OK, counted=1)
    assert assess_verdicts(images, verdicts, GATING).all.count.errors == 29


def test_skipped_images_bound_the_result_and_hold_a_verdict_back():
    found = assess(*[OK] * 20, SKIP, SKIP, *[OK] * 16)
    count = found.all.count
    assert (count.judged, count.skipped, count.decision, count.skips_decide) == (36, 2, "not yet known", True)
    assert "2 images without this judgement could change" in verdict_lines(found)[0]
    assert count.high > assess(*[OK] * 38).all.count.high
    assert assess(*[OK] * 36, SKIP, SKIP).all.count.decision == "keep"  # the verdict fell before
    assert assess(*[WRONG] * 20, SKIP).all.count.decision == "retrain"


def test_a_stated_count_judges_no_mask():
    found = assess(*[(COUNTED, 1, 1)] * 60, samples=2)
    for one in (found.all, *found.by_sample.values()):
        assert (one.mask.judged, one.mask.decision, one.mask.low, one.mask.high) == (0, "not yet known", 0, 1)
    assert (found.all.count.decision, found.all.singlets.judged) == ("keep", 60)
    assert outcome(found) == "not yet known"
    said = verdict_lines(found)
    assert said[1].startswith("Mask: not yet known. No image is judged yet")
    assert "60 images only counted: the mask is still to be judged." in said
    wrong = assess(*[(MISCOUNTED, 1, 2)] * 60)
    assert (wrong.all.count.decision, wrong.all.mask.judged, outcome(wrong)) == ("retrain", 0, "retrain")
    few = assess(*[OK] * 20, *[(COUNTED, 1, 1)] * 4, *[OK] * 16)  # masks that could turn it are not passed over
    assert (few.all.mask.judged, few.all.mask.decision, few.all.mask.skips_decide) == (36, "not yet known", True)
    assert outcome(few) == "not yet known"


def test_unusable_and_indistinguishable_images_are_left_out_and_many_are_told():
    found = assess(*[OK] * 36, *[UNUSABLE] * 4, UNCLEAR)
    assert (found.all.count.judged, found.not_countable) == (36, False)
    assert "Left out: 4 unusable, 1 indistinguishable." in verdict_lines(found)
    found = assess(*[OK, UNCLEAR] * 20)
    assert found.not_countable
    assert "not a good readout" in " ".join(verdict_lines(found))


def test_always_one_passes_the_overall_rate_and_fails_for_multiplets():
    """5 % doublets that a model never sees: kept by the overall rate of exploration, not for its doublets."""
    settings = AssessSettings(goal="exploration", p0=0.05, p1=0.15)
    one = [(OK, 1, None)] * 19 + [(WRONG, 1, 2)]
    images, verdicts = judged(*one * 20)
    found = assess_verdicts(images, verdicts, settings)
    assert found.all.count.decision == "keep"
    assert found.all.singlets.decision == "keep"
    assert (found.all.multiplets.judged, found.all.multiplets.errors) == (20, 20)
    assert found.all.multiplets.decision == "retrain"
    assert outcome(found) == "retrain"
    assert "Multiplets: 0 of 20 found" in classes_in_words(found.all)


@pytest.mark.parametrize(
    ("verdict", "singlets", "multiplets"),
    [
        ((OK, 1, None), (1, 0), (0, 0)),
        ((OK, 3, None), (0, 0), (1, 0)),
        ((OK, 0, None), (0, 0), (0, 0)),
        ((WRONG, 2, None), (1, 1), (0, 0)),
        ((WRONG, 1, None), (0, 0), (1, 1)),
        ((WRONG, 3, 2), (0, 0), (1, 0)),  # a wrong number, but found to be several
        ((WRONG, 1, 0), (0, 0), (0, 0)),
        ((BOTH, 0, 1), (1, 1), (0, 0)),
        ((MASK, 2, None), (0, 0), (1, 0)),
        ((WRONG, None, None), (0, 0), (0, 0)),
    ],
)
def test_classes_are_what_the_reviewer_counts(verdict, singlets, multiplets):
    found = assess(verdict).all
    assert (found.singlets.judged, found.singlets.errors) == singlets
    assert (found.multiplets.judged, found.multiplets.errors) == multiplets


def test_every_sample_is_judged_by_itself_too():
    found = assess(*[OK, WRONG] * 40, samples=2)
    assert set(found.by_sample) == {"s0", "s1"}
    assert found.by_sample["s0"].count.decision == "keep"
    assert found.by_sample["s1"].count.decision == "retrain"
    said = verdict_lines(found)
    assert any(line.startswith("s0: count keep (0 of 40") for line in said)
    assert assess(*[OK] * 10).by_sample == {}
    assert "too few to tell by itself" in " ".join(verdict_lines(assess(*[OK] * 10, samples=2)))


def test_nothing_judged_is_told():
    found = assess()
    assert "no image is judged yet".capitalize() in verdict_lines(found)[0]
    assert outcome(found) == "not yet known"
