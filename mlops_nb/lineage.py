"""What came from what, by digest: a run that reads what another one wrote comes after it. Pure.

Nobody declares an edge. Bytes with the same digest are the same thing wherever they lie, so the graph crosses
notebooks, folders and machines. The rows behind it are asked for through callables.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops_nb.entities import Artifact, DataRef, Run

__all__ = ["Edge", "Graph", "Node", "draw_mermaid", "draw_tree", "lineage"]

_INPUTS = ("read", "log")
_OUTPUTS = ("write", "artifact")
_EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_VERSION = "models:/"
SERVICE = "service:"
"""In front of a version's id: the service that answers with it."""


@dataclass(frozen=True, slots=True)
class Node:
    """A thing in a lineage: `kind` is ``data`` (the id is its digest), ``run``, ``version`` (``models:/name/3``) or
    ``service`` (``service:models:/name/3``: a version that answers)."""

    id: str
    label: str
    kind: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """A step in the direction in which things are made; `mode` is ``read``, ``log``, ``write``, ``artifact``,
    ``registered``, ``served``, ``monitored`` or ``retrained``."""

    source: str
    target: str
    mode: str


@dataclass(frozen=True, slots=True)
class Graph:
    """What `start` came from, and what came from it.

    Parameters
    ----------
    start : str
        Id of the node that was asked for.
    nodes : dict
        Id to node; the start is first.
    edges : tuple of Edge
        Each once.
    truncated : bool
        Whether there is more than the bounds allowed.
    """

    start: str
    nodes: dict[str, Node]
    edges: tuple[Edge, ...]
    truncated: bool = False

    def sources_of(self, node_id: str) -> list[Edge]:
        """The edges that lead to a node.

        Examples
        --------
        >>> Graph("r", {}, (Edge("d", "r", "read"),)).sources_of("r")[0].source
        'd'
        """
        return [edge for edge in self.edges if edge.target == node_id]

    def targets_of(self, node_id: str) -> list[Edge]:
        """The edges that lead away from a node.

        Examples
        --------
        >>> Graph("r", {}, (Edge("d", "r", "read"),)).targets_of("d")[0].target
        'r'
        """
        return [edge for edge in self.edges if edge.source == node_id]

    def without_loose_files(self) -> Graph:
        """The same without files that a run on the way kept beside, and that nothing was made from.

        Examples
        --------
        >>> nodes = {each: Node(each, each, kind) for each, kind in (("r", "run"), ("s", "run"), ("f", "data"))}
        >>> graph = Graph("r", nodes, (Edge("r", "s", "retrained"), Edge("s", "f", "artifact")))
        >>> sorted(graph.without_loose_files().nodes)
        ['r', 's']
        """
        used = {edge.source for edge in self.edges} | {self.start}
        loose = {
            edge.target
            for edge in self.edges
            if edge.mode == "artifact" and edge.target not in used and edge.source != self.start
        }
        nodes = {name: node for name, node in self.nodes.items() if name not in loose}
        edges = tuple(edge for edge in self.edges if edge.target not in loose)
        return Graph(self.start, nodes, edges, self.truncated)

    def as_json(self) -> dict[str, Any]:
        """The graph as plain data.

        Examples
        --------
        >>> Graph("r", {"r": Node("r", "fit", "run")}, ()).as_json()["nodes"]
        [{'id': 'r', 'label': 'fit', 'kind': 'run', 'detail': ''}]
        """
        return {
            "start": self.start,
            "nodes": [{"id": n.id, "label": n.label, "kind": n.kind, "detail": n.detail} for n in self.nodes.values()],
            "edges": [{"source": e.source, "target": e.target, "mode": e.mode} for e in self.edges],
            "truncated": self.truncated,
        }


