"""Bad files and bad surroundings, as a process and in a real terminal: one clear message, never a traceback."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from terminals import BACK, command

from tests import children

STORM = ("Traceback", 'File "', "Error:")


def truncated(folder: Path, tube: Path, fcs: Path) -> Path:
    path = folder / "cut.acs"
    path.write_bytes(tube.read_bytes()[:200_000])
    return path


def text(folder: Path, tube: Path, fcs: Path) -> Path:
    path = folder / "text.acs"
    path.write_text("hello\n")
    return path


def no_images(folder: Path, tube: Path, fcs: Path) -> Path:
    path = folder / "nothing"
    path.mkdir()
    (path / "notes.txt").write_text("hello\n")
    return path


def no_image_in_fcs(folder: Path, tube: Path, fcs: Path) -> Path:
    path = folder / "alone" / "alone.fcs"
    path.parent.mkdir()
    path.write_bytes(fcs.read_bytes())
    return path


BAD = pytest.mark.parametrize("make", [truncated, text, no_images, no_image_in_fcs], ids=lambda m: m.__name__)


@pytest.fixture
def bad(make: Callable[..., Path], tube: Path, shared_data: Path, tmp_path: Path) -> Path:
    return make(tmp_path, tube, shared_data / "fcs" / "attune_nxt_brvy_G11.fcs")


@BAD
def test_a_bad_sample_headless(bad, verb, variables):
    said = verb(variables, "inspect", bad, status=1)
    assert bad.name in said
    assert len(said.splitlines()) == 1


@BAD
def test_a_bad_sample_is_refused_before_the_app_takes_the_screen(bad, terminal):
    said = terminal(bad, size=(200, 30)).wait("exit status 1", BACK)
    assert said.startswith("tui-cytpix: ")
    assert bad.name in said
    assert not any(word in said for word in STORM)


def test_what_is_no_model(verb, variables, tube, tmp_path):
    no_model = tmp_path / "model.safetensors"
    no_model.write_text("hello\n")
    out = tmp_path / "out"
    for words in (
        ("process", tube, "--model", no_model, "--out", out),
        ("models", "import", no_model),
        ("run", "new", tmp_path / "r", "--sample", tube, "--base", no_model),
    ):
        said = verb(variables, *words, status=1)
        assert no_model.name in said
        assert len(said.splitlines()) == 1
    assert not out.exists()
    assert not (tmp_path / "r").exists()


def test_paths_that_lead_nowhere(terminal, tmp_path, verb, variables):
    gone = terminal("no-such.acs")
    assert "no-such.acs" in gone.wait("exit status 2", BACK)
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "run.toml").write_text("version = [")
    said = verb(variables, "run", "status", damaged, status=1)
    assert "damaged" in said
    refused = terminal(damaged).wait("exit status 1", BACK)
    assert "damaged" in refused
    assert not any(word in refused for word in STORM)


def test_without_a_terminal(variables, tmp_path):
    for stdin in (subprocess.DEVNULL, subprocess.PIPE):
        done = children.run(command(), env=variables, cwd=tmp_path, stdin=stdin, capture_output=True, text=True)
        assert done.returncode == 2
        assert "needs a terminal" in done.stderr
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("term", ["dumb", "linux", "xterm-256color"])
def test_help_in_any_surroundings(verb, variables, term):
    said = verb({**variables, "TERM": term, "NO_COLOR": "1", "COLUMNS": "40"}, "--help")
    assert "\x1b" not in said
    assert "inspect" in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("term", "colours", "size"),
    [("dumb", {}, (80, 24)), ("linux", {}, (80, 24)), ("xterm-256color", {"NO_COLOR": "1"}, (40, 10))],
    ids=["dumb", "linux", "no colour, 40x10"],
)
def test_every_step_in_a_poor_terminal(terminal, run, term, colours, size):
    """From step 4 to the editor, through the steps, help, and out."""
    window = terminal(run, size=size, TERM=term, **colours)
    window.wait("10 annotated|Enough")
    window.press("a")
    window.wait(r"tube · \d+/\d+")
    window.press("q")
    window.wait("a Annotate|Enlarge")
    for key, words in (
        (".", "No new model yet"),
        (",", "Enough to train"),
        (",", "Images are selected"),
        (",", "base model is chosen"),
        (",", "First say what you study"),
    ):
        window.press(key)
        window.wait(words)
        assert "Traceback" not in window.screen()
    window.press("?")
    window.wait("m Manual")
    window.press("q")
    window.wait_gone("m Manual")
    window.press("q")
    window.wait("Recent runs|tui-cytpix")
    window.press("q")
    assert not any(word in window.wait("exit status 0", BACK) for word in STORM)
