"""The sample types that the built-in models are trained on: far wider than any one tube.

Ranges are spread about what was measured on real sets (`python -m tests.benchmarks realism`), not fitted to any of
them: a model should have seen more than it will meet.
"""

from __future__ import annotations

from dataclasses import replace

from tui_cytpix.simulate.kind import Arrangement, Cell, Export, Interior, PhaseContrast, SampleKind, TubeRanges

_TUBE = TubeRanges(
    focus_um=(-1.7, 2.2),
    focus_spread_um=(0.1, 1.0),
    aperture=(0.8, 2.1),
    condenser=(0.05, 0.4),
    contrast=(0.6, 1.5),
    level=(380.0, 700.0),
    noise=(1.0, 11.0),
    shading=(0.0, 0.12),
    dirt=2.0,
    channel=0.25,
    motion_um=(0.0, 0.6),
    correlation=(0.0, 0.9),
    um_per_px=(0.17, 0.33),
    alike=0.4,
    alike_width=0.6,
    one_build=0.5,
    oblique=0.2,
    rim=1.0,
    faintest=0.6,
    export=Export(),
)

_YEAST = Cell(
    weight=0.5,
    width_um=(3.2, 7.5),
    elongation=(1.0, 1.4),
    irregularity=(0.0, 0.02),
    flatness=(0.7, 1.0),
    budding=0.15,
    bud_share=(0.3, 0.75),
    interior=Interior(
        phase_per_um=(0.15, 0.5),
        wall=(0.1, 1.6),
        absorption=(0.0, 0.04),
        granules_per_um2=(0.0, 0.9),
        granule_um=(0.18, 0.6),
        granule_phase=(-0.8, 1.4),
        granule_absorption=(0.0, 0.7),
        nuclei=(0.5, 0.5),
        nucleus_share=(0.3, 0.6),
        nucleus_phase=(-0.6, 0.7),
        vacuoles=(0.3, 0.45, 0.15, 0.1),
        vacuole_share=(0.25, 0.65),
        vacuole_phase=(-1.6, -0.2),
        mottle=(0.0, 0.15),
        rim_loss=(0.2, 2.2),
        inset_um=0.18,
    ),
)
_PLAIN_ROUND = Cell(
    weight=0.3,
    width_um=(3.0, 8.0),
    elongation=(1.0, 1.25),
    irregularity=(0.0, 0.04),
    flatness=(0.5, 1.0),
    interior=Interior(
        phase_per_um=(0.1, 0.5),
        wall=(-0.2, 1.0),
        absorption=(0.0, 0.06),
        granules_per_um2=(0.0, 0.8),
        granule_phase=(-1.0, 1.6),
        nuclei=(0.4, 0.5, 0.1),
        nucleus_share=(0.3, 0.7),
        mottle=(0.0, 0.2),
        rim_loss=(0.0, 1.6),
        inset_um=0.18,
    ),
)
_UNEVEN_ROUND = replace(
    _PLAIN_ROUND, weight=0.2, elongation=(1.0, 1.7), irregularity=(0.02, 0.1), interior=_YEAST.interior
)

_POMBE = Cell(
    weight=0.65,
    width_um=(2.6, 5.0),
    aspect=(1.5, 5.0),
    septated=0.25,
    bend=(-0.12, 0.12),
    taper=(-0.15, 0.15),
    interior=Interior(
        phase_per_um=(0.04, 0.4),
        wall=(-0.6, 1.0),
        absorption=(0.0, 0.008),
        granules_per_um2=(0.0, 1.5),
        granule_um=(0.15, 0.42),
        granule_phase=(-1.6, 1.8),
        granule_absorption=(0.0, 0.4),
        nuclei=(0.4, 0.5, 0.1),
        nucleus_share=(0.3, 0.7),
        nucleus_phase=(-0.5, 0.3),
        vacuoles=(0.7, 0.2, 0.1),
        mottle=(0.0, 0.15),
        rim_loss=(0.0, 0.7),
        septum_phase=(0.1, 1.6),
        inset_um=0.12,
    ),
)
_BACTERIUM = Cell(
    weight=0.35,
    width_um=(2.2, 4.6),
    aspect=(1.4, 7.0),
    septated=0.4,
    constriction=0.8,
    bend=(-0.2, 0.2),
    taper=(-0.12, 0.12),
    interior=Interior(
        phase_per_um=(0.1, 0.5),
        wall=(0.0, 0.5),
        absorption=(0.0, 0.05),
        granules_per_um2=(0.0, 0.15),
        nuclei=(0.7, 0.2, 0.1),
        nucleus_phase=(-0.5, 0.3),
        mottle=(0.0, 0.1),
        rim_loss=(0.0, 1.5),
        septum_phase=(0.0, 0.2),
        septum_absorption=(0.0, 0.1),
        inset_um=0.12,
    ),
)
_SHRIVELLED = Cell(
    weight=0.06,
    width_um=(1.8, 3.6),
    aspect=(2.0, 5.0),
    bend=(-0.15, 0.15),
    taper=(-0.2, 0.2),
    interior=Interior(
        phase_per_um=(0.0, 0.12),
        wall=(-0.2, 0.5),
        absorption=(0.0, 0.02),
        granules_per_um2=(1.5, 4.0),
        granule_um=(0.15, 0.4),
        granule_phase=(-2.0, 2.0),
        granule_absorption=(0.0, 0.3),
        mottle=(0.1, 0.3),
        rim_loss=(0.0, 0.5),
        inset_um=0.12,
    ),
)
_DIVIDING = "A dividing rod, septated or constricted, is one particle until its halves have come apart."
_COLONIES = Arrangement(
    cluster=(0.45, 0.26, 0.12, 0.08, 0.05, 0.04),
    coincident=(0.5, 0.22, 0.14, 0.09, 0.05),
    side_by_side=0.38,
    end_to_end=0.24,
    hinged=0.24,
    overlap_um=(-0.3, 0.2),
    end_overlap_um=(-0.5, 0.0),
    debris=0.5,
    debris_um=(0.4, 1.6),
    border=0.08,
    centring_um=9.0,
    depth_um=0.7,
    blotches=0.5,
    field_stop=0.15,
)

