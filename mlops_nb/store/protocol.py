"""What a store must do: the contract between rooms, in words. ``tests/store/contract`` tests it on every backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from mlops_nb.entities import Artifact, Batch, DataRef, Experiment, LogLine, Metric, Page, ParamValue, Points, Run
from mlops_nb.store.logged import LoggedModelStore
from mlops_nb.store.outlines import Outline
from mlops_nb.store.registry import RegistryStore


class RunStore(Protocol):
    """Experiments and runs.

    Guarantees
    ----------
    * `apply` is atomic and idempotent: all batches of a call are stored, or none; a batch whose `source` is known up to
      its `upto` changes nothing, and one that overlaps what is known, or leaves a gap, is refused with `InvalidState`.
      Order within a source is kept. A batch with an empty `source` comes from no journal and is always stored.
    * A run's experiment is made by its name where it is not there; into a deleted one the run is stored all the same.
      A `start` for a known run takes it up again: it is RUNNING, with the new lease.
    * A batch for an unknown run without a `start` is refused with `NotFound`; nothing of the call is stored.
    * What is read is what was given: NaN, infinities, -0.0, types of params, repeated and unordered steps.
    * A reader never sees half a batch. Any thread may call any method.
    * `search_runs` is stable: runs that compare equal are ordered newest first, then by id; a page token continues
      where the page ended, also when new runs have come.
    * With `guarded`, `apply` refuses with `InvalidInput` what MLflow refuses: writing into a deleted run, and another
      text for a param that is there. An artifact without a digest takes its path out of the run's tree.
    * Deleting is marking (`lifecycle_stage` = ``deleted``) until `purge_runs` takes the rows away.
    """

    def apply(self, batches: Sequence[Batch], *, guarded: bool = False) -> None:
        """Store what journals deliver, in one transaction; `guarded` refuses what MLflow would."""

    def delivered(self, source: str) -> int:
        """How far the journal `source` has been stored, in bytes; 0 if it is unknown."""

    def create_experiment(
        self, name: str, *, artifact_location: str = "", tags: Mapping[str, str] | None = None
    ) -> Experiment:
        """Make an experiment; raise `AlreadyExists` if the name is taken (also by a deleted one)."""

    def get_experiment(self, experiment_id: str) -> Experiment:
        """The experiment with this id, or `NotFound`."""

    def find_experiment(self, name: str) -> Experiment | None:
        """The experiment with this name, deleted ones included, or None."""

    def search_experiments(
        self,
        filter: str = "",
        *,
        order_by: Sequence[str] = (),
        limit: int = 1000,
        page_token: str | None = None,
        view: str = "active",
    ) -> Page:
        """A page of experiments; `view` is ``active``, ``deleted`` or ``all``."""

    def update_experiment(
        self,
        experiment_id: str,
        *,
        name: str | None = None,
        lifecycle_stage: str | None = None,
        tags: Mapping[str, str | None] | None = None,
    ) -> Experiment:
        """Rename, delete or restore, tag (a tag of None is taken away)."""

    def get_run(self, run_id: str) -> Run:
        """The run with exactly this id, or `NotFound`."""

    def find_runs(self, reference: str, *, limit: int = 10) -> list[Run]:
        """Runs whose id starts with, or whose name is, `reference`; newest first. An exact id wins alone."""

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
        """A page of runs. `experiment_ids` None means all; `order_by` takes ``metrics.acc DESC`` and the like."""

    def count_runs(
        self, experiment_ids: Sequence[str] | None = None, filter: str = "", *, view: str = "active"
    ) -> int:
        """How many runs fit."""

    def group_runs(
        self,
        by: str,
        experiment_ids: Sequence[str] | None = None,
        filter: str = "",
        *,
        metrics: Sequence[str] = (),
        limit: int = 500,
        view: str = "active",
    ) -> list[dict[str, Any]]:
        """Groups of runs, the newest first: ``key, count, newest, oldest, newest_run, statuses, metrics`` (for each of
        these `metrics`: count, mean, std, min, max). `by` is notebook, cell, experiment (then the key is its id),
        parent, status, stage, user, ``params.KEY`` or ``tags.KEY``; runs without it have the key None."""

    def run_keys(self, kind: str, *, limit: int = 300) -> list[tuple[str, int]]:
        """Keys of ``metrics``, ``params`` or ``tags``, each with the number of its runs, most used first."""

    def run_values(self, field: str, *, limit: int = 50) -> list[tuple[str, int]]:
        """Values of what runs may be grouped by, each with the number of its runs, most used first."""

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
        """Change a run from outside its journal: rename, close, delete, restore, nest, tag."""

    def purge_runs(self, run_ids: Sequence[str]) -> int:
        """Take away the rows of runs that are marked deleted; returns how many."""

    def history(self, run_id: str, key: str) -> Points:
        """All points of a metric in the order in which they were logged; empty if there are none."""

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
        """A metric's curve as it is drawn: about so many of its points, in the order of steps (``by`` = ``step``) or
        times, of each stretch the first, the lowest, the highest and the last, and a gap. `low` and `high` are the ends
        of the view, in steps or in seconds since the first point; the next point beyond each is there too."""

    def param_history(self, run_id: str, key: str) -> list[tuple[ParamValue, int]]:
        """Every value that a param had, with the time in milliseconds, oldest first."""

    def facts(self, run_id: str, kinds: Sequence[str] | None = None) -> dict[str, Any]:
        """What was captured, by kind (``code``, ``environment``, ``git``, ``outputs`` ...), as plain JSON values."""

    def artifacts(self, run_id: str) -> list[Artifact]:
        """The run's files, by path; a path logged twice has its last digest."""

    def data(self, run_id: str) -> list[DataRef]:
        """What the run read and wrote."""

    def last_points(self, run_ids: Sequence[str]) -> dict[str, list[Metric]]:
        """The last point of each metric of these runs, by run; runs without metrics are left out."""

    def point_counts(self, run_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """How many points each metric of these runs has, by run; runs without metrics are left out."""

    def data_of(self, run_ids: Sequence[str]) -> dict[str, list[DataRef]]:
        """What these runs read and wrote, by run; runs without data are left out."""

    def runs_with_data(self, digest: str) -> list[tuple[str, str]]:
        """(run id, mode) of each run that read, wrote or kept bytes of this digest: the edges of lineage."""

    def logs(self, run_id: str, *, after: int = 0, limit: int = 1000) -> list[tuple[int, LogLine]]:
        """Live output after sequence number `after`, each with its own number."""

    def line_runs(self, line: str, *, limit: int = 50) -> list[Run]:
        """The newest runs of a line of revisions, newest first."""

    def open_runs(self) -> list[Run]:
        """Runs that say that a process works on them (RUNNING or SCHEDULED), oldest first, with their leases."""

    def changes(self, since: int = 0, *, limit: int = 1000) -> tuple[list[Run], int]:
        """Runs written after change counter `since`, oldest change first, and the counter to ask with next."""

    def last_change(self) -> int:
        """The change counter as it is now: `changes` since it are none."""

    def digests(self) -> set[str]:
        """Every artifact, data and model digest that a row points at: what garbage collection must keep."""

    def info(self) -> dict[str, Any]:
        """What `store info` shows: url (credentials redacted), schema version, counts, sizes in bytes."""

    def close(self) -> None:
        """Give back connections. The store may not be used afterwards."""


class Store(RunStore, RegistryStore, LoggedModelStore, Protocol):
    """A store of runs and of models, as `open_store` gives it."""
