"""Step 2: the model library, and a run's choice from it."""

from __future__ import annotations

import itertools
import re
import shutil
from dataclasses import replace
from pathlib import Path

from tui_cytpix.domain.jobs.specs import OnnxSpec
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.words import did_you_mean
from tui_cytpix.errors import ModelFileError, refusal
from tui_cytpix.formats.bytes.atomic import replacing, scratch_folder
from tui_cytpix.formats.model.file import check_usable, file_hash, read_card, read_tensors, write_model
from tui_cytpix.workflow.run import jobs, predict
from tui_cytpix.workflow.run.refuse_existing import refuse_existing
from tui_cytpix.workflow.run.resources import built_in_models, user_models
from tui_cytpix.workflow.run.run import Run

SUFFIX, ONNX = ".safetensors", ".onnx"
FAMILIES = "cell general bead instrument"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def library() -> list[ModelEntry]:
    """The built-in models, those for cells first, then the user's; files that are no models are passed over."""
    entries = []
    for folder in (built_in_models(), user_models()):
        paths = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
        if folder == built_in_models():
            paths.sort(key=lambda path: FAMILIES.find(path.stem.partition("-")[0]))
        for path in paths:
            try:
                entries.append(entry(path))
            except ModelFileError:
                continue
    return entries


def names() -> list[str]:
    """All that the library's models are called; no file is opened."""
    return [path.stem for folder in (built_in_models(), user_models()) for path in sorted(folder.glob(f"*{SUFFIX}"))]


def entry(path: Path) -> ModelEntry:
    """The entry of a model file.

    Raises:
        ModelFileError: it is no model.
    """
    card = read_card(path)
    return ModelEntry(card, str(Path(path).resolve()), file_hash(path))


def find(name: str) -> ModelEntry:
    """A model by its library name or its file.

    Raises:
        ModelFileError: neither is there; the names that exist are listed.
    """
    if name.endswith(SUFFIX) or "/" in name:
        return entry(Path(name))
    for folder in (built_in_models(), user_models()):
        path = folder / f"{name}{SUFFIX}"
        if _NAME.fullmatch(name) and path.is_file():
            return entry(path)
    if Path(name).exists():
        return entry(Path(name))
    names = [e.card.name for e in library()]
    raise ModelFileError(
        "There is no such model",
        f"{name!r}: neither a model file nor in the library ({', '.join(names) or 'none'}).",
        did_you_mean(name, names) or "Check the name.",
    )


def import_model(path: Path, name: str = "") -> ModelEntry:
    """Copies a model file into the user's library; under another name, its card gets that name too.

    Raises:
        ModelFileError: it is no model, its weights are damaged, this version can't run it, or the name is taken.
    """
    tensors, card = read_tensors(path), read_card(path)
    check_usable(card, path)
    name = name or card.name
    check_name(name)
    target = user_models() / f"{name}{SUFFIX}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if name == card.name:
            with replacing(target) as aside:
                shutil.copyfile(path, aside)
        else:
            write_model(target, tensors, replace(card, name=name))
    except OSError as error:
        raise ModelFileError(*refusal(error, target, "The model can't be put into your library")) from error
    return entry(target)


def check_name(name: str) -> None:
    """Raises:
    ModelFileError: no proper name for a new model, or taken.
    """
    if not _NAME.fullmatch(name):
        raise ModelFileError(
            "This is no name for a model", f"{name!r}.", "Use up to 64 letters, digits, '.', '_' and '-'."
        )
    if taken := _taken(name):
        raise ModelFileError("The name is taken", f"{name!r}: {taken[0]}.", "Choose another name.")


def free_name(name: str) -> str:
    """A proper name like this one that no model has: `name`, else `name-2`, `name-3`, ..."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:60] or "model"
    return next(free for n in itertools.count(1) if not _taken(free := stem if n == 1 else f"{stem}-{n}"))


def _taken(name: str) -> list[Path]:
    paths = [folder / f"{name}{SUFFIX}" for folder in (built_in_models(), user_models())]
    return [path for path in paths if path.exists()]


def export_model(model: ModelEntry, out: Path, *, replace: bool = False) -> Path:
    """Copies a model's file to `out` (a file, or a folder to put it in); one that ends in `.onnx` gets the network in
    that format, which takes some seconds.

    Raises:
        UsageError: something is there already, and is not to be replaced.
        ModelFileError: it can't be written.
        JobError: ONNX can't be written.
    """
    target = out / f"{model.card.name}{SUFFIX}" if out.is_dir() else out
    if not replace:
        refuse_existing(target)
    try:
        if target.suffix == ONNX:
            _export_onnx(model, target)
            return target
        with replacing(target) as aside:
            shutil.copyfile(model.path, aside)
    except OSError as error:
        raise ModelFileError(*refusal(error, target, "The model can't be written")) from error
    return target


def _export_onnx(model: ModelEntry, target: Path) -> None:
    with scratch_folder() as aside:
        job = jobs.create(aside, OnnxSpec(model=model.path, out=str(target.resolve())))
        jobs.start(job)
        predict.wait(job, lambda _event: None)


def is_built_in(model: ModelEntry) -> bool:
    """By where its file lies, whatever its card says."""
    return Path(model.path).parent == built_in_models()


def reference(model: ModelEntry) -> str:
    """How a run names the model: a built-in one by its name, any other by its file."""
    return model.card.name if is_built_in(model) else model.path


def choose(run: Run, model: ModelEntry, compared_with: str = "") -> None:
    """Makes it the run's base model.

    Raises:
        ModelFileError: this version can't run it, or it can't be trained on.
    """
    refuse_as_base(model)
    check_usable(model.card, Path(model.path))
    base = replace(run.settings.base_model, model=reference(model), hash=model.hash, compared_with=compared_with)
    run.update(replace(run.settings, base_model=base))


def refuse_as_base(model: ModelEntry) -> None:
    """Raises:
    ModelFileError: it is the instrument's masks.
    """
    if model.card.of_instrument:
        raise ModelFileError(
            "The instrument's masks can't be the base model",
            "They are no network, so nothing can be trained on them.",
            "Choose a base model, and let annotating begin from the instrument's masks: "
            "`run base DIR --proposals instrument`, in step 2 the key for proposals.",
        )


def propose_by(run: Run, model: ModelEntry) -> None:
    """Lets annotating begin from that model's answers, or, if it is the base model, from the base's, whichever that is.

    Raises:
        ModelFileError: this version can't run it.
    """
    check_usable(model.card, Path(model.path))
    before = run.settings.base_model
    proposals = "" if model.hash == before.hash else reference(model)
    run.update(replace(run.settings, base_model=replace(before, proposals=proposals)))


def proposing(run: Run) -> ModelEntry:
    """The model whose answers annotating begins from: the base model, unless another is chosen for that.

    Raises:
        ModelFileError: none is chosen, it is gone, or the base's file changed since the choice.
    """
    chosen = run.settings.base_model.proposals
    return find(chosen) if chosen else base_of(run)


def base_of(run: Run) -> ModelEntry:
    """The run's base model.

    Raises:
        ModelFileError: none is chosen, it is gone, or its file changed since the choice.
    """
    chosen = run.settings.base_model
    if not chosen.model:
        raise ModelFileError("No base model is chosen", str(run.path), "Choose one in step 2.")
    found = find(chosen.model)
    if chosen.hash and found.hash != chosen.hash:
        raise ModelFileError(
            "The base model changed since it was chosen",
            f"{found.path}." if found.card.kind != "built-in" else f"{chosen.model} was remade for this version.",
            "Choose it again in step 2 (headless: `run base`); what you annotated and judged stays.",
        )
    return found
