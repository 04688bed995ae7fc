"""A network's maps of whole images, for comparisons: the product looks at parts of images only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tui_cytpix.engine.predict.inference import Predictor


def maps_of(predictor: Predictor, grays: Sequence[np.ndarray], zoom: float = 1.0) -> list[np.ndarray]:
    """Of normalised images of any sizes, float32 (3, H, W) each; 0 where the network did not look."""
    answers = []
    parts = predictor.parts([predictor.plan(gray, zoom) for gray in grays])
    for gray, (box, part) in zip(grays, parts, strict=True):
        whole = np.zeros((len(part), *gray.shape), np.float32)
        whole[:, *box.slices] = part
        answers.append(whole)
    return answers
