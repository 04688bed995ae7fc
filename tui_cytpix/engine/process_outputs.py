"""What processing writes for one sample: tables, masks, and the numbers that go into its FCS later."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.features import image_features, names, particle_features
from tui_cytpix.core.regions import bounding_box, label_objects
from tui_cytpix.core.watershed import particle_labels
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.sample_images import ReadImage
from tui_cytpix.formats.atomic import replacing
from tui_cytpix.formats.masks import InstrumentMasks, encode_instrument_masks
from tui_cytpix.formats.table import CsvTable

BLOB_SHARE = 0.07  # of a particle's area: how large the instrument draws it


@dataclass(frozen=True)
class OutputSettings:
    """`formats` among fcs, csv, masks, instrument-masks; `folder` gets `<sample>...`."""

    folder: Path
    formats: Sequence[str]
    um_per_px: float | None


class SampleOutputs:
    """Outputs of one sample, streamed. Each appears under its name when the block ends without an error.

    `values` keeps the image features for the FCS, float32, one row per processed image: some 200 bytes each.
    """

    def __init__(self, sample: str, settings: OutputSettings) -> None:
        self._sample, self._settings = sample, settings
        self._stack = ExitStack()
        self.paths: list[Path] = []
        self.events: list[str] = []
        self._values: list[NDArray[np.float32]] = []

    def _path(self, ending: str) -> Path:
        path = self._settings.folder / f"{self._sample}{ending}"
        self.paths.append(path)
        return path

    def __enter__(self) -> Self:
        formats = self._settings.formats
        if "csv" in formats:
            self._event_table = self._stack.enter_context(
                CsvTable(self._path(".events.csv"), ["Sample", "Event", *names("image")])
            )
            self._particle_table = self._stack.enter_context(
                CsvTable(self._path(".particles.csv"), ["Sample", "Event", *names("particle")])
            )
        if "masks" in formats:
            self._masks = self._stack.enter_context(_Aside(self._path(".masks")))
        if "instrument-masks" in formats:
            aside = self._stack.enter_context(replacing(self._path(".masks.zip")))
            self._archive = self._stack.enter_context(zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED))
        return self

    def add(self, image: ReadImage, found: Segmentation) -> None:
        """Writes what is known of one image."""
        scale, formats = self._settings.um_per_px, self._settings.formats
        head = {"Sample": self._sample, "Event": image.event}
        if "csv" in formats or "fcs" in formats:
            features = image_features(
                image.gray, found.mask, found.centroids, scale, image.background, found.confidence
            )
            self.events.append(image.event)
            self._values.append(np.array(list(features.values()), np.float32))
        if "csv" in formats:
            self._event_table.write({**head, **features})
            for row in particle_features(image.gray, found.mask, found.centroids, scale, image.background):
                self._particle_table.write({**head, **row})
        if "masks" in formats:
            done, png = cv2.imencode(".png", particle_labels(found.mask, found.centroids))
            if done:
                (self._masks / f"{quote(image.event, safe=' ')}.png").write_bytes(png.tobytes())
        if "instrument-masks" in formats:
            masks = instrument_masks(found)
            self._archive.writestr(
                f"{quote(image.event, safe=' ')}.json", encode_instrument_masks(masks.objects, masks.particles)
            )

    def missing(self, event: str) -> None:
        """An image that could not be processed: a row with nothing in it."""
        if "csv" in self._settings.formats:
            self._event_table.write({"Sample": self._sample, "Event": event})

    @property
    def values(self) -> NDArray[np.float32]:
        """(images, features), in the order of `events` and `names("image")`."""
        return np.array(self._values, np.float32).reshape(-1, len(names("image")))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._stack.__exit__(kind, error, trace)


def instrument_masks(found: Segmentation) -> InstrumentMasks:
    """Both layers as the instrument draws them: objects, and in each particle a disc of 7 % of its area about the
    centroid (the whole particle where the centroid lies outside of it).
    """
    layers = InstrumentMasks(np.zeros(found.mask.shape, np.uint16), np.zeros(found.mask.shape, np.uint16))
    box = bounding_box(found.mask)
    if box is None:
        return layers
    mask, points = found.mask[box.slices], found.centroids - np.array([box.y0, box.x0], np.float32)
    layers.objects[box.slices] = label_objects(mask)[0]
    blobs = layers.particles[box.slices]
    labels = particle_labels(mask, points)
    area = np.bincount(labels.ravel(), minlength=len(points) + 1)
    ys, xs = np.nonzero(labels)
    owner = labels[ys, xs].astype(np.intp)
    squares = (ys - points[owner - 1, 0]) ** 2 + (xs - points[owner - 1, 1]) ** 2
    near = squares <= np.maximum(BLOB_SHARE * area[owner] / np.pi, 1.0)
    near |= np.bincount(owner[near], minlength=len(area))[owner] == 0
    blobs[ys[near], xs[near]] = owner[near]
    return layers


class _Aside:
    """A folder that takes its place, whole, at the end."""

    def __init__(self, path: Path) -> None:
        self._path, self._aside = path, path.with_name(f".{path.name}.part")

    def __enter__(self) -> Path:
        shutil.rmtree(self._aside, ignore_errors=True)
        self._aside.mkdir(parents=True)
        return self._aside

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            shutil.rmtree(self._path, ignore_errors=True)
            self._aside.replace(self._path)
        else:
            shutil.rmtree(self._aside, ignore_errors=True)
