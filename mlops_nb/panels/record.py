"""Runs as plain JSON: the shape of ``runs --json`` and of our mime types."""

from __future__ import annotations

from typing import Any

from mlops_nb.entities import Points, Run
from mlops_nb.panels.format import iso_time, plain_json
from mlops_nb.panels.sampling import curve, thin


def run_record(run: Run) -> dict[str, Any]:
    """Copy a run into the public JSON shape; NaN and infinities are strings.

    Parameters
    ----------
    run : Run
        The run as the store gives it.

    Returns
    -------
    dict
        ``run_id, name, experiment, status, start_time, end_time`` (ISO 8601, UTC), ``params, metrics, tags,
        parent_run_id, notebook, cell_id, revision, stage``.

    Examples
    --------
    >>> from mlops_nb.entities import Status
    >>> run_record(Run("1", "n", "0", "e", Status.FINISHED, 0, 1500))["end_time"]
    '1970-01-01T00:00:01.500Z'
    """
    record: dict[str, Any] = plain_json(
        {
            "run_id": run.run_id,
            "name": run.name,
            "experiment": run.experiment,
            "status": run.status.value,
            "start_time": iso_time(run.start_time),
            "end_time": None if run.end_time is None else iso_time(run.end_time),
            "params": run.params,
            "metrics": run.metrics,
            "tags": run.tags,
            "parent_run_id": run.parent_run_id,
            "notebook": run.notebook,
            "cell_id": run.cell_id,
            "revision": run.revision,
            "stage": run.stage,
        }
    )
    return record


def curve_record(points: Points, limit: int = 200) -> dict[str, Any]:
    """Thin a metric's points into JSON columns, by step.

    Examples
    --------
    >>> from array import array
    >>> curve_record(Points(array("d", [0.5, float("nan")]), array("q", [0, 1]), array("q", [0, 0])))
    {'steps': [0, 1], 'values': [0.5, 'NaN'], 'count': 2}
    """
    line = thin(curve(points), limit)
    return {"steps": plain_json(list(line.xs)), "values": plain_json(list(line.ys)), "count": len(points)}
