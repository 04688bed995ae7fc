"""How much of each dye spills into the other detectors, as an FCS says it: `$SPILLOVER` or `SPILL`.

Some instruments list what is no detector (the CytPix `ImageFlag`) or heights and widths beside the areas. Only
fluorescence areas are compensated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.words import printable

if TYPE_CHECKING:
    from tui_cytpix.formats.fcs.read import FcsFile

KEYWORDS = ("$SPILLOVER", "SPILL", "SPILLOVER")
MOST_DETECTORS = 200
WORST_CONDITION = 1000.0


@dataclass(frozen=True, eq=False)
class Spillover:
    """A usable matrix, or a sentence about why there is none.

    Attributes:
        names: the fluorescence areas, K.
        matrix: float64 (K, K); row i: what a signal of 1 in detector i gives in each detector.
        problem: a sentence, "" where the matrix is usable.
    """

    names: tuple[str, ...] = ()
    matrix: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    problem: str = ""

    @property
    def usable(self) -> bool:
        return bool(self.names) and not self.problem

    @property
    def is_identity(self) -> bool:
        return bool(np.array_equal(self.matrix, np.eye(len(self.names))))

    def weights(self, name: str) -> dict[str, float]:
        """By how much each detector counts in a compensated parameter: true = measured x matrix^-1; zeros left out."""
        column = np.linalg.inv(self.matrix)[:, self.names.index(name)]
        return {other: float(w) for other, w in zip(self.names, column, strict=True) if w != 0}


def read_spillover(fcs: FcsFile) -> Spillover:
    keyword = next((key for key in KEYWORDS if fcs.text.get(key, "").strip()), None)
    if keyword is None:
        return Spillover(problem="The FCS has no spillover matrix.")
    try:
        names, matrix = _parsed(fcs.text[keyword])
        return _of_areas(names, matrix, fcs.names)
    except ValueError as error:
        return Spillover(problem=f"The spillover matrix ({keyword}) can't be used: {error}.")


def is_fluorescence_area(name: str) -> bool:
    """By its name: `BL1-A` is, `FSC-A`, `BL1-H` and `ImageFlag` are not."""
    upper = name.upper()
    return upper.endswith("-A") and not upper.startswith(("FSC", "SSC"))


def _parsed(text: str) -> tuple[list[str], NDArray[np.float64]]:
    """`n,name,...,value,...`: names and the matrix, row by row."""
    fields = [field.strip() for field in text.split(",")]
    count = int(fields[0]) if fields[0].isdecimal() else 0
    if not 1 <= count <= MOST_DETECTORS or len(fields) != 1 + count + count * count:
        raise ValueError(f"it says {printable(fields[0][:20])} detectors and has {len(fields) - 1} entries")
    try:
        matrix = np.array([float(value) for value in fields[1 + count :]]).reshape(count, count)
    except ValueError:
        raise ValueError("it holds something else than numbers") from None
    if not np.isfinite(matrix).all() or np.abs(np.diag(matrix) - 1).max() > 1e-3:
        raise ValueError("its diagonal is not 1 throughout")
    return fields[1 : 1 + count], matrix


def _of_areas(names: list[str], matrix: NDArray[np.float64], present: tuple[str, ...]) -> Spillover:
    if len(set(names)) != len(names):
        raise ValueError("it names a detector twice")
    kept = np.array([is_fluorescence_area(name) and name in present for name in names])
    if not kept.any():
        raise ValueError("it names no fluorescence area of the file")
    for name, row, column in zip(names, matrix, matrix.T, strict=True):
        if not kept[names.index(name)] and (row[kept].any() or column[kept].any()):
            raise ValueError(f"{printable(name)} is no fluorescence area of the file, but shares signal with one")
    areas = matrix[np.ix_(kept, kept)]
    if not np.linalg.cond(areas) <= WORST_CONDITION:
        raise ValueError("detectors can hardly be told apart by it")
    return Spillover(tuple(name for name, keep in zip(names, kept, strict=True) if keep), areas)
