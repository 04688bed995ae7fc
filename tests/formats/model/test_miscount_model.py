"""What triage knows comes back from its file; a damaged one is refused in words."""

from __future__ import annotations

import numpy as np
import pytest

from tui_cytpix.core.statistics.miscount_model import MiscountModel, NoveltyReference
from tui_cytpix.errors import ModelFileError
from tui_cytpix.formats.model.miscount_model import MiscountKnowledge, read_miscount_model, write_miscount_model


def test_it_comes_back(tmp_path):
    vectors = np.random.default_rng(0).normal(0, 1, (5, 8)).astype(np.float32)
    given = MiscountKnowledge(
        MiscountModel(("unsure", "apart"), -0.25, (0.5, 1.5), -1.0, 2.0),
        {"cell": NoveltyReference(vectors, np.ones(8, np.float32), 0.5)},
        {"rows": 3},
    )
    write_miscount_model(tmp_path / "t.json", given)
    back = read_miscount_model(tmp_path / "t.json")
    assert back.errors == given.errors
    assert back.about == {"rows": 3}
    np.testing.assert_allclose(back.novelty["cell"].vectors, vectors, atol=5e-4)
    assert back.novelty["cell"].limit == 0.5


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"predictor": {}, "seen": {}, "about": {}}'])
def test_a_damaged_file_is_refused(tmp_path, text):
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(ModelFileError, match="triage"):
        read_miscount_model(tmp_path / "t.json")
    with pytest.raises(ModelFileError):
        read_miscount_model(tmp_path / "none.json")
