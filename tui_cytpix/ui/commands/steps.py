"""Commands of the five step screens and of the panes in them."""

from __future__ import annotations

from tui_cytpix.domain.jobs.specs import FORMATS
from tui_cytpix.ui.commands.command import Command, digit

_C = Command
MAGNIFY = "How many times as large models see images of unknown scale; where µm/px is known (step 3) it decides."

BLIND_FIRST = "Reviews ask for the true count before they show the answer; a tenth of the images comes twice."


def _judgement(name: str, keys: str, label: str, words: str, *, footer: bool = False) -> Command:
    """`name` is that of a `Judgement`."""
    return Command(f"review.{name}", keys, label, words, footer, f"judge('{name}')", decides=True)


def _preference(name: str, keys: str, label: str, words: str, said: int | str, *, footer: bool = False) -> Command:
    """`said` is what `PairReview.action_prefer` takes."""
    return Command(f"pair_review.{name}", keys, label, words, footer, f"prefer({said})", decides=True)


STEP = (
    _C("step.cancel", "C", "Cancel", "Stop the task at work; what is done stays."),
    _C(
        "step.more-words",
        "semicolon",
        "More text",
        "Scroll the text beside or below the images on; from its end, back to its top.",
    ),
)

TABLE = (
    _C("table.select-cursor", "enter", "Choose", "Take the row under the cursor.", footer=True),
    _C("table.cursor-down", "j,down", "Down", "One row down, up."),
    _C("table.cursor-up", "k,up", "Up"),
)

ASSESS = (
    _C("assess.process", "p", "Process", "Draw random images and process them with the model to judge.", footer=True),
    _C("assess.review", "v", "Review", "Judge the images one by one, in random order.", footer=True),
    _C("assess.model", "m", "Model", "Judge another model.", footer=True),
    _C("assess.explore", "E", "Explore", "Plots of the events, and gates to draw images from."),
    _C(
        "assess.goal",
        "i",
        "Goal",
        "Change the goal, the tolerated rates, what must be right or the counting convention.",
    ),
    _C(
        "assess.magnify",
        "M",
        "Magnify",
        MAGNIFY,
    ),
    _C("assess.over-sample", "W", "Over-sample", "Show plain images less often, weighted: bad models are told sooner."),
    _C("assess.blind-first", "T", "Blind first", BLIND_FIRST),
    _C("assess.undo", "u", "Undo", "Take the last judgement back; what stood before stands again. Redo it.", once=True),
    _C("assess.redo", "U", "Redo", once=True),
    _C("assess.blurred", "b", "Blurred", "Leave blurred images out of the review: asks for the least focus score."),
)

REVIEW = (
    _judgement("acceptable", "a", "Acceptable", "Centroids and mask are right; go on.", footer=True),
    _judgement("count", "c", "Count error", "The centroids are wrong; go on.", footer=True),
    _judgement("mask", "m", "Mask error", "The mask does not fit; go on.", footer=True),
    _judgement("both", "b", "Both", "Count and mask are wrong; go on.", footer=True),
    _judgement("unusable", "x", "Unusable", "Blank, out of focus or cut by the border; go on."),
    _judgement("indistinguishable", "I", "Indistinguishable", "The cells can't be told apart; go on."),
    _C("review.skip", "space", "Skip", "Go on without a judgement, or with a count alone.", footer=True, decides=True),
    _C("review.raw", "r", "Raw", "The image without overlay; again: with it."),
    *(
        _C(
            f"review.true-{n}",
            digit(n),
            f"Count {n}",
            "0 to 9: so many there are; a count error where the model counts otherwise. Then judge the mask, or go on."
            if n == 0
            else "",
            action=f"true({n})",
            decides=True,
        )
        for n in range(10)
    ),
    _C(
        "review.undo",
        "u",
        "Undo",
        "Take the last judgement back, on its image; what stood before stands again. Redo it.",
        footer=True,
        once=True,
        action="take_back(False)",
    ),
    _C("review.redo", "U", "Redo", once=True, action="take_back(True)"),
    _C("review.next", "pagedown", "Next", "The next image, the one before, without a judgement.", action="step(1)"),
    _C("review.previous", "pageup", "Previous", action="step(-1)"),
    _C("review.first", "home", "First", "The first image, the last."),
    _C("review.last", "end", "Last"),
)

