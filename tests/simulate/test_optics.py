"""The optics against closed form."""

from __future__ import annotations

import numpy as np
import pytest

from tui_cytpix.simulate.optics import WAVELENGTH_UM, Optics, brightfield, refraction_loss

OPTICS = Optics(um_per_px=0.3, aperture=1.3, condenser=0.1)


def _lens(radius: float = 12.0, phase: float = 1.5, size: int = 120) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return (phase * np.sqrt(np.maximum(1 - (y**2 + x**2) / radius**2, 0))).astype(np.float32)


def test_an_empty_screen_leaves_the_light_as_it_is():
    empty = np.zeros((40, 50), np.float32)
    np.testing.assert_allclose(brightfield(empty, empty, 3.0, OPTICS), 1, atol=1e-5)


@pytest.mark.parametrize("defocus", [2.0, 4.0])
def test_the_sign_of_the_defocus_swaps_bright_and_dark(defocus: float):
    phase, clear = _lens(), np.zeros((120, 120), np.float32)
    before, behind = (brightfield(phase, clear, z, OPTICS) for z in (-defocus, defocus))
    middle, rim = (slice(58, 62),) * 2, (slice(59, 61), slice(70, 75))
    assert behind[middle].mean() > 1.03
    assert behind[rim].min() < 0.9
    assert before[middle].mean() < 0.97
    assert before[rim].max() > 1.1


def test_a_phase_object_in_focus_is_nearly_invisible_inside():
    phase, clear = _lens(), np.zeros((120, 120), np.float32)
    assert abs(brightfield(phase, clear, 0.0, OPTICS)[50:70, 50:70].mean() - 1) < 0.01


def test_defocus_moves_light_but_makes_none():
    phase, clear = _lens(), np.zeros((120, 120), np.float32)
    open_optics = Optics(0.3, 50.0, 0.1)
    assert brightfield(phase, clear, 4.0, open_optics).mean() == pytest.approx(1, abs=2e-3)


def test_absorption_in_focus_follows_the_law_of_lambert():
    clear = np.zeros((120, 120), np.float32)
    shade = np.where(_lens() > 0, 0.4, 0).astype(np.float32)
    assert brightfield(clear, shade, 0.0, OPTICS)[55:65, 55:65] == pytest.approx(np.exp(-0.4), abs=0.01)


def test_small_defocus_follows_the_transport_of_intensity():
    # dI/dz = -(wavelength / 2 pi) laplacian(phase) for a pure phase object.
    size, period = 128, 32.0
    x = np.arange(size) * 2 * np.pi / period
    phase = np.tile(0.05 * np.cos(x), (size, 1)).astype(np.float32)
    image = brightfield(phase, np.zeros_like(phase), 0.5, Optics(0.3, 50.0, 0.0))
    laplacian = -phase * (2 * np.pi / period / 0.3) ** 2
    expected = 1 - 0.5 * WAVELENGTH_UM / (2 * np.pi) * laplacian
    np.testing.assert_allclose(image[20:-20, 20:-20], expected[20:-20, 20:-20], atol=2e-4)


def test_steep_phase_loses_light_and_flat_phase_none():
    loss = refraction_loss(_lens(phase=8.0), 1.0, OPTICS)
    assert loss[60, 60] < 0.02
    assert loss[60, 70:73].max() > 0.1
    assert not refraction_loss(_lens(), 0.0, OPTICS).any()
