"""Cells, arrangements and tubes that more than one of the training kinds is put together from."""

from __future__ import annotations

from dataclasses import replace

from tui_cytpix.simulate.kinds.kind import Arrangement, Cell, Export, Interior, TubeRanges

TUBE = TubeRanges(
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

YEAST = Cell(
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
PLAIN_ROUND = Cell(
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
UNEVEN_ROUND = replace(
    PLAIN_ROUND, weight=0.2, elongation=(1.0, 1.7), irregularity=(0.02, 0.1), interior=YEAST.interior
)

POMBE = Cell(
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
BACTERIUM = Cell(
    weight=0.35,
    width_um=(2.2, 4.6),
    aspect=(1.4, 7.0),
    septated=0.4,
    constriction=0.5,
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
SHRIVELLED = Cell(
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
DIVIDING = "A dividing rod, septated or constricted, is one particle until its halves have come apart."
PHASE_BACTERIUM = replace(  # in phase contrast, or with a dark body
    BACTERIUM,
    interior=replace(
        BACTERIUM.interior,
        phase_per_um=(0.06, 0.3),
        absorption=(0.0, 0.3),
        rim_loss=(0.0, 0.8),
        inset_um=0.05,
    ),
)

COLONIES = Arrangement(
    cluster=(0.45, 0.26, 0.12, 0.08, 0.05, 0.04),
    coincident=(0.5, 0.22, 0.14, 0.09, 0.05),
    side_by_side=0.38,
    end_to_end=0.24,
    hinged=0.24,
    overlap_um=(-0.3, 0.2),
    end_overlap_um=(-0.3, 0.05),
    debris=0.5,
    debris_um=(0.4, 1.6),
    border=0.08,
    centring_um=9.0,
    depth_um=0.7,
    blotches=0.5,
    field_stop=0.15,
)

LYMPHOCYTE = Cell(
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
GRANULAR = Cell(
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
UNEVEN_CELL = Cell(
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

BEAD = Interior(
    phase_per_um=(0.4, 1.5),
    wall=(0.0, 0.0),
    absorption=(0.0, 0.12),
    granules_per_um2=(0.0, 0.0),
    mottle=(0.0, 0.0),
    rim_loss=(0.6, 3.0),
    inset_um=0.1,
)
