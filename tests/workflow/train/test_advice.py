"""The advice against histories whose cause is known. Really trained runs: `python -m tests.benchmarks advice`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from tests.divided import nothing
from tui_cytpix.domain.annotation import AnnotationBook, Edit, Side
from tui_cytpix.domain.jobs.training import (
    Contradiction,
    CrossCheck,
    CrossChecked,
    Epoch,
    Flip,
    JobState,
    TrainingStatus,
)
from tui_cytpix.domain.run_settings import BaseModelSettings, SelectionSettings
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.run.predictions import Prediction, write_shard
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.train import morphology
from tui_cytpix.workflow.train.advice import Advice, Lacking, advise, queue
from tui_cytpix.workflow.train.against_base import against_base
from tui_cytpix.workflow.train.balance import FewSeveral, few_several
from tui_cytpix.workflow.train.morphology import Missing


def keys(*events: int) -> tuple[ImageKey, ...]:
    return tuple(ImageKey("s", str(event)) for event in events)


def book(images: int) -> AnnotationBook:
    numbers = itertools.count(1)
    edits = []
    for key in keys(*range(images)):
        edits.append(Edit(next(numbers), 1.0, "me", key, "propose", nothing((4, 4))))
        edits.append(Edit(next(numbers), 1.0, "me", key, "accept"))
    return AnnotationBook(edits)


def status(
    ta: Sequence[float], va: Sequence[float], validation: int = 20, error: float | None = 0.01, **more: object
) -> TrainingStatus:
    epochs = [Epoch(n, 0.1, a, b, 3.0, 40, validation, error) for n, (a, b) in enumerate(zip(ta, va, strict=True), 1)]
    return TrainingStatus(JobState.RUNNING, tuple(epochs), **more)


def kinds(found: Sequence[Advice]) -> list[str]:
    return [advice.kind for advice in found]


def learning(epochs: int, top: float, seed: int = 0, noise: float = 0.005) -> list[float]:
    """An accuracy that rises towards `top`, with a little noise."""
    rng = np.random.default_rng(seed)
    return [float(top - 0.4 * np.exp(-n / 8) + rng.normal(0, noise)) for n in range(epochs)]


def test_va_says_what_it_rests_on_and_says_nothing_on() -> None:
    numbers = itertools.count(1)
    edits = []
    for sample, particles, side in (
        [("a", 1, "training")] * 6 + [("a", 1, "validation")] * 2 + [("b", 2, "training")] * 2
    ):
        key, number = ImageKey(sample, str(next(numbers))), next(numbers)
        drawn = Segmentation(np.ones((4, 4), bool), np.ones((particles, 2), np.float32))
        edits.append(Edit(number, 1.0, "me", key, "propose", drawn))
        edits.append(Edit(number, 1.0, "me", key, "accept", side=Side(side)))
    found = advise(status([0.95] * 80, [0.93] * 80, validation=2, error=0.05), AnnotationBook(edits))[-1]
    assert found.kind == "little"
    assert found.words == (
        "VA rests on 2 images: each one weighs 50% of it. "
        "It says nothing on images with two particles, nor on sample b."
    )


@pytest.mark.parametrize("seed", range(20))
def test_clean_data_converges(seed: int) -> None:
    found = advise(status(learning(100, 0.95, seed), learning(100, 0.93, seed + 100)), book(40))
    assert kinds(found) == ["converged"]
    assert "epochs 81 to 100" in found[0].words
    assert "0.95" in found[0].words


def test_before_the_first_epoch_nothing_is_said() -> None:
    assert advise(TrainingStatus(None), book(10)) == ()


def test_early_dips_are_normal_and_late_ones_are_not() -> None:
    early = advise(status([0.9, 0.5] * 7, [0.9, 0.3] * 7), book(40))
    assert kinds(early) == ["early"]
    assert "up to epoch 15" in early[0].words
    fallen = [0.9] * 3 + [0.3] + [0.9] * 56
    for epochs, kind in (
        (14, "early"),
        (15, "early"),
        (24, "early"),
        (25, "steady"),
        (49, "steady"),
        (50, "converged"),
    ):
        assert advise(status([0.9] * epochs, fallen[:epochs]), book(10))[0].kind == kind  # a dip at epoch 4
    late = [*learning(70, 0.95), 0.6, *([0.95] * 5)]
    found = advise(status([0.95] * 76, late), book(40))[0]
    assert found.kind == "dips"
    assert "at epoch 71" in found.words
    assert "40 annotated" in found.words
    few = advise(status([0.95] * 76, late), book(12))[0]
    assert few.kind == "few"
    assert "12 annotated images are too few" in few.words
    past = [*learning(30, 0.93), 0.4, *([0.93] * 40)]
    assert kinds(advise(status([0.95] * 71, past), book(40))) == ["converged"]


@pytest.mark.parametrize("kept", [[60], [1, 60], [*range(1, 12), 60], range(52, 61)])
def test_a_log_that_lacks_lines_says_nothing_of_the_curves(kept: Sequence[int]) -> None:
    whole = status([0.9] * 60, [0.9] * 60)
    found = advise(replace(whole, epochs=tuple(one for one in whole.epochs if one.epoch in kept)), book(40))
    assert "early" in kinds(found)


def test_one_flickering_validation_image_is_a_flip_and_no_dip() -> None:
    flickering = [0.93, 0.81] * 40  # one of four images, right and half right by turns
    assert advise(status([0.95] * 80, flickering, validation=4, error=0.05), book(20))[0].kind == "converged"
    two = [0.93, 0.68] * 40
    assert advise(status([0.95] * 80, two, validation=4, error=0.05), book(20))[0].kind == "dips"


def test_after_images_came_in_dips_are_normal_again() -> None:
    grown = status([0.95] * 110, [0.93] * 100 + [0.93, 0.6] * 5)
    epochs = tuple(structs.replace(e, training_images=44) if e.epoch > 100 else e for e in grown.epochs)
    found = advise(replace(grown, epochs=epochs), book(64))[0]
    assert found.kind == "early"
    assert "4 images came in at epoch 101" in found.words
    assert "up to epoch 115" in found.words


def test_a_rising_va_and_overfitting_are_told_with_their_numbers() -> None:
    rising = advise(status([0.95] * 40, [0.8 + 0.004 * n for n in range(40)]), book(40))[0]
    assert rising.kind == "rising"
    assert "VA is still rising, by 0.040" in rising.words
    training = advise(status([0.8 + 0.004 * n for n in range(40)], [0.9] * 40), book(40))[0]
    assert (training.kind, training.words[:2]) == ("rising", "TA")
    one_of_four = status([0.95] * 40, [*([0.81] * 30), *([0.93] * 10)], validation=4, error=0.05)
    assert advise(one_of_four, book(40))[0].kind == "steady"
    by_heart = advise(status([0.99] * 40, [0.8] * 40), book(40))[0]
    assert by_heart.kind == "overfitting"
    assert "0.19 below TA" in by_heart.words
    few = advise(status([0.99] * 40, [0.8] * 40), book(15))[0]
    assert (few.kind, "15 annotated" in few.words) == ("few", True)


def test_a_gap_that_chance_explains_is_not_overfitting() -> None:
    found = advise(status([0.99] * 40, [0.85] * 40, validation=2, error=0.12), book(40))
    assert kinds(found) == ["converged", "little"]
    assert "standard error is 0.12" in found[0].words
    assert "50%" in found[1].words


def contradicted(*events: int, epochs: Sequence[int] = range(61, 81)) -> tuple[Contradiction, ...]:
    """By the run's own model, which trains on them."""
    return tuple(Contradiction(key, 2, tuple((n, 1, 0.9) for n in epochs)) for key in keys(*events))


