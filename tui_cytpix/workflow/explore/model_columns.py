"""What models found in a sample's images, as columns over its events: from processed files, else from predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.features.table import FEATURES, names
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.words import printable
from tui_cytpix.domain.zoom import AUTOMATIC
from tui_cytpix.errors import CytpixError, SampleError
from tui_cytpix.formats.run.predictions import PredictionStore
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.explore.parameters import Column, Parameter
from tui_cytpix.workflow.run.run import Run

if TYPE_CHECKING:
    from tui_cytpix.formats.fcs.read import FcsFile

MODEL_KEY, ZOOM_KEY, PROCESSED = "CYTPIX_MODEL", "CYTPIX_ZOOM", "IsProcessed"
BATCH = 32
_UNITS = {feature.name: feature.unit for feature in FEATURES}
Found = Iterator[tuple[Parameter, Callable[[], Column]]]


def column_name(feature: str, model: str) -> str:
    """Such as `ParticleCount [pombe-udt]`."""
    return f"{feature} [{model}]"


def model_columns(run: Run, sample: str, fcs: FcsFile | None, rows: Mapping[str, int], total: int) -> Found:
    """A column for each feature and model; processed files have all images, or those in a gate, predictions
    those that were asked for. Of answers only those that were given at the size at which images are seen now.

    Args:
        run: whose `processed/` and `predictions/` are looked into.
        sample: its name.
        fcs: the sample's own, None where it has none.
        rows: of each imaged event.
        total: rows of the table.
    """
    taken: set[str] = set()
    for path in sorted((run.path / "processed").glob(f"*/{sample}.fcs")) if fcs else ():
        found = _Processed.of(path, fcs)
        if found is None or found.zoom != run.settings.zoom_of(sample):
            continue
        model = path.parent.name if found.model in taken else found.model  # another model of that name
        taken.add(model)
        for feature in found.features:
            name, unit = column_name(feature, model), _UNITS.get(feature, "")
            yield Parameter(name, unit, model, of_images=True), partial(found.column, feature)
    for model, folder in _predicted(run):
        if model in taken:
            continue
        taken.add(model)
        answers = _Predicted(run, sample, folder, rows, total)
        for feature in names("image"):
            parameter = Parameter(column_name(feature, model), _UNITS[feature], model, of_images=True)
            yield parameter, partial(answers.column, feature)


class _Processed:
    """A processed FCS: the source's parameters, then ours under a prefix."""

    def __init__(self, fcs: FcsFile, prefix: str, model: str, zoom: float) -> None:
        self._fcs, self._prefix, self.model, self.zoom = fcs, prefix, model, zoom

    @classmethod
    def of(cls, path: Path, source: FcsFile | None) -> _Processed | None:
        """None where the file doesn't go with the source."""
        from tui_cytpix.formats.fcs.read import read_fcs

        try:
            fcs = read_fcs(path)
        except CytpixError:
            return None
        marks = [name for name in fcs.names[len(source.names) if source else 0 :] if name.endswith(PROCESSED)]
        if source is None or fcs.event_count != source.event_count or not marks:
            return None
        try:
            zoom = float(fcs.text.get(ZOOM_KEY, AUTOMATIC))
        except ValueError:
            return None
        return cls(fcs, marks[0].removesuffix(PROCESSED), printable(fcs.text.get(MODEL_KEY, path.parent.name)), zoom)

    @property
    def features(self) -> list[str]:
        """Without the prefix."""
        own = (name.removeprefix(self._prefix) for name in self._fcs.names if name.startswith(self._prefix))
        return [name for name in own if name in _UNITS]

    def column(self, feature: str) -> Column:
        """NaN where there is no image."""
        there = self._fcs.column(self._prefix + PROCESSED) != 0
        return np.where(there, self._fcs.column(self._prefix + feature), np.nan)


def _predicted(run: Run) -> Iterator[tuple[str, Path]]:
    """The models that have answered, by name, and where their answers are."""
    models = library.library()
    if run.folder.model_path.is_file():
        models.append(library.entry(run.folder.model_path))
    seen: set[Path] = set()
    for model in models:
        folder = run.folder.predictions(model.hash)
        if folder not in seen and folder.is_dir():
            seen.add(folder)
            yield model.card.name, folder


class _Predicted:
    """Features of the images that a model has answered on, measured at first need."""

    def __init__(self, run: Run, sample: str, folder: Path, rows: Mapping[str, int], total: int) -> None:
        self._run, self._sample, self._folder, self._rows, self._total = run, sample, folder, rows, total

    def column(self, feature: str) -> Column:
        """NaN where the model was not asked."""
        return np.array(self._columns[names("image").index(feature)])

    @cached_property
    def _columns(self) -> NDArray[np.float64]:
        store = PredictionStore(self._folder, self._run.ways)
        columns = np.full((len(names("image")), self._total), np.nan)
        answered = store.keys()
        keys = [key for key in answered if key.sample == self._sample and key.event in self._rows]
        for start in range(0, len(keys), BATCH):
            known = [(key, store.get(key)) for key in keys[start : start + BATCH]]
            table, measured = self._measured([(key, answer) for key, answer in known if answer is not None])
            columns[:, [self._rows[key.event] for key in measured]] = table.T
        return columns

    def _measured(self, answers: list[tuple[ImageKey, Segmentation]]) -> tuple[NDArray[np.float64], list[ImageKey]]:
        """Features (K, F) and the images that they are of; what can't be read is left out."""
        from tui_cytpix.core.features.measurement import Measurement, Subject

        subjects, keys, images = [], [], self._run.images
        for key, answer in answers:
            try:
                gray = images.read(key)
                background = images.background(key, gray)
            except SampleError:
                continue
            if gray.shape == answer.mask.shape:
                subjects.append(Subject(gray, answer.mask, answer.centroids, background, confidence=answer.confidence))
                keys.append(key)
        if not subjects:
            return np.zeros((0, len(names("image")))), []
        return Measurement(subjects, images.um_per_px(self._sample)).images(), keys
