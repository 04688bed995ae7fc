"""The image-derived parameters of the instrument's FCS, measured on its masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.features.measurement import image_features
from tui_cytpix.simulate.files.instrument_masks import InstrumentView

_INTENSITY = ("Max", "Min", "Total", "Average", "StandardDeviation", "CV", "Skewness", "Kurtosis", "Entropy")
IMAGE_PARAMETERS = (
    *(f"{name}Intensity" for name in _INTENSITY),
    *(f"Normalized{name}Intensity" for name in ("Max", "Min", "Total", "Average", "StandardDeviation", "CV")),
    "NumPixels",
    "AreaSquareMicrons",
    "PerimeterMicrons",
    "MajorDiameterMicrons",
    "MinorDiameterMicrons",
    "MinorMajorRatioPercent",
    "EccentricityPercent",
    "CircularityPercent",
    "PseudoDiameterMicrons",
    "GyrationRadiusWeighted",
    "MaximumCoOccurrence",
    "ContrastCoOccurrence",
    "EntropyCoOccurrence",
    "AngularSecondMomentCoOccurrence",
    "ParticleCount",
    "ObjectCount",
    "ClumpIndexMax",
    "IsOnBorder",
    "IsProcessable",
    "IsProcessed",
    "ConfidenceScore",
)


def measure(
    image: NDArray[np.uint16], view: InstrumentView, um_per_px: float, background: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The values of `IMAGE_PARAMETERS` for one image, float32 (36,); 0, as the instrument has it, where there is none.

    Args:
        image: gray levels, (H, W).
        view: the instrument's masks.
        background: gray levels without particles, (H, W).
    """
    values = image_features(image, view.objects > 0, view.centroids, um_per_px, background, view.confidence)
    return np.nan_to_num(np.array([values[name] for name in IMAGE_PARAMETERS], np.float32))
