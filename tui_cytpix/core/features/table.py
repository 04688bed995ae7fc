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
class Range:
    """`$PnR` in an FCS: a power of two above the values that images of single passages give, and `why` it is that.

    It is the same for every sample, so that an FCS depends on its own sample only, and plots of several have one axis.
    Where a bound exists it is above that; the floats are written as they are, also where one lies beyond.
    """

    above: int
    why: str


_SHARE = Range(2, "0 to 1")
_PERCENT = Range(256, "0 to 100 %; the perimeter of a few pixels makes it some more where it isn't cut")
_COUNT = Range(256, "more particles than one event's image holds")
_GRAY = Range(1 << 16, "gray values have at most 16 bits")
_GRAY_SUM = Range(1 << 32, "16 bits on 65,536 px, an object of 256 x 256")
_RATIO = Range(16, "sixteen times as bright as the background")
_RATIO_SUM = Range(1 << 20, "sixteen times as bright on 65,536 px")
_CV = Range(1024, "ten times the mean")
_SKEWNESS = Range(256, "at most the root of the number of pixels, of 65,536")
_KURTOSIS = Range(1 << 16, "at most the number of pixels, of 65,536")
_ENTROPY = Range(32, "at most 16 bits, all gray values alike often")
_CONTRAST = Range(4096, "at most 63 squared, as there are 64 levels")
_FRAME = Range(1 << 20, "the pixels of a frame of 1024 x 1024")
_SIDE = Range(1024, "the side of a frame of 1024 x 1024")
_LENGTH = Range(1024, "twice a field of half a millimetre")
_AREA = Range(1 << 18, "a field of half a millimetre square")


@dataclass(frozen=True)
class Feature:
    """An image-derived parameter.

    Attributes:
        name: as in FCS files and tables, without prefix.
        label: for people.
        unit: of the value; `1` for ratios, `gray` for the image's gray values, `bool` for 0 or 1.
        range: of the values, in an FCS.
        formula: how it is calculated, and over which pixels.
        source: where the definition is from.
        levels: the tables that have it: `image`, `particle`.
    """

    name: str
    label: str
    unit: str
    range: Range
    formula: str
    source: str
    levels: tuple[str, ...] = (IMAGE, PARTICLE)


_STATISTICS = (
    # name, label, unit ("" = that of the gray values), ranges (of gray, of gray / background), formula, source
    ("Max", "highest intensity", "", (_GRAY, _RATIO), "max g", "order statistic"),
    ("Min", "lowest intensity", "", (_GRAY, _RATIO), "min g", "order statistic"),
    ("Total", "summed intensity", "", (_GRAY_SUM, _RATIO_SUM), "sum g", "sum"),
    ("Average", "mean intensity", "", (_GRAY, _RATIO), "sum g / n", "mean"),
    (
        "StandardDeviation",
        "standard deviation of intensity",
        "",
        (_GRAY, _RATIO),
        "sqrt(m2), m_k = sum (g - mean)^k / n",
        "moments",
    ),
    ("CV", "coefficient of variation of intensity", "%", (_CV, _CV), "100 sqrt(m2) / mean", "moments"),
    ("Skewness", "skewness of intensity", "1", (_SKEWNESS, _SKEWNESS), "m3 / m2^1.5", "Fisher-Pearson"),
    ("Kurtosis", "excess kurtosis of intensity", "1", (_KURTOSIS, _KURTOSIS), "m4 / m2^2 - 3", "Fisher"),
)


def _intensities() -> list[Feature]:
    rows = []
    kinds = (
        (0, "", "", "gray", "g = raw gray value; comparable within one bit depth and gain only"),
        (1, "Normalized", "normalized ", "1", "g = gray / background, 1 is the background"),
    )
    for kind, prefix, word, unit, values in kinds:
        for name, label, own_unit, ranges, formula, source in _STATISTICS:
            text = f"{formula}; {values}; {_PIXELS}"
            found = own_unit or unit
            rows.append(Feature(f"{prefix}{name}Intensity", word + label, found, ranges[kind], text, source))
        bins = "256 bins per unit of g" if prefix else "one bin per gray value, so it grows with the bit depth"
        text = f"-sum p log2 p over the histogram, {bins}; {values}; {_PIXELS}"
        label = f"{word}entropy of intensity"
        rows.append(Feature(f"{prefix}EntropyIntensity", label, "bit", _ENTROPY, text, "Shannon 1948"))
    return rows


