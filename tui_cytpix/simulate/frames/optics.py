"""From phase and absorption to brightfield intensity.

A cell is taken as a thin screen that delays and weakens a plane wave (Goodman, *Introduction to Fourier Optics*, ch. 4
and 5). The wave is cut by the objective's aperture and carried to the plane of focus by Fresnel's transfer function
exp(-i pi wavelength z f^2). Light from a condenser of half-angle s blurs the defocused image by z s (van
Cittert-Zernike). With z > 0 a cell, being a lens, has a bright centre and a dark rim; with z < 0 the reverse.

A phase ring weakens the direct light and turns it by a quarter wave (Zernike). The ring has a width, so that light
scattered by little goes through it too: the low frequencies of the cell's wave are treated as the direct light is.
That gives the bright halo and the fading towards the middle of large cells (Yin, Kanade, Chen 2012, Medical Image
Analysis 16).

Light that falls in obliquely favours what is scattered to one side, as a schlieren edge does: one side of a cell is
bright, the other dark.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

Floats = NDArray[np.float32]

WAVELENGTH_UM = 0.52
_FRINGE = 0.4
_EDGE = 0.1  # cycles/um over which the two halves pass into each other


@dataclass(frozen=True)
class Ring:
    """A phase ring: what it lets through of the intensity, how far the halo reaches, whether cells appear dark."""

    transmission: float
    halo_um: float
    positive: bool = True

    @property
    def factor(self) -> complex:
        """On the amplitude of what goes through the ring."""
        return complex(0, -1 if self.positive else 1) * float(np.sqrt(self.transmission))


@dataclass(frozen=True)
class Optics:
    """What a tube's images have in common: `aperture` in cycles/um, `condenser` in rad.

    `oblique`, 0..1, is how much more passes of the light scattered towards `azimuth` (rad) than of the other half.
    """

    um_per_px: float
    aperture: float
    condenser: float
    ring: Ring | None = None
    oblique: float = 0.0
    azimuth: float = 0.0


def blur(image: Floats, sigma: float) -> Floats:
    """Gaussian blur, sigma in px; none below 0.2."""
    if sigma < 0.2:
        return image
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)


def brightfield(phase: Floats, absorbance: Floats, defocus_um: float, optics: Optics) -> Floats:
    """Intensity behind a screen, 1 in the background; float32, (H, W).

    Args:
        phase: rad, (H, W), 0 towards the borders.
        absorbance: optical density (natural log) of the intensity, (H, W), 0 towards the borders.
        defocus_um: z.
    """
    amplitude = np.exp(-absorbance / 2)
    wave = np.empty(phase.shape, np.complex64)
    wave.real, wave.imag = amplitude * np.cos(phase) - 1, amplitude * np.sin(phase)
    height, width = phase.shape
    shape = (fft.next_fast_len(height), fft.next_fast_len(width))
    fy = fft.fftfreq(shape[0], optics.um_per_px).astype(np.float32)[:, None]
    fx = fft.fftfreq(shape[1], optics.um_per_px).astype(np.float32)[None, :]
    f2 = fy * fy + fx * fx
    passed = np.exp(-((f2 / np.float32(optics.aperture**2)) ** 3))
    turned = f2 * np.float32(-np.pi * WAVELENGTH_UM * defocus_um)
    transfer = np.empty(shape, np.complex64)
    transfer.real, transfer.imag = passed * np.cos(turned), passed * np.sin(turned)
    direct = 1 + 0j
    if optics.ring is not None:
        direct = optics.ring.factor
        transfer *= 1 + np.complex64(direct - 1) * np.exp(-f2 * np.float32((np.pi * optics.ring.halo_um) ** 2 / 2))
    if optics.oblique > 0:
        aside = fx * np.float32(np.cos(optics.azimuth)) + fy * np.float32(np.sin(optics.azimuth))
        transfer *= 1 + np.float32(optics.oblique) * np.tanh(aside / np.float32(_EDGE))
    field = fft.ifft2(fft.fft2(wave, shape) * transfer)[:height, :width]
    intensity = (field.real + np.float32(direct.real)) ** 2 + (field.imag + np.float32(direct.imag)) ** 2
    intensity = np.asarray(intensity / np.float32(abs(direct) ** 2), np.float32)
    spread_um = np.hypot(abs(defocus_um) * optics.condenser, 0.15)
    return blur(intensity, float(spread_um / optics.um_per_px))


def rim_um(defocus_um: float, optics: Optics) -> float:
    """How far beyond its place in focus the outline of a cell is drawn, um.

    For z > 0 the end of the dark rim: the first Fresnel fringe of an edge, ~ sqrt(wavelength z), and the blur of the
    condenser, z s, as independent widths: on simulated cells about where the light has come back half way to the
    background. For z < 0 the rim is bright, and some draw around it, some within: half of that.
    """
    z = abs(defocus_um)
    rim = float(np.sqrt(_FRINGE**2 * WAVELENGTH_UM * z + (z * optics.condenser) ** 2))
    return rim if defocus_um > 0 else rim / 2


def refraction_loss(phase: Floats, strength: float, optics: Optics) -> Floats:
    """Absorbance that stands for light bent out of the objective by steep phase, as at the rim of a bead or a wall."""
    if strength <= 0:
        return np.zeros_like(phase)
    gy = cv2.Sobel(phase, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    gx = cv2.Sobel(phase, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    # Local angle of the ray over that which the aperture takes in.
    ratio2 = (gx * gx + gy * gy) / (2 * np.pi * optics.aperture * optics.um_per_px) ** 2
    return np.asarray(strength * ratio2 / (ratio2 + 0.25), np.float32)
