"""The concordance of an instrument's parameters with ours as a report that may be sent: it names nobody and nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tui_cytpix import __version__
from tui_cytpix.errors import CytpixError, refusal
from tui_cytpix.formats.bytes.atomic import write_text
from tui_cytpix.workflow.run.refuse_existing import refuse_existing
from tui_cytpix.workflow.samples.concordance import Concordance, Formula

AS_GOOD = 8  # formulas that are listed by name
CONTAINS = (
    "Of each sample: its number here; how many images it has, were drawn, were compared or could not be; gray bits, "
    "image size, um/px and where that is from. Of each parameter: figures of agreement between the FCS and formulas. "
    "No names of files, samples or people, no paths, event ids, dates, GUIDs, keywords, images or single values."
)
_OF_A_SAMPLE = (
    *("images", "drawn", "seed", "compared", "unprocessed", "without_masks", "bad"),
    *("bit_depth", "shape", "um_per_px", "scale_source"),
)


def report(found: Sequence[Concordance]) -> dict[str, Any]:
    """Plain values, None where there is no number."""
    return {
        "what": "concordance of image-derived parameters",
        "contains": CONTAINS,
        "version": __version__,
        "differences": "instrument less formula; line: instrument = slope * formula + intercept",
        "samples": [_of_sample(number, one) for number, one in enumerate(found, 1)],
    }


def write_report(path: Path, found: Sequence[Concordance]) -> None:
    """As JSON.

    Raises:
        UsageError: something is there already.
        CytpixError: it can't be written.
    """
    refuse_existing(path)
    try:
        write_text(path, json.dumps(report(found), indent=2, allow_nan=False) + "\n")
    except OSError as error:
        raise CytpixError(*refusal(error, path, "The report can't be written", "Choose another place.")) from error


def _of_sample(number: int, found: Concordance) -> dict[str, Any]:
    parameters = [
        {
            "parameter": one.name,
            "formulas": one.tried,
            "ours": _of_formula(one.ours),
            "best": _of_formula(one.best),
            "as_good": list(one.alike[:AS_GOOD]),
            "as_good_number": len(one.alike),
            "next_best": [_of_formula(other) for other in one.others],
        }
        for one in found.parameters
    ]
    whole = {name: getattr(found, name) for name in _OF_A_SAMPLE}
    return {"sample": number, **whole, "not_compared": len(found.not_compared), "parameters": parameters}


def _of_formula(formula: Formula) -> dict[str, Any]:
    figures = asdict(formula.comparison).items()
    known = {name: value if math.isfinite(value) else None for name, value in figures}
    return {"formula": formula.words, "fit": formula.comparison.fit, **known}
