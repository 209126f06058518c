"""MLflow's JSON -> nouns: what its server answers, and what its files hold once they are in that form."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from mlops_nb.entities import DataRef, Experiment, ModelVersion, Points, RegisteredModel, Run, Status
from mlops_nb.errors import InvalidInput
from mlops_nb.views import NAME_TAG
from mlops_nb.wire.logged import LoggedModel, LoggedPoint, read_status
from mlops_nb.wire.mlflow import STATUSES, model_ref, read_dataset_input, read_tags, split_tags

ID_TAG = "mlops_nb.id"
"""The id that a run or logged model has at home, where the server of MLflow that keeps a copy gave it another one."""

KEPT_TAG = "mlops_nb.kept"
"""On a run (or a dataset of it) that has files of what MLflow has no place for; see `kept`."""

SOURCE_TAG = "mlops_nb.source"
"""On a copied version: the source that it has at home."""


def read_experiment(given: Mapping[str, Any]) -> Experiment:
    """An experiment.

    Examples
    --------
    >>> read_experiment({"experiment_id": "3", "name": "churn"}).name
    'churn'
    """
    return Experiment(
        str(given["experiment_id"]),
        _text(given, "name"),
        _text(given, "artifact_location"),
        _text(given, "lifecycle_stage") or "active",
        _whole(given.get("creation_time")),
        _whole(given.get("last_update_time")),
        read_tags(given.get("tags", [])),
    )


def read_run(given: Mapping[str, Any], experiment: str) -> Run:
    """A run under its own id, with the tags that stay tags; `experiment` is its experiment's name.

    Examples
    --------
    >>> read_run({"info": {"run_id": "a", "experiment_id": "0", "status": "FINISHED"}}, "Default").status
    <Status.FINISHED: 'FINISHED'>
    """
    info, data = given["info"], given.get("data", {})
    tags = read_tags(data.get("tags", []))
    run_id = str(info.get("run_id") or info["run_uuid"])
    name = _text(info, "run_name") or tags.get(NAME_TAG, "") or run_id[:8]
    user = _text(info, "user_id")
    fields, kept = split_tags(name, user, tags)
    status = STATUSES.get(info.get("status", 0), info.get("status"))
    end = info.get("end_time")
    return Run(
        run_id,
        name,
        str(info["experiment_id"]),
        experiment,
        Status(status) if status in Status.__members__ else Status.FAILED,
        _whole(info.get("start_time")),
        None if end in (None, "", "0", 0) else _whole(end),
        user,
        _text(info, "lifecycle_stage") or "active",
        parent_run_id=fields["parent_run_id"],
        notebook=fields["notebook"],
        source_type=fields["source_type"],
        params={**read_tags(data.get("params", []))},
        metrics={each["key"]: read_number(each.get("value")) for each in data.get("metrics", [])},
        tags=kept,
    )


def read_run_data(given: Mapping[str, Any]) -> list[DataRef]:
    """The datasets of a run, and the logged models that it read and wrote.

    Examples
    --------
    >>> read_run_data({"outputs": {"model_outputs": [{"model_id": "m-1", "step": 4}]}})[0].path
    'models:/m-1'
    """
    inputs, outputs = given.get("inputs") or {}, given.get("outputs") or {}
    given_data = [each for each in inputs.get("dataset_inputs", []) if not _is_kept(each)]
    found = [read_dataset_input(each) for each in given_data]
    found += [model_ref(str(each["model_id"]), "read") for each in inputs.get("model_inputs", [])]
    for each in outputs.get("model_outputs", []):
        found.append(model_ref(str(each["model_id"]), "write", _whole(each.get("step"))))
    return found


def _is_kept(given: Mapping[str, Any]) -> bool:
    """Whether the whole of what a dataset stands for is kept in a file beside the run."""
    return any(each.get("key") == KEPT_TAG for each in given.get("tags") or ())


def read_history(given: Iterable[Mapping[str, Any]]) -> Points:
    """The points of a metric in the order of their times, each once.

    Examples
    --------
    >>> read_history([{"value": "NaN", "timestamp": "5"}, {"value": 1, "timestamp": 4, "step": 2}]).steps
    array('q', [2, 0])
    """
    rows = {(_whole(each.get("timestamp")), _whole(each.get("step")), key_of(read_number(each.get("value")))): each
            for each in given}  # fmt: skip
    ordered = sorted(rows, key=lambda row: (row[0], row[1]))
    return Points(
        array("d", (math.nan if value == "NaN" else float(value) for _, _, value in ordered)),
        array("q", (step for _, step, _ in ordered)),
        array("q", (at for at, _, _ in ordered)),
    )


def key_of(value: float) -> float | str:
    """A number by which points are told apart: NaN is itself.

    Examples
    --------
    >>> key_of(float("nan")), key_of(0.5)
    ('NaN', 0.5)
    """
    return "NaN" if value != value else value


def read_number(value: Any) -> float:
    """A number as protocol buffers write it: a number, or the name of one that JSON has not.

    Examples
    --------
    >>> read_number("-Infinity"), read_number(2), read_number(None)
    (-inf, 2.0, 0.0)
    """
    try:
        return 0.0 if value is None else float(value)
    except (TypeError, ValueError):
        raise InvalidInput(f"{str(value)[:60]!a} is not a number.") from None


def read_model(given: Mapping[str, Any]) -> RegisteredModel:
    """A registered model. MLflow tells the newest version of each stage and counts none: those are what is known.

    Examples
    --------
    >>> read_model({"name": "churn", "aliases": [{"alias": "champion", "version": "3"}]}).aliases
    {'champion': 3}
    >>> read_model({"name": "churn", "latest_versions": [{"version": "4", "current_stage": "Staging"}]}).stages
    {'Staging': (1, 4)}
    """
    told = given.get("latest_versions", [])
    newest = {_text(each, "current_stage") or "None": _whole(each["version"]) for each in told}
    latest = max(newest.values(), default=0)
    return RegisteredModel(
        _text(given, "name"),
        _text(given, "description"),
        read_tags(given.get("tags", [])),
        {str(each["alias"]): _whole(each["version"]) for each in given.get("aliases", [])},
        versions=latest,
        latest=latest,
        stages={stage: (1, version) for stage, version in sorted(newest.items())},
        user=_text(given, "user_id"),
        creation_time=_whole(given.get("creation_timestamp")),
        last_update_time=_whole(given.get("last_updated_timestamp")),
    )


def read_version(given: Mapping[str, Any]) -> ModelVersion:
    """A version of a registered model.

    Examples
    --------
    >>> read_version({"name": "churn", "version": "3"}).version
    3
    """
    return ModelVersion(
        _text(given, "name"),
        _whole(given["version"]),
        _text(given, "run_id") or None,
        _text(given, "source"),
        description=_text(given, "description"),
        tags=read_tags(given.get("tags", [])),
        aliases=tuple(given.get("aliases", ())),
        stage=_text(given, "current_stage") or "None",
        status=_text(given, "status") or "READY",
        user=_text(given, "user_id"),
        creation_time=_whole(given.get("creation_timestamp")),
        last_update_time=_whole(given.get("last_updated_timestamp")),
        run_link=_text(given, "run_link"),
        logged_model=_text(given, "model_id") or _logged_model_in(_text(given, "source")),
    )


def version_at_home(version: ModelVersion, runs: Mapping[str, str], models: Mapping[str, str]) -> ModelVersion:
    """A version of a copy with the ids, and the source, that it has at home.

    Parameters
    ----------
    version : ModelVersion
    runs, models : mapping
        Ids at home of runs and logged models, by their ids abroad.

    Examples
    --------
    >>> version_at_home(ModelVersion("m", 1, "b", tags={"mlops_nb.source": "x"}), {"b": "a"}, {}).source
    'x'
    """
    source = version.tags.get(SOURCE_TAG, version.source)
    model = models.get(version.logged_model, version.logged_model)
    own_run = runs.get(version.run_id or "", version.run_id)
    return replace(
        version,
        run_id=own_run or None,
        logged_model=model,
        source=source,
        tags={key: text for key, text in version.tags.items() if key != SOURCE_TAG},
    )


def _logged_model_in(source: str) -> str:
    """MLflow does not always say of which logged model a version is; its source does."""
    found = re.fullmatch(r"models:/(m-[0-9a-f]{32})", source)
    return found[1] if found else ""


def read_logged_model(given: Mapping[str, Any]) -> LoggedModel:
    """A logged model with its points.

    Examples
    --------
    >>> read_logged_model({"info": {"model_id": "m-1", "experiment_id": "0", "name": "net"}}).model_id
    'm-1'
    """
    info, data = given["info"], given.get("data", {})
    points = [
        LoggedPoint(
            each["key"],
            read_number(each.get("value")),
            _whole(each.get("timestamp")),
            _whole(each.get("step")),
            _text(each, "run_id"),
            _text(each, "dataset_name"),
            _text(each, "dataset_digest"),
        )
        for each in data.get("metrics", [])
    ]
    return LoggedModel(
        str(info["model_id"]),
        str(info["experiment_id"]),
        _text(info, "name"),
        _text(info, "model_type"),
        _text(info, "source_run_id"),
        read_status(info.get("status", 0)),
        _text(info, "lifecycle_stage") or "active",
        _whole(info.get("creation_timestamp_ms")),
        _whole(info.get("last_updated_timestamp_ms")),
        read_tags(data.get("params", [])),
        read_tags(info.get("tags", [])),
        tuple(sorted(points, key=lambda point: (point.key, point.timestamp, point.step))),
    )


def _text(given: Mapping[str, Any], key: str) -> str:
    value = given.get(key)
    return "" if value is None else str(value)


def _whole(value: Any) -> int:
    """Whole numbers of 64 bits are texts in protocol buffers' JSON."""
    try:
        number = int(value or 0)
    except (TypeError, ValueError):
        raise InvalidInput(f"{str(value)[:60]!a} is not a whole number.") from None
    if not -(1 << 63) <= number < 1 << 63:
        raise InvalidInput(f"{number} does not fit into 64 bits.")
    return number
