"""Verbs that look: runs, show, compare, code, log, artifacts."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.comparison import MISSING, compare_runs
from mlops_nb.entities import LogLine, Run
from mlops_nb.errors import InvalidInput, InvalidState, NotFound
from mlops_nb.store.terms import RUN_WORDS
from mlops_nb.tracking.reading import find_run, load_histories, load_view
from mlops_nb.tracking.shapes import iso_time, public_value, run_json, show_json
from mlops_nb.verbs.table import Result
from mlops_nb.workspace import Workspace

DEFAULT_LIMIT = 100


def _reference(parser: argparse.ArgumentParser, **options: Any) -> None:
    parser.add_argument("run", metavar="RUN", help="a run's id, a unique prefix of it, or its name", **options)


def add_runs(parser: argparse.ArgumentParser) -> None:
    """Options of ``runs``."""
    parser.add_argument(
        "filter", nargs="?", default="", metavar="FILTER", help='for instance: "metrics.acc > 0.9 and params.lr < 0.1"'
    )
    parser.add_argument("-e", "--experiment", action="append", metavar="NAME", help="only this experiment")
    parser.add_argument(
        "--order-by", action="append", default=[], metavar="COLUMN", help='for instance: "metrics.acc DESC"'
    )
    parser.add_argument(
        "--limit", type=int, default=DEFAULT_LIMIT, metavar="N", help=f"at the most so many ({DEFAULT_LIMIT})"
    )
    parser.add_argument("--deleted", action="store_true", help="those that were deleted")


def do_runs(asked: argparse.Namespace) -> Result:
    """List runs, newest first."""
    if asked.limit < 1:
        raise InvalidInput(f"--limit takes a number from 1 on, not {asked.limit}.")
    space = workspaces.current()
    space.flush()
    ids = None
    if asked.experiment:
        ids = []
        for name in asked.experiment:
            experiment = space.store.find_experiment(name)
            if experiment is None:
                raise NotFound(f"There is no experiment {name!r}.", hint="List all runs with: mlops-nb runs")
            ids.append(experiment.experiment_id)
    asked.order_by = [_sort_term(space, term) for term in asked.order_by]
    page = space.store.search_runs(
        ids, asked.filter, order_by=asked.order_by, limit=asked.limit, view="deleted" if asked.deleted else "active"
    )
    runs: list[Run] = page.items
    return Result("runs", runs, [run_json(run) for run in runs])


def _sort_term(space: Workspace, term: str) -> str:
    """A metric or a param may be named as the table's head has it: ``acc DESC`` is ``metrics.acc DESC``."""
    found = re.fullmatch(r"([^\s.`'\"]+)(\s+(?:asc|desc))?", term.strip(), re.IGNORECASE)
    if found is None or found[1].lower() in RUN_WORDS.attributes:
        return term
    for kind in ("metrics", "params"):
        if any(key == found[1] for key, _ in space.store.run_keys(kind)):
            return f"{kind}.`{found[1]}`{found[2] or ''}"
    return term


def add_show(parser: argparse.ArgumentParser) -> None:
    """Options of ``show``."""
    _reference(parser)


def do_show(asked: argparse.Namespace) -> Result:
    """Everything about one run."""
    view = load_view(asked.run)
    histories = load_histories(view.run)
    return Result("run", (view, histories), show_json(view, histories))


def add_compare(parser: argparse.ArgumentParser) -> None:
    """Options of ``compare``."""
    _reference(parser, nargs="+")
    parser.add_argument("--all", action="store_true", help="also what is the same")


def do_compare(asked: argparse.Namespace) -> Result:
    """What differs between runs."""
    if not 2 <= len(asked.run) <= 50:
        raise InvalidInput(
            f"compare takes 2 to 50 runs, not {len(asked.run)}.", hint="For instance: mlops-nb compare 01 02"
        )
    views = [load_view(reference) for reference in asked.run]
    comparison = compare_runs(views)
    rows = [
        {"part": row.part, "name": row.name, "values": [_plain(value) for value in row.values], "same": row.same}
        for row in comparison.select(differences_only=not asked.all)
    ]
    plain = {
        "runs": [run_json(view.run) for view in views],
        "differences": rows,
        "code_diffs": list(comparison.code_diffs),
    }
    return Result("compare", (comparison, views, asked.all), plain)


def _plain(value: Any) -> Any:
    return None if value is MISSING else public_value(value)


def add_code(parser: argparse.ArgumentParser) -> None:
    """Options of ``code``."""
    _reference(parser)
    parser.add_argument("--script", action="store_true", help="one script (the default)")
    parser.add_argument("--notebook", action="store_true", help="a notebook, a cell an execution")
    parser.add_argument("--cell", action="store_true", help="only the tracked cell, as it was typed")
    parser.add_argument("-o", "--output", metavar="FILE", help="write it there")


