"""What to do next, one sentence a situation. `{command.id}` stands for the command's key."""

from __future__ import annotations

from collections.abc import Sequence

from tui_cytpix.domain.jobs.training import JobState, TrainingStatus
from tui_cytpix.domain.run_settings import Kind, RunSettings
from tui_cytpix.workflow.assess.verdict import Assessment, outcome
from tui_cytpix.workflow.assess.verdict_words import needed_in_words

ENOUGH_FOR_A_LOOK = 20
PANES = {
    "pair": "{pair.next} goes on to the next image, {pair.overlay} changes the overlay, {app.back} leads back.",
    "process": "Switch formats on and off by their numbers; {process.run} starts, {app.back} leads back.",
    "models": "{table.select-cursor} takes the model under the cursor, {app.back} leaves things as they are.",
}


def assess(settings: RunSettings, model: str, predicted: int, found: Assessment, busy: bool) -> str:
    drawn = len(settings.assess.sequence)
    if not settings.samples:
        return "This run has no sample yet: add one in step 3 ({app.next-step} twice)."
    if not settings.assess.counting_convention:
        return "First say what you study and what error you can live with."
    if not model:
        return "Choose a model to judge: {assess.model}."
    if not drawn or (not predicted and not busy):
        return f"{{assess.process}} processes random images with {model}; then look whether they are right."
    if busy:
        return "Images come in: look at them as they do. {assess.review} judges them one by one."
    return _judging(model, found)


def _judging(model: str, found: Assessment) -> str:
    """Step 1, once images are there."""
    judged = found.all.count.judged
    said = outcome(found)
    if not any(found.counts.values()):
        return "{assess.review} judges the images one by one: are the centroids right, does the mask fit?"
    if said == "keep":
        return f"{model} will do: keep it, and process samples with it in step 5 ({{app.next-step}})."
    if said == "retrain":
        return "This model errs too often: try another ({assess.model}), or train one: step 2 ({app.next-step})."
    if found.unusable:
        return (
            "Many frames are unusable: {assess.blurred} leaves blurred ones out, a gate others; then {assess.process}."
        )
    if judged < ENOUGH_FOR_A_LOOK:
        so_far = f"{judged} {'is' if judged == 1 else 'are'} judged so far"
        return f"Judge at least {ENOUGH_FOR_A_LOOK} images with {{assess.review}}: {so_far}."
    if found.only_counted and found.of_kind(Kind.COUNT) == "keep":
        masks = f"The masks of {found.only_counted} images are still to be judged"
        return f"{masks}: {{assess.review}} leads to them, {{review.acceptable}} or {{review.mask}} judges them."
    return (
        f"Not yet known{needed_in_words(found)}. Judge on with {{assess.review}}; {{assess.process}} draws more images."
    )


def base_model(settings: RunSettings, marked: int, zoom: str) -> str:
    """Step 2. `zoom` is how large models see images of unknown scale, a sentence, "" where there are none."""
    then = f" {zoom} {{base_model.magnify}} changes that." if zoom else ""
    return _base_model(settings, marked) + then


def _base_model(settings: RunSettings, marked: int) -> str:
    if marked >= 2:
        return "{base_model.compare} shows them side by side, the images on which they disagree first."
    if not settings.base_model.model:
        return (
            "{table.select-cursor} chooses the model to start training from; {base_model.mark} marks some to compare."
        )
    return "The base model is chosen: {app.next-step} goes on to the samples; {base_model.mark} marks some to compare."


def samples(settings: RunSettings) -> str:
    if not settings.samples:
        return "Add a sample by its path: {samples.add}."
    if any(s.um_per_px is None for s in settings.samples):
        unknown = ", ".join(s.name for s in settings.samples if s.um_per_px is None)
        then = "{samples.select} selects images anyway" if not settings.selection.images else "go on anyway"
        return f"Pixel size unknown ({unknown}): state it with {{samples.scale}} where you know it; {then}."
    if not settings.selection.images:
        number = settings.selection.preview
        return f"{{samples.select}} selects {number} images, {{samples.preview}} another number of them."
    return "Images are selected: {samples.images} shows them, {app.next-step} goes on to annotate and train."


