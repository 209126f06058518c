"""Columns of requests as a frame of exactly the signature's types, where they fit as they are: the fast road.

What does not fit at a glance goes through `mlops_nb.models.enforcement`, which converts it or says why not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlops_nb.models.signature import Column, Signature

_REAL = frozenset({float, int, type(None)})
_WHOLE = frozenset({int})
_TEXT = frozenset({str})
_BOOLEAN = frozenset({bool})
_EXACT_INTEGER = 1 << 53
_FLOAT32_LIMIT = 3.0e38


def _fits_double(values: Sequence[Any]) -> bool:
    kinds = set(map(type, values))
    if not kinds <= _REAL:
        return False
    return int not in kinds or all(-_EXACT_INTEGER <= v <= _EXACT_INTEGER for v in values if type(v) is int)


def _fits_float(values: Sequence[Any]) -> bool:
    if not set(map(type, values)) <= _REAL:
        return False
    limits = {float: _FLOAT32_LIMIT, int: 1 << 24}
    return all(v is None or -limits[type(v)] < v < limits[type(v)] for v in values)


def _fits_long(values: Sequence[Any]) -> bool:
    return set(map(type, values)) == _WHOLE and all(-(1 << 63) <= v < 1 << 63 for v in values)


def _fits_integer(values: Sequence[Any]) -> bool:
    return set(map(type, values)) == _WHOLE and all(-(1 << 31) <= v < 1 << 31 for v in values)


_FITS: dict[str, tuple[str, Callable[[Sequence[Any]], bool]]] = {
    "double": ("float64", _fits_double),
    "float": ("float32", _fits_float),
    "long": ("int64", _fits_long),
    "integer": ("int32", _fits_integer),
    "boolean": ("bool", lambda values: set(map(type, values)) == _BOOLEAN),
    "string": ("", lambda values: set(map(type, values)) == _TEXT),
}


class FramePlan:
    """How the columns of one signature become a frame.

    Parameters
    ----------
    columns : sequence of Column
        All with names and of plain types.

    Examples
    --------
    >>> plan = FramePlan([Column("double", "age"), Column("string", "town")])
    >>> plan.fits({"town": ["Ulm"], "age": [31]}), plan.fits({"town": ["Ulm"], "age": ["31"]})
    (True, False)
    >>> plan.frame({"town": ["Ulm"], "age": [31]}).dtypes["age"].name
    'float64'
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._parts = [(str(column.name), *_FITS[str(column.type)]) for column in columns]
        dtypes = {dtype for _, dtype, _ in self._parts}
        self._one = dtypes.pop() if len(dtypes) == 1 and "" not in dtypes else ""
        self._names = [name for name, _, _ in self._parts]
        self._index: Any = None

    @staticmethod
    def of(signature: Signature | None) -> FramePlan | None:
        """The plan of a signature; None where there are no columns by name, or such as need a closer look."""
        columns = [each for each in (signature.inputs if signature else None) or () if isinstance(each, Column)]
        plain = all(isinstance(each.type, str) and each.type in _FITS and each.name is not None for each in columns)
        return FramePlan(columns) if columns and plain else None

    def fits(self, columns: Mapping[str, Sequence[Any]]) -> bool:
        """Whether every column is there and every value is of its type as it stands."""
        if len(columns) != len(self._parts):
            return False
        for name, _, fits in self._parts:
            values = columns.get(name)
            if values is None or not fits(values):
                return False
        return True

    def frame(self, columns: Mapping[str, Sequence[Any]]) -> Any:
        """The frame of columns that fit."""
        import numpy
        import pandas

        if self._index is None:
            self._index = pandas.Index(self._names)
        if self._one:
            table = numpy.array([columns[name] for name in self._names], dtype=self._one)
            return pandas.DataFrame(table.T, columns=self._index, copy=False)
        made = {
            name: numpy.array(columns[name], dtype=dtype) if dtype else list(columns[name])
            for name, dtype, _ in self._parts
        }
        return pandas.DataFrame(made, copy=False)