def crosschecked(found: dict[int, tuple[int, int, float]], epochs: int = 30) -> CrossChecked:
    """All twenty annotations of `book(20)`: `found` gives (annotated, counted, sure) of those counted otherwise."""
    digest = nothing((4, 4)).digest()
    images = {
        key: CrossCheck(*found.get(n, (1, 1, 0.9))[:2], 0.5, found.get(n, (1, 1, 0.9))[2], digest)
        for n, key in enumerate(keys(*range(20)))
    }
    return CrossChecked(images, 5, epochs)


def test_wrong_counts_are_found_among_flickering_and_hard_ones() -> None:
    """20 annotations, of which 3, 7, 11 and 15 have a wrong count; models are less sure of the last. 4 is a hard clump,
    5 flickers, 6 was contradicted early only, 8 by models that are not sure; 9 was learnt; on 10 nothing is large
    enough.
    """
    wrong = dict.fromkeys((3, 7, 11), (2, 1, 0.9)) | {15: (1, 2, 0.6)}
    others = {4: (4, 3, 0.9), 5: (2, 1, 0.9), 6: (2, 1, 0.9), 8: (1, 2, 0.3), 9: (2, 1, 0.9), 10: (0, 1, 0.9)}
    held = (*contradicted(3, 4, 7, 8, 10, 11, 15), *contradicted(5, epochs=range(61, 81, 2)))
    looks = status([0.9] * 80, [0.88] * 80, contradictions=(*held, *contradicted(6, epochs=range(1, 40))))
    checked = replace(looks, crosscheck=crosschecked(wrong | others))
    found = advise(checked, book(20))[0]
    assert found.kind == "inconsistent"
    assert found.images == keys(11, 3, 7, 15)
    assert "4 of 20" in found.words
    assert "s:3 (annotated 2, counted 1)" in found.words
    one = advise(replace(looks, crosscheck=crosschecked({11: (2, 1, 0.9)})), book(20))[0]
    assert (one.kind, one.images) == ("doubtful", keys(11))
    alone = replace(looks, crosscheck=crosschecked({15: (1, 2, 0.6)}))
    assert "weak" not in kinds(advise(replace(looks, crosscheck=crosschecked(wrong, epochs=3)), book(20)))
    for unknown in (looks, alone, replace(looks, crosscheck=crosschecked(wrong, epochs=10))):
        assert kinds(advise(unknown, book(20)))[0] == "converged"


