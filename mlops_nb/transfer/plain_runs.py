"""Runs out of files that know of nothing but runs: an origin without models, one run in memory at a time."""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops_nb.entities import (
    Batch,
    Experiment,
    ModelChange,
    ModelVersion,
    Points,
    RegisteredModel,
    Run,
    RunEnd,
    RunStart,
    Status,
    check_name,
)
from mlops_nb.errors import MlopsError
from mlops_nb.transfer.parcels import File, Report
from mlops_nb.wire.logged import LoggedModel

LONGEST = 1 << 62
"""Most milliseconds and steps, so that they are numbers for every database."""


@dataclass(slots=True)
class Found:
    """What files say of a run; `stayed` tells what has no place here, in sentences by kind."""

    run_id: str
    name: str
    experiment: str
    start_time: int = 0
    end_time: int = 0
    status: Status = Status.FINISHED
    user: str = ""
    batch: Batch = field(default_factory=lambda: Batch("", ""))
    files: Callable[[], Iterator[File]] = lambda: iter(())
    stayed: list[tuple[str, str]] = field(default_factory=list)

    def param(self, key: str, value: Any) -> None:
        """A param, if it has a name that can be kept."""
        if self._may(key, "param"):
            self.batch.params.append((key, value, self.start_time))

    def tag(self, key: str, value: str) -> None:
        """A tag; what is empty is none."""
        if value and self._may(key, "tag"):
            self.batch.tags[key] = value.replace("\0", "")

    def point(self, key: str, at: int, step: int, value: float) -> None:
        """A point of a metric."""
        points = self.batch.metrics.get(key)
        if points is None:
            if not self._may(key, "metric"):
                return
            points = self.batch.metrics[key] = Points()
        points.timestamps.append(at)
        points.steps.append(max(-LONGEST, min(LONGEST, step)))
        points.values.append(value)

    def stay(self, kind: str, text: str) -> None:
        """Something stays behind."""
        self.stayed.append((kind, f"{text} of the run {self.name}."))

    def _may(self, key: str, kind: str) -> bool:
        try:
            check_name(kind, key)
        except MlopsError as error:
            said = (f"names of {kind}s", f"A {kind} of the run {self.name}: {error}")
            if said not in self.stayed:
                self.stayed.append(said)
            return False
        return True


class PlainRuns:
    """An `Origin` over runs by experiment, each read when its turn comes.

    Parameters
    ----------
    found : mapping
        By the name of the experiment, what reads each of its runs.
    report : Report
        To be filled in.
    """

    def __init__(self, found: Mapping[str, Sequence[Callable[[], Found]]], report: Report) -> None:
        self._readers, self.report = found, report
        self._found: dict[str, Found] = {}

    def total(self) -> int:
        """How many runs there are."""
        return sum(map(len, self._readers.values()))

    def experiments(self) -> Iterable[Experiment]:
        """All experiments."""
        return [Experiment(name, name) for name in self._readers]

    def runs(self, experiment: Experiment) -> Iterable[Run]:
        """All runs of an experiment."""
        for read in self._readers[experiment.name]:
            try:
                found = read()
            except (MlopsError, OSError) as error:
                self.report.lose("runs that cannot be read", f"A run of {experiment.name}: {error}")
                continue
            for kind, text in found.stayed:
                self.report.lose(kind, text)
            self._found = {found.run_id: found}  # only the one that is being copied
            yield Run(
                found.run_id,
                found.name,
                experiment.experiment_id,
                found.experiment,
                found.status,
                found.start_time,
                found.end_time if found.status.is_final else None,
                user=found.user,
                source_type="LOCAL",
                params={key: value for key, value, _ in found.batch.params},
                metrics={key: _last(points) for key, points in found.batch.metrics.items()},
                tags={key: value for key, value in found.batch.tags.items() if value is not None},
            )

    def contents(self, run: Run) -> Batch:
        """All that is known of a run but for its files."""
        found = self._found[run.run_id]
        batch = found.batch
        batch.run_id = run.run_id
        batch.start = RunStart(
            run.run_id, run.name, run.experiment, run.start_time, user=run.user, source_type=run.source_type
        )
        batch.end = RunEnd(run.status, found.end_time) if run.status.is_final else None
        return batch

    def files(self, run: Run) -> Iterator[File]:
        """The files of a run."""
        return self._found[run.run_id].files()

    def logged_models(self, experiment: Experiment) -> Iterable[LoggedModel]:
        """None."""
        return []

    def logged_files(self, model: LoggedModel) -> Iterator[File]:
        """None."""
        return iter(())

    def models(self) -> Iterable[RegisteredModel]:
        """None."""
        return []

    def versions(self, model: RegisteredModel) -> list[ModelVersion]:
        """None."""
        return []

    def version_files(self, version: ModelVersion) -> Iterator[File] | None:
        """None."""
        return None

    def changes(self, model: RegisteredModel) -> list[ModelChange]:
        """None."""
        return []


def derived_id(*names: str) -> str:
    """The id of a run by what its own tracker calls it: the same each time, on every machine.

    Examples
    --------
    >>> derived_id("wandb", "", "churn", "u943qbao")[:8]
    'ec66c1f5'
    """
    return hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def milliseconds(seconds: float) -> int:
    """A time as it is kept here; what is no time is 0.

    Examples
    --------
    >>> milliseconds(1.5), milliseconds(float("nan"))
    (1500, 0)
    """
    if not math.isfinite(seconds) or not 0 <= seconds * 1000 <= LONGEST:
        return 0
    return round(seconds * 1000)


def sorted_points(points: Points) -> Points:
    """Points in the order of their steps and times, each once.

    Examples
    --------
    >>> sorted_points(Points(array("d", [2, 1, 1]), array("q", [1, 0, 0]), array("q", [9, 8, 8]))).steps
    array('q', [0, 1])
    """
    rows = {
        (step, at, repr(value)): value
        for step, at, value in zip(points.steps, points.timestamps, points.values, strict=True)
    }
    ordered = sorted(rows, key=lambda row: row[:2])
    return Points(
        array("d", (rows[row] for row in ordered)),
        array("q", (row[0] for row in ordered)),
        array("q", (row[1] for row in ordered)),
    )


def _last(points: Points) -> float:
    index = max(range(len(points)), key=lambda each: (points.steps[each], points.timestamps[each], each))
    return points.values[index]
