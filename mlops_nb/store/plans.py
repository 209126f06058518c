"""How to find a page of runs: begin with the filter's sharpest term, or walk the order and try each run.

PostgreSQL's planner knows; SQLite's can not guess when a walk that stops at the limit is the shorter way, so the terms
are counted, which their indexes give in a fraction of a millisecond.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

CAP = 2000
"""Counting goes no further, plus a share of all runs in large stores."""

STEPS = 3
"""How many steps of a walk cost as much as one run that a driver leaves, which has to be looked up and sorted."""


def count_limit(runs: int) -> int:
    """How far a term is counted.

    Examples
    --------
    >>> count_limit(100_000)
    7000
    """
    return CAP + runs // 20


def choose_driver(runs: int, counts: Sequence[tuple[int, int]], limit: int, share: float = 1.0) -> int | None:
    """The term to begin with, or None to walk the order.

    Parameters
    ----------
    runs : int
        Runs in the store.
    counts : sequence of (int, int)
        For each term that an index serves: its place in the filter, and how many runs it leaves (at most
        `count_limit`).
    limit : int
        Runs wanted.
    share : float
        Of all runs, those that are asked about at all: of their experiments.

    Returns
    -------
    int or None
        A place.

    Examples
    --------
    >>> choose_driver(10_000, [(0, 4500), (1, 400)], 100), choose_driver(10_000, [(0, 2500)], 100)
    (1, None)
    """
    if not counts:
        return None
    cap = count_limit(runs)
    for _, count in counts:  # as if the terms did not depend on each other
        part = min(1.0, max(count, 1) / max(runs, 1))
        share *= part if count < cap else math.sqrt(part)  # of a term that goes on beyond the cap: between that and all
    walked = limit / share if share else math.inf
    fewest, place = min((count, place) for place, count in counts)
    return place if walked >= runs or fewest * STEPS <= walked else None
