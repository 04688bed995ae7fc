"""Model files: safetensors with the model's card as JSON in the metadata. Loading one can never run code."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.model_card import ModelCard
from tui_cytpix.domain.plain_values import from_plain
from tui_cytpix.errors import ModelFileError
from tui_cytpix.formats.bytes.atomic import write_bytes
from tui_cytpix.formats.bytes.plain_file import open_plain, parse_json, read_plain

CARD_KEY = "tui_cytpix.card"
MAX_BYTES = 1 << 27  # twice the largest network that is built (engine.network.network)
_WAY_OUT = "Give a model file that tui-cytpix wrote (.safetensors), or a name from `tui-cytpix models list`."


def file_hash(path: Path) -> str:
    """`sha256:` and the hex digest of the file's bytes.

    Raises:
        ModelFileError: it can't be read, or is too large.
    """
    try:
        with open_plain(path) as file:
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                raise ModelFileError("The model file is too large", f"{path}: over 128 MiB.", _WAY_OUT)
            return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelFileError("The model file can't be read", f"{path}: {error.strerror}.", _WAY_OUT) from error


def read_card(path: Path) -> ModelCard:
    """The card, without touching the weights.

    Raises:
        ModelFileError: not a model file, or one without a card.
    """
    path = Path(path)
    header_size = 8
    try:
        with open_plain(path) as file:
            size = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(header_size), "little")
            if size < header_size + length or not 2 <= length <= 10_000_000:
                raise ValueError("its header is not a safetensors header")
            header = parse_json(file.read(length))
        card = parse_json(header["__metadata__"][CARD_KEY])
        return from_plain(ModelCard, card)
    except OSError as error:
        raise ModelFileError("The model file can't be read", f"{path}: {error.strerror}.", _WAY_OUT) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError("This is not a model of ours", f"{path}: {_reason(error)}.", _WAY_OUT) from error


def _reason(error: Exception) -> str:
    return "it carries no model card" if isinstance(error, KeyError | TypeError | AttributeError) else str(error)


def model_bytes(path: Path) -> bytes:
    """The file's content, whatever lies there: no more than a model's size, and never waiting.

    Raises:
        ModelFileError: it can't be read, or is too large.
    """
    try:
        return read_plain(path, MAX_BYTES)
    except OSError as error:
        raise ModelFileError("The model file can't be read", f"{path}: {error.strerror}.", _WAY_OUT) from error


def check_usable(card: ModelCard, path: Path) -> None:
    """Raises:
    ModelFileError: this version doesn't run the model.
    """
    if card.out_of_use:
        raise ModelFileError("This version can't run the model", f"{path}.", card.out_of_use)


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """All weights by name.

    Raises:
        ModelFileError: the file is damaged, too large, or not a model file.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = Path(path)
    read_card(path)
    content = model_bytes(path)
    try:
        return dict(load(content))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError("The model file is damaged", f"{path}: {error}.", _WAY_OUT) from error


def write_model(path: Path, tensors: Mapping[str, NDArray[Any]], card: ModelCard) -> None:
    """Writes the file as a whole, or not at all."""
    from safetensors.numpy import save

    contiguous = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    metadata = {CARD_KEY: json.dumps(asdict(card), sort_keys=True)}
    write_bytes(Path(path), save(contiguous, metadata=metadata))
