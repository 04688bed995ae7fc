"""Whether a sample may have changed, by the states of its files."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tui_cytpix.formats.sample.file_states import FileStates


@pytest.mark.parametrize("name", ["a" * 251, "a" * 252, "细" * 84, "细" * 85])
def test_a_folder_whose_name_leaves_no_room_for_a_suffix_has_no_files_beside_it(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    Image.fromarray(np.zeros((8, 9), np.uint8)).save(folder / "1.png")
    first = FileStates().of(folder)
    assert FileStates().size(folder) == (folder / "1.png").stat().st_size
    Image.fromarray(np.zeros((8, 9), np.uint8)).save(folder / "2.png")
    assert FileStates().of(folder) != first
