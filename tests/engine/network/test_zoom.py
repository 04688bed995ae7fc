from __future__ import annotations

import pytest

from tui_cytpix.domain.model_card import ModelCard
from tui_cytpix.domain.zoom import By, Zoom
from tui_cytpix.engine.network.zoom import TYPICAL_PX, zoom_of

CARD = ModelCard("m", "full", "built-in", network_um_per_px=0.3)


def _never() -> float:
    raise AssertionError("asked for what it needn't know")


@pytest.mark.parametrize(("um_per_px", "zoom"), [(0.3, 1), (0.34, 1), (0.5, 5 / 3), (0.1, 1 / 3), (0.01, 0.2), (9, 5)])
def test_a_known_scale_decides(um_per_px, zoom):
    assert zoom_of(CARD, um_per_px, _never).times == pytest.approx(zoom)


def test_with_an_unknown_scale_it_is_what_the_model_was_trained_with():
    trained = ModelCard("m", "full", "UDT", network_um_per_px=0.3, zoom=0.4)
    assert zoom_of(trained, None, _never).times == 0.4


@pytest.mark.parametrize(("size", "zoom"), [(TYPICAL_PX, 1), (1.6 * TYPICAL_PX, 1), (4 * TYPICAL_PX, 0.25), (None, 1)])
def test_else_it_is_the_size_of_what_is_seen(size, zoom):
    assert zoom_of(CARD, None, lambda: size).times == pytest.approx(zoom)


def test_a_model_without_a_scale_of_its_own_goes_by_size():
    plain = ModelCard("m", "full", "built-in")
    assert zoom_of(plain, 0.3, lambda: 2 * TYPICAL_PX).times == pytest.approx(0.5)


def test_what_is_asked_for_stands_above_the_models_own_and_below_a_known_scale():
    trained = ModelCard("m", "full", "UDT", network_um_per_px=0.3, zoom=0.4)
    assert zoom_of(trained, None, _never, 1.5) == Zoom(1.5, By.SET)
    assert zoom_of(CARD, None, _never, 1.1) == Zoom(1.1, By.SET)  # not taken for 1
    assert zoom_of(trained, 0.3, _never, 1.5) == Zoom(1.0, By.SCALE, 0.3)
    assert zoom_of(ModelCard("m", "full", "built-in"), 0.3, lambda: None, 1.5) == Zoom(1.0, By.NOTHING, 0.3)


def test_it_says_what_decided():
    trained = ModelCard("m", "full", "UDT", network_um_per_px=0.3, zoom=0.4)
    assert zoom_of(trained, None, _never) == Zoom(0.4, By.MODEL)
    assert zoom_of(CARD, None, lambda: TYPICAL_PX / 2) == Zoom(2.0, By.PARTICLES)
    assert zoom_of(CARD, None) == Zoom(1.0, By.NOTHING)
