"""The network as ONNX, judged by another runtime."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from tui_cytpix.engine.network.model import load_model, save_model
from tui_cytpix.errors import JobError
from tui_cytpix.workflow.base_model import library


@pytest.fixture
def entry(toys, tmp_path):
    model = toys.model()
    save_model(tmp_path / "tiny.safetensors", model.net, model.card)
    return library.entry(tmp_path / "tiny.safetensors")


def test_onnxruntime_gives_the_same_maps(entry, tmp_path):
    for needed in ("onnx", "onnxscript"):
        pytest.importorskip(needed)
    onnxruntime = pytest.importorskip("onnxruntime")
    path = library.export_model(entry, tmp_path / "tiny.onnx")
    session = onnxruntime.InferenceSession(str(path))
    card = json.loads(session.get_modelmeta().custom_metadata_map["tui_cytpix.card"])
    assert card["name"] == "tiny"
    net = load_model(tmp_path / "tiny.safetensors").net
    for shape in ((1, 1, 64, 64), (3, 1, 4, 248), (2, 1, 252, 96)):
        gray = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        with torch.no_grad():
            ours = net(torch.from_numpy(gray)).numpy()
        (theirs,) = session.run(None, {"gray": gray})
        np.testing.assert_allclose(theirs, ours, atol=1e-5)


def test_without_the_extra_it_says_what_to_install(entry, tmp_path, monkeypatch):
    absent = tmp_path / "absent" / "onnxscript"
    absent.mkdir(parents=True)
    (absent / "__init__.py").write_text("raise ImportError('absent', name='onnxscript')")
    monkeypatch.setenv("PYTHONPATH", str(absent.parent))
    with pytest.raises(JobError, match="not installed") as refused:
        library.export_model(entry, tmp_path / "tiny.onnx")
    assert "tui-cytpix[onnx]" in str(refused.value)
    assert not (tmp_path / "tiny.onnx").exists()
