"""How much each parameter of a sweep matters for its metric."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from mlops_nb.projects.parameters import recordable
from mlops_nb.projects.sweeps.board import Board

__all__ = ["board_importance", "importances", "variance_shares"]

FEWEST = 4
"""Points below which nothing can be said."""

SAMPLED = 400
"""Points that a forest is grown from: more would take seconds and say the same."""

BINS = 8


def board_importance(board: Board) -> dict[str, Any]:
    """What matters for a sweep's metric, as ``shares`` and ``method``; empty where there is nothing to compare.

    Examples
    --------
    >>> board_importance(Board("s", ["a"], 1))
    {}
    """
    if board.metric is None or len(board.axes) < 2:
        return {}
    usable = [(point.values, point.mean) for point in board.points() if point.mean is not None]
    points = [{name: recordable(values.get(name)) for name in board.axes} for values, _ in usable]
    shares, method = importances(points, [mean for _, mean in usable])
    return {"shares": shares, "method": method} if shares else {}


def importances(
    points: Sequence[Mapping[str, Any]], values: Sequence[float], *, library: bool = True
) -> tuple[dict[str, float], str]:
    """The importance of each parameter, from 0 to 1, adding up to 1, and how it was found.

    fANOVA (Hutter et al., 2014) through Optuna and scikit-learn where both are installed; else the share of the
    metric's variance that lies between the parameter's values (eta squared), which does not see interactions.

    Parameters
    ----------
    points : sequence of mapping
        The values of the parameters that vary, a mapping a point.
    values : sequence of float
        The metric of each point.
    library : bool
        Whether Optuna may be used.

    Returns
    -------
    (dict of str to float, str)
        Empty if there are too few points, or none differs.

    Examples
    --------
    >>> points = [{"a": n % 4, "b": n % 3} for n in range(24)]
    >>> found, method = importances(points, [float(point["a"]) for point in points], library=False)
    >>> max(found, key=found.get), method
    ('a', 'share of the variance between its values')
    """
    usable = [(p, v) for p, v in zip(points, values, strict=True) if math.isfinite(v)]
    every = max(1, len(usable) // SAMPLED)
    if len(usable) < FEWEST or len({value for _, value in usable}) < 2:
        return {}, ""
    if library:
        found = _by_forest(usable[::every])
        if found is not None:
            return found, f"fANOVA{f', from {len(usable[::every])} points' if every > 1 else ''}"
    return variance_shares(usable), "share of the variance between its values"


def variance_shares(usable: Sequence[tuple[Mapping[str, Any], float]]) -> dict[str, float]:
    """Eta squared of each parameter, made to add up to 1; many numbers are put into bins of equal count.

    Examples
    --------
    >>> variance_shares([({"a": 1, "b": 1}, 0.0), ({"a": 1, "b": 2}, 0.0), ({"a": 2, "b": 1}, 1.0)])["a"] > 0.5
    True
    """
    names = list(dict.fromkeys(name for point, _ in usable for name in point))
    mean = sum(value for _, value in usable) / len(usable)
    shares = {}
    for name in names:
        groups: dict[Any, list[float]] = {}
        for key, value in zip(_grouped([point.get(name) for point, _ in usable]), usable, strict=True):
            groups.setdefault(key, []).append(value[1])
        shares[name] = sum(len(group) * (sum(group) / len(group) - mean) ** 2 for group in groups.values())
    return _normalised(shares)


def _grouped(values: Sequence[Any]) -> list[Any]:
    distinct = set(map(repr, values))
    numbers = all(isinstance(value, int | float) for value in values)
    if len(distinct) <= BINS or not numbers:
        return [repr(value) for value in values]
    ordered = sorted(range(len(values)), key=lambda place: values[place])
    bins = [0] * len(values)
    for rank, place in enumerate(ordered):
        bins[place] = rank * BINS // len(values)
    return bins


def _normalised(shares: Mapping[str, float]) -> dict[str, float]:
    total = sum(shares.values())
    if not total > 0:
        return {}
    found = {name: share / total for name, share in shares.items()}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _by_forest(usable: Sequence[tuple[Mapping[str, Any], float]]) -> dict[str, float] | None:
    try:
        import optuna
        import sklearn  # noqa: F401 - fANOVA is grown by its forests
    except ImportError:
        return None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    kinds = optuna.distributions
    names = list(usable[0][0])
    codes: dict[str, Any] = {}
    distributions: dict[str, Any] = {}
    for name in names:
        values = [point[name] for point, _ in usable]
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            low, high = float(min(values)), float(max(values))
            distributions[name] = kinds.FloatDistribution(low, high)
            codes[name] = float
        else:
            known = list(dict.fromkeys(map(repr, values)))
            distributions[name] = kinds.CategoricalDistribution(tuple(range(len(known))))
            codes[name] = lambda value, known=known: known.index(repr(value))
    varied = [name for name in names if len({repr(point[name]) for point, _ in usable}) > 1]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            study = optuna.create_study()
            study.add_trials(
                [
                    optuna.trial.create_trial(
                        params={name: codes[name](point[name]) for name in varied},
                        distributions={name: distributions[name] for name in varied},
                        value=value,
                    )
                    for point, value in usable
                ]
            )
            evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=32, seed=0)
            found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    except Exception:  # whatever a library refuses: the plain way is always there
        return None
    return {name: float(share) for name, share in found.items()} or None
