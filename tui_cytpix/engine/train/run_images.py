"""A run's images as training needs them, kept in memory between epochs."""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.images.normalise import normalise
from tui_cytpix.core.objects.size_cutoff import cutoff_px
from tui_cytpix.domain.annotation import Annotation
from tui_cytpix.domain.model_card import ModelCard
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.zoom import AUTOMATIC, Zoom
from tui_cytpix.engine.network.zoom import zoom_of
from tui_cytpix.engine.predict.inference import Predictor
from tui_cytpix.engine.train.dataset import Example, example, particle_px
from tui_cytpix.errors import CytpixError
from tui_cytpix.formats.run.images import RunImages
from tui_cytpix.formats.run.predictions import Prediction

CHUNK = 32


class TrainImages:
    """`training` and `validation` examples by image, in the order of their acceptance; and the preview images. Those of
    samples with a known scale are looked at with the size cutoff, those of others `asked` times as large as they are
    (engine.network.zoom).
    """

    def __init__(
        self,
        images: RunImages,
        preview: Sequence[ImageKey],
        base: ModelCard,
        size_cutoff_um: float,
        asked: float = AUTOMATIC,
    ) -> None:
        self._images, self._preview, self._base = images, preview, base
        self._cutoff_um, self._asked = size_cutoff_um, asked
        self._grays: dict[ImageKey, NDArray[np.float16]] = {}
        self._unreadable: set[ImageKey] = set()
        self.pixels: Mapping[ImageKey, str] = images.pixels
        self.training: dict[ImageKey, Example] = {}
        self.validation: dict[ImageKey, Example] = {}

    def read_pixels(self, keys: Iterable[ImageKey]) -> None:
        """Of images of earlier builds' runs, whose pixels nobody wrote down: `pixels` then knows those that can be
        read.
        """
        for key in dict.fromkeys(keys):
            with contextlib.suppress(CytpixError):
                self._images.digest(key)

    def load(self, training: Iterable[Annotation], validation: Iterable[Annotation]) -> list[str]:
        """Takes these annotations in place of the former ones; returns a sentence for each image that can't be read."""
        problems: list[str] = []
        self.training = self._examples(training, self.training, problems)
        self.validation = self._examples(validation, self.validation, problems)
        return problems

    def _examples(
        self, annotations: Iterable[Annotation], known: Mapping[ImageKey, Example], problems: list[str]
    ) -> dict[ImageKey, Example]:
        found = {}
        for annotation in annotations:
            key, truth = annotation.image, annotation.segmentation
            if truth is None:
                continue
            old = known.get(key)
            try:
                found[key] = old if old is not None and old.truth.same_as(truth) else self._example(key, truth)
            except CytpixError as error:
                problems.append(f"{key} is left out: {error}")
        return found

    def _example(self, key: ImageKey, truth: Segmentation) -> Example:
        image = self._images.read(key)
        if image.shape != truth.mask.shape:
            raise CytpixError("The annotation doesn't fit the image", f"{truth.mask.shape} on {image.shape}")
        background = self._images.background(key, image)
        return example(image, background, truth, self._cutoff_px(key), self._zoom(key.sample))

    def _cutoff_px(self, key: ImageKey) -> float:
        return cutoff_px(self._cutoff_um, self._images.um_per_px(key.sample))

    def _zoom(self, sample: str) -> float:
        scale = self._images.um_per_px(sample)
        return (self._of_unknown_scale if scale is None else zoom_of(self._base, scale)).times

    @functools.cached_property
    def _of_unknown_scale(self) -> Zoom:
        """One for all samples of unknown scale: the model will see others of that kind."""
        samples = sorted({key.sample for key in self._preview if self._images.um_per_px(key.sample) is None})

        def typical() -> float | None:
            sizes = [size for sample in samples if (size := self._images.typical_px(sample)) is not None]
            return float(np.median(sizes)) if sizes else None

        return zoom_of(self._base, None, typical, self._asked)

    def zoom_of_unknown_scale(self) -> Zoom | None:
        """What images of unknown scale are trained on with; None where all scales are known."""
        unknown = any(self._images.um_per_px(key.sample) is None for key in self.training)
        return self._of_unknown_scale if unknown else None

    def zooms(self) -> dict[str, float]:
        """How many times as large as they are the annotated images of each sample are seen."""
        return {name: self._zoom(name) for name in sorted({key.sample for key in (*self.training, *self.validation)})}

    def digest(self) -> str:
        """Changes with any of the annotations, and with the side of any image."""
        digest = hashlib.sha256()
        for side in (self.training, self.validation):
            digest.update(b"side")
            for key in sorted(side):
                truth = side[key].truth
                digest.update(str(key).encode() + np.packbits(truth.mask).tobytes() + truth.centroids.tobytes())
                digest.update(b"" if truth.labels is None else truth.labels.tobytes())
        return digest.hexdigest()

    def um_per_px(self) -> float | None:
        """Median pixel size of the training images' samples, None where unknown."""
        known = [s for s in (self._images.um_per_px(key.sample) for key in self.training) if s]
        return float(np.median(known)) if known else None

    def object_px(self) -> float | None:
        """Median major diameter of the annotated objects, px."""
        return particle_px([*self.training.values(), *self.validation.values()])

    def look_at_preview(self, predictor: Predictor, skip: Container[ImageKey]) -> Iterator[list[Prediction]]:
        """What each preview image shows but those in `skip` (looked at already) and those that can't be read, a few
        dozen at a time.
        """
        keys = [key for key in self._preview if key not in skip and key not in self._unreadable]
        for start in range(0, len(keys), CHUNK):
            readable = [(key, gray) for key in keys[start : start + CHUNK] if (gray := self._gray(key)) is not None]
            grays = [gray.astype(np.float32) for _, gray in readable]
            cutoffs = [self._cutoff_px(key) for key, _ in readable]
            answers = predictor.find(grays, cutoffs, [self._zoom(key.sample) for key, _ in readable])
            yield [
                Prediction(key, found.in_frame(gray.shape)[0])
                for (key, gray), found in zip(readable, answers, strict=True)
            ]

    def digests(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Of the pixels of the images that train, and of those that validate."""
        train, validate = (tuple(self.pixels[key] for key in side) for side in (self.training, self.validation))
        return train, validate

    def fingerprints(self) -> tuple[str, ...]:
        """Of the samples that these images are of, as far as known."""
        names = dict.fromkeys(key.sample for key in (*self.training, *self.validation))
        return tuple(found for name in names if (found := self._images.fingerprint(name)))

    def by_sample(self) -> dict[str, dict[str, int]]:
        """How many images of each sample train and validate."""
        sides = {"training": self.training, "validation": self.validation}
        samples = sorted({key.sample for side in sides.values() for key in side})
        return {name: {what: sum(k.sample == name for k in side) for what, side in sides.items()} for name in samples}

    def _gray(self, key: ImageKey) -> NDArray[np.float16] | None:
        """Normalised, in half precision: up to a thousand frames stay in memory."""
        if key not in self._grays:
            try:
                image = self._images.read(key)
                self._grays[key] = normalise(image, self._images.background(key, image)).astype(np.float16)
            except CytpixError:
                self._unreadable.add(key)
                return None
        return self._grays[key]
