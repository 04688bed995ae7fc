"""The functions of the compiled library; where it is absent (`why_absent`), the plain code does their work.

Each is named as its plain counterpart, which tests/core/kernel compares it with, and checks types and sizes before C
sees them. While they work other threads of Python may.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.kernel.build import LIBRARY, sources_hash

_FAILED, _NOT_HERE = -1, 1
_GRAYS = (np.dtype(np.uint8), np.dtype(np.uint16))
_LABELS = (np.dtype(np.bool_), *_GRAYS, np.dtype(np.int32))
MEASURES = 37  # columns of `measure`
WIDEST_CELLS = 31
_ADDRESS, _SIZE, _STEP = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_ssize_t
_INT, _DOUBLE = ctypes.c_int, ctypes.c_double
_ARRAY = (_ADDRESS, _INT, _STEP)  # of an image: where it begins, bytes of a pixel, from row to row
_FUNCTIONS = {
    "normalise": (_ADDRESS, _INT, _ADDRESS, _SIZE, _SIZE, _ADDRESS, _ADDRESS),
    "busy_cells": (_ADDRESS, _SIZE, _SIZE, _SIZE, _DOUBLE, _DOUBLE, _ADDRESS, _ADDRESS),
    "place_maps": (_ADDRESS, _SIZE, _SIZE, _SIZE, _ADDRESS, _ADDRESS, _STEP, _SIZE, _SIZE, _ADDRESS, _STEP, _STEP),
    "owners": (
        *(_ADDRESS, _ADDRESS, _STEP, _STEP, _ADDRESS, _STEP, _STEP, _SIZE, _SIZE),
        *(_ADDRESS, _SIZE, _DOUBLE, _ADDRESS, _ADDRESS),
    ),
    "particle_sums": (
        *(_ADDRESS, _STEP, _STEP, _ADDRESS, _INT, _STEP, _SIZE, _SIZE, _SIZE),
        *(_DOUBLE, _ADDRESS, _ADDRESS),
    ),
    "mask_clearness": (_ADDRESS, _ADDRESS, _SIZE, ctypes.c_float, _ADDRESS),
    "measure": (*_ARRAY, _ADDRESS, _STEP, *_ARRAY, _SIZE, _SIZE, _SIZE, _ADDRESS),
}
_MOST_PX = 1 << 31


@functools.cache
def _loaded() -> tuple[ctypes.CDLL | None, str]:
    """The library, or why there is none."""
    if not LIBRARY.exists():
        return None, "it was not compiled"
    try:
        library = ctypes.CDLL(str(LIBRARY))
        library.sources_hash.restype = ctypes.c_uint32
        if library.sources_hash() != sources_hash():
            return None, "it was compiled from other sources"
        for name, arguments in _FUNCTIONS.items():
            function = getattr(library, name)
            function.argtypes, function.restype = arguments, _INT
    except (OSError, AttributeError) as error:
        return None, f"it can't be loaded ({error})"
    return library, ""


def why_absent() -> str:
    """Why the library isn't there, in words; "" where it is."""
    return _loaded()[1]


def absence() -> str:
    """`why_absent` in a sentence for people, with the way out; "" where it is there."""
    why = why_absent()
    way_out = "Where there is a C compiler (cc, gcc or clang), install tui-cytpix again."
    return f"Images are processed more slowly, as the compiled library is not in use: {why}. {way_out}" if why else ""


def normalise(
    image: NDArray[np.generic], background: NDArray[np.float32]
) -> tuple[NDArray[np.float32], float, float] | None:
    """As core.images.normalise.normalise_knowing_noise; None where that has to do it: no library, other types, an image
    of which a part may be unlit.
    """
    library = _loaded()[0]
    if library is None or image.dtype not in _GRAYS or not 0 < image.size < _MOST_PX or background.dtype != np.float32:
        return None
    if image.ndim != 2 or image.shape != background.shape:
        raise ValueError(f"an image of {image.shape} and a background of {background.shape}")
    image, background = np.ascontiguousarray(image), np.ascontiguousarray(background)
    gray, told = np.empty(image.shape, np.float32), (ctypes.c_double * 2)()
    done = library.normalise(
        image.ctypes.data, image.itemsize, background.ctypes.data, *image.shape, gray.ctypes.data, told
    )
    return (gray, told[0], told[1]) if _is_done(done) else None


