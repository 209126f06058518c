"""Runs of a server of MLflow, read: with what was kept beside them, where one of them is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mlops_nb.entities import Artifact, Batch, DataRef, LogLine, Metric, Page, ParamValue, Points, Run
from mlops_nb.errors import NotFound
from mlops_nb.store.abroad.api import Json
from mlops_nb.store.abroad.writing import AbroadWriting
from mlops_nb.store.outlines import Outline, make_view, outline_points
from mlops_nb.wire.foreign import ID_TAG, KEPT_TAG, read_experiment, read_history, read_number, read_run, read_run_data
from mlops_nb.wire.kept import FOLDER, Kept
from mlops_nb.wire.mlflow import model_ref

_VIEWS = {"active": "ACTIVE_ONLY", "deleted": "DELETED_ONLY", "all": "ALL"}
MOST = 50_000
"""Most runs that MLflow gives in a page."""


class AbroadReading(AbroadWriting):
    """Experiments and runs, read."""

    def search_experiments(
        self,
        filter: str = "",
        *,
        order_by: Sequence[str] = (),
        limit: int = 1000,
        page_token: str | None = None,
        view: str = "active",
    ) -> Page:
        """A page of experiments."""
        asked: Json = {
            "max_results": min(limit, MOST), "filter": filter, "order_by": list(order_by), "view_type": _VIEWS[view],
            "page_token": page_token or "",
        }  # fmt: skip
        answer = self.post("experiments/search", asked, again=True)
        found = [read_experiment(each) for each in answer.get("experiments", [])]
        return Page(found, answer.get("next_page_token") or None)

    def get_run(self, run_id: str) -> Run:
        """The run with exactly this id, with what was kept beside it; or `NotFound`."""
        given, kept = self._whole(run_id)
        return self._read(given, kept)

    def find_runs(self, reference: str, *, limit: int = 10) -> list[Run]:
        """The run with this id, or the runs of this name; MLflow does not find by the beginning of an id."""
        try:
            return [self.get_run(reference)]
        except NotFound:
            pass
        if "'" in reference and '"' in reference:
            return []
        quote = '"' if "'" in reference else "'"
        by_name = self.search_runs(None, f"attributes.run_name = {quote}{reference}{quote}", limit=limit).items
        if by_name or len(reference) < 4:
            return [self.get_run(run.run_id) for run in by_name]
        recent = self.search_runs(None, limit=1000, view="all").items
        return [self.get_run(run.run_id) for run in recent if run.run_id.startswith(reference)][:limit]

    def search_runs(
        self,
        experiment_ids: Sequence[str] | None = None,
        filter: str = "",
        *,
        order_by: Sequence[str] = (),
        limit: int = 1000,
        page_token: str | None = None,
        view: str = "active",
    ) -> Page:
        """A page of runs, in MLflow's own language of filters; params are texts here."""
        ids = self.all_experiments() if experiment_ids is None else list(experiment_ids)
        asked: Json = {
            "experiment_ids": ids, "filter": filter, "order_by": list(order_by), "max_results": min(limit, MOST),
            "run_view_type": _VIEWS[view], "page_token": page_token or "",
        }  # fmt: skip
        answer = self.post("runs/search", asked, again=True)
        return Page([self._read(each) for each in answer.get("runs", [])], answer.get("next_page_token") or None)

    def history(self, run_id: str, key: str) -> Points:
        """All points of a metric."""
        _, kept = self._whole(run_id)
        remote = self.need_remote(run_id)
        points = Points()
        if kept.has_point(key):
            asked = {"run_id": remote.run_id, "metric_key": key, "max_results": 25_000}
            points = read_history(self.pages("GET", "metrics/get-history", "metrics", asked))
        batch = kept.restore_batch(Batch(run_id, "", metrics={key: points}))
        return batch.metrics[key]

    def outline(
        self,
        run_id: str,
        key: str,
        *,
        points: int = 800,
        by: str = "step",
        low: float | None = None,
        high: float | None = None,
    ) -> Outline:
        """A metric's curve as it is drawn: MLflow gives all points, and the outline is made here."""
        return outline_points(self.history(run_id, key), make_view(points, by, low, high))

    def param_history(self, run_id: str, key: str) -> list[tuple[ParamValue, int]]:
        """Every value that a param had, as far as it is known."""
        given, kept = self._whole(run_id)
        run = self._read(given, kept)
        batch = kept.restore_batch(
            Batch(run_id, "", params=[(name, value, run.start_time) for name, value in run.params.items()])
        )
        return [(value, at) for name, value, at in batch.params if name == key]

    def facts(self, run_id: str, kinds: Sequence[str] | None = None) -> dict[str, Any]:
        """What was captured, by kind."""
        batch = self._whole(run_id)[1].restore_batch(Batch(run_id, ""))
        return {kind: value for kind, value in batch.facts.items() if kinds is None or kind in kinds}

    def artifacts(self, run_id: str) -> list[Artifact]:
        """The run's files; the digest is empty where the server alone knows the bytes."""
        _, kept = self._whole(run_id)
        listed = self.list_files(self.need_remote(run_id))
        return [Artifact(path, kept.digest_of(path, size), size) for path, size in listed if not Kept.is_file(path)]

    def data(self, run_id: str) -> list[DataRef]:
        """What the run read and wrote."""
        given, kept = self._whole(run_id)
        found = [self._home_ref(each) for each in read_run_data(given)]
        return kept.restore_batch(Batch(run_id, "", data=found)).data

    def data_of(self, run_ids: Sequence[str]) -> dict[str, list[DataRef]]:
        """What these runs read and wrote, by run."""
        return {run_id: found for run_id in run_ids if (found := self.data(run_id))}

    def logs(self, run_id: str, *, after: int = 0, limit: int = 1000) -> list[tuple[int, LogLine]]:
        """Live output after sequence number `after`."""
        lines = self._whole(run_id)[1].restore_batch(Batch(run_id, "")).logs
        return list(enumerate(lines, 1))[after : after + limit]

    def last_points(self, run_ids: Sequence[str]) -> dict[str, list[Metric]]:
        """The last point of each metric of these runs."""
        found = {}
        for run_id in run_ids:
            data = self._whole(run_id)[0].get("data", {})
            found[run_id] = [
                Metric(each["key"], read_number(each.get("value")), int(each["timestamp"]), int(each.get("step") or 0))
                for each in data.get("metrics", [])
            ]
        return {run_id: points for run_id, points in found.items() if points}

    def point_counts(self, run_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """How many points each metric of these runs has: MLflow only tells by giving them all."""
        runs = {run_id: self.get_run(run_id) for run_id in run_ids}
        found = {run_id: {key: len(self.history(run_id, key)) for key in run.metrics} for run_id, run in runs.items()}
        return {run_id: counts for run_id, counts in found.items() if counts}

    def line_runs(self, line: str, *, limit: int = 50) -> list[Run]:
        """The newest runs of a line of revisions, newest first."""
        if "'" in line:
            return []
        return list(self.search_runs(None, f"tags.`mlops_nb.line` = '{line}'", limit=limit).items)

    def runs_with_data(self, digest: str) -> list[tuple[str, str]]:
        """Empty: MLflow does not find runs by digests."""
        return []

    def open_runs(self) -> list[Run]:
        """Empty: MLflow knows of no process that works on a run."""
        return []

    def changes(self, since: int = 0, *, limit: int = 1000) -> tuple[list[Run], int]:
        """The newest runs each time: MLflow counts no changes."""
        return (self.search_runs(None, limit=min(limit, 100), view="all").items, since + 1)

    def info(self) -> dict[str, Any]:
        """What `store info` shows."""
        experiments = self.all_experiments()
        return {"url": self._connection.url, "kind": "MLflow", "experiments": len(experiments)}

    def _whole(self, run_id: str) -> tuple[Json, Kept]:
        remote = self.need_remote(run_id)
        given = self.get("runs/get", run_id=remote.run_id)["run"]
        self.learn(given)
        kept = Kept()
        if KEPT_TAG in {each["key"] for each in given.get("data", {}).get("tags", [])}:
            for path, _ in self.list_files(remote, FOLDER):
                kept.add(self.read_file(remote, path, Kept.SIZE_LIMIT + 1), path)
        return given, kept

    def _read(self, given: Json, kept: Kept | None = None) -> Run:
        self.learn(given)
        run = read_run(given, self._experiment_name(str(given["info"]["experiment_id"])))
        if kept is not None:
            run = kept.restore_run(run)
        home = {key: self._home.get(str(getattr(run, key)), getattr(run, key)) for key in ("run_id", "parent_run_id")}
        shown = {key: value for key, value in run.tags.items() if not _is_plumbing(key)}
        line = run.line or run.tags.get("mlops_nb.line")
        return replace(run, tags=shown, line=line, run_id=str(home["run_id"]), parent_run_id=home["parent_run_id"])

    def _home_ref(self, ref: DataRef) -> DataRef:
        if not ref.path.startswith("models:/"):
            return ref
        return model_ref(self.home_model(ref.name), ref.mode, ref.profile.get("step"))

    def _experiment_name(self, experiment_id: str) -> str:
        names: dict[str, str] = self.__dict__.setdefault("_names", {})
        if experiment_id not in names:
            names[experiment_id] = self.get_experiment(experiment_id).name
        return names[experiment_id]


def _is_plumbing(key: str) -> bool:
    own = (ID_TAG, KEPT_TAG, "mlops_nb.line", "mlops_nb.cell_id", "mlops_nb.stage")
    return key in own or key.startswith("mlops_nb.at.")
