"""Curves of metrics, thinned in the server so that they look the same; a million points take milliseconds."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from mlops_nb.entities import Points
from mlops_nb.errors import InvalidInput
from mlops_nb.lab.context import Context, lab_route
from mlops_nb.lab.memory import Memory
from mlops_nb.lab.rows import check_ids
from mlops_nb.lab.shapes import CurvePoints, Curves, Number
from mlops_nb.panels.format import plain_json
from mlops_nb.server.routing import Request
from mlops_nb.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np

DEFAULT_POINTS = 800
MOST_POINTS = 5000
MOST_CURVES = 50


_memory = Memory(5000)


def spark_of(space: Workspace, run_id: str, metric: str, points: int, count: int) -> list[Number]:
    """A metric's values in a few points; it has `count` of them by now."""

    def work_out() -> list[Number]:
        history = space.store.history(run_id, metric)
        line: list[Number] = plain_json(thin_points(history, points)[1].tolist())
        return line

    return _memory.recall((space.store_url, run_id, metric, points, count), work_out)


def curve_of(
    space: Workspace, run_id: str, changed: int, name: str, asked: tuple[int, str, float | None, float | None]
) -> CurvePoints:
    """A metric's curve as it is drawn: `asked` is the number of points, what x is, and the ends of the view."""

    def work_out() -> CurvePoints:
        history = space.store.history(run_id, name)
        xs, ys, times = thin_points(history, asked[0], by=asked[1], low=asked[2], high=asked[3])
        low, high = extent_of(history)
        return {
            "name": name,
            "run_id": run_id,
            "count": len(history),
            "x": xs.tolist(),
            "y": plain_json(ys.tolist()),
            "times": times.tolist(),
            "min": plain_json(low),
            "max": plain_json(high),
            "last": plain_json(history.values[-1]) if len(history) else None,
        }

    return _memory.recall((space.store_url, run_id, changed, name, asked), work_out)


def extent_of(points: Points) -> tuple[float | None, float | None]:
    """The least and the greatest finite value.

    Examples
    --------
    >>> extent_of(Points())
    (None, None)
    """
    import numpy as np

    values = np.frombuffer(points.values, dtype="f8") if len(points) else np.empty(0)
    if len(values) and isfinite(low := float(values.min())) and isfinite(high := float(values.max())):
        return low, high
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if len(finite) else (None, None)


def thin_points(
    points: Points, limit: int, *, by: str = "step", low: float | None = None, high: float | None = None
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Fewer points that look the same: of each stretch the first, the lowest, the highest and the last are kept.

    Parameters
    ----------
    points : Points
    limit : int
        About so many are kept; fewer are given as they are.
    by : str
        ``step``, or ``time``: then x is in seconds since the first point.
    low, high : float, optional
        Ends of the view in units of x; the next point beyond each is kept, so that lines reach the border.

    Returns
    -------
    tuple of three arrays
        x, y and the times in milliseconds.

    Examples
    --------
    >>> from array import array
    >>> points = Points(array("d", [0.0] * 99 + [1.0]), array("q", range(100)), array("q", [0] * 100))
    >>> xs, ys, _ = thin_points(points, 8)
    >>> len(xs) <= 10, float(ys.max())
    (True, 1.0)
    """
    import numpy as np

    if not len(points):
        return np.empty(0), np.empty(0), np.empty(0, dtype="i8")
    ys, times = np.frombuffer(points.values, dtype="f8"), np.frombuffer(points.timestamps, dtype="i8")
    xs = np.frombuffer(points.steps, dtype="i8") if by == "step" else (times - times[0]) / 1000.0
    if (xs[1:] < xs[:-1]).any():
        order = np.argsort(xs, kind="stable")
        xs, ys, times = xs[order], ys[order], times[order]
    first = 0 if low is None else max(0, int(np.searchsorted(xs, low, "left")) - 1)
    last = len(xs) if high is None else min(len(xs), int(np.searchsorted(xs, high, "right")) + 1)
    xs, ys, times = xs[first:last], ys[first:last], times[first:last]
    if len(xs) <= limit:
        return xs, ys, times
    kept = _places(ys, max(2, limit // 4))
    return xs[kept], ys[kept], times[kept]


def _places(ys: np.ndarray[Any, Any], stretches: int) -> np.ndarray[Any, Any]:
    """Where the first, the lowest, the highest and the last value of each stretch stand; a gap keeps its place."""
    import numpy as np

    count = len(ys)
    width = -(-count // stretches)
    starts = np.arange(0, count, width)
    ends = np.minimum(starts + width, count) - 1
    is_whole = isfinite(ys.min()) and isfinite(ys.max())  # where there is a NaN, both are
    padded = np.full(len(starts) * width, ys[-1] if is_whole else np.nan)
    padded[:count] = ys
    table = padded.reshape(len(starts), width)
    if is_whole:
        lows, highs = table.argmin(axis=1) + starts, table.argmax(axis=1) + starts
        return np.unique(np.concatenate([starts, lows, highs, ends]))
    finite = np.isfinite(table)
    lows = np.where(finite, table, np.inf).argmin(axis=1) + starts
    highs = np.where(finite, table, -np.inf).argmax(axis=1) + starts
    inside = (np.arange(len(padded)) < count).reshape(table.shape)
    broken = ~finite & inside
    gaps = np.where(broken.any(axis=1), broken.argmax(axis=1) + starts, starts)
    kept: np.ndarray[Any, Any] = np.unique(np.concatenate([starts, lows, highs, gaps, ends]))
    return kept[kept < count]


def _asked(request: Request) -> tuple[int, str, float | None, float | None]:
    fields = request.fields
    by = fields.get("x", "step")
    if by not in ("step", "time"):
        raise InvalidInput(f"There is no axis {by[:40]!a}.", hint="Use step or time.")
    points = max(10, min(fields.get("points", DEFAULT_POINTS), MOST_POINTS))
    return points, by, fields.get("from"), fields.get("to")


def list_curves(context: Context, request: Request) -> Curves:
    """The curves of a run."""
    from mlops_nb.tracking.reading import find_run

    run = find_run(request.path["run"], request.space)
    names = request.fields.get("names") or list(run.metrics)[:20]
    names = [name for name in names[:MOST_CURVES] if name in run.metrics]
    asked = _asked(request)
    return {"curves": [curve_of(request.space, run.run_id, run.changed, name, asked) for name in names]}


def overlay_curves(context: Context, request: Request) -> Curves:
    """One metric of several runs."""
    name, asked = request.fields["name"], _asked(request)
    runs = [request.space.store.get_run(run_id) for run_id in check_ids(request.fields["runs"], MOST_CURVES)]
    held = [run for run in runs if name in run.metrics]
    return {"curves": [curve_of(request.space, run.run_id, run.changed, name, asked) for run in held]}


_VIEW = {"points": "int", "x": "text", "from": "float", "to": "float"}

ROUTES = (
    lab_route("GET", "/runs/{run}/curves", list_curves, Curves, fields={**_VIEW, "names": "texts"}),
    lab_route("GET", "/curves", overlay_curves, Curves, fields={**_VIEW, "runs": "texts!", "name": "text!"}),
)
