"""What a call of `apply` makes of one run, worked out before anything is written."""

from __future__ import annotations

import json
from math import isnan
from typing import Any

from mlops_nb.entities import Artifact, Batch, ParamValue, Points, RunStart, Status, check_name, check_tag
from mlops_nb.errors import InvalidInput
from mlops_nb.store.rows import encode_json, encode_lease, pack_metrics, split_head, storable, unpack_metrics


def check_batch(batch: Batch) -> None:
    """Refuse names that no store can hold, before a transaction begins.

    Parameters
    ----------
    batch : Batch
        As a journal delivers it.

    Raises
    ------
    InvalidInput
        Naming the first name or tag that breaks a rule.

    Examples
    --------
    >>> check_batch(Batch("r", "s", params=[("lr", 0.1, 0)]))
    """
    check_name("run", batch.run_id)
    if batch.start is not None:
        check_name("run", batch.start.name)
        check_name("experiment", batch.start.experiment)
    for key, _, _ in batch.params:
        check_name("param", key)
    for key in batch.metrics:
        check_name("metric", key)
    for key, value in batch.tags.items():
        check_tag(key, value)
    for kind in batch.facts:
        check_name("fact", kind)
    for artifact in batch.artifacts:
        check_name("artifact", artifact.path)


def _text_of(value: ParamValue) -> str:
    return value if type(value) is str else str(value)  # MLflow's rule, so that its filters mean the same here


