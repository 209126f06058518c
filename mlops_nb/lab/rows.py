"""Runs as rows of lists: all that a list shows, in plain JSON, with long texts cut."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from mlops_nb.entities import Run
from mlops_nb.errors import InvalidInput
from mlops_nb.lab.memory import until_written
from mlops_nb.lab.places import Places
from mlops_nb.lab.shapes import Best, Number, RunRow
from mlops_nb.panels.format import better_direction, plain_json
from mlops_nb.registry.history import MONITORS
from mlops_nb.workspace import Workspace

TEXT_LIMIT = 200
KEY_LIMIT = 200
IN_A_FILTER = 100
"""Most ids in one filter."""

IDS_LIMIT = 200
"""Most runs that are asked for at once."""

KINDS = {"PROJECT": "notebook", "SWEEP": "sweep", "PIPELINE": "pipeline", "MONITOR": "monitor", "SERVICE": "service"}
_MARKS = {
    "mlops_nb.reproduces": "reproduction",
    "mlops_nb.pipeline": "pipeline",
    MONITORS: "monitor",
    "mlops_nb.service": "service",
}


def make_rows(places: Places, space: Workspace, runs: Sequence[Run], *, counted: bool = True) -> list[RunRow]:
    """Runs as rows; `counted` asks the store how many runs are nested in each."""
    children = count_children(space, [run.run_id for run in runs]) if counted else {}
    return [make_row(places, space, run, children.get(run.run_id, 0)) for run in runs]


def make_row(places: Places, space: Workspace, run: Run, children: int = 0) -> RunRow:
    """A run as a row.

    Examples
    --------
    >>> from pathlib import Path
    >>> from mlops_nb.entities import Status
    >>> from mlops_nb.workspace import open_workspace
    >>> run = Run("1", "fit", "0", "e", Status.FINISHED, 0, 5, metrics={"loss": float("nan")})
    >>> make_row(Places(Path("/")), open_workspace("/data/runs"), run)["metrics"]
    {'loss': 'NaN'}
    """
    tags = {_cut(key): _cut(value) for key, value in _some(run.tags)}
    return {
        "run_id": run.run_id,
        "name": _cut(run.name),
        "experiment": _cut(run.experiment),
        "experiment_id": run.experiment_id,
        "status": run.status.value,
        "start_time": run.start_time,
        "end_time": run.end_time,
        "duration_ms": run.duration_ms,
        "user": _cut(run.user),
        "parent_run_id": run.parent_run_id,
        "children": children,
        "notebook": run.notebook,
        "contents_path": places.openable(space, run.notebook),
        "cell_id": run.cell_id,
        "line": run.line,
        "revision": run.revision,
        "stage": run.stage,
        "source_type": run.source_type,
        "kind": kind_of(run),
        "changed": run.changed,
        "params": {_cut(key): _value(value) for key, value in _some(run.params)},
        "metrics": {_cut(key): plain_json(value) for key, value in _some(run.metrics)},
        "tags": tags,
        "verdict": tags.get("mlops_nb.verdict"),
        "badge": tags.get("mlops_nb.restart_run_all"),
        "deleted": run.lifecycle_stage != "active",
    }


def kind_of(run: Run) -> str:
    """What a run is: a cell's ``run``, or a ``notebook``, ``sweep``, ``pipeline``, ``monitor``, ``service``,
    ``reproduction``.

    Examples
    --------
    >>> from mlops_nb.entities import Status
    >>> kind_of(Run("1", "n", "0", "e", Status.FINISHED, 0, source_type="PROJECT"))
    'notebook'
    >>> kind_of(Run("1", "n", "0", "e", Status.FINISHED, 0, tags={"mlops_nb.kind": "sweep"}))
    'sweep'
    """
    if run.tags.get("mlops_nb.kind") == "sweep":
        return "sweep"
    for tag, kind in _MARKS.items():
        if tag in run.tags:
            return kind
    return KINDS.get(run.source_type, "run")


def count_children(space: Workspace, run_ids: Sequence[str]) -> dict[str, int]:
    """How many runs are nested directly in each of these; those with none are left out."""
    found: dict[str, int] = {}
    for start in range(0, len(run_ids), IN_A_FILTER):
        some = tuple(each for each in run_ids[start : start + IN_A_FILTER] if each.isalnum())
        if some:
            found |= until_written(space, ("children", some), partial(_count_children, space, some))
    return found


def _count_children(space: Workspace, run_ids: Sequence[str]) -> dict[str, int]:
    names = ", ".join(f"'{each}'" for each in run_ids)
    groups = space.store.group_runs("parent", filter=f"parent_run_id IN ({names})", limit=len(run_ids))
    return {str(group["key"]): int(group["count"]) for group in groups}


def key_names(runs: Iterable[Run], kind: str) -> list[str]:
    """Names of metrics or params of runs, those of most runs first.

    Examples
    --------
    >>> key_names([], "metrics")
    []
    """
    counts: dict[str, int] = {}
    for run in runs:
        for key in getattr(run, kind):
            counts[key] = counts.get(key, 0) + 1
    return [_cut(key) for key, _ in sorted(counts.items(), key=lambda each: -each[1])][:KEY_LIMIT]


def best_of(runs: Iterable[Run], keys: Sequence[str]) -> dict[str, Best]:
    """The best value of each metric whose name says which way is better.

    Examples
    --------
    >>> best_of([], ["acc"])
    {}
    """
    found: dict[str, Best] = {}
    listed = list(runs)
    for key in keys[:20]:
        direction = better_direction(key)
        held = [(run.metrics[key], run.run_id) for run in listed if run.metrics.get(key, None) is not None]
        held = [each for each in held if each[0] == each[0]]
        if direction and held:
            value, run_id = (max if direction > 0 else min)(held)
            shown: Number = plain_json(value)
            found[key] = {"value": shown, "run_id": run_id, "direction": "max" if direction > 0 else "min"}
    return found


def check_ids(run_ids: list[str], limit: int = IDS_LIMIT) -> list[str]:
    """At the most so many ids, each once.

    Examples
    --------
    >>> check_ids(["a", "b", "a"])
    ['a', 'b']
    """
    if not 1 <= len(run_ids) <= limit:
        raise InvalidInput(f"1 to {limit} runs can be asked for at once, not {len(run_ids)}.")
    return list(dict.fromkeys(run_ids))


def _some(held: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return list(held.items())[:KEY_LIMIT]


def _cut(text: str) -> str:
    text = text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _value(value: Any) -> Any:
    plain = plain_json(value)
    if isinstance(plain, str):
        return _cut(plain)
    if isinstance(plain, (list, dict)):
        shown = str(plain)
        return plain if len(shown) <= TEXT_LIMIT else _cut(shown)
    return plain
