"""Numbers and plain data: the same, close, or far apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from mlops_nb.comparison.views import MISSING, Tolerance

__all__ = ["Leaf", "Level", "compare_numbers", "compare_values", "delta_of", "level_of"]


class Level(IntEnum):
    """How much two things differ; the maximum of several is that of the whole."""

    SAME = 0
    CLOSE = 1
    FAR = 2

    @property
    def within(self) -> bool:
        """Whether the tolerance covers it."""
        return self is not Level.FAR


class Leaf(NamedTuple):
    """One value of nested data that differs: where, what, how much."""

    path: str
    expected: Any
    actual: Any
    level: Level


def compare_numbers(expected: float, actual: float, tolerance: Tolerance) -> Level:
    """How much two numbers differ. NaN is NaN, and each infinity is itself.

    Examples
    --------
    >>> compare_numbers(0.1 + 0.2, 0.3, Tolerance()).name, compare_numbers(3, 4, Tolerance()).name
    ('CLOSE', 'FAR')
    >>> compare_numbers(float("nan"), float("nan"), Tolerance()).name
    'SAME'
    """
    if expected == actual or (expected != expected and actual != actual):
        return Level.SAME
    if not (_is_finite(expected) and _is_finite(actual)):
        return Level.FAR
    if isinstance(expected, int) and isinstance(actual, int) and not tolerance.covers_integers:
        return Level.FAR
    try:
        apart, largest = abs(float(actual) - float(expected)), max(abs(float(expected)), abs(float(actual)))
    except OverflowError:
        return Level.FAR  # integers beyond what a float can hold
    return Level.CLOSE if apart <= max(tolerance.relative * largest, tolerance.absolute) else Level.FAR


def _is_finite(number: float) -> bool:
    return isinstance(number, int) or math.isfinite(number)


def delta_of(expected: Any, actual: Any) -> float | None:
    """``actual - expected`` where both are finite numbers.

    Examples
    --------
    >>> delta_of(1, 3.5), delta_of("a", 2)
    (2.5, None)
    """
    if not (_is_number(expected) and _is_number(actual)):
        return None
    try:
        delta = float(actual) - float(expected)
    except OverflowError:
        return None
    return delta if math.isfinite(delta) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def level_of(expected: Any, actual: Any, tolerance: Tolerance) -> Level:
    """How much two plain values (JSON, tuples included) differ, all in all.

    Examples
    --------
    >>> level_of({"a": [1.0]}, {"a": [1.0 + 1e-9]}, Tolerance()).name
    'CLOSE'
    """
    return max((leaf.level for leaf in compare_values(expected, actual, tolerance)), default=Level.SAME)


def compare_values(expected: Any, actual: Any, tolerance: Tolerance, path: str = "") -> Iterator[Leaf]:
    """The leaves in which two plain values differ. Dicts are compared by key, lists by position.

    Examples
    --------
    >>> [(leaf.path, leaf.expected, leaf.actual) for leaf in compare_values({"a": [1, 2]}, {"a": [1, 3]}, Tolerance())]
    [('a[1]', 2, 3)]
    """
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for key in [*expected, *(key for key in actual if key not in expected)]:
            inner = f"{path}.{key}" if path else str(key)
            yield from compare_values(expected.get(key, MISSING), actual.get(key, MISSING), tolerance, inner)
    elif isinstance(expected, list | tuple) and isinstance(actual, list | tuple):
        for index in range(max(len(expected), len(actual))):
            one = expected[index] if index < len(expected) else MISSING
            other = actual[index] if index < len(actual) else MISSING
            yield from compare_values(one, other, tolerance, f"{path}[{index}]")
    elif _is_number(expected) and _is_number(actual):
        level = compare_numbers(expected, actual, tolerance)
        if level is not Level.SAME:
            yield Leaf(path, expected, actual, level)
    elif type(expected) is not type(actual) or expected != actual:
        yield Leaf(path, expected, actual, Level.FAR)
