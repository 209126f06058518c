"""Routes of one run: its page, code, live output, files, and notebooks made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlops_nb.artifacts import resolve
from mlops_nb.comparison import RunView
from mlops_nb.entities import LogLine, Run
from mlops_nb.errors import InvalidInput, InvalidState, NotFound
from mlops_nb.lab import shapes, work_shapes
from mlops_nb.lab.browse import quoted
from mlops_nb.lab.context import Context, lab_route
from mlops_nb.lab.rows import make_rows
from mlops_nb.panels.format import plain_json
from mlops_nb.server.routing import File, Request
from mlops_nb.tracking.reading import find_run, load_view
from mlops_nb.workspace import Workspace

REVISIONS = 50
CHILDREN = 200
OUTPUT_LIMIT = 8 << 20
"""Most characters of an output that goes out with a page."""

SHOWN = ("restart_run_all", "environment", "git", "randomness", "resources", "error")
HIDDEN = ("code", "slice", "outputs", "models", "session", *SHOWN)


def show_run(context: Context, request: Request) -> shapes.RunPage:
    """Everything about a run but its curves."""
    space = request.space
    view = load_view(request.path["run"], space)
    run, facts = view.run, view.facts
    revisions = space.store.line_runs(run.line, limit=REVISIONS) if run.line else []
    children = space.store.search_runs(None, f"parent_run_id = {quoted(run.run_id)}", limit=CHILDREN).items
    previous = next((each for each in revisions if each.revision < run.revision), None)
    rows = make_rows(context.places, space, [run, *revisions, *children, *([previous] if previous else [])])
    contents = rows[0]["contents_path"]
    logged = [value for kind, value in facts.items() if kind.startswith("model:")]
    return {
        "run": rows[0],
        "code": facts.get("code"),
        "slice": slice_of(view),
        "restart_run_all": plain_json(facts.get("restart_run_all")),
        "environment": plain_json(facts.get("environment")),
        "git": plain_json(facts.get("git")),
        "randomness": plain_json(facts.get("randomness")),
        "resources": plain_json(facts.get("resources")),
        "error": plain_json(facts.get("error")),
        "outputs": [_bounded(each) for each in facts.get("outputs") or ()],
        "models": plain_json([*(facts.get("models") or ()), *logged]),
        "data": data_of(view),
        "artifacts": [{"path": each.path, "digest": each.digest, "size": each.size} for each in view.artifacts],
        "revisions": rows[1 : 1 + len(revisions)],
        "children": rows[1 + len(revisions) : 1 + len(revisions) + len(children)],
        "versions": versions_of(space, run),
        "previous": rows[-1] if previous else None,
        "notebook_exists": bool(contents and context.places.file(contents).is_file()),
        "facts": {
            kind: plain_json(value)
            for kind, value in facts.items()
            if kind not in HIDDEN and not kind.startswith("model:")
        },
    }


def slice_of(view: RunView) -> list[shapes.SliceCell]:
    """The executions in a run's slice."""
    return [
        {"execution_count": each.get("execution_count"), "source": str(each.get("source", ""))}
        for each in view.facts.get("slice") or ()
    ]


def data_of(view: RunView) -> list[shapes.DataEntry]:
    """What a run read and wrote."""
    return [
        {
            "path": ref.path, "digest": ref.digest, "size": ref.size, "mode": ref.mode, "name": ref.name,
            "context": ref.context, "profile": plain_json(ref.profile), "sampled": ref.sampled,
        }
        for ref in view.data
    ]  # fmt: skip


def _bounded(output: Any) -> Any:
    """An output as it was; one that is too long for a page says so."""
    plain = plain_json(output)
    size = len(str(plain))
    if size <= OUTPUT_LIMIT:
        return plain
    text = f"This output has {size:,} characters. See it with: mlops-nb show RUN --json"
    return {"output_type": "stream", "name": "stderr", "text": text}


def versions_of(space: Workspace, run: Run) -> list[shapes.VersionEntry]:
    """Versions of registered models that came from a run."""
    found = space.store.search_versions(f"run_id = {quoted(run.run_id)}", limit=50).items
    return [
        {"name": each.name, "version": each.version, "stage": each.stage, "aliases": list(each.aliases)}
        for each in found
    ]


def show_code(context: Context, request: Request) -> shapes.Code:
    """A run's cell, its slice, and what differs from another run's."""
    from mlops_nb.comparison.texts import diff_code
    from mlops_nb.projects.slices import script_of

    view = load_view(request.path["run"], request.space)
    part = request.fields.get("part", "cell")
    if part not in ("cell", "slice"):
        raise InvalidInput(f"There is no part {part[:40]!a} of code.", hint="Use cell or slice.")
    diff = None
    if request.fields.get("against"):
        other = load_view(request.fields["against"], request.space)
        one, two = (
            (script_of(each) if part == "slice" and each.facts.get("slice") else str(each.facts.get("code") or ""))
            for each in (other, view)
        )
        diff = diff_code(one, two, (other.run.name, view.run.name))
    return {
        "cell": str(view.facts.get("code") or ""),
        "slice": slice_of(view),
        "script": script_of(view) if view.facts.get("slice") else str(view.facts.get("code") or ""),
        "diff": diff,
    }