def explore(pane: str, axes: Sequence[str], gate: str, corners: int, missing: str) -> str:
    """The explore screen; `axes` are what is plotted, `corners` those of a gate being drawn."""
    if pane == "images":
        return "{explore.enter} shows the image's event on the plot, {explore.images} leads back."
    named = "".join(f"{letter} is {name}. " for letter, name in zip("xy", axes, strict=False))
    if pane == "events":
        return f"{named}{{explore.enter}} shows the event on the plot, {{explore.events}} leads back."
    if pane == "statistics":
        return f"{named}{{explore.enter}} shows the population, {{explore.export}} writes the table."
    if corners and missing:
        return "A gate has begun: {explore.corner} puts the next corner, {explore.undo} takes one back."
    if corners:
        return "{explore.enter} closes the gate, {explore.corner} puts one more corner, {explore.undo} takes one back."
    if gate:
        return f"Events of {gate}. {{explore.images}} shows their images, {{explore.selection}} draws from it only."
    return "{explore.x} {explore.y} choose parameters, {explore.corner} begins a gate, {explore.images} shows images."


def similar(compared: bool, enough: bool) -> str:
    """Images like another one; `compared`: there are some, `enough`: of all that there are to take."""
    if not compared:
        return "Looking for images that resemble it; {app.back} leads back."
    further = "" if enough else " {similar.further} compares more."
    what = "{gallery.mark} marks, {similar.choose} adds to the preview, {similar.annotate} annotates."
    return f"{what}{further} {{app.back}} leads back."


_AT_WORK = "Training. Annotate more meanwhile ({train.annotate}), or watch the curves ({train.training})."
_BROKEN = "Training broke off: {train.training}, then {training.pause} starts it where it was saved."
_RESTING = "{train.training}, then {training.write} writes the model; or annotate what flips and train on."
_TRAIN = {
    JobState.STARTING: _AT_WORK,
    JobState.RUNNING: _AT_WORK,
    JobState.PAUSED: "Paused: annotate what flips, then {train.training} and {training.pause} to go on.",
    JobState.FAILED: _BROKEN,
    JobState.LOST: _BROKEN,
    JobState.FINISHED: _RESTING,
    JobState.STOPPED: _RESTING,
}


def train(status: TrainingStatus, missing: str | None, has_selection: bool, has_base: bool, written: str) -> str:
    """Step 4. `missing` is what keeps training from starting, `written` the finished model's name."""
    if not has_base:
        return "Choose a base model in step 2 first ({app.previous-step} twice)."
    if not has_selection:
        return "Select images in step 3 first ({app.previous-step})."
    if written and _TRAIN.get(status.state or JobState.LOST) == _RESTING:
        return f"{written} is written: {{app.next-step}} compares it with the base."
    if status.state is not None:
        return _TRAIN[status.state]
    if missing:
        return f"{missing} {{train.annotate}} starts."
    return "Enough to train: {train.training}, then {training.pause} starts. More annotations help."


def training(status: TrainingStatus, missing: str | None, written: str) -> str:
    """Step 4, in the training pane."""
    if written and _TRAIN.get(status.state or JobState.LOST) == _RESTING:
        return f"{written} is written: {{app.next-step}} compares it with the base. {{training.more}} adds epochs."
    match status.state:
        case JobState.RUNNING | JobState.STARTING:
            return (
                "{training.pause} pauses after this epoch, {training.flips} lists images whose count flips, "
                "{training.detach} leaves."
            )
        case JobState.PAUSED:
            return (
                "{training.suggested} annotates what is suggested, {training.pause} goes on, {training.write} writes."
            )
        case JobState.FINISHED | JobState.STOPPED:
            return (
                "{training.write} writes the model; {training.more} adds epochs; {training.suggested} annotates more."
            )
        case JobState.FAILED | JobState.LOST:
            return "{training.pause} starts again where it was saved."
    return missing or "{training.pause} starts training."


def evaluate(
    new: str, drawn: int, compared: int, busy: bool, same: bool, any_left: bool = True, *, pairs_judged: bool = False
) -> str:
    """Step 5. `any_left`: there are images that no step has seen."""
    if not new:
        return "No new model yet: finish training in step 4 ({app.previous-step}), or choose one: {evaluate.model}."
    if same:
        return (
            f"{new} is the base model itself: choose another with {{evaluate.model}}, or {{evaluate.process}} process."
        )
    if not drawn and not any_left:
        return "No unseen image is left to compare on: add a sample in step 3. {evaluate.process} processes samples."
    if not drawn or (not compared and not busy):
        return f"{{evaluate.compare}} lets {new} and the base answer fresh random images."
    if busy:
        return "Both models are at work; where they differ comes first."
    if pairs_judged:
        return "All pairs are judged. {evaluate.process} processes samples, {evaluate.export} shares the model."
    return "{evaluate.pairs} judges pairs, {evaluate.process} processes samples, {evaluate.export} shares the model."
