"""What is wrong or odd in the values of a folder of label images, in words. Thresholds: the manual's page on files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tui_cytpix.core.objects.label_faults import LabelFacts
from tui_cytpix.errors import MaskError

HALF = 0.5  # of the images that can show a fault: no oversight any more
FEW = 2  # images that show it, too
RING = 0.2  # of a label with its hole filled
CLASSES = 3  # values in a whole folder, at most
SINGLES = 3  # images, each with one region of the same value, from which that is told
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
        way_out = f"{turn}. {SAVE} {TRUST}" if more else f"{turn}. {SAVE}"
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


def _hollow(images: Named) -> Iterator[Finding]:
    """Outlines and rings."""
    if odd := [(name, one) for name, one in images if one.hollow and not one.background]:
        rings = [one for _, one in odd if one.hole >= RING]
        certain = len(rings) >= max(FEW, HALF * len(images))
        largest = max(one.hole for _, one in odd)
        where = (
            f"Label {odd[0][1].hollow} has one; so it is in {_of(odd, images)}. The largest is {largest:.0%} of a cell."
        )
        fill = "Fill them: a label covers the whole cell (Fiji: Process > Binary > Fill Holes, then number regions)."
        if certain:
            yield Finding("These look like outlines or rings, not filled cells", where, f"{fill} {TRUST}", certain=True)
        else:
            yield Finding("Labels have holes", where, fill)


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
    if odd and not one_value and _are_classes(images, odd):
        name, first = odd[0]
        values = ", ".join(map(str, _values(images)))
        yield Finding(
            "These look like classes (one value for each kind of cell), not label images (one number per cell)",
            f"All {len(images)} images have but the values {values}, and in {name} the value {first.shared} fills "
            f"{first.shared_by} separate regions; so it is in {_of(odd, images)}.",
            SPLIT,
            certain=True,
        )
    elif odd:
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
                SPLIT,
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


def _values(images: Named) -> list[int]:
    return sorted({value for _, one in images for value in one.lowest})


def _are_classes(images: Named, odd: Named) -> bool:
    """Few values in all images, some of which lack a lower one: so cells are not numbered from image to image."""
    values = _values(images)
    skipped = [one for _, one in images if one.lowest and one.lowest != tuple(values[: len(one.lowest)])]
    return 1 < len(values) <= CLASSES and min(len(odd), len(skipped)) >= FEW


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


def findings_in_words(findings: Sequence[Finding], trust: bool) -> list[str]:
    """Sentences about findings.

    Raises:
        MaskError: the first that is certain, unless labels are trusted.
    """
    for one in findings:
        if one.certain and not trust:
            raise one.error()
    return [str(one.error()) for one in findings]
