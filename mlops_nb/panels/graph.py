"""Graphs of lineage and of pipelines, drawn in layers from left to right. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

from mlops_nb.panels.format import elide, show_text
from mlops_nb.panels.markup import document, picture, table, tag, text
from mlops_nb.panels.tables import plain_table

NODE_HEIGHT, GAP_X, GAP_Y = 38, 40, 14
LABEL, NOTE = 24, 28
"""Characters of a node's two lines; what is longer is cut in its middle."""

LEAST_WIDTH, PADDING, NAME_STEP, NOTE_STEP = 64, 20, 7.3, 6.4
"""A layer is as wide as its longest name, so that the whole road from data to drift fits into a notebook's cell."""

SMALLEST = 0.7
"""A graph that is wider than the page shrinks to this, and is scrolled then."""

SHOWN_NODES = 200
KINDS = {"run": "c0", "data": "c2", "model": "c4", "version": "c4", "artifact": "c1", "notebook": "c5"}
KINDS |= {"stage": "c0", "service": "c5"}


@dataclass(frozen=True, slots=True)
class Node:
    """A thing in a graph: `kind` is run, data, model, artifact, notebook or stage; `note` a second, small line."""

    key: str
    label: str
    kind: str = "run"
    note: str = ""
    focus: bool = False


def lineage_view(nodes: Sequence[Node], edges: Sequence[tuple[str, str]], *, title: str = "") -> dict[str, Any]:
    """Draw what came from what.

    Parameters
    ----------
    nodes : sequence of Node
        The first 200 are drawn; the table below lists every edge.
    edges : sequence of (from key, to key)
        Cycles and edges to unknown keys are allowed; the latter are left out.
    title : str
        Above the picture.

    Returns
    -------
    dict
        A mime bundle of ``text/html`` (the picture, and the edges as a table) and ``text/plain``.

    Examples
    --------
    >>> view = lineage_view([Node("d", "churn.csv", "data"), Node("r", "fit")], [("d", "r")])
    >>> print(view["text/plain"])
    from             to
    data: churn.csv  → run: fit
    """
    named = {node.key: node for node in nodes}
    known = [(a, b) for a, b in dict.fromkeys(edges) if a in named and b in named and a != b]
    if not nodes:
        nothing = "No lineage recorded: nothing that this read or wrote is known elsewhere."
        return {"text/html": document(tag("p", nothing, cls="mute"), cls="page"), "text/plain": nothing}
    rows = [[_name(named[a]), "→ " + _name(named[b])] for a, b in known]
    cells = [[text(a, 80), text(b, 80)] for a, b in rows]
    listed = tag("details", tag("summary", f"{len(known)} links"), table(["from", "to"], cells)) if cells else ""
    head = tag("p", tag("strong", text(title, 120))) if title else ""
    return {
        "text/html": document(head, graph_picture(draw_graph(nodes[:SHOWN_NODES], known)), listed, cls="page"),
        "text/plain": plain_table(["from", "to"], rows) if rows else "\n".join(map(_name, nodes)),
    }


def _name(node: Node) -> str:
    return f"{node.kind}: {node.label}"


def graph_picture(svg: str) -> str:
    """A graph in a page: it shrinks with the page as long as it can be read, then it is scrolled.

    Examples
    --------
    >>> 'style="min-width: 70px; max-width: 100%"' in graph_picture('<svg width="100" aria-label="2 nodes"></svg>')
    True
    """
    wide = re.search(r'width="(\d+)"', svg)
    style = f"min-width: {int(wide.group(1)) * SMALLEST:.0f}px; max-width: 100%" if wide else ""
    return tag("div", picture(svg, style=style), cls="scroll graph")


def draw_graph(nodes: Sequence[Node], edges: Sequence[tuple[str, str]]) -> str:
    """Draw a graph in layers: every edge that is not part of a cycle points to the right.

    Examples
    --------
    >>> svg = draw_graph([Node("a", "x"), Node("b", "y")], [("a", "b")])
    >>> svg.count("<rect"), svg.count('class="edge"')
    (2, 1)
    """
    shown = {node.key for node in nodes}
    links = [(a, b) for a, b in edges if a in shown and b in shown]
    layers, routes = _route(_layers([node.key for node in nodes], links), links)
    layers = _order(layers, [step for route in routes for step in pairwise(route)])
    tallest = max(len(layer) for layer in layers)
    height = tallest * (NODE_HEIGHT + GAP_Y) + GAP_Y
    named = {node.key: node for node in nodes}
    places: dict[str, Place] = {}
    left = 4
    for layer in layers:
        top = (height - len(layer) * (NODE_HEIGHT + GAP_Y) + GAP_Y) / 2
        wide = max(_width(named[key]) if key in named else 0 for key in layer)
        for row, key in enumerate(layer):
            places[key] = (left, top + row * (NODE_HEIGHT + GAP_Y), wide)
        left += wide + GAP_X
    width = left - GAP_X + 4
    body = "".join(_edge([places[key] for key in route]) for route in routes) + "".join(
        _box(n, *places[n.key]) for n in nodes
    )
    label = f"{len(nodes)} nodes, {len(links)} links"
    return (
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" fill="none" aria-label="{label}">{body}</svg>'
    )


