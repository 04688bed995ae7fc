"""What models said about images: shards of segmentations and foreground probabilities, written aside and renamed."""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.zoom import AS_DRAWN, LEAST, MOST, By, Zoom
from tui_cytpix.formats.bytes.atomic import write_bytes
from tui_cytpix.formats.bytes.npz import read_npz
from tui_cytpix.formats.run.folder import MAX_PIXELS

MOST_STORED = 1 << 28  # bytes of a shard's arrays
MOST_UNPACKED = 1 << 29  # bytes of its masks and labels, which are many times as large as in the file
Ways = Callable[[str], Sequence[str]]
_UNTOLD = ""
_log = logging.getLogger(__name__)
_KINDS = {"shapes": "iu", "counts": "iu", "masks": "u", "probabilities": "u", "labels": "u", "centroids": "f"}
_DAMAGED = (ValueError, OSError, KeyError, TypeError, IndexError, OverflowError)


class Prediction(NamedTuple):
    """One image's answer; `probability` is the foreground's, uint8 (H, W), 255 = certain, None where not kept; `zoom`
    is how large the model saw it, None where that is not told.
    """

    key: ImageKey
    segmentation: Segmentation
    probability: NDArray[np.uint8] | None = None
    zoom: Zoom | None = None


def write_shard(folder: Path, name: str, items: Sequence[Prediction]) -> Path:
    """Writes `folder/name.npz`; later names win where shards hold the same image."""
    folder.mkdir(parents=True, exist_ok=True)
    masks = [np.packbits(p.segmentation.mask) for p in items]
    centroids = [p.segmentation.centroids for p in items]
    sure = [_of_particles(p.segmentation) for p in items]
    probabilities = [np.zeros(0, np.uint8) if p.probability is None else p.probability.ravel() for p in items]
    labels = [np.zeros(0, np.uint16) if s.labels is None else s.labels[s.mask] for s in (p.segmentation for p in items)]
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        keys=np.array([str(p.key) for p in items], dtype=np.str_),
        shapes=np.array([p.segmentation.mask.shape for p in items], np.int32).reshape(-1, 2),
        counts=np.array([p.segmentation.particle_count for p in items], np.int32),
        confidence=np.array([p.segmentation.confidence for p in items], np.float32),
        masks=np.concatenate([*masks, np.zeros(0, np.uint8)]),
        centroids=np.concatenate([*centroids, np.zeros((0, 2), np.float32)]).astype(np.float32),
        particle_confidence=np.concatenate([*sure, np.zeros(0, np.float32)]).astype(np.float32),
        probabilities=np.concatenate([*probabilities, np.zeros(0, np.uint8)]),
        has_probability=np.array([p.probability is not None for p in items], bool),
        labels=np.concatenate([*labels, np.zeros(0, np.uint16)]).astype(np.uint16),
        has_labels=np.array([p.segmentation.labels is not None for p in items], bool),
        zoom=np.array([np.nan if p.zoom is None else p.zoom.times for p in items], np.float64),
        zoom_by=np.array([_UNTOLD if p.zoom is None else p.zoom.by for p in items], np.str_),
        um_per_px=np.array([(p.zoom and p.zoom.um_per_px) or np.nan for p in items], np.float64),
    )
    path = folder / f"{name}.npz"
    write_bytes(path, buffer.getvalue())
    return path


def _of_particles(segmentation: Segmentation) -> NDArray[np.float32]:
    """The confidence of each particle, NaN where nobody said."""
    known = segmentation.particle_confidence
    return (
        known if len(known) == segmentation.particle_count else np.full(segmentation.particle_count, np.nan, np.float32)
    )


def read_shard(path: Path) -> list[Prediction]:
    """The inverse of `write_shard`.

    Raises:
        One of _DAMAGED: not a shard, or damaged.
    """
    data = read_npz(path, MOST_STORED)
    keys, shapes, counts, confidence = data["keys"], data["shapes"], data["counts"], data["confidence"]
    masks, centroids = data["masks"], data["centroids"]
    probabilities, has_probability = data["probabilities"], data["has_probability"]
    # Shards of 0.1.0's first weeks know no confidence of particles, and no labels.
    sure_of = data.get("particle_confidence", np.full(len(centroids), np.nan, np.float32))
    labels, has_labels = data.get("labels", np.zeros(0, np.uint16)), data.get("has_labels", np.zeros(len(keys), bool))
    if len(sure_of) != len(centroids) or labels.dtype != np.uint16:
        raise ValueError("the shard's parts don't fit each other")
    _check_kinds({**data, "labels": labels, "has_labels": has_labels})
    if not np.isfinite(centroids).all():
        raise ValueError("a centroid is nowhere")
    _check_size(shapes, has_labels)
    zooms = _zooms(data, len(keys))
    items = []
    mask_at = centroid_at = probability_at = label_at = 0
    for key, (height, width), count, sure, has, labelled, zoom in zip(
        keys, shapes, counts, confidence, has_probability, has_labels, zooms, strict=True
    ):
        pixels = int(height) * int(width)
        packed = (pixels + 7) // 8
        if count < 0 or packed > len(masks) - mask_at or count > len(centroids) - centroid_at:
            raise ValueError("the shard's parts don't fit each other")
        mask = np.unpackbits(masks[mask_at : mask_at + packed], count=pixels).astype(bool).reshape(height, width)
        points = centroids[centroid_at : centroid_at + count]
        probability = None
        if has:
            probability = probabilities[probability_at : probability_at + pixels].reshape(height, width)
            probability_at += pixels
        known = sure_of[centroid_at : centroid_at + count]
        particles = np.zeros(0, np.float32) if np.isnan(known).any() else known.astype(np.float32)
        own = None
        if labelled:
            before, label_at = label_at, label_at + int(np.count_nonzero(mask))
            own = _labels(labels[before:label_at], mask, count)
        segmentation = Segmentation(mask, points, float(sure), particles, own)
        items.append(Prediction(ImageKey.parse(str(key)), segmentation, probability, zoom))
        mask_at, centroid_at = mask_at + packed, centroid_at + int(count)
    return items


