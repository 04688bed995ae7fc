"""Whether "more like this" finds images of the same kind and count, against chance and against other measures.

    python -m tests.benchmarks similar [--network cell-half] [--tubes 3] [--images 60] [--sets sim real]

Every image with a cell is looked for among all others of the set, without those of its own tube or source image: what
is shared by a tube (optics, noise) must not help. Of the 20 nearest: how many are of the same kind, of the same count
(1, 2, 3 or more), of both; of both for images of one particle and of several. Chance is the share of such images among
all that could be found; at best is less than 1 where there are fewer than 20. `ms` is what describing an image takes
once it is read.

The measures: `as the app` (workflow.samples.similar: mean absolute difference of the descriptors in standard
deviations), `as coverage` (Euclidean distance in robust standard deviations, cut at 3), `whitened` (Mahalanobis),
`crop` (gray by the distance from the outline of the largest region, histograms, area, elongation; Euclidean), and the
activations of a base model's encoder, averaged over its foreground, by themselves and with the descriptors.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch.nn import functional

from tests.benchmarks._cells import REAL, SIMULATED_UM, Crop, load, tube
from tui_cytpix.core.images.normalise import normalise
from tui_cytpix.core.objects.regions import as_uint8, fill_holes
from tui_cytpix.core.statistics.likeness import unlikeness
from tui_cytpix.core.statistics.sampling import descriptors, standardised
from tui_cytpix.engine.network.model import load_model
from tui_cytpix.workflow.base_model import library

KINDS = ("pombe-edinburgh", "pombe-rich", "murine-peritoneal", "drosophila", "leukocytes", "beads", "yeast")
NEAREST, SEVERAL = 20, 3
RINGS = 8
Distances = Callable[[np.ndarray], np.ndarray]  # of a table (N, D), (N, N)


def euclidean(table: np.ndarray) -> np.ndarray:
    return np.array([np.sqrt(((table - one) ** 2).sum(axis=1)) for one in table])


def as_the_app(table: np.ndarray) -> np.ndarray:
    return np.array([unlikeness(table, one, table) for one in table])


def as_coverage(table: np.ndarray) -> np.ndarray:
    return euclidean(standardised(table))


def whitened(table: np.ndarray) -> np.ndarray:
    points = standardised(table)
    covariance = np.cov(points.T) + 0.05 * np.eye(points.shape[1])
    return euclidean(points @ np.linalg.cholesky(np.linalg.inv(covariance)))


def in_deviations(table: np.ndarray) -> np.ndarray:
    return (table - table.mean(axis=0)) / np.maximum(table.std(axis=0), 1e-6)


def described(crop: Crop) -> np.ndarray:
    return descriptors(crop.image, crop.background)


def crop_profile(crop: Crop) -> np.ndarray:
    """Of the largest region: mean and deviation of gray in eight rings from the outline to the middle, how its pixels
    and grays are distributed, size and elongation; float32 (36,).
    """
    gray = normalise(crop.image, crop.background)
    mask = fill_holes(cv2.GaussianBlur(np.abs(gray), (0, 0), 1.5) > 0.3)
    number, labels, stats, _ = cv2.connectedComponentsWithStats(as_uint8(mask), connectivity=8)
    if number < 2:
        return np.zeros(4 * RINGS + 4, np.float32)
    region = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    depth = cv2.distanceTransform(np.pad(as_uint8(region), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    inner = depth[region] / depth.max()
    values = gray[region]
    ring = np.minimum((inner * RINGS).astype(int), RINGS - 1)
    grays = [values[ring == n] if (ring == n).any() else np.zeros(1) for n in range(RINGS)]
    hu = cv2.HuMoments(cv2.moments(as_uint8(region), binaryImage=True))[:2, 0]
    return np.array(
        [
            *(g.mean() for g in grays),
            *(g.std() for g in grays),
            *np.histogram(inner, RINGS, (0, 1))[0] / len(inner),
            *np.histogram(np.clip(values, -1.5, 1.5), RINGS, (-1.5, 1.5))[0] / len(values),
            np.log2(region.sum()),
            np.log2(depth.max()),
            hu[0],
            np.sqrt(hu[1]),
        ],
        np.float32,
    )


def encoder(name: str) -> Callable[[Crop], np.ndarray]:
    """What a model's encoder makes of an image: the mean of each channel of each level over what it takes for
    foreground, and the log of that area.
    """
    model = load_model(library.find(name).path)
    net = model.net.eval()
    seen: list[torch.Tensor] = []
    for level in (net.stem, *net.down):
        level.register_forward_hook(lambda _module, _inputs, output: seen.append(output))

    def embed(crop: Crop) -> np.ndarray:
        gray = normalise(crop.image, crop.background)
        zoom = (crop.um_per_px or SIMULATED_UM) / SIMULATED_UM * (0.5 if model.half else 1)
        if zoom != 1:
            gray = cv2.resize(gray, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
        height, width = (-(-side // net.multiple) * net.multiple for side in gray.shape)
        framed = np.zeros((1, 1, height, width), np.float32)
        framed[0, 0, : gray.shape[0], : gray.shape[1]] = gray
        seen.clear()
        with torch.inference_mode():
            foreground = torch.sigmoid(net(torch.from_numpy(framed))[:, :1])
            means = []
            for output in seen:
                weights = functional.adaptive_avg_pool2d(foreground, output.shape[2:])
                means.append(((output * weights).sum((2, 3)) / (weights.sum() + 1e-3))[0])
            return torch.cat([*means, torch.log(foreground.sum() + 1)[None]]).numpy()

    return embed


def table_of(crops: list[Crop], describe: Callable[[Crop], np.ndarray]) -> tuple[np.ndarray, float]:
    """What describes each crop, a row each, and milliseconds a crop."""
    began = time.perf_counter()
    table = np.array([describe(crop) for crop in crops], np.float64)
    return table, 1000 * (time.perf_counter() - began) / len(crops)


def report(name: str, shares: np.ndarray, counts: np.ndarray, ms: float | None = None) -> None:
    """`shares`: (3, N), those of the same kind, of the same count, of both among what was found for each image."""
    one = counts == 1
    kind, count, both = shares
    cells = [f"{value:.2f}" for value in (kind.mean(), count.mean(), both.mean(), both[one].mean(), both[~one].mean())]
    print(f"| {name:26} | {' | '.join(cells)} | {'' if ms is None else f'{ms:.1f}'} |", flush=True)


def judge(title: str, named: list[tuple[str, Crop]], network: str) -> None:
    named = [(kind, crop) for kind, crop in named if crop.count]
    crops = [crop for _, crop in named]
    kinds = np.array([kind for kind, _ in named])
    sources = np.array([f"{kind}/{crop.source}" for kind, crop in named])
    counts = np.array([min(crop.count, SEVERAL) for crop in crops])
    other = sources[:, None] != sources[None]
    kind, count = (which[:, None] == which[None] for which in (kinds, counts))
    same = np.array([kind, count, kind & count]) & other
    print(f"\n{title}: {len(crops)} images, {len(set(kinds))} kinds, {len(set(sources))} tubes or source images\n")
    print("| measure | kind | count | both | of one particle | of several | ms |\n|---|---|---|---|---|---|---|")
    report("chance", same.sum(axis=2) / other.sum(axis=1), counts)
    report("at best", np.minimum(same.sum(axis=2) / NEAREST, 1), counts)

    def nearest(name: str, distances: np.ndarray, ms: float) -> None:
        found = np.argsort(np.where(other, distances, np.inf), axis=1, kind="stable")[:, :NEAREST]
        shares = [np.take_along_axis(which, found, axis=1).mean(axis=1) for which in same]
        report(name, np.array(shares), counts, ms)

    table, ms = table_of(crops, described)
    for name, measure in (("as the app", as_the_app), ("as coverage", as_coverage), ("whitened", whitened)):
        nearest(name, measure(table), ms)
    profiles, profile_ms = table_of(crops, crop_profile)
    nearest("crop", euclidean(standardised(profiles)), profile_ms)
    embedded, embedding_ms = table_of(crops, encoder(network))
    deviations = in_deviations(embedded)
    nearest(f"encoder of {network}", euclidean(deviations), embedding_ms)
    joined = [part / np.sqrt(part.shape[1]) for part in (standardised(table), deviations)]
    nearest("encoder and descriptors", euclidean(np.hstack(joined)), ms + embedding_ms)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="cell-half")
    parser.add_argument("--tubes", type=int, default=3)
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--sets", nargs="+", choices=("sim", "real"), default=("sim", "real"))
    options = parser.parse_args(arguments)
    if "sim" in options.sets:
        tubes = [(kind, number) for kind in KINDS for number in range(options.tubes)]
        named = [(kind, crop) for kind, number in tubes for crop in tube(kind, number, options.images)]
        judge("Simulated", named, options.network)
    if "real" in options.sets:
        judge("Real crops", [(kind, crop) for kind in REAL for crop in load(kind)], options.network)
