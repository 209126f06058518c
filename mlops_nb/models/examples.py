"""The input example of a model, as MLflow keeps it: JSON that a person can read and a server can take."""

from __future__ import annotations

import base64
import datetime
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_nb.errors import CorruptData, InvalidInput
from mlops_nb.models.inputs import kind_of, plain_frame

ROWS = 5
"""Rows of a frame or an array that are kept: an example is to be read, not a data set."""

FILE = "input_example.json"
SERVING_FILE = "serving_input_example.json"
_SIZE_LIMIT = 64 << 20


def split_params(example: Any) -> tuple[Any, dict[str, Any] | None]:
    """An example, and the params that MLflow's users give beside it as ``(example, params)``.

    Examples
    --------
    >>> split_params(([1, 2], {"k": 3}))
    ([1, 2], {'k': 3})
    """
    if isinstance(example, tuple) and len(example) == 2 and isinstance(example[1], dict):
        return example[0], example[1]
    return example, None


def cut(example: Any) -> Any:
    """The first rows of an example; what has no rows stays as it is.

    Examples
    --------
    >>> len(cut([1] * 100))
    5
    """
    kind = kind_of(example)
    if kind in ("frame", "series"):
        return example.iloc[:ROWS]
    if kind in ("polars", "arrow"):
        return plain_frame(example.head(ROWS) if kind == "polars" else example.slice(0, ROWS))
    if (kind in ("array", "tensor") and example.ndim) or kind == "sparse":
        return example[:ROWS]
    if kind in ("records", "list"):
        return list(example[:ROWS])
    if kind == "mapping" and example and all(kind_of(value) == "array" and value.ndim for value in example.values()):
        return {name: value[:ROWS] for name, value in example.items()}
    return example


def write_example(example: Any, params: Mapping[str, Any] | None, folder: Path) -> dict[str, Any]:
    """Write ``input_example.json`` and its form for a server.

    Returns
    -------
    dict
        What stands under ``saved_input_example_info`` in the MLmodel file.

    Raises
    ------
    InvalidInput
        If it holds what JSON cannot.
    """
    kind = kind_of(example)
    info: dict[str, Any] = {"artifact_path": FILE, "serving_input_path": SERVING_FILE}
    if kind in ("frame", "series", "polars", "arrow"):
        frame = plain_frame(example)
        rows = [[_plain(value) for value in row] for row in frame.astype(object).to_numpy().tolist()]
        content: Any = {"columns": [_plain(name) for name in frame.columns], "data": rows}
        serving: dict[str, Any] = {"dataframe_split": content}
        info |= {"type": "dataframe", "pandas_orient": "split"}
    else:
        arrays = kind == "array" or (kind == "mapping" and any(kind_of(value) == "array" for value in example.values()))
        if kind in ("tensor", "sparse"):
            example = example.detach().cpu().numpy() if kind == "tensor" else example.toarray()
        content = _plain(example)
        serving = {"inputs": content}
        info["type"] = "ndarray" if arrays or kind in ("tensor", "sparse") else "json_object"
    if params:
        info["params"] = "true"
        content = {"data": content, "params": _plain(dict(params))}
        serving["params"] = _plain(dict(params))
    (folder / FILE).write_text(json.dumps(content, allow_nan=True), encoding="utf-8")
    (folder / SERVING_FILE).write_text(json.dumps(serving, indent=2, allow_nan=True), encoding="utf-8")
    return info


def _plain(value: Any) -> Any:
    """JSON of a value; missing values are null."""
    if value is None or (isinstance(value, (bool, int, str)) and type(value).__module__ == "builtins"):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else float(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(each) for each in value]
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, (datetime.date, datetime.datetime, datetime.time)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(bytes(value)).decode("ascii")
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        if value.dtype.kind in "fiub" and value.shape:
            return value.tolist()  # an array has no null: NaN stands there as such, as in MLflow's examples
        return value.astype(str).tolist() if value.dtype.kind == "M" else _plain(value.tolist())
    if type(value).__name__ == "Decimal":
        return float(value)
    raise InvalidInput(
        f"An input example cannot hold a {type(value).__name__}.", hint="Give plain values, a frame or an array."
    )


def read_example(folder: Path, info: Mapping[str, Any]) -> tuple[Any, dict[str, Any] | None]:
    """The example as it was given (types by the signature), and its params.

    Raises
    ------
    CorruptData
        If it cannot be read.
    """
    path = folder / str(info.get("artifact_path", FILE))
    try:
        if path.stat().st_size > _SIZE_LIMIT:
            raise ValueError("it is too large")
        content = json.loads(path.read_text(encoding="utf-8"))
        params = None
        if info.get("params") and isinstance(content, dict) and {"data", "params"} <= content.keys():
            content, params = content["data"], content["params"]
        return _as_given(content, info), params
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise CorruptData(f"The model's input example {path.name} cannot be read: {error}.") from None


def _as_given(content: Any, info: Mapping[str, Any]) -> Any:
    kind = info.get("type")
    if kind == "dataframe":
        import pandas

        if info.get("pandas_orient", "split") == "split":
            return pandas.DataFrame(content["data"], columns=content.get("columns"))
        return pandas.DataFrame(content)
    if kind == "ndarray":
        import numpy

        if isinstance(content, dict):
            return {name: numpy.asarray(value) for name, value in content.items()}
        return numpy.asarray(content)
    if kind in ("sparse_matrix_csr", "sparse_matrix_csc"):
        from scipy import sparse

        make = sparse.csr_matrix if kind.endswith("csr") else sparse.csc_matrix
        return make((content["data"], content["indices"], content["indptr"]), shape=content["shape"])
    return content
