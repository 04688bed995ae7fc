"""What pictures cost on the wire: bytes and ms per key in blocks, Sixel and Kitty graphics, counted through a pty.

    python -m tests.benchmarks terminal_bytes [--size 160x50] [--starts 3]

ms are wall-clock on whatever else the machine does; cpu is the app's own processor time. A page of the gallery is shown
twice: first with images that the terminal has not got yet, then coming back to them.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.benchmarks._pty import Cost, Program, terminal_size

ROOT = Path(__file__).resolve().parents[2]
IMAGES = 200
ROWS = 16  # more than there are on the screen
SMALLER = 7  # presses of Z, until about 100 thumbnails are on the screen
KINDS = ("", "sixel", "kitty")
NAMES = {"": "blocks", "sixel": "sixel", "kitty": "kitty"}
BARS = {
    "cursor": {"": 2_000, "sixel": 1_000, "kitty": 300},
    "cursor, 8 px": {"": 2_000, "sixel": 1_000, "kitty": 300},
    "page, new": {"": 400_000, "kitty": 1_300_000},
    "page, back": {"": 400_000, "kitty": 100_000},
    "row, back": {"": 400_000, "kitty": 100_000},
}
BARE = "from textual.app import App\nfrom textual.widgets import Static\n\n\
class Bare(App):\n    def compose(self):\n        yield Static('x' * 2000)\n\nBare().run()"


def variables(home: Path) -> dict[str, str]:
    """An environment with a home of its own."""
    folders = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("DATA", "CONFIG", "STATE", "CACHE")}
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    more = {"HOME": str(home), "LANG": "C.UTF-8", "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    return {**kept, **folders, **more, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def make_runs(folder: Path) -> tuple[Path, Path]:
    """A run at step 3 with its images selected, and one at step 4."""
    sys.path.insert(0, str(ROOT / "tests" / "ui"))
    from fakes import build_run

    return (
        build_run(folder / "gallery" / "run", IMAGES, step="samples")[0],
        build_run(folder / "editor" / "run", 12, step="train")[0],
    )


def app_command(run: Path) -> list[str]:
    """How the app is started on a run."""
    return [sys.executable, "-m", "tui_cytpix", str(run)]


def app(run: Path, home: Path, size: tuple[int, int], graphics: str) -> Program:
    """The app in a terminal with those graphics."""
    return Program(app_command(run), variables(home), size=size, graphics=graphics)


def in_gallery(run: Path, home: Path, size: tuple[int, int], graphics: str) -> dict[str, Cost]:
    """About 100 thumbnails on the screen: a page on and back; a row on and back; the cursor."""
    program = app(run, home, size, graphics)
    try:
        program.wait(rb"Images")
        program.settle()
        program.press(b"v")
        for _ in range(SMALLER):
            program.press(b"Z")
        found = {"gallery cursor": program.press(b"l")}
        for name, key in (("page, new", b"\x1b[6~"), ("page, back", b"\x1b[5~")):
            program.press(key)  # to the border of what is shown: from there each page is another
            found[name] = program.press(key)
        program.press(b"\x1b[5~")  # to the top: down from there the view scrolls row by row
        for name, key in (("row, new", b"j"), ("row, back", b"k")):
            found[name] = max((program.press(key) for _ in range(ROWS)), key=lambda c: c.bytes)
        return found
    finally:
        program.close()


def in_editor(run: Path, home: Path, size: tuple[int, int], graphics: str) -> dict[str, Cost]:
    """The crosshair by one and by eight pixels; the dearest of several."""
    program = app(run, home, size, graphics)
    try:
        program.wait(rb"Annotate")
        program.settle()
        program.press(b"a")
        program.wait(rb"column \d+")  # the crosshair is there
        program.settle()
        moves = [program.press(key) for key in (b"l", b"j", b"l", b"h", b"k", b"l", b"j")]
        far = [program.press(key) for key in (b"L", b"J", b"H", b"K")]
        return {"cursor": max(moves, key=lambda c: c.bytes), "cursor, 8 px": max(far, key=lambda c: c.bytes)}
    finally:
        program.close()


def start(command: list[str], home: Path, size: tuple[int, int], graphics: str) -> tuple[float, float]:
    """(ms to the first frame, ms of processor time until then)."""
    program = Program(command, variables(home), size=size, graphics=graphics)
    try:
        program.wait(rb"(?s)\x1b\[\?1049h.{2000}")
        return program.first_frame_ms(), program.cpu_ms()
    finally:
        program.close()


def report(name: str, graphics: str, cost: Cost) -> None:
    bar = BARS.get(name, {}).get(graphics)
    verdict = "" if bar is None else f"  bar {bar:>9} {'ok' if cost.bytes <= bar else 'MISSED'}"
    print(
        f"{NAMES[graphics]:12} {name:14} {cost.bytes:>9} B ({cost.ours:>9} images) {cost.ms:8.1f} ms "
        f"{cost.cpu_ms:8.1f} ms cpu{verdict}",
        flush=True,
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="terminal_bytes", description=__doc__)
    parser.add_argument("--size", type=terminal_size, default="160x50")
    parser.add_argument("--starts", type=int, default=3)
    parsed = parser.parse_args(arguments)
    size = parsed.size
    with tempfile.TemporaryDirectory() as aside:
        home = Path(aside) / "home"
        gallery, editor = make_runs(Path(aside))
        for graphics in KINDS:
            for name, cost in (
                *in_gallery(gallery, home, size, graphics).items(),
                *in_editor(editor, home, size, graphics).items(),
            ):
                report(name, graphics, cost)
        bare = min(start([sys.executable, "-c", BARE], home, size, "") for _ in range(parsed.starts))
        print(f"{'bare app':12} {'start':14} {bare[0]:8.0f} ms {bare[1]:8.0f} ms cpu")
        for graphics in KINDS:
            command = [sys.executable, "-m", "tui_cytpix"]
            best = min(start(command, home, size, graphics) for _ in range(parsed.starts))
            print(
                f"{NAMES[graphics]:12} {'start':14} {best[0]:8.0f} ms {best[1]:8.0f} ms cpu"
                f"  {best[0] / bare[0]:.2f} of the bare app's"
            )
    return 0
