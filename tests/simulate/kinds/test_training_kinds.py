"""What the training kinds add: ranges that hold, tubes whose cells look alike, truth where it is drawn."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from tui_cytpix.core.objects.regions import ellipses
from tui_cytpix.simulate.frames.arrange import draw_frame
from tui_cytpix.simulate.frames.events import SimulatedSample, simulate_event
from tui_cytpix.simulate.frames.optics import rim_um
from tui_cytpix.simulate.frames.shapes import Rod
from tui_cytpix.simulate.frames.tube import draw_tube
from tui_cytpix.simulate.kinds.catalogue import KINDS
from tui_cytpix.simulate.kinds.hard_training_kinds import HARD_TRAINING_KINDS
from tui_cytpix.simulate.kinds.kind import SampleKind
from tui_cytpix.simulate.kinds.training_kinds import TRAINING_KINDS

NAMES = [kind.name for kind in (*TRAINING_KINDS, *HARD_TRAINING_KINDS)]


def _alone(kind: str) -> SampleKind:
    """One whole particle in each frame and nothing else."""
    plain = replace(
        KINDS[kind].arrangement,
        cluster=(1.0,),
        coincident=(1.0,),
        border=0.0,
        blank=0.0,
        debris=0.0,
        ghost=0.0,
        blotches=0.0,
        bubbles=0.0,
        field_stop=0.0,
        pack=None,
        tight=None,
    )
    return replace(KINDS[kind], arrangement=plain)


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_gives_the_same_tube_and_event_again(name: str):
    one, again = SimulatedSample(name, 2, seed=7), SimulatedSample(name, 2, seed=7)
    assert one.kind == again.kind
    np.testing.assert_array_equal(one[1].image, again[1].image)
    np.testing.assert_array_equal(one[1].labels, again[1].labels)


@pytest.mark.parametrize("name", NAMES)
def test_tubes_keep_to_a_part_of_the_kinds_ranges(name: str):
    kind = KINDS[name]
    for seed in range(8):
        tube = draw_tube(kind, 64, np.random.default_rng(seed))
        low, high = kind.tube.um_per_px or (0.0, 0.0)
        assert low <= tube.kind.um_per_px <= high
        assert tube.optics.um_per_px == tube.kind.um_per_px
        assert len(tube.kind.cells) in (1, len(kind.cells))
        for cell in tube.kind.cells:
            # The population it is a part of: the one whose ranges hold all of its own.
            wholes = [c for c in kind.cells if c.length_um == cell.length_um and _within(cell.interior, c.interior)]
            part = cell.interior.phase_per_um
            assert any(
                part[1] - part[0] == pytest.approx(kind.tube.alike * (whole[1] - whole[0]))
                for whole in (c.interior.phase_per_um for c in wholes)
            )


def _within(part: object, whole: object) -> bool:
    ranges = [f.name for f in fields(part) if f.type == "Range"]  # type: ignore[arg-type]
    return all(
        getattr(whole, name)[0] - 1e-9
        <= getattr(part, name)[0]
        <= getattr(part, name)[1]
        <= getattr(whole, name)[1] + 1e-9
        for name in ranges
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_lone_particles_label_is_its_shape(name: str):
    kind = _alone(name)
    compared = 0
    for seed in range(6):
        tube = draw_tube(kind, 200, np.random.default_rng([3, seed]))
        tube = replace(tube, focus_um=1.0, focus_spread_um=0.0)
        event = simulate_event(kind, np.random.default_rng([4, seed]), 200, tube)
        rng = np.random.default_rng([4, seed])
        rng.normal(1.0, 0.0)
        ((_, shape),) = draw_frame(tube.kind, 200, rng)[0]
        follow = tube.kind.tube.rim if tube.optics.ring is None else 0.0
        grown = follow * rim_um(1.0, tube.optics) / tube.optics.um_per_px
        y, x = np.mgrid[:200, :200].astype(np.float32)
        drawn = shape.depth(y, x) * shape.radius / (shape.radius + grown) < 1
        if event.labels.max() == 1:  # else too faint to be drawn by anyone
            compared += 1
            assert np.mean(drawn != (event.labels > 0)) < 1e-3
            assert np.count_nonzero(drawn) > 30
    assert compared >= 3


def test_sizes_and_shapes_stay_within_the_stated_ranges():
    found: dict[str, list[tuple[float, float]]] = {}
    for name in NAMES:
        for seed in range(25):
            event = SimulatedSample(_alone(name), 1, seed, 200)[0]
            if event.labels.max() == 1 and not event.meta["on_border"] and not event.meta["budded"]:
                ellipse = ellipses(event.labels, 1)[0]
                found.setdefault(name, []).append((ellipse.minor, ellipse.major / ellipse.minor))
    minor = {name: np.array(values)[:, 0] for name, values in found.items()}
    aspect = {name: np.array(values)[:, 1] for name, values in found.items()}
    assert minor["general-rounds"].min() > 7
    assert minor["general-rounds"].max() < 60
    assert minor["general-rounds"].max() > 2 * minor["general-rounds"].min()
    assert aspect["general-rounds"].max() < 2
    for rods in ("general-rods", "phase-rods"):
        assert np.median(aspect[rods]) > 1.8
        assert 5 < np.median(minor[rods]) < 25
    assert aspect["bead-mixture"].max() < 1.1


def test_a_constricted_rod_is_one_particle_and_rods_end_to_end_are_two():
    kind = _alone("phase-rods")
    constricted = replace(kind, cells=tuple(replace(cell, septated=1.0) for cell in kind.cells))
    together = replace(kind.arrangement, cluster=(0.0, 1.0), side_by_side=0.0, end_to_end=1.0)
    pairs = replace(kind, arrangement=together, cells=tuple(replace(cell, septated=0.0) for cell in kind.cells))
    for seed in range(8):
        assert SimulatedSample(constricted, 1, seed, 248)[0].labels.max() <= 1
        clusters = draw_frame(draw_tube(pairs, 248, np.random.default_rng(seed)).kind, 248, np.random.default_rng(seed))
        (_, first), (_, second) = clusters[0]
        assert isinstance(first, Rod)
        # End to end they hardly overlap, or nobody could tell them from a constricted one.
        depth = 1 - float(first.depth(*second.outline()).min())
        assert depth * first.radius < 0.3 / 0.2 + 1


def test_what_nobody_can_see_has_no_label():
    kind = _alone("general-rounds")
    faint = replace(kind, tube=replace(kind.tube, contrast=(0.0, 0.0)))
    clear = tuple(
        replace(
            cell,
            interior=replace(cell.interior, absorption=(0.0, 0.0), rim_loss=(0.0, 0.0), granule_absorption=(0.0, 0.0)),
        )
        for cell in faint.cells
    )
    faint = replace(faint, cells=clear)
    for seed in range(5):
        assert not SimulatedSample(faint, 1, seed, 128)[0].labels.any()


def test_dark_corners_and_bubbles_take_the_labels_with_them():
    kind = _alone("bead-mixture")
    crowded = replace(kind.arrangement, coincident=(0.0, 0.0, 0.0, 0.0, 1.0), field_stop=1.0, bubbles=3.0)
    kept = sum(int(SimulatedSample(replace(kind, arrangement=crowded), 1, s, 200)[0].labels.max()) for s in range(10))
    free = replace(crowded, field_stop=0.0, bubbles=0.0)
    whole = sum(int(SimulatedSample(replace(kind, arrangement=free), 1, s, 200)[0].labels.max()) for s in range(10))
    assert 0 < kept < whole
