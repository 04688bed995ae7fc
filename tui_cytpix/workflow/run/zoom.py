"""How large models see a run's images: what is set, and what its answers tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tui_cytpix.domain.zoom import WANTED, Zoom, is_zoom
from tui_cytpix.errors import UsageError
from tui_cytpix.formats.run.predictions import PredictionStore
from tui_cytpix.workflow.run.run import Run

NAMED = 3
KNOWN = "The scale of every sample is known, and decides how large models see it: state another µm/px in step 3."


def set_zoom(run: Run, asked: float) -> str:
    """How many times as large as they are all models of the run see images of unknown scale; 0: automatic. What was
    answered and judged otherwise holds no more, until it is set back. Returns a sentence about what holds now.

    Raises:
        UsageError: out of range.
    """
    if not is_zoom(asked):
        raise UsageError("This is no zoom", f"{asked:g}.", f"Give {WANTED}.")
    run.update(replace(run.settings, base_model=replace(run.settings.base_model, zoom=asked)))
    return setting_in_words(run) or KNOWN


def of_unknown_scale(run: Run) -> list[str]:
    """The samples that a zoom can be set for."""
    return [sample.name for sample in run.settings.samples if sample.um_per_px is None]


def setting_in_words(run: Run) -> str:
    """What is set for samples of unknown scale; empty where there are none."""
    names, asked = of_unknown_scale(run), run.settings.base_model.zoom
    if not names:
        return ""
    what = f"images of unknown scale ({_listed(names)})"
    if not asked:
        return f"Models choose themselves how large they see {what}."
    return f"Models see {what} {asked:.3g} times as large as they are, as set."


def zooms_of(run: Run, store: PredictionStore) -> dict[str, Zoom]:
    """How large a model saw the samples, by name; of those that it has answered on."""
    found = {sample.name: store.zoom(sample.name) for sample in run.settings.samples}
    return {name: zoom for name, zoom in found.items() if zoom is not None}


def in_words(zooms: Mapping[str, Zoom]) -> list[str]:
    """A line for all samples that are seen alike: `tube, plain: seen 1.5 times as large (unknown scale; as set)`."""
    alike: dict[str, list[str]] = {}
    for name, zoom in zooms.items():
        alike.setdefault(zoom.in_words(), []).append(name)
    return [f"{_listed(names)}: {words}" for words, names in alike.items()]


def by_model_in_words(told: Mapping[str, Mapping[str, Zoom]]) -> list[str]:
    """The same of several models, by name: each by itself where they differ."""
    lines = {model: in_words(zooms) for model, zooms in told.items()}
    first = next(iter(lines.values()), [])
    if all(one == first for one in lines.values()):
        return first
    return [f"{model}: {line}" for model, found in lines.items() for line in found]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
