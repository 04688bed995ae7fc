"""How large an image may be that is read."""

from __future__ import annotations

MAX_PIXELS = 1 << 26  # 8192 x 8192; below the size at which Pillow itself warns
MAX_IMAGE_BYTES = 256 << 20