_LYMPHOCYTE = Cell(
    weight=0.3,
    width_um=(5.4, 9.0),
    elongation=(1.0, 1.2),
    irregularity=(0.0, 0.03),
    interior=Interior(
        phase_per_um=(0.15, 0.5),
        wall=(0.0, 0.6),
        granules_per_um2=(0.0, 0.6),
        nuclei=(0.2, 0.8),
        nucleus_share=(0.5, 0.85),
        nucleus_phase=(0.1, 1.0),
        rim_loss=(0.0, 1.2),
    ),
)
_GRANULAR = Cell(
    weight=0.3,
    width_um=(8.0, 14.5),
    elongation=(1.0, 1.3),
    irregularity=(0.0, 0.06),
    flatness=(0.55, 1.0),
    interior=Interior(
        phase_per_um=(0.12, 0.42),
        wall=(-0.1, 0.5),
        absorption=(0.0, 0.03),
        granules_per_um2=(0.3, 2.6),
        granule_um=(0.2, 0.6),
        granule_phase=(-2.0, 2.6),
        granule_absorption=(0.0, 0.4),
        nuclei=(0.4, 0.3, 0.15, 0.15),
        nucleus_share=(0.25, 0.6),
        nucleus_phase=(-0.3, 0.8),
        mottle=(0.03, 0.2),
        rim_loss=(0.0, 1.2),
    ),
)
_UNEVEN_CELL = Cell(
    weight=0.4,
    width_um=(6.0, 15.0),
    elongation=(1.0, 1.8),
    irregularity=(0.01, 0.12),
    flatness=(0.5, 0.95),
    interior=Interior(
        phase_per_um=(0.14, 0.42),
        granules_per_um2=(0.1, 1.2),
        granule_um=(0.2, 0.5),
        nuclei=(0.3, 0.6, 0.1),
        nucleus_share=(0.35, 0.6),
        vacuoles=(0.3, 0.2, 0.15, 0.15, 0.1, 0.1),
        vacuole_share=(0.08, 0.34),
        mottle=(0.03, 0.16),
        rim_loss=(0.0, 1.0),
    ),
)

_BEAD = Interior(
    phase_per_um=(0.4, 1.5),
    wall=(0.0, 0.0),
    absorption=(0.0, 0.12),
    granules_per_um2=(0.0, 0.0),
    mottle=(0.0, 0.0),
    rim_loss=(0.6, 3.0),
    inset_um=0.1,
)

