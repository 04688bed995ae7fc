"""Training kinds of what models of the first ones got wrong: packs, stacks, solid bodies, spindles, pale cells beside
dark ones, septa, tight crops.

As wide as the others, and made from what is known of such cells, not from anybody's pictures.
"""

from __future__ import annotations

from dataclasses import replace

from tui_cytpix.simulate.kinds.builds import (
    BACTERIUM,
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
from tui_cytpix.simulate.kinds.kind import Arrangement, Cell, Interior, PhaseContrast, SampleKind
from tui_cytpix.simulate.kinds.parts import Pack, Solid, Stack, Tight

# Nothing but what `solid` draws: no rim, no halo.
_EMPTY = Interior(
    phase_per_um=(0.0, 0.03),
    wall=(0.0, 0.0),
    absorption=(0.0, 0.0),
    granules_per_um2=(0.0, 0.0),
    vacuoles=(1.0,),
    mottle=(0.0, 0.0),
    rim_loss=(0.0, 0.0),
    septum_phase=(0.0, 0.0),
    septum_absorption=(0.0, 0.0),
    inset_um=0.0,
)
_DARK = replace(_EMPTY, solid=Solid((0.15, 1.8), (0.2, 1.4), (0.0, 0.1), (0.0, 0.2)))
_DENTED = replace(_EMPTY, solid=Solid((0.15, 1.4), (0.2, 1.4), (0.1, 0.7), (0.0, 0.2)))
_BRIGHT = replace(_EMPTY, solid=Solid((-0.5, -0.08), (0.3, 2.0), (0.0, 0.3), (0.0, 0.2)))
_ROUND = Cell(width_um=(4.0, 12.0), elongation=(1.0, 1.25), irregularity=(0.0, 0.03))
_OVAL = replace(_ROUND, elongation=(1.1, 1.9), irregularity=(0.01, 0.09))
_ROD = Cell(width_um=(2.4, 5.0), aspect=(1.5, 5.0), bend=(-0.2, 0.2), taper=(-0.2, 0.2))
_SPINDLE = Cell(width_um=(2.8, 6.5), aspect=(2.0, 6.5), bend=(-0.15, 0.15), taper=(-0.25, 0.25), sharpness=(0.4, 2.0))
# A solid body's outline is at its edge, not around a rim, and defocus would give it fringes.
_IN_FOCUS = replace(
    TUBE,
    focus_um=(-0.6, 0.6),
    focus_spread_um=(0.1, 0.5),
    aperture=(0.5, 1.6),
    condenser=(0.2, 0.5),
    noise=(1.0, 9.0),
    um_per_px=(0.17, 0.36),
    alike_width=0.4,
    oblique=0.1,
    rim=0.0,
    faintest=1.0,
)
# No blotches and no ghosts: these are soft and pale, as many a solid body is.
_FEW = Arrangement(
    cluster=(0.62, 0.24, 0.09, 0.05),
    coincident=(0.6, 0.22, 0.12, 0.06),
    overlap_um=(-0.4, 0.3),
    debris=0.4,
    debris_um=(0.4, 1.8),
    border=0.15,
    centring_um=9.0,
    depth_um=0.4,
    ghost=0.0,
    field_stop=0.08,
    stack=Stack(share=0.45),
)

SOLID_BODIES = SampleKind(
    name="solid-bodies",
    title="Evenly dark or bright bodies without rim or halo, alone, touching and overlapping: for training",
    convention="Every body counts, each of those that touch or overlap.",
    cells=(
        replace(_ROUND, weight=0.22, interior=_DARK),
        replace(_OVAL, weight=0.22, interior=_DARK),
        replace(_ROUND, weight=0.16, interior=_DENTED),
        replace(_ROD, weight=0.1, interior=_DARK),
        replace(_ROUND, weight=0.1, interior=_BRIGHT),
        replace(_OVAL, weight=0.12, interior=_BRIGHT),
        replace(_ROD, weight=0.08, interior=_BRIGHT),
    ),
    arrangement=_FEW,
    tube=replace(_IN_FOCUS, one_build=0.8),
)
SPINDLES = SampleKind(
    name="spindles",
    title="Cells with pointed ends: bright and soft, dark, with a rim, in phase contrast: for training",
    convention="Every cell counts, with its two ends.",
    cells=(
        replace(_SPINDLE, weight=0.4, interior=_BRIGHT),
        replace(_SPINDLE, weight=0.2, interior=_DARK),
        replace(
            _SPINDLE,
            weight=0.4,
            interior=replace(PLAIN_ROUND.interior, phase_per_um=(0.08, 0.4), wall=(0.0, 0.6), inset_um=0.1),
        ),
    ),
    arrangement=replace(_FEW, side_by_side=0.4, end_to_end=0.15, hinged=0.1, overlap_um=(-0.4, 0.2)),
    tube=replace(
        _IN_FOCUS, one_build=0.9, focus_um=(-1.0, 1.0), phase_contrast=PhaseContrast(share=0.45, negative=0.3)
    ),
)
STACKED_CELLS = SampleKind(
    name="stacked-cells",
    title="Rounds that lie on each other by up to two fifths of a diameter, seen through each other: for training",
    convention="Every cell counts, also where others cover it in part.",
    cells=(
        replace(YEAST, weight=0.2, budding=0.0),
        replace(PLAIN_ROUND, weight=0.25),
        replace(LYMPHOCYTE, weight=0.2),
        replace(GRANULAR, weight=0.15),
        replace(UNEVEN_CELL, weight=0.2, elongation=(1.0, 1.4), irregularity=(0.01, 0.06)),
    ),
    arrangement=replace(
        _FEW,
        cluster=(0.15, 0.5, 0.22, 0.1, 0.03),
        coincident=(0.7, 0.2, 0.1),
        depth_um=1.0,
        blotches=0.4,
        ghost=0.02,
        stack=Stack(share=0.85),
    ),
    tube=replace(TUBE, um_per_px=(0.2, 0.4), focus_um=(-2.4, 2.6), focus_spread_um=(0.2, 1.6), one_build=0.6),
)
_PACKED = replace(COLONIES, coincident=(0.7, 0.2, 0.1), overlap_um=(-0.25, 0.35), border=0.12, pack=Pack(share=0.85))
_RODS = replace(
    TUBE,
    focus_um=(-1.3, 1.3),
    focus_spread_um=(0.1, 0.7),
    aperture=(0.7, 2.2),
    noise=(1.0, 12.0),
    shading=(0.0, 0.06),
    um_per_px=(0.2, 0.4),
    alike_width=0.3,
)
GENERAL_PACKS = SampleKind(
    name="general-packs",
    title="Rafts of two to six parallel rods, flush, staggered or fanned, with and without septa: for training",
    convention=DIVIDING,
    cells=(
        replace(POMBE, weight=0.5, septum_um=(0.1, 0.5)),
        replace(BACTERIUM, weight=0.5, width_um=(2.0, 4.2), aspect=(2.0, 7.0)),
    ),
    arrangement=_PACKED,
    tube=_RODS,
)
PHASE_PACKS = SampleKind(
    name="phase-packs",
    title="Rafts of parallel rods in phase contrast or with dark bodies: for training",
    convention=DIVIDING,
    cells=(replace(PHASE_BACTERIUM, aspect=(2.0, 7.0)),),
    arrangement=replace(_PACKED, blotches=0.3),
    tube=replace(
        _RODS,
        focus_um=(-0.8, 0.8),
        focus_spread_um=(0.1, 0.5),
        aperture=(0.45, 1.5),
        noise=(1.0, 8.0),
        rim=0.0,
        phase_contrast=PhaseContrast(share=0.75),
    ),
)
_PALE = replace(
    POMBE,
    weight=0.6,
    interior=replace(
        POMBE.interior,
        phase_per_um=(0.06, 0.2),
        wall=(-0.4, 0.5),
        granules_per_um2=(0.0, 0.8),
        granule_phase=(-0.7, 0.8),
        granule_absorption=(0.0, 0.1),
        nucleus_phase=(-0.3, 0.2),
        rim_loss=(0.0, 0.3),
        septum_phase=(0.05, 0.8),
        septum_absorption=(0.0, 0.1),
    ),
)
_DEAD = replace(
    SHRIVELLED,
    weight=0.4,
    interior=replace(
        SHRIVELLED.interior, phase_per_um=(0.0, 0.25), absorption=(0.0, 0.2), granule_absorption=(0.0, 0.45)
    ),
)
PALE_BESIDE_DARK = SampleKind(
    name="pale-beside-dark",
    title="Pale rods, with faint septa, beside dark and shrivelled ones: for training",
    convention=f"{DIVIDING} Pale and shrivelled cells count.",
    cells=(_PALE, _DEAD),
    arrangement=replace(
        COLONIES,
        cluster=(0.2, 0.4, 0.22, 0.12, 0.06),
        coincident=(0.4, 0.3, 0.2, 0.1),
        like=0.25,
        ghost=0.0,  # of a dark cell it would be a pale one
        border=0.12,
    ),
    tube=replace(_RODS, noise=(1.0, 7.0), contrast=(0.8, 1.6), one_build=0.0, faintest=1.5),
)
SEPTATED_RODS = SampleKind(
    name="septated-rods",
    title="Rods with one septum, faint to thick, singly, in pairs and end to end: for training",
    convention=DIVIDING,
    cells=(
        replace(
            POMBE,
            aspect=(1.8, 5.0),
            septated=0.75,
            constriction=0.4,
            septum_um=(0.08, 0.7),
            interior=replace(
                POMBE.interior, phase_per_um=(0.1, 0.45), septum_phase=(-0.4, 1.8), septum_absorption=(0.0, 0.6)
            ),
        ),
    ),
    arrangement=replace(COLONIES, cluster=(0.5, 0.3, 0.12, 0.08), coincident=(0.7, 0.2, 0.1), border=0.12),
    tube=_RODS,
)
_TIGHT = replace(
    _FEW,
    cluster=(0.52, 0.26, 0.13, 0.09),
    coincident=(0.3, 0.25, 0.2, 0.15, 0.1),
    depth_um=1.2,
    blotches=0.3,
    ghost=0.02,
    field_stop=0.0,
    tight=Tight(),
    stack=Stack(share=0.2),
)
TIGHT_ROUNDS = SampleKind(
    name="tight-rounds",
    title="Rounds, small and large, in crops with hardly any background, the neighbours cut: for training",
    convention="Every cell counts, also where the border cuts it.",
    cells=(
        replace(YEAST, weight=0.15, budding=0.1, bud_share=(0.25, 0.5)),  # a larger one would look like a stack
        replace(UNEVEN_ROUND, weight=0.1),
        replace(LYMPHOCYTE, weight=0.2),
        replace(GRANULAR, weight=0.25),
        replace(UNEVEN_CELL, weight=0.3),
    ),
    arrangement=_TIGHT,
    tube=replace(TUBE, um_per_px=(0.2, 0.4), focus_um=(-2.8, 3.0), focus_spread_um=(0.4, 2.0), one_build=0.6),
)
TIGHT_CELLS = replace(
    TIGHT_ROUNDS,
    name="tight-cells",
    title="Animal cells in crops with hardly any background, the neighbours cut: for training",
    cells=tuple(replace(cell, weight=1.0) for cell in (LYMPHOCYTE, GRANULAR, UNEVEN_CELL)),
)
TIGHT_RODS = SampleKind(
    name="tight-rods",
    title="Rods in crops with hardly any background, the neighbours cut: for training",
    convention=DIVIDING,
    cells=(replace(POMBE, weight=0.5), replace(BACTERIUM, weight=0.5)),
    arrangement=replace(COLONIES, tight=Tight(), pack=Pack(share=0.25)),
    tube=replace(_RODS, phase_contrast=PhaseContrast(share=0.3)),
)

HARD_TRAINING_KINDS = (
    GENERAL_PACKS,
    PHASE_PACKS,
    STACKED_CELLS,
    SOLID_BODIES,
    SPINDLES,
    PALE_BESIDE_DARK,
    SEPTATED_RODS,
    TIGHT_ROUNDS,
    TIGHT_CELLS,
    TIGHT_RODS,
)
