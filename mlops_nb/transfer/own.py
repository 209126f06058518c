"""A store of ours as something to copy from: runs with everything that is known of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, BinaryIO, cast

from mlops_nb.artifacts import ArtifactStore
from mlops_nb.entities import (
    Artifact,
    Batch,
    Experiment,
    ModelChange,
    ModelVersion,
    RegisteredModel,
    Run,
    RunEnd,
    RunStart,
)
from mlops_nb.store import Store
from mlops_nb.transfer.parcels import File, Report
from mlops_nb.wire.logged import LoggedModel

PAGE = 500


class OwnOrigin:
    """An `Origin` over a store of ours.

    Parameters
    ----------
    store : Store
        The rows.
    artifacts : ArtifactStore
        The bytes.
    report : Report
        To be filled in.
    """

    def __init__(self, store: Store, artifacts: ArtifactStore, report: Report) -> None:
        self._store, self._artifacts, self.report = store, artifacts, report

    def total(self) -> int:
        """How many runs there are."""
        return int(self._store.info().get("runs", 0))

    def experiments(self) -> Iterable[Experiment]:
        """All experiments."""
        return self._pages(self._store.search_experiments, view="all")

    def runs(self, experiment: Experiment) -> Iterable[Run]:
        """All runs of an experiment, oldest first: parents begin before their children."""
        search = partial(self._store.search_runs, [experiment.experiment_id], order_by=["attributes.start_time ASC"])
        return self._pages(search, view="all")

    def contents(self, run: Run) -> Batch:
        """All that is known of a run but for its files."""
        store = self._store
        return Batch(
            run.run_id,
            "",
            start=start_of(run),
            params=[(key, value, at) for key in run.params for value, at in store.param_history(run.run_id, key)],
            tags={**run.tags},
            metrics={key: store.history(run.run_id, key) for key in run.metrics},
            facts=store.facts(run.run_id),
            data=store.data(run.run_id),
            logs=[line for _, line in store.logs(run.run_id, limit=1_000_000)],
            end=end_of(run),
        )

    def files(self, run: Run) -> Iterator[File]:
        """The files of a run."""
        return self._open_all(self._store.artifacts(run.run_id))

    def logged_models(self, experiment: Experiment) -> Iterable[LoggedModel]:
        """The logged models of an experiment."""
        return self._pages(partial(self._store.search_logged_models, [experiment.experiment_id]))

    def logged_files(self, model: LoggedModel) -> Iterator[File]:
        """The files of a logged model."""
        return self._open_all(self._store.logged_model_files(model.model_id))

    def models(self) -> Iterable[RegisteredModel]:
        """The registered models."""
        return self._pages(self._store.search_models)

    def versions(self, model: RegisteredModel) -> list[ModelVersion]:
        """The versions of a registered model, by number."""
        found = self._store.model_versions([model.name]).get(model.name, [])
        return sorted(found, key=lambda each: each.version)

    def version_files(self, version: ModelVersion) -> Iterator[File] | None:
        """The files of a version: what was registered stays, whatever became of its run."""
        return self._open_all(self._store.version_files(version.name, version.version))

    def changes(self, model: RegisteredModel) -> list[ModelChange]:
        """The audit of a registered model."""
        return self._store.model_changes(model.name)

    def _open_all(self, files: Sequence[Artifact]) -> Iterator[File]:
        for each in files:
            opened = cast(Any, partial(self._artifacts.open, each.digest))  # a file is its own context manager
            yield File(each.path, each.size, opened, each.digest)

    def _pages(self, search: Any, **given: Any) -> Iterator[Any]:
        token: str | None = None
        while True:
            page = search(limit=PAGE, page_token=token, **given)
            yield from page.items
            token = page.next_token
            if not token:
                return


def start_of(run: Run) -> RunStart:
    """What was known of a run when it started; no process holds it where it is copied to.

    Examples
    --------
    >>> from mlops_nb.entities import Status
    >>> start_of(Run("r", "first", "0", "Default", Status.FINISHED, 5)).start_time
    5
    """
    return RunStart(
        run.run_id,
        run.name,
        run.experiment,
        run.start_time,
        run.user,
        run.parent_run_id,
        run.notebook,
        run.cell_id,
        run.line,
        run.stage,
        run.source_type,
    )


def end_of(run: Run) -> RunEnd | None:
    """How a run ended, if it did.

    Examples
    --------
    >>> from mlops_nb.entities import Status
    >>> end_of(Run("r", "first", "0", "Default", Status.FAILED, 5, 9)).end_time
    9
    """
    if not run.status.is_final:
        return None
    return RunEnd(run.status, run.start_time if run.end_time is None else run.end_time)


def keep_in(artifacts: ArtifactStore) -> Any:
    """Stores files in a store of bytes; what it has already is not read again.

    Examples
    --------
    >>> from mlops_nb.artifacts import open_artifacts
    >>> import io
    >>> keep_in(open_artifacts("memory://example"))(File("a", 1, lambda: io.BytesIO(b"x"))).size
    1
    """

    def keep(file: File) -> Artifact:
        if file.digest and artifacts.has(file.digest):
            return Artifact(file.path, file.digest, file.size)
        opened: AbstractContextManager[BinaryIO] = file.open()
        with opened as source:
            digest, size = artifacts.put_chunks(iter(lambda: source.read(1 << 20), b""))
        artifacts.publish([digest])
        return Artifact(file.path, digest, size)

    return keep
