"""The tree's own promises: sizes, no pickle, no machine paths, nothing that is there for tests alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MEBIBYTE = 1 << 20
LONGEST = 60  # lines of a function, its docstring too


def size_of(folder: Path, pattern: str) -> int:
    return sum(p.stat().st_size for p in folder.rglob(pattern) if p.is_file())


def test_weights_and_sample_runs_stay_small() -> None:
    assert size_of(ROOT / "tui_cytpix" / "base_models", "*.safetensors") < 5 * MEBIBYTE
    assert size_of(ROOT / "sample_runs", "*") < 20 * MEBIBYTE


def test_nothing_unpickles() -> None:
    forbidden = re.compile(r"import pickle|pickle\.loads?|torch\.load\(|allow_pickle=True|(?<![.\w])(?:eval|exec)\(")
    for path in (ROOT / "tui_cytpix").rglob("*.py"):
        assert not forbidden.search(path.read_text("utf-8")), path


def test_images_are_decoded_in_one_place() -> None:
    """There the kinds are named that may be decoded: of the others, some start a program."""
    harmless = r"(?:(?:Image|ImageDraw|ImageFont|PngImagePlugin)(?:, )?)+\n"  # to make, draw and save
    opening = r"Image\.open|PngImageFile|cv2\.im(?:read|decode)|VideoCapture|PIL\.\w"
    decoding = re.compile(rf"{opening}|from PIL import (?!{harmless})")
    found = [p for p in (ROOT / "tui_cytpix").rglob("*.py") if decoding.search(p.read_text("utf-8"))]
    assert [path.name for path in found] == ["image_decode.py"]


def test_the_five_steps_have_the_same_names_everywhere() -> None:
    """As files, or as wings."""
    steps = {"assess", "base_model", "samples", "train", "evaluate"}
    for room in ("workflow", "ui/screens"):
        assert steps <= {path.stem for path in (ROOT / "tui_cytpix" / room).iterdir()}, room


def test_no_function_is_longer_than_one_can_see() -> None:
    long = [
        f"{path.name}:{node.lineno}: {node.name}"
        for path in (ROOT / "tui_cytpix").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= LONGEST
    ]
    assert long == []


def elsewhere(tree: ast.Module) -> Iterator[str]:
    """Looks at the temporary folder that all programs of the machine share, as `line: code`."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if re.match(r"/(var/)?tmp\b", text):
                yield f"{node.lineno}: {text}"
            case ast.Attribute(attr="gettempdir") | ast.Name(id="gettempdir"):
                yield f"{node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("code", ["Path('/tmp').glob('x')", "open('/var/tmp/x')", "Path(tempfile.gettempdir()) / 'x'"])
def test_a_look_at_the_machine_s_temporary_folder_is_found(code: str) -> None:
    assert list(elsewhere(ast.parse(code)))


def test_no_test_looks_at_the_machine_s_temporary_folder() -> None:
    """What others leave there would make it fail, and what it leaves there others."""
    files = [
        path for path in (ROOT / "tests").rglob("*.py") if "benchmarks" not in path.parts and path != Path(__file__)
    ]
    found = [f"{path.name}:{one}" for path in files for one in elsewhere(ast.parse(path.read_text("utf-8")))]
    assert found == []