def show_log(context: Context, request: Request) -> shapes.Log:
    """Live output after a number."""
    space = request.space
    run = find_run(request.path["run"], space)
    after, limit = request.fields.get("after", 0), max(1, min(request.fields.get("limit", 1000), 5000))
    over = space.store.get_run(run.run_id).status.is_final  # before reading: what comes in between is still read
    found = space.store.logs(run.run_id, after=after, limit=limit)
    lines: list[shapes.LogEntry] = [
        {"seq": number, "time": line.timestamp, "stream": line.stream, "text": plain_json(_as_text(line))}
        for number, line in found
    ]
    return {"lines": lines, "next": found[-1][0] if found else after, "over": over and len(found) < limit}


def _as_text(line: LogLine) -> str:
    """A line as it is read; of what was displayed, its plain text: an image's bytes say nothing."""
    if line.stream != "display":
        return line.text
    from mlops_nb.panels.results import display_text

    return display_text(line.text)


def fetch_artifact(context: Context, request: Request) -> File:
    """A file of a run, as a download."""
    run = find_run(request.path["run"], request.space)
    found = resolve(request.space.store.artifacts(run.run_id), request.path["path"])
    return File(found.digest, found.size, found.path.rpartition("/")[2])


def make_notebook(context: Context, request: Request) -> shapes.Opened:
    """Write a notebook: the run's slice, or what was executed, as a new file below the server's root."""
    import nbformat

    from mlops_nb.projects.slices import slice_notebook

    space, kind = request.space, request.fields.get("kind", "slice")
    view = load_view(request.path["run"], space)
    if kind == "slice":
        content = nbformat.writes(slice_notebook(view))
    elif kind == "executed":
        content = _executed(view)
    else:
        raise InvalidInput(f"There is no notebook {kind[:40]!a} of a run.", hint="Use slice or executed.")
    target = _free_file(context, space, request.fields.get("path"), view.run)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("x", encoding="utf-8") as file:
        file.write(content)
    contents = context.places.contents(target)
    assert contents is not None
    return {"contents_path": contents}


def _executed(view: RunView) -> str:
    assert view.read is not None
    entry = next((each for each in view.artifacts if each.path.endswith(".ipynb")), None)
    if entry is None:
        raise NotFound(f"The run {view.run.name!r} keeps no executed notebook.", hint="Open its code as a notebook.")
    return view.read(entry.digest).decode("utf-8")


def _free_file(context: Context, space: Workspace, asked: str | None, run: Run) -> Path:
    """A file that is not there yet: the one that was asked for, else one named for the run, beside its notebook."""
    if asked:
        target = context.places.file(asked)
        if target.suffix != ".ipynb":
            raise InvalidInput(f"{asked[:100]!r} is not the name of a notebook.", hint="Let it end in .ipynb.")
        if target.exists():
            raise InvalidState(f"{asked[:100]!r} is there already.", hint="Choose another name.")
        return target
    contents = context.places.openable(space, run.notebook)
    folder = context.places.file(contents).parent if contents else context.places.root
    folder = folder if folder.is_dir() else context.places.root
    letters = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in run.name[:60])
    name = letters.strip("-") or "run"
    names = [f"{name}-{run.run_id[-6:]}{'' if number == 1 else f'-{number}'}.ipynb" for number in range(1, 100)]
    return next(folder / each for each in names if not (folder / each).exists())


def show_notebook(context: Context, request: Request) -> work_shapes.NotebookState:
    """The last run of each cell of a notebook."""
    space, path = request.space, request.fields["path"]
    recorded = context.places.recorded(space, path)
    from mlops_nb.lab.stores import has_store

    if not has_store(space):
        return {"path": path, "recorded_as": recorded, "runs": 0, "running": 0, "cells": {}}
    mine = f"notebook = {quoted(recorded)}"
    groups = space.store.group_runs("cell", filter=mine, limit=500)
    cells: dict[str, work_shapes.CellState] = {}
    for group in groups:
        run = space.store.line_runs(group["key"], limit=1)[0] if group["key"] else None
        if run is not None and run.cell_id:
            facts = space.store.facts(run.run_id, ["code", "restart_run_all"])
            cells[run.cell_id] = {
                "run_id": run.run_id, "line": run.line, "revision": run.revision, "name": run.name,
                "status": run.status.value, "verdict": run.tags.get("mlops_nb.verdict"),
                "badge": plain_json(facts.get("restart_run_all")), "source": str(facts.get("code") or ""),
                "time": run.start_time,
            }  # fmt: skip
    running = sum(group["statuses"].get("RUNNING", 0) for group in groups)
    return {
        "path": path, "recorded_as": recorded, "runs": sum(group["count"] for group in groups), "running": running,
        "cells": cells,
    }  # fmt: skip


ROUTES = (
    lab_route("GET", "/runs/{run}", show_run, shapes.RunPage),
    lab_route("GET", "/runs/{run}/code", show_code, shapes.Code, fields={"against": "text", "part": "text"}),
    lab_route("GET", "/runs/{run}/log", show_log, shapes.Log, fields={"after": "int", "limit": "int"}),
    lab_route("GET", "/runs/{run}/artifacts/{path...}", fetch_artifact, str),
    lab_route("POST", "/runs/{run}/notebook", make_notebook, shapes.Opened, kind="write", role="write",
              fields={"kind": "text", "path": "text"}),
    lab_route("GET", "/notebook", show_notebook, work_shapes.NotebookState, fields={"path": "text!"}),
)  # fmt: skip
