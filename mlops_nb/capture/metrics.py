"""Metrics of a cell: the numbers that it computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlops_nb.capture.cells import CellFacts
from mlops_nb.capture.scalars import ABSENT, number, plain_scalar

_MAX_ENTRIES = 1000
_MAX_DEPTH = 3


def metrics_after(facts: CellFacts, namespace: Mapping[str, Any], result: object = None) -> dict[str, float]:
    """The numbers that a cell computed.

    These are the names that it bound otherwise than to a literal and whose value is a real number, the entries of a
    dict of numbers that is its last expression (nested ones as ``outer.inner``), or that expression itself if it is
    a number, named by `naming.name_expression`. Names that start with ``_``, loop targets and counters are left out.

    Parameters
    ----------
    facts : CellFacts
        What the cell's syntax tells.
    namespace : mapping of str to object
        The namespace after the cell.
    result : object
        The value of the last expression.

    Returns
    -------
    dict of str to float
        NaN and infinities as they are.

    Examples
    --------
    >>> from mlops_nb.capture.cells import analyse
    >>> metrics_after(analyse("acc = score()\\n{'f1': 0.5}"), {"acc": 0.75}, {"f1": 0.5})
    {'acc': 0.75, 'f1': 0.5}
    """
    metrics: dict[str, float] = {}
    for name in facts.computed:
        if not name.startswith("_") and name in namespace:
            value = number(namespace[name])
            if value is not None:
                metrics[name] = value
    metrics = dict(sorted(metrics.items()))
    if facts.last_expression:
        for name, value in _of_result(facts, result):
            metrics.setdefault(name, value)
    return metrics


def _of_result(facts: CellFacts, result: object) -> Iterator[tuple[str, float]]:
    if type(result) is dict:
        yield from _entries(result, "", _MAX_DEPTH)
        return
    name = facts.result_name
    value = number(result) if name and not name.startswith("_") else None
    if value is not None:
        yield name, value


def _entries(numbers: dict[Any, Any], prefix: str, depth: int) -> Iterator[tuple[str, float]]:
    """Numbers of a dict; a copy of it is walked, since the user's threads may still write to it."""
    for place, (key, item) in enumerate(list(numbers.items())):
        if place >= _MAX_ENTRIES:
            return
        label = plain_scalar(key)
        if label is ABSENT:
            continue
        if type(item) is dict:
            if depth > 1:
                yield from _entries(item, f"{prefix}{label}.", depth - 1)
            continue
        value = number(item)
        if value is not None:
            yield f"{prefix}{label}", value
