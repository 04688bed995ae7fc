"""Events and cells per volume: counted where every event was seen, or imaged, else scaled from the imaged events of the
image gate that was named, and empty where these don't speak for the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.gate import Gate, lineage
from tui_cytpix.errors import InputError, SampleError, UsageError
from tui_cytpix.workflow.explore import gates as gating
from tui_cytpix.workflow.explore.event_table import INSTRUMENT, PARTICLES, EventTable
from tui_cytpix.workflow.run.run import Run

if TYPE_CHECKING:
    from tui_cytpix.core.statistics.imaged_share import Estimate, Strata

FEWEST_IMAGES = 50
LEAST_SUPPORT = 0.95  # of the events, to be scaled to all of them
LEAST_LOOKED_AT = 0.95  # of the imaged events, by the model whose values a gate uses
FLAG = "ImageFlag"
_Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class PerVolume:
    """Per µl, with 95 % intervals; None where empty, and `why` says why. Where numbers are scaled, `imaged` is the
    share of the gate's events that were imaged and looked at, `support` that of those for which these speak; NaN else.
    """

    events: Estimate | None = None
    cells: Estimate | None = None
    imaged: float = math.nan
    support: float = math.nan
    why: str = ""


@dataclass(frozen=True)
class ImageGate:
    """The gate that the instrument imaged from, "" for none named, and whose counts give cells (`table.counters`), ""
    for the only ones there are.
    """

    gate: str = ""
    counter: str = ""

    @classmethod
    def of(cls, run: Run) -> ImageGate:
        return cls(run.settings.image_gate, run.settings.counter)


def name_image_gate(run: Run, tables: Sequence[EventTable], gate: str, counter: str = "") -> list[str]:
    """Keeps in the run which gate the instrument imaged from; "" lifts that. Returns a sentence on each sample in which
    it can't be that gate.

    Raises:
        UsageError: there is no such gate, or no sample has counts of that name.
        SampleError: it can be that gate in no sample.
    """
    problems: list[InputError] = []
    if gate:
        gating.find(run, gate)
        if counter and not any(counter in table.counters for table in tables):
            known = ", ".join(dict.fromkeys(name for table in tables for name in table.counters))
            raise UsageError(
                f"No sample has a {PARTICLES} of that name", f"{counter}.", f"There are: {known or 'none'}."
            )
        for table in tables:
            try:
                _inside_image_gate(table, run.settings.gates, gate)
            except InputError as error:
                problems.append(error)
        if tables and len(problems) == len(tables):
            raise problems[0]
    run.update(replace(run.settings, image_gate=gate, counter=counter if gate else ""))
    return [str(problem) for problem in problems]


class Volumes:
    """Numbers per volume of one sample's gates."""

    def __init__(self, table: EventTable, gates: Sequence[Gate], image_gate: ImageGate) -> None:
        self._table, self._gates, self._image_gate = table, gates, image_gate
        self._strata: dict[object, Strata] = {}

    def of(self, name: str) -> PerVolume:
        """Of a gate, "" for all events. One that rests on what was found in images is counted inside the image gate
        alone, as no other event was imaged.
        """
        one = _Scaled(self._table, self._gates, self._image_gate, lineage(self._gates, name), self._strata)
        found: list[Estimate | None] = []
        why = []
        for count in (one.events, one.cells):
            try:
                found.append(count())
            except InputError as error:
                found.append(None)
                why.append(str(error))
        events, cells = found
        said = " ".join(dict.fromkeys(why))
        if one.known is None:
            return PerVolume(events, cells, why=said)
        return PerVolume(events, cells, float(one.known.measured.mean()), one.known.support, said)


