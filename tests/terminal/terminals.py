"""A program in a real terminal: tmux on a socket of its own, keys in, the drawn screen out."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from tests import children

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0  # the machine may be busy; reached only by a failing test
LOOK_EVERY = 0.1
LOOK = 0.5  # a key that decides works only on an image that has been there for a while
EVEN = 0.1  # seconds from one repeat of a held key to the next, at most
BACK = "the shell is back"


def environment(home: Path, **changes: str) -> dict[str, str]:
    """An environment whose home, settings, models and logs lie under `home`."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LD_LIBRARY_PATH")}
    folders = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("DATA", "CONFIG", "STATE", "CACHE")}
    home.mkdir(parents=True, exist_ok=True)
    return {
        **kept,
        **folders,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        **changes,
    }


def command(*arguments: object) -> list[str]:
    """`tui-cytpix`, by this interpreter and from this tree."""
    return [sys.executable, "-m", "tui_cytpix", *map(str, arguments)]


def until(reached: Callable[[], object], words: Callable[[], str], lost: Callable[[], object] = bool) -> None:
    """Looks again and again until `reached`; fails with `words` after a generous while, or once it is `lost`."""
    give_up = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > give_up or (lost() and not reached()):
            raise AssertionError(words())
        time.sleep(LOOK_EVERY)


class Terminal:
    """A shell in a window of `size` (columns, rows) that runs `tui-cytpix ARGUMENTS`; when that ends, the shell tells
    its exit status and the terminal's settings.
    """

    def __init__(
        self, folder: Path, variables: dict[str, str], *arguments: object, size: tuple[int, int] = (80, 24)
    ) -> None:
        self._sockets = Path(tempfile.mkdtemp(prefix="cytpix-"))  # a socket's path must be short
        self._pid = self._sockets / "pid"
        script = self._sockets / "start.sh"
        script.write_text(
            f"sh -c 'echo $$ > {self._pid}; exec \"$@\"' - {shlex.join(command(*arguments))}\n"
            f"status=$?\nstty -a\necho exit status $status\necho {BACK}\nexec cat\n"
        )
        self._tmux(
            *("-f", "/dev/null", "new-session", "-d", "-s", "app", "-x", str(size[0]), "-y", str(size[1])),
            *("-c", str(folder), "env", "-i", *(f"{k}={v}" for k, v in variables.items()), "sh", str(script)),
        )

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        variables = {**os.environ, "TMUX_TMPDIR": str(self._sockets)}
        variables.pop("TMUX", None)
        done = children.run(
            ["tmux", "-u", "-L", "test", *arguments], env=variables, capture_output=True, text=True, check=check
        )
        return done.stdout

    def press(self, keys: str) -> None:
        """Keys by tmux's names, with blanks between: `j Enter Space PageDown`."""
        self._tmux("send-keys", "-t", "app", *keys.split())

    def decide(self, key: str) -> None:
        """A key about the image that is shown, pressed by someone who has looked at it."""
        time.sleep(LOOK)
        self.press(key)

    def hold(self, key: str, seconds: float, delay: float = 0.5, gap: float = 0.033) -> bool:
        """Holds a key as a terminal with that delay and that gap between repeats does; in one go, for even gaps. False
        where the machine was too busy for that: what came were no repeats.
        """
        sent = self._sockets / "sent"
        sent.write_text("")
        send = ["send-keys", "-t", "app", key, ";"]
        repeats = int((seconds - delay) / gap)
        pause = f"sleep {gap}; date +%s.%N >> {sent}"
        self._tmux(*send, "run-shell", f"sleep {delay}", *([";", *send, "run-shell", pause] * repeats))
        times = [float(line) for line in sent.read_text().split()]
        assert len(times) == repeats
        return max(after - before for before, after in pairwise(times)) < EVEN

    def type(self, text: str) -> None:
        """Characters as they are."""
        self._tmux("send-keys", "-t", "app", "-l", text)

    def screen(self) -> str:
        """What the terminal shows."""
        return self._tmux("capture-pane", "-p", "-t", "app", check=False)

    def told(self) -> str:
        """The screen without line breaks and runs of blanks, so that wrapped sentences are found."""
        return " ".join(self.screen().split())

    def set_option(self, name: str, value: str) -> None:
        """Of the tmux server."""
        self._tmux("set-option", "-s", name, value)

    @property
    def clipboard(self) -> str:
        """What tmux was last given to keep."""
        return self._tmux("show-buffer")

    def flag(self, name: str) -> str:
        """A state of the terminal by tmux's name, e.g. `alternate_on`."""
        return self._tmux("display-message", "-p", "-t", "app", f"#{{{name}}}").strip()

    def wait(self, *patterns: str) -> str:
        """Waits until all of the patterns are on the screen; returns it, its blanks joined."""
        told = ""  # one look serves all: each is a process

        def reached() -> bool:
            nonlocal told
            told = self.told()
            return all(re.search(p, told) for p in patterns)

        until(reached, lambda: f"never shown: {patterns}\n{self.screen()}", lambda: BACK in told)
        return told

    def wait_gone(self, pattern: str) -> None:
        """Waits until the pattern is no longer on the screen."""
        until(lambda: not re.search(pattern, self.told()), lambda: f"still shown: {pattern}\n{self.screen()}")

    @property
    def line(self) -> str:
        """The left part of the docked question's line, above the footer; notices may lie over the rest."""
        rows = self.screen().rstrip().splitlines()
        return rows[-2][:17].strip() if len(rows) > 1 else ""

    def answer(self, question: str, text: str | None = None) -> None:
        """Waits for the docked question and answers it; None takes what is offered.

        Textual may take characters before the backspaces of the same burst: so the line is awaited empty first.
        """
        self.wait(question)
        if text is not None:
            self.press("C-u")
            until(lambda: not self.line, lambda: f"not cleared\n{self.screen()}")
            self.type(text)
            until(lambda: self.line.startswith(text[:16]), lambda: f"not typed: {text}\n{self.screen()}")
        self.press("Enter")

    @property
    def pid(self) -> int:
        """The app's process."""
        until(lambda: self._pid.is_file() and self._pid.read_text().strip(), lambda: "never started")
        return int(self._pid.read_text())

    def kill(self, number: signal.Signals) -> None:
        """Sends the app a signal."""
        os.kill(self.pid, number)

    def hang_up(self) -> None:
        """Closes the window, as a dropped connection does."""
        self._tmux("kill-session", "-t", "app", check=False)

    def record(self, path: Path) -> None:
        """Copies every byte the program writes from now on into a file."""
        self._tmux("pipe-pane", "-O", "-t", "app", f"cat >> {shlex.quote(str(path))}")

    def close(self) -> None:
        """Ends everything in it."""
        self._tmux("kill-server", check=False)
        shutil.rmtree(self._sockets, ignore_errors=True)
