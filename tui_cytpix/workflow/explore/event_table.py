"""The events of a sample as a table whose columns are read one by one, when they are asked for: those of its FCS, and
what models found in its images.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.features.table import names
from tui_cytpix.domain.gate import ARCSINH, LOGICLE, Axis, Scale
from tui_cytpix.domain.jobs.processed import image_keywords
from tui_cytpix.domain.sample import PixelScale
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import CytpixError, SampleError
from tui_cytpix.formats.fcs.spillover import Spillover, read_spillover
from tui_cytpix.workflow.explore.model_columns import column_name, model_columns
from tui_cytpix.workflow.explore.parameters import Column, Parameter
from tui_cytpix.workflow.run.run import Run

if TYPE_CHECKING:
    from tui_cytpix.formats.fcs.read import FcsFile
    from tui_cytpix.formats.fcs.write import ExtraParameter

CACHE_BYTES = 128 << 20
INSTRUMENT, PARTICLES = "FCS", "ParticleCount"
T = TypeVar("T", bound=np.generic)


class EventTable:
    """One sample of a run. Columns are float64 (N,), NaN where an event has no value; safe for several threads.

    Rows are those of the FCS; where there is none, the images in natural order.
    """

    def __init__(self, run: Run, sample: str) -> None:
        """Raises:
        SampleError: the sample can't be read.
        """
        self.sample = sample
        reader = run.images.reader(sample)
        fcs = reader.open_fcs()
        self._fcs: FcsFile | None = fcs
        self._info = reader.info
        self.images_all = reader.images_all  # events without an image hold nothing
        events = reader.event_ids
        self.image_rows: dict[str, int] = reader.fcs_rows() if fcs else {e: n for n, e in enumerate(events)}
        self._reader, self._ref = reader, run.settings.sample(sample)
        self.rows = fcs.event_count if fcs else len(events)
        self.images = len(events)
        self.spillover = read_spillover(fcs) if fcs else Spillover(problem="The sample has no FCS.")
        self._lock = threading.RLock()
        self._kept: OrderedDict[object, NDArray[Any]] = OrderedDict()
        self._loaders: dict[str, Callable[[], Column]] = {}
        parameters = []
        for parameter, load in (*self._instrument(), *model_columns(run, sample, fcs, self.image_rows, self.rows)):
            parameters.append(parameter)
            self._loaders[parameter.name] = load
        self.parameters: tuple[Parameter, ...] = tuple(parameters)

    @property
    def volume_ul(self) -> float | None:
        """The volume that was measured, ul; None where unknown."""
        return self._fcs.volume_ul if self._fcs else None

    def _instrument(self) -> Iterable[tuple[Parameter, Callable[[], Column]]]:
        fcs, of_images = self._fcs, set(names("image"))
        for known in fcs.parameters if fcs else ():
            derived = known.name in of_images
            top = float(known.linear(np.array([known.range]))[0])
            parameter = Parameter(known.name, printable(known.label), INSTRUMENT, top, derived)
            yield parameter, partial(self._of_fcs, known.name, derived)

    def _of_fcs(self, name: str, derived: bool) -> Column:
        assert self._fcs is not None
        column = self._fcs.column(name)
        if derived:  # the instrument writes 0 where there is no image
            column = np.where(self._has_image(), column, np.nan)
        return column

    def _has_image(self) -> NDArray[np.bool_]:
        assert self._fcs is not None
        for flag in ("IsProcessed", "ImageFlag"):
            if flag in self._fcs.names:
                return np.asarray(self._fcs.column(flag) != 0)
        return self.imaged

    @property
    def imaged(self) -> NDArray[np.bool_]:
        """Which rows have an image, bool (N,)."""
        found = np.zeros(self.rows, bool)
        found[list(self.image_rows.values())] = True
        return found

    @property
    def image_gate(self) -> str:
        """What the file calls the gate that the instrument imaged from, "" where it doesn't say."""
        return self._info().image_gate

    @property
    def counters(self) -> list[str]:
        """Whose counts of particles there are: the instrument's ("FCS"), models' by their names."""
        known = [parameter.name for parameter in self.parameters]
        sources = dict.fromkeys(parameter.source for parameter in self.parameters)
        return [source for source in sources if _particles_of(source) in known]

    def particles(self, counter: str) -> Column:
        """Particles in each event's image, (N,), NaN where it was not counted; raises as `values`."""
        return self.values(_particles_of(counter))

    def looked_at(self, source: str) -> NDArray[np.bool_]:
        """The events whose images the instrument, or a model, has looked at, bool (N,); raises as `values`."""
        if source == INSTRUMENT:
            return self._has_image()
        return np.asarray(np.isfinite(self.particles(source)))

    def parameter(self, name: str) -> Parameter:
        """What is known of a column.

        Raises:
            SampleError: there is none of that name.
        """
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise SampleError(
            "The sample has no such parameter",
            f"{self.sample} has no {printable(name)}.",
            "Gates can be applied only where their parameters are; `tui-cytpix inspect` lists a sample's.",
        )

    def can_compensate(self, name: str) -> bool:
        return self.spillover.usable and name in self.spillover.names

    def values(self, name: str, compensated: bool = False) -> Column:
        """A column, by need compensated: (N,), not to be changed.

        Raises:
            SampleError: there is none of that name, or no spillover matrix for it.
            FcsError: it can't be read.
        """
        self.parameter(name)
        if not compensated:
            return self._keep(name, self._loaders[name])
        if not self.can_compensate(name):
            why = self.spillover.problem or "The spillover matrix leaves it out."
            raise SampleError(f"{printable(name)} can't be compensated", f"{self.sample}: {why}")
        return self._keep((name, "compensated"), partial(self._compensated, name))

    def _compensated(self, name: str) -> Column:
        total = np.zeros(self.rows)
        for other, weight in self.spillover.weights(name).items():
            total += self.values(other) * weight
        return total

    def scaled(self, axis: Axis) -> Column:
        """A column on an axis' scale; raises as `values`."""
        return self._keep(axis, lambda: on_scale(self.values(axis.parameter, axis.compensated), axis.scale))

    def mask(self, key: object, make: Callable[[], NDArray[np.bool_]]) -> NDArray[np.bool_]:
        """What `make` gives, bool (N,), made once while there is room."""
        return self._keep(("mask", key), make)

    def _keep(self, key: object, make: Callable[[], NDArray[T]]) -> NDArray[T]:
        """Made once while there is room; not to be changed."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            column = make()
            column.flags.writeable = False
            self._kept[key] = column
            while len(self._kept) > 2 and sum(c.nbytes for c in self._kept.values()) > CACHE_BYTES:
                self._kept.popitem(last=False)
            return column

    @property
    def has_fcs(self) -> bool:
        return self._fcs is not None

    def write_fcs(
        self,
        path: Path,
        rows: NDArray[np.bool_],
        keywords: Mapping[str, str],
        extra: Sequence[ExtraParameter] = (),
    ) -> None:
        """Writes those events (bool (N,)) with all that the instrument stored of them, `extra` parameters (of all
        events), and which images they go with.

        Raises:
            SampleError: the sample has no FCS.
            FcsError: it can't be written.
        """
        from tui_cytpix.formats.fcs.write import write_fcs_with

        if self._fcs is None:
            raise SampleError("There is no FCS to write", f"{self.sample} has none.", "Give a file ending in .csv.")
        write_fcs_with(self._fcs, path, extra, {**self.image_keywords(), **keywords}, rows)

    def image_keywords(self) -> dict[str, str]:
        """Which images the events go with, for what is written of them."""
        ref = self._ref
        scale = PixelScale(ref.um_per_px, ref.scale_source) if ref.um_per_px else None
        return image_keywords(scale, self._reader.bit_depth, self._reader.fingerprint())


def _particles_of(source: str) -> str:
    return PARTICLES if source == INSTRUMENT else column_name(PARTICLES, source)


def on_scale(values: Column, scale: Scale) -> Column:
    """Values to places on a scale."""
    from tui_cytpix.core.events import axes

    if scale.kind == ARCSINH:
        return axes.arcsinh(values, scale.cofactor)
    if scale.kind == LOGICLE:
        return axes.logicle(values, axes.biexponential(scale.top, scale.width, scale.decades, scale.negative))
    return np.array(values, np.float64)


def off_scale(places: Column, scale: Scale) -> Column:
    """The inverse of `on_scale`."""
    from tui_cytpix.core.events import axes

    if scale.kind == ARCSINH:
        return axes.arcsinh_inverse(places, scale.cofactor)
    if scale.kind == LOGICLE:
        return axes.biexponential(scale.top, scale.width, scale.decades, scale.negative)(places)
    return np.array(places, np.float64)


def open_tables(run: Run, samples: Iterable[str]) -> tuple[list[EventTable], list[str]]:
    """The tables of those samples that can be read, and sentences about the others."""
    tables, problems = [], []
    for sample in samples:
        try:
            tables.append(EventTable(run, sample))
        except CytpixError as error:
            problems.append(f"{sample}: {error}")
    return tables, problems
