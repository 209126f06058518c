"""MLflow's views of a run: ``run.info``, ``run.data``, and the tags that it has for what are fields of ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

NAME_TAG = "mlflow.runName"
PARENT_TAG = "mlflow.parentRunId"
USER_TAG = "mlflow.user"
SOURCE_TYPE_TAG = "mlflow.source.type"
SOURCE_NAME_TAG = "mlflow.source.name"
UNKNOWN = "UNKNOWN"
"""The source type of a run that a bare client made, and said nothing about."""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What a run is, under MLflow's names (``run.info.run_id``)."""

    run_id: str
    run_name: str
    experiment_id: str
    status: str
    start_time: int
    end_time: int | None = None
    user_id: str = ""
    lifecycle_stage: str = "active"

    @property
    def artifact_uri(self) -> str:
        """What names the run's files: ``f"{artifact_uri}/model"`` is a model's URI, for instance."""
        return artifact_uri(self.run_id)


class LiveInfo(RunInfo):
    """Of a run that goes on: its experiment's id is asked for when it is looked at, since that opens the store."""

    __slots__ = ("_ask",)
    _ask: Callable[[], str]

    def __init__(self, ask: Callable[[], str], **fields: Any) -> None:
        object.__setattr__(self, "_ask", ask)
        super().__init__(experiment_id="", **fields)

    @property
    def experiment_id(self) -> str:
        """The id of the run's experiment."""
        return self._ask()

    @experiment_id.setter
    def experiment_id(self, value: str) -> None:
        """The constructor of a frozen dataclass sets all of its fields; this one has a place of its own."""


@dataclass(frozen=True, slots=True)
class RunData:
    """What was logged, under MLflow's names (``run.data.metrics``)."""

    params: dict[str, Any]
    metrics: dict[str, float]
    tags: dict[str, str]


def artifact_uri(run_id: str) -> str:
    """What names the files of a run.

    Examples
    --------
    >>> artifact_uri("abc")
    'runs:/abc'
    """
    return f"runs:/{run_id}"


def tags_of_fields(
    name: str, parent: str | None, user: str, source_type: str, notebook: str | None
) -> dict[str, str]:
    """The tags by which MLflow knows what are fields of a run here.

    Examples
    --------
    >>> tags_of_fields("first", None, "ann", "LOCAL", None)
    {'mlflow.runName': 'first', 'mlflow.source.type': 'LOCAL', 'mlflow.user': 'ann'}
    """
    tags = {NAME_TAG: name}
    if parent:
        tags[PARENT_TAG] = parent
    if source_type != UNKNOWN:
        tags[SOURCE_TYPE_TAG] = source_type
        if user and user != "unknown":
            tags[USER_TAG] = user
        if notebook:
            tags[SOURCE_NAME_TAG] = notebook
    return tags


def as_dictionary(info: RunInfo, data: RunData) -> dict[str, Any]:
    """A run as MLflow's ``to_dictionary`` gives it.

    Examples
    --------
    >>> as_dictionary(RunInfo("r", "first", "0", "FINISHED", 5), RunData({}, {"a": 1.0}, {}))["data"]
    {'params': {}, 'metrics': {'a': 1.0}, 'tags': {}}
    """
    names = ("run_id", "run_name", "experiment_id", "status", "start_time", "end_time", "user_id", "lifecycle_stage")
    return {
        "info": {name: getattr(info, name) for name in names} | {"artifact_uri": info.artifact_uri},
        "data": asdict(data),
    }
