"""Packs, stacks, solid bodies, septa and tight crops: what the knobs say, by closed form, and the truth of overlaps."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from skimage.measure import label

from tui_cytpix.simulate import write
from tui_cytpix.simulate.frames.arrange import draw_cluster, draw_frame, draw_pack
from tui_cytpix.simulate.frames.events import SimulatedEvent, SimulatedSample, events_and_background
from tui_cytpix.simulate.frames.interior import render
from tui_cytpix.simulate.frames.optics import Optics, brightfield
from tui_cytpix.simulate.frames.shapes import Rod, Round
from tui_cytpix.simulate.kinds.catalogue import KINDS
from tui_cytpix.simulate.kinds.hard_training_kinds import HARD_TRAINING_KINDS
from tui_cytpix.simulate.kinds.kind import Arrangement, Cell, Interior, SampleKind, TubeRanges
from tui_cytpix.simulate.kinds.parts import Pack, Solid, Stack, Tight

BARE = Arrangement(
    cluster=(1.0,), coincident=(1.0,), overlap_um=(0.0, 0.0), debris=0.0, ghost=0.0, border=0.0, blank=0.0
)
PLAIN = Interior(
    granules_per_um2=(0.0, 0.0), vacuoles=(1.0,), mottle=(0.0, 0.0), absorption=(0.0, 0.0), rim_loss=(0.0, 0.0)
)
STRAIGHT = Cell(width_um=(3.0, 3.0), length_um=(15.0, 15.0), bend=(0.0, 0.0), taper=(0.0, 0.0), interior=PLAIN)
DISC = Cell(
    width_um=(12.0, 12.0),
    elongation=(1.0, 1.0),
    irregularity=(0.0, 0.0),
    interior=replace(
        PLAIN, phase_per_um=(0.0, 0.0), wall=(0.0, 0.0), inset_um=0.0, solid=Solid((0.8, 0.8), (0.3, 0.3))
    ),
)
CALM = TubeRanges(focus_um=(0.0, 0.0), focus_spread_um=(0.0, 0.0), dirt=0.0, channel=0.0, noise=(1.0, 1.0))


def _kind(cell: Cell, **arrangement: object) -> SampleKind:
    return SampleKind("test", "", "", (cell,), replace(BARE, **arrangement), CALM)  # type: ignore[arg-type]


def _labels_of(kind: SampleKind, seed: int) -> SimulatedEvent:
    return SimulatedSample(kind, 1, seed, 200)[0]


@pytest.mark.parametrize("fan", [0.0, 0.1])
def test_the_rods_of_a_pack_turn_evenly_and_touch(fan: float):
    pack = Pack(rods=(0.0, 0.0, 1.0), lengths=(1.0, 1.0), stagger=(0.0, 0.0), fan=(fan, fan))
    kind = _kind(STRAIGHT)
    for seed in range(10):
        rods = [shape for _, shape in draw_pack(kind, pack, np.random.default_rng(seed))]
        assert len(rods) == 4
        turns = np.diff([rod.angle for rod in rods])
        np.testing.assert_allclose(turns, turns[0])
        assert abs(turns[0]) == pytest.approx(fan)
        assert np.ptp([rod.angle for rod in rods]) == pytest.approx(3 * fan)
        gaps = [np.hypot(a.y - b.y, a.x - b.x) for a, b in pairwise(rods)]
        # Fanned rods touch at their ends, half-length less radius from the middle.
        apart = 3.0 / 0.3 + 2 * (7.5 - 1.5) / 0.3 * np.sin(fan / 2)
        np.testing.assert_allclose(gaps, apart, atol=0.6)


def test_neighbours_in_a_pack_are_shifted_as_far_as_stagger_allows():
    pack = Pack(rods=(0.0, 1.0), lengths=(1.0, 1.0), stagger=(0.5, 0.5), fan=(0.0, 0.0))
    shifts = []
    for seed in range(60):
        rods = [shape for _, shape in draw_pack(_kind(STRAIGHT), pack, np.random.default_rng(seed))]
        for a, b in pairwise(rods):
            shifts.append((b.x - a.x) * np.cos(a.angle) + (b.y - a.y) * np.sin(a.angle))
            across = (b.y - a.y) * np.cos(a.angle) - (b.x - a.x) * np.sin(a.angle)
            assert across == pytest.approx(3.0 / 0.3, abs=0.4)
    reach = 0.5 * 7.5 / 0.3
    assert np.abs(shifts).max() <= reach + 1e-6
    assert np.std(shifts) == pytest.approx(reach / np.sqrt(3), rel=0.15)  # even between the two extremes


def test_packs_have_as_many_rods_as_their_probabilities_say():
    kind = replace(KINDS["general-packs"], arrangement=replace(KINDS["general-packs"].arrangement, blank=0.0))
    sizes = [len(draw_frame(kind, 300, np.random.default_rng(seed))[0]) for seed in range(150)]
    packs = np.array([size for size in sizes if size > 1])
    assert packs.max() == 6
    assert np.mean(packs == 2) == pytest.approx(0.45, abs=0.13)


def test_stacked_discs_overlap_by_the_share_and_are_parted_along_their_chord():
    radius = 6.0 / 0.3
    for seed, share in enumerate((0.1, 0.25, 0.4)):
        kind = _kind(DISC, cluster=(0.0, 1.0), stack=Stack(1.0, (share, share)), centring_um=0.0)
        (_, a), (_, b) = draw_cluster(kind, 2, np.random.default_rng(seed))
        distance = float(np.hypot(a.y - b.y, a.x - b.x))
        assert distance == pytest.approx(2 * radius * (1 - share), abs=0.3)
        lens = 2 * radius**2 * np.arccos(distance / 2 / radius) - distance / 2 * np.sqrt(4 * radius**2 - distance**2)
        event = _labels_of(kind, seed)
        assert event.labels.max() == 2
        for k in (1, 2):
            assert (event.labels == k).sum() == pytest.approx(np.pi * radius**2 - lens / 2, rel=0.03)


def test_rods_are_not_laid_across_each_other():
    kind = _kind(STRAIGHT, stack=Stack(1.0, (0.4, 0.4)), side_by_side=0.0, end_to_end=0.0)
    for seed in range(10):
        (_, a), (_, b) = draw_cluster(kind, 2, np.random.default_rng(seed))
        assert float(a.depth(*b.outline()).min()) > 0.9


def test_of_each_stacked_cell_most_is_its_own():
    kind = KINDS["stacked-cells"]
    y, x = (np.mgrid[:400, :400] - 200).astype(np.float32)
    shares = []
    for seed in range(25):
        depths = np.stack([shape.depth(y, x) for _, shape in draw_cluster(kind, 3, np.random.default_rng(seed))])
        owner = np.where(depths.min(axis=0) < 1, depths.argmin(axis=0), -1)
        for k, depth in enumerate(depths):
            assert label(owner == k, connectivity=2).max() == 1
            shares.append((owner == k).sum() / (depth < 1).sum())
    assert min(shares) > 0.5
    assert np.mean(np.array(shares) < 0.95) > 0.3


@pytest.mark.parametrize("density", [1.2, -0.3])
def test_a_solid_body_has_a_flat_top_half_its_light_at_the_outline_and_no_halo(density: float):
    edge = 1.0
    cell = replace(DISC, interior=replace(DISC.interior, solid=Solid((density, density), (edge, edge))))
    optics = Optics(0.1, 3.0, 0.3)
    y, x = np.mgrid[:240, :240].astype(np.float32)
    disc = Round(119.5, 119.5, 0.0, 60.0)
    phase, absorbance, _ = render(cell, disc, (y, x), optics, np.random.default_rng(0))
    assert np.abs(phase).max() == 0
    light = brightfield(phase, absorbance, 0.0, optics)
    change = (1 - light) / (1 - np.exp(-density))
    away = (np.hypot(y - 119.5, x - 119.5) - 60) * 0.1  # um
    assert np.abs(change[away < -1.5] - 1).max() < 0.02
    assert np.abs(change[away > 1.5]).max() < 0.02
    for at, expected in ((-edge / 2, 0.88), (0.0, 0.5), (edge / 2, 0.12)):
        assert change[np.abs(away - at) < 0.05].mean() == pytest.approx(expected, abs=0.04)


def test_pallor_takes_its_share_from_the_middle():
    cell = replace(DISC, interior=replace(DISC.interior, solid=Solid((0.9, 0.9), (0.3, 0.3), (0.5, 0.5))))
    y, x = np.mgrid[:101, :101].astype(np.float32)
    _, absorbance, _ = render(
        cell, Round(50.0, 50.0, 0.0, 30.0), (y, x), Optics(0.3, 2.0, 0.2), np.random.default_rng(0)
    )
    assert absorbance[50, 50] == pytest.approx(0.45, abs=0.01)
    assert absorbance[50, 50 + 27] > 0.85


@pytest.mark.parametrize("width", [0.1, 0.6])
def test_a_septum_is_as_thick_as_the_cell_says(width: float):
    inside = replace(PLAIN, septum_phase=(0.0, 0.0), septum_absorption=(1.0, 1.0))
    rod = Rod(100.0, 100.0, 0.0, 80.0, 20.0, septum=0.0)
    y, x = np.mgrid[:201, :201].astype(np.float32)
    cell = replace(STRAIGHT, septum_um=(width, width), interior=inside)
    _, absorbance, _ = render(cell, rod, (y, x), Optics(0.05, 2.0, 0.2), np.random.default_rng(0))
    reach = round(width / 0.05)
    assert absorbance[100, 100] == pytest.approx(1.0)
    assert absorbance[100, 100 + reach] == pytest.approx(np.exp(-1), rel=0.01)


def test_like_says_how_often_a_cluster_is_of_one_build():
    cells = tuple(replace(DISC, width_um=(w, w)) for w in (6.0, 12.0))
    for like, expected in ((1.0, 0.0), (0.0, 0.5)):
        kind = replace(_kind(DISC, like=like), cells=cells)
        clusters = [draw_cluster(kind, 2, np.random.default_rng(seed)) for seed in range(200)]
        assert np.mean([a[0] != b[0] for a, b in clusters]) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("margin", [0, 5])
def test_a_tight_crop_has_its_margin_on_all_sides(margin: int):
    kind = _kind(DISC, tight=Tight(1.0, 0.5, (margin, margin)))
    for seed in range(6):
        event = _labels_of(kind, seed)
        rows, columns = np.nonzero(event.labels)
        height, width = event.labels.shape
        assert event.image.shape == event.labels.shape
        assert (rows.min(), columns.min()) == (margin, margin)
        assert (height - 1 - rows.max(), width - 1 - columns.max()) == (margin, margin)
        assert event.meta["on_border"] == (margin == 0)


def test_a_crop_about_one_cell_cuts_the_others_and_one_about_all_does_not():
    for single, counted in ((1.0, True), (0.0, False)):
        kind = _kind(DISC, cluster=(0.0, 1.0), stack=Stack(1.0, (0.1, 0.1)), tight=Tight(1.0, single, (2.0, 2.0)))
        for seed in range(6):
            event = _labels_of(kind, seed)
            assert event.meta["on_border"] == counted
            for k, (y, x) in enumerate(event.centroids, start=1):
                assert event.labels[round(float(y)), round(float(x))] == k
            assert len(event.centroids) == event.labels.max() == 2


def test_the_share_of_frames_is_cropped_and_only_whole_ones_have_a_static_background():
    half = _kind(DISC, tight=Tight(share=0.5))
    events, background = events_and_background(half, 60, 3, 120)
    assert np.mean([event.image.shape != (120, 120) for event in events]) == pytest.approx(0.5, abs=0.2)
    assert background is not None
    assert background.shape == (120, 120)
    every = replace(half, arrangement=replace(half.arrangement, tight=Tight()))
    assert events_and_background(every, 3, 3, 120)[1] is None


@pytest.mark.parametrize("name", [kind.name for kind in HARD_TRAINING_KINDS])
def test_bodies_that_the_border_cuts_are_common(name: str):
    kind = KINDS[name]
    cut = np.mean([SimulatedSample(kind, 1, seed, 200)[0].meta["on_border"] for seed in range(40)])
    assert cut > 0.1


def test_cropped_frames_are_written_with_their_truth(tmp_path):
    from PIL import Image

    told = write("tight-rods", tmp_path / "tight", 4, "folder", seed=2)
    images = sorted((tmp_path / "tight").glob("*.png"))
    sizes = [Image.open(path).size for path in images]
    assert len(set(sizes)) > 1
    assert sizes == [Image.open(tmp_path / "tight.truth" / path.name).size for path in images]
    assert told["images"] == 4
