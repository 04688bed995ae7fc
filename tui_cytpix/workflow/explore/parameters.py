"""What a table of events says of its columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]


@dataclass(frozen=True)
class Parameter:
    """A column.

    `label` is what the FCS adds to its name, or a feature's unit; `source` is "FCS" or a model's name; `top` is the
    largest value that the instrument gives (`$PnR`, on the linear scale), 0 where unknown; `of_images`: only imaged
    events have a value.
    """

    name: str
    label: str
    source: str
    top: float = 0.0
    of_images: bool = False
