"""Events and their truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from skimage.measure import label

from tui_cytpix.core.images.background import static_background
from tui_cytpix.errors import UsageError
from tui_cytpix.simulate.frames.events import SimulatedSample, simulate_event
from tui_cytpix.simulate.frames.tube import BLACK_LEVEL, FULL_WELL
from tui_cytpix.simulate.kinds.catalogue import KINDS, kind_named
from tui_cytpix.simulate.kinds.kind import SampleKind


def _only(kind: str, **arrangement: object) -> SampleKind:
    """The kind with nothing but what is asked for in the frame."""
    plain = {"cluster": (1.0,), "coincident": (1.0,), "border": 0.0, "blank": 0.0, "debris": 0.0, "ghost": 0.0}
    plain |= {"pack": None, "tight": None}
    return replace(KINDS[kind], arrangement=replace(KINDS[kind].arrangement, **(plain | arrangement)))


def test_a_seed_gives_the_same_event_again():
    first, again, other = (simulate_event("yeast", np.random.default_rng(seed)) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert (first.image != other.image).any()


def test_a_sample_gives_its_events_in_any_order():
    sample = SimulatedSample("beads", 3, seed=1)
    listed = list(sample)
    assert len(sample) == len(listed) == 3
    np.testing.assert_array_equal(sample[2].image, listed[2].image)
    np.testing.assert_array_equal(sample[2].labels, listed[2].labels)
    with pytest.raises(IndexError):
        sample[3]


@pytest.mark.parametrize("kind", KINDS)
def test_the_truth_is_whole(kind: str):
    for seed in range(12):
        event = simulate_event(kind, np.random.default_rng([9, seed]))
        assert event.image.shape == event.labels.shape
        assert event.image.shape == (248, 248) or (KINDS[kind].arrangement.tight and max(event.image.shape) <= 248)
        assert event.image.dtype == event.labels.dtype == np.uint16
        assert event.image.min() >= BLACK_LEVEL
        assert event.image.max() <= FULL_WELL
        count = int(event.labels.max())
        assert event.centroids.shape == (count, 2)
        assert event.centroids.dtype == np.float32
        assert count <= sum(event.meta["clusters"])
        for k, (y, x) in enumerate(event.centroids, start=1):
            assert event.labels[round(float(y)), round(float(x))] == k
            assert label(event.labels == k, connectivity=2).max() == 1


@pytest.mark.parametrize("kind", KINDS)
def test_particles_are_seen_where_the_truth_says(kind: str):
    sample = SimulatedSample(_only(kind), 10, seed=3)
    tube = sample.tube
    empty = BLACK_LEVEL / 2 + (tube.level - BLACK_LEVEL / 2) * tube.background
    spreads = []
    for event in sample:
        if event.labels.max() == 0:  # too faint for anybody
            continue
        assert event.labels.max() == 1
        inside = event.labels > 0
        assert inside.sum() > 30
        spreads.append((event.image - empty)[inside].std())
    assert len(spreads) >= 8
    # Most differ from the empty tube by more than the noise; a few may be pale.
    assert np.median(spreads) > 1.5 * tube.noise


def test_septated_and_budding_cells_are_one_particle():
    rods, yeast = _only("pombe-rich"), _only("yeast")
    rods = replace(rods, cells=(replace(rods.cells[0], septated=1.0),))
    yeast = replace(yeast, cells=(replace(yeast.cells[0], budding=1.0),))
    for seed in range(10):
        for kind, mark in ((rods, "septated"), (yeast, "budded")):
            event = simulate_event(kind, np.random.default_rng(seed))
            assert event.meta[mark] == 1
            assert event.labels.max() == 1


def test_touching_particles_are_one_object_and_coincident_ones_are_not():
    doublets = _only("leukocytes", cluster=(0.0, 1.0), overlap_um=(0.4, 0.8), centring_um=0.0)
    apart = _only("pombe-edinburgh", coincident=(0.0, 1.0), overlap_um=(0.4, 0.8))
    for seed in range(8):
        doublet = simulate_event(doublets, np.random.default_rng(seed))
        assert doublet.labels.max() == 2
        assert label(doublet.labels > 0, connectivity=2).max() == 1
        pair = simulate_event(apart, np.random.default_rng(seed))
        assert label(pair.labels > 0, connectivity=2).max() == len(pair.meta["clusters"])


def test_blank_frames_debris_and_ghosts_are_not_in_the_truth():
    empty = simulate_event(_only("drosophila", blank=1.0, debris=5.0, ghost=1.0), np.random.default_rng(0))
    assert empty.meta["debris"] + empty.meta["ghosts"] > 0
    assert not empty.labels.any()
    assert empty.centroids.shape == (0, 2)


def test_the_frame_cuts_cells_at_its_border():
    cut = _only("leukocytes", border=1.0)
    events = [simulate_event(cut, np.random.default_rng(seed)) for seed in range(20)]
    assert sum(event.meta["on_border"] for event in events) >= 15


@pytest.mark.parametrize("focus", [-4.0, 4.0])
def test_focus_decides_whether_a_bead_is_bright_or_dark_in_the_middle(focus: float):
    beads = _only("beads")
    beads = replace(
        beads,
        cells=(beads.cells[1],),
        tube=replace(
            beads.tube, focus_um=(focus, focus), focus_spread_um=(0.1, 0.1), noise=(2.0, 2.0), condenser=(0.1, 0.1)
        ),
    )
    event = simulate_event(beads, np.random.default_rng(2))
    y, x = (round(float(v)) for v in event.centroids[0])
    middle = event.image[y - 1 : y + 2, x - 1 : x + 2].mean()
    background = np.median(event.image)
    assert (middle > 1.2 * background) if focus > 0 else (middle < 0.9 * background)


def test_a_tube_has_one_background_noise_and_level():
    sample = SimulatedSample("pombe-edinburgh", 40, seed=6)
    stack = np.stack([event.image for event in sample])
    found = static_background(stack)
    level = BLACK_LEVEL / 2 + (sample.tube.level - BLACK_LEVEL / 2) * sample.tube.background
    assert np.abs(found - level).mean() < 0.02 * sample.tube.level
    # The sensor's noise, apart from the flicker of the lamp, is what the tube was given.
    corner = stack[:, :30, :30].astype(float)
    corner -= corner.mean(axis=(1, 2), keepdims=True)
    assert np.median((corner - corner.mean(axis=0)).std(axis=(1, 2))) == pytest.approx(sample.tube.noise, rel=0.15)


def test_tubes_differ():
    levels = {round(SimulatedSample("yeast", 1, seed).tube.level) for seed in range(5)}
    noises = {round(SimulatedSample("yeast", 1, seed).tube.noise, 1) for seed in range(5)}
    assert len(levels) == len(noises) == 5


def test_the_two_cultures_of_pombe_differ_in_length_and_septa():
    def traits(kind: str) -> tuple[float, float]:
        events = [simulate_event(_only(kind), np.random.default_rng(seed)) for seed in range(60)]
        return float(np.mean([(e.labels > 0).sum() for e in events])), float(
            np.mean([e.meta["septated"] for e in events])
        )

    (small, few), (large, many) = traits("pombe-edinburgh"), traits("pombe-rich")
    assert large > 1.2 * small
    assert many > few


def test_small_frames_can_be_had():
    assert simulate_event("yeast", np.random.default_rng(0), size=96).image.shape == (96, 96)


def test_an_unknown_kind_is_refused_with_the_names():
    with pytest.raises(UsageError, match="pombe-edinburgh") as caught:
        kind_named("plankton")
    assert "plankton" in str(caught.value)
