"""Runs side by side: what differs in metrics, params, code, data and environment, as static HTML and plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from mlops_nb.entities import Points, Run
from mlops_nb.panels.charts import line_chart
from mlops_nb.panels.code import diff_block
from mlops_nb.panels.columns import show_param
from mlops_nb.panels.format import short_id, short_ids, show_change, show_duration, show_number
from mlops_nb.panels.markup import document, picture, status_mark, table, tag, text
from mlops_nb.panels.tables import plain_table

Sections = Mapping[str, Sequence[tuple[str, Sequence[Any]]]]
"""Further parts of a comparison: title -> rows of (name, one value for each run; None where there is none)."""


def comparison_table(
    runs: Sequence[Run],
    *,
    sections: Sections | None = None,
    code_diff: str = "",
    curves: Mapping[str, Mapping[str, Points]] | None = None,
    differences_only: bool = True,
) -> dict[str, Any]:
    """Make a static comparison of runs, the first being what the others are measured against.

    Parameters
    ----------
    runs : sequence of Run
        Two or more.
    sections : mapping, optional
        What else differs: title (``environment``, ``data``) -> rows of (name, a value for each run).
    code_diff : str
        A unified diff of the code.
    curves : mapping, optional
        Metric -> run id -> points, drawn over each other.
    differences_only : bool
        Leave out rows in which all runs agree, and say how many.

    Returns
    -------
    dict
        A mime bundle of ``text/html`` and ``text/plain``.

    Examples
    --------
    >>> from mlops_nb.entities import Status
    >>> a = Run("1a", "a", "0", "e", Status.FINISHED, 0, 1, params={"lr": 0.1, "n": 5}, metrics={"acc": 0.5})
    >>> b = Run("2b", "b", "0", "e", Status.FINISHED, 0, 1, params={"lr": 0.2, "n": 5}, metrics={"acc": 0.75})
    >>> print(comparison_table([a, b])["text/plain"])
    metrics  a    b
    acc      0.5  0.75 (▲ 0.25)
    <BLANKLINE>
    params  a    b
    lr      0.1  0.2
    (1 the same)
    """
    parts = comparison_parts(runs, sections)
    heads = [_run_head(run) for run in runs]
    html, plain = [], []
    for title, rows in parts.items():
        shown = [row for row in rows if not differences_only or differs(row[1])]
        same = len(rows) - len(shown)
        if not rows or (title == "run" and not shown):
            continue
        note = f"({same} the same)" if same and title != "run" else ""
        body = [_comparison_row(title, name, values) for name, values in shown]
        html.append(
            tag("div", table([tag("th", escape(title), scope="col"), *heads], body), cls="scroll")
            if body
            else tag("h4", escape(title))
        )
        html.append(tag("p", note, cls="mute") if note else "")
        lines = [[name, *comparison_texts(title, name, values)] for name, values in shown]
        plain.append("\n".join(p for p in (plain_table([title, *(r.name for r in runs)], lines), note) if p))
    for key, lines_of in (curves or {}).items():
        html.append(picture(line_chart(curve_names(runs, lines_of), title=key)))
    if code_diff:
        html.append(tag("h4", "code") + diff_block(code_diff))
        plain.append(code_diff.rstrip())
    return {"text/html": document(*html, cls="compare"), "text/plain": "\n\n".join(plain)}


def comparison_parts(runs: Sequence[Run], sections: Sections | None = None) -> dict[str, list[tuple[str, list[Any]]]]:
    """Put runs side by side: metrics, params, tags, then the given sections; `MISSING` where a run has no value.

    Examples
    --------
    >>> comparison_parts([])["params"]
    []
    """
    parts: dict[str, list[tuple[str, list[Any]]]] = {}
    for title in ("metrics", "params", "tags"):
        held: list[dict[str, Any]] = [getattr(run, title) for run in runs]
        keys = dict.fromkeys(key for values in held for key in values)
        parts[title] = [(key, [values.get(key, MISSING) for values in held]) for key in keys]
    parts["run"] = [
        ("status", [run.status.value for run in runs]),
        ("duration", [show_duration(run.duration_ms) for run in runs]),
    ]
    for title, rows in (sections or {}).items():
        parts[title] = [(name, [MISSING if v is None else v for v in values]) for name, values in rows]
    return parts


class _Missing:
    def __repr__(self) -> str:
        return ""


NONE = "\N{EN DASH}"
"""Shown where a run has no value."""

MISSING = _Missing()
"""Stands for "this run has no such param": None is a value."""


def differs(values: Sequence[Any]) -> bool:
    """Tell whether values differ, by type and text, so that NaN equals NaN and 1 differs from "1".

    Examples
    --------
    >>> differs([float("nan"), float("nan")]), differs([1, "1"])
    (False, True)
    """
    return len({(type(value), repr(value)) for value in values}) > 1


def curve_names(runs: Sequence[Run], lines: Mapping[str, Points]) -> dict[str, Points]:
    """Name each run's line; runs of the same name get their id beside it.

    Examples
    --------
    >>> curve_names([], {})
    {}
    """
    names = [run.name for run in runs]
    ids = short_ids(run.run_id for run in runs)
    return {
        (run.name if names.count(run.name) == 1 else f"{run.name} {ids[run.run_id]}"): lines[run.run_id]
        for run in runs
        if run.run_id in lines
    }


def _run_head(run: Run) -> str:
    name = status_mark(run, word=False) + " " + text(run.name, 28)
    code = tag("code", escape(short_id(run.run_id)), cls="mute", title=run.run_id)
    return tag("th", name, "<br>", code, scope="col")


def comparison_texts(title: str, name: str, values: Sequence[Any]) -> list[str]:
    """Format a row of a comparison as plain text; metrics carry their change against the first run.

    Examples
    --------
    >>> comparison_texts("metrics", "acc", [0.5, 0.75, MISSING])
    ['0.5', '0.75 (▲ 0.25)', '']
    """
    if title != "metrics":
        return ["" if v is MISSING else show_param(v, 60) for v in values]
    shown = []
    for i, value in enumerate(values):
        first: Any = values[0] if i else MISSING
        change = None if value is MISSING or first is MISSING else show_change(name, value, first)
        number = "" if value is MISSING else show_number(value)
        shown.append(f"{number} ({change.text})" if change and change.trend != "same" else number)
    return shown


def _comparison_row(title: str, name: str, values: Sequence[Any]) -> list[str]:
    cells = [tag("th", text(name, 40), scope="row")]
    for i, value in enumerate(values):
        if value is MISSING:
            cells.append(f'<td class="mute">{NONE}</td>')
        elif title == "metrics":
            change = show_change(name, value, values[0]) if i and values[0] is not MISSING else None
            moved = f" {tag('span', change.text, cls=change.trend)}" if change and change.trend != "same" else ""
            cells.append(tag("td", show_number(value) + moved, title=repr(value)))
        else:
            marked = i > 0 and differs([value, values[0]])
            cells.append(tag("td", text(show_param(value, 400), 48), cls="diff" if marked else ""))
    return cells
