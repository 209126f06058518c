"""A comparison of runs as plain JSON for front ends, all HTML and SVG escaped; whoever draws it asks for it here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_nb.comparison import MISSING, RunView, compare_runs
from mlops_nb.entities import Run
from mlops_nb.errors import InvalidInput
from mlops_nb.panels.card import RUN_MIME
from mlops_nb.panels.charts import parallel_coordinates
from mlops_nb.panels.code import diff_block
from mlops_nb.panels.columns import show_param
from mlops_nb.panels.comparison import NONE, comparison_parts, differs
from mlops_nb.panels.format import elide, short_ids, show_change, show_lines, show_number, show_text, show_value
from mlops_nb.panels.record import curve_record
from mlops_nb.panels.source import RunsSource

MOST_RUNS = 50
CURVES = 12
CURVE_POINTS = 400
OUTPUT_LIMIT = 400_000
AROUND = ("data", "environment", "git", "randomness", "artifacts", "models", "error")
"""Parts of a comparison beside the run's own values."""


def check_count(run_ids: Sequence[str]) -> None:
    """Refuse fewer than 2 and more than 50 runs."""
    if not 2 <= len(run_ids) <= MOST_RUNS:
        raise InvalidInput(
            f"A comparison takes 2 to {MOST_RUNS} runs, not {len(run_ids)}.", hint="Tick the runs to compare."
        )


def compare_record(source: RunsSource, run_ids: Sequence[str]) -> dict[str, Any]:
    """Everything that the browser draws of a comparison, as plain JSON with all HTML and SVG escaped.

    Parameters
    ----------
    source : RunsSource
        Where the runs come from.
    run_ids : sequence of str
        2 to 50 ids.

    Returns
    -------
    dict
        ``runs``, ``sections`` (all rows, each told whether it differs), ``curves``, ``parallel`` (SVG), ``blocks``
        (title and HTML of code diffs), ``code`` (the same diffs as text) and ``outputs``.

    Examples
    --------
    >>> from mlops_nb.entities import Points, Status
    >>> class Two:
    ...     def view(self, run_id):
    ...         return RunView(Run(run_id, "fit", "0", "e", Status.FINISHED, 0, params={"n": run_id}))
    ...     def history(self, run_id, key): return Points()
    >>> compare_record(Two(), ["1", "2"])["sections"][1]["rows"][0]["cells"][1]["differs"]
    True
    """
    check_count(run_ids)
    views = [source.view(run_id) for run_id in run_ids]
    runs = [view.run for view in views]
    comparison = compare_runs(views)
    ids = short_ids(run.run_id for run in runs)
    parts = comparison_parts(runs, comparison.sections(*AROUND, differences_only=False))
    code = [
        (f"Code: {elide(show_text(run.name), 60)} against {elide(show_text(runs[0].name), 60)}", diff)
        for run, diff in zip(runs[1:], comparison.code_diffs, strict=False)
        if diff
    ]
    return {
        "runs": [
            {"run_id": r.run_id, "short": ids[r.run_id], "name": elide(show_text(r.name), 80), "status": r.status.value}
            for r in runs
        ],
        "sections": [{"title": title, "rows": [_row(title, *row) for row in rows]} for title, rows in parts.items()],
        "curves": _curves(source, runs),
        "parallel": _parallel(runs),
        "blocks": [(title, diff_block(diff)) for title, diff in code],
        "code": [(title, show_lines(diff)) for title, diff in code],
        "outputs": [{"name": elide(show_text(view.run.name), 60), "parts": output_parts(view)} for view in views],
    }


def _row(title: str, name: str, values: Sequence[Any]) -> dict[str, Any]:
    cells: list[dict[str, Any]] = []
    for value in values:
        if value is MISSING:
            cells.append({"text": NONE, "title": "none", "differs": values[0] is not MISSING})
        elif title == "metrics":
            change = show_change(name, value, values[0]) if cells and values[0] is not MISSING else None
            moved = {"change": change.text, "trend": change.trend} if change and change.trend != "same" else {}
            cells.append({"text": show_number(value), "title": repr(value), "differs": False, **moved})
        else:
            marked = title != "run" and differs([value, values[0]])
            cells.append({"text": show_param(value, 60), "title": show_value(value, 1000), "differs": marked})
    return {"name": elide(show_text(name), 60), "differs": differs(values), "cells": cells}


def metric_keys(runs: Sequence[Run]) -> list[str]:
    """The metrics that curves are drawn of."""
    return list(dict.fromkeys(key for run in runs for key in run.metrics))[:CURVES]


def _curves(source: RunsSource, runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    curves: dict[str, dict[str, Any]] = {}
    for key in metric_keys(runs):
        lines = {r.run_id: curve_record(source.history(r.run_id, key), CURVE_POINTS) for r in runs if key in r.metrics}
        if any(line["count"] > 1 for line in lines.values()):
            curves[elide(show_text(key), 80)] = lines
    return curves


def _parallel(runs: Sequence[Run]) -> str:
    """Params that differ and are short, then metrics; nothing if there are too few to see anything."""
    params = dict.fromkeys(key for run in runs for key in run.params)
    varied = [key for key in params if _is_axis([run.params.get(key, MISSING) for run in runs])]
    axes = varied[:6] + metric_keys(runs)[:3]
    if len(axes) < 2 or len(runs) < 3:
        return ""
    rows = [(run.name, {**run.params, **run.metrics}) for run in runs]
    return parallel_coordinates(rows, axes, width=max(480, 130 * len(axes)))


def _is_axis(values: Sequence[Any]) -> bool:
    given = [value for value in values if value is not MISSING]
    return len(given) * 2 > len(values) and differs(given) and all(len(str(value)) <= 40 for value in given)


def output_parts(view: RunView) -> list[dict[str, str]]:
    """What a run's cell displayed, as parts that the browser can show: images, sandboxed HTML, text.

    Examples
    --------
    >>> from mlops_nb.entities import Status
    >>> facts = {"outputs": [{"output_type": "stream", "name": "stdout", "text": ["a\\n", "b"]}]}
    >>> output_parts(RunView(Run("1", "n", "0", "e", Status.FINISHED, 0), facts))
    [{'kind': 'text', 'data': 'a\\nb'}]
    """
    parts = []
    for output in view.facts.get("outputs") or ():
        if not isinstance(output, Mapping):
            continue
        data = output.get("data") if isinstance(output.get("data"), Mapping) else {}
        if RUN_MIME in (data or {}):
            continue  # a notebook's cards are about other runs, and no results
        part = _rich_part({str(mime): _joined(value) for mime, value in (data or {}).items()})
        text = _joined(output.get("text") or output.get("evalue") or "")
        part = part or ({"kind": "text", "data": elide(text, 4000)} if text else None)
        parts += [part] if part else []
    return parts


def _rich_part(data: Mapping[str, str]) -> dict[str, str] | None:
    for mime in ("image/png", "image/jpeg"):
        if mime in data and len(data[mime]) <= OUTPUT_LIMIT:
            return {"kind": "image", "mime": mime, "data": "".join(data[mime].split())}
    if "text/html" in data and len(data["text/html"]) <= OUTPUT_LIMIT:
        return {"kind": "html", "data": data["text/html"]}
    plain = data.get("text/plain", "")
    return {"kind": "text", "data": elide(plain, 4000)} if plain else None


def _joined(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
