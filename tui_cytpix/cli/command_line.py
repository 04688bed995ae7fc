"""The command lines of the verbs. A handler is named, `module:function` in `cli`, and imported when its verb is called:
so help is quick.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tui_cytpix
from tui_cytpix.cli import options
from tui_cytpix.cli.run import command_line as of_run
from tui_cytpix.domain.jobs.specs import FORMATS, PREFIX
from tui_cytpix.domain.words import did_you_mean
from tui_cytpix.errors import UsageError
from tui_cytpix.manual import CONTENTS, recipes
from tui_cytpix.simulate import LAYOUTS

PROGRAM = "tui-cytpix"
PATHS = "RUN | SAMPLE"
SHELLS = ("bash", "zsh", "fish")

_ABOUT = """\
Train and judge the models that annotate brightfield images from imaging flow cytometers.

With paths or nothing it opens the app; with a verb it works headless:
{verbs}
`{program} help VERB` tells more. A file named like a verb is written ./NAME."""


def _demo(prog: str) -> argparse.ArgumentParser:
    parser = options.verb(
        prog,
        "demo:demo",
        "Copies a sample run to ./NAME, or --dir, and walks through it; a copy that is there is kept.",
        with_json=False,
    )
    parser.add_argument("name", nargs="?", default="", metavar="SAMPLE_RUN", help="default: the first")
    parser.add_argument("--dir", type=Path, metavar="DIR", help="where to; default: ./NAME")
    options.add_graphics(parser)
    parser.add_argument("--no-open", action="store_true", help="copy only")
    return parser


def _inspect(prog: str) -> argparse.ArgumentParser:
    parser = options.verb(prog, "inspect:inspect", "Format, events, images, size, bits, scale, parameters, problems.")
    options.add_samples(parser)
    parser.add_argument(
        "--hash", action="store_true", help="read every image: hashes of their pixels, images that are there twice"
    )
    parser.add_argument(
        "--concordance",
        action="store_true",
        help="the instrument's parameters against ours on its own masks, and by which formula they agree; "
        "with --json an anonymous report",
    )
    parser.add_argument(
        "--images", type=options.positive, default=1000, metavar="N", help="drawn for --concordance; default: 1000"
    )
    parser.add_argument("--seed", type=options.not_negative, default=0, metavar="N", help="of the draw; default: 0")
    parser.add_argument("--out", type=Path, metavar="FILE", help="writes the anonymous report of --concordance")
    return parser


def _models(prog: str) -> argparse.ArgumentParser:
    parser = options.verb(prog, "models:list_models", "The model library: built-in models and yours.")
    actions = parser.add_subparsers(metavar="list | show | import | export", parser_class=options.Parser)

    listed = actions.add_parser("list", help="all models (the default)")
    listed.set_defaults(handler="models:list_models")

    show = actions.add_parser("show", help="a model's card")
    show.add_argument("model", metavar="M", help="a library name or a model file")
    show.set_defaults(handler="models:show_model")

    take = actions.add_parser("import", help="copy a model file into your library")
    take.add_argument("file", type=Path, metavar="FILE")
    take.add_argument("--name", default="", help="the name in the library; default: the card's")
    take.set_defaults(handler="models:import_model")

    give = actions.add_parser("export", help="copy a model to a file to share")
    give.add_argument("model", metavar="M", help="a library name or a model file")
    give.add_argument("out", type=Path, metavar="OUT", help="a file, or a folder to put it in; NAME.onnx for ONNX")
    give.set_defaults(handler="models:export_model")
    for action in (listed, show, take, give):
        # SUPPRESS: a default here would undo `models --json list`.
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="the result as JSON")
    return parser


def _triage(prog: str) -> argparse.ArgumentParser:
    parser = options.verb(
        prog, "triage:triage", "Ranks the models on samples by how often they are expected to miscount: an estimate."
    )
    options.add_samples(parser)
    parser.add_argument("--model", dest="models", action="append", default=[], metavar="M", help="default: all")
    parser.add_argument(
        "--images", type=options.positive, default=300, metavar="N", help="a random draw of each; default: 300"
    )
    parser.add_argument("--seed", type=options.not_negative, default=0, metavar="N", help="of the draw; default: 0")
    options.add_zoom(parser)
    options.add_gate(parser)
    options.add_device(parser)
    return parser


def _process(prog: str) -> argparse.ArgumentParser:
    parser = options.verb(prog, "process:process", "Processes all images of the samples and writes the results to DIR.")
    options.add_samples(parser, nargs="*")
    options.add_sheet(parser)
    parser.add_argument("--model", required=True, metavar="M", help="a library name or a model file")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the output folder")
    parser.add_argument(
        "--format",
        type=_formats,
        metavar="F,F",
        help=f"of {', '.join(FORMATS)}; default: csv, and fcs where there is one",
    )
    parser.add_argument(
        "--size-cutoff",
        type=options.micrometres,
        metavar="UM",
        help="least major diameter (MajorDiameterMicrons, not Feret's) of an object that is kept; default: the model's "
        "own; 0 turns it off",
    )
    options.add_zoom(parser)
    annotations = "a run: its accepted annotations in place of the model's answers, as with --model instrument"
    parser.add_argument("--annotations", type=Path, metavar="RUN", help=annotations)
    parser.add_argument("--prefix", default=PREFIX, help="of the parameters added to the FCS; default: %(default)s")
    parser.add_argument("--force", action="store_true", help="do again what is done already")
    parser.add_argument(
        "--shard", type=options.shard, metavar="I/N", help="every N-th sample of the list, from the I-th: 1/3, 2/3, 3/3"
    )
    parser.add_argument(
        "--status",
        action="store_true",
        help="process nothing, tell of each sample whether it is done as asked here; exit status 0 if all are",
    )
    options.add_gate(parser, columns=True)
    options.add_device(parser)
    options.add_slurm(parser, "submit the samples that aren't done as an array of Slurm, and don't wait")
    parser.add_argument(
        "--tasks",
        type=options.positive,
        metavar="N",
        help="of the array; default: by the size of the samples' files, 10 GiB a task, at most 1000",
    )
    parser.add_argument("--retry", action="store_true", help="with --on: submit those that failed, too")
    return parser


def _collect(prog: str) -> argparse.ArgumentParser:
    parser = options.verb(
        prog,
        "collect:collect",
        "Puts the tubes that process wrote into DIR side by side: a table (CSV) and one self-contained page, on which "
        "those that stand apart are marked. Reads their records only.",
    )
    parser.add_argument("out", type=Path, metavar="DIR", help="the output folder of process")
    parser.add_argument(
        "--out",
        dest="page",
        type=Path,
        metavar="PAGE.html",
        help="the page; the table lies beside it, PAGE.tubes.csv; default: DIR/batch.html",
    )
    options.add_sheet(parser)
    return parser


def _compare(prog: str) -> argparse.ArgumentParser:
    parser = options.verb(
        prog,
        "compare:compare",
        "Scores models on images with true label images; without them, says where models differ.",
    )
    options.add_samples(parser)
    parser.add_argument("--model", dest="models", action="append", required=True, metavar="M", help="repeatable")
    parser.add_argument(
        "--truth", action="append", default=[], type=Path, metavar="DIR", help="label images EVENT.png or EVENT.tif"
    )
    parser.add_argument(
        "--close-gaps",
        action="store_true",
        help="give lines of background of 1 or 2 px between the truth's cells to the cells beside them",
    )
    options.add_label_options(parser)
    parser.add_argument("--only", nargs="+", action="extend", default=[], metavar="EVENT", help="just these events")
    parser.add_argument(
        "--images", type=options.positive, metavar="N", help="a random draw; default: all with truth, 200 without"
    )
    parser.add_argument("--seed", type=options.not_negative, default=0, metavar="N", help="of the draw; default: 0")
    options.add_zoom(parser)
    options.add_device(parser)
    return parser


def _simulate(prog: str) -> argparse.ArgumentParser:
    parser = options.verb(
        prog,
        "simulate:simulate",
        "Makes a synthetic sample with its FCS; the true label images lie in PATH.truth. "
        "The same arguments give the same files.",
    )
    parser.add_argument("kind", metavar="KIND", help="e.g. pombe-edinburgh; an unknown one lists all")
    parser.add_argument("--out", type=Path, required=True, metavar="PATH", help="the archive or folder to make")
    parser.add_argument("--images", type=options.positive, required=True, metavar="N", help="imaged events")
    parser.add_argument("--layout", choices=LAYOUTS, default="acs", help="default: acs; an export is zipped to a .zip")
    parser.add_argument("--seed", type=options.not_negative, default=0, metavar="N", help="default: 0")
    return parser


def _manual(prog: str) -> argparse.ArgumentParser:
    parser = options.verb(
        prog,
        "manual:manual",
        "Shows a page of the manual: laid out on a terminal, else Markdown. A recipe is printed as it is: "
        f"{', '.join(recipes())}.",
        with_json=False,
    )
    parser.add_argument("page", nargs="?", default=CONTENTS, metavar="PAGE", help="default: the list of pages")
    return parser


def _help(prog: str) -> argparse.ArgumentParser:
    parser = options.verb(
        prog, "program.help:tell", "What --help says, of a verb or a verb within one.", with_json=False
    )
    parser.add_argument("verbs", nargs="*", metavar="VERB", help="as in: help run train; none: of the program")
    return parser


def _completion(prog: str) -> argparse.ArgumentParser:
    parser = options.verb(
        prog,
        "program.completion:script",
        "Prints what a shell runs to complete verbs, options, models, kinds, gates and files by Tab: for ~/.bashrc or "
        "~/.zshrc (after compinit), or to keep in fish's folder of completions.",
        with_json=False,
    )
    parser.add_argument("shell", choices=SHELLS, help="which")
    return parser


def _serve(prog: str) -> argparse.ArgumentParser:
    parser = options.verb(
        prog,
        "program.serve:serve",
        "Opens the app in a browser, where there is no terminal: at an address of this machine alone, which it prints "
        "and nobody can guess; needs the extra `serve`.",
        with_json=False,
    )
    parser.add_argument("paths", nargs="*", metavar=PATHS, help="as without the verb")
    parser.add_argument("--port", type=options.port, default=8000, metavar="N", help="default: %(default)s")
    options.add_graphics(parser)
    return parser


def _bundle(prog: str) -> argparse.ArgumentParser:
    parser = options.verb(
        prog,
        "program.bundle:bundle",
        "What to send with a bug report: versions, settings, logs, and of a run its settings and logs; no image and no "
        "mask, and of samples, labels, persons, machines and files no name. Tells what is in it; --out writes it.",
    )
    parser.add_argument("run", nargs="?", type=Path, metavar="RUN", help="the run that it is about")
    parser.add_argument("--out", type=Path, metavar="FILE.zip", help="a new file; none given: only tell")
    parser.add_argument("--names", action="store_true", help="with all names, where they matter for the bug")
    return parser


def _formats(text: str) -> tuple[str, ...]:
    return tuple(f.strip() for f in text.split(",") if f.strip())


class Verb(NamedTuple):
    """What the program's help says `about` it, and what makes its command line."""

    about: str
    parser: Callable[[str], argparse.ArgumentParser]


