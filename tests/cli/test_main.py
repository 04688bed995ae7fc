"""The command line itself: which verb, which exit status, one clear message, nothing raw from a file."""

from __future__ import annotations

import importlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

import tui_cytpix
from tests import children
from tests.verbs import handlers, parsers
from tui_cytpix.cli import demo
from tui_cytpix.cli import main as module
from tui_cytpix.cli.output import Progress, percent, say_json, table
from tui_cytpix.core.kernel import library
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError
from tui_cytpix.workflow.run import recent_runs
from tui_cytpix.workflow.run import run as run_module


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(module, "on_terminal", lambda: True)


@pytest.mark.parametrize("verb", module.VERBS)
def test_every_verb_has_help_and_refuses_what_it_does_not_know(verb, capsys):
    for parser in parsers(module.VERBS[verb].parser(f"tui-cytpix {verb}")):
        for asked, status in (("--help", 0), ("--nonsense", 2)):
            with pytest.raises(SystemExit) as ended:
                parser.parse_args([asked])
            assert ended.value.code == status
        said = capsys.readouterr()
        assert said.out.startswith(f"usage: {parser.prog}")
        assert "%%" not in said.out


def test_every_verb_has_a_handler_that_can_be_imported():
    named = handlers()
    for handler in filter(None, named):
        place, name = handler.split(":")
        assert callable(getattr(importlib.import_module(f"tui_cytpix.cli.{place}"), name)), handler
    assert sum(handler is None for handler in named) == 2  # of `run` and `run gate`, which need a further verb


def test_the_version_tells_whether_the_compiled_library_is_absent(run_main, capsys, monkeypatch):
    for why, lines in (("", 1), ("it was not compiled", 2)):
        monkeypatch.setattr(library, "why_absent", lambda why=why: why)
        with pytest.raises(SystemExit) as ended:
            run_main("--version")
        assert ended.value.code == 0
        said = capsys.readouterr().out.splitlines()
        assert said[0] == f"tui-cytpix {tui_cytpix.__version__}"
        assert len(said) == lines
        assert why in said[-1]


def test_the_help_names_every_verb(run_main, capsys):
    with pytest.raises(SystemExit):
        run_main("--help")
    text = capsys.readouterr().out
    assert all(f"\n  {name:<11} {verb.about}\n" in text for name, verb in module.VERBS.items())


@pytest.mark.parametrize(
    "wrong",
    [
        ("run",),
        ("run", "nonsense"),
        ("run", "new"),
        ("run", "train", "d", "--epochs", "0"),
        ("run", "train", "d", "--device", "tpu"),
        ("inspect",),
        ("inspect", "a", "--um-per-px", "0"),
        ("inspect", "a", "--um-per-px", "nan"),
        ("inspect", "a", "--um"),
        ("process", "a", "--model", "m"),
        ("process", "a", "--model", "m", "--out", "o", "--size-cutoff", "-1"),
        ("process", "a", "--model", "m", "--out", "o", "--zoom", "9"),
        ("run", "train", "d", "--zoom", "large"),
        ("compare", "a"),
        ("simulate", "beads", "--out", "x"),
        ("simulate", "beads", "--out", "x", "--images", "many"),
        ("models", "show"),
        ("--graphics", "etching"),
    ],
)
def test_wrong_usage_is_status_2_and_one_line(wrong, run_main, capsys):
    with pytest.raises(SystemExit) as ended:
        run_main(*wrong)
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_mistyped_verb_is_no_path(run_main):
    status, out, err = run_main("insepct", "x.acs")
    assert (status, out) == (2, "")
    assert "Did you mean `tui-cytpix inspect`?" in err


def test_paths_open_the_app_in_a_terminal(run_main, terminal, tmp_path, monkeypatch):
    (tmp_path / "inspect").mkdir()
    monkeypatch.chdir(tmp_path)
    run_module.Run.create(tmp_path / "r").close()
    assert run_main()[0] == 0
    assert run_main("./inspect", "--um-per-px", "0.3", "--graphics", "halfblock")[0] == 0
    assert run_main("r")[0] == 0
    assert run_main.opened == [
        ([], None, "", "", False),
        (["./inspect"], 0.3, "", "halfblock", False),
        (["r"], None, "", "", False),
    ]
    assert run_main("r", "./inspect")[0] == 2
    assert run_main("nonesuch")[0] == 2


def test_without_a_terminal_the_app_says_what_it_needs(run_main):
    status, _, err = run_main()
    assert status == 2
    assert "needs a terminal" in err
    assert run_main.opened == []


