"""Gates as parameters of an FCS file: 1 for the events in a gate, 0 for the others."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

from tui_cytpix.domain.gate import Members
from tui_cytpix.formats.fcs.write_keywords import ExtraParameter

GATE = "Gate_"
RANGE = 2  # the same in every file
_OTHERS = re.compile(r"[^A-Za-z0-9.+-]+")


def parameter_names(gates: Iterable[str], prefix: str, taken: Iterable[str]) -> list[str]:
    """What the gates are called among a file's parameters: `UDT_Gate_cells`, in ASCII. One that is `taken`, or can't be
    told from another, gets a number.
    """
    used, found = {name.upper() for name in taken}, []
    for gate in gates:
        plain = unicodedata.normalize("NFKD", gate).encode("ascii", "ignore").decode()
        stem = f"{prefix}{GATE}{_OTHERS.sub('_', plain).strip('_')}".rstrip("_")
        name, number = stem, 1
        while name.upper() in used:
            number += 1
            name = f"{stem}_{number}"
        used.add(name.upper())
        found.append(name)
    return found


def gate_parameters(members: Members, names: Sequence[str]) -> list[ExtraParameter]:
    """The gates as parameters of these names."""
    return [
        ExtraParameter(name, "", members.inside(place).astype(np.float32), RANGE) for place, name in enumerate(names)
    ]


def gate_keywords(members: Members, names: Sequence[str]) -> dict[str, str]:
    """What each of these parameters is of: `CYTPIX_GATE_UDT_Gate_cells`."""
    return {f"CYTPIX_GATE_{name}": words for name, words in zip(names, members.words, strict=True)}