_CELL_ROUNDS = SampleKind(
    name="cell-rounds",
    title="Animal cells, even and uneven, among debris and many ghosts: for training",
    convention="A cell with its protrusions and blebs is one particle. Platelets, ghosts and debris do not count.",
    cells=(_LYMPHOCYTE, _GRANULAR, _UNEVEN_CELL),
    arrangement=Arrangement(
        cluster=(0.62, 0.2, 0.09, 0.05, 0.03, 0.01),
        coincident=(0.8, 0.14, 0.06),
        overlap_um=(-0.15, 1.0),
        debris=1.4,
        debris_um=(0.6, 3.4),
        ghost=0.12,
        border=0.06,
        centring_um=9.0,
        depth_um=1.2,
        blotches=0.6,
    ),
    tube=replace(
        _TUBE,
        focus_um=(-3.2, 3.2),
        focus_spread_um=(0.8, 2.6),
        aperture=(0.7, 1.6),
        contrast=(0.7, 1.4),
        noise=(1.0, 13.0),
        channel=0.45,
        correlation=(0.0, 1.2),
        um_per_px=(0.24, 0.4),
        alike=0.5,
        one_build=0.2,
    ),
)
_IN_DEBRIS = replace(
    _CELL_ROUNDS,
    name="cells-in-debris",
    title="Animal cells, even and uneven, among much debris nearly their size, and many ghosts: for training",
    arrangement=replace(_CELL_ROUNDS.arrangement, debris=2.2, debris_um=(0.8, 3.6)),
)

TRAINING_KINDS = (
    SampleKind(
        name="general-rounds",
        title="Yeast-like rounds, sizes mixed, singly to clumps, on clean and on dirty ground: for training",
        convention="A mother with a bud is one particle until the bud is about as large as the mother.",
        cells=(_YEAST, _PLAIN_ROUND, _UNEVEN_ROUND),
        arrangement=Arrangement(
            cluster=(0.58, 0.2, 0.1, 0.06, 0.04, 0.02),
            coincident=(0.45, 0.22, 0.15, 0.1, 0.08),
            overlap_um=(-0.3, 0.6),
            debris=0.6,
            debris_um=(0.5, 2.0),
            border=0.08,
            centring_um=9.0,
            blotches=4.0,
            field_stop=0.3,
        ),
        tube=_TUBE,
    ),
    SampleKind(
        name="general-rods",
        title="Rods from bacteria to fission yeast, in chains, pairs and small colonies: for training",
        convention=_DIVIDING,
        cells=(_POMBE, _BACTERIUM, _SHRIVELLED),
        arrangement=_COLONIES,
        tube=replace(
            _TUBE,
            focus_um=(-1.3, 1.3),
            focus_spread_um=(0.1, 0.7),
            aperture=(0.8, 2.4),
            noise=(1.5, 14.0),
            shading=(0.0, 0.05),
            um_per_px=(0.2, 0.36),
            alike_width=0.3,
        ),
    ),
    SampleKind(
        name="phase-rods",
        title="Rods in phase contrast or with dark bodies, constricted, in chains and small colonies: for training",
        convention=_DIVIDING,
        cells=(
            replace(
                _BACTERIUM,
                interior=replace(
                    _BACTERIUM.interior,
                    phase_per_um=(0.06, 0.3),
                    absorption=(0.0, 0.3),
                    rim_loss=(0.0, 0.8),
                    inset_um=0.05,
                ),
            ),
        ),
        arrangement=replace(_COLONIES, blotches=0.3),
        tube=replace(
            _TUBE,
            um_per_px=(0.2, 0.36),
            alike_width=0.3,
            focus_um=(-0.8, 0.8),
            focus_spread_um=(0.1, 0.5),
            aperture=(0.45, 1.5),
            noise=(1.0, 8.0),
            shading=(0.0, 0.06),
            oblique=0.2,
            rim=0.0,
            phase_contrast=PhaseContrast(share=0.7),
        ),
    ),
    _CELL_ROUNDS,
    _IN_DEBRIS,
    SampleKind(
        name="bead-mixture",
        title="Beads of many sizes with doublets, triplets, debris and bubbles, wide focus: for training",
        convention="Every whole bead counts, each of an aggregate. Debris and air bubbles do not.",
        cells=tuple(
            Cell(
                weight=weight,
                width_um=width,
                elongation=(1.0, 1.015),
                irregularity=(0.0, 0.004),
                flatness=(1.0, 1.0),
                interior=_BEAD,
            )
            for weight, width in ((0.35, (2.6, 4.5)), (0.4, (4.5, 7.5)), (0.25, (7.5, 12.0)))
        ),
        arrangement=Arrangement(
            cluster=(0.6, 0.24, 0.09, 0.04, 0.03),
            coincident=(0.6, 0.2, 0.12, 0.08),
            overlap_um=(-0.1, 0.1),
            debris=0.6,
            ghost=0.0,
            border=0.06,
            centring_um=9.0,
            depth_um=1.0,
            blotches=0.3,
            bubbles=0.08,
        ),
        tube=replace(
            _TUBE,
            focus_um=(-4.0, 5.0),
            focus_spread_um=(0.3, 2.0),
            alike=0.25,
            alike_width=1.0,
            one_build=0.3,
            channel=0.35,
        ),
    ),
)
