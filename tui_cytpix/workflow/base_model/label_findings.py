"""What is wrong or odd in the values of a folder of label images, in words. Thresholds: the manual's page on files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tui_cytpix.core.objects.label_faults import LabelFacts
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import MaskError

HALF = 0.5  # of the images that can show a fault: no oversight any more
FEW = 2  # images that show it, too
RING = 0.2  # of a label with its hole filled
CLASSES = 3  # values in a whole folder, at most
NAMED = 3  # images whose names are given as examples
SINGLES = 3  # images, each with one region of the same value, from which that is told
SAVE = "Save label images as 16-bit gray PNG or TIFF: 0 = background, one number per cell."
NUMBERED = "Best: save the masks with one number per cell from the program that made them (Cellpose: _cp_masks files)."
SPLIT = (
    f"{NUMBERED} Else, for round cells: in Fiji Process > Binary > Watershed, look at every image, then run this again "
    "with --split-regions, by which each separate region becomes a cell. Watershed cuts long and budding cells: there, "
    "draw a line of background, 2 px wide, between cells that touch, then the same. Where no cells touch, "
    "--split-regions is enough."
)
FILL = (
    "Export the masks, not the outlines, from the program that made them. Only if no cells touch: in Fiji Process > "
    "Binary > Fill Holes, then number the cells by Analyze > Analyze Particles, Show: Count Masks. Cells that touch "
    "become one so."
)
MASKS = (
    "Export the masks, not the probabilities, from the program that made them; where the folder was resized or saved "
    "as JPEG, take the masks from before that. Or threshold them (Fiji: Image > Adjust > Threshold): then they are "
    "plain masks."
)
TOUCHING = "cells that touch count as one; part them before, or state their number in the editor (step 4)."
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
    found = [*_background(filled), *_rims(filled), *_hollow(filled), *_slight(filled), *_strips(filled)]
    found += _split(filled) if split_regions else _shared(filled)
    return sorted([*found, *_ignored(filled), *_specks(filled), *_empty(images)], key=lambda one: not one.certain)


def _background(images: Named) -> Iterator[Finding]:
    if odd := [(name, one) for name, one in images if one.background]:
        value, more = odd[0][1].background, len(odd) >= max(FEW, HALF * len(images))
        where = f"The value {value} covers most of the frame and its edge in {_of(odd, images)}."
        if inverted := sum(one.inverted for _, one in odd) > HALF * len(odd):
            where += " It looks inverted: the cells have lower values than the background."
        turn = "Invert it (Fiji: Edit > Invert)" if inverted else f"If {value} is the background there, save it as 0"
        way_out = f"{turn}. {SAVE} {TRUST}" if more and not inverted else f"{turn}. {SAVE}"
        yield Finding("The background of label images is not 0", where, way_out, more)


def _rims(images: Named) -> Iterator[Finding]:
    """Probabilities, resized with interpolation, saved as JPEG on the way, or classes within each other."""
    several = [(name, one) for name, one in images if one.labels > 1 and not one.background]
    if odd := [(name, one) for name, one in several if one.rimmed]:
        grays = "gray-scale images (probability maps, or resized or compressed masks)"
        what, way_out = (
            ("classes within each other (as a nucleus in a cell)", "Export one number per whole cell.")
            if len(_values(images)) <= CLASSES
            else (grays, MASKS)
        )
        where = f"The value {odd[0][1].rimmed} has a rim or specks of other values; so it is in {_of(odd, several)}."
        if len(odd) >= max(FEW, HALF * len(several)):
            yield Finding(f"These look like {what}, not numbered cells", where, way_out, certain=True)
        else:
            way_out = "If values were mixed there at the edges of cells, save these label images again."
            yield Finding("Some labels have a rim or specks of other values", where, way_out)


def _hollow(images: Named) -> Iterator[Finding]:
    """Outlines and rings."""
    if odd := [(name, one) for name, one in images if one.hollow and not one.background]:
        rings = [one for _, one in odd if one.hole >= RING]
        certain = len(rings) >= max(FEW, HALF * len(images))
        largest = max(one.hole for _, one in odd)
        where = (
            f"The value {odd[0][1].hollow} has a hole; so it is in {_of(odd, images)}. The largest hole is "
            f"{largest:.0%} of what its outline encloses."
        )
        if certain:
            yield Finding("These look like outlines or rings, not filled cells", where, FILL, certain=True)
        else:
            yield Finding("Labels have holes", where, "Fill them, if the cells are whole there.")


def _slight(images: Named) -> Iterator[Finding]:
    """Points and lines."""
    if odd := [(name, one) for name, one in images if one.slight]:
        where = f"No label is longer than 5 px and wider than 2 in {_of(odd, images)}."
        way_out = (
            "Label images hold each whole cell, not its centre or axis: export masks from the program, or draw them."
        )
        certain = len(odd) >= max(FEW, HALF * len(images))
        title = "These look like points or lines, not cells" if certain else "Some labels are points or lines, no cells"
        yield Finding(title, where, f"{way_out} {TRUST}" if certain else way_out, certain)


def _strips(images: Named) -> Iterator[Finding]:
    if odd := [(name, one) for name, one in images if one.strip]:
        value = odd[0][1].strip
        certain = len(odd) >= max(FEW, HALF * len(images))
        where = f"The value {value} fills one edge of the frame from end to end; so it is in {_of(odd, images)}."
        way_out = "If it is background there, a margin or a wall of the channel, save it as 0."
        yield Finding("A label lies along a whole edge", where, f"{way_out} {TRUST}" if certain else way_out, certain)


def _shared(images: Named) -> Iterator[Finding]:
    """One value for several regions."""
    several = [(name, one) for name, one in images if one.parts > 1 and not one.rimmed and not one.background]
    odd = [(name, one) for name, one in several if one.shared]
    one_value = all(one.labels == 1 for _, one in images)
    if odd:
        name, first = odd[0]
        where = f"In {name} the value {first.shared} fills {first.shared_by} separate regions"
        if one_value:
            yield Finding(
                "These look like plain masks (cell or background), not label images (one number per cell)",
                f"{where}, and none of the {len(images)} images has a second value: cells that touch can't be told "
                "apart.",
                SPLIT,
                certain=True,
            )
        elif _are_classes(images, odd):
            values = ", ".join(map(str, _values(images)))
            yield Finding(
                "These look like classes (one value for each kind of cell), not label images (one number per cell)",
                f"All {len(images)} images have but the values {values}. {where}; so it is in {_of(odd, images)}.",
                f"{NUMBERED} Kinds of cells are told apart by gates later.",
                certain=True,
            )
        else:
            certain = len(odd) >= max(FEW, HALF * len(several))
            yield Finding(
                "One number stands for several cells" if certain else "Separate regions of one value count as one cell",
                f"{where}; so it is in {_of(odd, several if certain else images)}.",
                f"If {first.shared} is no cell, as a line between cells, save it as 0 (Fiji: Process > Math > Macro: "
                f"if (v=={first.shared}) v=0)."
                if all(one.shared == one.ignored for _, one in odd)
                else "If they are several cells, give each a number of its own.",
                certain,
            )
    elif one_value and len(images) >= SINGLES and len({one.value for _, one in images}) == 1:
        where = f"Each of the {len(images)} has one region, of the value {images[0][1].value}."
        yield Finding("The label images may be plain masks", where, f"If they are, {TOUCHING}")


def _values(images: Named) -> list[int]:
    return sorted({value for _, one in images for value in one.lowest})


def _are_classes(images: Named, odd: Named) -> bool:
    """Few values in all images, some of which lack a lower one: so cells are not numbered from image to image."""
    values = _values(images)
    skipped = [one for _, one in images if one.lowest and one.lowest != tuple(values[: len(one.lowest)])]
    return 1 < len(values) <= CLASSES and min(len(odd), len(skipped)) >= FEW


def _split(images: Named) -> Iterator[Finding]:
    if images:
        cells = sum(one.cells for _, one in images)
        where = f"{len(images)} images gave {cells} cells: as many as you see?"
        way_out = f"{TOUCHING[0].upper()}{TOUCHING[1:]}"
        yield Finding("Each separate region is a cell, as asked", where, way_out)


def has_border(images: Sequence[LabelFacts]) -> bool:
    """Whether 255 or 65535, where it stands beside much lower labels, is a line around or between cells."""
    ignored = [one for one in images if one.ignored]
    return bool(ignored) and sum(bool(one.border) for one in ignored) >= HALF * len(ignored)


def _ignored(images: Named) -> Iterator[Finding]:
    if odd := [(name, one) for name, one in images if one.ignored]:
        value = odd[0][1].ignored
        if has_border([one for _, one in odd]):
            yield Finding(
                f"The value {value} is the line around or between cells, no cell, and taken as background",
                f"So it is in {_of(odd, images)}.",
                "Cells that only this line parts lie apart then, and where it was drawn on a cell, the cell is smaller "
                f"by it. If {value} is a cell, give it another number.",
            )
        else:
            where = f"It stands beside much lower labels in {_of(odd, images)}."
            way_out = (
                f"Where it is no cell, save it as 0 (Fiji: Process > Math > Macro: if (v=={value}) v=0); where it is "
                "one, nothing needs to be done."
            )
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


def findings_in_words(findings: Sequence[Finding], trust: bool) -> list[str]:
    """Sentences about findings.

    Raises:
        MaskError: the first that is certain, unless labels are trusted.
    """
    for one in findings:
        if one.certain and not trust:
            raise one.error()
    return [str(one.error()) for one in findings]


def refuse_strange_names(taken: int, unmatched: Sequence[Path], events: Sequence[str], of: str) -> None:
    """Where most label images are named after no image, those that are may be so by chance.

    Args:
        taken: label images named after an image.
        unmatched: the others.
        events: the images' names; `of`: what these are images of.

    Raises:
        MaskError: most have such names.
    """
    if taken and len(unmatched) > taken:
        images = ", ".join(map(printable, events[:NAMED]))
        raise MaskError(
            f"Most label images are named after no image of {of}: nothing was taken",
            f"{len(unmatched)} of {len(unmatched) + taken}, as {printable(unmatched[0].name)}; images are called "
            f"{images}{' ...' if len(events) > NAMED else '.'}",
            "Give each the name of the image that it shows. If the folder holds label images of other images, too, and "
            "the names are right, add --trust-labels.",
        )
