"""What NumPy's files may do: be read, or be refused with a ValueError; nothing else is called damage."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tui_cytpix.formats.bytes import npz
from tui_cytpix.formats.bytes.npz import read_npy, read_npz


def header(text: str) -> bytes:
    data = text.encode()
    return b"\x93NUMPY\x01\x00" + len(data).to_bytes(2, "little") + data


@pytest.mark.parametrize(
    "text",
    ["-" * 9900 + "1", "[" * 9000, "~" * 9900 + "1", "{", "1 +", "{'descr': '<f4'}", "x"],
)
def test_a_header_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(header(text))
    with pytest.raises(ValueError, match=r"."):
        read_npy(path)


@pytest.mark.parametrize("way", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_ways_of_packing_that_numpy_never_uses(tmp_path: Path, way: int) -> None:
    file = io.BytesIO()
    np.save(file, np.zeros(9))
    with zipfile.ZipFile(tmp_path / "a.npz", "w", way) as archive:
        archive.writestr("a.npy", file.getvalue())
    with pytest.raises(ValueError, match="packed"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.parametrize("error", [MemoryError, AttributeError, NameError, KeyboardInterrupt, AssertionError])
def test_a_lack_of_memory_and_a_fault_of_ours_are_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    np.savez(tmp_path / "a.npz", a=np.zeros(3))
    np.save(tmp_path / "a.npy", np.zeros(3))

    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(npz, "_array", fails)
    for read in (lambda: read_npz(tmp_path / "a.npz"), lambda: read_npy(tmp_path / "a.npy")):
        with pytest.raises(error):
            read()
