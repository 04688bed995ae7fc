"""What a sample is, apart from the files it lies in."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tui_cytpix.domain.field_ranges import PixelSize, Whole


class ImageKey(tuple[str, str]):
    """An image's identity, (sample, event): event ids collide between tubes, so never the id alone."""

    __slots__ = ()

    def __new__(cls, sample: str, event: str) -> Self:
        return super().__new__(cls, (sample, event))

    def __getnewargs__(self) -> tuple[str, str]:
        return self.sample, self.event

    def __repr__(self) -> str:
        return f"ImageKey{super().__repr__()}"

    @property
    def sample(self) -> str:
        return self[0]

    @property
    def event(self) -> str:
        return self[1]

    def __str__(self) -> str:
        return f"{self.sample}:{self.event}"

    @classmethod
    def parse(cls, text: str) -> ImageKey:
        """The inverse of `str`; a sample's name never holds a colon.

        Raises:
            ValueError: there is no colon.
        """
        sample, colon, event = text.partition(":")
        if not colon:
            raise ValueError(f"{text!r} is not SAMPLE:EVENT")
        return cls(sample, event)


@dataclass(frozen=True)
class PixelScale:
    """Micrometres per image pixel and where the number comes from.

    `source` is one of `given` (by the user), `fcs` (derived from image parameters), `file` (stated by the image
    container).
    """

    um_per_px: float
    source: str


class Loss(str):
    """A problem by which a part of a sample is not used, or may be misread: what is made of the sample is not whole.

    Other problems are plain sentences: odd, and without such a consequence.
    """

    __slots__ = ()


@dataclass(frozen=True)
class MeasuredVolume:
    """The volume of sample that was looked at, in microlitres, and where the number comes from; `ul` None where it is
    unknown, and `source` says why.
    """

    ul: float | None
    source: str


@dataclass(frozen=True)
class SampleInfo:
    """What `inspect` tells of a sample.

    `image_shape` is (height, width) in pixels, None where sizes differ; `bit_depth` the bits of gray that the
    container offers (8, 10, 12, 16); `scale` None where unknown; `fcs_path` names the FCS file or archive
    member; `problems` are sentences, some of them a Loss; `image_total` is the number of images that the instrument's
    settings state, None where they don't; of `channels`, empty where images have but one, `channel` is the one that is
    read; `volume` None where nothing tells of one; `readable` is False where not one image can be read.
    """

    path: Path
    format: str
    image_count: int
    image_shape: tuple[int, int] | None
    bit_depth: int
    scale: PixelScale | None
    fcs_path: str | None
    event_count: int | None
    parameters: tuple[str, ...] = ()
    cytometer: str = ""
    image_gate: str = ""
    has_instrument_masks: bool = False
    problems: tuple[str, ...] = ()
    image_total: int | None = None
    channels: tuple[str, ...] = ()
    channel: str = ""
    volume: MeasuredVolume | None = None
    readable: bool = True


# What a person says of a sample, with the headings of a narrow table.
LABELS = {"condition": "Condition", "unit": "Unit", "tube": "Tube", "day": "Day", "role": "Role"}
PLATE_LABELS = {"well": "Well", "control": "Control"}  # of a sample sheet
CONTROLS = ("blank", "negative", "positive")
_WELL = re.compile(r"([A-Za-z]{1,2})0*([1-9][0-9]?)")
ASIDE = "aside"  # kept in the run's record, used for nothing
ROLES = ("research", "training", "evaluation", ASIDE)


def well_of(text: str) -> str:
    """`A1` for a1, A01; "" where there is none.

    Raises:
        ValueError: it is no well.
    """
    found = _WELL.fullmatch(text)
    if text and found is None:
        raise ValueError(f"{text!r} is no well: give a row and a column, like A1 or H12")
    return f"{found[1].upper()}{found[2]}" if found else ""


@dataclass(frozen=True)
class SampleRef:
    """A sample as a run names it.

    `name` is unique in the run (domain.sample_names); `path` is absolute, or relative to the run folder where the
    sample lies inside it; `fingerprint` (formats.sample.identity) tells whether its images changed, `size` is in bytes,
    0 of a folder; `came_as` is the way (domain.zoom) it was seen in when it came into the run, "" where no other scale
    was stated since; `channel` is the one that is read, by its name, "" where there is but one; `copies` are the
    samples that were in the run before it and hold images of it. `unit` is what was sampled independently (a culture,
    donor, animal), in which tubes nest; "" where nobody stated it.
    """

    name: str
    path: str
    size: Whole
    fingerprint: str
    um_per_px: PixelSize | None = None
    scale_source: str = ""
    condition: str = ""
    unit: str = ""
    tube: str = ""
    day: str = ""
    role: str = "research"  # of ROLES
    well: str = ""
    control: str = ""  # of CONTROLS
    came_as: str = ""
    channel: str = ""
    copies: tuple[str, ...] = ()

    @property
    def aside(self) -> bool:
        return self.role == ASIDE

    def labels(self, names: Iterable[str]) -> tuple[str, ...]:
        """What was said of it, of LABELS and PLATE_LABELS; "" where nothing was."""
        return tuple(getattr(self, name) for name in names)


def labels_of(samples: Collection[SampleRef]) -> dict[str, str]:
    """The labels to show of samples, with headings: LABELS, and of PLATE_LABELS those that one of them has."""
    plate = {name: heading for name, heading in PLATE_LABELS.items() if any(getattr(one, name) for one in samples)}
    return {**LABELS, **plate}
