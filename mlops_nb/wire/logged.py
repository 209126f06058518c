"""MLflow's logged models: a model that a run made or used, before anybody registers it. Only MLflow's noun."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mlops_nb.errors import InvalidInput
from mlops_nb.wire.mlflow import number_json, tags_json

STATUSES = {
    0: "UNSPECIFIED",
    1: "PENDING",
    2: "READY",
    3: "FAILED",
    "LOGGED_MODEL_STATUS_UNSPECIFIED": "UNSPECIFIED",
    "LOGGED_MODEL_PENDING": "PENDING",
    "LOGGED_MODEL_READY": "READY",
    "LOGGED_MODEL_UPLOAD_FAILED": "FAILED",
}
_WIRE = {each: key for key, each in STATUSES.items() if isinstance(key, str)}
_BAD = ("/", ":", ".", "%", '"', "'")


@dataclass(frozen=True, slots=True)
class LoggedPoint:
    """A point of a logged model's metric, with the run and the dataset that it was measured in."""

    key: str
    value: float
    timestamp: int = 0
    step: int = 0
    run_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """A logged model; `points` in the order in which they came."""

    model_id: str
    experiment_id: str
    name: str
    model_type: str = ""
    source_run_id: str = ""
    status: str = "PENDING"
    lifecycle_stage: str = "active"
    creation_time: int = 0
    last_update_time: int = 0
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    points: tuple[LoggedPoint, ...] = ()


def logged_model_json(model: LoggedModel, location: str, registrations: list[dict[str, str]]) -> dict[str, Any]:
    """A logged model as MLflow's clients read it.

    Parameters
    ----------
    model : LoggedModel
    location : str
        Its experiment's artifact location.
    registrations : list of dict
        ``name`` and ``version`` of each version that was registered from it.

    Returns
    -------
    dict
        ``info`` and ``data``.

    Examples
    --------
    >>> logged_model_json(LoggedModel("m-1", "0", "a"), "mlflow-artifacts:/0", [])["info"]["artifact_uri"]
    'mlflow-artifacts:/0/models/m-1/artifacts'
    """
    info: dict[str, Any] = {
        "model_id": model.model_id,
        "experiment_id": model.experiment_id,
        "name": model.name,
        "creation_timestamp_ms": model.creation_time,
        "last_updated_timestamp_ms": model.last_update_time,
        "artifact_uri": model_location(location, model.model_id),
        "status": _WIRE[model.status],
        "tags": tags_json(model.tags),
        "registrations": registrations,
    }
    for key in ("model_type", "source_run_id"):
        if value := getattr(model, key):
            info[key] = value
    metrics = [_point_json(each, model.model_id) for each in model.points]
    return {"info": info, "data": {"params": tags_json(model.params), "metrics": metrics}}


def model_location(location: str, model_id: str) -> str:
    """Where clients put the files of a logged model.

    Examples
    --------
    >>> model_location("s3://b", "m-1")
    's3://b/models/m-1/artifacts'
    """
    return f"{location.rstrip('/')}/models/{model_id}/artifacts"


def _point_json(point: LoggedPoint, model_id: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "key": point.key,
        "value": number_json(point.value),
        "timestamp": point.timestamp,
        "step": point.step,
        "model_id": model_id,
        "run_id": point.run_id,
    }
    for key in ("dataset_name", "dataset_digest"):
        if value := getattr(point, key):
            found[key] = value
    return found


def read_status(value: Any) -> str:
    """A status from a request.

    Examples
    --------
    >>> read_status("LOGGED_MODEL_READY"), read_status(3)
    ('READY', 'FAILED')
    """
    key = int(value) if isinstance(value, str) and value.isdecimal() else value
    if not isinstance(key, (int, str)) or key not in STATUSES:
        raise InvalidInput(f"Invalid value {str(value)[:60]!a} for parameter 'status' supplied.")
    return STATUSES[key]


def check_model_name(name: str) -> str:
    """A logged model's name, as MLflow takes it.

    Examples
    --------
    >>> check_model_name("churn")
    'churn'
    """
    if not name or any(mark in name for mark in _BAD):
        raise InvalidInput(
            f"Invalid model name ({name!r}) provided. Model name must be a non-empty string and cannot contain the "
            f"following characters: {_BAD}"
        )
    return name
