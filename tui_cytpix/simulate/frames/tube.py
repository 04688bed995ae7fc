"""What a tube has in common: light, dirt on the glass, walls of the channel, focus, sensor."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.simulate.frames.arrange import choose
from tui_cytpix.simulate.frames.export import Processing, draw_processing, process, round_off
from tui_cytpix.simulate.frames.optics import Floats, Optics, Ring, blur, brightfield
from tui_cytpix.simulate.kinds.kind import Interior, PhaseContrast, SampleKind
from tui_cytpix.simulate.kinds.parts import Range, Solid

BLACK_LEVEL = 145  # gray levels; what exports of the instrument show as their darkest and brightest
FULL_WELL = 1011


@dataclass(frozen=True, eq=False)
class Tube:
    """One tube's constants.

    Attributes:
        background: static light on the sensor, (H, W), mean about 1.
        level: mean gray level. noise: its standard deviation, gray levels.
        focus_um, focus_spread_um: mean and standard deviation of the defocus.
        contrast: factor on phases. flow: direction of the flow, rad. motion_px: length of the smear along it.
        correlation_px: blur of the noise. processing: on the way to the file.
        kind: the kind as it is in this tube: its pixel size, its interiors' narrower ranges.
    """

    kind: SampleKind
    optics: Optics
    background: Floats
    level: float
    noise: float
    focus_um: float
    focus_spread_um: float
    contrast: float
    flow: float
    motion_px: float
    correlation_px: float
    processing: Processing


def draw_tube(kind: SampleKind, size: int, rng: np.random.Generator) -> Tube:
    """A tube of the kind, for frames of size x size px."""
    ranges = kind.tube
    kind = _narrowed(kind, rng)
    optics = Optics(kind.um_per_px, float(rng.uniform(*ranges.aperture)), float(rng.uniform(*ranges.condenser)))
    if ranges.phase_contrast is not None:
        optics = replace(optics, ring=_draw_ring(ranges.phase_contrast, rng))
    if ranges.oblique > 0:
        oblique = ranges.oblique * float(rng.random()) ** 2
        optics = replace(optics, oblique=oblique, azimuth=float(rng.uniform(0, 2 * np.pi)))
    flow = float(rng.choice((0.0, np.pi / 2)))
    return Tube(
        kind=kind,
        optics=optics,
        background=_background(kind, size, flow, optics, rng),
        level=float(rng.uniform(*ranges.level)),
        noise=float(rng.uniform(*ranges.noise)),
        focus_um=float(rng.uniform(*ranges.focus_um)),
        focus_spread_um=float(rng.uniform(*ranges.focus_spread_um)),
        contrast=float(rng.uniform(*ranges.contrast)),
        flow=flow,
        motion_px=float(rng.uniform(*ranges.motion_um)) / kind.um_per_px,
        correlation_px=float(rng.uniform(*ranges.correlation)),
        processing=Processing() if ranges.export is None else draw_processing(ranges.export, rng),
    )


def _narrowed(kind: SampleKind, rng: np.random.Generator) -> SampleKind:
    """The kind with the tube's pixel size, with the populations and the part of their ranges that the tube keeps to."""
    ranges, cells = kind.tube, kind.cells
    if ranges.um_per_px is not None:
        kind = replace(kind, um_per_px=float(rng.uniform(*ranges.um_per_px)))
    if ranges.one_build > 0 and rng.random() < ranges.one_build:
        cells = (cells[choose(tuple(cell.weight for cell in cells), rng)],)
    if ranges.alike < 1:
        cells = tuple(replace(cell, interior=_alike(cell.interior, ranges.alike, rng)) for cell in cells)
    if ranges.alike_width < 1:
        cells = tuple(replace(cell, width_um=_part(cell.width_um, ranges.alike_width, rng)) for cell in cells)
    return replace(kind, cells=cells)


def _alike(interior: Interior, share: float, rng: np.random.Generator) -> Interior:
    chosen = _parts(interior, share, rng)
    if interior.solid is not None:
        chosen["solid"] = replace(interior.solid, **_parts(interior.solid, share, rng))
    return replace(interior, **chosen)


def _parts(whole: Interior | Solid, share: float, rng: np.random.Generator) -> dict[str, Any]:
    """A part of each of the ranges, by name."""
    return {f.name: _part(getattr(whole, f.name), share, rng) for f in fields(whole) if f.type == "Range"}


def _part(whole: Range, share: float, rng: np.random.Generator) -> Range:
    low, high = whole
    start = low + (high - low) * (1 - share) * rng.random()
    return float(start), float(start + (high - low) * share)


def _draw_ring(ranges: PhaseContrast, rng: np.random.Generator) -> Ring | None:
    if rng.random() >= ranges.share:
        return None
    positive = bool(rng.random() >= ranges.negative)
    return Ring(float(rng.uniform(*ranges.transmission)), float(rng.uniform(*ranges.halo_um)), positive)


