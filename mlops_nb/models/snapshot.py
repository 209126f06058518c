"""What a model was given in training, and what it said of that: the profile that monitoring compares with."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

from mlops_nb.capture.data.profiles import profile_frame
from mlops_nb.models.inputs import kind_of, plain_frame

LEAST_ROWS = 30
"""Fewer rows say nothing of a distribution."""

ASKED_ROWS = 5_000
"""Rows that the model is asked about, spread evenly over the data."""

TRIED = (10, 300)
"""Rows that tell how long asking takes: once what is the same for any number of rows, then the rest."""

ASKED_CELLS = 250_000
"""And at most so many values of them: a wide table is asked about fewer rows."""

SECONDS = 1.0
"""What asking may take, judged by a first few rows: a slow model is asked about fewer, a very slow one about none."""

PROFILE_SECONDS = 5.0
"""A column that was not profiled can never be judged: more time than a cell's frames get, of which most use 50 ms."""

REFERENCE = "reference:"
"""Fact of a run, followed by the model's path."""


def take_snapshot(predict: Callable[[Any], Any] | None, data: Any) -> dict[str, Any]:
    """Profile the data of a model, and what the model says of it.

    Parameters
    ----------
    predict : callable or None
        Asked about some of the rows; what it raises costs its part only.
    data : frame or array of two dimensions
        Not changed.

    Returns
    -------
    dict
        ``rows``, ``inputs`` and ``outputs`` (as from `profile_frame`); empty for what has too few rows or no columns.

    Examples
    --------
    >>> import pandas as pd
    >>> found = take_snapshot(lambda rows: rows["a"] * 2, pd.DataFrame({"a": range(100)}))
    >>> found["rows"], found["outputs"]["columns"][0]["name"], found["outputs"]["columns"][0]["max"]
    (100, 'prediction', 198.0)
    """
    kind = kind_of(data)
    if kind in ("polars", "arrow") or (kind == "mapping" and len(data)):
        data = plain_frame(data)
        kind = "frame"
    if kind not in ("frame", "array") or getattr(data, "ndim", 0) != 2 or len(data) < LEAST_ROWS:
        return {}
    inputs = profile_frame(data, seconds=PROFILE_SECONDS)
    if not inputs:
        return {}
    found: dict[str, Any] = {"rows": len(data), "inputs": inputs, "outputs": {}}
    if predict is not None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found["outputs"] = _ask(predict, data.iloc if kind == "frame" else data, *data.shape)
        except Exception:  # a model that refuses its data: then there is no reference for its predictions
            found["outputs"] = {}
    return found


def _ask(predict: Callable[[Any], Any], rows: Any, count: int, width: int) -> dict[str, Any]:
    """The profile of what the model says of some rows, drawn at random: data is often sorted, or goes in circles."""
    import numpy

    order = numpy.random.Generator(numpy.random.PCG64(0)).permutation(count)  # the user's random state is not touched
    most = min(count, ASKED_ROWS, ASKED_CELLS // max(1, width))
    spent, said = [], None
    for size in (min(TRIED[0], most), min(TRIED[1], most)):
        begun = time.perf_counter()
        said = predict(rows[numpy.sort(order[:size])])
        spent.append(time.perf_counter() - begun)
        if spent[-1] > SECONDS:
            break
    each = max((spent[-1] - spent[0]) / max(1, TRIED[1] - TRIED[0]), 1e-9)
    size = min(most, int(SECONDS / each))
    if len(spent) == 2 and size > TRIED[1]:
        said = predict(rows[numpy.sort(order[:size])])
    elif len(spent) == 1:
        return {}
    return profile_frame(name_outputs(said), seconds=PROFILE_SECONDS)


def name_outputs(said: Any) -> Any:
    """What a model said as columns, named as the request log names them: a single one is ``prediction``.

    Examples
    --------
    >>> sorted(name_outputs([1, 0]))
    ['prediction']
    >>> import numpy as np
    >>> sorted(name_outputs(np.zeros((3, 2))))
    ['0', '1']
    """
    import numpy

    kind = kind_of(said)
    if kind in ("polars", "arrow"):
        said, kind = plain_frame(said), "frame"
    if kind == "frame":
        if said.shape[1] == 1:
            return {"prediction": said.iloc[:, 0].to_numpy()}
        return said
    if kind == "mapping":
        return {str(name): numpy.asarray(value).ravel() for name, value in said.items()}
    if kind == "tensor":
        said = said.detach().cpu().numpy()
    array = numpy.asarray(said)
    if array.ndim <= 1:
        return {"prediction": array.ravel()}
    array = array.reshape(len(array), -1)
    if array.shape[1] == 1:
        return {"prediction": array[:, 0]}
    return {str(number): array[:, number] for number in range(array.shape[1])}
