"""Sample types: what is in the tube, how it lies together, how it is seen.

Every pair of numbers is a range that is drawn from uniformly, lengths in micrometres, phases in radians. What varies
within a tube (`Cell`, `Arrangement`) is drawn for every event, what a tube has in common (`TubeRanges`) once per
sample.
"""

from __future__ import annotations

from dataclasses import dataclass

from tui_cytpix.simulate.kinds.parts import Pack, Range, Solid, Stack, Tight


@dataclass(frozen=True)
class Interior:
    """What a cell holds, beside its plain body.

    Attributes:
        phase_per_um: phase of the body per um of thickness, rad/um (2 pi dn / wavelength).
        wall: phase of the wall or membrane at the rim, rad.
        absorption: optical density (natural log) of the body per um.
        granules_per_um2: small bodies per um2 of area.
        granule_um: their radius.
        granule_phase: their phase; a negative one is lighter than the cytoplasm.
        granule_absorption: their absorbance.
        nuclei: probabilities of 0, 1, 2, ... nuclear lobes.
        nucleus_share: a lobe's radius as a share of the cell's smaller radius.
        nucleus_phase: phase of a lobe's middle.
        vacuoles: probabilities of 0, 1, 2, ... vacuoles.
        vacuole_share: a vacuole's radius as a share of the cell's smaller radius.
        vacuole_phase: phase of a vacuole's middle, mostly negative.
        mottle: standard deviation of the smooth texture, as a share of the body's phase.
        rim_loss: how much light the steep rim throws out of the objective.
        septum_phase, septum_absorption: of the plate across a dividing rod.
        inset_um: how far within the outline the body ends. An outline is where people draw it, around the dark rim; the
            rim itself, blurred by the optics, is at the body's edge.
        solid: None for none; its outline is that of the cell, whatever `inset_um` is.
    """

    phase_per_um: Range = (0.25, 0.5)
    wall: Range = (0.0, 0.3)
    absorption: Range = (0.0, 0.01)
    granules_per_um2: Range = (0.1, 0.8)
    granule_um: Range = (0.2, 0.45)
    granule_phase: Range = (-0.8, 1.4)
    granule_absorption: Range = (0.0, 0.1)
    nuclei: tuple[float, ...] = (1.0,)
    nucleus_share: Range = (0.3, 0.5)
    nucleus_phase: Range = (0.2, 0.8)
    vacuoles: tuple[float, ...] = (1.0,)
    vacuole_share: Range = (0.15, 0.35)
    vacuole_phase: Range = (-0.9, -0.2)
    mottle: Range = (0.02, 0.1)
    rim_loss: Range = (0.1, 0.9)
    septum_phase: Range = (0.4, 1.5)
    septum_absorption: Range = (0.0, 0.35)
    inset_um: float = 0.25
    solid: Solid | None = None


@dataclass(frozen=True)
class Cell:
    """A population of particles of one build.

    A rod has `length_um` and `width_um`; a round one has `width_um` as its mean diameter and no length. `septated` and
    `budding` are shares; both count as one particle, a bud being at most `bud_share` of its mother's diameter. A
    dividing rod has lost up to `constriction` of its radius at the septum, which reaches `septum_um` to either side.
    `aspect` is a rod's length over its width, in place of `length_um`. A rod with a `sharpness` is a spindle, see
    `shapes.Spindle`.
    """

    weight: float = 1.0
    width_um: Range = (6.0, 12.0)
    length_um: Range | None = None
    aspect: Range | None = None
    septated: float = 0.0
    constriction: float = 0.3
    septum_um: Range = (0.12, 0.3)
    sharpness: Range | None = None
    bend: Range = (-0.05, 0.05)
    taper: Range = (-0.06, 0.06)
    elongation: Range = (1.0, 1.12)
    irregularity: Range = (0.0, 0.03)
    flatness: Range = (0.75, 1.0)
    budding: float = 0.0
    bud_share: Range = (0.35, 0.65)
    interior: Interior = Interior()


@dataclass(frozen=True)
class Arrangement:
    """How particles lie in the frame.

    Attributes:
        cluster: probabilities of 1, 2, 3, ... particles in the main object.
        coincident: probabilities of 0, 1, 2, ... further separate objects.
        like: share of a cluster's other particles that are of the first one's build; the others are of any.
        side_by_side, end_to_end, hinged: shares of rod doublets of these forms, hinged ones making a V; the rest lies
            anyhow.
        overlap_um: how deep touching outlines overlap; negative is a gap.
        end_overlap_um: that of rods end to end; `overlap_um` where None. Deep, they would look like one
            constricted rod.
        debris: mean number of small bits in the frame.
        debris_um: their diameters, below the size cutoff.
        ghost: share of frames with a pale remnant of a cell.
        border: share of main objects that the frame cuts.
        blank: share of frames without any particle.
        centring_um: standard deviation of the main object's place about the frame's middle.
        depth_um: standard deviation of the other objects' defocus about the main one's.
        blotches: mean number of far-out-of-focus things behind the particles, soft and not particles themselves.
        field_stop: share of frames with a dark corner or side: the edge of a well or of the field.
        bubbles: mean number of air bubbles: a black ring about a bright middle, not a particle.
        pack, stack, tight: None for none.
    """

    cluster: tuple[float, ...] = (0.75, 0.18, 0.05, 0.02)
    coincident: tuple[float, ...] = (0.9, 0.08, 0.02)
    like: float = 0.7
    side_by_side: float = 0.4
    end_to_end: float = 0.3
    hinged: float = 0.0
    overlap_um: Range = (-0.1, 0.8)
    end_overlap_um: Range | None = None
    debris: float = 0.25
    debris_um: Range = (0.6, 2.6)
    ghost: float = 0.02
    border: float = 0.04
    blank: float = 0.01
    centring_um: float = 5.0
    depth_um: float = 1.5
    blotches: float = 0.0
    field_stop: float = 0.0
    bubbles: float = 0.0
    pack: Pack | None = None
    stack: Stack | None = None
    tight: Tight | None = None


