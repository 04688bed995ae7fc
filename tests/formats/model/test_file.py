"""Model files: safetensors with a card; anything else is refused in words and runs no code."""

from __future__ import annotations

import json
import pickle
import re
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save

from tests import children
from tui_cytpix.domain.model_card import ModelCard
from tui_cytpix.errors import ModelFileError
from tui_cytpix.formats.model.file import CARD_KEY, file_hash, read_card, read_tensors, write_model

ROOT = Path(__file__).resolve().parents[3]
CARD = ModelCard("cell-tiny", "half", "UDT", description="µ", measured={"TA": 0.9})
TENSORS = {"a": np.arange(12, dtype=np.float32).reshape(3, 4), "b.c": np.array([1, 2], np.int64)}


def test_card_and_weights_come_back_and_others_can_read_them(tmp_path):
    path = tmp_path / "m.safetensors"
    write_model(path, {**TENSORS, "t": TENSORS["a"].T}, CARD)
    assert read_card(path) == CARD
    found = read_tensors(path)
    for name, value in TENSORS.items():
        np.testing.assert_array_equal(found[name], value)
    np.testing.assert_array_equal(found["t"], TENSORS["a"].T)
    with safe_open(path, "numpy") as judge:
        assert set(judge.keys()) == {"a", "b.c", "t"}
        assert json.loads(judge.metadata()[CARD_KEY])["name"] == "cell-tiny"


def test_the_hash_is_that_of_the_bytes(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    assert file_hash(tmp_path / "x") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


class Bomb:
    def __reduce__(self):
        return (Path.touch, (Path("bomb"),))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello, I am a text file",
        pickle.dumps(Bomb()),
        (2**63).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        save(TENSORS),
        save(TENSORS, metadata={CARD_KEY: "[]"}),
        save(TENSORS, metadata={CARD_KEY: '{"name": "x"}'}),
        save(TENSORS, metadata={CARD_KEY: "[" * 100_000}),
    ],
)
def test_what_is_no_model_is_refused(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    for read in (read_card, read_tensors):
        with pytest.raises(ModelFileError, match=str(path)):
            read(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "said",
    [
        {"training": {"epoch": "many"}},
        {"training": {"epoch": -1}},
        {"training": {"kinds": 3}},
        {"training": {"lineage": "a"}},
        {"training": {"images_by_sample": [1]}},
        {"training": {"images_by_sample": {"a": 1}}},
        {"measured": {"TA": "good"}},
        {"post": {"foreground": 1e300}},
    ],
)
def test_a_card_whose_words_cannot_be_used_is_refused(tmp_path, said):
    path = tmp_path / "m.safetensors"
    card = {"name": "a", "resolution": "full", "kind": "UDT", **said}
    path.write_bytes(save({"x": np.zeros(1, np.float32)}, metadata={CARD_KEY: json.dumps(card)}))
    with pytest.raises(ModelFileError, match="not a model of ours"):
        read_card(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(ModelFileError, match="can't be read"):
            read_card(path)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_damage_anywhere_is_refused_or_harmless(data):
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "m.safetensors"
        write_model(path, TENSORS, CARD)
        content = bytearray(path.read_bytes())
        if data.draw(st.booleans()):
            content = content[: data.draw(st.integers(0, len(content) - 1))]
        else:
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(bytes(content))
        try:
            found = read_tensors(path)
        except ModelFileError:
            return
        assert all(isinstance(v, np.ndarray) for v in found.values())


def test_a_full_disk_leaves_the_old_model(tmp_path, monkeypatch):
    path = tmp_path / "m.safetensors"
    write_model(path, TENSORS, CARD)
    before = file_hash(path)

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_model(path, {"z": np.zeros(3)}, CARD)
    assert file_hash(path) == before
    assert len(list(tmp_path.iterdir())) == 1


def test_the_manuals_few_lines_read_a_model_without_this_program(tmp_path):
    lines = re.search(
        r"```python\n(import json\nimport numpy.*?)```",
        (ROOT / "tui_cytpix" / "manual" / "files.md").read_text("utf-8"),
        re.S,
    )
    assert lines is not None
    model = ROOT / "sample_runs" / "s_pombe" / "model.safetensors"
    shutil.copy(model, tmp_path / "model.safetensors")
    tell = (
        "\nimport sys\nassert not {'tui_cytpix', 'safetensors', 'torch'} & set(sys.modules)"
        "\nnp.savez('weights.npz', **weights)\nprint(json.dumps(card))"
    )
    done = children.run(
        [sys.executable, "-I", "-c", lines[1] + tell], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    told, known = json.loads(done.stdout), asdict(read_card(model))
    assert told == {name: known[name] for name in told}
    assert {"name", "training", "measured"} <= told.keys()
    expected = read_tensors(model)
    with np.load(tmp_path / "weights.npz") as found:
        assert set(found) == set(expected)
        assert all(np.array_equal(found[name], expected[name]) for name in expected)
