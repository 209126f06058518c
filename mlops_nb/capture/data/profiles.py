"""What a frame looks like: rows, schema and a summary of every column, in bounded time.

The shape, plain JSON, which monitoring reads as its reference::

    {"kind": "pandas.DataFrame", "rows": 1000000, "columns_total": 12, "sampled": {"rows": 20000, "seed": 0} or None,
     "columns": [{"name": "age", "dtype": "float64", "kind": "numeric", "nullable": true,
                  "count": 19990, "missing": 10, "infinite": 0, "mean": ..., "std": ..., "min": ..., "max": ...,
                  "distinct": 74 (up to 1,000, else None),
                  "quantiles": {"0.01": ..., "0.05": ..., "0.25": ..., "0.5": ..., "0.75": ..., ...},
                  "histogram": {"edges": [e0, ..., ek], "counts": [n1, ..., nk]}},
                 {"kind": "categorical", ..., "distinct": 3, "top": [{"value": "a", "count": 700}, ...], "other": 12,
                  "rare": ["q", ...] (the values that make up "other", if there are at most 200)},
                 {"kind": "datetime", ..., "min": "2026-01-01T00:00:00", "histogram": in seconds since 1970},
                 {"kind": "text", ..., "distinct": 19950, "length": as numeric}, {"kind": "other", ...}]}

`count`, `missing`, the histogram and so on are of the sample if there is one. Bin i of a histogram holds
``edges[i-1] < x <= edges[i]``; the first also all that is smaller, the last all that is larger, so that new data falls
into the same bins (population stability index), and the cumulative counts are the distribution function at the edges
(Kolmogorov-Smirnov). Edges are quantiles of the data (bins of about the same weight); a column of at most 20 different
values has a bin for each. Values of text columns are not kept: they may name people.
"""

from __future__ import annotations

import math
import sys
import time
from typing import Any

from mlops_nb.capture.data.frames import PLAIN

__all__ = ["profile_frame"]

SAMPLE_ROWS = 20_000
SAMPLE_CELLS = 1_000_000
COLUMN_LIMIT = 300
SECONDS = 0.25
"""A brake, not the rule: the limits above keep a profile below 50 ms, in the same way on every machine."""

BINS = 20
TOP = 20
RARE = 200
SEED = 0
_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def profile_frame(frame: object, *, seconds: float = SECONDS) -> dict[str, Any]:
    """Rows, schema and summary statistics; the shape is in this module's docstring.

    Parameters
    ----------
    frame : pandas or polars frame or series, pyarrow table, numpy array (1-D or 2-D), dict of arrays
        Not changed. Large ones are sampled with a seed of their own: the user's random state is not touched.
    seconds : float
        When they are over, the columns that are left are named only.

    Returns
    -------
    dict
        Plain JSON; empty for what is no frame or cannot be read.

    Examples
    --------
    >>> import numpy as np
    >>> profile = profile_frame({"x": np.array([0.0, 1.0, 1.0, float("nan")])})
    >>> profile["rows"], profile["columns"][0]["histogram"]
    (4, {'edges': [0.0, 0.0, 1.0], 'counts': [1, 2]})
    """
    try:
        return _profile(frame, seconds)
    except Exception:  # a third party's frame may refuse anything: then there is no profile
        return {}


