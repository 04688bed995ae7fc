"""Numbers with their ranges, for fields read from files: none is NaN or infinite, or too large to count with."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

_LARGEST = 1.7976931348623157e308
_MOST = 2**63 - 1

Number = Annotated[float, Meta(ge=-_LARGEST, le=_LARGEST)]
Length = Annotated[float, Meta(ge=0, le=_LARGEST)]  # or a time: 0 and more
PixelSize = Annotated[float, Meta(gt=0, le=_LARGEST)]  # um per pixel
Moment = Annotated[float, Meta(ge=0, le=2**37)]  # seconds since 1970, as far as calendars go
PixelDigest = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]  # of an image's pixels
Fingerprint = Annotated[str, Meta(pattern="^[a-z0-9-]{1,32}:[0-9a-f]{64}$")]  # of a sample's images
Share = Annotated[float, Meta(ge=0, le=1)]
Chance = Annotated[float, Meta(ge=0.01, le=1)]  # with which something is shown
Whole = Annotated[int, Meta(ge=-_MOST, le=_MOST)]
Count = Annotated[int, Meta(ge=0, le=_MOST)]
