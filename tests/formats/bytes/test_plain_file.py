"""What is opened, and what is not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tui_cytpix.formats.bytes.npz import read_npy, read_npz
from tui_cytpix.formats.bytes.plain_file import open_plain, open_plain_to_write, read_json, read_plain, read_toml


def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "link").symlink_to("/dev/zero")
    for name in ("fifo", "folder", "loop", "link", "absent", "a\0b", "x" * 300):
        with pytest.raises(OSError, match=r".+"):
            open_plain(tmp_path / name)
    for name in ("fifo", "folder", "loop", "link"):
        with pytest.raises(OSError, match=r".+"):
            os.close(open_plain_to_write(tmp_path / name))


def test_no_more_is_read_than_is_stated(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_plain(tmp_path / "a", 5) == b"12345"
    with pytest.raises(OSError, match="its 5 bytes are more than the 4 that are read"):
        read_plain(tmp_path / "a", 4)


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "[" * 100_000 + "]" * 100_000, "\0", "9" * 5000 + "x"])
def test_what_is_no_document_is_a_value_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "a").write_text(text)
    for read in (read_json, read_toml):
        with pytest.raises(ValueError, match=r".+"):
            read(tmp_path / "a")


def test_arrays_come_back_as_they_were_saved(tmp_path: Path) -> None:
    arrays = {
        "a": np.arange(12.0, dtype=np.float32).reshape(3, 4),
        "b": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "c": np.array(["x", "yz"]),
        "d": np.array(7),
        "e": np.zeros((0, 2), bool),
        "f": np.array([], np.str_),
    }
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    found = read_npz(tmp_path / "a.npz")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert np.array_equal(found[name], array)
        assert (found[name].shape, found[name].dtype) == (array.shape, array.dtype)
        np.save(tmp_path / "one.npy", array)
        assert np.array_equal(read_npy(tmp_path / "one.npy"), array)


def test_an_array_of_other_size_than_its_file_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((20, 30), np.float32))
    whole = (tmp_path / "a.npy").read_bytes()
    for content in (
        whole[:-1],
        whole + b"0",
        whole.replace(b"(20, 30)", b"(20, 3) "),
        whole.replace(b"<f4", b"|O8"),
        b"",
    ):
        (tmp_path / "a.npy").write_bytes(content)
        with pytest.raises(ValueError, match=r".+"):
            read_npy(tmp_path / "a.npy")
