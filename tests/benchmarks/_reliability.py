"""How what a model says of its own certainty relates to how often it is right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy.stats import rankdata

BINS = 10


@dataclass(frozen=True)
class Said:
    """What was said, float (N,) in 0..1, and whether it was right, bool (N,)."""

    sure: np.ndarray
    right: np.ndarray

    def __add__(self, other: Said) -> Said:
        return Said(np.concatenate([self.sure, other.sure]), np.concatenate([self.right, other.right]))


NOTHING = Said(np.zeros(0), np.zeros(0, bool))


def bins(said: Said) -> list[tuple[int, float, float]]:
    """For ten bins of equal width: how many, the mean of what was said, the share that was right (NaN where none)."""
    which = np.minimum((said.sure * BINS).astype(int), BINS - 1)
    rows = []
    for k in range(BINS):
        inside = which == k
        n = int(inside.sum())
        rows.append(
            (n, float(said.sure[inside].mean()), float(said.right[inside].mean())) if n else (0, np.nan, np.nan)
        )
    return rows


def calibration_error(said: Said) -> float:
    """Expected calibration error: the bins' |said - right|, weighted by their numbers (Naeini et al. 2015)."""
    return sum(n * abs(mean - share) for n, mean, share in bins(said) if n) / max(1, len(said.sure))


def brier(said: Said) -> float:
    """Mean of (said - right)^2; 0 is best (Brier 1950). NaN of nothing."""
    return float(np.mean((said.sure - said.right) ** 2)) if len(said.sure) else float("nan")


def auroc(said: Said) -> float:
    """The chance that a right one was said to be surer than a wrong one, ties by half (Mann-Whitney); NaN without
    both.
    """
    right, wrong = int(said.right.sum()), int((~said.right).sum())
    if not right or not wrong:
        return float("nan")
    ranks = rankdata(said.sure)
    return float((ranks[said.right].sum() - right * (right + 1) / 2) / (right * wrong))


def plot(panels: dict[str, dict[str, Said]], edge: int = 420) -> Image.Image:
    """A panel each, side by side: right over said, a line per name, a mark per bin, larger where there are more."""
    colours = ["#1b6ca8", "#c8553d", "#3a7d44", "#8e5aa5", "#b8860b", "#222222", "#18a0a0", "#d1477a"]
    margin = 44
    picture = Image.new(
        "RGB",
        (len(panels) * (edge + margin) + margin, edge + 2 * margin + 14 * max(map(len, panels.values()))),
        "white",
    )
    draw = ImageDraw.Draw(picture)
    for k, (title, lines) in enumerate(panels.items()):
        left, top = margin + k * (edge + margin), margin
        draw.text((left, 14), f"{title}: share right over what was said", fill="black")
        draw.rectangle((left, top, left + edge, top + edge), outline="#888888")
        draw.line((left, top + edge, left + edge, top), fill="#bbbbbb")
        for tick in range(0, 11, 2):
            at = tick * edge / 10
            draw.text((left + at - 8, top + edge + 6), f"{tick / 10:.1f}", fill="black")
            draw.text((left - 26, top + edge - at - 6), f"{tick / 10:.1f}", fill="black")
        for colour, (name, said) in zip(colours * (1 + len(lines) // len(colours)), lines.items(), strict=False):
            points = [(n, left + mean * edge, top + edge - share * edge) for n, mean, share in bins(said) if n]
            draw.line([(x, y) for _, x, y in points], fill=colour, width=2)
            for n, x, y in points:
                r = 2 + min(8.0, float(np.sqrt(n)) / 2)
                draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
            row = list(lines).index(name)
            draw.text((left + 4, top + edge + 30 + 14 * row), f"{name} ({len(said.sure)})", fill=colour)
    return picture