VERBS: Mapping[str, Verb] = {
    "demo": Verb("copy a sample run and open it", _demo),
    "inspect": Verb("what a sample holds", _inspect),
    "models": Verb("the model library", _models),
    "triage": Verb("rank the models on a sample, without a review", _triage),
    "process": Verb("count, mask and measure whole samples", _process),
    "collect": Verb("the tubes that were processed, side by side on one page", _collect),
    "compare": Verb("models against truth, or against each other", _compare),
    "run": Verb("a training run, step by step", of_run.parser),
    "simulate": Verb("make synthetic samples with their truth", _simulate),
    "manual": Verb("read the manual", _manual),
    "help": Verb("what --help says, of a verb", _help),
    "serve": Verb("the app in a browser, for this machine only", _serve),
    "bundle": Verb("what to send with a bug report", _bundle),
    "completion": Verb("complete command lines by Tab in bash, zsh or fish", _completion),
}


def app_parser() -> argparse.ArgumentParser:
    """Of the program without a verb."""
    verbs = "\n".join(f"  {name:<11} {verb.about}" for name, verb in VERBS.items())
    parser = options.Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [options] [RUN | SAMPLE ...]\n       {PROGRAM} VERB ...",
        description=_ABOUT.format(program=PROGRAM, verbs=verbs),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="*", metavar=PATHS, help="a run to open, or samples for a new run")
    options.add_scale(parser)
    options.add_channel(parser)
    options.add_graphics(parser)
    parser.add_argument("-V", "--version", action=_Version, help="show program's version number and exit")
    return parser


class _Version(argparse.Action):
    """Which version it is, and whether it does without its compiled library; that is asked only then."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "nargs": 0, "dest": argparse.SUPPRESS})

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from tui_cytpix.core.kernel import library

        print(f"{PROGRAM} {tui_cytpix.__version__}")
        if absence := library.absence():
            print(absence)
        parser.exit()


def inner_verbs(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """The verbs within a verb, by name."""
    inner = [action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return inner[0] if inner else {}


def parser_of(words: Sequence[str]) -> argparse.ArgumentParser:
    """Of a verb, or a verb within one: `run train`.

    Raises:
        UsageError: there is no such verb.
    """
    first, *others = words
    if first not in VERBS:
        raise UsageError("No such verb", first, did_you_mean(first, VERBS))
    parser = VERBS[first].parser(f"{PROGRAM} {first}")
    for word in others:
        inner = inner_verbs(parser)
        if word not in inner:
            raise UsageError("No such verb", f"{parser.prog} {word}", did_you_mean(word, inner))
        parser = inner[word]
    return parser