@dataclass(frozen=True)
class PhaseContrast:
    """A phase ring in the objective (optics.Ring).

    Attributes:
        share: of the tubes that have one.
        transmission: of the ring, for intensity.
        halo_um: how far the halo reaches.
        negative: share of the rings that show cells bright.
    """

    share: float = 1.0
    transmission: Range = (0.12, 0.5)
    halo_um: Range = (0.7, 3.0)
    negative: float = 0.0


@dataclass(frozen=True)
class Export:
    """What cameras, viewers and file formats do to an image on its way. The first four are drawn once per tube.

    Attributes:
        smoothing: share of the tubes whose images were enlarged, by `enlarged` times.
        sharpening: share of the tubes whose images went through an unsharp mask, of `amount` and `radius_px`.
        gamma: exponent of the gray levels.
        eight_bit: share of the tubes with 8-bit images, the light filling `span` of the 256 levels.
        jpeg: share of those tubes whose images were compressed, at a quality of `quality`.
    """

    smoothing: float = 0.25
    enlarged: Range = (1.1, 2.0)
    sharpening: float = 0.25
    amount: Range = (0.3, 2.0)
    radius_px: Range = (0.8, 2.5)
    gamma: Range = (0.75, 1.35)
    eight_bit: float = 0.6
    jpeg: float = 0.25
    quality: Range = (78.0, 97.0)


@dataclass(frozen=True)
class TubeRanges:
    """What a tube has in common: optics, illumination, sensor.

    Attributes:
        focus_um: mean defocus of the tube; positive shows a bright centre and a dark rim.
        focus_spread_um: standard deviation of the events' defocus about it.
        aperture: cut-off of the objective, cycles per um.
        condenser: half-angle of the illumination, rad; wide light shows less of the defocus.
        contrast: factor on every phase, standing for the medium's refractive index.
        level: mean gray level of the background, of 1023.
        noise: standard deviation of the noise on the background, gray levels.
        shading: amplitude of uneven light, share of the level.
        dirt: mean number of static specks.
        channel: share of tubes in which walls of the flow channel are seen.
        motion_um: length of the smear along the flow.
        correlation: blur of the noise, px: sensors and codecs leave it not quite white.
        um_per_px: the tube's pixel size; the kind's where None.
        alike: how much of its ranges an `Interior` keeps within one tube, 0..1: cells of one tube look alike.
        alike_width: the same for `Cell.width_um`.
        one_build: share of the tubes in which only one of the kind's `cells` is.
        oblique: the most that light falls in obliquely (optics.Optics); mostly less.
        rim: how far the outline follows the dark rim, which defocus carries outwards (`optics.rim_um`); 0 keeps the
            outline at the cell's own edge, 1 lies around the rim, where people draw.
        faintest: a particle is labelled only if its light differs from the background by this many times the noise
            (root mean square) and by 1 %: nobody draws what can't be seen.
        phase_contrast, export: None for none.
    """

    focus_um: Range = (-2.5, 2.5)
    focus_spread_um: Range = (0.8, 2.5)
    aperture: Range = (0.9, 1.5)
    condenser: Range = (0.08, 0.3)
    contrast: Range = (0.8, 1.2)
    level: Range = (430.0, 690.0)
    noise: Range = (4.0, 11.0)
    shading: Range = (0.01, 0.07)
    dirt: float = 2.0
    channel: float = 0.35
    motion_um: Range = (0.0, 0.6)
    correlation: Range = (0.0, 0.6)
    um_per_px: Range | None = None
    alike: float = 1.0
    alike_width: float = 1.0
    one_build: float = 0.0
    oblique: float = 0.0
    rim: float = 0.0
    faintest: float = 0.0
    phase_contrast: PhaseContrast | None = None
    export: Export | None = None


@dataclass(frozen=True)
class SampleKind:
    """A type of sample. `convention` says in words what counts as one particle."""

    name: str
    title: str
    convention: str
    cells: tuple[Cell, ...]
    arrangement: Arrangement = Arrangement()
    tube: TubeRanges = TubeRanges()
    um_per_px: float = 0.3
