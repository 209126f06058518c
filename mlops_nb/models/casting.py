"""One column, or one value, brought to a type of a signature without loss."""

from __future__ import annotations

import base64
import binascii
import datetime
import decimal
import math
from collections.abc import Callable
from typing import Any

from mlops_nb.errors import InvalidInput
from mlops_nb.models.signature import Column, Type, type_name

_EXACT = {"boolean": "bool", "integer": "int32", "long": "int64", "float": "float32", "double": "float64"}
_WORDS = {**{dtype: kind for kind, dtype in _EXACT.items()}, "str": "string", "string": "string"}


def cast_column(series: Any, column: Column, place: int | None = None) -> Any:
    """A pandas series in a column's type.

    Parameters
    ----------
    series : pandas.Series
    column : Column
    place : int, optional
        Which column it is, where it has no name.

    Returns
    -------
    pandas.Series
        The same one, if nothing had to be done.

    Raises
    ------
    InvalidInput
        Naming the column, what was expected, and the first value that does not fit.

    Examples
    --------
    >>> import pandas as pd
    >>> cast_column(pd.Series([1, 2]), Column("double", "x")).tolist()
    [1.0, 2.0]
    """
    kind = column.type
    if not isinstance(kind, str):
        return _checked(series, column, kind, place)
    if str(series.dtype) == _EXACT.get(kind):
        return series
    if str(series.dtype) == "category":
        categories = series.cat.categories.to_series()
        _CASTS[kind](categories, _Fault(categories, column, place))
        return series  # a model that was trained on categories needs them as such
    return _CASTS[kind](series, _Fault(series, column, place))


class _Fault:
    """Raises the error for a column."""

    def __init__(self, series: Any, column: Column, place: int | None) -> None:
        self.series, self.column, self.place = series, column, place

    def __call__(self, fits: Callable[[Any], bool] | None = None, reason: str = "") -> InvalidInput:
        name = f"The column {self.column.name!r}" if self.column.name is not None else f"Column {self.place}"
        found = reason or f"is {_found(self.series)}"
        where = ""
        if fits is not None:
            for row, value in enumerate(self.series.tolist()):
                if not is_missing(value) and not fits(value):
                    found = reason if reason else f"is {_word(value)}"
                    where = f": the first such value is {value!r:.60}, in row {row}"
                    break
        hint = ""
        if self.column.type in ("integer", "long") and "missing" in reason:
            hint = "Fill them, or save the model with a signature from data in which this column has missing values."
        return InvalidInput(f"{name} should be {type_name(self.column.type)} and {found}{where}.", hint=hint)


def _found(series: Any) -> str:
    return _WORDS.get(str(series.dtype), str(series.dtype))


def is_missing(value: Any) -> bool:
    """None, NaN, NaT or pandas' NA.

    Examples
    --------
    >>> is_missing(float("nan")), is_missing("")
    (True, False)
    """
    return (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or type(value).__name__ in ("NAType", "NaTType")
    )


def _plain(series: Any) -> Any:
    """Without pandas' object and extension types, where that is possible."""
    if series.dtype == object:
        return series.infer_objects()
    if hasattr(series.dtype, "na_value") and getattr(series.dtype, "kind", "O") in "iufb":  # Int64, Float64, boolean
        if series.isna().any():
            return series.astype("float64") if series.dtype.kind in "iuf" else series
        return series.astype(f"{series.dtype.kind}{series.dtype.itemsize}" if series.dtype.kind != "b" else "bool")
    return series


def _cast_boolean(series: Any, fault: _Fault) -> Any:
    series = _plain(series)
    if series.dtype.kind == "b":
        return series
    if series.dtype == object and all(isinstance(v, bool) or is_missing(v) for v in series.tolist()):
        return series
    raise fault(lambda value: isinstance(value, bool))


def _cast_whole(name: str) -> Callable[[Any, _Fault], Any]:
    def cast(series: Any, fault: _Fault) -> Any:
        import numpy

        series = _plain(series)
        kind = series.dtype.kind
        limits = numpy.iinfo(name)
        if kind == "f":
            values = series.to_numpy()
            if numpy.isnan(values).any():
                raise fault(reason="has missing values")
            if not (numpy.isfinite(values).all() and (values == numpy.floor(values)).all()):
                raise fault(lambda value: float(value).is_integer())
        elif kind not in "iu":
            if len(series) and all(is_missing(value) or _is_whole(value) for value in series.tolist()):
                reason = "has missing values" if series.isna().any() else "has values beyond its range"
                raise fault(reason=reason)
            raise fault(_is_whole)
        if len(series) and (series.max() > limits.max or series.min() < limits.min):
            raise fault(lambda value: limits.min <= value <= limits.max, reason="has values beyond its range")
        return series.astype(name)

    return cast


def _cast_real(name: str) -> Callable[[Any, _Fault], Any]:
    def cast(series: Any, fault: _Fault) -> Any:
        series = _plain(series)
        kind = series.dtype.kind
        if kind == "f":
            return series.astype(name)
        if kind in "iu":
            made = series.astype(name)
            if (series.dtype.itemsize > 4 or name == "float32") and not bool(
                (made.astype(series.dtype) == series).all()
            ):
                raise fault(_holds, reason=_TOO_LONG)
            return made
        if series.dtype == object and all(_is_number(value) or is_missing(value) for value in series.tolist()):
            if any(_is_whole(value) and not _holds(value) for value in series.tolist()):
                raise fault(lambda value: not _is_whole(value) or _holds(value), reason=_TOO_LONG)
            return series.map(lambda value: math.nan if is_missing(value) else float(value)).astype(name)
        raise fault(_is_number)

    return cast