def lineage(
    start: str,
    runs_with_data: Callable[[str], Iterable[tuple[str, str]]],
    data: Callable[[str], Iterable[DataRef]],
    *,
    artifacts: Callable[[str], Iterable[Artifact]] | None = None,
    get_run: Callable[[str], Run | None] | None = None,
    versions: Callable[[str], Iterable[str]] | None = None,
    origin: Callable[[str], str | None] | None = None,
    after: Callable[[str], Iterable[tuple[str, str]]] | None = None,
    before: Callable[[str], Iterable[tuple[str, str]]] | None = None,
    depth: int = 12,
    limit: int = 300,
) -> Graph:
    """Follow digests from a run, a file or a model version, to where it came from and to what came from it.

    Only ancestors and descendants are followed: what a descendant read beside is left out. A run that wrote the bytes
    after they were read has not made them (when `get_run` tells times). Bytes that a run both read and kept are its
    input. Empty files are all the same, so nothing is followed through them.

    Parameters
    ----------
    start : str
        A digest (``sha256:...``), a run id, or ``models:/name/version``.
    runs_with_data : callable
        Digest to (run id, mode) pairs; as `RunStore.runs_with_data`.
    data : callable
        Run id to what it read and wrote; as `RunStore.data`.
    artifacts : callable, optional
        Run id to its files; as `RunStore.artifacts`.
    get_run : callable, optional
        Run id to the run, or None; for names and times.
    versions : callable, optional
        Run id to the model versions (``models:/name/3``) that it made.
    origin : callable, optional
        Model version to the run that made it, or None.
    after, before : callable, optional
        A version, run or service to (node, mode) pairs that follow from it, or that it follows from, otherwise than by
        bytes: a version is served, monitored, and retrained.
    depth : int
        How many steps are followed each way.
    limit : int
        How many nodes there are at most.

    Returns
    -------
    Graph
        With `Graph.truncated` where a bound was met.

    Examples
    --------
    >>> rows = {"prepare": [DataRef("b.csv", "sha256:b", 1, "write")], "fit": [DataRef("b.csv", "sha256:b", 1)]}
    >>> holders = {"sha256:b": [("prepare", "write"), ("fit", "read")]}
    >>> print(draw_tree(lineage("fit", lambda digest: holders.get(digest, []), lambda run: rows[run])))
    run fit
    └─ from
       └─ read: data b.csv (b)
          └─ write: run prepare
    """
    walk = _Walk(start, runs_with_data, data, artifacts, get_run, versions, origin, after, before, depth, limit)
    walk.follow(backwards=True)
    walk.follow(backwards=False)
    return Graph(start, walk.nodes, tuple(walk.edges), walk.truncated)


