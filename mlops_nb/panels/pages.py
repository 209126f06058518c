"""Whole pages: all that is known of a run, and the verdict of a reproduction, as static HTML and plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from mlops_nb.entities import Artifact, DataRef, Points, Run
from mlops_nb.panels.card import Card, card_html, card_text
from mlops_nb.panels.charts import line_chart
from mlops_nb.panels.code import highlight
from mlops_nb.panels.format import VERDICT_SYMBOLS, show_fact, show_number, show_size, show_text, show_value
from mlops_nb.panels.markup import document, number_cell, picture, table, tag, text
from mlops_nb.panels.tables import data_rows, plain_table

SHOWN_ITEMS = 200
SHOWN_DEPTH = 5
SHOWN_CURVES = 12
_ELSEWHERE = frozenset(("code", "session", "error", "models", "restart_run_all"))
"""Facts that the page shows in a place of their own, or not at all."""
_BULK = ("state:", "reference:")
"""What only machines read: generators' states, profiles that others are compared with."""
_TITLES = {"cell": "cell and its options", "slice": "cells it needs", "slice_info": "about the slice", "git": "Git"}


def run_page(
    run: Run,
    *,
    card: Card | None = None,
    history: Mapping[str, Points] | None = None,
    facts: Mapping[str, Any] | None = None,
    artifacts: Sequence[Artifact] = (),
    data: Sequence[DataRef] = (),
    code: str = "",
) -> dict[str, Any]:
    """Make the page of a run: its card, then curves, values, code, data, files and facts, each folding.

    Parameters
    ----------
    run : Run
        The run.
    card : Card, optional
        What stands beside it on the card.
    history : mapping of str to Points, optional
        The metrics that are curves.
    facts : mapping, optional
        What was captured, by kind, as plain JSON.
    artifacts : sequence of Artifact
        Its files.
    data : sequence of DataRef
        What it read and wrote.
    code : str
        The cell.

    Returns
    -------
    dict
        A mime bundle of ``text/html`` and ``text/plain``.

    Examples
    --------
    >>> from mlops_nb.entities import Status
    >>> run = Run("0198c2f4a1b27cde", "fit", "1", "churn", Status.FINISHED, 0, 1200, params={"lr": 0.1})
    >>> print(run_page(run, code="x = 1")["text/plain"])
    ✓ fit · churn · 1.20 s · 0198c2f4a1b2
      lr=0.1
    <BLANKLINE>
    code
    x = 1
    """
    known = card or Card()
    curves = {key: points for key, points in (history or {}).items() if len(points) > 1}
    pictures = [picture(line_chart({key: points}, width=360, height=170, title=key)) for key, points in curves.items()]
    files = [[text(a.path, 80), number_cell(show_size(a.size)), _digest(a.digest)] for a in artifacts[:SHOWN_ITEMS]]
    header = ["mode", "path", "size", "rows", "digest"]
    parts = {
        "curves": tag("div", *pictures[:SHOWN_CURVES], cls="pictures") if pictures else "",
        "metrics": _values(run.metrics, number=True) if len(run.metrics) > 1 else "",
        "params": _values(run.params) if run.params else "",
        "code": tag("pre", highlight(code), cls="code") if code else "",
        "data": table(header, data_rows(data), row_headers=False) if data else "",
        "files": table(["path", "size", "digest"], files) if files else "",
        **{title: tree(value) for title, value in titled_facts(facts or {}).items()},
    }
    html = [_part(title, body, open_=title in ("curves", "code")) for title, body in parts.items() if body]
    plain = [card_text(run, known), *([f"code\n{code.rstrip()}"] if code else [])]
    if artifacts:
        plain.append(plain_table(["file", "size"], [[a.path, show_size(a.size)] for a in artifacts[:SHOWN_ITEMS]]))
    return {
        "text/html": document(card_html(run, known), *html, cls="page"),
        "text/plain": "\n\n".join(plain),
    }


