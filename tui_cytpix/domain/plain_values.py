"""Between dataclasses and the plain values that files hold (tables, lists, text, numbers)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tui_cytpix.domain.sample import ImageKey

if TYPE_CHECKING:
    from numpy.typing import NDArray

KindT = TypeVar("KindT")


def from_plain(kind: type[KindT], data: object) -> KindT:
    """The dataclass or Struct that a table holds; entries that it has no field for, of a newer version, are left out.

    Raises:
        ValueError: an entry is missing, or is not of its field's type or in its range; says which.
    """
    try:
        return msgspec.convert(data, kind, dec_hook=_from_text)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        where = where.strip(".`")
        raise ValueError(f"{where}: {what}" if where else what) from error


def _from_text(kind: type, value: object) -> object:
    if kind is not ImageKey or not isinstance(value, str):
        raise ValueError(f"{value!r:.40} is no {kind.__name__}")
    return ImageKey.parse(value)


def to_plain(value: Any) -> Any:
    """The inverse of `from_plain`: image keys become text, and fields that are None are left out."""
    if isinstance(value, ImageKey):
        return str(value)
    if isinstance(value, msgspec.Struct):
        value = msgspec.structs.asdict(value)
    if is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): to_plain(one) for name, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [to_plain(one) for one in value]
    return value


def packed(value: object) -> bytes:
    """Dataclasses, tuples, lists, mappings, text, bytes, numbers and arrays, as MessagePack."""
    return msgspec.msgpack.encode(value, enc_hook=_of_array)


def unpacked(kind: type[KindT], data: bytes) -> KindT:
    """The inverse of `packed`; arrays are not to be written to.

    Raises:
        ValueError: it is damaged, or of another kind.
    """
    try:
        return msgspec.msgpack.decode(data, type=kind, dec_hook=_array)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error


def _of_array(value: object) -> tuple[str, tuple[int, ...], bytes]:
    import numpy as np  # not before: `--help` reads this module

    if not isinstance(value, np.ndarray):
        raise NotImplementedError(type(value).__name__)
    return value.dtype.str, value.shape, value.tobytes()


def _array(_kind: type, plain: Any) -> NDArray[Any]:
    import numpy as np

    try:
        dtype, shape, content = plain
        return np.frombuffer(content, dtype).reshape(shape)
    except (TypeError, ValueError) as error:
        raise ValueError(f"no array: {error}") from error
