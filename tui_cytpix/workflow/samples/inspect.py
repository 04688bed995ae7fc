"""What a sample holds, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

from tui_cytpix.domain.sample import SampleInfo
from tui_cytpix.formats.sample import registry

READABLE, each_once = registry.READABLE, registry.each_once


def inspect(path: Path | str, um_per_px: float | None = None, channel: str = "") -> SampleInfo:
    """Opens a sample and tells about it: format, events, images, size, bits, um/px, parameters, problems.

    Args:
        um_per_px: micrometres per pixel, where the user gives them.
        channel: the name or number (from 1) of the channel to read, "" for the brightfield-like one.

    Raises:
        UsageError: the pixel size is no positive number, or there is no such channel.
        SampleError: it can't be opened at all; lesser troubles are in `problems`.
    """
    with registry.open_sample(path, um_per_px, channel) as reader:
        return reader.info()