def _check_kinds(data: Mapping[str, NDArray[Any]]) -> None:
    """All parts are rows, but for the sizes of images and the centroids, which are pairs."""
    for name, one in data.items():
        pairs = name in ("shapes", "centroids")
        if one.ndim != 1 + pairs or (pairs and one.shape[1] != 2) or one.dtype.kind not in _KINDS.get(name, "biufU"):
            raise ValueError(f"{name} are of {one.dtype}, {one.shape}")


def _check_size(shapes: NDArray[Any], has_labels: NDArray[Any]) -> None:
    """Before anything is unpacked."""
    pixels = [int(height) * int(width) if min(height, width) > 0 else 0 for height, width in shapes]
    bytes_ = sum(one * (3 if labelled else 1) for one, labelled in zip(pixels, has_labels, strict=True))
    if min(pixels, default=1) < 1 or max(pixels, default=1) > MAX_PIXELS or bytes_ > MOST_UNPACKED:
        raise ValueError(f"its images' sizes unpack to {bytes_:,} bytes, or one has no pixels, or more than are read")


def _zooms(data: Mapping[str, NDArray[Any]], images: int) -> list[Zoom | None]:
    """How large each image was seen; shards of earlier builds don't tell."""
    if "zoom" not in data:
        return [None] * images
    times, scales = (np.asarray(data[name], np.float64) for name in ("zoom", "um_per_px"))
    found = [
        Zoom(one, By(by), None if math.isnan(scale) else scale) if by else None
        for one, by, scale in zip(times.tolist(), data["zoom_by"].tolist(), scales.tolist(), strict=True)
    ]
    if not all(zoom is None or LEAST <= zoom.times <= MOST for zoom in found):
        raise ValueError("a zoom is none")
    return found


def _labels(values: NDArray[np.uint16], mask: NDArray[np.bool_], count: int) -> NDArray[np.uint16]:
    """A label image (H, W) of the values of the mask's pixels, row by row."""
    if len(values) != np.count_nonzero(mask) or (values > count).any():
        raise ValueError("the shard's parts don't fit each other")
    labels = np.zeros(mask.shape, np.uint16)
    labels[mask] = values
    return labels


class PredictionStore:
    """All shards of one model; `refresh` takes in those that came since. A shard that can't be read is as absent.

    `ways` gives, for a sample's name, the ways of seeing it (domain.zoom.way_of) in which answers hold now, the best
    first, "" for answers that don't tell; the instrument's masks hold always, others are as absent. Without it the
    newest answer holds, whatever its way.
    """

    def __init__(self, folder: Path, ways: Ways | None = None) -> None:
        self._folder, self._ways = folder, ways
        self._seen: dict[str, int] = {}
        self._items: dict[ImageKey, dict[str, Prediction]] = {}  # by way
        self._zooms: dict[tuple[str, str], Zoom] = {}  # by sample and way
        self.refresh()

    def refresh(self) -> bool:
        """Reads new or replaced shards; True where there were any."""
        found = False
        for path in sorted(self._folder.glob("*.npz")) if self._folder.is_dir() else ():
            stamp = path.lstat().st_mtime_ns
            if self._seen.get(path.name) == stamp:
                continue
            self._seen[path.name] = stamp
            try:
                items = read_shard(path)
            except _DAMAGED as error:
                _log.warning("a shard of predictions is damaged and as absent: %s", type(error).__name__)
                continue
            for item in items:
                way = _UNTOLD if self._ways is None or item.zoom is None else item.zoom.way
                self._items.setdefault(item.key, {})[way] = item
                if item.zoom is not None:
                    self._zooms[item.key.sample, way] = item.zoom
            found = True
        return found

    def _holding(self, sample: str) -> Sequence[str]:
        return (_UNTOLD,) if self._ways is None else (*self._ways(sample), AS_DRAWN)

    def _item(self, key: ImageKey) -> Prediction | None:
        found = self._items.get(key)
        return next((found[way] for way in self._holding(key.sample) if way in found), None) if found else None

    def keys(self) -> list[ImageKey]:
        holding = {sample: self._holding(sample) for sample in {key.sample for key in self._items}}
        return [key for key, found in self._items.items() if not found.keys().isdisjoint(holding[key.sample])]

    def get(self, key: ImageKey) -> Segmentation | None:
        """The model's segmentation, None where there is none."""
        item = self._item(key)
        return item.segmentation if item else None

    def probability(self, key: ImageKey) -> NDArray[np.uint8] | None:
        """The foreground probability, uint8 (H, W), 255 = certain; None where not kept."""
        item = self._item(key)
        return item.probability if item else None

    def zoom(self, sample: str) -> Zoom | None:
        """How large the model saw the sample's images; None where no answer tells."""
        told = (self._zooms.get((sample, way)) for way in self._holding(sample))
        return next((zoom for zoom in told if zoom is not None), None)
