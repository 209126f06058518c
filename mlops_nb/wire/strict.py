"""The border for JSON from outside: what is let in is exactly what was meant, or there is one sentence why not."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from mlops_nb.errors import InvalidInput

DEPTH_LIMIT = 200
"""Most objects and lists inside one another."""

_INT64 = 1 << 63
_ADVICE = "See the API docs for more information about request parameters."
_CAMEL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def parse_json(body: bytes) -> Any:
    """The value of a JSON document from outside.

    Parameters
    ----------
    body : bytes
        UTF-8; nothing at all counts as ``{}``.

    Returns
    -------
    Any
        Plain values.

    Raises
    ------
    InvalidInput
        If it is not UTF-8, not JSON, nested too deeply, or holds ``NaN`` and the like, which JSON has not.

    Examples
    --------
    >>> parse_json(b'{"a": [1, 0.5]}')
    {'a': [1, 0.5]}
    """
    if not body.strip():
        return {}
    if body.count(b"[") + body.count(b"{") > DEPTH_LIMIT:
        _check_depth(body)
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"The request's body is not UTF-8 (byte {error.start}).", hint="Send JSON in UTF-8."
        ) from None
    except RecursionError:
        _refuse_depth()
    except ValueError as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"The request's body is not JSON: {error}.", hint="Send a JSON object.") from None


def _refuse_constant(text: str) -> NoReturn:
    raise InvalidInput(f"JSON has no {text}.", hint=f'Write it as text: "{text}".')


def _refuse_depth() -> NoReturn:
    raise InvalidInput(f"The request's body is nested more than {DEPTH_LIMIT} levels deep.", hint="Send it flatter.")


def _check_depth(body: bytes) -> None:
    depth = 0
    for found in _BRACKETS.finditer(body):
        first = found.group()[0]
        if first in b"[{":
            depth += 1
            if depth > DEPTH_LIMIT:
                _refuse_depth()
        elif first in b"]}":
            depth -= 1


def read_fields(given: Any, fields: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a request, each of its type.

    Parameters
    ----------
    given : Any
        A JSON object, or a query: then each value is a list of texts.
    fields : mapping
        Name to type: ``text``, ``int`` (64 bits), ``float``, ``bool``, ``any``, ``texts``, ``objects``; with ``!`` the
        field is needed.

    Returns
    -------
    dict
        Those that were given; null counts as not given.

    Raises
    ------
    InvalidInput
        Naming the field that is missing, unknown or of another type, in MLflow's words.

    Examples
    --------
    >>> read_fields({"runId": "a", "step": "5"}, {"run_id": "text!", "step": "int"})
    {'run_id': 'a', 'step': 5}
    """
    if not isinstance(given, dict):
        raise InvalidInput(f"The request's body is a {type(given).__name__}.", hint="Send a JSON object.")
    found: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        key = name if name in fields else _CAMEL.sub(r"_\1", name).lower()
        if key not in fields:
            known = ", ".join(fields) or "none"
            raise InvalidInput(f"The field {name[:60]!a} is not known here.", hint=f"There are: {known}.")
        if key in found:
            raise InvalidInput(f"The request gives the field {key!r} twice.", hint="Give it once.")
        found[key] = _read(key, value, fields[key].rstrip("!"))
    for name, kind in fields.items():
        if kind.endswith("!") and found.get(name, "") == "":
            raise InvalidInput(f"Missing value for required parameter '{name}'.", hint=_ADVICE)
    return found


def read_query(query: Mapping[str, Sequence[str]], fields: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a query, each of its type.

    Parameters
    ----------
    query : mapping
        Name to its values, as text.
    fields : mapping
        As for `read_fields`.

    Returns
    -------
    dict
        Those that were given.

    Raises
    ------
    InvalidInput
        As for `read_fields`.

    Examples
    --------
    >>> read_query({"run_ids": ["a"], "all": ["true"]}, {"run_ids": "texts", "all": "bool"})
    {'run_ids': ['a'], 'all': True}
    """
    given: dict[str, Any] = {}
    for name, values in query.items():
        kind = fields.get(name, "text").rstrip("!")
        if kind == "texts":
            given[name] = list(values)
        elif len(values) != 1:
            raise InvalidInput(f"The query gives {name[:60]!a} {len(values)} times.", hint="Give it once.")
        elif kind == "bool":
            given[name] = {"true": True, "false": False}.get(values[0].lower(), values[0])
        else:
            given[name] = values[0]
    return read_fields(given, fields)


def _read(name: str, value: Any, kind: str) -> Any:
    if kind == "any":
        return value
    if kind == "text" and isinstance(value, str):
        return value
    if kind == "int" and (number := _as_int(value)) is not None:
        return number
    if kind == "float" and (real := _as_float(value)) is not None:
        return real
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "texts" and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    if kind == "objects" and isinstance(value, list) and all(isinstance(each, dict) for each in value):
        return value
    shown = json.dumps(value, sort_keys=True, separators=(",", ":"))
    shown = shown if len(shown) <= 200 else shown[:197] + "..."
    raise InvalidInput(
        f"Invalid value {shown} for parameter '{name}' supplied:  Hint: Value was of type '{type(value).__name__}'.",
        hint=_ADVICE,
    )


def _as_int(value: Any) -> int | None:
    """A whole number in 64 bits, also as text, as protocol buffers have it."""
    if isinstance(value, bool):
        return None
    is_text = isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value, re.ASCII)
    if is_text or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    return value if isinstance(value, int) and -_INT64 <= value < _INT64 else None


def _as_float(value: Any) -> float | None:
    """A number that a float can hold; what is not finite has to be said in words."""
    if isinstance(value, str):
        if value in _NON_FINITE:
            return _NON_FINITE[value]
        if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", value, re.ASCII):
            return None
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return None
    return number if math.isfinite(number) else None
