"""What a journal delivers, as calls of MLflow's REST API: idempotent, and nothing of it lost."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from mlops_nb.entities import Artifact, Batch, DataRef, Experiment, Run, RunStart
from mlops_nb.errors import AlreadyExists, NotFound
from mlops_nb.store.abroad.api import AT_TAG, Abroad, Json, Remote
from mlops_nb.views import PARENT_TAG
from mlops_nb.wire.foreign import ID_TAG, KEPT_TAG, read_experiment
from mlops_nb.wire.kept import PARAM_LIMIT, TAG_LIMIT, beside, foreign_key, write
from mlops_nb.wire.mlflow import dataset_input_json, number_json, param_text, start_tags, tags_json

POINTS, ENTRIES = 1000, 100
"""Most points, and most params or tags, that MLflow takes in a call."""


class AbroadWriting(Abroad):
    """Experiments and runs, written."""

    def __init__(self, url: str, **given: Any) -> None:
        super().__init__(url, **given)
        self._links: dict[str, list[tuple[str, DataRef]]] = {}

    # -- experiments --------------------------------------------------------------------------------------------------

    def find_experiment(self, name: str) -> Experiment | None:
        """The experiment with this name, deleted ones included, or None."""
        try:
            return read_experiment(self.get("experiments/get-by-name", experiment_name=name)["experiment"])
        except NotFound:
            return None

    def create_experiment(
        self, name: str, *, artifact_location: str = "", tags: Mapping[str, str] | None = None
    ) -> Experiment:
        """Make an experiment."""
        asked: Json = {"name": name, "tags": tags_json(tags or {})}
        if artifact_location:
            asked["artifact_location"] = artifact_location
        return self.get_experiment(str(self.post("experiments/create", asked)["experiment_id"]))

    def get_experiment(self, experiment_id: str) -> Experiment:
        """The experiment with this id, or `NotFound`."""
        return read_experiment(self.get("experiments/get", experiment_id=experiment_id)["experiment"])

    def update_experiment(
        self,
        experiment_id: str,
        *,
        name: str | None = None,
        lifecycle_stage: str | None = None,
        tags: Mapping[str, str | None] | None = None,
    ) -> Experiment:
        """Rename, delete or restore, tag."""
        which = {"experiment_id": experiment_id}
        for key, value in (tags or {}).items():
            if value is None:
                self.post("experiments/delete-experiment-tag", {**which, "key": key})
            else:
                self.post("experiments/set-experiment-tag", {**which, "key": key, "value": value})
        if name is not None:
            self.post("experiments/update", {**which, "new_name": name})
        if lifecycle_stage is not None:
            self.post(f"experiments/{'delete' if lifecycle_stage == 'deleted' else 'restore'}", which)
        return self.get_experiment(experiment_id)

    # -- runs ---------------------------------------------------------------------------------------------------------

    def delivered(self, source: str) -> int:
        """How far a journal has been stored; 0 if that is not known: all of it may be sent again."""
        for run in self._runs.values():
            if (at := run.tags.get(_at_tag(source))) is not None:
                return int(at)
        return 0

    def apply(self, batches: Sequence[Batch], *, guarded: bool = False) -> None:
        """Send what journals deliver. What was sent already, also in part, is not there twice afterwards."""
        for batch in batches:
            remote = self.remote(batch.run_id) or self._create(batch)
            at = _at_tag(batch.source)
            if batch.source and int(remote.tags.get(at, 0)) >= batch.upto > 0:
                continue
            self._send(batch, remote)
            if batch.source:
                self._log(remote, tags=[(at, str(batch.upto))])
                remote.tags[at] = str(batch.upto)

    def _create(self, batch: Batch) -> Remote:
        start = batch.start
        if start is None:
            raise NotFound(f"There is no run {batch.run_id[:80]!r} on {self._connection.url}.")
        experiment = self._experiment(start.experiment)
        parent = self.remote(start.parent_run_id) if start.parent_run_id else None
        tags = start_tags(start)
        if parent is not None:
            tags[PARENT_TAG] = parent.run_id
        tags |= {f"mlops_nb.{key}": value for key in ("cell_id", "line", "stage") if (value := getattr(start, key))}
        tags[ID_TAG] = batch.run_id
        return self._made(experiment, start, tags)

    def _made(self, experiment: Experiment, start: RunStart, tags: Mapping[str, str]) -> Remote:
        was_deleted = experiment.lifecycle_stage == "deleted"
        if was_deleted:  # a run is stored all the same, as it is in every store
            self.post("experiments/restore", {"experiment_id": experiment.experiment_id})
        asked = {
            "experiment_id": experiment.experiment_id, "user_id": start.user, "start_time": start.start_time,
            "run_name": start.name[:250], "tags": tags_json(tags),
        }  # fmt: skip
        made = self.learn(self.post("runs/create", asked)["run"])
        if was_deleted:
            self.post("experiments/delete", {"experiment_id": experiment.experiment_id})
        return made

    def _send(self, batch: Batch, remote: Remote) -> None:
        whose = f"the run {batch.run_id}"
        for key, points in batch.metrics.items():
            name = foreign_key(key)
            rows = [
                {"key": name, "value": number_json(value), "timestamp": max(at, 0), "step": step}
                for value, step, at in zip(points.values, points.steps, points.timestamps, strict=True)
            ]
            for begin in range(0, len(rows), POINTS):
                body = {"run_id": remote.run_id, "metrics": rows[begin : begin + POINTS]}
                self.post("runs/log-batch", body, again=True)
        self._log(remote, self._new_params(batch, remote), self._tags(batch, remote))
        self._send_data(batch.data, remote)
        self.send_files(remote.location, batch.artifacts, whose)
        self._send_beside(batch, remote, whose)
        if batch.end is not None:
            end = {"status": batch.end.status.value, "end_time": batch.end.end_time}
            self.post("runs/update", {"run_id": remote.run_id, **end}, again=True)

    def _new_params(self, batch: Batch, remote: Remote) -> list[tuple[str, str]]:
        """Params that are not there yet: MLflow refuses another value; that one is kept beside."""
        found = {}
        for key, value, _ in batch.params:
            name = foreign_key(key)
            if name not in remote.params:
                found[name] = remote.params[name] = param_text(value)[:PARAM_LIMIT]
        return list(found.items())

    def _tags(self, batch: Batch, remote: Remote) -> list[tuple[str, str]]:
        tags = {foreign_key(key): value for key, value in batch.tags.items()}
        for key, value in tags.items():
            if value is None and key in remote.tags:
                self.post("runs/delete-tag", {"run_id": remote.run_id, "key": key})
        return [(key, value[:TAG_LIMIT]) for key, value in tags.items() if value is not None]

    def _log(
        self, remote: Remote, params: Sequence[tuple[str, str]] = (), tags: Sequence[tuple[str, str]] = ()
    ) -> None:
        for kind, pairs in (("params", params), ("tags", tags)):
            for begin in range(0, len(pairs), ENTRIES):
                few = [{"key": key, "value": value} for key, value in pairs[begin : begin + ENTRIES]]
                self.post("runs/log-batch", {"run_id": remote.run_id, kind: few}, again=True)
        remote.tags.update(tags)

    def _send_data(self, data: Sequence[DataRef], remote: Remote) -> None:
        datasets = []
        for ref in data:
            if ref.path.startswith("models:/"):
                self._link(ref, remote.run_id)
            elif ref.mode != "write":
                given = dataset_input_json(ref)
                if "mlflow" not in ref.profile:
                    given["tags"].append({"key": KEPT_TAG, "value": "1"})  # the whole of it is kept beside
                datasets.append(given)
        if datasets:
            self.post("runs/log-inputs", {"run_id": remote.run_id, "datasets": datasets}, again=True)

    def _link(self, ref: DataRef, theirs: str) -> None:
        """Say that a run read or wrote a logged model, now or when that has come."""
        model_id = self.remote_model(ref.name)
        if model_id is None:
            self._links.setdefault(ref.name, []).append((theirs, ref))
        elif ref.mode == "read":
            self.post("runs/log-inputs", {"run_id": theirs, "models": [{"model_id": model_id}]}, again=True)
        else:
            models = [{"model_id": model_id, "step": ref.profile.get("step", 0)}]
            self.post("runs/outputs", {"run_id": theirs, "models": models}, again=True)

    def _send_beside(self, batch: Batch, remote: Remote, whose: str) -> None:
        left = beside(batch, with_files=bool(batch.source))
        if left is None:
            return
        path, data = write(left, source=batch.source, upto=batch.upto)
        if self.send_bytes(remote.location, path, data):
            self._log(remote, tags=[(KEPT_TAG, "1")])
        else:
            self.lose(f"What MLflow has no place for, of {whose}: the server takes no files.")

    def update_run(
        self,
        run_id: str,
        *,
        name: str | None = None,
        status: str | None = None,
        end_time: int | None = None,
        lifecycle_stage: str | None = None,
        parent_run_id: str | None = None,
        tags: Mapping[str, str | None] | None = None,
    ) -> Run:
        """Change a run: rename, close, delete, restore, nest, tag."""
        remote = self.need_remote(run_id)
        given: dict[str, str | None] = {**(tags or {})}
        if parent_run_id is not None:
            parent = self.remote(parent_run_id)
            given[PARENT_TAG] = parent.run_id if parent else parent_run_id
        if given:
            self._log(remote, tags=self._tags(Batch(run_id, "", tags=given), remote))
        changed = {"run_name": name, "status": status, "end_time": end_time}
        if changed := {key: value for key, value in changed.items() if value is not None}:
            self.post("runs/update", {"run_id": remote.run_id, **changed}, again=True)
        if lifecycle_stage is not None:
            self.post(f"runs/{'delete' if lifecycle_stage == 'deleted' else 'restore'}", {"run_id": remote.run_id})
        return self.get_run(run_id)

    def _experiment(self, name: str) -> Experiment:
        found = self.find_experiment(name)
        if found is not None:
            return found
        try:
            return self.create_experiment(name)
        except AlreadyExists:  # somebody else has made it meanwhile
            found = self.find_experiment(name)
            if found is None:
                raise
            return found

    def get_run(self, run_id: str) -> Run:
        """The run with exactly this id, or `NotFound`."""
        raise NotImplementedError

    def carrier(self, name: str, files: Sequence[Artifact]) -> str:
        """A run that holds the files of a model whose own run is not there; returns the run's id on the server."""
        experiment = self._experiment("mlops_nb models")
        start = RunStart("", name, "", 0)
        remote = self._made(experiment, start, {"mlops_nb.carrier": "1"})
        placed = [Artifact(f"model/{each.path}", each.digest, each.size) for each in files]
        self.send_files(remote.location, placed, name)
        self.post("runs/update", {"run_id": remote.run_id, "status": "FINISHED", "end_time": 0})
        return remote.run_id


def _at_tag(source: str) -> str:
    return AT_TAG + hashlib.sha256(source.encode()).hexdigest()[:12]
