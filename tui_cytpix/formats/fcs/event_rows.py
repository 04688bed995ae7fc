"""Which FCS row belongs to which image: by the parameter `Event`, whose value is the image file's name, or by the row's
own number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.sample import Loss
from tui_cytpix.formats.bytes.names import counted
from tui_cytpix.formats.fcs.read import FcsFile

EVENT, IMAGE_FLAG = "Event", "ImageFlag"
_MAX_DIGITS = 15  # what float64 holds exactly
_MOST_IN_FLOAT32 = 1 << 24  # whole numbers up to here; above, several ids have one value


@dataclass(frozen=True)
class EventRows:
    """Rows (from 0) by event id, for the images that have one; `problems` are sentences about the rest."""

    rows: dict[str, int]
    problems: tuple[str, ...] = ()


def parameter_named(fcs: FcsFile, name: str) -> str | None:
    """The file's own spelling of a parameter's name, None where it has no such parameter."""
    same = [own for own in fcs.names if own.casefold() == name.casefold()]
    return name if name in same else next(iter(same), None)


def link_events(fcs: FcsFile, events: tuple[str, ...]) -> EventRows:
    """Finds the row of each event id (leading zeros don't count), and what is missing on either side.

    Raises:
        FcsError: the data can't be read.
    """
    event_name, flag_name = parameter_named(fcs, EVENT), parameter_named(fcs, IMAGE_FLAG)
    if event_name is None:
        return EventRows({}, (Loss("The FCS has no parameter Event, so its rows can't be told to the images."),))
    column = fcs.column(event_name)
    numbered = [event for event in events if event.isascii() and event.isdigit() and len(event) <= _MAX_DIGITS]
    wanted = np.array([int(event) for event in numbered], np.float64)
    one_of_several = np.zeros(len(wanted), np.bool_)
    if fcs.raw_column(event_name).dtype == np.float32:
        wanted = wanted.astype(np.float32).astype(np.float64)
        one_of_several = (wanted >= _MOST_IN_FLOAT32) & (_times(wanted, wanted) + _times(wanted, column) > 2)
    rows, found = _first_rows(column, wanted)
    found &= ~one_of_several
    linked = {event: int(row) for event, row, there in zip(numbered, rows, found, strict=True) if there}
    unsure = [event for event, several in zip(numbered, one_of_several, strict=True) if several]
    known = linked.keys() | set(unsure)
    missing = [event for event in events if event not in known]
    untold = "no certain row in the FCS, whose ids, float32, are not told apart above 16,777,216"
    problems: list[str] = [
        *map(Loss, counted(missing, "image has no row in the FCS", "images have no row in the FCS")),
        *map(Loss, counted(unsure, f"image has {untold}", f"images have {untold}")),
    ]
    again = np.isin(column, wanted[found]).sum() - len(np.unique(wanted[found]))
    if again > 0:
        repeated = f"{again} rows of the FCS repeat an imaged event's id; the first row of each is taken."
        problems.append(Loss(repeated))
    if flag_name is not None:
        problems += _flag_problems(column, fcs.column(flag_name) != 0, linked)
    return EventRows(linked, tuple(problems))


def link_rows(fcs: FcsFile, events: tuple[str, ...]) -> EventRows:
    """Event ids that are rows, from 0."""
    numbers = {e: int(e) for e in events if e.isascii() and e.isdigit() and len(e) <= _MAX_DIGITS}
    linked = {event: row for event, row in numbers.items() if row < fcs.event_count}
    missing = [event for event in events if event not in linked]
    lost = counted(missing, "image has no row in the FCS", "images have no row in the FCS")
    return EventRows(linked, tuple(map(Loss, lost)))


def _times(values: NDArray[np.float64], among: NDArray[np.float64]) -> NDArray[np.intp]:
    """How often each of `values` (M,) is `among` (N,): (M,)."""
    ordered = np.sort(among)
    return np.searchsorted(ordered, values, "right") - np.searchsorted(ordered, values, "left")


def _first_rows(column: NDArray[np.float64], wanted: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The first row of `column` (N,) with each wanted value (M,), and whether there is one: (M,), (M,)."""
    if not len(column):
        return np.zeros(len(wanted), np.intp), np.zeros(len(wanted), bool)
    order = np.argsort(column, kind="stable")
    places = np.minimum(np.searchsorted(column[order], wanted), len(column) - 1)
    rows = order[places]
    return rows, column[rows] == wanted


def _flag_problems(column: NDArray[np.float64], flagged: NDArray[np.bool_], linked: dict[str, int]) -> tuple[str, ...]:
    imaged = np.zeros(len(column), bool)
    imaged[list(linked.values())] = True
    lost = [f"{value:.0f}" for value in column[flagged & ~imaged]]
    unflagged = [event for event, row in linked.items() if not flagged[row]]
    rest = "that the FCS doesn't flag as imaged: is it another tube's?"
    return (
        *counted(lost, "event is flagged as imaged but has no image", "events are flagged as imaged but have no image"),
        *counted(unflagged, f"image is of an event {rest}", f"images are of events {rest}"),
    )
