"""What `process.json`, beside the results, tells of them."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, structs

from tui_cytpix.domain.field_ranges import Count, PixelSize
from tui_cytpix.domain.sample import PixelScale

RECORD = "process.json"


class ProcessedSample(Struct, frozen=True, kw_only=True):
    """`fingerprint` is the sample's, `pixels` the hash of the `images` that could be read, of those asked for
    (formats.sample.identity); `um_per_px` None where it is unknown; `channel` the one read, "" where there is but one.
    `volume_source` says from where the volume that was looked at is known, or why it isn't; "" of samples whose files
    tell of none beside the FCS.
    """

    name: str
    path: str = ""
    um_per_px: PixelSize | None = None
    um_per_px_source: str = ""
    bit_depth: Count = 0
    fingerprint: str = ""
    pixels: str = ""
    images: Count = 0
    channel: str = ""
    volume_ul: float | None = None
    volume_source: str = ""

    @property
    def in_words(self) -> str:
        scale = "um/px unknown" if self.um_per_px is None else f"{self.um_per_px:.4g} um/px ({self.um_per_px_source})"
        about = f"{self.name}: {self.images} images, {self.bit_depth} bits, {scale}"
        about += f", channel {self.channel}" if self.channel else ""
        return "; ".join(part for part in (about, self.fingerprint, self.pixels) if part)

    @property
    def keywords(self) -> Mapping[str, str]:
        """What its files say of the images that they go with; all of it ASCII."""
        scale = None if self.um_per_px is None else PixelScale(self.um_per_px, self.um_per_px_source)
        pixels = {"CYTPIX_PIXELS": self.pixels} if self.pixels else {}  # not known before all were read
        return {**image_keywords(scale, self.bit_depth, self.fingerprint), **pixels}

    def when_read(self, pixels: str, images: int) -> ProcessedSample:
        """The same, with what is known after so many images were read."""
        return structs.replace(self, pixels=pixels, images=images)


class ProcessRecord(Struct, frozen=True, kw_only=True):
    """Of which the rest is for people and other programs. Earlier builds' lacks `images`, ... of its samples."""

    model_hash: str
    samples: tuple[ProcessedSample, ...]
    notes: tuple[str, ...] = ()
    software: str = ""


def image_keywords(scale: PixelScale | None, bit_depth: int, fingerprint: str) -> dict[str, str]:
    size = {"CYTPIX_UM_PER_PX": f"{scale.um_per_px:.6g}"} if scale else {}
    return {
        **size,
        "CYTPIX_UM_PER_PX_SOURCE": scale.source if scale else "unknown",
        "CYTPIX_BIT_DEPTH": str(bit_depth),
        "CYTPIX_IMAGES": fingerprint,
    }
