"""The instrument's image-derived parameters against ours, on its own masks: how far they agree, and by which formula.

Each parameter is calculated from the pixels of the instrument's objects, by our formula and by every other that its
name leaves open (core.features.variants), and compared image by image with what the FCS says.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.features.table import IMAGE, names
from tui_cytpix.core.features.variants import NOT_OF_MASKS, OURS, MaskedImage, variants
from tui_cytpix.core.images.background import background_of
from tui_cytpix.core.statistics.method_comparison import FEWEST, Comparison, best, compare
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import CytpixError, SampleError
from tui_cytpix.formats.fcs.event_rows import IMAGE_FLAG
from tui_cytpix.formats.fcs.read import FcsFile
from tui_cytpix.formats.sample import registry
from tui_cytpix.formats.sample.background import sample_background
from tui_cytpix.formats.sample.reader import SampleReader
from tui_cytpix.workflow.run.run import OnProgress

IMAGES = 1000
LISTED = 8  # formulas that are the next best
_PROCESSED = "IsProcessed"
_Columns = Mapping[str, Mapping[str, NDArray[np.float64]]]  # by parameter and formula, (N,)


@dataclass(frozen=True)
class Formula:
    """One formula of a parameter, in words, against the instrument."""

    words: str
    comparison: Comparison


@dataclass(frozen=True)
class ParameterConcordance:
    """Of one parameter.

    Attributes:
        name: as in core.features.table.
        ours: our formula.
        best: the one that fits best, which may be ours.
        alike: others that fit as well: on these images they can't be told from the best.
        others: the next best.
        tried: how many formulas there are.
    """

    name: str
    ours: Formula
    best: Formula
    alike: tuple[str, ...]
    others: tuple[Formula, ...]
    tried: int


@dataclass(frozen=True)
class Concordance:
    """Of one sample.

    Attributes:
        images: of the sample. drawn: of these, at random, by `seed`. compared: of these.
        unprocessed: drawn ones that the instrument did not process. without_masks: that it has no masks of.
        bad: drawn ones of which image or masks are damaged; `why` the first is.
        um_per_px: None where unknown; `scale_source` says whence it is.
        not_compared: the FCS's image-derived parameters that no formula is known for or too few images have a value of.
    """

    images: int
    drawn: int
    seed: int
    compared: int
    unprocessed: int
    without_masks: int
    bad: int
    why: str
    bit_depth: int
    shape: tuple[int, int] | None
    um_per_px: float | None
    scale_source: str
    parameters: tuple[ParameterConcordance, ...]
    not_compared: tuple[str, ...]


def concordance(
    path: Path | str,
    um_per_px: float | None,
    images: int,
    seed: int,
    on_progress: OnProgress = lambda _done, _total: None,
) -> Concordance:
    """Compares up to `images` images of a sample, drawn at random; reads these and no others, and writes nothing.

    Raises:
        UsageError: the pixel size is no positive number.
        SampleError: the sample can't be opened; it lacks masks, an FCS, or image-derived parameters; or too few of the
            drawn images can be compared.
    """
    with registry.open_sample(path, um_per_px) as reader:
        fcs, theirs = _instrument_parameters(reader)
        rows = reader.fcs_rows()
        events = [event for event in reader.event_ids if event in rows]
        chosen = set(random.Random(seed).sample(events, min(images, len(events))))
        found = _Drawn(reader, _column(fcs, _PROCESSED), rows)
        for event in events:
            if event in chosen:
                found.add(event)
                on_progress(found.drawn, len(chosen))
        if len(found.rows) < FEWEST:
            raise SampleError(
                "Too few images can be compared",
                f"{printable(path)}: {len(found.rows)} of {found.drawn} drawn, {found.unprocessed} not processed by "
                f"the instrument, {found.without_masks} without masks, {found.bad} damaged. {found.why}".rstrip(),
                "Give a whole .acs, or draw more (--images).",
            )
        columns = found.columns()
        compared = {
            name: one
            for name, own in theirs.items()
            if (one := _compared(name, columns.get(name, {}), fcs.column(own)[found.rows])) is not None
        }
        return Concordance(
            images=len(reader.event_ids),
            drawn=found.drawn,
            seed=seed,
            compared=len(found.rows),
            unprocessed=found.unprocessed,
            without_masks=found.without_masks,
            bad=found.bad,
            why=found.why,
            bit_depth=reader.bit_depth,
            shape=reader.info().image_shape,
            um_per_px=reader.scale.um_per_px if reader.scale else None,
            scale_source=reader.scale.source if reader.scale else "",
            parameters=tuple(compared.values()),
            not_compared=_not_compared(fcs, {theirs[name] for name in compared}),
        )


def _instrument_parameters(reader: SampleReader) -> tuple[FcsFile, dict[str, str]]:
    """The FCS, and its own spelling of each parameter that there are formulas for.

    Raises:
        SampleError: there is nothing to compare.
    """
    info, fcs = reader.info(), reader.open_fcs()
    theirs = {} if fcs is None else _their_names(fcs)
    if not info.has_instrument_masks:
        damaged = (problem for problem in info.problems if problem.startswith("The instrument's masks"))
        why = next(damaged, "it has no instrument masks.")
    elif fcs is None or not reader.fcs_rows():
        why = "it has no FCS that belongs to its images."
    elif not theirs:
        why = "its FCS has no image-derived parameters."
    else:
        return fcs, theirs
    raise SampleError("Nothing can be compared", f"{printable(reader.path)}: {why}", "Give the instrument's own .acs.")


class _Drawn:
    """Takes drawn images in, one by one; of those that can be compared it keeps `rows` in the FCS and all formulas'
    values.
    """

    def __init__(
        self, reader: SampleReader, processed: NDArray[np.float64] | None, fcs_rows: Mapping[str, int]
    ) -> None:
        self._reader, self._processed, self._fcs_rows = reader, processed, fcs_rows
        self._background = sample_background(reader)
        self._scale = None if reader.scale is None else reader.scale.um_per_px
        self._values: defaultdict[str, defaultdict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
        self.rows: list[int] = []
        self.drawn = self.unprocessed = self.without_masks = self.bad = 0
        self.why = ""

    def add(self, event: str) -> None:
        self.drawn += 1
        row = self._fcs_rows[event]
        if self._processed is not None and not self._processed[row]:
            self.unprocessed += 1
            return
        try:
            masks, gray = self._reader.read_masks(event), self._reader.read_image(event)
        except CytpixError as error:
            self.bad += 1
            self.why = self.why or str(error)
            return
        if masks is None:
            self.without_masks += 1
            return
        background, depth = background_of(gray, self._background), self._reader.bit_depth
        image = MaskedImage(gray, masks.objects, masks.particles, background, depth, self._scale)
        for name, words, value in variants(image):
            self._values[name][words][len(self.rows)] = value
        self.rows.append(row)

    def columns(self) -> _Columns:
        """NaN where an image has no value."""
        return {
            name: {words: self._column(values) for words, values in formulas.items()}
            for name, formulas in self._values.items()
        }

    def _column(self, values: Mapping[int, float]) -> NDArray[np.float64]:
        column = np.full(len(self.rows), np.nan)
        column[list(values)] = list(values.values())
        return column


def _compared(
    name: str, formulas: Mapping[str, NDArray[np.float64]], theirs: NDArray[np.float64]
) -> ParameterConcordance | None:
    """None where too few images have a value."""
    found = {words: one for words, ours in formulas.items() if (one := compare(ours, theirs)) is not None}
    if OURS not in found:
        return None
    first, *alike = best(found)
    rest = {words: one for words, one in found.items() if words not in (first, *alike)}
    others: list[str] = []
    while rest and len(others) < LISTED:
        others.append(best(rest)[0])
        del rest[others[-1]]
    return ParameterConcordance(
        name,
        Formula(OURS, found[OURS]),
        Formula(first, found[first]),
        tuple(alike),
        tuple(Formula(words, found[words]) for words in others),
        len(formulas),
    )


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _their_names(fcs: FcsFile) -> dict[str, str]:
    """The file's own spelling of each parameter that there are formulas for; case, blanks and signs don't count."""
    own = {_plain(name): name for name in reversed(fcs.names)}
    return {name: own[_plain(name)] for name in names(IMAGE) if name not in NOT_OF_MASKS and _plain(name) in own}


def _column(fcs: FcsFile, name: str) -> NDArray[np.float64] | None:
    own = next((one for one in fcs.names if _plain(one) == _plain(name)), None)
    return None if own is None else fcs.column(own)


def _not_compared(fcs: FcsFile, compared: set[str]) -> tuple[str, ...]:
    """Of the parameters after ImageFlag, where the instrument's image-derived ones stand."""
    plain = [_plain(name) for name in fcs.names]
    after = plain.index(_plain(IMAGE_FLAG)) + 1 if _plain(IMAGE_FLAG) in plain else len(plain)
    return tuple(printable(name) for name in fcs.names[after:] if name not in compared)
