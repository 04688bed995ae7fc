"""How well masks lie on other masks of the same images: as they are, turned, flipped, moved, or with names mixed up as
happens to files at times; and how well by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.stats import mannwhitneyu

Mask = NDArray[np.bool_]
Table = NDArray[np.float64]

TURNS: dict[str, Callable[[Mask], Mask]] = {
    "transposed (rows and columns exchanged)": lambda mask: mask.T,
    "flipped left to right": lambda mask: mask[:, ::-1],
    "flipped upside down": lambda mask: mask[::-1],
    "turned by 180 degrees": lambda mask: mask[::-1, ::-1],
    "turned by 90 degrees to the left": np.rot90,
    "turned by 90 degrees to the right": lambda mask: np.rot90(mask, 3),
    "flipped along the diagonal from the lower left": lambda mask: mask[::-1, ::-1].T,
}
FURTHEST = 5  # places by which names are off
DRAWS = 4999
_WINDOW = 7  # px
_AT_MOST = 512  # px of a side that are looked at for a shift


def dice(one: Mask, other: Mask) -> float:
    """2 |A and B| / (|A| + |B|), 0 to 1; NaN where both are empty or their shapes differ."""
    total = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / total if one.shape == other.shape and total else np.nan


def dice_table(labels: Sequence[Mask | None], answers: Sequence[Mask | None]) -> Table:
    """Dice's coefficient of each mask with each answer, (N, M); NaN where one is absent or empty. A mask of another
    shape is stretched to the answer's, so that images of varying sizes can be compared by chance, too.
    """
    table = np.full((len(labels), len(answers)), np.nan)
    for x, answer in enumerate(answers):
        if answer is None or not answer.any():
            continue
        packed, there = np.packbits(answer), int(answer.sum())
        for y, label in enumerate(labels):
            if label is not None and label.any():
                mine = label if label.shape == answer.shape else _stretched(label, answer.shape)
                both = int(np.bitwise_count(np.packbits(mine) & packed).sum())
                table[y, x] = 2 * both / (int(mine.sum()) + there)
    return table


def _stretched(mask: Mask, shape: tuple[int, ...]) -> Mask:
    size = shape[1], shape[0]
    return cv2.resize(np.ascontiguousarray(mask).view(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0


def chance_of_fit(fit: float, table: Table) -> float:
    """How likely masks fit so well without belonging to the images: of random ways to pair them, the share in which
    the mean is as high (one-sided permutation test of 4999 draws; Phipson and Smyth 2010, so never 0).

    Args:
        fit: mean Dice's coefficient, each mask with its image.
        table: of each mask with each image, (N, M); there are at least as many masks.
    """
    rng = np.random.default_rng(0)
    masks, images = table.shape
    drawn = rng.permuted(np.tile(np.arange(masks), (DRAWS, 1)), axis=1)[:, :images]
    found = table[drawn, np.arange(images)]
    known = ~np.isnan(found)
    means = np.where(known, found, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    as_good = (means >= fit - 1e-9) | ~known.any(axis=1)
    return (1 + int(as_good.sum())) / (DRAWS + 1)


def stands_out(mask: Mask, normalised: NDArray[np.float32]) -> float:
    """How likely a pixel of a mask differs more from the background than one outside (the area under the ROC curve):
    0.5 where masks lie anywhere, NaN where there is nothing inside or outside. By the mean square of 7 x 7 px.

    Args:
        normalised: float32 (H, W), as by `normalise`: background 0.
    """
    energy = cv2.blur(normalised * normalised, (_WINDOW, _WINDOW))
    inside, outside = energy[mask], energy[~mask]
    if not len(inside) or not len(outside):
        return np.nan
    return float(mannwhitneyu(inside, outside).statistic) / (len(inside) * len(outside))


def common_shift(labels: Sequence[Mask | None], answers: Sequence[Mask | None]) -> tuple[int, int]:
    """Rows and columns by which the masks are to be moved to overlap the answers most, over all images together: where
    the sum of their cross-correlations is highest. Frames above 512 px are looked at in steps of so many px.
    """
    pairs = [(a, b) for a, b in zip(labels, answers, strict=True) if a is not None and b is not None]
    pairs = [(a, b) for a, b in pairs if a.shape == b.shape]
    if not pairs:
        return 0, 0
    longest = [max(a.shape[axis] for a, _ in pairs) for axis in (0, 1)]
    step = -(-max(longest) // _AT_MOST)
    shape = tuple(fft.next_fast_len(2 * -(-side // step), real=True) for side in longest)  # nothing wraps around
    spectra = [[fft.rfft2(mask[::step, ::step].astype(np.float32), shape) for mask in pair] for pair in pairs]
    overlap = fft.irfft2(sum(b * a.conj() for a, b in spectra), shape)
    best = np.unravel_index(int(overlap.argmax()), shape)
    rows, columns = (int(at) - side * (at > side // 2) for at, side in zip(best, shape, strict=True))
    return rows * step, columns * step


def moved(mask: Mask, rows: int, columns: int) -> Mask:
    """The mask so many px further down and to the right; what leaves the frame is lost."""
    found = np.zeros_like(mask)
    height, width = mask.shape
    if abs(rows) < height and abs(columns) < width:
        found[max(rows, 0) : height + min(rows, 0), max(columns, 0) : width + min(columns, 0)] = mask[
            max(-rows, 0) : height + min(-rows, 0), max(-columns, 0) : width + min(-columns, 0)
        ]
    return found


def mix_ups(names: Sequence[str]) -> dict[str, list[int]]:
    """Ways in which names of label images get mixed up: for each of them, by place, the place of the image that it then
    shows, -1 where there is none.

    Args:
        names: of the images, in their order.
    """
    count = len(names)
    found = {}
    for step in range(1, FURTHEST + 1):
        apart = "the image" if step == 1 else f"the image {step}"
        found[f"{apart} after theirs"] = [place + step if place + step < count else -1 for place in range(count)]
        found[f"{apart} before theirs"] = [place - step if place >= step else -1 for place in range(count)]
    found["in the reverse order"] = [count - 1 - place for place in range(count)]
    as_text = sorted(range(count), key=lambda place: names[place])
    if as_text != list(range(count)):
        first = ", ".join(names[place] for place in as_text[:4])
        found[f"in the order {first} (names sorted as text, not by number)"] = as_text
        back = [0] * count
        for place, other in enumerate(as_text):
            back[other] = place
        found[f"if the names in the order {first} (sorted as text) are exchanged for those in the order of numbers"] = (
            back
        )
    return found
