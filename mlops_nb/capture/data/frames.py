"""Content digests of frames and arrays, for identity across runs: xxh3 over the buffers, whatever their layout.

No method of an object's elements is called. What holds other than plain values has no digest (an empty string).
"""

from __future__ import annotations

import marshal
import sys
from typing import Any

__all__ = ["frame_digest", "is_frame"]

PLAIN = frozenset((str, int, float, bool, bytes, complex, type(None)))
"""Types of which the value alone says everything."""

_CHUNK = 1 << 24


def is_frame(value: object) -> bool:
    """Whether `value` is data that `frame_digest` and `profile_frame` know: a frame, a series, a table, an array.

    Examples
    --------
    >>> is_frame([1, 2]), is_frame({"a": 1})
    (False, False)
    """
    return any(
        (module := sys.modules.get(name)) is not None
        and isinstance(value, tuple(kind for kind in (getattr(module, each, None) for each in kinds) if kind))
        for name, kinds in _KINDS.items()
    )


_KINDS = {
    "pandas": ("DataFrame", "Series", "Index"),
    "polars": ("DataFrame", "Series"),
    "pyarrow": ("Table", "RecordBatch"),
    "numpy": ("ndarray",),
}


def frame_digest(value: object) -> str:
    """A digest of a frame's or an array's content: names, types, values and index.

    Parameters
    ----------
    value : pandas or polars frame or series, pyarrow table, numpy array
        Not changed, not copied as a whole.

    Returns
    -------
    str
        ``xxh3:`` and 32 hex digits; empty if the content is not made of plain values, or of another kind.
        The same for the same content in another memory layout, another process, another run.

    Examples
    --------
    >>> import numpy as np
    >>> a = np.arange(6).reshape(2, 3)
    >>> frame_digest(a) == frame_digest(np.asfortranarray(a)), frame_digest(a) == frame_digest(a + 1)
    (True, False)
    """
    import xxhash  # small, but a notebook may never need it

    state = xxhash.xxh3_128()
    try:
        known = _add(state, value)
    except Exception:  # an extension type of a third party: no digest is better than a failing cell
        return ""
    return f"xxh3:{state.hexdigest()}" if known else ""


def _add(state: Any, value: Any) -> bool:
    modules = sys.modules
    pandas, polars, arrow, numpy = (modules.get(name) for name in ("pandas", "polars", "pyarrow", "numpy"))
    if numpy is not None and isinstance(value, numpy.ndarray):
        return _add_array(state, value)
    if pandas is not None and isinstance(value, pandas.DataFrame | pandas.Series | pandas.Index):
        return _add_pandas(state, value)
    if polars is not None and isinstance(value, polars.DataFrame | polars.Series):
        frame = value if isinstance(value, polars.DataFrame) else value.to_frame()
        state.update(f"polars:{[str(kind) for kind in frame.dtypes]}".encode())
        return all(_add_polars(state, frame.get_column(name)) for name in frame.columns)
    if arrow is not None and isinstance(value, arrow.Table | arrow.RecordBatch):
        state.update(f"pyarrow:{value.schema.names}".encode())
        return all(_add_arrow(state, column) for column in value.columns)
    return False


def _add_array(state: Any, array: Any) -> bool:
    import numpy

    if isinstance(array, numpy.ma.MaskedArray):
        return _add_array(state, array.filled()) and _add_array(state, numpy.ma.getmaskarray(array))
    array = array.view(numpy.ndarray)
    state.update(f"numpy:{array.dtype.str}:{array.dtype.descr if array.dtype.names else ''}:{array.shape}".encode())
    if array.dtype.hasobject:
        return array.dtype.names is None and _add_objects(state, array.ravel().tolist())
    if array.flags.c_contiguous:
        state.update(array.reshape(-1).view(numpy.uint8).data if array.size else b"")
        return True
    rows = max(1, _CHUNK // max(1, array.nbytes // len(array)))
    for start in range(0, len(array), rows):  # a strided array is never copied as a whole
        state.update(numpy.ascontiguousarray(array[start : start + rows]).reshape(-1).view(numpy.uint8).data)
    return True


def _add_objects(state: Any, values: list[Any]) -> bool:
    """Plain Python values, by type and value."""
    if not set(map(type, values)) <= PLAIN:
        return False
    for start in range(0, len(values), 100_000):
        state.update(marshal.dumps(values[start : start + 100_000], 0))  # version 0: no back references, no interning
    return True


def _add_pandas(state: Any, value: Any) -> bool:
    import pandas

    if isinstance(value, pandas.Index):
        if isinstance(value, pandas.RangeIndex):
            state.update(f"range:{value.start}:{value.stop}:{value.step}".encode())
            return True
        if isinstance(value, pandas.MultiIndex):
            return all(_add_pandas(state, value.get_level_values(level)) for level in range(value.nlevels))
        return _add_column(state, value)
    if isinstance(value, pandas.Series):
        return _add_objects(state, [_plain(value.name)]) and _add_column(state, value) and _add(state, value.index)
    names = [_plain(name) for name in value.columns]
    state.update(f"pandas:{value.shape}".encode())
    if not _add_objects(state, names) or not _add_pandas(state, value.index):
        return False
    return all(_add_column(state, value.iloc[:, position]) for position in range(value.shape[1]))


def _plain(name: Any) -> Any:
    return name if type(name) in PLAIN else repr(name) if type(name) is tuple else str(type(name))


def _add_column(state: Any, column: Any) -> bool:
    """A pandas column or index, by what it is made of."""
    import numpy
    import pandas

    kind = column.dtype
    state.update(f"column:{kind}".encode())
    if isinstance(kind, numpy.dtype):
        return _add_array(state, column.to_numpy())
    if isinstance(kind, pandas.CategoricalDtype):
        values = column.array
        return _add_array(state, numpy.asarray(values.codes)) and _add_pandas(state, kind.categories)
    if isinstance(kind, pandas.DatetimeTZDtype):
        return _add_array(state, column.array.asi8)
    if hasattr(column.array, "__arrow_array__"):
        return _add_arrow(state, column.array.__arrow_array__())
    return _add_objects(state, column.tolist())


def _add_polars(state: Any, series: Any) -> bool:
    """Polars keeps its buffers to itself; through Arrow they are the same memory, except for text."""
    state.update(series.name.encode())
    kind = str(series.dtype)
    if kind == "Object":
        return False
    if series.dtype.is_numeric() and not series.null_count():
        return _add_array(state, series.to_numpy())
    if sys.modules.get("pyarrow") is None:
        return _add_objects(state, series.to_list())
    if kind.startswith(("Categorical", "Enum")):
        series = series.cast(sys.modules["polars"].String)
    return _add_arrow(state, series.to_arrow())


def _add_arrow(state: Any, column: Any) -> bool:
    """An Arrow column: serialised in whole, so that chunks, slices and what stands below nulls make no difference."""
    import pyarrow
    import pyarrow.compute

    state.update(f"arrow:{column.type}:{len(column)}".encode())
    for start in range(0, len(column), 1_000_000):
        part = column.slice(start, 1_000_000)
        part = part.combine_chunks() if isinstance(part, pyarrow.ChunkedArray) else part
        if isinstance(part, pyarrow.ChunkedArray):
            part = pyarrow.concat_arrays(part.chunks)
        if part.null_count:
            state.update(pyarrow.record_batch([part.is_null()], ["null"]).serialize())
            part = part.drop_null()
        state.update(pyarrow.record_batch([part], ["part"]).serialize())
    return True
