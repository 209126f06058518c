"""A pipeline after its run: the graph of its stages, and why each has run or has not, for a terminal and as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO, Any

from mlops_nb.panels.format import show_text
from mlops_nb.panels.graph import Node, draw_graph, graph_picture
from mlops_nb.panels.markup import document, table, tag, text

STATES = {
    "fresh": ("✓", "up to date", "green"),
    "ran": ("▶", "ran", "cyan"),
    "failed": ("✗", "failed", "red"),
    "stale": ("…", "would run", "yellow"),
    "waits": ("·", "waits", "dim"),
}
COLOURS = {"fresh": "data", "ran": "stage", "failed": "artifact"}
"""The kinds of nodes of the graph, whose colours the states take; what has not run is grey."""

HEADER = ["stage", "", "why", "reads", "writes"]
WIDTH = 60


def pipeline_rows(stages: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """A row for each stage: its name, what became of it, why, what it reads and writes.

    Parameters
    ----------
    stages : sequence of mapping
        ``name, state, reasons, reads, writes, seconds``.

    Returns
    -------
    list of list of str

    Examples
    --------
    >>> pipeline_rows([{"name": "fit", "state": "fresh", "reasons": [], "reads": ["a.csv"], "writes": []}])
    [['fit', '✓ up to date', 'nothing has changed', 'a.csv', '']]
    """
    return [
        [show_text(str(each["name"])), _state(each), _why(each), _listed(each["reads"]), _listed(each["writes"])]
        for each in stages
    ]


def _state(each: Mapping[str, Any]) -> str:
    mark, words, _ = STATES[each["state"]]
    seconds = f" in {each['seconds']:.1f} s" if each["state"] in ("ran", "failed") and each.get("seconds") else ""
    return f"{mark} {words}{seconds}"


def _why(each: Mapping[str, Any]) -> str:
    if each["state"] == "waits":
        return "a stage before it failed"
    return "; ".join(map(str, each["reasons"])) or "nothing has changed"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """The table as text, with nothing left out: the reasons are what it is for."""
    lines = [HEADER, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def _listed(paths: Sequence[str]) -> str:
    more = f" +{len(paths) - 3}" if len(paths) > 3 else ""
    return ", ".join(show_text(path) for path in paths[:3]) + more


def chain(stages: Sequence[Mapping[str, Any]], links: Sequence[Sequence[str]]) -> str:
    """The graph as one line: stages that may run side by side stand in braces.

    Parameters
    ----------
    stages : sequence of mapping
        With ``name``, in order.
    links : sequence of (from, to, ...)

    Returns
    -------
    str

    Examples
    --------
    >>> names = [{"name": name} for name in "abcd"]
    >>> chain(names, [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])
    'a → {b, c} → d'
    """
    depth: dict[str, int] = {}
    for each in stages:
        before = [depth[link[0]] for link in links if link[1] == each["name"] and link[0] in depth]
        depth[each["name"]] = 1 + max(before, default=-1)
    layers = [[name for name, level in depth.items() if level == number] for number in sorted(set(depth.values()))]
    shown = [[show_text(name) for name in layer] for layer in layers]
    return " → ".join(layer[0] if len(layer) == 1 else "{" + ", ".join(layer) + "}" for layer in shown)


def print_pipeline(found: Mapping[str, Any], file: IO[str]) -> None:
    """Write a pipeline's result to a terminal or a pipe.

    Parameters
    ----------
    found : mapping
        ``project, stages, links, run_id``.
    file : text stream
        Where to.

    Examples
    --------
    >>> import sys
    >>> stage = {"name": "fit", "state": "fresh", "reasons": [], "reads": [], "writes": []}
    >>> print_pipeline({"project": "churn", "stages": [stage], "links": [], "run_id": None}, sys.stdout)
    churn: fit
    stage                why                  reads  writes
    fit    ✓ up to date  nothing has changed
    """
    rows = pipeline_rows(found["stages"])
    head = f"{show_text(str(found['project']))}: {chain(found['stages'], found['links'])}"
    if not file.isatty():
        file.write(f"{head}\n{_aligned(rows)}\n")
        return
    from rich.table import Table
    from rich.text import Text

    from mlops_nb.panels.terminal import make_console

    console = make_console(file)
    console.print(Text(head, style="bold"))
    shown = Table(box=None, pad_edge=False, header_style="dim")
    for name in HEADER:
        shown.add_column(name, overflow="fold")
    for each, row in zip(found["stages"], rows, strict=True):
        style = STATES[each["state"]][2]
        shown.add_row(Text(row[0], style="bold"), Text(row[1], style=style), *(Text(cell) for cell in row[2:]))
    console.print(shown)


def pipeline_view(found: Mapping[str, Any]) -> dict[str, Any]:
    """A pipeline's result as it is shown in a notebook: the graph with the files between the stages, and the table.

    Parameters
    ----------
    found : mapping
        ``project, stages, links, run_id``.

    Returns
    -------
    dict
        A mime bundle of ``text/html`` and ``text/plain``.

    Examples
    --------
    >>> stage = {"name": "fit", "state": "ran", "reasons": ["lr was 1 and is 2"], "reads": [], "writes": []}
    >>> "lr was 1" in pipeline_view({"project": "p", "stages": [stage], "links": [], "run_id": None})["text/html"]
    True
    """
    stages, rows = found["stages"], pipeline_rows(found["stages"])
    nodes, edges = graph_of(found)
    cells = [
        [tag("strong", text(row[0])), text(row[1]), _lines(row[2]), *(text(cell, WIDTH * 3) for cell in row[3:])]
        for row in rows
    ]
    html = document(
        tag("p", tag("strong", text(str(found["project"]), 120))),
        graph_picture(draw_graph(nodes, edges)) if nodes else "",
        table(HEADER, cells),
        cls="page",
    )
    plain = f"{found['project']}: {chain(stages, found['links'])}\n{_aligned(rows)}"
    return {"text/html": html, "text/plain": plain}


def _lines(reasons: str) -> str:
    return "<br>".join(text(reason, WIDTH * 3) for reason in reasons.split("; "))


def graph_of(found: Mapping[str, Any]) -> tuple[list[Node], list[tuple[str, str]]]:
    """The stages as nodes, and which feeds which; the files between them stand in the table.

    Parameters
    ----------
    found : mapping
        ``stages, links``.

    Returns
    -------
    (list of Node, list of (str, str))

    Examples
    --------
    >>> stages = [{"name": name, "state": "ran"} for name in ("prepare", "train")]
    >>> nodes, edges = graph_of({"stages": stages, "links": [("prepare", "train", "a.csv")]})
    >>> [node.label for node in nodes], edges
    (['prepare', 'train'], [('prepare', 'train')])
    """
    nodes = [
        Node(each["name"], each["name"], COLOURS.get(each["state"], "none"), _state(each), each["state"] == "ran")
        for each in found["stages"]
    ]
    return nodes, list(dict.fromkeys((link[0], link[1]) for link in found["links"]))
