"""A SQLite file of MLflow's, opened read-only, with the folders beside it that hold its files."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mlops_nb.errors import CorruptData, InvalidInput
from mlops_nb.transfer.parcels import File
from mlops_nb.transfer.trees import files_below

Json = dict[str, Any]

_OTHERS = {
    "trace_info": "traces (of GenAI)", "assessments": "assessments", "webhooks": "webhooks", "scorers": "scorers",
    "evaluation_datasets": "evaluation datasets", "endpoints": "gateway endpoints", "jobs": "jobs",
}  # fmt: skip
"""Tables of what mlops_nb has no place for."""


class MlflowDatabase:
    """A `Source` over a SQLite file.

    Parameters
    ----------
    path : Path
        The file.
    files : Path, optional
        Where the files of its runs lie; by default they are looked for in ``mlruns``, ``mlartifacts`` and beside the
        file. Whatever addresses stand in the file, nothing outside of these folders is read.

    Raises
    ------
    InvalidInput
        If it is no such file.
    """

    def __init__(self, path: Path, files: Path | None = None) -> None:
        self._path = path
        around = path.resolve().parent
        self._roots = [files.resolve()] if files else [around / "mlruns", around / "mlartifacts", around]
        try:
            self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
            self._connection.row_factory = sqlite3.Row
            self._tables = {row[0] for row in self._connection.execute("SELECT name FROM sqlite_master")}
        except sqlite3.Error as error:
            raise InvalidInput(f"{path} cannot be read as a SQLite file: {error}.") from None
        if not {"experiments", "runs", "latest_metrics", "alembic_version"} <= self._tables:
            raise InvalidInput(
                f"{path} is no store of MLflow's.", hint="Name MLflow's own SQLite file, a folder mlruns, or a server."
            )

    def total(self) -> int:
        """How many runs there are."""
        return int(self._rows("SELECT count(*) AS n FROM runs")[0]["n"])

    def experiments(self) -> Iterable[Json]:
        """All experiments."""
        for row in self._rows("SELECT * FROM experiments ORDER BY experiment_id"):
            tags = self._rows("SELECT key, value FROM experiment_tags WHERE experiment_id = ?", row["experiment_id"])
            yield {**row, "tags": tags}

    def runs(self, experiment_id: str) -> Iterable[Json]:
        """All runs of an experiment."""
        for row in self._rows("SELECT * FROM runs WHERE experiment_id = ? ORDER BY start_time", int(experiment_id)):
            run_id = row["run_uuid"]
            last = self._rows(
                "SELECT key, value, timestamp, step, is_nan FROM latest_metrics WHERE run_uuid = ?", run_id
            )
            models = self._linked("RUN_INPUT", run_id)
            yield {
                "info": {**row, "run_id": run_id, "run_name": row.get("name")},
                "data": {
                    "metrics": [_number(each) for each in last],
                    "params": self._rows("SELECT key, value FROM params WHERE run_uuid = ?", run_id),
                    "tags": self._rows("SELECT key, value FROM tags WHERE run_uuid = ?", run_id),
                },
                "inputs": {"dataset_inputs": self._datasets(run_id), "model_inputs": models},
                "outputs": {"model_outputs": self._linked("RUN_OUTPUT", run_id)},
            }

    def _linked(self, kind: str, run_id: str) -> list[Json]:
        if "inputs" not in self._tables:
            return []
        step = "step" if "step" in self._columns("inputs") else "0 AS step"
        query = f"SELECT destination_id AS model_id, {step} FROM inputs WHERE source_type = ? AND source_id = ?"
        return self._rows(query, kind, run_id)

    def _datasets(self, run_id: str) -> list[Json]:
        if "datasets" not in self._tables:
            return []
        found = []
        for row in self._rows(
            "SELECT i.input_uuid, d.name, d.digest, d.dataset_source_type AS source_type, d.dataset_source AS source, "
            "d.dataset_schema AS schema, d.dataset_profile AS profile FROM inputs i JOIN datasets d "
            "ON d.dataset_uuid = i.source_id "
            "WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN' AND i.destination_id = ? ORDER BY 1",
            run_id,
        ):
            uuid = row.pop("input_uuid")
            tags = self._rows("SELECT name AS key, value FROM input_tags WHERE input_uuid = ?", uuid)
            dataset = {key: value for key, value in row.items() if value is not None}
            found.append({"dataset": dataset, "tags": tags})
        return found

    def whole(self, run: Json) -> Json:
        """The run: nothing was left out."""
        return run

    def history(self, run: Json, key: str) -> Iterable[Json]:
        """All points of a metric."""
        query = "SELECT key, value, timestamp, step, is_nan FROM metrics WHERE run_uuid = ? AND key = ?"
        return map(_number, self._rows(query, run["info"]["run_id"], key))

    def files(self, run: Json) -> Iterator[File]:
        """The files of a run."""
        info = run["info"]
        return self._below(_tail(info.get("artifact_uri"), f"{info['experiment_id']}/{info['run_id']}/artifacts"))

    def logged_models(self, experiment_id: str) -> Iterable[Json]:
        """The logged models of an experiment."""
        if "logged_models" not in self._tables:
            return
        query = "SELECT * FROM logged_models WHERE experiment_id = ? AND lifecycle_stage = 'active' ORDER BY model_id"
        for row in self._rows(query, int(experiment_id)):
            of = row["model_id"]
            tags = self._rows("SELECT tag_key AS key, tag_value AS value FROM logged_model_tags WHERE model_id = ?", of)
            params = self._rows(
                "SELECT param_key AS key, param_value AS value FROM logged_model_params WHERE model_id = ?", of
            )
            points = self._rows(
                "SELECT metric_name AS key, metric_timestamp_ms AS timestamp, metric_step AS step, "
                "metric_value AS value, run_id, dataset_name, dataset_digest FROM logged_model_metrics "
                "WHERE model_id = ?", of,
            )  # fmt: skip
            yield {"info": {**row, "tags": tags}, "data": {"params": params, "metrics": points}}

    def logged_files(self, model: Json) -> Iterator[File]:
        """The files of a logged model."""
        info = model["info"]
        place = f"{info['experiment_id']}/models/{info['model_id']}/artifacts"
        return self._below(_tail(info.get("artifact_location"), place))

    def models(self) -> Iterable[Json]:
        """The registered models."""
        if "registered_models" not in self._tables:
            return
        for row in self._rows("SELECT * FROM registered_models ORDER BY name"):
            name, aliases = row["name"], []
            if "registered_model_aliases" in self._tables:
                aliases = self._rows("SELECT alias, version FROM registered_model_aliases WHERE name = ?", name)
            yield {
                **row, "creation_timestamp": row.get("creation_time"),
                "last_updated_timestamp": row.get("last_updated_time"), "aliases": aliases,
                "tags": self._rows("SELECT key, value FROM registered_model_tags WHERE name = ?", name),
            }  # fmt: skip

    def versions(self, name: str) -> Iterable[Json]:
        """The versions of a registered model; of deleted ones MLflow keeps the number only."""
        query = "SELECT * FROM model_versions WHERE name = ? AND current_stage != 'Deleted_Internal' ORDER BY version"
        for row in self._rows(query, name):
            tags = self._rows(
                "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?", name, row["version"]
            )
            yield {
                **row, "creation_timestamp": row.get("creation_time"),
                "last_updated_timestamp": row.get("last_updated_time"), "tags": tags,
            }  # fmt: skip

    def left_behind(self) -> Iterable[str]:
        """Rows of what mlops_nb has no place for."""
        for table, words in _OTHERS.items():
            if table in self._tables and (count := self._rows(f"SELECT count(*) AS n FROM {table}")[0]["n"]):
                yield f"{count} {words} in {self._path.name}: they have no place here."

    def _below(self, tail: str) -> Iterator[File]:
        if ".." in tail.split("/"):
            raise InvalidInput(f"the address {tail[:100]!a} leaves its folder")
        for root in self._roots:
            if (root / tail).is_dir():
                return files_below(root / tail, root)
        return iter(())

    def _columns(self, table: str) -> set[str]:
        return {str(row["name"]) for row in self._rows(f"PRAGMA table_info({table})")}

    def _rows(self, query: str, *values: Any) -> list[Json]:
        try:
            return [dict(row) for row in self._connection.execute(query, values)]
        except sqlite3.Error as error:
            raise CorruptData(
                f"{self._path} cannot be read: {error}.", hint="Upgrade it with: mlflow db upgrade URL, then try again."
            ) from None


def _number(row: Json) -> Json:
    return {**row, "value": "NaN"} if row.pop("is_nan", 0) else row


def _tail(address: Any, usual: str) -> str:
    """The end of an artifact address, from the experiment's folder on: the same wherever the store was moved to."""
    parts = re.split(r"[/\\]", str(address or ""))
    wanted = usual.split("/")
    return "/".join(parts[-len(wanted) :]) if len(parts) >= len(wanted) and parts[-1] == wanted[-1] else usual