def _background(kind: SampleKind, size: int, flow: float, optics: Optics, rng: np.random.Generator) -> Floats:
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    y, x = axis[:, None], axis[None, :]
    a, b, c, d, e = rng.normal(0, rng.uniform(*kind.tube.shading) / 1.5, 5)
    light = (1 + a * x + b * y + c * (x * x - 1 / 3) + d * (y * y - 1 / 3) + e * x * y).astype(np.float32)
    uneven = 0.3 * rng.uniform(*kind.tube.shading)
    coarse = rng.standard_normal((8, 8)).astype(np.float32)
    light = light * (1 + uneven * cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC))
    light = light * _dirt(kind, size, optics, rng)
    if rng.random() < kind.tube.channel:
        light = light * _channel(size, flow, rng)
    return np.asarray(np.maximum(light, 0.2), np.float32)


def _dirt(kind: SampleKind, size: int, optics: Optics, rng: np.random.Generator) -> Floats:
    """Specks on glass surfaces, far out of focus: faint rings and blots, drawn at half resolution."""
    specks = int(rng.poisson(kind.tube.dirt))
    if specks == 0:
        return np.ones((size, size), np.float32)
    coarse = replace(optics, um_per_px=2 * kind.um_per_px)
    half = (size + 1) // 2
    axis = np.arange(half, dtype=np.float32)
    phase, absorbance = np.zeros((half, half), np.float32), np.zeros((half, half), np.float32)
    for _ in range(specks):
        cy, cx = rng.uniform(0, half, 2)
        radius = rng.uniform(0.5, 2.0) / coarse.um_per_px
        spot = np.outer(np.exp(-(((axis - cy) / radius) ** 2)), np.exp(-(((axis - cx) / radius) ** 2)))
        phase += np.asarray(rng.uniform(-0.5, 0.8) * spot, np.float32)
        absorbance += np.asarray(rng.uniform(0.0, 0.5) * spot, np.float32)
    light = brightfield(phase, absorbance, float(rng.choice((-1, 1)) * rng.uniform(5, 25)), coarse)
    return np.asarray(cv2.resize(light, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)


def _channel(size: int, flow: float, rng: np.random.Generator) -> Floats:
    """Walls along the flow: a dark and a bright line at a side of the frame, the wall beyond a little darker."""
    place = np.arange(size, dtype=np.float32)
    profile = np.ones(size, np.float32)
    for wall in range(int(rng.integers(1, 3))):
        edge = rng.uniform(0.0, 0.13) * size
        width = rng.uniform(1.0, 3.0)
        distance = (place - edge) if wall == 0 else (size - 1 - edge - place)
        profile -= rng.uniform(0.05, 0.4) * np.exp(-((distance / width) ** 2))
        profile += rng.uniform(0.0, 0.3) * np.exp(-(((distance - 2.2 * width) / width) ** 2))
        profile *= 1 - rng.uniform(0, 0.2) / (1 + np.exp(np.clip(distance / width, -30, 30)))
    lines = np.tile(profile, (size, 1))
    return lines if flow > 0 else np.ascontiguousarray(lines.T)


def expose(intensity: Floats, tube: Tube, rng: np.random.Generator) -> NDArray[np.uint16]:
    """The sensor: light (1 = background) to gray levels of 10 bits, uint16, the same shape."""
    flicker = 1 + rng.normal(0, 0.006)
    light = intensity * tube.background * np.float32(flicker)
    noise = blur(rng.standard_normal(light.shape, np.float32), tube.correlation_px)
    if tube.correlation_px >= 0.2:
        noise = noise / max(float(noise.std()), 1e-6)
    # Half of the variance is shot noise and grows with the light, half is the sensor's own.
    noise = noise * np.float32(tube.noise) * np.sqrt(0.5 + 0.5 * light)
    gray = BLACK_LEVEL / 2 + (tube.level - BLACK_LEVEL / 2) * light + noise
    gray = process(gray, tube.processing, BLACK_LEVEL / 2, tube.level)
    rounded = round_off(np.clip(np.rint(gray), BLACK_LEVEL, FULL_WELL).astype(np.uint16), tube.processing)
    return np.asarray(rounded.clip(BLACK_LEVEL, FULL_WELL), np.uint16)


def smear(intensity: Floats, tube: Tube) -> Floats:
    """Motion along the flow during the exposure."""
    length = tube.motion_px
    if length < 0.3:
        return intensity
    kernel = np.array([length / 2, 1.0, length / 2], np.float32)
    kernel = kernel / kernel.sum()
    one = np.ones(1, np.float32)
    along_x, along_y = (kernel, one) if tube.flow == 0 else (one, kernel)
    return np.asarray(cv2.sepFilter2D(intensity, cv2.CV_32F, along_x, along_y), np.float32)
