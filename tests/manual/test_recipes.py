"""Recipes for other engines: their commands are ours, and the files they wait for are those that are written."""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest

import tui_cytpix
from tests import children
from tests.tubes import small_tubes
from tui_cytpix.cli.command_line import VERBS
from tui_cytpix.domain.jobs.processed import OF_TUBE
from tui_cytpix.formats.outputs.registry import file_names
from tui_cytpix.manual import RECIPES, read_page, recipes

WRITTEN = {*file_names("tube", ("csv", "fcs")), f"tube{OF_TUBE}"}  # where no format is chosen
NEXTFLOW = read_page("process.nf")


def test_all_are_told_of_on_the_page():
    assert [name for name in recipes() if f"manual {name}" not in read_page("cluster")] == []


@pytest.mark.parametrize("name", recipes())
def test_commands_in_comments_parse(name):
    """Where a verb stands, also behind a container's name."""
    found = re.findall(r"^(?:#|//) .*(?:tui-cytpix|\.sif) (process .*)$", read_page(name), re.M)
    for line in found:
        VERBS["process"].parser("process").parse_args(shlex.split(line)[1:])
    assert found or name.startswith("process.")


def block(name: str) -> str:
    """The shell's part of the module, as bash sees it, of a tube in tube.acs."""
    text = re.search(rf'    {name}:\n.*?"""\n(.*?)    """', NEXTFLOW, re.S)[1]
    for variable, value in {
        "${prefix}": "out",
        "${sample}": "a b/tube.acs",
        "${sample.baseName}": "tube",
        "${model}": "m.safetensors",
        "${task.cpus}": "3",
        "${task.process}": "TUICYTPIX_PROCESS",
        "${args}": "--device cpu",
    }.items():
        text = text.replace(variable, value)
    assert not re.search(r"(?<!\\)\$\{", text), "a variable that is not known here"
    return "\n".join(line.removeprefix("    ") for line in text.replace("\\$", "$").splitlines())


@pytest.fixture
def stand_in(tmp_path):
    """A program called tui-cytpix that writes down how it was called, and fails where it processes."""
    program = tmp_path / "bin" / "tui-cytpix"
    program.parent.mkdir()
    program.write_text(
        f"""#!/bin/sh
[ "$1" = --version ] && echo "tui-cytpix {tui_cytpix.__version__}" && exit
printf '%s\\n' "$@" END >> "$CALLS"
case "$*" in *--status*) exit 0;; *) exit 1;; esac
"""
    )
    program.chmod(0o755)
    calls = tmp_path / "calls"
    paths = os.pathsep.join((str(program.parent), os.environ["PATH"]))
    return {**os.environ, "PATH": paths, "CALLS": str(calls)}, calls


def bash(text: str, environment: dict[str, str], folder: Path) -> None:
    """As Nextflow calls it: what fails ends it."""
    children.run(["bash", "-euo", "pipefail", "-c", text], check=True, env=environment, cwd=folder)


def test_nextflows_commands_are_ours_and_failed_images_do_not_end_it(stand_in, tmp_path):
    environment, calls = stand_in
    bash(block("script"), environment, tmp_path)
    asked = [one.split("\n")[:-1] for one in calls.read_text().split("END\n")[:-1]]
    first, second = (VERBS["process"].parser("process").parse_args(words[1:]) for words in asked)
    assert ([str(path) for path in first.samples], str(first.out), first.threads, first.device) == (
        ["a b/tube.acs"],
        "out",
        3,
        "cpu",
    )
    assert (second.status, second.samples, second.model, second.out) == (True, first.samples, first.model, first.out)
    assert versions(tmp_path) == f'"TUICYTPIX_PROCESS":\n    tui-cytpix: {tui_cytpix.__version__}\n'


def versions(folder: Path) -> str:
    return (folder / "versions.yml").read_text()


def test_nextflows_stub_makes_what_is_really_made_and_what_it_waits_for(stand_in, tmp_path):
    bash(block("stub"), stand_in[0], tmp_path)
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert made == WRITTEN
    waited = re.findall(r'path\("\$\{prefix\}/(.+?)"\)', NEXTFLOW)
    assert len(waited) == len(made)
    assert all(fnmatch.filter(made, pattern) for pattern in waited)
    bash(block("script"), stand_in[0], tmp_path)  # the same versions
    assert versions(tmp_path).startswith('"TUICYTPIX_PROCESS":\n    tui-cytpix: ')


def test_snakemakes_commands_are_ours_and_so_are_its_files():
    text = read_page("process.smk")
    shell = re.search(r'shell:\n\s+"""\n(.*?)"""', text, re.S)[1].replace("\\\n", " ")
    for line in shell.strip().splitlines():
        words = [re.sub(r"\{.*?\}", "1", word) for word in shlex.split(line.partition("||")[0])]
        words.remove("1")  # {params.options} is no word
        VERBS["process"].parser("process").parse_args(words[2:])
    assert set(re.findall(r'OUT \+ "/\{tube\}(.+?)",\n', text)) == {
        name.removeprefix("tube") for name in WRITTEN if not name.endswith(".fcs")
    }


@pytest.mark.skipif(shutil.which("snakemake") is None, reason="snakemake is not installed")
@pytest.mark.parametrize("how", ["--dry-run", "--cores=1"])
def test_snakemake_takes_it(stand_in, tmp_path, how):
    environment, calls = stand_in
    (tmp_path / "tubes").mkdir()
    small_tubes(tmp_path / "tubes", 1)
    command = ["snakemake", "-s", RECIPES / "process.smk", how, "--latency-wait=0", "--config"]
    ended = children.run(
        [*command, "samples=tubes", "model=cell-half"], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    if how == "--dry-run":
        assert (ended.returncode, calls.exists()) == (0, False), ended.stderr
        return
    assert "Missing files" in ended.stderr  # the stand-in writes none, so both commands were called
    assert calls.read_text().count("END") == 2


def test_containers_start_the_program_that_is_installed():
    assert 'ENTRYPOINT ["tui-cytpix"]' in read_page("Dockerfile")
    assert 'exec tui-cytpix "$@"' in read_page("process.def")
    images = {re.search(r"^(?:FROM|From:) (.+)$", read_page(name), re.M)[1] for name in ("Dockerfile", "process.def")}
    (image,) = images
    said = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert f"Python :: {image.removeprefix('python:').removesuffix('-slim')}" in said


def test_the_containers_shell_is_right():
    post = re.search(r"%post\n(.*?)\n\n", read_page("process.def"), re.S)[1].replace("{{ TORCH }}", "")
    run = re.search(r"^RUN (.+)$", read_page("Dockerfile"), re.M)[1]
    for text in (post, run):
        children.run(["sh", "-n", "-c", text], check=True)
