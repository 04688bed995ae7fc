"""The FCS of a sample: found beside the images, opened at first need, linked to the images."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.entered_numbers import LEAST_PIXEL, MOST_PIXEL
from tui_cytpix.domain.sample import Loss
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import CytpixError, FcsError
from tui_cytpix.formats.bytes.names import natural_key
from tui_cytpix.formats.fcs.event_rows import link_events, link_rows, parameter_named
from tui_cytpix.formats.fcs.read import FcsFile, read_fcs

MIN_EVENTS = 3  # that tell the pixel size
SPREAD = 0.02


@dataclass(frozen=True)
class FcsPlace:
    """Where a sample's FCS is, and how to open it.

    `label` names it for people. `guessed` is True where only its lying nearby speaks for it: it is then used only if
    its events match. `rows` is True where event ids are rows, from 0, and no values of the parameter Event. `problem`
    is a sentence or "". `made` is True where it is made of the sample's own table, and no file of its own.
    """

    label: str = ""
    open: Callable[[], FcsFile] | None = None
    guessed: bool = False
    problem: str = ""
    rows: bool = False
    made: bool = False

    def by_rows(self) -> FcsPlace:
        return replace(self, rows=True)


@dataclass(frozen=True)
class LinkedFcs:
    """An opened FCS and its link to the images; `fcs` None where there is none to use, and `unusable` the sentence that
    says why, where one is there.
    """

    fcs: FcsFile | None = None
    label: str | None = None
    rows: dict[str, int] = field(default_factory=dict)
    um_per_px: float | None = None
    problems: tuple[str, ...] = ()
    unusable: str = ""


def fcs_file(path: Path, guessed: bool = False) -> FcsPlace:
    """An FCS that is a file of its own."""
    return FcsPlace(str(path), functools.partial(_opened, path), guessed)


def _opened(path: Path) -> FcsFile:
    if not path.is_file():  # a pipe would be waited for
        detail = f"{printable(path.name)} is no file that can be read: a link that leads nowhere, a pipe or the like."
        raise FcsError("This FCS file can't be read", detail, "Copy the file itself.")
    return read_fcs(path)


def find_fcs(stem: str, folders: tuple[Path, ...]) -> FcsPlace:
    """The FCS of images called `stem`: of that name in one of the folders, else the only one of the first that has any.

    Where that folder has several, none is taken, and the problem says so.
    """
    for folder in folders:
        named = fcs_of_name(stem, folder)
        if named is not None:
            return named
    for folder in folders:
        files = _fcs_files(folder)
        if len(files) == 1:
            return fcs_file(files[0], guessed=True)
        if files:
            several = f"{len(files)} FCS files lie in {printable(folder)} and none is called {printable(stem)}.fcs"
            return FcsPlace(problem=f"{several}: none is used.")
    return FcsPlace()


def fcs_of_name(stem: str, folder: Path) -> FcsPlace | None:
    """The FCS called `stem` in a folder, whatever its case; None where there is none."""
    return next((fcs_file(file) for file in _fcs_files(folder) if file.stem.casefold() == stem.casefold()), None)


def _fcs_files(folder: Path) -> list[Path]:
    try:
        found = [file for file in folder.iterdir() if file.suffix.lower() == ".fcs" and not file.is_dir()]
    except OSError:
        return []
    return sorted((file for file in found if not file.name.startswith(".")), key=lambda file: natural_key(file.name))


def link_fcs(place: FcsPlace, events: tuple[str, ...]) -> LinkedFcs:
    """Opens the FCS and links it; whatever fails becomes a problem sentence, because images can be used without. It is
    a loss where the FCS is the sample's by its name or its archive, not where it lies nearby and may be another tube's.
    """
    problems = [place.problem] if place.problem else []
    if place.open is None:
        return LinkedFcs(problems=tuple(problems))
    try:
        fcs = place.open()
        linked = link_rows(fcs, events) if place.rows else link_events(fcs, events)
        um_per_px, doubt = _scale(fcs, linked.rows)
    except CytpixError as error:
        if place.guessed:
            why = f"{printable(place.label)} is not used: it has another name, and whose it is can't be read: {error}"
            return LinkedFcs(problems=(*problems, why))
        what = f"The event table of {printable(place.label)}" if place.made else "The FCS"
        unusable = Loss(f"{what} can't be used: {error}")
        return LinkedFcs(problems=(*problems, unusable), unusable=unusable)
    if place.guessed and not linked.rows:
        why = f"{printable(place.label)} is not used: none of its events is one of the images."
        return LinkedFcs(problems=(*problems, why))
    if place.guessed:
        problems.append(
            f"{printable(place.label)} is taken for the FCS, though it has another name, as the only one nearby."
        )
    problems += [*fcs.problems, *linked.problems, *([doubt] if doubt else [])]
    return LinkedFcs(fcs, place.label, linked.rows, um_per_px, tuple(problems))


def _scale(fcs: FcsFile, rows: dict[str, int]) -> tuple[float | None, str]:
    area, pixels = parameter_named(fcs, "AreaSquareMicrons"), parameter_named(fcs, "NumPixels")
    if area is None or pixels is None:
        return None, ""
    imaged = sorted(rows.values())
    return scale_from_areas(fcs.column(area)[imaged], fcs.column(pixels)[imaged])


def scale_from_areas(areas: NDArray[np.floating[Any]], pixels: NDArray[np.floating[Any]]) -> tuple[float | None, str]:
    """um/px = sqrt(AreaSquareMicrons / NumPixels), the median over events.

    Args:
        areas: (N,) square micrometres.
        pixels: (N,) counts; events without are passed over.

    Returns:
        The scale, and "" or the sentence that says why there is none: fewer than 3 events to tell from, more than a
        tenth of them off the median by over 2 %, or a value that no microscope has.
    """
    told = np.isfinite(areas) & np.isfinite(pixels) & (areas > 0) & (pixels > 0)
    if not told.any():
        return None, ""
    if told.sum() < MIN_EVENTS:
        return None, f"Only {told.sum()} events have image areas: too few to derive the pixel size."
    scales = np.sqrt(areas[told] / pixels[told])
    scale = float(np.median(scales))
    if (np.abs(scales / scale - 1) > SPREAD).mean() > 0.1:
        low, high = np.percentile(scales, [5, 95])
        return None, (
            f"AreaSquareMicrons and NumPixels don't agree on one pixel size ({low:.3g} to {high:.3g} um): "
            "none is derived."
        )
    if not LEAST_PIXEL <= scale <= MOST_PIXEL:
        return None, f"The pixel size that the FCS implies, {scale:.3g} um, is not believable and not used."
    return scale, ""
