"""The program as processes of its own, and a model small enough for tests."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests import forks
from tui_cytpix.workflow.run import jobs

ROOT = Path(__file__).resolve().parents[2]


class Program:
    """`tui-cytpix`, with folders of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {
            **os.environ,
            **{f"XDG_{name}_HOME": str(home / name.lower()) for name in ("DATA", "CONFIG", "STATE", "CACHE")},
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
            "OMP_NUM_THREADS": "1",
        }

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "tui_cytpix", *map(str, arguments)]

    def __call__(self, *arguments: object, status: int = 0, **options) -> CompletedProcess[str]:
        done = forks.run(self.command(*arguments), env=self.environment, **options)
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == status, (arguments, done.stdout, done.stderr)
        return done

    def json(self, *arguments: object, status: int = 0):
        return json.loads(self(*arguments, "--json", status=status).stdout)


@pytest.fixture(autouse=True)
def _engines_are_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that verbs in this process start."""
    monkeypatch.setattr(jobs, "subprocess", forks.AS_SUBPROCESS)


@pytest.fixture(scope="session")
def program(tmp_path_factory) -> Program:
    return Program(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    """Untrained, with next to no weights; it finds nothing."""
    import torch

    from tui_cytpix.domain.model_card import ModelCard
    from tui_cytpix.engine.network.model import save_model
    from tui_cytpix.engine.network.network import CytNet, NetworkSettings
    from tui_cytpix.engine.network.postprocess import PostSettings

    torch.manual_seed(0)
    settings = NetworkSettings((4, 8))
    net = CytNet(settings)
    with torch.no_grad():
        net.head.bias.fill_(-4.0)
        net.head.weight.mul_(0.1)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    card = ModelCard("tiny", "half", "UDT", network=settings.to_card(), post=asdict(PostSettings()))
    save_model(path, net, card)
    return path


@pytest.fixture(scope="session")
def tube(tmp_path_factory) -> Path:
    """A simulated tube; its truth lies beside it."""
    from tui_cytpix.simulate import write

    path = tmp_path_factory.mktemp("samples") / "tube.acs"
    write("pombe-edinburgh", path, 24, "acs", 1)
    return path


@pytest.fixture
def run_main(tmp_path, monkeypatch, capsys):
    """The command line in this process: returns (status, stdout, stderr)."""
    from tui_cytpix.cli.main import run

    for name in ("DATA", "CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / "xdg" / name.lower()))
    opened = []

    def main(*arguments: object, app=lambda *asked: opened.append(asked) or 0):
        status = run([str(a) for a in arguments], app)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return status, out, err

    main.opened = opened
    return main