@dataclass(slots=True)
class _Walk:
    """A bounded search, breadth first, first against the edges and then along them."""

    start: str
    runs_with_data: Callable[[str], Iterable[tuple[str, str]]]
    data: Callable[[str], Iterable[DataRef]]
    artifacts: Callable[[str], Iterable[Artifact]] | None
    get_run: Callable[[str], Run | None] | None
    versions: Callable[[str], Iterable[str]] | None
    origin: Callable[[str], str | None] | None
    after: Callable[[str], Iterable[tuple[str, str]]] | None
    before: Callable[[str], Iterable[tuple[str, str]]] | None
    depth: int
    limit: int
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[Edge, None] = field(default_factory=dict)
    truncated: bool = False
    runs: dict[str, Run | None] = field(default_factory=dict)
    names: dict[str, tuple[str, str]] = field(default_factory=dict)

    def follow(self, *, backwards: bool) -> None:
        queue, seen = deque([(self.start, 0)]), {self.start}
        self.add(self.start)
        while queue:
            here, steps = queue.popleft()
            found = self.sources(here) if backwards else self.targets(here)
            for there, mode in found:
                if there not in seen and steps >= self.depth:
                    self.truncated = True
                    continue
                if not self.add(there):
                    continue
                self.edges[Edge(there, here, mode) if backwards else Edge(here, there, mode)] = None
                if there not in seen:
                    seen.add(there)
                    queue.append((there, steps + 1))

    def sources(self, node_id: str) -> list[tuple[str, str]]:
        """What a node was made from."""
        kind = _kind(node_id)
        if kind == "data":
            return self.holders(node_id, _OUTPUTS)
        told = list(self.before(node_id)) if self.before else []
        if kind == "version":
            run_id = self.origin(node_id) if self.origin else None
            return [(run_id, "registered")] if run_id else []
        return [*self.inputs(node_id).items(), *told] if kind == "run" else told

    def targets(self, node_id: str) -> list[tuple[str, str]]:
        """What was made from a node."""
        kind = _kind(node_id)
        if kind == "data":
            return self.holders(node_id, _INPUTS)
        told = list(self.after(node_id)) if self.after else []
        if kind != "run":
            return told
        made = [(uri, "registered") for uri in self.versions(node_id)] if self.versions else []
        return [*self.outputs(node_id).items(), *made, *told]

    def inputs(self, run_id: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for ref in self.data(run_id):
            if ref.mode in _INPUTS:
                found.setdefault(ref.digest, ref.mode)
                self.name(ref.digest, ref.path or ref.name, ref.size)
        return found

    def outputs(self, run_id: str) -> dict[str, str]:
        refs, inputs, found = list(self.data(run_id)), self.inputs(run_id), dict[str, str]()
        for ref in refs:
            if ref.mode == "write" and ref.digest not in inputs:
                found.setdefault(ref.digest, "write")
                self.name(ref.digest, ref.path or ref.name, ref.size)
        for artifact in self.artifacts(run_id) if self.artifacts else ():
            if artifact.digest not in inputs:
                found.setdefault(artifact.digest, "artifact")
                self.name(artifact.digest, artifact.path, artifact.size)
        return found

    def holders(self, digest: str, modes: tuple[str, ...]) -> list[tuple[str, str]]:
        """The runs that hold a digest in one of these ways, as far as time allows."""
        if digest == _EMPTY:
            return []
        held: dict[str, list[str]] = {}
        for run_id, mode in self.runs_with_data(digest):
            held.setdefault(run_id, []).append(mode)
        found = []
        for run_id, how in held.items():
            is_input = any(mode in _INPUTS for mode in how)
            wanted = [mode for mode in how if mode in modes]
            if (
                wanted
                and is_input == (modes is _INPUTS)
                and (digest == self.start or self.is_in_time(run_id, held, modes))
            ):
                found.append((run_id, wanted[0]))
        return found

    def is_in_time(self, run_id: str, held: dict[str, list[str]], modes: tuple[str, ...]) -> bool:
        """Whether this run may have written what one in the graph read, or read what one in the graph wrote."""
        mine = self.run(run_id)
        others = [
            run
            for other, how in held.items()
            if other != run_id and any(mode in _INPUTS for mode in how) != (modes is _INPUTS)
            if (run := self.run(other)) is not None and other in self.nodes
        ]
        if mine is None or not others:
            return True
        if modes is _INPUTS:
            return any(other.start_time <= _end(mine) for other in others)
        return any(mine.start_time <= _end(other) for other in others)

    def run(self, run_id: str) -> Run | None:
        if run_id not in self.runs:
            self.runs[run_id] = self.get_run(run_id) if self.get_run else None
        return self.runs[run_id]

    def name(self, digest: str, path: str, size: int) -> None:
        self.names.setdefault(digest, (path, f"{size:,} bytes"))

    def add(self, node_id: str) -> bool:
        """Make the node, if there is room."""
        if node_id in self.nodes:
            return True
        if len(self.nodes) >= self.limit:
            self.truncated = True
            return False
        kind = _kind(node_id)
        label, detail = node_id, ""
        if kind == "data":
            label, detail = self.names.get(node_id) or self.look_up(node_id)
        elif kind == "run" and (run := self.run(node_id)) is not None:
            label, detail = run.name or node_id, run.experiment
        elif kind == "service":
            label = node_id.removeprefix(SERVICE + _VERSION)
        self.nodes[node_id] = Node(node_id, label, kind, detail)
        return True

    def look_up(self, digest: str) -> tuple[str, str]:
        """The name of bytes that were asked for by digest: what the first run that holds them calls them."""
        for run_id, _ in self.runs_with_data(digest):
            self.inputs(run_id)
            self.outputs(run_id)
            if digest in self.names:
                return self.names[digest]
        return digest, ""


def _kind(node_id: str) -> str:
    if node_id.startswith(_VERSION):
        return "version"
    if node_id.startswith(SERVICE):
        return "service"
    return "data" if ":" in node_id else "run"


def _end(run: Run) -> float:
    return float("inf") if run.end_time is None else run.end_time


def draw_tree(graph: Graph) -> str:
    """The graph as an indented tree: what the start came from, then what came from it.

    A node that stands further up already is marked and not drawn again.

    Examples
    --------
    >>> nodes = {"r": Node("r", "fit", "run"), "sha256:a": Node("sha256:a", "a.csv", "data")}
    >>> print(draw_tree(Graph("r", nodes, (Edge("sha256:a", "r", "read"),))))
    run fit (r)
    └─ from
       └─ read: data a.csv (a)
    """
    lines = [_describe(graph.nodes[graph.start])]
    ways = [("from", True), ("to", False)]
    ways = [(title, back) for title, back in ways if _next(graph, graph.start, back)]
    for number, (title, backwards) in enumerate(ways):
        last = number == len(ways) - 1
        lines.append(f"{'└─' if last else '├─'} {title}")
        lines += _branches(graph, graph.start, backwards, "   " if last else "│  ", {graph.start})
    if graph.truncated:
        lines.append("(there is more)")
    return "\n".join(lines)


def _next(graph: Graph, node_id: str, backwards: bool) -> list[tuple[str, str]]:
    edges = graph.sources_of(node_id) if backwards else graph.targets_of(node_id)
    return [(edge.source if backwards else edge.target, edge.mode) for edge in edges]


def _branches(graph: Graph, node_id: str, backwards: bool, indent: str, drawn: set[str]) -> list[str]:
    lines, found = [], _next(graph, node_id, backwards)
    for number, (there, mode) in enumerate(found):
        last = number == len(found) - 1
        again = there in drawn
        mark = " (see above)" if again and _next(graph, there, backwards) else ""
        lines.append(f"{indent}{'└─' if last else '├─'} {mode}: {_describe(graph.nodes[there])}{mark}")
        if not again:
            drawn.add(there)
            lines += _branches(graph, there, backwards, indent + ("   " if last else "│  "), drawn)
    return lines


def _describe(node: Node) -> str:
    """One line that no name can break or colour."""
    short = node.id.rpartition(":")[2][:12] if node.kind == "data" else node.id[:12]
    text = f"{node.kind} {node.label}"
    if node.kind not in ("version", "service") and node.label != node.id:
        text += f" ({short})"
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def draw_mermaid(graph: Graph) -> str:
    """The graph as Mermaid text, which JupyterLab, GitHub and GitLab draw inside Markdown.

    Examples
    --------
    >>> print(draw_mermaid(Graph("r", {"r": Node("r", 'fit "it"', "run")}, ())))
    flowchart LR
      n0["fit #quot;it#quot;"]:::start
      classDef start stroke-width:3px
    """
    names = {node_id: f"n{number}" for number, node_id in enumerate(graph.nodes)}
    shapes: dict[str, Sequence[str]] = {"data": ("[(", ")]"), "run": ("[", "]"), "version": ("{{", "}}")}
    shapes["service"] = ("([", "])")
    lines = ["flowchart LR"]
    for node in graph.nodes.values():
        left, right = shapes[node.kind]
        mark = ":::start" if node.id == graph.start else ""
        lines.append(f'  {names[node.id]}{left}"{_escape(node.label)}"{right}{mark}')
    lines += [f"  {names[edge.source]} -->|{edge.mode}| {names[edge.target]}" for edge in graph.edges]
    return "\n".join([*lines, "  classDef start stroke-width:3px"])


def _escape(label: str) -> str:
    """A label that Mermaid takes for nothing else."""
    label = " ".join(label.split())[:80]
    for character, entity in (
        ("#", "#35;"),
        ("&", "#amp;"),
        ('"', "#quot;"),
        ("<", "#lt;"),
        (">", "#gt;"),
        ("`", "#96;"),
    ):
        label = label.replace(character, entity)
    return label
