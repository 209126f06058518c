"""What a caller hands over: frames, arrays, dicts and lists, told apart without importing any library."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from mlops_nb.errors import InvalidInput


def kind_of(data: Any) -> str:
    """What data is: ``frame``, ``series``, ``polars``, ``arrow``, ``array``, ``sparse``, ``tensor`` (torch),
    ``records`` (a list of dicts), ``mapping``, ``list`` or ``scalar``.

    Examples
    --------
    >>> kind_of([{"a": 1}]), kind_of({"a": [1]}), kind_of("text")
    ('records', 'mapping', 'scalar')
    """
    if isinstance(data, Mapping):
        return "mapping"
    if isinstance(data, (list, tuple)):
        return "records" if data and all(isinstance(each, Mapping) for each in data) else "list"
    for ancestor in type(data).__mro__:
        root, name = ancestor.__module__.partition(".")[0], ancestor.__name__
        if root in _KINDS and name in _KINDS[root]:
            return _KINDS[root][name]
    if type(data).__module__.startswith("scipy.sparse"):
        return "sparse"
    return "scalar"


_KINDS = {
    "pandas": {"DataFrame": "frame", "Series": "series"},
    "polars": {"DataFrame": "polars", "LazyFrame": "polars", "Series": "polars"},
    "pyarrow": {"Table": "arrow", "RecordBatch": "arrow"},
    "numpy": {"ndarray": "array"},
    "torch": {"Tensor": "tensor"},
}


def plain_frame(data: Any) -> Any:
    """A pandas frame of what can be one.

    Parameters
    ----------
    data : pandas, polars or arrow frame, series, array of one or two dimensions, dict of columns, list of dicts, list

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    InvalidInput
        If it has no rows and columns.

    Examples
    --------
    >>> plain_frame([{"a": 1, "b": 2}, {"a": 3, "b": 4}]).shape
    (2, 2)
    """
    import pandas

    kind = kind_of(data)
    if kind == "frame":
        return data
    if kind == "series":
        return data.to_frame()
    if kind in ("polars", "arrow"):
        return _converted(data)
    if kind == "sparse":
        return pandas.DataFrame.sparse.from_spmatrix(data)
    if kind == "tensor":
        data = data.detach().cpu().numpy()
    try:
        if kind == "mapping":
            scalar = [not _is_column(value) for value in data.values()]
            return pandas.DataFrame([dict(data)] if scalar and all(scalar) else dict(data))
        if kind in ("records", "list", "array", "tensor"):
            return pandas.DataFrame(list(data) if kind in ("records", "list") else data)
    except ValueError as error:
        raise InvalidInput(
            f"The input cannot be read as a table: {error}.", hint="Give columns of one length."
        ) from None
    return pandas.DataFrame([data])


def _is_column(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple, range))
        or getattr(value, "ndim", 0) >= 1
        or kind_of(value) in ("series", "polars")
    )


def _converted(data: Any) -> Any:
    """Through columns of NumPy or Python values, since polars' own way asks for pyarrow."""
    import pandas

    if type(data).__name__ == "LazyFrame":
        data = data.collect()
    if type(data).__name__ == "Series":
        data = data.to_frame()
    if "pyarrow" in sys.modules and hasattr(data, "to_pandas"):
        return data.to_pandas()
    return pandas.DataFrame({name: _values(data[name]) for name in data.columns})


def _values(column: Any) -> Any:
    return column.to_numpy() if column.dtype.is_numeric() and not column.null_count() else column.to_list()