class _Scaled:
    """One gate of one sample; `known` are the strata that its numbers were scaled by."""

    def __init__(
        self,
        table: EventTable,
        gates: Sequence[Gate],
        image_gate: ImageGate,
        path: Sequence[Gate],
        kept: dict[object, Strata],
    ) -> None:
        self._table, self._gates, self._image_gate, self._path, self._kept = table, gates, image_gate, path, kept
        self.known: Strata | None = None

    def events(self) -> Estimate:
        """Raises:
        InputError: they are not known.
        """
        from tui_cytpix.core.statistics.imaged_share import counted

        on_images = [gate for gate in self._path if rests_on_images(self._table, gate)]
        if not on_images:
            number = float(gating.all_of(self._table, self._path).sum())
            return _over(counted(number), self._volume(self._path))
        return self._scaled(np.ones(self._table.rows), self._sources())

    def cells(self) -> Estimate:
        """Raises:
        InputError: they are not known.
        """
        if not self._table.images_all:
            _inside_image_gate(self._table, self._gates, self._image_gate.gate)
        sources = self._sources()
        counter = next(iter(sources)) if len(sources) == 1 else self._image_gate.counter
        if not counter:
            if len(self._table.counters) != 1:
                known = ", ".join(self._table.counters)
                raise SampleError(
                    "Cells are not counted",
                    f"{PARTICLES} is known from {known}." if known else f"There is no {PARTICLES} of its images.",
                    "Name one with the image gate." if known else "Process the sample.",
                )
            (counter,) = self._table.counters
        particles = self._table.particles(counter)
        return self._scaled(np.nan_to_num(particles), sources | {counter})

    def _sources(self) -> set[str]:
        parameters = [axis.parameter for gate in self._path for axis in gate.axes]
        return {source for name in parameters if (source := source_of_images(self._table, name))}

    def _scaled(self, values: NDArray[np.float64], sources: set[str]) -> Estimate:
        """The sum of a value (N,) over the gate's events, by what the measured ones have."""
        from tui_cytpix.core.statistics.imaged_share import expected, total

        table, gates = self._table, self._gates
        if table.images_all:
            return self._of_all_images(values, sources)
        within = _inside_image_gate(table, gates, self._image_gate.gate)
        path = [gate for gate in self._path if not rests_on_images(table, gate)]
        domain = gating.all_of(table, path)
        if len(path) == len(self._path) and (domain & ~within).any():
            outside = int((domain & ~within).sum())
            raise SampleError(
                "Cells are counted inside the image gate alone",
                f"{outside} of its events lie outside {self._image_gate.gate}.",
            )
        domain = domain & within  # what `all_of` gives is kept
        measured = domain.copy()
        for source in sources:
            measured &= table.looked_at(source)
        looked_at = self._looked_at(domain, measured, sources)
        if looked_at < FEWEST_IMAGES:
            raise SampleError("Too few of its events were imaged", f"{looked_at}; {FEWEST_IMAGES} are needed.")
        asked = (tuple(path), frozenset(sources))
        if asked not in self._kept:
            self._kept[asked] = self._strata(domain, measured)
        known = self.known = self._kept[asked]
        if known.support < LEAST_SUPPORT:
            raise self._unsupported(domain, measured, known.support)
        counted_in = gating.all_of(table, self._path)[domain]
        found = expected(total(known, np.where(counted_in, values[domain], 0.0)))
        image_path = lineage(gates, self._image_gate.gate)
        return _over(found, self._volume([*self._path, *image_path]))

    def _looked_at(self, domain: _Mask, measured: _Mask, sources: set[str]) -> int:
        """How many images of the domain; raises SampleError where they are too few of those there are."""
        imaged, looked_at = int((domain & self._table.imaged).sum()), int(measured.sum())
        if looked_at < LEAST_LOOKED_AT * imaged:
            raise SampleError(
                "Not all of the images were looked at",
                f"{', '.join(sorted(sources))}: {looked_at} of the {imaged} images in the gate.",
                "Process the sample with that model.",
            )
        return looked_at

    def _of_all_images(self, values: NDArray[np.float64], sources: set[str]) -> Estimate:
        """As `_scaled`, where the instrument looked at all events: no image gate, and nothing to scale but for the few
        images that could not be read.
        """
        from tui_cytpix.core.statistics.imaged_share import Strata, Total, expected, total

        table = self._table
        domain = gating.all_of(table, [gate for gate in self._path if not rests_on_images(table, gate)]) & table.imaged
        measured = domain.copy()
        for source in sources:
            measured &= table.looked_at(source)
        self._looked_at(domain, measured, sources)
        found = np.where(gating.all_of(table, self._path), values, 0.0)[domain]
        if len(found):
            self.known = Strata(np.zeros(len(found), np.intp), measured[domain], 1.0)
        if self.known is None or measured.sum() == len(found):
            sums = Total(float(found.sum()), 0.0, float((found**2).sum()), max(1.0, float(found.max(initial=0.0))))
        else:
            sums = total(self.known, found)
        return _over(expected(sums), self._volume(self._path))

    def _strata(self, domain: _Mask, measured: _Mask) -> Strata:
        from tui_cytpix.core.statistics.imaged_share import strata

        columns = [self._table.values(name)[domain] for name in self._post_stratified_by()]
        return strata(columns[0], columns[1:], measured[domain])

    def _post_stratified_by(self) -> list[str]:
        """Time, forward and side scatter."""
        return [self._instruments(starts) for starts in ("TIME", "FSC", "SSC")]

    def _instruments(self, starts: str) -> str:
        """The instrument's parameter of which the name starts so: an area, else the first."""
        own = [known.name for known in self._table.parameters if known.source == INSTRUMENT]
        having = [name for name in own if name.upper().startswith(starts)]
        if not having:
            raise SampleError("Nothing tells which events were imaged", f"The FCS has no {starts.capitalize()}.")
        return next((name for name in having if name.upper().endswith("-A")), having[0])

    def _unsupported(self, domain: _Mask, measured: _Mask, support: float) -> SampleError:
        time = self._table.values(self._post_stratified_by()[0])
        first, last = float(time[measured].min()), float(time[measured].max())
        start, end = float(time[domain].min()), float(time[domain].max())
        ended = last - first < LEAST_SUPPORT * (end - start)
        images = f"images lie from Time {first:.6g} to {last:.6g}, events from {start:.6g} to {end:.6g}"
        share = math.floor(1000 * support) / 10  # what is just too little isn't rounded to enough
        return SampleError(
            "The images don't speak for the other events",
            f"{share:g} % of the events have a Time and scatter at which images were taken; "
            f"{100 * LEAST_SUPPORT:g} % are needed" + (f": {images}." if ended else "."),
            "Put a gate on Time of that range into the image gate, and name it as the image gate."
            if ended
            else "The gate may be wider than the instrument's, or the instrument left some events out.",
        )

    def _volume(self, path: Sequence[Gate]) -> float:
        """Measured while the gates on Time were open, µl, at a constant flow.

        Raises:
            SampleError: it is not known.
        """
        volume = self._table.volume_ul
        if volume is None:
            raise SampleError("The volume is unknown", "The FCS has no $VOL.")
        start, end = -math.inf, math.inf
        for gate in path:
            on_time = [axis.parameter for axis in gate.axes if axis.parameter.upper() in ("TIME", "EVENT")]
            if on_time and (len(gate.axes) > 1 or on_time[0].upper() == "EVENT"):
                raise SampleError(
                    "The volume is unknown",
                    f"{gate.name} is a gate on {on_time[0]}.",
                    "Use a range of Time, which tells what part of the volume was measured in it.",
                )
            if on_time:
                start, end = max(start, gate.corners[0][0]), min(end, gate.corners[1][0])
        if (start, end) == (-math.inf, math.inf):
            return volume
        time = self._table.values(self._instruments("TIME"))
        first, last = float(time.min()), float(time.max())
        share = (min(end, last) - max(start, first)) / (last - first) if last > first else 0.0
        if share <= 0:
            raise SampleError("The volume is unknown", "The gates on Time leave nothing of it.")
        return share * volume


