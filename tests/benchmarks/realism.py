"""How near the simulated kinds come to real crops: rims, halos, texture, noise, ground, sizes.

    python -m tests.benchmarks realism [--kinds general-rounds phase-rods] [--tubes 60] [--size 160] [--seed 0]

Prints Markdown tables, a line per real set and per simulated kind, each cell the quantiles 5 / 50 / 95 over the
particles. Gray is normalised as the network sees it (`core.images.normalise`, background from the image alone):
background 0, contrast 1. `r` is a particle's inscribed radius; places are from the outline, positive outwards, in r.
A wide kind should cover a real set's range, not reproduce it.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from tui_cytpix.core.images.background import image_background
from tui_cytpix.core.images.normalise import noise, normalise
from tui_cytpix.core.objects.regions import Ellipse, ellipses, touches_border
from tui_cytpix.simulate.frames.events import SimulatedSample
from tui_cytpix.simulate.kinds.catalogue import KINDS

CELLS = Path(__file__).resolve().parents[3] / "shared" / "data" / "cells"
SHRUNK = {"pombe_bf_photophenosizer": 0.35}  # to the scale of a flow image
PLACES = np.linspace(-0.5, 0.5, 11)
SPECTRUM_PX, GAP_PX = 32, 8
MEASURES = {
    "rim": "lowest gray of the profile",
    "rim at": "where, in r",
    "halo": "highest gray of the profile",
    "halo at": "where, in r",
    "halo width": "of the bright zone outside, above half the halo, in r",
    "inside": "mean gray deep inside",
    "texture": "SD inside over the profile's span",
    "slope": "of the power spectrum inside, log-log",
    "noise": "SD of white noise",
    "ground": "SD of the smoothed gray far from particles",
    "minor px": "diameter",
    "aspect": "major over minor",
    "solidity": "area over that of the convex hull",
    "gap": "px to the nearest other particle, if below 8",
}
Rows = list[dict[str, float]]


def real(name: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(image, labels) of a set's crops."""
    shrink = SHRUNK.get(name, 1.0)
    for entry in json.loads((CELLS / name / "crops.json").read_text()):
        image = cv2.imread(str(CELLS / name / "images" / entry["file"]), cv2.IMREAD_UNCHANGED)
        labels = cv2.imread(str(CELLS / name / "masks" / entry["file"]), cv2.IMREAD_UNCHANGED)
        size = (round(image.shape[1] * shrink), round(image.shape[0] * shrink))
        yield (
            cv2.resize(image, size, interpolation=cv2.INTER_CUBIC) if shrink != 1 else image,
            cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST) if shrink != 1 else labels,
        )


