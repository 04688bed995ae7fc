"""Manual and README say what is: links lead somewhere, commands parse, no key and no verb is missing."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.make_manual import EVERYWHERE, MADE, made
from tests.verbs import parsers
from tui_cytpix.cli import main
from tui_cytpix.core.features.table import FEATURES
from tui_cytpix.errors import UsageError
from tui_cytpix.manual import CONTENTS, FOLDER, pages, read_page
from tui_cytpix.ui.commands.bindings import all_commands

ROOT = Path(__file__).resolve().parents[2]
MANUAL = sorted(FOLDER.glob("*.md"))
TEXTS = [
    *MANUAL,
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", ".github/screens/README.md")),
]
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def links(path: Path) -> list[str]:
    return re.findall(r"\]\(([^)]+)\)", FENCE.sub("", path.read_text("utf-8")))


def code(path: Path) -> Iterator[str]:
    """Lines in blocks, without comments, and what stands between backticks."""
    text = path.read_text("utf-8")
    for fence in FENCE.findall(text):
        lines = re.sub(r"\\\n\s*", "", fence).splitlines()[1:-1]
        yield from (line.partition(" #")[0].strip() for line in lines)
    yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", FENCE.sub("", text)))


def commands(path: Path, program: str) -> list[str]:
    """What is given to a program, also where it stands at the end of a line of several."""
    found = (re.search(rf"(?:^|&& |/){re.escape(program)}(?: (.*))?$", line) for line in code(path))
    return [one[1] or "" for one in found if one]


@pytest.mark.parametrize("page", MADE)
def test_what_is_made_is_as_it_would_be_made_now(page: str) -> None:
    assert read_page(page) == made(page), "run `python -m tests.make_manual`"


@pytest.mark.parametrize("path", TEXTS, ids=named)
def test_links_lead_somewhere(path: Path) -> None:
    for link in links(path):
        assert (path.parent / link).exists(), link


@pytest.mark.parametrize("path", MANUAL, ids=named)
def test_links_of_the_manual_stay_in_it(path: Path) -> None:
    """In an installed package there is nothing else that they could lead to."""
    assert set(links(path)) <= {page.name for page in MANUAL}


def test_every_page_is_in_the_list_and_linked_from_the_readme() -> None:
    assert [f"{name}.md" for name in pages()] == links(FOLDER / f"{CONTENTS}.md")
    assert {*pages(), CONTENTS} == {path.stem for path in MANUAL}
    assert {f"tui_cytpix/manual/{name}.md" for name in pages()} <= set(links(ROOT / "README.md"))


def test_an_unknown_page_is_refused_with_the_list() -> None:
    with pytest.raises(UsageError) as refused:
        read_page("../../README")
    assert all(name in str(refused.value) for name in pages())


@pytest.mark.parametrize("path", TEXTS, ids=named)
def test_command_lines_parse(path: Path) -> None:
    verbs = main.VERBS
    for given in commands(path, main.PROGRAM):
        words = shlex.split(given.partition(" > ")[0].replace("[PAGE]", "PAGE").replace("$SGE_TASK_ID", "1"))
        parser = verbs[words[0]].parser(words.pop(0)) if words and words[0] in verbs else main.app_parser()
        asked = {"--help", "--version", "-V"} & {*words}
        with pytest.raises(SystemExit, match="0") if asked else contextlib.nullcontext():
            parser.parse_args(words)


def test_the_readme_and_the_pages_have_command_lines() -> None:
    assert commands(ROOT / "README.md", main.PROGRAM) == ["demo", "--help", "manual"]
    assert len(commands(FOLDER / "headless.md", main.PROGRAM)) > 15


@pytest.mark.parametrize("path", TEXTS, ids=named)
def test_benchmarks_and_files_that_are_named_are_there(path: Path) -> None:
    for given in commands(path, "python -m tests.benchmarks"):
        assert given in ("", "NAME") or (ROOT / "tests" / "benchmarks" / f"{given.split()[0]}.py").is_file(), given
    for span in code(path):
        if re.fullmatch(r"(tui_cytpix|tests)/[\w/]+\.\w+", span):
            assert (ROOT / span).is_file(), span


def test_no_verb_and_no_option_is_missing() -> None:
    text = read_page("headless")
    every = [one for name, verb in main.VERBS.items() for one in parsers(verb.parser(f"{main.PROGRAM} {name}"))]
    for one in every:
        section = text.partition(f"### {one.prog}\n")[2].partition("\n###")[0]
        options = [option for a in one._actions if a.dest not in EVERYWHERE for option in a.option_strings]
        assert section, one.prog
        assert [option for option in options if option not in section] == []
    for action in main.app_parser()._actions:
        assert action.dest in ("help", "paths") or action.option_strings[0] in text


def test_no_key_and_no_parameter_is_missing() -> None:
    keys, parameters = read_page("keys").split(), read_page("parameters")
    assert [command.id for command in all_commands() if command.id not in keys] == []
    assert [f.name for f in FEATURES if f"\n{f.name} [{f.unit}]" not in parameters] == []


@pytest.mark.parametrize("path", MANUAL, ids=named)
def test_no_block_is_wider_than_a_narrow_terminal_shows(path: Path) -> None:
    """Blocks aren't wrapped; of 80 columns, margins and the scroll bar take ten."""
    lines = [line for fence in FENCE.findall(path.read_text("utf-8")) for line in fence.splitlines()]
    assert [line for line in lines if len(line) > 70] == []
