"""Runs as plain JSON for front ends: strict, and encodable whatever a name holds."""

from __future__ import annotations

from typing import Any

from mlops_nb.entities import Points, Run
from mlops_nb.panels.format import plain_json
from mlops_nb.panels.sampling import curve, thin
from mlops_nb.tracking.shapes import run_json


def run_record(run: Run) -> dict[str, Any]:
    """Copy a run into the public JSON shape (that of ``runs --json``); NaN and infinities are strings.

    Examples
    --------
    >>> from mlops_nb.entities import Status
    >>> run_record(Run("1", "n", "0", "e", Status.FINISHED, 0, 1500, metrics={"x": float("inf")}))["metrics"]
    {'x': 'Infinity'}
    """
    record: dict[str, Any] = plain_json(run_json(run))
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
