"""Parameters of a gallery's images: the features themselves, measured once."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "ui"))
from fakes import build_run, events, keys, segmentation_of

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.workflow.run.measures import Measures, properties
from tui_cytpix.workflow.run.run import Run


def test_values_are_those_of_the_masks(tmp_path, monkeypatch):
    path, _ = build_run(tmp_path / "run", 4)
    with Run.open(path) as run:
        measures = Measures(run)
        shown = [(key, segmentation_of(event)) for key, event in zip(keys(4), events(4), strict=True)]
        told = []
        found = measures.values("AreaSquareMicrons", shown, lambda done, total: told.append((done, total)))
        for key, segmentation in shown:
            assert found[key] == pytest.approx(segmentation.mask.sum() * 0.3**2)
        assert told[-1] == (4, 4)
        monkeypatch.setattr(run.images, "read", lambda _key: pytest.fail("measured twice"))
        assert measures.values("ParticleCount", shown) == {key: s.particle_count for key, s in shown}


def test_what_is_unknown_has_no_value(tmp_path):
    path, _ = build_run(tmp_path / "run", 2)
    with Run.open(path) as run:
        segmentation = segmentation_of(events(2)[0])
        gone = ImageKey("tube", "no such event")
        found = Measures(run).values("NumPixels", [(keys(2)[0], None), (gone, segmentation)])
        assert all(math.isnan(value) for value in found.values())
    assert {"NumPixels", "FocusScore", "ConfidenceScore"} <= {p.name for p in properties()}
