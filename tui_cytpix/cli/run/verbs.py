"""`run new|base|select|annotate|finish DIR`: steps of a run that need no watching."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from tui_cytpix.cli import options
from tui_cytpix.cli.output import Progress, note, table, tell
from tui_cytpix.domain.annotation import Side
from tui_cytpix.domain.run_settings import DEFAULT_PREVIEW
from tui_cytpix.errors import CytpixError, UsageError
from tui_cytpix.workflow.annotate.from_labels import annotate_from_masks
from tui_cytpix.workflow.assess import review
from tui_cytpix.workflow.base_model import instrument, library
from tui_cytpix.workflow.run import run_samples, zoom
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.samples import coverage, selection, similar, template
from tui_cytpix.workflow.samples.inspect import inspect
from tui_cytpix.workflow.train import control
from tui_cytpix.workflow.train import finish as finish_training

BASE = "base"


def new_run(arguments: argparse.Namespace) -> int:
    """Makes the run, once samples and base are known to be good."""
    if arguments.base is None and arguments.like is None:
        raise UsageError("Which model is the base?", "", "Give --base M, or --like RUN to start as that run did.")
    like = None if arguments.like is None else template.template_of(arguments.like)
    usual = DEFAULT_PREVIEW if like is None else like.settings.selection.preview
    preview = usual if arguments.preview is None else arguments.preview
    selection.check_preview(preview)
    base = library.find(arguments.base) if like is None or arguments.base is not None else like.model
    library.refuse_as_base(base)
    listed, channel = options.given_samples(arguments), arguments.channel
    for one in listed:
        inspect(one.path, one.um_per_px, channel)
    name, seed = arguments.name, arguments.seed
    run = run_samples.create_run(arguments.run, (), channel=channel, listed=listed, name=name, seed=seed)
    try:
        with options.writing(run):
            taken_over = [] if like is None else template.take_over(run, like, base)
            library.choose(run, base)
            review.choose_model(run, base)
            asked_zoom = arguments.zoom or (like.settings.base_model.zoom if like else arguments.zoom)
            zoom_in_words = zoom.set_zoom(run, asked_zoom)
            told = [zoom_in_words] if asked_zoom or zoom.of_unknown_scale(run) else []
            selection.set_preview(run, preview)
            samples = run.settings.samples
            problems = [words for ref in samples for words in run_samples.problems_in_words(run, ref.name)]
            copies = [words for ref in samples[1:] for words in run_samples.copies_in_words(run, ref.name)]
    except CytpixError:
        run_samples.discard(run)
        raise
    settings, refs = run.settings, run.settings.samples
    unknown = [
        f"{ref.name}: um/px is unknown: no size cutoff, micron fields stay empty." for ref in refs if not ref.um_per_px
    ]
    note(*taken_over, *problems, *unknown, *told, *copies)
    found = [asdict(ref) for ref in refs]
    tell(
        arguments.json,
        {"run": str(run.path), "name": settings.name, "base": base.card.name, "samples": found},
        f"{run.path}: a run on {', '.join(r.name for r in refs)}, to start from {base.card.name}",
    )
    if not arguments.json:
        note(f"Next: tui-cytpix run select {run.path}, or annotate in the app: tui-cytpix {run.path}")
    return 0


def choose_base(arguments: argparse.Namespace) -> int:
    """Makes another model the base; training then begins at it."""
    chosen = None if arguments.model is None else library.find(arguments.model)
    with options.writing(Run.open(arguments.run)) as run:
        if chosen is not None:
            library.choose(run, chosen)
        base = library.base_of(run)
        if arguments.proposals is not None:
            by = base if arguments.proposals == BASE else library.find(arguments.proposals)
            instrument.refuse(run, by)
            library.propose_by(run, by)
            note(*instrument.noted_in_words(run, by))
        proposing = library.proposing(run)
        if arguments.zoom is not None:
            note(zoom.set_zoom(run, arguments.zoom))
    tell(
        arguments.json,
        {"run": str(arguments.run), "base": base.card.name, "hash": base.hash, "proposals": proposing.card.name},
        f"{arguments.run}: starts from {base.card.name}, annotating from {proposing.card.name}",
    )
    return 0


def select_images(arguments: argparse.Namespace) -> int:
    with options.writing(Run.open(arguments.run)) as run, Progress("looking at images") as progress:
        preview = run.settings.selection.preview if arguments.preview is None else arguments.preview
        note(*filter(None, [selection.leaves_too_few(run, preview)]))
        chosen = coverage.select(run, preview, progress)
        run.go_to("samples")
        figures = coverage.figures(run, chosen)
    note(*chosen.notes, *(one.in_words() for one in figures))
    settings = chosen.settings
    tell(
        arguments.json,
        {
            "run": str(run.path),
            "candidates": len(chosen.candidates),
            "random": [str(key) for key in settings.random],
            "variable": [str(key) for key in settings.variable],
            "similar": [str(key) for key in settings.similar],
            "notes": chosen.notes,
            "coverage": [asdict(one) | {"share": one.share} for one in figures],
        },
        f"{len(settings.images)} images: {settings.groups_in_words}",
    )
    return 0


def similar_images(arguments: argparse.Namespace) -> int:
    """Writes to the run only where it adds, so that it works beside an open app."""
    with options.writing(Run.open(arguments.run, writing=arguments.add)) as run:
        image = similar.image_of(run, arguments.image)
        with Progress("looking at images") as progress:
            found = similar.similar(run, image, arguments.images, arguments.look, progress)
        done = similar.choose(run, [one.image for one in found.found]) if arguments.add and found.found else ""
        rows = [(one, similar.mark_of(run, one.image)) for one in found.found]
    note(*found.notes, found.in_words(), *([done] if done else []))
    tell(
        arguments.json,
        {
            "run": str(arguments.run),
            "image": str(image),
            "measure": similar.MEASURE,
            "looked": {name: {"compared": n, "images": of} for name, (n, of) in found.looked.items()},
            "found": [{"image": str(one.image), "apart": one.apart, "mark": mark} for one, mark in rows],
            "notes": found.notes,
        },
        *table(("image", "apart", ""), [(one.image, f"{one.apart:.3f}", mark) for one, mark in rows]),
    )
    return 0


def annotate_run(arguments: argparse.Namespace) -> int:
    with options.writing(Run.open(arguments.run)) as run:
        taken_as = options.label_options(arguments)
        with Progress("checking label images") as progress:
            intake = annotate_from_masks(
                run, arguments.from_masks, arguments.sample, arguments.only, taken_as, progress
            )
        run.go_to("train")
        book = run.annotations
        counts = {"accepted": len(book.accepted()), "validation": len(book.side(Side.VALIDATION))}
        missing_to_train, copies = book.ready_to_train(), len(book.copies())
        control.reload(run)
    failures = [{"event": event, "reason": reason} for event, reason in intake.failures]
    tell(
        arguments.json,
        {"run": str(run.path), "taken": intake.accepted, "failures": failures, "notes": intake.notes, **counts},
        f"{intake.accepted} images annotated from {arguments.from_masks}",
        f"{counts['accepted']} in all, {counts['validation']} of them held out for validation",
    )
    note(*intake.notes)
    if copies:
        note(f"{copies} more have the same pixels as another: they count once.")
    if missing_to_train:
        note(missing_to_train)
    note(*(f"failed: {event}: {reason}" for event, reason in intake.failures))
    return 1 if failures else 0


def finish_run(arguments: argparse.Namespace) -> int:
    with options.writing(Run.open(arguments.run)) as run:
        model = finish_training.finish(run, arguments.name, arguments.checkpoint, arguments.notes)
        run.go_to("evaluate")
    tell(
        arguments.json,
        {"run": str(run.path), "model": model.path, "hash": model.hash, "card": asdict(model.card)},
        f"{model.path}: {model.card.name}, also in your library",
    )
    return 0
