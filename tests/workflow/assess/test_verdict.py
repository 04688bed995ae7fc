"""What a review decides: in the order of the draw, whatever was skipped, and not by "always one"."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tui_cytpix.domain.run_settings import AssessSettings, Kind
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import Judgement, Verdict
from tui_cytpix.workflow.assess.verdict import assess_verdicts, outcome, part_tests
from tui_cytpix.workflow.assess.verdict_words import verdict_lines

GATING = AssessSettings(p0=0.02, p1=0.10)
ONLY = AssessSettings(p0=0.02, p1=0.10, required=(Kind.COUNT, Kind.MASK))  # of images that all show one cell
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


def assess(*judgements, samples: int = 1, settings: AssessSettings = ONLY):
    return assess_verdicts(*judged(*judgements, samples=samples), settings)


def test_without_an_error_36_images_keep_the_model():
    found = assess(*[OK] * 40)
    assert (found.all.count.decision, found.all.count.after) == ("keep", 36)
    assert outcome(found) == "keep"
    said = verdict_lines(found)
    assert said[0] == "Keep this model: count and mask will do."
    assert said[1].startswith("Count: keep this model. 0 wrong of 40")
    assert "decided after 36" in said[1]
    assert outcome(assess(*[OK] * 35)) == "not yet known"


def test_count_and_mask_are_decided_apart():
    found = assess(*[MASK, OK] * 20)
    assert (found.all.count.decision, found.all.mask.decision) == ("keep", "retrain")
    assert outcome(found) == "retrain"
    found = assess(*[BOTH, OK] * 10)
    assert (found.all.count.decision, found.all.mask.decision) == ("retrain", "retrain")


def test_an_open_verdict_says_how_many_more():
    found = assess(*[WRONG, *[OK] * 19])
    line = verdict_lines(found)[1]
    count = found.all.count
    assert "not yet known" in line
    assert f"{count.clean_needed} more keep it if none is wrong" in line
    assert f"decided after {count.plan.maximum - 20} more at the latest" in line
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
    assert "2 images without this judgement could change the verdict, so give it" in verdict_lines(found)[1]
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
    assert said[2] == "Mask: not judged yet."
    assert "60 images only counted: the mask is still to be judged." in said
    wrong = assess(*[(MISCOUNTED, 1, 2)] * 60)
    assert (wrong.all.count.decision, wrong.all.mask.judged, outcome(wrong)) == ("retrain", 0, "retrain")
    few = assess(*[OK] * 20, *[(COUNTED, 1, 1)] * 4, *[OK] * 16)  # masks that could turn it are not passed over
    assert (few.all.mask.judged, few.all.mask.decision, few.all.mask.skips_decide) == (36, "not yet known", True)
    assert outcome(few) == "not yet known"


def test_unusable_and_indistinguishable_images_are_left_out_and_many_are_told():
    found = assess(*[OK] * 36, *[UNUSABLE] * 4, UNCLEAR)
    assert (found.all.count.judged, found.not_countable) == (36, False)
    assert "Left out: 4 unusable, 1 indistinguishable; the intervals hold whether right or wrong." in verdict_lines(
        found
    )
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
    said = verdict_lines(found)
    assert said[0].startswith("Retrain: multiplets.")
    assert "Multiplets: 0 of 20 found" in " ".join(said)


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
    few = verdict_lines(assess(*[OK] * 10, samples=2))
    assert "Too few images judged to tell by itself (20 are needed): s0 5, s1 5." in few


def test_nothing_judged_is_told():
    found = assess()
    assert verdict_lines(found)[0] == "Not yet known: no image is judged yet."
    assert outcome(found) == "not yet known"


# The overall word over parts

TWO = (OK, 2, None)  # a doublet that is found
MISSED = (WRONG, 1, 2)


def test_a_sample_that_fails_by_itself_is_in_the_word_and_named():
    """Case h2: 5 count errors of 120, all of them in one of two samples."""
    wrong = dict.fromkeys((12, 36, 54, 70, 88), WRONG)
    found = assess(*(wrong.get(n, OK) for n in range(120)), samples=2)
    assert (found.by_sample["s0"].count.errors, found.by_sample["s1"].count.errors) == (5, 0)
    assert (found.of_sample("s0"), found.of_sample("s1"), outcome(found)) == ("retrain", "keep", "retrain")
    assert verdict_lines(found)[0] == "Retrain: count of s0. Keep for s1; retrain for s0."
    assert verdict_lines(found)[1].startswith("Count: retrain. 5 wrong of 120")


def test_keep_needs_the_multiplets_too():
    """36 images without an error say nothing on doublets that none of them shows."""
    found = assess(*[OK] * 40, settings=GATING)
    assert (found.all.count.decision, found.of_kind(Kind.MULTIPLETS)) == ("keep", "not yet known")
    assert outcome(found) == "not yet known"
    said = verdict_lines(found)
    assert said[0] == "Not yet known: multiplets 0 of 36 seen; count, mask and singlets done."
    assert said[3] == "Missing: multiplets (36 if none is wrong, none seen yet)."
    assert "Of the images none are multiplets: if your goal doesn't need them, state it again without them." in said
    found = assess(*[OK, OK, OK, TWO] * 20, settings=GATING)
    (part,) = found.missing
    assert (part.kind, part.share, part.found.clean_needed, part.found.expected_needed) == ("multiplets", 0.25, 16, 19)
    assert (part.images_needed, found.images_needed) == (76, 76)
    assert (
        verdict_lines(found)[0]
        == "Not yet known: multiplets 20 of 36 seen (1 image in 4); count, mask and singlets done."
    )
    few = verdict_lines(assess(*[OK, OK, OK, TWO] * 6, settings=GATING))[0]
    assert few == "Not yet known: multiplets 6 of 36 seen (1 image in 4); singlets 18 of 36; count and mask 24 of 36."
    assert verdict_lines(found)[3] == "Missing: multiplets (16 more if none is wrong, 19 expected)."
    assert outcome(assess(*[OK, OK, OK, TWO] * 36, settings=GATING)) == "keep"
    assert not [line for line in verdict_lines(found) if line.startswith("Of the images")]


def test_faultless_work_never_moves_the_goal_away():
    """A first-time reader saw the number of images that are missing rise with each that was right."""
    said = [
        verdict_lines(assess(*[OK, OK, OK, TWO] * 4, *[OK] * more, settings=GATING))[0].removeprefix("Not yet known: ")
        for more in (1, 5)
    ]
    assert said[0].startswith("multiplets 4 of 36 seen (1 image in 4); singlets 13 of 36; count and mask 17 of 36")
    assert said[1].startswith("multiplets 4 of 36 seen (1 image in 5); singlets 17 of 36; count and mask 21 of 36")


def test_every_sample_must_keep_by_itself():
    found = assess(*[OK, TWO] * 20, *[OK, TWO] * 20, samples=4, settings=GATING)
    assert found.of_kind(Kind.MULTIPLETS) == found.of_kind(Kind.SINGLETS) == "keep"
    assert {found.of_sample(name) for name in found.by_sample} == {"not yet known"}
    assert outcome(found) == "not yet known"
    assert outcome(assess(*[OK, TWO] * 72, samples=4, settings=GATING)) == "keep"
    said = verdict_lines(assess(*[OK, TWO] * 72, samples=4, settings=GATING))[0]
    assert said.startswith("Keep this model: count, mask, singlets and multiplets will do, and each of 4 samples.")


def test_doublets_that_one_sample_misses_forbid_keep():
    """Over six samples 30 of 180 missed doublets might pass; all of them in one sample don't."""
    images = [MISSED if n % 6 == 0 and n % 3 == 0 else TWO for n in range(180)] + [OK] * 600
    found = assess(*images, samples=6, settings=GATING)
    assert found.by_sample["s0"].multiplets.decision == "retrain"
    assert "multiplets of s0" in verdict_lines(found)[0]
    assert outcome(found) == "retrain"


