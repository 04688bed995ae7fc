"""The optics against closed form."""

from __future__ import annotations

import numpy as np
import pytest

from tui_cytpix.simulate.frames.optics import WAVELENGTH_UM, Optics, Ring, brightfield, refraction_loss, rim_um

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


def _disc(radius_um: float, phase: float, um_per_px: float = 0.3, size: int = 160) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return np.where(np.hypot(y, x) * um_per_px < radius_um, phase, 0).astype(np.float32)


@pytest.mark.parametrize(("positive", "sign"), [(True, -1), (False, 1)])
def test_a_phase_ring_shows_phase_as_zernike_says(positive: bool, sign: int):
    # Of a disc much smaller than the halo nothing goes through the ring: |+-i t + exp(i phase) - 1|^2 / t^2.
    phase, transmission = 0.3, 0.25
    optics = Optics(0.3, 50.0, 0.0, Ring(transmission, halo_um=40.0, positive=positive))
    thin = _disc(2.0, phase)
    image = brightfield(thin, np.zeros_like(thin), 0.0, optics)
    direct = sign * 1j * np.sqrt(transmission)
    expected = abs(direct + np.exp(1j * phase) - 1) ** 2 / transmission
    assert image[79, 79] == pytest.approx(expected, abs=0.02)
    assert (image[79, 79] < 1) == positive
    assert image[5, 5] == pytest.approx(1, abs=0.02)


def test_a_phase_ring_makes_a_halo_and_fades_towards_the_middle_of_a_large_object():
    optics = Optics(0.3, 50.0, 0.0, Ring(0.25, halo_um=1.5))
    wide = _disc(12.0, 0.4)
    row = brightfield(wide, np.zeros_like(wide), 0.0, optics)[79]
    edge = 80 + int(12.0 / 0.3)
    assert row[edge + 1 : edge + 6].max() > 1.1
    assert row[edge - 3] < 0.8
    assert row[79] == pytest.approx(1, abs=0.02)


def test_oblique_light_makes_one_side_bright_and_the_other_dark():
    phase, clear = _lens(), np.zeros((120, 120), np.float32)
    image = brightfield(phase, clear, 0.0, Optics(0.3, 1.3, 0.1, oblique=0.2, azimuth=0.0))
    left, right = image[58:62, 47:53].mean(), image[58:62, 67:73].mean()
    assert abs(left - right) > 0.1
    assert (left - 1) * (right - 1) < 0
    assert image[:5].mean() == pytest.approx(1, abs=0.02)
    other = brightfield(phase, clear, 0.0, Optics(0.3, 1.3, 0.1, oblique=0.2, azimuth=np.pi))
    np.testing.assert_allclose(other[:, ::-1], image, atol=2e-3)


def test_the_rim_ends_where_the_light_has_come_back_half_way():
    # A round cell of 3.5 um radius: the outline's place in focus, 0.2 um out, and what defocus adds.
    fine = 0.1
    y, x = np.mgrid[:400, :400] - 199.5
    r = np.hypot(y, x) * fine
    phase = (0.4 * 2 * np.sqrt(np.maximum(3.5**2 - r**2, 0))).astype(np.float32)
    for defocus in (0.5, 1.0, 2.0, 3.0):
        for condenser in (0.08, 0.3):
            optics = Optics(fine, 1.2, condenser)
            row = brightfield(phase, refraction_loss(phase, 0.5, optics), defocus, optics)[200, 200:]
            start = 30 + int(row[30:50].argmin())
            half = start + int(np.argmax(row[start:] > (1 + row[start]) / 2))
            assert r[200, 200 + half] - 3.5 == pytest.approx(0.2 + rim_um(defocus, optics), abs=0.25)
