"""Columns of a table of runs, by MLflow's names: ``metrics.acc``, ``params.lr``, ``tags.team``, ``duration``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from mlops_nb.entities import Run
from mlops_nb.panels.format import better_direction, show_column, show_duration, show_time, show_value

ATTRIBUTES = {
    "name": "name",
    "status": "status",
    "experiment": "experiment",
    "start_time": "started",
    "duration": "duration",
    "run_id": "id",
    "revision": "revision",
    "notebook": "notebook",
    "user": "user",
    "stage": "stage",
}
"""Columns that are no param, metric or tag, and how they are headed."""


def column_label(column: str) -> str:
    """Head a column.

    Examples
    --------
    >>> column_label("metrics.val/acc"), column_label("start_time")
    ('val/acc', 'started')
    """
    kind, dot, key = column.partition(".")
    return key if dot and kind in ("metrics", "params", "tags") else ATTRIBUTES.get(column, column)


def column_value(run: Run, column: str) -> Any:
    """Look up a run's value in a column; None if it has none.

    Examples
    --------
    >>> from mlops_nb.entities import Status
    >>> column_value(Run("1", "n", "0", "e", Status.FINISHED, 0, 1500, params={"lr": 0.1}), "params.lr")
    0.1
    """
    kind, dot, key = column.partition(".")
    if dot and kind in ("metrics", "params", "tags"):
        values: dict[str, Any] = getattr(run, kind)
        return values.get(key)
    if column == "duration":
        return run.duration_ms
    return str(run.status.value) if column == "status" else getattr(run, column, None)


def column_texts(runs: Sequence[Run], column: str, *, limit: int = 40) -> list[str]:
    """Format a whole column, so that numbers stand below each other.

    Examples
    --------
    >>> from mlops_nb.entities import Status
    >>> rows = [Run("1", "n", "0", "e", Status.FINISHED, 0, metrics={"acc": v}) for v in (0.95, 0.9312)]
    >>> column_texts(rows, "metrics.acc")
    ['0.9500', '0.9312']
    """
    values = [column_value(run, column) for run in runs]
    if column.startswith("metrics."):
        return show_column(values)
    if column == "duration":
        return [show_duration(value) for value in values]
    if column == "start_time":
        return [show_time(value) for value in values]
    missing = [column.startswith("params.") and column.partition(".")[2] not in run.params for run in runs]
    # A param of None is a value; a param that a run does not have is not.
    return [
        "" if gone or (value is None and not column.startswith("params.")) else show_param(value, limit)
        for value, gone in zip(values, missing, strict=True)
    ]


def show_param(value: Any, limit: int = 40) -> str:
    """Show a param for reading: long floats in six digits, the rest as it was given.

    Examples
    --------
    >>> [show_param(v) for v in (0.0029648350275701266, 0.1, 1e-05, 3, "adam")]
    ['0.00296484', '0.1', '1e-05', '3', 'adam']
    """
    if isinstance(value, float) and len(repr(value)) > 9:
        return f"{value:.6g}"
    return show_value(value, limit)


def is_numeric(runs: Iterable[Run], column: str) -> bool:
    """Tell whether a column holds numbers only, and so stands to the right.

    Examples
    --------
    >>> is_numeric([], "metrics.acc"), is_numeric([], "name")
    (True, False)
    """
    if column.startswith("metrics.") or column in ("duration", "revision"):
        return True
    if column == "start_time":
        return False
    values = [value for run in runs if (value := column_value(run, column)) is not None]
    return bool(values) and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)


def choose_columns(runs: Sequence[Run], *, metrics: int = 5, params: int = 6) -> list[str]:
    """Choose what a table shows when nobody said: what most runs have, and of the params those that differ first.

    Parameters
    ----------
    runs : sequence of Run
        The rows.
    metrics, params : int
        At most so many of each.

    Returns
    -------
    list of str
        Column names, those that matter most first.

    Examples
    --------
    >>> from mlops_nb.entities import Status
    >>> rows = [Run(str(i), "n", "0", "e", Status.FINISHED, 0, params={"a": 1, "lr": i}) for i in (1, 2)]
    >>> choose_columns(rows)
    ['status', 'name', 'start_time', 'duration', 'params.lr', 'params.a']
    """
    columns = ["status", "name"]
    columns += ["experiment"] if len({run.experiment for run in runs}) > 1 else []
    columns += ["start_time", "duration"]
    counted: Counter[str] = Counter()
    for run in runs:
        # A run's few metrics say more of it than one of its hundred: a cell's score stands before an evaluation's list.
        counted.update(dict.fromkeys(run.metrics, 1 / max(1, len(run.metrics))))
    columns += [f"metrics.{key}" for key, _ in counted.most_common(metrics)]
    given = Counter(key for run in runs for key in run.params)
    order = sorted(given, key=lambda key: (-int(_varies(runs, key)), -given[key]))
    return columns + [f"params.{key}" for key in order[:params]]


def _varies(runs: Sequence[Run], key: str) -> bool:
    return len({repr(run.params[key]) for run in runs if key in run.params}) > 1


def best_rows(runs: Sequence[Run], column: str) -> set[int]:
    """Find the rows with the best value of a metric whose better direction is known.

    Examples
    --------
    >>> from mlops_nb.entities import Status
    >>> rows = [Run(str(i), "n", "0", "e", Status.FINISHED, 0, metrics={"loss": v}) for i, v in enumerate((3.0, 1.0))]
    >>> best_rows(rows, "metrics.loss")
    {1}
    """
    direction = better_direction(column.partition(".")[2]) if column.startswith("metrics.") else 0
    values = {i: run.metrics[key] for i, run in enumerate(runs) if (key := column.partition(".")[2]) in run.metrics}
    known = {i: value * direction for i, value in values.items() if value == value}
    if not direction or len(known) < 2:
        return set()
    top = max(known.values())
    best = {i for i, value in known.items() if value == top}
    return best if len(best) < len(known) else set()
