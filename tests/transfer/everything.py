"""A whole store as plain data, to be compared with another one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mlops_nb.wire.foreign import key_of
from mlops_nb.workspace import Workspace


def everything(space: Workspace) -> dict[str, Any]:
    """All that is in a store, but for what is its own: ids of experiments, counters, times of its own writing."""
    store = space.store
    experiments = store.search_experiments(view="all").items
    names = {each.experiment_id: each.name for each in experiments}
    return {
        "experiments": sorted((each.name, each.lifecycle_stage, each.tags) for each in experiments),
        "runs": {run.run_id: run_of(space, run) for run in store.search_runs(view="all").items},
        "logged models": {
            model.model_id: {
                **asdict(model), "experiment_id": names[model.experiment_id], "last_update_time": 0,
                "creation_time": 0, "points": sorted(map(repr, model.points)),
                "files": store.logged_model_files(model.model_id),
            }
            for each in experiments
            for model in store.search_logged_models([each.experiment_id]).items
        },
        "models": {model.name: model_of(space, model) for model in store.search_models().items},
    }  # fmt: skip


def run_of(space: Workspace, run: Any) -> dict[str, Any]:
    """A run with all that stands beside its row."""
    store = space.store
    own = ("experiment_id", "changed", "lease", "revision", "metrics")
    histories = {key: store.history(run.run_id, key) for key in run.metrics}
    return {
        **{key: value for key, value in asdict(run).items() if key not in own},
        "metrics": {key: key_of(value) for key, value in run.metrics.items()},
        "histories": {
            key: sorted(
                (step, at, str(value)) for step, at, value in zip(each.steps, each.timestamps, each.values, strict=True)
            )
            for key, each in histories.items()
        },
        "params": {key: [value for value, _ in store.param_history(run.run_id, key)] for key in run.params},
        "facts": store.facts(run.run_id),
        "files": store.artifacts(run.run_id),
        "data": store.data(run.run_id),
        "logs": [line for _, line in store.logs(run.run_id)],
    }


def model_of(space: Workspace, model: Any) -> dict[str, Any]:
    """A registered model with its versions."""
    versions = space.store.model_versions([model.name])[model.name]
    return {
        "tags": model.tags, "description": model.description, "aliases": model.aliases,
        "versions": {
            each.version: {
                **asdict(each), "creation_time": 0, "last_update_time": 0, "user": "",
                "files": space.store.version_files(model.name, each.version),
            }
            for each in versions
        },
    }  # fmt: skip
