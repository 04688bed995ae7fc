"""What several verbs share: options, the types of their values, and a run that is changed."""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tui_cytpix.cli.examples import examples_of
from tui_cytpix.cli.output import note
from tui_cytpix.domain import entered_numbers
from tui_cytpix.domain.run_settings import parse_kinds
from tui_cytpix.domain.sample import well_of
from tui_cytpix.domain.words import did_you_mean, printable
from tui_cytpix.domain.zoom import parse_zoom
from tui_cytpix.errors import RunError, UsageError
from tui_cytpix.workflow.run.user_settings import GRAPHICS
from tui_cytpix.workflow.samples.inspect import READABLE, each_once

if TYPE_CHECKING:
    from tui_cytpix.workflow.base_model.label_check import LabelOptions
    from tui_cytpix.workflow.explore.gates import RunGate
    from tui_cytpix.workflow.run.run import Run
    from tui_cytpix.workflow.run.sample_sheet import GivenSample

ValueT = TypeVar("ValueT")
DEVICES = ("auto", "cpu", "cuda")
_NO_CHOICE = re.compile(r"invalid choice: '(?P<given>.*)' \(choose from (?P<choices>.*)\)")


class Parser(argparse.ArgumentParser):
    """Options are written out in full, so that adding one never changes what a script means. Help ends with examples;
    what isn't known is told with what may have been meant.
    """

    def __init__(self, **settings: object) -> None:
        super().__init__(**{"allow_abbrev": False, **settings})  # type: ignore[arg-type]
        self._given: list[str] = []
        self.add_argument(
            "--debug",
            action="store_true",
            default=argparse.SUPPRESS,  # a verb within a verb must not take back what was said before it
            help="write what happens to diagnostic.log, for a bug report",
        )

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """What is left over is told here, by the innermost verb, whose options are the ones that were meant."""
        self._given = sys.argv[1:] if args is None else list(args)
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(". ".join([f"unrecognized arguments: {' '.join(unknown)}", *self._meant(unknown)]))
        return parsed, []

    def _meant(self, words: Sequence[str]) -> list[str]:
        """What options that aren't known were to be."""
        own = [name for action in self._actions for name in action.option_strings]
        names = [word.partition("=")[0] for word in words if word.startswith("--")]
        return [guess for name in names if name not in own and (guess := did_you_mean(name, own))]

    def format_help(self) -> str:
        lines = "".join(f"  {line}\n" for line in examples_of(self.prog))
        return super().format_help() + (f"\nexamples:\n{lines}" if lines else "")

    def error(self, message: str) -> None:  # type: ignore[override]
        if found := _NO_CHOICE.search(message):
            guess = did_you_mean(found["given"], re.findall(r"[^\s',]+", found["choices"]))
            message = f"{message}. {guess}" if guess else message
        elif "are required" in message:  # it may have been given, mistyped
            message = ". ".join([message, *self._meant(self._given)])
        self.exit(2, f"{self.prog}: {printable(message)} (see {self.prog} --help)\n")


def verb(prog: str, handler: str, description: str, *, with_json: bool = True) -> Parser:
    """A verb's command line, and the handler (`module:function` in `cli`) that does what it asks."""
    parser = Parser(prog=prog, description=description)
    if with_json:
        add_json(parser)
    parser.set_defaults(handler=handler)
    return parser


def add_verb(verbs: Any, name: str, what: str, handler: str = "", *, of_run: bool = False) -> argparse.ArgumentParser:
    """A verb within a verb; `what` it does, in the list and in its own help. `of_run`: it begins with the run's folder;
    with `--json` where it has a handler.
    """
    # argparse formats the one with %, and not the other.
    added: argparse.ArgumentParser = verbs.add_parser(
        name, help=what.replace("%", "%%"), description=f"{what[0].upper()}{what[1:]}."
    )
    if of_run:
        added.add_argument("run", type=Path, metavar="DIR", help="the run's folder")
    if handler:
        add_json(added)
        added.set_defaults(handler=handler)
    return added


def _entered(parse: Callable[[str], ValueT]) -> Callable[[str], ValueT]:
    """For argparse, which tells what an ArgumentTypeError says."""

    def take(text: str) -> ValueT:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return take


um_per_px = _entered(entered_numbers.pixel_size)
stated_um_per_px = _entered(entered_numbers.stated_pixel_size)
micrometres = _entered(entered_numbers.size_cutoff)
kinds = _entered(parse_kinds)
percentage = _entered(entered_numbers.percentage)
zoom = _entered(parse_zoom)
well = _entered(well_of)
positive = _entered(entered_numbers.whole(1))
shard = _entered(entered_numbers.shard)
not_negative = _entered(entered_numbers.whole(0))
port = _entered(entered_numbers.whole(1, 65535))
threads = _entered(entered_numbers.whole(0, entered_numbers.MOST_THREADS))
batch = _entered(entered_numbers.whole(1, entered_numbers.MOST_BATCH))
epochs = _entered(entered_numbers.whole(1, entered_numbers.MOST_EPOCHS))


class Samples(argparse.Action):
    """Paths of samples, repeatable; a sample of several files comes once where several name it."""

    def __call__(self, _: object, namespace: argparse.Namespace, values: Any, __: str | None = None) -> None:
        setattr(namespace, self.dest, each_once([*(getattr(namespace, self.dest) or ()), *values]))


