"""The tree's own promises: sizes, no pickle, no machine paths."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MEBIBYTE = 1 << 20


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
    decoding = re.compile(r"Image\.open|cv2\.im(?:read|decode)|VideoCapture|PIL\.\w|from PIL import (?!Image\n)")
    found = [p for p in (ROOT / "tui_cytpix").rglob("*.py") if decoding.search(p.read_text("utf-8"))]
    assert [path.name for path in found] == ["image_decode.py"]


def test_the_five_steps_have_the_same_names_everywhere() -> None:
    """As files, or as wings."""
    steps = {"assess", "base_model", "samples", "train", "evaluate"}
    for room in ("workflow", "ui/screens"):
        assert steps <= {path.stem for path in (ROOT / "tui_cytpix" / room).iterdir()}, room
