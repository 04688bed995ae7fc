"""The hashes of a sample and of all its images, on request: which are copies of which."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from tui_cytpix.errors import SampleError
from tui_cytpix.formats.sample import registry
from tui_cytpix.formats.sample.identity import of_many
from tui_cytpix.workflow.run.run import OnProgress


@dataclass(frozen=True)
class Hashes:
    """What tells a sample and its images from others (formats.sample.identity): the `fingerprint`, the hash of all
    `pixels` whatever the images are called, and the digest of each image that can be read, by event id.
    """

    fingerprint: str
    pixels: str
    digests: dict[str, str]
    unreadable: int

    def same(self, other: Hashes) -> int:
        """How many of the images the other sample holds too."""
        theirs = set(other.digests.values())
        return sum(digest in theirs for digest in self.digests.values())

    def twins(self) -> list[tuple[str, ...]]:
        """The events of images that have the same pixels."""
        found: dict[str, list[str]] = {}
        for event, digest in self.digests.items():
            found.setdefault(digest, []).append(event)
        return [tuple(events) for events in found.values() if len(events) > 1]


def hashes(path: Path | str, on_progress: OnProgress, channel: str = "") -> Hashes:
    """Reads every image of a sample.

    Raises:
        SampleError: it can't be opened.
    """
    with registry.open_sample(path, None, channel) as reader:
        digests: dict[str, str] = {}
        for done, event in enumerate(reader.event_ids, 1):
            with contextlib.suppress(SampleError):
                digests[event] = reader.pixel_digest(event)
            on_progress(done, len(reader.event_ids))
        return Hashes(reader.fingerprint(), of_many(digests.values()), digests, len(reader.event_ids) - len(digests))
