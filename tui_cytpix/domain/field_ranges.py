"""Numbers with their ranges, for fields read from files: none is NaN or infinite, or too large to count with."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, ValidationError, convert

from tui_cytpix.domain.entered_numbers import MOST_BATCH, MOST_CUTOFF, MOST_EPOCHS, MOST_THREADS, MOST_WHOLE

_LARGEST = 1e30  # so that squares and sums of many are numbers, too
_MOST = 2**63 - 1
_FARTHEST = 3.4e38  # of what FCS files hold: 32-bit floating-point numbers
MOST_DECADES = 20.0

Number = Annotated[float, Meta(ge=-_LARGEST, le=_LARGEST)]
Length = Annotated[float, Meta(ge=0, le=_LARGEST)]  # or a time: 0 and more
PixelSize = Annotated[float, Meta(ge=1e-3, le=1e3)]  # um per pixel
Moment = Annotated[float, Meta(ge=0, le=2**37)]  # seconds since 1970, as far as calendars go
PixelDigest = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]  # of an image's pixels
Fingerprint = Annotated[str, Meta(pattern="^[a-z0-9-]{1,32}:[0-9a-f]{64}$")]  # of a sample's images
Share = Annotated[float, Meta(ge=0, le=1)]
Chance = Annotated[float, Meta(ge=0.01, le=1)]  # with which something is shown
Whole = Annotated[int, Meta(ge=-_MOST, le=_MOST)]
Count = Annotated[int, Meta(ge=0, le=_MOST)]
Seed = Annotated[int, Meta(ge=0, le=MOST_WHOLE)]  # of random numbers
Cutoff = Annotated[float, Meta(ge=0, le=MOST_CUTOFF)]  # the smallest longest axis of a kept object, um
Focus = Annotated[float, Meta(ge=0, lt=1)]  # a score
Duration = Annotated[float, Meta(ge=0, le=1e9)]  # seconds
Threads = Annotated[int, Meta(ge=0, le=MOST_THREADS)]  # 0: the usual number
Epochs = Annotated[int, Meta(ge=0, le=MOST_EPOCHS)]
Batch = Annotated[int, Meta(ge=0, le=MOST_BATCH)]  # views in a step; 0: the usual number
Corner = Annotated[float, Meta(ge=-_FARTHEST, le=_FARTHEST)]  # a value of a parameter
Extent = Annotated[float, Meta(ge=1e-9, le=_FARTHEST)]  # of a scale: a value above 0
Decades = Annotated[float, Meta(ge=-MOST_DECADES, le=MOST_DECADES)]  # of a logicle scale


def after(number: int) -> int:
    """The number of the line behind one: where somebody wrote the last that there is, again that one."""
    return min(number + 1, _MOST)


def in_range(kind: Any, value: object) -> bool:
    """Whether a value, given otherwise than in a file, is of a type and in its range."""
    try:
        convert(value, kind)
    except ValidationError:
        return False
    return True