def fail_with(error):
    def app(*_asked):
        raise error

    return app


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (SampleError("The sample is odd", "x.acs.", "Mend it."), 1, "The sample is odd. x.acs. Mend it."),
        (KeyboardInterrupt(), 130, "interrupted"),
        (PermissionError(13, "Permission denied", "/x"), 1, "/x: Permission denied"),
        (MemoryError(), 1, "memory"),
        (RuntimeError("a\x1b[31mb"), 1, "bug"),
    ],
)
def test_no_error_is_a_traceback(run_main, terminal, error, status, words, tmp_path):
    found, out, err = run_main(app=fail_with(error))
    assert (found, out) == (status, "")
    assert words in err
    assert "\x1b" not in err
    log = tmp_path / "xdg" / "state" / "tui-cytpix" / "diagnostic.log"
    assert log.exists() == isinstance(error, OSError | MemoryError | RuntimeError)


def test_hostile_names_never_reach_the_terminal_raw(run_main, tmp_path):
    bad = tmp_path / "tube\x1b]0;owned\x07\nline.acs"
    bad.write_text("no archive")
    for arguments in (("inspect", bad), ("inspect", bad, "--json"), (bad,), ("models", "show", f"\x1b[2J{bad}")):
        _, out, err = run_main(*arguments)
        for text in (out, err):
            assert "\x1b" not in text
            assert "\x07" not in text
    _, out, err = run_main("inspect", bad, "--json")
    assert json.loads(out)["failures"][0]["path"] == str(bad)
    assert len(err.splitlines()) == 1


def test_clean_replaces_what_a_terminal_obeys():
    assert printable("µm äöü 漢字 ok") == "µm äöü 漢字 ok"
    assert printable("a\x1b[31m\r\n\t\x9b\u202e\u200f\ud800b") == "a\ufffd[31m" + "\ufffd" * 7 + "b"


def test_json_has_no_numbers_that_json_lacks(capsys):
    say_json({"a": float("nan"), "b": (1, float("inf")), "c": Path("x"), "d": "\x7f\x1b"})
    text = capsys.readouterr().out
    assert json.loads(text) == {"a": None, "b": [1, None], "c": "x", "d": "\x7f\x1b"}
    assert "\x7f" not in text


def test_tables_line_up_where_letters_are_wide():
    rows = table(("a", "b"), (("酵母", "x"), ("cafe\u0301", "y")))
    assert rows == ["a     b", "酵母  x", "cafe\u0301  y"]
    assert [cell_len(row) for row in rows] == [7, 7, 7]


def test_tables_line_up():
    assert table(("a", "long name"), [("x" * 4, 1), ("y", "\n")]) == ["a     long name", "xxxx  1", "y     \ufffd"]
    assert (percent(None), percent(float("nan")), percent(0.5)) == ("-", "-", "50.0%")


class Screen:
    def __init__(self, terminal: bool) -> None:
        self.terminal, self.text = terminal, ""

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


def test_progress_is_one_rewritten_line_on_a_terminal(monkeypatch):
    monkeypatch.setattr("tui_cytpix.cli.output.REDRAW_SECONDS", 0.0)
    screen = Screen(terminal=True)
    with Progress("going\x1b", screen) as progress:
        for n in range(5):
            progress(n, 4)
        progress.note("a word")
        progress(4, 4)
        progress(1, 0)
    assert "\x1b" not in screen.text
    lines = [line.split("\r")[-1].rstrip() for line in screen.text.split("\n")]
    assert lines == ["a word", "going\ufffd: 4 of 4 (100%)", ""]


def test_progress_is_a_few_plain_lines_elsewhere():
    screen = Screen(terminal=False)
    with Progress("going", screen) as progress:
        for n in range(1001):
            progress(n, 1000)
    assert "\r" not in screen.text
    lines = screen.text.splitlines()
    assert 5 <= len(lines) <= 12
    assert lines[-1].startswith("going: 1000 of 1000 (100%)")


def test_the_time_left_is_told_once_the_speed_is_measured(monkeypatch):
    """Not by what came before the first image was done, and of all that is to be done."""
    screen, clock = Screen(terminal=False), [0.0]
    monkeypatch.setattr("tui_cytpix.cli.output.time.monotonic", lambda: clock[0])
    with Progress("going", screen) as progress:
        for clock[0], done, share in ((60.0, 10, 0.1), (61.0, 20, 0.2), (65.0, 30, 0.6), (69.0, 100, 1.0)):
            progress(done, 100, share, ", sample 1 of 2")
    assert screen.text.splitlines() == [
        "going: 10 of 100, sample 1 of 2 (10% of all)",
        "going: 20 of 100, sample 1 of 2 (20% of all)",
        "going: 30 of 100, sample 1 of 2 (60% of all), about 4 s left",
        "going: 100 of 100, sample 1 of 2 (100% of all)",
    ]