def _number_of(value: ParamValue) -> float | None:
    """The number that a param is compared by: numbers, and text that reads as one (MLflow's params are all text)."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return None if isnan(number) else number


class Draft:
    """A run as it will be: its row's columns that change, and rows for the tables beside.

    Parameters
    ----------
    run_id : str
        The run's id.
    change : int
        The store's change counter of this call.
    no : int
        Its row number, a reserved one for a new run.
    status, logged, params, tags, metric_keys, metric_values, lifecycle_stage
        What is stored of it; left out for a new run.
    """

    def __init__(
        self,
        run_id: str,
        change: int,
        no: int,
        status: str | None = None,
        logged: int = 0,
        params: str = "{}",
        tags: str = "{}",
        metric_keys: str = "[]",
        metric_values: bytes = b"",
        lifecycle_stage: str = "active",
    ) -> None:
        self.run_id = run_id
        self.no = no
        self.is_new = status is None
        self.lifecycle_stage = lifecycle_stage
        self.row: dict[str, Any] = {"changed": change}
        self.params: dict[str, ParamValue] = json.loads(params)
        self.metrics: dict[str, float] = unpack_metrics(metric_keys, metric_values)
        self.tags: dict[str, str] = json.loads(tags)
        self.logged = logged
        self.param_values: dict[str, list[tuple[ParamValue, int | None]]] = {}
        self.new_tags: dict[str, None] = {}
        self.dropped_tags: dict[str, None] = {}
        self.points: dict[str, Points] = {}
        self.facts: dict[str, Any] = {}
        self.artifacts: dict[str, Artifact] = {}
        self.data_refs: list[tuple[int, Any]] = []
        self.log_rows: list[tuple[Any, ...]] = []

    def begin(self, start: RunStart, experiment_id: str, revision: int) -> None:
        """Fill the row of a new run."""
        self.row.update(
            no=self.no,
            run_id=self.run_id,
            name=start.name,
            experiment_id=experiment_id,
            status=Status.RUNNING.value,
            start_time=start.start_time,
            end_time=None,
            user_id=storable(start.user),
            lifecycle_stage="active",
            parent_run_id=start.parent_run_id,
            notebook=start.notebook and storable(start.notebook),
            cell_id=start.cell_id and storable(start.cell_id),
            line=start.line and storable(start.line),
            revision=revision,
            stage=start.stage and storable(start.stage),
            source_type=storable(start.source_type),
            lease=encode_lease(start.lease),
            logged=0,
            deleted_time=None,
            params="{}",
            tags="{}",
            metric_keys="[]",
            metric_values=b"",
        )

    def take(self, batch: Batch, *, guarded: bool = False) -> None:
        """Add what a batch brings; `guarded` refuses a deleted run, and another value for a param."""
        row = self.row
        params = self._guard(batch) if guarded else batch.params
        if batch.start is not None and "run_id" not in row:  # a known run is taken up again
            row.update(status=Status.RUNNING.value, end_time=None, lease=encode_lease(batch.start.lease))
        if params:
            self._take_params(params)
        if batch.tags:
            self._take_tags(batch.tags)
        for key, points in batch.metrics.items():
            if not len(points.values) == len(points.steps) == len(points.timestamps):
                raise InvalidInput(f"The columns of metric '{key[:60]}' have different lengths.")
            if key in self.points:
                self.points[key].extend(points)
            elif points.values:
                self.points[key] = Points(points.values[:], points.steps[:], points.timestamps[:])
        self.facts.update(batch.facts)
        self.artifacts.update((each.path, each) for each in batch.artifacts)
        for ref in batch.data:
            self.logged += 1
            self.data_refs.append((self.logged, ref))
        for line in batch.logs:
            self.logged += 1
            text = line.text.encode("utf-8", "surrogatepass")
            self.log_rows.append((self.no, self.logged, line.timestamp, storable(line.stream), text))
        if batch.data or batch.logs:
            row["logged"] = self.logged
        if batch.end is not None:
            row.update(status=Status(batch.end.status).value, end_time=batch.end.end_time)

    def _guard(self, batch: Batch) -> list[tuple[str, ParamValue, int]]:
        """MLflow's rules, in its words, since its clients know them; the params that are new."""
        if self.lifecycle_stage != "active":
            raise InvalidInput(
                f"The run {self.run_id} must be in the 'active' state. Current state is {self.lifecycle_stage}."
            )
        for key, value, _ in batch.params:
            if key in self.params and _text_of(self.params[key]) != _text_of(value):
                raise InvalidInput(
                    f"Changing param values is not allowed. Param with key='{key}' was already logged with "
                    f"value='{_text_of(self.params[key])[:200]}' for run ID='{self.run_id}'. "
                    f"Attempted logging new value '{_text_of(value)[:200]}'."
                )
        return [each for each in batch.params if each[0] not in self.params]

    def _take_params(self, params: list[tuple[str, ParamValue, int]]) -> None:
        for key, value, timestamp in params:
            values = self.param_values.get(key)
            if key in self.params:
                stored = self.params[key]
                if encode_json(stored) == encode_json(value, f"Param '{key[:60]}'"):
                    continue
                if values is None:
                    values = self.param_values[key] = [(stored, None)]
                values.append((value, timestamp))
            else:
                self.param_values[key] = [(value, timestamp)]
            self.params[key] = value
        self.row["params"] = encode_json(self.params, "A param")

    def _take_tags(self, tags: dict[str, str | None]) -> None:
        for key, value in tags.items():
            if value is None:
                self.tags.pop(key, None)
                self.new_tags.pop(key, None)
                self.dropped_tags[key] = None
            else:
                self.tags[key] = value
                self.dropped_tags.pop(key, None)
                self.new_tags[key] = None
        self.row["tags"] = encode_json(self.tags)

    def artifact_rows(self) -> list[tuple[Any, ...]]:
        """Rows of `schema.artifacts` for the files that are new or have other bytes."""
        return [(self.no, each.path, each.digest, each.size) for each in self.artifacts.values() if each.digest]

    def dropped_artifacts(self) -> list[str]:
        """Paths that are taken out of the tree: files with an empty digest."""
        return [] if self.is_new else [path for path, each in self.artifacts.items() if not each.digest]

    def param_rows(self) -> list[tuple[Any, ...]]:
        """Rows of `schema.params` for the params that are new or have another value."""
        return [
            (self.no, key, values[-1][1], _number_of(values[-1][0]), *split_head(_text_of(values[-1][0])))
            for key, values in self.param_values.items()
        ]

    def set_metric(self, key: str, value: float) -> None:
        """The metric's last value is another one."""
        self.metrics[key] = value

    def close_metrics(self) -> None:
        """Put the last values into the row."""
        self.row["metric_keys"], self.row["metric_values"] = pack_metrics(self.metrics)
