"""The diagnostic log: what is in it, what is not, how large it gets, and that nothing else shows it."""

from __future__ import annotations

import getpass
import logging
import sys
from pathlib import Path

import pytest

from tui_cytpix import __main__, diagnostics
from tui_cytpix.domain.jobs.specs import PredictSpec
from tui_cytpix.formats.run.job import JobFolder
from tui_cytpix.simulate import write
from tui_cytpix.workflow.run import jobs


@pytest.fixture(autouse=True)
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In a state folder of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "tui-cytpix" / "diagnostic.log"


def test_levels(log: Path) -> None:
    """Without --debug only what went wrong is written, and nothing where nothing did."""
    ours = logging.getLogger("tui_cytpix.somewhere")
    diagnostics.configure("a test")
    ours.info("quiet")
    assert not log.exists()
    ours.warning("a cache is damaged")
    assert not diagnostics.debugging()
    diagnostics.configure("a test", debug=True)
    assert diagnostics.debugging()
    ours.debug("fine")
    lines = log.read_text("utf-8").splitlines()
    assert [line.split(" ", 3)[3] for line in lines] == [
        "WARNING tui_cytpix.somewhere: a cache is damaged",
        f"INFO tui_cytpix: a test begins, on Python 3.{sys.version_info[1]}, linux",
        "DEBUG tui_cytpix.somewhere: fine",
    ]


def test_a_fault_has_its_traceback_and_no_path_of_the_user_s(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(Path(__file__).parent))
    try:
        Path("/data/Meier Anna/tube.acs").read_bytes()
    except OSError:
        assert diagnostics.fault() == log
    logging.getLogger("other").warning("reading /data/Meier/x.acs: 0.3 um/px, 1/2")
    text = log.read_text("utf-8")
    assert 'File "~/test_diagnostics.py"' in text
    assert "FileNotFoundError: [Errno 2] No such file or directory: '…'" in text
    assert "reading …: 0.3 um/px, 1/2" in text
    assert "Meier/" not in text


def test_it_is_put_aside_when_it_is_full(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnostics, "MAX_BYTES", 1000)
    diagnostics.configure("a test")
    for number in range(100):
        logging.getLogger("tui_cytpix").warning("line %d", number)
    assert "line 99" in log.read_text("utf-8")
    assert sorted(path.name for path in log.parent.iterdir()) == ["diagnostic.log", "diagnostic.old.log"]
    assert all(path.stat().st_size < 1200 for path in log.parent.iterdir())


def test_where_it_cannot_be_written_the_work_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    diagnostics.configure("a test", debug=True)
    try:
        raise RuntimeError
    except RuntimeError:
        assert diagnostics.fault() is None


@pytest.mark.parametrize("where", ["--debug run status {}", "run --debug status {}", "run status {} --debug"])
def test_the_app_verbs_and_their_verbs_take_debug(
    where: str, log: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert __main__.main(where.format(tmp_path / "none").split()) == 1
    assert "run begins" in log.read_text("utf-8")
    assert "INFO" not in capfd.readouterr().err
    assert __main__.main(["--debug", str(tmp_path / "none")]) == 2
    assert "the app begins" in log.read_text("utf-8")


def test_no_name_of_a_sample_an_event_or_a_person_is_in_it(log: Path, tmp_path: Path) -> None:
    sample = tmp_path / "Meier-Anna"
    write("beads", sample, 3, "folder", 1)
    (sample / "0.png").write_bytes(b"damaged")
    assert __main__.main(["inspect", str(sample), str(tmp_path / "Meier-gone"), "--debug"]) == 1
    run = tmp_path / "run-of-Meier"
    assert __main__.main(["run", "new", str(run), "--sample", str(sample), "--base", "bead-half", "--debug"]) == 0
    assert __main__.main(["run", "select", str(run), "--debug"]) == 0
    text = log.read_text("utf-8")
    assert text.count(" begins, ") == 3
    assert "Meier" not in text
    assert str(tmp_path) not in text
    assert f"/{getpass.getuser()}/" not in text


@pytest.mark.parametrize("debug", [False, True])
def test_an_engine_writes_to_it_too(debug: bool, log: Path, tmp_path: Path) -> None:
    diagnostics.configure("a test", debug=debug)
    job = JobFolder.create(tmp_path / "1-predict", PredictSpec(idle_exit_s=0.1))
    jobs.start(job)
    assert jobs._children[job.path].wait(60) == 0
    said = log.read_text("utf-8") if log.exists() else ""
    assert ("job 1-predict begins" in said) == debug
    assert ("says Started" in said) == debug