def add_samples(parser: argparse.ArgumentParser, nargs: str = "+") -> None:
    parser.add_argument("samples", nargs=nargs, action=Samples, type=Path, metavar="SAMPLE", help=READABLE)
    add_scale(parser)
    add_channel(parser)


def add_sheet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--samples",
        dest="sheet",
        type=Path,
        metavar="LIST",
        help="a sample sheet: a list of paths, or a table with the columns path, condition, unit, tube, day, role, "
        "well, control, um_per_px, as spreadsheets save it",
    )


def given_samples(arguments: argparse.Namespace) -> list[GivenSample]:
    """Those that were named, and those of a sample sheet.

    Raises:
        UsageError: neither was given.
        InputError: the sheet can't be read.
    """
    from tui_cytpix.workflow.run.sample_sheet import GivenSample, read_sheet, remarks

    given = [GivenSample(path, arguments.um_per_px) for path in arguments.samples]
    if arguments.sheet is not None:
        listed = read_sheet(arguments.sheet, arguments.um_per_px)
        note(*remarks(arguments.sheet, listed))
        given += listed
    if not given:
        raise UsageError("No sample is given", "", "Name samples, or give --samples LIST.")
    return given


def add_scale(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--um-per-px", type=um_per_px, metavar="X", help="micrometres per pixel, where files don't say")


def add_channel(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--channel", default="", metavar="NAME|N", help="of images with several; default: the brightfield-like one"
    )


def add_stated_scale(parser: argparse.ArgumentParser) -> None:
    said = "micrometres per pixel, whatever files say; 0: unknown"
    parser.add_argument("--um-per-px", type=stated_um_per_px, metavar="X", help=said)


def add_zoom(parser: argparse.ArgumentParser, *, of_run: bool = False) -> None:
    """How large models see images of unknown scale; `of_run`: the run says, where it isn't given."""
    automatic = "0, automatic: as the model was trained, else by the size of the particles"
    parser.add_argument(
        "--zoom",
        type=zoom,
        default=None if of_run else 0.0,
        metavar="X",
        help="where um/px is unknown, the model sees images X times as large as they are (a known one decides); "
        f"default: {'as the run says' if of_run else automatic}",
    )


def add_gate(parser: argparse.ArgumentParser, *, columns: bool = False) -> None:
    """`columns`: an FCS is written, which tells the gates."""
    parser.add_argument("--gate", default="", metavar="GATE", help="only events in this gate; needs --gates-of")
    told = "; each of its gates becomes a parameter of the FCS, 1 for the events in it" if columns else ""
    parser.add_argument("--gates-of", type=Path, metavar="RUN", help=f"the run whose gate it is; see `run gate`{told}")


def gate_of(arguments: argparse.Namespace, *, columns: bool = False) -> RunGate | None:
    """The gate that was asked for; with `columns` all events of a run's, too, where no gate was named.

    Raises:
        UsageError: one option without the other, or the run has no such gate.
        RunError: there is no such run.
    """
    from tui_cytpix.workflow.explore.gates import RunGate

    if arguments.gates_of is None:
        if arguments.gate:
            raise UsageError("A gate needs its run", "", "Give --gate NAME and --gates-of RUN together.")
        return None
    if not arguments.gate and not columns:
        raise UsageError("Which gate of the run?", "", "Give --gate NAME and --gates-of RUN together.")
    return RunGate.of(arguments.gates_of, arguments.gate)


def add_graphics(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--graphics", choices=GRAPHICS, default="", help="how images are drawn; default: as set, or auto"
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", choices=DEVICES, default="auto", help="default: auto")
    parser.add_argument("--threads", type=threads, default=0, metavar="N", help="default: 0, the engine chooses")


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="the result as one JSON document on stdout")


@contextlib.contextmanager
def writing(run: Run) -> Iterator[Run]:
    """The run, closed at the end; what could not be saved is an error.

    Raises:
        RunError: the disk refused.
    """
    try:
        yield run
        saved, problem = run.flush(), run.problem
    finally:
        run.close()
    if not saved:
        if not problem:
            raise RunError(
                "Not all could be saved", f"{run.path}: the disk is too slow.", "See what is saved and go on."
            )
        raise RunError("Not all could be saved", problem, "Free some space and try again.")


def add_label_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--split-regions",
        action="store_true",
        help="of plain masks: each separate region of one value is a cell of its own",
    )
    parser.add_argument(
        "--trust-labels", action="store_true", help="take label images that the check refuses: it is told only"
    )


def label_options(arguments: argparse.Namespace) -> LabelOptions:
    from tui_cytpix.workflow.base_model.label_check import LabelOptions

    return LabelOptions(arguments.split_regions, arguments.trust_labels)


def add_slurm(parser: argparse.ArgumentParser, what: str) -> None:
    """`what` is done on the cluster."""
    parser.add_argument("--on", choices=("slurm",), help=what)
    parser.add_argument(
        "--slurm",
        action="append",
        default=[],
        metavar="OPTIONS",
        help='options of sbatch, in quotes: --slurm="--partition=gpu --gres=gpu:1 --time=60"; repeatable',
    )


def slurm_options(arguments: argparse.Namespace) -> list[str] | None:
    """For sbatch; None where the work is not for Slurm.

    Raises:
        UsageError: they can't be read, or there are some without `--on slurm`.
    """
    from tui_cytpix.workflow.cluster import slurm

    if arguments.on is None and arguments.slurm:
        raise UsageError("Which scheduler?", "", "Give --on slurm with --slurm.")
    return None if arguments.on is None else [word for text in arguments.slurm for word in slurm.options(text)]
