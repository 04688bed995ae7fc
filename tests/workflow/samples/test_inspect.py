"""The use-case that tells about a sample."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tui_cytpix.errors import SampleError
from tui_cytpix.workflow.samples.inspect import inspect


def test_inspect_a_folder(tmp_path):
    for event in range(3):
        pixels = np.random.default_rng(event).integers(0, 255, (9, 8)).astype(np.uint8)
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, "PNG")
        (tmp_path / f"{event}.png").write_bytes(content.getvalue())
    info = inspect(tmp_path, 0.3)
    assert (info.image_count, info.image_shape, info.bit_depth, info.scale.source) == (3, (9, 8), 8, "given")


def test_inspect_nothing(tmp_path):
    with pytest.raises(SampleError):
        inspect(tmp_path / "nonesuch")
