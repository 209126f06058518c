"""Runs as the plain JSON that others rely on (``runs --json``, ``show --json``)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlops_nb.entities import Points, Run

if TYPE_CHECKING:
    from mlops_nb.comparison import RunView

FACTS = ("environment", "git", "randomness", "outputs", "models", "error")


def public_value(value: Any) -> Any:
    """A value for our JSON: NaN and infinities become the strings ``NaN``, ``Infinity`` and ``-Infinity``.

    Examples
    --------
    >>> public_value({"a": [float("nan"), 1.0]})
    {'a': ['NaN', 1.0]}
    """
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: public_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [public_value(item) for item in value]
    return value


def iso_time(milliseconds: int | None) -> str | None:
    """ISO 8601 in UTC, to the millisecond.

    Examples
    --------
    >>> iso_time(0)
    '1970-01-01T00:00:00.000Z'
    """
    if milliseconds is None:
        return None
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}Z"


def run_json(run: Run) -> dict[str, Any]:
    """One entry of ``runs --json``.

    Examples
    --------
    >>> from mlops_nb.entities import Status
    >>> run_json(Run("0" * 32, "first", "0", "Default", Status.FINISHED, 0, 5))["end_time"]
    '1970-01-01T00:00:00.005Z'
    """
    return {
        "run_id": run.run_id,
        "name": run.name,
        "experiment": run.experiment,
        "experiment_id": run.experiment_id,
        "status": run.status.value,
        "start_time": iso_time(run.start_time),
        "end_time": iso_time(run.end_time),
        "params": public_value(run.params),
        "metrics": public_value(run.metrics),
        "tags": dict(run.tags),
        "parent_run_id": run.parent_run_id,
        "notebook": run.notebook,
        "cell_id": run.cell_id,
        "revision": run.revision,
        "stage": run.stage,
        "user": run.user,
        "lifecycle_stage": run.lifecycle_stage,
    }


def history_json(points: Points) -> list[dict[str, Any]]:
    """A metric's points as ``{step, timestamp, value}``, timestamps in ISO 8601.

    Examples
    --------
    >>> from array import array
    >>> history_json(Points(array("d", [0.5]), array("q", [1]), array("q", [0])))
    [{'step': 1, 'timestamp': '1970-01-01T00:00:00.000Z', 'value': 0.5}]
    """
    return [
        {"step": step, "timestamp": iso_time(at), "value": public_value(value)}
        for value, step, at in zip(points.values, points.steps, points.timestamps, strict=True)
    ]


def show_json(view: RunView, history: dict[str, Points]) -> dict[str, Any]:
    """What ``show RUN --json`` prints."""
    facts = view.facts
    shape = run_json(view.run)
    shape["history"] = {key: history_json(points) for key, points in history.items()}
    shape["code"] = facts.get("code")
    shape["slice"] = facts.get("slice") or []
    shape["restart_run_all"] = facts.get("restart_run_all")
    shape["data"] = [
        {
            "path": ref.path, "digest": ref.digest, "size": ref.size, "mode": ref.mode, "name": ref.name,
            "context": ref.context, "profile": public_value(ref.profile), "sampled": ref.sampled,
        }
        for ref in view.data
    ]  # fmt: skip
    for kind in FACTS:
        shape[kind] = public_value(facts.get(kind))
    shape["outputs"] = shape["outputs"] or []
    shape["models"] = _models(shape["models"] or [], facts)
    shape["artifacts"] = [{"path": a.path, "digest": a.digest, "size": a.size} for a in view.artifacts]
    for kind, value in facts.items():
        if kind not in shape and kind != "session" and not kind.startswith(("model:", "reference:")):
            shape[kind] = public_value(value)
    return shape


def _models(fitted: list[dict[str, Any]], facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Models that a cell fitted, and those that were logged: one that is both is one."""
    logged = [public_value(value) for kind, value in facts.items() if kind.startswith("model:")]
    known = {each["name"]: each for each in logged}
    both = [{**each, **known.pop(each["name"], {"logged": False})} for each in fitted]
    return both + list(known.values())
