"""Which points a sweep tries, and in which order: grid, random, and Optuna's samplers."""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Mapping
from typing import Any, Protocol

from mlops_nb.errors import InvalidInput, require
from mlops_nb.projects.declarations import closest
from mlops_nb.projects.sweeps.space import Axis, Space

DEFAULT_TRIALS = 20
"""Points of a sweep that does not say how many, where the space has no end."""

MOST_POINTS = 1_000_000

ADAPTIVE = {
    "tpe": "TPESampler",
    "gp": "GPSampler",
    "cmaes": "CmaEsSampler",
    "nsgaii": "NSGAIISampler",
    "qmc": "QMCSampler",
}
"""Optuna's, by the name that they have here: those that learn from what was tried (`qmc` only spreads evenly)."""

SAMPLERS = ("grid", "random", *ADAPTIVE)


class Sampler(Protocol):
    """Gives points by number, in rising order; the same ones again after `restore` of those that there were."""

    total: int

    def point(self, index: int) -> dict[str, Any]:
        """The values of the point with this number."""

    def restore(self, index: int, values: Mapping[str, Any]) -> None:
        """Take up a point that an earlier session of the sweep has made."""

    def tell(self, index: int, objective: float | None) -> None:
        """What came of a point: the mean of its metric, or None if it gave none."""


class GridSampler:
    """Every point, or with `trials` that many of them, spread at random."""

    def __init__(self, space: Space, trials: int | None, seed: int) -> None:
        size = space.size
        endless = [str(axis) for axis in space.axes if axis.size == math.inf]
        if endless:
            axis = next(axis for axis in space.axes if axis.size == math.inf)
            quarter = (axis.high - axis.low) / 4
            raise InvalidInput(
                f"A grid needs values that can be counted, but {endless[0]} is continuous.",
                hint=f"Give it a step (-p {axis.name}={axis.low}..{axis.high}:{quarter:g}), or take --sampler random",
            )
        if size > MOST_POINTS and trials is None:
            raise InvalidInput(f"The grid has {size:,.0f} points.", hint="Say how many to try with --trials N")
        self._space = space
        self._chosen: list[int] | None = None
        if trials is not None and trials < size:
            self._chosen = sorted(random.Random(seed).sample(range(int(size)), trials))
        self.total = int(size) if self._chosen is None else len(self._chosen)

    def point(self, index: int) -> dict[str, Any]:
        """By its place in the grid."""
        return self._space.at(index if self._chosen is None else self._chosen[index])

    def restore(self, index: int, values: Mapping[str, Any]) -> None:
        """Nothing: a grid is the same each time."""

    def tell(self, index: int, objective: float | None) -> None:
        """Nothing: a grid does not learn."""


class RandomSampler:
    """Points drawn at random, by a seed, so that they are the same ones again; none twice where that is possible."""

    def __init__(self, space: Space, trials: int | None, seed: int) -> None:
        wanted = DEFAULT_TRIALS if trials is None else trials
        self.total = int(min(wanted, space.size))
        self._space = space
        self._source = random.Random(seed)
        self._made: list[dict[str, Any]] = []
        self._seen: set[str] = set()

    def point(self, index: int) -> dict[str, Any]:
        """The point with this number, after all before it have been drawn."""
        while len(self._made) <= index:
            drawn = self._space.draw(self._source)
            for _ in range(1000):
                if repr(drawn) not in self._seen:
                    break
                drawn = self._space.draw(self._source)
            self._seen.add(repr(drawn))
            self._made.append(drawn)
        return self._made[index]

    def restore(self, index: int, values: Mapping[str, Any]) -> None:
        """Nothing: the seed gives the same points again."""

    def tell(self, index: int, objective: float | None) -> None:
        """Nothing: it does not learn."""


