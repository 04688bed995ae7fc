"""How large a model sees images: particles should have about the size that it has learnt on."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from tui_cytpix.domain.entered_numbers import number

LEAST, MOST = 0.2, 5.0
WANTED = f"{LEAST:g} to {MOST:g} times, or 0 for automatic"
AS_DRAWN = "as drawn"  # the way of the instrument's own masks, which hold however images are seen
AUTOMATIC = 0.0  # where a zoom is asked for: the model's own, else by the size of the particles


class By(enum.StrEnum):
    SCALE = "scale"
    SET = "set"
    MODEL = "model"
    PARTICLES = "particles"
    NOTHING = "nothing"
    MASKS = "masks"


_REASONS = {
    By.SET: "as set",
    By.MODEL: "as the model was trained",
    By.PARTICLES: "chosen from its particles",
    By.NOTHING: "nothing in it tells a size",
}


@dataclass(frozen=True)
class Zoom:
    """How many `times` as large as they are a model sees the images of a sample, and what decided that; `um_per_px` is
    the sample's pixel size, None where unknown. By.MASKS: no model saw them, the instrument's masks are the answer.
    """

    times: float
    by: By
    um_per_px: float | None = None

    @property
    def way(self) -> str:
        """As `way_of`, for an answer that was given so."""
        if self.by is By.MASKS:
            return AS_DRAWN
        return way_of(self.um_per_px, self.times if self.by is By.SET else AUTOMATIC)

    def in_words(self) -> str:
        """Such as `seen 1.5 times as large (unknown scale; as set)`."""
        if self.by is By.MASKS:
            return "masks as the instrument drew them"
        size = "as large as they are" if self.times == 1 else f"{self.times:.3g} times as large"
        known = "unknown scale" if self.um_per_px is None else f"{self.um_per_px:.4g} µm/px"
        reason = _REASONS.get(self.by)
        return f"seen {size} ({known}; {reason})" if reason else f"seen {size} ({known})"


def way_of(um_per_px: float | None, asked: float) -> str:
    """What a sample's answers are told apart by: they hold only for images that are seen in the same way.

    Args:
        um_per_px: the sample's pixel size, None where unknown.
        asked: the zoom that is set for samples of unknown scale, or AUTOMATIC.
    """
    if um_per_px is not None:
        return f"{um_per_px:.6g} um/px"
    return f"zoom {asked:.6g}" if asked else "unknown scale"


def is_zoom(asked: float) -> bool:
    """Whether it can be asked for: AUTOMATIC, or within what networks see."""
    return asked == AUTOMATIC or LEAST <= asked <= MOST


def check_zoom(asked: float) -> None:
    """Raises:
    ValueError: it can't be asked for.
    """
    if not is_zoom(asked):
        raise ValueError(f"{asked!r:.40} is no zoom")


def parse_zoom(text: str) -> float:
    """A zoom to ask for; AUTOMATIC for nothing, `auto` and 0.

    Raises:
        ValueError: it is none; says what is wanted.
    """
    if text.strip().lower() in ("", "auto", "automatic"):
        return AUTOMATIC
    asked = number(text, AUTOMATIC, MOST, "zoom", WANTED)
    if not is_zoom(asked):
        raise ValueError(f"{text!r} is no zoom: give {WANTED}")
    return asked
