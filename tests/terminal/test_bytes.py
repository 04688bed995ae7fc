"""What a key costs on the wire: loose bounds that a slow link can live with."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from terminals import Terminal, until

from tui_cytpix.formats.run.folder import RunFolder
from tui_cytpix.formats.run.predictions import PredictionStore

SIZE = (160, 50)
QUIET_LOOKS = 10


def written(window: Terminal, record: Path) -> int:
    """Bytes so far, once no more come."""
    sizes: list[int] = []

    def quiet() -> bool:
        sizes.append(record.stat().st_size)
        return len(sizes) > QUIET_LOOKS and len(set(sizes[-QUIET_LOOKS:])) == 1

    until(quiet, lambda: f"it never stops writing\n{window.screen()}")
    return sizes[-1]


def costs(window: Terminal, record: Path, keys: str) -> list[int]:
    """Bytes that each key brings."""
    sizes = [written(window, record)]
    for key in keys:
        window.press(key)
        until(lambda: record.stat().st_size > sizes[-1], window.screen)
        sizes.append(written(window, record))
    return [after - before for before, after in pairwise(sizes)]


def wait_for_predictions(run: Path) -> None:
    """Thumbnails that fill meanwhile would count too."""
    folder = RunFolder(run)
    settings = folder.read_settings()
    wanted = set(settings.selection.images)
    store = folder.predictions(settings.base_model.hash)
    until(lambda: wanted <= set(PredictionStore(store).keys()), lambda: f"not all have an answer: {store}")


@pytest.mark.slow
def test_bytes_a_key(terminal, run, tmp_path):
    record = tmp_path / "bytes"
    shutil.rmtree(run / "predictions")  # asked for anew: when they have come, thumbnails have, too
    window = terminal(run, size=SIZE, COLORTERM="truecolor")
    window.wait("10 annotated: 8 train")
    wait_for_predictions(run)
    record.touch()
    window.record(record)
    in_gallery = costs(window, record, "ljk")
    window.press("a")
    window.wait(r"column \d+", r"\d particles?,")
    window.press("Z Z Z Z Z Z")  # the whole image: a view that follows the crosshair is another picture
    in_editor = costs(window, record, "ljLJ")
    assert max(*in_gallery, *in_editor) < 15_000, (in_gallery, in_editor)
