"""The sample types that the built-in models are trained on: far wider than any one tube.

Ranges are spread about what was measured on real sets (`python -m tests.benchmarks realism`), not fitted to any of
them: a model should have seen more than it will meet.
"""

from __future__ import annotations

from dataclasses import replace

from tui_cytpix.simulate.kinds.builds import (
    BACTERIUM,
    BEAD,
    COLONIES,
    DIVIDING,
    GRANULAR,
    LYMPHOCYTE,
    PHASE_BACTERIUM,
    PLAIN_ROUND,
    POMBE,
    SHRIVELLED,
    TUBE,
    UNEVEN_CELL,
    UNEVEN_ROUND,
    YEAST,
)
from tui_cytpix.simulate.kinds.kind import Arrangement, Cell, PhaseContrast, SampleKind

_CELL_ROUNDS = SampleKind(
    name="cell-rounds",
    title="Animal cells, even and uneven, among debris and many ghosts: for training",
    convention="A cell with its protrusions and blebs is one particle. Platelets, ghosts and debris do not count.",
    cells=(LYMPHOCYTE, GRANULAR, UNEVEN_CELL),
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
        TUBE,
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
        cells=(YEAST, PLAIN_ROUND, UNEVEN_ROUND),
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
        tube=TUBE,
    ),
    SampleKind(
        name="general-rods",
        title="Rods from bacteria to fission yeast, in chains, pairs and small colonies: for training",
        convention=DIVIDING,
        cells=(POMBE, BACTERIUM, SHRIVELLED),
        arrangement=COLONIES,
        tube=replace(
            TUBE,
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
        convention=DIVIDING,
        cells=(PHASE_BACTERIUM,),
        arrangement=replace(COLONIES, blotches=0.3),
        tube=replace(
            TUBE,
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
                interior=BEAD,
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
            TUBE,
            focus_um=(-4.0, 5.0),
            focus_spread_um=(0.3, 2.0),
            alike=0.25,
            alike_width=1.0,
            one_build=0.3,
            channel=0.35,
        ),
    ),
)
