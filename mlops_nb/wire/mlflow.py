"""Nouns <-> MLflow's REST API 2.0: its casing, its tags that are fields of ours, its numbers that JSON has not."""

from __future__ import annotations

import json
import math
import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlops_nb.entities import Artifact, DataRef, Experiment, Metric, ParamValue, Points, Run, RunStart
from mlops_nb.errors import InvalidInput
from mlops_nb.views import (
    NAME_TAG,
    PARENT_TAG,
    SOURCE_NAME_TAG,
    SOURCE_TYPE_TAG,
    UNKNOWN,
    USER_TAG,
    tags_of_fields,
)

CONTEXT_TAG = "mlflow.data.context"

VIEWS = {1: "active", 2: "deleted", 3: "all", "ACTIVE_ONLY": "active", "DELETED_ONLY": "deleted", "ALL": "all"}
STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}

_FIELD_OF_TAG = {
    NAME_TAG: "attributes.run_name",
    PARENT_TAG: "attributes.parent_run_id",
    USER_TAG: "attributes.user_id",
    SOURCE_TYPE_TAG: "attributes.source_type",
}
_TAG_IN_FILTER = re.compile(
    r"\btags?\s?\.\s?[`\"]?(" + "|".join(re.escape(tag) for tag in _FIELD_OF_TAG) + r")[`\"]?(?![\w.])",
    re.IGNORECASE,
)


def experiment_json(experiment: Experiment) -> dict[str, Any]:
    """An experiment as MLflow's clients read it.

    Examples
    --------
    >>> experiment_json(Experiment("0", "Default"))["artifact_location"]
    'mlflow-artifacts:/0'
    """
    return {
        "experiment_id": experiment.experiment_id,
        "name": experiment.name,
        "artifact_location": artifact_location(experiment),
        "lifecycle_stage": experiment.lifecycle_stage,
        "creation_time": experiment.creation_time,
        "last_update_time": experiment.last_update_time,
        "tags": tags_json(experiment.tags),
    }


def artifact_location(experiment: Experiment) -> str:
    """Where clients put the files of an experiment's runs; through the server unless somebody wanted another place.

    Examples
    --------
    >>> artifact_location(Experiment("7", "x", "s3://bucket/x"))
    's3://bucket/x'
    """
    return experiment.artifact_location or f"mlflow-artifacts:/{experiment.experiment_id}"


def run_location(location: str, run_id: str) -> str:
    """Where clients put the files of a run.

    Examples
    --------
    >>> run_location("mlflow-artifacts:/0", "abc")
    'mlflow-artifacts:/0/abc/artifacts'
    """
    return f"{location.rstrip('/')}/{run_id}/artifacts"


def run_info_json(run: Run, location: str) -> dict[str, Any]:
    """What a run is, without what was logged. `location` is its experiment's."""
    info: dict[str, Any] = {
        "run_id": run.run_id,
        "run_uuid": run.run_id,
        "run_name": run.name,
        "experiment_id": run.experiment_id,
        "user_id": run.user,
        "status": run.status.value,
        "start_time": run.start_time,
        "artifact_uri": run_location(location, run.run_id),
        "lifecycle_stage": run.lifecycle_stage,
    }
    if run.end_time is not None:
        info["end_time"] = run.end_time
    return info


def run_json(run: Run, location: str, last: Iterable[Metric], data: Sequence[DataRef] = ()) -> dict[str, Any]:
    """A run as MLflow's clients read it.

    Parameters
    ----------
    run : Run
    location : str
        Its experiment's artifact location.
    last : iterable of Metric
        The last point of each metric.
    data : sequence of DataRef
        What it read and wrote.

    Returns
    -------
    dict
        ``info``, ``data``, ``inputs`` and ``outputs``.
    """
    models = [ref for ref in data if ref.path.startswith("models:/")]
    return {
        "info": run_info_json(run, location),
        "data": {
            "metrics": [metric_json(each) for each in last],
            "params": [{"key": key, "value": param_text(value)} for key, value in run.params.items()],
            "tags": tags_json(all_tags(run)),
        },
        "inputs": {
            "dataset_inputs": [dataset_input_json(ref) for ref in data if ref.mode != "write" and ref not in models],
            "model_inputs": [{"model_id": ref.name} for ref in models if ref.mode == "read"],
        },
        "outputs": {
            "model_outputs": [
                {"model_id": ref.name, "step": ref.profile.get("step", 0)} for ref in models if ref.mode == "write"
            ]
        },
    }