def do_code(asked: argparse.Namespace) -> Result:
    """The least code that makes a run's result, in the order in which it ran."""
    from mlops_nb.projects.slices import script_of, slice_notebook

    view = load_view(asked.run)
    if asked.notebook:
        import nbformat

        source = nbformat.writes(slice_notebook(view))
    elif asked.cell or not view.facts.get("slice"):
        source = str(view.facts.get("code") or "")
    else:
        source = script_of(view)
    if not source:
        raise InvalidState(
            f"The run {view.run.name!r} has no recorded code: it was made by a script.",
            hint="Track a cell with %%track; the git commit of a script is in: mlops-nb show RUN",
        )
    if asked.output:
        Path(asked.output).write_text(source, encoding="utf-8")
        return Result("text", f"Written to {asked.output}", {"run_id": view.run.run_id, "output": asked.output})
    kind = "text" if asked.notebook else "code"
    data: Any = source if asked.notebook else (view.run, source)
    plain = {"run_id": view.run.run_id, "source": source, "slice": view.facts.get("slice") or []}
    return Result(kind, data, plain)


def add_log(parser: argparse.ArgumentParser) -> None:
    """Options of ``log``."""
    _reference(parser)
    words = "wait for more until the run is over: so by itself in a terminal, and not in a notebook or with --json"
    parser.add_argument("-f", "--follow", action=argparse.BooleanOptionalAction, default=None, help=words)
    parser.set_defaults(waits=parser.prog.startswith("mlops-nb"))  # a cell that waits for its own run never ends


def do_log(asked: argparse.Namespace) -> Result:
    """The live output of a run and of the runs nested in it."""
    run = find_run(asked.run)
    wait = asked.follow if asked.follow is not None else asked.waits and not asked.json
    lines = follow(run.run_id, wait)
    if not asked.json:
        return Result("log", lines, None)
    kept = [{"time": iso_time(line.timestamp), "stream": line.stream, "text": line.text} for line in lines]
    return Result("log", (), kept)


def follow(run_id: str, wait: bool, *, pause: float = 0.3) -> Iterator[LogLine]:
    """The output of a run, piece by piece; waits for more while the run is not over, if asked to."""
    space = workspaces.current()
    after = 0
    while True:
        space.recover()
        over = space.store.get_run(run_id).status.is_final  # before reading: what comes in between is still read
        while found := space.store.logs(run_id, after=after):
            for number, line in found:
                after = number
                yield line
        if over or not wait:
            return
        time.sleep(pause)


def add_artifacts(parser: argparse.ArgumentParser) -> None:
    """Options of ``artifacts``."""
    _reference(parser)
    parser.add_argument("path", nargs="?", metavar="PATH", help="a file or folder of the run's tree")
    parser.add_argument("-o", "--output", metavar="FILE", help="write it there (a file, or a folder for a folder)")


def do_artifacts(asked: argparse.Namespace) -> Result:
    """List the files of a run, or fetch one."""
    from mlops_nb.artifacts import check_path

    space = workspaces.current()
    run = find_run(asked.run, space)
    entries = space.store.artifacts(run.run_id)
    if asked.path:
        path = check_path(asked.path)
        entries = [entry for entry in entries if entry.path == path or entry.path.startswith(path + "/")]
        if not entries:
            raise NotFound(
                f"The run {run.name!r} has no artifact {asked.path!r}.",
                hint=f"List them with: mlops-nb artifacts {run.run_id}",
            )
    if asked.output:
        target = Path(asked.output)
        single = asked.path and len(entries) == 1 and entries[0].path == check_path(asked.path)
        for entry in entries:
            space.artifacts.fetch(entry.digest, target if single and not target.is_dir() else target / entry.path)
    plain = [{"path": entry.path, "digest": entry.digest, "size": entry.size} for entry in entries]
    return Result("artifacts", (run, entries, asked.output), plain)


def add_lineage(parser: argparse.ArgumentParser) -> None:
    """Options of ``lineage``."""
    words = "a run, a version (churn/3), a file or a digest"
    parser.add_argument("start", metavar="RUN|VERSION|FILE|DIGEST", help=words)
    parser.add_argument("--mermaid", action="store_true", help="as a Mermaid diagram")


def do_lineage(asked: argparse.Namespace) -> Result:
    """What a run or a file came from, and what came from it, by content."""
    from mlops_nb.lineage import draw_mermaid
    from mlops_nb.registry.history import model_lineage

    graph = model_lineage(asked.start)
    if asked.mermaid:
        return Result("text", draw_mermaid(graph), graph.as_json())
    return Result("lineage", graph, graph.as_json())


def add_restore(parser: argparse.ArgumentParser) -> None:
    """Options of ``restore``."""
    _reference(parser)
    parser.add_argument("-o", "--output", metavar="NEW.ipynb", help="write a new notebook")


def do_restore(asked: argparse.Namespace) -> Result:
    """The cells behind a run, as a new notebook, or as code to put below."""
    from mlops_nb.projects.slices import script_of, slice_notebook

    view = load_view(asked.run)
    if not asked.output:
        return Result("restore", (view.run, script_of(view)), {"run_id": view.run.run_id, "source": script_of(view)})
    import nbformat

    target = Path(asked.output)
    if target.exists():
        raise InvalidInput(f"{target} exists already.", hint="Name a new file.")
    nbformat.write(slice_notebook(view), target)
    return Result("text", f"Written to {target}", {"run_id": view.run.run_id, "output": str(target)})
