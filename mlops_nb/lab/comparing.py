"""Routes of several runs at once: comparison and lineage."""

from __future__ import annotations

import html
import math
import time
from collections.abc import Sequence
from typing import Any

from mlops_nb.entities import Run
from mlops_nb.lab.context import Context, lab_route
from mlops_nb.lab.rows import make_rows
from mlops_nb.lab.shapes import Compared, Lineage
from mlops_nb.panels.compare_record import check_count, compare_record
from mlops_nb.panels.format import elide, show_text
from mlops_nb.server.routing import Request, Text
from mlops_nb.workspace import Workspace

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>body {{ font: 14px/1.5 system-ui, sans-serif; margin: 32px; color: #1c1c1c; background: #fff }}
h1 {{ font-size: 20px; margin: 0 }} .about {{ color: #5c5c5c; margin: 4px 0 22px }}</style></head>
<body><h1>{title}</h1><p class="about">{about}</p>
{body}</body></html>
"""
POINTS = 800
"""About so many points of a curve are compared."""

AXES = 12
FEWEST = 4
"""Runs from which on importance says anything."""


class _Source:
    """Runs for the record of a comparison; of a long curve only the outline is read."""

    def __init__(self, space: Workspace) -> None:
        from mlops_nb.verbs.source import StoreSource

        self._source, self._store = StoreSource(space), space.store

    def page(self, *asked: Any) -> Any:
        return self._source.page(*asked)

    def view(self, run_id: str) -> Any:
        return self._source.view(run_id)

    def history(self, run_id: str, key: str) -> Any:
        return self._store.outline(run_id, key, points=POINTS).points


def compare(context: Context, request: Request) -> Compared:
    """Runs side by side, the first being what the others are measured against."""
    space, run_ids = request.space, list(dict.fromkeys(request.fields["runs"]))
    check_count(run_ids)
    record = compare_record(_Source(space), run_ids)
    runs = [space.store.get_run(each["run_id"]) for each in record["runs"]]
    axes = axes_of(runs)
    return {
        "runs": record["runs"],
        "sections": record["sections"],
        "curves": record["curves"],
        "parallel": record["parallel"],
        "blocks": [{"title": title, "diff": diff} for title, diff in record["code"]],
        "outputs": record["outputs"],
        "rows": make_rows(context.places, space, runs),
        "axes": axes,
        "importance": importance_of(runs, axes),
    }


def axes_of(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Params that differ and are short enough for an axis, and metrics.

    Examples
    --------
    >>> axes_of([])
    {'params': [], 'metrics': []}
    """
    found: dict[str, list[str]] = {"params": [], "metrics": []}
    for kind, chosen in found.items():
        for key in dict.fromkeys(key for run in runs for key in getattr(run, kind)):
            given = [str(getattr(run, kind)[key]) for run in runs if key in getattr(run, kind)]
            is_of_most = len(given) * 2 > len(runs) and len(set(given)) > 1
            if len(chosen) < AXES and is_of_most and all(len(value) <= 40 for value in given):
                chosen.append(key)
    return found


def importance_of(runs: Sequence[Run], axes: dict[str, list[str]]) -> list[dict[str, Any]]:
    """How much of a metric's spread each param explains, from 0 to 1: the square of the rank correlation for numbers,
    the part of the variance that lies between groups for what is no number."""
    if len(runs) < FEWEST:
        return []
    found = []
    for metric in axes["metrics"][:3]:
        for param in axes["params"]:
            pairs = [(run.params[param], run.metrics[metric]) for run in runs if _has_both(run, param, metric)]
            value = explained(pairs)
            if value is not None:
                found.append({"param": param, "metric": metric, "value": round(value, 4)})
    return sorted(found, key=lambda each: (each["metric"], -float(each["value"])))


def _has_both(run: Run, param: str, metric: str) -> bool:
    return param in run.params and math.isfinite(run.metrics.get(metric, math.nan))


def explained(pairs: Sequence[tuple[Any, float]]) -> float | None:
    """The part of the second values' spread that the first ones explain; None if that cannot be said.

    Examples
    --------
    >>> explained([(1, 10.0), (2, 20.0), (3, 30.0), (4, 40.0)]), explained([("a", 1.0)])
    (1.0, None)
    """
    if len(pairs) < FEWEST or len({value for _, value in pairs}) < 2:
        return None
    numeric = all(isinstance(each, (int, float)) and not isinstance(each, bool) for each, _ in pairs)
    ys = _ranks([value for _, value in pairs])
    mean = sum(ys) / len(ys)
    total = sum((y - mean) ** 2 for y in ys)
    if numeric:
        xs = _ranks([float(each) for each, _ in pairs])
        middle = sum(xs) / len(xs)
        spread = sum((x - middle) ** 2 for x in xs)
        if spread == 0:
            return None
        return sum((x - middle) * (y - mean) for x, y in zip(xs, ys, strict=True)) ** 2 / (spread * total)
    groups: dict[str, list[float]] = {}
    for (each, _), y in zip(pairs, ys, strict=True):
        groups.setdefault(str(each), []).append(y)
    if len(groups) in (1, len(pairs)):
        return None
    return sum(len(held) * (sum(held) / len(held) - mean) ** 2 for held in groups.values()) / total


def _ranks(values: Sequence[float]) -> list[float]:
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for place in order[start : end + 1]:
            ranks[place] = (start + end) / 2
        start = end + 1
    return ranks


def export_comparison(context: Context, request: Request) -> Text:
    """A comparison as one HTML file that needs nothing else."""
    from mlops_nb.comparison import compare_runs
    from mlops_nb.panels.compare_record import AROUND, metric_keys
    from mlops_nb.panels.comparison import comparison_table

    run_ids = list(dict.fromkeys(request.fields["runs"]))
    check_count(run_ids)
    source = _Source(request.space)
    views = [source.view(run_id) for run_id in run_ids]
    runs, comparison = [view.run for view in views], compare_runs(views)
    curves: dict[str, dict[str, Any]] = {}
    for key in metric_keys(runs):
        lines = {run.run_id: source.history(run.run_id, key) for run in runs if key in run.metrics}
        curves |= {key: lines} if any(len(points) > 1 for points in lines.values()) else {}
    bundle = comparison_table(
        runs, sections=comparison.sections(*AROUND), code_diff=comparison.code_diff, curves=curves
    )
    title = f"{len(runs)} runs compared"
    names = ", ".join(dict.fromkeys(elide(show_text(run.experiment), 60) for run in runs))
    about = f"{names} · {time.strftime('%Y-%m-%d %H:%M %Z')} · what is the same is left out"
    page = PAGE.format(title=title, about=html.escape(about), body=bundle["text/html"])
    return Text(page, "text/html; charset=utf-8", "comparison.html")


def show_lineage(context: Context, request: Request) -> Lineage:
    """What something came from, and what came from it, with a picture."""
    from mlops_nb.panels.graph import Node, lineage_view
    from mlops_nb.registry.history import model_lineage

    graph = model_lineage(request.fields["start"], request.space)
    nodes = [Node(each.id, each.label, each.kind, each.detail, each.id == graph.start) for each in graph.nodes.values()]
    drawn = lineage_view(nodes, [(edge.source, edge.target) for edge in graph.edges])
    plain = graph.as_json()
    return {
        "start": plain["start"], "nodes": plain["nodes"], "edges": plain["edges"], "truncated": plain["truncated"],
        "svg": drawn["text/html"],
    }  # fmt: skip


ROUTES = (
    lab_route("GET", "/compare", compare, Compared, fields={"runs": "texts!"}),
    lab_route("GET", "/compare.html", export_comparison, str, fields={"runs": "texts!"}),
    lab_route("GET", "/lineage", show_lineage, Lineage, fields={"start": "text!"}),
)
