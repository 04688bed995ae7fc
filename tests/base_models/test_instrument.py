"""The card of the instrument's own masks."""

from __future__ import annotations

import pytest

from tui_cytpix.base_models.instrument import CARD, PATH
from tui_cytpix.engine.network.model import load_model
from tui_cytpix.errors import ModelFileError
from tui_cytpix.formats.model.file import read_card, read_tensors


def test_the_file_is_what_the_module_makes():
    assert read_card(PATH) == CARD
    assert read_tensors(PATH) == {}


def test_it_is_no_network_and_has_no_confidence():
    with pytest.raises(ModelFileError, match="no network"):
        load_model(PATH)
    assert (CARD.confidence_is, CARD.sees, CARD.out_of_use, CARD.user_trained) == ("none", "", "", False)