def titled_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that a page shows below the run, under words that a reader knows.

    Examples
    --------
    >>> titled_facts({"slice_info": {"total": 3}, "model:forest": {"flavor": "sklearn"}, "code": "x = 1", "git": None})
    {'about the slice': {'total': 3}, 'model forest': {'flavor': 'sklearn'}}
    """
    return {
        _TITLES.get(kind, kind.replace(":", " ").replace("_", " ")): value
        for kind, value in facts.items()
        if kind not in _ELSEWHERE and not kind.startswith(_BULK) and value not in (None, {}, [], "")
    }


def _part(title: str, body: str, *, open_: bool) -> str:
    return tag("details", tag("summary", text(title, 60)), tag("div", body, cls="scroll"), open="" if open_ else None)


def _digest(digest: str) -> str:
    return tag("code", escape(show_value(digest, 20)), cls="mute", title=digest)


def _values(values: Mapping[str, Any], *, number: bool = False) -> str:
    rows = []
    for key, value in list(values.items())[:SHOWN_ITEMS]:
        shown = number_cell(show_number(value)) if number else tag("td", _scalar(value), cls="wrap")
        rows.append([tag("th", text(key, 60), scope="row"), shown])
    return table([], rows)


def _scalar(value: Any) -> str:
    return tag("code", text(show_value(value, 2000), 400))


def tree(value: Any, depth: int = 0) -> str:
    """Show plain JSON as nested tables, bounded in depth and number.

    Examples
    --------
    >>> tree({"python": "3.11"})
    '<table><tbody><tr><th scope="row">python</th><td class="wrap"><code>3.11</code></td></tr></tbody></table>'
    """
    if depth >= SHOWN_DEPTH:
        return _scalar(value)
    if isinstance(value, Mapping):
        items = [(str(key), item) for key, item in list(value.items())[:SHOWN_ITEMS]]
    elif isinstance(value, (list, tuple)) and any(isinstance(item, (Mapping, list, tuple)) for item in value):
        items = [(str(i), item) for i, item in enumerate(value[:SHOWN_ITEMS])]
    elif isinstance(value, str) and "\n" in value:
        return tag("pre", highlight(value, "text"))
    else:
        return _scalar(value)
    rows = [
        [tag("th", text(key, 60), scope="row"), tag("td", tree(show_fact(key, item), depth + 1), cls="wrap")]
        for key, item in items
    ]
    left = len(value) - len(items)
    return table([], rows) + (tag("p", f"{left:,} more", cls="mute") if left > 0 else "")


MEANINGS = {
    "identical": "Executed again in a fresh kernel, it gave exactly the same.",
    "equivalent": "Executed again in a fresh kernel, it gave the same: numbers differ within the tolerance.",
}


def verdict_view(verdict: Mapping[str, Any], *, title: str = "") -> dict[str, Any]:
    """Show what ``reproduce`` found: the verdict, its causes, and what differs.

    Parameters
    ----------
    verdict : mapping
        With ``verdict`` (identical, equivalent, diverged, failed), ``causes`` (a list of words), ``reasons``
        (sentences), ``error`` and ``differences`` (a list of mappings or texts), as in ``reproduce --json``.
    title : str
        What was reproduced.

    Returns
    -------
    dict
        A mime bundle of ``text/html`` and ``text/plain``.

    Examples
    --------
    >>> found = {"verdict": "diverged", "causes": ["data"], "differences": [{"name": "acc", "was": 0.9, "is": 0.8}]}
    >>> print(verdict_view(found, title="fit")["text/plain"])
    ≠ diverged: fit (cause: data)
    name  was  is
    acc   0.9  0.8
    """
    word = show_value(str(verdict.get("verdict", "unknown")))
    causes = ", ".join(show_value(str(cause)) for cause in verdict.get("causes") or ())
    reproduced = word in ("identical", "equivalent")
    mark = f"{VERDICT_SYMBOLS.get(word, '?')} {word}"
    because = f"cause: {causes}" if causes else ""
    listed = [d if isinstance(d, Mapping) else {"difference": d} for d in verdict.get("differences") or ()]
    columns = list(dict.fromkeys(str(key) for row in listed for key, value in row.items() if value not in (None, "")))
    rows = [[show_value(row[c], 200) if c in row else "" for c in columns] for row in listed[:SHOWN_ITEMS]]
    remarks = [MEANINGS[word]] if word in MEANINGS else []
    remarks += [show_text(str(each)) for each in (*(verdict.get("reasons") or ()), verdict.get("error")) if each]
    head = [tag("span", escape(mark), cls="st " + ("ok" if reproduced else "err"))]
    head += [tag("strong", text(title, 80))] if title else []
    head += [tag("span", escape(because), cls="warn")] if because else []
    cells = [[text(cell, 80) for cell in row] for row in rows]
    html = [tag("p", " ".join(head), cls="head"), *(tag("p", escape(remark)) for remark in remarks)]
    html += [table([text(c) for c in columns], cells)] if rows else []
    tone = "t-finished" if reproduced else "t-failed"
    line = f"{mark}{f': {show_text(title)}' if title else ''}{f' ({because})' if because else ''}"
    plain = [line, *remarks] + ([plain_table(columns, rows)] if rows else [])
    return {"text/html": document(*html, cls=f"card {tone}"), "text/plain": "\n".join(plain)}
