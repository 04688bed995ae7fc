"""The sample types that can be simulated, by name."""

from __future__ import annotations

from tui_cytpix.domain.words import did_you_mean
from tui_cytpix.errors import UsageError
from tui_cytpix.simulate.kinds.hard_training_kinds import HARD_TRAINING_KINDS
from tui_cytpix.simulate.kinds.kind import Arrangement, Cell, Export, Interior, SampleKind, TubeRanges
from tui_cytpix.simulate.kinds.training_kinds import TRAINING_KINDS

_POMBE_INTERIOR = Interior(
    phase_per_um=(0.22, 0.45),
    wall=(0.1, 0.5),
    absorption=(0.0, 0.012),
    granules_per_um2=(0.15, 0.8),
    granule_um=(0.18, 0.34),
    granule_phase=(-1.0, 1.3),
    granule_absorption=(0.0, 0.15),
    nuclei=(0.4, 0.5, 0.1),
    nucleus_share=(0.4, 0.7),
    nucleus_phase=(-0.4, 0.2),
    rim_loss=(0.2, 0.9),
)
_POMBE_CONVENTION = "A septated cell is one particle until its halves have come apart. Ghosts and debris do not count."
_FOCUSED = TubeRanges(focus_um=(-1.2, 1.8), focus_spread_um=(0.5, 1.2))

