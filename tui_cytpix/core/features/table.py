"""The one table of image-derived parameters: name, label, unit, formula, source."""

from __future__ import annotations

from dataclasses import dataclass

IMAGE, PARTICLE = "image", "particle"

_INSTRUMENT = "Attune CytPix parameter"
_PIXELS = "over all foreground pixels (image), the particle's (particle)"
_LARGEST = "over the largest object (image), the particle (particle)"

_ELLIPSE = "4 sqrt(eigenvalue of the covariance of the pixels, each a unit square), the"
_SQUARES = "each a unit square"
_FERET = "Feret 1930; Walton 1948"
_MATRIX = f"p(i, j): neighbours at 1 px in 4 directions, symmetric, 64 levels of 1/32 of gray/background; {_PIXELS}"
_HARALICK = "Haralick, Shanmugam, Dinstein 1973"


@dataclass(frozen=True)
class Feature:
    """An image-derived parameter.

    Attributes:
        name: as in FCS files and tables, without prefix.
        label: for people.
        unit: of the value; `1` for ratios, `gray` for the image's gray values, `bool` for 0 or 1.
        formula: how it is calculated, and over which pixels.
        source: where the definition is from.
        levels: the tables that have it: `image`, `particle`.
    """

    name: str
    label: str
    unit: str
    formula: str
    source: str
    levels: tuple[str, ...] = (IMAGE, PARTICLE)


_STATISTICS = (
    # name, label, unit ("" = that of the gray values), formula, source
    ("Max", "highest intensity", "", "max g", "order statistic"),
    ("Min", "lowest intensity", "", "min g", "order statistic"),
    ("Total", "summed intensity", "", "sum g", "sum"),
    ("Average", "mean intensity", "", "sum g / n", "mean"),
    ("StandardDeviation", "standard deviation of intensity", "", "sqrt(m2), m_k = sum (g - mean)^k / n", "moments"),
    ("CV", "coefficient of variation of intensity", "%", "100 sqrt(m2) / mean", "moments"),
    ("Skewness", "skewness of intensity", "1", "m3 / m2^1.5", "Fisher-Pearson"),
    ("Kurtosis", "excess kurtosis of intensity", "1", "m4 / m2^2 - 3", "Fisher"),
)


def _intensities() -> list[Feature]:
    rows = []
    kinds = (
        ("", "", "gray", "g = raw gray value; comparable within one bit depth and gain only"),
        ("Normalized", "normalized ", "1", "g = gray / background, 1 is the background"),
    )
    for prefix, word, unit, values in kinds:
        for name, label, own_unit, formula, source in _STATISTICS:
            text = f"{formula}; {values}; {_PIXELS}"
            rows.append(Feature(f"{prefix}{name}Intensity", word + label, own_unit or unit, text, source))
        bins = "256 bins per unit of g" if prefix else "one bin per gray value, so it grows with the bit depth"
        text = f"-sum p log2 p over the histogram, {bins}; {values}; {_PIXELS}"
        label = f"{word}entropy of intensity"
        rows.append(Feature(f"{prefix}EntropyIntensity", label, "bit", text, "Shannon 1948"))
    return rows