def test_what_was_corrected_since_is_no_longer_doubted() -> None:
    looks = status([0.9] * 80, [0.88] * 80, contradictions=contradicted(3))
    looks = replace(looks, crosscheck=crosschecked({3: (2, 1, 0.9)}))
    corrected = book(20)
    assert kinds(advise(looks, corrected))[0] == "doubtful"
    corrected.feed(Edit(100, 3.0, "me", keys(3)[0], "count", Segmentation(np.ones((4, 4), bool), np.ones((1, 2)))))
    assert kinds(advise(looks, corrected))[0] == "converged"
    rejected = book(20)
    rejected.feed(Edit(100, 1.0, "me", keys(3)[0], "reject"))
    assert kinds(advise(looks, rejected))[0] == "converged"


def test_a_class_that_the_cross_check_counts_wrong_is_named() -> None:
    looks = status([0.9] * 80, [0.88] * 80)
    few = {0: (2, 2, 0.9), 1: (2, 1, 0.9), 2: (2, 1, 0.9), 3: (3, 2, 0.9), 4: (2, 1, 0.9)}
    found = advise(replace(looks, crosscheck=crosschecked(few)), book(20))
    assert kinds(found) == ["converged", "weak"]
    assert (
        found[1].words == "The cross-check counts only 1 of 4 images with two particles right: annotate more of them."
    )
    one = {0: (2, 1, 0.9), 1: (2, 1, 0.9)}
    assert kinds(advise(replace(looks, crosscheck=crosschecked(one)), book(20))) == ["converged"]


def drawn(count: int) -> Segmentation:
    return shape(count, 20) if count else nothing((64, 64))


def test_labels_that_are_missing_are_said_and_so_is_what_the_base_knows() -> None:
    numbers = itertools.count(1)

    def labelled(*counts: int) -> AnnotationBook:
        edits = []
        for key, count in zip(keys(*range(len(counts))), counts, strict=True):
            edits.append(Edit(next(numbers), 1.0, "me", key, "propose", drawn(count)))
            edits.append(Edit(next(numbers), 1.0, "me", key, "accept"))
        return AnnotationBook(edits)

    def said(book: AnnotationBook, seen: Callable[[ImageKey], Segmentation | None]) -> list[Advice]:
        found = [advise(s, book, Lacking(base=against_base(book, seen))) for s in (looks, TrainingStatus(None))]
        assert found[1] == tuple(one for one in found[0] if one.kind in ("empty", "known"))
        return list(found[1])

    looks = status([0.9] * 80, [0.88] * 80)
    half = said(labelled(*[1, 0] * 6), lambda _key: drawn(1))
    assert [(one.kind, one.images) for one in half] == [("empty", keys(1, 3, 5, 7, 9, 11))]
    assert (
        "6 of 12 annotated images hold nothing, but the base model sees particles in 6 of these: s:1" in half[0].words
    )
    assert said(labelled(*[1, 0] * 6), lambda key: drawn(int(key.event) % 2 == 0))[0].kind == "known"  # blank they are
    assert said(labelled(*[0] * 12), lambda _key: None)[0].words.startswith("None of the 12 annotated images holds")
    assert said(labelled(*[1] * 11, 0), lambda _key: drawn(1))[0].words.startswith(
        "The base model has 11 of 12 annotated images right as they are: these cells are close to what it knows."
    )
    assert said(labelled(*[1] * 10, 2, 2), lambda _key: drawn(1)) == []  # ten twelfths
    assert said(labelled(*[1] * 12), lambda _key: shape(1, 14)) == []  # counts alone are not all
    assert said(labelled(*[1] * 9), lambda _key: drawn(1)) == []


def test_flips_name_the_open_images_that_flipped_lately() -> None:
    open_, annotated, early = keys(50, 3, 51)
    held = (
        Flip(open_, ((70, 1), (75, 2), (80, 1))),
        Flip(annotated, ((79, 1), (80, 2))),
        Flip(early, ((5, 1), (10, 2), (80, 2))),
    )
    found = advise(status([0.9] * 80, [0.88] * 80, flips=held), book(20))[1]
    assert (found.kind, found.images) == ("flips", (open_,))
    assert "3 images changed" in found.words
    assert "2 in the last 20 epochs, 1 of these not annotated: annotate s:50" in found.words
    calm = advise(status([0.9] * 80, [0.88] * 80, flips=held[2:]), book(20))[1]
    assert calm.images == ()
    assert "none of them in the last 20" in calm.words


