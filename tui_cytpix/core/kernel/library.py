"""The functions of the compiled library; where it is absent (`why_absent`), the plain code does their work.

Each is named as its plain counterpart, which tests/core/kernel compares it with, and checks types and sizes before C
sees them. While they work other threads of Python may.
"""

from __future__ import annotations

import ctypes
import functools

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.core.kernel.build import LIBRARY, sources_hash

_FAILED, _NOT_HERE = -1, 1
_GRAYS = (np.dtype(np.uint8), np.dtype(np.uint16))
_ADDRESS, _SIZE, _INT = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
_FUNCTIONS = {
    "normalise": (_ADDRESS, _INT, _ADDRESS, _SIZE, _SIZE, _ADDRESS, _ADDRESS),
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


def _is_done(code: int) -> bool:
    if code == _FAILED:
        raise MemoryError
    return code != _NOT_HERE
