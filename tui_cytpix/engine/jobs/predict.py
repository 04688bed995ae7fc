"""The predict job: answers requests with shards of predictions, and leaves when nobody asks any more."""

from __future__ import annotations

import functools
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.images.normalise import normalise
from tui_cytpix.core.objects.size_cutoff import cutoff_px
from tui_cytpix.domain.jobs.events import Finished, Predicted, RequestFailed, Stopped
from tui_cytpix.domain.jobs.log_lines import Unreadable
from tui_cytpix.domain.jobs.specs import PredictSpec
from tui_cytpix.domain.jobs.wishes import ImagesOfSample, Predict, Stop
from tui_cytpix.domain.model_card import ModelCard
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.zoom import AUTOMATIC
from tui_cytpix.engine.jobs.job import Job, Leave
from tui_cytpix.engine.network.model import load_model
from tui_cytpix.engine.network.zoom import zoom_of
from tui_cytpix.engine.predict.inference import Predictor
from tui_cytpix.engine.predict.instrument import instrument_answer, refuse_without_masks
from tui_cytpix.engine.predict.sample_images import READERS, SampleImages
from tui_cytpix.errors import CytpixError, refusal
from tui_cytpix.formats.model.file import read_card
from tui_cytpix.formats.run.folder import RunFolder
from tui_cytpix.formats.run.images import RunImages
from tui_cytpix.formats.run.predictions import Prediction, write_shard
from tui_cytpix.formats.sample.registry import open_sample

if TYPE_CHECKING:
    import torch

    from tui_cytpix.formats.sample.reader import SampleReader

POLL_SECONDS = 0.05
MODELS_KEPT = 4
SAMPLES_KEPT = 8
Grays = list[tuple[ImageKey, NDArray[np.float32]]]
Answering = Callable[[ImagesOfSample, list[str]], list[Prediction]]  # the list takes in what could not be answered


def run(job: Job, spec: PredictSpec) -> None:
    """Serves until told to stop, idle for `idle_exit_s`, or after one request where `once` is set.

    Raises:
        CytpixError: the job can't start.
        Leave: told to leave, or idle.
    """
    service = _Service(job, spec)
    since = time.monotonic()
    try:
        while True:
            job.check()
            for wish in job.wishes():
                if isinstance(wish, Stop):
                    job.emit(Stopped())
                    return
                if isinstance(wish, Unreadable) and wish.type == "predict":
                    job.emit(RequestFailed(wish.id, f"The request can't be read: {wish.problem}."))
                if isinstance(wish, Predict):
                    service.answer(wish)
                    since = time.monotonic()
                    if spec.once:
                        job.emit(Finished())
                        return
            if time.monotonic() - since > spec.idle_exit_s:
                raise Leave("idle")
            time.sleep(POLL_SECONDS)
    finally:
        service.close()


