"""One worker of the process job: from events of a sample to what is written of them, in a process of its own.

A process, not a thread: decoding, post-processing and features hold Python's lock for most of their time.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import math
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing import connection
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.features.focus import REACH_PX, focus_score
from tui_cytpix.core.features.measurement import Measurement, Subject
from tui_cytpix.core.features.table import names
from tui_cytpix.core.images.background import background_of
from tui_cytpix.core.images.normalise import normalise_knowing_noise
from tui_cytpix.core.kernel import library
from tui_cytpix.core.objects.size_cutoff import cutoff_px
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.words import printable
from tui_cytpix.engine.predict.found import Found
from tui_cytpix.engine.predict.instrument import instrument_answer
from tui_cytpix.errors import CytpixError, MaskError
from tui_cytpix.formats.bytes.image_decode import Gray
from tui_cytpix.formats.outputs.output import Answer, Findings
from tui_cytpix.formats.outputs.registry import OUTPUTS
from tui_cytpix.formats.sample.identity import pixel_digest
from tui_cytpix.formats.sample.registry import open_sample

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

    from tui_cytpix.engine.predict.crops import CropPlan, NetworkInput
    from tui_cytpix.engine.predict.inference import Predictor
    from tui_cytpix.formats.sample.reader import SampleReader

TOGETHER = 32  # images go through a step: more do not stay in the cache, of fewer its code does not
TRIMMED_EVERY = 16  # chunks: memory in pieces is given back before it adds up, seldom enough to cost nothing
_MMAP_THRESHOLD, _TRIM_THRESHOLD, _KEPT_BYTES = -3, -1, 256 << 20  # mallopt's names for them (malloc.h)


@dataclass(frozen=True)
class WorkerSettings:
    """What all workers of a job have in common: `formats` among domain.jobs.specs.FORMATS; `instrument`: the model
    is the instrument's own masks.
    """

    model: Path
    size_cutoff_um: float
    device: str
    formats: tuple[str, ...]
    instrument: bool = False


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some events of a sample. `background` is its static one, float32 (H, W), None where it has none; `zoom` as of
    `engine.network.zoom`; `channel` the one to read, "" where there is but one; `annotated` what a person said of
    some of the events' images, in place of the model.
    """

    name: str
    path: Path
    um_per_px: float | None
    zoom: float
    background: NDArray[np.float32] | None
    events: Sequence[str]
    channel: str = ""
    annotated: Mapping[str, Segmentation] = field(default_factory=dict)


@dataclass(frozen=True)
class Equipment:
    """Where a worker computes, for people, and in which arithmetic, and whether without the compiled library; `note`:
    what was found when that was chosen.
    """

    device: str = ""
    arithmetic: str = ""
    note: str = ""

    @property
    def is_gpu(self) -> bool:
        return self.device.casefold() not in ("", "cpu")


@dataclass(eq=False)
class ChunkResult:
    """What is to be written of a chunk, all in the order of its events.

    Attributes:
        problems: why an event's image could not be processed; "" where it could.
        digests: of the pixels of those that could be read (formats.sample.identity.pixel_digest).
        values: image features, float32 (events, `names("image")`), NaN where there is a problem.
        levels: mean gray value of each event's image, NaN where there is a problem.
        encoded: by format, what its `encode` made (formats.outputs).
        equipment: of the worker: each chooses its device itself, and one may find the GPU full.
    """

    problems: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    values: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    levels: list[float] = field(default_factory=list)
    encoded: dict[str, Any] = field(default_factory=dict)
    equipment: Equipment = Equipment()


class _State:
    """A worker's own; its model is loaded at the first need, so that an error can be told."""

    settings: WorkerSettings
    place = 0  # among the job's workers
    predictor: Predictor | None = None
    equipment: Equipment = Equipment()
    reader: SampleReader | None = None
    numbers: Mapping[str, int] = MappingProxyType({})  # of the reader's events, from 1
    opened: tuple[Path, float | None, str] | None = None
    trim: Callable[[int], object] | None = None  # the C library's malloc_trim, where it has one
    chunks = 0  # that were processed


