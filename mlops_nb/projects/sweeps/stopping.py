"""Which running trials are not worth going on with: the median rule, on the curves that they have reported. Pure.

A trial is stopped at a step if its best value up to there is worse than the median of the running averages, up to the
same step, of the trials that finished (Golovin et al., Google Vizier, 2017, section 3.4.2).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Curve", "is_hopeless", "to_curve"]

STARTUP_TRIALS = 4
"""As long as fewer trials than this have finished with a curve, none is stopped."""

WARMUP_POINTS = 2
"""A trial has to have reported this often."""

Curve = Sequence[tuple[int, float]]
"""Values by step, rising."""


def to_curve(steps: Iterable[int], values: Iterable[float]) -> list[tuple[int, float]]:
    """Points as a curve: by step, the last value of each, what is not a number left out.

    Examples
    --------
    >>> to_curve([2, 1, 2], [0.5, 0.1, 0.7])
    [(1, 0.1), (2, 0.7)]
    """
    found = {step: value for step, value in zip(steps, values, strict=True) if not math.isnan(value)}
    return sorted(found.items())


def is_hopeless(running: Curve, finished: Mapping[int, Curve], *, maximize: bool) -> bool:
    """Whether the median rule says to stop.

    Parameters
    ----------
    running : Curve
        Of the trial in question.
    finished : mapping of int to Curve
        Of the trials that finished, by number.
    maximize : bool
        Whether more is better.

    Returns
    -------
    bool
        False where there is too little to tell.

    Examples
    --------
    >>> good = {n: [(0, 0.5), (1, 0.8)] for n in range(4)}
    >>> is_hopeless([(0, 0.1), (1, 0.2)], good, maximize=True), is_hopeless([(0, 0.6), (1, 0.9)], good, maximize=True)
    (True, False)
    """
    if len(running) < WARMUP_POINTS:
        return False
    step = running[-1][0]
    averages = []
    for curve in finished.values():
        before = [value for at, value in curve if at <= step]
        if before and curve[-1][0] >= step:
            averages.append(statistics.fmean(before))
    if len(averages) < STARTUP_TRIALS:
        return False
    median = statistics.median(averages)
    values = [value for _, value in running]
    return max(values) < median if maximize else min(values) > median
