"""Drawing a verb's result by its kind: in a terminal, and as a static view in a notebook."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import IO, Any

from mlops_nb.comparison import Comparison, RunView
from mlops_nb.entities import Artifact, LogLine, Points, Run, now_ms
from mlops_nb.lineage import Graph, draw_tree
from mlops_nb.panels import graph as graph_room
from mlops_nb.panels.card import Card
from mlops_nb.panels.code import code_view
from mlops_nb.panels.comparison import comparison_table
from mlops_nb.panels.evaluations import evaluation_view
from mlops_nb.panels.format import show_fact, show_size
from mlops_nb.panels.markup import document, table, tag, text
from mlops_nb.panels.monitoring_views import monitoring_view, retraining_view
from mlops_nb.panels.pages import run_page, verdict_view
from mlops_nb.panels.pipeline_view import pipeline_view, print_pipeline
from mlops_nb.panels.registry_views import REGISTRY_KINDS, registry_view
from mlops_nb.panels.sweep_page import sweep_view
from mlops_nb.panels.sweep_terminal import print_sweep
from mlops_nb.panels.tables import plain_table, runs_table
from mlops_nb.panels.terminal import make_console, print_compare, print_run, print_runs
from mlops_nb.panels.transfer_views import transfer_view

SHOWN_PACKAGES = 12
RUN_PARTS = ("run", "metrics", "params", "tags")
"""Parts of a comparison that the views take from the runs themselves."""

BUNDLES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "transfer": transfer_view,
    "evaluation": evaluation_view,
    "monitoring": monitoring_view,
    "retraining": retraining_view,
    "sweep": sweep_view,
    **{kind: partial(registry_view, kind) for kind in REGISTRY_KINDS},
}
"""Kinds whose text in a terminal is the plain text of their static view: one row each."""


class View:
    """Something to show in a notebook: a mime bundle that needs no kernel."""

    def __init__(self, bundle: dict[str, Any]) -> None:
        self.bundle = bundle

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return self.bundle

    def __repr__(self) -> str:
        return str(self.bundle.get("text/plain", ""))


def card_of(view: RunView, *, previous: Run | None = None) -> Card:
    """What stands beside a run on its card, from what was recorded."""
    facts = view.facts
    return Card(
        previous=previous,
        models=facts.get("models") or (),
        data=view.data,
        badge=facts.get("restart_run_all"),
        verdict=view.run.tags.get("mlops_nb.verdict"),
        redactions=int(facts.get("redactions") or 0),
        error=facts.get("error"),
        outputs_kept=len(facts.get("outputs") or ()),
    )


def sections_of(comparison: Comparison, *, everything: bool = False) -> dict[str, list[tuple[str, list[Any]]]]:
    """The parts of a comparison that are not the run's own values, as the views take them."""
    found = comparison.sections(differences_only=not everything)
    return {part: rows for part, rows in found.items() if part not in RUN_PARTS}


WHOLE = 4000
"""Characters of what is copied from a terminal: a token, a path, an address."""


def draw_terminal(kind: str, data: Any, file: IO[str]) -> None:
    """Write a verb's result to a terminal, a pipe or a file.

    Parameters
    ----------
    kind : str
        The kind of the result: ``runs``, ``run``, ``compare``, ``code``, ``log``, ``artifacts``, ``facts``, ``text``.
    data : object
        What the verb gave.
    file : file
        Where to write.

    Examples
    --------
    >>> import sys
    >>> draw_terminal("text", "done", sys.stdout)
    done
    """
    drawers[kind](data, file)


def _runs(runs: Sequence[Run], file: IO[str]) -> None:
    print_runs(runs, make_console(file), now=now_ms())


def _run(data: tuple[RunView, dict[str, Points]], file: IO[str]) -> None:
    view, _ = data
    facts, sections = view.facts, {}
    for kind in ("resources", "git", "environment"):
        values = facts.get(kind)
        if isinstance(values, dict):
            sections[kind] = [(name, show_fact(name, value)) for name, value in values.items() if _is_short(value)]
    if view.data:
        sections["data"] = [(ref.path, f"{ref.mode} · {show_size(ref.size)} · {ref.digest[:19]}") for ref in view.data]
    if view.artifacts:
        sections["artifacts"] = [(item.path, show_size(item.size)) for item in view.artifacts]
    print_run(view.run, make_console(file), card=card_of(view), sections=sections, code=str(facts.get("code") or ""))


def _is_short(value: Any) -> bool:
    return value is not None and value != "" and not isinstance(value, (dict, list)) and "\n" not in str(value)


def _compare(data: tuple[Comparison, list[RunView], bool], file: IO[str]) -> None:
    comparison, views, everything = data
    print_compare(
        [view.run for view in views],
        make_console(file),
        sections=sections_of(comparison, everything=everything),
        code_diff=comparison.code_diff,
        differences_only=not everything,
    )


def _code(data: tuple[Run, str], file: IO[str]) -> None:
    file.write(data[1].rstrip("\n") + "\n")


def _log(lines: Iterable[LogLine], file: IO[str]) -> None:
    for line in lines:
        file.write(line.text if line.stream != "display" else display_text(line.text))
        file.flush()


def display_text(text_json: str) -> str:
    """The plain text of a rich output, for a terminal.

    Examples
    --------
    >>> display_text('{"data": {"text/plain": "42"}}')
    '42\\n'
    """
    try:
        plain = json.loads(text_json)["data"].get("text/plain", "")
    except (ValueError, KeyError, AttributeError):
        return ""
    return ("".join(plain) if isinstance(plain, list) else str(plain)) + "\n"