def start(settings: WorkerSettings, started: Synchronized[int]) -> None:
    """Prepares the process; `started` counts those of the job. The job decides when to stop; where it is gone, so is
    the worker.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    with contextlib.suppress(OSError, AttributeError):
        # Arrays of every size come and go by the thousand: memory given back is memory to be zeroed again.
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, _KEPT_BYTES)
        libc.mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        _State.trim = libc.malloc_trim
    # Of its own accord oneDNN remembers how to convolve some sixty sizes of batches, fewer than come up.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8192")
    cv2.setNumThreads(1)
    _State.settings = settings
    with started.get_lock():
        _State.place, started.value = started.value, started.value + 1


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def describe() -> Equipment:
    """Loads the model.

    Raises:
        CytpixError: the model or the device can't be used.
    """
    if _State.settings.instrument:
        _State.equipment = _equipment("CPU")
    else:
        _predictor()
    return _State.equipment


def _equipment(device: str, arithmetic: str = "", note: str = "") -> Equipment:
    """With what is to be known where the compiled library is absent."""
    absence = library.absence()
    without = "without the compiled library" if absence else ""
    return Equipment(device, ", ".join(filter(None, (arithmetic, without))), " ".join(filter(None, (note, absence))))


def _predictor() -> Predictor:
    if _State.predictor is None:
        from tui_cytpix.engine.network.device import device_name, usable_device
        from tui_cytpix.engine.network.model import load_model
        from tui_cytpix.engine.predict.inference import Predictor

        settings = _State.settings
        model = load_model(settings.model)
        model = replace(model, card=replace(model.card, size_cutoff_um=settings.size_cutoff_um))
        device, note = usable_device(settings.device, threads=1, place=_State.place)
        _State.predictor = Predictor(model, device)
        arithmetic = str(_State.predictor.dtype).removeprefix("torch.")
        _State.equipment = _equipment(device_name(device), arithmetic, note)
        gc.freeze()  # torch's modules are there to stay: no need to search them for garbage time and again
    return _State.predictor


def process(chunk: Chunk) -> ChunkResult:
    """Segments, measures and writes up a chunk's images.

    Raises:
        CytpixError, OSError: the sample can't be opened.
    """
    result = ChunkResult()
    shown: list[tuple[Gray, NDArray[np.float32], float]] = []
    plans: list[tuple[NetworkInput, CropPlan]] = []
    known: list[Found | None] = []
    for start in range(0, len(chunk.events), TOGETHER):
        grays, answers = _read(chunk, chunk.events[start : start + TOGETHER], result)
        backgrounds = [background_of(gray, chunk.background) for gray in grays]
        seen = [normalise_knowing_noise(gray, background) for gray, background in zip(grays, backgrounds, strict=True)]
        unknown = [one for one, answer in zip(seen, answers, strict=True) if answer is None]
        plans += [_predictor().plan(one.gray, chunk.zoom, one.noise) for one in unknown]
        shown += zip(grays, backgrounds, (one.sigma for one in seen), strict=True)
        known += answers
    asked = iter(_predictor().found(plans, [_predictor().cutoff_px(chunk.um_per_px)] * len(plans)) if plans else ())
    found = [next(asked) if answer is None else answer for answer in known]
    result.equipment = _State.equipment
    subjects = [_subject(*image, one) for image, one in zip(shown, found, strict=True)]
    _write_up(chunk, result, subjects, found)
    _State.chunks += 1
    if _State.trim is not None and _State.chunks % TRIMMED_EVERY == 0:
        _State.trim(0)
    return result


def _read(chunk: Chunk, events: Sequence[str], result: ChunkResult) -> tuple[list[Gray], list[Found | None]]:
    """The images that can be read, and what is known of each; notes in the result how each event fared."""
    reader = _reader(chunk)
    grays: list[Gray] = []
    known: list[Found | None] = []
    for event in events:
        try:
            gray = reader.read_image(event)
            known.append(_known(chunk, reader, event, gray.shape))
        except CytpixError as error:
            result.problems.append(str(error))
            result.levels.append(math.nan)
            continue
        result.problems.append("")
        result.levels.append(cv2.mean(gray)[0])
        result.digests.append(pixel_digest(gray))
        grays.append(gray)
    return grays, known


def _known(chunk: Chunk, reader: SampleReader, event: str, shape: tuple[int, ...]) -> Found | None:
    """What a person or the instrument says of an image; None where the network is to be asked.

    Raises:
        SampleError, MaskError: the masks are damaged, there are none, or the annotation is of another size.
    """
    annotated, instrument = chunk.annotated.get(event), _State.settings.instrument
    if annotated is not None:
        if annotated.mask.shape != shape:
            raise MaskError("The annotation is not of its image's size", f"Event {printable(event)}.")
        drawn = reader.read_masks(event) if instrument and reader.masks_tell_particles else None
        return Found.certain(annotated, drawn)
    if not instrument:
        return None
    answer = instrument_answer(reader, event, cutoff_px(_State.settings.size_cutoff_um, chunk.um_per_px))
    return Found.certain(*answer, counted=reader.masks_tell_particles)


def _reader(chunk: Chunk) -> SampleReader:
    key = (chunk.path, chunk.um_per_px, chunk.channel)
    if _State.reader is None or _State.opened != key:
        if _State.reader is not None:
            _State.reader.close()
            _State.reader = None
        _State.reader, _State.opened = open_sample(*key), key
        _State.numbers = {event: number for number, event in enumerate(_State.reader.event_ids, start=1)}
    return _State.reader


def _write_up(chunk: Chunk, result: ChunkResult, subjects: Sequence[Subject], found: Sequence[Found]) -> None:
    good = [event for event, problem in zip(chunk.events, result.problems, strict=True) if not problem]
    wanted = [name for name in _State.settings.formats if name in OUTPUTS]
    parts = [subjects[i : i + TOGETHER] for i in range(0, len(subjects), TOGETHER)]
    measured = [_measured(part, chunk.um_per_px, bool(wanted)) for part in parts]
    values = np.full((len(chunk.events), len(names("image"))), np.nan)
    values[[not problem for problem in result.problems]] = _stacked([images for images, _ in measured], "image")
    result.values = values.astype(np.float32)
    if not wanted:
        return
    findings = Findings(
        sample=chunk.name,
        events=chunk.events,
        values=values,
        owners=[
            event
            for event, one in zip(good, found, strict=True)
            for _ in (one.segmentation.centroids if one.counted else ())
        ],
        particles=_stacked([particles for _, particles in measured], "particle"),
        answers=lambda: _answers(good, subjects, found),
    )
    result.encoded = {name: OUTPUTS[name].encode(findings) for name in wanted}


def _measured(
    subjects: Sequence[Subject], um_per_px: float | None, with_particles: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features of images and of their particles; what they are made from, 600 kB an image, is let go."""
    sheet = Measurement(subjects, um_per_px)
    return sheet.images(), sheet.particles() if with_particles else np.zeros((0, len(names("particle"))))


