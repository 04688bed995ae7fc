"""`completion SHELL`: what bash, zsh or fish run to complete command lines; and the answers that they then ask for.

The shell starts the program at each Tab, so that options are always those of the installed version, and models, gates
and samples those that are there now. Only the parser of the verb at hand is made.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from tui_cytpix.cli.command_line import PATHS, PROGRAM, VERBS, app_parser, inner_verbs, parser_of
from tui_cytpix.cli.options import Parser
from tui_cytpix.cli.output import say
from tui_cytpix.domain.jobs.specs import FORMATS
from tui_cytpix.domain.run_settings import KINDS
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import CytpixError
from tui_cytpix.manual import CONTENTS, pages, recipes

Names = Callable[[argparse.Namespace], Iterable[str]]


def script(arguments: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    say(*shellcode([PROGRAM], shell=arguments.shell).splitlines())
    return 0


def answer() -> None:
    """Writes what may follow to the shell that asks, and ends the process."""
    import argcomplete
    from argcomplete.completers import DirectoriesCompleter, FilesCompleter

    def verbs_and_files(prefix: str, **_: object) -> list[str]:
        return [*VERBS, *FilesCompleter()(prefix)]

    before = os.environ.get("COMP_LINE", "")[: int(os.environ.get("COMP_POINT") or 0)]
    parser = _parser(before)
    for one in _all_parsers(parser):
        for action in one._actions:
            if isinstance(action, argparse._SubParsersAction):
                continue  # knows its verbs itself
            if names := _NAMES.get(str(action.metavar)):
                action.completer = _Completer(names)  # type: ignore[attr-defined]
            elif action.metavar in ("DIR", "RUN"):
                action.completer = DirectoriesCompleter()  # type: ignore[attr-defined]
            elif action.metavar == PATHS and one.prog == PROGRAM:
                action.completer = verbs_and_files  # type: ignore[attr-defined]
    argcomplete.autocomplete(parser, always_complete_options=False)


def _parser(before: str) -> argparse.ArgumentParser:
    """What completes the line that far: the app's parser or one with the verb at hand."""
    words = before.split()
    if len(words) < 2 or words[1] not in VERBS or (len(words) == 2 and not before.endswith(" ")):
        return app_parser()

    def made(**_: object) -> argparse.ArgumentParser:
        return VERBS[words[1]].parser(f"{PROGRAM} {words[1]}")

    root = Parser(prog=PROGRAM)
    root.add_subparsers(parser_class=made).add_parser(words[1])  # type: ignore[call-overload]
    return root


def _all_parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for inner in inner_verbs(parser).values():
        yield from _all_parsers(inner)


class _Completer:
    """Names for argcomplete; after a comma, for the next one of a list. A name that can't be shown is not offered."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def __call__(self, prefix: str, parsed_args: argparse.Namespace, **_: object) -> list[str]:
        listed = prefix.rpartition(",")[0]
        before = f"{listed}," if listed else ""
        try:
            return [before + name for name in self._names(parsed_args) if name == printable(name)]
        except (CytpixError, OSError):
            return []


def _models(_: argparse.Namespace) -> list[str]:
    from tui_cytpix.workflow.base_model.library import names

    return names()


def _kinds(_: argparse.Namespace) -> Iterable[str]:
    from tui_cytpix.simulate.kinds.catalogue import KINDS as SIMULATED

    return SIMULATED


def _sample_runs(_: argparse.Namespace) -> list[str]:
    from tui_cytpix.workflow.run.recent_runs import sample_runs

    return [run.path.name for run in sample_runs()]


def _gates(asked: argparse.Namespace) -> list[str]:
    from tui_cytpix.workflow.run.run import Run

    with Run.open(_run_of(asked), writing=False) as run:
        return [gate.name for gate in run.settings.gates]


def _samples(asked: argparse.Namespace) -> list[str]:
    from tui_cytpix.workflow.run.run import Run

    with Run.open(_run_of(asked), writing=False) as run:
        return [sample.name for sample in run.settings.samples]


def _run_of(asked: argparse.Namespace) -> Path:
    """That the line names already; else none, which can't be opened."""
    return Path(getattr(asked, "run", None) or getattr(asked, "gates_of", None) or os.devnull)


def _pages(_: argparse.Namespace) -> list[str]:
    return [CONTENTS, *pages(), *recipes()]


def _verbs(asked: argparse.Namespace) -> Iterable[str]:
    given = getattr(asked, "verbs", None) or []
    return inner_verbs(parser_of(given)) if given else VERBS


_NAMES: Mapping[str, Names] = {
    "M": _models,
    "KIND": _kinds,
    "KINDS": lambda _: KINDS,
    "F,F": lambda _: FORMATS,
    "SAMPLE_RUN": _sample_runs,
    "GATE": _gates,
    "SAMPLE_NAME": _samples,
    "PAGE": _pages,
    "VERB": _verbs,
}