PAIR = (
    _C("pair.next", "pagedown,n,j,down", "Next", "The next image, the one before.", footer=True, action="go(1)"),
    _C("pair.previous", "pageup,N,k,up", "Previous", action="go(-1)"),
    _C("pair.first", "g,home", "First", "The first image, the last."),
    _C("pair.last", "G,end", "Last"),
    _C(
        "pair.overlay",
        "o",
        "Overlay",
        "Overlay: outline and centroids, filled masks, none.",
        footer=True,
        action="on_all('overlay')",
    ),
    _C("pair.overlay-off", "O", "No overlay", "Overlay off; again: back.", action="on_all('overlay_off')"),
    _C("pair.zoom-in", "z", "Zoom", "Zoom in, out.", footer=True, action="on_all('zoom', 1)"),
    _C("pair.zoom-out", "Z", "Zoom out", action="on_all('zoom', -1)"),
)

PAIR_REVIEW = (
    _preference(
        "first-better", digit(1), "Left", "The left answer is better: its count, else its mask.", 0, footer=True
    ),
    _preference("second-better", digit(2), "Right", "The right answer is better.", 1, footer=True),
    _preference("equal", "equals_sign", "Equal", "Both right and equally good; go on.", "'equal'", footer=True),
    _preference("neither", digit(0), "Neither", "Both count wrong; go on.", "'neither'", footer=True),
    _preference("unclear", "I", "Indistinguishable", "The cells can't be told apart; go on.", "'unclear'"),
    _preference("skip", "space", "Skip", "Go on without a preference.", "'skipped'"),
    _C(
        "pair_review.undo",
        "u",
        "Undo",
        "Take the last preference back, on its image; what stood before stands again. Redo it.",
        footer=True,
        once=True,
        action="take_back(False)",
    ),
    _C("pair_review.redo", "U", "Redo", once=True, action="take_back(True)"),
    _C("pair_review.reveal", "R", "Reveal", "Which is which, from here on.", footer=True),
)

PAIR_COUNT = tuple(
    _C(
        f"pair_count.true-{n}",
        digit(n),
        f"Count {n}",
        "0 to 9, on the raw image: so many there are; then, where both models count so, the masks." if n == 0 else "",
        action=f"true({n})",
        decides=True,
    )
    for n in range(10)
)

BASE_MODEL = (
    _C("base_model.mark", "space", "Mark", "Mark the model for comparison, at most four.", footer=True),
    _C("base_model.compare", "c", "Compare", "The marked models side by side, disagreements first.", footer=True),
    _C(
        "base_model.triage",
        "t",
        "Triage",
        "Estimate how often each model counts right on this run's samples, without a review.",
        footer=True,
    ),
    _C("base_model.propose", "p", "Propose", "Let annotating begin from this model's answers."),
    _C("base_model.magnify", "M", "Magnify", MAGNIFY),
    _C("base_model.import", "i", "Import", "Take a model file into the library.", action="import_model"),
    _C("base_model.export", "x", "Export", "Copy the model's file to a place of yours.", action="export_model"),
)

SAMPLES = (
    _C("samples.select", "s", "Select", "Select the preview images, 70 % at random, 30 % for variety.", footer=True),
    _C("samples.preview", "p", "Select how many", "State how many (50 to 1000), and select them.", footer=True),
    _C("samples.channel", "x", "Channel", "Choose the channel that is read, of images with several."),
    _C("samples.scale", "m", "µm/px", "State the sample's pixel size in micrometres.", footer=True),
    _C(
        "samples.condition",
        "c",
        "Condition",
        "Label the sample's condition.",
        footer=True,
        action="label('condition')",
    ),
    _C(
        "samples.unit",
        "i",
        "Unit",
        "Label what was sampled independently: its culture, donor or animal.",
        footer=True,
        action="label('unit')",
    ),
    _C("samples.tube", "y", "Tube", "Label which tube of its unit it is.", action="label('tube')"),
    _C("samples.day", "d", "Day", "Label its day.", action="label('day')"),
    _C(
        "samples.role", "r", "Role", "Research, training, evaluation or aside (used for nothing), in turn.", footer=True
    ),
    _C("samples.add", "a", "Add", "Add a sample by its path.", footer=True),
    _C("samples.explore", "E", "Explore", "Plots of the events, and gates to draw images from.", footer=True),
    _C("samples.uncovered", "u", "Uncovered", "The research samples' images that look like nothing selected."),
    _C("samples.images", "v", "Images", "To the selected images, and back to the samples.", footer=True),
)

