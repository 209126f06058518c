"""Copying a store into another one: what is there already stays as it is, what is new is added."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypedDict, Unpack

from mlops_nb.entities import Artifact, Batch, Experiment, Points, Run
from mlops_nb.errors import InvalidInput, MlopsError, NotFound
from mlops_nb.store import Store
from mlops_nb.transfer.parcels import File, Origin, Report
from mlops_nb.transfer.registering import copy_models
from mlops_nb.wire.foreign import key_of
from mlops_nb.wire.logged import LoggedModel

Keep = Callable[[File], Artifact]
"""Stores the bytes of a file, and says what they are."""

Tick = Callable[[int, str], None]
"""Told how many runs are done, and the name of the last one."""


class Manner(TypedDict, total=False):
    """How a store is copied: the last keywords of every import, export and merge."""

    thorough: bool
    """Compare all points also of runs that are over on both sides and have the same last values."""

    tick: Tick | None
    """Hears of each run that was copied."""

    expect: Tick | None
    """Hears before that of how many there are."""


def copy_store(origin: Origin, store: Store, keep: Keep, **manner: Unpack[Manner]) -> Report:
    """Copy everything.

    Parameters
    ----------
    origin : Origin
        Where from.
    store : Store
        Where to.
    keep : callable
        Stores a file's bytes.
    **manner
        See `Manner`.

    Returns
    -------
    Report
        Of the origin, filled in.
    """
    if expect := manner.get("expect"):
        expect(origin.total(), "")
    copying = _Copying(origin, store, keep, manner.get("tick") or _hear_nothing, manner.get("thorough", False))
    for experiment in origin.experiments():
        copying.experiment(experiment)
    copy_models(origin, store, copying.keep_all)
    origin.report.lost += getattr(store, "losses", [])
    return origin.report


def _hear_nothing(done: int, name: str) -> None:
    """Nobody listens."""


class _Copying:
    def __init__(self, origin: Origin, store: Store, keep: Keep, tick: Tick, thorough: bool) -> None:
        self.origin, self.store, self.report = origin, store, origin.report
        self._keep, self._tick, self._thorough = keep, tick, thorough
        self._done = 0

    def experiment(self, experiment: Experiment) -> None:
        """Copy an experiment with all that is in it; one that is deleted there is deleted here at the end."""
        store, report = self.store, self.report
        there = store.find_experiment(experiment.name)
        is_new = there is None
        if there is None:
            there = store.create_experiment(experiment.name, tags=experiment.tags)
        elif missing := {key: value for key, value in experiment.tags.items() if key not in there.tags}:
            store.update_experiment(there.experiment_id, tags=missing)
        report.count(report.new if is_new else report.same, "experiments")
        for run in self.origin.runs(experiment):
            self._done += 1
            try:
                self.run(run)
            except MlopsError as error:
                report.lose("runs that were refused", f"The run {run.name} ({run.run_id}): {error}")
            self._tick(self._done, run.name)
        for model in self.origin.logged_models(experiment):
            self.logged_model(replace(model, experiment_id=there.experiment_id))
        if is_new and experiment.lifecycle_stage == "deleted":
            store.update_experiment(there.experiment_id, lifecycle_stage="deleted")

    def run(self, run: Run) -> None:
        """Copy a run: whole if it is not there, else what it has more."""
        try:
            there = self.store.get_run(run.run_id)
        except NotFound:
            batch = self.origin.contents(run)
            batch.artifacts = self.keep_all(self.origin.files(run), f"the run {run.name} ({run.run_id})")
            self.store.apply([batch])
            if run.lifecycle_stage == "deleted":
                self.store.update_run(run.run_id, lifecycle_stage="deleted")
            self.report.count(self.report.new, "runs")
            return
        known = {each.path: each.size for each in self.store.artifacts(run.run_id)}
        more = (file for file in self.origin.files(run) if known.get(file.path) != file.size)
        extra = Batch(run.run_id, "") if self._looks_same(run, there) else self._rest(self.origin.contents(run), there)
        extra.artifacts = self.keep_all(more, f"the run {run.name} ({run.run_id})")
        if is_empty(extra):
            self.report.count(self.report.same, "runs")
        else:
            self.store.apply([extra])
            self.report.count(self.report.grown, "runs")

    def _looks_same(self, run: Run, there: Run) -> bool:
        if self._thorough or not (run.status.is_final and there.status.is_final):
            return False
        values = {key: key_of(value) for key, value in run.metrics.items()}
        return (
            run.end_time == there.end_time
            and values == {key: key_of(value) for key, value in there.metrics.items()}
            and run.params.keys() <= there.params.keys()
            and run.tags.keys() <= there.tags.keys()
        )

    def _rest(self, batch: Batch, there: Run) -> Batch:
        """What a batch brings that is not there."""
        run_id, store, over = there.run_id, self.store, there.status.is_final
        seen = {(ref.path, ref.digest, ref.mode, ref.name) for ref in store.data(run_id)}
        facts = store.facts(run_id) if batch.facts else {}
        metrics = {
            key: self._missing(points, store.history(run_id, key) if key in there.metrics else Points())
            for key, points in batch.metrics.items()
        }
        return Batch(
            run_id,
            "",
            params=[each for each in batch.params if each[0] not in there.params],
            tags={
                key: value
                for key, value in batch.tags.items()
                if key not in there.tags or (not over and there.tags[key] != value)
            },
            metrics={key: points for key, points in metrics.items() if len(points)},
            facts={kind: value for kind, value in batch.facts.items() if kind not in facts},
            data=[ref for ref in batch.data if (ref.path, ref.digest, ref.mode, ref.name) not in seen],
            logs=batch.logs if batch.logs and not store.logs(run_id, limit=1) else [],
            end=None if over else batch.end,
        )

    def _missing(self, points: Points, known: Points) -> Points:
        have = {(at, step, key_of(value)) for at, step, value in rows(known)}
        found = Points()
        for at, step, value in rows(points):
            if (at, step, key_of(value)) not in have:
                found.timestamps.append(at)
                found.steps.append(step)
                found.values.append(value)
        return found

    def logged_model(self, model: LoggedModel) -> None:
        """Copy a logged model with its files and points."""
        store, report = self.store, self.report
        whose = f"the logged model {model.name} ({model.model_id})"
        try:
            there = store.get_logged_model(model.model_id, deleted=True)
        except NotFound:
            store.create_logged_model(replace(model, points=()))
            there = None
        files = {} if there is None else {each.path: each.size for each in store.logged_model_files(model.model_id)}
        more = (file for file in self.origin.logged_files(model) if files.get(file.path) != file.size)
        if kept := self.keep_all(more, whose):
            store.keep_logged_files(model.model_id, kept)
        if model.points:
            store.log_model_points({model.model_id: model.points})
        if there is not None and there.status != model.status:
            store.update_logged_model(model.model_id, status=model.status)
        grown = there is not None and (kept or len(there.points) < len(model.points) or there.status != model.status)
        column = report.new if there is None else report.grown if grown else report.same
        report.count(column, "logged models")

    def keep_all(self, files: Iterator[File], whose: str) -> list[Artifact]:
        """Store files; what cannot be read, or has a name that leads out of its folder, is reported."""
        from mlops_nb.artifacts import check_path

        kept: list[Artifact] = []
        try:
            for file in files:
                try:
                    check_path(file.path)
                    kept.append(self._keep(file))
                except (MlopsError, OSError) as error:
                    self.report.lose("files", f"The file {file.path[:200]!a} of {whose}: {error}")
        except (MlopsError, OSError) as error:
            self.report.lose("files of a run or model", f"Files of {whose}: {error}")
        return kept


def rows(points: Points) -> Iterator[tuple[int, int, float]]:
    """Points as (timestamp, step, value).

    Examples
    --------
    >>> from array import array
    >>> list(rows(Points(array("d", [0.5]), array("q", [1]), array("q", [9]))))
    [(9, 1, 0.5)]
    """
    return zip(points.timestamps, points.steps, points.values, strict=True)


def is_empty(batch: Batch) -> bool:
    """Whether a batch brings nothing.

    Examples
    --------
    >>> is_empty(Batch("r", ""))
    True
    """
    return not (
        batch.start or batch.params or batch.tags or batch.metrics or batch.facts or batch.artifacts or batch.data
        or batch.logs or batch.end
    )  # fmt: skip


def checked(file: File, artifact: Artifact) -> Artifact:
    """The artifact, if its bytes are those that the origin has."""
    if file.digest and artifact.digest != file.digest:
        raise InvalidInput(f"its bytes are not those of {file.digest}")
    return artifact
