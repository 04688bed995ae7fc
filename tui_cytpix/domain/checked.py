"""Values from files, held against the types of a dataclass before it is made of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from types import NoneType
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (float, int),
    "float | None": (float, int, NoneType),
    "dict[str, Any]": (dict,),
    "dict[str, float]": (dict,),
}


def known_fields(cls: type, data: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of `data` that are fields of the dataclass; those of a newer version are left out.

    Raises:
        ValueError: a value is not of its field's type, or a number is not finite.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"{data!r:.40} is no table")
    found = {}
    for field in fields(cls):
        if field.name in data:
            _check(field.name, str(field.type), data[field.name])
            found[field.name] = data[field.name]
    return found


def _check(name: str, kind: str, value: Any) -> None:
    if kind not in _TYPES:
        return
    if not isinstance(value, _TYPES[kind]) or isinstance(value, bool):
        raise ValueError(f"{name} = {value!r:.40} is no {kind}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} is not a finite number")
    if kind == "dict[str, float]" and isinstance(value, dict):
        for key, number in value.items():
            _check(f"{name}.{key}", "float", number)