SIMILAR = (
    _C(
        "similar.choose",
        "t",
        "To training",
        "Add the marked images, or the one under the cursor, to the preview; again: take them out.",
        footer=True,
    ),
    _C("similar.annotate", "e", "Annotate", "Add them to the preview and annotate them.", footer=True),
    _C("similar.further", "m", "Look further", "Compare more images of each sample.", footer=True),
)

TRAIN = (
    _C("train.annotate", "a", "Annotate", "Annotate images, from the one under the cursor on.", footer=True),
    _C("train.edit", "e", "Edit", "Edit the image under the cursor."),
    _C("train.training", "t", "Training", "To the training pane, with curves and controls.", footer=True),
)

TRAINING = (
    _C(
        "training.pause",
        "p",
        "Start/pause",
        "Start; pause after this epoch; go on.",
        footer=True,
        action="wish('pause')",
    ),
    _C("training.more", "e", "Epochs", "Train more epochs: asks how many.", footer=True, action="wish('more')"),
    _C(
        "training.stop",
        "s",
        "Stop",
        "Stop after this epoch (asks); the model so far stays.",
        footer=True,
        action="wish('stop')",
    ),
    _C(
        "training.suggested",
        "a",
        "Annotate",
        "Annotate what the advice names, then what is suggested: flipping images first.",
        footer=True,
        action="wish('suggested')",
    ),
    _C(
        "training.flips",
        "f",
        "Flips",
        "The images whose count flips; Enter annotates one.",
        footer=True,
        action="wish('flips')",
    ),
    _C(
        "training.similar",
        "A",
        "Alike",
        "Among the flips: more like this, images of all samples that resemble it most.",
        action="wish('similar')",
    ),
    _C(
        "training.check",
        "k",
        "Cross-check",
        "Every annotated image by a model that did not train on it, once this epoch has ended.",
        action="wish('check')",
    ),
    _C(
        "training.best",
        "b",
        "Checkpoint",
        "Which checkpoint becomes the model: the best, the last, ...",
        action="wish('best')",
    ),
    _C(
        "training.write",
        "w",
        "Write",
        "Write the model: asks for its name.",
        footer=True,
        action="wish('write')",
    ),
    _C(
        "training.detach",
        "d",
        "Detach",
        "Leave; training goes on, and the run shows it when reopened.",
        action="wish('detach')",
    ),
    _C(
        "training.cutoff",
        "m",
        "Size cutoff",
        "Least major diameter of a kept object, in µm; the sizes found are shown.",
        action="wish('cutoff')",
    ),
    _C(
        "training.compute",
        "c",
        "Device",
        "Where to train from the next start on: device, threads, and how many views a step has.",
        action="wish('compute')",
    ),
    _C("training.gallery", "t,tab", "Gallery", "Back to the gallery.", footer=True, action="wish('gallery')"),
)

EVALUATE = (
    _C("evaluate.compare", "c", "Compare", "New model and base on fresh random images.", footer=True),
    _C("evaluate.pairs", "r", "Pairs", "New against base, image by image: which is better?", footer=True),
    _C("evaluate.blind", "B", "Blind", "Pairs with or without knowing which is which."),
    _C("evaluate.blind-first", "T", "Blind first", BLIND_FIRST),
    _C("evaluate.review", "v", "Review", "Judge the new model on them, one by one.", footer=True),
    _C("evaluate.process", "p", "Process", "Process the whole samples and write files.", footer=True),
    _C("evaluate.report", "R", "Report", "Write all that was decided, with figures, as one HTML page."),
    _C("evaluate.explore", "E", "Explore", "Plots of the events, gates and their images.", footer=True),
    _C("evaluate.model", "m", "Model", "Evaluate another model than the run's new one."),
    _C("evaluate.export", "x", "Export", "Copy the model's file to share it.", footer=True, action="export_model"),
)

PROCESS = (
    *(
        _C(
            f"process.toggle-{n}",
            digit(n),
            f"Format {n}",
            "Switch an output format on or off." if n == 1 else "",
            action=f"wish('{n}')",
        )
        for n in range(1, 1 + len(FORMATS))
    ),
    _C("process.run", "enter", "Start", "Start processing.", footer=True, action="wish('run')"),
    _C("process.slurm", "S", "On Slurm", "Start processing on a node of Slurm.", footer=True, action="wish('slurm')"),
)

COMMANDS = (
    STEP
    + TABLE
    + ASSESS
    + REVIEW
    + PAIR
    + PAIR_REVIEW
    + PAIR_COUNT
    + BASE_MODEL
    + SAMPLES
    + SIMILAR
    + TRAIN
    + TRAINING
    + EVALUATE
    + PROCESS
)
