"""How sharp the images of a random sequence are, so that a review can leave the blurred ones out."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from tui_cytpix.domain.field_ranges import Share
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.plain_values import from_plain
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import Verdict
from tui_cytpix.formats.bytes.atomic import write_text
from tui_cytpix.formats.bytes.plain_file import read_json
from tui_cytpix.formats.run.predictions import PredictionStore
from tui_cytpix.workflow.run.measures import Measures
from tui_cytpix.workflow.run.run import OnProgress, Run


def _path(run: Run, model: ModelEntry) -> Path:
    return run.folder.predictions(model.hash) / "focus.json"


def stored(run: Run, model: ModelEntry) -> dict[ImageKey, float]:
    """The scores that the run holds, of what the model sees as samples are seen now."""
    return {key: value for (way, key), value in _all(run, model).items() if way == run.ways(key.sample)[0]}


def _all(run: Run, model: ModelEntry) -> dict[tuple[str, ImageKey], float]:
    """By the way (domain.zoom) in which the image was seen, and the image; nothing where they can't be read."""
    try:
        read = from_plain(dict[str, dict[str, Share]], read_json(_path(run, model)))
        return {(way, ImageKey.parse(key)): value for way, one in read.items() for key, value in one.items()}
    except (OSError, ValueError):
        return {}


def scores(
    run: Run,
    model: ModelEntry,
    store: PredictionStore,
    images: Sequence[ImageKey],
    on_progress: OnProgress = lambda _done, _total: None,
) -> dict[ImageKey, float]:
    """FocusScore of each image that the model has answered; 0 for images without a cell or that can't be read. What was
    scored before is read from the run.
    """
    known, path = _all(run, model), _path(run, model)
    asked = {key: (run.ways(key.sample)[0], key) for key in images}
    missing = [(key, said) for key, at in asked.items() if at not in known and (said := store.get(key)) is not None]
    if missing:
        measured = Measures(run).values("FocusScore", missing, on_progress)
        known |= {asked[key]: 0.0 if math.isnan(score) else round(score, 4) for key, score in measured.items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        by_way: dict[str, dict[str, float]] = {}
        for (way, key), value in known.items():
            by_way.setdefault(way, {})[str(key)] = value
        write_text(path, json.dumps(by_way))
    return {key: known[at] for key, at in asked.items() if at in known}


def is_blurred(found: Mapping[ImageKey, float], key: ImageKey, least: float) -> bool:
    """Whether a review leaves it out; what has no score yet is. With `least` 0 nothing is."""
    return bool(least) and found.get(key, 0.0) < least


def left_out_in_words(
    found: Mapping[ImageKey, float], images: Sequence[ImageKey], verdicts: Mapping[ImageKey, Verdict], least: float
) -> str:
    """How many of these images a review leaves out, and what had been said of them; "" where none is to be."""
    if not least:
        return ""
    out = [key for key in images if is_blurred(found, key, least)]
    said = [verdicts[key] for key in out if key in verdicts]
    counts, masks = (sum(map(bool, wrong)) for wrong in ([v.count_wrong for v in said], [v.mask_wrong for v in said]))
    judged = f", of which {len(said)} had been judged ({counts} counts and {masks} masks wrong)" if said else ""
    return f"Left out as blurred: {len(out)} images with a focus score below {least:g}, or none yet{judged}."


def quartiles_in_words(found: Mapping[ImageKey, float]) -> str:
    ordered = sorted(found.values())
    if not ordered:
        return "No image is processed yet"
    low, middle, high = (ordered[min(len(ordered) - 1, len(ordered) * n // 4)] for n in (1, 2, 3))
    return f"Focus scores run from {ordered[0]:.2f} to {ordered[-1]:.2f}; quartiles {low:.2f}, {middle:.2f}, {high:.2f}"


def errors_in_words(found: Mapping[ImageKey, float], verdicts: Mapping[ImageKey, Verdict]) -> str:
    """Wrong counts and bad masks among the blurrier and among the sharper half of those judged; none below four."""
    counts = {key: v.count_wrong for key, v in verdicts.items() if v.count_wrong is not None and key in found}
    masks = {key: v.mask_wrong for key, v in verdicts.items() if v.mask_wrong is not None and key in found}
    kinds = (("Count", counts), ("Mask", masks))
    return " ".join(_by_focus(kind, found, wrong) for kind, wrong in kinds if len(wrong) >= 4)


def _by_focus(kind: str, found: Mapping[ImageKey, float], wrong: Mapping[ImageKey, bool]) -> str:
    ordered = sorted(wrong, key=found.__getitem__)
    half = len(ordered) // 2
    parts = [
        f"{sum(wrong[key] for key in keys)} of {len(keys)} {name}"
        for name, keys in (("blurrier", ordered[:half]), ("sharper", ordered[half:]))
    ]
    return f"{kind} wrong by focus: {', '.join(parts)} images."
