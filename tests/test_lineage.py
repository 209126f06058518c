"""Lineage: edges by digest, both ways, in bounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mlops_nb.entities import Artifact, DataRef, Run, Status
from mlops_nb.lineage import Graph, draw_mermaid, draw_tree, lineage

EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class Rows:
    """Rows of runs as a store holds them: `read`, `write` and `keep` are names of files, whose digests they decide."""

    def __init__(self) -> None:
        self.refs: dict[str, list[DataRef]] = {}
        self.files: dict[str, list[Artifact]] = {}
        self.runs: dict[str, Run] = {}
        self.models: dict[str, str] = {}

    def add(
        self, run: str, read: Iterable[str] = (), write: Iterable[str] = (), keep: Iterable[str] = (), at: int = 0
    ) -> Rows:
        self.refs[run] = [DataRef(f, digest(f), 3) for f in read] + [DataRef(f, digest(f), 3, "write") for f in write]
        self.files[run] = [Artifact(f, digest(f), 3) for f in keep]
        self.runs[run] = Run(run, f"name of {run}", "0", "exp", Status.FINISHED, at, at + 5)
        return self

    def holders(self, wanted: str) -> list[tuple[str, str]]:
        found = [(run, ref.mode) for run, refs in self.refs.items() for ref in refs if ref.digest == wanted]
        return found + [(run, "artifact") for run, files in self.files.items() for f in files if f.digest == wanted]

    def graph(self, start: str, **bounds: int) -> Graph:
        return lineage(
            start,
            self.holders,
            lambda run: self.refs.get(run, []),
            artifacts=lambda run: self.files.get(run, []),
            get_run=self.runs.get,
            versions=lambda run: [uri for uri, made_by in self.models.items() if made_by == run],
            origin=self.models.get,
            **bounds,
        )


def digest(name: str) -> str:
    return EMPTY if name == "empty" else f"sha256:{name}"


def edges(graph: Graph) -> set[tuple[str, str, str]]:
    return {(e.source.removeprefix("sha256:"), e.mode, e.target.removeprefix("sha256:")) for e in graph.edges}


def road() -> Rows:
    rows = Rows().add("prepare", ["raw"], ["clean"], at=0).add("fit", ["clean"], [], ["model"], at=10)
    rows.add("evaluate", ["model", "test"], ["report"], at=20).add("other", ["raw"], ["chart"], at=30)
    rows.models["models:/churn/1"] = "fit"
    return rows


def test_a_run_comes_from_what_it_read_and_makes_what_it_wrote() -> None:
    assert edges(road().graph("fit")) == {
        ("raw", "read", "prepare"),
        ("prepare", "write", "clean"),
        ("clean", "read", "fit"),
        ("fit", "artifact", "model"),
        ("fit", "registered", "models:/churn/1"),
        ("model", "read", "evaluate"),
        ("evaluate", "write", "report"),
    }


def test_a_file_knows_which_models_came_from_it() -> None:
    graph = road().graph("sha256:raw")
    assert {"models:/churn/1", "sha256:chart", "sha256:report"} <= graph.nodes.keys()
    assert graph.nodes["sha256:raw"].label == "raw" and next(iter(graph.nodes)) == "sha256:raw"


def test_a_version_knows_its_data() -> None:
    graph = road().graph("models:/churn/1")
    assert set(graph.nodes) == {"models:/churn/1", "fit", "sha256:clean", "prepare", "sha256:raw"}


def test_the_relatives_of_relatives_are_left_out() -> None:
    """What `evaluate` read beside the model is no part of how the model came to be."""
    graph = road().graph("fit")
    assert "other" not in graph.nodes and "sha256:test" not in graph.nodes


def test_circles_end() -> None:
    rows = Rows().add("a", ["x"], ["y"]).add("b", ["y"], ["x"])
    assert edges(rows.graph("a")) == {
        ("x", "read", "a"), ("a", "write", "y"), ("y", "read", "b"), ("b", "write", "x")
    }  # fmt: skip
    rows = Rows().add("same", ["x"], ["x"])
    assert edges(rows.graph("same")) == {("x", "read", "same")}
    assert "see above" in draw_tree(Rows().add("a", ["x"], ["y"]).add("b", ["y"], ["x"]).graph("a"))


def test_input_that_was_kept_is_not_output() -> None:
    rows = Rows().add("one", ["x"], [], ["x"]).add("two", ["x"], [], ["x"])
    assert edges(rows.graph("one")) == {("x", "read", "one")}


def test_who_wrote_the_bytes_later_has_not_made_them() -> None:
    rows = Rows().add("reader", ["x"], at=10).add("later", [], ["x"], at=100)
    assert "later" not in rows.graph("reader").nodes
    rows.add("earlier", [], ["x"], at=0)
    assert {"earlier"} == set(rows.graph("reader").nodes) - {"reader", "sha256:x"}
    assert "reader" not in rows.graph("later").nodes


def test_everybody_who_holds_the_file_that_was_asked_for_is_shown() -> None:
    rows = Rows().add("reader", ["x"], at=10).add("later", [], ["x"], at=100)
    assert edges(rows.graph("sha256:x")) == {("later", "write", "x"), ("x", "read", "reader")}


def test_empty_files_connect_nothing() -> None:
    rows = Rows().add("a", [], ["empty"]).add("b", ["empty"])
    assert edges(rows.graph("a")) == {("a", "write", EMPTY.removeprefix("sha256:"))}


def test_bounds_are_kept_and_said() -> None:
    rows = Rows()
    for i in range(100):
        rows.add(f"r{i}", [f"f{i}"], [f"f{i + 1}"], at=i)
    near = rows.graph("r50", depth=3)
    assert near.truncated and set(near.nodes) == {
        "r50",
        "sha256:f50",
        "r49",
        "sha256:f49",
        "sha256:f51",
        "r51",
        "sha256:f52",
    }
    assert len(rows.graph("r50", limit=10).nodes) == 10
    whole = rows.graph("r0", depth=1000, limit=1000)
    assert not whole.truncated and len(whole.nodes) == 201
    assert "(there is more)" in draw_tree(near) and "(there is more)" not in draw_tree(whole)


def test_what_is_unknown_is_a_graph_of_one() -> None:
    for start in ("sha256:nothing", "norun", "models:/none/1"):
        graph = Rows().graph(start)
        assert list(graph.nodes) == [start] and graph.edges == () and not graph.truncated
        assert draw_tree(graph).endswith(start)


def test_the_tree_reads_from_the_start() -> None:
    assert draw_tree(road().graph("fit")).splitlines() == [
        "run name of fit (fit)",
        "├─ from",
        "│  └─ read: data clean (clean)",
        "│     └─ write: run name of prepare (prepare)",
        "│        └─ read: data raw (raw)",
        "└─ to",
        "   ├─ artifact: data model (model)",
        "   │  └─ read: run name of evaluate (evaluate)",
        "   │     └─ write: data report (report)",
        "   └─ registered: version models:/churn/1",
    ]


def test_hostile_names_stay_in_their_label() -> None:
    rows = Rows().add("evil", ['x"\n  n9["y'], ["<b>`z`#"])
    rows.runs["evil"] = replace(rows.runs["evil"], name='a"]; click n0 "javascript:alert(1)"\nn0 --> n1')
    graph = rows.graph("evil")
    text = draw_mermaid(graph)
    assert len(text.splitlines()) == 2 + len(graph.nodes) + len(graph.edges) == 7
    assert text.count('"') == 2 * len(graph.nodes) and "<b>" not in text and "`" not in text
    assert len(draw_tree(graph).splitlines()) == 5


FILES = st.lists(st.sampled_from("abcdef"), max_size=3)


@given(st.lists(st.tuples(FILES, FILES, FILES), min_size=1, max_size=6), st.integers(1, 8), st.integers(1, 12))
def test_every_graph_hangs_together(table: list[tuple[list[str], ...]], depth: int, limit: int) -> None:
    rows = Rows()
    for number, (read, write, keep) in enumerate(table):
        rows.add(f"r{number}", read, write, keep, at=number * 3)
    graph = rows.graph("r0", depth=depth, limit=limit)
    assert len(graph.nodes) <= limit and len(set(graph.edges)) == len(graph.edges)
    reached: set[str] = set()
    fresh = {"r0"}
    while fresh:
        reached |= fresh
        near = [e for e in graph.edges if e.source in fresh or e.target in fresh]
        fresh = {end for e in near for end in (e.source, e.target)} - reached
    assert reached == set(graph.nodes)
    for edge in graph.edges:
        assert "run" in {graph.nodes[edge.source].kind, graph.nodes[edge.target].kind}
    for node in graph.nodes.values():
        assert node.label.split()[-1] in draw_tree(graph)
    assert draw_mermaid(graph).count("-->") == len(graph.edges)
