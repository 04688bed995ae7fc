"""Numbers as a person enters them, at a prompt or on a command line, and their ranges.

All raise ValueError, which says what is wanted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

LEAST_PIXEL, MOST_PIXEL = 0.01, 20.0  # um, of any microscope
MOST_CUTOFF = 1000.0  # um
MOST_WHOLE = 1 << 62
MOST_THREADS, MOST_BATCH, MOST_EPOCHS = 1024, 4096, 1_000_000
NumberT = TypeVar("NumberT", int, float)


def number(text: str, least: float, most: float, what: str, wanted: str) -> float:
    """A number from `least` to `most`, with a point or a comma."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise ValueError(f"{text!r} is no {what}: give {wanted}")
    return value


def whole(least: int, most: int = MOST_WHOLE) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            to = "" if most == MOST_WHOLE else f" to {most}"
            raise ValueError(f"{text!r}: give a whole number from {least}{to}")
        return value

    return parse


def pixel_size(text: str) -> float:
    """Micrometres per pixel."""
    return number(text, LEAST_PIXEL, MOST_PIXEL, "pixel size", "micrometres per pixel, e.g. 0.3")


def stated_pixel_size(text: str) -> float:
    """Micrometres per pixel, or 0 where it is unknown."""
    try:
        return 0.0 if text.strip() == "0" else pixel_size(text)
    except ValueError as error:
        raise ValueError(f"{error}; 0 where it is unknown") from error


def size_cutoff(text: str) -> float:
    """The smallest longest axis of a kept object, um; 0: all are kept."""
    return number(text, 0, MOST_CUTOFF, "size cutoff", "micrometres, e.g. 5")


def percentage(text: str) -> float:
    """`2` and `2 %` as 0.02."""
    return number(text.strip().removesuffix("%"), 0, 100, "percentage", "a number from 0 to 100, e.g. 5") / 100


def focus_score(text: str) -> float:
    """From 0 (blurred) to below 1."""
    return number(text, 0, math.nextafter(1, 0), "focus score", "a number from 0 to below 1, e.g. 0.4")


def shard(text: str) -> tuple[int, int]:
    """`2/10`: the second of ten parts."""
    first, _, parts = text.partition("/")
    try:
        found = int(first), int(parts)
    except ValueError:
        found = 0, 0
    if not 1 <= found[0] <= found[1]:
        raise ValueError(f"{text!r} is no part of a list: give I/N, as 2/10 for the second of ten")
    return found