def busy_cells(
    normalised: NDArray[np.float32], cell: int, white: float, quiet_share: float, measures: NDArray[np.float64]
) -> NDArray[np.bool_] | None:
    """As core.images.differing_regions.plain_busy_cells, bool (rows, columns); None where that has to do it.

    Args:
        measures: (2, 4), of the texture and of the shade: window, odd, times, faintest, loudest.
    """
    library = _loaded()[0]
    if library is None or normalised.dtype != np.float32 or not 0 < normalised.size < _MOST_PX:
        return None
    windows = measures[:, 0]
    if normalised.ndim != 2 or cell < 1 or measures.shape != (2, 4) or (windows % 2 != 1).any():
        raise ValueError(f"an image of {normalised.shape}, cells of {cell}, windows of {windows}")
    if (windows > WIDEST_CELLS).any():
        return None
    image, told = np.ascontiguousarray(normalised), np.ascontiguousarray(measures, np.float64)
    busy = np.empty([-(-side // cell) for side in image.shape], np.bool_)
    done = library.busy_cells(
        image.ctypes.data, *image.shape, cell, white, quiet_share, told.ctypes.data, busy.ctypes.data
    )
    return busy if _is_done(done) else None


def measure(
    grays: Sequence[NDArray[np.generic]],
    backgrounds: Sequence[NDArray[np.float32]],
    labels: Sequence[NDArray[Any] | None],
    counts: Sequence[int],
) -> NDArray[np.float64] | None:
    """What core.features.sums.plain_sums is made of, (sum of `counts`, MEASURES), the number of pixels first: 0 for a
    region without any, of which the rest is NaN. None where that has to do it: no library, other types.
    """
    library = _loaded()[0]
    if library is None:
        return None
    found = np.full((sum(counts), MEASURES), np.nan)
    found[:, 0], row = 0, 0
    for gray, background, label, count in zip(grays, backgrounds, labels, counts, strict=True):
        first, row = row, row + count
        if label is None or not count or not gray.size:
            continue
        if gray.dtype not in _GRAYS or background.dtype != np.float32 or label.dtype not in _LABELS:
            return None
        if not gray.shape == background.shape == label.shape or gray.ndim != 2 or gray.size >= _MOST_PX:
            raise ValueError(f"an image of {gray.shape}, a background of {background.shape}, labels of {label.shape}")
        image, behind, numbers = _in_rows(gray), _in_rows(background), _in_rows(label)
        done = library.measure(
            *(image.ctypes.data, image.itemsize, image.strides[0], behind.ctypes.data, behind.strides[0]),
            *(numbers.ctypes.data, numbers.itemsize, numbers.strides[0], *gray.shape, count, found[first:].ctypes.data),
        )
        if not _is_done(done):
            raise ValueError(f"a label is above {count}")
    return found


def place_maps(
    crop: NDArray[np.float32],
    placing: tuple[float, float, float, float],
    own: NDArray[np.bool_],
    target: NDArray[np.float32],
) -> bool:
    """As engine.predict.inference.plainly_placed; false where that has to do it.

    Args:
        crop: (M, height, width).
        placing: scale and first place in y, then in x: the region's pixel i lies at scale (i + 1/2) + first.
        own: (h, w).
        target: (M, h, w), written to.
    """
    library = _loaded()[0]
    if library is None or crop.dtype != np.float32 or target.dtype != np.float32 or own.dtype != np.bool_:
        return False
    if crop.ndim != 3 or not all(crop.shape) or target.shape != (len(crop), *own.shape) or not target.flags.writeable:
        raise ValueError(f"maps of {crop.shape} for {own.shape} in {target.shape}")
    if target.size and target.strides[2] != target.itemsize:
        raise ValueError("the target's rows are not in one piece")
    maps, inside = np.ascontiguousarray(crop), _in_rows(own)
    done = library.place_maps(
        *(maps.ctypes.data, *maps.shape, (ctypes.c_double * 4)(*placing), inside.ctypes.data, inside.strides[0]),
        *(*own.shape, target.ctypes.data, *target.strides[:2]),
    )
    return _is_done(done)


def owners(
    field: NDArray[np.float32], inside: NDArray[np.bool_], least_share: float, element: NDArray[np.uint8]
) -> tuple[NDArray[np.uint16], int, float] | None:
    """As engine.network.flows.plain_owners; None where that has to do it.

    Args:
        element: (2 radius + 1, 2 radius + 1), what belongs to the place where a pixel ends.
    """
    library = _loaded()[0]
    if library is None or field.dtype != np.float32 or inside.dtype != np.bool_ or not inside.any():
        return None
    if field.shape != (2, *inside.shape) or inside.size >= _MOST_PX:
        raise ValueError(f"vectors of {field.shape} for an object of {inside.shape}")
    if element.dtype != np.uint8 or element.ndim != 2 or len(set(element.shape)) > 1 or len(element) % 2 == 0:
        raise ValueError(f"an element of {element.shape}")
    places, told = np.ascontiguousarray(element), (ctypes.c_double * 2)()
    labels = np.zeros(inside.shape, np.uint16)
    done = library.owners(
        *(field[0].ctypes.data, field[1].ctypes.data, *field.strides[1:], inside.ctypes.data, *inside.strides),
        *(*inside.shape, places.ctypes.data, len(places) // 2, least_share, labels.ctypes.data, told),
    )
    return (labels, int(told[0]), told[1]) if _is_done(done) else None


def particle_sums(
    maps: NDArray[np.float32], labels: NDArray[Any], count: int, near: float
) -> tuple[NDArray[np.float64], bool] | None:
    """As engine.network.postprocess.plain_sums; None where that has to do it."""
    library = _loaded()[0]
    if library is None or maps.dtype != np.float32 or labels.dtype not in (np.bool_, np.uint16):
        return None
    if maps.shape != (3, *labels.shape):
        raise ValueError(f"maps of {maps.shape} for labels of {labels.shape}")
    if maps.size and maps.strides[2] != maps.itemsize:
        maps = np.ascontiguousarray(maps)
    inside, found, is_one = _in_rows(labels), np.zeros((count, 5)), ctypes.c_int()
    done = library.particle_sums(
        *(maps.ctypes.data, *maps.strides[:2], inside.ctypes.data, inside.itemsize, inside.strides[0]),
        *(*labels.shape, count, near, found.ctypes.data, ctypes.byref(is_one)),
    )
    if not _is_done(done):
        raise ValueError(f"a label is above {count}")
    return found, bool(is_one)


def mask_clearness(probability: NDArray[np.float32], mask: NDArray[np.bool_], likely: float) -> float | None:
    """As engine.network.postprocess.plain_clearness; None where that has to do it."""
    library = _loaded()[0]
    if library is None or probability.dtype != np.float32 or mask.dtype != np.bool_:
        return None
    if probability.shape != mask.shape:
        raise ValueError(f"probabilities of {probability.shape} and a mask of {mask.shape}")
    values, inside, clearness = np.ascontiguousarray(probability), np.ascontiguousarray(mask), ctypes.c_double()
    library.mask_clearness(values.ctypes.data, inside.ctypes.data, mask.size, likely, ctypes.byref(clearness))
    return clearness.value


def _in_rows(image: NDArray[Any]) -> NDArray[Any]:
    """Itself where the pixels of a row lie side by side."""
    return image if image.strides[1] == image.itemsize else np.ascontiguousarray(image)


def _is_done(code: int) -> bool:
    if code == _FAILED:
        raise MemoryError
    return code != _NOT_HERE
