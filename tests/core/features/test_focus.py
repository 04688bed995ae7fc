"""The focus score against blur that is added, against gain and offset, and against simulated defocus."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy.stats import spearmanr

from tui_cytpix.core.features.focus import focus_score
from tui_cytpix.simulate.frames.events import SimulatedEvent, SimulatedSample
from tui_cytpix.simulate.kinds.catalogue import KINDS


def _event(seed: int = 1) -> SimulatedEvent:
    kind = KINDS["murine-peritoneal"]
    alone = replace(kind.arrangement, cluster=(1.0,), coincident=(1.0,), blank=0.0, border=0.0)
    tube = replace(kind.tube, focus_um=(0.5, 0.5), focus_spread_um=(0.1, 0.1), noise=(2.0, 2.0))
    return SimulatedSample(replace(kind, arrangement=alone, tube=tube), 1, seed, 128)[0]


def _flat(event: SimulatedEvent) -> np.ndarray:
    return np.full(event.image.shape, np.median(event.image), np.float32)


@pytest.mark.parametrize("seed", range(4))
def test_blur_lowers_the_score(seed: int):
    event = _event(seed)
    noise = np.random.default_rng(seed).normal(0, 2, event.image.shape)
    scores = []
    for sigma in (0.0, 0.8, 1.6, 3.0):
        image = event.image.astype(np.float32)
        blurred = cv2.GaussianBlur(image, (0, 0), sigma) if sigma else image
        scores.append(focus_score(blurred + noise, event.labels > 0, _flat(event)))
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 1.5 * scores[-1]


def test_gain_and_offset_change_nothing():
    event = _event()
    image, mask, flat = event.image.astype(np.float32), event.labels > 0, _flat(event)
    score = focus_score(image, mask, flat)
    assert 0 < score < 1
    assert focus_score(0.25 * image + 40, mask, 0.25 * flat + 40) == pytest.approx(score, rel=1e-3)
    assert focus_score(image + 25, mask, flat) == pytest.approx(score, rel=1e-3)


def test_noise_alone_is_not_sharp():
    event = _event()
    mask, flat = event.labels > 0, _flat(event)
    sharp = focus_score(event.image, mask, flat)
    soft = cv2.GaussianBlur(event.image.astype(np.float32), (0, 0), 3.0)
    noisy = soft + np.random.default_rng(0).normal(0, 6, soft.shape)
    assert focus_score(noisy, mask, flat) < 0.7 * sharp


def test_without_foreground_there_is_no_score_and_without_structure_none_above_zero():
    flat = np.full((40, 50), 300.0, np.float32)
    assert math.isnan(focus_score(flat, np.zeros(flat.shape, bool), flat))
    mask = np.zeros(flat.shape, bool)
    mask[10:20, 10:30] = True
    assert focus_score(flat.astype(np.uint16), mask, flat) == 0.0


def test_it_follows_the_defocus_of_simulated_tubes():
    found = []
    for seed in range(3):
        kind = KINDS["murine-peritoneal"]
        tube = replace(kind.tube, focus_um=(-0.5, 0.5), focus_spread_um=(2.0, 2.0), channel=0.0)
        sample = SimulatedSample(
            replace(kind, tube=tube, arrangement=replace(kind.arrangement, blank=0.0)), 16, seed, 160
        )
        level = np.float32(sample.tube.level)
        events = [event for event in sample if event.labels.any()]
        scores = [focus_score(e.image, e.labels > 0, level * sample.tube.background) for e in events]
        found.append(spearmanr([-abs(e.meta["defocus_um"]) for e in events], scores).statistic)
    assert np.mean(found) > 0.6