_KINDS = (
    SampleKind(
        name="pombe-edinburgh",
        title="S. pombe in minimal medium: short cells, few septa, low contrast",
        convention=_POMBE_CONVENTION,
        cells=(
            Cell(
                width_um=(3.2, 3.8),
                length_um=(7.0, 11.5),
                septated=0.1,
                interior=_POMBE_INTERIOR,
            ),
        ),
        arrangement=Arrangement(cluster=(0.86, 0.11, 0.02, 0.01)),
        tube=_FOCUSED,
    ),
    SampleKind(
        name="pombe-rich",
        title="S. pombe in rich medium: long cells, many septa, granular, high contrast",
        convention=_POMBE_CONVENTION,
        cells=(
            Cell(
                width_um=(3.4, 4.2),
                length_um=(8.5, 14.5),
                septated=0.28,
                interior=Interior(
                    phase_per_um=(0.32, 0.6),
                    wall=(0.2, 0.8),
                    absorption=(0.0, 0.015),
                    granules_per_um2=(0.4, 1.3),
                    granule_um=(0.2, 0.38),
                    granule_phase=(-1.4, 1.8),
                    granule_absorption=(0.0, 0.2),
                    nuclei=(0.4, 0.4, 0.2),
                    nucleus_share=(0.4, 0.7),
                    nucleus_phase=(-0.5, 0.2),
                    rim_loss=(0.4, 1.2),
                ),
            ),
        ),
        arrangement=Arrangement(cluster=(0.78, 0.17, 0.035, 0.015)),
        tube=_FOCUSED,
    ),
    SampleKind(
        name="murine-peritoneal",
        title="Murine peritoneal cells: lymphocytes, macrophages, mast cells",
        convention="Every nucleated cell counts, also small lymphocytes. Erythrocyte ghosts, blebs and debris do not.",
        cells=(
            Cell(
                weight=0.45,
                width_um=(5.8, 8.5),
                elongation=(1.0, 1.1),
                irregularity=(0.0, 0.02),
                interior=Interior(
                    phase_per_um=(0.2, 0.35),
                    granules_per_um2=(0.05, 0.3),
                    nuclei=(0.0, 1.0),
                    nucleus_share=(0.65, 0.85),
                    nucleus_phase=(0.3, 0.9),
                ),
            ),
            Cell(
                weight=0.4,
                width_um=(10.0, 16.0),
                elongation=(1.0, 1.25),
                irregularity=(0.01, 0.06),
                flatness=(0.5, 0.85),
                interior=Interior(
                    phase_per_um=(0.16, 0.3),
                    granules_per_um2=(0.3, 0.9),
                    granule_um=(0.2, 0.5),
                    nuclei=(0.1, 0.9),
                    nucleus_share=(0.4, 0.55),
                    vacuoles=(0.2, 0.2, 0.2, 0.15, 0.15, 0.1),
                    vacuole_share=(0.08, 0.2),
                    mottle=(0.06, 0.16),
                ),
            ),
            Cell(
                weight=0.15,
                width_um=(10.0, 14.0),
                irregularity=(0.0, 0.03),
                interior=Interior(
                    phase_per_um=(0.25, 0.4),
                    granules_per_um2=(1.0, 2.0),
                    granule_um=(0.3, 0.5),
                    granule_phase=(0.5, 2.0),
                    granule_absorption=(0.02, 0.2),
                    mottle=(0.08, 0.16),
                ),
            ),
        ),
        arrangement=Arrangement(cluster=(0.8, 0.14, 0.04, 0.02), debris=0.5, ghost=0.05),
    ),
    SampleKind(
        name="drosophila",
        title="Drosophila cells: irregular outlines, vacuoles",
        convention="A cell with its protrusions and blebs is one particle. Small fragments do not count.",
        cells=(
            Cell(
                weight=0.75,
                width_um=(7.0, 13.0),
                elongation=(1.0, 1.45),
                irregularity=(0.03, 0.12),
                flatness=(0.55, 0.95),
                interior=Interior(
                    phase_per_um=(0.2, 0.4),
                    granules_per_um2=(0.3, 1.0),
                    granule_um=(0.2, 0.45),
                    nuclei=(0.3, 0.7),
                    nucleus_share=(0.35, 0.55),
                    vacuoles=(0.1, 0.15, 0.2, 0.2, 0.15, 0.1, 0.1),
                    vacuole_share=(0.1, 0.34),
                    mottle=(0.05, 0.15),
                ),
            ),
            Cell(
                weight=0.25,
                width_um=(6.0, 9.0),
                elongation=(1.2, 2.0),
                irregularity=(0.02, 0.08),
                interior=Interior(granules_per_um2=(0.2, 0.7), vacuoles=(0.5, 0.3, 0.2)),
            ),
        ),
        arrangement=Arrangement(cluster=(0.72, 0.18, 0.06, 0.04), debris=0.7, debris_um=(0.6, 3.2), ghost=0.04),
    ),
    SampleKind(
        name="leukocytes",
        title="Human leukocytes: rounds and their clumps, widely randomised",
        convention="Every cell counts, each of a clump. Platelets and debris do not.",
        cells=(
            Cell(
                weight=0.3,
                width_um=(5.5, 9.0),
                interior=Interior(
                    phase_per_um=(0.15, 0.5),
                    wall=(0.0, 0.6),
                    granules_per_um2=(0.0, 0.4),
                    nuclei=(0.2, 0.8),
                    nucleus_share=(0.55, 0.85),
                    nucleus_phase=(0.1, 1.0),
                    rim_loss=(0.0, 1.2),
                ),
            ),
            Cell(
                weight=0.5,
                width_um=(8.0, 13.0),
                elongation=(1.0, 1.4),
                irregularity=(0.0, 0.07),
                flatness=(0.6, 1.0),
                interior=Interior(
                    phase_per_um=(0.12, 0.4),
                    wall=(-0.1, 0.5),
                    absorption=(0.0, 0.03),
                    granules_per_um2=(0.3, 3.0),
                    granule_um=(0.2, 0.6),
                    granule_phase=(-2.2, 2.8),
                    granule_absorption=(0.0, 0.4),
                    nuclei=(0.3, 0.2, 0.25, 0.25),
                    nucleus_share=(0.25, 0.5),
                    nucleus_phase=(-0.3, 0.8),
                    mottle=(0.03, 0.2),
                    rim_loss=(0.0, 1.2),
                ),
            ),
            Cell(
                weight=0.2,
                width_um=(11.0, 16.0),
                elongation=(1.0, 1.25),
                irregularity=(0.0, 0.08),
                flatness=(0.5, 0.9),
                interior=Interior(
                    phase_per_um=(0.1, 0.3),
                    granules_per_um2=(0.1, 1.0),
                    nuclei=(0.2, 0.6, 0.2),
                    nucleus_share=(0.35, 0.6),
                    nucleus_phase=(-0.2, 0.8),
                    vacuoles=(0.6, 0.2, 0.1, 0.1),
                    mottle=(0.03, 0.15),
                    rim_loss=(0.0, 1.0),
                ),
            ),
        ),
        arrangement=Arrangement(
            cluster=(0.56, 0.22, 0.1, 0.06, 0.04, 0.02),
            coincident=(0.8, 0.14, 0.06),
            overlap_um=(-0.15, 1.2),
            debris=0.6,
            ghost=0.04,
            border=0.07,
            centring_um=9.0,
            depth_um=1.0,
            blotches=0.4,
        ),
        tube=TubeRanges(
            focus_um=(-4.0, 4.0),
            focus_spread_um=(0.8, 3.0),
            aperture=(0.7, 1.6),
            contrast=(0.7, 1.4),
            level=(380.0, 720.0),
            noise=(1.0, 14.0),
            shading=(0.0, 0.12),
            dirt=3.0,
            channel=0.45,
            motion_um=(0.0, 1.0),
            correlation=(0.0, 1.2),
            um_per_px=(0.22, 0.5),
            alike=0.6,
            oblique=0.2,
            rim=1.0,
            faintest=0.6,
            export=Export(),
        ),
    ),
    SampleKind(
        name="beads",
        title="Beads of 3 to 10 um: sharp bright centre, dark rim",
        convention="Every whole bead counts, each of an aggregate.",
        cells=tuple(
            Cell(
                weight=weight,
                width_um=width,
                elongation=(1.0, 1.01),
                irregularity=(0.0, 0.003),
                flatness=(1.0, 1.0),
                interior=Interior(
                    phase_per_um=(0.7, 1.3),
                    wall=(0.0, 0.0),
                    absorption=(0.0, 0.03),
                    granules_per_um2=(0.0, 0.0),
                    mottle=(0.0, 0.0),
                    rim_loss=(1.2, 2.6),
                    inset_um=0.1,
                ),
            )
            for weight, width in ((0.3, (2.9, 3.1)), (0.4, (5.8, 6.2)), (0.2, (9.7, 10.3)), (0.1, (3.0, 10.0)))
        ),
        arrangement=Arrangement(cluster=(0.8, 0.13, 0.04, 0.02, 0.01), overlap_um=(-0.1, 0.1), debris=0.1, ghost=0.0),
        tube=TubeRanges(focus_um=(-1.5, 3.0), focus_spread_um=(0.5, 1.8)),
    ),
    SampleKind(
        name="yeast",
        title="Budding yeast: rounds with a wall, buds, clumps",
        convention="A mother with a bud is one particle until the bud is about as large as the mother.",
        cells=(
            Cell(
                width_um=(4.0, 7.5),
                elongation=(1.0, 1.3),
                irregularity=(0.0, 0.015),
                flatness=(0.85, 1.0),
                budding=0.3,
                interior=Interior(
                    phase_per_um=(0.22, 0.5),
                    wall=(0.2, 0.8),
                    absorption=(0.0, 0.015),
                    granules_per_um2=(0.05, 0.5),
                    granule_um=(0.2, 0.5),
                    granule_phase=(-0.4, 1.2),
                    granule_absorption=(0.0, 0.5),
                    nuclei=(0.5, 0.5),
                    nucleus_share=(0.3, 0.5),
                    nucleus_phase=(-0.4, 0.5),
                    vacuoles=(0.35, 0.5, 0.15),
                    vacuole_share=(0.3, 0.6),
                    vacuole_phase=(-1.4, -0.3),
                    rim_loss=(0.2, 1.2),
                ),
            ),
        ),
        arrangement=Arrangement(
            cluster=(0.66, 0.2, 0.08, 0.04, 0.02), coincident=(0.8, 0.14, 0.06), overlap_um=(-0.1, 0.7)
        ),
    ),
)

KINDS: dict[str, SampleKind] = {kind.name: kind for kind in (*_KINDS, *TRAINING_KINDS, *HARD_TRAINING_KINDS)}


def kind_named(kind: str | SampleKind) -> SampleKind:
    """The sample type of that name; one given as such is handed back.

    Raises:
        UsageError: there is none of that name.
    """
    if isinstance(kind, SampleKind):
        return kind
    if kind not in KINDS:
        raise UsageError(
            "No such sample type",
            f"{kind!r} cannot be simulated.",
            did_you_mean(kind, KINDS) or f"Choose one of: {', '.join(KINDS)}.",
        )
    return KINDS[kind]
