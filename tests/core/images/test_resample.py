from __future__ import annotations

import numpy as np
import pytest

from tui_cytpix.core.images.resample import resampled, resampled_labels


def test_half_images_are_means_of_two_by_two():
    gray = np.arange(30, dtype=np.float32).reshape(5, 6)
    half = resampled(gray, 0.5)
    assert half.shape == (3, 3)
    np.testing.assert_allclose(half[0, 0], gray[:2, :2].mean())
    np.testing.assert_allclose(half[2, 0], gray[4, :2].mean())


@pytest.mark.parametrize("zoom", [0.37, 0.5, 0.8, 1.0, 1.6, 3.0])
def test_nothing_shifts(zoom):
    y, x = np.mgrid[:60, :80]
    blob = np.exp(-((y - 31.0) ** 2 + (x - 42.0) ** 2) / 50).astype(np.float32)
    other = resampled(blob, zoom)
    labels = resampled_labels((blob > 0.5).astype(np.uint16), zoom)
    assert labels.shape == other.shape or zoom == 0.5
    for image, most in ((other, 0.1), (labels.astype(np.float32), 0.4)):
        rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
        scale = np.array(image.shape) / blob.shape
        middle = np.array([(rows * image).sum(), (columns * image).sum()]) / image.sum()
        np.testing.assert_allclose((middle + 0.5) / scale - 0.5, [31, 42], atol=most / min(zoom, 1))