class _Service:
    """Models and samples stay open between requests; the least recently used ones go."""

    def __init__(self, job: Job, spec: PredictSpec) -> None:
        self._job = job
        self._device: torch.device = job.start_torch()
        self._run = RunFolder(Path(spec.run)) if spec.run else None
        self._run_images: RunImages | None = None
        self._run_stamp = 0
        self._loaded = functools.lru_cache(MODELS_KEPT)(self._load)
        self._samples: OrderedDict[tuple[str, float | None, str], SampleImages] = OrderedDict()
        self._pool = ThreadPoolExecutor(READERS)

    def close(self) -> None:
        self._pool.shutdown()
        for sample in self._samples.values():
            sample.reader.close()
        if self._run_images is not None:
            self._run_images.close()

    def answer(self, wish: Predict) -> None:
        """Does one request; a failure is told and ends only the request."""
        start = time.monotonic()
        try:
            items, problems = self._predict(wish.model, wish.images)
            if not items and problems:
                self._job.emit(RequestFailed(wish.id, problems[0]))
                return
            write_shard(Path(wish.out), wish.shard, items)
        except (KeyError, TypeError, ValueError) as error:
            self._job.emit(RequestFailed(wish.id, f"The request can't be answered: {error}."))
        except CytpixError as error:
            self._job.emit(RequestFailed(wish.id, str(error)))
        except OSError as error:
            self._job.emit(RequestFailed(wish.id, str(CytpixError(*refusal(error, wish.out)))))
        else:
            seconds = round(time.monotonic() - start, 3)
            self._job.emit(Predicted(wish.id, wish.shard, wish.model, len(items), seconds, tuple(problems)))

    def _predict(self, model: str, groups: Sequence[ImagesOfSample]) -> tuple[list[Prediction], list[str]]:
        path = Path(model)
        answer = self._loaded(path, path.stat().st_mtime_ns if path.is_file() else 0)
        items: list[Prediction] = []
        problems: list[str] = []
        for group in groups:
            self._job.check()
            try:
                items += answer(group, problems)
            except CytpixError as error:
                problems.append(f"{group.sample}: {error}")
        return items, problems

    def _load(self, path: Path, _stamp: int) -> Answering:
        """What answers for the model: its network, or the masks that samples carry."""
        card = read_card(path)
        if card.of_instrument:
            return functools.partial(self._by_masks, card)
        return functools.partial(self._by_network, Predictor(load_model(path), self._device))

    def _by_network(self, predictor: Predictor, group: ImagesOfSample, problems: list[str]) -> list[Prediction]:
        scale, grays = group.um_per_px, self._grays(group, problems)
        typical_px = functools.partial(self._typical_px, group)
        zoom = zoom_of(predictor.model.card, scale, typical_px, group.zoom or AUTOMATIC)
        answers = predictor.predict_normalised(
            [gray for _, gray in grays], [predictor.cutoff_px(scale)] * len(grays), [zoom.times] * len(grays)
        )
        return [
            Prediction(key, found, probability, zoom)
            for (key, _), (found, probability) in zip(grays, answers, strict=True)
        ]

    def _by_masks(self, card: ModelCard, group: ImagesOfSample, problems: list[str]) -> list[Prediction]:
        reader, scale = self._reader(group), group.um_per_px
        refuse_without_masks(reader, group.sample)
        cutoff, zoom = cutoff_px(card.size_cutoff_um, scale), zoom_of(card, scale)
        items = []
        for event in group.events:
            key = ImageKey(group.sample, event)
            try:
                items.append(Prediction(key, instrument_answer(reader, event, cutoff).segmentation, None, zoom))
            except CytpixError as error:
                problems.append(f"{key}: {error}")
        return items

    def _reader(self, group: ImagesOfSample) -> SampleReader:
        if self._in_run(group.sample) and self._run_images is not None:
            return self._run_images.reader(group.sample)
        return self._sample(group.path, group.um_per_px, group.channel).reader

    def _grays(self, group: ImagesOfSample, problems: list[str]) -> Grays:
        name = group.sample
        if self._in_run(name):
            return self._from_run(name, group.events, problems)
        found: Grays = []
        for image in self._sample(group.path, group.um_per_px, group.channel).read(group.events):
            if image.problem:
                problems.append(f"{ImageKey(name, image.event)}: {image.problem}")
            else:
                found.append((ImageKey(name, image.event), image.normalised))
        return found

    def _typical_px(self, group: ImagesOfSample) -> float | None:
        if self._in_run(group.sample) and self._run_images is not None:
            return self._run_images.typical_px(group.sample)
        return self._sample(group.path, None, group.channel).typical_px

    def _in_run(self, sample: str) -> bool:
        if self._run is None:
            return False
        stamp = self._run.settings_path.stat().st_mtime_ns
        if self._run_images is None or stamp != self._run_stamp:
            if self._run_images is not None:
                self._run_images.close()
            self._run_images, self._run_stamp = RunImages(self._run, self._run.read_settings()), stamp
            self._run_samples = {s.name for s in self._run.read_settings().samples}
        return sample in self._run_samples

    def _from_run(self, sample: str, events: Sequence[str], problems: list[str]) -> Grays:
        images = self._run_images
        assert images is not None

        def one(event: str) -> NDArray[np.float32] | str:
            key = ImageKey(sample, event)
            try:
                gray = images.read(key)
                return normalise(gray, images.background(key, gray))
            except CytpixError as error:
                return f"{key}: {error}"

        found: Grays = []
        for event, answer in zip(events, self._pool.map(one, events), strict=True):
            if isinstance(answer, str):
                problems.append(answer)
            else:
                found.append((ImageKey(sample, event), answer))
        return found

    def _sample(self, path: str, scale: float | None, channel: str) -> SampleImages:
        key = (path, scale, channel)
        if key not in self._samples:
            self._samples[key] = SampleImages(open_sample(*key), self._pool)
            if len(self._samples) > SAMPLES_KEPT:
                self._samples.popitem(last=False)[1].reader.close()
        self._samples.move_to_end(key)
        return self._samples[key]
