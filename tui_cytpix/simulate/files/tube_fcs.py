"""The FCS of a simulated tube: the instrument's 59 parameters over all events, imaged or not."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.features.measurement import image_features
from tui_cytpix.core.images.background import background_of
from tui_cytpix.simulate.files.instrument_masks import InstrumentAnswer
from tui_cytpix.simulate.frames.events import SimulatedEvent, SimulatedSample
from tui_cytpix.simulate.frames.tube import BLACK_LEVEL

AREAS = tuple(f"{channel}-A" for channel in ("FSC", "SSC", "BL1", "BL2", "YL1", "YL2", "RL1", "VL1", "VL2", "VL3"))
HEIGHTS = tuple(f"{channel}-H" for channel in ("FSC", "SSC", "BL1", "BL2", "YL1", "RL1", "VL1"))
WIDTHS = tuple(f"{channel}-W" for channel in ("FSC", "SSC", "BL1"))
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
PARAMETERS = ("Event", "Time", *AREAS, *HEIGHTS, *WIDTHS, "ImageFlag", *IMAGE_PARAMETERS)
CYTOMETER = "0A48664 Attune CytPix Flow Cytometer (Lasers: BRV6Y)"
GATE = "Cells"
DETECTOR_RANGE = 1_048_576
_FLUORESCENCE = AREAS[2:]
# Of an image, the masks of it, um per px and the background: the values of `IMAGE_PARAMETERS`, (36,).
Measuring = Callable[[NDArray[np.uint16], InstrumentAnswer, float, NDArray[np.float32]], NDArray[np.floating[Any]]]


def measured(
    image: NDArray[np.uint16], answer: InstrumentAnswer, um_per_px: float, background: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The values of `IMAGE_PARAMETERS` for one image, float32 (36,); 0, as the instrument has it, where there is none.

    Args:
        image: gray levels, (H, W).
        answer: the instrument's masks.
        background: gray levels without particles, (H, W).
    """
    values = image_features(image, answer.objects > 0, answer.centroids, um_per_px, background, answer.confidence)
    return np.nan_to_num(np.array([values[name] for name in IMAGE_PARAMETERS], np.float32))