def _layers(keys: Sequence[str], links: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Each key one layer right of its last source; links that close a cycle are not followed."""
    after: dict[str, list[str]] = {key: [] for key in keys}
    waiting = dict.fromkeys(keys, 0)
    for a, b in links:
        after[a].append(b)
        waiting[b] += 1
    depth = dict.fromkeys(keys, 0)
    open_, done = [key for key in keys if not waiting[key]], set[str]()
    while len(done) < len(keys):
        if not open_:  # a cycle: go on with the one that waits for least
            open_ = [min((key for key in keys if key not in done), key=waiting.__getitem__)]
        key = open_.pop(0)
        done.add(key)
        for target in after[key]:
            if target in done:
                continue
            depth[target] = max(depth[target], depth[key] + 1)
            waiting[target] -= 1
            if waiting[target] == 0:
                open_.append(target)
    layers: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for key in keys:
        layers[depth[key]].append(key)
    return [layer for layer in layers if layer]


def _route(layers: list[list[str]], links: Sequence[tuple[str, str]]) -> tuple[list[list[str]], list[list[str]]]:
    """Give links over several layers a free place in each, so that they pass between the nodes and not behind them."""
    depth = {key: i for i, layer in enumerate(layers) for key in layer}
    wide, routes = [list(layer) for layer in layers], []
    for a, b in links:
        stops = [f"{a}\0{b}\0{i}" for i in range(depth[a] + 1, depth[b])]
        for i, stop in enumerate(stops, depth[a] + 1):
            wide[i].append(stop)
        routes.append([a, *stops, b])
    return wide, routes


def _order(layers: list[list[str]], links: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Put each node near the middle of its neighbours, sweeping there and back, so that few links cross."""
    near: dict[str, list[str]] = {key: [] for layer in layers for key in layer}
    for a, b in links:
        near[a].append(b)
        near[b].append(a)
    for sweep in range(4):
        place = {key: i - len(layer) / 2 for layer in layers for i, key in enumerate(layer)}
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            middle = {k: sum(place[n] for n in near[k]) / len(near[k]) if near[k] else place[k] for k in layer}
            layer.sort(key=middle.__getitem__)
            place.update({key: i - len(layer) / 2 for i, key in enumerate(layer)})
    return layers


Place = tuple[int, float, int]
"""Left, top and width of a node."""


def _width(node: Node) -> int:
    """As wide as its words need in a wide font: an image does not know in which it will be drawn."""
    name, note = _words(node)
    return max(LEAST_WIDTH, round(PADDING + max(len(name) * NAME_STEP, len(note) * NOTE_STEP)))


def _words(node: Node) -> tuple[str, str]:
    return elide(show_text(node.label), LABEL), elide(show_text(node.note or node.kind), NOTE)


def _edge(stops: Sequence[Place]) -> str:
    x, y = stops[0][0] + stops[0][2], stops[0][1] + NODE_HEIGHT / 2
    path = f"M{x} {y:.0f}"
    for i, (left, top, wide) in enumerate(stops[1:], 1):
        end, middle = left, top + NODE_HEIGHT / 2
        bend = max(20.0, abs(end - x) / 2)
        path += f"C{x + bend:.0f} {y:.0f} {end - bend:.0f} {middle:.0f} {end:.0f} {middle:.0f}"
        x, y = end, middle
        if i < len(stops) - 1:
            x += wide
            path += f"H{x:.0f}"
    return f'<path class="edge" d="{path}"/><path class="tip" d="M{x - 7:.0f} {y - 4:.0f}l7 4l-7 4z"/>'


def _box(node: Node, x: int, y: float, wide: int) -> str:
    cls = f"box {KINDS.get(node.kind, 'c7')}{' focus' if node.focus else ''}"
    name, note = map(escape, _words(node))
    return (
        f'<rect class="{cls}" x="{x}" y="{y:.0f}" width="{wide}" height="{NODE_HEIGHT}" rx="5"/>'
        f'<text class="nm" x="{x + 10}" y="{y + 16:.0f}">{name}</text>'
        f'<text class="nt" x="{x + 10}" y="{y + 30:.0f}">{note}</text>'
    )
