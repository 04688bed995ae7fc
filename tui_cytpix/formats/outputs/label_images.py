"""A folder of label images, `EVENT.png`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tui_cytpix.formats.bytes.atomic import replacing_folder
from tui_cytpix.formats.bytes.names import file_name
from tui_cytpix.formats.masks.label_images import encode_label_image
from tui_cytpix.formats.outputs.output import About, Findings

Files = list[tuple[str, bytes]]  # names and contents


def encode(found: Findings) -> Files:
    return [(file_name(one.event, ".png"), encode_label_image(one.labels)) for one in found.answers()]


@contextlib.contextmanager
def written(paths: Sequence[Path], _about: About) -> Iterator[Callable[[Files], None]]:
    (path,) = paths
    with replacing_folder(path) as aside:

        def add(files: Files) -> None:
            for name, png in files:
                (aside / name).write_bytes(png)

        yield add
