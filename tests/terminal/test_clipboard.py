"""What is copied reaches the terminal: in a plain pseudo-terminal byte by byte, and through tmux."""

from __future__ import annotations

import base64
import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from collections.abc import Callable
from pathlib import Path

from terminals import Terminal, command

from tests import children
from tui_cytpix.workflow.run.run import Run

COPIED = re.compile(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07")


def recent_run(home: Path, variables: dict[str, str]) -> Path:
    """One that the home screen lists."""
    Run.create(home / "my run").close()
    code = "import sys; from pathlib import Path; from tui_cytpix.workflow.run.recent_runs import remember; "
    children.run([command()[0], "-c", f"{code}remember(Path(sys.argv[1]))", home / "my run"], env=variables, check=True)
    return home / "my run"


def test_a_path_is_sent_as_the_terminal_wants_it(tmp_path: Path, variables: dict[str, str]) -> None:
    run = recent_run(tmp_path, variables)
    master, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    app = children.start(command("--graphics", "halfblock"), stdin=there, stdout=there, stderr=there, env=variables)
    os.close(there)
    seen, typed, give_up = b"", False, time.monotonic() + 60
    while not COPIED.search(seen):
        assert time.monotonic() < give_up, seen[-2000:]
        if select.select([master], [], [], 0.2)[0]:
            seen += os.read(master, 65536)
        if b"my run" in seen and not typed:
            os.write(master, b"\x1bOS")  # F4
            typed = True
        elif typed and b"what to copy" in seen:
            os.write(master, b"\r")
    assert base64.b64decode(COPIED.search(seen)[1]).decode() == str(run)
    children.end(app.pid)
    os.close(master)


def test_tmux_takes_it_where_it_is_told_to(
    terminal: Callable[..., Terminal], tmp_path: Path, variables: dict[str, str]
) -> None:
    run = recent_run(tmp_path, variables)
    app = terminal("--graphics", "halfblock")
    app.set_option("set-clipboard", "on")
    app.wait("my run")
    app.press("F4")
    app.wait("what to copy")
    app.press("Enter")
    app.wait("Sent to the terminal's clipboard")
    assert app.clipboard == str(run)
