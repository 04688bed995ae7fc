"""What helps at the command line: examples that can be typed, help by a verb, and what was meant by a mistyped word."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.verbs import parsers
from tui_cytpix.cli import main
from tui_cytpix.cli.examples import EXAMPLES, examples_of

EVERY = [one for name, verb in main.VERBS.items() for one in parsers(verb.parser(f"{main.PROGRAM} {name}"))]


@pytest.mark.parametrize("parser", [main.app_parser(), *EVERY], ids=lambda parser: parser.prog)
def test_every_help_ends_with_examples_of_its_own(parser, capsys) -> None:
    assert parser.format_help().endswith("".join(f"  {line}\n" for line in examples_of(parser.prog)))
    assert examples_of(parser.prog)
    for line in examples_of(parser.prog):
        words = shlex.split(line.removeprefix('eval "$(').removesuffix(')"').partition(" > ")[0])
        assert words.pop(0) == main.PROGRAM
        verb = main.VERBS[words.pop(0)] if words and words[0] in main.VERBS else None
        parsed = (main.app_parser() if verb is None else verb.parser("p")).parse_args(words)
        own = parser.get_default("handler")
        assert own is None or parsed.handler in (own, *handlers_within(parser))


def handlers_within(parser) -> list[str]:
    return [one.get_default("handler") for one in parsers(parser)]


def test_no_example_is_of_a_verb_that_is_gone() -> None:
    shown = {line for parser in (main.app_parser(), *EVERY) for line in examples_of(parser.prog)}
    assert {line for lines in EXAMPLES.values() for line in lines} == shown


@pytest.mark.parametrize("asked", ["", "run", "run train", "run gate range", "models show", "help"])
def test_help_tells_what_the_option_does(asked, run_main, capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    words = asked.split()
    status, out, _ = run_main("help", *words)
    assert status == 0
    if "gate" in words:
        words.insert(2, "r")
    with pytest.raises(SystemExit, match="0"):
        run_main(*words, "--help")
    assert capsys.readouterr().out == out


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (("run", "trian", "r"), "`train`"),
        (("run", "train", "r", "--epohcs", "3"), "`--epochs`"),
        (("process", "t", "--modle=m"), "`--model`"),
        (("inspect", "t", "--um"), "`--um-per-px`"),
        (("models", "shwo", "m"), "`show`"),
        (("run", "gate", "r", "lst"), "`list`"),
        (("run", "review", "r", "--require", "multiplet"), "`multiplets`"),
        (("simulate", "beads", "--out", "x", "--images", "3", "--layout", "exprot"), "`export`"),
    ],
)
def test_a_mistyped_word_is_told_with_what_was_meant(typed, meant, run_main, capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        run_main(*typed)
    assert f"Did you mean {meant}?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (("trian", "r"), "`tui-cytpix run train`"),
        (("help", "run", "finsh"), "`finish`"),
        (("models", "show", "cell-hlaf"), "`cell-half`"),
        (("simulate", "pombe-richh", "--out", "x", "--images", "3"), "`pombe-rich`"),
        (("process", "t", "--model", "cell-half", "--out", "o", "--format", "mask"), "`masks`"),
        (("manual", "step"), "`steps`"),
    ],
)
def test_a_name_that_is_not_known_too(typed, meant, run_main, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, err = run_main(*typed)
    assert status in (1, 2)
    assert f"Did you mean {meant}?" in err


def test_nothing_is_guessed_where_nothing_is_near(run_main, capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        run_main("run", "train", "r", "--device", "gpu")
    assert "Did you mean" not in capsys.readouterr().err


def test_the_version_has_a_letter(run_main, capsys) -> None:
    for asked in ("-V", "--version"):
        with pytest.raises(SystemExit, match="0"):
            run_main(asked)
    first, second = capsys.readouterr().out.splitlines()
    assert first == second
