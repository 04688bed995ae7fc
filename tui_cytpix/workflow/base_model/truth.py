"""Label images that models are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.objects.label_gaps import without_gaps
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.sample_names import sample_name
from tui_cytpix.errors import UsageError
from tui_cytpix.formats.bytes.names import counted, natural_key
from tui_cytpix.formats.masks.label_images import label_images_of
from tui_cytpix.workflow.base_model.label_check import CheckedLabels
from tui_cytpix.workflow.base_model.label_findings import refuse_strange_names
from tui_cytpix.workflow.run.run import Run

if TYPE_CHECKING:
    from tui_cytpix.core.objects.label_gaps import Contacts

FEW_GAPS, GAPS_SHARE = 3, 0.25  # pairs; of all that touch: fewer are no way of drawing


@dataclass(frozen=True)
class Truth:
    """Checked label images; `close_gaps`: lines of background between their cells are given to these."""

    labels: CheckedLabels
    close_gaps: bool

    def by_need_without_gaps(self, labels: NDArray[np.uint16]) -> NDArray[np.uint16]:
        return np.asarray(without_gaps(labels), np.uint16) if self.close_gaps else labels

    def gaps_in_words(self, found: Contacts) -> list[str]:
        """Where labels are drawn with gaps between cells that touch: how many, and what that does."""
        pairs = found.joined + found.parted
        if found.parted < FEW_GAPS or found.parted < GAPS_SHARE * pairs:
            return []
        what = (
            f"The truth has a line of background of 1 or 2 px between {found.parted} of {pairs} pairs of cells that "
            f"touch ({found.parted / pairs:.0%})"
        )
        if self.close_gaps:
            return [f"{what}; it was given to the cells beside it, as asked: {found.too_many} objects fewer."]
        return [
            f"{what}: these count as apart, so that ClumpIndexMax is too low, ObjectCount {found.too_many} too high of "
            f"{found.objects}, and doublets are among the singlets of specificity; --close-gaps gives the lines to the "
            "cells beside them."
        ]


def truth_paths(
    run: Run, folders: Sequence[Path], names: Sequence[str], check_names: bool
) -> tuple[dict[ImageKey, Path], list[str]]:
    """Label images of the samples of these names, and sentences about those that are named after no image.

    Args:
        folders: one, or one for each sample; one for several may have a sub-folder for each sample's name.
        check_names: refuse label images of which most are named after no image.

    Raises:
        UsageError: such a sub-folder has the name of several samples.
        MaskError: most label images are named after no image.
    """
    own = [*folders] if len(folders) == len(names) else [_sub_folder(run, folders[0], name, names) for name in names]
    found: dict[ImageKey, Path] = {}
    left: dict[Path, set[Path]] = {}
    for name, folder in zip(names, own, strict=True):
        paths, unmatched = label_images_of(folder, run.images.reader(name).event_ids)
        found.update((ImageKey(name, event), path) for event, path in paths.items())
        left[folder] = left.get(folder, set(unmatched)) & set(unmatched)
    strange = sorted(set[Path]().union(*left.values()), key=lambda path: natural_key(path.name))
    if check_names:
        refuse_strange_names(len(found), strange, run.images.reader(names[0]).event_ids, ", ".join(names))
    files = [path.name for path in strange]
    none = "named after no image"
    return found, [*counted(files, f"label image is {none}", f"label images are {none}")]


def _sub_folder(run: Run, folder: Path, name: str, names: Sequence[str]) -> Path:
    """The one of the sample's name, else the folder itself. A name that several samples' files give is nobody's."""
    if (folder / name).is_dir():
        return folder / name
    files = {other: run.folder.sample_path(run.settings.sample(other)) for other in names}
    common = sample_name(files[name])
    if (folder / common).is_dir():
        several = ", ".join(str(path) for path in files.values() if sample_name(path) == common)
        raise UsageError(
            "Whose truth it is can't be told",
            f"{folder / common} has the name of several samples: {several}.",
            "Give --truth once for each sample, in the samples' order.",
        )
    return folder