def test_a_reader_that_leaves_is_no_trouble(program, tube):
    writer = children.start(
        program.command("inspect", tube), env=program.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    writer.stdout.close()
    assert writer.stderr.read() == b""
    assert writer.wait(children.LIMIT) == module.BROKEN_PIPE
    writer.stderr.close()


def simulating(program, folder, *before):
    """Many images: long enough to be interrupted."""
    command = program.command("simulate", "beads", "--out", folder / "x.acs", "--images", "100000")
    writer = children.start([*before, *command], env=program.environment, stderr=subprocess.PIPE, text=True)
    children.until(lambda: list(folder.iterdir()))
    return writer


@pytest.mark.parametrize(
    ("number", "word", "status"), [(signal.SIGINT, "interrupted", 130), (signal.SIGTERM, "terminated", 143)]
)
def test_ctrl_c_and_a_schedulers_signal_clean_up(program, tmp_path, number, word, status):
    writer = simulating(program, tmp_path)
    writer.send_signal(number)
    assert word in writer.communicate(timeout=30)[1]
    assert writer.returncode == status
    assert not list(tmp_path.glob("*.acs*"))


def test_what_is_started_to_ignore_ctrl_c_goes_on_and_a_scheduler_can_end_it(program, tmp_path):
    writer = simulating(program, tmp_path, "sh", "-c", 'trap "" INT; exec "$@"', "-")
    writer.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        writer.communicate(timeout=1)
    writer.send_signal(signal.SIGTERM)
    assert "terminated" in writer.communicate(timeout=30)[1]
    assert writer.returncode == 143


def test_closed_streams_are_no_trouble(program, tube):
    code = "import os, sys; [os.close(n) for n in (0, 1, 2)]; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    command = program.command("inspect", tube)
    assert children.run([sys.executable, "-c", code, *command[1:]], env=program.environment).returncode == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_terminals_without_unicode_get_escapes(program, tmp_path, encoding):
    (tmp_path / "漢").mkdir()
    done = children.run(
        program.command("inspect", tmp_path / "漢"),
        env={**program.environment, "PYTHONIOENCODING": encoding},
        capture_output=True,
    )
    assert done.returncode == 1
    assert rb"\u6f22" in done.stderr


def test_no_heavy_import_for_help(program):
    code = (
        "import sys; from tui_cytpix.cli.main import run\n"
        "try: run(['run', 'new', '--help'], None)\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'textual', 'cv2', 'scipy', 'pandas', 'fcsparser', 'numpy', 'PIL'} & set(sys.modules)\n"
        "sys.stderr.write(' '.join(sorted(heavy)))"
    )
    done = children.run(
        [sys.executable, "-c", code], env=program.environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""


def test_a_demo_is_copied_kept_and_opened(run_main, tmp_path, monkeypatch):
    run_module.Run.create(tmp_path / "shipped" / "sample_runs" / "s_pombe").close()
    monkeypatch.setattr(recent_runs, "shipped", lambda name: tmp_path / "shipped" / name)
    monkeypatch.chdir(tmp_path)
    assert run_main("demo", "--no-open") == (0, "s_pombe\n", "")
    assert (tmp_path / "s_pombe" / "run.toml").is_file()
    assert run_main("demo", "s_pombe", "--dir", "piped") == (0, "piped\n", ""), "without a terminal it says where"
    assert run_main.opened == []
    monkeypatch.setattr(demo, "on_terminal", lambda: True)
    assert run_main("demo", "s_pombe", "--dir", "mine", "--graphics", "halfblock")[0] == 0
    assert run_main.opened == [(["mine"], None, "", "halfblock", True)]
    status, _, err = run_main("demo", "other", "--no-open")
    assert status == 2
    assert "s_pombe" in err
    monkeypatch.setattr(recent_runs, "shipped", lambda name: tmp_path / "none")
    assert run_main("demo")[0] == 2


def test_a_bin_named_by_all_its_files_is_one_sample():
    one = Path("a.adc")
    for verb, options in (("inspect", []), ("process", ["--model", "m", "--out", "o"]), ("triage", [])):
        given = module.VERBS[verb].parser("p").parse_args(["a.adc", "a.hdr", "a.roi", "b", *options])
        assert given.samples == [one, Path("b")]
    new = (
        module.VERBS["run"]
        .parser("p")
        .parse_args(["new", "r", "--base", "m", "--sample", "a.adc", "--sample", "a.roi"])
    )
    assert new.samples == [one]


@pytest.mark.parametrize("name", ["drosophila", "peritoneal"])
def test_the_other_sample_runs_end_in_keep(run_main, tmp_path, name):
    assert run_main("demo", name, "--dir", tmp_path / name, "--no-open")[0] == 0
    status, out, _ = run_main("run", "review", tmp_path / name)
    assert status == 0
    assert "Keep this model: count, mask, singlets and multiplets will do." in out
