"""Whether label images belong to the images that they are named after, lie on them the right way, and how that is told:
by what models see. Thresholds: the manual's page on files, too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tui_cytpix.core.objects.label_fit import (
    TURNS,
    Mask,
    Table,
    chance_of_fit,
    common_shift,
    dice,
    dice_table,
    mix_ups,
    moved,
    stands_out,
)
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.workflow.base_model.label_findings import TRUST, Finding

FIT_IMAGES = 3  # with fewer nothing is refused for not overlapping
GAIN, GOOD = 0.1, 0.6  # Dice's coefficient: how much better labels fit otherwise, and how well at least
EXCHANGED, EXCHANGED_IMAGES = 0.3, 8  # the same gain, where of all ways to exchange names the best is chosen
SHIFT = 3  # px; a shorter one is the way that somebody draws
LEVEL = 0.01  # of the permutation test that labels fit their images better than others
APART, MOSTLY = 0.05, 0.8  # Dice's coefficient of images without overlap, and how many such are no chance
ON_SOMETHING = 0.75  # how likely their pixels stand out; right ones 0.87 and more, in wide frames others 0.5
LOOSE = 0.5  # Dice's coefficient; a mean below is told
RENAMES = 12  # names that are listed
FLIP, UPSIDE_DOWN, RIGHT, LEFT = (
    "Flip Horizontally",
    "Flip Vertically",
    "Rotate 90 Degrees Right",
    "Rotate 90 Degrees Left",
)
STEPS = dict(
    zip(
        TURNS,
        [(RIGHT, FLIP), (FLIP,), (UPSIDE_DOWN,), (FLIP, UPSIDE_DOWN), (LEFT,), (RIGHT,), (RIGHT, UPSIDE_DOWN)],
        strict=True,
    )
)  # of Fiji's menu Image > Transform, which turn labels so


class _Way(NamedTuple):
    """Another way to lay labels, or to name them.

    Attributes:
        words: in which way they fit only.
        way_out: how they are brought so.
        fits: Dice's coefficient with what the model sees, by image; NaN where there is none.
        table: the same of each label image, so laid, with each image.
        renamed: it says that labels belong to other images.
        moved: the label images so laid, where it moves them.
    """

    words: str
    way_out: str
    fits: Sequence[float]
    table: Callable[[], Table]
    renamed: bool = False
    moved: Sequence[Mask | None] = ()


class _Better(NamedTuple):
    """A way in which labels fit better: means of Dice's coefficient as they are and so, over how many images, and how
    likely by chance.
    """

    way: _Way
    before: float
    after: float
    compared: int
    chance: float
    certain: bool = False


class _Fit:
    """How labels lie on what one model sees in some images: on their own ones, and otherwise."""

    def __init__(self, labels: Mapping[int, Mask | None], seen: Mapping[int, Mask]) -> None:
        self.places = [place for place in labels if place in seen]
        self.labels = [labels[place] for place in self.places]
        self.answers = [seen[place] for place in self.places]
        self.table = dice_table(self.labels, self.answers)
        self.own = [_overlap(*pair) for pair in zip(self.labels, self.answers, strict=True)]
        self.turned = [self._laid(f"if {how}", _steps(how), turn) for how, turn in TURNS.items()]

    def best(self) -> float:
        """The mean of the way that fits best."""
        return max(float(np.nanmean(fits)) for fits in (self.own, *(way.fits for way in self.turned)) if _any(fits))

    def others(self, names: Sequence[ImageKey], read: Callable[[int], Mask | None]) -> Iterator[_Way]:
        """Other ways, those first that are likelier."""
        yield from self.turned
        rows, columns = common_shift(self.labels, self.answers)
        if max(abs(rows), abs(columns)) >= SHIFT:
            words = f"if moved by {_shift_in_words(rows, columns)}"
            way_out = f"Move them (Fiji: Image > Transform > Translate, X Offset {columns}, Y Offset {rows})."
            laid = self._laid(words, way_out, lambda mask: moved(mask, rows, columns))
            yield laid._replace(moved=[None if one is None else moved(one, rows, columns) for one in self.labels])
        yield from self._mixed_up(names, read)

    def _laid(self, words: str, way_out: str, how: Callable[[Mask], Mask]) -> _Way:
        laid = [None if one is None else how(one) for one in self.labels]
        fits = [_overlap(one, answer) for one, answer in zip(laid, self.answers, strict=True)]
        return _Way(words, way_out, fits, lambda: dice_table(laid, self.answers))

    def _mixed_up(self, names: Sequence[ImageKey], read: Callable[[int], Mask | None]) -> Iterator[_Way]:
        orders = mix_ups([key.event for key in names])
        at = {place: number for number, place in enumerate(self.places)}
        fits = {words: [np.nan] * len(at) for words in orders}
        for place in range(len(names)):
            shown = {words: at[order[place]] for words, order in orders.items() if order[place] in at}
            mask = self.labels[at[place]] if place in at else read(place) if shown else None
            for words, number in shown.items():
                fits[words][number] = _overlap(mask, self.answers[number])
        for words, own in fits.items():
            pairs = [(names[place], names[shown]) for place, shown in enumerate(orders[words]) if shown >= 0]
            yield _Way(words, _renames(pairs), own, lambda: self.table, renamed=True)

    def exchanged(self, names: Sequence[ImageKey]) -> _Way:
        """The label images of these images named as fits best."""
        shapes = [None if label is None else label.shape for label in self.labels]
        possible = np.array([[shape == answer.shape for answer in self.answers] for shape in shapes])
        labels, images = linear_sum_assignment(np.where(possible, np.nan_to_num(self.table), 0), maximize=True)
        fits = [np.nan] * len(self.places)
        for label, image in zip(labels, images, strict=True):
            fits[image] = float(self.table[label, image]) if possible[label, image] else np.nan
        known = [(label, image) for label, image in zip(labels, images, strict=True) if possible[label, image]]
        pairs = [(names[self.places[label]], names[self.places[image]]) for label, image in known]
        return _Way("with other names", _renames(pairs), fits, lambda: self.table, renamed=True)


def fit_findings(
    names: Sequence[ImageKey],
    read: Callable[[int], Mask | None],
    seen: Sequence[Mapping[int, Mask]],
    normalised: Callable[[int], NDArray[np.float32] | None],
) -> list[Finding]:
    """By how they lie on what models see: of each model that fits best.

    Args:
        names: the labelled images of one sample, in its order.
        read: the foreground of the label image at a place in that order, None where it can't be read.
        seen: of each model the foreground that it sees, by place, in some of the images.
        normalised: the image at a place, as by `normalise`; None where it can't be read.
    """
    labels = {place: read(place) for place in sorted({place for own in seen for place in own})}
    fits = [fit for own in seen if _any((fit := _Fit(labels, own)).own)]
    if not fits:
        return []
    fit = max(fits, key=_Fit.best)
    own = np.array(fit.own)[~np.isnan(fit.own)]
    first = names[fit.places[0]]
    p = chance_of_fit(float(own.mean()), fit.table)
    chance = "" if p <= LEVEL else f", no more than with the label images of others (permutation test, p = {p:.2g})"
    stand_out = functools.partial(_stand_out, fit.places, normalised=normalised)
    found = _fits_otherwise(fit, names, read, p)
    # A model that sees dirt, always in one place, would move right labels there: the images decide.
    if found and (not found.way.moved or stand_out(found.way.moved) > stand_out(fit.labels)):
        measured = (
            f"By Dice's coefficient they overlap what the model sees by {found.before:.0%} as they are"
            f"{chance if found.way.renamed else ''}, by {found.after:.0%} so ({found.compared} images, the first: "
            f"{first})."
        )
        return [Finding(f"The label images fit only {found.way.words}", found.way.way_out, measured, found.certain)]
    if (own < APART).mean() >= MOSTLY and chance:
        where = f"On {int((own < APART).sum())} of {len(own)} images they don't overlap (the first image: {first})."
        if stand_out(fit.labels) >= ON_SOMETHING:
            where += " They lie on what differs from the background there: the model may be wrong about these cells."
            way_out = "Look at some, and choose another base model if the labels are right."
            return [Finding("The label images lie elsewhere than what the model sees", where, way_out)]
        certain = len(own) >= FIT_IMAGES
        way_out = f"Check that they belong to these images. {TRUST}"
        return [Finding("The label images lie elsewhere than what the model sees", where, way_out, certain)]
    if len(own) >= FIT_IMAGES and own.mean() < LOOSE:
        where = f"By {own.mean():.0%} on {len(own)} images{chance} (Dice's coefficient; the first image: {first})."
        way_out = "Look at some: the model errs on these cells, or the labels belong to other images."
        return [Finding("The label images overlap little with what the model sees", where, way_out)]
    return []


def _steps(how: str) -> str:
    """How Fiji turns label images so."""
    whence = "This is often so from MATLAB or Python. " if how.startswith("transposed") else ""
    return f"{whence}In Fiji, each: Image > Transform > {', then '.join(STEPS[how])}; save it under the same name."


def _renames(pairs: Sequence[tuple[ImageKey, ImageKey]]) -> str:
    """Which label image is to be called after which image."""
    other = [f"{label.event} -> {image.event}" for label, image in pairs if label != image]
    more = f" and {len(other) - RENAMES} more" if len(other) > RENAMES else ""
    names = ", ".join(other[:RENAMES])
    return f"Copy them into a new folder, each under the name of the image that it shows: {names}{more}."


def _stand_out(
    places: Sequence[int],
    labels: Sequence[Mask | None],
    normalised: Callable[[int], NDArray[np.float32] | None],
) -> float:
    """How likely pixels of labels differ more from the background than others, mean over images."""
    found = [
        stands_out(label, image)
        for place, label in zip(places, labels, strict=True)
        if label is not None and (image := normalised(place)) is not None and image.shape == label.shape
    ]
    return float(np.nanmean(found)) if _any(found) else 0.0


def _fits_otherwise(
    fit: _Fit, names: Sequence[ImageKey], read: Callable[[int], Mask | None], p: float
) -> _Better | None:
    """The other way that fits best, those that are certain first. A mix-up of names is told where it is certain only:
    some fit a few images by chance.
    """
    ways = [*fit.others(names, read)]
    found = [better for way in ways if (better := _better(fit, way, GAIN))]
    renamed = LEVEL / max(sum(way.renamed for way in ways), 1)  # Bonferroni
    found = [
        one._replace(certain=one.chance <= (renamed if one.way.renamed else LEVEL))
        for one in found
        if not one.way.renamed or (p > LEVEL and one.chance <= renamed)
    ]
    if not found and p > LEVEL and len(fit.places) >= EXCHANGED_IMAGES:
        best = _better(fit, fit.exchanged(names), EXCHANGED)
        return best and best._replace(certain=True)
    return max(found, key=lambda one: (one.certain, one.after - one.before), default=None)


def _better(fit: _Fit, way: _Way, gain: float) -> _Better | None:
    """Whether labels fit better so, by `gain` and well, on half of the images at least."""
    known = ~(np.isnan(fit.own) | np.isnan(way.fits))
    if 2 * known.sum() < np.sum(~np.isnan(fit.own)) or not known.any():
        return None
    before, after = float(np.array(fit.own)[known].mean()), float(np.array(way.fits)[known].mean())
    if after < GOOD or after - before < gain:
        return None
    return _Better(way, before, after, int(known.sum()), chance_of_fit(after, way.table()[:, known]))


def _shift_in_words(rows: int, columns: int) -> str:
    down = f"{abs(rows)} px {'down' if rows > 0 else 'up'}" if rows else ""
    right = f"{abs(columns)} px to the {'right' if columns > 0 else 'left'}" if columns else ""
    return " and ".join(filter(None, (down, right)))


def _any(fits: Sequence[float]) -> bool:
    return len(fits) > 0 and not np.isnan(fits).all()


def _overlap(one: Mask | None, other: Mask) -> float:
    """Dice's coefficient; NaN where one says nothing."""
    return dice(one, other) if one is not None and one.any() and other.any() else np.nan