class TubeFcs:
    """Collects what the images tell, event by event, and writes the tube's FCS with all the events around them.

    Args:
        measuring: how this instrument calculates its image-derived parameters.
    """

    def __init__(self, sample: SimulatedSample, measuring: Measuring = measured) -> None:
        self._sample, self._measuring = sample, measuring
        self._rng = np.random.default_rng([sample.seed, 2])
        images = len(sample)
        # The image gate and the cap leave 7 to 33 % of a tube's events imaged.
        total = round(images / self._rng.uniform(0.08, 0.3)) + 5
        steps = self._rng.choice((1, 2, 3, 7), total, p=(0.94, 0.04, 0.01, 0.01))
        self._ids = np.cumsum(steps)
        # The cap is reached before the tube is empty.
        reached = max(images, round(0.8 * total))
        self._rows = np.sort(self._rng.choice(reached, images, replace=False))
        self.event_ids: tuple[str, ...] = tuple(str(number) for number in self._ids[self._rows])
        self._size, self._grain, self._width = np.zeros((3, images))
        self._image_columns = np.zeros((len(IMAGE_PARAMETERS), images), np.float32)

    def __len__(self) -> int:
        return len(self._ids)

    def record(self, index: int, event: SimulatedEvent, answer: InstrumentAnswer) -> None:
        """Takes the image of number `index` into the table."""
        inside = event.labels > 0
        um = self._sample.kind.um_per_px
        self._size[index] = inside.sum() * um**2
        gray = event.image[inside]
        self._grain[index] = float(gray.std()) / self._sample.tube.level if gray.size else 0.0
        self._width[index] = len(event.centroids)
        level = BLACK_LEVEL / 2 + (self._sample.tube.level - BLACK_LEVEL / 2) * self._sample.tube.background
        background = background_of(event.image, level.astype(np.float32))
        self._image_columns[:, index] = self._measuring(event.image, answer, um, background)

    def write(self, path: Path) -> None:
        from tui_cytpix.formats.fcs.write import write_fcs_new

        total = len(self._ids)
        columns = {
            "Event": self._ids.astype(np.float32),
            "Time": np.sort(self._rng.uniform(0, 60.0 * total, total)).astype(np.float32).round(),
            **self._detectors(),
            "ImageFlag": np.zeros(total, np.float32),
        }
        columns["ImageFlag"][self._rows] = 1
        for name, values in zip(IMAGE_PARAMETERS, self._image_columns, strict=True):
            columns[name] = np.zeros(total, np.float32)
            columns[name][self._rows] = values
        write_fcs_new(path, PARAMETERS, [columns[name] for name in PARAMETERS], self._keywords(path.name))

    def _detectors(self) -> dict[str, NDArray[np.float32]]:
        """Areas, heights and widths: scatter follows the particles' size and texture, also where there is no image."""
        rng, total, images = self._rng, len(self._ids), len(self._rows)
        # Events without an image are of the same cells, and of debris that the image gate keeps out.
        donor = rng.integers(0, images, total)
        donor[self._rows] = np.arange(images)
        debris = rng.random(total) < 0.25
        debris[self._rows] = False
        size = np.maximum(self._size[donor], 4.0) * np.where(debris, rng.uniform(0.01, 0.12, total), 1.0)
        grain = np.maximum(self._grain[donor], 0.02) * rng.lognormal(0, 0.15, total)
        areas = {
            "FSC-A": 2600 * size * rng.lognormal(0, 0.12, total),
            "SSC-A": 14_000 * size**0.8 * grain * rng.lognormal(0, 0.2, total),
        }
        for channel, name in enumerate(_FLUORESCENCE):
            positive = rng.random(total) < (0.4, 0.1, 0.25, 0.1, 0.3, 0.6, 0.1, 0.05)[channel]
            stain = np.where(positive & ~debris, rng.lognormal(9.5, 0.5, total), 0)
            areas[name] = 9 * size * rng.lognormal(0, 0.4, total) + stain + rng.normal(0, 120, total)
        width = 45 * (1 + 0.35 * np.maximum(self._width[donor] - 1, 0)) * rng.lognormal(0, 0.06, total)
        width = np.where(debris, 0.7 * width, width)
        columns = {name: np.clip(values, -DETECTOR_RANGE / 16, DETECTOR_RANGE - 1) for name, values in areas.items()}
        for name in HEIGHTS:
            columns[name] = columns[name[:-1] + "A"] * 45 / width * rng.lognormal(0, 0.03, total)
        for name in WIDTHS:
            columns[name] = width * rng.lognormal(0, 0.04, total)
        return {name: values.astype(np.float32) for name, values in columns.items()}

    def _keywords(self, name: str) -> dict[str, str]:
        kind, seed = self._sample.kind, self._sample.seed
        spilling = (*_FLUORESCENCE, "ImageFlag")  # as on the instrument, wrong as it is
        matrix = ",".join("1" if i == j else "0" for i in range(len(spilling)) for j in range(len(spilling)))
        keywords = {
            "$CYT": CYTOMETER,
            "$CYTSN": "0A48664",
            "$SYS": "tui-cytpix simulator",
            "$DATE": "02-JAN-2025",
            "$BTIM": "09:50:15",
            "$ETIM": "09:52:45",
            "$VOL": str(4 * len(self._ids) * 1000 // 100),
            "$TIMESTEP": "0.001",
            "$SMNO": kind.name,
            "$SRC": f"simulated: {kind.title}",
            "$TR": "FSC,25000",
            "$ORIGINALITY": "Original",
            "$SPILLOVER": f"{len(spilling)},{','.join(spilling)},{matrix}",
            "GUID": str(guid(self._sample, name)),
            "#SIMULATED": f"kind {kind.name}, seed {seed}, no real cells",
        }
        for n, parameter in enumerate(PARAMETERS, start=1):
            if parameter in AREAS or parameter in HEIGHTS:
                keywords[f"$P{n}R"] = str(DETECTOR_RANGE)
            elif parameter in WIDTHS:
                keywords[f"$P{n}R"] = "1024"
        return keywords


def guid(sample: SimulatedSample, what: str) -> uuid.UUID:
    """A GUID that is the same for a kind, seed and number of images."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"tui-cytpix:{sample.kind.name}:{sample.seed}:{len(sample)}:{what}")
