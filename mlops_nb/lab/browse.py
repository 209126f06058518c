"""Routes of lists: runs in pages, what has changed, short curves, groups, exports."""

from __future__ import annotations

import csv
import io
from typing import Any

from mlops_nb.entities import Run
from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.lab.context import Context, lab_route
from mlops_nb.lab.curves import spark_of
from mlops_nb.lab.hello import models_mark
from mlops_nb.lab.memory import until_written
from mlops_nb.lab.rows import IDS_LIMIT, best_of, check_ids, key_names, make_rows
from mlops_nb.lab.shapes import Changed, Changes, Count, GroupRow, Groups, RunsPage, Spark, Sparks
from mlops_nb.lab.stores import has_store, store_id
from mlops_nb.server.routing import Request, Text
from mlops_nb.workspace import Workspace

PAGE_LIMIT = 1000
EXPORT_LIMIT = 100_000
EXPORT_PAGE = 2000

ASKED = {
    "scope": "text", "notebook": "text", "filter": "text", "experiment": "texts", "parent": "text", "deleted": "bool",
}  # fmt: skip


def quoted(text: str) -> str:
    """A text as the language of filters has it.

    Examples
    --------
    >>> quoted("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def narrow(context: Context, request: Request) -> tuple[list[str] | None, str, str]:
    """The experiments, the filter and the view that a list asks for."""
    fields, space = request.fields, request.space
    scope = fields.get("scope", "project")
    if scope not in ("notebook", "project", "all"):
        raise InvalidInput(f"There is no scope {scope[:40]!a}.", hint="Use notebook, project or all.")
    terms = []
    if scope == "notebook":
        if not fields.get("notebook"):
            raise InvalidInput("The scope 'notebook' needs the notebook.", hint="Send its path as 'notebook'.")
        terms.append(f"notebook = {quoted(context.places.recorded(space, fields['notebook']))}")
    parent = fields.get("parent")
    if parent:
        terms.append("parent_run_id IS NULL" if parent == "none" else f"parent_run_id = {quoted(parent)}")
    if fields.get("filter", "").strip():
        from mlops_nb.store.search import parse_filter

        parse_filter(fields["filter"])  # alone, so that the place that a message names is the user's
        terms.append(f"({fields['filter']})" if terms else fields["filter"])
    ids = None
    if fields.get("experiment"):
        found = [space.store.find_experiment(name) for name in fields["experiment"]]
        if missing := [name for name, each in zip(fields["experiment"], found, strict=True) if each is None]:
            raise NotFound(f"There is no experiment {missing[0][:100]!r}.")
        ids = [each.experiment_id for each in found if each is not None]
    return ids, " and ".join(terms), "deleted" if fields.get("deleted") else "active"


def list_runs(context: Context, request: Request) -> RunsPage:
    """A page of runs."""
    fields, space = request.fields, request.space
    limit = fields.get("limit", 100)
    if not 1 <= limit <= PAGE_LIMIT:
        raise InvalidInput(f"The limit is 1 to {PAGE_LIMIT}, not {limit}.")
    if not has_store(space):
        return _page(context, space, [], None, 0 if fields.get("count") else None, 0)
    ids, filter, view = narrow(context, request)
    sequence = space.store.last_change()  # before the page: what comes in between is seen again
    page = space.store.search_runs(
        ids, filter, order_by=fields.get("order_by", ()), limit=limit, page_token=fields.get("page_token") or None,
        view=view,
    )  # fmt: skip
    total = None
    if fields.get("count") and not fields.get("page_token") and page.next_token is None:
        total = len(page.items)
    elif fields.get("count"):
        total = _count(space, ids, filter, view)
    return _page(context, space, page.items, page.next_token, total, sequence)


def count_runs(context: Context, request: Request) -> Count:
    """How many runs a list has, for who has asked for its first page without waiting for that."""
    if not has_store(request.space):
        return {"total": 0}
    return {"total": _count(request.space, *narrow(context, request))}


def _count(space: Workspace, ids: list[str] | None, filter: str, view: str) -> int:
    asked = ("count", tuple(ids) if ids is not None else None, filter, view)
    return until_written(space, asked, lambda: space.store.count_runs(ids, filter, view=view))


def _page(
    context: Context, space: Workspace, runs: list[Run], token: str | None, total: int | None, sequence: int
) -> RunsPage:
    metrics = key_names(runs, "metrics")
    return {
        "runs": make_rows(context.places, space, runs),
        "next_page_token": token,
        "total": total,
        "sequence": sequence,
        "store": store_id(space),
        "metrics": metrics,
        "params": key_names(runs, "params"),
        "best": best_of(runs, metrics),
    }


def list_changes(context: Context, request: Request) -> Changes:
    """Runs written after a moment; `reset` says that the store is another one, or went back."""
    space, since = request.space, request.fields.get("since", 0)
    here, limit = store_id(space), request.fields.get("limit", 500)
    if not 1 <= limit <= PAGE_LIMIT:
        raise InvalidInput(f"The limit is 1 to {PAGE_LIMIT}, not {limit}.")
    if not has_store(space):
        return {
            "runs": [], "sequence": 0, "more": False, "reset": since > 0, "store": here, "models": "",
        }  # fmt: skip
    known = request.fields.get("store")
    last = space.store.last_change()
    is_new = since > last or (known is not None and known != here)
    runs, sequence = ([], last) if is_new else space.store.changes(since, limit=limit)
    return {
        "runs": make_rows(context.places, space, runs),
        "sequence": sequence,
        "more": sequence < last,
        "reset": is_new,
        "store": store_id(space),
        "models": models_mark(space),
    }


def list_sparks(context: Context, request: Request) -> Sparks:
    """For each run the short curve of the first of some metrics that has one; runs without any are left out."""
    space, run_ids = request.space, check_ids(request.fields["runs"])
    metrics, points = request.fields["metric"][:5], max(10, min(request.fields.get("points", 40), 200))
    curves: dict[str, Spark] = {}
    if has_store(space):
        for run_id, counts in space.store.point_counts(run_ids).items():  # most runs of large stores have no curve
            metric = next((key for key in metrics if counts.get(key, 0) > 1), None)
            if metric is not None:
                curves[run_id] = {"metric": metric, "values": spark_of(space, run_id, metric, points, counts[metric])}
    return {"curves": curves}


def list_groups(context: Context, request: Request) -> Groups:
    """Groups of runs with their figures, the newest first."""
    space, by = request.space, request.fields["by"]
    if not has_store(space):
        return {"by": by, "groups": []}
    ids, filter, view = narrow(context, request)
    limit = max(1, min(request.fields.get("limit", 500), PAGE_LIMIT))
    metrics = request.fields.get("metrics", [])[:20]
    question = ("groups", by, tuple(ids) if ids is not None else None, filter, view, tuple(metrics), limit)
    found = until_written(
        space, question, lambda: space.store.group_runs(by, ids, filter, metrics=metrics, limit=limit, view=view)
    )
    labels = _labels(space, by, found)
    runs = _parents(context, space, found) if by == "parent" else {}
    groups: list[GroupRow] = [
        {
            "key": each["key"],
            "label": labels.get(each["key"]) or ("none" if each["key"] is None else str(each["key"])),
            "count": each["count"],
            "newest": each["newest"],
            "oldest": each["oldest"],
            "newest_run": each["newest_run"],
            "statuses": each["statuses"],
            "metrics": each["metrics"],
            "filter": _filter_of(by, each["key"]),
            "run": runs.get(each["key"]),
        }
        for each in found
    ]
    return {"by": by, "groups": groups}


def _filter_of(by: str, key: Any) -> str:
    kind, dot, name = by.partition(".")
    columns = {"cell": "line", "experiment": "experiment_id", "parent": "parent_run_id", "user": "user_id"}
    field = f"{kind}.`{name}`" if dot else columns.get(by, by)
    return f"{field} IS NULL" if key is None else f"{field} = {quoted(str(key))}"


def _labels(space: Workspace, by: str, groups: list[dict[str, Any]]) -> dict[Any, str]:
    """What groups are called whose key is an id."""
    if by == "experiment":
        listed = space.store.search_experiments(limit=1000, view="all").items
        return {each.experiment_id: each.name for each in listed}
    if by != "cell":
        return {}
    found = {}
    for each in groups[:IDS_LIMIT]:
        if each["key"] is not None and each["newest_run"]:
            run = space.store.get_run(each["newest_run"])
            found[each["key"]] = f"{run.notebook} / {run.name}" if run.notebook else run.name
    return found


def _parents(context: Context, space: Workspace, groups: list[dict[str, Any]]) -> dict[Any, Any]:
    runs = []
    for each in groups[:IDS_LIMIT]:
        if each["key"]:
            try:
                runs.append(space.store.get_run(each["key"]))
            except NotFound:
                continue  # purged: its children stand without it
    rows = make_rows(context.places, space, runs, counted=False)
    counts = {each["key"]: each["count"] for each in groups}
    for row in rows:
        row["children"] = counts[row["run_id"]]
    return {row["run_id"]: row for row in rows}


def export_runs(context: Context, request: Request) -> Text:
    """All runs of a list as CSV."""
    space = request.space
    limit = max(1, min(request.fields.get("limit", EXPORT_LIMIT), EXPORT_LIMIT))
    runs: list[Run] = []
    if has_store(space):
        ids, filter, view = narrow(context, request)
        token: str | None = None
        while len(runs) < limit:
            page = space.store.search_runs(
                ids, filter, order_by=request.fields.get("order_by", ()), limit=min(EXPORT_PAGE, limit - len(runs)),
                page_token=token, view=view,
            )  # fmt: skip
            runs += page.items
            token = page.next_token
            if token is None:
                break
    return Text(write_csv(runs), "text/csv; charset=utf-8", "runs.csv")


def write_csv(runs: list[Run]) -> str:
    """Runs as CSV, one column for each param, metric and tag; a text that a spreadsheet would run is made a text.

    Examples
    --------
    >>> write_csv([]).strip()
    'run_id,name,experiment,status,start_time,duration_ms,user,notebook,revision'
    """
    attributes = "run_id name experiment status start_time duration_ms user notebook revision".split()
    columns = [(kind, key) for kind in ("params", "metrics", "tags") for key in _keys(runs, kind)]
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow([*attributes, *(_inert(f"{kind}.{key}") for kind, key in columns)])
    for run in runs:
        values = [getattr(run, name) for name in attributes]
        values += [getattr(run, kind).get(key) for kind, key in columns]
        writer.writerow(["" if value is None else _inert(value) for value in values])
    return file.getvalue()


def _keys(runs: list[Run], kind: str) -> list[str]:
    return list(dict.fromkeys(key for run in runs for key in getattr(run, kind)))


def _inert(value: Any) -> Any:
    """Spreadsheets take texts with these beginnings for formulas."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def change_runs(context: Context, request: Request) -> Changed:
    """Rename, tag, delete or restore runs."""
    fields = request.fields
    tags = fields.get("tags") or {}
    if not isinstance(tags, dict):
        raise InvalidInput("'tags' is an object of names and texts (null takes one away).")
    stage = None if "deleted" not in fields else "deleted" if fields["deleted"] else "active"
    run_ids = check_ids(fields["runs"])
    for run_id in run_ids:
        request.space.store.get_run(run_id)
    for run_id in run_ids:
        request.space.store.update_run(run_id, name=fields.get("name"), lifecycle_stage=stage, tags=tags)
    return {"changed": len(run_ids)}


ROUTES = (
    lab_route("GET", "/runs", list_runs, RunsPage,
              fields={**ASKED, "order_by": "texts", "limit": "int", "page_token": "text", "count": "bool"}),
    lab_route("GET", "/count", count_runs, Count, fields=ASKED),
    lab_route("GET", "/runs/changes", list_changes, Changes,
              fields={"since": "int", "limit": "int", "store": "text"}),
    lab_route("GET", "/runs.csv", export_runs, str, fields={**ASKED, "order_by": "texts", "limit": "int"}),
    lab_route("GET", "/sparks", list_sparks, Sparks,
              fields={"runs": "texts!", "metric": "texts!", "points": "int"}),
    lab_route("GET", "/groups", list_groups, Groups,
              fields={**ASKED, "by": "text!", "metrics": "texts", "limit": "int"}),
    lab_route("POST", "/runs/change", change_runs, Changed, kind="write", role="write",
              fields={"runs": "texts!", "name": "text", "tags": "any", "deleted": "bool"}),
)  # fmt: skip
