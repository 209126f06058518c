"""What a user logs by hand: metrics, params and tags of the active run, with MLflow's names, order and meanings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlops_nb.entities import Metric
from mlops_nb.tracking import active
from mlops_nb.tracking.fluent import logged_run


def log_metric(
    key: str,
    value: float,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
) -> None:
    """Append one point of a metric to the active run; with steps it is a curve.

    Parameters
    ----------
    key : str
        At most 500 characters.
    value : float
        Any number; NaN and infinities are kept exactly.
    step : int, optional
        0 by default; may be negative, repeated and unordered.
    synchronous : bool, optional
        For MLflow's sake: what this acknowledges is safe at once, and nobody waits for the store.
    timestamp : int, optional
        Milliseconds since the epoch; now by default.
    run_id : str, optional
        Another run, open or over; it stays as it is but for this.

    Raises
    ------
    InvalidInput
        If `value` is not a number, or `key` cannot be a name.

    Examples
    --------
    >>> from mlops_nb import start_run
    >>> with start_run() as run:
    ...     for step in range(3): log_metric("loss", 1 / (step + 1), step=step)
    >>> run.data.metrics
    {'loss': 0.3333333333333333}
    """
    run = active.bound.get() if run_id is None else None
    (run or logged_run(run_id)).log_metric(key, value, step, timestamp)


def log_metrics(
    metrics: Mapping[str, Any],
    step: Any = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: Any = None,
) -> None:
    """Append points of several metrics; values may be arrays, with an array of steps: the fast way for many points.

    Parameters
    ----------
    metrics : mapping of str to float or sequence of float, shape (n,)
    step : int or sequence of int, shape (n,), optional
    synchronous, run_id
        As for `log_metric`.
    timestamp : int or sequence of int, shape (n,), optional

    Examples
    --------
    >>> from mlops_nb import start_run
    >>> with start_run() as run: log_metrics({"loss": [0.5, 0.25]}, step=[10, 20])
    >>> run.data.metrics
    {'loss': 0.25}
    """
    logged_run(run_id).log_metrics(metrics, step, timestamp)


def log_batch(
    metrics: Iterable[Metric] = (), params: Mapping[str, Any] | None = None, tags: Mapping[str, Any] | None = None
) -> None:
    """Record metrics (as `mlops_nb.entities.Metric`), params and tags in one call.

    Examples
    --------
    >>> from mlops_nb import start_run
    >>> with start_run() as run: log_batch([Metric("a", 1.0, step=0), Metric("a", 2.0, step=1)], {"lr": 0.1})
    >>> run.data.metrics, run.data.params
    ({'a': 2.0}, {'lr': 0.1})
    """
    logged_run().log_batch(metrics, params, tags)


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:
    """Record a param of the active run, with its type; returns `value`. Logged again it is amended, with its history.

    Examples
    --------
    >>> from mlops_nb import start_run
    >>> with start_run() as run: _ = log_param("lr", 0.1)
    >>> run.data.params
    {'lr': 0.1}
    """
    logged_run().log_params({key: value})
    return value


def log_params(params: Mapping[str, Any], synchronous: bool | None = None, run_id: str | None = None) -> None:
    """Record several params, of the active run or of another one.

    Examples
    --------
    >>> from mlops_nb import start_run
    >>> with start_run() as run: log_params({"lr": 0.1, "depth": 3})
    """
    logged_run(run_id).log_params(params)


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> None:
    """Set a tag of the active run.

    Examples
    --------
    >>> from mlops_nb import start_run
    >>> with start_run() as run: set_tag("team", "risk")
    """
    logged_run().set_tags({key: value})


def set_tags(tags: Mapping[str, Any], synchronous: bool | None = None) -> None:
    """Set several tags.

    Examples
    --------
    >>> from mlops_nb import start_run
    >>> with start_run() as run: set_tags({"team": "risk", "data": "2026-11"})
    """
    logged_run().set_tags(tags)


def delete_tag(key: str) -> None:
    """Take a tag of the active run away.

    Examples
    --------
    >>> from mlops_nb import start_run
    >>> with start_run(tags={"a": "b"}) as run: delete_tag("a")
    """
    logged_run().delete_tag(key)