def rests_on_images(table: EventTable, gate: Gate) -> bool:
    """Raises:
    SampleError: the sample lacks a parameter of the gate.
    """
    return any(source_of_images(table, axis.parameter) for axis in gate.axes)


def source_of_images(table: EventTable, name: str) -> str:
    """Whose look at images gave a parameter, "" where every event has it. Raises as `EventTable.parameter`."""
    parameter = table.parameter(name)
    return parameter.source if parameter.of_images or name == FLAG else ""


def looked_at(table: EventTable, path: Sequence[Gate]) -> _Mask:
    """The events of which all that some gates rest on is known, bool (N,): all where they don't rest on images."""
    known = np.ones(table.rows, bool)
    for source in {source_of_images(table, axis.parameter) for gate in path for axis in gate.axes} - {""}:
        known &= table.looked_at(source)
    return known


def _inside_image_gate(table: EventTable, gates: Sequence[Gate], name: str) -> _Mask:
    """Raises:
    SampleError: none is named, or it isn't the gate that the instrument imaged from.
    """
    if not name:
        raise SampleError("No image gate is named", "", "Name the gate that the instrument imaged from.")
    if name not in [gate.name for gate in gates]:
        raise SampleError("The image gate is not there", f"{name}.", "Name another.")
    path = lineage(gates, name)
    on_images = next((gate.name for gate in path if rests_on_images(table, gate)), "")
    if on_images:
        raise SampleError(
            "The instrument can't have imaged from this gate", f"{on_images} rests on what was found in images."
        )
    within = gating.all_of(table, path)
    imaged = table.imaged | table.looked_at(INSTRUMENT)
    outside = int((imaged & ~within).sum())
    if outside:
        known = f"The file calls it {table.image_gate}" if table.image_gate else "An .acs tells its name"
        raise SampleError(
            "The instrument imaged from another gate",
            f"{table.sample}: {outside} of {int(imaged.sum())} imaged events lie outside {name}.",
            f"{known} (`tui-cytpix inspect`); draw it as it was drawn at the instrument, or wider.",
        )
    return within


def _over(number: Estimate, volume_ul: float) -> Estimate:
    return replace(number, value=number.value / volume_ul, low=number.low / volume_ul, high=number.high / volume_ul)
