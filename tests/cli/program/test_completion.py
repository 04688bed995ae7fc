"""Completion, by pressing Tab in the shells themselves."""

from __future__ import annotations

import os
import pty
import select
import shutil
import sys
import time
from pathlib import Path

import pytest

from tests import children
from tui_cytpix.workflow.base_model.library import names
from tui_cytpix.workflow.run.run import Run

SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
OWN_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)
BEFORE = {"bash": "PS1=", "zsh": "PS1= ; bindkey -e; autoload -U compinit; compinit -u -D", "fish": "true"}
LINES = [
    ("insp", "inspect"),
    ("run tra", "run train"),
    ("run compa", "run compa"),  # a verb, and none of run's
    ("help run fin", "help run finish"),
    ("process tube --form", "process tube --format"),
    ("process tube --format csv,fc", "process tube --format csv,fcs"),
    ("process tube --model general-h", "process tube --model general-half"),
    ("run new r --base from-a", "run new r --base from-anna"),
    ("run train r --device cu", "run train r --device cuda"),
    ("simulate pombe-ri", "simulate pombe-rich"),
    ("run review r --require count,mul", "run review r --require count,multiplets"),
    ("run gate my-run remove smal", "run gate my-run remove small"),
    ("process tube --gates-of my-run --gate smal", "process tube --gates-of my-run --gate small"),
    ("run gate my-r", "run gate my-run/"),
    ("manual para", "manual parameters"),
]


class Typist:
    """A shell in a pseudo-terminal."""

    def __init__(self, shell: str, environment: dict[str, str], folder: Path) -> None:
        self._at, there = pty.openpty()
        command = [sys.executable, "-c", OWN_TERMINAL, *SHELLS[shell]]
        self.process = children.start(command, stdin=there, stdout=there, stderr=there, env=environment, cwd=folder)
        os.close(there)
        self._seen = ""

    def type(self, text: str) -> None:
        os.write(self._at, text.encode())

    def see(self, words: str) -> str:
        """Waits until that is there; returns what came until then, and forgets it."""
        until = time.monotonic() + 60
        while words not in self._seen:
            if select.select([self._at], [], [], max(0, until - time.monotonic()))[0]:
                self._seen += os.read(self._at, 65536).decode(errors="replace")
            assert time.monotonic() < until, self._seen
        before, _, self._seen = self._seen.partition(words)
        return before


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """With the program in `bin`, a run with a gate, and a model of one's own."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "bin").mkdir()
    program = folder / "bin" / "tui-cytpix"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tui_cytpix "$@"\n')
    program.chmod(0o755)
    with Run.create(folder / "my-run") as run:
        from dataclasses import replace

        from tui_cytpix.domain.gate import Axis, Gate

        gate = Gate("small", (Axis("FSC-A"),), ((0.0,), (1.0,)))
        run.update(replace(run.settings, gates=(gate,)))
    models = folder / "data" / "tui-cytpix" / "models"
    models.mkdir(parents=True)
    (models / "from-anna.safetensors").touch()
    return folder


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_completes(shell: str, place: Path) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} isn't installed")
    environment = {
        **os.environ,
        "PATH": f"{place / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH")])),
        **{f"XDG_{name}_HOME": str(place / name.lower()) for name in ("DATA", "CONFIG", "STATE", "CACHE")},
        "TERM": "xterm",
        "HOME": str(place),
    }
    typist = Typist(shell, environment, place)
    script = f"tui-cytpix completion {shell} > c.{shell}; source ./c.{shell}"
    typist.type(f"{BEFORE[shell]}; {script}; echo rea''dy\n")
    typist.see("ready")
    for typed, wanted in LINES:
        typist.type(f"tui-cytpix {typed}\t")
        typist.see(f"{wanted.split()[-1]}")
        typist.type("\x01echo 'fo''und' : \n")
        typist.see("found : tui-cytpix")
        assert typist.see("\n").split() == wanted.split()
    typist.type("exit\n")


def test_names_are_the_librarys() -> None:
    assert {"cell-full", "cell-half", "instrument"} <= set(names())


def test_nothing_of_it_is_loaded_unless_a_shell_asks(program) -> None:
    code = (
        "import sys; from tui_cytpix.cli.main import run\n"
        "try: run(['--version'], None)\n"
        "except SystemExit: pass\n"
        "sys.exit('argcomplete' in sys.modules)"
    )
    assert children.run([sys.executable, "-c", code], env=program.environment).returncode == 0
