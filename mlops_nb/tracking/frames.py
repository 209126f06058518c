"""Runs as a pandas DataFrame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from mlops_nb.entities import Run
from mlops_nb.views import artifact_uri

_DTYPES: dict[type | None, str] = {int: "int64", float: "float64", bool: "bool"}
FIELDS = (
    "run_id",
    "name",
    "experiment",
    "experiment_id",
    "status",
    "artifact_uri",
    "start_time",
    "end_time",
    "parent_run_id",
    "notebook",
    "cell_id",
    "revision",
    "stage",
    "user",
)


def runs_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """A row a run; ``metrics.*`` float64, ``params.*`` with the types they had, ``tags.*``.

    Parameters
    ----------
    runs : sequence of Run, length n

    Returns
    -------
    DataFrame, shape (n, 14 + number of distinct metrics, params and tags)

    Examples
    --------
    >>> runs_frame([]).shape
    (0, 14)
    """
    columns: dict[str, Any] = {name: [getattr(run, name, None) for run in runs] for name in FIELDS}
    columns["artifact_uri"] = [artifact_uri(run.run_id) for run in runs]
    columns["status"] = [str(run.status) for run in runs]
    for name in ("start_time", "end_time"):
        columns[name] = pd.to_datetime(pd.array(columns[name], dtype="Int64"), unit="ms", utc=True)
    columns.update(_spread("metrics", [run.metrics for run in runs], float("nan"), "float64"))
    columns.update(_spread("params", [run.params for run in runs], None, None))
    columns.update(_spread("tags", [run.data.tags for run in runs], None, None))
    return pd.DataFrame(columns)


def _spread(group: str, dicts: list[dict[str, Any]], missing: Any, dtype: str | None) -> dict[str, Any]:
    """Columns of a list of dicts. A column keeps Python objects unless all of its values are of one numeric type."""
    keys = sorted({key for item in dicts for key in item})
    spread: dict[str, Any] = {}
    for key in keys:
        values = [item.get(key, missing) for item in dicts]
        if dtype is None:
            kinds = {type(value) for value in values}
            same = next(iter(kinds)) if len(kinds) == 1 else None
            spread[f"{group}.{key}"] = pd.Series(
                values, dtype=_DTYPES.get(same, object)
            )
        else:
            spread[f"{group}.{key}"] = pd.Series(values, dtype=dtype)
    return spread
