"""`base_models/miscount_model.json`: how signs foretell miscounts, and what the built-in families were trained on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tui_cytpix.core.statistics.miscount_model import MiscountModel, NoveltyReference
from tui_cytpix.errors import ModelFileError
from tui_cytpix.formats.bytes.atomic import write_text
from tui_cytpix.formats.bytes.plain_file import read_json

VERSION = 1


@dataclass(frozen=True, eq=False)
class MiscountKnowledge:
    """`novelty` by family (cell, general, bead); `about`: how it was made."""

    errors: MiscountModel
    novelty: Mapping[str, NoveltyReference]
    about: Mapping[str, Any]


def write_miscount_model(path: Path, knowledge: MiscountKnowledge) -> None:
    families = {
        name: {
            "vectors": [[round(float(v), 3) for v in row] for row in one.vectors],
            "scale": [round(float(v), 6) for v in one.spread],
            "limit": round(one.limit, 4),
        }
        for name, one in knowledge.novelty.items()
    }
    content = {
        "version": VERSION,
        "about": dict(knowledge.about),
        "predictor": asdict(knowledge.errors),
        "seen": families,
    }
    write_text(path, json.dumps(content, separators=(",", ":")) + "\n")


def read_miscount_model(path: Path) -> MiscountKnowledge:
    """Raises:
    ModelFileError: it is not there, or damaged.
    """
    try:
        data = read_json(path)
        one = data["predictor"]
        return MiscountKnowledge(
            MiscountModel(
                tuple(one["names"]),
                float(one["offset"]),
                tuple(float(weight) for weight in one["weights"]),
                float(one["low"]),
                float(one["high"]),
            ),
            {
                name: NoveltyReference(
                    np.array(one["vectors"], np.float32), np.array(one["scale"], np.float32), float(one["limit"])
                )
                for name, one in data["seen"].items()
            },
            data["about"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(
            "What triage knows can't be read", f"{path}: {error}.", "Install tui-cytpix anew."
        ) from error
