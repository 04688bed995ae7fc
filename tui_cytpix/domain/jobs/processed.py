"""What the records beside the results tell of them: one for each tube, `NAME.process.json`, and `process.json`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, structs

import tui_cytpix
from tui_cytpix.domain.field_ranges import Count, Length, Number, PixelSize
from tui_cytpix.domain.jobs.events import Failure
from tui_cytpix.domain.jobs.specs import ProcessSpec, SampleAtWork
from tui_cytpix.domain.jobs.tube_summary import TubeSummary
from tui_cytpix.domain.sample import PixelScale

RECORD = "process.json"
OF_TUBE = f".{RECORD}"  # behind the tube's name
AUTO = "auto"


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
    volume_ul: Number | None = None
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


class Asked(Struct, frozen=True, kw_only=True):
    """All that decides what a tube's files hold, but for its own images and FCS.

    `events`, `gates` and `annotated` are hashes of the events that are looked at, "" for all, of which events are in
    which gates, and of what a person said of the tube's images ("" where nobody did); None where nobody looked.
    `device` is the kind asked for; in a record the kind that it was, `cpu` or `cuda`.
    """

    model_hash: str
    size_cutoff_um: Length
    zoom: Number
    um_per_px: PixelSize | None = None
    scale_source: str
    find_scale: bool
    channel: str
    gate: str
    events: str | None = None
    gates: str | None = None
    annotated: str | None = None
    formats: tuple[str, ...]
    prefix: str
    device: str
    software: str

    @classmethod
    def of(cls, spec: ProcessSpec, sample: SampleAtWork) -> Asked:
        """What a job is asked to make of a tube. Its size cutoff and model are stated, not left to the model file."""
        events = "" if sample.events is None else hashlib.sha256("\n".join(sample.events).encode(*_ANY)).hexdigest()
        return cls(
            model_hash=spec.model_hash,
            size_cutoff_um=spec.size_cutoff_um or 0.0,
            zoom=spec.zoom,
            um_per_px=sample.um_per_px,
            scale_source=sample.scale_source if sample.um_per_px else "",
            find_scale=sample.find_scale,
            channel=sample.channel,
            gate=spec.gate,
            events=events,
            formats=spec.chosen_formats,
            prefix=spec.prefix,
            device=spec.device.partition(":")[0],
            software=software(),
        )

    def but(self, **changes: Any) -> Asked:
        return structs.replace(self, **changes)

    def differs(self, now: Asked) -> str:
        """What is asked otherwise now, in words; "" where it is the same work. It is, too, where more formats were
        written, and where `now` any device will do.
        """
        found = []
        for name, words in _WORDS.items():
            mine, its = getattr(self, name), getattr(now, name)
            same = its in (None, mine)
            if name == "device":
                same = its in (AUTO, mine)
            elif name == "formats":
                same = set(its) <= set(mine)
            elif name == "um_per_px":
                same = its == mine
            if not same:
                found.append(f"{words[0]}{words[1].format(_short(mine), _short(its))}")
        return ", ".join(found)


_ANY = ("utf-8", "surrogateescape")
_THEN = " {} (now {})"
_WORDS = {  # of what is asked, and of the two values
    "model_hash": ("another model", ""),
    "software": ("", "{} (now {})"),
    "size_cutoff_um": ("size cutoff", _THEN),
    "zoom": ("zoom", _THEN),
    "um_per_px": ("um/px", _THEN),
    "scale_source": ("scale from", _THEN),
    "find_scale": ("scale looked for", _THEN),
    "channel": ("channel", _THEN),
    "gate": ("gate", _THEN),
    "events": ("other events", ""),
    "gates": ("other gates in the FCS", ""),
    "annotated": ("other annotations", ""),
    "formats": ("formats", _THEN),
    "prefix": ("prefix", _THEN),
    "device": ("device", _THEN),
}


def _short(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value or "none")


def software() -> str:
    return f"tui-cytpix {tui_cytpix.__version__}"


class TubeRecord(Struct, frozen=True, kw_only=True):
    """The record of one tube. Where it is `done` all of its files, `outputs` with their sizes (None of a folder), were
    whole when it was written. `files` is the state of the tube's files as `formats.sample.file_states` has it, `fcs`
    the hash of the FCS; `masks`: the instrument's masks decided, too, so that any change of a file counts. `counts`
    says of some features how many images have each value; none where no image has a count. Earlier
    builds' lacks `asked`, `counts` or `summary`.
    """

    sample: ProcessedSample
    done: bool = False
    asked: Asked | None = None
    files: str = ""
    fcs: str = ""
    masks: bool = False
    outputs: dict[str, Count | None] = {}
    labels: dict[str, str] = {}
    images: Count = 0
    failed: Count = 0
    failures: tuple[Failure, ...] = ()
    model: str = ""
    device: str = ""
    arithmetic: str = ""
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    counts: dict[str, dict[str, Count]] = {}
    summary: TubeSummary | None = None


def differs(record: TubeRecord, asked: Asked) -> str:
    """Why a tube that is done is not what is asked for, in words; "" where it is the same work."""
    return "an earlier build made it" if record.asked is None else record.asked.differs(asked)


def same_work(record: TubeRecord, asked: Asked) -> bool:
    """Whether the tube is done, with the same model and options. Its inputs are looked at by who can see files."""
    return record.done and not differs(record, asked)


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
