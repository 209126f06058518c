"""What a transfer carried over and what it did not, for a terminal and as static HTML. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from mlops_nb.panels.markup import document, number_cell, table, tag, text
from mlops_nb.panels.tables import plain_table

COLUMNS = {"new": "new", "grown": "added to", "same": "there already"}


def transfer_view(found: Mapping[str, Any]) -> dict[str, Any]:
    """A transfer's report: how much of each kind, then each thing that stayed behind, in a sentence.

    Examples
    --------
    >>> found = {"source": "mlruns", "target": ".mlops_nb", "new": {"runs": 2}, "grown": {}, "same": {}, "lost": []}
    >>> print(transfer_view(found)["text/plain"])
    mlruns → .mlops_nb
          new
    runs  2
    Everything was carried over.
    """
    kinds = list(dict.fromkeys(kind for column in COLUMNS for kind in found[column]))
    shown = [column for column in COLUMNS if found[column]] or ["new"]
    header = ["", *(COLUMNS[column] for column in shown)]
    counts = [[kind, *(f"{found[column].get(kind, 0):,}" for column in shown)] for kind in kinds]
    title = f"{found['source']} → {found['target']}"
    lost = list(found["lost"])
    end = ["These stayed behind:", *(f"  {each}" for each in lost)] if lost else ["Everything was carried over."]
    plain = plain_table(header, counts) if counts else "There was nothing."
    cells = [[tag("td", escape(row[0])), *(number_cell(each) for each in row[1:])] for row in counts]
    tail = (
        tag("p", tag("strong", escape(end[0]))) + tag("ul", *(tag("li", text(each, 400), cls="wrap") for each in lost))
        if lost
        else tag("p", escape(end[0]), cls="mute")
    )
    html = document(tag("p", tag("strong", text(title, 160))), table(header, cells), tail, cls="page")
    return {"text/html": html, "text/plain": "\n".join([title, plain, *end])}
