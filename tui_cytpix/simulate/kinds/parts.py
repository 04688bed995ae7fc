"""Parts of a sample type that most go without; ranges as in `kind`."""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class Solid:
    """A body that is evenly dark or bright, whatever its thickness: stained, pigmented, or shining.

    Attributes:
        density: optical density (natural log) of its middle; a negative one is brighter than the background.
        edge_um: how far what it takes from the light, or adds, needs to fall from 88 to 12 %; half is at the outline.
        pallor: by what share the middle of the body is weaker, as in a dented red cell.
        unevenness: standard deviation of the smooth texture, as a share of the density.
    """

    density: Range = (0.3, 1.5)
    edge_um: Range = (0.3, 0.8)
    pallor: Range = (0.0, 0.0)
    unevenness: Range = (0.0, 0.0)


@dataclass(frozen=True)
class Pack:
    """Parallel rods side by side, as a raft. All have one build and one bend.

    Attributes:
        share: of the main objects.
        rods: probabilities of 2, 3, 4, ... of them.
        lengths: of the others, over the first one's.
        stagger: the most by which neighbours are shifted along each other, of the half-length; one for each pack.
        fan: turn from each rod to the next, rad, one for each pack, either way round.
    """

    share: float = 1.0
    rods: tuple[float, ...] = (0.45, 0.25, 0.15, 0.1, 0.05)
    lengths: Range = (0.75, 1.25)
    stagger: Range = (0.0, 0.8)
    fan: Range = (0.0, 0.12)


@dataclass(frozen=True)
class Stack:
    """Cells that lie on each other in part, both seen through. Rods don't: one across another would be in two pieces.

    Attributes:
        share: of the particles that join a cluster.
        overlap: how far the outlines reach into each other, of the smaller one's lesser diameter.
    """

    share: float = 0.5
    overlap: Range = (0.05, 0.4)


@dataclass(frozen=True)
class Tight:
    """Frames that somebody's software has cropped to what it found.

    Attributes:
        share: of the frames with a particle.
        single: share of the crops that are made about one particle; the others take in all that touches it. What is
            beside it is cut.
        margin_px: on all four sides, as far as the frame reaches.
    """

    share: float = 1.0
    single: float = 0.4
    margin_px: Range = (0.0, 12.0)
