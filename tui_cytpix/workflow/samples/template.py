"""A run as the start of the next one: what was stated in it, "like last week". Nothing that was drawn, judged,
annotated or trained is taken over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.run_settings import RunSettings
from tui_cytpix.domain.sample import ASIDE, SampleRef
from tui_cytpix.errors import CytpixError
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.explore.event_table import EventTable
from tui_cytpix.workflow.run.run import Run

OF_ONE = ("condition", "tube", "role", "well", "control")  # a sample of the same name is labelled alike
OF_ALL = ("condition",)  # and others, where all samples of the earlier run share it
# Its unit and day are not: another culture on another day is sampled independently.


@dataclass(frozen=True)
class Template:
    """What the run in `path` hands on; `model` is its new model, else its base model, else the one that it judged."""

    path: Path
    settings: RunSettings
    model: ModelEntry


def template_of(path: Path) -> Template:
    """Only reads, so that it works while the run is open.

    Raises:
        RunError: there is no run.
        ModelFileError: its model is gone, or was changed.
    """
    with Run.open(path, writing=False) as run:
        return Template(run.path, run.settings, _model(run))


def _model(run: Run) -> ModelEntry:
    if run.folder.model_path.is_file():
        made = library.entry(run.folder.model_path)
        return next((one for one in library.library() if one.hash == made.hash), made)
    return library.base_of(run) if run.settings.base_model.model else library.find(run.settings.assess.model)


def take_over(run: Run, template: Template, model: ModelEntry | None = None) -> list[str]:
    """Makes a new run start like the earlier one, from its model or from the one given. Sentences: what was taken over,
    and gates that a sample can't be asked for.

    Raises:
        ModelFileError: this version can't run the model, or it can't be trained on.
    """
    model = template.model if model is None else model
    settings = run.settings.stated_as(template.settings)
    labelled = [_labelled(sample, template.settings) for sample in settings.samples]
    run.update(replace(settings, samples=tuple(labelled)))
    library.choose(run, model)
    judged = replace(run.settings.assess, model=library.reference(model))
    run.update(replace(run.settings, assess=judged))
    alike = sum(now != before for now, before in zip(labelled, settings.samples, strict=True))
    return [_in_words(template, model, alike), *_without(run)]


def _labelled(sample: SampleRef, earlier: RunSettings) -> SampleRef:
    """What was said of it in the new run already stays."""
    namesake = next((one for one in earlier.samples if one.name == sample.name), None)
    said = {name: {getattr(one, name) for one in earlier.in_use} for name in OF_ALL}
    labels = {name: values.pop() for name, values in said.items() if len(values) == 1}
    if namesake is not None:
        labels = {name: getattr(namesake, name) for name in OF_ONE if getattr(namesake, name) != ASIDE}
    usual = SampleRef(name="", path="", size=0, fingerprint="")
    unsaid = {name: text for name, text in labels.items() if getattr(sample, name) == getattr(usual, name)}
    return replace(sample, **unsaid)


def _in_words(template: Template, model: ModelEntry, labelled: int) -> str:
    stated = template.settings
    gates = len(stated.gates)
    drawn = f", images drawn from {stated.selection.gate}" if stated.selection.gate else ""
    parts = [
        f"goal {stated.assess.goal}",
        f"{gates or 'no'} gate{'' if gates == 1 else 's'}{drawn}",
        f"size cutoff {stated.train.size_cutoff_um:g} um",
        f"model {model.card.name}",
        *([f"labels of {labelled} sample{'' if labelled == 1 else 's'}"] if labelled else []),
    ]
    return f"As in {template.path}: {'; '.join(parts)}."


def _without(run: Run) -> Iterable[str]:
    """Sentences on gates whose parameters a sample lacks."""
    for sample in run.settings.samples if run.settings.gates else ():
        try:
            known = {one.name for one in EventTable(run, sample.name).parameters}
        except CytpixError:
            continue  # told where the sample is taken in
        for gate in run.settings.gates:
            lacking = [axis.parameter for axis in gate.axes if axis.parameter not in known]
            if lacking:
                yield f"{sample.name} has no {' and no '.join(lacking)}: the gate {gate.name} can't be asked of it."
