"""Small `.rtdc` files, by h5py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def rtdc(tmp_path: Path) -> Callable[..., Path]:
    """Writes datasets of `events` and attributes into a file."""
    h5py = pytest.importorskip("h5py", reason="the extra hdf5 isn't installed")

    def write(
        events: dict[str, np.ndarray], name: str = "m.rtdc", packed: dict[str, Any] | None = None, **attributes: Any
    ) -> Path:
        with h5py.File(tmp_path / name, "w") as file:
            group = file.create_group("events")
            for key, values in events.items():
                group.create_dataset(key, data=values, **((packed or {}) if values.ndim == 3 else {}))
            for key, value in attributes.items():
                file.attrs[key.replace("__", ":").replace("_", " ")] = value
        return tmp_path / name

    return write