FEATURES: tuple[Feature, ...] = (
    *_intensities(),
    Feature("NumPixels", "pixels", "px", _FRAME, f"n; {_PIXELS}", _INSTRUMENT),
    Feature("AreaSquareMicrons", "area", "um2", _AREA, f"n s^2, s um per px; {_PIXELS}", _INSTRUMENT),
    Feature(
        "PerimeterMicrons",
        "perimeter",
        "um",
        _LENGTH,
        f"s pi/8 (N0 + N90 + (N45 + N135) / sqrt 2), N boundary crossings of pixel lines; {_LARGEST}",
        "Crofton; Legland, Kieu, Devaux 2007",
    ),
    Feature(
        "MajorDiameterMicrons",
        "longest axis",
        "um",
        _LENGTH,
        f"s {_ELLIPSE} larger: major axis of the second-moment ellipse. The size cutoff holds for it; {_LARGEST}",
        "Hu 1962",
    ),
    Feature("MinorDiameterMicrons", "shortest axis", "um", _LENGTH, f"s {_ELLIPSE} smaller; {_LARGEST}", "Hu 1962"),
    Feature(
        "MaxFeretDiameterMicrons",
        "largest Feret diameter",
        "um",
        _LENGTH,
        f"s times the largest distance between two parallel lines that hold the pixels, {_SQUARES}; {_LARGEST}",
        _FERET,
    ),
    Feature(
        "MinFeretDiameterMicrons",
        "smallest Feret diameter",
        "um",
        _LENGTH,
        f"s times the smallest distance between two parallel lines that hold the pixels, {_SQUARES}; {_LARGEST}",
        _FERET,
    ),
    Feature("MinorMajorRatioPercent", "axis ratio", "%", _PERCENT, f"100 minor / major; {_LARGEST}", _INSTRUMENT),
    Feature(
        "EccentricityPercent", "eccentricity", "%", _PERCENT, f"100 sqrt(1 - (minor / major)^2); {_LARGEST}", "ellipse"
    ),
    Feature(
        "CircularityPercent",
        "circularity",
        "%",
        _PERCENT,
        f"100 * 4 pi area / perimeter^2, at most 100; {_LARGEST}",
        "Cox 1927",
    ),
    Feature(
        "UncutCircularityPercent",
        "circularity, uncut",
        "%",
        _PERCENT,
        f"100 * 4 pi area / perimeter^2, above 100 where the perimeter of few pixels comes out short; {_LARGEST}",
        "Cox 1927",
    ),
    Feature(
        "PseudoDiameterMicrons",
        "diameter of the disc of equal area",
        "um",
        _LENGTH,
        f"2 s sqrt(n / pi); {_LARGEST}",
        _INSTRUMENT,
    ),
    Feature(
        "GyrationRadiusWeighted",
        "weighted radius of gyration",
        "px",
        _SIDE,
        f"sqrt(sum w r^2 / sum w) about the weighted mean position, w = |gray - background|; {_LARGEST}",
        "radius of gyration",
    ),
    Feature("MaximumCoOccurrence", "co-occurrence maximum", "1", _SHARE, f"max p; {_MATRIX}", _HARALICK),
    Feature("ContrastCoOccurrence", "co-occurrence contrast", "1", _CONTRAST, f"sum (i - j)^2 p; {_MATRIX}", _HARALICK),
    Feature("EntropyCoOccurrence", "co-occurrence entropy", "bit", _ENTROPY, f"-sum p log2 p; {_MATRIX}", _HARALICK),
    Feature("AngularSecondMomentCoOccurrence", "angular second moment", "1", _SHARE, f"sum p^2; {_MATRIX}", _HARALICK),
    Feature("ParticleCount", "particles", "1", _COUNT, "centroids in the image", _INSTRUMENT, (IMAGE,)),
    Feature("ObjectCount", "objects", "1", _COUNT, "8-connected regions of the mask", _INSTRUMENT, (IMAGE,)),
    Feature("ClumpIndexMax", "largest clump index", "1", _COUNT, "most centroids in one object", _INSTRUMENT, (IMAGE,)),
    Feature("ClumpIndex", "clump index", "1", _COUNT, "centroids in the object", _INSTRUMENT, (PARTICLE,)),
    Feature(
        "IsOnBorder", "cut by the border", "bool", _SHARE, "1 where foreground lies on the image's edge", _INSTRUMENT
    ),
    Feature("IsProcessable", "can be processed", "bool", _SHARE, "1 where the gray varies", _INSTRUMENT, (IMAGE,)),
    Feature(
        "IsProcessed", "was processed", "bool", _SHARE, "1 for every image that was segmented", _INSTRUMENT, (IMAGE,)
    ),
    Feature(
        "ConfidenceScore",
        "confidence",
        "1",
        _SHARE,
        "the model's, 0..1: a probability or a rank, as its card says",
        _INSTRUMENT,
    ),
    Feature(
        "FocusScore",
        "focus",
        "1",
        _SHARE,
        "share of fine detail (core.features.focus), 0..1, larger is sharper",
        "own",
        (IMAGE,),
    ),
    Feature("ObjectIndex", "object", "1", _COUNT, "number of the object in the image, from 1", "own", (PARTICLE,)),
    Feature(
        "ParticleIndex", "particle", "1", _COUNT, "number of the particle in the image, from 1", "own", (PARTICLE,)
    ),
    Feature("CentroidXPixels", "centroid x", "px", _SIDE, "column, pixel centres at whole numbers", "own", (PARTICLE,)),
    Feature("CentroidYPixels", "centroid y", "px", _SIDE, "row, pixel centres at whole numbers", "own", (PARTICLE,)),
    Feature("CentroidOffsetPixels", "offset", "px", _SIDE, "centroid to mean of pixels", "own", (PARTICLE,)),
)


def names(level: str) -> tuple[str, ...]:
    """The names of a level's features (`image` or `particle`), in the table's order."""
    return tuple(feature.name for feature in FEATURES if level in feature.levels)
