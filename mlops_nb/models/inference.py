"""A signature from an example: frames, arrays, dicts and lists."""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Mapping
from typing import Any

from mlops_nb.errors import InvalidInput
from mlops_nb.models.inputs import kind_of, plain_frame
from mlops_nb.models.signature import Column, Field, Param, Signature, Tensor, Type

SAMPLE = 10_000
"""Values of an object column that are looked at."""


def infer_signature(inputs: Any = None, outputs: Any = None, params: Mapping[str, Any] | None = None) -> Signature:
    """A signature from examples, as MLflow would infer it.

    Parameters
    ----------
    inputs, outputs : frame, array, dict of arrays, list or scalar, optional
        Best the training frame: an int column in which values were missing is then known as a double.
    params : mapping, optional
        Settings of predict with their defaults: scalars and lists of scalars.

    Returns
    -------
    Signature

    Raises
    ------
    InvalidInput
        Naming the column, if its type has no counterpart.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"age": [31.0, None], "town": ["Ulm", "Rom"]})
    >>> [(c.name, c.type, c.required) for c in infer_signature(frame).inputs]
    [('age', 'double', False), ('town', 'string', True)]
    """
    return Signature(
        None if inputs is None else infer_schema(inputs),
        None if outputs is None else infer_schema(outputs),
        None if not params else tuple(_param(name, value) for name, value in params.items()),
    )


def infer_schema(data: Any) -> tuple[Field, ...]:
    """The schema of one example.

    Examples
    --------
    >>> import numpy as np
    >>> infer_schema(np.zeros((5, 3), dtype="float32"))
    (Tensor(dtype='float32', shape=(-1, 3), name=None),)
    >>> infer_schema(["a text", "another"])
    (Column(type='string', name=None, required=True),)
    """
    kind = kind_of(data)
    if kind in ("frame", "polars", "arrow"):
        frame = plain_frame(data)
        return tuple(_frame_column(name, frame.iloc[:, place]) for place, name in enumerate(frame.columns))
    if kind == "series":
        name = None if data.name is None else str(data.name)
        return (_frame_column(name, data),)
    if kind == "array":
        return (_tensor(data, None),)
    if kind == "sparse":
        return (Tensor(data.dtype.name, (-1, *data.shape[1:])),)
    if kind == "mapping":
        if data and all(kind_of(value) == "array" for value in data.values()):
            return tuple(_tensor(value, str(name)) for name, value in data.items())
        return tuple(_value_column(str(name), [value]) for name, value in data.items())
    if kind == "records":
        names = list(dict.fromkeys(str(name) for record in data for name in record))
        return tuple(_value_column(name, [record.get(name) for record in data]) for name in names)
    if kind == "list":
        return (_value_column(None, data),)
    if kind == "tensor":
        return (Tensor(str(data.dtype).removeprefix("torch."), (-1, *map(int, data.shape[1:]))),)
    return (_value_column(None, [data]),)


def _tensor(data: Any, name: str | None) -> Field:
    dtype = data.dtype
    if dtype.kind == "O":
        return _value_column(name, data.ravel().tolist())
    shape = (-1, *data.shape[1:]) if data.ndim else ()
    return Tensor("str" if dtype.kind == "U" else "bytes" if dtype.kind == "S" else dtype.name, shape, name)


_DTYPES = {"bool": "boolean", "float16": "float", "float32": "float", "float64": "double", "int8": "integer",
           "int16": "integer", "int32": "integer", "uint8": "integer", "uint16": "integer", "int64": "long",
           "uint32": "long", "uint64": "long"}  # fmt: skip


def _frame_column(name: Any, series: Any) -> Column:
    label = None if name is None else str(name)
    dtype = series.dtype
    text = str(dtype).lower()
    missing = bool(series.isna().any())
    if text == "category":
        dtype = dtype.categories.dtype
        text = str(dtype).lower()
        series = series.astype(object)
    if getattr(dtype, "kind", "") == "M":
        return Column("datetime", label, not missing)
    plain = _DTYPES.get(text.removesuffix("[pyarrow]").replace("boolean", "bool").replace("double", "float64"))
    if plain is not None:
        return Column(plain, label, not missing)
    if text.startswith(("string", "str", "large_string")):
        return Column("string", label, not missing)
    if text == "object":
        return _value_column(label, series.iloc[:SAMPLE].tolist(), missing=missing)
    raise InvalidInput(
        f"The column {label!r} has the type {dtype}, which a signature cannot express.",
        hint="Convert it to numbers, text, booleans or datetimes first.",
    )


