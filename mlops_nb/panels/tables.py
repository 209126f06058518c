"""Tables of runs and of data: static HTML and plain text in one bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from mlops_nb.entities import DataRef, Run, Status
from mlops_nb.panels.columns import best_rows, choose_columns, column_label, column_texts, is_numeric
from mlops_nb.panels.format import plain_json, short_ids, show_size, show_value
from mlops_nb.panels.markup import document, number_cell, status_mark, table, tag, text, time_mark
from mlops_nb.panels.record import run_record

RUNS_MIME = "application/vnd.mlops-nb.runs+json"
STATIC_ROWS = 50
"""Most rows of a table that is saved in the notebook's file."""


def runs_table(
    runs: Sequence[Run], columns: Sequence[str] | None = None, *, total: int | None = None, title: str = ""
) -> dict[str, Any]:
    """Make a static table of runs.

    Parameters
    ----------
    runs : sequence of Run
        In the order to show; the first 50 are shown.
    columns : sequence of str, optional
        Names like ``metrics.acc``, ``params.lr``, ``tags.team``, ``duration``; by default what tells the runs apart.
    total : int, optional
        How many there are in all, if `runs` is the first page of them.
    title : str
        Above the table.

    Returns
    -------
    dict
        A mime bundle: ``text/html``, ``text/plain`` and our own JSON.

    Examples
    --------
    >>> from mlops_nb.entities import Status
    >>> run = Run("0198c2f4a1b27cde", "fit", "1", "churn", Status.FAILED, 0, 1200, params={"lr": 0.1})
    >>> print(runs_table([run], ["status", "name", "params.lr"])["text/plain"])
    id            status  name  lr
    0198c2f4a1b2  FAILED  fit   0.1
    """
    shown = list(runs[:STATIC_ROWS])
    chosen = list(columns) if columns is not None else choose_columns(shown)
    count = len(runs) if total is None else max(total, len(runs))
    ids = short_ids(run.run_id for run in shown)
    left = f"{count - len(shown):,} more" if count > len(shown) else ""
    if not shown:
        empty = "No runs yet. Put %%track on top of a cell and run it."
        html, plain = tag("p", escape(empty), cls="mute"), empty
    else:
        html = tag("div", _runs_html(shown, chosen, ids, title), cls="scroll") + tag("p", left, cls="mute")
        plain = plain_table(["id", *map(column_label, chosen)], _runs_rows(shown, chosen, ids))
    record = {"version": 1, "columns": chosen, "total": count, "runs": [run_record(run) for run in shown]}
    return {
        "text/html": document(html, cls="runs"),
        "text/plain": "\n".join(part for part in (title, plain, left) if part),
        RUNS_MIME: plain_json(record),
    }


def _runs_rows(runs: Sequence[Run], columns: Sequence[str], ids: Mapping[str, str]) -> list[list[str]]:
    by_column = [column_texts(runs, column) for column in columns]
    return [[ids[run.run_id], *(texts[i] for texts in by_column)] for i, run in enumerate(runs)]


def _runs_html(runs: Sequence[Run], columns: Sequence[str], ids: Mapping[str, str], title: str) -> str:
    texts = {column: column_texts(runs, column, limit=400) for column in columns}
    best = {column: best_rows(runs, column) for column in columns}
    right = {column for column in columns if is_numeric(runs, column)}
    rows = []
    for i, run in enumerate(runs):
        row = []
        for column in columns:
            content = _run_cell(run, column, texts[column][i])
            row.append(number_cell(content, "best" if i in best[column] else "") if column in right else content)
        rows.append([*row, tag("code", text(ids[run.run_id]), cls="mute", title=run.run_id)])
    heads = [
        tag("th", text(column_label(c), 24), scope="col", cls="num" if c in right else "", title=_column_tip(c))
        for c in columns
    ]
    return table([*heads, "id"], rows, cls="runs", caption=text(title, 120), row_headers=False)


def _column_tip(column: str) -> str | None:
    return column.replace(".", ": ", 1) if "." in column else None


def _run_cell(run: Run, column: str, shown: str) -> str:
    if column == "status":
        return status_mark(run, word=run.status is not Status.FINISHED)  # the usual is said by a mark alone
    if column == "name":
        return tag("strong", text(run.name, 40))
    if column == "start_time":
        return time_mark(run.start_time)
    return text(shown, 32)


def plain_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, limit: int = 32) -> str:
    """Lay out a table with spaces, the middle of longer cells cut out.

    Examples
    --------
    >>> print(plain_table(["a", "b"], [["1", "2"]]))
    a  b
    1  2
    """
    shown = [[show_value(cell, limit) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in shown) for i in range(len(header))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in shown)


def data_table(refs: Sequence[DataRef], *, title: str = "") -> dict[str, Any]:
    """Make a table of what a run read and wrote.

    Examples
    --------
    >>> print(data_table([DataRef("data/churn.csv", "sha256:0a1b2c", 1500)])["text/plain"])
    mode  path            size    rows  digest
    read  data/churn.csv  1.5 kB        sha256:0a1b2c
    """
    header = ["mode", "path", "size", "rows", "digest"]
    html = table(header, data_rows(refs), caption=text(title, 120), row_headers=False) if refs else ""
    plain = [[ref.mode, ref.path, _size(ref), _row_count(ref), ref.digest] for ref in refs]
    return {
        "text/html": document(html or tag("p", "No data recorded.", cls="mute"), cls="data"),
        "text/plain": plain_table(header, plain) if refs else "No data recorded.",
    }


def data_rows(refs: Sequence[DataRef]) -> list[list[str]]:
    """Make the cells of a table of data, as HTML.

    Examples
    --------
    >>> data_rows([DataRef("a.csv", "sha256:0a", 5)])[0][:2]
    ['read', 'a.csv']
    """
    rows = []
    for ref in refs:
        digest = tag("code", text(ref.digest[:19], 19), cls="mute", title=ref.digest)
        rows.append([text(ref.mode), text(ref.path, 80), number_cell(_size(ref)), number_cell(_row_count(ref)), digest])
    return rows


def _size(ref: DataRef) -> str:
    return show_size(ref.size) + (" (sampled)" if ref.sampled else "")


def _row_count(ref: DataRef) -> str:
    count = ref.profile.get("rows")
    return f"{count:,}" if isinstance(count, int) else ""