_TOO_LONG = "has whole numbers that it cannot hold"


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _holds(value: int) -> bool:
    """Whether a double holds a whole number exactly."""
    return abs(value) < 1 << 1023 and int(float(value)) == value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, decimal.Decimal)) and not isinstance(value, bool)


def _cast_string(series: Any, fault: _Fault) -> Any:
    if str(series.dtype).startswith(("str", "string", "large_string")):
        return series
    if series.dtype == object:
        if all(isinstance(value, str) or is_missing(value) for value in series.tolist()):
            return series
        raise fault(lambda value: isinstance(value, str))
    raise fault(lambda value: isinstance(value, str)) if len(series) else fault()


def _cast_binary(series: Any, fault: _Fault) -> Any:
    values = series.tolist()
    if all(isinstance(value, (bytes, bytearray)) or is_missing(value) for value in values):
        return series
    try:  # JSON has no bytes: base64, as in MLflow's scoring protocol
        return series.map(lambda v: base64.b64decode(v, validate=True) if isinstance(v, str) else _not_text(v))
    except (binascii.Error, TypeError):
        raise fault(lambda value: isinstance(value, bytes)) from None


def _not_text(value: Any) -> Any:
    if is_missing(value) or isinstance(value, (bytes, bytearray)):
        return value
    raise TypeError


def _cast_datetime(series: Any, fault: _Fault) -> Any:
    import pandas

    if getattr(series.dtype, "kind", "") == "M":
        return series
    moments = (str, datetime.date, datetime.datetime)
    if not all(isinstance(value, moments) or is_missing(value) for value in series.tolist()):
        raise fault(lambda value: isinstance(value, moments))
    try:
        return pandas.to_datetime(series)
    except (ValueError, TypeError, OverflowError):
        raise fault(_is_moment) from None


def _is_moment(value: Any) -> bool:
    import pandas

    try:
        pandas.to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return False
    return True


_CASTS: dict[str, Callable[[Any, _Fault], Any]] = {
    "boolean": _cast_boolean,
    "integer": _cast_whole("int32"),
    "long": _cast_whole("int64"),
    "float": _cast_real("float32"),
    "double": _cast_real("float64"),
    "string": _cast_string,
    "binary": _cast_binary,
    "datetime": _cast_datetime,
}


# -- values that are nested --------------------------------------------------------------------------------------------


def _checked(series: Any, column: Column, kind: Type, place: int | None) -> Any:
    for row, value in enumerate(series.tolist()):
        if is_missing(value) and not column.required:
            continue
        fault = check_value(value, kind)
        if fault:
            name = f"The column {column.name!r}" if column.name is not None else f"Column {place}"
            raise InvalidInput(f"{name} should be {type_name(kind)} and is {fault}, in row {row}.")
    return series


def check_value(value: Any, kind: Type, depth: int = 32) -> str:
    """What is wrong with a value, as the end of "... and is"; empty if it fits.

    Examples
    --------
    >>> check_value([1, "a"], {"type": "array", "items": {"type": "long"}})
    'string at [1]'
    """
    if isinstance(kind, str):
        return "" if _SCALAR[kind](value) else _word(value)
    name = kind["type"]
    if name == "any" or name == "sparkml_vector" or depth == 0:
        return ""
    if name == "array":
        if hasattr(value, "tolist"):
            value = value.tolist()
        if not isinstance(value, (list, tuple)):
            return _word(value)
        return _first(((f"[{place}]", each, _inner(kind["items"])) for place, each in enumerate(value)), depth)
    if not isinstance(value, dict):
        return _word(value)
    if name == "map":
        return _first(((f".{key}", each, _inner(kind["values"])) for key, each in value.items()), depth)
    for key, part in kind["properties"].items():
        if key not in value:
            if part.get("required", True):
                return f"an object without {key!r}"
        elif not (is_missing(value[key]) and not part.get("required", True)):
            fault = check_value(value[key], _inner(part), depth - 1)
            if fault:
                return _at(fault, f".{key}")
    return ""


def _first(parts: Any, depth: int) -> str:
    for where, value, kind in parts:
        fault = check_value(value, kind, depth - 1)
        if fault:
            return _at(fault, where)
    return ""


def _at(fault: str, where: str) -> str:
    word, mark, rest = fault.partition(" at ")
    return f"{word} at {where}{rest}" if mark else f"{fault} at {where}"


def _inner(part: dict[str, Any]) -> Type:
    return part["type"] if part["type"] in _SCALAR else part


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "long"
    if isinstance(value, (float, decimal.Decimal)):
        return "double"
    if isinstance(value, str):
        return "string"
    if value is None:
        return "missing"
    return {"list": "an array", "tuple": "an array", "dict": "an object"}.get(
        type(value).__name__, type(value).__name__
    )


_SCALAR: dict[str, Callable[[Any], bool]] = {
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 31,
    "long": lambda value: isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63,
    "float": _is_number,
    "double": _is_number,
    "string": lambda value: isinstance(value, str),
    "binary": lambda value: isinstance(value, (bytes, bytearray, str)),
    "datetime": lambda value: isinstance(value, (str, datetime.date, datetime.datetime)),
}
