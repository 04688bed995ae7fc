"""The triage job: asks every model about a sample's images, as they are and changed, and writes what it was told."""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from tui_cytpix.core.statistics.sampling import descriptors
from tui_cytpix.domain.jobs.events import Finished, Progress
from tui_cytpix.domain.jobs.specs import SampleAtWork, TriageSpec
from tui_cytpix.domain.zoom import Zoom
from tui_cytpix.engine.jobs.job import Job, Leave
from tui_cytpix.engine.network.model import load_model
from tui_cytpix.engine.network.zoom import zoom_of
from tui_cytpix.engine.predict.inference import Predictor
from tui_cytpix.engine.predict.perturbed_counts import Told, ask
from tui_cytpix.engine.predict.sample_images import READERS, ReadImage, SampleImages
from tui_cytpix.errors import CytpixError
from tui_cytpix.formats.bytes.atomic import write_bytes
from tui_cytpix.formats.sample.identity import pixel_digest
from tui_cytpix.formats.sample.registry import open_sample

CHUNK = 25


def run(job: Job, spec: TriageSpec) -> None:
    """Writes `<sample>.npz` into the folder `out` for each of `samples`, with `events`, `digests`, `descriptors` and,
    for the model at place i of `models`, `counts_i`, `confidence_i`, `zoom_i` and `zoom_by_i`; and `um_per_px` where it
    is known.

    Raises:
        CytpixError: a model or a sample can't be used.
        Leave: told to leave.
    """
    device = job.start_torch()
    predictors = [Predictor(load_model(Path(path)), device) for path in spec.models]
    total = sum(len(sample.events or ()) for sample in spec.samples) * len(predictors)
    done = 0
    with ThreadPoolExecutor(READERS) as pool:
        for sample in spec.samples:
            done = _triage(job, spec, sample, predictors, pool, (done, total))
    job.emit(Finished())


def _triage(
    job: Job,
    spec: TriageSpec,
    sample: SampleAtWork,
    predictors: Sequence[Predictor],
    pool: ThreadPoolExecutor,
    progress: tuple[int, int],
) -> int:
    done, total = progress
    with open_sample(Path(sample.path), sample.um_per_px, sample.channel) as reader:
        source = SampleImages(reader, pool)
        scale = reader.scale.um_per_px if reader.scale else None
        read = source.read(sample.events or ())
        images = [image for image in read if not image.problem]
        if not images:
            raise CytpixError("No image can be read", f"{sample.path}: {read[0].problem if read else 'none'}.")
        arrays: dict[str, Any] = {
            "events": np.array([image.event for image in images], np.str_),
            "digests": np.array([pixel_digest(image.gray) for image in images], np.str_),
            "descriptors": np.array(list(pool.map(_described, images)), np.float32),
            **({} if scale is None else {"um_per_px": np.float64(scale)}),
        }
        for place, predictor in enumerate(predictors):
            zoom = zoom_of(predictor.model.card, scale, lambda: source.typical_px, spec.zoom)
            told = []
            for start in range(0, len(images), CHUNK):
                job.check()
                if job.stop_wished():
                    raise Leave("stopped")
                part = [image.normalised for image in images[start : start + CHUNK]]
                told.append(ask(predictor, part, predictor.cutoff_px(scale), zoom.times, start))
                done += len(part)
                job.progress(Progress(done, total, predictor.model.card.name))
            arrays |= _named(place, told, zoom)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    out = Path(spec.out)
    out.mkdir(parents=True, exist_ok=True)
    write_bytes(out / f"{sample.name}.npz", buffer.getvalue())
    return done + (len(read) - len(images)) * len(predictors)


def _described(image: ReadImage) -> np.ndarray[Any, np.dtype[np.float32]]:
    return descriptors(image.gray, image.background)


def _named(place: int, told: Sequence[Told], zoom: Zoom) -> dict[str, Any]:
    return {
        f"counts_{place}": np.concatenate([one.counts for one in told]),
        f"confidence_{place}": np.concatenate([one.confidence for one in told]),
        f"zoom_{place}": np.float64(zoom.times),
        f"zoom_by_{place}": np.str_(zoom.by),
    }