def _profile(frame: Any, seconds: float) -> dict[str, Any]:
    found = _columns(frame)
    if found is None:
        return {}
    rows, columns = found
    import numpy

    limit = max(1000, min(SAMPLE_ROWS, SAMPLE_CELLS // max(1, len(columns))))
    chosen = None
    if rows > limit:
        # A generator of its own, seeded: neither NumPy's global state nor fresh entropy is used up
        chosen = numpy.sort(numpy.random.Generator(numpy.random.PCG64(SEED)).integers(0, rows, limit))
    deadline = time.perf_counter() + seconds
    described = []
    for name, dtype, values in columns[:COLUMN_LIMIT]:
        entry: dict[str, Any] = {"name": name, "dtype": dtype}
        if time.perf_counter() > deadline:
            entry |= {"kind": "other", "skipped": True}
        else:
            try:
                entry |= _describe(_take(values, chosen))
            except Exception:  # one odd column does not cost the others
                entry |= {"kind": "other"}
        described.append(entry)
    return {
        "kind": f"{type(frame).__module__.partition('.')[0]}.{type(frame).__name__}",
        "rows": rows,
        "columns_total": len(columns),
        "sampled": None if chosen is None else {"rows": limit, "seed": SEED},
        "columns": described,
    }


def _columns(frame: Any) -> tuple[int, list[tuple[str, str, Any]]] | None:
    """Rows, and (name, type, values) of each column; None if it is no frame."""
    modules = sys.modules
    pandas, polars, arrow, numpy = (modules.get(name) for name in ("pandas", "polars", "pyarrow", "numpy"))
    if pandas is not None and isinstance(frame, pandas.Series):
        return len(frame), [(_name(frame.name, 0), str(frame.dtype), frame)]
    if pandas is not None and isinstance(frame, pandas.DataFrame):
        series = [(_name(name, i), frame.iloc[:, i]) for i, name in enumerate(frame.columns)]
        return len(frame), [(name, str(each.dtype), each) for name, each in series]
    if polars is not None and isinstance(frame, polars.DataFrame | polars.Series):
        frame = frame.to_frame() if isinstance(frame, polars.Series) else frame
        return frame.height, [(name, str(frame.schema[name]), frame.get_column(name)) for name in frame.columns]
    if arrow is not None and isinstance(frame, arrow.Table | arrow.RecordBatch):
        return frame.num_rows, [(field.name, str(field.type), frame.column(i)) for i, field in enumerate(frame.schema)]
    if numpy is not None and isinstance(frame, numpy.ndarray) and frame.ndim in (1, 2):
        if frame.dtype.names:
            return len(frame), [(name, str(frame.dtype[name]), frame[name]) for name in frame.dtype.names]
        array = frame.reshape(len(frame), -1)
        return len(frame), [(str(i), str(frame.dtype), array[:, i]) for i in range(array.shape[1])]
    if type(frame) is dict and frame and numpy is not None:
        arrays = {key: numpy.asarray(value) for key, value in frame.items() if isinstance(value, numpy.ndarray | list)}
        lengths = {len(array) for array in arrays.values() if array.ndim == 1}
        if len(arrays) == len(frame) and len(lengths) == 1:
            named = ((_name(key, i), value) for i, (key, value) in enumerate(arrays.items()))
            return lengths.pop(), [(name, str(value.dtype), value) for name, value in named]
    return None


def _name(name: Any, position: int) -> str:
    if type(name) is str:
        return name
    if type(name) in PLAIN and name is not None:
        return str(name)
    if type(name) is tuple and {*map(type, name)} <= PLAIN:
        return ".".join(str(part) for part in name)
    return f"column {position}"


def _take(values: Any, chosen: Any) -> Any:
    if chosen is None:
        return values
    if type(values).__module__.startswith("pandas"):
        return values.iloc[chosen]
    if type(values).__module__.startswith("pyarrow"):
        return values.take(sys.modules["pyarrow"].array(chosen))
    return values[chosen]


def _describe(values: Any) -> dict[str, Any]:
    """Everything but name and type, of a column that is small enough."""
    import numpy

    array, missing = _as_array(values)
    total = len(array)
    entry: dict[str, Any] = {"nullable": True, "count": int(total - missing.sum()), "missing": int(missing.sum())}
    array = array[~missing]
    if array.dtype.kind == "b":
        entry["nullable"] = bool(missing.any())
        return entry | {"kind": "boolean"} | _categories(array.astype(str).tolist())
    if array.dtype.kind in "iuf":
        entry["nullable"] = bool(missing.any()) or array.dtype.kind == "f"
        return entry | {"kind": "numeric"} | _numbers(array.astype(numpy.float64))
    if array.dtype.kind in "mM":
        return entry | _times(array)
    plain = array.tolist()
    if array.dtype.kind in "US" or {*map(type, plain)} <= PLAIN:
        return entry | _words([value if type(value) is str else str(value) for value in plain])
    return entry | {"kind": "other"}


def _as_array(values: Any) -> tuple[Any, Any]:
    """A NumPy array and a mask of what is missing, from a column of any library."""
    import numpy

    module = type(values).__module__.partition(".")[0]
    if module == "pandas":
        missing = values.isna().to_numpy(dtype=bool)
        kind = getattr(values.dtype, "kind", "O")
        if kind in "iufb" and not isinstance(values.dtype, numpy.dtype):  # masked and Arrow-backed numbers
            fill = values.fillna(False if kind == "b" else 0)
            return fill.to_numpy(dtype=bool if kind == "b" else numpy.float64), missing
        if kind == "M" and not isinstance(values.dtype, numpy.dtype):  # with a time zone
            return values.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(), missing
        return values.to_numpy(dtype=object if kind == "O" else None), missing
    if module == "polars":
        missing = values.is_null().to_numpy()
        array = values.to_numpy() if values.dtype.is_numeric() or values.dtype.is_temporal() else None
        array = numpy.array(values.to_list(), dtype=object) if array is None else array
    elif module == "pyarrow":
        missing = values.is_null().to_numpy(zero_copy_only=False) if hasattr(values, "type") else None
        array = values.to_numpy(zero_copy_only=False) if not hasattr(values, "chunks") else values.to_numpy()
    else:
        array, missing = values, numpy.zeros(len(values), dtype=bool)
    if array.dtype.kind == "f":
        missing = missing | numpy.isnan(array)
    elif array.dtype.kind in "mM":
        missing = missing | numpy.isnat(array)
    elif array.dtype.kind == "O":
        absent = (value is None or (type(value) is float and value != value) for value in array)
        missing = missing | numpy.fromiter(absent, bool, len(array))
        if {*map(type, array[~missing])} == {bool}:
            array = numpy.where(missing, False, array).astype(bool)
    return array, missing


def _numbers(array: Any) -> dict[str, Any]:
    import numpy

    finite = array[numpy.isfinite(array)]
    entry: dict[str, Any] = {"infinite": int(len(array) - len(finite))}
    if not len(finite):
        return entry
    ordered = numpy.sort(finite)
    different = numpy.unique(ordered[:: max(1, len(ordered) // 2000)]) if len(ordered) > 4000 else numpy.unique(ordered)
    if len(different) <= 1000 and len(ordered) > 4000:
        different = numpy.unique(ordered)
    with numpy.errstate(all="ignore"):
        entry |= {
            "mean": _finite(ordered.mean()),
            "std": _finite(ordered.std(ddof=1)) if len(ordered) > 1 else 0.0,
            "min": float(ordered[0]),
            "max": float(ordered[-1]),
            "distinct": len(different) if len(different) <= 1000 else None,
            "quantiles": dict(zip(map(str, _QUANTILES), numpy.quantile(ordered, _QUANTILES).tolist(), strict=True)),
            "histogram": _histogram(ordered, different),
        }
    return entry


def _histogram(ordered: Any, different: Any) -> dict[str, Any]:
    """Bins of about the same weight, closed on the right; one for each value if there are few."""
    import numpy

    if len(different) <= BINS:
        cuts = different[:-1]
    else:
        positions = (numpy.arange(1, BINS) * len(ordered)) // BINS
        cuts = numpy.unique(ordered[positions])
        cuts = cuts[cuts < ordered[-1]]
    below = numpy.searchsorted(ordered, cuts, side="right")
    counts = numpy.diff(numpy.concatenate(([0], below, [len(ordered)])))
    return {"edges": [float(ordered[0]), *map(float, cuts), float(ordered[-1])], "counts": [int(n) for n in counts]}


def _finite(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None


def _times(array: Any) -> dict[str, Any]:
    import numpy

    if array.dtype.kind == "m":
        return {"kind": "duration"} | _numbers(array / numpy.timedelta64(1, "s"))
    seconds = (array - numpy.datetime64(0, "s")) / numpy.timedelta64(1, "s")
    entry = {"kind": "datetime"} | _numbers(seconds)
    for key in ("mean", "std", "distinct", "quantiles", "infinite"):
        entry.pop(key, None)
    if len(array):
        entry |= {"min": str(array.min().astype("datetime64[s]")), "max": str(array.max().astype("datetime64[s]"))}
    return entry


def _words(words: list[str]) -> dict[str, Any]:
    """Categories if values come again and again; else text, of which only the lengths are kept."""
    import numpy

    distinct = len(set(words))
    if distinct > TOP and distinct > len(words) * 0.5:
        lengths = numpy.fromiter(map(len, words), numpy.float64, len(words))
        return {"kind": "text", "distinct": distinct, "length": _numbers(lengths)}
    return {"kind": "categorical"} | _categories(words)


def _categories(words: list[str]) -> dict[str, Any]:
    from collections import Counter

    counts = Counter(words)
    top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:TOP]
    found = {
        "distinct": len(counts),
        "top": [{"value": value[:100], "count": count} for value, count in top],
        "other": len(words) - sum(count for _, count in top),
    }
    if TOP < len(counts) <= TOP + RARE:
        found["rare"] = sorted({value[:100] for value in counts.keys() - {value for value, _ in top}})
    return found
