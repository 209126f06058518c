"""MLflow as something to copy from, whichever way it keeps things: each way gives the JSON that its server would."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Protocol

from mlops_nb.entities import Batch, Experiment, ModelChange, ModelVersion, Points, RegisteredModel, Run
from mlops_nb.errors import MlopsError
from mlops_nb.transfer.own import end_of, start_of
from mlops_nb.transfer.parcels import File, Report
from mlops_nb.transfer.translation import Names
from mlops_nb.wire.foreign import (
    read_experiment,
    read_history,
    read_logged_model,
    read_model,
    read_run,
    read_run_data,
    read_version,
)
from mlops_nb.wire.kept import Kept
from mlops_nb.wire.logged import LoggedModel

Json = dict[str, Any]


class Source(Protocol):
    """A place where MLflow keeps things, read as its REST API would tell it."""

    def total(self) -> int:
        """About how many runs there are."""

    def experiments(self) -> Iterable[Json]:
        """All experiments, deleted ones included."""

    def runs(self, experiment_id: str) -> Iterable[Json]:
        """All runs of an experiment, deleted ones included: ``info``, ``data``, ``inputs``, ``outputs``."""

    def whole(self, run: Json) -> Json:
        """A run of a listing with what the listing left out."""

    def history(self, run: Json, key: str) -> Iterable[Json]:
        """All points of a metric."""

    def files(self, run: Json) -> Iterator[File]:
        """The files of a run."""

    def logged_models(self, experiment_id: str) -> Iterable[Json]:
        """The logged models of an experiment: ``info`` and ``data``."""

    def logged_files(self, model: Json) -> Iterator[File]:
        """The files of a logged model."""

    def models(self) -> Iterable[Json]:
        """The registered models."""

    def versions(self, name: str) -> Iterable[Json]:
        """The versions of a registered model."""

    def left_behind(self) -> Iterable[str]:
        """What is there that mlops_nb has no place for, in sentences."""


class MlflowOrigin:
    """An `Origin` over any of MLflow's places.

    Parameters
    ----------
    source : Source
        The place.
    report : Report
        To be filled in.
    """

    def __init__(self, source: Source, report: Report) -> None:
        self._source, self.report = source, report
        self._runs: dict[str, tuple[Json, Kept]] = {}
        self._logged: dict[str, Json] = {}
        self._names = Names()

    def total(self) -> int:
        """About how many runs there are."""
        return self._source.total()

    def experiments(self) -> Iterable[Experiment]:
        """All experiments."""
        found = [read_experiment(each) for each in self._source.experiments()]
        for each in found:  # copies have other ids than their originals: all are known before the first one is read
            self._names.learn(self._source.runs(each.experiment_id), self._source.logged_models(each.experiment_id))
        for text in self._source.left_behind():
            self.report.lose("kinds that have no place", text)
        return [replace(each, artifact_location="") for each in found]

    def runs(self, experiment: Experiment) -> Iterable[Run]:
        """All runs of an experiment, oldest first."""
        given = sorted(self._source.runs(experiment.experiment_id), key=lambda each: _start(each))
        for each in given:
            try:
                run = read_run(each, experiment.name)
                kept = self._kept(each, run)
            except MlopsError as error:
                self.report.lose("runs that cannot be read", f"A run of {experiment.name}: {error}")
                continue
            run = self._names.at_home(kept.restore_run(run))
            self._runs = {run.run_id: (each, kept)}  # only the one that is being copied
            yield run

    def _kept(self, given: Json, run: Run) -> Kept:
        """What the copy of a run of ours brings along beside what MLflow keeps."""
        if not Kept.is_in(run):
            return Kept()
        kept = Kept()
        for file in self._source.files(given):
            if Kept.is_file(file.path):
                with file.open() as opened:
                    kept.add(opened.read(Kept.SIZE_LIMIT + 1), file.path)
        return kept

    def contents(self, run: Run) -> Batch:
        """All that is known of a run but for its files."""
        given, kept = self._runs[run.run_id]
        given = self._source.whole(given)
        batch = Batch(
            run.run_id,
            "",
            start=start_of(run),
            params=[(key, value, run.start_time) for key, value in run.params.items()],
            tags={**run.tags},
            metrics={key: self._history(given, key) for key in run.metrics if kept.has_point(key)},
            data=[self._names.data_at_home(each) for each in read_run_data(given)],
            end=end_of(run),
        )
        return kept.restore_batch(batch)

    def _history(self, given: Json, key: str) -> Points:
        return read_history(self._source.history(given, key))

    def files(self, run: Run) -> Iterator[File]:
        """The files of a run."""
        given, kept = self._runs[run.run_id]
        for file in self._source.files(given):
            if not Kept.is_file(file.path):
                yield replace(file, digest=kept.digest_of(file.path, file.size))

    def logged_models(self, experiment: Experiment) -> Iterable[LoggedModel]:
        """The logged models of an experiment."""
        for each in self._source.logged_models(experiment.experiment_id):
            model = self._names.model_at_home(read_logged_model(each))
            self._logged = {model.model_id: each}
            yield model

    def logged_files(self, model: LoggedModel) -> Iterator[File]:
        """The files of a logged model."""
        return self._source.logged_files(self._logged[model.model_id])

    def models(self) -> Iterable[RegisteredModel]:
        """The registered models."""
        return map(read_model, self._source.models())

    def versions(self, model: RegisteredModel) -> list[ModelVersion]:
        """The versions of a registered model, by number."""
        found = [self._names.version_at_home(read_version(each)) for each in self._source.versions(model.name)]
        return sorted(found, key=lambda each: each.version)

    def version_files(self, version: ModelVersion) -> Iterator[File] | None:
        """None: MLflow's versions name a place in a run or a logged model."""
        return None

    def changes(self, model: RegisteredModel) -> list[ModelChange]:
        """Empty: MLflow keeps no audit."""
        return []


def _start(run: Json) -> int:
    try:
        return int(run["info"].get("start_time") or 0)
    except (TypeError, ValueError):
        return 0
