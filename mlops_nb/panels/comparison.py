"""Runs side by side: what differs in metrics, params, code, data and environment, as static HTML and plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_nb.comparison import MISSING
from mlops_nb.entities import Points, Run
from mlops_nb.panels.charts import line_chart
from mlops_nb.panels.code import diff_block
from mlops_nb.panels.columns import show_param
from mlops_nb.panels.format import short_ids, show_change, show_duration, show_number
from mlops_nb.panels.markup import document, picture, status_mark, tag, text
from mlops_nb.panels.tables import plain_table

Sections = Mapping[str, Sequence[tuple[str, Sequence[Any]]]]
"""Further parts of a comparison: title -> rows of (name, one value for each run; None where there is none)."""

NONE = "\N{EN DASH}"
"""Shown where a run has no value."""


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
                             a    b
    [metrics]
    acc                      0.5  0.75 (▲ 0.25)
    [params] (1 the same)
    lr                       0.1  0.2
    """
    chosen = comparison_rows(runs, sections, differences_only=differences_only)
    html, plain = [], []
    if any(shown for _, shown, _ in chosen):
        html.append(_comparison_html(runs, chosen, mark=len(runs) > 2 or not differences_only))
        plain.append(_comparison_plain(runs, chosen))
    alike = same_parts(chosen) or ("" if plain else "Nothing differs.")
    html.append(tag("p", text(alike, 400), cls="mute") if alike else "")
    plain += [alike] if alike else []
    html += [picture(line_chart(curve_names(runs, lines), title=key)) for key, lines in (curves or {}).items()]
    if code_diff:
        html.append(tag("h4", "code") + diff_block(code_diff))
        plain.append(code_diff.rstrip())
    return {"text/html": document(*html, cls="compare"), "text/plain": "\n\n".join(plain)}


Chosen = list[tuple[str, list[tuple[str, list[Any]]], int]]
"""Per part of a comparison: its title, the rows to show, and how many agree and are left out."""


def _comparison_html(runs: Sequence[Run], chosen: Chosen, *, mark: bool) -> str:
    ids = short_ids(run.run_id for run in runs)
    body = []
    for title, shown, same in chosen:
        if not shown:
            continue
        aside = " " + tag("span", f"({same} the same)", cls="mute") if same else ""
        section = tag("th", text(title) + aside, scope="rowgroup", colspan=len(runs) + 1)
        rows = [tag("tr", *_comparison_cells(title, name, values, mark)) for name, values in shown]
        body.append(tag("tbody", tag("tr", section, cls="section"), *rows))
    head = tag("thead", tag("tr", '<th scope="col"></th>', *(_run_head(run, ids) for run in runs)))
    return tag("div", tag("table", head, *body), cls="scroll")


def _comparison_plain(runs: Sequence[Run], chosen: Chosen) -> str:
    lines: list[list[str]] = []
    for title, shown, same in chosen:
        if shown:
            lines.append([f"[{title}]" + (f" ({same} the same)" if same else ""), *[""] * len(runs)])
            lines += [[name, *comparison_texts(title, name, values)] for name, values in shown]
    return plain_table(["", *(run.name for run in runs)], lines)


def same_parts(chosen: Chosen) -> str:
    """Say in one line which parts agree as a whole; empty if none does.

    Examples
    --------
    >>> same_parts([("params", [], 3), ("tags", [("a", [1, 2])], 0)])
    'The same: params (3)'
    """
    alike = [f"{title} ({same})" for title, shown, same in chosen if same and not shown]
    return f"The same: {', '.join(alike)}" if alike else ""


def comparison_rows(runs: Sequence[Run], sections: Sections | None = None, *, differences_only: bool = True) -> Chosen:
    """Choose the rows of a comparison: per part its title, the rows to show, and how many agree and are left out.

    Examples
    --------
    >>> comparison_rows([], {"environment": [("python", ["3.11", "3.12"]), ("numpy", ["2.1", "2.1"])]})
    [('environment', [('python', ['3.11', '3.12'])], 1)]
    """
    chosen = []
    for title, rows in comparison_parts(runs, sections).items():
        shown = [row for row in rows if not differences_only or differs(row[1])]
        if shown or (rows and title != "run"):
            chosen.append((title, shown, 0 if title == "run" else len(rows) - len(shown)))
    return chosen


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


def _run_head(run: Run, ids: Mapping[str, str]) -> str:
    name = status_mark(run, word=False) + " " + text(run.name, 28)
    code = tag("code", text(ids[run.run_id]), cls="mute", title=run.run_id)
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


def _comparison_cells(title: str, name: str, values: Sequence[Any], mark: bool) -> list[str]:
    cells = [tag("th", text(name, 40), scope="row")]
    for i, value in enumerate(values):
        if value is MISSING:
            cells.append(f'<td class="mute">{NONE}</td>')
        elif title == "metrics":
            change = show_change(name, value, values[0]) if i and values[0] is not MISSING else None
            moved = f" {tag('span', change.text, cls=change.trend)}" if change and change.trend != "same" else ""
            cells.append(tag("td", show_number(value) + moved, title=repr(value)))
        else:
            marked = mark and i > 0 and title != "run" and differs([value, values[0]])
            shown = text(show_param(value, 400), 48)
            cells.append(tag("td", tag("span", shown, cls="diff") if marked else shown))
    return cells