def shape(count: int, length: int, size: int = 64) -> Segmentation:
    mask = np.zeros((size, size), bool)
    mask[30:38, 2 : 2 + length] = True
    return Segmentation(mask, np.array([[34, 4 + 5 * i] for i in range(count)], np.float32).reshape(-1, 2))


def test_a_missing_morphology_is_named_and_queued(tmp_path: Path) -> None:
    """Of forty images twelve are long triplets; annotated are short singlets only."""
    events = keys(*range(40))
    shapes = {key: shape(3, 50 + n % 3) if n % 10 >= 7 else shape(1, 16 + n % 4) for n, key in enumerate(events)}
    with Run.create(tmp_path / "run") as run:
        chosen = SelectionSettings(50, events)
        run.update(replace(run.settings, selection=chosen, base_model=BaseModelSettings("base", "sha256:00")))
        folder = run.folder.predictions("sha256:00")
        assert morphology.missing(run, run.answers("sha256:00")) is None
        write_shard(folder, "0", [Prediction(key, found) for key, found in shapes.items()])
        assert morphology.missing(run, run.answers("sha256:00")) is None  # nothing is annotated yet
        for key in events[:5]:
            run.record_edit(key, "propose", shapes[key])
            run.record_edit(key, "accept")
        found = morphology.missing(run, run.answers("sha256:00"))
        assert found is not None
        assert found.unlike == 12
        assert len(found.images) == 4
        assert all(shapes[key].particle_count == 3 for key in found.images)
        assert "3 particles, 1 in a usual" in found.words
        assert "longer" in found.words
        advice = advise(status([0.9] * 80, [0.88] * 80), run.annotations, Lacking(found))
        assert kinds(advice) == ["converged", "uncovered"]
        assert str(found.images[0]) in advice[1].words
        assert queue(advice) == found.images
        for key in found.images:
            run.record_edit(key, "propose", shapes[key])
            run.record_edit(key, "accept")
        assert morphology.missing(run, run.answers("sha256:00")) is None


def test_few_multiplets_are_told_and_the_largest_that_are_counted_so_are_named(tmp_path: Path) -> None:
    """Eight images: the base calls all but the last two; those that are, are larger. Training knows better of one."""
    events = keys(*range(8))
    lengths = (20, 21, 22, 40, 44, 42, 41, 60)
    shapes = {
        key: shape(1 if n == 7 else 2, length) for n, (key, length) in enumerate(zip(events, lengths, strict=True))
    }
    with Run.create(tmp_path / "run") as run:
        run.update(replace(run.settings, selection=SelectionSettings(50, events)))
        assert few_several(run, shapes.get, shapes.get) == FewSeveral(
            0, 0, (events[4], events[5], events[6], events[3])
        )
        for key, count in ((events[0], 1), (events[1], 1), (events[4], 2)):
            run.record_edit(key, "propose", shape(count, 20))
            run.record_edit(key, "accept")
        now = {events[5]: shape(1, 42)}
        few = few_several(run, shapes.get, now.get)
        assert few == FewSeveral(1, 3, (events[6], events[3], events[2]))
        for status_ in (TrainingStatus(None), status([0.9] * 80, [0.88] * 80)):
            found = next(a for a in advise(status_, run.annotations, Lacking(few=few)) if a.kind == "singles")
            assert found.images == few.images
            assert "Only 1 of 3 annotated images holds two or more particles. Add such: s:6, s:3, s:2" in found.words
        none = advise(TrainingStatus(None), run.annotations, Lacking(few=replace(few, several=0)))[0].words
        assert none.startswith("None of the 3 annotated images holds two")
        for key in few.images:
            run.record_edit(key, "propose", shapes[key])
            run.record_edit(key, "accept")
        assert few_several(run, shapes.get, now.get) is None


def test_the_queue_holds_each_image_once_in_the_order_of_urgency() -> None:
    flips = (Flip(keys(50)[0], ((75, 2), (80, 1))),)
    missing = Missing(keys(50, 51), 2, "longer")
    looks = status([0.9] * 80, [0.88] * 80, contradictions=contradicted(3), flips=flips)
    found = advise(replace(looks, crosscheck=crosschecked({3: (2, 1, 0.9)})), book(20), Lacking(missing))
    assert kinds(found) == ["doubtful", "converged", "flips", "uncovered"]
    assert queue(found) == keys(3, 50, 51)
