from __future__ import annotations

import pytest

from tui_cytpix.domain.model_card import ModelCard
from tui_cytpix.engine.zoom import TYPICAL_PX, zoom_of

CARD = ModelCard("m", "full", "built-in", network_um_per_px=0.3)


def _never() -> float:
    raise AssertionError("asked for what it needn't know")


@pytest.mark.parametrize(("um_per_px", "zoom"), [(0.3, 1), (0.34, 1), (0.5, 5 / 3), (0.1, 1 / 3), (0.01, 0.2), (9, 5)])
def test_a_known_scale_decides(um_per_px, zoom):
    assert zoom_of(CARD, um_per_px, _never) == pytest.approx(zoom)


def test_with_an_unknown_scale_it_is_what_the_model_was_trained_with():
    trained = ModelCard("m", "full", "UDT", network_um_per_px=0.3, zoom=0.4)
    assert zoom_of(trained, None, _never) == 0.4


@pytest.mark.parametrize(("size", "zoom"), [(TYPICAL_PX, 1), (1.6 * TYPICAL_PX, 1), (4 * TYPICAL_PX, 0.25), (None, 1)])
def test_else_it_is_the_size_of_what_is_seen(size, zoom):
    assert zoom_of(CARD, None, lambda: size) == pytest.approx(zoom)


def test_a_model_without_a_scale_of_its_own_goes_by_size():
    plain = ModelCard("m", "full", "built-in")
    assert zoom_of(plain, 0.3, lambda: 2 * TYPICAL_PX) == pytest.approx(0.5)