def test_what_is_not_required_neither_keeps_nor_retrains():
    only_counts = AssessSettings(p0=0.02, p1=0.10, required=(Kind.COUNT,))
    found = assess(*[MASK] * 40, samples=2, settings=only_counts)
    assert (found.of_kind(Kind.MASK), outcome(found)) == (None, "not yet known")
    found = assess(*[MASK] * 80, samples=2, settings=only_counts)
    assert outcome(found) == "keep"
    said = verdict_lines(found)
    assert said[0] == "Keep this model: count will do, and each of 2 samples."
    assert said[2].startswith("Mask: not required. 80 wrong of 80")
    assert "mask" not in " ".join(line for line in said if line.startswith("s0"))


def test_half_the_frames_unusable_is_no_keep_and_said():
    """Case m3."""
    found = assess(*[OK, UNUSABLE] * 60)
    assert (found.all.count.decision, found.all.count.skips_decide, found.all.count.left_out) == (
        "not yet known",
        True,
        60,
    )
    assert (outcome(found), found.unusable) == ("not yet known", {"": 0.5})
    assert found.all.count.high > 0.5
    said = verdict_lines(found)
    assert said[0] == "Not yet known: too many frames are unusable."
    assert said[3].startswith("Missing: count (hangs on 60 images left out)")
    assert any(line.startswith("50% of the frames are unusable: the frames, not the model") for line in said)
    few = assess(*[OK] * 19, UNUSABLE, *[OK] * 19, UNUSABLE, *[OK] * 60)
    assert (outcome(few), few.unusable) == ("keep", {})
    of_one = assess(*[OK, OK, UNUSABLE, OK, OK, OK, OK, OK] * 15, samples=4)  # half of s2's
    assert of_one.unusable == {"s2": 0.5}
    assert any("50% of the frames of s2 are unusable" in line for line in verdict_lines(of_one))


