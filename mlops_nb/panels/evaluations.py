"""An evaluation, for a terminal and as static HTML: its metrics, its slices, and the other model beside it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_nb.panels.format import show_number, show_text
from mlops_nb.panels.markup import document, number_cell, table, tag, text
from mlops_nb.panels.tables import plain_table

SHOWN_COLUMNS = 8
"""Most metrics that stand side by side over slices."""
SHOWN_IMPORTANCE = 10


def evaluation_view(found: Mapping[str, Any]) -> dict[str, Any]:
    """Show what `mlops_nb.evaluate` found.

    Parameters
    ----------
    found : mapping
        As from ``Evaluation.to_json()``; at will with ``source, rows, target``: on what it was made.

    Returns
    -------
    dict
        A mime bundle of ``text/html`` and ``text/plain``.

    Examples
    --------
    >>> found = {"model": "churn/3", "kind": "classifier", "metrics": {"f1_score": 0.912345}}
    >>> print(evaluation_view(found)["text/plain"])
    churn/3 · classifier
    metric    value
    f1_score  0.9123
    """
    metrics: Mapping[str, float] = found.get("metrics") or {}
    comparison = found.get("comparison") or {}
    beside: Mapping[str, float] = comparison.get("metrics") or {}
    better = set(comparison.get("better") or ())
    header = ["metric", "value"] + ([show_text(str(comparison.get("model", "other")))] if comparison else [])
    plain, html = [], []
    for key, value in metrics.items():
        won = key in better
        row = [key, show_number(value)] + ([show_number(beside[key]) if key in beside else ""] if comparison else [])
        plain.append(row)
        html.append([tag("th", text(key), scope="row"), number_cell(row[1], cls="best" if won else "")])
        html[-1] += [number_cell(row[2])] if comparison else []
    head = f"{show_text(str(found.get('model', '')))} · {found.get('kind', '')}"
    run = str(found.get("run_id") or "")
    title = tag("p", tag("strong", text(head, 120)), " ", tag("code", text(run[:12]), cls="mute") if run else "")
    source = f"on {found['rows']:,} rows of {show_text(str(found['source']))}" if found.get("source") else ""
    source += f", with the truth in {show_text(str(found['target']))}" if source and found.get("target") else ""
    body = [title, *([tag("p", text(source, 200), cls="mute")] if source else [])]
    body.append(table([text(each) for each in header], html))
    lines = [head, *([source] if source else []), plain_table(header, plain)]
    for made in (_slices(found.get("slices") or ()), _importance(found.get("importance") or {})):
        if made is not None:
            body.append(tag("details", tag("summary", made[0]), table(*made[1])))
            lines += ["", made[0], plain_table(*made[2])]
    return {"text/html": document(*body, cls="card t-finished"), "text/plain": "\n".join(lines)}


Section = tuple[str, tuple[list[str], list[list[str]]], tuple[list[str], list[list[str]]]]


def _slices(slices: Sequence[Mapping[str, Any]]) -> Section | None:
    if not slices:
        return None
    names = list(dict.fromkeys(name for each in slices for name in each["metrics"]))[:SHOWN_COLUMNS]
    header = ["slice", "rows", *names]
    rows, cells = [], []
    for each in slices:
        label = f"{show_text(str(each['column']))} = {show_text(str(each['value']))}"
        shown = [show_number(each["metrics"][n]) if n in each["metrics"] else "" for n in names]
        rows.append([label, f"{each['rows']:,}", *shown])
        cells.append([tag("th", text(label, 60), scope="row"), *map(number_cell, rows[-1][1:])])
    return f"by slice ({len(slices)})", ([text(each) for each in header], cells), (header, rows)


def _importance(importance: Mapping[str, Sequence[float]]) -> Section | None:
    if not importance:
        return None
    header = ["column", "loss when shuffled", "±"]
    rows = [
        [show_text(str(name)), show_number(mean), show_number(spread)]
        for name, (mean, spread) in list(importance.items())[:SHOWN_IMPORTANCE]
    ]
    cells = [[tag("th", text(row[0], 60), scope="row"), *map(number_cell, row[1:])] for row in rows]
    left = len(importance) - len(rows)
    title = f"importance of columns{f' (first {len(rows)} of {len(importance)})' if left else ''}"
    return title, (header, cells), (header, rows)