class OptunaSampler:
    """A sampler of Optuna's, asked and told through a study in memory; our runs are the record of it."""

    def __init__(self, name: str, space: Space, trials: int | None, seed: int, *, maximize: bool, workers: int) -> None:
        optuna = require("optuna", "sweep", purpose=f"sweep with --sampler {name}")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        options: dict[str, Any] = {"seed": seed}
        if name == "tpe" and workers > 1:
            options["constant_liar"] = True  # points under way count as bad ones: neighbours are not tried at once
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # parts of Optuna call themselves experimental
            try:
                sampler = getattr(optuna.samplers, ADAPTIVE[name])(**options)
                self._study = optuna.create_study(direction="maximize" if maximize else "minimize", sampler=sampler)
            except ImportError as error:
                raise InvalidInput(f"Optuna's {name} sampler cannot be used: {error}.") from error
        self._optuna = optuna
        self._space = space
        self._distributions = {axis.name: _distribution(optuna, axis) for axis in space.varied}
        self._trials: dict[int, Any] = {}
        self.total = int(min(DEFAULT_TRIALS if trials is None else trials, space.size))

    def point(self, index: int) -> dict[str, Any]:
        """What Optuna proposes next."""
        if index not in self._trials:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._trials[index] = self._study.ask(self._distributions)
        return self._decoded(self._trials[index].params)

    def restore(self, index: int, values: Mapping[str, Any]) -> None:
        """Let Optuna propose just these values, so that it can be told what came of them."""
        self._study.enqueue_trial({axis.name: _encoded(axis, values[axis.name]) for axis in self._space.varied})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._trials[index] = self._study.ask(self._distributions)

    def tell(self, index: int, objective: float | None) -> None:
        """Tell Optuna; what is no finite number counts as failed."""
        told = self._trials[index]
        if objective is None or not math.isfinite(objective):
            self._study.tell(told, state=self._optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(told, objective)

    def _decoded(self, found: Mapping[str, Any]) -> dict[str, Any]:
        point = {}
        for axis in self._space.axes:
            value = axis.at(0) if axis.name not in found else found[axis.name]
            point[axis.name] = axis.values[value] if axis.values and axis.name in found else value
        return point


def _distribution(optuna: Any, axis: Axis) -> Any:
    kinds = optuna.distributions
    if axis.values:
        return kinds.CategoricalDistribution(tuple(range(len(axis.values))))  # by number: they may be of any type
    if isinstance(axis.low, int):
        return kinds.IntDistribution(axis.low, axis.high, log=axis.log, step=1 if axis.log else axis.step)
    return kinds.FloatDistribution(axis.low, axis.high, log=axis.log, step=axis.step)


def _encoded(axis: Axis, value: Any) -> Any:
    return axis.values.index(value) if axis.values else value


def make_sampler(
    name: str, space: Space, *, trials: int | None, seed: int, maximize: bool = True, workers: int = 1
) -> Sampler:
    """A sampler by its name.

    Parameters
    ----------
    name : str
        One of `SAMPLERS`.
    space : Space
        Where the points are.
    trials : int, optional
        How many points; by default all of a grid, else 20.
    seed : int
        Of what is random in it.
    maximize : bool
        Whether more of the metric is better.
    workers : int
        How many points are tried at once.

    Returns
    -------
    Sampler

    Raises
    ------
    InvalidInput
        If there is no such sampler, or it cannot work in this space.

    Examples
    --------
    >>> make_sampler("grid", Space((Axis("a", (1, 2)), Axis("b", (3, 4)))), trials=None, seed=0).total
    4
    """
    if name not in SAMPLERS:
        raise InvalidInput(
            f"There is no sampler {name!r}{closest(name, SAMPLERS)}.", hint=f"There are: {', '.join(SAMPLERS)}."
        )
    if trials is not None and trials < 1:
        raise InvalidInput(f"A sweep of {trials} trials is none.", hint="Give --trials a number from 1 on.")
    if name == "grid":
        return GridSampler(space, trials, seed)
    if name == "random" or not space.varied:
        return RandomSampler(space, trials, seed)
    return OptunaSampler(name, space, trials, seed, maximize=maximize, workers=workers)