def test_skipped_images_may_be_missed_doublets():
    base = [OK, OK, OK, TWO] * 36
    assert outcome(assess(*base, settings=GATING)) == "keep"
    skipped = [*base[:100], *[SKIP] * 4, *base[100:]]
    found = assess(*skipped, settings=GATING)
    assert (found.all.multiplets.skipped, found.all.multiplets.skips_decide) == (4, True)
    assert outcome(found) == "not yet known"
    as_two = [(SKIP, 2, None)] * 4  # no miss, if a doublet
    assert assess(*base[:100], *as_two, *base[100:], settings=GATING).all.multiplets.skipped == 0


def test_parts_share_the_level_and_those_that_are_rejected_give_theirs_to_the_others():
    names = [f"s{n}" for n in range(4)]
    for samples in ([], names):
        for required in (tuple(Kind), (Kind.COUNT,), (Kind.MULTIPLETS,), (Kind.MASK, Kind.SINGLETS)):
            tests = part_tests(replace(GATING, required=required), samples)
            assert sum(test.alpha for test in tests.values()) == pytest.approx(0.05)
    assert len(part_tests(GATING, [])) == 4
    assert len(part_tests(GATING, names)) == 4 + 4 * 4
    alone = assess(*[WRONG, OK, OK, OK] * 20, samples=4)  # only s0 errs
    both = assess(*[WRONG, WRONG, OK, OK] * 20, samples=4)
    level = {part.sample: part.found.plan.alpha for part in alone.parts if part.kind is Kind.COUNT}
    assert level["s0"] < level["s1"]  # s0 was rejected, and with it count over all samples
    after = {part.sample: part.found.plan.alpha for part in both.parts if part.kind is Kind.COUNT}
    assert after["s2"] > level["s2"]
