"""Curves of metrics, thinned where they are stored so that they look the same; a million points take milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from mlops_nb.entities import Run
from mlops_nb.errors import InvalidInput
from mlops_nb.lab.context import Context, lab_route
from mlops_nb.lab.memory import Memory
from mlops_nb.lab.rows import check_ids
from mlops_nb.lab.shapes import CurvePoints, Curves, Number
from mlops_nb.panels.format import plain_json
from mlops_nb.server.routing import Request
from mlops_nb.workspace import Workspace

DEFAULT_POINTS = 800
MOST_POINTS = 5000
MOST_CURVES = 50
SIDE_BY_SIDE = 2
"""Curves that are read at once: most of it is copying and comparing, for which threads do not wait for each other."""

Asked = tuple[int, str, float | None, float | None]

_memory = Memory(5000)


def spark_of(space: Workspace, run_id: str, metric: str, points: int, count: int) -> list[Number]:
    """A metric's values in a few points; it has `count` of them by now."""

    def work_out() -> list[Number]:
        line: list[Number] = plain_json(space.store.outline(run_id, metric, points=points).points.values.tolist())
        return line

    return _memory.recall((space.store_url, run_id, metric, points, count), work_out)


def curve_of(space: Workspace, run_id: str, changed: int, name: str, asked: Asked) -> CurvePoints:
    """A metric's curve as it is drawn: `asked` is the number of points, what x is, and the ends of the view."""

    def work_out() -> CurvePoints:
        points, by, low, high = asked
        found = space.store.outline(run_id, name, points=points, by=by, low=low, high=high)
        kept, start = found.points, found.start
        xs: list[Number] = [*kept.steps] if by == "step" else [(each - start) / 1000.0 for each in kept.timestamps]
        return {
            "name": name,
            "run_id": run_id,
            "count": found.count,
            "x": xs,
            "y": plain_json(kept.values.tolist()),
            "times": kept.timestamps.tolist(),
            "min": plain_json(found.low),
            "max": plain_json(found.high),
            "last": plain_json(found.last),
        }

    return _memory.recall((space.store_url, run_id, changed, name, asked), work_out)


def _curves_of(space: Workspace, wanted: Sequence[tuple[Run, str]], asked: Asked) -> Curves:
    def one(each: tuple[Run, str]) -> CurvePoints:
        run, name = each
        return curve_of(space, run.run_id, run.changed, name, asked)

    with ThreadPoolExecutor(SIDE_BY_SIDE) as readers:
        return {"curves": list(readers.map(one, wanted))}


def _asked(request: Request) -> Asked:
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
    return _curves_of(request.space, [(run, name) for name in names], asked)


def overlay_curves(context: Context, request: Request) -> Curves:
    """One metric of several runs."""
    name, asked = request.fields["name"], _asked(request)
    runs = [request.space.store.get_run(run_id) for run_id in check_ids(request.fields["runs"], MOST_CURVES)]
    held = [run for run in runs if name in run.metrics]
    return _curves_of(request.space, [(run, name) for run in held], asked)


_VIEW = {"points": "int", "x": "text", "from": "float", "to": "float"}

ROUTES = (
    lab_route("GET", "/runs/{run}/curves", list_curves, Curves, fields={**_VIEW, "names": "texts"}),
    lab_route("GET", "/curves", overlay_curves, Curves, fields={**_VIEW, "runs": "texts!", "name": "text!"}),
)