def _value_column(name: str | None, values: list[Any], *, missing: bool | None = None) -> Column:
    present = [value for value in values[:SAMPLE] if not _is_missing(value)]
    required = not missing if missing is not None else len(present) == len(values[:SAMPLE])
    if not present:
        return Column({"type": "any"}, name, False)
    return Column(_merged([_value_type(name, value) for value in present], name), name, required)


def _is_missing(value: Any) -> bool:
    return (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or type(value).__name__ in ("NAType", "NaTType")
    )


def _value_type(name: str | None, value: Any) -> Type:
    if isinstance(value, bool) or type(value).__name__ == "bool_":
        return "boolean"
    if isinstance(value, int):
        return "long"
    if isinstance(value, (float, decimal.Decimal)):
        return "double"
    if isinstance(value, str):
        return "string"
    if isinstance(value, (bytes, bytearray)):
        return "binary"
    if isinstance(value, (datetime.date, datetime.datetime)):
        return "datetime"
    if isinstance(value, Mapping):
        properties = {
            str(key): _property(str(key), each) for key, each in sorted(value.items(), key=lambda e: str(e[0]))
        }
        return {"type": "object", "properties": properties}
    if hasattr(value, "dtype"):
        found = _DTYPES.get(str(value.dtype)) or ("datetime" if value.dtype.kind == "M" else None)
        if found is not None:
            return {"type": "array", "items": {"type": found}} if getattr(value, "ndim", 0) else found
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        present = [each for each in value if not _is_missing(each)]
        inner = _merged([_value_type(name, each) for each in present], name) if present else {"type": "any"}
        return {"type": "array", "items": {"type": inner} if isinstance(inner, str) else inner}
    raise InvalidInput(
        f"{'A value' if name is None else f'The column {name!r}'} holds a {type(value).__name__}, "
        "which a signature cannot express.",
        hint="Give plain values, or a signature of your own, or signature=False.",
    )


def _property(name: str, value: Any) -> dict[str, Any]:
    if _is_missing(value):
        return {"type": "any", "required": False}
    kind = _value_type(name, value)
    return {**({"type": kind} if isinstance(kind, str) else kind), "required": True}


_ORDER = ("integer", "long", "float", "double")


def _merged(kinds: list[Type], name: str | None) -> Type:
    """One type for values of several: the wider number; what does not go together is ``any``."""
    first = kinds[0]
    for kind in kinds[1:]:
        if kind == first:
            continue
        if isinstance(kind, str) and isinstance(first, str) and kind in _ORDER and first in _ORDER:
            first = max(first, kind, key=_ORDER.index)
        elif isinstance(kind, dict) and isinstance(first, dict) and kind["type"] == first["type"] == "object":
            first = _merged_objects(first, kind, name)
        elif isinstance(kind, dict) and isinstance(first, dict) and kind["type"] == first["type"] == "array":
            inner = _merged([_unwrapped(first["items"]), _unwrapped(kind["items"])], name)
            first = {"type": "array", "items": {"type": inner} if isinstance(inner, str) else inner}
        else:
            return {"type": "any"}
    return first


def _unwrapped(found: dict[str, Any]) -> Type:
    return found["type"] if len(found) == 1 and isinstance(found["type"], str) and found["type"] != "any" else found


def _merged_objects(one: dict[str, Any], other: dict[str, Any], name: str | None) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key in sorted({*one["properties"], *other["properties"]}):
        parts = [part["properties"][key] for part in (one, other) if key in part["properties"]]
        required = len(parts) == 2 and all(part.get("required", True) for part in parts)
        bare = [_unwrapped({k: v for k, v in part.items() if k != "required"}) for part in parts]
        kind = _merged(bare, name)
        made[key] = {**({"type": kind} if isinstance(kind, str) else kind), "required": required}
    return {"type": "object", "properties": made}


def _param(name: str, value: Any) -> Param:
    if isinstance(value, (list, tuple)):
        kind = _merged([_value_type(name, each) for each in value], name) if value else "string"
        return Param(name, kind, list(value), (-1,))
    if value is None:
        return Param(name, "string", None)
    if hasattr(value, "item"):
        value = value.item()
    return Param(name, _value_type(name, value), value)
