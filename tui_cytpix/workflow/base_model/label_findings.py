"""What is wrong or odd in the label images of a folder, in words. Thresholds: the manual's page on files, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tui_cytpix.core.objects.label_faults import LabelFacts
from tui_cytpix.core.objects.label_fit import TURNS, Mask, dice
from tui_cytpix.errors import MaskError

HALF = 0.5  # of the images that can show a fault: no oversight any more
FEW = 2  # images that show it, too
SINGLES = 3  # images, each with one region of the same value, from which that is told
FIT_IMAGES = 3  # with fewer nothing is refused for not fitting
GAIN, GOOD = 0.1, 0.6  # Dice's coefficient: how much better labels fit otherwise, and how well at least
APART, MOSTLY = 0.05, 0.8  # Dice's coefficient of images without overlap, and how many such are no chance
LOOSE = 0.5  # Dice's coefficient; a mean below is told
SAVE = "Save label images as 16-bit gray PNG or TIFF: 0 = background, one number per cell."
SPLIT = (
    "If all cells lie apart, add --split-regions: each separate region becomes a cell of its own. Cells that touch "
    "would count as one: part them first by a line of background (Fiji: Process > Binary > Watershed), or export "
    "labels, one number per cell, from the program that made the masks."
)
TRUST = "If they are right all the same, add --trust-labels."

Named = Sequence[tuple[str, LabelFacts]]


@dataclass(frozen=True)
class Finding:
    """A fault of label images: what, where, and what to do. One that is `certain` is refused."""

    what: str
    where: str
    way_out: str
    certain: bool = False

    def error(self) -> MaskError:
        return MaskError(self.what, self.where, self.way_out)


def value_findings(images: Named, split_regions: bool) -> list[Finding]:
    """By their values, with the names of their files; the gravest first."""
    filled = [(name, one) for name, one in images if one.labels]
    if images and not filled:
        where = f"All {len(images)} label images are 0 everywhere (the first: {images[0][0]})."
        way_out = "Give the folder that the labels were saved in, or annotate these images first."
        return [Finding("Nothing is annotated", where, way_out, certain=True)]
    found = [*_background(filled), *_rims(filled)]
    found += _split(filled) if split_regions else _shared(filled)
    return sorted([*found, *_ignored(filled), *_specks(filled), *_empty(images)], key=lambda one: not one.certain)


def _background(images: Named) -> Iterator[Finding]:
    if odd := [(name, one) for name, one in images if one.background]:
        value, more = odd[0][1].background, len(odd) >= max(FEW, HALF * len(images))
        where = f"The value {value} covers most of the frame and its edge in {_of(odd, images)}."
        way_out = f"If {value} is the background there, save it as 0. {SAVE} {TRUST}" if more else SAVE
        yield Finding("The background of label images is not 0", where, way_out, more)


def _rims(images: Named) -> Iterator[Finding]:
    """Resized with interpolation, saved as JPEG on the way, outlined, or classes within each other."""
    several = [(name, one) for name, one in images if one.labels > 1 and not one.background]
    if odd := [(name, one) for name, one in several if one.rimmed]:
        yield Finding(
            "Label images have values that are no cells",
            f"Label {odd[0][1].rimmed} has a rim or specks of other values; such labels are in {_of(odd, several)}.",
            "If the folder was resized, smoothed or compressed, values were mixed at the edges of cells: take the "
            "labels from before that, and resize by the nearest neighbour only. If values are classes or outlines, "
            f"export one number per cell instead. {TRUST}",
            certain=len(odd) >= max(FEW, HALF * len(several)),
        )


def _shared(images: Named) -> Iterator[Finding]:
    """One value for several regions."""
    several = [(name, one) for name, one in images if one.parts > 1 and not one.rimmed and not one.background]
    odd = [(name, one) for name, one in several if one.shared]
    one_value = all(one.labels == 1 for _, one in images)
    if odd:
        name, first = odd[0]
        where = f"In {name} the value {first.shared} fills {first.shared_by} separate regions"
        if one_value or len(odd) >= max(FEW, HALF * len(several)):
            rest = (
                f"and none of the {len(images)} images has a second value"
                if one_value
                else f"as in {_of(odd, several)}"
            )
            yield Finding(
                "These look like plain masks (cell or background), not label images (one number per cell)",
                f"{where}, {rest}: nothing tells which pixels belong to which cell.",
                f"{SPLIT} {TRUST}",
                certain=True,
            )
        else:
            way_out = "If they are several cells, give each a number of its own, or add --split-regions."
            yield Finding(
                "Separate regions of one value count as one cell", f"{where}; in {_of(odd, images)}.", way_out
            )
    elif one_value and len(images) >= SINGLES and len({one.value for _, one in images}) == 1:
        where = f"Each of the {len(images)} has one region, of the value {images[0][1].value}."
        way_out = "If they are, cells that touch count as one: state their number in the editor."
        yield Finding("The label images may be plain masks", where, way_out)


def _split(images: Named) -> Iterator[Finding]:
    if images:
        parts, labels = (sum(getattr(one, name) for _, one in images) for name in ("parts", "labels"))
        where = f"{parts} of {labels} values in {len(images)} label images."
        way_out = "Cells that touch count as one: state their number in the editor."
        yield Finding("Each separate region of one value is a cell, as asked", where, way_out)


def _ignored(images: Named) -> Iterator[Finding]:
    if lines := [(name, one) for name, one in images if one.border]:
        value = lines[0][1].border
        yield Finding(
            f"The value {value} is the border around cells, no cell, and taken as background",
            f"So it is in {_of(lines, images)}.",
            f"Cells that only this border parts lie apart then, as two objects. If {value} is a cell, give it another "
            "number.",
        )
    if others := [(name, one) for name, one in images if one.ignored and not one.border]:
        value = others[0][1].ignored
        where = f"It stands beside much lower labels in {_of(others, images)}."
        way_out = "Where it means `ignore`, save it as 0; where it is a cell, nothing needs to be done."
        yield Finding(f"The value {value} is taken as a cell", where, way_out)


def _specks(images: Named) -> Iterator[Finding]:
    if odd := [(name, one) for name, one in images if one.specked and not one.rimmed]:
        where = f"Label {odd[0][1].specked} has some; so it is in {_of(odd, images)}."
        yield Finding("Labels have specks apart from their cell", where, "Erase them: they count as objects.")


def _empty(images: Named) -> Iterator[Finding]:
    if odd := [(name, one) for name, one in images if not one.labels]:
        where = f"{_of(odd, images)}."
        way_out = "They teach that these images hold no cell. Take them out if nobody has annotated them."
        yield Finding("Some label images are 0 everywhere", where, way_out)


def _of(odd: Named, images: Named) -> str:
    return f"{len(odd)} of {len(images)} label images (the first: {odd[0][0]})"


class _Fit(NamedTuple):
    """How well labels fit the answers of one model, and how well otherwise: Dice's coefficient by image, NaN where
    there is none.
    """

    as_they_are: list[float]
    otherwise: dict[str, list[float]]

    def better(self) -> tuple[str, float, float, int]:
        """The other way that fits best, means of both and of how many images; or no way."""
        best = ("", 0.0, 0.0, 0)
        for way, fits in self.otherwise.items():
            both = np.array([pair for pair in zip(self.as_they_are, fits, strict=True) if not np.isnan(pair).any()])
            if len(both):
                before, after = (float(mean) for mean in both.mean(axis=0))
                if after >= GOOD and after - before >= max(GAIN, best[2] - best[1]):
                    best = way, before, after, len(both)
        return best

    def best(self) -> float:
        ways = [self.as_they_are, *self.otherwise.values()]
        return max((float(np.nanmean(fits)) for fits in ways if not np.isnan(fits).all()), default=0.0)


def fit_findings(labels: Sequence[Mask | None], answers: Sequence[Sequence[Mask | None]], first: str) -> list[Finding]:
    """By how they lie on what models see: of each model that fits best.

    Args:
        labels: foreground of label images; two by two of neighbours in the sample; None where there is none.
        answers: of each model the foreground that it sees in the same images.
        first: the first image, for the words.
    """
    fits = [_fit(labels, own) for own in answers]
    fits = [fit for fit in fits if not np.isnan(fit.as_they_are).all()]
    if not fits:
        return []
    fit = max(fits, key=_Fit.best)
    own = np.array(fit.as_they_are)[~np.isnan(fit.as_they_are)]
    enough = len(own) >= FIT_IMAGES
    way, before, after, compared = fit.better()
    if way:
        where = (
            f"On {compared} images they overlap what the model sees by {before:.0%} as they are, and by {after:.0%} "
            f"otherwise (Dice's coefficient; the first image: {first})."
        )
        way_out = f"Save them as the images are, with the names of their images. {TRUST}"
        return [Finding(f"The label images fit only {way}", where, way_out, compared >= FIT_IMAGES)]
    if (own < APART).mean() >= MOSTLY:
        where = f"On {int((own < APART).sum())} of {len(own)} images they don't overlap (the first image: {first})."
        way_out = (
            "Check that they belong to these images. If the model is wrong about these cells, choose another; or add "
            "--trust-labels."
        )
        return [Finding("The label images lie elsewhere than what the model sees", where, way_out, enough)]
    if enough and own.mean() < LOOSE:
        where = f"By {own.mean():.0%} on {len(own)} images (Dice's coefficient; the first image: {first})."
        way_out = "Look at some: the model errs on these cells, or the labels belong to other images."
        return [Finding("The label images overlap little with what the model sees", where, way_out)]
    return []


def _fit(labels: Sequence[Mask | None], answers: Sequence[Mask | None]) -> _Fit:
    pairs = list(zip(labels, answers, strict=True))
    otherwise = {
        f"if {how}": [_overlap(None if one is None else turn(one), answer) for one, answer in pairs]
        for how, turn in TURNS.items()
    }
    for name, (mine, other) in {"the image after theirs": (0, 1), "the image before theirs": (1, 0)}.items():
        row = [np.nan] * len(pairs)
        for at in range(0, len(pairs) - 1, 2):
            row[at + mine] = _overlap(labels[at + mine], answers[at + other])
        otherwise[name] = row
    return _Fit([_overlap(*pair) for pair in pairs], otherwise)


def _overlap(one: Mask | None, other: Mask | None) -> float:
    """Dice's coefficient; NaN where one says nothing."""
    if one is None or other is None or not one.any() or not other.any():
        return np.nan
    return dice(one, other)


def findings_in_words(findings: Sequence[Finding], trust: bool) -> list[str]:
    """Sentences about findings.

    Raises:
        MaskError: the first that is certain, unless labels are trusted.
    """
    for one in findings:
        if one.certain and not trust:
            raise one.error()
    return [str(one.error()) for one in findings]