FEATURES: tuple[Feature, ...] = (
    *_intensities(),
    Feature("NumPixels", "pixels", "px", f"n; {_PIXELS}", _INSTRUMENT),
    Feature("AreaSquareMicrons", "area", "um2", f"n s^2, s um per px; {_PIXELS}", _INSTRUMENT),
    Feature(
        "PerimeterMicrons",
        "perimeter",
        "um",
        f"s pi/8 (N0 + N90 + (N45 + N135) / sqrt 2), N boundary crossings of pixel lines; {_LARGEST}",
        "Crofton; Legland, Kieu, Devaux 2007",
    ),
    Feature(
        "MajorDiameterMicrons",
        "longest axis",
        "um",
        f"s {_ELLIPSE} larger: major axis of the second-moment ellipse. The size cutoff holds for it; {_LARGEST}",
        "Hu 1962",
    ),
    Feature("MinorDiameterMicrons", "shortest axis", "um", f"s {_ELLIPSE} smaller; {_LARGEST}", "Hu 1962"),
    Feature(
        "MaxFeretDiameterMicrons",
        "largest Feret diameter",
        "um",
        f"s times the largest distance between two parallel lines that hold the pixels, {_SQUARES}; {_LARGEST}",
        _FERET,
    ),
    Feature(
        "MinFeretDiameterMicrons",
        "smallest Feret diameter",
        "um",
        f"s times the smallest distance between two parallel lines that hold the pixels, {_SQUARES}; {_LARGEST}",
        _FERET,
    ),
    Feature("MinorMajorRatioPercent", "axis ratio", "%", f"100 minor / major; {_LARGEST}", _INSTRUMENT),
    Feature("EccentricityPercent", "eccentricity", "%", f"100 sqrt(1 - (minor / major)^2); {_LARGEST}", "ellipse"),
    Feature(
        "CircularityPercent",
        "circularity",
        "%",
        f"100 * 4 pi area / perimeter^2, at most 100; {_LARGEST}",
        "Cox 1927",
    ),
    Feature(
        "UncutCircularityPercent",
        "circularity, uncut",
        "%",
        f"100 * 4 pi area / perimeter^2, above 100 where the perimeter of few pixels comes out short; {_LARGEST}",
        "Cox 1927",
    ),
    Feature(
        "PseudoDiameterMicrons",
        "diameter of the disc of equal area",
        "um",
        f"2 s sqrt(n / pi); {_LARGEST}",
        _INSTRUMENT,
    ),
    Feature(
        "GyrationRadiusWeighted",
        "weighted radius of gyration",
        "px",
        f"sqrt(sum w r^2 / sum w) about the weighted mean position, w = |gray - background|; {_LARGEST}",
        "radius of gyration",
    ),
    Feature("MaximumCoOccurrence", "co-occurrence maximum", "1", f"max p; {_MATRIX}", _HARALICK),
    Feature("ContrastCoOccurrence", "co-occurrence contrast", "1", f"sum (i - j)^2 p; {_MATRIX}", _HARALICK),
    Feature("EntropyCoOccurrence", "co-occurrence entropy", "bit", f"-sum p log2 p; {_MATRIX}", _HARALICK),
    Feature("AngularSecondMomentCoOccurrence", "angular second moment", "1", f"sum p^2; {_MATRIX}", _HARALICK),
    Feature("ParticleCount", "particles", "1", "centroids in the image", _INSTRUMENT, (IMAGE,)),
    Feature("ObjectCount", "objects", "1", "8-connected regions of the mask", _INSTRUMENT, (IMAGE,)),
    Feature("ClumpIndexMax", "largest clump index", "1", "most centroids in one object", _INSTRUMENT, (IMAGE,)),
    Feature("ClumpIndex", "clump index", "1", "centroids in the object", _INSTRUMENT, (PARTICLE,)),
    Feature("IsOnBorder", "cut by the border", "bool", "1 where foreground lies on the image's edge", _INSTRUMENT),
    Feature("IsProcessable", "can be processed", "bool", "1 where the gray varies", _INSTRUMENT, (IMAGE,)),
    Feature("IsProcessed", "was processed", "bool", "1 for every image that was segmented", _INSTRUMENT, (IMAGE,)),
    Feature(
        "ConfidenceScore",
        "confidence",
        "1",
        "the model's, 0..1: a probability or a rank, as its card says",
        _INSTRUMENT,
    ),
    Feature(
        "FocusScore",
        "focus",
        "1",
        "share of fine detail (core.features.focus), 0..1, larger is sharper",
        "own",
        (IMAGE,),
    ),
    Feature("ObjectIndex", "object", "1", "number of the object in the image, from 1", "own", (PARTICLE,)),
    Feature("ParticleIndex", "particle", "1", "number of the particle in the image, from 1", "own", (PARTICLE,)),
    Feature("CentroidXPixels", "centroid x", "px", "column, pixel centres at whole numbers", "own", (PARTICLE,)),
    Feature("CentroidYPixels", "centroid y", "px", "row, pixel centres at whole numbers", "own", (PARTICLE,)),
    Feature("CentroidOffsetPixels", "offset", "px", "centroid to mean of pixels", "own", (PARTICLE,)),
)


def names(level: str) -> tuple[str, ...]:
    """The names of a level's features (`image` or `particle`), in the table's order."""
    return tuple(feature.name for feature in FEATURES if level in feature.levels)
