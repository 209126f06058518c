"""What the panel of models shows, as plain JSON: all texts made safe to show, all HTML escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_nb.entities import ModelChange, ModelVersion, RegisteredModel, Run
from mlops_nb.panels.format import better_direction, elide, show_text
from mlops_nb.panels.registry_views import places
from mlops_nb.registry.checking import EVALUATES, Checked, evaluations_of, names_in_tags
from mlops_nb.registry.gates import gates_of
from mlops_nb.registry.names import STAGES
from mlops_nb.registry.replay import former_holder
from mlops_nb.registry.resolving import MLMODEL, own_stages
from mlops_nb.registry.words import change_words, check_words, short_digest
from mlops_nb.tracking.offers import offered_runs
from mlops_nb.workspace import Workspace

SHOWN_VERSIONS = 100
SHOWN_METRICS = 6
SHOWN_CHANGES = 300
OFFERED_RUNS = 60
EVALUATED = 20
"""Versions whose evaluations are looked for: their names must fit into one filter."""


def models_record(space: Workspace, search: str = "") -> list[dict[str, Any]]:
    """Registered models for the list at the side; `search` is text that stands in a name, tag or description.

    Examples
    --------
    >>> from mlops_nb.workspace import current
    >>> models_record(current())
    []
    """
    quoted = search.strip().replace("'", "''")
    models: list[RegisteredModel] = space.store.search_models(f"'{quoted}'" if quoted else "", limit=1000).items
    return [
        {
            "name": model.name,
            "shown": _short(model.name, 80),
            "description": _short(model.description, 120),
            "versions": model.versions,
            "places": [place.rpartition(":")[0] for place in places(model)][:4],
        }
        for model in models
    ]


def model_record(space: Workspace, name: str) -> dict[str, Any]:
    """All about one registered model: versions with the metrics of their runs, gates, and what may be done.

    Raises
    ------
    NotFound
        If there is none of this name.
    """
    store = space.store
    model = store.get_model(name)
    versions = store.model_versions([name]).get(name, [])
    changes = store.model_changes(name)
    shown = versions[:SHOWN_VERSIONS]
    runs = _runs_of(space, shown)
    measured = _measured(space, shown, runs)
    keys = list(dict.fromkeys(key for version in shown for key in measured[version.version]))[:SHOWN_METRICS]
    return {
        "name": name,
        "shown": _short(name, 120),
        "description": elide(show_lines(model.description), 4000),
        "tags": _tags(model.tags),
        "total": len(versions),
        "metrics": [{"key": key, "label": _short(key, 40), "direction": better_direction(key)} for key in keys],
        "versions": [_version(version, runs, measured[version.version], keys) for version in shown],
        "places": _places(model, versions, changes),
        "stages": [*STAGES, *own_stages(space)],
        "gates": [
            {"target": target, "checks": list(checks), "words": [show_text(check_words(check)) for check in checks]}
            for target, checks in gates_of(model).items()
        ],
        "history": [change_record(change) for change in reversed(changes[-SHOWN_CHANGES:])],
    }


def show_lines(text: str) -> str:
    """Text of several lines with what cannot be seen made visible.

    Examples
    --------
    >>> show_lines("a\\nb")
    'a\\nb'
    """
    return "\n".join(map(show_text, text.splitlines()))


def _short(text: str, limit: int) -> str:
    return elide(show_text(elide(text, limit * 2)), limit)


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "label": _short(key, 40), "value": _short(value, 80)} for key, value in tags.items()]


def _runs_of(space: Workspace, versions: Sequence[ModelVersion]) -> dict[str, Run]:
    """Their runs, in one question; a version whose run was purged stands without it."""
    wanted = sorted({version.run_id for version in versions if version.run_id})
    if not wanted:
        return {}
    quoted = ", ".join("'" + run_id.replace("'", "''") + "'" for run_id in wanted)
    runs: list[Run] = space.store.search_runs(None, f"run_id IN ({quoted})", limit=len(wanted), view="all").items
    return {run.run_id: run for run in runs}


def _measured(
    space: Workspace, versions: Sequence[ModelVersion], runs: Mapping[str, Run]
) -> dict[int, dict[str, float]]:
    """The metrics of each version: of its run, and over them those of the runs that evaluated it, newest last."""
    found = {v.version: dict(runs[v.run_id].metrics) if v.run_id and v.run_id in runs else {} for v in versions}
    meant: dict[str, list[int]] = {}
    for version in versions[:EVALUATED]:
        for name in names_in_tags(version):
            meant.setdefault(name, []).append(version.version)
    if versions:
        evaluations: list[Run] = space.store.search_runs(None, evaluations_of(*versions[:EVALUATED]), limit=500).items
        for run in reversed(evaluations):
            for number in meant[run.tags[EVALUATES]]:
                found[number].update(run.metrics)
    return found


def _version(
    version: ModelVersion, runs: Mapping[str, Run], metrics: Mapping[str, float], keys: Sequence[str]
) -> dict[str, Any]:
    run = runs.get(version.run_id or "")
    return {
        "version": version.version,
        "stage": version.stage,
        "aliases": list(version.aliases),
        "run_id": version.run_id if run else None,
        "run": _short(run.name, 60) if run else "",
        "status": run.status.value if run else None,
        "verdict": run.tags.get("mlops_nb.verdict", "") if run else "",
        "created": version.creation_time,
        "user": _short(version.user, 40),
        "digest": version.digest,
        "short": short_digest(version.digest),
        "size": version.size,
        "source": _short(version.source, 200),
        "description": elide(show_lines(version.description), 4000),
        "tags": _tags(version.tags),
        "metrics": [metrics.get(key) for key in keys],
    }


def _places(
    model: RegisteredModel, versions: Sequence[ModelVersion], changes: Sequence[ModelChange]
) -> list[dict[str, Any]]:
    """Aliases and stages in use, each with the version that is there and the one to roll back to."""
    found: list[dict[str, Any]] = [
        {"target": f"@{alias}", "versions": [number], "back": former_holder(changes, alias=alias)}
        for alias, number in sorted(model.aliases.items())
    ]
    for stage in dict.fromkeys(version.stage for version in versions):
        if stage not in ("None", "Archived"):
            held = [version.version for version in versions if version.stage == stage]
            found.append({"target": stage, "versions": held, "back": former_holder(changes, stage=stage)})
    return found


def change_record(change: ModelChange) -> dict[str, Any]:
    """An entry of the audit for the panel.

    Examples
    --------
    >>> change_record(ModelChange(1, "churn", "register", 3))["what"]
    'version 3 registered'
    """
    return {
        "when": change.by.time,
        "who": _short(change.by.user, 40),
        "what": show_text(change_words(change, forced=False)),
        "why": _short(change.by.why, 400),
        "forced": change.by.forced,
        "version": change.version,
        "kind": change.action,
    }


def checks_record(found: Mapping[str, Sequence[Checked]]) -> list[dict[str, Any]]:
    """Checks that were tried, for the panel.

    Examples
    --------
    >>> checks_record({"@a": [Checked("verdict", True, "identical")]})[0]["checks"][0]["text"]
    'identical'
    """
    return [
        {
            "target": target,
            "checks": [{"check": c.check, "passed": c.passed, "text": show_text(c.text)} for c in checks],
        }
        for target, checks in found.items()
    ]


def offers_record(space: Workspace) -> list[dict[str, Any]]:
    """The newest runs that have a model, to be registered.

    Examples
    --------
    >>> from mlops_nb.workspace import current
    >>> offers_record(current())
    []
    """
    found = []
    runs: list[Run] = space.store.search_runs(limit=OFFERED_RUNS).items
    unlogged = set(offered_runs())
    for run in runs:
        if run.run_id in unlogged:
            found.append(_offer(run, f"runs:/{run.run_id}", "fitted in this kernel, not logged yet"))
        for entry in space.store.artifacts(run.run_id):
            folder, _, name = entry.path.rpartition("/")
            if name == MLMODEL:
                uri = f"runs:/{run.run_id}/{folder}" if folder else f"runs:/{run.run_id}"
                found.append(_offer(run, uri, folder))
    return found


def _offer(run: Run, uri: str, path: str) -> dict[str, Any]:
    metrics = " · ".join(f"{_short(key, 24)} {value:.4g}" for key, value in list(run.metrics.items())[:3])
    return {
        "uri": uri,
        "run": _short(run.name, 60),
        "path": _short(path, 60),
        "time": run.start_time,
        "note": metrics,
        "experiment": _short(run.experiment, 40),
    }