def _artifacts(data: tuple[Run, list[Artifact], str | None], file: IO[str]) -> None:
    run, entries, output = data
    if output:
        file.write(f"{len(entries)} file{'s' if len(entries) != 1 else ''} written to {output}\n")
    elif not entries:
        file.write(f"The run {run.name} has no artifacts.\n")
    else:
        rows = [[entry.path, show_size(entry.size), entry.digest[:19]] for entry in entries]
        file.write(plain_table(["path", "size", "digest"], rows, limit=WHOLE) + "\n")


def _facts(facts: dict[str, Any], file: IO[str]) -> None:
    rows, lines = [], []
    for name, value in facts.items():
        label = name.replace("_", " ")
        if isinstance(value, list) and value:
            rows.append([label, str(len(value))])
            lines += [f"{label}: {_one_line(item)}\n" for item in value]
            continue
        shown = show_size(value) if name.endswith(("bytes", "bytes_freed")) else "none" if value == [] else str(value)
        rows.append([label, shown])
    file.write(plain_table(["", ""], rows, limit=WHOLE).strip("\n") + "\n" + "".join(lines))


def _one_line(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    return ", ".join(
        f"{name.replace('_', ' ')} {' '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in item.items()
    )


def _verdict(found: dict[str, Any], file: IO[str]) -> None:
    file.write(verdict_view(found, title=found.get("title") or found["run_id"])["text/plain"] + "\n")


def _lineage(graph: Graph, file: IO[str]) -> None:
    file.write(draw_tree(graph).rstrip("\n") + "\n")


def _plain(view: Callable[[Any], dict[str, Any]]) -> Callable[[Any, IO[str]], None]:
    return lambda data, file: _text(view(data)["text/plain"], file)


def _text(words: str, file: IO[str]) -> None:
    file.write(words.rstrip("\n") + "\n")


drawers: dict[str, Callable[[Any, IO[str]], None]] = {
    "runs": _runs,
    "run": _run,
    "compare": _compare,
    "code": _code,
    "restore": _code,
    "lineage": _lineage,
    "log": _log,
    "artifacts": _artifacts,
    "facts": _facts,
    "pipeline": print_pipeline,
    "text": _text,
    "service": lambda service, file: _text(repr(service).strip("<>"), file),
    "verdict": _verdict,
    **{kind: _plain(view) for kind, view in BUNDLES.items()},
    "sweep": lambda board, file: print_sweep(board, make_console(file)),
}


def static_view(kind: str, data: Any) -> View:
    """A verb's result as it is kept in a saved notebook.

    Examples
    --------
    >>> static_view("text", "done")
    done
    """
    if kind == "runs":
        return View(runs_table(data))
    if kind == "run":
        view, histories = data
        curves = {key: points for key, points in histories.items() if len(points) > 1}
        return View(
            run_page(
                view.run, card=card_of(view), history=curves, facts=view.facts, artifacts=view.artifacts,
                data=view.data, code=str(view.facts.get("code") or ""),
            )
        )  # fmt: skip
    if kind == "service":
        from mlops_nb.panels.service_panel import service_view

        return View(service_view(data))
    if kind == "compare":
        comparison, views, everything = data
        return View(
            comparison_table(
                [view.run for view in views],
                sections=sections_of(comparison, everything=everything),
                code_diff=comparison.code_diff,
                differences_only=not everything,
            )
        )
    if kind in ("code", "restore"):
        return View(code_view(data[1], title=data[0].name))
    if kind == "lineage":
        nodes = [graph_room.Node(node.id, node.label, node.kind) for node in data.nodes.values()]
        return View(graph_room.lineage_view(nodes, [(edge.source, edge.target) for edge in data.edges]))
    if kind == "pipeline":
        return View(pipeline_view(data))
    if kind in BUNDLES:
        return View(BUNDLES[kind](data))
    if kind == "verdict":
        return View(verdict_view(data, title=data.get("title") or data["run_id"]))
    if kind == "artifacts":
        rows = [[tag("td", text(e.path, 200)), tag("td", show_size(e.size))] for e in data[1]]
        return View(_both(kind, data, table(["path", "size"], rows)))
    return View(_both(kind, data, ""))


def verbs_view(verbs: Mapping[str, str]) -> View:
    """What ``%mlops`` can do: a line a verb.

    Examples
    --------
    >>> print(verbs_view({"runs": "list runs"}))
    %mlops runs  list runs
    <BLANKLINE>
    More about one: %mlops runs --help
    """
    rows = [[f"%mlops {name}", words] for name, words in verbs.items()]
    cells = [[tag("td", tag("code", text(name))), tag("td", text(words, 200), cls="mute")] for name, words in rows]
    more = f"More about one: %mlops {next(iter(verbs))} --help"
    wide = max(len(name) for name, _ in rows)
    plain = "\n".join([*(f"{name:<{wide}}  {words}" for name, words in rows), "", more])
    html = document(table([], cells, cls="verbs"), tag("p", text(more), cls="mute"), cls="page")
    return View({"text/html": html, "text/plain": plain})


def _both(kind: str, data: Any, html: str) -> dict[str, Any]:
    import io

    file = io.StringIO()
    draw_terminal(kind, data, file)
    plain = file.getvalue().rstrip("\n")
    body = html or tag("pre", text(plain, 100_000))
    return {"text/html": document(body, cls="page"), "text/plain": plain}
