"""The command line: which verb, and what its end means for the exit status."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from tui_cytpix import diagnostics
from tui_cytpix.cli.command_line import PROGRAM, VERBS, app_parser, inner_verbs, parser_of
from tui_cytpix.cli.output import note, on_terminal
from tui_cytpix.domain.words import nearest, printable
from tui_cytpix.errors import CytpixError, UsageError, refusal
from tui_cytpix.workflow.samples.inspect import each_once

INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM
BROKEN_PIPE = 128 + signal.SIGPIPE
IN_BROWSER = "TEXTUAL_DRIVER"  # in the environment, where the verb serve started the app
ASKED = "_ARGCOMPLETE"  # in the environment, where a shell asks what may follow
OpenApp = Callable[[Sequence[str], float | None, str, str, bool], int]  # the last: with a tour


def run(arguments: list[str], open_app: OpenApp) -> int:
    """Runs a verb, or the app by way of `open_app`; returns the exit status: 0 success, 1 failed in part or whole, 2
    wrong usage, 130 interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        status = _run(arguments, open_app)
        if sys.stdout is not None:
            sys.stdout.flush()
    except CytpixError as error:
        note(f"{PROGRAM}: {error}")
        return error.exit_status
    except _Terminated:
        note(f"{PROGRAM}: terminated.")
        return TERMINATED
    except KeyboardInterrupt:
        note(f"{PROGRAM}: interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        # Python would complain once more while it flushes stdout at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        note(f"{PROGRAM}: {CytpixError(*refusal(error))}{_logged()}")
        return 1
    except MemoryError:
        note(f"{PROGRAM}: The memory is not enough. Give fewer samples at once.{_logged()}")
        return 1
    except Exception as error:
        note(f"{PROGRAM}: This is a bug in the program: {type(error).__name__}: {error}.{_logged()}")
        return 1
    return status


class _Terminated(KeyboardInterrupt):
    """A scheduler's way of pressing ctrl-C: engines are told, temporary files go."""


def _terminate(*_signal: object) -> None:
    raise _Terminated


def _logged() -> str:
    """Puts the current error's traceback into the diagnostic log; says where."""
    path = diagnostics.fault()
    return f" Details are in {path}." if path else ""


def _run(arguments: list[str], open_app: OpenApp) -> int:
    if ASKED in os.environ:
        from tui_cytpix.cli.program.completion import answer

        answer()
    if arguments[:1] == ["--debug"]:  # said before the verb
        arguments = [*arguments[1:2], "--debug", *arguments[2:]]
    if arguments and arguments[0] in VERBS:
        parsed = VERBS[arguments[0]].parser(f"{PROGRAM} {arguments[0]}").parse_args(arguments[1:])
        _begin_log(arguments[0], parsed)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _terminate)
        module, name = parsed.handler.split(":")
        outcome = getattr(importlib.import_module(f"tui_cytpix.cli.{module}"), name)(parsed)
        if isinstance(outcome, int):
            return outcome
        return open_app([str(outcome)], None, "", parsed.graphics, True)
    parsed = app_parser().parse_args(arguments)
    _begin_log("the app", parsed)
    paths = _checked_paths(parsed.paths)
    return open_app(paths, parsed.um_per_px, parsed.channel, parsed.graphics, False)


def _begin_log(what: str, parsed: argparse.Namespace) -> None:
    diagnostics.configure(what, debug=getattr(parsed, "debug", False))


def _checked_paths(paths: list[str]) -> list[str]:
    """Says what is wrong before the app takes the screen."""
    for path in paths:
        if not os.path.lexists(path):
            verbs = {word: f"run {word}" for word in inner_verbs(parser_of(["run"]))} | {word: word for word in VERBS}
            near = nearest(path, verbs)
            way_out = f"Did you mean `{PROGRAM} {verbs[near]}`?" if near else f"See {PROGRAM} --help."
            raise UsageError("No such run, sample or verb", f"{printable(path)!r}.", way_out)
    runs = [path for path in paths if (Path(path) / "run.toml").is_file()]
    if runs and len(paths) > 1:
        raise UsageError("A run is opened by itself", f"{runs[0]} is one of {len(paths)} paths.", "Give the run only.")
    if not on_terminal() and not os.environ.get(IN_BROWSER):
        raise UsageError("The app needs a terminal", "", f"See {PROGRAM} --help for what works without one.")
    return each_once(paths)
