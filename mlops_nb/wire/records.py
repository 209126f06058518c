"""Nouns <-> the JSON of our own API, by their annotations: strict, exact to the bit, and described by the same hints.

What JSON has not is an object with one key that begins with ``$``: ``{"$number": "NaN"}``; an object of the user's that
looks so stands inside ``{"$object": ...}``. Points are columns: base64 of little-endian float64 and int64.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import math
import sys
import types
import typing
from array import array
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any, NoReturn

from mlops_nb.entities import Points
from mlops_nb.errors import InvalidInput
from mlops_nb.wire.encoded import Encoded

_COLUMNS = {"values": "d", "steps": "q", "timestamps": "q"}
_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def dump(value: Any) -> Any:
    """A noun, or anything made of nouns and plain values, as strict JSON values.

    Examples
    --------
    >>> from mlops_nb.entities import Metric
    >>> dump([Metric("acc", float("nan"))])
    [{'key': 'acc', 'value': {'$number': 'NaN'}, 'timestamp': 0, 'step': 0}]
    """
    if value is None or isinstance(value, (str, int)):
        return value.value if isinstance(value, StrEnum) else value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return {"$number": "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, Encoded):
        return dump(value.value())
    if isinstance(value, Points):
        return {name: _pack(getattr(value, name)) for name in _COLUMNS}
    if dataclasses.is_dataclass(value):
        kind: Any = type(value)
        return {name: dump(getattr(value, name)) for name in _fields(kind)}
    if isinstance(value, Mapping):
        found = {key: dump(item) for key, item in value.items()}
        return {"$object": found} if _is_marked(found) else found
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [dump(item) for item in value]
    raise InvalidInput(f"A {type(value).__name__} cannot be sent as JSON.", hint="Use plain values.")


def takes_nothing(kind: Any) -> bool:
    """Whether None is a value of an annotated type.

    Examples
    --------
    >>> takes_nothing(int | None), takes_nothing(int)
    (True, False)
    """
    return kind is Any or type(None) in typing.get_args(kind)


def load(kind: Any, value: Any, what: str = "The value") -> Any:
    """A value of an annotated type from JSON values.

    Parameters
    ----------
    kind : type
        A noun, ``str``, ``list[...]`` and the like, ``X | None``, or ``Any`` for plain values.
    value : Any
        As `dump` gave it.
    what : str
        What it is, for the message.

    Raises
    ------
    InvalidInput
        If it is of another shape; the message says where.

    Examples
    --------
    >>> load(dict[str, float], {"a": {"$number": "-Infinity"}})
    {'a': -inf}
    """
    if kind is Any:
        return _load_plain(value)
    origin = typing.get_origin(kind)
    if origin is None:
        return _load_single(kind, value, what)
    inside = typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in inside:
            return None
        return load(next(each for each in inside if each is not type(None)), value, what)
    if origin in (dict, Mapping):
        if not isinstance(value, dict):
            _refuse(what, "an object", value)
        if value.keys() == {"$object"}:
            value = value["$object"]
        return {key: load(inside[1], item, f"{what}.{key[:40]}") for key, item in value.items()}
    if not isinstance(value, list):
        _refuse(what, "a list", value)
    if origin is tuple and not (len(inside) == 2 and inside[1] is ...):
        if len(value) != len(inside):
            _refuse(what, f"a list of {len(inside)}", value)
        pairs = enumerate(zip(inside, value, strict=True))
        return tuple(load(each, item, f"{what}[{at}]") for at, (each, item) in pairs)
    items = [load(inside[0], item, f"{what}[{at}]") for at, item in enumerate(value)]
    return items if origin in (list, Sequence) else origin(items)


def _load_single(kind: Any, value: Any, what: str) -> Any:
    if kind is Points:
        return _load_points(value, what)
    if dataclasses.is_dataclass(kind):
        return _load_noun(kind, value, what)
    if kind is float:
        number = _load_plain(value)
        if isinstance(number, (int, float)) and not isinstance(number, bool):
            return float(number)
        _refuse(what, "a number", value)
    if kind is int and (isinstance(value, bool) or not isinstance(value, int) or not -(1 << 63) <= value < 1 << 63):
        _refuse(what, "a whole number in 64 bits", value)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        if value not in kind.__members__:
            _refuse(what, f"one of {', '.join(kind.__members__)}", value)
        return kind(value)
    if not isinstance(value, kind):
        _refuse(what, {str: "a text", bool: "true or false"}.get(kind, kind.__name__), value)
    return value


def _load_noun(kind: Any, value: Any, what: str) -> Any:
    if not isinstance(value, dict):
        _refuse(what, "an object", value)
    known = _fields(kind)
    if extra := value.keys() - known.keys():
        raise InvalidInput(f"{what} has no field {min(extra)[:60]!a}.", hint=f"There are: {', '.join(known)}.")
    given = {name: load(known[name], item, f"{what}.{name}") for name, item in value.items()}
    try:
        return kind(**given)
    except TypeError:
        needed = [each.name for each in dataclasses.fields(kind) if _is_needed(each) and each.name not in given]
        raise InvalidInput(f"{what} lacks {', '.join(needed)}.") from None


def _is_needed(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


@lru_cache(maxsize=64)
def _fields(kind: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {each.name: hints[each.name] for each in dataclasses.fields(kind)}


def _is_marked(value: dict[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith("$")


def _load_plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_load_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if _is_marked(value):
        mark, inside = next(iter(value.items()))
        if mark == "$number" and isinstance(inside, str) and inside in _NUMBERS:
            return _NUMBERS[inside]
        if mark != "$object" or not isinstance(inside, dict):
            raise InvalidInput(f"An object with the one key {mark[:60]!a} means nothing here.")
        value = inside
    return {key: _load_plain(item) for key, item in value.items()}


def _pack(column: array[Any]) -> str:
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    return base64.b64encode(column.tobytes()).decode()


def _load_points(value: Any, what: str) -> Points:
    if not isinstance(value, dict) or value.keys() != _COLUMNS.keys():
        _refuse(what, "an object of values, steps and timestamps", value)
    columns = []
    for name, code in _COLUMNS.items():
        column: array[Any] = array(code)
        try:
            column.frombytes(base64.b64decode(value[name], validate=True))
        except (binascii.Error, ValueError, TypeError):
            _refuse(f"{what}.{name}", "base64 of 8 bytes each", value[name])
        if sys.byteorder == "big":
            column.byteswap()
        columns.append(column)
    if len({len(column) for column in columns}) != 1:
        raise InvalidInput(f"The columns of {what} have different lengths.")
    return Points(*columns)


def _refuse(what: str, wanted: str, value: Any) -> NoReturn:
    raise InvalidInput(f"{what} is not {wanted}, but {str(value)[:60]!a}.")


def describe(kind: Any, nouns: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of an annotated type; nouns are put into `nouns` and referred to.

    Examples
    --------
    >>> describe(list[str], {})
    {'type': 'array', 'items': {'type': 'string'}}
    """
    plain = {str: "string", int: "integer", bool: "boolean"}
    if kind is Any or kind is float:
        return {} if kind is Any else {"$ref": "#/components/schemas/Number"}
    if kind in plain:
        return {"type": plain[kind]}
    if kind in (None, type(None)):
        return {"type": "null"}
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return {"anyOf": [describe(each, nouns) for each in inside]}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": describe(inside[1], nouns)}
    if origin is tuple and inside[-1] is not ...:
        return {"type": "array", "prefixItems": [describe(each, nouns) for each in inside], "items": False}
    if origin is not None:
        return {"type": "array", "items": describe(inside[0], nouns)}
    if issubclass(kind, StrEnum):
        return {"type": "string", "enum": list(kind.__members__)}
    if kind.__name__ not in nouns:
        nouns[kind.__name__] = {}  # nouns may hold themselves
        nouns[kind.__name__] = _describe_noun(kind, nouns)
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def _describe_noun(kind: Any, nouns: dict[str, Any]) -> dict[str, Any]:
    about = (kind.__doc__ or "").split("\n\n")[0]
    if kind is Points:
        column = {"type": "string", "contentEncoding": "base64"}
        shape = dict.fromkeys(_COLUMNS, column)
        return {"type": "object", "description": about, "properties": shape, "required": list(shape)}
    needed = [each.name for each in dataclasses.fields(kind) if _is_needed(each)]
    return {
        "type": "object",
        "description": about,
        "properties": {name: describe(each, nouns) for name, each in _fields(kind).items()},
        "required": needed,
        "additionalProperties": False,
    }
