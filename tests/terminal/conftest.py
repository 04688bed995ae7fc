"""Real terminals: a private tmux, a home of its own, and a run that is ready to train."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # terminals is a module of these tests alone

from terminals import Terminal, command, environment

from tests import children, job_files
from tests.benchmarks.kills import is_dead
from tui_cytpix.formats.run.job import JobFolder
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run.predict import predict_now
from tui_cytpix.workflow.run.run import Run

BASE = "cell-half"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without tmux there is no terminal to test in."""
    if shutil.which("tmux") is None:
        here = Path(__file__).parent
        for item in items:
            if here in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="tmux is not installed: real terminals can't be tested"))


def headless(variables: dict[str, str], *arguments: object, status: int = 0) -> str:
    """A verb; returns what it said on both streams."""
    done = children.run(
        command(*arguments),
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert "Traceback" not in done.stdout, done.stdout
    assert done.returncode == status, (arguments, done.stdout)
    return done.stdout


@pytest.fixture(scope="session")
def verb() -> Callable[..., str]:
    """`headless`."""
    return headless


@pytest.fixture(scope="session")
def tube(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated tube of 80 images; its truth lies beside it."""
    path = tmp_path_factory.mktemp("samples") / "tube.acs"
    headless(environment(path.parent / "home"), "simulate", "pombe-edinburgh", "--out", path, "--images", 80)
    return path


@pytest.fixture(scope="session")
def annotated(tube: Path) -> Path:
    """A run with a selection, its base model's answers and ten annotations; to be copied."""
    run, truth = tube.parent / "annotated", Path(f"{tube}.truth")
    variables = environment(tube.parent / "home")
    events = sorted(path.stem for path in truth.iterdir())[:10]
    headless(variables, "run", "new", run, "--sample", tube, "--base", BASE, "--preview", 50)
    headless(variables, "run", "select", run)
    headless(variables, "run", "annotate", run, "--from-masks", truth, "--only", *events)
    with pytest.MonkeyPatch.context() as patch, Run.open(run) as opened:
        for name, value in variables.items():
            patch.setenv(name, value)
        predict_now(opened, library.base_of(opened), opened.settings.selection.images)
    for job in (run / "jobs").iterdir():
        engine = job_files.events(JobFolder(job))[0]["pid"]
        children.until(lambda engine=engine: is_dead(engine))
    return run


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """An environment with a home of the test's own."""
    return environment(tmp_path / "home")


@pytest.fixture
def run(annotated: Path, tube: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the annotated run; its engines end with the test."""
    path = tmp_path / "r"
    shutil.copytree(annotated, path)
    yield path
    children.end_engines(path)


@pytest.fixture
def terminal(tmp_path: Path, variables: dict[str, str]) -> Iterator[Callable[..., Terminal]]:
    """Opens terminals that run `tui-cytpix ARGUMENTS` in the test's folder; closes them at the end."""
    opened: list[Terminal] = []

    def open_one(*arguments: object, size: tuple[int, int] = (80, 24), **changes: str) -> Terminal:
        opened.append(Terminal(tmp_path, {**variables, **changes}, *arguments, size=size))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()
    children.end_engines(tmp_path)
