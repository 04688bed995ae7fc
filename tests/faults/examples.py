"""A plain value of any type that lines of logs, jobs and records hold, made from what the type states: so that a new
kind of line is among what is damaged without being named.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from msgspec import inspect

from tui_cytpix.domain.sample import ImageKey

_IMAGE = "rich-medium:1"


def example(kind: type) -> Any:
    """Every field of it is there, with a number in its range."""
    return _of(inspect.type_info(kind))


def _of(kind: inspect.Type) -> Any:
    make = next((make for types, make in _MAKE.items() if isinstance(kind, types)), None)
    if make is None:
        raise TypeError(f"say in tests/faults/examples.py what a value of {kind} looks like")
    return make(kind)


def _custom(kind: Any) -> str:
    if kind.cls is not ImageKey:
        raise TypeError(f"say in tests/faults/examples.py what a {kind.cls} looks like")
    return _IMAGE


def _one_that_is_there(kind: Any) -> Any:
    return _of(next(one for one in kind.types if not isinstance(one, inspect.NoneType)))


def _number(kind: inspect.IntType | inspect.FloatType) -> int | float:
    least, most = (kind.ge or 0, 1 if kind.le is None else kind.le)
    value = min(max(1, least), most)
    return int(value) if isinstance(kind, inspect.IntType) else float(value)


def _text(pattern: str) -> str:
    if not pattern:
        return "words"
    return next(text for text in ("0" * 16, "pixels-sha256:" + "0" * 64) if re.search(pattern, text))


_MAKE: dict[Any, Callable[[Any], Any]] = {
    (inspect.IntType, inspect.FloatType): _number,
    inspect.StrType: lambda kind: _text(kind.pattern or ""),
    inspect.BoolType: lambda _: True,
    inspect.AnyType: lambda _: "any",
    inspect.EnumType: lambda kind: next(iter(kind.cls)).value,
    inspect.LiteralType: lambda kind: kind.values[0],
    inspect.UnionType: _one_that_is_there,
    (inspect.ListType, inspect.VarTupleType, inspect.CollectionType): lambda kind: [_of(kind.item_type)],
    inspect.TupleType: lambda kind: [_of(one) for one in kind.item_types],
    inspect.DictType: lambda kind: {str(_of(kind.key_type)): _of(kind.value_type)},
    (inspect.StructType, inspect.DataclassType): lambda kind: {one.encode_name: _of(one.type) for one in kind.fields},
    inspect.CustomType: _custom,
}
