"""Where a sweep stands: its trials, what is best so far, how long it will take. Pure, and quick with 10,000 trials."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_nb.projects.parameters import recordable
from mlops_nb.tracking.shapes import public_value

__all__ = ["Board", "Point", "Trial"]

OPEN = ("waiting", "running")


@dataclass(slots=True)
class Trial:
    """One execution of the notebook: a point, at one seed.

    `state` is ``waiting, running, finished, failed, killed`` or ``stopped`` (early, since others were better).
    """

    number: int
    point: int
    values: dict[str, Any]
    seed: int | None = None
    state: str = "waiting"
    attempt: int = 0
    run_id: str = ""
    started: float = 0.0
    seconds: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    error: str = ""
    worker: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be expected of it."""
        return self.state not in OPEN


@dataclass(frozen=True, slots=True)
class Point:
    """What the trials of one point gave: the mean of the metric over its seeds, and the standard deviation."""

    index: int
    values: dict[str, Any]
    mean: float | None
    std: float | None
    trials: tuple[Trial, ...]

    @property
    def complete(self) -> bool:
        """Whether all of its trials are over."""
        return all(trial.is_over for trial in self.trials)


@dataclass(slots=True)
class Board:
    """All trials of a sweep, by number, and how they are judged. `total` counts those not yet made as well."""

    name: str
    axes: list[str]
    total: int
    metric: str | None = None
    maximize: bool = True
    seeds: int = 1
    workers: int = 1
    engine: str = "local"
    sweep_id: str = ""
    trials: dict[int, Trial] = field(default_factory=dict)
    state: str = "running"
    note: str = ""
    importance: dict[str, Any] = field(default_factory=dict)
    busy: float | None = None
    shown: bool = False
    _kept: tuple[Any, list[Point], list[Point]] | None = field(default=None, repr=False, compare=False)

    def counts(self) -> dict[str, int]:
        """How many trials there are of each state; what is not yet made is waiting.

        Examples
        --------
        >>> board = Board("s", [], 3, trials={0: Trial(0, 0, {}, state="finished")})
        >>> board.counts()["finished"], board.counts()["waiting"]
        (1, 2)
        """
        found = Counter(trial.state for trial in self.trials.values())
        found["waiting"] += max(0, self.total - len(self.trials))
        states = ("finished", "running", "waiting", "failed", "killed", "stopped")
        return {state: found.get(state, 0) for state in states}

    @property
    def done(self) -> int:
        """How many trials are over."""
        return sum(trial.is_over for trial in self.trials.values())

    def objective(self, trial: Trial) -> float | None:
        """The trial's metric, if it finished and gave one that can be compared."""
        if self.metric is None or trial.state != "finished":
            return None
        value = trial.metrics.get(self.metric)
        return None if value is None or math.isnan(value) else value

    def points(self) -> list[Point]:
        """The points, in order, with mean and standard deviation (of the sample; None for a single value)."""
        return self._judged()[1]

    def _judged(self) -> tuple[Any, list[Point], list[Point]]:
        """Points, and those with a value ranked; worked out anew only when trials have begun or ended."""
        key = (self.metric, self.maximize, *self.counts().values(), len(self.trials))
        if self._kept is None or self._kept[0] != key:
            grouped: dict[int, list[Trial]] = {}
            for trial in self.trials.values():
                grouped.setdefault(trial.point, []).append(trial)
            points = [self._point(index, tuple(trials)) for index, trials in sorted(grouped.items())]
            sign = -1 if self.maximize else 1
            found = [
                (not point.complete, sign * point.mean, point.index, point)
                for point in points
                if point.mean is not None
            ]
            self._kept = (key, points, [each[-1] for each in sorted(found, key=lambda each: each[:3])])
        return self._kept

    def _point(self, index: int, trials: tuple[Trial, ...]) -> Point:
        values = [value for value in map(self.objective, trials) if value is not None]
        mean = std = None
        if len(values) == 1:
            mean = values[0]
        elif values:
            finite = all(map(math.isfinite, values))
            mean = statistics.fmean(values)
            std = statistics.stdev(values) if finite else math.nan
        return Point(index, trials[0].values, mean, std, trials)

    def point_of(self, index: int) -> Point:
        """One point."""
        numbers = range(index * self.seeds, (index + 1) * self.seeds)
        return self._point(index, tuple(self.trials[number] for number in numbers if number in self.trials))

    def is_better(self, one: Point, other: Point | None) -> bool:
        """Whether a point is complete, has a value, and has a better one than another."""
        if one.mean is None or not one.complete:
            return False
        if other is None or other.mean is None or not other.complete:
            return True
        return one.mean > other.mean if self.maximize else one.mean < other.mean

    def ranked(self) -> list[Point]:
        """Points that have a value, the best first; those with trials still open come after those without.

        Examples
        --------
        >>> trials = {n: Trial(n, n, {"a": n}, state="finished", metrics={"acc": n / 10}) for n in range(3)}
        >>> [point.index for point in Board("s", ["a"], 3, "acc", trials=trials).ranked()]
        [2, 1, 0]
        """
        return self._judged()[2]

    def best(self) -> Point | None:
        """The best point so far."""
        return next(iter(self.ranked()), None)

    def seconds_left(self) -> float | None:
        """An estimate from the mean duration of what is over; None while nothing tells."""
        spent = [trial.seconds for trial in self.trials.values() if trial.is_over and trial.seconds]
        left = self.total - self.done
        if not spent or left <= 0:
            return None if left > 0 else 0.0
        return statistics.fmean(spent) * left / max(1, self.workers)

    def as_json(self) -> dict[str, Any]:
        """What ``sweep --json`` prints."""
        best = self.best()
        return {
            "sweep_id": self.sweep_id,
            "name": self.name,
            "state": self.state,
            "metric": self.metric,
            "mode": "max" if self.maximize else "min",
            "engine": self.engine,
            "workers": self.workers,
            "total": self.total,
            "counts": self.counts(),
            "best": None if best is None else self._point_json(best),
            "points": [self._point_json(point) for point in self.points()],
            "trials": [_trial_json(trial, self.objective(trial)) for _, trial in sorted(self.trials.items())],
            "importance": public_value(self.importance),
            "busy": self.busy,
        }

    def _point_json(self, point: Point) -> dict[str, Any]:
        trials = _best_first(point.trials, self.objective, maximize=self.maximize)
        return {
            "point": point.index,
            "params": public_value({name: recordable(value) for name, value in point.values.items()}),
            "value": public_value(point.mean),
            "std": public_value(point.std),
            "run_id": trials[0].run_id,
            "run_ids": [trial.run_id for trial in point.trials if trial.run_id],
        }


def _best_first(trials: Iterable[Trial], objective: Any, *, maximize: bool) -> list[Trial]:
    worst = -math.inf if maximize else math.inf
    known = [(worst if objective(trial) is None else objective(trial), trial) for trial in trials]
    return [trial for _, trial in sorted(known, key=lambda item: -item[0] if maximize else item[0])]


def _trial_json(trial: Trial, objective: float | None) -> dict[str, Any]:
    status = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED", "stopped": "KILLED"}
    values: Mapping[str, Any] = trial.values
    return {
        "trial": trial.number,
        "point": trial.point,
        "run_id": trial.run_id,
        "state": trial.state,
        "status": status.get(trial.state, trial.state.upper()),
        "params": public_value({name: recordable(value) for name, value in values.items()}),
        "seed": trial.seed,
        "value": public_value(objective),
        "metrics": public_value(trial.metrics),
        "attempts": trial.attempt,
        "seconds": trial.seconds,
        "error": trial.error,
    }
