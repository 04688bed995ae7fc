"""Particles as COCO instances (cocodataset.org): one JSON with the images, and a mask, a box and an area for each
particle. Masks are run lengths in columns, uncompressed, which every reader of COCO takes.

Images and annotations come together and stand apart in the file: the annotations wait in a second file, so that memory
doesn't grow with the sample.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.objects.regions import boxes
from tui_cytpix.domain.segmentation import MAX_PARTICLES
from tui_cytpix.formats.bytes.atomic import replacing, scratch_folder
from tui_cytpix.formats.outputs.output import About, Answer, Findings

PARTICLE = {"id": 1, "name": "particle", "supercategory": "object"}
Lines = tuple[list[str], list[str]]  # of images and of annotations


def encode(found: Findings) -> Lines:
    images, annotations = [], []
    for one in found.answers():
        labels = one.labels
        height, width = labels.shape
        name = f"{one.event}{one.suffix}"
        image = {"id": one.number, "file_name": name, "width": width, "height": height, "event": one.event}
        images.append(_line(image))
        annotations += [_line(annotation) for annotation in _annotations(one, labels)]
    return images, annotations


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _annotations(one: Answer, labels: NDArray[np.uint16]) -> Iterator[dict[str, Any]]:
    """Of each particle that has pixels. Ids follow from the image's, so that other images don't change them."""
    segmentation, (height, width) = one.segmentation, labels.shape
    for particle, box in enumerate(boxes(labels.astype(np.int32), segmentation.particle_count), start=1):
        own = labels[box.slices] == particle
        xs, ys = np.nonzero(own.T)  # column by column
        if not len(xs):
            continue
        y, x = segmentation.centroids[particle - 1].tolist()
        annotation = {
            "id": one.number * (MAX_PARTICLES + 1) + particle,
            "image_id": one.number,
            "category_id": PARTICLE["id"],
            "segmentation": {
                "size": [height, width],
                "counts": _run_lengths((xs + box.x0) * height + ys + box.y0, labels.size),
            },
            "area": len(xs),
            "bbox": [box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0],
            "iscrowd": 0,
            "centroid": [round(x, 2), round(y, 2)],
            "particle": particle,
        }
        if len(segmentation.particle_confidence):
            annotation["score"] = round(float(segmentation.particle_confidence[particle - 1]), 4)
        yield annotation


def _run_lengths(positions: NDArray[np.intp], pixels: int) -> list[int]:
    """Background, particle, background, ... of an image of so many pixels, of which some (N,), ascending, are the
    particle's.
    """
    breaks = np.flatnonzero(np.diff(positions) != 1)
    starts, ends = positions[np.r_[0, breaks + 1]], positions[np.r_[breaks, len(positions) - 1]] + 1
    edges = np.stack([starts, ends], axis=1).ravel()
    lengths = np.diff(edges, prepend=0, append=pixels)
    return [int(n) for n in (lengths if lengths[-1] else lengths[:-1])]


@dataclass
class _List:
    """Lines of a JSON list, one by one."""

    file: TextIO
    begun: bool = False

    def add(self, lines: Sequence[str]) -> None:
        for line in lines:
            self.file.write(f",\n{line}" if self.begun else f"\n{line}")
            self.begun = True


@contextlib.contextmanager
def written(paths: Sequence[Path], about: About) -> Iterator[Callable[[Lines], None]]:
    (path,) = paths
    head = {
        "info": {"description": f"Particles in the images of {about.sample}", **about.keywords},
        "licenses": [],
        "categories": [PARTICLE],
    }
    with replacing(path) as aside, scratch_folder(path.parent) as scratch:
        waiting = scratch / "annotations"
        with aside.open("w", encoding="ascii") as file, waiting.open("w+", encoding="ascii") as second:
            file.write(_line(head)[:-1] + ',"images":[')
            images, annotations = _List(file), _List(second)

            def add(lines: Lines) -> None:
                images.add(lines[0])
                annotations.add(lines[1])

            yield add
            file.write('],"annotations":[')
            second.seek(0)
            shutil.copyfileobj(second, file)
            file.write("]}\n")