def _answers(events: Sequence[str], subjects: Sequence[Subject], found: Sequence[Found]) -> Iterator[Answer]:
    reader = _State.reader
    assert reader is not None
    for event, subject, one in zip(events, subjects, found, strict=True):
        assert subject.frame is not None
        whole = one.in_frame(subject.frame)[0]
        yield Answer(event, _State.numbers[event], reader.image_suffix(event), whole, one.drawn)


def _subject(gray: Gray, background: NDArray[np.float32], sigma: float, found: Found) -> Subject:
    box, segmentation = found.box, found.segmentation
    return Subject(
        gray[box.slices],
        segmentation.mask,
        segmentation.centroids,
        background[box.slices],
        corner=(box.y0, box.x0),
        frame=gray.shape,
        confidence=segmentation.confidence,
        focus=_focus(gray, background, sigma, found),
        particle_confidence=segmentation.particle_confidence,
        labels=segmentation.labels,
        counted=found.counted,
    )


def _focus(gray: Gray, background: NDArray[np.float32], sigma: float, found: Found) -> float:
    """FocusScore of the image, from the part that matters."""
    part = found.box.grown(REACH_PX, gray.shape)
    mask = np.zeros((part.y1 - part.y0, part.x1 - part.x0), np.bool_)
    y0, x0 = found.box.y0 - part.y0, found.box.x0 - part.x0
    height, width = found.segmentation.mask.shape
    mask[y0 : y0 + height, x0 : x0 + width] = found.segmentation.mask
    return focus_score(gray[part.slices], mask, background[part.slices], sigma)


def _stacked(tables: Sequence[NDArray[np.float64]], level: str) -> NDArray[np.float64]:
    return np.concatenate([*tables, np.zeros((0, len(names(level))))])
