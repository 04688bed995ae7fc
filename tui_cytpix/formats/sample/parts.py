"""The parts that a sample is put together from: where the images, the FCS and the masks are."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.sample import MeasuredVolume
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import UsageError
from tui_cytpix.formats.masks.instrument import InstrumentMasks
from tui_cytpix.formats.sample.linked_fcs import FcsPlace

MARK_THE_TRIGGER = "The instrument's masks mark the object that triggered, not its cells: they tell no counts."
_TRANSMITTED = re.compile(
    r"bright.?field|light.?loss|trans(mitted|mission)|phase.?contrast|\b(bf\d*|tl|td|dic|phase|ph\d)\b"
)


class ImageStore(Protocol):
    """The image files of a sample, by event id."""

    @property
    def events(self) -> tuple[str, ...]:
        """In natural order."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences about files that were left out."""

    def read(self, event: str) -> bytes:
        """An image file's content; SampleError where it can't be read, KeyError where there is none."""

    def stated(self, event: str) -> tuple[int, int | None]:
        """Size in bytes and CRC-32 of an image file as the container states them, without reading it; -1 where the size
        isn't known, None where no CRC is stated.
        """

    def label(self, event: str) -> str:
        """The image file's name for messages."""


class MaskStore(Protocol):
    """The instrument's masks of a sample."""

    def read(self, event: str, shape: tuple[int, int]) -> InstrumentMasks | None:
        """For an image of (height, width); None where there are none for the event."""

    def problems(self, events: tuple[str, ...]) -> tuple[str, ...]:
        """Sentences; opens the masks."""


@dataclass(frozen=True)
class Asked:
    """What is said of a sample from outside: where its FCS is, and the channel to read, by name or by number (from 1);
    "" for the brightfield-like one.
    """

    fcs: FcsPlace | None = None
    channel: str = ""


@dataclass(frozen=True)
class SampleParts:
    """What a format found; `resources` is closed with the sample.

    `um_per_px` is what the files state, and `volume` what they tell beside the FCS; `background` gives the static
    background, float32 (H, W), that the instrument measured, or None; of images with several `channels`, `channel` is
    the one read, else "". `images_all`: the instrument looks at all events, so that those without an image hold
    nothing. `masks_tell_particles` is False where masks mark the object that triggered, whatever it consists of.
    """

    path: Path
    format: str
    images: ImageStore
    fcs: FcsPlace
    masks: MaskStore | None = None
    masks_tell_particles: bool = True
    image_gate: str = ""
    image_total: int | None = None
    problems: tuple[str, ...] = ()
    um_per_px: float | None = None
    background: Callable[[], NDArray[np.float32] | None] | None = None
    channels: tuple[str, ...] = ()
    channel: str = ""
    volume: MeasuredVolume | None = None
    images_all: bool = False
    resources: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)


def chosen_channel(channels: Sequence[str], asked: str, default: int, where: Path) -> int:
    """The channel to read, from 0: as asked, by name (whatever its case) or number from 1; else the `default`.

    Raises:
        UsageError: there is no such channel.
    """
    if not asked:
        return default
    names = [printable(name).casefold() for name in channels]
    wanted = printable(asked).casefold()
    if wanted in names:
        return names.index(wanted)
    if asked.isascii() and asked.isdigit() and 1 <= int(asked[:9]) <= len(channels):
        return int(asked[:9]) - 1
    numbered = ((str(number), printable(name)) for number, name in enumerate(channels, 1))
    listed = ", ".join(number if name == number else f"{number} {name}".strip() for number, name in numbered)
    raise UsageError("There is no such channel", f"{printable(where)}: {printable(asked)}.", f"It has: {listed}.")


def brightfield_like(channels: Sequence[str]) -> int | None:
    """The first channel, from 0, whose name says that it shows transmitted light; None where none does."""
    return next((place for place, name in enumerate(channels) if _TRANSMITTED.search(name.casefold())), None)
