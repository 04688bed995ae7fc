"""An archive of masks in the instrument's own format, `EVENT.json`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tui_cytpix.formats.masks.mask_archive import mask_archive, written_masks
from tui_cytpix.formats.outputs.output import About, Findings

Members = list[tuple[str, bytes]]  # events and contents


def encode(found: Findings) -> Members:
    return [(one.event, written_masks(one.segmentation, one.drawn)) for one in found.answers()]


@contextlib.contextmanager
def written(paths: Sequence[Path], _about: About) -> Iterator[Callable[[Members], None]]:
    (path,) = paths
    with mask_archive(path) as add_member:

        def add(members: Members) -> None:
            for event, masks in members:
                add_member(event, masks)

        yield add
