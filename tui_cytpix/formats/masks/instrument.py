"""The instrument's masks, as its JSON has them: pixel indices of each mask, objects first, then particles."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import MaskError
from tui_cytpix.formats.bytes.plain_file import parse_json
from tui_cytpix.formats.masks.label_images import MAX_LABELS, checked_labels

_VERSION = "1.0"


@dataclass(frozen=True, eq=False)
class InstrumentMasks:
    """The instrument's two layers as label images, uint16 (H, W), 0 = background.

    `objects` has one label per connected object (ObjectCount), `particles` a small blob per particle (ParticleCount).
    `source` is the JSON that they are from, b"" for none: in it masks may overlap, which label images can't.
    """

    objects: NDArray[np.uint16]
    particles: NDArray[np.uint16]
    source: bytes = b""


def encode_instrument_masks(objects: NDArray[np.integer[Any]], particles: NDArray[np.integer[Any]]) -> bytes:
    """The instrument's JSON for one image: flat row-major pixel indices of each label, objects first, then particles.

    Raises:
        MaskError: a label is negative or above 65535.
    """
    layers = [
        {"masks": [{"pixelIndexes": {"indexes": pixels.tolist()}} for pixels in _by_label(layer)]}
        for layer in (objects, particles)
    ]
    return json.dumps([{"version": _VERSION}, *layers], separators=(",", ":")).encode("ascii")


def _by_label(labels: NDArray[np.integer[Any]]) -> list[NDArray[np.intp]]:
    """Flat pixel indices of each label present, ascending by label and index."""
    flat = checked_labels(labels).ravel()
    filled = np.flatnonzero(flat)
    filled = filled[np.argsort(flat[filled], kind="stable")]
    starts = np.flatnonzero(np.diff(flat[filled])) + 1
    return np.split(filled, starts) if filled.size else []


def decode_instrument_masks(data: bytes, shape: tuple[int, int]) -> InstrumentMasks:
    """The inverse of `encode_instrument_masks`, for an image of (height, width).

    Masks without a pixel are passed over. Where two masks of a layer share a pixel, the later has it.

    Raises:
        MaskError: it is not the instrument's JSON, or an index lies outside of the image.
    """
    try:
        document = parse_json(data)
    except ValueError as error:
        raise _bad_masks(f"they are no JSON ({printable(error)})") from error
    if not isinstance(document, list):
        raise _bad_masks("they are no list of layers")
    layers = [part["masks"] for part in document if isinstance(part, dict) and "masks" in part]
    if len(layers) != 2:
        raise _bad_masks(f"they have {len(layers)} layers, not 2 (objects, particles)")
    return InstrumentMasks(_layer(layers[0], shape), _layer(layers[1], shape), data)


def _layer(masks: object, shape: tuple[int, int]) -> NDArray[np.uint16]:
    flat = np.zeros(shape[0] * shape[1], np.uint16)
    if not isinstance(masks, list) or len(masks) > MAX_LABELS:
        raise _bad_masks("a layer is no list of at most 65535 masks")
    label = 0
    for mask in masks:
        try:
            pixels = np.asarray(mask["pixelIndexes"]["indexes"])
        except (KeyError, TypeError, ValueError, OverflowError, IndexError) as error:
            raise _bad_masks("a mask has no list of pixel indices") from error
        if pixels.ndim != 1 or (pixels.size and pixels.dtype.kind != "i"):
            raise _bad_masks("a mask's pixel indices are no list of whole numbers")
        outside = pixels[(pixels < 0) | (pixels >= flat.size)]
        if outside.size:
            raise _bad_masks(f"pixel index {outside[0]} lies outside of an image of {shape[1]} x {shape[0]}")
        if pixels.size:
            label += 1
            flat[pixels] = label
    return flat.reshape(shape)


def _bad_masks(why: str) -> MaskError:
    return MaskError(
        "The instrument's masks can't be read", f"{why[0].upper()}{why[1:]}.", "The image itself still can."
    )
