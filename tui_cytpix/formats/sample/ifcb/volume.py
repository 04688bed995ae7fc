"""The volume that an IFCB looked at, from a bin's `.hdr` and `.adc`: the denominator of every concentration.

The syringe pushes 0.25 ml a minute, and the instrument is blind while it handles a trigger (inhibit time, dead time).
New instruments write run and inhibit time, as seconds, at the end of the `.hdr` and, as of each moment, in the lines of
the `.adc`; old ones neither: there the dead time is told from when frames were grabbed and triggers opened again. That
is how the instrument's users calculate what they call `ml_analyzed`. Checked on real bins of both.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.sample import MeasuredVolume
from tui_cytpix.formats.sample.ifcb.lines import OLD, Lines

UL_PER_MINUTE = 250.0
AGREEMENT = 0.02  # of header and lines; both are taken for the same then
LEAST_DEAD_TIME = 0.073  # s, of old instruments, for each trigger
_DAY = 86_400.0
_HEADER_BYTES = 1 << 20


def read_header(data: bytes) -> dict[str, str]:
    """The `key: value` lines of a `.hdr`, of its first mebibyte; other lines are free text."""
    pairs = (line.partition(":") for line in data[:_HEADER_BYTES].decode("latin-1").splitlines())
    return {key.strip(): value.strip() for key, colon, value in pairs if colon and key.strip()}


def measured_volume(header: dict[str, str], lines: Lines) -> MeasuredVolume:
    """What a bin looked at."""
    if not len(lines.numbers):
        return MeasuredVolume(None, "the bin has no trigger")
    return _of_frame_times(lines) if lines.generation is OLD else _of_inhibit_times(header, lines)


def _of_inhibit_times(header: dict[str, str], lines: Lines) -> MeasuredVolume:
    run, inhibit = lines.column("RunTime"), lines.column("InhibitTime")
    told = np.flatnonzero(np.isfinite(run) & np.isfinite(inhibit))
    last = _ul(float(run[told[-1]]), float(inhibit[told[-1]])) if told.size and (inhibit[told] != 0).any() else None
    stated = _ul(_number(header.get("runTime", "")), _number(header.get("inhibitTime", "")))
    if stated is None or (last is not None and abs(stated - last) > AGREEMENT * last):
        if last is None:
            return MeasuredVolume(None, "the bin tells no run time and inhibit time")
        source = "run time and inhibit time of the last line of the .adc"
        if stated is not None:
            source += f"; those of the .hdr give {stated / 1000:.4g} ml"
        return MeasuredVolume(last, source)
    return MeasuredVolume(stated, "run time and inhibit time of the .hdr")


def _ul(run: float, inhibit: float) -> float | None:
    """None where the times tell of no volume; an inhibit time of 0 was not measured."""
    looked = run - inhibit
    believable = np.isfinite(looked) and 0 < inhibit < run < 365 * _DAY
    return UL_PER_MINUTE * looked / 60 if believable else None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _of_frame_times(lines: Lines) -> MeasuredVolume:
    """Look time = last frame - dead times; the dead time of a trigger lasts from the frame before it until triggers are
    open again, and 0.073 s at least.
    """
    triggers = lines.column("Trigger")
    first = np.flatnonzero(np.diff(triggers, prepend=np.nan) != 0)  # one line for a trigger with several images
    grabbed = _past_midnight(lines.column("FrameGrabTime")[first])
    opened = _past_midnight(lines.column("TriggerOpenTime")[first])
    if not (np.isfinite(grabbed).all() and np.isfinite(opened).all()):
        return MeasuredVolume(None, "some lines of the .adc tell no times")
    dead = np.maximum(opened[1:] - grabbed[:-1], LEAST_DEAD_TIME)
    looked = float(grabbed[-1] - dead.sum() - LEAST_DEAD_TIME)
    if not 0 < looked < 365 * _DAY:
        return MeasuredVolume(None, "the times in the .adc leave no time to look")
    return MeasuredVolume(UL_PER_MINUTE * looked / 60, "frame and trigger times of the .adc")


def _past_midnight(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(seconds < 0, seconds + _DAY, seconds)