def tags_json(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as MLflow lists them.

    Examples
    --------
    >>> tags_json({"team": "risk"})
    [{'key': 'team', 'value': 'risk'}]
    """
    return [{"key": key, "value": value} for key, value in tags.items()]


def all_tags(run: Run) -> dict[str, str]:
    """The tags of a run with those that MLflow keeps as tags and we as fields."""
    return {**tags_of_fields(run.name, run.parent_run_id, run.user, run.source_type, run.notebook), **run.tags}


def start_tags(start: RunStart) -> dict[str, str]:
    """The tags by which MLflow knows what stands in the beginning of a run.

    Examples
    --------
    >>> start_tags(RunStart("r", "first", "Default", 0, source_type="UNKNOWN"))
    {'mlflow.runName': 'first'}
    """
    return tags_of_fields(start.name, start.parent_run_id, start.user, start.source_type, start.notebook)


def split_tags(name: str, user: str, tags: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """A new run's tags from MLflow as fields of `RunStart`, and the tags that remain.

    Parameters
    ----------
    name, user : str
        As given with the run.
    tags : mapping
        As given with the run.

    Returns
    -------
    tuple of dict
        ``parent_run_id, source_type, notebook``; and the tags that `all_tags` would not give back by itself.

    Examples
    --------
    >>> split_tags("a", "ann", {"mlflow.source.type": "LOCAL", "mlflow.user": "ann", "team": "risk"})
    ({'parent_run_id': None, 'source_type': 'LOCAL', 'notebook': None}, {'team': 'risk'})
    """
    source = tags.get(SOURCE_NAME_TAG, "")
    fields = {
        "parent_run_id": tags.get(PARENT_TAG) or None,
        "source_type": tags.get(SOURCE_TYPE_TAG) or UNKNOWN,
        "notebook": source if source.endswith(".ipynb") else None,
    }
    known = tags_of_fields(name, user=user, parent=fields["parent_run_id"], source_type=str(fields["source_type"]),
                            notebook=fields["notebook"])  # fmt: skip
    return fields, {key: value for key, value in tags.items() if known.get(key) != value}


def native_filter(text: str) -> str:
    """A filter or sort term of MLflow's in which its tags that are fields of ours are called so.

    Examples
    --------
    >>> native_filter("tags.mlflow.parentRunId = 'tags.mlflow.user'")
    "attributes.parent_run_id = 'tags.mlflow.user'"
    """
    if "mlflow." not in text:
        return text
    pieces = re.split(r"('(?:[^']|'')*')", text)  # what stands in quotes is a value, and stays
    pieces[::2] = [_TAG_IN_FILTER.sub(lambda found: _field_of(found[1]), piece) for piece in pieces[::2]]
    return "".join(pieces)


def _field_of(tag: str) -> str:
    return next(field for key, field in _FIELD_OF_TAG.items() if key.lower() == tag.lower())


def param_text(value: ParamValue) -> str:
    """A param as MLflow keeps it: as text, Python's own.

    Examples
    --------
    >>> param_text(0.1), param_text(True), param_text(None), param_text("a")
    ('0.1', 'True', 'None', 'a')
    """
    return value if type(value) is str else str(value)


def number_json(value: float) -> float | str:
    """A number as protocol buffers write it into JSON.

    Examples
    --------
    >>> number_json(float("-inf")), number_json(0.5)
    ('-Infinity', 0.5)
    """
    if math.isfinite(value):
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def metric_json(metric: Metric) -> dict[str, Any]:
    """A point of a metric.

    Examples
    --------
    >>> metric_json(Metric("acc", 0.5, 7, 1))
    {'key': 'acc', 'value': 0.5, 'timestamp': 7, 'step': 1}
    """
    return {"key": metric.key, "value": number_json(metric.value), "timestamp": metric.timestamp, "step": metric.step}


def history_points(points: Points) -> list[tuple[int, int, float]]:
    """Points in MLflow's order: (timestamp, step, value), each once.

    Examples
    --------
    >>> history_points(Points(array("d", [2.0, 1.0, 1.0]), array("q", [1, 0, 0]), array("q", [9, 5, 5])))
    [(5, 0, 1.0), (9, 1, 2.0)]
    """
    rows = zip(points.timestamps, points.steps, points.values, strict=True)
    # a point that was sent twice, since the answer to the first got lost, is one point
    seen = dict.fromkeys((at, step, "NaN" if value != value else value) for at, step, value in rows)
    listed = [(at, step, math.nan if value == "NaN" else float(value)) for at, step, value in seen]
    return sorted(listed, key=lambda row: (row[0], row[1], 0.0 if row[2] != row[2] else row[2]))


def read_points(metrics: Iterable[Mapping[str, Any]]) -> dict[str, Points]:
    """Columns from points as log-batch brings them, checked by `strict.read_fields` already.

    Examples
    --------
    >>> list(read_points([{"key": "a", "value": 1.0, "timestamp": 5}])["a"].steps)
    [0]
    """
    columns: dict[str, Points] = {}
    for each in metrics:
        if each["timestamp"] < 0:
            raise InvalidInput(
                f"Invalid value {each['timestamp']} for parameter 'timestamp' supplied: metric '{each['key']}' "
                f"(value={each['value']}). Timestamp must be a nonnegative long (64-bit integer)"
            )
        points = columns.setdefault(each["key"], Points(array("d"), array("q"), array("q")))
        points.values.append(each["value"])
        points.steps.append(each.get("step", 0))
        points.timestamps.append(each["timestamp"])
    return columns


def dataset_input_json(ref: DataRef) -> dict[str, Any]:
    """Data that a run used, as MLflow's dataset input."""
    kept = ref.profile.get("mlflow", {})
    dataset = {"name": ref.name or ref.path, "digest": ref.digest[:36], "source_type": "local", "source": ref.path}
    tags = {CONTEXT_TAG: ref.context} if ref.context else {}
    return {"dataset": {**dataset, **kept.get("dataset", {})}, "tags": tags_json({**tags, **kept.get("tags", {})})}


def read_dataset_input(given: Mapping[str, Any]) -> DataRef:
    """MLflow's dataset input as data that a run used; what we have no place for is kept beside.

    Parameters
    ----------
    given : mapping
        ``dataset`` and ``tags``, as they stand in a log-inputs request.

    Returns
    -------
    DataRef

    Raises
    ------
    InvalidInput
        If a part is missing or of another type.

    Examples
    --------
    >>> read_dataset_input({"dataset": {"name": "d", "digest": "x", "source_type": "local", "source": "d.csv"}}).name
    'd'
    """
    dataset = given.get("dataset")
    if not isinstance(dataset, dict):
        raise InvalidInput("Dataset cannot be None")
    for key in ("name", "digest", "source_type", "source"):
        if not isinstance(dataset.get(key), str):
            raise InvalidInput(f"Dataset {key} cannot be None")
    tags = read_tags(given.get("tags") or [])
    source = dataset["source"]
    return DataRef(
        path=_short_source(source),
        digest=dataset["digest"],
        size=0,
        mode="read",
        name=dataset["name"],
        context=tags.get(CONTEXT_TAG, ""),
        profile={"mlflow": {"dataset": dict(dataset), "tags": tags}},
    )


def _short_source(source: str) -> str:
    """MLflow's sources are JSON such as ``{"uri": "data.csv"}``: the address in it, where there is one."""
    try:
        inside = json.loads(source)
    except ValueError:
        return source
    if not isinstance(inside, dict):
        return source
    address = next((inside[key] for key in ("uri", "url", "path") if inside.get(key)), "")
    return address if isinstance(address, str) and address else source


def read_tags(given: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Tags or params from a list of keys and values; the last one of a key counts.

    Examples
    --------
    >>> read_tags([{"key": "a", "value": "b"}])
    {'a': 'b'}
    """
    found = {}
    for each in given:
        key, value = each.get("key"), each.get("value", "")
        if not isinstance(key, str) or not key:
            raise InvalidInput("Missing value for required parameter 'key'.")
        if value is not None and not isinstance(value, str):
            shown = json.dumps(value)[:80]
            raise InvalidInput(f"Invalid value {shown} for parameter '{key[:60]}' supplied: it is no text.")
        found[key] = value or ""
    return found


def file_json(path: str, *, is_folder: bool, size: int) -> dict[str, Any]:
    """A file or folder of a listing.

    Examples
    --------
    >>> file_json("a.txt", is_folder=False, size=3)
    {'path': 'a.txt', 'is_dir': False, 'file_size': 3}
    """
    return {"path": path, "is_dir": True} if is_folder else {"path": path, "is_dir": False, "file_size": size}


def model_ref(model_id: str, mode: str, step: int | None = None) -> DataRef:
    """A logged model as data that a run read or wrote, so that lineage knows of it.

    Examples
    --------
    >>> model_ref("m-1", "write", 3).path
    'models:/m-1'
    """
    profile: dict[str, Any] = {"kind": "logged model"}
    if step is not None:
        profile["step"] = step
    return DataRef(f"models:/{model_id}", model_id, 0, mode, model_id, "", profile)


def removed(path: str) -> Artifact:
    """What takes a file out of a run's tree when it is applied.

    Examples
    --------
    >>> removed("a.txt").digest
    ''
    """
    return Artifact(path, "", 0)