def simulated(kind: str, tubes: int, size: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(image, labels) of three events of each tube."""
    for tube in range(tubes):
        yield from ((event.image, event.labels) for event in SimulatedSample(kind, 3, seed + tube, size))


def look(image: np.ndarray, labels: np.ndarray) -> tuple[Rows, list[np.ndarray]]:
    """The measures and the radial profile of each particle that the border does not cut."""
    gray = normalise(image, image_background(image))
    sigma, ground = noise(gray), _ground(gray, labels)
    rows, profiles = [], []
    count = int(labels.max())
    for k, ellipse in enumerate(ellipses(labels, count), start=1):
        mask = labels == k
        if mask.sum() < 30 or touches_border(mask):
            continue
        inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
        outside = cv2.distanceTransform(1 - mask.astype(np.uint8), cv2.DIST_L2, 5)
        radius = float(inside.max())
        place = np.where(mask, 0.5 - inside, outside - 0.5) / radius
        others = (labels > 0) & ~mask
        profile = _profile(gray, place, ~others, radius)
        row = {"noise": sigma, "ground": ground, "minor px": ellipse.minor, "aspect": ellipse.major / ellipse.minor}
        gap = float(outside[others].min()) - 1 if others.any() else math.inf
        row |= {"solidity": _solidity(mask), "gap": gap if gap < GAP_PX else math.nan}
        deep = place < -0.4
        if not np.isnan(profile).any() and deep.sum() > 8:
            row |= _rim(profile) | {"inside": float(gray[deep].mean()), "slope": _slope(gray, ellipse)}
            row["texture"] = float(gray[deep].std()) / max(float(np.ptp(profile)), 1e-3)
            profiles.append(profile)
        rows.append(row)
    return rows, profiles


def _profile(gray: np.ndarray, place: np.ndarray, counted: np.ndarray, radius: float) -> np.ndarray:
    half = max((PLACES[1] - PLACES[0]) / 2, 0.5 / radius)  # a pixel wide at least
    near = [(np.abs(place - at) <= half) & counted for at in PLACES]
    return np.array([gray[zone].mean() if zone.any() else np.nan for zone in near])


def _rim(profile: np.ndarray) -> dict[str, float]:
    low, high = int(profile.argmin()), int(profile.argmax())
    bright = (PLACES > -0.1) & (profile > profile.max() / 2)
    width = float(bright.sum() * (PLACES[1] - PLACES[0])) if profile.max() > 0 else 0.0
    return {
        "rim": float(profile[low]),
        "rim at": float(PLACES[low]),
        "halo": float(profile[high]),
        "halo at": float(PLACES[high]),
        "halo width": width,
    }


def _ground(gray: np.ndarray, labels: np.ndarray) -> float:
    away = cv2.distanceTransform((labels == 0).astype(np.uint8), cv2.DIST_L2, 5) > 12
    return float(cv2.GaussianBlur(gray, (0, 0), 1.5)[away].std()) if away.sum() > 50 else math.nan


def _solidity(mask: np.ndarray) -> float:
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = cv2.convexHull(np.concatenate(outlines))
    filled = cv2.fillConvexPoly(np.zeros(mask.shape, np.uint8), hull, 1)
    return float(mask.sum() / max(int(filled.sum()), 1))


def _slope(gray: np.ndarray, ellipse: Ellipse) -> float:
    """Of log power on log frequency, of a patch of the particle's minor diameter, resampled to 32 px."""
    side = ellipse.minor / math.sqrt(2) / SPECTRUM_PX
    x0 = ellipse.x - side * (SPECTRUM_PX - 1) / 2
    y0 = ellipse.y - side * (SPECTRUM_PX - 1) / 2
    to_image = np.array([[side, 0, x0], [0, side, y0]])
    patch = cv2.warpAffine(gray, to_image, (SPECTRUM_PX,) * 2, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    window = np.hanning(SPECTRUM_PX)
    power = np.abs(np.fft.rfft2((patch - patch.mean()) * window[:, None] * window[None, :])) ** 2
    frequency = np.hypot(np.fft.fftfreq(SPECTRUM_PX)[:, None], np.fft.rfftfreq(SPECTRUM_PX)[None, :]) * SPECTRUM_PX
    used = (frequency >= 2) & (frequency <= 8)
    return float(np.polyfit(np.log(frequency[used]), np.log(power[used] + 1e-12), 1)[0])


def _quantiles(values: np.ndarray) -> str:
    kept = values[np.isfinite(values)]
    return " / ".join(f"{q:.2g}" for q in np.quantile(kept, (0.05, 0.5, 0.95))) if len(kept) else "-"


def _print_measures(measured: dict[str, tuple[Rows, np.ndarray]]) -> None:
    for block in (list(MEASURES)[:7], list(MEASURES)[7:]):
        print("\n" + "\n".join(f"- {name}: {MEASURES[name]}" for name in block) + "\n")
        print(f"| set | particles | {' | '.join(block)} |\n|---|---|{'---|' * len(block)}")
        for name, (rows, _) in measured.items():
            cells = [_quantiles(np.array([row.get(measure, math.nan) for row in rows])) for measure in block]
            print(f"| {name} | {len(rows)} | {' | '.join(cells)} |")


def _print_profiles(measured: dict[str, tuple[Rows, np.ndarray]]) -> None:
    print(f"\nGray across the outline, at r times\n\n| set | {' | '.join(f'{p:+.1f}' for p in PLACES)} |")
    print(f"|---|{'---|' * len(PLACES)}")
    for name, (_, profiles) in measured.items():
        print(f"| {name} | {' | '.join(_quantiles(profiles[:, i]) for i in range(len(PLACES)))} |")


def main(arguments: list[str]) -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="realism", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kinds", nargs="*", choices=sorted(KINDS), default=sorted(KINDS))
    parser.add_argument("--tubes", type=int, default=60, help="simulated tubes of each kind, three events each")
    parser.add_argument("--size", type=int, default=160, help="px of a simulated frame")
    parser.add_argument("--seed", type=int, default=0)
    parsed = parser.parse_args(arguments)
    sets = sorted(p.name for p in CELLS.iterdir()) if CELLS.is_dir() else []
    sources = {name: real(name) for name in sets}
    sources |= {kind: simulated(kind, parsed.tubes, parsed.size, parsed.seed) for kind in parsed.kinds}
    measured: dict[str, tuple[Rows, np.ndarray]] = {}
    for name, images in sources.items():
        looks = [look(image, labels) for image, labels in images]
        profiles = [profile for _, found in looks for profile in found]
        measured[name] = [row for rows, _ in looks for row in rows], np.array(profiles).reshape(-1, len(PLACES))
    _print_measures(measured)
    _print_profiles(measured)
    return 0
